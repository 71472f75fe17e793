"""Which line of the user's made a node.

`Apply` asks `current()` when it is made: the innermost frame outside this package and NumPy.  While
a graph is rewritten or cloned, `using(line)` hands on the line of the node that is replaced.  The
text of the line is read only when somebody prints it.
"""

from __future__ import annotations

import linecache
import os
import sys
import threading
from typing import Any

from autodiff_lab import errors, hooks

_NUMPY_FOLDER = os.path.dirname(os.path.abspath(sys.modules["numpy"].__file__ or "")) + os.sep


class SourceLine:
    """A line of the user's code: file, line number, cell number where there is one."""

    __slots__ = ("file", "line", "_kept")

    def __init__(self, file: str, line: int, kept: str = "") -> None:
        self.file = file
        self.line = line
        self._kept = kept       # the text, where the graph was loaded away from the file

    @property
    def label(self) -> str:
        """How the file is called in messages: "cell 3" or "train.py"."""
        return hooks.file_label(self.file)

    @property
    def cell(self) -> int | None:
        """The number of the notebook cell, or None outside a notebook."""
        return hooks.cell_number(self.file)

    @property
    def text(self) -> str:
        """The line itself, without its indentation; empty where it cannot be read."""
        return linecache.getline(self.file, self.line).strip() or self._kept

    def __str__(self) -> str:
        text = self.text
        return f"{self.label}, line {self.line}" + (f": {text}" if text else "")

    def __repr__(self) -> str:
        return f"SourceLine({self.label!r}, {self.line})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SourceLine) and (self.file, self.line) == (other.file, other.line)

    def __hash__(self) -> int:
        return hash((self.file, self.line))


_hidden: dict[str, bool] = {}


class Stack(threading.local):
    """What is open at present, innermost last; each thread has its own."""

    def __init__(self) -> None:
        self.entries: list[Any] = []


_override = Stack()             # of the lines given by `using`


def _is_hidden(filename: str) -> bool:
    found = _hidden.get(filename)
    if found is None:
        found = errors.is_ours(filename) or filename.startswith((_NUMPY_FOLDER, "<__array"))
        _hidden[filename] = found
    return found


def current() -> SourceLine | None:
    """The user's line that is being executed, or the one given by `using`."""
    if _override.entries:
        given: SourceLine | None = _override.entries[-1]
        return given
    frame = sys._getframe(1)
    while frame is not None and _is_hidden(frame.f_code.co_filename):
        frame = frame.f_back  # type: ignore[assignment]
    if frame is None:
        return None
    return SourceLine(frame.f_code.co_filename, frame.f_lineno)


def anonymous() -> bool:
    """Whether nodes are made for nobody: under ``using(None)``."""
    return bool(_override.entries) and _override.entries[-1] is None


class using:
    """Give every node made inside the line of another one."""

    __slots__ = ("line",)

    def __init__(self, line: SourceLine | None) -> None:
        self.line = line

    def __enter__(self) -> None:
        _override.entries.append(self.line)

    def __exit__(self, *exception: object) -> None:
        _override.entries.pop()
