"""Jacobians and Hessians: both modes against finite differences, shapes, options, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff_lab.tensor as pt
from autodiff_lab.control import hessian, jacobian, scan, vectorize_graph
from autodiff_lab.errors import LabValueError
from autodiff_lab.graph import toposort

x, m, w = pt.dvector("x"), pt.dmatrix("m"), pt.dmatrix("w")
_rng = np.random.default_rng(0)
POINT = {x: _rng.normal(size=3), m: _rng.normal(size=(2, 3)), w: _rng.normal(size=(3, 3))}

EXPRESSIONS = {
    "square": x**2,
    "layer": pt.tanh(pt.dot(w, x)),
    "row_times_matrix": pt.dot(x, w),
    "product": pt.dot(m, w) * 2,
    "normalized": x / pt.sum(x * x),
    "neighbours": x[1:] * x[:-1],
    "reshaped": pt.reshape(m, (3, 2)) ** 2 * x[0],
    "loop": scan(lambda e, s: pt.tanh(e + s * x[0]), sequences=x, outputs_info=x[1])[0],
    "transposed": m.T * x[:, None],
    "set": pt.set_subtensor(x[:2], x[1:] ** 2),
    "maximum": pt.max(m * x, axis=0),
}


def value(variable, point):
    return np.asarray(variable.eval(point, on_unused_input="ignore"))


def differences(expression, variable, step=1e-6):
    base = POINT[variable]
    out = value(expression, POINT)
    found = np.zeros(out.shape + base.shape)
    for index in np.ndindex(base.shape):
        up, down = base.copy(), base.copy()
        up[index] += step
        down[index] -= step
        found[(..., *index)] = (
            value(expression, {**POINT, variable: up})
            - value(expression, {**POINT, variable: down})
        ) / (2 * step)
    return found


@pytest.mark.parametrize("method", ["forward", "reverse"])
@pytest.mark.parametrize("name", EXPRESSIONS)
def test_against_differences(name, method):
    """F-J01, F-J06."""
    for variable in (x, m, w):
        found = jacobian(EXPRESSIONS[name], variable, method=method, disconnected_inputs="ignore")
        expected = differences(EXPRESSIONS[name], variable)
        actual = value(found, POINT)
        assert actual.shape == expected.shape
        np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_no_loop_is_built():
    rows = jacobian(EXPRESSIONS["layer"], x)
    assert "scan" not in {node.op.name for node in toposort([rows])}


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_chunks(size):
    found = jacobian(EXPRESSIONS["layer"], x, chunk_size=size)
    np.testing.assert_allclose(value(found, POINT), differences(EXPRESSIONS["layer"], x), atol=1e-6)


def test_containers_and_scalars():
    """F-J02, F-J03."""
    assert isinstance(jacobian(x**2, [x]), list) and isinstance(jacobian(x**2, (x,)), tuple)
    np.testing.assert_allclose(value(jacobian((x**2).sum(), x), POINT), 2 * POINT[x])
    nested = jacobian([x**2, x * 3], x)
    np.testing.assert_allclose(value(nested[1], POINT), 3 * np.eye(3))


def test_disconnected():
    """F-J04."""
    with pytest.raises(ValueError, match="not part of the"):
        jacobian(x**2, w)
    zeros = value(jacobian(x**2, w, disconnected_inputs="ignore"), POINT)
    np.testing.assert_array_equal(zeros, np.zeros((3, 3, 3)))


def test_hessian():
    """F-H01."""
    cost = (x**3).sum() + x[0] * x[1]
    expected = np.diag(6 * POINT[x])
    expected[0, 1] = expected[1, 0] = 1.0
    found = value(hessian(cost, x), POINT)
    np.testing.assert_allclose(found, expected)
    assert value(hessian((m**2).sum() * m[0, 0], m), POINT).shape == (2, 3, 2, 3)


def test_hessian_blocks():
    """F-H02."""
    a, b = pt.dvectors("a", "b")
    cost = (a * b**2).sum()
    point = {a: [1.0, 2.0], b: [3.0, 4.0]}
    diagonal = hessian(cost, [a, b])
    np.testing.assert_allclose(value(diagonal[0], point), np.zeros((2, 2)))
    np.testing.assert_allclose(value(diagonal[1], point), np.diag([2.0, 4.0]))
    full = hessian(cost, [a, b], full=True)
    np.testing.assert_allclose(value(full[0][1], point), np.diag([6.0, 8.0]))


def test_hessian_of_a_linear_cost_is_zero():
    """F-H03."""
    np.testing.assert_array_equal(value(hessian(x.sum(), x), POINT), np.zeros((3, 3)))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: hessian(x**2, x), ValueError, "expects a 0 dimensional variable as `cost`"),
        (lambda: hessian(3.0, x), TypeError, "expects a Variable"),
        (lambda: jacobian(3.0, x), TypeError, "expects a Variable"),
        (lambda: jacobian(x, 3.0), TypeError, "Expected Variable"),
        (lambda: jacobian(x, x, method="sideways"), ValueError, "no method 'sideways'"),
    ],
)
def test_bad_input(call, error, message):
    """F-J03, F-H01."""
    with pytest.raises(error, match=message):
        call()


def test_vectorize_graph():
    xs = pt.tensor3("xs")
    found = vectorize_graph(pt.dot(w, x).sum() * x, {x: xs})
    batch = _rng.normal(size=(2, 4, 3))
    expected = np.einsum("ij,abj->ab", POINT[w], batch)[..., None] * batch
    np.testing.assert_allclose(value(found, {**POINT, xs: batch}), expected)


@pytest.mark.parametrize("method", ["forward", "reverse"])
def test_a_jacobian_has_the_dtype_of_its_variable(method: str) -> None:
    x = pt.tensor("x", shape=(2,), dtype="float32")
    found = jacobian(pt.cast(x, "float64") ** 2 * np.float64(0.1), x, method=method)
    assert found.dtype == "float32"
    at = np.float32([1, 2])
    np.testing.assert_allclose(value(found, {x: at}), np.diag([0.2, 0.4]), rtol=1e-6)


@pytest.mark.parametrize("size", [0, -1, 1.5, "a"])
def test_chunks_of_no_rows(size: Any) -> None:
    x = pt.dvector("x")
    with pytest.raises(LabValueError, match="chunk_size is a number of rows"):
        jacobian(x**2, x, chunk_size=size)


@pytest.mark.parametrize("length", [2, None])
@pytest.mark.parametrize("method", ["auto", "forward", "reverse"])
def test_a_jacobian_across_real_and_complex_has_both_parts(length: int | None, method: str) -> None:
    x = pt.tensor("x", shape=(length,), dtype="float64")
    at = np.array([1.0, 2.0])
    found = value(jacobian(pt.exp(1j * x), x, method=method), {x: at})
    np.testing.assert_allclose(found, np.diag(1j * np.exp(1j * at)))
    z = pt.tensor("z", shape=(length,), dtype="complex128")
    by_z = value(jacobian(abs(z) ** 2, z, method=method), {z: at + 1j})
    np.testing.assert_allclose(by_z, np.diag(2 * (at - 1j)))
    one = value(jacobian(pt.exp(1j * x).sum(), x, method=method), {x: at})
    np.testing.assert_allclose(one, 1j * np.exp(1j * at))
