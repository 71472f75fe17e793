"""Reductions: sum, prod, max, min, any, all, and the means and variances made of them.

A reduction is one class with a NumPy function, an associative primitive with its start value (for
kernels), and a pullback.  Axes are normalised when the op is made: None means all.
"""

from __future__ import annotations

import math
from typing import Any

from autodiff_lab.graph import Apply, Tangents, Terms, Variables
from autodiff_lab.tensor import dtypes
from autodiff_lab.tensor.along import Axes, OverAxes, normalize_axes
from autodiff_lab.tensor.axes import DimShuffle
from autodiff_lab.tensor.constants import array_function, as_tensor_variable, constant
from autodiff_lab.tensor.lengths import element_count
from autodiff_lab.tensor.opdef import Dims, Notation
from autodiff_lab.tensor.registry import function, public


class Reduction(OverAxes):
    """The frame of the reductions: which axes go, in which dtype."""

    __props__ = ("axis", "dtype")
    numpy_function = ""

    def __init__(self, axis: Axes = None, dtype: str | None = None) -> None:
        super().__init__(axis)
        self.dtype = dtype

    reduced = OverAxes.axes

    @classmethod
    def samples(cls, rng: Any) -> list[Any]:
        """All axes, one, several, kept axes, none."""
        matrix = rng.normal(size=(3, 4))
        return [
            *super().samples(rng),
            (cls.op_name, (matrix,), {"axis": -1, "keepdims": True}),
            (cls.op_name, (rng.normal(size=()),), {}),
        ]

    def out_dims(self, *dims: Dims) -> list[Dims]:
        return [self.kept_dims(dims[0])]

    def numpy(self, node: Apply, *arguments: str) -> str:
        axis = "" if self.axis is None else f", axis={self.axis}"
        return f"{self.numpy_function}({arguments[0]}{axis})"

    def with_kept_axes(self, variable: Any, ndim: int) -> Any:
        """Put axes of length 1 where this reduction took axes away."""
        gone = self.reduced(ndim)
        rest = iter(range(ndim))
        order = ["x" if axis in gone else next(rest) for axis in range(ndim)]
        return DimShuffle(variable.type.ndim, order)(variable)

    def spread(self, variable: Any, like: Any) -> Any:
        """Stretch a reduced variable back to the shape of `like`."""
        ndim = like.type.ndim
        if ndim == 0:
            return variable
        return function("second")(like, self.with_kept_axes(variable, ndim))


class _Accumulation(Reduction):
    """The frame of sums and products: in the dtype that the family gives them."""

    def numpy(self, node: Apply, *arguments: str) -> str:
        axis = "" if self.axis is None else f", axis={self.axis}"
        given: str = node.inputs[0].type.dtype  # type: ignore[attr-defined]
        wanted = self.dtype or given
        if wanted in ("float16", "float32") and given == wanted:
            # the family accumulates single precision in double precision
            total = f"{self.numpy_function}({arguments[0]}{axis}, dtype=np.float64)"
            return f"{total}.astype(np.{wanted})"
        # NumPy widens whole numbers as the family does
        named = "" if sum_dtype(given) == wanted else f", dtype=np.{dtypes.numpy_name(wanted)}"
        return f"{self.numpy_function}({arguments[0]}{axis}{named})"


class Sum(_Accumulation):
    """Sum over all axes or the given ones.

    Sum over axes; small integers are summed in int64.
    """

    op_name = "sum"
    notation = Notation(latex=r"\sum {0}", pp="Sum")
    numpy_function = "np.sum"
    reduction = ("add", 0)
    linear_in = (0,)

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        return [self.spread(cotangents[0], inputs[0])]


def sum_dtype(dtype: str) -> str:
    """The dtype of a sum or product: int64 and uint64 for whole numbers."""
    if dtype in dtypes.UNSIGNED:
        return "uint64"
    return "int64" if dtypes.is_discrete(dtype) else dtype


def reduce_with(op: type[Reduction], x: Any, axis: Any, dtype: str | None, keepdims: bool) -> Any:
    """Apply a reduction, then put back the axes if they are to be kept."""
    variable = as_tensor_variable(x)
    reduction = op(normalize_axes(axis, variable), dtype)
    result = reduction(variable)
    return reduction.with_kept_axes(result, variable.type.ndim) if keepdims else result


@public(numpy=("sum", "add.reduce"))
def sum(
    x: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False, acc_dtype: Any = None
) -> Any:
    """Sum of the elements over axes.

    Parameters
    ----------
    x : tensor_like
    axis : int or tuple of int, optional
        By default all.
    dtype : str, optional
        Of the result; small integers give int64 otherwise.
    keepdims : bool
        Keep the axes with length 1.
    acc_dtype : str, optional
        Accepted for compatibility: single precision is always summed in double precision.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> float(pt.sum(pt.constant([1.0, 2.0])).eval())
    3.0
    """
    variable = as_tensor_variable(x)
    chosen = sum_dtype(variable.type.dtype) if dtype is None else dtypes.canonical(dtype)
    return reduce_with(Sum, variable, axis, chosen, keepdims)


class _ByElement(Reduction):
    """The frame of reductions with a partial derivative by each element.

    Forward mode sums what every element hands on: the transpose of reverse mode.
    """

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        return [self.handed_on(inputs[0], outputs[0], self.spread(cotangents[0], inputs[0]))]

    def pushforward(self, inputs: Variables, outputs: Variables, tangents: Tangents) -> Terms:
        moved = self.handed_on(inputs[0], outputs[0], tangents[0])
        return [Sum(self.axis, moved.type.dtype)(moved)]

    def handed_on(self, x: Any, output: Any, value: Any) -> Any:
        """A value times the partial derivative by each element."""
        raise NotImplementedError


