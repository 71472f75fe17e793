"""The exceptions of the package, and the one shape that every message has.

Each class derives from `LabError` *and* from the built-in exception that existing code catches
(`DisconnectedInputError` is a `ValueError`, `NullTypeGradError` a `TypeError`, ...).  A message
opens with one sentence that says what was found; then come where, why and the remedy
(`explain`).  Tracebacks of these errors show the user's lines and none of this package's.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Collection
from types import TracebackType

PACKAGE_FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep

MAX_LINES = 12


def explain(
    sentence: str, where: object = None, why: str | None = None, remedy: str | None = None
) -> str:
    """Build a message: the sentence, then where, why and the remedy, one line each.

    Parameters
    ----------
    sentence : str
        What was found.  Where existing code compares texts, this is the family's sentence.
    where : object, optional
        The place: a variable's description or a source line; empty values are left out.
    why : str, optional
        Why it cannot be.
    remedy : str, optional
        What to do instead.

    Examples
    --------
    >>> print(explain("Cost must be a scalar.", why="it has 2 dimensions", remedy="use y.sum()"))
    Cost must be a scalar.
      why:    it has 2 dimensions
      remedy: use y.sum()
    """
    lines = [sentence]
    for label, text in (("where", where), ("why", why), ("remedy", remedy)):
        if text is None or str(text) == "":
            continue
        first, *rest = str(text).splitlines()
        lines.append(f"  {label + ':':<8}{first}")
        lines.extend(f"          {line}" for line in rest)
    if len(lines) > MAX_LINES:
        lines = lines[: MAX_LINES - 1] + ["  ..."]
    return "\n".join(lines)


def is_ours(filename: str) -> bool:
    """Whether a file belongs to this package (its frames are hidden from tracebacks)."""
    return filename.startswith((PACKAGE_FOLDER, "<autodiff_lab"))


def user_traceback(tb: TracebackType | None) -> list[traceback.FrameSummary]:
    """The entries of a traceback that are the user's: outside this package and IPython."""
    entries = []
    for entry in traceback.extract_tb(tb):
        parts = entry.filename.replace("\\", "/")
        if is_ours(entry.filename) or "/IPython/" in parts or "/runpy.py" in parts:
            continue
        if parts.startswith("<frozen "):
            continue
        entries.append(entry)
    return entries


def format_error(error: BaseException) -> list[str]:
    """The lines to show for an error: the user's frames and the message."""
    from autodiff_lab import hooks

    lines = []
    for entry in user_traceback(error.__traceback__):
        label = hooks.file_label(entry.filename)
        lines.append(f"{label}, line {entry.lineno}")
        if entry.line:
            lines.append(f"    {entry.line}")
    lines.append(f"{type(error).__name__}: {error}")
    return lines


class LabError(Exception):
    """Base of every exception that this package raises on purpose.

    Parameters
    ----------
    *args
        The sentence that says what was found.
    where, why, remedy : optional
        As for `explain`, which makes the message of them.
    """

    def __init__(
        self, *args: object, where: object = None, why: str | None = None, remedy: str | None = None
    ) -> None:
        if args and isinstance(args[0], str):
            args = (explain(args[0], where, why, remedy), *args[1:])
        super().__init__(*args)
        _show_user_lines_only()

    def _render_traceback_(self) -> list[str]:
        """What IPython prints: it asks the exception itself, so no part of IPython is needed."""
        return format_error(self)


def _show_user_lines_only() -> None:
    """Print errors of ours without our frames in plain Python too.

    Done when the first such error is made, not at import, and only where nobody else has put a
    hook of their own.
    """
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _excepthook


def _excepthook(kind: type[BaseException], error: BaseException, tb: TracebackType | None) -> None:
    if isinstance(error, LabError) and error.__cause__ is None:
        print("\n".join(format_error(error)), file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, tb)


class LabTypeError(LabError, TypeError):
    """A value of a kind that cannot work here."""


class LabValueError(LabError, ValueError):
    """A value of the right kind that cannot work here."""


def one_of(given: object, known: Collection[object], sentence: str) -> None:
    """Refuse, in this sentence, what is none of the known.

    Raises
    ------
    LabValueError
        If it is none of them.

    Examples
    --------
    >>> one_of("forward", ("forward", "reverse"), "There is no such direction.")
    """
    if given not in known:
        raise LabValueError(sentence, remedy="one of " + ", ".join(map(repr, known)))


class LabIndexError(LabError, IndexError):
    """An index that does not exist."""


class LabKeyError(LabError, KeyError):
    """A key that nothing stands under."""

    __str__ = Exception.__str__         # KeyError would show the text in quotes, on one line


class LabOverflowError(LabError, OverflowError):
    """A whole number that its dtype cannot hold."""


class LabAttributeError(LabError, AttributeError):
    """A name that does not exist."""


class LabNotImplementedError(LabError, NotImplementedError):
    """Something that an op does not offer."""


class MissingPackageError(LabError, ImportError):
    """A package that is needed for this, and only for this, cannot be loaded."""


class MissingInputError(LabError):
    """A graph needs a value that nothing supplies."""


class UnusedInputError(LabError):
    """An input of a function is not used by any output, or is given twice."""


class DisconnectedInputError(LabError, ValueError):
    """The cost does not depend, differentiably, on a variable asked for."""


class NullTypeGradError(LabError, TypeError):
    """A derivative that is undefined or not implemented was needed."""


class GradientError(LabError):
    """A gradient disagrees with finite differences.

    Attributes
    ----------
    arg, err_pos, shape
        Which argument, which flat position in it, its shape.
    val1, val2
        The gradient and the finite difference there.
    abs_err, rel_err, abs_tol, rel_tol
    """

    def __init__(
        self, arg: int, err_pos: int, shape: tuple[int, ...], val1: float, val2: float,
        abs_err: float, rel_err: float, abs_tol: float, rel_tol: float,
    ) -> None:
        super().__init__(arg, err_pos, shape, val1, val2, abs_err, rel_err, abs_tol, rel_tol)
        self.arg, self.err_pos, self.shape = arg, err_pos, shape
        self.val1, self.val2 = val1, val2
        self.abs_err, self.rel_err = abs_err, rel_err
        self.abs_tol, self.rel_tol = abs_tol, rel_tol

    def __str__(self) -> str:
        return (
            "GradientError: numeric gradient and analytic gradient exceed tolerance:\n"
            f"        At position {self.err_pos} of argument {self.arg} "
            f"with shape {self.shape},\n"
            f"            val1 = {self.val1:f}      ,  val2 = {self.val2:f}\n"
            f"            abs. error = {self.abs_err:f},  abs. tolerance = {self.abs_tol:f}\n"
            f"            rel. error = {self.rel_err:f},  rel. tolerance = {self.rel_tol:f}\n"
            "  val1 is the gradient, val2 the finite difference"
        )


class RewriteError(LabError):
    """A rewrite rule broke a promise: it changed a type, raised, or is wrong."""


class RewriteLoop(RewriteError):
    """Rewrite rules undo each other for ever."""

    rules: tuple[str, ...] = ()
    variable: object = None


class RewriteWarning(UserWarning):
    """A rewrite rule broke a promise; compiling went on without it."""


class CheckError(LabError, AssertionError):
    """A check that a mode asked for failed while a function ran."""


class InconsistentGraphError(LabError, ValueError):
    """A replacement that would make a graph inconsistent."""
