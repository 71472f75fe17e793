"""Bits of error: against truths known by other means, where digits cancel and numbers overflow."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import autodiff_lab.tensor as pt
from autodiff_lab.testing.accuracy import bits_between, bits_of_error, exact, mean_bits_of_error

X = pt.dscalar("x")
TRUTHS: list[tuple[Any, float, float]] = [
    (pt.exp(X) - 1, 1e-300, 1e-300),
    (pt.cos(X) - 1, 1e-9, -5e-19),
    (pt.sqrt(X + 1) - pt.sqrt(X), 1e300, 5e-151),
    (pt.log(1 + pt.exp(X)), 1e200, 1e200),
    (pt.log(1 + pt.exp(X)), -800.0, 0.0),
    ((X + 1e-300) - X, 1.0, 1e-300),
    ((X + 1e-300) - (X + 2e-300), 1.0, -1e-300),
    (X - X, 1e300, 0.0),
    (pt.sqrt(X**2) - X, 1.7, 0.0),
    (pt.tan(X), 1e22, math.tan(1e22)),
    (X**-2, 4.0, 0.0625),
    (pt.switch(X > 0, pt.log(X), 3.0), -1.0, 3.0),
    (pt.maximum(X, 2.0) + pt.floor(X), 2.5, 4.5),
    (pt.mod(X, 0.75), 2.0, 0.5),
    (pt.sigmoid(X), 0.0, 0.5),
    (pt.erfc(X), 0.5, math.erfc(0.5)),
    (pt.log2(X), 8.0, 3.0),
    (pt.log(X), -1.0, math.nan),
    (1 / X, 0.0, math.nan),
    (pt.exp(X), 1000.0, math.nan),
]


@pytest.mark.parametrize(("expression", "point", "truth"), TRUTHS, ids=str)
def test_truths(expression: Any, point: float, truth: float) -> None:
    found = exact(expression, {X: point})
    assert np.allclose(found, truth, rtol=1e-15, atol=0, equal_nan=True), found


def test_arrays_reductions_and_products() -> None:
    m = pt.dmatrix("m")
    values = np.array([[1e16, 1.0, -1e16], [700.0, 800.0, 900.0]])
    assert exact(m.sum(axis=1), {m: values}).tolist() == [1.0, 2400.0]
    assert exact(pt.dot(m, m.T)[1, 1], {m: values}) == 1.94e6
    assert exact(pt.logsumexp(m, axis=1), {m: values}).tolist() == [1e16, 900.0]
    assert bits_of_error(m.sum(axis=1), [m], [values]) == pytest.approx(
        bits_between(0.0, 1.0) / 2)


def test_single_precision_has_32_bits() -> None:
    x = pt.fscalar("x")
    assert bits_of_error(pt.log(-x), [x], [2.0]) != bits_of_error(pt.log(-x), [x], [-2.0])
    assert math.isnan(bits_of_error(pt.log(-x), [x], [2.0]))
    assert bits_between(np.float32("nan"), np.float32(1)) == 32
    assert bits_between(np.nan, 1.0) == 64 and bits_between(0.0, -0.0) == 0
    assert bits_between(np.nextafter(1, 2), 1.0) == 1


def test_points_at_once_and_one_by_one_agree() -> None:
    y = pt.dscalar("y")
    expression = pt.sin(X + y) - pt.sin(X)
    points = np.random.default_rng(0).normal(size=(20, 2)) * [1, 1e-8]
    single = [bits_of_error(expression, [X, y], point) for point in points]
    assert mean_bits_of_error(expression, [X, y], points) == pytest.approx(np.mean(single))


def test_another_expression_says_what_is_true() -> None:
    assert bits_of_error(X * 0 + 1, [X], [2.0], reference=pt.exp(X)) > 50
