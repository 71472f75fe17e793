"""Reductions: forms of the axis, ties, zeros in products, empty arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graph_values import numerical_gradient, value, values

import autodiff_lab.tensor as pt
from autodiff_lab.gradient import grad

X = pt.tensor3("x")
POINT = np.random.default_rng(1).normal(size=(2, 3, 4))


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "max", "min", "var", "std"])
@pytest.mark.parametrize("axis", [None, 0, -1, 1, (0, 1), (2, 0), [0, 2], (-1, -2), (0, 1, 2), ()])
@pytest.mark.parametrize("keepdims", [False, True])
def test_axes(name: str, axis: Any, keepdims: bool) -> None:
    given = tuple(axis) if isinstance(axis, list) else axis
    expected = np.asarray(getattr(np, name)(POINT, axis=given, keepdims=keepdims))
    for built in (getattr(pt, name)(X, axis=axis, keepdims=keepdims),
                  getattr(X, name)(axis=axis, keepdims=keepdims)):
        found = value(built, {X: POINT})
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-13)
        if keepdims:
            gone = range(3) if axis is None else np.atleast_1d(given).astype(int)
            assert all(built.type.shape[axis] == 1 for axis in gone)


ROWS = {
    "no zero": [2.0, -3.0, 4.0],
    "one zero": [2.0, 0.0, 4.0],
    "two zeros": [0.0, 3.0, 0.0],
    "all zeros": [0.0, 0.0, 0.0],
    "minus zero": [-0.0, 3.0, 5.0],
}


@pytest.mark.parametrize("row", ROWS)
def test_derivative_of_a_product(row: str) -> None:
    """By an element, it is the product of the others, whatever is zero."""
    x = pt.dvector("x")
    point = np.array(ROWS[row])
    expected = [np.prod(np.delete(point, place)) for place in range(3)]
    np.testing.assert_array_equal(value(grad(pt.prod(x), x), {x: point}), expected)


def test_derivative_of_products_by_row() -> None:
    x = pt.dmatrix("x")
    point = np.array(list(ROWS.values()))
    found = value(grad((pt.prod(x, axis=1) * pt.constant(np.arange(1.0, 6))).sum(), x), {x: point})
    numbers = np.arange(1.0, 6)
    expected = numerical_gradient(lambda p: float((p.prod(axis=1) * numbers).sum()), [point])[0]
    np.testing.assert_allclose(found, expected, atol=1e-8)


@pytest.mark.parametrize("name", ["max", "min"])
def test_ties_get_the_whole_cotangent_each(name: str) -> None:
    x = pt.dmatrix("x")
    point = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    found = value(grad(getattr(pt, name)(x, axis=1).sum(), x), {x: point})
    target = getattr(point, name)(axis=1, keepdims=True)
    np.testing.assert_array_equal(found, point == target)


def test_ties_of_two_arguments_go_to_the_first() -> None:
    x, y = pt.dvectors("x", "y")
    same = np.ones(2)
    for function in (pt.maximum, pt.minimum):
        first, second = values(grad(function(x, y).sum(), [x, y]), {x: same, y: same})
        assert first.tolist() == [1, 1] and second.tolist() == [0, 0]


def test_nan_wins() -> None:
    x = pt.dvector("x")
    point = np.array([1.0, np.nan, 3.0])
    assert np.isnan(value(pt.max(x), {x: point})) and np.isnan(value(pt.min(x), {x: point}))


def test_empty_arrays() -> None:
    x = pt.dmatrix("x")
    empty = np.zeros((0, 3))
    assert value(pt.sum(x), {x: empty}) == 0 and value(pt.prod(x), {x: empty}) == 1
    assert value(pt.sum(x, axis=0), {x: empty}).tolist() == [0, 0, 0]
    assert np.isnan(value(pt.mean(x), {x: empty}))
    assert value(pt.all(x), {x: empty}) and not value(pt.any(x), {x: empty})
    with pytest.raises(ValueError):
        value(pt.max(x), {x: empty})


def test_single_precision_is_summed_in_double() -> None:
    x = pt.fvector("x")
    point = np.full(200_000, 0.1, "float32")
    exact = float(np.float32(0.1)) * 200_000
    assert value(pt.sum(x), {x: point}) == np.float32(exact)


def test_the_mean_of_whole_numbers_does_not_overflow() -> None:
    x = pt.bvector("x")
    assert value(pt.mean(x), {x: np.full(1000, 127, "int8")}) == 127.0


def test_static_count() -> None:
    """A mean over known lengths divides by a constant."""
    x = pt.tensor("x", shape=(4, 3))
    assert value(pt.mean(x), {x: np.ones((4, 3))}) == 1
    assert pt.mean(x).owner.inputs[1].data == 12
    assert "4.0" in str(pt.mean(x, axis=0).owner.inputs[1].owner.inputs)
