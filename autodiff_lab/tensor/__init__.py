"""Tensors: their type, constructors, and every public function on them.

The names are PyTensor's, and NumPy's where PyTensor has none.  They live in the tables of
`tensor.registry`; loading this module loads the files that fill them.
"""

from __future__ import annotations

from typing import Any

from autodiff_lab.tensor import (  # noqa: F401  (loading them fills the tables)
    axes, constructors, creation, cumulative, grids, joining, linalg, nlinalg, places, products,
    random, rearranging, reduction, shaping, slinalg, sorting, special,
)
from autodiff_lab.tensor.constants import as_tensor, as_tensor_variable, constant
from autodiff_lab.tensor.elemwise import Elemwise
from autodiff_lab.tensor.indexing import advanced, basic  # noqa: F401
from autodiff_lab.tensor.registry import FUNCTIONS
from autodiff_lab.tensor.scalars import (  # noqa: F401
    arithmetic, choosing, comparison, exponential, gammas, parts, powers, trigonometric,
)
from autodiff_lab.tensor.type import TensorType
from autodiff_lab.tensor.variable import TensorConstant, TensorVariable

globals().update(FUNCTIONS)

_LATE = (
    "grad", "Lop", "Rop", "pullback", "pushforward", "hessian_vector_product", "jacobian",
    "hessian", "pp", "dprint",
)

__all__ = [
    "Elemwise", "TensorConstant", "TensorType", "TensorVariable", "as_tensor", "as_tensor_variable",
    "constant", *FUNCTIONS,
]


def __getattr__(name: str) -> Any:
    # names of higher rooms that the family has here too
    from autodiff_lab import hooks

    if name in _LATE:
        return hooks.provider(name)
    raise AttributeError(f"module 'autodiff_lab.tensor' has no attribute {name!r}")
