"""How far the functions of `autodiff_lab.vector_math` are from mpmath, in units in the last place.

`python tests/vector_accuracy.py` (`make accuracy`) measures 100,000 points of each function and
width and writes docs/reference/vector_math.md; the tests ask `worst` with fewer points.

Relies on mpmath and Numba. The one idea: a third of the points are random bit patterns, so every
size of number occurs, subnormal ones too; the others lie where the function does something.
"""

from __future__ import annotations

import functools
import math
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import mpmath
import numpy as np
from numba import njit

from autodiff_lab import vector_math
from autodiff_lab.backends.vector_math.functions import FUNCTIONS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "vector_math.md"
NAMES = tuple(FUNCTIONS)
DTYPES = ("float64", "float32")
MOST = 4.0
SPECIAL = (0.0, -0.0, math.inf, -math.inf, math.nan)
LIMITS = {        # where results are neither 0, 1 nor infinite, in double and single precision
    "exp": ((-746, 711), (-105, 90)), "expm1": ((-40, 711), (-20, 90)),
    "sigmoid": ((-746, 40), (-105, 20)), "softplus": ((-746, 40), (-105, 20)),
    "tanh": ((-20, 20), (-10, 10)), "log": ((0, 4), (0, 4)), "log1p": ((-1, 1), (-1, 1)),
    "sin": ((-100, 100), (-100, 100)), "cos": ((-100, 100), (-100, 100)),
}
EXACT: dict[str, Callable[..., Any]] = {
    **{name: getattr(mpmath, name) for name in ("exp", "log", "expm1", "log1p", "sin", "cos",
                                                "tanh")},
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "pow": mpmath.power,
}


@functools.cache
def loop(name: str, dtype: str) -> Any:
    """A compiled loop over arrays: arguments, then the result."""
    function = getattr(vector_math, name)
    if name == "pow":
        @njit(f"void({dtype}[::1], {dtype}[::1], {dtype}[::1])", error_model="numpy")
        def two(x, y, out):
            for i in range(x.size):
                out[i] = function(x[i], y[i])

        return two

    @njit(f"void({dtype}[::1], {dtype}[::1])", error_model="numpy")
    def one(x, out):
        for i in range(x.size):
            out[i] = function(x[i])

    return one


def values(name: str, dtype: str, *arrays: np.ndarray) -> np.ndarray:
    """The function of arrays."""
    out = np.empty_like(arrays[0])
    loop(name, dtype)(*map(np.ascontiguousarray, arrays), out)
    return out


def random_bits(rng: np.random.Generator, dtype: str, count: int) -> np.ndarray:
    """Random finite numbers of every size."""
    whole = np.uint64 if dtype == "float64" else np.uint32
    found = rng.integers(0, np.iinfo(whole).max, count, whole).view(dtype)
    return np.where(np.isfinite(found), found, np.array(1.5, dtype))


