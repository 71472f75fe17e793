"""The examples and promises of the reference page of the gradient module, re-enacted.

The page imports nothing; here each name comes from a family's modules.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

Library = tuple[Any, Any]

NAMES = """
    ConsiderConstant DisconnectedGrad DisconnectedInputError DisconnectedType GradClip GradScale
    GradientError Lop NullTypeGradError Rop UndefinedGrad ZeroGrad as_list_or_tuple
    consider_constant disconnected_grad grad grad_clip grad_not_implemented grad_scale
    grad_undefined hessian jacobian numeric_grad subgraph_grad undefined_grad verify_grad zero_grad
""".split()


@pytest.mark.parametrize("name", NAMES)
def test_every_name_of_the_page(library: Library, name: str) -> None:
    assert hasattr(library[0].gradient, name)


def test_classes_of_the_errors(library: Library) -> None:
    gradient = library[0].gradient
    assert issubclass(gradient.DisconnectedInputError, ValueError)
    assert issubclass(gradient.NullTypeGradError, TypeError)
    assert issubclass(gradient.GradientError, Exception)


def test_a_clipped_slope_beside_the_slope(library: Library) -> None:
    """F-S06: of u**3 at 2 the cotangent 12 is clipped to 5."""
    lib, tensor = library
    u = tensor.dscalar()
    clipped = tensor.grad(lib.gradient.grad_clip(u, -5, 5) ** 3, u)
    f = lib.function([u], outputs=[clipped, tensor.grad(u**3, u)])
    assert [float(v) for v in f(2.0)] == [5.0, 12.0]
    assert [float(v) for v in f(0.5)] == [0.75, 0.75]


def test_a_slope_turned_round(library: Library) -> None:
    """F-S08: in single precision."""
    lib, tensor = library
    u = tensor.fscalar()
    value = tensor.cos(u)
    slope = lib.function([u], lib.grad(value, wrt=u))
    turned = lib.function([u], lib.grad(lib.gradient.grad_scale(value, -2.5), wrt=u))
    for at in (0.3, -1.1):
        at = np.float32(at)
        assert slope(at).dtype == "float32"
        assert float(slope(at)) == pytest.approx(-np.sin(at), rel=1e-6)
        assert float(turned(at)) == pytest.approx(2.5 * np.sin(at), rel=1e-6)


def test_layers_one_at_a_time(library: Library) -> None:
    """F-SG1: three layers of other sizes, against the formulas of back-propagation."""
    lib, tensor = library
    rng = np.random.default_rng(5)
    sizes = [5, 4, 3, 2]
    weights = [lib.shared(rng.normal(size=pair)) for pair in zip(sizes, sizes[1:])]
    signal, target = tensor.dvector("signal"), tensor.dvector("target")
    layers = [signal]
    for w in weights:
        layers.append(tensor.tanh(tensor.dot(layers[-1], w)))
    costs = [tensor.sqr(layers[-1] - target).sum(), 0.1 * tensor.sqr(weights[1]).sum(), None]
    start, slopes = None, []
    for k, cost in zip((2, 1, 0), costs):
        end = [layers[k]]
        found, ends = lib.subgraph_grad(wrt=[weights[k]], end=end, start=start, cost=cost)
        start = dict(zip(end, ends))
        slopes.extend(found)
    f = lib.function([signal, target], slopes)
    x, t = rng.normal(size=5), rng.normal(size=2)
    values = [x]
    for w in weights:
        values.append(np.tanh(values[-1] @ w.get_value()))
    back = 2 * (values[3] - t)
    expected = []
    for k in (2, 1, 0):
        inner = back * (1 - values[k + 1] ** 2)
        expected.append(np.outer(values[k], inner))
        back = weights[k].get_value() @ inner
    expected[1] = expected[1] + 0.2 * weights[1].get_value()
    for found, wanted in zip(f(x, t), expected):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_gradients_are_verified(library: Library) -> None:
    """F-V08: an op, a function of two arrays, and a wrong one."""
    lib, tensor = library
    verify = lib.gradient.verify_grad
    rng = np.random.default_rng(11)
    verify(tensor.exp, ([np.asarray([[0.2, -1.0, 1.4]])]), rng=rng)
    verify(lambda a, b: tensor.dot(tensor.tanh(a), b),
           [rng.normal(size=(2, 3)), rng.normal(size=(3, 4))], rng=rng)
    with pytest.raises(lib.gradient.GradientError):
        verify(lambda a: lib.gradient.grad_scale(tensor.sin(a), 1.5), [np.ones(2)], rng=rng)


def test_numbers_of_the_difference_quotient(library: Library) -> None:
    """F-V01, F-V04."""
    numeric = library[0].gradient.numeric_grad(lambda a: float((a**3).sum()), [np.array([1., 2.])])
    np.testing.assert_allclose(numeric.gf[0], [3.0, 12.0], rtol=1e-5)
    argument, position, absolute, _ = numeric.max_err([np.array([3.0, 12.5])], 1e-3, 1e-3)
    assert (argument, position) == (0, 1) and absolute == pytest.approx(0.5, rel=1e-3)


@pytest.mark.parametrize(("helper", "slope"), [("zero_grad", 8.0), ("disconnected_grad", 8.0)])
def test_parts_held_constant(library: Library, helper: str, slope: float) -> None:
    """F-S02, F-S03: of u**3 * u at 2, with the cube held constant."""
    lib, tensor = library
    u = tensor.dscalar("u")
    held = getattr(lib.gradient, helper)(u**3)
    f = lib.function([u], [held * u, tensor.grad(held * u, u)])
    assert [float(v) for v in f(2.0)] == [16.0, slope]


def test_what_is_not_differentiable_has_a_zero(library: Library) -> None:
    """F-J05, F-H03: zeros of the full shape."""
    lib, tensor = library
    u, w = tensor.dvector("u"), tensor.dvector("w")
    matrix = lib.gradient.jacobian(u**2, w, disconnected_inputs="ignore")
    np.testing.assert_array_equal(lib.function([u, w], matrix)([1.0, 2.0], [3.0]), np.zeros((2, 1)))
    second = lib.gradient.hessian((u * 3).sum(), u)
    np.testing.assert_array_equal(lib.function([u], second)([1.0, 2.0]), np.zeros((2, 2)))


R_OPS = {
    "SpecifyShape": lambda t, x: t.specify_shape(x, (3, 4)) ** 2,
    "MaxAndArgmax": lambda t, x: t.max(x, axis=1),
    "Subtensor": lambda t, x: x[1:, ::-2] ** 2,
    "IncSubtensor": lambda t, x: t.inc_subtensor(x[0], x[1] ** 2),
    "set_subtensor": lambda t, x: t.set_subtensor(x[:, 1], x[:, 2] * x[:, 3]),
    "Alloc": lambda t, x: t.alloc(x[0, 0] ** 2, 2, 3),
    "Dot": lambda t, x: t.dot(x, x.T),
    "Elemwise": lambda t, x: t.exp(x) * t.sin(x) / (1 + x * x),
    "Sum": lambda t, x: (x**3).sum(axis=0),
    "Softmax": lambda t, x: t.softmax(x, axis=-1),
    "Shape": lambda t, x: x * x.shape[0],
    "Join": lambda t, x: t.concatenate([x, x**2], axis=1),
    "Reshape": lambda t, x: t.reshape(x, (2, 6)) ** 2,
    "DimShuffle": lambda t, x: x.dimshuffle(1, "x", 0) ** 2,
    "Split": lambda t, x: t.split(x, [1, 3], 2, axis=1)[1] ** 2,
    "AdvancedSubtensor1": lambda t, x: x[np.array([2, 0, 2])] ** 2,
    "AdvancedIncSubtensor1": lambda t, x: t.inc_subtensor(x[np.array([2, 0])], x[:2] ** 2),
    "AdvancedIncSubtensor": lambda t, x: t.inc_subtensor(
        x[np.array([2, 0]), np.array([1, 1])], x[0, :2] ** 2),
    "AdvancedSubtensor": lambda t, x: x[np.array([2, 0]), np.array([1, 3])] ** 2,
    "boolean": lambda t, x: x[np.arange(12).reshape(3, 4) % 3 == 0] ** 2,
    "TensorDot": lambda t, x: t.tensordot(x, x, axes=[[0], [0]]),
    "Outer": lambda t, x: t.outer(x[0], x[1]),
    "Prod": lambda t, x: t.prod(x, axis=1),
    "CAReduce": lambda t, x: t.min(x, axis=(0, 1)),
    "all axes": lambda t, x: t.max(x),
    "det": lambda t, x: t.nlinalg.det(x[:, :3]),
    "inverse": lambda t, x: t.nlinalg.matrix_inverse(x[:, :3]),
    "LogSoftmax": lambda t, x: t.special.log_softmax(x, axis=-1),
    "cumsum": lambda t, x: t.cumsum(x**2, axis=0),
    "sort": lambda t, x: t.sort(x, axis=1),
}


@pytest.mark.parametrize("name", R_OPS)
def test_the_list_of_r_operators(library: Library, name: str) -> None:
    """Each row of the page's list, also those that it calls unsupported, but the sparse ones."""
    lib, tensor = library
    x, v = tensor.dmatrix("x"), tensor.dmatrix("v")
    if name == "Split" and not hasattr(tensor, "split"):
        pytest.skip("split is not there yet")
    y = R_OPS[name](tensor, x)
    tangent = lib.gradient.Rop(y, x, v)
    f = lib.function([x], y)
    g = lib.function([x, v], [tangent, lib.gradient.Rop(y, x, v, use_op_pushforward=False)])
    rng = np.random.default_rng(3)
    at = rng.permutation(np.linspace(-1.4, 1.5, 12)).reshape(3, 4)
    along = rng.normal(size=(3, 4))
    direct, twice = g(at, along)
    np.testing.assert_allclose(direct, twice, rtol=1e-10, atol=1e-12)
    step = 1e-6
    expected = (np.asarray(f(at + step * along)) - f(at - step * along)) / (2 * step)
    np.testing.assert_allclose(direct, expected, rtol=1e-6, atol=1e-7)
