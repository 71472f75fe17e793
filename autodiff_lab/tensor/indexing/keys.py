"""Keys: what stands between the brackets of ``x[...]``, taken apart.

A *pattern* has one entry per axis: a known index, a `Slice`, or `VARIABLE` for an index that is an
input of the op.  It is a hashable value, so two equal keys make equal ops.  Ellipsis and new axes
are gone from it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from autodiff_lab.errors import LabIndexError, LabTypeError
from autodiff_lab.graph import Variable, describe
from autodiff_lab.tensor import dtypes
from autodiff_lab.tensor.constants import as_tensor_variable
from autodiff_lab.tensor.lengths import as_length, known_int


class _Symbol:
    """The mark of an index that is an input of the op."""

    def __repr__(self) -> str:
        return "VARIABLE"

    def __reduce__(self) -> str:
        return "VARIABLE"


VARIABLE = _Symbol()


@dataclasses.dataclass(frozen=True)
class Slice:
    """A slice; each part is a number, None, or `VARIABLE`."""

    start: Any = None
    stop: Any = None
    step: Any = None

    def __repr__(self) -> str:
        return self.text(iter(["?"] * 3))

    @property
    def parts(self) -> tuple[Any, Any, Any]:
        """Start, stop and step."""
        return (self.start, self.stop, self.step)

    @property
    def is_full(self) -> bool:
        """Whether it takes the whole axis as it is."""
        return self.parts == (None, None, None)

    def text(self, names: Iterator[str]) -> str:
        """As Python writes it, with names for the parts that are inputs."""
        words = [
            "" if part is None else next(names) if part is VARIABLE else str(part)
            for part in self.parts
        ]
        return ":".join(words if self.step is not None else words[:2])


Pattern = tuple[Any, ...]


def key_text(pattern: Pattern, names: Sequence[str]) -> str:
    """A key as Python writes it, with names for the indices that are inputs.

    Examples
    --------
    >>> key_text((0, Slice(None, VARIABLE), VARIABLE), ["n", "i"])
    '0, :n, i'
    """
    rest = iter(names)
    words = [
        entry.text(rest) if isinstance(entry, Slice)
        else next(rest) if entry is VARIABLE else str(entry)
        for entry in pattern
    ]
    return ", ".join(words) or "()"


def take_apart(variable: Any, key: Any) -> tuple[Pattern, list[Any], list[int]]:
    """A key as (pattern, inputs, places of new axes in the result).

    Raises
    ------
    IndexError
        If there are more indices than axes, or a known index is outside.
    TypeError
        If an entry cannot be an index.
    """
    entries = without_dots(variable, list(key) if isinstance(key, tuple) else [key])
    pattern: list[Any] = []
    inputs: list[Any] = []
    new_axes: list[int] = []
    place = 0
    for entry in entries:
        if entry is None:
            new_axes.append(place)
            place += 1
            continue
        found = entry_of(variable, len(pattern), entry, inputs)
        place += isinstance(found, Slice)
        pattern.append(found)
    return tuple(pattern), inputs, new_axes


def without_dots(variable: Any, entries: list[Any]) -> list[Any]:
    """The entries of a key with slices in the place of ``...``."""
    used = sum(
        entry.type.ndim if _is_mask(entry) else entry is not None and entry is not Ellipsis
        for entry in entries
    )
    rank = variable.type.ndim
    if used > rank:
        raise LabIndexError(f"Too many indices: {used} for {rank} axes.", where=describe(variable))
    dots = [place for place, entry in enumerate(entries) if entry is Ellipsis]
    if len(dots) > 1:
        raise LabIndexError("An index can have only one `...`.")
    if dots:
        entries[dots[0] : dots[0] + 1] = [slice(None)] * (rank - used)
    return entries


def _is_mask(entry: Any) -> bool:
    return isinstance(entry, Variable) and getattr(entry.type, "dtype", "") == "bool"


def is_advanced(key: Any) -> bool:
    """Whether a key has an array of whole numbers, a list or a mask among its entries."""
    return any(
        isinstance(entry, list | np.bool_ | bool)
        or (isinstance(entry, np.ndarray) and (entry.ndim > 0 or entry.dtype == bool))
        or (isinstance(entry, Variable) and (getattr(entry.type, "ndim", 0) > 0 or _is_mask(entry)))
        for entry in (key if isinstance(key, tuple) else (key,))
    )


def as_index(variable: Any, entry: Any) -> Any:
    """An array, list or mask of a key as a variable; other entries as they are.

    Raises
    ------
    TypeError
        If it does not hold whole numbers or booleans.
    """
    if isinstance(entry, list) and not entry:
        entry = np.zeros(0, "int64")
    if isinstance(entry, list | np.ndarray | np.bool_ | bool):
        entry = as_tensor_variable(entry)
    if isinstance(entry, Variable):
        dtype = getattr(entry.type, "dtype", str(entry.type))
        if dtype not in dtypes.DISCRETE:
            raise _no_index(variable, entry, dtype)
    return entry


def _no_index(variable: Any, entry: Any, dtype: str) -> LabTypeError:
    return LabTypeError(
        f"Expected an integer as index, got {entry!r:.60} ({dtype}).", where=describe(variable),
        remedy="whole numbers, slices, None and `...` index; cast(i, 'int64') makes one",
    )


def entry_of(variable: Any, axis: int, entry: Any, inputs: list[Any]) -> Any:
    """One entry of a pattern; indices that are variables go to `inputs`."""
    if isinstance(entry, slice):
        given = (entry.start, entry.stop, entry.step)
        parts = [None if part is None else _part(variable, part, inputs) for part in given]
        if parts[2] == 0:
            raise LabIndexError("The step of a slice cannot be 0.")
        return Slice(*parts)
    number = _part(variable, entry, inputs)
    if number is not VARIABLE:
        check_bounds(variable, axis, np.asarray(number))
    return number


def check_bounds(variable: Any, axis: int, indices: np.ndarray) -> None:
    """Raise if one of these indices of an axis is outside its length, where that is known."""
    length = variable.type.shape[axis]
    if length is None:
        return
    outside = indices[(indices < -length) | (indices >= length)]
    if outside.size:
        raise LabIndexError(
            f"Index {outside.flat[0]} is out of bounds for axis {axis} with length {length}.",
            where=describe(variable),
            remedy=f"indices go from 0 to {length - 1}; -1 is the last" if length else
            "the axis is empty",
        )


def _part(variable: Any, part: Any, inputs: list[Any]) -> Any:
    _refuse(variable, part)
    number = known_int(part)
    if number is not None:
        return number
    inputs.append(as_length(part))
    return VARIABLE


def _refuse(variable: Any, entry: Any) -> None:
    """Raise if an entry is no whole number."""
    if isinstance(entry, Variable):
        dtype = getattr(entry.type, "dtype", str(entry.type))
        rank = getattr(entry.type, "ndim", 0)
    elif isinstance(entry, np.ndarray | np.generic):
        dtype, rank = entry.dtype.name, entry.ndim
    else:
        dtype, rank = ("int64" if type(entry) is int else type(entry).__name__), 0
    if dtype not in dtypes.DISCRETE[1:] or rank > 0:
        if rank == 1 and getattr(getattr(entry, "type", None), "shape", None) == (1,):
            return
        raise _no_index(variable, entry, dtype)
