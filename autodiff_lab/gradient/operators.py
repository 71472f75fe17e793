"""The L- and R-operator: a row vector times the Jacobian, the Jacobian times a vector."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from autodiff_lab.errors import (
    DisconnectedInputError,
    LabTypeError,
    LabValueError,
    NullTypeGradError,
    explain,
)
from autodiff_lab.gradient.contributions import filled
from autodiff_lab.gradient.forward import forward_sweep
from autodiff_lab.gradient.grad import as_given, check_choice, checked_list, grad
from autodiff_lab.gradient.null_types import DisconnectedType
from autodiff_lab.graph import DISCONNECTED, ZERO, Undefined, Variable, describe
from autodiff_lab.tensor.constants import as_tensor_variable
from autodiff_lab.tensor.registry import function


def Lop(
    f: Any,
    wrt: Any,
    eval_points: Any,
    consider_constant: Sequence[Variable] | None = None,
    disconnected_inputs: str = "raise",
    return_disconnected: str = "zero",
) -> Any:
    r"""The L-operator: a row vector times the Jacobian, by one reverse sweep.

    .. math:: L_j = \sum_i v_i \, \frac{\partial f_i}{\partial w_j}

    Parameters
    ----------
    f : Variable, or list or tuple
        What is differentiated.
    wrt : Variable, or list or tuple
        By what.
    eval_points : as `f`
        The vectors v, each of the shape of its f.
    consider_constant, disconnected_inputs, return_disconnected
        As for `grad`.

    Returns
    -------
    Variable, list or tuple
        As `wrt`, each of the shape of its variable.

    Raises
    ------
    ValueError
        If lengths or static shapes do not fit.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> x, v = pt.dvector("x"), pt.dvector("v")
    >>> Lop(x ** 2, x, v).eval({x: [1.0, 2.0], v: [1.0, 1.0]})
    array([2., 4.])
    """
    functions = checked_list(f, "f")
    points = _points(eval_points, f)
    if len(functions) != len(points):
        raise LabValueError(
            "`f` must be the same length as `eval_points`.",
            where=f"{len(functions)} functions, {len(points)} vectors",
        )
    for place, (output, point) in enumerate(zip(functions, points)):
        _check_shape(output, point, place, "f")
    known: dict[Variable, Variable] = {}
    for output, point in zip(functions, points):
        known[output] = function("add")(known[output], point) if output in known else point
    return grad(
        None,
        wrt,
        consider_constant=consider_constant,
        disconnected_inputs=disconnected_inputs,
        known_grads=known,
        return_disconnected=return_disconnected,
        add_names=False,
    )


def Rop(
    f: Any,
    wrt: Any,
    eval_points: Any,
    disconnected_outputs: str = "raise",
    return_disconnected: str = "zero",
    use_op_pushforward: bool = True,
) -> Any:
    r"""The R-operator: the Jacobian times a vector, by one forward sweep.

    .. math:: R_i = \sum_j \frac{\partial f_i}{\partial w_j} \, v_j

    Parameters
    ----------
    f : Variable, or list or tuple
        What is differentiated.
    wrt : Variable, or list or tuple
        By what.
    eval_points : as `wrt`
        The vectors v, each of the shape of its variable.
    disconnected_outputs : {"raise", "warn", "ignore"}
        What to do with an f that does not depend on any of `wrt`.
    return_disconnected : {"zero", "none", "disconnected"}
        What stands for its derivative; "zero" has the shape of that f.
    use_op_pushforward : bool
        False derives every rule from the pullback: the cross-check.

    Returns
    -------
    Variable, list or tuple
        As `f`, each of its shape.

    References
    ----------
    Pearlmutter, Fast Exact Multiplication by the Hessian, doi:10.1162/neco.1994.6.1.147.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> x, v = pt.dvector("x"), pt.dvector("v")
    >>> Rop(x ** 2, x, v).eval({x: [1.0, 2.0], v: [1.0, 1.0]})
    array([2., 4.])
    """
    return_disconnected = str(return_disconnected).lower()
    check_choice("disconnected_outputs", disconnected_outputs)
    check_choice("return_disconnected", return_disconnected)
    functions, variables = checked_list(f, "f"), checked_list(wrt, "wrt")
    points = _points(eval_points, wrt)
    if len(variables) != len(points):
        raise LabValueError(
            "`wrt` must be the same length as `eval_points`.",
            where=f"{len(variables)} variables, {len(points)} vectors",
        )
    tangents: dict[Variable, Variable] = {}
    for place, (variable, point) in enumerate(zip(variables, points)):
        _check_shape(variable, point, place, "wrt")
        same = tangents.get(variable)
        tangents[variable] = point if same is None else function("add")(same, point)
    found = forward_sweep(functions, tangents, use_op_pushforward)
    results: list[Any] = []
    for output in functions:
        answer = found[output]
        if answer is DISCONNECTED:
            _report(output, disconnected_outputs)
            results.append(_disconnected(output, return_disconnected))
        elif isinstance(answer, Undefined):
            raise NullTypeGradError(
                f"`Rop` encountered a NaN. {answer.reason}", where=describe(output)
            )
        else:
            results.append(filled(output, 0.0) if answer is ZERO else answer)
    return as_given(f, results)


def pullback(f: Any, wrt: Any, cotangents: Any, **options: Any) -> Any:
    """PyTensor's name for `Lop`."""
    return Lop(f, wrt, cotangents, **options)


