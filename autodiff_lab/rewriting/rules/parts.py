"""Shapes, parts and joined arrays: what is known is not computed, what undoes itself goes."""

from __future__ import annotations

from typing import Any

import autodiff_lab.tensor as pt
from autodiff_lab.graph import Apply
from autodiff_lab.rewriting.factors import name_of
from autodiff_lab.rewriting.facts import Context
from autodiff_lab.rewriting.registry import node_rewriter
from autodiff_lab.tensor.elemwise import Elemwise
from autodiff_lab.tensor.indexing.basic import IncSubtensor, Subtensor
from autodiff_lab.tensor.indexing.keys import Slice
from autodiff_lab.tensor.joining import Join
from autodiff_lab.tensor.shaping import Reshape

SHAPES = "benchmark: derivatives of reshaped and joined arrays"
PARTS = "derivatives of parts of arrays, and loops that read their last value"


@node_rewriter(["subtensor"], client=SHAPES, heads=(("shape",),),
               example=lambda x: Subtensor((0,))(pt.shape(pt.dot(x, pt.ones((5, 3))))))
def known_length(context: Context, node: Apply) -> Any:
    """The length of an axis that is known is a number."""
    inner, axis = node.inputs[0].owner, node.op.pattern[0]
    if inner is None or inner.op.name != "shape" or not isinstance(axis, int):
        return None
    shape = inner.inputs[0].type.shape  # type: ignore[attr-defined]
    length = shape[axis] if -len(shape) <= axis < len(shape) else None
    return None if length is None else pt.constant(length, dtype="int64")


@node_rewriter(["subtensor"], client="benchmark: the Hessian of Rosenbrock's function",
               heads=(("shape",),), example=lambda x: pt.eye(pt.shape(x)[0])[:, 1:].shape[0])
def length_given(context: Context, node: Apply) -> Any:
    """An array made with given lengths has these; so has a part that takes all along an axis."""
    inner, axis = node.inputs[0].owner, node.op.pattern[0]
    made = inner.inputs[0].owner if inner is not None and inner.op.name == "shape" else None
    if made is None or not isinstance(axis, int) or axis < 0:
        return None
    if made.op.name in ("alloc", "eye"):
        return context.conform(made.inputs[axis + (made.op.name == "alloc")], node.outputs[0])
    if type(made.op) is not Subtensor or any(not isinstance(e, Slice) for e in made.op.pattern):
        return None
    whole = axis >= len(made.op.pattern) or made.op.pattern[axis].is_full
    return Subtensor((axis,))(pt.shape(made.inputs[0])) if whole else None


@node_rewriter(["alloc"], client="benchmark: the Hessian of Rosenbrock's function",
               example=lambda x: pt.alloc(pt.zeros_like(x), 4, *x.shape))
def alloc_of_number(context: Context, node: Apply) -> Any:
    """An array full of one number is made of that number, without the array it came in."""
    value: Any = node.inputs[0]
    number, lender = context.scalar_value(value), context.shape_lender(value)
    lengths = node.inputs[len(node.inputs) - value.type.ndim:]
    own = (_is_length_of(n, lender, axis) for axis, n in enumerate(lengths))
    if number is None or not value.type.ndim or not all(own):
        return None
    return node.op(pt.constant(number), *node.inputs[1:])


@node_rewriter([Reshape], client=SHAPES, heads=(("reshape",),),
               example=lambda x: pt.reshape(pt.reshape(x, (-1,)), (5, -1)))
def reshape_of_reshape(context: Context, node: Apply) -> Any:
    """The last of two shapes counts."""
    inner = node.inputs[0].owner
    if inner is None or not isinstance(inner.op, Reshape):
        return None
    return Reshape()(inner.inputs[0], *node.inputs[1:])


@node_rewriter([Reshape], client=SHAPES, example=lambda x: pt.reshape(x, (-1,)) if x.ndim == 1 else
               pt.reshape(x, (x.shape[0], x.shape[1])))
def reshape_to_own_shape(context: Context, node: Apply) -> Any:
    """A vector made a vector, or an array given its own lengths, stays as it is."""
    value: Any = node.inputs[0]
    lengths = node.inputs[1:]
    if value.type.ndim != len(lengths):
        return None
    if len(lengths) == 1:
        return value
    own = sum(_is_length_of(length, value, axis) for axis, length in enumerate(lengths))
    return value if own >= len(lengths) - 1 else None


def _is_length_of(length: Any, value: Any, axis: int) -> bool:
    """Whether a variable is written as ``value.shape[axis]``."""
    part = length.owner
    if part is None or not isinstance(part.op, Subtensor) or part.op.pattern != (axis,):
        return False
    return name_of(part.inputs[0]) == "shape" and part.inputs[0].owner.inputs[0] is value


@node_rewriter(["subtensor"], client=PARTS, example=lambda x: x[:])
def whole_part(context: Context, node: Apply) -> Any:
    """All of an array is that array."""
    full = all(isinstance(entry, Slice) and entry.is_full for entry in node.op.pattern)
    return node.inputs[0] if full else None


@node_rewriter(["subtensor"], client=PARTS, heads=(("set_subtensor",),),
               example=lambda x: pt.set_subtensor(x[1], x[0])[1])
def part_that_was_set(context: Context, node: Apply) -> Any:
    """Reading the part that was just set gives what it was set to."""
    inner = node.inputs[0].owner
    if inner is None or type(inner.op) is not IncSubtensor:
        return None
    same = inner.op.pattern == node.op.pattern and inner.inputs[2:] == node.inputs[1:]
    value: Any = inner.inputs[1]
    return value if same and value.type.ndim == node.outputs[0].type.ndim else None  # type: ignore[attr-defined]


@node_rewriter(["subtensor"], phase="specialize", client=PARTS,
               example=lambda x: pt.exp(2 * x)[0], uses={"clients"})
def part_of_elementwise(context: Context, node: Apply) -> Any:
    """Of an elementwise result of which one entry is read, only that is computed."""
    whole: Any = node.inputs[0]
    owner = whole.owner
    if owner is None or not isinstance(owner.op, Elemwise) or context.readers(whole) != 1:
        return None
    if type(node.op) is not Subtensor or isinstance(node.op.pattern[0], Slice):
        return None  # a slice may be nearly all of it
    inputs = [v for v in owner.inputs if context.scalar_value(v) is None]
    if len(inputs) != 1 or not context.same_shape(inputs[0], whole):
        return None
    part = node.op(inputs[0], *node.inputs[1:])
    rank = part.type.ndim
    taken = [
        part if v is inputs[0] else pt.atleast_rank(pt.constant(context.scalar_value(v)), rank)
        for v in owner.inputs
    ]
    return context.conform(type(owner.op)(owner.op.row)(*taken), node.outputs[0])


@node_rewriter([Join], client=SHAPES, example=lambda x: pt.join(0, pt.join(0, x, x), x),
               behind=("join",))
def join_of_joins(context: Context, node: Apply) -> Any:
    """Arrays joined along one axis in two steps are joined in one."""
    parts: list[Any] = []
    for part in node.inputs:
        inner = part.owner
        again = inner is not None and inner.op == node.op
        parts += inner.inputs if inner is not None and again else [part]
    return None if len(parts) == len(node.inputs) else node.op(*parts)
