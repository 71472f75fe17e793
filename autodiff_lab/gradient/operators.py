"""The L- and R-operator: a row vector times the Jacobian, the Jacobian times a vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autodiff_lab.errors import LabValueError, NullTypeGradError
from autodiff_lab.gradient.contributions import accumulate, filled
from autodiff_lab.gradient.forward import forward_sweep
from autodiff_lab.gradient.grad import check_choice, checked_list, disconnected_result, grad, report
from autodiff_lab.graph import DISCONNECTED, ZERO, Undefined, Variable, as_given, as_list, describe
from autodiff_lab.tensor.constants import as_tensor_variable


def Lop(
    f: Any, wrt: Any, eval_points: Any, consider_constant: Sequence[Variable] | None = None,
    disconnected_inputs: str = "raise", return_disconnected: str = "zero",
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
    return grad(
        None,
        wrt,
        consider_constant=consider_constant,
        disconnected_inputs=disconnected_inputs,
        known_grads=_directions("f", f, eval_points),
        return_disconnected=return_disconnected,
        add_names=False,
    )


def Rop(
    f: Any, wrt: Any, eval_points: Any, disconnected_outputs: str = "raise",
    return_disconnected: str = "zero", use_op_pushforward: bool = True,
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
    functions = checked_list(f, "f")
    found = forward_sweep(functions, _directions("wrt", wrt, eval_points), use_op_pushforward)
    results: list[Any] = []
    for output in functions:
        answer = found[output]
        if answer is DISCONNECTED:
            report(
                disconnected_outputs,
                "Rop was asked for the derivative of an output that does not depend on any of the "
                f"variables, or only through a non-differentiable operator: {output}",
                where=describe(output),
                remedy="disconnected_outputs='ignore' takes it as zero",
            )
            results.append(disconnected_result(output, return_disconnected))
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


def _directions(which: str, owners: Any, eval_points: Any) -> dict[Variable, Variable]:
    """For each variable of `owners` its vector; those of one that is listed twice are added."""
    if isinstance(eval_points, Mapping) and isinstance(owners, Mapping):
        eval_points = [eval_points[name] for name in owners]
    variables, points = checked_list(owners, which), as_list(eval_points)
    if len(variables) != len(points):
        raise LabValueError(
            f"`{which}` must be the same length as `eval_points`.",
            where=f"{len(variables)} variables, {len(points)} vectors",
        )
    found: dict[Variable, Variable] = {}
    for place, (variable, given) in enumerate(zip(variables, points)):
        point = as_tensor_variable(given)
        _check_shape(variable, point, place, which)
        accumulate(found, variable, point)
    return found


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