def pushforward(f: Any, wrt: Any, tangents: Any, **options: Any) -> Any:
    """PyTensor's name for `Rop`."""
    return Rop(f, wrt, tangents, **options)


def hessian_vector_product(cost: Variable, wrt: Any, p: Any, **options: Any) -> Any:
    """The Hessian of a scalar cost times a vector: forward over reverse.

    Parameters
    ----------
    cost : Variable, shape ()
    wrt : Variable, or list or tuple
    p : as `wrt`
        The vector, of the shape of its variable.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> x, v = pt.dvector("x"), pt.dvector("v")
    >>> hessian_vector_product((x ** 3).sum(), x, v).eval({x: [1.0, 2.0], v: [1.0, 1.0]})
    array([ 6., 12.])
    """
    return Rop(grad(cost, wrt, **options), wrt, p, disconnected_outputs="ignore")


def _points(eval_points: Any, order: Any) -> list[Variable]:
    if isinstance(eval_points, Mapping) and isinstance(order, Mapping):
        eval_points = [eval_points[name] for name in order]
    given = eval_points if isinstance(eval_points, list | tuple) else [eval_points]
    return [as_tensor_variable(point) for point in given]


def _check_shape(variable: Variable, point: Variable, place: int, which: str) -> None:
    shape = getattr(variable.type, "shape", None)
    given = getattr(point.type, "shape", None)
    if shape is None or given is None:
        return
    if len(shape) != len(given):
        raise LabValueError(
            f"Element {place} of {which}/eval_point have mismatched dimensionality: "
            f"{len(shape)} versus {len(given)}.",
            where=f"{describe(variable)} and {describe(point)}",
            remedy="the vector has the shape of what it belongs to",
        )
    for axis, (wanted, found) in enumerate(zip(shape, given)):
        if wanted is not None and found is not None and wanted != found:
            raise LabValueError(
                f"Element {place} of {which}/eval_point have different lengths along axis "
                f"{axis}: {wanted} versus {found}.",
                where=f"{describe(variable)} and {describe(point)}",
            )


def _report(output: Variable, choice: str) -> None:
    if choice == "ignore":
        return
    message = explain(
        "Rop was asked for the derivative of an output that does not depend on any of the "
        f"variables, or only through a non-differentiable operator: {output}",
        where=describe(output),
        remedy="disconnected_outputs='ignore' takes it as zero",
    )
    if choice == "raise":
        raise DisconnectedInputError(message)
    warnings.warn(message, UserWarning, stacklevel=4)


def _disconnected(output: Variable, choice: str) -> Any:
    if choice == "none":
        return None
    if choice == "disconnected":
        return DisconnectedType()()
    if not hasattr(output.type, "dtype"):
        raise LabTypeError(f"There is no zero of the type {output.type}.")
    return filled(output, 0.0)
