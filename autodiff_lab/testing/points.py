"""Points at which two expressions are compared: drawn from a domain, with its edges.

Relies on `tensor.opdef.Interval`.  The one idea: every array drawn for an interval begins with the
values where mistakes show (0, 1, -1, the ends), as far as they lie inside.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from autodiff_lab.graph import Constant, Variable, toposort
from autodiff_lab.tensor.opdef import REAL, Interval

SPECIAL = (0.0, 1.0, -1.0, 0.5)
HARD = (
    0.0, 1e-300, 1e-17, -1e-17, 1e-10, -1e-10, 1e-5, -1e-5, 0.3, -0.3, 1.0, -1.0, 5.0, -5.0, 20.0,
    -20.0, 40.0, -40.0, 100.0, -100.0, 712.0, -712.0, 800.0, -800.0, 1e5, -1e5, 1e200, -1e200,
)


def draw(
    rng: np.random.Generator, domain: Interval, dtype: str, shape: Sequence[int]
) -> np.ndarray[Any, Any]:
    """An array of values inside an interval, special ones first."""
    count = math.prod(shape)
    if dtype == "bool":
        return np.resize(np.array([True, False]), count).reshape(shape)
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
    ends = () if domain.open else tuple(v for v in (low, high) if math.isfinite(v))
    first = [v for v in (*SPECIAL, *ends) if v in domain]
    values[: len(first)] = first[:count]
    if np.dtype(dtype).kind in "iu":
        values = np.rint(np.clip(values, -100, 100))
    return rng.permutation(values).reshape(shape).astype(dtype)


def hard_points(domain: Interval | None) -> list[float]:
    """Numbers at which digits get lost or results overflow, inside an interval."""
    inside = domain or REAL
    ends = [] if inside.open else [v for v in (inside.low, inside.high) if math.isfinite(v)]
    return [*(v for v in HARD if v in inside), *ends]


def compute(
    outputs: Sequence[Variable], values: Mapping[Variable, Any]
) -> list[np.ndarray[Any, Any]]:
    """Compute a graph node by node with NumPy: no compiling, no rewriting."""
    known: dict[Variable, Any] = dict(values)

    def value_of(variable: Variable) -> Any:
        return variable.data if isinstance(variable, Constant) else known[variable]

    with np.errstate(all="ignore"):
        for node in toposort(outputs, set(known)):
            results = node.op.evaluate(node, *map(value_of, node.inputs))
            if len(node.outputs) == 1:
                results = (results,)
            known.update(zip(node.outputs, results))
        return [np.asarray(value_of(variable)) for variable in outputs]
