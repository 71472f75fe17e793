"""The methods and attributes that arrays have, on variables.

Mixed into `TensorVariable`.  Each looks up the public function of the same name
(`tensor.registry`), so they agree with it in every argument.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autodiff_lab.tensor.registry import function


def _method(name: str, says: str) -> Callable[..., Any]:
    """The public function of this name, with the variable as its first argument."""

    def method(self: Any, *arguments: Any, **options: Any) -> Any:
        return function(name)(self, *arguments, **options)

    method.__doc__ = says
    method.__name__ = name
    return method


class ArrayMethods:
    """The methods that arrays have."""

    __slots__ = ()

    sum = _method("sum", "Sum over axes.")
    prod = _method("prod", "Product over axes.")
    mean = _method("mean", "Mean over axes.")
    var = _method("var", "Variance over axes.")
    std = _method("std", "Standard deviation over axes.")
    max = _method("max", "The largest element over axes.")
    min = _method("min", "The smallest element over axes.")
    any = _method("any", "Whether an element over axes is true.")
    all = _method("all", "Whether all elements over axes are true.")

    argmax = _method("argmax", "The place of the largest element over axes.")
    argmin = _method("argmin", "The place of the smallest element over axes.")
    cumsum = _method("cumsum", "Sums of the elements so far.")
    cumprod = _method("cumprod", "Products of the elements so far.")
    sort = _method("sort", "The elements in increasing order; this variable does not change.")
    argsort = _method("argsort", "The places of the elements in increasing order.")
    norm = _method("norm", "The norm of a vector or matrix.")
    trace = _method("trace", "The sum of a diagonal.")
    diagonal = _method("diagonal", "A diagonal of each matrix in two of the axes.")
    take = _method("take", "The elements at indices along an axis.")
    nonzero = _method("nonzero", "The places of the elements that are not 0.")
    repeat = _method("repeat", "Each part along an axis repeated.")

    shape = property(_method("shape", "The lengths of all axes, as an int64 vector."))
    size = property(_method("size", "The number of elements."))
    real = property(_method("real", "The real part."))
    imag = property(_method("imag", "The imaginary part."))
    conj = _method("conj", "The complex conjugate.")
    T = property(_method("transpose", "The axes in reverse order."))
    dimshuffle = _method("dimshuffle", 'Reorder, add (``"x"``) and drop axes.')
    flatten = _method("flatten", "The first ``ndim - 1`` axes stay, the others become one.")
    ravel = _method("ravel", "All elements as a vector.")
    squeeze = _method("squeeze", "Drop axes of length 1.")
    swapaxes = _method("swapaxes", "Exchange two axes.")

    copy = _method("identity", "The same value as a variable of its own.")
    dot = _method("dot", "Product of vectors and matrices.")
    clip = _method("clip_between", "The values, held between two bounds.")
    round = _method("around", "Rounded, halves to even.")
    zeros_like = _method("zeros_like", "Zeros in this shape.")
    ones_like = _method("ones_like", "Ones in this shape.")
    fill = _method("second", "A variable of this shape filled with a value.")
    set = _method("set_subtensor", "``x[i].set(v)``: a copy of ``x`` with ``v`` in that place.")
    inc = _method("inc_subtensor", "``x[i].inc(v)``: a copy of ``x`` with ``v`` added to ``x[i]``.")

    def transpose(self, *axes: Any) -> Any:
        """The axes in reverse order, or in the order given."""
        if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], list | tuple)):
            return function("transpose")(self, axes[0])
        return function("transpose")(self, axes or None)

    def reshape(self, *shape: Any, ndim: int | None = None) -> Any:
        """The same elements in another shape, given as one sequence or as several lengths."""
        return function("reshape")(self, shape[0] if len(shape) == 1 else shape, ndim=ndim)

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        """The values in another dtype."""
        return function("cast")(self, dtype)
