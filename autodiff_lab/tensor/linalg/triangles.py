"""Triangles and diagonals of matrices: linear parts of them, and what puts them back."""

from __future__ import annotations

from typing import Any

from autodiff_lab.config import config
from autodiff_lab.errors import LabValueError
from autodiff_lab.graph import Apply, Flags, Terms, Variables, describe
from autodiff_lab.tensor import dtypes
from autodiff_lab.tensor.constants import as_tensor_variable, constant
from autodiff_lab.tensor.creation import repeated
from autodiff_lab.tensor.lengths import as_length, known_int, length_of
from autodiff_lab.tensor.linalg.frame import turned
from autodiff_lab.tensor.opdef import Dims, Notation, TensorOp, calls, define_helper, drawn
from autodiff_lab.tensor.registry import function, public


class Triangle(TensorOp):
    """The lower or upper triangle of a matrix, zeros elsewhere.

    The lower or upper triangle of each matrix; the rest is 0.

    Parameters
    ----------
    lower : bool
    k : int
        The last diagonal that is kept (the first one of an upper triangle).
    """

    op_name = "triangle"
    __props__ = ("lower", "k")
    words = "only the triangle matters"
    linear_in = (0,)

    samples = calls(("tril", drawn(3, 4)), ("triu", drawn(3, 3), 1), ("tril", drawn(2, 3, 3), -1))

    def __init__(self, lower: bool, k: int = 0) -> None:
        self.lower = lower
        self.k = k

    @property
    def name(self) -> str:
        return "tril" if self.lower else "triu"

    @property
    def notation(self) -> Notation:  # type: ignore[override]
        """How it is written."""
        return Notation(latex=rf"\mathrm{{{{{self.name}}}}}\left({{0}}\right)", pp=self.name)

    def numpy(self, node: Apply, *arguments: str) -> str:
        return f"np.{self.name}({arguments[0]}{f', {self.k}' if self.k else ''})"

    def batch(self, node: Apply, inputs: Variables, batched: Flags) -> Terms:
        """Leading axes are batches already."""
        return self.make_node(*inputs).outputs

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        return [self(cotangents[0])]


def _triangle(x: Any, k: Any, lower: bool) -> Any:
    variable = as_tensor_variable(x)
    if variable.type.ndim < 2:
        raise LabValueError("A triangle is a part of a matrix.", where=describe(variable))
    number = known_int(k)
    if number is not None:
        return Triangle(lower, number)(variable)
    rows, columns = function("shape")(variable)[-2], function("shape")(variable)[-1]
    mask = tri(rows, columns, k if lower else k - 1, dtype="bool")
    zero = constant(0, dtype=variable.type.dtype)
    return function("switch")(mask, *((variable, zero) if lower else (zero, variable)))


@public(numpy=("tril",))
def tril(m: Any, k: Any = 0) -> Any:
    """The lower triangle of each matrix, up to its k-th diagonal; zeros above.

    Examples
    --------
    >>> tril([[1.0, 2.0], [3.0, 4.0]]).eval().tolist()
    [[1.0, 0.0], [3.0, 4.0]]
    """
    return _triangle(m, k, True)


@public(numpy=("triu",))
def triu(m: Any, k: Any = 0) -> Any:
    """The upper triangle of each matrix, from its k-th diagonal; zeros below."""
    return _triangle(m, k, False)


@public()
def tri(N: Any, M: Any = None, k: Any = 0, dtype: Any = None) -> Any:
    """Ones at and below the k-th diagonal, zeros above.

    Examples
    --------
    >>> tri(2, 3, dtype="int64").eval().tolist()
    [[1, 0, 0], [1, 1, 0]]
    """
    arange, rank = function("arange"), function("dimshuffle")
    rows = rank(arange(as_length(N)), 0, "x")
    columns = rank(arange(as_length(N if M is None else M)), "x", 0)
    inside = function("ge")(rows + as_length(k), columns)
    return function("cast")(inside, config.floatX if dtype is None else dtypes.canonical(dtype))


