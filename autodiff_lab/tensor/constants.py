"""From Python and NumPy values to variables: `constant` and `as_tensor_variable`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff_lab.errors import LabTypeError, LabValueError
from autodiff_lab.graph import Apply, Variable
from autodiff_lab.tensor import dtypes, registry
from autodiff_lab.tensor.type import TensorType, known_type, unmasked
from autodiff_lab.tensor.variable import TensorConstant, TensorVariable


def constant(
    x: Any, name: str | None = None, ndim: int | None = None, dtype: Any = None
) -> TensorConstant:
    """A constant: a variable whose value is known.

    Parameters
    ----------
    x : array_like
        Python integers become the smallest integer dtype, Python floats float32 where that is
        exact and float64 otherwise; NumPy values keep their dtype.
    name : str, optional
    ndim : int, optional
        Axes of length 1 are added in front up to this rank.
    dtype : str, optional

    Examples
    --------
    >>> constant(2).dtype, constant(0.1).dtype
    ('int8', 'float64')
    """
    if isinstance(x, TensorConstant):
        data = x.data
    elif isinstance(x, bool | int | float | complex) and not isinstance(x, np.generic):
        data = dtypes.autocast(x) if dtype is None else np.asarray(x)
    else:
        data = np.array(unmasked(x))
    if data.dtype == object or data.dtype.kind in "USMmV":
        raise LabTypeError(
            f"Cannot convert {x!r:.60} to a tensor: it is of {type(x).__name__}.",
            remedy="numbers, arrays and (nested) lists of them can be converted",
        )
    if dtype is not None:
        data = data.astype(dtypes.canonical(dtype))
    if ndim is not None:
        if data.ndim > ndim:
            raise LabValueError(f"A value of rank {data.ndim} cannot have rank {ndim}.")
        data = data.reshape((1,) * (ndim - data.ndim) + data.shape)
    return TensorConstant(known_type(_name_of(data.dtype), data.shape), data, name)


@functools.lru_cache(maxsize=64)
def _name_of(dtype: np.dtype[Any]) -> str:
    """The name of a dtype that a tensor can have (NumPy builds names anew each time)."""
    return dtypes.canonical(dtype)


def as_tensor_variable(
    x: Any, name: str | None = None, ndim: int | None = None, dtype: Any = None
) -> TensorVariable:
    """`x` as a variable: variables stay, numbers and arrays become constants, lists are stacked.

    Parameters
    ----------
    x : Variable, Apply, array_like, or list of variables
    name : str, optional
        For a new constant.
    ndim : int, optional
        The rank wanted: axes of length 1 are added in front.
    dtype : str, optional
        For a new constant.

    Raises
    ------
    TypeError
        If `x` cannot be a tensor.
    """
    if isinstance(x, Apply):
        x = x.default_output()
    if isinstance(x, Variable):
        if not isinstance(x.type, TensorType):
            convert = getattr(x.type, "as_tensor", None)
            if convert is None:
                raise LabTypeError(f"{x} is a variable of type {x.type}, not a tensor.")
            x = convert(x)
        if ndim is not None and x.type.ndim != ndim:
            return registry.function("atleast_rank")(x, ndim)  # type: ignore[no-any-return]
        return x  # type: ignore[no-any-return]
    if isinstance(x, list | tuple) and _holds_variables(x):
        stacked = registry.function("stack")(list(x))
        return stacked if ndim is None else as_tensor_variable(stacked, ndim=ndim)
    return constant(x, name=name, ndim=ndim, dtype=dtype)


as_tensor = as_tensor_variable


def array_function(
    *aliases: str, numpy: tuple[str, ...] = (), arrays: int = 1
) -> Callable[[registry.Declared], registry.Declared]:
    """`registry.public` for functions of arrays: their first arguments come in as variables.

    Parameters
    ----------
    *aliases, numpy : str
        Further names, as for `registry.public`.
    arrays : int
        How many of the arguments are made variables.
    """

    def declare(function: registry.Declared) -> registry.Declared:
        names = list(inspect.signature(function).parameters)[:arrays]

        @functools.wraps(function)
        def converting(*given: Any, **options: Any) -> Any:
            first = [as_tensor_variable(value) for value in given[:arrays]]
            for name in names[len(given) :]:
                if name in options:
                    options[name] = as_tensor_variable(options[name])
            return function(*first, *given[arrays:], **options)

        return registry.public(*aliases, numpy=numpy)(converting)  # type: ignore[return-value]

    return declare


def _holds_variables(x: Any) -> bool:
    stack = list(x)
    while stack:
        item = stack.pop()
        if isinstance(item, Variable):
            return True
        if isinstance(item, list | tuple):
            stack.extend(item)
    return False


_SPREADS = {"second": 1, "alloc": 0, "dimshuffle": 0}


def spread_from(variable: Any) -> Any:
    """The variable whose elements these are, where an op only spreads or moves them, or None."""
    place = None if variable.owner is None else _SPREADS.get(variable.owner.op.name)
    return None if place is None else variable.owner.inputs[place]


def is_zero(variable: Any) -> bool:
    """Whether an array is surely filled with zeros."""
    while (below := spread_from(variable)) is not None:
        variable = below
    return isinstance(variable, TensorConstant) and not variable.data.any()
