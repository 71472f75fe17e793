"""Running sums and products, and what the derivatives of products need.

`CumSum` and `CumProd` are the family's; `LinearRecurrence` (s[k] = a[k] s[k-1] + b[k]) is the
derivative of a running product, and of itself; `ProductOfOthers` is the derivative of a product.
None of them divides, so derivatives are exact where elements are 0, in every order.
"""

from __future__ import annotations

from typing import Any

from autodiff_lab.graph import Apply, Flags, Tangents, Terms, Variable, Variables
from autodiff_lab.tensor import dtypes
from autodiff_lab.tensor.along import (
    AlongAxis, OverAxes, along, normalize_axes, one_axis, one_line, reversed_along,
)
from autodiff_lab.tensor.constants import array_function, constant
from autodiff_lab.tensor.lengths import length_of
from autodiff_lab.tensor.opdef import Dims, calls, define_helper, drawn
from autodiff_lab.tensor.registry import function
from autodiff_lab.tensor.shaping import merged
from autodiff_lab.tensor.type import TensorType


def shifted(x: Any, first: float, axis: int) -> Any:
    """Each element in the place of the next one, with `first` at the start."""
    filled = function("second")(x, constant(first, dtype=x.type.dtype))
    before = function("subtensor")(x, along(axis, slice(None, -1)))
    return function("set_part")(filled, along(axis, slice(1, None)), before)


class _Running(AlongAxis):
    """The frame of running sums and products: whole numbers keep their dtype, as in the family."""

    numpy_function = ""

    def numpy(self, node: Apply, *arguments: str) -> str:
        dtype: str = node.inputs[0].type.dtype  # type: ignore[attr-defined]
        named = "" if dtype.startswith(("float", "complex")) or dtype.endswith("int64") else (
            f", dtype=np.{dtypes.numpy_name(dtype)}"
        )
        return f"{self.numpy_function}({arguments[0]}, axis={self.axis}{named})"


class CumSum(_Running):
    """Sums of the elements so far, along an axis."""

    op_name = "cumsum"
    words = "each element enters all later sums"
    numpy_function = "np.cumsum"
    linear_in = (0,)

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        backwards = reversed_along(cotangents[0], self.axis)
        return [reversed_along(CumSum(self.axis)(backwards), self.axis)]


class CumProd(_Running):
    """Products of the elements so far, along an axis; derivatives are exact at 0."""

    op_name = "cumprod"
    words = "product rule: each factor in turn"
    numpy_function = "np.cumprod"

    @classmethod
    def samples(cls, rng: Any) -> list[Any]:
        """Both axes, all elements, zeros."""
        return [*super().samples(rng), ("cumprod", (rng.normal(size=5) * [1, 0, 1, 0, 1],), {})]

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        back = _carried_back(inputs[0], cotangents[0], self.axis)
        return [back * shifted(outputs[0], 1.0, self.axis)]

    def pushforward(self, inputs: Variables, outputs: Variables, tangents: Tangents) -> Terms:
        """d[k] = x[k] d[k-1] + t[k] y[k-1]."""
        fresh = function("mul")(tangents[0], shifted(outputs[0], 1.0, self.axis))
        return [LinearRecurrence(self.axis)(inputs[0], fresh)]


def _carried_back(factors: Any, cotangent: Any, axis: int) -> Any:
    """u[k] = g[k] + a[k+1] u[k+1]: what a recurrence hands back to its added terms."""
    later = shifted(reversed_along(factors, axis), 0.0, axis)
    return reversed_along(LinearRecurrence(axis)(later, reversed_along(cotangent, axis)), axis)


LINEAR_RECURRENCE = define_helper(
    "linear_recurrence",
    '''
def linear_recurrence(factors, terms, axis):
    """s[k] = factors[k] * s[k - 1] + terms[k] along an axis, from s[-1] = 0."""
    factors = np.moveaxis(factors, axis, 0)
    result = np.array(np.moveaxis(terms, axis, 0))
    for k in range(1, len(result)):
        result[k] += factors[k] * result[k - 1]
    return np.moveaxis(result, 0, axis)
''',
)


class LinearRecurrence(AlongAxis):
    """A linear recurrence along an axis: s[k] = a[k] s[k-1] + b[k].

    ``s[k] = a[k] * s[k - 1] + b[k]`` along an axis, from ``s[-1] = 0``.

    The first factor multiplies nothing.
    """

    op_name = "linear_recurrence"
    words = "product rule along the recurrence"
    text = LINEAR_RECURRENCE + "({0}, {1}, {axis})"

    samples = calls(  # a vector, both axes of a matrix
        ("linear_recurrence", drawn(4), drawn(4), {"axis": 0}),
        ("linear_recurrence", drawn(3, 4), drawn(3, 4), {"axis": 1}),
        ("linear_recurrence", drawn(3, 4), drawn(3, 4), {"axis": 0}),
    )

    def out_dtypes(self, *inputs: TensorType) -> list[str]:
        return [inputs[1].dtype]

    def out_dims(self, *dims: Dims) -> list[Dims]:
        return [tuple(a if a is not None else b for a, b in zip(*dims))]

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        back = _carried_back(inputs[0], cotangents[0], self.axis)
        return [back * shifted(outputs[0], 0.0, self.axis), back]

    def pushforward(self, inputs: Variables, outputs: Variables, tangents: Tangents) -> Terms:
        """The same recurrence of the tangents."""
        fresh: Any = tangents[1]
        if tangents[0] is not None:
            term = function("mul")(tangents[0], shifted(outputs[0], 0.0, self.axis))
            fresh = term if fresh is None else fresh + term
        return [LinearRecurrence(self.axis)(inputs[0], fresh)]

    def batch(self, node: Apply, inputs: Variables, batched: Flags) -> list[Variable]:
        """What has no leading axis is repeated along it."""
        one = inputs[0 if batched[0] else 1]
        same = [
            variable if has else function("second")(one, function("shape_padleft")(variable))
            for variable, has in zip(inputs, batched)
        ]
        return [LinearRecurrence(self.axis + 1)(*same)]


