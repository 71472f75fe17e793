"""Putting arrays together: `join` along an axis, `stack` along a new one."""

from __future__ import annotations

import functools
import itertools
import operator
import sys
from collections.abc import Sequence
from typing import Any

from autodiff_lab.errors import LabTypeError, LabValueError
from autodiff_lab.graph import Apply, Flags, Terms, Variable, Variables, describe
from autodiff_lab.tensor import dtypes
from autodiff_lab.tensor.along import AlongAxis, along, one_axis
from autodiff_lab.tensor.constants import as_tensor_variable
from autodiff_lab.tensor.creation import repeated
from autodiff_lab.tensor.lengths import as_lengths, combined, known_int, length_of
from autodiff_lab.tensor.opdef import Dims, calls, drawn
from autodiff_lab.tensor.registry import NUMPY, function, public
from autodiff_lab.tensor.shaping import expand_dims
from autodiff_lab.tensor.type import TensorType


class Join(AlongAxis):
    """Arrays one after the other along an axis; all other lengths agree."""

    op_name = "join"
    linear_in = range(sys.maxsize)

    samples = calls(  # vectors; matrices along both axes
        ("join", 0, drawn(2), drawn(3)), ("join", 1, drawn(2, 3), drawn(2, 1)),
        ("join", -2, drawn(2, 3), drawn(1, 3), drawn(2, 3)),
    )

    def out_dtypes(self, *inputs: TensorType) -> list[str]:
        return [dtypes.upcast(*(kind.dtype for kind in inputs))]

    def out_dims_of(self, variables: Sequence[Any]) -> list[Dims]:
        shapes = [variable.type.shape for variable in variables]
        dims: list[int | None] = []
        for axis, lengths in enumerate(zip(*shapes)):
            known = [length for length in lengths if length is not None]
            if axis == self.axis:
                dims.append(sum(known) if len(known) == len(lengths) else None)
                continue
            if len(set(known)) > 1:
                raise LabValueError(
                    f"Cannot join along axis {self.axis}: axis {axis} has the lengths "
                    f"{', '.join(map(str, sorted(set(known))))}.",
                    where=" and ".join(map(describe, variables)),
                    why="only the joined axis may differ",
                )
            dims.append(known[0] if known else None)
        return [tuple(dims)]

    def numpy(self, node: Apply, *arguments: str) -> str:
        return f"np.concatenate(({''.join(a + ', ' for a in arguments)}), axis={self.axis})"

    def batch(self, node: Apply, inputs: Variables, batched: Flags) -> list[Variable]:
        """Every entry joined: what has no leading axis is repeated along it."""
        one: Any = next(variable for variable, has in zip(inputs, batched) if has)
        parts = [
            variable if has else repeated(variable, one)
            for variable, has in zip(inputs, batched)
        ]
        return [Join(self.axis + 1)(*parts)]

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        cotangent, pieces = cotangents[0], []
        before: Any = 0
        for variable in inputs:
            after = combined(operator.add, before, length_of(variable, self.axis))
            pieces.append(function("subtensor")(cotangent, along(self.axis, slice(before, after))))
            before = after
        return pieces


@public()
def join(axis: Any, *tensors: Any) -> Any:
    """Arrays one after the other along an axis.

    Parameters
    ----------
    axis : int
    *tensors : tensor_like
        Of one rank, with equal lengths but for the joined axis.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> join(0, pt.ones((2, 3)), pt.dmatrix("x")).type.shape
    (None, 3)
    """
    variables = [as_tensor_variable(entry) for entry in tensors]
    if not variables:
        raise LabValueError("Nothing to join: at least one array is needed.")
    first = variables[0]
    if first.type.ndim == 0:
        raise LabTypeError(
            "Scalars cannot be joined.", where=describe(first), remedy="stack([a, b])"
        )
    for variable in variables:
        if variable.type.ndim != first.type.ndim:
            raise LabTypeError(
                "Only arrays of one rank can be joined.",
                where=f"{describe(first)} and {describe(variable)}",
            )
    if len(variables) == 1:
        return first
    return Join(one_axis(first, axis))(*variables)