class Prod(_ByElement, _Accumulation):
    """Product over all axes or the given ones.

    The derivative by an element is the product of all the others, computed without a division: it
    is exact where elements are 0, in every order.
    """

    op_name = "prod"
    notation = Notation(latex=r"\prod {0}", pp="Prod")
    numpy_function = "np.prod"
    reduction = ("mul", 1)

    def handed_on(self, x: Any, output: Any, value: Any) -> Any:
        """The value times the product of the others."""
        same = function("cast")(x, self.dtype or x.type.dtype)
        return function("mul")(value, function("product_of_others")(same, self.axis))


class _Extremum(_ByElement):
    """The frame of max and min: every element that attains it gets the whole cotangent."""

    def handed_on(self, x: Any, output: Any, value: Any) -> Any:
        """The value where the extremum is attained."""
        attained = function("eq")(x, self.spread(output, x))
        return function("switch")(attained, value, constant(0, dtype=value.type.dtype))


class Max(_Extremum):
    """The largest element over all axes or the given ones.

    The largest element over axes; NaN wins.
    """

    op_name = "max"
    notation = Notation(latex=r"\max {0}", pp="Max")
    numpy_function = "np.max"
    reduction = ("max", -math.inf)


class Min(_Extremum):
    """The smallest element over all axes or the given ones.

    The smallest element over axes; NaN wins.
    """

    op_name = "min"
    notation = Notation(latex=r"\min {0}", pp="Min")
    numpy_function = "np.min"
    reduction = ("min", math.inf)


class AnyTrue(Reduction):
    """Whether at least one element is true."""

    op_name = "any"
    notation = Notation(latex=r"\exists {0}", pp="Any")
    differentiable = False
    numpy_function = "np.any"
    reduction = ("or", False)


class AllTrue(Reduction):
    """Whether all elements are true."""

    op_name = "all"
    notation = Notation(latex=r"\forall {0}", pp="All")
    differentiable = False
    numpy_function = "np.all"
    reduction = ("and", True)


@array_function(numpy=("prod", "multiply.reduce"))
def prod(
    x: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False, acc_dtype: Any = None
) -> Any:
    """Product of the elements over axes; small integers give int64.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> float(prod(pt.constant([2.0, 3.0])).eval())
    6.0
    """
    chosen = sum_dtype(x.type.dtype) if dtype is None else dtypes.canonical(dtype)
    return reduce_with(Prod, x, axis, chosen, keepdims)


@public("amax", numpy=("max", "amax", "maximum.reduce"))
def max(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The largest element over axes.

    On a tie every largest element gets the whole cotangent.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> max(pt.constant([[1.0, 5.0], [3.0, 2.0]]), axis=0).eval().tolist()
    [3.0, 5.0]
    """
    return reduce_with(Max, x, axis, None, keepdims)


@public("amin", numpy=("min", "amin", "minimum.reduce"))
def min(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The smallest element over axes; ties as in `max`.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> min(pt.constant([[1.0, 5.0], [3.0, 2.0]]), axis=0).eval().tolist()
    [1.0, 2.0]
    """
    return reduce_with(Min, x, axis, None, keepdims)


@public(numpy=("any", "logical_or.reduce"))
def any(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether at least one element over axes is true (not 0).

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> bool(any(pt.constant([1.0, 0.0])).eval())
    True
    """
    return reduce_with(AnyTrue, _as_bool(x), axis, None, keepdims)


@public(numpy=("all", "logical_and.reduce"))
def all(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether all elements over axes are true (not 0).

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> bool(all(pt.constant([1.0, 0.0])).eval())
    False
    """
    return reduce_with(AllTrue, _as_bool(x), axis, None, keepdims)


def _as_bool(x: Any) -> Any:
    variable = as_tensor_variable(x)
    if variable.type.dtype == "bool":
        return variable
    return function("neq")(variable, constant(0, dtype=variable.type.dtype))


@array_function(numpy=("mean",))
def mean(
    x: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False, acc_dtype: Any = None
) -> Any:
    """Sum over axes divided by the number of elements summed.

    Whole numbers are averaged in floatX, floats in their own dtype.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> mean(pt.fmatrix("x"), axis=0).dtype, mean(pt.imatrix("n")).dtype
    ('float32', 'float64')
    """
    chosen = dtypes.gradient_dtype(x.type.dtype) if dtype is None else dtype
    total = sum(x, axis=axis, dtype=dtypes.canonical(chosen), keepdims=keepdims)
    axes = normalize_axes(axis, x)
    count = element_count(x, axes)
    return function("true_div")(total, function("cast")(count, total.type.dtype))


@array_function(numpy=("var",))
def var(x: Any, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Any:
    """Mean square of the distance to the mean.

    Parameters
    ----------
    x : tensor_like
    axis : int or tuple of int, optional
    ddof : int
        The sum is divided by the number of elements minus this.
    keepdims : bool

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> float(var(pt.constant([1.0, 3.0]), ddof=1).eval())
    2.0
    """
    distance = x - mean(x, axis=axis, keepdims=True)
    total = sum(function("sqr")(distance), axis=axis, keepdims=keepdims)
    count = element_count(x, normalize_axes(axis, x))
    count = count - ddof if ddof else count
    return function("true_div")(total, function("cast")(count, total.type.dtype))


@public(numpy=("std",))
def std(x: Any, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Any:
    """Square root of `var`.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> float(std(pt.constant([1.0, 3.0])).eval())
    1.0
    """
    return function("sqrt")(var(x, axis=axis, ddof=ddof, keepdims=keepdims))
