"""Errors of a cell as the user should see them: the lines of the user and none of this package.

IPython asks an exception for `_render_traceback_` before it writes a traceback itself; `shorten`
puts one on the exception that leaves a magic.  The exception still fails the cell.
"""

from __future__ import annotations

import re
import traceback
import types
from collections.abc import Callable
from typing import Any

from autodiff_lab import hooks
from autodiff_lab.errors import LabError, format_error, is_ours
from autodiff_lab.graph import Variable
from autodiff_lab.options import nearest


class SyntaxErrorShown(LabError, ValueError):
    """A syntax error of a cell, on its way out of a magic.

    For a real `SyntaxError` IPython writes every frame between the prompt and the parser.
    """


# What front ends show as the error's name.
SyntaxErrorShown.__name__ = "SyntaxError"


def shorten(shell: Any, error: Exception, filename: str) -> Exception:
    """Give an exception that shows the user's lines only; raise what this returns."""
    lines = shown_lines(
        error, filename,
        lambda users: shell.InteractiveTB.structured_traceback(type(error), error, users),
    )
    if lines is None:
        return error
    if isinstance(error, SyntaxError):
        error = SyntaxErrorShown(error.msg)
    try:
        error._render_traceback_ = lambda: lines  # type: ignore[attr-defined]
    except AttributeError:               # an exception with slots keeps IPython's own form
        pass
    return error


def shown_lines(
    error: Exception, filename: str, written: Callable[[types.TracebackType], list[str]]
) -> list[str] | None:
    """An error as the author of a cell or file should see it; None for a mistake of this package.

    `written` writes an error of the user's own.
    """
    if isinstance(error, SyntaxError):
        return syntax_lines(error)
    users = from_cell(error.__traceback__, filename)
    if isinstance(error, LabError):
        error.__traceback__ = users
        return format_error(error)
    return None if users is None else [*written(users), *remedies(error)]


def remedies(error: Exception) -> list[str]:
    """What helps against the user's own mistake, where it is a usual one."""
    if isinstance(error, TypeError) and "object is not callable" in str(error):
        return ["  remedy: a product needs its sign: a * (b), not a(b)"]
    if isinstance(error, AttributeError) and isinstance(error.obj, Variable):
        public = [name for name in dir(error.obj) if not name.startswith("_")]
        close = nearest(error.name or "", public)
        return [f"  remedy: {close[2:]}"] if "did you mean" in close else []
    return []


def syntax_lines(error: SyntaxError) -> list[str]:
    """A syntax error as Python writes it, with the cell's name in place of its file."""
    written = traceback.format_exception_only(type(error), error)
    if error.filename and written and written[0].lstrip().startswith("File "):
        written[0] = f"{hooks.file_label(error.filename)}, line {error.lineno}\n"
    lines = "".join(written).rstrip("\n").split("\n")
    product = re.search(r"(\d)\s*([A-Za-z_(])", error.text or "")
    if product and "decimal literal" in str(error.msg):
        lines.append(f"  remedy: a product needs its sign: {product[1]} * {product[2]}")
    return lines


def from_cell(tb: types.TracebackType | None, filename: str) -> types.TracebackType | None:
    """The part of a traceback from the cell's first frame on, without frames of this package."""
    entries: list[types.TracebackType] = []
    while tb is not None:
        if entries or tb.tb_frame.f_code.co_filename == filename:
            entries.append(tb)
        tb = tb.tb_next
    kept: types.TracebackType | None = None
    for entry in reversed(entries):
        if not is_ours(entry.tb_frame.f_code.co_filename):
            kept = types.TracebackType(kept, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return kept
