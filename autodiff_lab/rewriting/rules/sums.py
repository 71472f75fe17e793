"""Sums: sums of sums, factors that come out, sums of filled values."""

from __future__ import annotations

import math
from typing import Any

import autodiff_lab.tensor as pt
from autodiff_lab.graph import Apply
from autodiff_lab.rewriting.facts import Context
from autodiff_lab.rewriting.pattern import Axis, Const
from autodiff_lab.rewriting.registry import node_rewriter, rule
from autodiff_lab.tensor import sum
from autodiff_lab.tensor.reduction import AllTrue, AnyTrue, Max, Min, Prod, Sum

LOSS = "benchmark: losses are sums, and their factors need one multiplication, not one per element"


@node_rewriter(
    [Sum, Prod, Max, Min, AllTrue, AnyTrue], client="lesson: a sum over all axes in two steps",
    example=lambda x: pt.sum(pt.sum(x, axis=0)),
)
def sum_of_sum(context: Context, node: Apply) -> Any:
    """A sum over some axes of a sum over others is one sum over both; so for other reductions."""
    inner = node.inputs[0].owner
    if inner is None or type(inner.op) is not type(node.op):
        return None
    first, outer = inner.op, node.op
    if first.dtype != outer.dtype:
        return None
    value: Any = inner.inputs[0]
    gone = set(first.reduced(value.type.ndim))
    kept = [axis for axis in range(value.type.ndim) if axis not in gone]
    gone.update(kept[axis] for axis in outer.reduced(len(kept)))
    return type(outer)(tuple(sorted(gone)), outer.dtype)(value)


@node_rewriter(
    [Sum, Max, Min], client="gradients of transposed matrices", heads=(("dimshuffle",),),
    example=lambda x: pt.sum(x.T, axis=0),
)
def reduction_of_transpose(context: Context, node: Apply) -> Any:
    """A reduction of a transpose is one over other axes."""
    turned = node.inputs[0].owner
    if turned is None or turned.op.name != "dimshuffle":
        return None
    order = turned.op.new_order
    rank = len(order)
    gone = node.op.reduced(rank)
    kept = [order[axis] for axis in range(rank) if axis not in gone]
    if "x" in order or turned.op.dropped or kept != sorted(kept):
        return None
    axes = tuple(sorted(order[axis] for axis in gone))
    whole = None if len(axes) == rank else axes
    return type(node.op)(whole, node.op.dtype)(turned.inputs[0])


@node_rewriter(
    [Sum], phase="canonicalize", client="gradients of broadcast sums",
    example=lambda x: pt.sum(x.dimshuffle(0, "x", 1), axis=1),
)
def sum_over_length_one(context: Context, node: Apply) -> Any:
    """A sum over axes of length 1, or over no axis, only drops them."""
    value: Any = node.inputs[0]
    gone = node.op.reduced(value.type.ndim)
    if any(value.type.shape[axis] != 1 for axis in gone):
        return None
    rest = [axis for axis in range(value.type.ndim) if axis not in gone]
    return context.conform(pt.dimshuffle(value, *rest), node.outputs[0])


@node_rewriter(
    [Sum], phase="canonicalize", client="gradients of sums over axes of known length",
    example=lambda x: pt.sum(pt.fill(pt.constant([1.0, 2.0, 3.0]), x.sum())),
)
def sum_of_fill(context: Context, node: Apply) -> Any:
    """A sum of one value, filled to a known shape, is a multiple of it."""
    inner = node.inputs[0].owner
    if inner is None or inner.op.name != "second":
        return None
    filled, value = inner.outputs[0].type.shape, inner.inputs[1]  # type: ignore[attr-defined]
    gone = node.op.reduced(len(filled))
    if None in filled or any(length != 1 for length in value.type.shape):  # type: ignore[attr-defined]
        return None
    rest = [axis for axis in range(len(filled)) if axis not in gone]
    if any(filled[axis] != 1 for axis in rest):
        return None
    count = math.prod(filled[axis] for axis in gone)
    kept = pt.dimshuffle(value, *rest)
    return context.conform(pt.constant(count, dtype=kept.dtype) * kept, node.outputs[0])


@rule(phase="canonicalize", client=LOSS)
def sum_of_negatives(x, axis: Axis):
    """The sum of negatives is the negative of the sum."""
    return sum(-x, axis=axis), -sum(x, axis=axis)


@rule(phase="canonicalize", client=LOSS)
def sum_of_multiples(x, c: Const, axis: Axis):
    """A constant factor comes out of a sum."""
    return sum(c * x, axis=axis), c * sum(x, axis=axis)


@rule(phase="canonicalize", client=LOSS)
def sum_of_quotients(x, c: Const, axis: Axis):
    """A constant divisor comes out of a sum."""
    return sum(x / c, axis=axis), sum(x, axis=axis) / c
