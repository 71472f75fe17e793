"""Graphs as text: `pp`, one line in the family's manner, and `dprint`, a tree.

Relies on `notation` for how ops are written.  Both walk with a stack of their own: a chain of
20,000 ops prints at the default recursion limit.  `pp` puts every operation in parentheses, as the
tutorials print them; `latex.math_text` is the form with as few as possible.
"""

from __future__ import annotations

import dataclasses
import itertools
import string
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from autodiff_lab.errors import LabTypeError, one_of
from autodiff_lab.graph import Apply, Constant, FunctionGraph, Variable
from autodiff_lab.view import notation
from autodiff_lab.view.boxes import shape_text
from autodiff_lab.view.notation import Notation, notation_of

# Shared parts are written out each time, so a small graph can have an astronomically long text.
MAX_PIECES = 400_000

CONSTANT_STYLES = ("family", "short")


def pp(variable: Any, constants: str = "family", max_pieces: int = MAX_PIECES) -> str:
    """The expression as one line of text, every operation in parentheses.

    Parameters
    ----------
    variable : Variable, FunctionGraph or Function
        Of a graph or function, its outputs are printed.
    constants : {"family", "short"}
        ``"family"`` writes ``TensorConstant{2}`` in graphs that people build and a bare ``2.0`` in
        compiled ones, as the tutorials do; ``"short"`` writes them bare everywhere.
    max_pieces : int
        Where the text would have more pieces than this, the rest is ``...``.

    Returns
    -------
    str

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> x = pt.dscalar("x")
    >>> pp(x ** 2)
    '(x ** TensorConstant{2})'
    >>> pp(x ** 2, constants="short")
    '(x ** 2)'
    """
    one_of(constants, CONSTANT_STYLES, f"constants={constants!r} is unknown.")
    return ", ".join(_line(root, constants, max_pieces) for root in roots_of(variable, "pp"))


pprint = pp


def _line(root: Variable, constants: str, max_pieces: int) -> str:
    pieces: list[str] = []
    stack: list[str | Variable] = [root]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            pieces.append(item)
            continue
        variable = notation.behind_axes(item)
        if variable.owner is None:
            pieces.append(leaf_text(variable, constants))
        elif len(pieces) > max_pieces:
            pieces.append("...")
        else:
            stack.extend(reversed(_parts(variable, variable.owner)))
    return "".join(pieces)


def leaf_text(variable: Variable, constants: str = "family") -> str:
    """A variable without owner: its name, a constant's value, or its type in angle brackets."""
    if variable.name is not None:
        return variable.name
    if isinstance(variable, Constant):
        value = notation.scalar_value(variable) if variable.compiled else None
        text = str(value) if value is not None else notation.data_text(variable.data)
        if variable.compiled or constants == "short":
            return text
        return f"{type(variable).__name__}{{{text}}}"
    return str(variable)


def _parts(variable: Variable, node: Apply) -> list[str | Variable]:
    """The pieces of one operation, its inputs still to be printed."""
    special = _SPECIAL.get(node.op.name)
    if special is not None:
        return special(node)
    written = notation_of(node.op)
    inputs = node.inputs
    if written.infix is not None and inputs:
        sign = "\\dot" if written.infix == "@" else written.infix
        return ["(", sign, inputs[0], ")"] if len(inputs) == 1 else (
            _between("(", f" {sign} ", inputs)
        )
    head = written.call if len(node.outputs) == 1 else f"{written.call}.{variable.index}"
    return call_parts(head, inputs)


def call_parts(head: str, inputs: Iterable[Variable]) -> list[str | Variable]:
    """The pieces of a function call."""
    return _between(f"{head}(", ", ", inputs)


def _between(opening: str, sign: str, inputs: Iterable[Variable]) -> list[str | Variable]:
    parts: list[str | Variable] = [opening]
    for position, variable in enumerate(inputs):
        parts += [sign, variable] if position else [variable]
    return [*parts, ")"]


def operation_text(variable: Variable, names: Mapping[Variable, str]) -> str:
    """One operation over the names of its inputs, without parentheses around it."""
    assert variable.owner is not None
    parts = _parts(variable, variable.owner)
    if parts[0] == "(":
        parts = parts[1:-1]
    found = [notation.behind_axes(p) if isinstance(p, Variable) else p for p in parts]
    return "".join(
        p if isinstance(p, str) else names.get(p) or leaf_text(p, "short") for p in found
    )


