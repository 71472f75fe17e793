"""Products of matrices, inverses, determinants: the same value with fewer or safer operations."""

from __future__ import annotations

import math
from typing import Any

import autodiff_lab.tensor as pt
from autodiff_lab.graph import Apply
from autodiff_lab.rewriting.factors import name_of
from autodiff_lab.rewriting.facts import Context
from autodiff_lab.rewriting.registry import node_rewriter
from autodiff_lab.tensor.axes import DimShuffle
from autodiff_lab.tensor.linalg.inverse import Determinant
from autodiff_lab.tensor.linalg.triangles import Diagonal
from autodiff_lab.tensor.products import Dot

LAYERS = "benchmark: gradients of layers, which are full of products of matrices"
NORMAL = "lesson: the density of the multivariate normal distribution"
ZERO = frozenset({0})


def _symmetric(x: Any) -> Any:
    """A regular matrix, for examples."""
    return pt.dot(x, x.T) + 9 * pt.eye(x.shape[0], dtype=x.dtype)


def _turned(variable: Any) -> Any:
    """What a matrix is the transpose of, or None."""
    owner = variable.owner
    if owner is None or not isinstance(owner.op, DimShuffle) or owner.op.new_order != (1, 0):
        return None
    return owner.inputs[0]


@node_rewriter(
    [Dot], client=LAYERS, heads=(("dimshuffle",) * 2,),
    example=lambda x: pt.dot(x.T, pt.exp(pt.dot(x, x.T)).T),
)
def product_of_transposes(context: Context, node: Apply) -> Any:
    """The product of two transposes is the transpose of the product, the other way round."""
    left, right = map(_turned, node.inputs)
    return None if left is None or right is None else pt.dot(right, left).T


@node_rewriter(
    [DimShuffle], client=LAYERS, example=lambda x: pt.dot(x.T, pt.exp(x)).T, heads=(("dot",),),
)
def transpose_of_product(context: Context, node: Apply) -> Any:
    """The transpose of a product moves to the factors where one of them is a transpose already."""
    product = node.inputs[0].owner
    if product is None or product.op.name != "dot" or node.op.new_order != (1, 0):
        return None
    left, right = product.inputs
    if {left.type.ndim, right.type.ndim} != {2}:  # type: ignore[attr-defined]
        return None
    if (_turned(left) is None) == (_turned(right) is None):
        return None
    return pt.dot(right.T, left.T)  # type: ignore[attr-defined]


@node_rewriter(
    [Dot], client=LAYERS, example=lambda x: pt.dot(0.5 * x, -x.T),
    heads=(("mul", None), (None, "mul"), ("neg", None), (None, "neg")),
)
def multiple_in_matrix_product(context: Context, node: Apply) -> Any:
    """A number or a sign moves out of a product of matrices: it is multiplied once."""
    for place, factor in enumerate(node.inputs):
        name = name_of(factor)
        if name not in ("mul", "neg"):
            continue
        *number, matrix = factor.owner.inputs  # type: ignore[union-attr]
        scale = context.scalar_value(number[0]) if number else -1
        if scale is None or not context.same_shape(matrix, factor):
            continue
        product = pt.dot(*node.inputs[:place], matrix, *node.inputs[place + 1 :])
        return pt.constant(scale, dtype=product.dtype) * product if number else -product
    return None


@node_rewriter(
    [Dot], client=LAYERS, example=lambda x: pt.dot(x, pt.zeros((5,), dtype=x.dtype)),
    heads=((None, ZERO), (ZERO, None)),
)
def product_with_zeros(context: Context, node: Apply) -> Any:
    """A product with a matrix of zeros is zero."""
    left, right = node.inputs
    lengths = [left.shape[k] for k in range(left.type.ndim - 1)]  # type: ignore[attr-defined]
    lengths += [right.shape[k] for k in range(1, right.type.ndim)]  # type: ignore[attr-defined]
    result = pt.zeros(lengths, dtype=node.outputs[0].type.dtype)  # type: ignore[attr-defined]
    return context.conform(result, node.outputs[0])


