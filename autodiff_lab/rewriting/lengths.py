"""Which axes of which variables surely have the same length.

What is here: `Lengths`, a union-find over (variable, axis), filled node by node.

Relies on the elementwise op, `DimShuffle` and the reductions of `tensor`.

The one idea: an elementwise node requires the lengths of its inputs to agree wherever none is
stretched.  The first node that needs two lengths to agree is told so, and a check can run there;
from then on they are one.  So ``x`` and ``exp(x) + y`` are known to have one shape although no
length is known, and it is known which nodes walk the same loops.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from autodiff_lab.graph import Apply, Variable
from autodiff_lab.tensor.axes import DimShuffle
from autodiff_lab.tensor.elemwise import Elemwise
from autodiff_lab.tensor.reduction import Reduction


class Length(NamedTuple):
    """The length of a variable's axis."""

    variable: Variable
    axis: int


Known: TypeAlias = Length | int
Space: TypeAlias = tuple[Known, ...]


class Lengths:
    """Lengths of axes, up to what is known to be equal."""

    def __init__(self) -> None:
        self._known: dict[Variable, Space] = {}
        self._parent: dict[Length, Known] = {}

    def space(self, variable: Variable) -> Space:
        """One representative per axis, a number where it is known: equal ones are equal lengths.

        What was not learned yet of the nodes behind the variable is learned now.
        """
        known = self._known
        stack = [] if variable in known else [variable]
        while stack:
            top = stack[-1]
            waiting = [v for v in _deciding(top) if v not in known]
            if waiting:
                stack.extend(waiting)
                continue
            stack.pop()
            if top not in known:
                if top.owner is not None and _deciding(top):
                    self.learn(top.owner)
                else:
                    lengths = enumerate(shape_of(top))
                    known[top] = tuple(Length(top, a) if n is None else n for a, n in lengths)
        found = known[variable]
        return tuple(map(self._root, found)) if self._parent else found

    def learn(self, node: Apply) -> list[tuple[Length, Known]]:
        """Take in a node; returns the pairs of lengths that must agree before it runs."""
        pairs: list[tuple[Length, Known]] = []
        output = node.outputs[0]
        if isinstance(node.op, Elemwise):
            found = self._agreed(node, pairs)
        elif _moves_lengths(node):
            found = node.op.out_dims(*map(self.space, node.inputs))[0]
        else:
            return pairs
        self._known[output] = tuple(
            token if length is None else length for token, length in zip(found, shape_of(output))
        )
        return pairs

    def _agreed(self, node: Apply, pairs: list[tuple[Length, Known]]) -> list[Known]:
        """The lengths of an elementwise result; `pairs` takes those that are one from now on."""
        stretches = stretch_of(node)
        known = [self._known.get(v) for v in node.inputs]
        if known[0] is not None and not any(stretches) and known.count(known[0]) == len(known):
            return list(known[0])  # nothing to learn: the usual case, along a chain
        spaces = list(zip(map(self.space, node.inputs), stretches))
        found: list[Known] = []
        for axis in range(len(shape_of(node.outputs[0]))):
            first: Known | None = None
            for space, stretched in spaces:
                if axis in stretched:
                    continue
                length = self._root(space[axis])
                if first is None:
                    first = length
                elif isinstance(length, Length) and length != first:
                    pairs.append((length, first))
                    self._parent[length] = first
                elif isinstance(first, Length) and length != first:
                    pairs.append((first, length))
                    self._parent[first] = length
                    first = length
            found.append(1 if first is None else first)
        return found

    def _root(self, length: Known) -> Known:
        parent = self._parent
        found = parent.get(length)  # type: ignore[arg-type]
        if found is None:
            return length
        path = [length]
        while found in parent:
            path.append(found)
            found = parent[found]
        for passed in path:
            parent[passed] = found  # type: ignore[index]
        return found


_MOVE_LENGTHS = frozenset({"dot", "inc_subtensor", "softmax", "log_softmax", "logsumexp"})


def _moves_lengths(node: Apply) -> bool:
    return isinstance(node.op, DimShuffle | Reduction) or node.op.name in _MOVE_LENGTHS


def _deciding(variable: Variable) -> Sequence[Variable]:
    """The variables whose lengths decide those of this one, where that is known."""
    node = variable.owner
    if node is None or None not in shape_of(variable):
        return ()
    return node.inputs if isinstance(node.op, Elemwise) or _moves_lengths(node) else ()


def shape_of(variable: Variable) -> tuple[int | None, ...]:
    """The static shape; empty for what is no tensor."""
    kind: Any = variable.type
    shape: tuple[int | None, ...] = getattr(kind, "shape", ())
    return shape


def dtype_of(variable: Variable) -> str:
    """The dtype; empty for what is no tensor."""
    kind: Any = variable.type
    dtype: str = getattr(kind, "dtype", "")
    return dtype


def stretch_of(node: Apply) -> tuple[tuple[int, ...], ...]:
    """For each input of an elementwise node the axes that are stretched."""
    stretch: tuple[tuple[int, ...], ...] = getattr(node.op, "stretch", ())
    return stretch or ((),) * len(node.inputs)
