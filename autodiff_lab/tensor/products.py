"""Products of vectors and matrices: `dot`, `outer`; those of any ranks are in `linalg`."""

from __future__ import annotations

from typing import Any

from autodiff_lab.errors import LabNotImplementedError, LabValueError
from autodiff_lab.graph import Apply, Flags, Terms, Variable, Variables, describe
from autodiff_lab.tensor import dtypes
from autodiff_lab.tensor.axes import dimshuffle
from autodiff_lab.tensor.constants import array_function, as_tensor_variable
from autodiff_lab.tensor.lengths import length_of
from autodiff_lab.tensor.opdef import Dims, Notation, TensorOp, calls, drawn
from autodiff_lab.tensor.registry import function, public
from autodiff_lab.tensor.shaping import flatten
from autodiff_lab.tensor.type import TensorType


class Dot(TensorOp):
    """Product of vectors and matrices.

    Sum of products over the last axis of the first and the first axis of the second argument.

    Both arguments have rank 1 or 2.
    """

    op_name = "dot"
    __props__ = ()
    notation = Notation(latex=r"{0} \, {1}", pp="dot")
    text = "np.dot({0}, {1})"
    multilinear_in = (0, 1)

    samples = calls(  # every pair of ranks 1 and 2, and a scalar
        ("dot", drawn(3), drawn(3)), ("dot", drawn(3), drawn(3, 4)), ("dot", drawn(3, 4), drawn(4)),
        ("dot", drawn(3, 4), drawn(4, 2)), ("dot", drawn(), drawn(3, 4)),
    )

    def prepare(self, *inputs: Any) -> list[Any]:
        left, right = (as_tensor_variable(value) for value in inputs)
        for variable in (left, right):
            if variable.type.ndim not in (1, 2):
                raise LabNotImplementedError(
                    "dot is for vectors and matrices.", where=describe(variable),
                    remedy="reshape to a matrix, or multiply and sum",
                )
        inner, other = left.type.shape[-1], right.type.shape[0]
        if inner is not None and other is not None and inner != other:
            raise LabValueError(
                f"Shape mismatch: the last axis of the first argument has length {inner}, the "
                f"first axis of the second {other}.",
                where=f"{describe(left)} and {describe(right)}", why="dot sums over these two axes",
                remedy=_what_fits(left, right),
            )
        return [left, right]

    def out_dtypes(self, *inputs: TensorType) -> list[str]:
        return [dtypes.upcast(*(kind.dtype for kind in inputs))]

    def out_dims(self, *dims: Dims) -> list[Dims]:
        left, right = dims
        return [left[:-1] + right[1:]]

    def batch(self, node: Apply, inputs: Variables, batched: Flags) -> list[Variable] | None:
        """All entries in one product where only one side has them."""
        left: Any = inputs[0]
        right: Any = inputs[1]
        ranks = tuple(variable.type.ndim for variable in node.inputs)  # type: ignore[attr-defined]
        if all(batched):
            return [_pairwise(left, right, ranks)]
        if batched[0]:
            return [_rows_times(left, right)]
        # x A_b = (A_b^T x^T)^T
        turned = right if ranks[1] == 1 else right.dimshuffle(0, 2, 1)
        product = _rows_times(turned, left if ranks[0] == 1 else left.T)
        return [product if ranks != (2, 2) else product.dimshuffle(0, 2, 1)]

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        left: Any = inputs[0]
        right: Any = inputs[1]
        cotangent: Any = cotangents[0]
        ranks = (left.type.ndim, right.type.ndim)
        if ranks == (1, 1):
            return [cotangent * right, cotangent * left]
        if ranks == (1, 2):
            return [dot(cotangent, right.T), outer(left, cotangent)]
        if ranks == (2, 1):
            return [outer(cotangent, right), dot(left.T, cotangent)]
        return [dot(cotangent, right.T), dot(left.T, cotangent)]


def _what_fits(left: Any, right: Any) -> str:
    """Which transposition makes the lengths equal, where one does."""
    inner, other = left.type.shape[-1], right.type.shape[0]
    ranks = left.type.ndim, right.type.ndim
    found = []
    if ranks[0] == 2 and left.type.shape[0] == other:
        found.append(f"{left.name or 'the first'}.T has {other} columns")
    if ranks[1] == 2 and right.type.shape[1] == inner:
        found.append(f"{right.name or 'the second'}.T has {inner} rows")
    if ranks == (1, 1):
        found.append("outer(first, second) multiplies every pair")
    return ", or ".join(found) or "no transposition fits: one of the lengths must change"


def _rows_times(batch: Any, right: Any) -> Any:
    """A batch of vectors or matrices times one vector or matrix, as a single product."""
    if batch.type.ndim == 2:
        return Dot()(batch, right)
    lengths = [length_of(batch, axis) for axis in range(3)]
    flat = function("reshape")(batch, [lengths[0] * lengths[1], lengths[2]])
    rest = [length_of(right, axis) for axis in range(1, right.type.ndim)]
    return function("reshape")(Dot()(flat, right), [*lengths[:2], *rest])


def _pairwise(left: Any, right: Any, ranks: tuple[int, ...]) -> Any:
    """Entry by entry."""
    if ranks == (1, 1):
        return (left * right).sum(axis=1)
    if ranks == (1, 2):
        return (left.dimshuffle(0, 1, "x") * right).sum(axis=1)
    if ranks == (2, 1):
        return (left * right.dimshuffle(0, "x", 1)).sum(axis=2)
    return function("matmul")(left, right)


@array_function(numpy=("dot",), arrays=2)
def dot(x: Any, y: Any) -> Any:
    """Product of vectors and matrices; with a scalar, the ordinary product.

    Parameters
    ----------
    x, y : tensor_like
        The last axis of `x` is summed with the last but one of `y` (or its only one).

    Raises
    ------
    ValueError
        If the lengths that are summed over are known and differ.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> dot(pt.dmatrix("A"), pt.dvector("x")).type
    TensorType(float64, shape=(None,))
    """
    if x.type.ndim == 0 or y.type.ndim == 0:
        return function("mul")(x, y)
    if max(x.type.ndim, y.type.ndim) > 2:
        other = max(y.type.ndim - 2, 0)
        return function("tensordot")(x, y, [[x.type.ndim - 1], [other]])
    return Dot()(x, y)


@public(numpy=("outer",))
def outer(x: Any, y: Any) -> Any:
    """All products of an element of `x` with one of `y`, as a matrix.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> outer(pt.constant([1.0, 2.0]), pt.constant([3.0, 4.0])).eval().tolist()
    [[3.0, 4.0], [6.0, 8.0]]
    """
    left, right = (as_tensor_variable(value) for value in (x, y))
    left, right = (v if v.type.ndim == 1 else flatten(v) for v in (left, right))
    return dimshuffle(left, 0, "x") * dimshuffle(right, "x", 0)
