"""Jacobians, Hessians and their products with vectors, as the tutorials build them.

Programs of our own under each family's names; points are random, derivatives are known formulas.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from autodiff_lab.errors import DisconnectedInputError

Library = tuple[Any, Any]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20_240)


def rows_of(lib: Any, tensor: Any, outputs: Any, by: Any) -> tuple[Any, Any]:
    """The rows of a Jacobian, one gradient in each step of a loop."""
    return lib.scan(
        lambda k, outputs, by: tensor.grad(outputs[k], by),
        sequences=tensor.arange(outputs.shape[0]), non_sequences=[outputs, by],
    )


@pytest.mark.parametrize("size", [1, 2, 5])
def test_a_jacobian_by_a_loop(library: Library, rng: Any, size: int) -> None:
    """F-T12: of z**3 + z[0], by hand, and by the macro."""
    lib, tensor = library
    z = tensor.dvector("z")
    outputs = z**3 + z[0]
    rows, updates = rows_of(lib, tensor, outputs, z)
    by_hand = lib.function([z], rows, updates=updates)
    at = rng.normal(size=size)
    expected = np.diag(3 * at**2)
    expected[:, 0] += 1
    np.testing.assert_allclose(by_hand(at), expected, rtol=1e-12)
    macro = lib.function([z], lib.gradient.jacobian(outputs, z))
    np.testing.assert_allclose(macro(list(at)), expected, rtol=1e-12)


def test_a_jacobian_that_is_not_square(library: Library, rng: Any) -> None:
    lib, tensor = library
    weights, z = tensor.dmatrix("weights"), tensor.dvector("z")
    outputs = tensor.tanh(tensor.dot(weights, z))
    rows, updates = rows_of(lib, tensor, outputs, z)
    f = lib.function([weights, z], rows, updates=updates)
    w, at = rng.normal(size=(4, 3)), rng.normal(size=3)
    np.testing.assert_allclose(f(w, at), (1 - np.tanh(w @ at) ** 2)[:, None] * w, rtol=1e-12)


def test_elements_handed_in_by_the_loop_have_no_path(library: Library) -> None:
    """F-T13."""
    lib, tensor = library
    z = tensor.dvector("z")
    with pytest.raises(DisconnectedInputError):
        lib.scan(lambda entry, z: tensor.grad(entry, z), sequences=tensor.exp(z), non_sequences=z)


@pytest.mark.parametrize("size", [1, 3])
def test_a_hessian_by_a_loop(library: Library, rng: Any, size: int) -> None:
    """F-T14: of sum(z**4) / 12 + (sum z)**2."""
    lib, tensor = library
    z = tensor.dvector("z")
    cost = (z**4).sum() / 12 + z.sum() ** 2
    slope = tensor.grad(cost, z)
    rows, updates = rows_of(lib, tensor, slope, z)
    at = rng.normal(size=size)
    expected = np.diag(at**2) + 2
    np.testing.assert_allclose(
        lib.function([z], rows, updates=updates)(at), expected, rtol=1e-12)
    np.testing.assert_allclose(
        lib.function([z], lib.gradient.hessian(cost, z))(at), expected, rtol=1e-12)


def test_the_r_operator_by_a_matrix(library: Library, rng: Any) -> None:
    """F-T15: the point of the derivative is an input that the value does not need."""
    lib, tensor = library
    m, move, x = tensor.dmatrix("m"), tensor.dmatrix("move"), tensor.dvector("x")
    product = lib.gradient.Rop(tensor.dot(x, m), m, move)
    f = lib.function([m, move, x], product)
    a, b, at = rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), rng.normal(size=3)
    np.testing.assert_allclose(f(a, b, at), at @ b, rtol=1e-12)
    assert f(a, b, at).shape == (4,)


def test_the_r_operator_where_the_matrix_counts(library: Library, rng: Any) -> None:
    lib, tensor = library
    m, move, x = tensor.dmatrix("m"), tensor.dmatrix("move"), tensor.dvector("x")
    f = lib.function([m, move, x], tensor.Rop(tensor.exp(tensor.dot(x, m)), m, move))
    a, b, at = rng.normal(size=(2, 5)), rng.normal(size=(2, 5)), rng.normal(size=2)
    np.testing.assert_allclose(f(a, b, at), np.exp(at @ a) * (at @ b), rtol=1e-12)


def test_the_l_operator_by_a_matrix(library: Library, rng: Any) -> None:
    """F-T16: the result has the shape of the matrix."""
    lib, tensor = library
    m, row, x = tensor.dmatrix("m"), tensor.dvector("row"), tensor.dvector("x")
    f = lib.function([row, x], lib.gradient.Lop(tensor.dot(x, m), m, row))
    u, at = rng.normal(size=4), rng.normal(size=3)
    np.testing.assert_allclose(f(u, at), np.outer(at, u), rtol=1e-12)


def test_both_operators_on_higher_ranks(library: Library, rng: Any) -> None:
    """F-T17: the shape of the vector is that of the output, or that of the variable."""
    lib, tensor = library
    m, v, u = tensor.dtensor3("m"), tensor.dtensor3("v"), tensor.dmatrix("u")
    y = tensor.sum(m**2, axis=1)
    a, b, c = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 4))
    ahead = lib.function([m, v], lib.gradient.Rop(y, m, v))(a, b)
    np.testing.assert_allclose(ahead, (2 * a * b).sum(axis=1), rtol=1e-12)
    back = lib.function([m, u], lib.gradient.Lop(y, m, u))(a, c)
    np.testing.assert_allclose(back, 2 * a * c[:, None, :], rtol=1e-12)


@pytest.mark.parametrize("way", ["gradient twice", "R-operator", "L-operator"])
def test_a_hessian_times_a_vector(library: Library, rng: Any, way: str) -> None:
    """F-T18: of sum(z**3) / 6 + prod of neighbours."""
    lib, tensor = library
    z, v = tensor.dvector("z"), tensor.dvector("v")
    slope = tensor.grad((z**3).sum() / 6 + (z[1:] * z[:-1]).sum(), z)
    product = {
        "gradient twice": lambda: tensor.grad(tensor.sum(slope * v), z),
        "R-operator": lambda: lib.gradient.Rop(slope, z, v),
        "L-operator": lambda: lib.gradient.Lop(slope, z, v),
    }[way]()
    at, along = rng.normal(size=4), rng.normal(size=4)
    hessian = np.diag(at) + np.eye(4, k=1) + np.eye(4, k=-1)
    np.testing.assert_allclose(lib.function([z, v], product)(at, along), hessian @ along,
                               rtol=1e-12)


def test_grad_is_a_macro(library: Library) -> None:
    """F-T19: variables in, variables out, again and again."""
    lib, tensor = library
    z = tensor.dscalar("z")
    expression, orders = tensor.sin(2 * z), []
    for _ in range(4):
        expression = tensor.grad(expression, z)
        orders.append(expression)
    f = lib.function([z], orders)
    for at in (-1.3, 0.0, 0.7):
        np.testing.assert_allclose(
            f(at),
            [2 * np.cos(2 * at), -4 * np.sin(2 * at), -8 * np.cos(2 * at), 16 * np.sin(2 * at)],
            rtol=1e-12, atol=1e-15,
        )
