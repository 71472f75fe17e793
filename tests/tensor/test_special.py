"""Softmax and its kin, sorting, places, and what is put elsewhere: beyond the op tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.special
from graph_values import value, values

import autodiff_lab.tensor as pt
from autodiff_lab.control import jacobian
from autodiff_lab.gradient import Rop, grad

HARD = np.array([[1000.0, -1000.0, 0.0], [-1e308, 1e308, 0.0], [-np.inf, 3.0, 3.0]])


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_huge_values(name: str) -> None:
    x = pt.dmatrix("x")
    output = getattr(pt, name)(x, axis=1)
    with np.errstate(all="ignore"):
        expected = getattr(scipy.special, name)(HARD, axis=1)
    np.testing.assert_allclose(value(output, {x: HARD}), expected, rtol=1e-14)
    gradient = value(grad(pt.sum(output[:2]), x), {x: HARD})[:2]
    assert np.isfinite(gradient).all()


def test_logsumexp_of_nothing_at_all() -> None:
    x = pt.dvector("x")
    assert value(pt.logsumexp(x), {x: np.full(3, -np.inf)}) == -np.inf
    assert value(pt.logsumexp(x), {x: np.zeros(0)}) == -np.inf
    assert pt.logsumexp(pt.dmatrix("m"), axis=0, keepdims=True).type.shape == (1, None)


def test_forward_rule_of_a_jacobian_that_is_not_symmetric() -> None:
    """The family answered with the reverse rule here."""
    x = pt.dvector("x")
    at = np.array([0.3, -1.0, 2.0])
    y = np.exp(at) / np.exp(at).sum()
    wanted = np.eye(3) - y
    for method in ("forward", "reverse"):
        found = value(jacobian(pt.log_softmax(x), x, method=method), {x: at})
        np.testing.assert_allclose(found, wanted)
    v = np.array([1.0, 2.0, -1.0])
    for direct in (True, False):
        found = value(Rop(pt.log_softmax(x), x, v, use_op_pushforward=direct), {x: at})
        np.testing.assert_allclose(found, wanted @ v)


CALLS = {
    "np.sort(x)": lambda x: np.sort(x), "np.sort(x, axis=None)": lambda x: np.sort(x, axis=None),
    "np.argsort(x, 0)": lambda x: np.argsort(x, 0), "np.argmax(x)": lambda x: np.argmax(x),
    "np.argmin(x, axis=1)": lambda x: np.argmin(x, axis=1),
    "np.argmax(x, 0, keepdims=True)": lambda x: np.argmax(x, 0, keepdims=True),
    "np.cumsum(x)": lambda x: np.cumsum(x), "np.cumprod(x, 1)": lambda x: np.cumprod(x, 1),
    "np.flip(x)": lambda x: np.flip(x), "np.flip(x, 1)": lambda x: np.flip(x, 1),
    "np.roll(x, 2)": lambda x: np.roll(x, 2), "np.roll(x, -4, 1)": lambda x: np.roll(x, -4, 1),
    "np.roll(x, (1, 2), (0, 1))": lambda x: np.roll(x, (1, 2), (0, 1)),
    "np.repeat(x, 2)": lambda x: np.repeat(x, 2),
    "np.repeat(x, 3, axis=0)": lambda x: np.repeat(x, 3, axis=0),
    "np.repeat(x, [1, 0, 2], axis=1)": lambda x: np.repeat(x, [1, 0, 2], axis=1),
    "np.tile(x, 2)": lambda x: np.tile(x, 2),
    "np.tile(x, (2, 1, 3))": lambda x: np.tile(x, (2, 1, 3)),
    "np.diff(x)": lambda x: np.diff(x), "np.diff(x, 2, 0)": lambda x: np.diff(x, 2, 0),
    "np.trapezoid(x)": lambda x: np.trapezoid(x),
    "np.trapezoid(x, [0, 1, 4], axis=0)": lambda x: np.trapezoid(x, [0.0, 1.0, 4.0], axis=0),
    "np.trapezoid(x, x, axis=0)": lambda x: np.trapezoid(x, x, axis=0),
    "np.trapezoid(x[0], dx=2.0)": lambda x: np.trapezoid(x[0], dx=2.0),
    "np.hypot(x, 2.0)": lambda x: np.hypot(x, 2.0), "np.cbrt(x)": lambda x: np.cbrt(x),
    "scipy.special.gammaln(x)": lambda x: scipy.special.gammaln(x),
    "scipy.special.erfc(x)": lambda x: scipy.special.erfc(x),
    "scipy.special.psi(x)": lambda x: scipy.special.psi(x),
}
AT = np.random.default_rng(11).normal(size=(3, 3))


@pytest.mark.parametrize("text", CALLS)
@pytest.mark.parametrize("known", [True, False])
def test_numpy_spelling(text: str, known: bool) -> None:
    x = pt.tensor("x", shape=(3, 3) if known else (None, None))
    output = CALLS[text](x)
    expected = CALLS[text](AT)
    np.testing.assert_allclose(value(output, {x: AT}), expected, rtol=1e-14)
    if known and "[1, 0, 2]" not in text:
        assert output.type.shape == expected.shape


def test_numbers_that_are_inputs() -> None:
    x, n = pt.dvector("x"), pt.lscalar("n")
    at = np.arange(4.0)
    for count in (0, 1, 3, -5, 9):
        assert value(pt.roll(x, n), {x: at, n: np.array(count)}).tolist() == np.roll(
            at, count).tolist()
        if count >= 0:
            found, tiled = values([pt.repeat(x, n), pt.tile(x, n)], {x: at, n: np.array(count)})
            np.testing.assert_array_equal(found, np.repeat(at, count))
            np.testing.assert_array_equal(tiled, np.tile(at, count))
    counts = pt.lvector("counts")
    given: dict[Any, Any] = {x: at, counts: np.array([2, 0, 1, 3])}
    weights = np.arange(6.0)
    gradient = grad(pt.sum(pt.repeat(x, counts) * weights), x)
    np.testing.assert_array_equal(value(gradient, given), [1, 0, 2, 12])


def test_several_axes_are_counted_as_one() -> None:
    x = pt.dtensor3("x")
    at = np.random.default_rng(12).normal(size=(2, 3, 4))
    found = value(pt.argmax(x, axis=(0, 2)), {x: at})
    np.testing.assert_array_equal(found, np.argmax(at.transpose(1, 0, 2).reshape(3, 8), axis=1))
    largest, place = values(pt.max_and_argmax(x, axis=1), {x: at})
    np.testing.assert_array_equal(largest, at.max(1))
    np.testing.assert_array_equal(place, at.argmax(1))


def test_places_have_no_derivative() -> None:
    x = pt.dvector("x")
    cost = pt.sum(pt.cast(pt.argsort(x), "float64") * x)
    at = np.array([3.0, 1.0, 2.0])
    np.testing.assert_array_equal(value(grad(cost, x), {x: at}), np.argsort(at))


def test_polygamma_takes_whole_orders() -> None:
    x = pt.dscalar("x")
    third = pt.gammaln(x)
    for _ in range(3):
        third = grad(third, x)
    np.testing.assert_allclose(
        value(third, {x: np.array(1.7)}), scipy.special.polygamma(2, 1.7), rtol=1e-13
    )
    with pytest.raises(TypeError, match="whole number"):
        pt.polygamma(1.5, x)


def test_small_floats_stay_small() -> None:
    x = pt.fvector("x")
    for name in ("softmax", "log_softmax", "logsumexp", "sort", "cumsum", "psi"):
        assert value(getattr(pt, name)(x), {x: np.ones(3, "float32")}).dtype == "float32"
    assert pt.softmax(pt.ivector("n")).dtype == "float64"


METHODS = ["argmax", "argmin", "cumsum", "cumprod", "trace", "nonzero", "diagonal", "argsort"]


@pytest.mark.parametrize("name", METHODS)
def test_methods(name: str) -> None:
    x = pt.dmatrix("x")
    found, wanted = getattr(x, name)(), getattr(AT, name)()
    if name == "nonzero":
        found, wanted = found[1], wanted[1]
    np.testing.assert_allclose(value(found, {x: AT}), wanted)


def test_methods_with_arguments() -> None:
    x = pt.dmatrix("x")
    results = [x.take([2, 0], 1), x.repeat(2, 0), x.sort(), x.norm(1)]
    wanted = [AT.take([2, 0], 1), AT.repeat(2, 0), np.sort(AT), np.linalg.norm(AT, 1)]
    for found, expected in zip(values(results, {x: AT}), wanted):
        np.testing.assert_allclose(found, expected)
