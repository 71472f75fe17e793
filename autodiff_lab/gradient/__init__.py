"""Derivatives of graphs: reverse and forward sweeps, and the functions built on them.

A reader begins with `reverse` (the sweep), then `contributions` (how terms are added), then
`grad` (the public function with its options); `forward` and `operators` mirror them.
"""

from typing import Any

from autodiff_lab import hooks
from autodiff_lab.errors import DisconnectedInputError, GradientError, NullTypeGradError
from autodiff_lab.gradient.boundaries import (
    ConsiderConstant, DisconnectedGrad, GradClip, GradScale, UndefinedGrad, ZeroGrad,
    consider_constant, consider_constant_, disconnected_grad, disconnected_grad_, grad_clip,
    grad_scale, undefined_grad, undefined_grad_, zero_grad, zero_grad_,
)
from autodiff_lab.gradient.grad import grad, value_and_grad
from autodiff_lab.gradient.null_types import DisconnectedType, NullType
from autodiff_lab.gradient.operators import Lop, Rop, hessian_vector_product, pullback, pushforward
from autodiff_lab.gradient.subgraph import (
    as_list_or_tuple, grad_not_implemented, grad_sources_inputs, grad_undefined, subgraph_grad,
)

__all__ = [
    "ConsiderConstant", "DisconnectedGrad", "DisconnectedInputError", "DisconnectedType",
    "GradClip", "GradScale", "GradientError", "Lop", "NullType", "NullTypeGradError", "Rop",
    "UndefinedGrad", "ZeroGrad", "as_list_or_tuple", "consider_constant", "consider_constant_",
    "disconnected_grad", "disconnected_grad_", "grad", "grad_clip", "grad_not_implemented",
    "grad_scale", "grad_sources_inputs", "grad_undefined", "hessian_vector_product", "pullback",
    "pushforward", "subgraph_grad", "undefined_grad", "undefined_grad_", "value_and_grad",
    "zero_grad", "zero_grad_",
]

# names of the family's gradient module whose code lies in a higher room
_LATE = ("jacobian", "hessian", "verify_grad", "numeric_grad")


def __getattr__(name: str) -> Any:
    if name in _LATE and name in hooks.PROVIDERS:
        return hooks.provider(name)
    raise AttributeError(f"module 'autodiff_lab.gradient' has no attribute {name!r}")
