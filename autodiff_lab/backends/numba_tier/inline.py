"""A program as statements of one compiled function: no arrays are made that need not be.

What is here: `Block`, a program's instructions as lines.

Relies on `backends.places` (where values stand), `numba_tier.printer` for loop nests.

The one idea: a value is an array's name and how to index it.  A row of a buffer, a transposed
matrix, an added axis are other ways to index; nothing is computed for them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from autodiff_lab.backends.numba_tier.printer import NestPrinter, literal, padded
from autodiff_lab.backends.places import Place, empty, numpy_name, whole
from autodiff_lab.compile.kernel import Kernel, Parameter, Store
from autodiff_lab.compile.program import Instruction, Length, Names, Program
from autodiff_lab.graph import Constant
from autodiff_lab.tensor.axes import DimShuffle
from autodiff_lab.tensor.indexing.keys import Slice
from autodiff_lab.tensor.scalars import primitives as prim

LETTERS = "ijkl"
MOST_WRITTEN = 1_000        # elements of a constant that stands in the text


class Inexpressible(Exception):
    """An instruction that has no compiled form; its argument is the node."""


class _Nest(NestPrinter):
    """A kernel over places instead of arrays of its own."""

    def __init__(self, kernel: Kernel, places: dict[str, Place], names: Names) -> None:
        self.places = places
        self.names = names
        super().__init__(kernel, LETTERS)
        for made in (*kernel.statements, *kernel.totals):
            self.elements[made.name] = names.new(made.name)

    def _element(self, parameter: Parameter) -> str:
        place = self.places[parameter.name]
        index, inside = parameter.indices(self.indices, place.shape)
        return padded(place.element(index), inside, parameter)

    def _at(self, name: str, axes: Sequence[int | None]) -> str:
        return self.places[name].element(
            ["0" if axis is None else self.indices[axis] for axis in axes]
        )

    def _fresh(self, wanted: str) -> str:
        return wanted if wanted in LETTERS else self.names.new(wanted)

    def _extent(self, depth: int) -> str:
        return extent(self.kernel, depth, self.places)

    def _place(self, store: Store) -> str:
        return self._at(store.target, store.axes)

    def _store(self, store: Store) -> str:
        """Nothing for a number without a place of its own: its name is its place."""
        if store.primitive is None and self.places[store.target].index is None:
            self.places[store.target] = Place(self._argument(store.value), store.dtype)
            return ""
        return super()._store(store)


def extent(kernel: Kernel, depth: int, places: dict[str, Place]) -> str:
    """The length of a loop, as text."""
    return kernel.loops[depth].length(lambda name, axis: places[name].shape[axis])


def over(shape: Sequence[str], statement: Callable[[Sequence[str]], str]) -> list[str]:
    """A loop nest over a shape, with one statement inside."""
    lines = [f"{'    ' * depth}for {LETTERS[depth]} in range({length}):"
             for depth, length in enumerate(shape)]
    return [*lines, "    " * len(shape) + statement(LETTERS)]


class Block:
    """The instructions of a program as lines of a compiled function.

    Parameters
    ----------
    program : Program
    names : Names
        Gives the identifiers of the function.
    inputs : sequence of Place
        Where the inputs of the program stand.
    head : list of str
        Takes the statements that make temporary arrays: once, before any loop.
    raising : bool
        Whether lengths are compared by the compiled function; otherwise `checks` has them.

    Attributes
    ----------
    lines : list of str
    checks : list of (Check or Apply, str, str)
        Lengths, as text, that must be equal for it to run.
    empties : list of (str, tuple of str, int)
        Maxima and minima: which, over which lengths, how many of them are kept.
    """

    def __init__(
        self, program: Program, names: Names, inputs: Sequence[Place],
        head: list[str] | None = None, raising: bool = False,
    ) -> None:
        self.raising = raising
        self.program = program
        self.names = names
        self.lines: list[str] = []
        self.head = self.lines if head is None else head
        self.checks: list[tuple[Any, str, str]] = []
        self.empties: list[tuple[str, tuple[str, ...], int]] = []
        self.places: dict[int, Place] = dict(zip(program.inputs, inputs))
        self.targets: dict[int, Place] = {}
        self._slots = {slot.variable: slot.index for slot in program.slots}

    def write(self, results: Sequence[Place | None]) -> list[Place]:
        """Write all; results go to the places given, the others stay where they are made."""
        outputs = [*self.program.outputs, *(new for _, new in self.program.updates)]
        for slot, place in zip(outputs, results):
            if place is not None and slot not in self.program.inputs:
                self.targets.setdefault(slot, place)
        for instruction in self.program.instructions:
            self._instruction(instruction)
        found = []
        for slot, wanted in zip(outputs, results):
            place = self.place(slot)
            if wanted is not None and (place.base, place.index) != (wanted.base, wanted.index):
                wanted = dataclasses.replace(wanted, shape=place.shape)
                self.copy(place, wanted)
                place = wanted
            found.append(place)
        return found

    def place(self, slot: int) -> Place:
        """Where the value of a slot stands."""
        if slot not in self.places:
            variable: Any = self.program.slots[slot].variable
            kind = variable.type.dtype
            if not isinstance(variable, Constant) or not 0 < variable.data.size <= MOST_WRITTEN:
                raise Inexpressible(variable)
            if variable.data.size > 1:
                found = whole(self.names.new(self.program.slots[slot].name), kind,
                              [str(length) for length in variable.data.shape])
                values = repr(variable.data.tolist()).replace("nan", "np.nan")
                self.head.append(f"{found.base} = np.array({values.replace('inf', 'np.inf')}, "
                                 f"np.{numpy_name(kind)})")
                self.places[slot] = found
                return found
            text = literal(prim.Literal(variable.data.item(), kind), variable.data.item())
            self.places[slot] = Place(text, kind, ("1",) * variable.type.ndim)
        return self.places[slot]

    def new(self, slot: int, shape: Sequence[str]) -> Place:
        """The place for a new value: a result's, a local number, or a temporary array."""
        place = self.targets.get(slot)
        if place is None:
            found: Any = self.program.slots[slot]
            place = self.temporary(found.name, found.type.dtype, shape)
        self.places[slot] = place = dataclasses.replace(place, shape=tuple(shape))
        return place

    def temporary(self, name: str, dtype: str, shape: Sequence[str]) -> Place:
        """A local number or a temporary array."""
        name = self.names.new(name)
        if not shape:
            return Place(name, dtype)
        place = whole(name, dtype, shape)
        self.head.append(empty(place))
        return place

    # -- instructions -----------------------------------------------------------------------

    def _instruction(self, instruction: Instruction) -> None:
        for check in instruction.checks:
            self._agree(check, self._length(check.first), self._length(check.second))
        if instruction.kernel is not None:
            return self._kernel(instruction, instruction.kernel)
        (node,) = instruction.nodes
        form = FORMS.get(node.op.name)
        if form is None:
            raise Inexpressible(node)
        form(self, instruction, [self._slots[v] for v in node.inputs])

    def _agree(self, check: Any, first: str, second: str) -> None:
        """Two lengths must be equal."""
        if not self.raising:
            self.checks.append((check, first, second))
        elif first != second:
            self._require(f"{first} == {second}", "ValueError: Input dimension mismatch")

    def _require(self, condition: str, error: str) -> None:
        kind, message = error.split(": ")
        self.head += [f"if not {condition}:", f"    raise {kind}({message!r})"]

    def _not_of_nothing(self, primitive: str, lengths: Sequence[str], kept: int) -> None:
        """A maximum must not be one of nothing."""
        if not self.raising:
            self.empties.append((primitive, tuple(lengths), kept))
        elif lengths[kept:]:
            self._require(" and ".join(f"{length} > 0" for length in lengths[kept:]),
                          "ValueError: zero-size array to reduction operation")

    def _length(self, length: Length | int) -> str:
        if isinstance(length, int):
            return str(length)
        text = self.place(self._slots[length.variable]).shape[length.axis]
        return f"max({text} - {length.less}, 0)" if length.less else text

    def _kernel(self, instruction: Instruction, kernel: Kernel) -> None:
        if len(kernel.loops) > len(LETTERS):
            raise Inexpressible(instruction.nodes[0])
        places = {p.name: self.place(n) for p, n in zip(kernel.read, instruction.inputs)}
        lengths = [extent(kernel, axis, places) for axis in range(len(kernel.loops))]
        for primitive, axes in kernel.extremes:
            rest = [length for axis, length in enumerate(lengths) if axis not in axes]
            kept = [lengths[axis] for axis in axes]
            self._not_of_nothing(primitive, [*kept, *rest], len(kept))
        for row in kernel.kept:
            shape = [lengths[axis] for axis in row.axes]
            places[row.target] = self.temporary(row.target, row.dtype, shape)
        for number, store in zip(instruction.outputs, kernel.outputs):
            places[store.target] = self.new(number, [lengths[axis] for axis in store.axes])
        nest = _Nest(kernel, places, self.names)
        self.lines += [line[4:] for line in nest.body() if line.strip()]
        for number, store in zip(instruction.outputs, kernel.outputs):
            self.places[number] = nest.places[store.target]

    def copy(self, source: Place, target: Place) -> None:
        """Copy element by element."""
        self.lines += over(
            target.shape, lambda walk: f"{target.element(walk)} = {source.element(walk)}"
        )

    def _matrix(self, slot: int) -> str:
        """A value as an array expression that products take."""
        place = self.place(slot)
        text = place.array()
        if text is None:
            copied = self.temporary(self.program.slots[slot].name, place.dtype, place.shape)
            self.copy(place, copied)
            text = copied.base
        return text

    def _dot(self, instruction: Instruction, inputs: list[int]) -> None:
        left, right = (self.place(slot) for slot in inputs)
        (node,), (output,) = instruction.nodes, instruction.outputs
        kinds = {left.dtype, right.dtype}
        if len(kinds) > 1 or not kinds <= {"float64", "float32"}:
            raise Inexpressible(node)
        product = f"np.dot({self._matrix(inputs[0])}, {self._matrix(inputs[1])}"
        target = self.new(output, left.shape[:-1] + right.shape[1:])
        self._agree(node, left.shape[-1], right.shape[0])
        if target.shape:
            self.lines.append(f"{product}, {target.array()})")
        else:
            self.lines.append(f"{target.element(())} = {product})")

    def _dimshuffle(self, instruction: Instruction, inputs: list[int]) -> None:
        op = instruction.nodes[0].op
        assert isinstance(op, DimShuffle)
        place, order = self.place(inputs[0]), op.new_order
        shape = tuple("1" if axis == "x" else place.shape[int(axis)] for axis in order)
        index: Any = place.index
        if index is not None:
            index = tuple(
                e if isinstance(e, str) else order.index(e) if e in order else "0" for e in index
            )
        self.places[instruction.outputs[0]] = Place(place.base, place.dtype, shape, index)

    def _subtensor(self, instruction: Instruction, inputs: list[int]) -> None:
        """Leading numbers are another way to index; slices make a view, where that may be made."""
        place, (output,) = self.place(inputs[0]), instruction.outputs
        rest = iter(inputs[1:])
        pattern = instruction.nodes[0].op.pattern  # type: ignore[attr-defined]
        if any(isinstance(entry, Slice) for entry in pattern):
            return self._view(instruction, place, inputs)
        for entry in pattern:
            at = str(entry) if isinstance(entry, int) else self.place(next(rest)).element(())
            if place.index is None:
                raise Inexpressible(instruction.nodes[0])
            self.lines += [f"if not -{place.shape[0]} <= {at} < {place.shape[0]}:",
                           "    raise IndexError('index out of bounds')"]
            place = place.row(f"{place.shape[0]} - {at[1:]}" if at.startswith("-") else at)
        self.places[output] = place

    def _view(self, instruction: Instruction, place: Place, inputs: list[int]) -> None:
        (node,), (output,) = instruction.nodes, instruction.outputs
        name, text = self.names.new(self.program.slots[output].name), place.array()
        if self.head is not self.lines or text is None:
            raise Inexpressible(node)
        key = node.op.key_text(  # type: ignore[attr-defined]
            [self.place(slot).element(()) for slot in inputs[1:]])
        self.lines.append(f"{name} = {text}[{key}]")
        rank = node.outputs[0].type.ndim  # type: ignore[attr-defined]
        self.places[output] = whole(name, place.dtype, [f"{name}.shape[{a}]" for a in range(rank)])

    def _change(self, instruction: Instruction, inputs: list[int]) -> None:
        """A copy of an array, then a part of it replaced or added to."""
        (node,), (output,) = instruction.nodes, instruction.outputs
        source, value = (self.place(slot) for slot in inputs[:2])
        target = self.new(output, source.shape)
        self.copy(source, target)
        key = node.op.key_text(  # type: ignore[attr-defined]
            [self.place(slot).element(()) for slot in inputs[2:]])
        given = value.array() if value.shape else value.element(())
        if given is None or target.array() is None:
            raise Inexpressible(node)
        sign = "=" if node.op.name == "set_subtensor" else "+="
        self.lines.append(f"{target.array()}[{key}] {sign} {given}")

    def _shape(self, instruction: Instruction, inputs: list[int]) -> None:
        """Lengths, as numbers in an array."""
        place = self.place(inputs[0])
        name = self.names.new(self.program.slots[instruction.outputs[0]].name)
        self.lines.append(f"{name} = np.array(({', '.join(place.shape)},), np.int64)")
        self.places[instruction.outputs[0]] = whole(name, "int64", [str(len(place.shape))])


Form = Callable[[Block, Instruction, list[int]], None]
FORMS: dict[str, Form] = {
    "dot": Block._dot, "dimshuffle": Block._dimshuffle, "subtensor": Block._subtensor,
    "set_subtensor": Block._change, "inc_subtensor": Block._change, "shape": Block._shape,
}
"""Name of an op -> what writes its statements; reductions and kernels need no entry."""
