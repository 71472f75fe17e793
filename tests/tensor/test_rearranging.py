"""Functions made of others: NumPy's values, known shapes, derivatives by linearity."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graph_values import value

import autodiff_lab.tensor as pt
from autodiff_lab.gradient import grad

AT = np.random.default_rng(21).normal(size=(4, 6))

CALLS: dict[str, Any] = {
    "np.split(x, 2)[1]": lambda x: np.split(x, 2)[1],
    "np.split(x, [1, 4], axis=1)[2]": lambda x: np.split(x, [1, 4], axis=1)[2],
    "np.hstack([x, x[:, :1]])": lambda x: np.hstack([x, x[:, :1]]),
    "np.hstack([x[0], x[1]])": lambda x: np.hstack([x[0], x[1]]),
    "np.vstack([x, x[0]])": lambda x: np.vstack([x, x[0]]),
    "np.median(x, axis=0)": lambda x: np.median(x, axis=0),
    "np.median(x)": lambda x: np.median(x), "np.ptp(x, axis=1)": lambda x: np.ptp(x, axis=1),
    "np.compress([1, 0, 1, 1], x, axis=0)":
        lambda x: np.compress(np.array([True, False, True, True]), x, axis=0),
    "np.isclose(x, x + 1e-9)": lambda x: np.isclose(x, x + 1e-9),
    "np.allclose(x, 0.0)": lambda x: np.allclose(x, 0.0),
    "np.linspace(x[0], x[1], 5)": lambda x: np.linspace(x[0], x[1], 5),
    "np.linspace(x[0, 0], 2.0, 3, endpoint=False)":
        lambda x: np.linspace(x[0, 0], 2.0, 3, endpoint=False),
    "np.bincount([0, 3, 3, 1], weights=x[:, 0])":
        lambda x: np.bincount(np.array([0, 3, 3, 1]), weights=x[:, 0]),
}


@pytest.mark.parametrize("text", CALLS)
def test_numpy_spelling(text: str) -> None:
    x = pt.dmatrix("x")
    np.testing.assert_allclose(value(CALLS[text](x), {x: AT}), CALLS[text](AT), rtol=1e-12)


def test_split_is_the_inverse_of_join() -> None:
    x, sizes = pt.dmatrix("x"), pt.lvector("sizes")
    known = pt.split(pt.tensor(shape=(4, 6)), [1, 2, 3], axis=1)
    assert [part.type.shape for part in known] == [(4, 1), (4, 2), (4, 3)]
    parts = pt.split(x, sizes, n_splits=3, axis=-1)
    given = {x: AT, sizes: np.array([1, 2, 3])}
    np.testing.assert_array_equal(value(pt.join(1, *parts), given), AT)
    gradient = value(grad(pt.sum(parts[1]), x), given)
    np.testing.assert_array_equal(gradient, np.repeat([[0, 1, 1, 0, 0, 0]], 4, axis=0))


def test_axes_that_stretch_and_do_not() -> None:
    row = pt.tensor("row", shape=(1, None))
    fixed = pt.unbroadcast(row, 0)
    assert fixed.type.shape == (None, None)
    assert pt.patternbroadcast(fixed, (True, False)).type.shape == (1, None)
    assert pt.patternbroadcast(row, (False, False)).type.shape == (None, None)
    gradient = grad(pt.sum(fixed * pt.dmatrix("m")), row)
    assert gradient.type.shape == (1, None)


def test_one_hot() -> None:
    np.testing.assert_array_equal(value(pt.to_one_hot(np.array([2, 0]), 3)), [[0, 0, 1], [1, 0, 0]])
    np.testing.assert_array_equal(value(pt.bincount([1, 1], minlength=4)), [0, 2, 0, 0])
