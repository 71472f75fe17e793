"""Functions of places, parts of complex numbers, eigenvalues: values and derivatives."""

from __future__ import annotations

import numpy as np
import pytest
from graph_values import value

import autodiff_lab as ad
import autodiff_lab.tensor as pt

RNG = np.random.default_rng(5)
TABLE = RNG.normal(size=(3, 4))
WHICH = np.array([[0, 2, 1, 1], [2, 2, 0, 0]])
LAYERS = [TABLE[0], TABLE[1:3], 7.0]


@pytest.mark.parametrize(("built", "expected"), [
    (pt.topk(TABLE, 2), np.sort(TABLE)[:, -2:]),
    (pt.topk(TABLE, -2, axis=0), np.sort(TABLE, axis=0)[:2]),
    (pt.argtopk(TABLE, 3), np.argsort(TABLE)[:, -3:]),
    (pt.unique([3, 1, 3, 2], return_counts=True)[1], [1, 1, 2]),
    (pt.unique([3, 1, 3, 2], return_index=True)[1], [1, 3, 0]),
    (pt.unique([[3, 1], [3, 2]], return_inverse=True)[1], [2, 0, 2, 1]),
    (pt.searchsorted([3.0, 1.0], [2.0], sorter=[1, 0]), [1]),
    (pt.searchsorted([1.0, 2.0, 2.0], 2.0, "right"), 3),
    (pt.choose(WHICH, LAYERS), np.choose(WHICH, LAYERS)),
    (pt.choose(WHICH + 3, LAYERS, mode="wrap"), np.choose(WHICH, LAYERS)),
    (pt.choose(WHICH + 3, LAYERS, mode="clip"), np.full((2, 4), 7.0)),
    (pt.stack(pt.unravel_index([5, 0, 7], (2, 2, 3))), np.unravel_index([5, 0, 7], (2, 2, 3))),
    (pt.stack(pt.unravel_index([5, 0, 7], (2, 2, 3), "F")),
     np.unravel_index([5, 0, 7], (2, 2, 3), "F")),
    *((pt.bartlett(n), np.bartlett(n)) for n in (0, 1, 2, 6, 7)),
])
def test_values_are_numpys(built, expected):
    np.testing.assert_allclose(value(built), expected, rtol=1e-15)


def test_numbers_outside_and_unknown_words_are_refused():
    for number in (-1, 2):
        with pytest.raises(IndexError):
            value(pt.choose([number], [[1.0], [2.0]]))
    x = pt.dvector("x")
    for build in (lambda: pt.unique(x, axis=0), lambda: pt.topk(x, 0),
                  lambda: pt.searchsorted(x, 1.0, "middle"), lambda: pt.choose(0, [x], "bounce")):
        with pytest.raises(ValueError, match="axis|count|middle|bounce"):
            build()


def test_what_stands_in_a_place_has_a_derivative():
    x, i = pt.dvector("x"), pt.lvector("i")
    point = {x: [4.0, 9.0, 4.0, 7.0]}
    for built, expected in ((pt.topk(x, 2) * [1.0, 10.0], [0, 10, 0, 1]),
                            (pt.unique(x) * [1.0, 10.0, 100.0], [1, 100, 0, 10]),
                            (pt.choose([1, 0, 1, 1], [2 * x, 3 * x]), [3, 2, 3, 3])):
        np.testing.assert_array_equal(ad.grad(built.sum(), x).eval(point), expected)
    chosen = pt.choose(i, [x, x**2])
    np.testing.assert_array_equal(
        ad.Rop(chosen, x, pt.ones_like(x)).eval({**point, i: [0, 1, 1, 0]}), [1, 18, 8, 1])


def test_old_names_of_stretching():
    m = pt.tensor("m", shape=(None, 1))
    changed = pt.Rebroadcast((0, True), (1, False))(m)
    assert changed.type.shape == (1, None)
    assert pt.patternbroadcast(m, [True, True]).type.shape == (1, 1)
    slope = ad.grad((changed * 3).sum(), m)
    np.testing.assert_array_equal(slope.eval({m: [[2.0]]}), [[3.0]])


COSTS = {
    "real": (lambda z: pt.real(z), 1.0),
    "imag": (lambda z: z.imag, -1j),
    "angle": (lambda z: pt.angle(z), lambda z: -1j / z),
    "size": (lambda z: abs(z), lambda z: np.conj(z) / abs(z)),
    "square of the size": (lambda z: pt.real(z * z.conj()), lambda z: 2 * np.conj(z)),
    "through an analytic one": (lambda z: pt.real(pt.exp(z)), np.exp),
    "through another": (lambda z: pt.imag(pt.sin(pt.conj(z))), lambda z: 1j * np.cos(z)),
}


@pytest.mark.parametrize("name", COSTS)
def test_gradients_by_complex_numbers(name):
    """dC/dx - i dC/dy, against the formula and against differences along both axes."""
    build, expected = COSTS[name]
    z, at, step = pt.zscalar("z"), 0.7 - 0.4j, 1e-6
    cost = build(z)
    found = complex(ad.grad(cost, z).eval({z: at}))
    np.testing.assert_allclose(found, expected(at) if callable(expected) else expected, rtol=1e-13)
    f = ad.function([z], cost)
    parts = [(f(at + step * d) - f(at - step * d)) / (2 * step) for d in (1, 1j)]
    np.testing.assert_allclose(found, parts[0] - 1j * parts[1], rtol=1e-6, atol=1e-9)
    moved = ad.Rop(cost, z, pt.constant(0.3 + 2j)).eval({z: at})
    np.testing.assert_allclose(moved, (found * (0.3 + 2j)).real, rtol=1e-12)


def test_real_variables_under_complex_results():
    x, t = pt.dvector("x"), np.array([1.0, -2.0])
    cost = pt.real(pt.exp(1j * x) * (1 + 2j)).sum()
    np.testing.assert_allclose(
        ad.grad(cost, x).eval({x: t}), (1j * np.exp(1j * t) * (1 + 2j)).real, rtol=1e-13)
    size = abs(pt.cast(x, "complex128")).sum()
    assert ad.grad(size, x).eval({x: [0.0, -3.0]}).tolist() == [0, -1]


def test_eigenvalues_that_are_complex():
    a = pt.dmatrix("a")
    values, vectors = pt.linalg.eig(a)
    turn = np.array([[0.5, -2.0], [1.0, 0.8]])
    size = pt.prod(pt.real(values * pt.conj(values)))  # the square of the determinant
    np.testing.assert_allclose(
        ad.grad(size, a).eval({a: turn}),
        2 * np.linalg.det(turn) ** 2 * np.linalg.inv(turn).T, rtol=1e-12)
    again = pt.real(vectors @ (values[:, None] * pt.linalg.inv(vectors)))
    np.testing.assert_allclose(ad.jacobian(again[0, 1], a).eval({a: turn}),
                               [[0, 1], [0, 0]], atol=1e-12)
