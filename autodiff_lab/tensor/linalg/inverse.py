"""Inverses and determinants: `inv`, `det`, `slogdet`, `pinv`."""

from __future__ import annotations

from typing import Any

from autodiff_lab.graph import ZERO, Variables
from autodiff_lab.tensor import dtypes
from autodiff_lab.tensor.constants import constant
from autodiff_lab.tensor.linalg.frame import (
    MatrixOp, as_column, magnitude_dtype, near_identity, samples_of, times, turned,
)
from autodiff_lab.tensor.opdef import Dims, Notation, define_helper
from autodiff_lab.tensor.registry import function, public
from autodiff_lab.tensor.type import TensorType


def inner_product(x: Any, y: Any) -> Any:
    """The sum of the products of the elements of matrices."""
    return function("sum")(x * y, axis=(-2, -1))


def spread(number: Any) -> Any:
    """One number per matrix, with two axes of length 1 behind."""
    return as_column(as_column(number))


class Inverse(MatrixOp):
    """The inverse of a square matrix.

    The inverse of each matrix: d(X^-1) = -X^-1 dX X^-1.

    Source: Giles 2008, doi:10.1007/978-3-540-68942-3_4.
    """

    op_name = "inv"
    words = "inverse: d(X^-1) = -X^-1 dX X^-1"
    notation = Notation(latex=r"{0}^{{-1}}", pp="inv")

    text = "np.linalg.inv({0})"
    samples = samples_of("inv", (3, 3), (2, 3, 3), (1, 1))

    def out_dims(self, *dims: Dims) -> list[Dims]:
        (shape,) = dims
        side = shape[-1] if shape[-1] is not None else shape[-2]
        return [(*shape[:-2], side, side)]

    def reverse(self, x: Any, outputs: Variables, cotangents: Variables) -> Any:
        back = turned(outputs[0])
        return -times(back, cotangents[0], back)

    def forward(self, x: Any, outputs: Variables, moved: Any) -> list[Any]:
        """-X^-1 dX X^-1."""
        return [-times(outputs[0], moved, outputs[0])]


@public("matrix_inverse", numpy=("linalg.inv",))
def inv(a: Any) -> Any:
    """The inverse of each matrix.

    Parameters
    ----------
    a : tensor_like, shape (..., n, n)

    Raises
    ------
    numpy.linalg.LinAlgError
        When it runs, for a singular matrix.

    Examples
    --------
    >>> inv([[2.0, 0.0], [0.0, 4.0]]).eval().tolist()
    [[0.5, 0.0], [0.0, 0.25]]
    """
    return Inverse()(a)


class Determinant(MatrixOp):
    """The determinant of a square matrix.

    The determinant of each matrix; its derivative is the matrix of cofactors.

    That derivative exists for singular matrices, too.  Source: Giles 2008,
    doi:10.1007/978-3-540-68942-3_4.
    """

    op_name = "det"
    words = "determinant: its derivative is the matrix of cofactors"
    notation = Notation(latex=r"\det\left({0}\right)", pp="det")

    text = "np.linalg.det({0})"
    samples = samples_of("det", (3, 3), (2, 3, 3), (1, 1))

    def out_dims(self, *dims: Dims) -> list[Dims]:
        return [dims[0][:-2]]

    def reverse(self, x: Any, outputs: Variables, cotangents: Variables) -> Any:
        return spread(cotangents[0]) * Cofactors()(x)

    def forward(self, x: Any, outputs: Variables, moved: Any) -> list[Any]:
        """The cofactors times the tangent, summed."""
        return [inner_product(Cofactors()(x), moved)]


@public(numpy=("linalg.det",))
def det(a: Any) -> Any:
    """The determinant of each matrix.

    Examples
    --------
    >>> float(det([[1.0, 0.0], [0.0, 4.0]]).eval())
    4.0
    """
    return Determinant()(a)


COFACTOR_MATRIX = define_helper(
    "cofactor_matrix",
    '''
def cofactor_matrix(matrix):
    """det(X) X^-T, by singular values, so that singular matrices have one, too."""
    left, values, right = np.linalg.svd(matrix)
    before, after = np.ones((2, *values.shape), values.dtype)
    np.cumprod(values[..., :-1], axis=-1, out=before[..., 1:])
    np.cumprod(values[..., :0:-1], axis=-1, out=after[..., -2::-1])
    sign = np.linalg.det(left) * np.linalg.det(right)
    others = sign[..., None, None] * (before * after)[..., None, :]
    return (np.conj(left) * others) @ np.conj(right)
''',
)


class Cofactors(MatrixOp):
    """The matrix of cofactors, det(X) times the transposed inverse.

    The cofactors of each matrix: det(X) X^-T, for singular matrices too.

    Their own derivative is computed with the inverse, so for regular matrices only.
    """

    op_name = "cofactors"
    words = "derivative of det(X) X^-T"
    notation = Notation(latex=r"\mathrm{{cof}}\left({0}\right)", pp="cofactors")

    text = COFACTOR_MATRIX + "({0})"
    samples = samples_of("cofactors", (3, 3), (2, 2, 2))

    def reverse(self, x: Any, outputs: Variables, cotangents: Variables) -> Any:
        back = turned(inv(x))
        size = inner_product(cotangents[0], outputs[0])
        return spread(size) * back - times(back, turned(cotangents[0]), outputs[0])

    def forward(self, x: Any, outputs: Variables, moved: Any) -> list[Any]:
        """tr(X^-1 dX) C - C dX^T X^-T."""
        back = turned(inv(x))
        size = inner_product(back, moved)
        return [spread(size) * outputs[0] - times(outputs[0], turned(moved), back)]


