"""Trying a rewrite out: values at sampled points, cost, and what differs between two sides.

What is here: `draw` (numbers from a domain, its edges first), `disagreement`, `cost`.  Relies on
the ops' own NumPy rules, by way of `hooks`, since replaying a graph lies in a higher room.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from autodiff_lab import hooks
from autodiff_lab.graph import Constant, Variable, ancestors, toposort
from autodiff_lab.tensor.opdef import REAL, Interval

Array = np.ndarray[Any, Any]

SPECIAL = (0.0, 1.0, -1.0, 0.5)
COSTS = {"pow": 40, "true_div": 4, "sqrt": 4, "reciprocal": 4}
SOFTEST = {2: 5e-2, 4: 1e-3, 8: 1e-6}
"""Bytes of a float -> the difference, relative to the largest, that counts as wrong."""
POINTS = 6
LENGTH = 3


def draw(rng: np.random.Generator, domain: Interval, dtype: str, shape: Sequence[int]) -> Array:
    """An array of values inside an interval, special ones first."""
    count = math.prod(shape)
    if dtype == "bool":
        return rng.permutation(np.resize(np.array([True, False]), count)).reshape(shape)
    low, high = domain.low, domain.high
    if math.isfinite(low) and math.isfinite(high):
        values = rng.uniform(max(low, -3.0), min(high, 3.0), count)
        values = values if low < 3.0 else rng.uniform(low, high, count)
    elif math.isfinite(low):
        values = low + rng.exponential(1.5, count) + 0.01
    elif math.isfinite(high):
        values = high - rng.exponential(1.5, count) - 0.01
    else:
        values = rng.normal(0.0, 1.5, count)
    inward = 1e-6 if domain.open else 0.0
    ends = (low + inward * max(1, abs(low)), high - inward * max(1, abs(high)))
    first = rng.permutation([v for v in (*SPECIAL, *ends) if v in domain and math.isfinite(v)])
    if count > 1 or rng.random() < 0.3:
        values[: len(first)] = first[:count]
    if np.dtype(dtype).kind in "iu":
        values = np.rint(np.clip(values, -100, 100))
    return rng.permutation(values).reshape(shape).astype(dtype)


def cost(outputs: Sequence[Variable]) -> int:
    """Rough cost of a graph: the number of its nodes, the dear ones counted several times."""
    return sum(COSTS.get(node.op.name, 1) for node in toposort(outputs))


def disagreement(
    before: Sequence[Any], after: Sequence[Any], given: Mapping[Variable, Interval] | None = None,
    lenient: bool = False,
) -> str:
    """Where two sides differ in value, in words; empty if they agree or nothing can be said.

    Parameters
    ----------
    before, after : sequence of Variable
    given : mapping of Variable to Interval, optional
        What is taken as known on both sides, and where its values are drawn.
    lenient : bool
        Points at which either side is not finite are left out.
    """
    known = dict(given or {})
    sides = [*before, *after]
    free = [v for v in ancestors(sides, known) if v.owner is None and v not in known]
    open_ones: list[Any] = [v for v in (*known, *free) if not is_given(v)]
    rng = np.random.default_rng(0)
    for _ in range(POINTS):
        point = {
            v: draw(rng, known.get(v, REAL), v.type.dtype,
                    [LENGTH if n is None else n for n in v.type.shape])
            for v in open_ones
        }
        try:
            values = hooks.call("replay", sides, point)
        except Exception:
            return ""  # lengths that were drawn need not fit the graph: nothing can be said
        for a, b in zip(before, after):
            told = _difference(np.asarray(values[a]), np.asarray(values[b]), lenient)
            if told:
                at = [f"{v.name or 'input'} = {x:.4g}" for v, x in point.items() if x.ndim == 0]
                return told + (f" at {', '.join(at)}" if at else "")
    return ""


def is_given(variable: Variable) -> bool:
    """Whether a leaf has a value already: a constant or a shared variable."""
    return isinstance(variable, Constant) or hasattr(variable, "container")


def _difference(old: Array, new: Array, lenient: bool) -> str:
    if old.shape != new.shape:
        return f"the shape {old.shape} became {new.shape}"
    if old.dtype.kind not in "fc":
        wrong = old != new
    else:
        size = old.dtype.itemsize // (1 + (old.dtype.kind == "c"))
        rtol = SOFTEST.get(size, 1e-6)
        scale = np.nanmax(np.abs(old), initial=0, where=np.isfinite(old))
        with np.errstate(all="ignore"):
            wrong = ~np.isclose(old, new, rtol, rtol * scale) & np.isfinite(old)
        if lenient:
            wrong &= np.isfinite(new)
    if not np.any(wrong):
        return ""
    return f"{old[wrong][0]:.6g} became {new[wrong][0]:.6g}"
