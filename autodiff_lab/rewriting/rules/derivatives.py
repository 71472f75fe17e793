"""What differentiation leaves behind: the markers that shape a derivative have done their work."""

from __future__ import annotations

from typing import Any

import autodiff_lab.tensor as pt
from autodiff_lab.control.jacobian import JacobianMatrix, jacobian
from autodiff_lab.gradient import Lop, Rop, grad_clip
from autodiff_lab.gradient.boundaries import (
    ConsiderConstant, DisconnectedGrad, GradClip, GradScale, UndefinedGrad, ZeroGrad,
)
from autodiff_lab.graph import Apply
from autodiff_lab.rewriting.facts import Context
from autodiff_lab.rewriting.registry import node_rewriter
from autodiff_lab.tensor.products import Dot


@node_rewriter(
    [ZeroGrad, ConsiderConstant, DisconnectedGrad, UndefinedGrad, GradClip, GradScale],
    phase="canonicalize",
    client="seed: grad_clip has no cost in the forward computation",
    example=lambda x: grad_clip(x, -1, 1),
)
def remove_gradient_marker(context: Context, node: Apply) -> Any:
    """A marker that speaks to derivatives only: the value itself."""
    return node.inputs[0]


@node_rewriter(
    [Dot], client="seed: products of Jacobians and Hessians with vectors, recognised",
    heads=(("jacobian_matrix", None), (None, "jacobian_matrix")),
    example=lambda x: pt.dot(jacobian(pt.exp(x), x), x),
)
def jacobian_times_vector(context: Context, node: Apply) -> Any:
    """A Jacobian times a vector is one forward sweep, a vector times a Jacobian one backward sweep:
    the matrix is never made.  A Hessian is the Jacobian of a gradient."""
    for place, other in ((0, 1), (1, 0)):
        marked = node.inputs[place].owner
        vector: Any = node.inputs[other]
        if marked is None or not isinstance(marked.op, JacobianMatrix) or vector.type.ndim != 1:
            continue
        _, expression, variable = marked.inputs
        if variable.owner is not None:
            return None
        moved: Any = expression if place else variable
        vector = pt.cast(vector, moved.type.dtype)
        product = (Lop if place else Rop)(expression, variable, vector)
        return pt.cast(product, node.outputs[0].type.dtype)  # type: ignore[attr-defined]
    return None


@node_rewriter(
    [JacobianMatrix], phase="stabilize", client="seed: Jacobians", tags=("enables",),
    example=lambda x: jacobian(pt.exp(x), x),
)
def unmarked_jacobian(context: Context, node: Apply) -> Any:
    """A Jacobian that is needed as a matrix: the matrix."""
    return node.inputs[0]
