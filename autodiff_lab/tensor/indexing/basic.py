"""Basic indexing: numbers, slices, ``...`` and new axes; reading, setting and adding.

`Subtensor` reads, `IncSubtensor` gives a copy in which a part is replaced or added to; each is in
the other's pullback.  Keys are taken apart in `indexing.keys`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autodiff_lab.errors import LabError, LabTypeError, LabValueError
from autodiff_lab.graph import (
    DISCONNECTED, Apply, Constant, Flags, Terms, Variable, Variables, describe,
)
from autodiff_lab.tensor import dtypes
from autodiff_lab.tensor.axes import DimShuffle, dimshuffle, padded
from autodiff_lab.tensor.constants import as_tensor_variable, constant
from autodiff_lab.tensor.creation import fixed_axes, repeated, sum_to, zeros_like
from autodiff_lab.tensor.indexing.keys import (
    VARIABLE, Pattern, Slice, is_advanced, key_text, take_apart,
)
from autodiff_lab.tensor.lengths import as_lengths, known_int
from autodiff_lab.tensor.opdef import Dims, TensorOp, calls, define_helper, drawn
from autodiff_lab.tensor.registry import OPS, function, public
from autodiff_lab.tensor.shaping import Shape


class OfPart(TensorOp):
    """The frame of what reads or changes a part, named by numbers and slices."""

    pattern: Pattern

    def as_indices(self, given: Sequence[Any]) -> list[Any]:
        """The indices as variables."""
        return as_lengths(given)

    def part_dims(self, dims: Dims, indices: Sequence[Any]) -> Dims:
        """The static shape of the part."""
        return part_dims(dims, self.pattern, indices)

    def key_text(self, names: Sequence[str]) -> str:
        """The key as Python writes it, given names for the indices that are inputs."""
        return key_text(self.pattern, names)

    def reading(self) -> Any:
        """The op that reads the part."""
        return Subtensor(self.pattern)

    def changing(self, replace: bool = False) -> Any:
        """The op that changes the part."""
        return IncSubtensor(self.pattern, replace)

    def by_arrays(self) -> Any:
        """The op that takes arrays in the place of numbers."""
        return OPS[f"advanced_{self.op_name}"](*self._key()[1:])


class Subtensor(OfPart):
    """A part of an array, by numbers and slices.

    A part of an array: ``x[1:, 0]``.

    Parameters
    ----------
    pattern : tuple
        One entry per axis indexed: a number, a `Slice`, or `VARIABLE`.  The inputs after the array
        stand in for `VARIABLE`, in order.
    """

    op_name = "subtensor"
    __props__ = ("pattern",)
    linear_in = (0,)
    data_inputs = 1

    samples = calls(  # numbers, slices, steps, both ends
        ("subtensor", drawn(3, 4), 1), ("subtensor", drawn(3, 4), (slice(None), -1)),
        ("subtensor", drawn(3, 4), (slice(None, None, -1), slice(1, 3))),
        ("subtensor", drawn(3, 4), (Ellipsis, None, slice(0, 4, 2))),
    )

    def __init__(self, pattern: Pattern) -> None:
        self.pattern = pattern

    def prepare(self, *inputs: Any) -> list[Any]:
        source = as_tensor_variable(inputs[0])
        return [source, *self.as_indices(inputs[1:])]

    def out_dims_of(self, variables: Sequence[Any]) -> list[Dims]:
        source, *indices = variables
        return [self.part_dims(source.type.shape, indices)]

    def numpy(self, node: Apply, *arguments: str) -> str:
        return f"{arguments[0]}[{self.key_text(arguments[1:])}]"

    def batch(self, node: Apply, inputs: Variables, batched: Flags) -> Any:
        """The same part of every entry along a leading axis."""
        if any(batched[1:]):  # numbers that differ from entry to entry are an array
            return self.by_arrays().batch(node, inputs, batched)
        return [Subtensor((Slice(), *self.pattern))(*inputs)]

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        source, *indices = inputs
        (cotangent,) = cotangents
        empty = zeros_like(source, dtype=cotangent.type.dtype)
        return [self.changing()(empty, cotangent, *indices)] + [DISCONNECTED] * len(indices)


def part_dims(dims: Dims, pattern: Pattern, indices: Sequence[Any]) -> Dims:
    """The static shape of the part that a pattern takes."""
    rest = iter(indices)
    found: list[int | None] = []
    for length, entry in zip(dims, pattern):
        if entry is VARIABLE:
            next(rest)
            continue
        if not isinstance(entry, Slice):
            continue
        parts = [known_int(next(rest)) if p is VARIABLE else p for p in entry.parts]
        unknown = any(p is None and given is VARIABLE for p, given in zip(parts, entry.parts))
        if entry.is_full:
            found.append(length)
        elif length is None or unknown:
            found.append(0 if parts[1] == 0 and not unknown and (parts[2] or 1) > 0 else None)
        else:
            found.append(len(range(*slice(*parts).indices(length))))
    return (*found, *dims[len(pattern) :])


def _change_helper(name: str, says: str, statement: str) -> str:
    """A function for NumPy texts that changes a part of a copy."""
    return define_helper(
        name,
        f'''
def {name}(array, key, value, fixed=()):
    """A copy of an array in which {says}."""
    result = np.array(array)
    for axis in fixed:
        if value.shape[axis] != result[key].shape[axis]:
            raise ValueError(
                f"Runtime broadcasting not allowed: axis {{axis}} of the value has length "
                f"{{value.shape[axis]}}, that of the part {{result[key].shape[axis]}}."
            )
    {statement}
    return result
''',
    )


WITH_PART_SET = _change_helper(
    "with_part_set", "the part at a key is replaced", "result[key] = value"
)
WITH_PART_ADDED = _change_helper(
    "with_part_added", "a value is added to the part at a key", "result[key] += value"
)
WITH_ALL_ADDED = _change_helper(
    "with_all_added", "a value is added at a key; repeated places add up",
    "np.add.at(result, key, value)",
)


class IncSubtensor(OfPart):
    """A copy of an array in which a part is added to, or replaced.

    Parameters
    ----------
    pattern : tuple
        As in `Subtensor`.
    set_instead_of_inc : bool
        Replace rather than add.
    """

    op_name = "inc_subtensor"
    __props__ = ("pattern", "set_instead_of_inc")
    linear_in = (0, 1)
    data_inputs = 2
    adding = WITH_PART_ADDED

    samples = calls(  # adding and replacing a row, a column that is stretched
        ("inc_part", drawn(3, 4), 1, drawn(4)),
        ("set_part", drawn(3, 4), (slice(None), -1), drawn(3)),
        ("set_part", drawn(3, 4), (slice(None), slice(0, 2)), drawn(3, 1)),
        ("inc_part", drawn(3, 4), (slice(None, None, -2), slice(1, 3)), drawn()),
    )

    def __init__(self, pattern: Pattern, set_instead_of_inc: bool = False) -> None:
        self.pattern = pattern
        self.set_instead_of_inc = set_instead_of_inc

    @property
    def name(self) -> str:
        return "set_subtensor" if self.set_instead_of_inc else "inc_subtensor"

    def prepare(self, *inputs: Any) -> list[Any]:
        source, value = as_tensor_variable(inputs[0]), as_tensor_variable(inputs[1])
        if dtypes.upcast(source.type.dtype, value.type.dtype) != source.type.dtype:
            raise self._refusal(
                LabTypeError, source, value,
                f"a {source.type.dtype} part with a {value.type.dtype} value",
                why="digits would be lost",
                remedy=f"cast the value to {source.type.dtype!r}, or the array to "
                f"{value.type.dtype!r}",
            )
        indices = self.as_indices(inputs[2:])
        part = self.part_dims(source.type.shape, indices)
        if value.type.ndim > len(part):
            raise self._refusal(
                LabTypeError, source, value,
                f"a part of {len(part)} axes with a value of {value.type.ndim}",
            )
        for wanted, given in zip(part[len(part) - value.type.ndim :], value.type.shape):
            if given not in (None, 1, wanted) and wanted is not None:
                raise self._refusal(
                    LabValueError, source, value,
                    f"a part of length {wanted} with a value of length {given}",
                )
        return [source, value, *indices]

    def _refusal(
        self, kind: type[LabError], source: Any, value: Any, what: str, **rest: str
    ) -> LabError:
        word = "set" if self.set_instead_of_inc else "increment"
        where = f"{describe(source)} and {describe(value)}"
        return kind(f"Trying to {word} {what}.", where=where, **rest)

    def numpy(self, node: Apply, *arguments: str) -> str:
        source, value, *names = arguments
        helper = WITH_PART_SET if self.set_instead_of_inc else self.adding
        fixed = fixed_axes(node.inputs[1])
        rest = f", {fixed}" if fixed else ""
        return f"{helper}({source}, np.s_[{self.key_text(names)}], {value}{rest})"

    def batch(self, node: Apply, inputs: Variables, batched: Flags) -> Any:
        """The same change of every entry along a leading axis."""
        if any(batched[2:]):
            return self.by_arrays().batch(node, inputs, batched)
        source, value, *indices = inputs
        if not batched[0]:
            source = repeated(source, value)
        part = part_dims(node.inputs[0].type.shape, self.pattern, indices)  # type: ignore[attr-defined]
        if batched[1]:
            value = padded(value, len(part) + 1)
        op = IncSubtensor((Slice(), *self.pattern), self.set_instead_of_inc)
        return [op(source, value, *indices)]

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        source, value, *indices = inputs
        by_source: Any = cotangents[0]
        part = self.reading()(by_source, *indices)
        if self.set_instead_of_inc:
            nothing = constant(0, dtype=part.type.dtype)
            by_source = self(by_source, nothing, *indices)
            part = self.kept_part(source, part, indices)
        return [by_source, sum_to(part, value)] + [DISCONNECTED] * len(indices)

    def kept_part(self, source: Any, part: Any, indices: Sequence[Any]) -> Any:
        """What counts of a part that is replaced: all of it, if no place stands twice."""
        return part


@public()
def subtensor(x: Any, key: Any) -> Any:
    """``x[key]``, for numbers, slices, ``...``, None, arrays of whole numbers and masks.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> subtensor(pt.tensor("x", shape=(5, None)), (slice(0, 5, 2), None)).type.shape
    (3, 1, None)
    """
    variable = as_tensor_variable(x)
    if is_advanced(key):
        return function("advanced_subtensor")(variable, key)
    pattern, inputs, new_axes = take_apart(variable, key)
    known = _known_length(variable, pattern)
    if known is not None and not new_axes:
        return known
    part = Subtensor(pattern)(variable, *inputs)
    if not new_axes:
        return part
    rest = iter(range(part.type.ndim))
    rank = part.type.ndim + len(new_axes)
    return dimshuffle(part, ["x" if a in new_axes else next(rest) for a in range(rank)])


def _known_length(variable: Any, pattern: Pattern) -> Any:
    """``x.shape[0]`` as a constant, where the length is known statically."""
    owner = variable.owner
    if owner is None or not isinstance(owner.op, Shape) or len(pattern) != 1:
        return None
    (entry,) = pattern
    if not isinstance(entry, int):
        return None
    length = owner.inputs[0].type.shape[entry]
    return None if length is None else constant(length, dtype="int64")


def _read_from(part: Any, caller: str) -> tuple[Any, list[int | str] | None]:
    """The node that read a part, and how its axes were shuffled afterwards."""
    shuffle = None
    owner = part.owner if isinstance(part, Variable) else None
    if owner is not None and isinstance(owner.op, DimShuffle) and not owner.op.dropped:
        shuffle, owner = owner.op, owner.inputs[0].owner
    if owner is None or not isinstance(owner.op, Subtensor):
        raise LabTypeError(
            f"{caller} needs a part of an array as its first argument.",
            where=describe(part) if isinstance(part, Variable) else f"{part!r:.60}",
            remedy=f"y = {caller}(x[i], value)",
        )
    if shuffle is None:
        return owner, None
    return owner, [shuffle.new_order.index(axis) for axis in range(shuffle.input_ndim)]


def _change(part: Any, value: Any, replace: bool, caller: str) -> Any:
    owner, back = _read_from(part, caller)
    value = as_tensor_variable(value)
    if back is not None and value.type.ndim:
        value = dimshuffle(as_tensor_variable(value, ndim=part.type.ndim), *back)
    elif isinstance(value, Constant) and value.data.ndim == 0:
        value = _in_dtype_of(value, owner.inputs[0])
    source, *indices = owner.inputs
    return owner.op.changing(replace)(source, value, *indices)


def _in_dtype_of(value: Any, source: Any) -> Any:
    """A constant number in the dtype of the array, where no digit is lost."""
    dtype = source.type.dtype
    with np.errstate(all="ignore"):
        converted = value.data.astype(dtype)
    fits = converted == value.data or (value.data.dtype.kind == "f" and dtype in dtypes.CONTINUOUS)
    return constant(converted) if fits else value


@public()
def set_subtensor(part: Any, value: Any) -> Any:
    """A copy of ``x`` in which ``x[key]`` is replaced: ``y = set_subtensor(x[key], value)``.

    Parameters
    ----------
    part : TensorVariable
        The result of indexing, ``x[key]``.
    value : tensor_like
        Stretched to the part as broadcasting does.

    Raises
    ------
    TypeError
        If `part` was not made by indexing, or digits would be lost.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> set_subtensor(pt.constant([1.0, 2.0])[0], 7.0).eval().tolist()
    [7.0, 2.0]
    """
    return _change(part, value, True, "set_subtensor")


@public()
def inc_subtensor(part: Any, value: Any) -> Any:
    """A copy of ``x`` in which a value is added to ``x[key]``; see `set_subtensor`.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> inc_subtensor(pt.constant([1.0, 2.0])[1], 0.5).eval().tolist()
    [1.0, 2.5]
    """
    return _change(part, value, False, "inc_subtensor")


@public()
def set_part(x: Any, key: Any, value: Any) -> Any:
    """``set_subtensor(x[key], value)``, as one call.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> set_part(pt.constant([1.0, 2.0]), 1, 0.5).eval().tolist()
    [1.0, 0.5]
    """
    return set_subtensor(subtensor(x, key), value)


@public()
def inc_part(x: Any, key: Any, value: Any) -> Any:
    """``inc_subtensor(x[key], value)``, as one call.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> inc_part(pt.constant([1.0, 2.0]), 1, 0.5).eval().tolist()
    [1.0, 2.5]
    """
    return _change(subtensor(x, key), value, False, "set_subtensor")
