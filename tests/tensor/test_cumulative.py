"""Products, running products and extrema where elements are 0 or tied: every order, both ways."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graph_values import value, values

import autodiff_lab.tensor as pt
from autodiff_lab.control import jacobian
from autodiff_lab.gradient import Rop, grad

ZEROS = [[2.0, 3.0, 5.0, 7.0], [0.0, 3.0, 5.0, 7.0], [0.0, 3.0, 0.0, 7.0], [0.0, 0.0, 0.0, 7.0]]


def hessian_of_product(x: np.ndarray) -> np.ndarray:
    """Products of all but two."""
    count = len(x)
    return np.array([
        [0.0 if i == j else np.prod([x[k] for k in range(count) if k not in (i, j)])
         for j in range(count)] for i in range(count)
    ])


@pytest.mark.parametrize("point", ZEROS)
@pytest.mark.parametrize("direct", [True, False])
def test_product_with_zeros(point: list[float], direct: bool) -> None:
    x, v = pt.dvector("x"), pt.dvector("v")
    at, direction = np.array(point), np.array([1.0, -2.0, 0.5, 3.0])
    product = pt.prod(x)
    first = grad(product, x)
    expected = [np.prod(np.delete(at, i)) for i in range(4)]
    np.testing.assert_array_equal(value(first, {x: at}), expected)
    forward = Rop(product, x, v, use_op_pushforward=direct)
    np.testing.assert_allclose(value(forward, {x: at, v: direction}), expected @ direction)
    second = Rop(first, x, v, use_op_pushforward=direct)
    hessian = hessian_of_product(at)
    np.testing.assert_allclose(value(second, {x: at, v: direction}), hessian @ direction)
    again = grad(pt.sum(first * v), x)
    np.testing.assert_allclose(value(again, {x: at, v: direction}), hessian @ direction)


def test_third_derivative_of_a_product_with_a_zero() -> None:
    x = pt.dvector("x")
    third = pt.prod(x)
    for place in range(3):
        third = grad(third, x)[place]
    assert value(third, {x: np.array([0.0, 0.0, 0.0, 7.0])}) == 7.0


def test_running_product_with_zeros() -> None:
    x = pt.dvector("x")
    at = np.array([2.0, 0.0, 3.0, 5.0])
    matrix = value(jacobian(pt.cumprod(x), x), {x: at})
    np.testing.assert_array_equal(
        matrix, [[1, 0, 0, 0], [0, 2, 0, 0], [0, 6, 0, 0], [0, 30, 0, 0]]
    )


@pytest.mark.parametrize("name", ["prod", "cumprod", "cumsum", "product_of_others"])
def test_nothing_at_all(name: str) -> None:
    x = pt.dvector("x")
    cost = pt.sum(pt.sqr(getattr(pt, name)(x)))
    first = grad(cost, x)
    second = grad(pt.sum(first), x)
    for found in values([first, second], {x: np.zeros(0)}):
        assert found.shape == (0,)


@pytest.mark.parametrize("axis", [None, 0, (0, 2)])
@pytest.mark.parametrize("name", ["max", "min"])
def test_ties_are_transposes(name: str, axis: Any) -> None:
    x, v = pt.dtensor3("x"), pt.dtensor3("v")
    rng = np.random.default_rng(3)
    at = rng.integers(0, 3, size=(2, 3, 4)).astype("float64")
    direction = rng.normal(size=(2, 3, 4))
    output = getattr(pt, name)(x, axis=axis)
    reverse = grad(pt.sum(output), x)
    results = [pt.sum(Rop(output, x, v, use_op_pushforward=direct)) for direct in (True, False)]
    pulled, *forward = values([reverse, *results], {x: at, v: direction})
    attained = at == getattr(np, name)(at, axis=axis, keepdims=True)
    np.testing.assert_array_equal(pulled, attained)
    np.testing.assert_allclose(forward, np.sum(direction[attained]))


def test_integers_keep_their_dtype() -> None:
    assert pt.cumsum(pt.bvector("n")).dtype == "int8"
    assert pt.cumprod(pt.fmatrix("x")).type.ndim == 1