@public()
def cofactors(a: Any) -> Any:
    """The matrix of cofactors of each matrix: the derivative of its determinant."""
    return Cofactors()(a)


class SignLogDeterminant(MatrixOp):
    """Sign of the determinant and logarithm of its size.

    Sign and logarithm of the size of the determinant of each matrix.

    Source: Giles 2008, doi:10.1007/978-3-540-68942-3_4.
    """

    op_name = "slogdet"
    words = "d log|det X| = tr(X^-1 dX)"
    notation = Notation(latex=r"\log\left|\det\left({0}\right)\right|", pp="slogdet")

    text = "np.linalg.slogdet({0})"
    samples = staticmethod(lambda rng: [
        ("slogdet", (sign * near_identity(rng, *shape),), {})
        for sign, shape in ((1, (3, 3)), (1, (2, 3, 3)), (-1, (3, 3)))
    ])

    def out_dtypes(self, *inputs: TensorType) -> list[str]:
        return [inputs[0].dtype, magnitude_dtype(inputs[0].dtype)]

    def out_dims(self, *dims: Dims) -> list[Dims]:
        return [dims[0][:-2]] * 2

    def reverse(self, x: Any, outputs: Variables, cotangents: Variables) -> Any:
        by = cotangents[1]
        if x.type.dtype in dtypes.COMPLEX:     # the sign turns with the imaginary part of the trace
            by = by + _imaginary(cotangents[0] * outputs[0])
        return spread(by) * turned(inv(x))

    def forward(self, x: Any, outputs: Variables, moved: Any) -> list[Any]:
        """The logarithm moves by the real part of tr(X^-1 dX); the sign turns by the imaginary."""
        trace = inner_product(turned(inv(x)), moved)
        if x.type.dtype not in dtypes.COMPLEX:
            return [ZERO, trace]
        return [outputs[0] * _imaginary(trace), function("real")(trace)]


def _imaginary(z: Any) -> Any:
    """i Im(z)."""
    return (z - function("conj")(z)) / constant(2, dtype=z.type.dtype)


@public(numpy=("linalg.slogdet",))
def slogdet(a: Any) -> Any:
    """Sign of the determinant of each matrix, and logarithm of its size.

    Returns
    -------
    list of Variable
        The sign and the logarithm.

    Examples
    --------
    >>> sign, logarithm = slogdet([[-1.0, 0.0], [0.0, 1.0]])
    >>> float(sign.eval()), float(logarithm.eval())
    (-1.0, 0.0)
    """
    return list(SignLogDeterminant().make_node(a).outputs)


class PseudoInverse(MatrixOp):
    """The Moore-Penrose inverse of a matrix.

    The derivative holds where the rank does not change: Golub and Pereyra 1973,
    doi:10.1137/0710036.
    """

    op_name = "pinv"
    words = "pseudo-inverse at constant rank"
    notation = Notation(latex=r"{0}^{{+}}", pp="pinv")
    text = "np.linalg.pinv({0})"
    square, only_real = False, True
    samples = samples_of("pinv", (4, 2), (2, 3), (2, 3, 2))

    def out_dims(self, *dims: Dims) -> list[Dims]:
        (shape,) = dims
        return [(*shape[:-2], shape[-1], shape[-2])]

    def reverse(self, x: Any, outputs: Variables, cotangents: Variables) -> Any:
        y = outputs[0]
        back, given = turned(y), turned(cotangents[0])
        rows, columns = given, times(back, y, given)
        rows = rows - times(x, times(y, rows))
        columns = columns - times(times(columns, y), x)
        return times(rows, y, back) + columns - times(back, cotangents[0], back)

    def forward(self, x: Any, outputs: Variables, moved: Any) -> list[Any]:
        """-Y dX Y + Y Y^T dX^T (1 - X Y) + (1 - Y X) dX^T Y^T Y."""
        y = outputs[0]
        left = times(y, turned(y), turned(moved))
        right = times(turned(moved), turned(y), y)
        inner = left - times(times(left, x), y) + right - times(y, times(x, right))
        return [inner - times(y, moved, y)]


@public(numpy=("linalg.pinv",))
def pinv(a: Any, hermitian: bool = False) -> Any:
    """The Moore-Penrose inverse of each matrix.

    Derivatives hold where the rank of the matrix does not change.

    Parameters
    ----------
    a : tensor_like, shape (..., m, n)
    hermitian : bool
        Accepted for compatibility.

    Examples
    --------
    >>> pinv([[2.0], [0.0]]).eval().tolist()
    [[0.5, 0.0]]
    """
    return PseudoInverse()(a)
