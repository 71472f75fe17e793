"""Linear algebra: functions of matrices, and of stacks of them.

The last two axes are a matrix, leading axes are batches.  Names and argument orders are NumPy's and
SciPy's.  Every derivative has a rule in both directions; the formulas are those of M. Giles, "An
extended collection of matrix derivative results for forward and reverse mode algorithmic
differentiation" (2008), doi:10.1007/978-3-540-68942-3_4, unless a function says otherwise.
"""

from __future__ import annotations

from typing import Any

from autodiff_lab.tensor.linalg.contraction import batched_dot, inner, kron, matmul, tensordot, vdot
from autodiff_lab.tensor.linalg.decompositions import Cholesky, cholesky, lu, qr
from autodiff_lab.tensor.linalg.einstein import einsum
from autodiff_lab.tensor.linalg.exponential import MatrixExponential as Expm
from autodiff_lab.tensor.linalg.exponential import expm
from autodiff_lab.tensor.linalg.inverse import Determinant as Det
from autodiff_lab.tensor.linalg.inverse import Inverse as MatrixInverse
from autodiff_lab.tensor.linalg.inverse import PseudoInverse as MatrixPinv
from autodiff_lab.tensor.linalg.inverse import cofactors, det, inv, pinv, slogdet
from autodiff_lab.tensor.linalg.norms import norm
from autodiff_lab.tensor.linalg.solving import Solve, SolveTriangular, solve, solve_triangular
from autodiff_lab.tensor.linalg.spectral import eig, eigh, eigvalsh, lstsq, svd
from autodiff_lab.tensor.linalg.triangles import (
    Diagonal, alloc_diag, diag, diagonal, extract_diag, tri, tril, triu,
)
from autodiff_lab.tensor.registry import NUMPY, function

matrix_inverse = inv
ExtractDiag = Diagonal


def trace(x: Any, offset: int = 0) -> Any:
    """The trace of each matrix: unlike the flat `trace`, of the last two axes."""
    return function("trace")(x, offset, -2, -1)


NUMPY.update({
    "linalg.trace": trace,
    "linalg.matmul": matmul,
    "linalg.tensordot": tensordot,
    "linalg.outer": function("outer"),
})

__all__ = [
    "Cholesky", "Det", "ExtractDiag", "Expm", "MatrixInverse", "MatrixPinv", "Solve",
    "SolveTriangular", "alloc_diag", "batched_dot", "cholesky", "cofactors", "det", "diag",
    "diagonal", "eig", "eigh", "eigvalsh", "einsum", "expm", "extract_diag", "inner", "inv", "kron",
    "lstsq", "lu", "matmul", "matrix_inverse", "norm", "pinv", "qr", "slogdet", "solve",
    "solve_triangular", "svd", "tensordot", "trace", "tri", "tril", "triu", "vdot",
]