@public(numpy=("concatenate", "concat"))
def concatenate(tensor_list: Any, axis: int = 0) -> Any:
    """Arrays one after the other along an axis; `join` with NumPy's arguments.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> concatenate([pt.constant([1.0]), pt.constant([2.0, 3.0])]).eval().tolist()
    [1.0, 2.0, 3.0]
    """
    if isinstance(tensor_list, Variable):
        raise LabTypeError(
            "concatenate takes a list or tuple of arrays, not one array.",
            where=describe(tensor_list), remedy="concatenate([x, y])",
        )
    return join(axis, *tensor_list)


@public("stacklists", numpy=("stack",))
def stack(tensors: Any, axis: int = 0) -> Any:
    """Arrays of one shape along a new axis.

    Parameters
    ----------
    tensors : sequence of tensor_like
        Entries may be lists again: they are stacked first.
    axis : int
        The place of the new axis in the result.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> stack([pt.dscalar("a"), pt.dscalar("b")]).type.shape
    (2,)
    """
    if not isinstance(tensors, list | tuple) or not tensors:
        raise LabTypeError("stack takes a list or tuple of at least one array.")
    variables = [as_tensor_variable(entry) for entry in tensors]
    ranks = {variable.type.ndim for variable in variables}
    if len(ranks) > 1:
        raise LabTypeError(
            "Only arrays of one rank can be stacked.",
            where=" and ".join(describe(variable) for variable in variables[:4]),
        )
    return join(axis, *(expand_dims(variable, axis) for variable in variables))


@public()
def split(x: Any, splits_size: Any, n_splits: int | None = None, axis: int = 0) -> list[Any]:
    """The inverse of `join`: consecutive parts along an axis.

    Parameters
    ----------
    x : tensor_like
    splits_size : sequence of int, or vector
        The length of each part.
    n_splits : int, optional
        How many, where `splits_size` is a vector of unknown length.
    axis : int

    Examples
    --------
    >>> [part.eval().tolist() for part in split([1.0, 2.0, 3.0], [1, 2])]
    [[1.0], [2.0, 3.0]]
    """
    if n_splits is not None and isinstance(splits_size, Variable):
        splits_size = function("specify_shape")(splits_size, (n_splits,))
    add = functools.partial(combined, operator.add)
    ends = itertools.accumulate(as_lengths(splits_size), add, initial=0)
    return _parts(as_tensor_variable(x), list(ends), axis)


def _parts(x: Any, ends: Sequence[Any], axis: Any) -> list[Any]:
    place = one_axis(x, axis)
    return [x[along(place, slice(*pair))] for pair in zip(ends, ends[1:])]


def _split_as_numpy(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """NumPy's `split`: at places, or into equal parts."""
    variable = as_tensor_variable(ary)
    if isinstance(indices_or_sections, list | tuple):
        return _parts(variable, [0, *indices_or_sections, None], axis)
    length = length_of(variable, axis % variable.type.ndim)
    size = (known_int(length) or length) // indices_or_sections
    return _parts(variable, [size * k for k in range(indices_or_sections + 1)], axis)


NUMPY["split"] = _split_as_numpy


@public(numpy=("hstack",))
def hstack(tup: Any) -> Any:
    """Arrays side by side: along the second axis, vectors along the first."""
    arrays = [as_tensor_variable(entry) for entry in tup]
    arrays = [function("atleast_rank")(a, max(a.type.ndim, 1)) for a in arrays]
    return join(min(1, arrays[0].type.ndim - 1), *arrays)


@public(numpy=("vstack",))
def vstack(tup: Any) -> Any:
    """Arrays one above the other: along the first axis, vectors as rows."""
    arrays = map(as_tensor_variable, tup)
    return join(0, *(a if a.type.ndim > 1 else function("atleast_rank")(a, 2) for a in arrays))
