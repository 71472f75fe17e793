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
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from autodiff_lab.graph import Apply, Constant, Op, Variable, leaves

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

# A constant array with a longer text gets a name; one with more entries is never written out.
LONGEST_ARRAY = 16
MOST_ENTRIES = 6

# Ops that change how values are stored or laid out and not what they are: mathematics is silent
# about them, and pictures hide them first.
PLUMBING = frozenset(
    {"cast", "dimshuffle", "identity", "tensor_copy", "copy", "specify_shape", "view",
     "specify_broadcastable", "expand_dims"}
)


# What stands in the box of an op that has a sign: dots are the places of its inputs.
BOX_WORDS = {
    "add": "· + ·", "sub": "· − ·", "mul": "· × ·", "true_div": "· / ·", "pow": "· ^ ·",
    "dot": "· @ ·", "matmul": "· @ ·", "neg": "−·", "reciprocal": "1/·", "sqr": "·²", "sqrt": "√·",
    "abs": "|·|", "second": "fill",
}


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
    word = declared.pp or (type(op).__name__ if getattr(op, "op_name", "") else name)
    return Notation(name, _call(op, word), infix, latex)


def _call(op: Op, word: str) -> str:
    """The family's spelling: ``exp``; ``sum`` over everything, ``Sum{axis=[0]}`` over some axes."""
    if hasattr(op, "row"):
        return word
    declared = {prop: getattr(op, prop) for prop in op.__props__ or ()}
    settings = [
        f"{prop}={list(value) if isinstance(value, tuple) else value}"
        for prop, value in declared.items()
        if value is not None and prop not in ("dtype", "input_ndim")
    ]
    return f"{word}{{{', '.join(settings)}}}" if settings else str(op.name)


def box_word(node: Apply) -> str:
    """What stands in a node's box: its sign with dots for its inputs, or its name."""
    name, order = str(node.op.name), axes_order(node.op)
    if name.startswith("cast_"):
        return f"as {name.removeprefix('cast_')}"
    if order is not None:
        kept = [axis for axis in order if axis != "x"]
        return "transpose" if kept != sorted(kept) else "new axis" if "x" in order else "squeeze"
    if hasattr(node.op, "key_text"):
        key = f"[{node.op.key_text(['·'] * len(node.inputs))}]"
        return f"·{key}" if name == "subtensor" else f"put {key}"
    infix = notation_of(node.op).infix
    return BOX_WORDS.get(name) or (f"· {infix} ·" if infix and len(node.inputs) == 2 else name)


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
        added = len(order) - rank(variable.owner.inputs[0])
        if order != ("x",) * added + tuple(range(len(order) - added)):
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


def array_text(data: Any) -> str:
    """An array for a reader: few digits, and of a long one the beginning and the shape.

    Examples
    --------
    >>> array_text(np.array([1.0, 0.125, -2.5])), array_text(np.arange(100.0))
    ('[1, 0.125, -2.5]', '[0, 1, 2, ...], shape (100,)')
    """
    array = np.asarray(data)
    if array.dtype.kind not in "biufc":
        return data_text(data)
    shown = [f"{entry:.4g}" for entry in array.reshape(-1)[: MOST_ENTRIES].tolist()]
    if array.ndim == 1 and array.size <= MOST_ENTRIES:
        return f"[{', '.join(shown)}]"
    dots = ["..."] if array.size > len(shown[:3]) else []
    return f"[{', '.join([*shown[:3], *dots])}], shape {array.shape}"


def name_arrays(outputs: Sequence[Variable], known: Mapping[str, Any] | None = None) -> list[str]:
    """Give long constant arrays short names: those they are `known` by, else c_1, c_2, ...

    Returns
    -------
    list of str
        A line for each array that got a name of the second kind.
    """
    found = leaves(outputs)
    taken = {variable.name for variable in found}
    fresh = (name for k in itertools.count(1) if (name := f"c_{k}") not in taken)
    lines = []
    for constant in found:
        if not isinstance(constant, Constant) or constant.name is not None or not rank(constant):
            continue
        held = (name for name, value in (known or {}).items() if name not in taken
                and np.shape(value) == constant.data.shape and np.array_equal(value, constant.data))
        constant.name = next(held, None)
        text = array_text(constant.data)
        long = len(text) > LONGEST_ARRAY and scalar_value(constant) is None
        if constant.name is None and long and known is None:
            constant.name = next(fresh)
            lines.append(f"{constant.name} = {text}")
    return lines


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
    return first.item() if array.size == 1 or bool((array == first).all()) else None
