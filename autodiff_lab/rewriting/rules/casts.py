"""Casts: none to the dtype that a value has, and none that the next one makes needless."""

from __future__ import annotations

from typing import Any

import numpy as np

import autodiff_lab.tensor as pt
from autodiff_lab.graph import Apply
from autodiff_lab.rewriting.facts import Context, is_cast
from autodiff_lab.rewriting.registry import node_rewriter
from autodiff_lab.tensor import dtypes
from autodiff_lab.tensor.scalars.arithmetic import CASTS

NAMES = [f"cast_{dtype}" for dtype in dtypes.ALL]
MIXED = "gradients of float32 variables in a float64 cost"


@node_rewriter(NAMES, phase="canonicalize", client=MIXED, example=lambda x: CASTS[x.dtype](x))
def useless_cast(context: Context, node: Apply) -> Any:
    """A cast to the dtype that the value has."""
    value: Any = node.inputs[0]
    return value if value.type.dtype == node.outputs[0].type.dtype else None  # type: ignore[attr-defined]


@node_rewriter(
    NAMES, phase="canonicalize", client=MIXED,
    example=lambda x: pt.cast(pt.cast(x, "float64"), "float32"),
)
def cast_of_cast(context: Context, node: Apply) -> Any:
    """The first of two casts goes if its dtype holds every value: nothing was lost there."""
    middle: Any = node.inputs[0]
    if not is_cast(middle):
        return None
    value = middle.owner.inputs[0]
    given, between = value.type.dtype, middle.type.dtype
    if np.promote_types(given, between) != np.dtype(between) or between == "bool":
        return None
    return pt.cast(value, node.outputs[0].type.dtype)  # type: ignore[attr-defined]
