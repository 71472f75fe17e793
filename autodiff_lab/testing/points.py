"""Points at which two expressions are compared: drawn from a domain, with its edges.

Relies on `tensor.opdef.Interval`.  The one idea: every array drawn for an interval begins with the
values where mistakes show (0, 1, -1, the ends), as far as they lie inside.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from autodiff_lab.compile.replay import replay
from autodiff_lab.graph import Variable
from autodiff_lab.tensor.opdef import REAL, Interval

HARD = (
    0.0, 1e-300, 1e-17, -1e-17, 1e-10, -1e-10, 1e-5, -1e-5, 0.3, -0.3, 1.0, -1.0, 5.0, -5.0, 20.0,
    -20.0, 40.0, -40.0, 100.0, -100.0, 712.0, -712.0, 800.0, -800.0, 1e5, -1e5, 1e200, -1e200,
)


def hard_points(domain: Interval | None) -> list[float]:
    """Numbers at which digits get lost or results overflow, inside an interval."""
    inside = domain or REAL
    ends = [] if inside.open else [v for v in (inside.low, inside.high) if math.isfinite(v)]
    return [*(v for v in HARD if v in inside), *ends]


def compute(
    outputs: Sequence[Variable], values: Mapping[Variable, Any]
) -> list[np.ndarray[Any, Any]]:
    """Compute a graph node by node with NumPy: no compiling, no rewriting."""
    known = replay(outputs, values)
    return [np.asarray(known[variable]) for variable in outputs]
