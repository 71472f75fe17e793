"""A scan as one compiled loop.

What is here: `Loop`, the text of a scan: a compiled function with the steps, and the plain function
that makes its arrays and calls it.

Relies on `numba_tier.inline` for the statements of a step.

The one idea: a state is one buffer that begins with the initial values; step t reads and writes
rows of it where they stand.  A sequence that is stepped through from its end is indexed from its
end.  The steps run in slices of about 20 ms, so that a key press can end a long loop.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autodiff_lab.backends.driver import nothing_to_reduce
from autodiff_lab.backends.numba_tier.inline import Block, Inexpressible, Place, empty, whole
from autodiff_lab.backends.numba_tier.printer import imports_of, type_text
from autodiff_lab.compile.backend import mismatch, register_text
from autodiff_lab.compile.program import Check, Names, Program
from autodiff_lab.control.scan.op import Scan
from autodiff_lab.errors import LabValueError
from autodiff_lab.graph import Apply, Variable, placed

MOST_LINES = 1_000
SLICE = 0.02        # seconds


class Loop:
    """The text of one scan.

    Parameters
    ----------
    node : Apply
    program : Program
        The body.
    name : str
        What the compiled function is called.

    Raises
    ------
    Inexpressible
        If an instruction of the body has no compiled form.
    """

    def __init__(self, node: Apply, program: Program, name: str) -> None:
        assert isinstance(node.op, Scan)
        self.node, self.op, self.program, self.name = node, node.op, program, name
        self.names = names = Names()
        for word in ("i", "j", "k", "l", "t", "first", "last", "steps", "done", name):
            names.new(word)
        _, sequences, initials, constants = self.op.split(node.inputs)
        slots = [program.slots[number] for number in program.inputs]
        _, taps, inner = self.op.split_inner()
        named = iter(slots)
        self.sequences = [_array(names.new(next(named).name), v) for v in sequences]
        self.states = [_array(names.new(_state_name(tap[0])), v) for tap, v in zip(taps, initials)]
        skipped = len(sequences) + sum(map(len, taps))
        self.constants = [_array(names.new(s.name), v) for s, v in zip(slots[skipped:], constants)]
        outer = node.outputs[len(taps):]
        self.mapped = [_array(names.new(program.slots[n].name), v)
                       for n, v in zip(program.outputs[len(taps):], outer)]
        # whether an array is seen from its end; from which end its elements are then read
        self.turned = [goes_backwards(v) for v in sequences]
        self.reversed = [turned != self.op.layout.backwards for turned in self.turned]
        self.head: list[str] = []
        inputs = [*step_inputs(self.op, "t", self.sequences, self.reversed, self.states),
                  *self.constants]
        self.block = Block(program, names, inputs, self.head)
        self.results = self.block.write(step_results(self.op, "t", self.states, self.mapped))
        if len(self.block.lines) > MOST_LINES:
            raise Inexpressible(node)
        self.mapped = [
            whole(place.base, place.dtype, ("steps", *result.shape))
            for place, result in zip(self.mapped, self.results[len(taps):])
        ]

    # -- the compiled function --------------------------------------------------------------

    @property
    def arrays(self) -> list[Place]:
        """What the compiled function takes after the numbers of the steps."""
        return [*self.sequences, *self.states, *self.mapped, *self.constants]

    def function(self) -> str:
        """The compiled function: it runs the steps from `first` to before `last`."""
        types = ", ".join(type_text(p.dtype, len(p.shape)) for p in self.arrays)
        returned = "Tuple((int64, boolean))" if self.op.layout.until else "void"
        lines = [
            f'@njit("{returned}(int64, int64, {types})", error_model="numpy")',
            f"def {self.name}(first, last, {', '.join(p.base for p in self.arrays)}):",
            *(f"    {line}" for line in self.head),
            "    for t in range(first, last):",
            *(f"        {line}" for line in self.block.lines),
        ]
        if self.op.layout.until:
            lines += [f"        if {self.results[-1].element(())}:",
                      "            return t + 1, True",
                      "    return last, False"]
        elif not self.block.lines:
            lines.append("        pass")
        return "\n".join(lines) + "\n"

    # -- the function around it -------------------------------------------------------------

    def caller(self, name: str, checked: bool = False) -> str:
        """The function that makes the arrays and runs the loop; `checked`: the one that we run."""
        starts = [self.names.new(f"{state.base}_start") for state in self.states]
        given = [*(p.base for p in self.sequences), *starts, *(p.base for p in self.constants)]
        lines = [f"def {name}({', '.join(['steps', *given])}):", "    steps = int(steps)"]
        if checked:
            arrays = [p.base for p in self.sequences]
            lines.append(f"    check_run(steps, [{', '.join(arrays)}], [{', '.join(starts)}])")
        for place, turned in zip(self.sequences, self.turned):
            part = "[:steps]" * self.op.layout.backwards + "[::-1]" * turned
            lines.append(f"    {place.base} = np.asarray({place.base}{part}, order='C')")
        lines += [f"    {p.base} = np.asarray({p.base}, order='C')" for p in self.constants]
        layout = self.op.layout
        for number, (place, start, depth) in enumerate(zip(self.states, starts, layout.depths)):
            length = depth + 1 if layout.is_brief(number) else f"steps + {depth}"
            made = whole(place.base, place.dtype, (str(length), f"*{start}.shape[1:]"))
            lines += [f"    {empty(made)}", f"    {place.base}[:{depth}] = {start}[:{depth}]"]
        if checked:
            lines += [f"    {line}" for line in self._checks()]
        lines += [f"    {empty(place)}" for place in self.mapped]
        call = ", ".join(p.base for p in self.arrays)
        if checked:
            lines.append(f"    done = in_slices({self.name}, steps, {call})")
        else:
            lines.append(f"    {'done, _ = ' * layout.until}{self.name}(0, steps, {call})")
        return "\n".join([*lines, f"    return {', '.join(self._returned(checked))}"]) + "\n"

    def _returned(self, checked: bool) -> list[str]:
        layout = self.op.layout
        done = "done" if layout.until else "steps"
        texts = []
        for number, (place, depth) in enumerate(zip(self.states, layout.depths)):
            if layout.is_brief(number):
                rows = [f"({done} + {k}) % {depth + 1}" for k in range(depth)]
                texts.append(f"{place.base}[[{', '.join(rows)}]]")
            else:
                texts.append(f"{place.base}[:{done} + {depth}]" if layout.until else place.base)
        return texts + [f"{p.base}[:{done}]" if layout.until else p.base for p in self.mapped]

    def _checks(self) -> list[str]:
        """Lengths that must agree: they are the same in every step."""
        tests = []
        for number, (_, first, second) in enumerate(self.block.checks):
            if first != second:
                tests.append(f"if {first} != {second}: unequal({number}, {first}, {second})")
        for primitive, lengths, kept in self.block.empties:
            tests.append(f"if 0 in ({', '.join(lengths[kept:])},): nothing_to_reduce("
                         f"{primitive!r}, ({', '.join(lengths)},), {kept})")
        for number, (result, state) in enumerate(zip(self.results, self.states)):
            if result.shape != state.shape[1:]:
                now = "".join(f"{length}, " for length in result.shape)
                tests.append(f"if ({now}) != {state.base}.shape[1:]: "
                             f"wrong_state({number}, {state.base}.shape[1:], ({now}))")
        return ["if steps:", *(f"    {test}" for test in tests)] if tests else []


def _array(name: str, variable: Variable) -> Place:
    kind: Any = variable.type
    # of a sequence only as many elements as there are steps may be handed over
    lengths = [f"{name}.shape[{a}]" if n is None or not a else str(n)
               for a, n in enumerate(kind.shape)]
    return whole(name, kind.dtype, lengths)


def _state_name(tap: Variable) -> str:
    return (tap.name or "state").split("[")[0]


def goes_backwards(variable: Variable) -> bool:
    """Whether an array is a view that walks the first axis from its end."""
    turned = False
    while variable.owner is not None and variable.owner.op.name == "subtensor":
        first: Any = variable.owner.op.pattern[:1]  # type: ignore[attr-defined]
        turned ^= bool(first) and getattr(first[0], "step", None) == -1
        variable = variable.owner.inputs[0]
    return turned


def step_inputs(
    op: Scan, t: str, sequences: Sequence[Place], turned: Sequence[bool], states: Sequence[Place]
) -> list[Place]:
    """Where the body's elements and taps stand in step `t`."""
    found = [_from(place, end, t) for place, end in zip(sequences, turned)]
    for number, (place, taps) in enumerate(zip(states, op.layout.taps)):
        found += [_row(op, number, place, t, tap) for tap in taps]
    return found


