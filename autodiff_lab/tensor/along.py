"""Ops that work along axes: how their axes are given, and the frames of such ops.

`AlongAxis` is for ops that run along one axis, `OverAxes` for those that take several together.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff_lab.errors import LabIndexError, LabTypeError, LabValueError
from autodiff_lab.graph import Apply, Constant, Flags, Terms, Variables, describe
from autodiff_lab.tensor.constants import as_tensor_variable
from autodiff_lab.tensor.lengths import known_int
from autodiff_lab.tensor.opdef import Dims, TensorOp
from autodiff_lab.tensor.registry import function

Axes = tuple[int, ...] | None


def one_axis(variable: Any, axis: Any, rank: int | None = None) -> int:
    """An axis as a number from 0; `rank` says how many there are, if not those of the variable.

    Raises
    ------
    IndexError
        If there is no such axis.
    """
    number, rank = known_int(axis), variable.type.ndim if rank is None else rank
    if number is None:
        raise LabTypeError(f"An axis is a whole number, not {axis!r}.", where=describe(variable))
    if not -rank <= number < rank:
        raise LabIndexError(
            f"Axis {number} does not exist.", where=describe(variable), why=f"it has {rank} axes"
        )
    return number % rank


def entries_of(axis: Any) -> list[Any]:
    """Axes or lengths given as one number, a list, a tuple or an array."""
    data = axis.data if isinstance(axis, Constant) else axis
    if isinstance(data, list | tuple):
        return list(data)
    return data.tolist() if isinstance(data, np.ndarray) and data.ndim else [data]


def some_axes(variable: Any, axis: Any) -> list[int]:
    """Axes as numbers from 0, in the order given.

    Raises
    ------
    ValueError
        If one stands twice.
    """
    found = [one_axis(variable, entry) for entry in entries_of(axis)]
    if len(set(found)) < len(found):
        raise LabValueError(f"An axis stands twice in axis={axis}.")
    return found


def normalize_axes(axis: Any, variable: Any) -> Axes:
    """Axes as a sorted tuple of numbers from 0; None for all of them."""
    if axis is None:
        return None
    found = some_axes(variable, axis)
    return None if len(found) == variable.type.ndim > 0 else tuple(sorted(found))


def one_line(array: Any, axis: Any) -> tuple[Any, int]:
    """An array and one axis of it: the flattened array for None."""
    variable = as_tensor_variable(array)
    if axis is None:
        return function("flatten")(variable), 0
    return variable, one_axis(variable, axis)


def along(axis: int, entry: Any) -> tuple[Any, ...]:
    """The key that indexes one axis."""
    return (slice(None),) * axis + (entry,)


def reversed_along(x: Any, axis: int) -> Any:
    """An array read backwards along one axis."""
    return function("subtensor")(x, along(axis, slice(None, None, -1)))


class AlongAxis(TensorOp):
    """The frame of what runs along one axis of its first input."""

    __props__ = ("axis",)

    def __init__(self, axis: int) -> None:
        self.axis = axis

    @classmethod
    def samples(cls, rng: Any) -> list[Any]:
        """A vector, both axes of a matrix, all elements."""
        name, matrix = cls.op_name, rng.normal(size=(3, 4))
        return [(name, (rng.normal(size=5),), {}), (name, (matrix,), {"axis": 0}),
                (name, (matrix,), {"axis": -1}), (name, (matrix,), {"axis": None})]

    def batch(self, node: Apply, inputs: Variables, batched: Flags) -> Terms | None:
        """The same along the axis of every entry."""
        return None if any(batched[1:]) else [type(self)(self.axis + 1)(*inputs)]


class OverAxes(TensorOp):
    """The frame of what takes the elements over some axes together; None: over all.

    `helper` computes it from an array and the axes.
    """

    __props__: tuple[str, ...] | None = ("axis",)
    helper = ""

    def __init__(self, axis: Axes = None) -> None:
        self.axis = axis

    @classmethod
    def samples(cls, rng: Any) -> list[Any]:
        """All axes, one, several."""
        name, matrix = cls.op_name, rng.normal(size=(3, 4))
        return [
            (name, (rng.normal(size=4),), {}),
            (name, (matrix,), {}),
            (name, (matrix,), {"axis": -1}),
            (name, (rng.normal(size=(2, 3, 2)),), {"axis": (0, 2)}),
        ]

    def numpy(self, node: Apply, *arguments: str) -> str:
        ndim: int = node.inputs[0].type.ndim  # type: ignore[attr-defined]
        return f"{self.helper}({arguments[0]}, {self.axes(ndim)})"

    def axes(self, ndim: int) -> tuple[int, ...]:
        """The axes that are taken together, of an array of this rank."""
        return tuple(range(ndim)) if self.axis is None else self.axis

    def kept_dims(self, dims: Dims) -> Dims:
        """The lengths of the other axes."""
        gone = self.axes(len(dims))
        return tuple(length for axis, length in enumerate(dims) if axis not in gone)

    def batch(self, node: Apply, inputs: Variables, batched: Flags) -> Terms:
        """The same of every entry along a leading axis."""
        axes = tuple(axis + 1 for axis in self.axes(inputs[0].type.ndim - 1))
        others = (getattr(self, name) for name in (self.__props__ or ())[1:])
        return [type(self)(axes, *others)(inputs[0])]
