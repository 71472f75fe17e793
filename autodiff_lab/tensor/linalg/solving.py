"""Systems of linear equations: `solve` and `solve_triangular`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autodiff_lab.errors import LabValueError, one_of
from autodiff_lab.graph import Apply, Flags, Tangents, Terms, Variables, describe
from autodiff_lab.tensor.constants import as_tensor_variable
from autodiff_lab.tensor.lengths import element_count, length_of
from autodiff_lab.tensor.linalg.frame import (
    StackedOp, Stretch, as_column, as_matrix, both, regular, times, turned, without_last_axis,
)
from autodiff_lab.tensor.linalg.triangles import Triangle, symmetric_from_lower, tril, triu
from autodiff_lab.tensor.opdef import Dims, Notation, calls, define_helper, drawn
from autodiff_lab.tensor.registry import function, public


class Solve(StackedOp):
    """The solution of a system of linear equations.

    The solution X of A X = B, for each pair of matrices of two stacks.

    dX = A^-1 (dB - dA X); in reverse B~ = A^-T X~ and A~ = -B~ X^T.  Source: Giles 2008,
    doi:10.1007/978-3-540-68942-3_4.
    """

    op_name = "solve"
    words = "solution of A X = B: dX = A^-1 (dB - dA X)"
    notation = Notation(latex=r"{0}^{{-1}} \, {1}", pp="solve")

    samples = calls(  # matrices, a vector on the right, stacks, one matrix for a stack
        ("solve", regular(3, 3), drawn(3, 2)), ("solve", regular(3, 3), drawn(3)),
        ("solve", regular(2, 3, 3), drawn(2, 3, 1)), ("solve", regular(3, 3), drawn(2, 3, 2)),
    )

    def prepare(self, *inputs: Any) -> list[Any]:
        left, right = super().prepare(*inputs)
        left = as_matrix(left, "solve", square=True)
        side = left.type.shape[-1] if left.type.shape[-1] is not None else left.type.shape[-2]
        rows = right.type.shape[-2]
        if None not in (side, rows) and side != rows:
            raise LabValueError(
                f"{self.op_name}: the matrix has {side} rows, the right side {rows}.",
                where=both(left, right), why="every row is one equation",
                remedy="transpose the right side with .T?",
            )
        return [left, right]

    def out_dims_of(self, variables: Sequence[Any]) -> list[Dims]:
        rows, side, height, columns = (n for v in variables for n in v.type.shape[-2:])
        known = next((n for n in (side, rows, height) if n is not None), None)
        return [(*self.stack_dims(*variables), known, columns)]

    def numpy(self, node: Apply, *arguments: str) -> str:
        return f"np.linalg.solve({self.stacked(node, *arguments)})"

    def batch(self, node: Apply, inputs: Variables, batched: Flags) -> Terms:
        """One matrix for all entries is taken apart once: the entries become columns."""
        left, right = inputs
        if batched[0] or left.type.ndim != 2:
            return [self.on(left, right)]
        return [_as_entries(self.on(left, _as_columns(right)), right)]

    def transposed(self) -> Solve:
        """The op that solves with the transposed matrix."""
        return self

    def of_matrix(self, term: Any) -> Any:
        """The part of a matrix that the op reads."""
        return term

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        back = self.transposed().on(turned(inputs[0]), cotangents[0])
        by_matrix = self.of_matrix(-times(back, turned(outputs[0])))
        return [self.unstretched(by_matrix, 0), self.unstretched(back, 1)]

    def pushforward(self, inputs: Variables, outputs: Variables, tangents: Tangents) -> Terms:
        """A^-1 (dB - dA X)."""
        right: Any = tangents[1]
        if tangents[0] is not None:
            moved = times(self.of_matrix(tangents[0]), outputs[0])
            right = -moved if right is None else right - moved
        return [self.on(inputs[0], right)]


def _as_columns(entries: Any) -> Any:
    """Matrices (entries, rows, columns) side by side, as one matrix."""
    side = function("dimshuffle")(entries, 1, 0, 2)
    return function("reshape")(side, [length_of(side, 0), element_count(side, (1, 2))])


def _as_entries(columns: Any, like: Any) -> Any:
    """The inverse of `_as_columns`."""
    lengths = [length_of(columns, 0), length_of(like, 0), length_of(like, 2)]
    return function("dimshuffle")(function("reshape")(columns, lengths), 1, 0, 2)


STACKED_TRIANGULAR_SOLVE = define_helper(
    "stacked_triangular_solve",
    '''
def stacked_triangular_solve(matrices, rights, lower, unit_diagonal):
    """scipy.linalg.solve_triangular for each pair of matrices of two stacks."""
    import scipy.linalg

    stack = np.broadcast_shapes(matrices.shape[:-2], rights.shape[:-2])
    matrices = np.broadcast_to(matrices, stack + matrices.shape[-2:])
    rights = np.broadcast_to(rights, stack + rights.shape[-2:])
    result = np.empty(rights.shape, np.result_type(matrices, rights))
    for place in np.ndindex(*stack):
        result[place] = scipy.linalg.solve_triangular(
            matrices[place], rights[place], lower=lower, unit_diagonal=unit_diagonal,
            check_finite=False,
        )
    return result
''',
)


class SolveTriangular(Solve):
    """The solution of a triangular system of linear equations.

    The solution X of A X = B for triangular A: the other triangle is not read.

    Parameters
    ----------
    stretch : pair of tuple of int
    lower : bool
    unit_diagonal : bool
        Take the diagonal as ones, without reading it.
    """

    op_name = "solve_triangular"
    __props__ = ("stretch", "lower", "unit_diagonal")
    words = "solution of A X = B: dX = A^-1 (dB - dA X)"
    notation = Notation(latex=r"{0}^{{-1}} \, {1}", pp="solve_triangular")

    samples = calls(  # both triangles, the transpose, ones on the diagonal, stacks
        ("solve_triangular", regular(3, 3), drawn(3, 2), {"lower": True}),
        ("solve_triangular", regular(3, 3), drawn(3, 2), {"trans": 1}),
        ("solve_triangular", regular(3, 3), drawn(3), {"lower": True, "unit_diagonal": True}),
        ("solve_triangular", regular(2, 3, 3), drawn(2, 3, 2), {"lower": True}),
    )

    def __init__(
        self, stretch: Stretch = ((), ()), lower: bool = False, unit_diagonal: bool = False
    ) -> None:
        super().__init__(stretch)
        self.lower = lower
        self.unit_diagonal = unit_diagonal

    def with_stretch(self, stretch: Stretch) -> SolveTriangular:
        return SolveTriangular(stretch, self.lower, self.unit_diagonal)

    def transposed(self) -> SolveTriangular:
        return SolveTriangular(self.stretch, not self.lower, self.unit_diagonal)

    def of_matrix(self, term: Any) -> Any:
        shift = int(self.unit_diagonal)
        return Triangle(self.lower, -shift if self.lower else shift)(term)

    def numpy(self, node: Apply, *arguments: str) -> str:
        options = f"lower={self.lower}, unit_diagonal={self.unit_diagonal}"
        matrix: Any = node.inputs[0]
        if matrix.type.ndim == 2:
            both = ", ".join(arguments)
            return f"scipy.linalg.solve_triangular({both}, {options}, check_finite=False)"
        return f"{STACKED_TRIANGULAR_SOLVE}({self.stacked(node, *arguments)}, {options})"


def _on_right_side(op: Solve, a: Any, b: Any, b_ndim: int | None) -> Any:
    """Apply an op whose right side may be a vector: of rank 1, or where `b_ndim` says so."""
    matrix = as_matrix(a, op.op_name, square=True)
    right = as_tensor_variable(b)
    if right.type.ndim == 0:
        raise LabValueError(
            f"{op.op_name}: the right side is a vector or matrix.", where=describe(right)
        )
    if right.type.ndim == 1 or b_ndim == 1:
        return without_last_axis(op.on(matrix, as_column(right)))
    return op.on(matrix, right)


@public(numpy=("linalg.solve",))
def solve(
    a: Any, b: Any, *, lower: bool = False, assume_a: str = "gen", transposed: bool = False,
    check_finite: bool = True, b_ndim: int | None = None, overwrite_a: bool = False,
    overwrite_b: bool = False,
) -> Any:
    """The solution x of a x = b.

    Parameters
    ----------
    a : tensor_like, shape (..., n, n)
    b : tensor_like, shape (n,) or (..., n, k)
    lower : bool
        Which triangle is read of a symmetric `a`.
    assume_a : {"gen", "sym", "her", "pos", "diagonal", "lower triangular", "upper triangular"}
        What is known of `a`, as in SciPy; of symmetric matrices one triangle is read.
    transposed : bool
        Solve with the transpose of `a`.
    b_ndim : int, optional
        1: the last axis of `b` is a vector and all others are batches.
    check_finite, overwrite_a, overwrite_b
        Accepted for compatibility.

    Raises
    ------
    numpy.linalg.LinAlgError
        When it runs, for a singular matrix.

    Examples
    --------
    >>> solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 2.0]).eval().tolist()
    [1.0, 0.5]
    """
    matrix = as_matrix(a, "solve", square=True)
    if assume_a in ("sym", "symmetric", "her", "hermitian", "pos", "positive definite"):
        matrix = symmetric_from_lower(matrix if lower else turned(matrix))
    elif assume_a in ("diagonal", "lower triangular", "upper triangular"):
        kept = {"diagonal": (tril, triu), "lower triangular": (tril,), "upper triangular": (triu,)}
        for part in kept[assume_a]:
            matrix = part(matrix)
    elif assume_a not in ("gen", "general", "banded", "tridiagonal"):
        raise LabValueError(
            f"solve does not know assume_a={assume_a!r}.",
            remedy='"gen", "sym", "her", "pos", "diagonal", "lower triangular" or '
            '"upper triangular"',
        )
    if transposed:
        matrix = turned(matrix)
    return _on_right_side(Solve(), matrix, b, b_ndim)


@public()
def solve_triangular(
    a: Any, b: Any, *, trans: int | str = 0, lower: bool = False, unit_diagonal: bool = False,
    check_finite: bool = True, b_ndim: int | None = None, overwrite_b: bool = False,
) -> Any:
    """The solution x of a x = b, where `a` is triangular; its other triangle is not read.

    Parameters
    ----------
    a : tensor_like, shape (..., n, n)
    b : tensor_like, shape (n,) or (..., n, k)
    trans : {0, 1, "N", "T"}
        1 or "T": solve with the transpose of `a`.
    lower : bool
        Which triangle of `a` is read.
    unit_diagonal : bool
        Take the diagonal as ones.
    check_finite, overwrite_b
        Accepted for compatibility.
    b_ndim : int, optional
        1: the last axis of `b` is a vector and all others are batches.

    Examples
    --------
    >>> solve_triangular([[2.0, 9.0], [0.0, 4.0]], [2.0, 0.0]).eval().tolist()
    [1.0, 0.0]
    """
    one_of(trans, (0, 1, "N", "T"), f"solve_triangular does not know trans={trans!r}.")
    matrix = as_matrix(a, "solve_triangular", square=True)
    if trans in (1, "T"):
        matrix, lower = turned(matrix), not lower
    return _on_right_side(SolveTriangular(((), ()), lower, unit_diagonal), matrix, b, b_ndim)
