"""`jacobian` and `hessian`: full matrices of derivatives, by sweeps that carry all rows at once.

A reverse sweep with a batch of cotangents gives all rows, a forward sweep with a batch of tangents
all columns; which is cheaper follows from the shapes.  No loop over rows is built.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from autodiff_lab.control.batching import batched_graph
from autodiff_lab.errors import LabTypeError, LabValueError, one_of
from autodiff_lab.gradient.grad import check_choice, checked_list, grad
from autodiff_lab.gradient.operators import Lop, Rop
from autodiff_lab.graph import (
    DISCONNECTED, Apply, Flags, Terms, Variable, Variables, as_given, describe, toposort,
)
from autodiff_lab.tensor import dtypes
from autodiff_lab.tensor.opdef import Notation, TensorOp
from autodiff_lab.tensor.registry import function

METHODS = ("auto", "forward", "reverse")


def jacobian(
    expression: Any, wrt: Any, consider_constant: Sequence[Variable] | None = None,
    disconnected_inputs: str = "raise", vectorize: bool = True, method: str = "auto",
    chunk_size: int | None = None, explain: bool = False,
) -> Any:
    r"""The Jacobian: every element of an expression differentiated by every element of variables.

    .. math:: J_{i j} = \frac{\partial f_i}{\partial x_j}

    Parameters
    ----------
    expression : Variable of any rank, or list or tuple of them
    wrt : Variable, or list, tuple or dict
    consider_constant, disconnected_inputs
        As for `grad`.
    vectorize : bool
        Accepted for compatibility: rows are always computed together.
    method : {"auto", "forward", "reverse"}
        "auto" takes forward mode where the variable is known to be no larger than the
        expression, else reverse.  Where one of the two is complex, only one mode sees both parts.
    chunk_size : int, optional
        How many rows or columns are carried at once, to bound memory.
    explain : bool
        Print for each variable which mode was taken, and what either would cost.

    Returns
    -------
    Variable, list, tuple or dict
        As `wrt`, each of shape expression.shape + variable.shape; for a scalar expression the
        gradient itself.  A list of expressions gives a list of such results.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> x = pt.dvector("x")
    >>> jacobian(x ** 2, x).eval({x: [4.0, 4.0]})
    array([[8., 0.],
           [0., 8.]])
    """
    check_choice("disconnected_inputs", disconnected_inputs)
    one_of(method, METHODS, f"There is no method {method!r}.")
    if chunk_size is not None and not (isinstance(chunk_size, int) and chunk_size > 0):
        raise LabValueError(f"chunk_size is a number of rows, from 1; this is {chunk_size!r:.40}.")
    if isinstance(expression, list | tuple):
        found = [
            jacobian(part, wrt, consider_constant, disconnected_inputs, vectorize, method,
                     chunk_size, explain)
            for part in expression
        ]
        return found if isinstance(expression, list) else tuple(found)
    if not isinstance(expression, Variable):
        raise LabTypeError(f"jacobian expects a Variable as `expression`, not {expression!r:.40}.")
    variables = checked_list(wrt, "wrt")
    of_complex = expression.type.dtype in dtypes.COMPLEX  # type: ignore[attr-defined]
    if expression.type.ndim == 0 and not of_complex:  # type: ignore[attr-defined]
        return grad(expression, wrt, consider_constant, disconnected_inputs)
    results = []
    for variable in variables:
        forward = method == "forward" or (method == "auto" and _is_smaller(variable, expression))
        forward = forward and not consider_constant
        if of_complex != (variable.type.dtype in dtypes.COMPLEX):  # type: ignore[attr-defined]
            forward = of_complex        # what is carried the other way is real
        if explain:
            print(costs(expression, variable, forward))  # noqa: T201
        sweep = _sweep(expression, variable, forward, disconnected_inputs, consider_constant)
        matrix = _matrix(expression, variable, forward, sweep, chunk_size)
        marked = variable.owner is None and matrix.type.ndim == 2
        results.append(JacobianMatrix()(matrix, expression, variable) if marked else matrix)
    return as_given(wrt, results)


class JacobianMatrix(TensorOp):
    """A matrix of derivatives, with the vectors that it relates.

    Rewriting takes a product of it with a vector for one sweep, and the mark away otherwise.
    """

    name = "jacobian_matrix"  # no function of users makes it, so it stands in no table
    __props__ = ()
    notation = Notation(latex="{0}", pp="Jacobian")
    text = "{0}"
    linear_in = (0,)
    data_inputs = 1

    def batch(self, node: Apply, inputs: Variables, batched: Flags) -> list[Variable] | None:
        """The matrices alone."""
        return [inputs[0]] if batched[0] else None

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        return [cotangents[0], DISCONNECTED, DISCONNECTED]


def _is_smaller(variable: Variable, expression: Variable) -> bool:
    sizes = [_size(v.type.shape) for v in (variable, expression)]  # type: ignore[attr-defined]
    return None not in sizes and sizes[0] <= sizes[1]  # type: ignore[operator]


def _size(shape: Sequence[int | None]) -> int | None:
    return None if None in shape else math.prod(shape)  # type: ignore[arg-type]


def _unit_batch(variable: Variable) -> Any:
    """All unit arrays of the shape of a variable, stacked along a new first axis."""
    size = function("size")(variable)
    dtype = dtypes.gradient_dtype(variable.type.dtype)  # type: ignore[attr-defined]
    eye = function("eye")(size, dtype=dtype)
    if variable.type.ndim == 1:  # type: ignore[attr-defined]
        return eye
    lengths = function("join")(0, function("stack")([size]), function("shape")(variable))
    return function("reshape")(eye, lengths, ndim=variable.type.ndim + 1)  # type: ignore[attr-defined]


def _carried(result: Any, hole: Variable, units: Any, chunk_size: int | None) -> Any:
    """`result`, linear in `hole`, for each of the units; in chunks if asked."""
    if chunk_size is None:
        return batched_graph([result], {hole: units}).get(result)
    from autodiff_lab.control.scan.build import map as scan_map

    # chunks of rows, one after the other; the last one may be shorter
    count = units.shape[0]
    starts = function("arange")(0, count, chunk_size)
    total = (count + chunk_size - 1) // chunk_size * chunk_size
    lengths = [units.shape[axis] for axis in range(1, units.type.ndim)]
    padded = function("zeros")([total, *lengths], dtype=units.type.dtype)
    padded = function("set_subtensor")(padded[:count], units)
    blocks, _ = scan_map(
        lambda start: batched_graph([result], {hole: padded[start : start + chunk_size]})[result],
        sequences=starts,
    )
    merged = [blocks.shape[0] * chunk_size, *(blocks.shape[k] for k in range(2, blocks.type.ndim))]
    return function("reshape")(blocks, merged)[:count]


def _sweep(
    expression: Any, variable: Any, forward: bool, disconnected: str, constants: Any = None
) -> tuple[Any, Any]:
    """One sweep with a hole for the tangent or the cotangent: (result, hole)."""
    if forward:
        hole = variable.type.make_variable()
        return Rop(expression, variable, hole, disconnected_outputs=disconnected), hole
    dtype = dtypes.gradient_dtype(expression.type.dtype)
    hole = expression.type.clone(dtype=dtype).make_variable()
    return Lop(expression, variable, hole, constants, disconnected), hole


def costs(expression: Any, variable: Any, forward: bool) -> str:
    """What the Jacobian costs either way, in words, as far as lengths are known."""
    name = str(variable)
    lines = [f"jacobian by {name}: {'forward' if forward else 'reverse'} mode"]
    for mode, moved in (("forward", variable), ("reverse", expression)):
        sweeps = _size(moved.type.shape)
        result, hole = _sweep(expression, variable, mode == "forward", "ignore")
        moving = {hole}
        total: float | None = 0
        for node in toposort([result]):
            carried = any(v in moving for v in node.inputs)
            moving.update(node.outputs if carried else ())
            work, times = _flops(node), sweeps if carried else 1
            unknown = None in (work, times, total)
            total = None if unknown else total + work * times  # type: ignore[operator]
        count = f"{sweeps} sweeps" if sweeps is not None else "one sweep for each element"
        flops = f"about {total:,} flops" if total is not None else "flops follow from the lengths"
        lines.append(f"  {mode}: {count} of {len(toposort([result]))} operations, {flops}")
    return "\n".join(lines)


def _flops(node: Any) -> int | None:
    """Roughly: one for each element, two for each product that a contraction adds up."""
    sizes = [_size(v.type.shape) for v in (*node.inputs, *node.outputs)]
    if None in sizes:
        return None
    largest = max(size or 0 for size in sizes)
    summed = node.inputs[0].type.shape[-1:] if node.op.name in ("dot", "matmul") else ()
    return 2 * (sizes[-1] or 0) * summed[0] if summed else largest


def _matrix(
    expression: Any, variable: Any, forward: bool, sweep: tuple[Any, Any], chunk_size: int | None
) -> Any:
    """All rows, or all columns in forward mode, in the shape of the expression and the variable."""
    moved = variable if forward else expression
    stacked = _carried(*sweep, _unit_batch(moved), chunk_size)
    if stacked is None:  # zero everywhere: nothing reads what is carried
        lengths = [v.shape[k] for v in (expression, variable) for k in range(v.type.ndim)]
        return function("zeros")(lengths, dtype=dtypes.gradient_dtype(variable.type.dtype))
    if forward:
        stacked = function("dimshuffle")(stacked, *range(1, 1 + expression.type.ndim), 0)
        if expression.type.dtype not in dtypes.COMPLEX:
            stacked = function("cast")(stacked, dtypes.gradient_dtype(variable.type.dtype))
    if moved.type.ndim == 1:
        return stacked
    lengths = function("join")(0, function("shape")(expression), function("shape")(variable))
    rank = expression.type.ndim + variable.type.ndim
    return function("reshape")(stacked, lengths, ndim=rank)


def hessian(
    cost: Any, wrt: Any, consider_constant: Sequence[Variable] | None = None,
    disconnected_inputs: str = "raise", full: bool = False,
) -> Any:
    r"""The Hessian of a scalar: second derivatives by variables of any rank.

    .. math:: H_{i j} = \frac{\partial^2 C}{\partial x_i \, \partial x_j}

    Parameters
    ----------
    cost : Variable, shape ()
    wrt : Variable, or list, tuple or dict
    consider_constant, disconnected_inputs
        As for `grad`.
    full : bool
        With several variables, return all blocks (nested) instead of the diagonal ones.

    Returns
    -------
    Variable, list, tuple or dict
        As `wrt`, each of shape variable.shape + variable.shape.

    Raises
    ------
    ValueError
        If the cost is not a scalar.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> x = pt.dvector("x")
    >>> hessian((x ** 3).sum(), x).eval({x: [1.0, 2.0]})
    array([[ 6.,  0.],
           [ 0., 12.]])
    """
    if not isinstance(cost, Variable):
        raise LabTypeError(f"hessian expects a Variable as `cost`, not {cost!r:.40}.")
    if cost.type.ndim != 0:  # type: ignore[attr-defined]
        raise LabValueError(
            "hessian expects a 0 dimensional variable as `cost`", where=describe(cost)
        )
    variables = checked_list(wrt, "wrt")
    gradients = grad(cost, variables, consider_constant, disconnected_inputs)
    blocks = [
        jacobian(g, wrt if full else variable, consider_constant, "ignore")
        for g, variable in zip(gradients, variables)
    ]
    return as_given(wrt, blocks)