def step_results(
    op: Scan, t: str, states: Sequence[Place], mapped: Sequence[Place]
) -> list[Place | None]:
    """Where the results of the body belong in step `t`."""
    rows = [_row(op, number, place, t, 0) for number, place in enumerate(states)]
    return [*rows, *(_from(place, op.layout.backwards, t) for place in mapped),
            *[None] * op.layout.until]


def _from(place: Place, end: bool, t: str) -> Place:
    """The row that belongs to step `t`."""
    return place.row(f"{place.shape[0]} - 1 - {t}" if end else t)


def _row(op: Scan, number: int, place: Place, t: str, tap: int) -> Place:
    depth = op.layout.depths[number]
    at = f"{t} + {depth + tap}" if depth + tap else t
    return place.row(f"({at}) % {depth + 1}" if op.layout.is_brief(number) else at)


def in_slices(loop: Callable[..., Any], steps: int, *arrays: Any) -> int:
    """Run a loop a slice at a time, so that it can be interrupted; returns the steps done."""
    done, count = 0, 16
    while done < steps:
        started = time.perf_counter()
        stopped = loop(done, min(done + count, steps), *arrays)
        if stopped is not None and stopped[1]:
            return int(stopped[0])
        done += count
        spent = time.perf_counter() - started
        count = max(1, min(int(count * SLICE / (spent + 1e-9)), 1_000 * count))
    return steps


def compile_loop(node: Apply, program: Program, name: str, compiled: Callable[..., Any]) -> Any:
    """A function of a scan's inputs that runs it as one compiled loop; None if that cannot be.

    `compiled(text, name)` compiles the text of one function.
    """
    try:
        loop = Loop(node, program, name)
    except Inexpressible:
        return None
    body = loop.function()
    op, checks = loop.op, loop.block.checks
    found: dict[str, Any] = {
        "np": np, "in_slices": in_slices, "nothing_to_reduce": nothing_to_reduce,
        name: compiled(f"{imports_of(body)}\n\n\n{body}", name),
        "check_run": lambda *given: op.check_run(node, *given),
        "wrong_state": lambda *given: op.wrong_state(node, *given),
        "unequal": lambda number, *lengths: unequal(checks[number][0], *lengths),
    }
    text = loop.caller("scan", checked=True)
    filename = f"<autodiff_lab {name} {id(loop):x}>"
    exec(compile(text, filename, "exec"), found)
    register_text(filename, text)
    return found["scan"]


def unequal(check: Any, first: int, second: int) -> None:
    """Raise the error for two lengths in a body that had to be equal."""
    if isinstance(check, Check):
        mismatch(check, first, second)
    raise LabValueError(
        f"Shape mismatch: dot sums over axes of lengths {first} and {second}.",
        where=placed(check.op.name, check),
    )
