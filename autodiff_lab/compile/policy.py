"""When to compile: NumPy answers until kernels would have paid for themselves.

Relies on the program's kernels; the starting figures are measurements (Numba's first compile loads
its registries), replaced by what this process measures.

The one idea: on the call where the time spent in NumPy so far passes the estimated compile time,
the kernels are compiled.  However many calls follow, the whole then takes at most about twice as
long as the better of the two choices in hindsight.
"""

from __future__ import annotations

import sys

from autodiff_lab.compile.program import Program

FIRST_KERNEL = 0.5          # seconds: import and registries
EACH_KERNEL = 0.06
EACH_STATEMENT = 0.0012
NOTICED = 0.5               # a compile that takes longer says so
# A compiled kernel costs about this much per call, however little it computes.
CALL_SECONDS = 1.5e-6

_measured: list[float] = []


def first_look(nodes: int) -> float:
    """Seconds spent in NumPy before compiling is considered at all, which takes a plan."""
    return FIRST_KERNEL / 10 + EACH_STATEMENT * nodes / 4


def _expected(program: Program) -> float:
    """A loop counts as two kernels, and its statements as its own."""
    found, waiting = 0.0, [program]
    while waiting:
        inside = waiting.pop()
        statements = sum(len(kernel.statements) for kernel in inside.kernels)
        alone = len(inside.kernels) if inside is program else 2
        found += EACH_KERNEL * alone + EACH_STATEMENT * statements
        waiting += inside.loops
    return found


def estimated_compile_seconds(program: Program) -> float:
    """How long compiling the kernels of a program will take; infinite where there are none."""
    if not program.kernels and not program.loops:
        return float("inf")
    seconds = _expected(program) * (_measured[-1] if _measured else 1.0)
    return seconds + (0.0 if "numba" in sys.modules and _measured else FIRST_KERNEL)


def worth_compiling(program: Program, seconds_per_call: float) -> bool:
    """Whether a call does enough work for kernels to be faster at all."""
    count = len(program.kernels) + len(program.loops)
    return bool(count) and seconds_per_call > CALL_SECONDS * (1 + count)


def record(program: Program, seconds: float) -> None:
    """Remember how long compiling took, against the estimate."""
    expected = _expected(program)
    if not expected:
        return
    if not _measured:
        seconds = max(seconds - FIRST_KERNEL, expected)
    _measured.append(min(max(seconds / expected, 0.2), 20.0))
    del _measured[:-4]
