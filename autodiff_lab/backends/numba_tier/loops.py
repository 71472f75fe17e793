"""A scan as one compiled loop.

What is here: `Loop`, the compiled function with the steps and the plain function that calls it.

Relies on `backends.places` for the arrays, `numba_tier.inline` for the statements of a step.

The one idea: the steps run in slices of about 20 ms, so that a key press can end a long loop;
between two slices everything stands in the arrays.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff_lab.backends.driver import nothing_to_reduce
from autodiff_lab.backends.numba_tier.inline import Block, Inexpressible
from autodiff_lab.backends.numba_tier.printer import imports_of, type_text
from autodiff_lab.backends.places import LoopText, Place, empty, whole
from autodiff_lab.compile.backend import mismatch, register_text
from autodiff_lab.compile.program import Check, Instruction, Program
from autodiff_lab.errors import LabValueError
from autodiff_lab.graph import Apply, placed

MOST_LINES = 1_000
SLICE = 0.02        # seconds
FIRST = 20_000      # elements: so many steps of little work need no clock


class Loop(LoopText):
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
        super().__init__(node, program, [name])
        self.name = name
        self.head: list[str] = []
        self.block = Block(program, self.names, self.inputs(), self.head)
        self.made = self.block.write(self.results())
        if len(self.block.lines) > MOST_LINES:
            raise Inexpressible(node)
        self.mapped = [
            whole(place.base, place.dtype, ("steps", *result.shape))
            for place, result in zip(self.mapped, self.made[len(self.states):])
        ]

    @property
    def arrays(self) -> list[Place]:
        """What the compiled function takes after the numbers of the steps."""
        return [*self.sequences, *self.states, *self.mapped, *self.constants]

    def function(self) -> str:
        """The compiled function: it runs the steps from `first` to before `last`."""
        types = ", ".join(type_text(p.dtype, len(p.shape)) for p in self.arrays)
        until = self.op.layout.until
        returned = "Tuple((int64, boolean))" if until else "void"
        lines = [
            f'@njit("{returned}(int64, int64, {types})", error_model="numpy")',
            f"def {self.name}(first, last, {', '.join(p.base for p in self.arrays)}):",
            *(f"    {line}" for line in self.head),
            "    for t in range(first, last):",
            *(f"        {line}" for line in self.block.lines or ["pass"]),
        ]
        if until:
            lines += [f"        if {self.made[-1].element(())}:",
                      "            return t + 1, True",
                      "    return last, False"]
        return "\n".join(lines)

    def caller(self, name: str, checked: bool = False) -> str:
        """The function that makes the arrays and runs the loop; `checked`: the one that we run."""
        first, *rest = self.opening(name)
        arrays = ", ".join(p.base for p in self.sequences)
        checks = [f"    check_run(steps, [{arrays}], [{', '.join(self.starts)}])"] * checked
        lines = [first, *rest[:1], *checks, *rest[1:]]
        lines += [f"    {line}" for line in self._checks()] if checked else []
        lines += [f"    {empty(place)}" for place in self.mapped]
        call = ", ".join(p.base for p in self.arrays)
        if checked:
            lines.append(f"    done = run_steps({self.name}, steps, {call})")
        else:
            lines.append(f"    {'done, _ = ' * self.op.layout.until}{self.name}(0, steps, {call})")
        return "\n".join([*lines, self.closing()])

    def _checks(self) -> list[str]:
        """Lengths that must agree: they are the same in every step."""
        tests = []
        for number, (_, first, second) in enumerate(self.block.checks):
            if first != second:
                tests.append(f"if {first} != {second}: unequal({number}, {first}, {second})")
        for primitive, lengths, kept in self.block.empties:
            tests.append(f"if 0 in ({', '.join(lengths[kept:])},): nothing_to_reduce("
                         f"{primitive!r}, ({', '.join(lengths)},), {kept})")
        for number, (result, state) in enumerate(zip(self.made, self.states)):
            if result.shape != state.shape[1:]:
                now = "".join(f"{length}, " for length in result.shape)
                tests.append(f"if ({now}) != {state.base}.shape[1:]: "
                             f"wrong_state({number}, {state.base}.shape[1:], ({now}))")
        return ["if steps:", *(f"    {test}" for test in tests)] if tests else []


def run_steps(loop: Callable[..., Any], steps: int, *arrays: Any) -> int:
    """Run a loop a slice at a time, so that it can be interrupted; returns the steps done."""
    done, count = 0, max(16, FIRST * steps // (1 + sum(array.size for array in arrays)))
    while done < steps:
        started = time.perf_counter()
        stopped = loop(done, min(done + count, steps), *arrays)
        if stopped is not None and stopped[1]:
            return int(stopped[0])
        done += count
        spent = time.perf_counter() - started
        count = max(1, min(int(count * SLICE / (spent + 1e-9)), 1_000 * count))
    return steps


def expressible(instruction: Instruction) -> bool:
    """Whether the loop of an instruction has a compiled form; otherwise NumPy runs its steps."""
    try:
        return instruction.loop is not None and bool(
            Loop(instruction.nodes[0], instruction.loop, "loop")
        )
    except Inexpressible:
        return False


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
        "np": np, "run_steps": run_steps, "nothing_to_reduce": nothing_to_reduce,
        name: compiled(f"{imports_of(body)}\n\n\n{body}\n", name),
        "check_run": lambda *given: op.check_run(node, *given),
        "wrong_state": lambda *given: op.wrong_state(node, *given),
        "unequal": lambda number, *lengths: unequal(checks[number][0], *lengths),
    }
    text = loop.caller("scan", checked=True) + "\n"
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
