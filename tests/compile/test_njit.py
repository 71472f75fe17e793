"""`Function.njit`: programs as one compiled function, called from other compiled code."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.control.scan import scan, until

RNG = np.random.default_rng(0)
VECTOR, MATRIX = RNG.normal(size=3), RNG.normal(size=(4, 3))


def slope_of_a_scalar():
    x = pt.dscalar("x")
    return [x], ad.grad(pt.exp(x) * x, x), (0.3,)


def products():
    a, x = pt.dmatrix("a"), pt.dvector("x")
    return [a, x], [pt.dot(a, x), a.T @ a, (a * x).sum(axis=0), pt.max(a, axis=1)], (MATRIX, VECTOR)


def softmax_and_slope():
    x = pt.dmatrix("x")
    y = pt.special.softmax(x, axis=1) if hasattr(pt, "special") else pt.softmax(x, axis=1)
    return [x], [y, ad.grad((y**2).sum(), x)], (MATRIX,)


def parts():
    x, i = pt.dvector("x"), pt.lscalar("i")
    y = x**2
    return [x, i], [x[1:], x[::-1] * 2, y[i], ad.grad(y[i], x), x], (VECTOR, -1)


def loop():
    x, s, w = pt.dvector("x"), pt.dscalar("s"), pt.dscalar("w")
    y, _ = scan(lambda e, s: pt.tanh(s * w + e), sequences=x, outputs_info=s)
    return [x, s, w], [y, *ad.grad((y**2).sum(), [x, s, w])], (VECTOR, 0.1, 0.2)


def loop_with_an_end():
    x, s = pt.dmatrix("x"), pt.dvector("s")
    y, _ = scan(lambda e, s: (s * e + 1, until(pt.sum(s) > 3)), sequences=x, outputs_info=s)
    return [x, s], [y, y[-1]], (MATRIX, VECTOR + 1)


def network():
    x, w, b = pt.dmatrix("x"), pt.dmatrix("w"), pt.dvector("b")
    cost = (pt.tanh(x @ w + b) ** 2).mean()
    return [x, w, b], [cost, *ad.grad(cost, [w, b])], (MATRIX, RNG.normal(size=(3, 2)), VECTOR[:2])


CASES = [slope_of_a_scalar, products, softmax_and_slope, parts, loop, loop_with_an_end, network]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_the_same_numbers(case) -> None:
    inputs, outputs, values = case()
    f = ad.function(inputs, outputs)
    found, expected = f.njit(*values), f(*values)
    if isinstance(found, tuple):
        for mine, wanted in zip(found, expected, strict=True):
            np.testing.assert_allclose(mine, wanted, rtol=1e-12, atol=1e-14)
            assert np.shape(mine) == wanted.shape
            assert not any(mine is value for value in values)
    else:
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_called_from_other_compiled_code() -> None:
    w, x = pt.dvector("w"), pt.dvector("x")
    f = ad.function([w, x], ad.grad(((w - x) ** 2).sum(), w), name="slope")
    slope = f.njit
    assert slope is f.njit and slope.__name__ == "slope"

    @njit
    def train(rows):
        w = np.zeros(rows.shape[1])
        for row in rows:
            w -= 0.1 * slope(w, row[::1])
        return w

    w_now = np.zeros(3)
    for row in MATRIX:
        w_now -= 0.1 * f(w_now, row)
    np.testing.assert_allclose(train(MATRIX), w_now)
    np.testing.assert_allclose(slope([1, 2, 3] * np.ones(3), np.arange(6)[::2]),
                               f([1, 2, 3], np.arange(6)[::2].astype(float)))


def test_shared_variables_follow_the_inputs() -> None:
    w, x = ad.shared(VECTOR, name="w"), pt.dmatrix("x")
    f = ad.function([x], pt.dot(x, w))
    np.testing.assert_allclose(f.njit(MATRIX, w.get_value()), f(MATRIX))


def stores():
    w = ad.shared(0.0, name="w")
    return ad.function([], w, updates={w: w + 1})


def sorts():
    x = pt.dvector("x")
    return ad.function([x], pt.sort(x))


def draws():
    return ad.function([], pt.random.normal(size=3, rng=pt.random.shared_rng(1)))


@pytest.mark.parametrize("make, name", [(stores, "w"), (sorts, "sort"), (draws, "normal")])
def test_what_has_no_compiled_form_is_named(make, name: str) -> None:
    with pytest.raises(NotImplementedError, match=name):
        make().njit  # noqa: B018


def test_wrong_lengths_are_errors() -> None:
    x, y, i = pt.dvector("x"), pt.dvector("y"), pt.lscalar("i")
    add = ad.function([x, y], x + y).njit
    with pytest.raises(ValueError, match="Input dimension mismatch"):
        add(np.ones(3), np.ones(4))
    read = ad.function([x, i], x[i]).njit
    with pytest.raises(IndexError):
        read(np.ones(3), 3)
    with pytest.raises(ValueError, match="zero-size"):
        ad.function([x], x.max()).njit(np.ones(0))