@node_rewriter(
    [Dot], phase="specialize", client=LAYERS, heads=(("dot", None), (None, "dot")),
    example=lambda x: pt.dot(pt.dot(x, x.T), x[:, 0]),
)
def cheaper_order_of_products(context: Context, node: Apply) -> Any:
    """``(A B) v`` costs a product of matrices, ``A (B v)`` only two products with a vector; among
    matrices of known shapes the order with fewer multiplications is taken."""
    left: Any
    right: Any
    left, right = node.inputs
    if name_of(left) == "dot":
        (a, b), c = left.owner.inputs, right
        ranks = a.type.ndim, b.type.ndim, c.type.ndim
        better = ranks == (2, 2, 1) or (ranks == (2, 2, 2) and _cost(a, b, c) > 0)
        return pt.dot(a, pt.dot(b, c)) if better else None
    a, (b, c) = left, right.owner.inputs
    ranks = a.type.ndim, b.type.ndim, c.type.ndim
    better = ranks == (1, 2, 2) or (ranks == (2, 2, 2) and _cost(a, b, c) < 0)
    return pt.dot(pt.dot(a, b), c) if better else None


def _cost(a: Any, b: Any, c: Any) -> int:
    """Multiplications of (a b) c minus those of a (b c); 0 where lengths are not known."""
    (n, k), (_, m), (_, p) = (v.type.shape for v in (a, b, c))
    if None in (n, k, m, p):
        return 0
    return int(n * k * m + n * m * p - k * m * p - n * k * p)


@node_rewriter(
    [Dot, "matmul"], phase="stabilize", client="accuracy: inverses of badly conditioned matrices",
    example=lambda x: pt.dot(pt.inv(_symmetric(x)), x), heads=(("inv", None),), tags=("enables",),
)
def inverse_times_value(context: Context, node: Apply) -> Any:
    """``inv(A) b`` is the solution of ``A x = b``, which is found with less work and error."""
    inverse, right = node.inputs
    if inverse.owner is None or inverse.owner.op.name != "inv":
        return None
    if inverse.type.ndim != 2 or right.type.ndim > 2:  # type: ignore[attr-defined]
        return None
    return pt.cast(pt.solve(inverse.owner.inputs[0], right), node.outputs[0].type.dtype)  # type: ignore[attr-defined]


@node_rewriter(
    ["inv"], client=NORMAL, example=lambda x: pt.inv(pt.inv(_symmetric(x))), heads=(("inv",),),
)
def inverse_of_inverse(context: Context, node: Apply) -> Any:
    """Two inverses cancel."""
    inner = node.inputs[0].owner
    return inner.inputs[0] if inner is not None and inner.op.name == "inv" else None


@node_rewriter(
    ["log"], phase="stabilize", client=NORMAL, heads=(("det",), ("abs",)), tags=("enables",),
    example=lambda x: pt.log(pt.det(_symmetric(x))),
)
def log_of_determinant(context: Context, node: Apply) -> Any:
    """Determinants overflow and vanish with the size of a matrix; ``slogdet`` adds logarithms."""
    value = node.inputs[0].owner
    positive = value is not None and value.op.name == "abs"
    if positive:
        value = value.inputs[0].owner  # type: ignore[union-attr]
    if value is None or not isinstance(value.op, Determinant):
        return None
    sign, logarithm = pt.slogdet(value.inputs[0])
    if not positive:
        logarithm = pt.where(pt.ge(sign, 0), logarithm, math.nan)
    return context.conform(logarithm, node.outputs[0])


@node_rewriter(
    ["sum"], phase="specialize", client=NORMAL, heads=(("diagonal",),),
    example=lambda x: pt.trace(pt.dot(x, x.T)),
)
def trace_of_product(context: Context, node: Apply) -> Any:
    """The trace of ``A B`` is the sum of ``A * B.T``: no product of matrices is needed."""
    diagonal = node.inputs[0].owner
    if diagonal is None or not isinstance(diagonal.op, Diagonal) or diagonal.op.offset != 0:
        return None
    product = diagonal.inputs[0].owner
    if product is None or not isinstance(product.op, Dot):
        return None
    left, right = product.inputs
    if left.type.ndim != 2 or right.type.ndim != 2:  # type: ignore[attr-defined]
        return None
    if len({*context.lengths(product.outputs[0])}) != 1:
        return None  # the product may not be square
    return context.conform(pt.sum(left * right.T), node.outputs[0])  # type: ignore[attr-defined]
