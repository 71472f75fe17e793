"""A graph run again node by node, by the ops' own NumPy rules: slow, and everything can be seen.

What is here: `replay`, `results_of`.

Relies on `Op.evaluate` and on nothing that compiles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autodiff_lab.compile.story import retold_at
from autodiff_lab.graph import Apply, Constant, Variable, ancestors, toposort

Watch = Callable[[Apply, list[Any], list[Any]], None]


def replay(
    outputs: Sequence[Variable], given: Mapping[Variable, Any], watch: Watch | None = None,
    before: Watch | None = None,
) -> dict[Variable, Any]:
    """The value of every variable that `outputs` are computed from.

    Parameters
    ----------
    outputs : sequence of Variable
    given : mapping
        Values of inputs (and of intermediate variables, which are then not computed).
    watch, before : callable, optional
        Called after and before every node with the node, the values of its inputs and of its
        outputs (none before).

    Raises
    ------
    KeyError
        If an input has no value.
    """
    values: dict[Variable, Any] = {v: _as_array(v, value) for v, value in given.items()}
    for leaf in ancestors(outputs, values):
        if leaf in values or leaf.owner is not None:
            continue
        if isinstance(leaf, Constant):
            values[leaf] = leaf.data
        elif hasattr(leaf, "container"):
            values[leaf] = _as_array(leaf, leaf.container.value)
        else:
            raise KeyError(leaf)
    with np.errstate(all="ignore"):
        for node in toposort(outputs, given):
            inputs = [values[v] for v in node.inputs]
            if before is not None:
                before(node, inputs, [])
            results = results_of(node, inputs)
            values.update(zip(node.outputs, results))
            if watch is not None:
                watch(node, inputs, results)
    return values


def results_of(node: Apply, inputs: Sequence[Any]) -> list[Any]:
    """The results of one node for the values of its inputs."""
    try:
        results = node.op.evaluate(node, *inputs)
    except Exception as error:
        raise retold_at(error, node, dict(zip(node.inputs, inputs))) from None
    return list(results) if len(node.outputs) > 1 else [results]


def _as_array(variable: Variable, value: Any) -> Any:
    return np.asarray(value) if hasattr(variable.type, "dtype") else value
