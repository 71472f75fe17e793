"""Derivatives of graphs: the reverse sweep and `grad`.

A reader begins with `reverse` (the sweep), then `contributions` (how terms are added), then
`grad` (the public function with its options).
"""

from autodiff_lab.errors import DisconnectedInputError, GradientError, NullTypeGradError
from autodiff_lab.gradient.grad import grad
from autodiff_lab.gradient.null_types import DisconnectedType, NullType

__all__ = [
    "DisconnectedInputError",
    "DisconnectedType",
    "GradientError",
    "NullType",
    "NullTypeGradError",
    "grad",
]
