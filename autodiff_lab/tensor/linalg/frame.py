"""What the matrix ops share: the last two axes are a matrix, leading axes are batches.

`MatrixOp` has one argument; `StackedOp` has two, whose leading axes are stretched to each other as
broadcasting does.  Every derivative rule in this package works on stacks of matrices, so `batch`
is the op itself.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from autodiff_lab.errors import LabTypeError, LabValueError
from autodiff_lab.graph import Apply, Flags, Tangents, Terms, Undefined, Variables, describe
from autodiff_lab.tensor import dtypes
from autodiff_lab.tensor.axes import dimshuffle
from autodiff_lab.tensor.constants import as_tensor_variable
from autodiff_lab.tensor.opdef import Dims, TensorOp, define_helper
from autodiff_lab.tensor.registry import function
from autodiff_lab.tensor.type import TensorType

Stretch = tuple[tuple[int, ...], tuple[int, ...]]


def turned(x: Any) -> Any:
    """The matrices transposed."""
    rank = x.type.ndim
    return dimshuffle(x, *range(rank - 2), rank - 1, rank - 2)


def times(*factors: Any) -> Any:
    """The product of matrices, from left to right."""
    return functools.reduce(function("matmul"), factors)


def as_column(x: Any) -> Any:
    """An axis of length 1 behind: vectors become columns."""
    return dimshuffle(x, *range(x.type.ndim), "x")


def as_row(x: Any) -> Any:
    """An axis of length 1 before the last one: vectors become rows."""
    rank = x.type.ndim
    return dimshuffle(x, *range(rank - 1), "x", rank - 1)


def without_last_axis(x: Any) -> Any:
    """Columns become vectors again."""
    return dimshuffle(x, *range(x.type.ndim - 1))


def as_matrix(x: Any, name: str, square: bool = False) -> Any:
    """`x` as a variable of floats with a matrix in its last two axes.

    Raises
    ------
    ValueError
        If it has fewer than two axes, or is known not to be square where it must be.
    """
    variable = as_tensor_variable(x)
    if variable.type.ndim < 2:
        raise LabValueError(
            f"{name} is for matrices.", where=describe(variable),
            why=f"it has {variable.type.ndim} axes, a matrix two (further leading axes are "
            "batches)",
            remedy="x[:, None] makes a column of a vector, x[None, :] a row",
        )
    rows, columns = variable.type.shape[-2:]
    if square and rows != columns and rows is not None and columns is not None:
        raise LabValueError(
            f"{name} is for square matrices.", where=describe(variable),
            why=f"it has {rows} rows and {columns} columns",
            remedy="pinv or lstsq, if a system of equations is to be solved"
            if name in ("inv", "solve") else "slice or reshape it",
        )
    dtype = variable.type.dtype
    if dtypes.is_discrete(dtype):
        return function("cast")(variable, "float64")
    return function("cast")(variable, "float32") if dtype == "float16" else variable


def both(left: Any, right: Any) -> str:
    """Two variables for an error message."""
    return f"{describe(left)} and {describe(right)}"


def near_identity(rng: Any, *shape: int) -> Any:
    """A well-conditioned matrix or stack, for samples."""
    rows, columns = shape[-2:]
    return rng.uniform(-0.4, 0.4, size=shape) + 1.5 * np.eye(rows, columns)


def regular(*shape: int) -> Any:
    """An argument of `calls`: a well-conditioned matrix or stack."""
    return lambda rng: near_identity(rng, *shape)


def samples_of(name: str, *shapes: tuple[int, ...], change: Any = lambda matrix: matrix) -> Any:
    """The samples of an op of one matrix: well-conditioned ones of these shapes, changed."""
    return staticmethod(
        lambda rng: [(name, (change(near_identity(rng, *shape)),), {}) for shape in shapes]
    )


def magnitude_dtype(dtype: str) -> str:
    """The dtype of the sizes of numbers: real for complex ones."""
    return dtypes.RULES["magnitude"](dtype)[1]


class MatrixOp(TensorOp):
    """A function of one matrix, or of each matrix of a stack.

    A subclass says how a cotangent comes back (`reverse`) and how a tangent goes on (`forward`);
    `refused` tells of which matrices both know nothing.
    """

    __props__: tuple[str, ...] | None = ()
    square = True
    only_real = False

    def refused(self, x: Any) -> str:
        """Why there is no derivative at `x`; empty where there is one."""
        if self.only_real and x.type.dtype in dtypes.COMPLEX:
            return f"the derivative of {self.op_name} is for real matrices"
        return ""

    def reverse(self, x: Any, outputs: Variables, cotangents: Variables) -> Any:
        """The cotangent of the matrix."""
        raise NotImplementedError

    def forward(self, x: Any, outputs: Variables, moved: Any) -> list[Any]:
        """The tangents of the outputs, given that of the matrix."""
        raise NotImplementedError

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        reason = self.refused(inputs[0])
        return [Undefined(reason) if reason else self.reverse(inputs[0], outputs, cotangents)]

    def pushforward(self, inputs: Variables, outputs: Variables, tangents: Tangents) -> Terms:
        """The tangents of the outputs."""
        reason = self.refused(inputs[0])
        if reason:
            return [Undefined(reason)] * len(outputs)
        return self.forward(inputs[0], outputs, tangents[0])

    def prepare(self, *inputs: Any) -> list[Any]:
        return [as_matrix(inputs[0], self.op_name, self.square)]

    def batch(self, node: Apply, inputs: Variables, batched: Flags) -> Terms:
        """Leading axes are batches already."""
        return self.make_node(*inputs).outputs


SAME_STACKS = define_helper(
    "same_stacks",
    '''
def same_stacks(left, right, stretched):
    """Two stacks of matrices, if their leading lengths agree but for the axes to be stretched."""
    for axis in range(left.ndim - 2):
        if axis not in stretched and left.shape[axis] != right.shape[axis]:
            raise ValueError(
                f"Runtime broadcasting not allowed: axis {axis} of the stacks has lengths "
                f"{left.shape[axis]} and {right.shape[axis]}."
            )
    return left, right
''',
)


class StackedOp(TensorOp):
    """A function of two matrices, or of the pairs of two stacks.

    Parameters
    ----------
    stretch : pair of tuple of int
        The leading axes of length 1 of each argument that are stretched to the other's.
    """

    __props__: tuple[str, ...] | None = ("stretch",)

    def __init__(self, stretch: Stretch = ((), ())) -> None:
        self.stretch = stretch

    def with_stretch(self, stretch: Stretch) -> StackedOp:
        """The same op for other leading axes."""
        return type(self)(stretch)

    def on(self, left: Any, right: Any) -> Any:
        """Apply to two variables of any ranks from 2, leading axes broadcast."""
        rank = max(left.type.ndim, right.type.ndim)
        pair = [
            dimshuffle(v, *["x"] * (rank - v.type.ndim), *range(v.type.ndim))
            for v in (left, right)
        ]
        shapes = [v.type.shape[: rank - 2] for v in pair]
        stretch = tuple(
            tuple(axis for axis, (m, n) in enumerate(zip(mine, other)) if m == 1 != n)
            for mine, other in (shapes, shapes[::-1])
        )
        return self.with_stretch((stretch[0], stretch[1]))(*pair)

    def prepare(self, *inputs: Any) -> list[Any]:
        left, right = (as_matrix(value, self.op_name) for value in inputs)
        dtype = dtypes.upcast(left.type.dtype, right.type.dtype)
        left, right = (function("cast")(v, dtype) for v in (left, right))
        if left.type.ndim != right.type.ndim:
            raise LabTypeError(
                f"{self} takes two stacks of one rank.",
                where=both(left, right), remedy=f"{self.op_name}(a, b) adds the missing axes",
            )
        return [left, right]

    def out_dtypes(self, *inputs: TensorType) -> list[str]:
        return [dtypes.upcast(*(kind.dtype for kind in inputs))]

    def stack_dims(self, left: Any, right: Any) -> Dims:
        """The leading lengths of the result.

        Raises
        ------
        ValueError
            If two lengths contradict each other.
        """
        dims: list[int | None] = []
        for axis, pair in enumerate(zip(left.type.shape[:-2], right.type.shape[:-2])):
            known = {
                length for length, axes in zip(pair, self.stretch)
                if axis not in axes and length is not None
            }
            if len(known) > 1:
                raise LabValueError(
                    f"Incompatible stacks in {self.op_name}: axis {axis} has lengths "
                    f"{', '.join(map(str, sorted(known)))}.",
                    where=both(left, right),
                    why="leading axes are batches: their lengths must agree, or be "
                    "statically 1",
                )
            dims.append(next(iter(known), None))
        return tuple(dims)

    def stacked(self, node: Apply, left: str, right: str) -> str:
        """The text of the two arguments; their leading lengths are checked where not known."""
        kinds: list[Any] = [variable.type for variable in node.inputs]
        first, other = (kind.shape[:-2] for kind in kinds)
        stretched = {axis for axes in self.stretch for axis in axes}
        if all(m == n is not None for axis, (m, n) in enumerate(zip(first, other))
               if axis not in stretched):
            return f"{left}, {right}"
        return f"*{SAME_STACKS}({left}, {right}, {tuple(sorted(stretched))})"

    def unstretched(self, term: Any, place: int) -> Any:
        """A contribution to an argument, summed over the axes along which it was stretched."""
        axes = tuple(axis for axis in self.stretch[place] if term.type.shape[axis] != 1)
        return function("sum")(term, axis=axes, keepdims=True) if axes else term

    def batch(self, node: Apply, inputs: Variables, batched: Flags) -> Terms:
        """One leading axis more."""
        return [self.on(*inputs)]

