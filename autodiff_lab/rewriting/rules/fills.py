"""`fill(a, v)`, v in the shape of a: the seed and the zeros of derivatives, gone where possible."""

from __future__ import annotations

from typing import Any

import autodiff_lab.tensor as pt
from autodiff_lab.graph import Apply
from autodiff_lab.rewriting.facts import Context
from autodiff_lab.rewriting.registry import node_rewriter
from autodiff_lab.tensor.axes import DimShuffle
from autodiff_lab.tensor.elemwise import Elemwise

SEED = "seed: no fill is left in the gradient of the logistic function"


@node_rewriter(
    ["second"], phase="canonicalize", client=SEED, example=lambda x: pt.fill(pt.exp(x), x),
)
def fill_of_same_shape(context: Context, node: Apply) -> Any:
    """A value that has the shape already is left as it is."""
    value = node.inputs[1]
    return value if context.same_shape(value, node.outputs[0]) else None


@node_rewriter(
    ["second"], phase="canonicalize", client=SEED, example=lambda x: pt.fill(pt.exp(x), 1.0),
)
def fill_like_simplest(context: Context, node: Apply) -> Any:
    """Only the shape of the first argument counts: the simplest variable of that shape lends it."""
    shape, value = node.inputs
    simplest = context.shape_lender(shape)
    return None if simplest is shape else pt.fill(simplest, value)


@node_rewriter(
    [Elemwise], phase="canonicalize", client=SEED, behind=("second",),
    example=lambda x: pt.exp(x) * pt.fill(x, 2.0),
)
def fill_sinks(context: Context, node: Apply) -> Any:
    """An elementwise function of a filled value: the function of the value, filled if need be."""
    places = [
        i for i, v in enumerate(node.inputs) if v.owner is not None and v.owner.op.name == "second"
    ]
    if not places or (node.op.name == "second" and places == [0]):
        return None
    inputs: list[Any] = list(node.inputs)
    old = node.outputs[0]
    for place in places:
        inputs[place] = inputs[place].owner.inputs[1]
    new = type(node.op)(node.op.row)(*inputs)
    lenders = [node.inputs[place].owner.inputs[0] for place in places]  # type: ignore[union-attr]
    return context.conform(new, old, lenders)


@node_rewriter(
    [DimShuffle], phase="canonicalize", client="gradient of sum(sum(x, axis=0))",
    example=lambda x: pt.fill(x, 2.0).dimshuffle(0, "x", 1),
)
def fill_through_axes(context: Context, node: Apply) -> Any:
    """Axes of a filled value: the value and the shape get them each."""
    inner = node.inputs[0].owner
    if inner is None or inner.op.name != "second" or node.op.dropped:
        return None
    shape, value = inner.inputs
    return context.conform(pt.fill(node.op(shape), node.op(value)), node.outputs[0])


@node_rewriter(
    ["shape"], phase="canonicalize", client="benchmark: the derivative of a mean",
    example=lambda x: pt.shape(pt.exp(x)),
)
def shape_of_elementwise(context: Context, node: Apply) -> Any:
    """The shape of an elementwise function is that of its argument: nothing is computed for it."""
    value = node.inputs[0]
    simplest = context.shape_lender(value)
    return None if simplest is value else pt.shape(simplest)