def symmetric_from_lower(x: Any) -> Any:
    """The symmetric matrix with this lower triangle."""
    return Triangle(True)(x) + turned(Triangle(True, -1)(x))


def to_lower(x: Any) -> Any:
    """The transpose of `symmetric_from_lower`: both triangles added into the lower one."""
    return Triangle(True)(x) + turned(Triangle(False, 1)(x))


class _OnDiagonal(TensorOp):
    """The frame of the ops on a diagonal of the matrices in two of the axes."""

    __props__ = ("offset", "axis1", "axis2")

    def __init__(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> None:
        self.offset = offset
        self.axis1 = axis1
        self.axis2 = axis2

    @property
    def behind(self) -> Any:
        """The same op where one leading axis more stands before the two."""
        return type(self)(self.offset, self.axis1 + 1, self.axis2 + 1)


class Diagonal(_OnDiagonal):
    """A diagonal of each matrix in two of the axes; it becomes the last axis."""

    op_name = "diagonal"
    words = "only the diagonal matters"
    notation = Notation(latex=r"\mathrm{{diag}}\left({0}\right)", pp="ExtractDiag")
    text = "np.diagonal({0}, {offset}, {axis1}, {axis2})"
    linear_in = (0,)

    samples = calls(
        ("diagonal", drawn(3, 3)), ("diagonal", drawn(2, 4), 1),
        ("diagonal", drawn(3, 2, 3), -1, 0, 2), ("diagonal", drawn(2, 3), 3),
    )

    def out_dims(self, *dims: Dims) -> list[Dims]:
        (shape,) = dims
        rows, columns = shape[self.axis1], shape[self.axis2]
        rest = [n for axis, n in enumerate(shape) if axis not in (self.axis1, self.axis2)]
        if rows is None or columns is None:
            return [(*rest, None)]
        length = min(rows + min(self.offset, 0), columns - max(self.offset, 0))
        return [(*rest, max(length, 0))]

    def batch(self, node: Apply, inputs: Variables, batched: Flags) -> Terms:
        """The same diagonal of every entry."""
        return [self.behind(inputs[0])]

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        kind: Any = cotangents[0].type
        empty = function("zeros_like")(inputs[0], dtype=kind.dtype)
        return [IncDiagonal(self.offset, self.axis1, self.axis2)(empty, cotangents[0])]


WITH_DIAGONAL_ADDED = define_helper(
    "with_diagonal_added",
    '''
def with_diagonal_added(array, values, offset, axis1, axis2):
    """A copy of an array with values added to a diagonal of each matrix in two of its axes."""
    result = np.array(array)
    matrices = np.moveaxis(result, (axis1, axis2), (-2, -1))
    places = np.arange(values.shape[-1])
    matrices[..., places - min(offset, 0), places + max(offset, 0)] += values
    return result
''',
)


class IncDiagonal(_OnDiagonal):
    """A copy of an array with values added to a diagonal of each matrix in two of its axes."""

    op_name = "inc_diagonal"
    words = "sum rule on the diagonal"
    text = WITH_DIAGONAL_ADDED + "({0}, {1}, {offset}, {axis1}, {axis2})"
    linear_in = (0, 1)

    samples = calls(
        ("inc_diagonal", drawn(3, 3), drawn(3)), ("inc_diagonal", drawn(2, 4), drawn(2), 1),
        ("inc_diagonal", drawn(3, 2, 3), drawn(2, 2), -1, 0, 2),
    )

    def prepare(self, *inputs: Any) -> list[Any]:
        array, values = (as_tensor_variable(value) for value in inputs)
        dtype = dtypes.upcast(array.type.dtype, values.type.dtype)
        return [function("cast")(variable, dtype) for variable in (array, values)]

    def batch(self, node: Apply, inputs: Variables, batched: Flags) -> Terms:
        """The same diagonal of every entry."""
        array, values = inputs
        array = array if batched[0] else repeated(array, values)
        values = values if batched[1] else repeated(values, array)
        return [self.behind(array, values)]

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        values = Diagonal(self.offset, self.axis1, self.axis2)(cotangents[0])
        return [cotangents[0], values]


def diagonal_of(x: Any) -> Any:
    """The diagonal of each matrix."""
    return Diagonal(0, x.type.ndim - 2, x.type.ndim - 1)(x)


def with_diagonal(x: Any, values: Any) -> Any:
    """Values added to the diagonal of each matrix."""
    return IncDiagonal(0, x.type.ndim - 2, x.type.ndim - 1)(x, values)


@public()
def inc_diagonal(x: Any, values: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """A copy of `x` with values added to a diagonal of each matrix in two of its axes."""
    variable = as_tensor_variable(x)
    first, other = _two_axes(variable, axis1, axis2)
    return IncDiagonal(offset, first, other)(variable, values)


def _two_axes(variable: Any, axis1: int, axis2: int) -> tuple[int, int]:
    rank = variable.type.ndim
    if rank < 2 or not all(-rank <= axis < rank for axis in (axis1, axis2)) or (
        axis1 % rank == axis2 % rank
    ):
        raise LabValueError(
            f"A diagonal lies in two different axes, not in {axis1} and {axis2}.",
            where=describe(variable), why=f"it has {rank} axes",
            remedy="diag(v) makes a matrix with a vector on its diagonal" if rank == 1
            else None,
        )
    return axis1 % rank, axis2 % rank


@public("extract_diag", numpy=("diagonal",))
def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """A diagonal of each matrix in two of the axes; it becomes the last axis.

    Examples
    --------
    >>> diagonal([[1.0, 2.0], [3.0, 4.0]]).eval().tolist()
    [1.0, 4.0]
    """
    variable = as_tensor_variable(a)
    return Diagonal(offset, *_two_axes(variable, axis1, axis2))(variable)


extract_diag = diagonal


@public()
def alloc_diag(diag: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Matrices with the last axis of `diag` on a diagonal, zeros elsewhere."""
    variable = as_tensor_variable(diag)
    rank = variable.type.ndim
    length = variable.type.shape[-1]
    side = (length_of(variable, rank - 1) if length is None else length) + abs(offset)
    lengths: list[Any] = [length_of(variable, axis) for axis in range(rank - 1)]
    for axis in sorted((axis1 % (rank + 1), axis2 % (rank + 1))):
        lengths.insert(axis, side)
    empty = function("zeros")(lengths, dtype=variable.type.dtype)
    return inc_diagonal(empty, variable, offset, axis1, axis2)


@public(numpy=("diag",))
def diag(v: Any, k: int = 0) -> Any:
    """A matrix with a vector on its k-th diagonal, or the k-th diagonal of a matrix.

    Examples
    --------
    >>> diag([1.0, 2.0]).eval().tolist()
    [[1.0, 0.0], [0.0, 2.0]]
    """
    variable = as_tensor_variable(v)
    if variable.type.ndim == 1:
        return alloc_diag(variable, k)
    if variable.type.ndim == 2:
        return diagonal(variable, k)
    raise LabValueError(
        "diag takes a vector or a matrix.", where=describe(variable),
        remedy="diagonal(x, axis1=-2, axis2=-1) reads the diagonals of a stack",
    )


@public(numpy=("trace",))
def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum of a diagonal of each matrix in two of the axes.

    Examples
    --------
    >>> float(trace([[1.0, 2.0], [3.0, 4.0]]).eval())
    5.0
    """
    return function("sum")(diagonal(a, offset, axis1, axis2), axis=-1)


@public()
def fill_diagonal(a: Any, val: Any) -> Any:
    """A copy of a matrix with a number (or vector) on its diagonal."""
    variable = as_tensor_variable(a)
    return inc_diagonal(variable, function("cast")(val, variable.type.dtype) - diagonal(variable))
