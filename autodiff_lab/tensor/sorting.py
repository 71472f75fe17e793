"""Order and places: `sort`, `argsort`, `argmax`, `argmin`, `max_and_argmax`."""

from __future__ import annotations

from typing import Any

from autodiff_lab.graph import Tangents, Terms, Variables
from autodiff_lab.tensor.along import AlongAxis, normalize_axes, one_line
from autodiff_lab.tensor.axes import dimshuffle
from autodiff_lab.tensor.constants import array_function, as_tensor_variable
from autodiff_lab.tensor.indexing.advanced import take_along_axis
from autodiff_lab.tensor.lengths import length_of
from autodiff_lab.tensor.opdef import Dims
from autodiff_lab.tensor.registry import function, public
from autodiff_lab.tensor.shaping import expand_dims, merged


class ArgSort(AlongAxis):
    """The places of the elements in increasing order, along an axis; ties keep their order."""

    op_name = "argsort"

    differentiable = False
    dtype = "int64"
    text = 'np.argsort({0}, axis={axis}, kind="stable")'


class Sort(AlongAxis):
    """The elements in increasing order, along an axis; each keeps its derivative."""

    op_name = "sort"
    words = "each element keeps its derivative, in the new order"
    text = "np.sort({0}, axis={axis})"

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        order = ArgSort(self.axis)
        back = order(order(inputs[0]))  # where each element went
        return [take_along_axis(cotangents[0], back, self.axis)]

    def pushforward(self, inputs: Variables, outputs: Variables, tangents: Tangents) -> Terms:
        """The tangents in the order of the elements."""
        return [take_along_axis(tangents[0], ArgSort(self.axis)(inputs[0]), self.axis)]


class ArgMax(AlongAxis):
    """The place of the largest element along an axis; the first one on a tie."""

    op_name = "argmax"
    differentiable = False
    dtype = "int64"
    text = "np.argmax({0}, axis={axis})"

    def out_dims(self, *dims: Dims) -> list[Dims]:
        return [dims[0][: self.axis] + dims[0][self.axis + 1 :]]


class ArgMin(ArgMax):
    """The place of the smallest element along an axis; the first one on a tie."""

    op_name = "argmin"
    text = "np.argmin({0}, axis={axis})"


@public(numpy=("sort",))
def sort(a: Any, axis: int | None = -1, kind: Any = None) -> Any:
    """The elements in increasing order along an axis, or (None) of the flattened array.

    Examples
    --------
    >>> sort([3.0, 1.0, 2.0]).eval().tolist()
    [1.0, 2.0, 3.0]
    """
    variable, place = one_line(a, axis)
    return Sort(place)(variable)


@public(numpy=("argsort",))
def argsort(a: Any, axis: int | None = -1, kind: Any = None) -> Any:
    """The places of the elements in increasing order; ties keep their order."""
    variable, place = one_line(a, axis)
    return ArgSort(place)(variable)


def _place_of_extremum(op: type[ArgMax], x: Any, axis: Any, keepdims: bool) -> Any:
    variable = as_tensor_variable(x)
    axes = normalize_axes(axis, variable)
    rank = variable.type.ndim
    gone = list(range(rank)) if axes is None else list(axes)
    if len(gone) == 1:
        result = op(gone[0])(variable)
    else:  # several axes count as one, in C order
        result = op(rank - len(gone))(merged(variable, gone))
    return expand_dims(result, gone) if keepdims and gone else result


@public(numpy=("argmax",))
def argmax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The place of the largest element over axes (counted in C order); the first one on a tie.

    Examples
    --------
    >>> int(argmax([3.0, 7.0, 7.0]).eval())
    1
    """
    return _place_of_extremum(ArgMax, x, axis, keepdims)


@public(numpy=("argmin",))
def argmin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The place of the smallest element over axes; the first one on a tie."""
    return _place_of_extremum(ArgMin, x, axis, keepdims)


@public()
def max_and_argmax(x: Any, axis: Any = None, keepdims: bool = False) -> list[Any]:
    """The largest element over axes, and its place."""
    return [function("max")(x, axis=axis, keepdims=keepdims), argmax(x, axis, keepdims)]


@public(numpy=("median",))
def median(x: Any, axis: int | None = None) -> Any:
    """The middle one of the elements in order, or the mean of the two in the middle.

    Examples
    --------
    >>> float(median([3.0, 1.0, 2.0, 10.0]).eval())
    2.5
    """
    variable, place = one_line(x, axis)
    ordered = dimshuffle(
        Sort(place)(variable), place, *(k for k in range(variable.type.ndim) if k != place)
    )
    count = length_of(ordered, 0)
    return (ordered[(count - 1) // 2] + ordered[count // 2]) / 2


@public(numpy=("ptp",))
def ptp(a: Any, axis: Any = None) -> Any:
    """The largest minus the smallest element over axes."""
    return function("max")(a, axis=axis) - function("min")(a, axis=axis)


@array_function(numpy=("bincount",))
def bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    """How often each whole number stands in a vector, or the sum of its weights.

    Examples
    --------
    >>> bincount([0, 2, 2]).eval().tolist()
    [1, 0, 2]
    """
    ones = function("ones_like")(x, dtype="int64")
    added = ones if weights is None else as_tensor_variable(weights)
    least = function("zeros")([1], dtype=x.type.dtype) + (minlength - 1)
    length = function("max")(function("join")(0, x, least)) + 1
    return function("inc_part")(function("zeros")([length], dtype=added.type.dtype), x, added)


@public(numpy=("compress",))
def compress(condition: Any, x: Any, axis: int | None = None) -> Any:
    """The parts along an axis where a vector of conditions holds."""
    return function("take")(x, function("flatnonzero")(condition), axis)
