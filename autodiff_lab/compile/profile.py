"""What each instruction of a function costs.

What is here: `Profile`, which ``Function.profile`` is, and its rows.

Relies on a backend that calls `mark` after every instruction.

The one idea: the marks stand in a copy of the program that runs only when it is measured; a
function that is not measured has none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from autodiff_lab.compile.program import Instruction, Program
from autodiff_lab.graph import Apply, FunctionGraph, Variable
from autodiff_lab.graph.basic import Shown


@dataclass(frozen=True)
class InstructionCost:
    """What one instruction took.

    Attributes
    ----------
    nodes : tuple of Apply
        What it computes.
    name : str
        The kernel, or the op that NumPy computes.
    seconds : float
        Of one call, on average.
    bytes : int
        Size of its results.
    share : float
        Its part of the time of all instructions, 0 to 1.
    calls : int
    """

    nodes: tuple[Apply, ...]
    name: str
    seconds: float
    bytes: int
    share: float
    calls: int


class Profile(Shown):
    """Costs of the instructions of one function, summed over the calls that were measured.

    Examples
    --------
    >>> import numpy as np, autodiff_lab as ad, autodiff_lab.tensor as pt
    >>> x = pt.dvector("x")
    >>> f = ad.function([x], pt.exp(x).sum())
    >>> [cost.name for cost in f.profile(np.ones(1000), repeat=3)]
    ['exp', 'sum']
    >>> f.profile.calls
    3
    """

    def __init__(self, function: Any) -> None:
        self._function = function
        self._last = 0.0
        self._begin(None)

    def _begin(self, program: Program | None) -> None:
        self.program = program
        self.calls = 0
        count = 0 if program is None else len(program.instructions)
        self._seconds, self._bytes = [0.0] * count, [0] * count

    def mark(self, number: int, results: tuple[Any, ...]) -> None:
        """Note what the instruction before took."""
        now = time.perf_counter()
        self._seconds[number] += now - self._last
        self._bytes[number] = sum(getattr(value, "nbytes", 0) for value in results)
        self._last = time.perf_counter()

    def measured(
        self, run: Callable[..., tuple[Any, ...]], program: Program
    ) -> Callable[..., tuple[Any, ...]]:
        """The function `run` of an executor with marks, which counts its calls here."""
        self._begin(program)

        def measured(*arrays: Any) -> tuple[Any, ...]:
            self.calls += 1
            self._last = time.perf_counter()
            return run(*arrays)

        return measured

    def __call__(self, *values: Any, repeat: int = 10, **named: Any) -> Profile:
        """Measure `repeat` calls; shared variables keep their values.

        Parameters
        ----------
        *values, **named
            Arguments as for the function.
        repeat : int
        """
        run = self._function.measured_run(self)
        arrays = self._function.arrays(*values, **named)
        for _ in range(repeat):
            run(*arrays)
        return self

    @property
    def rows(self) -> tuple[InstructionCost, ...]:
        """One row an instruction, in the order in which they run."""
        total = sum(self._seconds) or 1.0
        instructions: Sequence[Instruction] = self.program.instructions if self.program else ()
        return tuple(
            InstructionCost(
                i.nodes, i.kernel.name if i.kernel is not None else i.nodes[0].op.name,
                seconds / max(self.calls, 1), size, seconds / total, self.calls,
            )
            for i, seconds, size in zip(instructions, self._seconds, self._bytes)
        )

    def __iter__(self) -> Any:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def fgraph(self) -> FunctionGraph | None:
        """The graph that ran."""
        return self.program.graph if self.program is not None else None

    @property
    def costs(self) -> dict[Variable, InstructionCost]:
        """The cost of the instruction that computes each variable: the heat of a picture."""
        return {v: row for row in self.rows for node in row.nodes for v in node.outputs}

    def summary(self, file: Any = None, N: int = 20) -> None:
        """Print the dearest instructions.

        Parameters
        ----------
        file : optional
            A text file instead of the standard output.
        N : int
            How many.
        """
        print(self.text(N), file=file)

    def text(self, most: int = 20) -> str:
        """The dearest instructions as a table, with the user's lines."""
        rows = sorted(self.rows, key=lambda row: -row.seconds)[:most]
        lines = [f"{self.calls} calls, {in_units(sum(r.seconds for r in self.rows), 's')} each"]
        for row in rows:
            line = next((str(n.source) for n in row.nodes if n.source is not None), "")
            ops = ", ".join(dict.fromkeys(n.op.name for n in row.nodes))
            ops = f"{ops[:37]}..." if len(ops) > 40 else ops
            lines.append(f"{row.share:6.1%}  {in_units(row.seconds, 's'):>9}  "
                         f"{in_units(row.bytes, 'B'):>9}  {ops:<40}  {line}".rstrip())
        return "\n".join(lines)

    __str__ = text

    def __repr__(self) -> str:
        return f"Profile({self.calls} calls, {len(self)} instructions)"


def in_units(amount: float, unit: str) -> str:
    """An amount with the prefix that suits it.

    Examples
    --------
    >>> in_units(0.0000123, "s"), in_units(8000, "B")
    ('12.3 us', '8.0 kB')
    """
    for factor, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m")):
        if amount >= factor or amount == 0 and factor == 1:
            return f"{amount / factor:.1f} {prefix}{unit}"
    return f"{amount / 1e-6:.1f} u{unit}"
