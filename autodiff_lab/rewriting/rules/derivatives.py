"""What differentiation leaves behind: the markers that shape a derivative have done their work."""

from __future__ import annotations

from typing import Any

from autodiff_lab.gradient import grad_clip
from autodiff_lab.gradient.boundaries import (
    ConsiderConstant, DisconnectedGrad, GradClip, GradScale, UndefinedGrad, ZeroGrad,
)
from autodiff_lab.graph import Apply
from autodiff_lab.rewriting.facts import Context
from autodiff_lab.rewriting.registry import node_rewriter


@node_rewriter(
    [ZeroGrad, ConsiderConstant, DisconnectedGrad, UndefinedGrad, GradClip, GradScale],
    phase="canonicalize",
    client="seed: grad_clip has no cost in the forward computation",
    example=lambda x: grad_clip(x, -1, 1),
)
def remove_gradient_marker(context: Context, node: Apply) -> Any:
    """A marker that speaks to derivatives only: the value itself."""
    return node.inputs[0]
