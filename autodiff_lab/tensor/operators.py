"""Python's operators and protocols, NumPy's protocols and the array methods of a variable.

Mixed into `TensorVariable`.  Each looks up a public function by name (`tensor.registry`).
"""

from __future__ import annotations

from typing import Any

from autodiff_lab.tensor.registry import function


class Operators:
    """The arithmetic, comparison and bit operators."""

    __slots__ = ()

    def __add__(self, other: Any) -> Any:
        return function("add")(self, other)

    def __radd__(self, other: Any) -> Any:
        return function("add")(other, self)

    def __sub__(self, other: Any) -> Any:
        return function("sub")(self, other)

    def __rsub__(self, other: Any) -> Any:
        return function("sub")(other, self)

    def __mul__(self, other: Any) -> Any:
        return function("mul")(self, other)

    def __rmul__(self, other: Any) -> Any:
        return function("mul")(other, self)

    def __truediv__(self, other: Any) -> Any:
        return function("true_div")(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return function("true_div")(other, self)

    def __floordiv__(self, other: Any) -> Any:
        return function("int_div")(self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return function("int_div")(other, self)

    def __mod__(self, other: Any) -> Any:
        return function("mod")(self, other)

    def __rmod__(self, other: Any) -> Any:
        return function("mod")(other, self)

    def __divmod__(self, other: Any) -> Any:
        return function("int_div")(self, other), function("mod")(self, other)

    def __rdivmod__(self, other: Any) -> Any:
        return function("int_div")(other, self), function("mod")(other, self)

    def __pow__(self, other: Any) -> Any:
        return function("pow")(self, other)

    def __rpow__(self, other: Any) -> Any:
        return function("pow")(other, self)

    def __matmul__(self, other: Any) -> Any:
        return function("matmul")(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return function("matmul")(other, self)

    def __neg__(self) -> Any:
        return function("neg")(self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return function("abs")(self)

    def __invert__(self) -> Any:
        return function("invert")(self)

    def __and__(self, other: Any) -> Any:
        return function("and_")(self, other)

    def __rand__(self, other: Any) -> Any:
        return function("and_")(other, self)

    def __or__(self, other: Any) -> Any:
        return function("or_")(self, other)

    def __ror__(self, other: Any) -> Any:
        return function("or_")(other, self)

    def __xor__(self, other: Any) -> Any:
        return function("xor")(self, other)

    def __rxor__(self, other: Any) -> Any:
        return function("xor")(other, self)

    def __lt__(self, other: Any) -> Any:
        return function("lt")(self, other)

    def __le__(self, other: Any) -> Any:
        return function("le")(self, other)

    def __gt__(self, other: Any) -> Any:
        return function("gt")(self, other)

    def __ge__(self, other: Any) -> Any:
        return function("ge")(self, other)

    def __round__(self, digits: int | None = None) -> Any:
        return function("round")(self)

    def __getitem__(self, key: Any) -> Any:
        return function("subtensor")(self, key)


class PythonProtocol:
    """What Python asks of a number or sequence and a variable cannot answer."""

    __slots__ = ()


class NumpyProtocol:
    """NumPy's functions on variables."""

    __slots__ = ()
    __array_priority__ = 1000


class ArrayMethods:
    """The methods that arrays have."""

    __slots__ = ()

    def sum(self, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
        """Sum over axes."""
        return function("sum")(self, axis=axis, dtype=dtype, keepdims=keepdims)

    def dimshuffle(self, *pattern: Any) -> Any:
        """Reorder, add (``"x"``) and drop axes."""
        return function("dimshuffle")(self, *pattern)

    @property
    def T(self) -> Any:
        """The axes in reverse order."""
        return function("transpose")(self)
