"""Products of arrays: `matmul` for any ranks, `tensordot`, `batched_dot`, `inner`, `kron`, `vdot`.

`Matmul` is the op for stacks of matrices (two plain matrices take `Dot`); the others are axis
moves, reshapes and one of these two.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from autodiff_lab.errors import LabTypeError, LabValueError
from autodiff_lab.graph import Apply, Terms, Variables, describe
from autodiff_lab.tensor.axes import dimshuffle
from autodiff_lab.tensor.constants import as_tensor_variable
from autodiff_lab.tensor.lengths import element_count, length_of
from autodiff_lab.tensor.linalg.frame import (
    StackedOp, as_column, as_row, both, turned, without_last_axis,
)
from autodiff_lab.tensor.opdef import Dims, Notation, calls, drawn
from autodiff_lab.tensor.products import Dot
from autodiff_lab.tensor.registry import function, public
from autodiff_lab.tensor.shaping import flatten


class Matmul(StackedOp):
    """Products of the matrices of two stacks; leading axes broadcast."""

    op_name = "matmul"
    notation = Notation(latex=r"{0} \, {1}", pp="Matmul")
    multilinear_in = (0, 1)

    samples = calls(  # stacks, a matrix and a stack, vectors and a stack, stretched axes
        ("matmul", drawn(2, 3, 4), drawn(2, 4, 2)), ("matmul", drawn(2, 3), drawn(2, 3, 4)),
        ("matmul", drawn(2, 3, 4), drawn(4)), ("matmul", drawn(3), drawn(2, 3, 4)),
        ("matmul", drawn(1, 2, 3, 4), drawn(2, 1, 4, 1)),
    )

    def prepare(self, *inputs: Any) -> list[Any]:
        left, right = (as_tensor_variable(value) for value in inputs)
        if left.type.ndim != right.type.ndim or left.type.ndim < 2:
            raise LabTypeError(
                "Matmul takes two stacks of one rank.", where=both(left, right),
                remedy="matmul(a, b) adds the missing axes",
            )
        inner, other = left.type.shape[-1], right.type.shape[-2]
        if inner is not None and other is not None and inner != other:
            raise LabValueError(
                f"Shape mismatch: the matrices of the first argument have {inner} columns, "
                f"those of the second {other} rows.",
                where=both(left, right),
                why="matmul sums over these two axes",
                remedy="swapaxes(x, -1, -2) transposes the matrices of a stack",
            )
        return [left, right]

    def out_dims_of(self, variables: Sequence[Any]) -> list[Dims]:
        left, right = variables
        return [(*self.stack_dims(left, right), left.type.shape[-2], right.type.shape[-1])]

    def numpy(self, node: Apply, *arguments: str) -> str:
        return f"np.matmul({self.stacked(node, *arguments)})"

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        left, right = inputs
        return [
            self.unstretched(matmul(cotangents[0], turned(right)), 0),
            self.unstretched(matmul(turned(left), cotangents[0]), 1),
        ]


@public(numpy=("matmul",))
def matmul(x: Any, y: Any) -> Any:
    """Products of vectors, matrices and stacks of matrices, as the operator ``@`` spells it.

    Parameters
    ----------
    x, y : tensor_like, rank at least 1
        The last two axes are matrices; leading axes are batches and broadcast.  A vector on the
        left is a row, on the right a column, whose axis of length 1 does not stand in the result.

    Raises
    ------
    ValueError
        For scalars, and if lengths are known and do not fit.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> matmul(pt.tensor3("A"), pt.dvector("x")).type.ndim
    2
    """
    left, right = as_tensor_variable(x), as_tensor_variable(y)
    for variable in (left, right):
        if variable.type.ndim == 0:
            raise LabValueError(
                "matmul takes no scalars.", where=describe(variable),
                remedy="x * y, or declare it vector or matrix (in a cell: %%grad W:matrix)",
            )
    if left.type.ndim <= 2 and right.type.ndim <= 2:
        return Dot()(left, right)
    row, column = left.type.ndim == 1, right.type.ndim == 1
    result = Matmul().on(as_row(left) if row else left, as_column(right) if column else right)
    if row:
        rank = result.type.ndim
        return dimshuffle(result, *range(rank - 2), rank - 1)
    return without_last_axis(result) if column else result


@public(numpy=("tensordot",))
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """Sum of products over several axes.

    Parameters
    ----------
    a, b : tensor_like
    axes : int or pair
        A number: the last axes of `a` with the first axes of `b`.  A pair: the axes of `a` and
        those of `b`, in the same order.

    Raises
    ------
    ValueError
        If there are no such axes, or lengths that are known differ.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> tensordot(pt.ones((2, 3, 4)), pt.ones((4, 3, 5)), [[1, 2], [1, 0]]).type.shape
    (2, 5)
    """
    left, right = as_tensor_variable(a), as_tensor_variable(b)
    mine, theirs = _summed_axes(left, right, axes)
    for axis, other in zip(mine, theirs):
        lengths = left.type.shape[axis], right.type.shape[other]
        if None not in lengths and lengths[0] != lengths[1]:
            raise LabValueError(
                f"Shape mismatch: axis {axis} of the first argument has length {lengths[0]}, "
                f"axis {other} of the second {lengths[1]}.",
                where=both(left, right),
                why="tensordot sums over these axes",
            )
    rest = [axis for axis in range(left.type.ndim) if axis not in mine]
    others = [axis for axis in range(right.type.ndim) if axis not in theirs]
    lengths_out = [length_of(left, axis) for axis in rest]
    lengths_out += [length_of(right, axis) for axis in others]
    first = grouped(dimshuffle(left, *rest, *mine), len(rest))
    second = grouped(dimshuffle(right, *theirs, *others), len(theirs))
    return function("reshape")(Dot()(first, second), lengths_out)


def grouped(x: Any, *ends: int) -> Any:
    """The axes up to each end (and behind the last one) as one axis."""
    groups = list(itertools.pairwise((0, *ends, x.type.ndim)))
    if all(end - start == 1 for start, end in groups):
        return x
    return function("reshape")(x, [element_count(x, range(*group)) for group in groups])


def _summed_axes(left: Any, right: Any, axes: Any) -> tuple[list[int], list[int]]:
    if isinstance(axes, int):
        mine: list[int] = list(range(left.type.ndim - axes, left.type.ndim))
        theirs = list(range(axes))
    else:
        pair = [[entry] if isinstance(entry, int) else list(entry) for entry in axes]
        if len(pair) != 2 or len(pair[0]) != len(pair[1]):
            raise LabValueError(
                f"axes={axes!r} does not pair axes: as many of the first as of the second.",
                where=both(left, right), remedy="tensordot(a, b, [[1, 2], [0, 1]]), or a number",
            )
        mine, theirs = pair
    for variable, chosen in ((left, mine), (right, theirs)):
        rank = variable.type.ndim
        if any(not -rank <= axis < rank for axis in chosen) or (
            len({axis % rank for axis in chosen}) < len(chosen)
        ):
            raise LabValueError(
                f"tensordot cannot sum over the axes {list(chosen)}.", where=describe(variable),
                why=f"it has {rank} axes, and each can be summed over once",
            )
    return ([axis % left.type.ndim for axis in mine], [axis % right.type.ndim for axis in theirs])


@public()
def batched_dot(a: Any, b: Any) -> Any:
    """`tensordot` over the last and first axis of the pairs of entries of `a` and `b`.

    Parameters
    ----------
    a, b : tensor_like, rank at least 1
        The first axis counts the entries.
    """
    return batched_tensordot(a, b, 1)


@public()
def batched_tensordot(x: Any, y: Any, axes: int = 1) -> Any:
    """`tensordot` of the pairs of entries of `x` and `y`; `axes` does not count the first axis."""
    left, right = as_tensor_variable(x), as_tensor_variable(y)
    for variable in (left, right):
        if variable.type.ndim == 0:
            raise LabTypeError("A scalar has no entries.", where=describe(variable), remedy="x * y")
    if 1 in (left.type.ndim, right.type.ndim):
        rank = max(left.type.ndim, right.type.ndim)
        left, right = (
            dimshuffle(v, *range(v.type.ndim), *["x"] * (rank - v.type.ndim))
            for v in (left, right)
        )
        return left * right
    kept = left.type.ndim - axes
    rest = [length_of(left, axis) for axis in range(kept)]
    others = [length_of(right, axis) for axis in range(1 + axes, right.type.ndim)]
    first, second = grouped(left, 1, kept), grouped(right, 1, 1 + axes)
    return function("reshape")(Matmul().on(first, second), [*rest, *others])


@public(numpy=("inner",))
def inner(x: Any, y: Any) -> Any:
    """Sum of products over the last axes."""
    left, right = as_tensor_variable(x), as_tensor_variable(y)
    if left.type.ndim == 0 or right.type.ndim == 0:
        return left * right
    if max(left.type.ndim, right.type.ndim) <= 2:
        return Dot()(left, right if right.type.ndim == 1 else turned(right))
    return tensordot(left, right, [[-1], [-1]])


@public(numpy=("vdot",))
def vdot(a: Any, b: Any) -> Any:
    """Sum of the products of all elements."""
    left, right = (flatten(value) for value in (a, b))
    return Dot()(left, right)


@public(numpy=("kron",))
def kron(a: Any, b: Any) -> Any:
    """Each element of `a` times the whole of `b`, as one array of blocks.

    Examples
    --------
    >>> kron([1.0, 10.0], [1.0, 2.0]).eval().tolist()
    [1.0, 2.0, 10.0, 20.0]
    """
    left, right = as_tensor_variable(a), as_tensor_variable(b)
    rank = max(left.type.ndim, right.type.ndim)
    left, right = (function("atleast_rank")(v, rank) for v in (left, right))
    if rank == 0:
        return left * right
    spread = [entry for axis in range(rank) for entry in (axis, "x")]
    other = [entry for axis in range(rank) for entry in ("x", axis)]
    blocks = dimshuffle(left, *spread) * dimshuffle(right, *other)
    lengths = [
        math.prod(pair) if None not in pair else length_of(left, axis) * length_of(right, axis)
        for axis, pair in enumerate(zip(left.type.shape, right.type.shape))
    ]
    return function("reshape")(blocks, lengths)
