"""Values of graphs without compiling: each node's own `evaluate`; numerical derivatives.

Relies on `graph` only, so tests of ops do not depend on rewriting or executors.  The one idea:
every value met on the way is checked against the type that the graph declares for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autodiff_lab.graph import Constant, Variable, toposort


def values(outputs: Sequence[Variable], given: Mapping[Variable, Any]) -> list[np.ndarray]:
    """The values of variables, each checked against its declared dtype and shape."""
    known: dict[Variable, Any] = dict(given)

    def read(variable: Variable) -> Any:
        return variable.data if isinstance(variable, Constant) else known[variable]

    for node in toposort(outputs):
        results = node.op.evaluate(node, *map(read, node.inputs))
        for output, result in zip(node.outputs, results if node.nout > 1 else (results,)):
            agrees(result, output)
            known[output] = result
    return [read(output) for output in outputs]


def value(output: Variable, given: Mapping[Variable, Any] | None = None) -> np.ndarray:
    """The value of one variable."""
    return values([output], given or {})[0]


def agrees(array: Any, variable: Variable) -> None:
    """Fail unless a value is of the type that its variable declares."""
    kind: Any = variable.type
    assert isinstance(array, np.ndarray), f"{variable.owner}: {type(array)}"
    assert array.dtype == kind.dtype, f"{variable.owner}: {array.dtype}, declared {kind.dtype}"
    assert array.ndim == kind.ndim, f"{variable.owner}: {array.shape}, declared {kind.shape}"
    for declared, found in zip(kind.shape, array.shape):
        assert declared in (None, found), f"{variable.owner}: {array.shape}, not {kind.shape}"


def numerical_gradient(
    function: Callable[..., float], point: Sequence[np.ndarray], step: float = 1e-5
) -> list[np.ndarray]:
    """Central differences of a function of arrays, element by element."""
    gradients = []
    for place, array in enumerate(point):
        gradient = np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            ends = []
            for sign in (1, -1):
                moved = [np.array(a) for a in point]
                moved[place][index] += sign * step
                ends.append((function(*moved), float(moved[place][index])))
            gradient[index] = (ends[0][0] - ends[1][0]) / (ends[0][1] - ends[1][1])
        gradients.append(gradient)
    return gradients
