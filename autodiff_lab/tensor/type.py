"""`TensorType`: a dtype and a static shape in which None stands for "not known yet".

Relies on `graph.Type`.  `filter` is where user data becomes arrays: it never copies an array that
already fits, and it never loses digits silently.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from autodiff_lab.config import config
from autodiff_lab.errors import LabOverflowError, LabTypeError, LabValueError
from autodiff_lab.graph import Type, Variable, describe
from autodiff_lab.tensor import dtypes, registry

Shape = tuple[int | None, ...]

_RANK_NAMES = {0: "Scalar", 1: "Vector", 2: "Matrix"}


class TensorType(Type):
    """Arrays of one dtype and rank, with what is known about their shape.

    Parameters
    ----------
    dtype : str
        A NumPy dtype, or ``"floatX"``.
    shape : tuple of int or None
        The length of each axis; None where it is not known.  Booleans are read as the family's
        old ``broadcastable`` (True: length 1).
    name : str, optional
        Accepted for compatibility.

    Examples
    --------
    >>> TensorType("float64", shape=(None, 3))
    TensorType(float64, shape=(None, 3))
    """

    __slots__ = ("dtype", "shape", "ndim", "_hash")

    ndim: int
    """Number of axes."""

    def __init__(
        self, dtype: Any, shape: Sequence[int | bool | None] | None = None, name: str | None = None,
        broadcastable: Sequence[bool] | None = None,
    ) -> None:
        self.dtype = dtypes.canonical(dtype)
        if broadcastable is not None:
            import warnings

            warnings.warn(
                "The `broadcastable` keyword is deprecated; use `shape`.", DeprecationWarning,
                stacklevel=2,
            )
            shape = broadcastable
        if shape is None:
            raise LabTypeError("A tensor type needs a shape.", remedy="shape=(None, None)")
        self.shape: Shape = _checked_shape(shape)
        self.ndim = len(self.shape)
        self._hash = hash((TensorType, self.dtype, self.shape))

    @property
    def broadcastable(self) -> tuple[bool, ...]:
        """For each axis, whether its length is known to be 1."""
        return tuple(length == 1 for length in self.shape)

    @property
    def numpy_dtype(self) -> np.dtype[Any]:
        """The dtype as NumPy has it."""
        return np.dtype(self.dtype)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, TensorType)
            and self.dtype == other.dtype
            and self.shape == other.shape
        )

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> Any:
        return (TensorType, (self.dtype, self.shape))

    def __repr__(self) -> str:
        return f"TensorType({self.dtype}, shape={self.shape})"

    def __str__(self) -> str:
        kind = _RANK_NAMES.get(self.ndim, f"Tensor{self.ndim}")
        lengths = ", ".join("?" if d is None else str(d) for d in self.shape)
        comma = "," if self.ndim == 1 else ""
        return f"{kind}({self.dtype}, shape=({lengths}{comma}))"

    def clone(
        self, dtype: Any = None, shape: Sequence[int | None] | None = None, **unused: Any
    ) -> TensorType:
        """The same type with another dtype or shape."""
        return TensorType(
            self.dtype if dtype is None else dtype, self.shape if shape is None else shape
        )

    def is_super(self, other: Type) -> bool:
        return isinstance(other, TensorType) and self.in_same_class(other) and all(
            mine is None or mine == theirs for mine, theirs in zip(self.shape, other.shape)
        )

    def in_same_class(self, other: Type) -> bool:
        if not isinstance(other, TensorType) or self.dtype != other.dtype:
            return False
        return self.ndim == other.ndim and all(
            a is None or b is None or a == b for a, b in zip(self.shape, other.shape)
        )

    def make_variable(self, name: str | None = None) -> Variable:
        from autodiff_lab.tensor.variable import TensorVariable

        return TensorVariable(self, None, None, name)

    def make_constant(self, data: Any, name: str | None = None) -> Any:
        from autodiff_lab.tensor.variable import TensorConstant

        array = self.filter(data)
        return TensorConstant(TensorType(self.dtype, array.shape), array, name)

    def filter_variable(self, other: Any, allow_convert: bool = True) -> Variable:
        from autodiff_lab.tensor.constants import as_tensor_variable

        if not isinstance(other, Variable):
            other = self.make_constant(other)
        variable: Variable = other
        if self.is_super(variable.type):
            return variable
        converted = self.convert_variable(variable) if allow_convert else None
        if converted is not None:
            return converted
        raise LabTypeError(
            f"Cannot convert {describe(as_tensor_variable(other))} into {self}.",
            remedy=f"cast(x, {self.dtype!r}) changes the dtype; reshape or dimshuffle the rank",
        )

    def convert_variable(self, variable: Variable) -> Variable | None:
        """`variable` with the shape of this type promised, or None if it cannot be of this type."""
        if self.is_super(variable.type):
            return variable
        if not self.in_same_class(variable.type):
            return None
        promised: Variable = registry.function("specify_shape")(variable, self.shape)
        return promised

    # -- values -----------------------------------------------------------------------------

    def filter(self, data: Any, strict: bool = False, allow_downcast: bool | None = None) -> Any:
        """Return `data` as an array of this type.

        Parameters
        ----------
        data : array_like
        strict : bool
            Take only an array of exactly this dtype.
        allow_downcast : bool, optional
            Whether digits may be lost.  By default only a Python float may become floatX.

        Raises
        ------
        TypeError
            If dtype, rank or a known length does not fit.
        OverflowError
            If the dtype cannot hold a Python integer.
        """
        if isinstance(data, Variable):
            raise LabTypeError(
                "Expected an array-like object, but found a Variable: maybe you are trying to "
                "call a function on a (possibly shared) variable instead of a numeric array?",
                where=describe(data),
                remedy="pass a number or array; x.eval({...}) gives the value of a variable",
            )
        data = unmasked(data)
        if isinstance(data, np.ndarray) and data.dtype == self.dtype:
            array = np.asarray(data)  # a matrix would multiply otherwise
        elif strict:
            raise LabTypeError(
                f"{self} expected an ndarray with dtype {self.dtype}, "
                f"got {_kind_of(data)} (strict).",
            )
        else:
            array = self._converted(data, allow_downcast)
        self._check_layout(array)
        return array

    def _converted(self, data: Any, allow_downcast: bool | None) -> np.ndarray:
        try:
            given = np.asarray(data)
        except ValueError as error:
            raise LabTypeError(
                f"{_kind_of(data)} cannot be made an array for {self}.", why=str(error)
            ) from None
        whole = given.dtype == object and all(type(v) is int for v in given.flat)
        if given.dtype.kind in "USMmVO" and not whole:
            raise LabTypeError(f"{self} takes numbers; got {_kind_of(data)}.")
        if given.dtype == self.dtype:
            return given
        if not isinstance(data, np.ndarray | np.generic):
            return self._from_python(data, given, allow_downcast)
        if allow_downcast or dtypes.upcast(self.dtype, given.dtype.name) == self.dtype:
            return given.astype(self.dtype)
        raise self._would_lose(given)

    def _from_python(self, data: Any, given: np.ndarray, allow_downcast: bool | None) -> np.ndarray:
        """Numbers and lists: whatever fits exactly is welcome."""
        if given.dtype.kind in "iubO" and self.dtype in dtypes.INTEGERS + dtypes.UNSIGNED:
            bounds = np.iinfo(self.dtype)
            fits = given.size == 0 or (given.min() >= bounds.min and given.max() <= bounds.max)
            if not fits and not allow_downcast:
                raise LabOverflowError(
                    f"Python integer {str(data)[:40]} is out of bounds for {self.dtype}.",
                    why=f"it holds {bounds.min} to {bounds.max}",
                )
            return given.astype(self.dtype)
        rank = "biuOfc".index
        rises = given.size == 0 or rank(given.dtype.kind) <= rank(self.numpy_dtype.kind)
        python_float = (
            given.dtype.kind == "f"
            and self.dtype in dtypes.FLOATS
            and (self.dtype == "float64" or (self.dtype == config.floatX and given.ndim == 0))
        )
        if not (rises or allow_downcast):
            raise self._would_lose(given)
        with np.errstate(all="ignore"):
            try:
                converted = given.astype(self.dtype)
            except OverflowError as error:
                raise LabOverflowError(f"A number is too large for {self}: {error}.") from None
        if allow_downcast or python_float or _same(converted, given):
            return converted
        raise self._would_lose(given)

    def _would_lose(self, given: np.ndarray) -> LabTypeError:
        return LabTypeError(
            f"{self} cannot store a value of dtype {given.dtype} without risking loss of "
            "precision.",
            remedy=f"convert the value: np.asarray(value, dtype={self.dtype!r}), or "
            "allow_input_downcast=True",
        )

    def _check_layout(self, array: np.ndarray) -> None:
        if array.ndim != self.ndim:
            raise LabTypeError(
                f"Wrong number of dimensions: expected {self.ndim}, got {array.ndim} with "
                f"shape {array.shape}.",
                remedy=_of_rank(array, self.ndim),
            )
        if not array.flags.aligned:
            raise LabTypeError("The numpy.ndarray object is not aligned.")
        for axis, (wanted, found) in enumerate(zip(self.shape, array.shape)):
            if wanted is not None and wanted != found:
                raise LabTypeError(
                    f"The type's shape {self.shape} is not compatible with the data's "
                    f"({array.shape}): axis {axis} has length {found}, not {wanted}.",
                    remedy="pass value.T" if _fits(array.T, self.shape) else "declare the input "
                    f"with shape={(None,) * self.ndim} where lengths vary",
                )

    def values_eq(self, a: Any, b: Any) -> bool:
        return bool(np.array_equal(a, b, equal_nan=True)) and np.shape(a) == np.shape(b)

    def values_eq_approx(
        self, a: Any, b: Any, rtol: float | None = None, atol: float | None = None
    ) -> bool:
        if np.shape(a) != np.shape(b):
            return False
        if dtypes.is_discrete(self.dtype):
            return bool(np.array_equal(a, b))
        loose = self.dtype in ("float16", "float32", "complex64")
        default = 1e-4 if loose else 1e-8
        rtol, atol = (default if given is None else given for given in (rtol, atol))
        return bool(np.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True))

    def fingerprint(self, data: Any) -> bytes | None:
        array = np.ascontiguousarray(data)
        body = array.tobytes()
        if len(body) > 64:
            body = hashlib.sha256(body).digest()
        return f"{array.dtype.str}{np.shape(data)}".encode() + body


@functools.lru_cache(maxsize=4096)
def known_type(dtype: str, shape: Shape) -> TensorType:
    """The type of a dtype and a shape that are known to be right: types are values, so kept."""
    return TensorType(dtype, shape)


def _checked_shape(shape: Any) -> Shape:
    if isinstance(shape, int | str):
        raise LabTypeError(f"Shape must be a tuple, not {shape!r}.", remedy="shape=(3,)")
    checked: list[int | None] = []
    for length in shape:
        if length is None or length is False:
            checked.append(None)
        elif length is True:
            checked.append(1)
        elif isinstance(length, int | np.integer):
            if length < 0:
                raise LabValueError(f"A length cannot be negative: shape {shape!r}.")
            checked.append(int(length))
        else:
            raise LabTypeError(f"Shape entries must be integer types or None, not {length!r}.")
    return tuple(checked)


def unmasked(data: Any) -> Any:
    """`data`, which an error refuses where entries of it are masked."""
    if np.ma.is_masked(data):
        raise LabTypeError("Masked entries have no value.", remedy="pass value.filled(a number)")
    return data


def _same(converted: np.ndarray, given: np.ndarray) -> bool:
    """Whether nothing was rounded; NumPy itself rounds whole numbers to compare them."""
    if given.dtype.kind in "iuO" and np.any((given > 2**53) | (given < -(2**53))):
        return bool(np.all(converted.astype(object) == given.astype(object)))
    return np.array_equal(converted, given, equal_nan=given.dtype.kind in "fc")


def _of_rank(array: np.ndarray, rank: int) -> str:
    """What to do with an array of another rank."""
    kinds = ["scalar", "vector", "matrix", *(f"tensor{n}" for n in range(3, array.ndim + 1))]
    entry = "value.item()" if array.size == 1 else f"value[{', '.join('0' * array.ndim)}]"
    line = "[value]" if array.ndim == 0 else "value.ravel()"
    table = "value[None, :] or value[:, None]" if array.ndim == 1 else "value.reshape(...)"
    return f"declare it {kinds[array.ndim]}(...), or pass {(entry, line, table)[min(rank, 2)]}"


def _fits(array: np.ndarray, shape: tuple[int | None, ...]) -> bool:
    return all(wanted in (None, found) for wanted, found in zip(shape, array.shape))


def _kind_of(data: Any) -> str:
    if isinstance(data, np.ndarray):
        return f"an array of dtype {data.dtype}"
    return f"{type(data).__name__} {str(data)[:40]}"
