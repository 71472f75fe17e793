"""Running sums and products and the places of extremes agree in both executors."""

from __future__ import annotations

import numpy as np
import pytest

import autodiff_lab as ad
import autodiff_lab.tensor as pt

from .test_parts import agree, both

SPECIAL = [
    [1.0, np.nan, 3.0, np.nan], [-np.inf, -np.inf, 2.0, 2.0], [-np.inf] * 4, [np.inf] * 4,
    [-0.0, 0.0, -0.0, 0.0], [np.nan] * 4,
]


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
def test_running_values_agree(dtype: str) -> None:
    m, v = (pt.tensor(n, dtype=dtype, shape=(None,) * r) for n, r in (("m", 2), ("v", 1)))
    outputs = [
        pt.argmax(2 * m, axis=-1), pt.argmin(m * m, axis=1) + 1, pt.argmax(v), pt.argmin(-v),
        pt.cumsum(m, axis=1) ** 2, pt.cumprod(v), pt.cumsum(v * v) * v, pt.argmax(m, axis=0),
        m * pt.argmax(m - 1, axis=1)[:, None], pt.argmax(pt.cumsum(m, axis=1), axis=1),
        pt.cumsum(m * m, axis=1) - m.max(axis=1)[:, None],
    ]
    functions = both([m, v], outputs)
    rng = np.random.default_rng(0)
    matrices = [rng.integers(-3, 4, (5, 40)), rng.integers(-3, 4, (3, 1)), np.zeros((0, 2))]
    matrices += [] if dtype == "int64" else [np.array(SPECIAL)]
    with np.errstate(all="ignore"):
        for matrix in matrices:
            for line in matrix if len(matrix) else [np.ones(2)]:
                agree(functions, matrix.astype(dtype), line.astype(dtype))


def test_gradients_agree() -> None:
    m, v = pt.dmatrix("m"), pt.dvector("v")
    outputs = [ad.grad(pt.cumprod(v).sum(), v), ad.grad((pt.cumsum(m, axis=1) ** 2).sum(), m)]
    agree(both([m, v], outputs), np.arange(12.0).reshape(3, 4), np.array([2.0, 0.0, 3.0, 0.0]))


def test_places_in_nothing_are_an_error() -> None:
    m = pt.dmatrix("m")
    for function in both([m], [pt.argmin(m + 1.0, axis=1)]):
        with pytest.raises(ValueError, match="empty sequence"):
            function(np.ones((2, 0)))


def test_a_chain_is_one_kernel() -> None:
    m = pt.dmatrix("m")
    places = pt.argmax(pt.exp(-m), axis=1)
    function = ad.function([m], [places, pt.cumsum(pt.exp(-m), axis=1) * 2.0], mode="NUMBA")
    assert len(function.program.instructions) == len(function.program.kernels) == 1
