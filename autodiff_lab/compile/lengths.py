"""Which axes of which variables surely have the same length.

What is here: `Lengths`, a union-find over (variable, axis), filled node by node.

Relies on the elementwise op, `DimShuffle` and the reductions of `tensor`.

The one idea: an elementwise node requires the lengths of its inputs to agree wherever none is
stretched.  The first node that needs two lengths to agree gets a `Check`, which runs; from then on
they are one.  What agrees also tells which nodes walk the same loops.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from autodiff_lab.compile.program import Check, Length
from autodiff_lab.graph import Apply, Variable
from autodiff_lab.tensor.axes import DimShuffle
from autodiff_lab.tensor.elemwise import Elemwise
from autodiff_lab.tensor.reduction import Reduction

Known: TypeAlias = Length | int
Space: TypeAlias = tuple[Known, ...]


class Lengths:
    """Lengths of axes, up to what is known to be equal."""

    def __init__(self) -> None:
        self._parent: dict[Length, Known] = {}

    def find(self, variable: Variable, axis: int) -> Known:
        """The representative of a length: a number where it is known."""
        static = shape_of(variable)[axis]
        if static is not None:
            return static
        return self._root(Length(variable, axis))

    def _root(self, length: Length) -> Known:
        parent = self._parent
        found = parent.get(length)
        if found is None:
            return length
        path = [length]
        while isinstance(found, Length) and found in parent:
            path.append(found)
            found = parent[found]
        for passed in path[:-1]:
            parent[passed] = found
        return found

    def space(self, variable: Variable) -> Space:
        """The representatives of all axes of a variable."""
        return tuple(self.find(variable, axis) for axis in range(len(shape_of(variable))))

    def learn(self, node: Apply) -> list[Check]:
        """Take in a node; returns the comparisons that must be made before it runs."""
        if isinstance(node.op, Elemwise):
            return self._learn_elementwise(node, node.op)
        if isinstance(node.op, DimShuffle):
            for axis, entry in enumerate(node.op.new_order):
                if entry != "x":
                    self._same(node.outputs[0], axis, self.find(node.inputs[0], int(entry)))
        elif isinstance(node.op, Reduction):
            gone = node.op.reduced(len(shape_of(node.inputs[0])))
            kept = [a for a in range(len(shape_of(node.inputs[0]))) if a not in gone]
            for axis, source in enumerate(kept):
                self._same(node.outputs[0], axis, self.find(node.inputs[0], source))
        return []

    def _learn_elementwise(self, node: Apply, op: Elemwise) -> list[Check]:
        checks = []
        stretch = stretch_of(node)
        for axis in range(len(shape_of(node.outputs[0]))):
            first: Known | None = None
            for variable, axes in zip(node.inputs, stretch):
                if axis in axes:
                    continue
                found = self.find(variable, axis)
                if first is None:
                    first = found
                elif found != first:
                    checks.append(_check(node, found, first))
                    first = self._union(first, found)
            self._same(node.outputs[0], axis, 1 if first is None else first)
        return checks

    def _same(self, variable: Variable, axis: int, known: Known) -> None:
        if shape_of(variable)[axis] is None:
            self._parent[Length(variable, axis)] = known

    def _union(self, a: Known, b: Known) -> Known:
        if isinstance(a, Length):
            self._parent[a] = b
            return b
        if isinstance(b, Length):
            self._parent[b] = a
        return a


def _check(node: Apply, a: Known, b: Known) -> Check:
    if isinstance(a, Length):
        return Check(node, a, b)
    if isinstance(b, Length):
        return Check(node, b, a)
    raise AssertionError("make_node refuses lengths that contradict each other")


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
