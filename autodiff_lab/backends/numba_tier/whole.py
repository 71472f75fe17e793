"""A whole program as one compiled function, to be called from other compiled code.

What is here: `compile_whole`, and the form of a scan inside a compiled function.

Relies on `numba_tier.inline`, `backends.places`.

The one idea: the program as straight lines, its scans as loops among them.  Arguments of other
dtypes are converted, results are new arrays, numbers for rank 0.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from autodiff_lab.backends.numba_tier.inline import FORMS, LETTERS, Block, Inexpressible
from autodiff_lab.backends.numba_tier.printer import imports_of
from autodiff_lab.backends.places import LoopText, Place, empty, numpy_name, whole
from autodiff_lab.compile.backend import compiling, register_text
from autodiff_lab.compile.program import Instruction, Names, Program
from autodiff_lab.errors import LabNotImplementedError
from autodiff_lab.graph import Apply, placed


class _Inside(LoopText):
    """A scan whose arrays stand in a larger function."""

    def __init__(self, block: Block, instruction: Instruction, inputs: list[int]) -> None:
        assert instruction.loop is not None
        super().__init__(instruction.nodes[0], instruction.loop)
        names, op = block.names, self.op
        count, sequences, self.first, self.constants = op.split(
            [block.place(slot) for slot in inputs]
        )
        self.t, self.steps = names.new("t"), names.new("steps")
        block.lines.append(f"{self.steps} = {count.element(())}")
        self.sequences = [dataclasses.replace(p, shape=(self.steps, *p.shape[1:]))
                          for p in sequences]
        self.reversed = [op.layout.backwards for _ in sequences]
        for place in sequences:
            block._require(f"{place.shape[0]} >= {self.steps}", "ValueError: a sequence is short")
        lengths = [str(depth + 1) if op.layout.is_brief(k) else f"{self.steps} + {depth}"
                   for k, depth in enumerate(op.layout.depths)]
        self.states = [whole(names.new(p.base), p.dtype, (length, *start.shape[1:]))
                       for p, length, start in zip(self.states, lengths, self.first)]
        self.mapped = [whole(names.new(p.base), p.dtype, (self.steps, *p.shape[1:]))
                       for p in self.mapped]


def _scan(block: Block, instruction: Instruction, inputs: list[int]) -> None:
    """A loop among the lines of a function."""
    if instruction.loop is None or block.head is not block.lines:
        raise Inexpressible(instruction.nodes[0])
    loop = _Inside(block, instruction, inputs)
    layout = loop.op.layout
    for place, start, depth in zip(loop.states, loop.first, layout.depths):
        block.lines.append(empty(place))
        for k in range(depth):
            block.copy(start.row(str(k)), place.row(str(k)))
    head: list[str] = []
    inner = Block(instruction.loop, block.names, loop.inputs(), head, raising=True)
    made = inner.write(loop.results())
    block.lines += head
    mapped = [whole(place.base, place.dtype, (loop.steps, *result.shape))
              for place, result in zip(loop.mapped, made[len(loop.states):])]
    block.lines += [empty(place) for place in mapped]
    done = block.names.new("done") if layout.until else loop.steps
    block.lines += [f"{done} = 0"] * layout.until
    block.lines.append(f"for {loop.t} in range({loop.steps}):")
    block.lines += [f"    {line}" for line in inner.lines or ["pass"]]
    if layout.until:
        block.lines += [f"    {done} = {loop.t} + 1", f"    if {made[-1].element(())}:",
                        "        break"]
    results = [*loop.states, *mapped]
    for number, (slot, place) in enumerate(zip(instruction.outputs, results)):
        depth = layout.depths[number] if number < len(loop.states) else 0
        if layout.is_brief(number) and number < len(loop.states):
            kept = block.temporary(place.base, place.dtype, (str(depth), *place.shape[1:]))
            for k in range(depth):
                block.copy(place.row(f"({done} + {k}) % {depth + 1}"), kept.row(str(k)))
            place = kept
        elif layout.until:
            part = block.names.new(place.base)
            block.lines.append(f"{part} = {place.base}[:{done} + {depth}]")
            place = whole(part, place.dtype, (f"{part}.shape[0]", *place.shape[1:]))
        block.places[slot] = place


FORMS["scan"] = _scan


def text_of(program: Program, name: str) -> str:
    """The program as the text of one compiled function."""
    names = Names()
    for word in (*LETTERS, name):
        names.new(word)
    inputs, lines = [], []
    for slot in (program.slots[number] for number in program.inputs):
        kind: Any = slot.type
        mine = names.new(slot.name)
        dtype = numpy_name(kind.dtype)
        lines.append(
            f"{mine} = np.ascontiguousarray(np.asarray({mine}, np.{dtype}))" if kind.ndim
            else f"{mine} = np.{dtype}({mine})"
        )
        shape = [f"{mine}.shape[{a}]" if n is None else str(n) for a, n in enumerate(kind.shape)]
        inputs.append(whole(mine, kind.dtype, shape) if kind.ndim else Place(mine, kind.dtype))
    block = Block(program, names, inputs, raising=True)
    block.lines = block.head = lines
    given = {place.base for place in inputs}
    results = []
    for place in block.write([None] * len(program.outputs)):
        if place.shape and (place.base in given or place.array() != place.base):
            copied = block.temporary("result", place.dtype, place.shape)
            block.copy(place, copied)
            place = copied
        given.add(place.base)
        results.append(place.array() if place.shape else place.element(()))
    body = "\n".join(f"    {line}" for line in [*lines, f"return {', '.join(map(str, results))}"])
    head = f'@njit(error_model="numpy")\ndef {name}({", ".join(p.base for p in inputs)}):'
    return f"{imports_of(body)}\n\n\n{head}\n{body}\n"


def compile_whole(program: Program, name: str) -> Any:
    """The program as a function under `njit`.

    Raises
    ------
    NotImplementedError
        If an op has no compiled form, or new values of shared variables are asked for.
    """
    if program.updates:
        shared = ", ".join(program.slots[number].name for number, _ in program.updates)
        raise LabNotImplementedError(
            f"A compiled function cannot store new values of shared variables: {shared}.",
            remedy="make a function that returns them: no updates=, the new values as outputs",
        )
    try:
        text = text_of(program, name)
    except Inexpressible as error:
        found = error.args[0]
        node = found if isinstance(found, Apply) else found.owner
        title = node.op.name if node is not None else f"the constant {found}"
        raise LabNotImplementedError(
            f"{title} has no compiled form, so this function cannot be called from compiled code.",
            where=placed(title, node) if node is not None else None,
            remedy="call the function itself from Python; it runs that op with NumPy",
        ) from None
    filename = f"<autodiff_lab njit {name} {id(program):x}>"
    register_text(filename, text)
    space: dict[str, Any] = {"__name__": filename}
    with compiling:
        exec(compile(text, filename, "exec"), space)
    return space[name]
