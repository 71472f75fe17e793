"""Parts put elsewhere or repeated: `diff`, `trapezoid`, `flip`, `roll`, `repeat`, `tile`."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from autodiff_lab.errors import LabValueError
from autodiff_lab.graph import DISCONNECTED, Terms, Variables, describe
from autodiff_lab.tensor.along import (
    AlongAxis, along, normalize_axes, one_axis, one_line, reversed_along,
)
from autodiff_lab.tensor.axes import dimshuffle
from autodiff_lab.tensor.constants import array_function, as_tensor_variable
from autodiff_lab.tensor.lengths import combined, known_int, length_of, lengths_of
from autodiff_lab.tensor.opdef import Dims, calls, drawn
from autodiff_lab.tensor.registry import function
from autodiff_lab.tensor.shaping import flatten


class Repeat(AlongAxis):
    """Each part along an axis, repeated as often as a vector of counts says."""

    op_name = "repeat"
    words = "what was repeated adds up"
    linear_in = (0,)
    data_inputs = 1
    text = "np.repeat({0}, {1}, axis={axis})"

    samples = calls(  # counts of all elements, along both axes, one count
        ("repeat", drawn(3), [2, 0, 1]), ("repeat", drawn(2, 3), [2, 0, 1], 1),
        ("repeat", drawn(2, 3), [1, 3], 0), ("repeat", drawn(2, 3), 2),
    )

    def out_dims(self, *dims: Dims) -> list[Dims]:
        return [(*dims[0][: self.axis], None, *dims[0][self.axis + 1 :])]

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        x, counts = inputs
        places = Repeat(0)(function("arange")(length_of(x, self.axis)), counts)
        empty = function("zeros_like")(x, dtype=cotangents[0].type.dtype)
        return [function("inc_part")(empty, along(self.axis, places), cotangents[0]), DISCONNECTED]


@array_function(numpy=("repeat",), arrays=2)
def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    """Each part along an axis (each element, for None) repeated.

    Parameters
    ----------
    x : tensor_like
    repeats : int, scalar or vector
        How often: one number for all, or one for each.
    axis : int, optional

    Examples
    --------
    >>> repeat([1.0, 2.0], 2).eval().tolist()
    [1.0, 1.0, 2.0, 2.0]
    """
    x, place = one_line(x, axis)
    if repeats.type.ndim == 1 and repeats.type.shape != (1,):
        return Repeat(place)(x, repeats)
    if repeats.type.ndim:
        repeats = repeats[0]
    lengths = lengths_of(x)
    rank = x.type.ndim
    wide = dimshuffle(x, *range(place + 1), "x", *range(place + 1, rank))
    wide = function("alloc")(wide, *lengths[: place + 1], repeats, *lengths[place + 1 :])
    lengths[place] = combined(operator.mul, lengths[place], repeats)
    return function("reshape")(wide, lengths)


@array_function(numpy=("tile",))
def tile(A: Any, reps: Any) -> Any:
    """The whole array repeated along each axis.

    Examples
    --------
    >>> tile([1.0, 2.0], 2).eval().tolist()
    [1.0, 2.0, 1.0, 2.0]
    """
    counts = list(reps) if isinstance(reps, list | tuple) else [reps]
    rank = max(A.type.ndim, len(counts))
    A = function("atleast_rank")(A, rank)
    counts = [1] * (rank - len(counts)) + counts
    lengths = lengths_of(A)
    wide = dimshuffle(A, *(entry for axis in range(rank) for entry in ("x", axis)))
    wide = function("alloc")(wide, [n for pair in zip(counts, lengths) for n in pair])
    return function("reshape")(
        wide, [combined(operator.mul, length, count) for length, count in zip(lengths, counts)]
    )


@array_function(numpy=("flip",))
def flip(x: Any, axis: Any = None) -> Any:
    """The array read backwards along axes, by default along all."""
    axes = normalize_axes(axis, x)
    for place in range(x.type.ndim) if axes is None else axes:
        x = reversed_along(x, place)
    return x


@array_function(numpy=("roll",))
def roll(x: Any, shift: Any, axis: Any = None) -> Any:
    """Elements moved along axes; those that leave at the end come in at the start.

    Parameters
    ----------
    x : tensor_like
    shift : int or scalar, or one per axis
    axis : int or tuple of int, optional
        By default the flattened array.

    Examples
    --------
    >>> roll([1.0, 2.0, 3.0], 1).eval().tolist()
    [3.0, 1.0, 2.0]
    """
    if axis is None:
        lengths = lengths_of(x)
        return function("reshape")(roll(flatten(x), shift, 0), lengths)
    axes: Sequence[Any] = axis if isinstance(axis, list | tuple) else [axis]
    shifts = shift if isinstance(shift, list | tuple) else [shift] * len(axes)
    for entry, amount in zip(axes, shifts):
        place = one_axis(x, entry)
        known, number = x.type.shape[place], known_int(amount)
        if known is not None and number is not None:
            cut: Any = -number % max(known, 1)
        else:
            cut = -as_tensor_variable(amount) % function("maximum")(length_of(x, place), 1)
        start, rest = along(place, slice(None, cut)), along(place, slice(cut, None))
        x = function("join")(place, x[rest], x[start])
    return x


@array_function(numpy=("diff",))
def diff(x: Any, n: int = 1, axis: int = -1) -> Any:
    """Each element minus the one before it along an axis, n times.

    Examples
    --------
    >>> diff([1.0, 4.0, 9.0]).eval().tolist()
    [3.0, 5.0]
    """
    if x.type.ndim == 0 or n < 0:
        raise LabValueError("diff takes an axis, and n of at least 0.", where=describe(x))
    place = one_axis(x, axis)
    different = "xor" if x.type.dtype == "bool" else "sub"
    for _ in range(n):
        later, before = along(place, slice(1, None)), along(place, slice(None, -1))
        x = function(different)(x[later], x[before])
    return x


@array_function(numpy=("trapezoid",))
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """The integral of sampled values along an axis by the trapezoidal rule.

    Parameters
    ----------
    y : tensor_like
        The values.
    x : tensor_like, optional
        Where they were taken; else they are `dx` apart.
    dx : scalar
    axis : int

    Examples
    --------
    >>> float(trapezoid([1.0, 3.0], [0, 4]).eval())
    8.0
    """
    last = function("swapaxes")(y, axis, -1)
    if x is not None:
        x = as_tensor_variable(x)
        dx = diff(x if x.type.ndim == 1 else function("swapaxes")(x, axis, -1))
    return function("sum")(dx * (last[..., 1:] + last[..., :-1]) / 2, axis=-1)
