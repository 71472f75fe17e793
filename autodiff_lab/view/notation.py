"""How ops are written: one precedence table, and the reading of an op's own notation.

What is here: the levels of binding that every printer shares, the infix signs with their level,
and `notation_of`, which says how one op is written.  Relies on what the op declares about itself:
the fields `infix` and `latex` of an elementwise row, or `notation` of any other op.

The one idea: an op is described once, where it is declared; a printer knows levels and signs and
never a list of ops.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np

from autodiff_lab.graph import Constant, Op, Variable

# Levels of binding, loosest first.  An operand that binds less tightly than its place asks for
# is put in parentheses.
LOGIC = 5
RELATION = 10
SUM = 20
PRODUCT = 30        # a * b, with blanks
QUOTIENT = 32       # a/b, without: binds visibly tighter
COEFFICIENT = 34    # 2x
POWER = 50
ATOM = 60

# sign -> (level, whether the right operand needs a tighter level)
INFIX: dict[str, tuple[int, bool]] = {
    "|": (LOGIC, False),
    "^": (LOGIC, False),
    "&": (LOGIC + 1, False),
    "==": (RELATION, True),
    "!=": (RELATION, True),
    "<": (RELATION, True),
    "<=": (RELATION, True),
    ">": (RELATION, True),
    ">=": (RELATION, True),
    "+": (SUM, False),
    "-": (SUM, True),
    "*": (PRODUCT, False),
    "/": (PRODUCT, True),
    "//": (PRODUCT, True),
    "%": (PRODUCT, True),
    "@": (PRODUCT, True),
    "**": (POWER, True),
}

# Ops that change how values are stored or laid out and not what they are: mathematics is silent
# about them, and pictures hide them first.
PLUMBING = frozenset(
    {"cast", "dimshuffle", "identity", "tensor_copy", "copy", "specify_shape", "view",
     "specify_broadcastable", "expand_dims"}
)


@dataclasses.dataclass(frozen=True)
class Notation:
    """How one op is written.

    Attributes
    ----------
    name : str
        The op's short name, the key of everything printers do specially ("mul", "sum").
    call : str
        How a call of it is spelled in the family's text: ``"exp"``, ``"Sum{axis=[0]}"``.
    infix : str or None
        A sign of `INFIX`, or a prefix sign where the op has one input.
    latex : str or None
        A template with ``{0}``, ``{1}`` for the inputs.
    """

    name: str
    call: str
    infix: str | None = None
    latex: str | None = None

    @property
    def plumbing(self) -> bool:
        """Whether mathematics is silent about the op."""
        return self.name in PLUMBING


@functools.lru_cache(maxsize=4096)
def notation_of(op: Op) -> Notation:
    """How `op` is written."""
    declared = getattr(op, "notation", None)
    name = str(op.name)
    if declared is None:
        return Notation(name, str(op))
    infix, latex = declared.infix or None, declared.latex or None
    return Notation(name, _call(op, declared.pp or name), infix, latex)


def _call(op: Op, word: str) -> str:
    """The family's spelling: ``exp``; ``sum`` over everything, ``Sum{axis=[0]}`` over some axes."""
    if hasattr(op, "row"):
        return word
    settings = []
    for prop in op.__props__ or ():
        value = getattr(op, prop)
        if value is None or prop in ("dtype", "input_ndim"):
            continue
        settings.append(f"{prop}={list(value) if isinstance(value, tuple) else value}")
    if settings:
        return f"{word}{{{', '.join(settings)}}}"
    return str(op.name)


def infix_level(sign: str) -> int:
    """The level of a sign; an unknown one is put in parentheses wherever it stands."""
    return INFIX.get(sign, (LOGIC, True))[0]


def is_plumbing(variable: Variable) -> bool:
    """Whether a variable only stores or lays out what another one holds."""
    return variable.owner is not None and notation_of(variable.owner.op).plumbing


def axes_order(op: Op) -> tuple[Any, ...] | None:
    """The new order of axes of a `dimshuffle`-like op, or None for other ops."""
    if op.name != "dimshuffle":
        return None
    order = getattr(op, "new_order", getattr(op, "order", None))
    return None if order is None else tuple(order)


def behind_axes(variable: Variable) -> Variable:
    """The variable to which only leading axes were added, or `variable` itself.

    Elementwise ops get their missing leading axes as ``dimshuffle('x', ...)``; a reader is not
    told.
    """
    while variable.owner is not None:
        order = axes_order(variable.owner.op)
        if order is None:
            break
        kept = [axis for axis in order if axis != "x"]
        leading = list(order[: len(order) - len(kept)])
        if kept != list(range(len(kept))) or any(axis != "x" for axis in leading):
            break
        if len(kept) != rank(variable.owner.inputs[0]):
            break
        variable = variable.owner.inputs[0]
    return variable


def rank(variable: Variable) -> int:
    """The number of axes; 0 for what is no array."""
    return len(getattr(variable.type, "shape", ()))


def data_text(data: Any) -> str:
    """A constant's data on one line: a number, or a short form of an array.

    Examples
    --------
    >>> data_text(np.float64(2.0)), data_text(np.zeros((3, 1))), data_text(np.arange(3))
    ('2.0', '(3, 1) of 0.0', '[0 1 2]')
    """
    if not isinstance(data, np.ndarray | np.generic):
        return " ".join(str(data).split())[:200]
    array = np.asarray(data)
    if array.ndim == 0:
        return str(array)
    if array.size > 1 and bool((array == array.flat[0]).all()):
        return f"{array.shape} of {array.flat[0]}"
    text = np.array2string(array, threshold=6, edgeitems=2) if array.size > 6 else str(array)
    return " ".join(text.split())[:200]


def scalar_value(variable: Variable) -> float | int | bool | None:
    """The number that a constant holds everywhere, looking through added axes; else None.

    A constant folded to shape (1, 1), or filled with one number, is that number to a reader.
    """
    variable = behind_axes(variable)
    if not isinstance(variable, Constant):
        return None
    try:
        array = np.asarray(variable.data)
    except (TypeError, ValueError):
        return None
    if array.size == 0 or array.dtype.kind not in "biuf":
        return None
    first = array.flat[0]
    if array.size > 1 and not bool((array == first).all()):
        return None
    return first.item()
