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
from autodiff_lab.tensor.indexing.keys import Slice
from autodiff_lab.tensor.reduction import Reduction


class Length(NamedTuple):
    """The length of a variable's axis, or (0 at least) that without so many elements."""

    variable: Variable
    axis: int
    less: int = 0


class Part(NamedTuple):
    """Which elements of an axis a slice takes: ``start``, ``start + step``, ...

    Attributes
    ----------
    start : int
        Where it is negative, -1 is the last element.
    less : int
        How many elements of an axis of unknown length it does not take.
    """

    start: int = 0
    step: int = 1
    less: int = 0

    def of(self, before: Part) -> Part:
        """This part of a part that was taken before."""
        less = before.less + self.less
        if self.start >= 0 or before == WHOLE:
            return Part(before.start + before.step * self.start, before.step * self.step, less)
        if before.start < 0:
            return Part(before.less + before.start + 1, 1, less)
        return Part(before.start - before.less - 1, -1, less)


WHOLE = Part()
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
        elif node.op.name == "subtensor":
            found = self._of_part(node)
        elif _moves_lengths(node):
            found = node.op.out_dims(*map(self.space, node.inputs))[0]
            if node.op.name in CHANGES:
                self._fits(node, pairs)
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

    def _of_part(self, node: Apply) -> list[Known]:
        """The lengths of a part of an array."""
        output, parts = node.outputs[0], parts_of(node)
        if parts is None:
            return [Length(output, axis) for axis in range(len(shape_of(output)))]
        whole = zip(self.space(node.inputs[0]), parts)
        return [_shorter(n, part.less) for n, part in whole if isinstance(part, Part)]

    def _fits(self, node: Apply, pairs: list[tuple[Length, Known]]) -> None:
        """A value that goes into a part has its lengths."""
        parts = padding_of(node)
        if parts is None:
            return
        given = self.space(node.inputs[1])
        for found, whole, part in zip(given, self.space(node.inputs[0]), parts):
            length, needed = self._root(found), self._root(_shorter(whole, part.less))
            if isinstance(length, Length) and isinstance(needed, Length) and length != needed:
                pairs.append((length, needed))
                self._parent[length] = needed

    def _root(self, length: Known) -> Known:
        parent = self._parent
        if isinstance(length, Length) and length.less and length not in parent:
            return _shorter(self._root(length._replace(less=0)), length.less)
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


CHANGES = frozenset({"inc_subtensor", "set_subtensor"})
_MOVE_LENGTHS = CHANGES | {
    "dot", "softmax", "log_softmax", "logsumexp", "cumsum", "cumprod", "argmax", "argmin",
}


def _moves_lengths(node: Apply) -> bool:
    return isinstance(node.op, DimShuffle | Reduction) or node.op.name in _MOVE_LENGTHS


def _deciding(variable: Variable) -> Sequence[Variable]:
    """The variables whose lengths decide those of this one, where that is known."""
    node = variable.owner
    if node is None or None not in shape_of(variable):
        return ()
    if node.op.name == "subtensor":
        return node.inputs[:1]
    return node.inputs if isinstance(node.op, Elemwise) or _moves_lengths(node) else ()


def _shorter(length: Known, less: int) -> Known:
    if isinstance(length, Length):
        return length._replace(less=length.less + less)
    return max(length - less, 0)


def parts_of(node: Apply) -> tuple[Part | int, ...] | None:
    """For each axis of an indexed array the part that is taken, or the index.

    None where a number of the key is an input, or what is taken depends on the length in another
    way than `Part` can say.
    """
    if len(node.inputs) > (2 if node.op.name in CHANGES else 1):
        return None
    dims = shape_of(node.inputs[0])
    pattern = node.op.pattern
    known = [part for part in map(_part, pattern, dims) if part is not None]
    return (*known, *[WHOLE] * (len(dims) - len(known))) if len(known) == len(pattern) else None


def _part(entry: Any, length: int | None) -> Part | int | None:
    """An entry of a key for an axis."""
    if not isinstance(entry, Slice):
        return None if length is None else int(entry) % length
    start, stop, step = entry.parts
    if length is not None:
        taken = range(length)[slice(start, stop, step)]
        return Part(taken.start, taken.step, length - len(taken)) if taken else None
    if step == -1 and start is None and stop is None:
        return Part(-1, -1)
    start, less = start or 0, -(stop or 0)
    if step not in (None, 1) or start < 0 or less < 0 or stop == 0:
        return None
    return Part(start, 1, start + less)


def padding_of(node: Apply) -> tuple[Part, ...] | None:
    """Where a value goes, for each axis, if it has a place for every index of a block."""
    parts = parts_of(node)
    value = shape_of(node.inputs[1])
    if parts is None or len(parts) != len(value):
        return None
    found = []
    for part, given, n in zip(parts, value, shape_of(node.inputs[0])):
        if not isinstance(part, Part) or abs(part.step) != 1 or part.step < 0 and part.less:
            return None
        if given is not None and (given == 1 or n is None) and given != (n or 0) - part.less:
            return None
        found.append(part if part.step > 0 else Part(-1, -1))
    return tuple(found)


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