@array_function(arrays=2)
def linear_recurrence(factors: Any, terms: Any, axis: int = 0) -> Any:
    """``s[k] = factors[k] * s[k - 1] + terms[k]`` along an axis, from ``s[-1] = 0``.

    Examples
    --------
    >>> linear_recurrence([0.0, 2.0, 2.0], [1.0, 0.0, 1.0]).eval().tolist()
    [1.0, 2.0, 5.0]
    """
    dtype = (factors[:0] + terms[:0]).type.dtype
    factors, terms = (function("cast")(variable, dtype) for variable in (factors, terms))
    return LinearRecurrence(one_axis(terms, axis))(factors, terms)


PRODUCT_OF_OTHERS = define_helper(
    "product_of_others",
    '''
def product_of_others(array, axes):
    """For each element the product of the others over these axes."""
    last = tuple(range(array.ndim - len(axes), array.ndim))
    moved = np.moveaxis(array, axes, last)
    rest = moved.shape[:array.ndim - len(axes)]
    count = int(np.prod(moved.shape[array.ndim - len(axes):]))
    flat = moved.reshape((*rest, count))
    wide = np.float64 if array.dtype == np.float32 else array.dtype
    before, after = np.ones((2, *flat.shape), wide)
    np.cumprod(flat[..., :-1], axis=-1, out=before[..., 1:])
    np.cumprod(flat[..., :0:-1], axis=-1, out=after[..., -2::-1])
    result = (before * after).astype(array.dtype)
    return np.moveaxis(result.reshape(moved.shape), last, axes)
''',
)


class ProductOfOthers(OverAxes):
    """For each element the product of the others, exact where elements are 0.

    For each element the product of all others over the axes: the derivative of a product.

    Parameters
    ----------
    axis : tuple of int, optional
        None: all axes.
    """

    op_name = "product_of_others"
    words = "product rule: each factor in turn"
    helper = PRODUCT_OF_OTHERS

    samples = calls(  # all axes, some, zeros
        ("product_of_others", drawn(4)),
        ("product_of_others", drawn(3, 4), {"axis": (0,)}),
        ("product_of_others", drawn(2, 3, 2), {"axis": (0, 2)}),
        ("product_of_others", lambda rng: rng.normal(size=4) * [1, 0, 1, 1]),
        ("product_of_others", lambda rng: rng.normal(size=4) * [0, 1, 1, 0]),
    )

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        # the Jacobian is the Hessian of the product: symmetric
        return [self._derivative(inputs[0], cotangents[0])]

    def pushforward(self, inputs: Variables, outputs: Variables, tangents: Tangents) -> Terms:
        """The product rule on (product of those before) * (product of those after)."""
        return [self._derivative(inputs[0], tangents[0])]

    def _derivative(self, x: Any, tangent: Any) -> Any:
        axes = self.axes(x.type.ndim)
        if not axes:
            return function("zeros_like")(x)
        if len(axes) == 1:
            return _moved_others(x, tangent, axes[0])
        kept = [axis for axis in range(x.type.ndim) if axis not in axes]
        order = [*kept, *axes]
        lengths = [length_of(x, axis) for axis in order]
        total = _moved_others(merged(x, axes), merged(tangent, axes), len(kept))
        turned = function("reshape")(total, lengths)
        return function("dimshuffle")(turned, [order.index(axis) for axis in range(len(order))])


def _moved_others(x: Any, tangent: Any, axis: int) -> Any:
    """The tangent of (product of those before) * (product of those after) along one axis."""
    before, before_moving = _exclusive(x, tangent, axis)
    backwards, turned = (reversed_along(part, axis) for part in (x, tangent))
    after, after_moving = (
        reversed_along(part, axis) for part in _exclusive(backwards, turned, axis)
    )
    return before_moving * after + before * after_moving


def _exclusive(x: Any, tangent: Any, axis: int) -> tuple[Any, Any]:
    """The products of the elements before each one, and their tangents."""
    before = shifted(CumProd(axis)(x), 1.0, axis)
    fresh = shifted(tangent * before, 0.0, axis)
    return before, LinearRecurrence(axis)(shifted(x, 0.0, axis), fresh)


@array_function()
def product_of_others(x: Any, axis: Any = None) -> Any:
    """For each element the product of all others over the axes.

    Examples
    --------
    >>> product_of_others([2.0, 0.0, 3.0]).eval().tolist()
    [0.0, 6.0, 0.0]
    """
    return ProductOfOthers(normalize_axes(axis, x))(x)


@array_function(numpy=("cumsum", "cumulative_sum"))
def cumsum(x: Any, axis: int | None = None) -> Any:
    """Sums of the elements so far, along an axis or of all elements.

    Whole numbers keep their dtype.

    Examples
    --------
    >>> cumsum([1.0, 2.0, 3.0]).eval().tolist()
    [1.0, 3.0, 6.0]
    """
    line, place = one_line(x, axis)
    return CumSum(place)(line)


@array_function(numpy=("cumprod", "cumulative_prod"))
def cumprod(x: Any, axis: int | None = None) -> Any:
    """Products of the elements so far, along an axis or of all elements."""
    line, place = one_line(x, axis)
    return CumProd(place)(line)
