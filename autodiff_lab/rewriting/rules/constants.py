"""Constants: what is known is computed once, and written in the dtype that it is used in."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import autodiff_lab.tensor as pt
from autodiff_lab.graph import Apply, Constant
from autodiff_lab.rewriting.facts import CONSTANT, Context
from autodiff_lab.rewriting.registry import node_rewriter
from autodiff_lab.tensor.elemwise import Elemwise

LARGEST = 4096
"""Folding makes no array of more elements than this, unless an input has as many."""

ARITHMETIC = ["add", "sub", "mul", "true_div", "maximum", "minimum"]


@node_rewriter(
    ["*"], phase="canonicalize", client="seed: x ** 2, whose raw gradient holds 2 - 1",
    example=lambda x: x * (pt.constant(2.0) - 1), heads=((CONSTANT,) * 4,),
)
def constant_folding(context: Context, node: Apply) -> Any:
    """An op whose inputs are all known is computed now."""
    for variable in node.inputs:
        if not isinstance(variable, Constant):
            return None
    if not node.inputs or not node.op.pure or not _small(node):
        return None
    with np.errstate(all="ignore"):
        try:
            values = node.op.evaluate(node, *(v.data for v in node.inputs))  # type: ignore[attr-defined]
        except Exception:
            return None  # it will fail where the user sees it, when the graph runs
    results = values if len(node.outputs) > 1 else (values,)
    name = node.inputs[0].name if _only_adds_axes(node.op) else None
    return [out.type.make_constant(value, name) for out, value in zip(node.outputs, results)]


def _only_adds_axes(op: Any) -> bool:
    """Whether a named constant is still what its name says."""
    kept = [axis for axis in getattr(op, "new_order", ()) if axis != "x"]
    return op.name == "dimshuffle" and kept == sorted(kept)


def _small(node: Apply) -> bool:
    given = max((np.size(v.data) for v in node.inputs), default=1)  # type: ignore[attr-defined]
    for output in node.outputs:
        shape = getattr(output.type, "shape", (None,))
        if None in shape and not isinstance(node.op, Elemwise):
            return False
        if None not in shape and math.prod(shape) > max(LARGEST, given):
            return False
    return True


@node_rewriter(
    ARITHMETIC, phase="canonicalize", client="seed: 2 * x is printed as (2.0 * x)",
    example=lambda x: 2 * x, behind=(),
)
def constant_in_result_dtype(context: Context, node: Apply) -> Any:
    """A constant in real arithmetic takes the dtype of the result: ``2 * x`` is ``2.0 * x``."""
    dtype = node.outputs[0].type.dtype  # type: ignore[attr-defined]
    if np.dtype(dtype).kind != "f":
        return None
    inputs: list[Any] = list(node.inputs)
    changed = False
    for place, variable in enumerate(inputs):
        if isinstance(variable, Constant) and variable.type.dtype != dtype:  # type: ignore[attr-defined]
            inputs[place] = context.constant(variable, dtype)
            changed = True
    return node.op.make_node(*inputs).outputs if changed else None


@node_rewriter(
    ["add", "mul"], client="accuracy: one form for sums that are written in two orders",
    example=lambda x, y: pt.exp(x + y) * (y + x),
)
def one_order(context: Context, node: Apply) -> Any:
    """``y + x`` where ``x + y`` is computed already: the one that stands first in the graph."""
    left, right = node.inputs
    if node.op.name == "mul" and (isinstance(left, Constant) or isinstance(right, Constant)):
        return None  # there the constant stands first
    first = context.notes.setdefault((node.op.name, frozenset((left, right))), node)
    return first.outputs[0] if first is not node and first.inputs == (right, left) else None
