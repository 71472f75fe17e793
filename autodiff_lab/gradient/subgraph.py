"""Gradients of a part of a graph, and the family's small helpers around `grad`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from autodiff_lab.errors import LabTypeError, LabValueError
from autodiff_lab.gradient.boundaries import null_reason
from autodiff_lab.gradient.contributions import accumulate
from autodiff_lab.gradient.grad import grad
from autodiff_lab.gradient.null_types import NullType
from autodiff_lab.graph import Constant, Variable, as_list, leaves, variables_between


def subgraph_grad(
    wrt: list[Variable], end: list[Variable], start: Mapping[Variable, Variable] | None = None,
    cost: Variable | None = None, details: bool = False,
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
    totals: dict[Variable, Variable] = {}
    pieces: list[Any] = []
    for root, known in ((None, start), (cost, None)):
        if root is None and known is None:
            pieces.append(None)
            continue
        gradients = grad(
            root, params, end, known_grads=known, disconnected_inputs="ignore", add_names=False
        )
        found = dict(zip(params, gradients))
        pieces.append([found[v] for v in wrt])
        for variable, gradient in found.items():
            accumulate(totals, variable, gradient)
    answer = ([totals[v] for v in wrt], [totals[v] for v in end])
    return (*answer, *pieces) if details else answer


def _warn_of_double_counting(
    params: Sequence[Variable], start: Mapping[Variable, Variable] | None, cost: Variable | None
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
        if gradient is not None:
            accumulate(known, variable, gradient)
    if graph_inputs is None:
        graph_inputs = [v for v in leaves(known) if not isinstance(v, Constant)]
    inputs = list(graph_inputs)
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
    listed = as_list(outputs)
    if use_list or use_tuple:
        return listed if use_list else tuple(listed)
    if len(listed) != 1:
        raise LabValueError(
            "Wrong arguments: a single output was expected.", where=f"{len(listed)} outputs"
        )
    return listed[0]
