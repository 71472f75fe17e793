"""Making arrays: filled with a value, counting up, the identity matrix.

`Alloc`, `ARange` and `Eye` are the ops; `fill` (the elementwise row `second`) makes an array in the
shape of another one.  Lengths are scalar inputs (`tensor.lengths`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autodiff_lab.config import config
from autodiff_lab.errors import LabTypeError, LabValueError
from autodiff_lab.graph import (
    DISCONNECTED, ZERO, Apply, Constant, Flags, Tangents, Terms, Variable, Variables, describe,
)
from autodiff_lab.tensor import dtypes
from autodiff_lab.tensor.axes import padded
from autodiff_lab.tensor.constants import array_function, as_tensor_variable, constant
from autodiff_lab.tensor.lengths import (
    as_length, as_lengths, known_int, length_of, lengths_of, static_lengths,
)
from autodiff_lab.tensor.opdef import Dims, Notation, TensorOp, calls, define_helper, drawn
from autodiff_lab.tensor.registry import function, public

FILLED = define_helper(
    "filled",
    '''
def filled(shape, value, fixed):
    """An array of this shape filled with a value, of which the axes `fixed` do not stretch."""
    for axis in fixed:
        if value.shape[axis] != shape[axis]:
            raise ValueError(
                f"Runtime broadcasting not allowed: axis {axis} of the value has length "
                f"{value.shape[axis]}, the shape says {int(shape[axis])}."
            )
    return np.full(shape, value)
''',
)


def fixed_axes(value: Any) -> tuple[int, ...]:
    """The axes of a value, counted from the end, that are not known to have length 1.

    They must not stretch when the graph runs: the derivative was built as if they did not.
    """
    rank = value.type.ndim
    return tuple(axis - rank for axis, n in enumerate(value.type.shape) if n != 1)


class Alloc(TensorOp):
    """An array of a given shape, filled with a value.

    A new array of a given shape, filled with a value that is stretched to it.

    Inputs are the value and one scalar per axis.
    """

    op_name = "alloc"
    __props__ = ()
    linear_in = (0,)
    data_inputs = 1

    samples = calls(
        ("alloc", drawn(), 2, 3), ("alloc", drawn(1, 3), 2, 3), ("alloc", drawn(3), 2, 3),
        ("alloc", drawn()),
    )

    def prepare(self, *inputs: Any) -> list[Any]:
        value = as_tensor_variable(inputs[0])
        lengths = as_lengths(inputs[1:])
        if value.type.ndim > len(lengths):
            raise LabTypeError(
                f"alloc: the value has {value.type.ndim} axes, the shape only {len(lengths)}.",
                where=describe(value),
            )
        return [value, *lengths]

    def out_dims_of(self, variables: Sequence[Any]) -> list[Dims]:
        value, *lengths = variables
        dims = list(static_lengths(lengths))
        before = len(dims) - value.type.ndim
        for axis, known in enumerate(value.type.shape, start=before):
            if known in (None, 1):
                continue
            if dims[axis] not in (None, known):
                raise LabValueError(
                    f"alloc: the value has length {known} where the shape says {dims[axis]}.",
                    where=describe(value),
                )
            dims[axis] = known
        return [tuple(dims)]

    def numpy(self, node: Apply, *arguments: str) -> str:
        value, *lengths = arguments
        shape = f"({''.join(length + ', ' for length in lengths)})"
        fixed = fixed_axes(node.inputs[0])
        if fixed:
            return f"{FILLED}({shape}, {value}, {fixed})"
        return f"np.full({shape}, {value})"

    def batch(self, node: Apply, inputs: Variables, batched: Flags) -> list[Variable] | None:
        """Each entry along a leading axis stretched to the shape."""
        if any(batched[1:]):
            return None
        value: Any = inputs[0]
        return [Alloc()(padded(value, len(inputs)), length_of(value, 0), *inputs[1:])]

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        value, cotangent = inputs[0], cotangents[0]
        rest: list[Any] = [DISCONNECTED] * (len(inputs) - 1)
        return [sum_to(cotangent, value), *rest]


def repeated(x: Any, like: Any) -> Any:
    """`x` once for every entry along the first axis of `like`."""
    return alloc(x, length_of(like, 0), *lengths_of(x))


def sum_to(cotangent: Any, value: Any) -> Any:
    """Sum a cotangent over the axes along which `value` was stretched: the transpose of that."""
    missing = cotangent.type.ndim - value.type.ndim
    total = function("sum")
    if missing:
        cotangent = total(cotangent, axis=tuple(range(missing)))
    stretched = tuple(
        axis
        for axis, (mine, theirs) in enumerate(zip(value.type.shape, cotangent.type.shape))
        if mine == 1 and theirs != 1
    )
    return total(cotangent, axis=stretched, keepdims=True) if stretched else cotangent


class _Numbers(TensorOp):
    """The frame of arrays that are made from scalars alone, in a dtype."""

    __props__ = ("dtype",)
    dtype: str

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype


class ARange(_Numbers):
    """Numbers from a start to below a stop, in equal steps.

    ``start, start + step, ...`` below `stop`.
    """

    op_name = "arange"

    samples = calls(
        ("arange", 5), ("arange", 2, 9, 3), ("arange", 0.0, 1.0, 0.25), ("arange", 5, 0, -2),
    )

    def out_dims_of(self, variables: Sequence[Any]) -> list[Dims]:
        if all(isinstance(variable, Constant) for variable in variables):
            start, stop, step = (variable.data.item() for variable in variables)
            if step == 0:
                raise LabValueError("arange: the step cannot be 0.")
            return [(max(0, int(np.ceil((stop - start) / step))),)]
        return [(None,)]

    def numpy(self, node: Apply, *arguments: str) -> str:
        return f"np.arange({', '.join(arguments)}, dtype=np.{self.dtype})"

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        if dtypes.is_discrete(self.dtype):
            return [ZERO, DISCONNECTED, ZERO]
        cotangent: Any = cotangents[0]
        total = function("sum")
        places = arange(cotangent.shape[0], dtype=self.dtype)
        return [total(cotangent), DISCONNECTED, total(cotangent * places)]

    def pushforward(self, inputs: Variables, outputs: Variables, tangents: Tangents) -> Terms:
        """Every number moves with the start, and its place times the step."""
        output: Any = outputs[0]
        moved = function("zeros_like")(output)
        if tangents[0] is not None:
            moved = moved + function("cast")(tangents[0], self.dtype)
        if tangents[2] is not None:
            places = arange(output.shape[0], dtype=self.dtype)
            moved = moved + function("cast")(tangents[2], self.dtype) * places
        return [moved]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [False], [True]]


class Eye(_Numbers):
    """Ones on a diagonal of a matrix, zeros elsewhere.

    Ones on one diagonal, zeros elsewhere.  Inputs: rows, columns, which diagonal.
    """

    op_name = "eye"
    notation = Notation(latex="I", pp="Eye")
    differentiable = False
    data_inputs = 0

    samples = calls(("eye", 3), ("eye", 2, 4), ("eye", 3, 3, 1))

    def out_dims_of(self, variables: Sequence[Any]) -> list[Dims]:
        return [static_lengths(variables[:2])]

    def numpy(self, node: Apply, *arguments: str) -> str:
        numbers = ", ".join(f"int({text})" for text in arguments)
        return f"np.eye({numbers}, dtype=np.{dtypes.numpy_name(self.dtype)})"


# -- filled with a value -------------------------------------------------------------------------


@public()
def alloc(value: Any, *shape: Any) -> Any:
    """A new array of a given shape, filled with a value.

    Parameters
    ----------
    value : tensor_like
        Stretched to the shape, as broadcasting does.
    *shape : int or scalar
        One length per axis; may be given as one sequence.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> alloc(0.0, 2, pt.lscalar("n")).type.shape
    (2, None)
    """
    return Alloc()(as_tensor_variable(value), *_lengths(shape))


def _lengths(shape: tuple[Any, ...]) -> list[Any]:
    if len(shape) == 1:
        return as_lengths(shape[0])
    return as_lengths(shape)


@public(numpy=("broadcast_to",))
def broadcast_to(x: Any, shape: Any) -> Any:
    """`x` stretched to a shape.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> broadcast_to(pt.dvector("x"), (2, 3)).type.shape
    (2, 3)
    """
    return alloc(x, shape)


@public("empty")
def zeros(*shape: Any, dtype: Any = None) -> Any:
    """Zeros of a given shape, in floatX unless a dtype is given.

    `empty` is the same: there is no gain in not filling an array that must be repeatable.

    Examples
    --------
    >>> zeros(2, 3).type, zeros((4,), dtype="int32").type
    (TensorType(float64, shape=(2, 3)), TensorType(int32, shape=(4,)))
    """
    return _constant_array(0, shape, dtype)


@public()
def ones(*shape: Any, dtype: Any = None) -> Any:
    """Ones of a given shape, in floatX unless a dtype is given.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> ones((2,), dtype="int8").eval().tolist()
    [1, 1]
    """
    return _constant_array(1, shape, dtype)


@public()
def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """An array of a given shape, filled with a value.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> full((2,), 1.5).eval().tolist()
    [1.5, 1.5]
    """
    value = as_tensor_variable(fill_value)
    return alloc(value if dtype is None else function("cast")(value, dtype), shape)


def _constant_array(number: int, shape: tuple[Any, ...], dtype: Any) -> Any:
    if len(shape) == 2 and dtype is None and isinstance(shape[-1], str | np.dtype | type):
        shape, dtype = shape[:1], shape[-1]  # zeros((2, 3), "int32"), as NumPy has it
    chosen = dtypes.canonical(config.floatX if dtype is None else dtype)
    return Alloc()(constant(number, dtype=chosen), *_lengths(shape))


def _like(number: Any, x: Any, dtype: Any) -> Any:
    variable = as_tensor_variable(x)
    chosen = variable.type.dtype if dtype is None else dtypes.canonical(dtype)
    value = constant(number, dtype=chosen)
    if variable.type.ndim == 0:
        return value
    return function("second")(variable, value)


@public("empty_like", numpy=("zeros_like", "empty_like"))
def zeros_like(x: Any, dtype: Any = None, opt: bool = False) -> Any:
    """Zeros in the shape and dtype of `x`; `empty_like` is the same.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> zeros_like(pt.constant([3.0, 4.0])).eval().tolist()
    [0.0, 0.0]
    """
    return _like(0, x, dtype)


@public(numpy=("ones_like",))
def ones_like(x: Any, dtype: Any = None, opt: bool = False) -> Any:
    """Ones in the shape and dtype of `x`.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> ones_like(pt.constant([3.0, 4.0])).eval().tolist()
    [1.0, 1.0]
    """
    return _like(1, x, dtype)


@array_function(numpy=("full_like",))
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    """A value in the shape and dtype of `x`.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> full_like(pt.constant([1.0, 2.0]), 7).eval().tolist()
    [7.0, 7.0]
    """
    chosen = x.type.dtype if dtype is None else dtypes.canonical(dtype)
    value = function("cast")(as_tensor_variable(fill_value), chosen)
    return function("second")(x, value)


# -- counting ------------------------------------------------------------------------------------


@public(numpy=("arange",))
def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Any:
    """Numbers from `start` to below `stop`, in steps of `step`.

    Parameters
    ----------
    start, stop, step : number or scalar
        With one argument it is `stop`, and `start` is 0.
    dtype : str, optional
        Whole numbers give int64, others the dtype of the arguments.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> arange(5).type, arange(pt.lscalar("n")).type
    (TensorType(int64, shape=(5,)), TensorType(int64, shape=(None,)))
    """
    if stop is None:
        start, stop = 0, start
    ends = [_scalar_argument(value) for value in (start, stop, step)]
    if dtype is None:
        dtype = dtypes.upcast(*(end.type.dtype for end in ends))
        if dtype in dtypes.DISCRETE:
            dtype = "uint64" if dtype in dtypes.UNSIGNED else "int64"
    return ARange(dtypes.canonical(dtype))(*ends)


def _scalar_argument(value: Any) -> Any:
    variable = as_length(value) if known_int(value) is not None else as_tensor_variable(value)
    if variable.type.ndim != 0:
        raise LabTypeError(
            "arange takes scalars.", where=describe(variable),
            remedy="x.shape[0] is the length of x",
        )
    return variable


@public(numpy=("eye",))
def eye(n: Any, m: Any = None, k: Any = 0, dtype: Any = None) -> Any:
    """Ones on the k-th diagonal of an n x m matrix, zeros elsewhere.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> eye(2, 3, 1).eval().tolist()
    [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    columns = n if m is None else m
    chosen = dtypes.canonical(config.floatX if dtype is None else dtype)
    return Eye(chosen)(as_length(n), as_length(columns), as_length(k))


@array_function()
def identity_like(x: Any, dtype: Any = None) -> Any:
    """The identity matrix in the shape and dtype of a matrix.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> identity_like(pt.ones((2, 2))).eval().tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    if x.type.ndim != 2:
        raise LabValueError("identity_like takes a matrix.", where=describe(x))
    rows, columns = function("shape")(x)
    return eye(rows, columns, dtype=x.type.dtype if dtype is None else dtype)


@array_function(numpy=("linspace",), arrays=2)
def linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None) -> Any:
    """`num` numbers from `start` to `stop` in equal steps.

    Examples
    --------
    >>> linspace(0.0, 1.0, 3).eval().tolist()
    [0.0, 0.5, 1.0]
    """
    steps = arange(num, dtype=config.floatX) / (num - 1 if endpoint and num > 1 else num)
    rank = max(start.type.ndim, stop.type.ndim)
    steps = function("dimshuffle")(steps, 0, *["x"] * rank)
    result = start * (1 - steps) + stop * steps
    return result if dtype is None else function("cast")(result, dtype)


@public()
def to_one_hot(y: Any, nb_class: Any, dtype: Any = None) -> Any:
    """A row for each whole number: 1 in its place, 0 elsewhere."""
    places = function("dimshuffle")(as_tensor_variable(y), 0, "x")
    found = function("eq")(places, function("shape_padleft")(arange(nb_class)))
    return function("cast")(found, dtypes.canonical(config.floatX if dtype is None else dtype))
