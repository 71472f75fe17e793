"""Functions of places: `searchsorted`, `unique`, `topk`, `choose`, `unravel_index`.

Places are whole numbers and move in jumps.  What stands there is read by indexing, so values have
the derivatives of indexing.
"""

from __future__ import annotations

import functools
from typing import Any

from autodiff_lab.errors import LabValueError, one_of
from autodiff_lab.graph import describe
from autodiff_lab.tensor.along import along, one_line
from autodiff_lab.tensor.constants import array_function, as_tensor_variable
from autodiff_lab.tensor.indexing.advanced import take_along_axis
from autodiff_lab.tensor.lengths import as_lengths, known_int, length_of
from autodiff_lab.tensor.opdef import Dims, TensorOp
from autodiff_lab.tensor.registry import function, public
from autodiff_lab.tensor.shaping import expand_dims, flatten
from autodiff_lab.tensor.sorting import argsort
from autodiff_lab.tensor.type import TensorType


class SearchSorted(TensorOp):
    """Where values would stand in a vector in increasing order."""

    op_name = "searchsorted"
    __props__ = ("side",)
    differentiable = False
    dtype = "int64"
    text = "np.searchsorted({0}, {1}, side={side!r})"

    samples = staticmethod(lambda rng: [
        ("searchsorted", ([1.0, 2.0, 2.0, 3.5], rng.uniform(0, 4, size=(2, 3))), {}),
        ("searchsorted", ([1.0, 2.0, 2.0, 3.5], 2.0, "right"), {}),
    ])

    def __init__(self, side: str) -> None:
        self.side = side

    def out_dims(self, *dims: Dims) -> list[Dims]:
        return [dims[1]]