def points(name: str, dtype: str, count: int, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Finite arguments."""
    rng = np.random.default_rng(seed)
    third = count // 3
    spread = random_bits(rng, dtype, third)
    if name == "pow":
        base = np.abs(random_bits(rng, dtype, count - third))
        base[: third // 2] = rng.uniform(0.5, 2.0, third // 2)
        base = np.where(base == 0, 1.5, base).astype(dtype)
        most = (1080 if dtype == "float64" else 152) / np.abs(np.log2(base.astype("f8")))
        power = rng.uniform(-1, 1, base.size) * np.minimum(most, 1e30)
        whole = rng.integers(-9, 10, third // 4)
        power[: whole.size] = whole
        base[: whole.size] *= rng.choice([-1, 1], whole.size)
        x, y = np.concatenate([base, spread]), np.concatenate([power.astype(dtype), spread[::-1]])
        return x.astype(dtype), y.astype(dtype)
    low, high = LIMITS[name][DTYPES.index(dtype)]
    inner = rng.uniform(low, high, third)
    near = rng.choice([-1, 1], count - 2 * third) * 2.0 ** rng.uniform(-30, 4, count - 2 * third)
    found = np.concatenate([spread, inner.astype(dtype), near.astype(dtype)])
    return (found if name != "log" else np.abs(found),)


def error(exact: Any, got: float, dtype: str) -> float:
    """The distance in units in the last place of the exact value."""
    digits, least, most = (52, -1074, 1024) if dtype == "float64" else (23, -149, 128)
    if isinstance(exact, mpmath.mpc) or mpmath.isnan(exact):
        return 0.0 if math.isnan(got) else math.inf
    size = 0 if exact == 0 else mpmath.frexp(abs(exact))[1]
    if mpmath.isinf(exact) or size > most:
        return 0.0 if math.isinf(got) and (got > 0) == (exact > 0) else math.inf
    unit = mpmath.ldexp(1, max(size - 1 - digits, least))
    if math.isinf(got):
        # the largest number and infinity are neighbours
        top = mpmath.ldexp(1, most) * (1 if got > 0 else -1)
        return float(abs(top - exact) / unit)
    return math.inf if math.isnan(got) else float(abs(mpmath.mpf(got) - exact) / unit)


def exactly(name: str, *arguments: float) -> Any:
    """The function of floats, with more digits than needed."""
    size = max(map(abs, arguments))
    if name == "softplus" and arguments[0] > 1000:
        return mpmath.mpf(arguments[0])
    if name in ("sigmoid", "softplus", "exp", "expm1", "tanh") and size > 1000:
        arguments = tuple(math.copysign(1000.0, a) for a in arguments)
    given = [mpmath.mpf(a) for a in arguments]
    if name == "pow":
        x, y = given
        if x == 0:
            return mpmath.mpf(np.power(*map(float, arguments)).item())
        if x < 0 and y != mpmath.floor(y):
            return mpmath.nan
        power = y * mpmath.log(abs(x))
        if abs(power) > 1e5:
            power = mpmath.mpf(1e5) * mpmath.sign(power)
        odd = x < 0 and y % 2 == 1
        return -mpmath.exp(power) if odd else mpmath.exp(power)
    if name == "log1p" and given[0] <= -1 or name == "log" and given[0] <= 0:
        return -mpmath.inf if given[0] == (-1 if name == "log1p" else 0) else mpmath.nan
    return EXACT[name](*given)


def worst(name: str, dtype: str, count: int, run: Any = values) -> tuple[float, list[float]]:
    """The largest error over so many points, and where it is."""
    arrays = points(name, dtype, count)
    with np.errstate(all="ignore"):
        got = run(name, dtype, *arrays)
    found = (-1.0, [0.0])
    with mpmath.workprec(200):
        for place in range(len(got)):
            arguments = [array[place].item() for array in arrays]
            off = error(exactly(name, *arguments), got[place].item(), dtype)
            if off > found[0]:
                found = off, arguments
    return found


PAGE_TEXT = """# Vector math: accuracy

`autodiff_lab.vector_math` has exp, log, log1p, expm1, sin, cos, tanh, sigmoid, softplus and pow
in float64 and float32. Kernels use them; so may your own functions under Numba's `njit`. They hold
no branch, so Numba's loop vectoriser computes several elements at once, the last ones of an array
in the same way as the others: a result does not depend on where it stands.

The table is made by `make accuracy` (tests/vector_accuracy.py): the largest distance from mpmath,
in units in the last place (ulp) of the exact value, over {count:,} points for each function and
width. A third of them are random bit patterns, subnormal and huge numbers among them. Measured on
{machine}. At most {most:g} ulp is promised.

| function | float64 | at | float32 | at |
|---|---|---|---|---|
{rows}

Zeros keep their sign; infinities, NaN and arguments outside the domain give what NumPy gives.
Angles above 16,384 are reduced exactly (Payne and Hanek) in a function that the loop calls for all
its lanes, and which returns at once where there is none.
On machines without a fused multiply-add instruction the same formulas round twice; the tests run
them as such machines do too. Methods and sources are named in
`autodiff_lab/backends/vector_math/functions.py`, the coefficients are made by
`tests/make_coefficients.py`. All other functions (tan, sinh, erf, ...) are the C library's.
"""


def main(count: int = 100_000) -> None:
    """Write the page."""
    rows = []
    for name in NAMES:
        cells = [name]
        for dtype in DTYPES:
            off, place = worst(name, dtype, count)
            assert off <= MOST, (name, dtype, off, place)
            digits = 17 if dtype == "float64" else 9
            cells += [f"{off:.2f}", ", ".join(f"{value:.{digits}g}" for value in place)]
        rows.append("| " + " | ".join(cells) + " |")
        print(rows[-1], flush=True)
    machine = f"{platform.machine()} ({llvm.get_host_cpu_name()})"
    PAGE.write_text(
        PAGE_TEXT.format(count=count, rows="\n".join(rows), machine=machine, most=MOST),
        encoding="utf8",
    )


if __name__ == "__main__":
    main()
