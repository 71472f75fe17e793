"""`TensorVariable`, `TensorConstant`: variables with NumPy's operators, methods and protocols.

Nothing is computed here: each operator and method looks up the public function of the same name
(`tensor.registry`) and builds a node.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff_lab.graph import Constant, Variable
from autodiff_lab.tensor.methods import ArrayMethods
from autodiff_lab.tensor.numpy_protocol import NumpyProtocol
from autodiff_lab.tensor.operators import Operators, PythonProtocol
from autodiff_lab.tensor.type import TensorType


class TensorVariable(Operators, PythonProtocol, NumpyProtocol, ArrayMethods, Variable):
    """A variable that stands for an array.

    Attributes
    ----------
    dtype : str
    ndim : int
    broadcastable : tuple of bool
    """

    __slots__ = ()
    type: TensorType

    __hash__ = Variable.__hash__

    @property
    def dtype(self) -> str:
        """The dtype of the values."""
        return self.type.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.type.ndim

    @property
    def broadcastable(self) -> tuple[bool, ...]:
        """For each axis, whether its length is known to be 1."""
        return self.type.broadcastable


class TensorConstant(TensorVariable, Constant):
    """A constant array; its data cannot be written to."""

    __slots__ = ()

    def __init__(self, type: TensorType, data: Any, name: str | None = None) -> None:
        array = np.asarray(data)
        if array.flags.writeable:
            array = array.copy()
            array.flags.writeable = False
        Constant.__init__(self, type, array, name)

    def __str__(self) -> str:
        if self.name is not None:
            return self.name
        data = self.data
        if data.size > 5:
            first = data.ravel()[0]
            if (data == first).all():
                return f"TensorConstant{{{data.shape} of {first}}}"
            return f"TensorConstant{{{' '.join(str(data.ravel()[:5]).split())[:-1]} ...]}}"
        return f"TensorConstant{{{' '.join(str(data).split())}}}"
