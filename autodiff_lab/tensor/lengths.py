"""Lengths of axes: as numbers where they are known, as variables where they are not.

Ops that take lengths (`alloc`, `reshape`, ...) take one scalar input per length, so a length that
is known is a constant and the static shape follows.  Relies on `constants` and the registry.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from autodiff_lab.errors import LabTypeError, LabValueError
from autodiff_lab.graph import Constant, Variable, describe
from autodiff_lab.tensor import dtypes
from autodiff_lab.tensor.constants import as_tensor_variable, constant
from autodiff_lab.tensor.registry import function


def known_int(value: Any) -> int | None:
    """A whole number that is known now: a Python or NumPy integer, or a constant scalar."""
    if isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, int | np.integer):
        return int(value)
    data = value.data if isinstance(value, Constant) else value
    if isinstance(data, np.ndarray) and data.ndim == 0 and data.dtype.kind in "iu":
        return int(data)
    return None


def as_length(value: Any) -> Any:
    """One length (or index) as an integer scalar; int64 constants for numbers.

    Raises
    ------
    TypeError
        If it is no whole number.
    """
    known = known_int(value)
    if known is not None:
        return constant(known, dtype="int64")
    if isinstance(value, Variable):
        variable = as_tensor_variable(value)
        if variable.type.ndim == 0 and variable.type.dtype in dtypes.DISCRETE[1:]:
            return variable
        if variable.type.ndim == 1 and variable.type.shape == (1,):
            return as_length(variable[0])
        raise LabTypeError(
            "Shape arguments must be integer types: scalars, one per axis.",
            where=describe(variable), remedy="cast(n, 'int64') makes a whole number",
        )
    raise LabTypeError(f"Shape arguments must be integer types, not {value!r:.60}.")


def as_lengths(shape: Any) -> list[Any]:
    """A shape as a list of scalars: a number, a sequence, or a vector of known length."""
    if isinstance(shape, Variable):
        variable = as_tensor_variable(shape)
        if variable.type.ndim == 0:
            return [as_length(variable)]
        return [as_length(entry) for entry in elements_of(variable, "A shape")]
    if isinstance(shape, np.ndarray):
        shape = shape.tolist()
    if isinstance(shape, list | tuple):
        return [as_length(entry) for entry in shape]
    return [as_length(shape)]


def elements_of(vector: Any, role: str) -> list[Any]:
    """The entries of a vector whose length is known, as scalars."""
    if vector.type.ndim != 1:
        raise LabTypeError(f"{role} is a vector of whole numbers.", where=describe(vector))
    length = vector.type.shape[0]
    if length is None:
        raise LabValueError(
            f"{role} must have a length that is known.", where=describe(vector),
            remedy="specify_shape(s, (2,)) says it; a tuple of scalars does too",
        )
    if isinstance(vector, Constant):
        return [constant(entry) for entry in vector.data]
    return [vector[position] for position in range(length)]


def static_lengths(lengths: Sequence[Any]) -> tuple[int | None, ...]:
    """What is known of a list of lengths.

    Raises
    ------
    ValueError
        If one is negative.
    """
    known = tuple(known_int(entry) for entry in lengths)
    for length in known:
        if length is not None and length < 0:
            raise LabValueError(f"A length cannot be negative: {known}.")
    return known


def lengths_met(shapes: Sequence[tuple[int | None, ...]]) -> Iterator[set[Any]]:
    """For each axis of arrays that are stretched to each other the lengths that meet there."""
    for axis in range(-max(map(len, shapes), default=0), 0):
        yield {dims[axis] for dims in shapes if len(dims) >= -axis}


def length_of(variable: Any, axis: int) -> Any:
    """The length of an axis: a constant where it is known, else ``shape(variable)[axis]``."""
    known = variable.type.shape[axis]
    if known is not None:
        return constant(known, dtype="int64")
    return function("shape")(variable)[axis]


def combined(operator: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    """The sum, product, ... of two lengths: a number where both are known."""
    known, other = known_int(left), known_int(right)
    if known is None or other is None:
        return operator(left, right)
    return operator(known, other)


def lengths_of(variable: Any) -> list[Any]:
    """The lengths of all axes."""
    return [length_of(variable, axis) for axis in range(variable.type.ndim)]


def element_count(variable: Any, axes: Sequence[int] | None = None) -> Any:
    """The number of elements along some axes (all of them by default), as an int64 scalar."""
    chosen = range(variable.type.ndim) if axes is None else axes
    lengths = [length_of(variable, axis) for axis in chosen]
    known = math.prod(entry for entry in map(known_int, lengths) if entry is not None)
    unknown = [entry for entry in lengths if known_int(entry) is None]
    factors = [constant(known, dtype="int64"), *unknown] if known != 1 or not unknown else unknown
    return functools.reduce(function("mul"), factors)
