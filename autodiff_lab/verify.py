"""Compare a gradient with finite differences: what `--check` and `Study.check` do.

Relies on NumPy alone: it sees functions and arrays, no graphs.  The one idea: Ridders' method takes
central differences at shrinking steps, extrapolates them to step 0 and knows its own error, so one
tolerance serves functions of any scale.  C. Ridders, "Accurate computation of F'(x) and F'(x)
F''(x)", Advances in Engineering Software 4 (1982), doi:10.1016/S0141-1195(82)80057-0.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy

Array = numpy.ndarray[Any, Any]
Point = Mapping[str, Array]

RTOL = {"float64": 1e-6, "float32": 1e-2, "float16": 1e-1}
_START = {"float64": 0.05, "float32": 0.3, "float16": 0.5}
_FINER = (1.0, 0.03, 1e-3)      # a function that swings fast fools the widest steps
_SHRINK = 1.6
_LEVELS = 10
MOST_ENTRIES = 100


@dataclasses.dataclass(frozen=True)
class CheckRow:
    """One entry of one input: what the gradient says and what finite differences say."""

    name: str
    index: tuple[int, ...]
    gradient: float
    difference: float
    ok: bool
    reason: str = ""

    @property
    def place(self) -> str:
        """The entry as it is written: ``W[0, 2]``."""
        inside = ", ".join(map(str, self.index))
        return f"{self.name}[{inside}]" if self.index else self.name


@dataclasses.dataclass(frozen=True)
class CheckReport:
    """The outcome of a check; `str` gives the table.

    Attributes
    ----------
    rows : tuple of CheckRow
    rtol : float
    skipped : int
        Points at which the function has no finite value.
    """

    rows: tuple[CheckRow, ...]
    rtol: float
    skipped: int = 0

    @property
    def ok(self) -> bool:
        """Whether every entry agrees, and there was at least one."""
        return bool(self.rows) and all(row.ok for row in self.rows)

    def headline(self) -> str:
        """One line without the error itself, which differs between machines."""
        if not self.rows:
            return "check: no point with a finite value was found"
        if self.ok:
            return f"check ok, rtol {self.rtol:.0e}".replace("e-0", "e-")
        first, *others = [row for row in self.rows if not row.ok]
        if first.reason:
            return f"check: {first.place}: {first.reason}"
        more = f" (and {len(others)} more)" if others else ""
        return (f"check FAILED at {first.place}: gradient {first.gradient:.6g}, "
                f"finite difference {first.difference:.6g}{more}")

    def __str__(self) -> str:
        lines = [f"{'entry':<16}{'gradient':>14}{'difference':>14}"]
        for row in self.rows[:20]:
            mark = "ok" if row.ok else row.reason or "DIFFERS"
            lines.append(f"{row.place:<16}{row.gradient:>14.6g}{row.difference:>14.6g}  {mark}")
        if len(self.rows) > 20:
            lines.append(f"... and {len(self.rows) - 20} more")
        return "\n".join([*lines, self.headline()])

    __repr__ = __str__


def check_gradient(
    value: Callable[[Point], float], gradient: Callable[[Point], Mapping[str, Array]],
    wrt: Sequence[str], points: Sequence[Point],
) -> CheckReport:
    """Compare a gradient with finite differences at some points.

    Parameters
    ----------
    value : callable
        Takes a point (arrays by name), gives a number.
    gradient : callable
        Takes a point, gives an array for each name of `wrt`.
    wrt : sequence of str
    points : sequence of mapping
        Points at which the value is not finite are left out.

    Examples
    --------
    >>> import numpy as np
    >>> report = check_gradient(
    ...     lambda p: float(p["x"] ** 3), lambda p: {"x": 3 * p["x"] ** 2}, ["x"],
    ...     [{"x": np.array(2.0)}])
    >>> report.headline()
    'check ok, rtol 1e-6'
    """
    rows: list[CheckRow] = []
    skipped = 0
    rtol = RTOL["float64"]
    for point in points:
        with numpy.errstate(all="ignore"):
            if not numpy.isfinite(value(point)):
                skipped += 1
                continue
            claimed = gradient(point)
        for name in wrt:
            dtype = point[name].dtype.name
            rtol = max(rtol, RTOL.get(dtype, RTOL["float64"]))
            for index in _entries(point[name].shape):
                rows.append(_compare(value, claimed[name], point, name, index))
    return CheckReport(tuple(rows), rtol, skipped)


def _entries(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Every index of a shape, or evenly spread ones where there are many."""
    size = int(numpy.prod(shape))
    step = max(1, -(-size // MOST_ENTRIES))
    return list(itertools.islice(numpy.ndindex(shape), 0, None, step))


def _compare(
    value: Callable[[Point], float], claimed: Array, point: Point, name: str, index: tuple[int, ...]
) -> CheckRow:
    base = point[name]
    dtype = base.dtype.name

    def moved(step: float) -> float:
        array = base.copy()
        array[index] += step
        return float(value({**point, name: array}))

    start = _START.get(dtype, 0.05) * max(1.0, abs(float(base[index])))
    entry = float(numpy.asarray(claimed)[index])
    rtol = RTOL.get(dtype, RTOL["float64"])
    best, best_error = float("nan"), float("inf")
    for finer in _FINER:
        with numpy.errstate(all="ignore"):
            estimate, error = difference(moved, start * finer)
        if abs(entry - estimate) <= rtol * max(abs(entry), abs(estimate), rtol):
            return CheckRow(name, index, entry, estimate, True)
        if numpy.isfinite(estimate) and error <= best_error:
            best, best_error = estimate, error
    reason = ""
    if not numpy.isfinite(best):
        reason = "no finite value nearby"
    elif best_error > 100 * rtol * max(abs(entry), abs(best), rtol):
        reason = "not smooth here, cannot compare"
    return CheckRow(name, index, entry, best, False, reason)


def difference(moved: Callable[[float], float], start: float) -> tuple[float, float]:
    """The derivative at 0 by Ridders' extrapolation, with an estimate of its error.

    Steps outside the domain give no finite value; the tableau then starts at the next smaller one.

    Examples
    --------
    >>> import math
    >>> estimate, error = difference(lambda t: math.exp(t), 0.1)
    >>> abs(estimate - 1) < 1e-10
    True
    """
    best, best_error = float("nan"), float("inf")
    previous: list[float] = []
    step = start
    for _ in range(6 * _LEVELS):
        central = (moved(step) - moved(-step)) / (2 * step)
        step /= _SHRINK
        if not numpy.isfinite(central):
            previous = []
            continue
        row = [central]
        factor = _SHRINK**2
        for older in previous:
            row.append((row[-1] * factor - older) / (factor - 1))
            factor *= _SHRINK**2
            error = max(abs(row[-1] - row[-2]), abs(row[-1] - older))
            if error <= best_error:
                best, best_error = row[-1], error
        if previous and abs(row[-1] - previous[-1]) > 2 * best_error:
            break
        if len(row) >= _LEVELS:
            break
        previous = row
    return best, best_error


SAMPLES = (0.4, 1.3, -0.7, 2.1, 0.05, -1.9, 3.2)


def sample_points(types: Mapping[str, Any], known: Point, count: int = 3) -> list[dict[str, Array]]:
    """Points to check at where the user gives none: fixed numbers, no two entries alike.

    Unknown lengths are the first length that is known of any input, else 3; inputs in `known` keep
    their value.
    """
    every = [n for kind in (*types.values(), *known.values()) for n in kind.shape]
    usual = next((n for n in every if n is not None and n > 1), 3)
    points = []
    for shift in range(count + 4):    # some may lie outside the domain
        point: dict[str, Array] = {}
        position = shift
        for name, kind in types.items():
            lengths = tuple(usual if n is None else n for n in kind.shape)
            places = numpy.arange(math.prod(lengths))
            numbers = numpy.take(SAMPLES, position + places, mode="wrap") * (1 + 0.01 * places)
            point[name] = known.get(name, numbers.reshape(lengths).astype(kind.dtype))
            position += 0 if name in known else len(places)
        points.append(point)
    return points