def _dimshuffle_parts(node: Apply) -> list[str | Variable]:
    """``x.T``, or the order spelled out; leading added axes are hidden before we get here."""
    order = notation.axes_order(node.op)
    assert order is not None
    while order and order[0] == "x":
        order = order[1:]
    ndim = notation.rank(node.inputs[0])
    if order == tuple(range(ndim)):
        return [node.inputs[0]]
    if ndim == 2 and order == (1, 0):
        return [node.inputs[0], ".T"]
    listed = ", ".join(str(axis) for axis in order)
    return call_parts(f"DimShuffle{{{listed}}}", node.inputs)


def _subtensor_parts(node: Apply) -> list[str | Variable]:
    """``x[1:, 0]``; indices that are variables are printed like all others."""
    return [node.inputs[0], "[", *_key_parts(node, 1), "]"]


def _inc_subtensor_parts(node: Apply) -> list[str | Variable]:
    """``IncSubtensor{1}(x, y)``: the key, then the array and what is put into it."""
    word = "Set" if node.op.name == "set_subtensor" else "Inc"
    return [f"{word}Subtensor{{", *_key_parts(node, 2), "}", *call_parts("", node.inputs[:2])]


def _key_parts(node: Apply, first: int) -> list[str | Variable]:
    marks = [f"\0{place}\0" for place in range(first, len(node.inputs))]
    pieces = node.op.key_text(marks).split("\0")  # type: ignore[attr-defined]
    return [node.inputs[int(p)] if odd % 2 else p for odd, p in enumerate(pieces)]


_SPECIAL = {
    "identity": lambda node: [node.inputs[0]],
    "dimshuffle": _dimshuffle_parts,
    "subtensor": _subtensor_parts,
    "inc_subtensor": _inc_subtensor_parts,
    "set_subtensor": _inc_subtensor_parts,
}


def roots_of(obj: Any, caller: str) -> list[Variable]:
    """The variables to print for a variable, a node, a list, a graph or a function."""
    if isinstance(obj, Variable):
        return [obj]
    if isinstance(obj, Apply):
        return list(obj.outputs)
    graph = graph_of(obj)
    if graph is not None:
        return list(graph.outputs)
    if isinstance(obj, list | tuple):
        return [root for item in obj for root in roots_of(item, caller)]
    raise LabTypeError(
        f"{caller} does not know how to print {str(obj)!r:.60}, a {type(obj).__name__}.",
        remedy="give a variable, a list of them, a function or a FunctionGraph",
    )


def graph_of(obj: Any) -> FunctionGraph | None:
    """The graph of a FunctionGraph or of a compiled function, else None."""
    if isinstance(obj, FunctionGraph):
        return obj
    if isinstance(obj, Variable | list | tuple | dict | str):
        return None
    maker = getattr(obj, "maker", None)
    graph = getattr(maker, "fgraph", None) or getattr(obj, "fgraph", None)
    return graph if isinstance(graph, FunctionGraph) else None


# -- dprint ----------------------------------------------------------------------------------

ID_TYPES = ("CHAR", "int", "")
# Deeper levels are not indented further: their number is written instead, so that the tree of a
# chain of n ops has about n short lines.
DEEPEST_INDENT = 60


def dprint(
    graph_like: Any, depth: int = -1, print_type: bool = False, print_shape: bool = False,
    file: Any = None, id_type: str = "CHAR", stop_on_name: bool = False,
    done: dict[Any, str] | None = None, **unused: Any,
) -> Any:
    """Print a graph as a tree: one line a variable, its inputs below it.

    Parameters
    ----------
    graph_like : Variable, Apply, FunctionGraph, Function, or list of them
    depth : int
        How many levels to print; -1 for all.
    print_type, print_shape : bool
        Whether types (static shapes) stand behind the ids.
    file : handle or "str", optional
        Where to write; ``"str"`` returns the text instead.
    id_type : {"CHAR", "int", ""}
        How ids are written; ``""`` leaves them out.
    stop_on_name : bool
        Whether a variable with a name is not opened.
    done : dict, optional
        Variable -> id, as filled by an earlier call: known ones are not opened again.

    Returns
    -------
    str or handle
        The text if `file` is ``"str"``, else the handle written to.

    Raises
    ------
    TypeError
        If `graph_like` holds no graph.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> x, y = pt.dscalars("x", "y")
    >>> _ = dprint(x * (y + x))
    Mul [id A]
     ├─ x [id B]
     └─ Add [id C]
        ├─ y [id D]
        └─ x [id B]
    """
    one_of(id_type, ID_TYPES, f"id_type={id_type!r} is unknown.")
    ids = {} if done is None else done
    writer = _Tree(depth, print_type, print_shape, id_type, stop_on_name, ids)
    for root, order in _roots_with_order(graph_like):
        writer.write(root, order)
    text = "\n".join(writer.lines) + "\n"
    if file == "str":
        return text
    handle = sys.stdout if file is None else file
    handle.write(text)
    return handle


