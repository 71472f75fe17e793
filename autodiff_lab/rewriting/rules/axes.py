"""`dimshuffle`: two in a row are one, and one that changes nothing goes."""

from __future__ import annotations

from typing import Any

import autodiff_lab.tensor as pt
from autodiff_lab.graph import Apply
from autodiff_lab.rewriting.facts import Context
from autodiff_lab.rewriting.registry import node_rewriter
from autodiff_lab.tensor.axes import DimShuffle


@node_rewriter(
    [DimShuffle], phase="canonicalize", client="gradients of products of matrices",
    example=lambda x: pt.transpose(pt.transpose(x)),
)
def merge_dimshuffles(context: Context, node: Apply) -> Any:
    """Two changes of axes are one."""
    inner = node.inputs[0].owner
    if inner is None or not isinstance(inner.op, DimShuffle):
        return None
    first = inner.op.new_order
    order = ["x" if axis == "x" else first[axis] for axis in node.op.new_order]
    return pt.dimshuffle(inner.inputs[0], *order)


@node_rewriter(
    [DimShuffle], phase="canonicalize", client="gradients of products of matrices",
    example=lambda x: DimShuffle(2, (0, 1))(x),
)
def useless_dimshuffle(context: Context, node: Apply) -> Any:
    """The axes in the order that they have."""
    op: Any = node.op
    return node.inputs[0] if op.new_order == tuple(range(op.input_ndim)) else None
