"""`norm` of vectors and matrices, with NumPy's orders."""

from __future__ import annotations

import math
from typing import Any

from autodiff_lab.errors import LabValueError
from autodiff_lab.graph import describe
from autodiff_lab.tensor.constants import as_tensor_variable
from autodiff_lab.tensor.linalg.spectral import svd
from autodiff_lab.tensor.registry import function, public
from autodiff_lab.tensor.shaping import expand_dims, flatten, moveaxis


@public(numpy=("linalg.norm",))
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The norm of a vector or matrix, or of those along one or two axes.

    The 2-norm has no derivative at 0 (there it is NaN).

    Parameters
    ----------
    x : tensor_like
    ord : number, inf, -inf, "fro" or "nuc", optional
        None: the square root of the sum of squares.  For vectors (one axis): a power, or +-inf
        for the largest and smallest size, 0 for the number of elements that are not 0.  For
        matrices (two axes): 1, -1, inf, -inf sums of columns and rows, 2, -2 and "nuc" singular
        values, "fro".
    axis : int or pair of int, optional
        By default all axes.
    keepdims : bool

    Examples
    --------
    >>> float(norm([3.0, 4.0]).eval())
    5.0
    """
    variable = as_tensor_variable(x)
    if axis is None and ord is None:
        total = function("sum")(function("sqr")(function("abs")(flatten(variable))))
        return _kept(function("sqrt")(total), range(variable.type.ndim), keepdims)
    axes = range(variable.type.ndim) if axis is None else (
        [axis] if isinstance(axis, int) else list(axis)
    )
    places = [entry % variable.type.ndim for entry in axes] if variable.type.ndim else []
    if len(places) == 1:
        return _vector(variable, ord, places[0], keepdims)
    if len(places) == 2:
        moved = moveaxis(variable, places, (-2, -1))
        return _kept(_matrix(moved, ord), places, keepdims)
    raise LabValueError(
        "norm is for vectors and matrices: one or two axes.", where=describe(variable),
        why=f"{len(places)} axes are given", remedy="axis=-1, or axis=(-2, -1)",
    )


def _kept(result: Any, axes: Any, keepdims: bool) -> Any:
    return expand_dims(result, sorted(axes)) if keepdims and axes else result


def _vector(x: Any, ord: Any, axis: int, keepdims: bool) -> Any:
    size, total = function("abs")(x), function("sum")
    if ord is None or ord == 2:
        return function("sqrt")(total(function("sqr")(size), axis=axis, keepdims=keepdims))
    if ord in (math.inf, -math.inf):
        return function("max" if ord > 0 else "min")(size, axis=axis, keepdims=keepdims)
    if ord == 0:
        other = function("cast")(function("neq")(x, 0), size.type.dtype)
        return total(other, axis=axis, keepdims=keepdims)
    if isinstance(ord, str):
        raise LabValueError(f"norm of a vector does not know ord={ord!r}.", where=describe(x))
    if ord == 1:
        return total(size, axis=axis, keepdims=keepdims)
    return total(size**ord, axis=axis, keepdims=keepdims) ** (1.0 / ord)


def _matrix(x: Any, ord: Any) -> Any:
    size, total = function("abs")(x), function("sum")
    if ord is None or ord == "fro":
        return function("sqrt")(total(function("sqr")(size), axis=(-2, -1)))
    if ord in (1, -1, math.inf, -math.inf):
        sums = total(size, axis=-2 if abs(ord) == 1 else -1)
        return function("max" if ord > 0 else "min")(sums, axis=-1)
    if ord in (2, -2, "nuc"):
        values = svd(x, full_matrices=False, compute_uv=False)
        if ord == "nuc":
            return total(values, axis=-1)
        return values[..., 0 if ord > 0 else -1]
    raise LabValueError(
        f"norm of a matrix does not know ord={ord!r}.", where=describe(x),
        remedy="None, 'fro', 'nuc', 1, -1, 2, -2, inf or -inf",
    )