@array_function(numpy=("searchsorted",), arrays=2)
def searchsorted(x: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    """Where values would stand in a vector in increasing order.

    Parameters
    ----------
    x : vector, in increasing order (after `sorter`, if that is given)
    v : tensor_like
    side : {"left", "right"}
        Before or behind elements that are equal.
    sorter : vector of whole numbers, optional
        What `argsort` says of `x`.

    Examples
    --------
    >>> searchsorted([1.0, 2.0, 3.0], [2.0, 9.0]).eval().tolist()
    [1, 3]
    """
    if x.type.ndim != 1 or side not in ("left", "right"):
        raise LabValueError("searchsorted takes a vector, and 'left' or 'right'.",
                            where=f"{describe(x)}, side={side!r}")
    return SearchSorted(side)(x if sorter is None else function("take")(x, sorter), v)


class UniquePlaces(TensorOp):
    """First place, number and count of each value of a vector.

    First place and count of each value of a vector, and which value each element is.
    """

    op_name = "unique_places"
    __props__ = ()
    differentiable = False
    text = "np.unique({0}, return_index=True, return_inverse=True, return_counts=True)[1:]"

    samples = staticmethod(lambda rng: [("unique", (rng.permutation(6) * 0.7,), {})])

    def out_dtypes(self, *inputs: TensorType) -> list[str]:
        return ["int64"] * 3

    def out_dims(self, *dims: Dims) -> list[Dims]:
        return [(None,), dims[0], (None,)]


@array_function(numpy=("unique",))
def unique(
    ar: Any, return_index: bool = False, return_inverse: bool = False,
    return_counts: bool = False, axis: int | None = None,
) -> Any:
    """The values of an array, each once, in increasing order.

    Parameters
    ----------
    ar : tensor_like
    return_index, return_inverse, return_counts : bool
        Give also the first place of each value, which value each element is, how often each is.
    axis : None
        Whole rows are not compared.

    Examples
    --------
    >>> unique([3.0, 1.0, 3.0]).eval().tolist()
    [1.0, 3.0]
    """
    if axis is not None:
        raise LabValueError("unique compares elements, not rows.", where=f"axis={axis}")
    flat = flatten(ar)
    places = UniquePlaces().make_node(flat).outputs
    wanted = (return_index, return_inverse, return_counts)
    results = [flat[places[0]], *(p for p, asked in zip(places, wanted) if asked)]
    return results if len(results) > 1 else results[0]


@public()
def topk_and_argtopk(
    x: Any, kth: int, axis: int | None = -1, sorted: bool = True, idx_dtype: str = "int64"
) -> list[Any]:
    """The largest elements along an axis, in increasing order, and their places.

    Parameters
    ----------
    x : tensor_like
    kth : int
        How many; a negative number asks for the smallest ones.
    axis : int, optional
    sorted : bool
        Accepted; the result is in order in any case.
    idx_dtype : str
        The dtype of the places.

    Examples
    --------
    >>> [v.eval().tolist() for v in topk_and_argtopk([4.0, 9.0, 7.0], 2)]
    [[7.0, 9.0], [2, 1]]
    """
    count = known_int(kth)
    if not count:
        raise LabValueError(f"topk needs a count other than 0, not {kth!r}.")
    line, place = one_line(x, axis)
    part = slice(-count, None) if count > 0 else slice(None, -count)
    places = argsort(line, place)[along(place, part)]
    return [take_along_axis(line, places, place), function("cast")(places, idx_dtype)]


@public()
def topk(x: Any, kth: int, axis: int | None = -1, sorted: bool = True) -> Any:
    """The largest elements along an axis; see `topk_and_argtopk`."""
    return topk_and_argtopk(x, kth, axis)[0]


@public()
def argtopk(
    x: Any, kth: int, axis: int | None = -1, sorted: bool = True, idx_dtype: str = "int64"
) -> Any:
    """The places of the largest elements along an axis; see `topk_and_argtopk`."""
    return topk_and_argtopk(x, kth, axis, idx_dtype=idx_dtype)[1]


@array_function(numpy=("choose",))
def choose(a: Any, choices: Any, mode: str = "raise") -> Any:
    """For each whole number of `a` the element of the array that it counts out.

    Parameters
    ----------
    a : tensor_like of whole numbers
    choices : sequence of tensor_like, or one array
        The arrays (or the entries along the first axis); all are stretched to one shape with `a`.
    mode : {"raise", "wrap", "clip"}
        What becomes of numbers outside.

    Examples
    --------
    >>> choose([1, 0], [[1.0, 2.0], [10.0, 20.0]]).eval().tolist()
    [10.0, 2.0]
    """
    one_of(mode, ("raise", "clip", "wrap"), f"choose does not know mode={mode!r}.")
    arrays = [as_tensor_variable(choice) for choice in choices]
    zeros = [function("zeros_like")(value) for value in (a, *arrays)]
    shape = functools.reduce(function("add"), zeros)
    index, *arrays = [function("second")(shape, value) for value in (a, *arrays)]
    count = len(arrays)
    if mode == "raise":  # a negative number is outside, too
        index = function("switch")(index < 0, count, index)
    else:
        index = index % count if mode == "wrap" else function("clip")(index, 0, count - 1)
    return take_along_axis(function("stack")(arrays), expand_dims(index, 0), 0)[0]


@array_function(numpy=("unravel_index",))
def unravel_index(indices: Any, dims: Any, order: str = "C") -> list[Any]:
    """The places, axis by axis, of places in the flattened array of a shape.

    Examples
    --------
    >>> [int(place.eval()) for place in unravel_index(5, (2, 3))]
    [1, 2]
    """
    lengths = as_lengths(dims)
    found: list[Any] = []
    for length in lengths[::-1] if order == "C" else lengths:
        found.append(function("cast")(indices % length, "int64"))
        indices = indices // length
    return found[::-1] if order == "C" else found


@public(numpy=("bartlett",))
def bartlett(M: Any) -> Any:
    """A window of `M` points that rises from 0 to 1 and falls back to 0 in straight lines.

    Examples
    --------
    >>> bartlett(5).eval().tolist()
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    count = function("arange")(M)
    last = length_of(count, 0) - 1
    return 1 - abs(2 * count - last) / function("maximum")(last, 1)
