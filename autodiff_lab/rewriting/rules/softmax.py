"""Sums of exponentials, which overflow where their logarithm and their quotients do not."""

from __future__ import annotations

from typing import Any

import autodiff_lab.tensor as pt
from autodiff_lab.graph import Apply
from autodiff_lab.rewriting.factors import multiplied, name_of
from autodiff_lab.rewriting.facts import Context, is_cast, is_plumbing
from autodiff_lab.rewriting.registry import node_rewriter
from autodiff_lab.tensor.special import LogSoftmax, LogSumExp, Softmax

FAR = "accuracy: softmax and cross-entropy at 1000"


@node_rewriter(
    ["log"], phase="stabilize", client=FAR, example=lambda x: pt.log(pt.sum(pt.exp(x), axis=-1)),
    heads=(("sum",),),
)
def log_of_sum_of_exps(context: Context, node: Apply) -> Any:
    """The exponentials overflow for large values; ``logsumexp`` takes the largest out first."""
    total = node.inputs[0].owner
    if total is None or name_of(total.outputs[0]) != "sum" or name_of(total.inputs[0]) != "exp":
        return None
    exponent = total.inputs[0].owner.inputs[0]  # type: ignore[union-attr]
    return pt.cast(LogSumExp(total.op.axis)(exponent), node.outputs[0].type.dtype)  # type: ignore[attr-defined]


@node_rewriter(
    ["true_div", "mul"], phase="stabilize", client=FAR,
    example=lambda x: pt.exp(x) / pt.sum(pt.exp(x), axis=-1, keepdims=True),
    heads=tuple((one, other) for one in ("exp", "mul", "sum", "true_div")
                for other in ("exp", "sum", "true_div")),
)
def softmax_by_hand(context: Context, node: Apply) -> Any:
    """Exponentials over their sum are inf / inf for large values; ``softmax`` is not."""
    view: Any
    above: list[Any] = [node.inputs[0]]
    below: Any = node.inputs[1]
    summing = None
    if node.op.name == "mul":  # exp(x) * (1 / sum(exp(x))), as derivatives write it
        inner = [v for v in node.inputs if name_of(v) == "exp"]
        quotients = [v for v in node.inputs if v not in inner]
        view, axes = _stripped(quotients[0]) if quotients else (None, None)
        if name_of(view) == "sum":  # exp(x) * sum(y / sum(exp(x)))
            summing, view = view.owner.op, view.owner.inputs[0]
        if name_of(view) != "true_div" or not inner:
            return None
        top, below = view.owner.inputs
        top = top if summing is None else summing(top)
        above = [inner[0], top if axes is None else pt.dimshuffle(top, *axes)]
        total, order = _stripped(below)
        if summing is None:
            order = axes if order is None else order if axes is None else tuple(
                "x" if axis == "x" else order[axis] for axis in axes
            )
        elif axes != order:
            return None
    else:
        if name_of(above[0]) == "mul":
            above = list(above[0].owner.inputs)
        total, order = _stripped(below)
    if name_of(total) != "sum":
        return None
    summed = total.owner.inputs[0]
    if summed not in above or name_of(summed) != "exp":
        return None
    axes = total.owner.op.reduced(summed.type.ndim)
    rest = iter(range(summed.type.ndim))
    kept = tuple("x" if axis in axes else next(rest) for axis in range(summed.type.ndim))
    if order != kept or (summing is not None and summing.reduced(len(kept)) != axes):
        return None
    result = Softmax(total.owner.op.axis)(summed.owner.inputs[0])
    above.remove(summed)
    return pt.cast(multiplied([*above, result]), node.outputs[0].type.dtype)  # type: ignore[attr-defined]


def _stripped(variable: Any) -> tuple[Any, Any]:
    """A variable without the axes added to it, and its axes as they are seen outside."""
    order = None
    while is_plumbing(variable) and not is_cast(variable):
        inner = variable.owner.op.new_order
        order = inner if order is None else tuple("x" if a == "x" else inner[a] for a in order)
        variable = variable.owner.inputs[0]
    return variable, order


@node_rewriter(
    ["log"], phase="stabilize", client=FAR, example=lambda x: pt.log(pt.softmax(x, axis=-1)),
    heads=(("softmax",),),
)
def log_of_softmax(context: Context, node: Apply) -> Any:
    """``softmax`` underflows to 0 for small values; ``log_softmax`` keeps the logarithm."""
    inner = node.inputs[0].owner
    if inner is None or not isinstance(inner.op, Softmax):
        return None
    return LogSoftmax(inner.op.axis)(inner.inputs[0])


@node_rewriter(
    ["sub"], client=FAR, heads=((None, "logsumexp"),),
    example=lambda x: x - pt.logsumexp(x, axis=-1, keepdims=True),
)
def value_minus_logsumexp(context: Context, node: Apply) -> Any:
    """A value minus the logarithm of the sum of exponentials is ``log_softmax``."""
    value, other = node.inputs
    total, order = _stripped(other)
    if total.owner is None or total.owner.inputs[0] is not value:
        return None
    kept = pt.logsumexp(value, axis=total.owner.op.axis, keepdims=True)
    if order is not None and _stripped(kept)[1] != order:
        return None
    return LogSoftmax(total.owner.op.axis)(value)