debugprint = dprint


def _roots_with_order(obj: Any) -> list[tuple[Variable, dict[Apply, int]]]:
    """What to print, each with the positions of nodes in the order of computing, if it has one."""
    graph = graph_of(obj)
    if graph is not None:
        order = {node: position for position, node in enumerate(graph.toposort())}
        return [(root, order) for root in graph.outputs]
    if isinstance(obj, list | tuple):
        return [pair for item in obj for pair in _roots_with_order(item)]
    return [(root, {}) for root in roots_of(obj, "dprint")]


@dataclasses.dataclass
class _Tree:
    """Collects the lines of trees whose ids go on from one to the next."""

    depth: int
    print_type: bool
    print_shape: bool
    id_type: str
    stop_on_name: bool
    ids: dict[Any, str]
    lines: list[str] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        self.opened: set[Any] = set(self.ids)

    def write(self, root: Variable, order: dict[Apply, int]) -> None:
        # (variable or None for "seen above", prefix of this line, prefix of its children, level)
        stack: list[tuple[Variable | None, str, str, int]] = [(root, "", "", 1)]
        while stack:
            variable, prefix, below, level = stack.pop()
            if variable is None:
                self.lines.append(f"{prefix}···")
                continue
            variable = notation.behind_axes(variable)
            self.lines.append(prefix + self._label(variable, order))
            node = variable.owner
            if node is None or 0 <= self.depth <= level:
                continue
            if self.stop_on_name and variable.name is not None and level > 1:
                continue
            if node in self.opened:
                stack.append((None, *self._prefixes(below, True, level), level + 1))
                continue
            self.opened.add(node)
            last = len(node.inputs) - 1
            for position in range(last, -1, -1):
                prefixes = self._prefixes(below, position == last, level)
                stack.append((node.inputs[position], *prefixes, level + 1))

    @staticmethod
    def _prefixes(below: str, last: bool, level: int) -> tuple[str, str]:
        if level >= DEEPEST_INDENT:
            return f" ⋮ {level} {'└' if last else '├'}─ ", ""
        return f"{below} {'└' if last else '├'}─ ", f"{below} {' ' if last else '│'} "

    def _label(self, variable: Variable, order: dict[Apply, int]) -> str:
        node = variable.owner
        if node is None:
            parts = [leaf_text(variable, "short")]
        else:
            several = f".{variable.index}" if len(node.outputs) > 1 else ""
            parts = [tree_name(notation_of(node.op)) + several]
        key = variable if node is None else node
        if key not in self.ids:
            number = len(self.ids)
            self.ids[key] = str(number) if self.id_type == "int" else letters(number)
        if self.id_type:
            parts.append(f"[id {self.ids[key]}]")
        if self.print_type:
            parts.append(f"<{variable.type}>")
        if self.print_shape and hasattr(variable.type, "shape"):
            parts.append(f"shape={shape_text(variable.type.shape) or '()'}")
        if node is not None and variable.name is not None:
            parts.append(f"'{variable.name}'")
        if node in order:
            parts.append(str(order[node]))
        return " ".join(parts)


def letters(number: int) -> str:
    """A, B, ..., Z, BA, BB, ...: numbers in base 26, as the family counts.

    Examples
    --------
    >>> letters(0), letters(25), letters(26)
    ('A', 'Z', 'BA')
    """
    text = string.ascii_uppercase[number % 26]
    while number := number // 26:
        text = string.ascii_uppercase[number % 26] + text
    return text


def fresh_letters(taken: Iterable[str | None]) -> Iterator[str]:
    """The letters one after the other, without those that are names already."""
    names = set(taken)
    return (text for text in map(letters, itertools.count()) if text not in names)


def tree_name(written: Notation) -> str:
    """How `dprint` calls an op: elementwise ops with a capital letter, others as they are."""
    plain = written.call == written.name
    return written.name[:1].upper() + written.name[1:] if plain else written.call
