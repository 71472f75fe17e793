"""Derivatives of ops at points that no op chooses: 0, -0, huge, subnormal, and just off ties.

Relies on mpmath for rows (differences of 900 digits: what is finite and smooth there must come out
finite and right) and on the transpose for the other ops.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import mpmath
import numpy as np
import pytest
from graph_values import values
from op_samples import takes
from test_ops import apply
from test_ops_derivatives import case, cases, continuous, left_out, routes, tolerance

from autodiff_lab.gradient import Lop, Rop
from autodiff_lab.tensor import registry

POINTS = {
    "float64": (0.0, -0.0, 1.0, -1.0, 0.5, 1e308, -1e308, 1e154, 5e-324, -5e-324, 1e-160),
    "float32": (0.0, -0.0, 1.0, -1.0, 0.5, 3e38, -3e38, 1e19, 1e-45, -1e-45, 1e-25),
}

mp = mpmath.MPContext()
mp.dps = 900


def exact_functions() -> dict[str, Any]:
    """Rows that have derivatives, with exact numbers."""
    same = ("exp", "expm1", "log", "log1p", "sin", "cos", "tan", "sinh", "cosh", "tanh", "sqrt",
            "erf", "sign", "floor", "ceil")
    inverse = ("sin", "cos", "tan", "sinh", "cosh", "tanh")
    return {
        **{name: getattr(mp, name) for name in same},
        **{f"arc{name}": getattr(mp, f"a{name}") for name in inverse},
        "arctan2": mp.atan2,
        "abs": abs,
        "add": lambda x, y: x + y,
        "sub": lambda x, y: x - y,
        "mul": lambda x, y: x * y,
        "true_div": lambda x, y: x / y,
        "neg": lambda x: -x,
        "sqr": lambda x: x * x,
        "reciprocal": lambda x: 1 / x,
        "pow": lambda x, y: x**y,
        "exp2": lambda x: mp.mpf(2) ** x,
        "log2": lambda x: mp.log(x) / mp.log(2),
        "log10": mp.log10,
        "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
        "softplus": lambda x: x + mp.log1p(mp.exp(-x)) if x > 0 else mp.log1p(mp.exp(x)),
        "logaddexp": lambda x, y: max(x, y) + mp.log1p(mp.exp(-abs(x - y))),
        "maximum": max,
        "minimum": min,
        "second": lambda x, y: y,
        "identity": lambda x: x,
        "cast_float64": lambda x: x,
        "hypot": mp.hypot,
        "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)),
        "deg2rad": mp.radians,
        "rad2deg": mp.degrees,
        "erfc": mp.erfc,
        "erfinv": mp.erfinv,
        "log1mexp": lambda x: mp.log(-mp.expm1(x)),
        "clip": lambda x, low, high: min(max(x, low), high),
        "switch": lambda c, x, y: x if c else y,
    }


EXACT = exact_functions()


def slope(function: Any, point: tuple[float, ...], place: int, dtype: str) -> Any:
    """The exact derivative, or None where there is none, a kink, or no number to hold it."""
    exact = [mp.mpf(x) for x in point]
    step = mp.mpf(10) ** (-420) * (1 + abs(exact[place]))
    ends = []
    try:
        for sign in (-1, 0, 1):
            moved = list(exact)
            moved[place] += sign * step
            ends.append(function(*moved))
        if any(mp.im(end) != 0 or not mp.isfinite(end) for end in ends):
            return None
    except (ValueError, ZeroDivisionError, OverflowError, TypeError):
        return None
    left, right = (ends[1] - ends[0]) / step, (ends[2] - ends[1]) / step
    largest = mp.mpf(float(np.finfo(dtype).max))
    if abs(left - right) > 1e-30 * (abs(left) + abs(right)) + mp.mpf(10) ** -340:
        return None  # a kink, or too steep to tell
    if abs(right) > largest / 4 or abs(ends[1]) > largest / 4:
        return None
    return float(right)


NOT_SUBNORMAL = {"pow", "hypot"}
"""The tutorials fix the form y x**(y - 1), which overflows at a subnormal x before y is taken; a
subnormal hypot has a digit or two, and its derivative is read from it."""

KNOWN_SLOPES = {
    "gamma": lambda x: mpmath.gamma(x) * mpmath.digamma(x) if x < 1e3 else mpmath.inf,
    "gammaln": mpmath.digamma,
    "psi": lambda x: mpmath.psi(1, x),
}
"""Differences of these take long."""


def points_of(row: Any, dtype: str) -> Iterator[tuple[float, ...]]:
    given = [float(np.dtype(dtype).type(p)) for p in POINTS[dtype]]
    if row.name in NOT_SUBNORMAL:
        given = [p for p in given if abs(p) == 0 or abs(p) >= 1e-30]
    for point in itertools.product(given, repeat=row.arity):
        if all(p in row.domain[a] for p, a in zip(point, row.arguments)):
            yield point


def expected_slope(name: str, point: tuple[float, ...], place: int, dtype: str) -> Any:
    if name not in KNOWN_SLOPES:
        return slope(EXACT[name], point, place, dtype)
    if min(point) <= 0:
        return None
    found = KNOWN_SLOPES[name](mpmath.mpf(point[0]))
    return float(found) if abs(found) < float(np.finfo(dtype).max) / 4 else None


ROW_CELLS = [f"{name}-points-{dtype}" for name, row in sorted(registry.ROWS.items())
             for dtype in POINTS if name in {*EXACT, *KNOWN_SLOPES} and takes(row, dtype)]


@pytest.mark.rotates.with_args(left_out)
@pytest.mark.parametrize("cell", ROW_CELLS)
def test_row(cell: str) -> None:
    name, _, dtype = cell.split("-")
    row = registry.ROWS[name]
    points = list(points_of(row, dtype))
    arrays = [np.array(column, dtype=dtype) for column in zip(*points)]
    variables, output = apply(row, arrays)
    ones = np.ones(len(points), dtype=dtype)
    with np.errstate(all="ignore"):
        back = values(Lop(output, variables, ones, disconnected_inputs="ignore"),
                      dict(zip(variables, arrays)))
        ahead = [values([Rop(output, v, ones, disconnected_outputs="ignore")],
                        dict(zip(variables, arrays)))[0] for v in variables]
    rtol, tiny = 64 * float(np.finfo(dtype).eps), 4 * float(np.finfo(dtype).tiny)
    wrong = []
    for (k, point), place in itertools.product(enumerate(points), range(row.arity)):
        expected = expected_slope(name, point, place, dtype)
        if expected is None:
            continue
        for way, found in (("reverse", back[place][k]), ("forward", ahead[place][k])):
            if not abs(float(found) - expected) <= rtol * abs(expected) + tiny:
                wrong.append(f"{way} {row.arguments[place]} at {point}: {found}, not {expected}")
    assert not wrong, "\n".join(wrong)


PLACED = (0.0, -0.0, 5e-324, -1e-160, 1e100)
OP_CELLS = [f"{name}-points-float64" for name in sorted(registry.OPS)
            if continuous(name, "float64")]


@pytest.mark.rotates.with_args(left_out)
@pytest.mark.parametrize("cell", OP_CELLS)
def test_op(cell: str) -> None:
    """One entry is replaced by a number that the op's samples do not have."""
    name = cell.split("-")[0]
    of_matrices = "linalg" in registry.OPS[name].__module__
    for one in cases(name, "float64"):
        for number in PLACED[:4] if of_matrices else PLACED:
            arrays = [np.array(a, order="C") for a in one.arrays]
            for array in arrays:
                if array.size > 1:  # off the diagonal of a matrix
                    array.reshape(-1)[1] = number
            routes(case(one.label, one.variables, arrays, one.output), tolerance(name, "float64"))
