"""The methods and attributes that arrays have, on variables.

Mixed into `TensorVariable`.  Each looks up the public function of the same name
(`tensor.registry`), so they agree with it in every argument.
"""

from __future__ import annotations

from typing import Any

from autodiff_lab.tensor.registry import function


class ArrayMethods:
    """The methods that arrays have."""

    __slots__ = ()

    # -- reductions -------------------------------------------------------------------------

    def sum(
        self, axis: Any = None, dtype: Any = None, keepdims: bool = False, acc_dtype: Any = None
    ) -> Any:
        """Sum over axes."""
        return function("sum")(self, axis=axis, dtype=dtype, keepdims=keepdims)

    def prod(
        self, axis: Any = None, dtype: Any = None, keepdims: bool = False, acc_dtype: Any = None
    ) -> Any:
        """Product over axes."""
        return function("prod")(self, axis=axis, dtype=dtype, keepdims=keepdims)

    def mean(
        self, axis: Any = None, dtype: Any = None, keepdims: bool = False, acc_dtype: Any = None
    ) -> Any:
        """Mean over axes."""
        return function("mean")(self, axis=axis, dtype=dtype, keepdims=keepdims)

    def var(self, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Any:
        """Variance over axes."""
        return function("var")(self, axis=axis, ddof=ddof, keepdims=keepdims)

    def std(self, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Any:
        """Standard deviation over axes."""
        return function("std")(self, axis=axis, ddof=ddof, keepdims=keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Any:
        """The largest element over axes."""
        return function("max")(self, axis=axis, keepdims=keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Any:
        """The smallest element over axes."""
        return function("min")(self, axis=axis, keepdims=keepdims)

    def any(self, axis: Any = None, keepdims: bool = False) -> Any:
        """Whether an element over axes is true."""
        return function("any")(self, axis=axis, keepdims=keepdims)

    def all(self, axis: Any = None, keepdims: bool = False) -> Any:
        """Whether all elements over axes are true."""
        return function("all")(self, axis=axis, keepdims=keepdims)

    # -- shape ------------------------------------------------------------------------------

    @property
    def shape(self) -> Any:
        """The lengths of all axes, as an int64 vector."""
        return function("shape")(self)

    @property
    def size(self) -> Any:
        """The number of elements."""
        return function("size")(self)

    @property
    def T(self) -> Any:
        """The axes in reverse order."""
        return function("transpose")(self)

    def transpose(self, *axes: Any) -> Any:
        """The axes in reverse order, or in the order given."""
        if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], list | tuple)):
            return function("transpose")(self, axes[0])
        return function("transpose")(self, axes or None)

    def dimshuffle(self, *pattern: Any) -> Any:
        """Reorder, add (``"x"``) and drop axes."""
        return function("dimshuffle")(self, *pattern)

    def reshape(self, *shape: Any, ndim: int | None = None) -> Any:
        """The same elements in another shape, given as one sequence or as several lengths."""
        return function("reshape")(self, shape[0] if len(shape) == 1 else shape, ndim=ndim)

    def flatten(self, ndim: int = 1, outdim: int | None = None) -> Any:
        """The first ``ndim - 1`` axes stay, the others become one."""
        return function("flatten")(self, ndim, outdim)

    def ravel(self) -> Any:
        """All elements as a vector."""
        return function("flatten")(self)

    def squeeze(self, axis: Any = None) -> Any:
        """Drop axes of length 1."""
        return function("squeeze")(self, axis)

    def swapaxes(self, axis1: int, axis2: int) -> Any:
        """Exchange two axes."""
        return function("swapaxes")(self, axis1, axis2)

    # -- values -----------------------------------------------------------------------------

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        """The values in another dtype."""
        return function("cast")(self, dtype)

    def copy(self, name: str | None = None) -> Any:
        """The same value as a variable of its own."""
        return function("identity")(self, name=name)

    def dot(self, other: Any) -> Any:
        """Product of vectors and matrices."""
        return function("dot")(self, other)

    def clip(self, a_min: Any = None, a_max: Any = None) -> Any:
        """The values, but not below `a_min` nor above `a_max`."""
        return function("clip_between")(self, a_min, a_max)

    def round(self, decimals: int = 0) -> Any:
        """Rounded, halves to even."""
        return function("around")(self, decimals)

    def zeros_like(self, dtype: Any = None) -> Any:
        """Zeros in this shape."""
        return function("zeros_like")(self, dtype=dtype)

    def ones_like(self, dtype: Any = None) -> Any:
        """Ones in this shape."""
        return function("ones_like")(self, dtype=dtype)

    def fill(self, value: Any) -> Any:
        """A variable of this shape filled with a value; this one does not change."""
        return function("second")(self, value)

    # -- parts ------------------------------------------------------------------------------

    def set(self, value: Any) -> Any:
        """``x[i].set(v)``: a copy of ``x`` in which ``x[i]`` is replaced."""
        return function("set_subtensor")(self, value)

    def inc(self, value: Any) -> Any:
        """``x[i].inc(v)``: a copy of ``x`` in which ``v`` is added to ``x[i]``."""
        return function("inc_subtensor")(self, value)
