"""The exact value of an expression of numbers, with mpmath: what rounding is measured against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from autodiff_lab.graph import Constant, Variable, toposort

DIGITS = 700
"""Enough for 1 + x with the smallest x, and for exp(x) + 1 with the largest."""


def _functions(mp: Any) -> dict[str, Callable[..., Any]]:
    """Op name -> exact function."""
    named = {
        name: getattr(mp, name)
        for name in ("exp", "expm1", "log", "log1p", "sin", "cos", "tan", "tanh", "sinh", "cosh",
                     "sqrt", "sign", "erf", "floor", "ceil")
    }
    return named | {
        "add": lambda a, b: a + b,
        "sub": lambda a, b: a - b,
        "mul": lambda a, b: a * b,
        "true_div": lambda a, b: a / b,
        "neg": lambda a: -a,
        "abs": abs,
        "sqr": lambda a: a * a,
        "pow": lambda a, b: a**b,
        "reciprocal": lambda a: 1 / a,
        "sigmoid": lambda a: 1 / (1 + mp.exp(-a)),
        "softplus": lambda a: mp.log1p(mp.exp(a)),
        "logaddexp": lambda a, b: mp.log(mp.exp(a) + mp.exp(b)),
        "identity": lambda a: a,
        "second": lambda a, b: b,
        "switch": lambda c, a, b: a if c else b,
        "ge": lambda a, b: a >= b,
        "gt": lambda a, b: a > b,
        "le": lambda a, b: a <= b,
        "lt": lambda a, b: a < b,
        "maximum": max,
        "minimum": min,
    }


def exact(output: Variable, values: Mapping[Variable, float]) -> Any:
    """The exact value of an expression of 0-d variables, or None where it cannot be had.

    Parameters
    ----------
    output : Variable
    values : mapping of Variable to float

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> x = pt.dscalar("x")
    >>> float(exact(pt.log(1 + pt.exp(x)), {x: 1000.0}))
    1000.0
    """
    import mpmath

    mp = mpmath.MPContext()
    mp.dps = DIGITS
    functions = _functions(mp)
    known: dict[Variable, Any] = {v: mp.mpf(float(x)) for v, x in values.items()}
    try:
        for node in toposort([output], set(known)):
            arguments = [
                mp.mpf(float(np.asarray(v.data))) if isinstance(v, Constant) else known[v]
                for v in node.inputs
            ]
            name = node.op.name
            if name.startswith("cast_"):
                result = arguments[0]
            else:
                result = functions[name](*arguments)
            known[node.outputs[0]] = result
        result = known[output]
        return result if mp.isfinite(result) and mp.im(result) == 0 else None
    except (KeyError, ValueError, ZeroDivisionError, OverflowError, TypeError):
        return None


def error_in_ulp(found: Any, truth: Any, dtype: str = "float64") -> float:
    """By how many units in the last place a result differs from the exact value.

    Below the smallest normal number, 0 is as good as the subnormal number.
    """
    import mpmath

    number = float(found)
    info = np.finfo(dtype)
    with np.errstate(all="ignore"):
        rounded = np.dtype(dtype).type(float(truth))
    if number == float(rounded):
        return 0.0
    if not np.isfinite(number) or not np.isfinite(rounded):
        return float("inf")
    unit = max(float(np.spacing(abs(rounded))), float(info.smallest_normal))
    return float(abs(mpmath.mpf(number) - truth) / unit)
