"""Values of a graph at a point, by the ops' own NumPy rules: for checks and for values on nodes.

Relies on `compile.replay`, which compiles nothing; a view asks for few values of small arrays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from autodiff_lab.compile.replay import replay
from autodiff_lab.graph import Constant, Variable, leaves


def values_of(outputs: Sequence[Variable], given: Mapping[Variable, Any]) -> list[Any]:
    """The values of `outputs`."""
    values = replay(outputs, given)
    return [values[output] for output in outputs]


def free_inputs(outputs: Sequence[Variable]) -> list[Variable]:
    """The leaves that need a value: no constants, no shared variables."""
    return [v for v in leaves(outputs)
            if not isinstance(v, Constant) and not hasattr(v, "container")]


def points(
    inputs: Sequence[Variable], count: int, seed: int = 0, length: int = 3
) -> Iterator[dict[Variable, Any]]:
    """Values to try, always the same ones: positive, small and of both signs.

    Parameters
    ----------
    inputs : sequence of Variable
    count : int
    seed : int
    length : int
        Of axes whose length is not known.
    """
    generator = np.random.default_rng(seed)
    ranges = ((0.2, 2.0), (-2.0, 2.0), (0.05, 0.95), (1.1, 3.0))
    for number in range(count):
        low, high = ranges[number % len(ranges)]
        point = {}
        for variable in inputs:
            shape = tuple(length if d is None else d for d in variable.type.shape)
            dtype = np.dtype(variable.type.dtype)
            drawn = generator.uniform(low, high, size=shape)
            if dtype.kind in "iu":
                drawn = generator.integers(1, 4, size=shape)
            point[variable] = np.asarray(drawn > 0 if dtype.kind == "b" else drawn, dtype=dtype)
        yield point
