"""Matrices as products: `cholesky`, `qr`."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff_lab.errors import one_of
from autodiff_lab.graph import ZERO, Apply, Variables
from autodiff_lab.tensor.linalg.frame import (
    MatrixOp, as_matrix, near_identity, samples_of, times, turned,
)
from autodiff_lab.tensor.linalg.solving import SolveTriangular
from autodiff_lab.tensor.linalg.triangles import (
    Triangle, diagonal_of, symmetric_from_lower, to_lower, with_diagonal,
)
from autodiff_lab.tensor.opdef import Dims, Notation, define_helper
from autodiff_lab.tensor.registry import function, public
from autodiff_lab.tensor.type import TensorType


def solved(a: Any, b: Any, lower: bool) -> Any:
    """A^-1 B for triangular A."""
    return SolveTriangular(((), ()), lower).on(a, b)


def solved_right(b: Any, a: Any, lower: bool) -> Any:
    """B A^-1 for triangular A."""
    return turned(solved(turned(a), turned(b), not lower))


def half_diagonal(x: Any) -> Any:
    """The lower triangle with half the diagonal."""
    return with_diagonal(Triangle(True)(x), diagonal_of(x) * -0.5)


CHOLESKY_OR_NAN = define_helper(
    "cholesky_or_nan",
    '''
def cholesky_or_nan(matrices):
    """np.linalg.cholesky, with NaN for matrices that are not positive definite."""
    result = np.empty(matrices.shape, matrices.dtype)
    for place in np.ndindex(*matrices.shape[:-2]):
        try:
            result[place] = np.linalg.cholesky(matrices[place])
        except np.linalg.LinAlgError:
            result[place] = np.nan
    return result
''',
)


class Cholesky(MatrixOp):
    """The triangular factor of a positive definite matrix.

    The lower triangular L with L L^T = A, for each matrix; the upper triangle is not read.

    dL = L Phi(L^-1 dA L^-T), where Phi takes the lower triangle and half the diagonal.  Sources:
    Giles 2008, doi:10.1007/978-3-540-68942-3_4; Murray 2016, arXiv:1602.07527.  The derivative is
    by the elements of the lower triangle; those above it have none.
    """

    op_name = "cholesky"
    __props__ = ("on_error",)
    words = "triangular factor: dL = L Phi(L^-1 dA L^-T)"
    notation = Notation(latex=r"\mathrm{{chol}}\left({0}\right)", pp="cholesky")
    only_real = True

    @staticmethod
    def samples(rng: Any) -> list[Any]:
        """A matrix, a stack, the other triangle."""
        found: list[Any] = []
        for shape, lower in (((3, 3), True), ((2, 3, 3), True), ((3, 3), False)):
            root = near_identity(rng, *shape)
            found.append(("cholesky", (root @ root.swapaxes(-1, -2),), {"lower": lower}))
        return found

    def __init__(self, on_error: str = "raise") -> None:
        self.on_error = on_error

    def numpy(self, node: Apply, *arguments: str) -> str:
        name = CHOLESKY_OR_NAN if self.on_error == "nan" else "np.linalg.cholesky"
        return f"{name}({arguments[0]})"

    def reverse(self, x: Any, outputs: Variables, cotangents: Variables) -> Any:
        factor = outputs[0]
        inner = half_diagonal(times(turned(factor), cotangents[0]))
        # L^-T Phi L^-1, half of it in each triangle
        term = solved_right(solved(turned(factor), inner, lower=False), factor, lower=True)
        return to_lower(term)

    def forward(self, x: Any, outputs: Variables, moved: Any) -> list[Any]:
        """L Phi(L^-1 dA L^-T)."""
        factor = outputs[0]
        right = solved_right(symmetric_from_lower(moved), turned(factor), lower=False)
        inner = solved(factor, right, lower=True)
        return [times(factor, half_diagonal(inner))]


@public(numpy=("linalg.cholesky",))
def cholesky(
    x: Any, lower: bool = True, *, check_finite: bool = True, on_error: str = "raise",
    overwrite_a: bool = False, upper: bool | None = None,
) -> Any:
    """The triangular factor of each positive definite matrix.

    Parameters
    ----------
    x : tensor_like, shape (..., n, n)
        Only one triangle is read, and only its elements have derivatives.
    lower : bool
        The lower factor L with L L^T = x, else the upper one U with U^T U = x.
    on_error : {"raise", "nan"}
        For matrices that are not positive definite.
    upper : bool, optional
        NumPy's spelling of ``lower=False``.
    check_finite, overwrite_a
        Accepted for compatibility.

    Examples
    --------
    >>> cholesky([[4.0, 0.0], [0.0, 9.0]]).eval().tolist()
    [[2.0, 0.0], [0.0, 3.0]]
    """
    one_of(on_error, ("raise", "nan"), f"cholesky does not know on_error={on_error!r}.")
    lower = lower if upper is None else not upper
    matrix = as_matrix(x, "cholesky", square=True)
    if lower:
        return Cholesky(on_error)(matrix)
    return turned(Cholesky(on_error)(turned(matrix)))


class OrthogonalTriangular(MatrixOp):
    """An orthogonal and a triangular factor of a matrix.

    Q with orthonormal columns and upper triangular R, with Q R = A, for each matrix.

    Derivatives are for matrices whose first columns have full rank: these decide Q, and
    R = Q^T A turns all columns.  Source: Walter and Lehmann 2010, arXiv:1001.1654.
    """

    op_name = "qr"
    __props__ = ("mode",)
    words = "orthogonal and triangular factor, both moved"
    notation = Notation(pp="qr")
    square, only_real = False, True

    samples = staticmethod(lambda rng: [
        *(("qr", (near_identity(rng, *shape),), {}) for shape in ((3, 3), (4, 2), (2, 3, 2))),
        ("qr", (near_identity(rng, 3, 2),), {"mode": "r"}),
    ])

    def __init__(self, mode: str = "reduced") -> None:
        self.mode = mode

    def out_dtypes(self, *inputs: TensorType) -> list[str]:
        return [inputs[0].dtype] * 2

    def out_dims(self, *dims: Dims) -> list[Dims]:
        *stack, rows, columns = dims[0]
        short = None if None in (rows, columns) else min(rows or 0, columns or 0)
        if self.mode == "complete":
            return [(*stack, rows, rows), (*stack, rows, columns)]
        return [(*stack, rows, short), (*stack, short, columns)]

    def numpy(self, node: Apply, *arguments: str) -> str:
        mode = f", mode={self.mode!r}" if self.mode != "reduced" else ""
        return f"np.linalg.qr({arguments[0]}{mode})"

    def refused(self, x: Any) -> str:
        if self.mode == "complete":
            return "the further columns of a complete QR are not unique: use 'reduced'"
        return super().refused(x)

    def reverse(self, x: Any, outputs: Variables, cotangents: Variables) -> Any:
        q, r = outputs
        by_q = cotangents[0] + times(x, turned(cotangents[1]))
        term = by_q - times(q, symmetric_from_lower(times(turned(by_q), q)))
        deciding = np.s_[..., :q.shape[-1]]
        turning = times(q, cotangents[1])
        back = solved_right(term, turned(r[deciding]), lower=True)
        return function("inc_subtensor")(turning[deciding], back)

    def forward(self, x: Any, outputs: Variables, moved: Any) -> list[Any]:
        """dQ = dA R^-1 - Q (M - W) for the first columns, M = Q^T dA R^-1, W antisymmetric."""
        q, r = outputs
        deciding = np.s_[..., :q.shape[-1]]
        right = solved_right(moved[deciding], r[deciding], lower=False)
        mixed = times(turned(q), right)
        below = Triangle(True, -1)(mixed)
        q_moved = right - times(q, mixed - (below - turned(below)))
        return [q_moved, times(turned(q_moved), x) + times(turned(q), moved)]


@public(numpy=("linalg.qr",))
def qr(a: Any, mode: str = "reduced") -> Any:
    """An orthogonal factor Q and an upper triangular factor R of each matrix.

    Derivatives are for matrices of full rank (of a wide one the first columns), and for the modes
    "reduced" and "r".

    Parameters
    ----------
    a : tensor_like, shape (..., m, n)
    mode : {"reduced", "complete", "r"}

    Returns
    -------
    list of Variable, or Variable
        Q and R; R alone with mode "r".
    """
    one_of(mode, ("reduced", "complete", "r"), f"qr does not know mode={mode!r}.")
    op = OrthogonalTriangular("complete" if mode == "complete" else "reduced")
    q, r = op.make_node(a).outputs
    return r if mode == "r" else [q, r]


class LowerUpper(MatrixOp):
    """A permutation, a lower and an upper triangular factor of a square matrix.

    P, L and U with P L U = A, for each square matrix: dL = L tril(M, -1), dU = triu(M) U.

    M = L^-1 P^T dA U^-1; P moves in jumps.  Source: de Hoog, Anderssen and Lukas 2011,
    doi:10.1090/S0025-5718-2011-02451-8.
    """

    op_name = "lu"
    words = "triangular factors: dL = L tril(L^-1 dA U^-1), dU = triu(L^-1 dA U^-1) U"
    text = "scipy.linalg.lu({0}, check_finite=False)"
    only_real = True
    samples = samples_of("lu", (3, 3), (2, 3, 3), change=lambda matrix: matrix[..., ::-1, :])

    def out_dtypes(self, *inputs: TensorType) -> list[str]:
        return [inputs[0].dtype] * 3

    def out_dims(self, *dims: Dims) -> list[Dims]:
        return [dims[0]] * 3

    def reverse(self, x: Any, outputs: Variables, cotangents: Variables) -> Any:
        order, lower, upper = outputs
        below = Triangle(True, -1)(times(turned(lower), cotangents[1]))
        inner = below + Triangle(False)(times(cotangents[2], turned(upper)))
        term = solved_right(inner, turned(upper), lower=True)
        return times(order, solved(turned(lower), term, lower=False))

    def forward(self, x: Any, outputs: Variables, moved: Any) -> list[Any]:
        """L tril(M, -1) and triu(M) U, with M = L^-1 P^T dA U^-1."""
        order, lower, upper = outputs
        right = solved_right(times(turned(order), moved), upper, lower=False)
        inner = solved(lower, right, lower=True)
        below, above = Triangle(True, -1)(inner), Triangle(False)(inner)
        return [ZERO, times(lower, below), times(above, upper)]


@public()
def lu(a: Any, permute_l: bool = False) -> list[Any]:
    """A permutation P, unit lower triangular L and upper triangular U with P L U = a.

    Parameters
    ----------
    a : tensor_like, shape (..., n, n)
    permute_l : bool
        Return P L and U.

    Examples
    --------
    >>> lu([[0.0, 1.0], [2.0, 0.0]])[2].eval().tolist()
    [[2.0, 0.0], [0.0, 1.0]]
    """
    order, lower, upper = LowerUpper().make_node(a).outputs
    return [times(order, lower), upper] if permute_l else [order, lower, upper]
