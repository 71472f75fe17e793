"""Gradients of a part of a graph, and the family's small helpers around `grad`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from autodiff_lab.errors import LabTypeError, LabValueError
from autodiff_lab.gradient.boundaries import null_reason
from autodiff_lab.gradient.grad import grad
from autodiff_lab.gradient.null_types import NullType
from autodiff_lab.graph import Variable, ancestors, variables_between
from autodiff_lab.tensor.registry import function


def subgraph_grad(
    wrt: list[Variable],
    end: list[Variable],
    start: Mapping[Variable, Variable] | None = None,
    cost: Variable | None = None,
    details: bool = False,
) -> Any:
    """Gradients through a part of a graph: from a cost, or from known gradients, up to `end`.

    Parameters
    ----------
    wrt : list of Variable
        What to differentiate by.
    end : list of Variable
        Where to stop; they count as constants, and their gradients are returned too.
    start : dict, optional
        Variables whose gradients are known.  If `cost` reaches one of them as well, that part is
        counted twice and a warning says so.
    cost : Variable, shape (), optional
    details : bool
        Return also the parts that come from `start` and from `cost`, with respect to `wrt`.

    Returns
    -------
    tuple of lists
        Gradients of `wrt` and of `end`; with `details` also the two parts.

    Raises
    ------
    ValueError
        If both `start` and `cost` are missing.
    TypeError
        If `wrt` or `end` is no list, or `start` no dict.
    """
    for name, value in (("wrt", wrt), ("end", end)):
        if not isinstance(value, list):
            raise LabTypeError(f"`{name}` must be a list, not {type(value).__name__}.")
    if start is not None and not isinstance(start, dict):
        raise LabTypeError(f"`start` must be a dictionary, not {type(start).__name__}.")
    if cost is None and start is None:
        raise LabValueError("`cost` or `start` must be specified.")
    params = list(dict.fromkeys([*wrt, *end]))
    _warn_of_double_counting(params, start, cost)
    options: dict[str, Any] = {
        "consider_constant": end,
        "disconnected_inputs": "ignore",
        "add_names": False,
    }
    from_start = None
    if start is not None:
        from_start = dict(zip(params, grad(None, params, known_grads=start, **options)))
    from_cost = None
    if cost is not None:
        from_cost = dict(zip(params, grad(cost, params, **options)))
    parts = [part for part in (from_start, from_cost) if part is not None]
    totals = {p: parts[0][p] if len(parts) == 1 else parts[0][p] + parts[1][p] for p in params}
    answer = ([totals[v] for v in wrt], [totals[v] for v in end])
    if not details:
        return answer
    pieces = [None if part is None else [part[v] for v in wrt] for part in (from_start, from_cost)]
    return (*answer, *pieces)


def _warn_of_double_counting(
    params: Sequence[Variable],
    start: Mapping[Variable, Variable] | None,
    cost: Variable | None,
) -> None:
    if not start or cost is None:
        return
    between = variables_between(params, [cost])
    for variable in start:
        if variable in between:
            warnings.warn(
                f"{variable} of `start` lies on a path to `cost`: if its gradient contains that "
                "of `cost` already, this part is counted twice.",
                UserWarning,
                stacklevel=3,
            )


def grad_sources_inputs(
    sources: Sequence[tuple[Variable, Variable]], graph_inputs: Sequence[Variable] | None = None
) -> dict[Variable, Variable]:
    """The gradients of `graph_inputs`, given those of some variables, as a dict.

    Parameters
    ----------
    sources : sequence of (Variable, gradient)
    graph_inputs : sequence of Variable, optional
        By default the leaves of the sources' graph.
    """
    known: dict[Variable, Variable] = {}
    for variable, gradient in sources:
        if gradient is None:
            continue
        known[variable] = (
            function("add")(known[variable], gradient) if variable in known else gradient
        )
    inputs = list(graph_inputs) if graph_inputs is not None else [
        v for v in ancestors(known) if v.owner is None and not hasattr(v, "data")
    ]
    gradients = grad(None, inputs, known_grads=known, disconnected_inputs="ignore")
    return dict(zip(inputs, gradients))


def grad_undefined(op: Any, x_pos: int, x: Variable, comment: str = "") -> Variable:
    """What a user op returns for an input by which it has no mathematical derivative."""
    return NullType(null_reason(op, x_pos, x, "undefined", comment))()


def grad_not_implemented(op: Any, x_pos: int, x: Variable, comment: str = "") -> Variable:
    """What a user op returns for an input whose derivative nobody has written yet."""
    return NullType(null_reason(op, x_pos, x, "not implemented", comment))()


def as_list_or_tuple(use_list: bool, use_tuple: bool, outputs: Any) -> Any:
    """`outputs` as a list, a tuple or a single object.

    Raises
    ------
    ValueError
        If both flags are set, or none is and there is more than one output.
    """
    if use_list and use_tuple:
        raise LabValueError("Both flags cannot be simultaneously True.")
    several = isinstance(outputs, list | tuple)
    if use_list:
        return list(outputs) if several else [outputs]
    if use_tuple:
        return tuple(outputs) if several else (outputs,)
    if several:
        if len(outputs) != 1:
            raise LabValueError(
                "Wrong arguments: a single output was expected.", where=f"{len(outputs)} outputs"
            )
        return outputs[0]
    return outputs
