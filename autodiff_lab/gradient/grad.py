"""`grad`: the derivative of a scalar with respect to variables, as new variables."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from autodiff_lab.errors import (
    DisconnectedInputError, LabTypeError, LabValueError, NullTypeGradError, explain,
)
from autodiff_lab.gradient.contributions import Contribution, filled
from autodiff_lab.gradient.null_types import DisconnectedType, NullType
from autodiff_lab.gradient.reverse import Sweep, reverse_sweep
from autodiff_lab.graph import (
    DISCONNECTED, ZERO, Role, Undefined, Variable, ancestors, as_given, as_list, describe, located,
)
from autodiff_lab.tensor import dtypes
from autodiff_lab.tensor.registry import function
from autodiff_lab.tensor.type import TensorType

CHOICES = {
    "disconnected_inputs": ("ignore", "warn", "raise"),
    "disconnected_outputs": ("ignore", "warn", "raise"),
    "return_disconnected": ("zero", "none", "disconnected"),
    "null_gradients": ("raise", "return"),
}


def grad(
    cost: Variable | None, wrt: Any, consider_constant: Sequence[Variable] | None = None,
    disconnected_inputs: str = "raise", add_names: bool = True,
    known_grads: Mapping[Variable, Variable] | None = None, return_disconnected: str = "zero",
    null_gradients: str = "raise",
) -> Any:
    r"""The derivative of a scalar cost with respect to variables.

    Reverse mode: for a cost :math:`C` and an intermediate :math:`u`, the cotangent
    :math:`\bar u = \partial C / \partial u` is summed over the nodes that read :math:`u`.

    Parameters
    ----------
    cost : Variable, shape ()
        May be None if `known_grads` is given.
    wrt : Variable, or list, tuple or dict of Variable
        What to differentiate by; inputs or intermediate results.
    consider_constant : sequence of Variable, optional
        Variables not to differentiate through.
    disconnected_inputs : {"raise", "warn", "ignore"}
        What to do if the cost does not depend on one of `wrt`.
    add_names : bool
        Name the results ``(d<cost>/d<wrt>)`` where both have names.
    known_grads : mapping, optional
        Variables whose cotangents are known already.
    return_disconnected : {"zero", "none", "disconnected"}
        What stands for a derivative that does not exist because nothing is connected.
    null_gradients : {"raise", "return"}
        What to do with a derivative that is undefined.

    Returns
    -------
    Variable, list, tuple or dict
        As `wrt`; each has the shape of its variable and its float dtype (floatX for integers).

    Raises
    ------
    TypeError
        If the cost is not a scalar.
    DisconnectedInputError
        If the cost does not depend on one of `wrt`.
    NullTypeGradError
        If a derivative is undefined.

    References
    ----------
    Griewank and Walther, Evaluating Derivatives, 2nd ed., chapter 3, doi:10.1137/1.9780898717761.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> x = pt.dscalar("x")
    >>> float(grad(x ** 2, x).eval({x: 4.0}))
    8.0
    """
    return_disconnected = str(return_disconnected).lower()
    check_choice("disconnected_inputs", disconnected_inputs)
    check_choice("return_disconnected", return_disconnected)
    check_choice("null_gradients", null_gradients)
    _check_cost(cost, known_grads)
    variables = checked_list(wrt, "wrt")
    constants = _checked_constants(consider_constant)
    seeds = _seeds(cost, known_grads)
    sweep = reverse_sweep(seeds, variables, constants)
    user_owned = set((known_grads or {}).values()) | ({cost} if cost is not None else set())
    results: list[Any] = []
    for variable in variables:
        answer = sweep.cotangents[variable]
        if answer is DISCONNECTED:
            _report_disconnected(variable, seeds, sweep, disconnected_inputs)
            results.append(disconnected_result(variable, return_disconnected))
        elif isinstance(answer, Undefined):
            results.append(_undefined_result(variable, answer, null_gradients))
        else:
            own = _own_variable(variable, answer, user_owned, results)
            _name_and_mark(own, variable, cost, add_names, tuple(variables))
            results.append(own)
    return as_given(wrt, results)


def value_and_grad(cost: Variable, wrt: Any, **options: Any) -> tuple[Variable, Any]:
    """The cost and its derivative, to be computed together: what is common is computed once.

    Parameters
    ----------
    cost, wrt, **options
        As for `grad`.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> from autodiff_lab.compile import function
    >>> x = pt.dscalar("x")
    >>> value, slopes = value_and_grad(x ** 2, {"x": x})
    >>> [float(v) for v in function([x], [value, slopes["x"]])(3.0)]
    [9.0, 6.0]
    """
    return cost, grad(cost, wrt, **options)


def check_choice(name: str, value: Any) -> None:
    """Refuse an option value that is none of `CHOICES`, whether or not it would matter."""
    if value in CHOICES[name]:
        return
    *rest, last = (f"'{choice}'" for choice in CHOICES[name])
    raise LabValueError(
        f"Invalid value for keyword '{name}', valid values are {', '.join(rest)} and {last}.",
        where=f"{name}={value!r}",
    )


def _check_cost(cost: Any, known_grads: Any) -> None:
    if not isinstance(known_grads, Mapping | None):
        kind = type(known_grads).__name__
        raise LabTypeError(f"known_grads maps variables to gradients, {kind} does not.")
    if cost is None:
        if known_grads is None:
            raise LabValueError("cost and known_grads can't both be None.")
        return
    if not isinstance(cost, Variable):
        raise LabTypeError(
            f"The cost is a symbolic variable, not {type(cost).__name__} {cost!r:.40}."
        )
    if isinstance(cost.type, NullType):
        raise LabValueError(
            f"Can't differentiate a NaN cost. Cost is NaN because {cost.type.why_null}"
        )
    if not isinstance(cost.type, TensorType) or cost.type.ndim != 0:
        ndim = getattr(cost.type, "ndim", None)
        single = ndim and all(length == 1 for length in cost.type.shape)  # type: ignore[attr-defined]
        raise LabTypeError(
            "Cost must be a scalar.", where=located(cost),
            why=f"grad differentiates one number; this has rank {ndim}",
            remedy="y.squeeze() drops its axes of length 1" if single else
            "y.sum() or y.mean() makes one number of it",
        )
    if cost.type.dtype in dtypes.COMPLEX:
        remedy = "real(y), imag(y) or abs(y); jacobian(y, x) gives both parts"
        raise LabTypeError(
            "Cost must be a scalar that is real.", where=located(cost), remedy=remedy
        )


def checked_list(wrt: Any, name: str) -> list[Variable]:
    """The variables as a list; anything else is a TypeError that names its place."""
    variables = as_list(wrt)
    for place, variable in enumerate(variables):
        if not isinstance(variable, Variable):
            raise LabTypeError(
                f"Expected Variable, got {variable!r:.60} of type {type(variable).__name__}.",
                where=f"{name}[{place}]" if isinstance(wrt, list | tuple) else name,
                remedy="a symbolic variable: x = scalar('x')",
            )
    return variables


def _checked_constants(consider_constant: Any) -> list[Variable]:
    if consider_constant is None:
        return []
    if isinstance(consider_constant, Variable) or not hasattr(consider_constant, "__iter__"):
        raise LabTypeError(
            "consider_constant must be an iterable collection of variables, "
            f"not {type(consider_constant).__name__}.",
            remedy="consider_constant=[y]",
        )
    return checked_list(list(consider_constant), "consider_constant")


def _seeds(
    cost: Variable | None, known_grads: Mapping[Variable, Variable] | None
) -> dict[Variable, Variable]:
    seeds: dict[Variable, Variable] = {}
    if cost is not None:
        seed = filled(cost, 1.0)
        seed.roles = (*seed.roles, Role("seed", cost))
        seeds[cost] = seed
    checked_list(list(known_grads or ()), "known_grads")
    for variable, given in dict(known_grads or {}).items():
        seeds[variable] = _checked_known(variable, given)
    return seeds


def _checked_known(variable: Variable, given: Any) -> Any:
    if not hasattr(given, "type"):
        raise LabTypeError(
            f"output grads must be symbolic variables, got {given!r:.40}.",
            where=f"known_grads[{variable}]", remedy="constant(5.0)",
        )
    kind = given.type
    if isinstance(kind, TensorType):
        if dtypes.is_discrete(kind.dtype):
            raise LabTypeError(
                "Gradients must always be NullType, DisconnectedType, or continuous, "
                f"but got {describe(given)}.",
                where=f"known_grads[{variable}]",
            )
        shape = getattr(variable.type, "shape", kind.shape)
        pairs = zip(kind.shape, shape)
        if len(shape) != kind.ndim or any(None not in two and two[0] != two[1] for two in pairs):
            raise LabTypeError(
                f"A gradient has the shape of its variable: {describe(given)} does not "
                f"fit {describe(variable)}.",
            )
    # a NullType or DisconnectedType means its sentinel
    return kind.as_sentinel() if hasattr(kind, "as_sentinel") else given


def _report_disconnected(
    variable: Variable, seeds: Mapping[Variable, Variable], sweep: Sweep, choice: str
) -> None:
    if choice != "ignore":
        report(
            choice,
            "grad method was asked to compute the gradient with respect to a variable that is not "
            "part of the computational graph of the cost, or is used only by a non-differentiable "
            f"operator: {variable}",
            where=located(variable), why=_why_disconnected(variable, seeds, sweep),
            remedy="differentiate by a variable that the cost is computed from, or "
            "disconnected_inputs='ignore'",
        )


def report(choice: str, sentence: str, **parts: Any) -> None:
    """Raise or warn, as chosen, about something that nothing connects."""
    message = explain(sentence, **parts)
    if choice == "raise":
        raise DisconnectedInputError(message)
    if choice == "warn":
        warnings.warn(message, UserWarning, stacklevel=4)


def _why_disconnected(variable: Variable, seeds: Mapping[Variable, Variable], sweep: Sweep) -> str:
    above = list(ancestors(seeds))
    if variable not in above:
        handed = next((v for v in above if getattr(v.tag, "handed_in", False)), None)
        if handed is not None:
            return (f"{handed.name or 'the cost'} is a slice handed in by scan: it has no path to "
                    f"{variable}; index inside the step instead, y[i]")
        return "it does not appear in the graph of the cost"
    reached = {variable}
    for node, place in sweep.cuts:
        if node.inputs[place] in reached or variable in set(ancestors([node.inputs[place]])):
            line = f" ({node.source})" if node.source is not None else ""
            return (f"{node.op.name} passes no derivative on: it uses only its shape, or is meant "
                    f"to stop it{line}")
    return "every path from it to the cost ends in an operation that passes no derivative on"


def disconnected_result(variable: Variable, choice: str) -> Any:
    """What stands for a derivative that does not exist because nothing is connected."""
    if choice == "none":
        return None
    if choice == "disconnected":
        return DisconnectedType()()
    if not hasattr(variable.type, "dtype"):
        raise LabTypeError(f"There is no zero of the type {variable.type}.")
    return filled(variable, 0.0)


def _undefined_result(variable: Variable, answer: Undefined, choice: str) -> Variable:
    if choice == "raise":
        raise NullTypeGradError(
            f"`grad` encountered a NaN. {answer.reason}", where=located(variable),
            remedy="null_gradients='return' gives a variable that says so",
        )
    return NullType(answer.reason)()


def _own_variable(
    variable: Variable, answer: Contribution, taken: set[Variable], results: list[Any]
) -> Variable:
    """A variable of this derivative's own: never one of the user's, never shared."""
    if answer is ZERO:
        return filled(variable, 0.0)
    assert isinstance(answer, Variable)
    if answer not in taken and not any(answer is earlier for earlier in results):
        return answer
    if answer.owner is None:
        copy: Variable = function("identity")(answer)
    else:
        index = answer.index or 0
        copy = answer.owner.clone_with_new_inputs(answer.owner.inputs).outputs[index]
    copy.roles = answer.roles
    return copy


def _name_and_mark(
    result: Variable, variable: Variable, cost: Variable | None, add_names: bool,
    point: tuple[Variable, ...],
) -> None:
    result.roles = (*result.roles, Role("adjoint", variable, None, None, point))
    named = cost is not None and cost.name is not None and variable.name is not None
    if add_names and named:
        assert cost is not None
        result.name = f"(d{cost.name}/d{variable.name})"
