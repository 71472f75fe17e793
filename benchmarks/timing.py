"""How the benchmarks take time: alternating pairs, medians, and a yardstick for absolute figures.

Relies on the standard library. The one idea: machines and their load differ, so two things are
compared by running them in turn and taking the median of the ratios; where a target is in
seconds, CPU seconds are taken, and the time of a fixed Python loop stands beside them.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """One line of the report."""

    what: str
    measured: str
    target: str
    met: bool


def seconds(action: Callable[[], object], calls: int = 1,
            clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds per call, over a run of calls, the garbage collector held."""
    gc.collect()
    gc.disable()
    try:
        start = clock()
        for _ in range(calls):
            action()
        return (clock() - start) / calls
    finally:
        gc.enable()


def median(action: Callable[[], object], runs: int = 7, calls: int = 1) -> float:
    """The median CPU seconds per call of several runs."""
    return statistics.median(seconds(action, calls, time.process_time) for _ in range(runs))


def ratio(ours: Callable[[], object], theirs: Callable[[], object], runs: int = 9,
          calls: int = 1) -> tuple[float, float, float]:
    """Median of (ours / theirs), and both medians, the two run in turn."""
    pairs = [(seconds(ours, calls), seconds(theirs, calls)) for _ in range(runs)]
    return (statistics.median(a / b for a, b in pairs),
            statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs))


def yardstick() -> float:
    """Seconds that a fixed loop of plain Python takes here: the unit of absolute figures."""
    def loop() -> int:
        total = 0
        for number in range(1_000_000):
            total += number & 7
        return total

    return median(loop, runs=5)


def text(duration: float) -> str:
    """Seconds in the unit that suits them."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if duration >= size:
            return f"{duration / size:.3g} {unit}"
    return f"{duration / 1e-9:.3g} ns"
