"""Eigenvalues and singular values: `eig`, `eigh`, `eigvalsh`, `svd`.

Vectors of equal eigenvalues (or singular values) are not unique, and neither is their derivative:
the term that would divide by the difference is left out.  What does not depend on the choice of
the vectors (sums of equal eigenvalues, projections, functions of the matrix) gets its right
derivative; anything else gets one of the possible answers, never NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff_lab.errors import one_of
from autodiff_lab.graph import Constant, Undefined, Variables
from autodiff_lab.tensor import dtypes
from autodiff_lab.tensor.constants import as_tensor_variable, constant
from autodiff_lab.tensor.lengths import length_of
from autodiff_lab.tensor.linalg.frame import (
    MatrixOp, as_column, as_matrix, as_row, magnitude_dtype, near_identity, times, turned,
)
from autodiff_lab.tensor.linalg.triangles import (
    diagonal_of, symmetric_from_lower, to_lower, with_diagonal,
)
from autodiff_lab.tensor.opdef import Dims, Notation, define_helper
from autodiff_lab.tensor.registry import function, public
from autodiff_lab.tensor.type import TensorType


def reciprocal_or_zero(x: Any) -> Any:
    """1 / x, and 0 where x is 0."""
    dtype = x.type.dtype
    one, zero = constant(1, dtype=dtype), constant(0, dtype=dtype)
    where, is_zero = function("switch"), function("eq")(x, zero)
    return where(is_zero, zero, one / where(is_zero, one, x))


def gaps(values: Any) -> Any:
    """1 / (v[j] - v[i]) for each pair, 0 for equal ones."""
    return reciprocal_or_zero(as_row(values) - as_column(values))


class SymmetricEigen(MatrixOp):
    """Eigenvalues and eigenvectors of a symmetric matrix.

    Eigenvalues, in increasing order, and eigenvectors of each symmetric matrix.

    Only the lower triangle is read.  dw = diag(V^T dA V), dV = V (F o V^T dA V) with
    F[i, j] = 1 / (w[j] - w[i]).  Source: Giles 2008, doi:10.1007/978-3-540-68942-3_4.
    Where eigenvalues are equal, F is 0.
    """

    op_name = "eigh"
    words = "eigenvalues: dw = diag(V^T dA V)"
    text = "np.linalg.eigh({0})"
    only_real = True

    @staticmethod
    def samples(rng: Any) -> list[Any]:
        """A matrix, a stack, the values alone."""
        found: list[Any] = []
        for shape, name in (((3, 3), "eigh"), ((2, 3, 3), "eigh"), ((3, 3), "eigvalsh")):
            matrix = near_identity(rng, *shape)
            found.append((name, (matrix + matrix.swapaxes(-1, -2) + _steps(shape),), {}))
        return found

    def out_dtypes(self, *inputs: TensorType) -> list[str]:
        return [magnitude_dtype(inputs[0].dtype), inputs[0].dtype]

    def out_dims(self, *dims: Dims) -> list[Dims]:
        (shape,) = dims
        return [shape[:-1], shape]

    def reverse(self, x: Any, outputs: Variables, cotangents: Variables) -> Any:
        values, vectors = outputs
        inner = gaps(values) * times(turned(vectors), cotangents[1])
        return to_lower(times(vectors, with_diagonal(inner, cotangents[0]), turned(vectors)))

    def forward(self, x: Any, outputs: Variables, moved: Any) -> list[Any]:
        """dw = diag(V^T dA V), dV = V (F o V^T dA V)."""
        values, vectors = outputs
        inner = times(turned(vectors), symmetric_from_lower(moved), vectors)
        return [diagonal_of(inner), times(vectors, gaps(values) * inner)]


def _steps(shape: tuple[int, ...]) -> Any:
    """A diagonal that keeps eigenvalues apart."""
    return np.diag(2.0 * np.arange(shape[-1]))


@public(numpy=("linalg.eigh",))
def eigh(a: Any, UPLO: str = "L") -> Any:
    """Eigenvalues, in increasing order, and eigenvectors of each symmetric matrix.

    Parameters
    ----------
    a : tensor_like, shape (..., n, n)
    UPLO : {"L", "U"}
        Which triangle is read; only its elements have derivatives.

    Returns
    -------
    list of Variable
        The values, shape (..., n), and the vectors as columns, shape (..., n, n).

    Notes
    -----
    Vectors of equal eigenvalues are not unique; the part of the derivative that mixes them is
    left out.  Functions that do not depend on their choice get their right derivative.

    Examples
    --------
    >>> eigh([[2.0, 0.0], [0.0, 1.0]])[0].eval().tolist()
    [1.0, 2.0]
    """
    one_of(UPLO, ("L", "U"), f"eigh does not know UPLO={UPLO!r}.")
    matrix = as_matrix(a, "eigh", square=True)
    return list(SymmetricEigen().make_node(matrix if UPLO == "L" else turned(matrix)).outputs)


@public(numpy=("linalg.eigvalsh",))
def eigvalsh(a: Any, UPLO: str = "L", *, lower: bool | None = None) -> Any:
    """Eigenvalues, in increasing order, of each symmetric matrix; see `eigh`."""
    if lower is not None:
        UPLO = "L" if lower else "U"
    return eigh(a, UPLO)[0]


COMPLEX_EIG = define_helper(
    "complex_eig",
    '''
def complex_eig(matrix):
    """np.linalg.eig, complex also where all eigenvalues are real."""
    values, vectors = np.linalg.eig(matrix)
    dtype = np.result_type(values, np.complex64)
    return values.astype(dtype), vectors.astype(dtype)
''',
)


class Eigen(MatrixOp):
    """Eigenvalues and eigenvectors of a square matrix, as complex numbers.

    Eigenvalues and eigenvectors of each square matrix, complex; the vectors have length 1.

    With P = V^-1 dA V: dw = diag(P), dV = V (F o P) less what would change lengths, and
    F[i, j] = 1 / (w[j] - w[i]), 0 for equal ones.  Giles 2008, doi:10.1007/978-3-540-68942-3_4.
    """

    op_name = "eig"
    words = "eigenvalues: dw = diag(V^-1 dA V)"
    text = COMPLEX_EIG + "({0})"
    only_real = True

    @staticmethod
    def samples(rng: Any) -> list[Any]:
        """Real eigenvalues far apart: a complex vector may be turned at will."""
        return [("eig", (near_identity(rng, *shape) + _steps(shape),), {})
                for shape in ((3, 3), (2, 3, 3))]

    def out_dtypes(self, *inputs: TensorType) -> list[str]:
        return [dtypes.upcast(inputs[0].dtype, "complex64")] * 2

    def out_dims(self, *dims: Dims) -> list[Dims]:
        (shape,) = dims
        return [shape[:-1], shape]

    def reverse(self, x: Any, outputs: Variables, cotangents: Variables) -> Any:
        values, vectors = outputs
        back, conj = turned(vectors), function("conj")
        inner = times(back, cotangents[1])
        stretched = as_row(function("real")(diagonal_of(inner)))
        inner = gaps(values) * (inner - times(back, conj(vectors)) * stretched)
        return function("solve")(back, times(with_diagonal(inner, cotangents[0]), back))

    def forward(self, x: Any, outputs: Variables, moved: Any) -> list[Any]:
        """dw = diag(P), dV = V (F o P) less what would change the lengths of the vectors."""
        values, vectors = outputs
        inner = function("solve")(vectors, times(moved, vectors))
        turn = times(vectors, gaps(values) * inner)
        overlap = function("sum")(function("conj")(vectors) * turn, axis=-2)
        return [diagonal_of(inner), turn - vectors * as_row(function("real")(overlap))]


@public(numpy=("linalg.eig",))
def eig(a: Any) -> list[Any]:
    """Eigenvalues and eigenvectors of each square matrix, as complex numbers.

    Parameters
    ----------
    a : tensor_like, shape (..., n, n)

    Returns
    -------
    list of Variable
        The values, shape (..., n), and the vectors as columns, shape (..., n, n).

    Notes
    -----
    Derivatives are for real matrices with distinct eigenvalues.  A vector is fixed up to a factor
    of size 1, and the part of the derivative that turns it is left out; where eigenvalues are real
    there is none.

    Examples
    --------
    >>> eig([[2.0, 1.0], [0.0, 1.0]])[0].eval().tolist()
    [(2+0j), (1+0j)]
    """
    return list(Eigen().make_node(a).outputs)


def _is_zero(cotangent: Any) -> bool:
    """Whether a cotangent was filled in for an output that nobody asked about."""
    value, node = None, cotangent.owner
    if node is not None and node.op.name == "second":
        value = node.inputs[1]
        while value.owner is not None:         # axes added to a constant
            value = value.owner.inputs[0]
    return isinstance(value, Constant) and not value.data.any()


FURTHER_VECTORS = ("the further vectors of a full svd are not unique: ask for full_matrices=False")


class SingularValues(MatrixOp):
    """Singular values and vectors of a matrix.

    U, s and V^T with U diag(s) V^T = A, for each matrix; s is in decreasing order.

    Source: Giles 2008, doi:10.1007/978-3-540-68942-3_4, with the terms for vectors of
    oblong matrices.  Where singular values are equal, or 0 in an oblong matrix, the terms that
    divide by them are left out.

    Parameters
    ----------
    full : bool
        All columns of U and V rather than the first min(m, n); then only the singular values
        have a derivative.
    """

    op_name = "svd"
    __props__ = ("full",)
    words = "singular values: ds = diag(U^T dA V)"
    notation = Notation(pp="svd")
    text = "np.linalg.svd({0}, full_matrices={full})"
    square, only_real = False, True

    @staticmethod
    def samples(rng: Any) -> list[Any]:
        """Square, tall, wide, a stack, the values alone."""
        thin = {"full_matrices": False}
        found: list[Any] = []
        for shape in ((3, 3), (4, 2), (2, 3), (2, 3, 2)):
            matrix = near_identity(rng, *shape)
            matrix = matrix * np.arange(1.0, shape[-1] + 1.0)
            found.append(("svd", (matrix,), thin))
        return [*found, ("svd", (near_identity(rng, 2, 3) * [1.0, 3.0, 1.0],),
                         {"full_matrices": True, "compute_uv": False})]

    def __init__(self, full: bool = False) -> None:
        self.full = full

    def out_dtypes(self, *inputs: TensorType) -> list[str]:
        dtype = inputs[0].dtype
        return [dtype, magnitude_dtype(dtype), dtype]

    def out_dims(self, *dims: Dims) -> list[Dims]:
        *stack, rows, columns = dims[0]
        short = None if rows is None or columns is None else min(rows, columns)
        if self.full:
            return [(*stack, rows, rows), (*stack, short), (*stack, columns, columns)]
        return [(*stack, rows, short), (*stack, short), (*stack, short, columns)]

    def reverse(self, x: Any, outputs: Variables, cotangents: Variables) -> Any:
        if self.full:
            return self._reverse_of_values(outputs, cotangents)
        (left, values, right), (by_left, by_values, by_right) = outputs, cotangents
        vectors, by_vectors = turned(right), turned(by_right)
        gap, row, column = gaps(function("sqr")(values)), as_row(values), as_column(values)
        turn_left = times(turned(left), by_left)
        turn_right = times(turned(vectors), by_vectors)
        inner = gap * (turn_left - turned(turn_left)) * row
        inner = with_diagonal(inner + column * (gap * (turn_right - turned(turn_right))), by_values)
        upright = as_row(reciprocal_or_zero(values))
        outside_left = (by_left - times(left, turn_left)) * upright
        outside_right = (by_vectors - times(vectors, turn_right)) * upright
        inside = times(times(left, inner) + outside_left, right)
        return inside + times(left, turned(outside_right))

    def _first(self, outputs: Variables) -> tuple[Any, Any]:
        """The vectors that belong to the singular values."""
        count = length_of(outputs[1], -1)
        return outputs[0][..., :count], outputs[2][..., :count, :]

    def _reverse_of_values(self, outputs: Variables, cotangents: Variables) -> Any:
        """The cotangent where only the singular values are asked: dA = U diag(ds) V^T."""
        if not all(map(_is_zero, cotangents[::2])):
            return Undefined(FURTHER_VECTORS)
        left, right = self._first(outputs)
        return times(left * as_row(cotangents[1]), right)

    def forward(self, x: Any, outputs: Variables, moved: Any) -> list[Any]:
        """ds = diag(P), P = U^T dA V; dU and dV turn within and out of the spaces they span."""
        if self.full:
            left, right = self._first(outputs)
            further = Undefined(FURTHER_VECTORS)
            return [further, diagonal_of(times(turned(left), moved, turned(right))), further]
        left, values, right = outputs
        vectors = turned(right)
        gap, row, column = gaps(function("sqr")(values)), as_row(values), as_column(values)
        moved_left = times(moved, vectors)
        moved_right = times(turned(moved), left)
        inner = times(turned(left), moved_left)
        across = turned(inner)
        upright = as_row(reciprocal_or_zero(values))
        by_left = times(left, gap * (inner * row + column * across))
        by_left = by_left + (moved_left - times(left, inner)) * upright
        by_vectors = times(vectors, gap * (column * inner + across * row))
        by_vectors = by_vectors + (moved_right - times(vectors, across)) * upright
        return [by_left, diagonal_of(inner), turned(by_vectors)]


@public(numpy=("linalg.svd",))
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """U, s and V^T with U diag(s) V^T = a, for each matrix.

    Parameters
    ----------
    a : tensor_like, shape (..., m, n)
    full_matrices : bool
        All columns of U and V rather than the first min(m, n).  Those further columns are not
        unique and have no derivative: ask for ``False`` to differentiate.
    compute_uv : bool
        False: the singular values alone.

    Returns
    -------
    list of Variable, or Variable
        U, s (in decreasing order) and V^T.

    Notes
    -----
    Vectors of equal singular values are not unique; the part of the derivative that mixes them
    is left out.

    Examples
    --------
    >>> svd([[3.0, 0.0], [0.0, 4.0]], compute_uv=False).eval().tolist()
    [4.0, 3.0]
    """
    matrix = as_matrix(a, "svd")
    rows, columns = matrix.type.shape[-2:]
    same = rows is not None and rows == columns
    op = SingularValues(bool(full_matrices and compute_uv and not same))
    outputs = list(op.make_node(matrix).outputs)
    return outputs if compute_uv else outputs[1]


@public(numpy=("linalg.lstsq",))
def lstsq(a: Any, b: Any, rcond: float | None = None) -> list[Any]:
    """The shortest x that makes ``a x - b`` shortest, by the pseudo-inverse.

    Parameters
    ----------
    a : tensor_like, shape (m, n)
    b : tensor_like, shape (m,) or (m, k)
    rcond : float, optional
        Singular values below this share of the largest do not count for the rank.

    Returns
    -------
    list of Variable
        x, the sums of squares that remain (for each column), the rank and the singular values.
    """
    matrix, right = as_matrix(a, "lstsq"), as_tensor_variable(b)
    solution = function("dot")(function("pinv")(matrix), right)
    left_over = function("sqr")(function("dot")(matrix, solution) - right)
    values = svd(matrix, compute_uv=False)
    size = function("max")(function("shape")(matrix))
    share = size * np.finfo(matrix.type.dtype).eps if rcond is None else rcond
    rank = function("sum")(values > share * function("max")(values))
    return [solution, function("sum")(left_over, axis=0), rank, values]
