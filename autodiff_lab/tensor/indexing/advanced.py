"""Indexing by arrays of whole numbers and by boolean masks; reading, setting and adding.

A mask is the index arrays of its true places (`NonZero`).  Arrays and numbers of a key are
*advanced* entries: they broadcast against each other, and their axes stand in the result where the
entries stand, or first if slices lie between them, as NumPy has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autodiff_lab.errors import LabIndexError, LabTypeError
from autodiff_lab.graph import Apply, Constant, Flags, Terms, Variables, describe
from autodiff_lab.tensor import dtypes
from autodiff_lab.tensor.along import along, one_line
from autodiff_lab.tensor.axes import dimshuffle, padded
from autodiff_lab.tensor.constants import array_function, as_tensor_variable, constant
from autodiff_lab.tensor.creation import repeated
from autodiff_lab.tensor.elemwise import Elemwise
from autodiff_lab.tensor.indexing.basic import (
    WITH_ALL_ADDED, IncSubtensor, OfPart, Subtensor, part_dims,
)
from autodiff_lab.tensor.indexing.keys import (
    VARIABLE, Pattern, Slice, as_index, check_bounds, entry_of, without_dots,
)
from autodiff_lab.tensor.lengths import element_count, length_of, lengths_met, lengths_of
from autodiff_lab.tensor.opdef import Dims, TensorOp, calls, define_helper, drawn
from autodiff_lab.tensor.registry import function, public
from autodiff_lab.tensor.shaping import flatten
from autodiff_lab.tensor.type import TensorType

ARRAY, SLICE, NEW = "array", "slice", "new"


PLACES_IN = define_helper(
    "places_in",
    '''
def places_in(mask, lengths):
    """np.nonzero of a mask of these lengths."""
    for axis in range(mask.ndim):
        if mask.shape[axis] != lengths[axis]:
            raise IndexError(
                f"boolean index did not match indexed array along axis {axis}; size of axis is "
                f"{lengths[axis]} but size of corresponding boolean axis is {mask.shape[axis]}"
            )
    return np.nonzero(mask)
''',
)


class NonZero(TensorOp):
    """The places of the elements that are not 0: one vector of indices per axis.

    Further inputs are the lengths of the array that is indexed; a mask must have them.
    """

    op_name = "nonzero"
    __props__ = ()
    differentiable = False
    data_inputs = 0

    samples = calls(("nonzero", drawn(4)), ("nonzero", drawn(2, 3)))

    def make_node(self, *inputs: Any) -> Apply:
        variable = as_tensor_variable(inputs[0])
        data = variable.data if isinstance(variable, Constant) else None
        kind = TensorType("int64", (None if data is None else int(np.count_nonzero(data)),))
        outputs = [kind.make_variable() for _ in range(variable.type.ndim)]
        return Apply(self, [variable, *inputs[1:]], outputs)

    def numpy(self, node: Apply, *arguments: str) -> str:
        mask, *lengths = arguments
        finder, more = (PLACES_IN, f", ({', '.join(lengths)},)") if lengths else ("np.nonzero", "")
        return f"{finder}({mask}{more}){'[0]' if node.nout == 1 else ''}"


@array_function(numpy=("nonzero",))
def nonzero(a: Any) -> tuple[Any, ...]:
    """The places of the elements that are not 0: one vector of indices per axis.

    Examples
    --------
    >>> [index.eval().tolist() for index in nonzero([[0, 2], [3, 0]])]
    [[0, 1], [1, 0]]
    """
    if a.type.ndim == 0:
        raise LabTypeError("A scalar has no places.", where=describe(a))
    return tuple(NonZero().make_node(a).outputs)


@public(numpy=("flatnonzero",))
def flatnonzero(a: Any) -> Any:
    """The places of the elements that are not 0 in the flattened array."""
    return nonzero(flatten(a))[0]


# -- how axes stand ------------------------------------------------------------------------------


def kinds_of(pattern: Pattern, rank: int) -> list[str]:
    """`SLICE` or `ARRAY` for each axis of an array of some rank."""
    found = [SLICE if isinstance(entry, Slice) else ARRAY for entry in pattern]
    return found + [SLICE] * (rank - len(pattern))


def slices_before(kinds: Sequence[str]) -> int:
    """How many axes of the result stand before those of the index arrays."""
    places = [place for place, kind in enumerate(kinds) if kind == ARRAY]
    together = places[-1] - places[0] + 1 == len(places)
    return places[0] if together else 0


def index_inputs(pattern: Pattern, inputs: Sequence[Any]) -> list[int]:
    """The places among the inputs of those that are whole entries, not parts of slices."""
    found, place = [], 0
    for entry in pattern:
        if isinstance(entry, Slice):
            place += sum(part is VARIABLE for part in entry.parts)
        elif entry is VARIABLE:
            found.append(place)
            place += 1
    return found


def _broadcast(arrays: Sequence[Any]) -> Dims:
    """The static shape of index arrays stretched to each other."""
    dims: list[int | None] = []
    for lengths in lengths_met([array.type.shape for array in arrays]):
        known = lengths - {1, None}
        if len(known) > 1:
            raise LabIndexError(
                f"Index arrays of lengths {', '.join(map(str, sorted(known)))} do not fit.",
                where=" and ".join(map(describe, arrays)), why="they are taken element by element",
                remedy="i[:, None] and j[None, :] take all pairs",
            )
        dims.append(next(iter(known)) if known else None if None in lengths else 1)
    return tuple(dims)


def _rank_of_indices(pattern: Pattern, inputs: Sequence[Any]) -> int:
    return max((inputs[k].type.ndim for k in index_inputs(pattern, inputs)), default=0)


class _ArrayKeys(OfPart):
    """What reading and changing by index arrays share."""

    def reading(self) -> Any:
        return AdvancedSubtensor(self.pattern)

    def changing(self, replace: bool = False) -> Any:
        return AdvancedIncSubtensor(self.pattern, replace)

    def as_indices(self, given: Sequence[Any]) -> list[Any]:
        indices = [as_tensor_variable(value) for value in given]
        for index in indices:
            if index.type.dtype not in dtypes.DISCRETE[1:]:
                raise LabTypeError("An index is a whole number.", where=describe(index))
        return indices

    def part_dims(self, dims: Dims, indices: Sequence[Any]) -> Dims:
        rest = part_dims(dims, self.pattern, indices)
        arrays = [indices[k] for k in index_inputs(self.pattern, indices)]
        before = slices_before(kinds_of(self.pattern, len(dims)))
        return (*rest[:before], *_broadcast(arrays), *rest[before:])

    def with_batch(
        self, source: Any, indices: Sequence[Any], batched: Flags
    ) -> tuple[Pattern, list[Any]] | None:
        """Key and indices that also take the leading axis of a batch, entry by entry."""
        whole = index_inputs(self.pattern, indices)
        if any(flag and k not in whole for k, flag in enumerate(batched)):
            return None
        rank = max((indices[k].type.ndim - batched[k] for k in whole), default=0)
        found = list(indices)
        for k in whole:
            if batched[k]:
                found[k] = padded(indices[k], rank + 1)
        if source is None:
            return self.pattern, found
        count = function("arange")(length_of(source, 0))
        return (VARIABLE, *self.pattern), [dimshuffle(count, 0, *["x"] * rank), *found]


class AdvancedSubtensor(_ArrayKeys, Subtensor):
    """A part of an array, by arrays of whole numbers or masks.

    A part of an array, by arrays of whole numbers: ``x[[0, 2], :]``.

    Parameters
    ----------
    pattern : tuple
        As in `Subtensor`; inputs that stand for `VARIABLE` may be arrays.
    """

    op_name = "advanced_subtensor"
    __props__ = ("pattern",)
    words = "only the chosen elements matter"
    linear_in = (0,)

    samples = calls(  # rows, pairs, slices between arrays, a mask
        ("subtensor", drawn(3, 4), [0, 2, 2]), ("subtensor", drawn(3, 4), ([[0], [1]], [3, 1])),
        ("subtensor", drawn(2, 3, 4), (slice(None), [0, 2], slice(1, 3))),
        ("subtensor", drawn(2, 3, 4), ([1, 0, 1], slice(None), [0, 3, 0])),
        ("subtensor", drawn(2, 3, 4), (slice(None), [[True, False, True, True]] * 3)),
    )

    @property
    def name(self) -> str:
        return "subtensor"  # written and shown as any other part

    def batch(self, node: Apply, inputs: Variables, batched: Flags) -> Terms | None:
        """The same part of every entry; index arrays may be batched, too."""
        source, *indices = inputs
        kind: Any = node.inputs[0].type
        kinds = kinds_of(self.pattern, kind.ndim)
        before, rank = slices_before(kinds), _rank_of_indices(self.pattern, node.inputs[1:])
        taken = self.with_batch(source if batched[0] else None, indices, batched[1:])
        if taken is None:
            return None
        part = AdvancedSubtensor(taken[0])(source, *taken[1])
        total = part.type.ndim
        if batched[0]:  # now: entries, index arrays, slices
            first = range(1 + rank, 1 + rank + before)
            order = [0, *first, *range(1, 1 + rank), *range(1 + rank + before, total)]
        else:
            order = [before, *(axis for axis in range(total) if axis != before)]
        return [dimshuffle(part, *order)]


class AdvancedIncSubtensor(_ArrayKeys, IncSubtensor):
    """A copy of an array in which parts named by index arrays are added to, or replaced.

    What is added at a place that stands several times in the key adds up; of values that replace
    the same place the last one stays, and only that one has a derivative.
    """

    op_name = "advanced_inc_subtensor"
    __props__ = ("pattern", "set_instead_of_inc")
    words = "the part and the rest each have their own derivative"
    linear_in = (0, 1)
    adding = WITH_ALL_ADDED

    samples = calls(  # repeated places, both ways; a mask; slices between arrays
        ("inc_part", drawn(3, 4), [0, 2, 2], drawn(3, 4)),
        ("set_part", drawn(3, 4), [0, 2, 2], drawn(3, 4)),
        ("set_part", drawn(3, 4), (slice(None), [1, 3]), drawn(1, 2)),
        ("inc_part", drawn(2, 3, 4), ([1, 0, 1], slice(None), [0, 3, 0]), drawn(3, 1)),
        ("set_part", drawn(3, 4), [[True, False, False, True]] * 3, drawn(6)),
    )

    def batch(self, node: Apply, inputs: Variables, batched: Flags) -> Terms | None:
        """The same change of every entry."""
        source, value, *indices = inputs
        kind: Any = node.inputs[0].type
        shape = kind.shape
        before = slices_before(kinds_of(self.pattern, len(shape)))
        arrays = _rank_of_indices(self.pattern, node.inputs[2:])
        if not batched[0]:
            source = repeated(source, next(v for v, flag in zip(inputs, batched) if flag))
        taken = self.with_batch(source, indices, batched[2:])
        if taken is None:
            return None
        # the value in the order of the new part: entries, index arrays, slices
        rank = len(self.part_dims(shape, node.inputs[2:]))
        lead = int(batched[1])
        value = padded(value, rank + 1) if lead else function("atleast_rank")(value, rank)
        axes = [*range(before, before + arrays), *range(before), *range(before + arrays, rank)]
        value = dimshuffle(value, *range(lead), *(lead + axis for axis in axes))
        op = AdvancedIncSubtensor(taken[0], self.set_instead_of_inc)
        return [op(source, value, *taken[1])]

    def kept_part(self, source: Any, part: Any, indices: Sequence[Any]) -> Any:
        if _surely_distinct(self.pattern, indices):
            return part
        nothing = constant(0, dtype=part.type.dtype)
        return function("switch")(self._stays(source, part, indices), part, nothing)

    def _stays(self, source: Any, part: Any, indices: Sequence[Any]) -> Any:
        """Whether a value is the last one that was written to its place."""
        numbers = function("reshape")(function("arange")(element_count(part)), lengths_of(part))
        empty = function("zeros_like")(source, dtype="int64")
        written = self(empty, numbers, *indices)
        return function("eq")(self.reading()(written, *indices), numbers)


def _surely_distinct(pattern: Pattern, indices: Sequence[Any]) -> bool:
    """Whether no place can stand twice in a key: it is a mask, or one known array."""
    arrays = [indices[k] for k in index_inputs(pattern, indices) if indices[k].type.ndim]
    owners = {array.owner for array in arrays}
    if len(owners) == 1 and isinstance(getattr(arrays[0].owner, "op", None), NonZero):
        return len(set(arrays)) == int(arrays[0].owner.nout)
    if len(arrays) != 1 or not isinstance(arrays[0], Constant):
        return False
    data = arrays[0].data
    return bool((data >= 0).all() and len(np.unique(data)) == data.size)


# -- keys ----------------------------------------------------------------------------------------


@array_function()
def advanced_subtensor(x: Any, key: Any) -> Any:
    """``x[key]`` for a key with arrays of whole numbers or masks.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> advanced_subtensor(pt.constant([5.0, 6.0, 7.0]), ([2, 0],)).eval().tolist()
    [7.0, 5.0]
    """
    pattern: list[Any] = []
    inputs: list[Any] = []
    kinds: list[str] = []
    for entry in without_dots(x, [as_index(x, entry) for entry in (
            key if isinstance(key, tuple) else (key,))]):
        if entry is None:
            kinds.append(NEW)
            continue
        arrays = _index_arrays(x, len(pattern), entry)
        if arrays is None:
            pattern.append(entry_of(x, len(pattern), entry, inputs))
            kinds.append(SLICE if isinstance(pattern[-1], Slice) else ARRAY)
            continue
        pattern += [VARIABLE] * len(arrays)
        kinds += [ARRAY] * len(arrays)
        inputs += arrays
    kinds += [SLICE] * (x.type.ndim - len(pattern))
    part = AdvancedSubtensor(tuple(pattern))(x, *inputs)
    return _with_new_axes(part, kinds, _rank_of_indices(tuple(pattern), inputs))


def _with_new_axes(part: Any, kinds: Sequence[str], rank: int) -> Any:
    """The axes of a part, and new ones of length 1, where NumPy has them."""
    if NEW not in kinds:
        return part
    plain = slices_before([kind for kind in kinds if kind != NEW])
    arrays = list(range(plain, plain + rank))
    rest = iter(axis for axis in range(part.type.ndim) if axis not in arrays)
    order: list[Any] = ["x" if kind == NEW else next(rest) for kind in kinds if kind != ARRAY]
    places = slices_before(kinds)
    return dimshuffle(part, *order[:places], *arrays, *order[places:])


def _index_arrays(variable: Any, axis: int, entry: Any) -> list[Any] | None:
    """An array or mask as index arrays; None for numbers and slices."""
    if isinstance(entry, slice) or not hasattr(entry, "type") or (
        entry.type.ndim == 0 and entry.type.dtype != "bool"
    ):
        return None
    if entry.type.dtype != "bool":
        if isinstance(entry, Constant):
            check_bounds(variable, axis, entry.data)
        return [entry]
    if entry.type.ndim == 0:
        raise LabTypeError(
            "A boolean is no index.", where=describe(entry),
            remedy="x[None] adds an axis; where(condition, x, y) chooses",
        )
    needed = variable.type.shape[axis:axis + entry.type.ndim]
    for length, wanted in zip(entry.type.shape, needed):
        if None not in (length, wanted) and length != wanted:
            raise LabIndexError(
                f"The mask has length {length} where the array has {wanted}.",
                where=f"{describe(variable)} and {describe(entry)}",
            )
    if None not in (*entry.type.shape, *needed) or _is_made_of(entry, variable):
        return list(nonzero(entry))
    lengths = [length_of(variable, axis + place) for place in range(entry.type.ndim)]
    return list(NonZero().make_node(entry, *lengths).outputs)


def _is_made_of(mask: Any, variable: Any) -> bool:
    """Whether a mask has the lengths of a variable since it is computed from it, as in x[x > 0]."""
    found = [mask]
    for near in found:
        node = near.owner
        if node is not None and isinstance(node.op, Elemwise) and len(found) < 50:
            stretch = node.op.stretch or ((),) * len(node.inputs)
            found += [v for v, axes in zip(node.inputs, stretch) if not axes]
    return any(near is variable for near in found)


@array_function(numpy=("take",), arrays=2)
def take(a: Any, indices: Any, axis: int | None = None, mode: str = "raise") -> Any:
    """The elements at indices along an axis, or of the flattened array.

    Parameters
    ----------
    a : tensor_like
    indices : tensor_like of whole numbers
    axis : int, optional
    mode : {"raise", "wrap", "clip"}
        What becomes of indices outside.

    Examples
    --------
    >>> take([5.0, 6.0, 7.0], [2, 0]).eval().tolist()
    [7.0, 5.0]
    """
    line, place = one_line(a, axis)
    if mode == "wrap":
        indices = indices % length_of(line, place)
    elif mode == "clip":
        indices = function("clip")(indices, 0, length_of(line, place) - 1)
    return line[along(place, indices)]


@array_function(numpy=("take_along_axis",), arrays=2)
def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    """Elements at places along one axis that may differ for the others.

    Examples
    --------
    >>> take_along_axis([[1.0, 2.0], [3.0, 4.0]], [[1], [0]], axis=1).eval().tolist()
    [[2.0], [3.0]]
    """
    arr, along_axis = one_line(arr, axis)
    rank = arr.type.ndim
    if indices.type.ndim != rank:
        raise LabIndexError(
            "take_along_axis takes indices of the rank of the array.",
            where=f"{describe(arr)} and {describe(indices)}", remedy="take(x, indices, axis)",
        )
    key = [
        indices if place == along_axis else dimshuffle(
            function("arange")(length_of(arr, place)),
            *["x"] * place, 0, *["x"] * (rank - 1 - place),
        )
        for place in range(rank)
    ]
    return arr[tuple(key)]
