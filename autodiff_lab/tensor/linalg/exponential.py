"""The exponential of a matrix."""

from __future__ import annotations

from typing import Any

from autodiff_lab.graph import Variables
from autodiff_lab.tensor.lengths import length_of
from autodiff_lab.tensor.linalg.frame import MatrixOp, samples_of, turned
from autodiff_lab.tensor.opdef import Notation
from autodiff_lab.tensor.registry import function, public


class MatrixExponential(MatrixOp):
    """The exponential of a square matrix.

    The exponential of each matrix, 1 + A + A^2 / 2 + ...

    The derivative along E is the upper right block of exp([[A, E], [0, A]]).  Source: Najfeld and
    Havel 1995, doi:10.1006/aama.1995.1017.
    """

    op_name = "expm"
    words = "derivative of the matrix exponential along a direction"
    notation = Notation(latex=r"e^{{{0}}}", pp="expm")

    text = "scipy.linalg.expm({0})"
    samples = samples_of("expm", (3, 3), (2, 2, 2), change=lambda matrix: matrix / 2)

    def _along(self, x: Any, direction: Any) -> Any:
        """The derivative of exp at x along a direction."""
        join, side = function("join"), length_of(x, x.type.ndim - 1)
        upper = join(-1, x, direction)
        lower = join(-1, function("zeros_like")(x), x)
        return self(join(-2, upper, lower))[..., :side, side:]

    def reverse(self, x: Any, outputs: Variables, cotangents: Variables) -> Any:
        return self._along(turned(x), cotangents[0])

    def forward(self, x: Any, outputs: Variables, moved: Any) -> list[Any]:
        """The upper right block of exp([[A, dA], [0, A]])."""
        return [self._along(x, moved)]


@public()
def expm(A: Any) -> Any:
    """The exponential of each matrix.

    Examples
    --------
    >>> expm([[0.0, 1.0], [0.0, 0.0]]).eval().tolist()
    [[1.0, 1.0], [0.0, 1.0]]
    """
    return MatrixExponential()(A)
