"""Fifteen faults of older libraries on this ground, in the order of their list."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.errors import DisconnectedInputError, NullTypeGradError
from autodiff_lab.gradient import (
    DisconnectedType, GradClip, GradScale, Rop, grad, hessian_vector_product, subgraph_grad,
    undefined_grad, zero_grad,
)
from autodiff_lab.graph import clone_replace


def number(variable, point=None, **options):
    return np.asarray(variable.eval(point or {}, on_unused_input="ignore", **options))


def test_1_equal_gradients_have_their_own_names():
    x, z = pt.dscalars("x", "z")
    cost = x + z
    cost.name = "c"
    first, second = grad(cost, [x, z])
    assert first is not second and (first.name, second.name) == ("(dc/dx)", "(dc/dz)")


@pytest.mark.parametrize("call", [
    lambda x, w: grad(x**2, w, disconnected_inputs="warn"),
    lambda x, w: ad.jacobian(pt.stack([x, x]), w, disconnected_inputs="warn"),
    lambda x, w: Rop(x**2, w, w, disconnected_outputs="warn"),
])
def test_2_one_warning_for_each_variable(call):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        call(*pt.dscalars("x", "w"))
    assert [kind.category for kind in seen] == [UserWarning]


@pytest.mark.parametrize("option", [
    {"disconnected_inputs": "explode"}, {"return_disconnected": "ones"}, {"null_gradients": "no"},
])
def test_3_options_are_checked_where_all_is_connected(option):
    x = pt.dscalar("x")
    with pytest.raises(ValueError, match=f"keyword '{next(iter(option))}'"):
        grad(x**2, x, **option)


@pytest.mark.parametrize(("build", "reason"), [
    (lambda x, w: x**2, "does not appear"),
    (lambda x, w: x * pt.fill(w, 2.0).sum(), "only its shape"),
])
def test_4_the_message_has_the_name_and_the_reason(build, reason):
    x, width = pt.dscalar("x"), pt.dvector("width")
    with pytest.raises(DisconnectedInputError, match=f"(?s)width.*{reason}"):
        grad(build(x, width), width)


def test_5_an_output_without_a_path_raises():
    x, w = pt.dscalars("x", "w")
    with pytest.raises(DisconnectedInputError):
        Rop([x * 2, w * 2], x, x)


def test_6_parts_of_subgraph_grad_keep_their_order():
    names = "a b c d e".split()
    weights = pt.dscalars(*names)
    x, h = pt.dscalar("x"), sum(k * w for k, w in enumerate(weights, 1)) ** 2
    slopes, ends, known, own = subgraph_grad(
        wrt=list(weights), end=[x], start={h: pt.constant(1.0)},
        cost=sum(w**2 for w in weights) * x, details=True)
    point = dict.fromkeys(weights, 1.0) | {x: 3.0}
    assert [float(number(v, point)) for v in known] == [30.0, 60.0, 90.0, 120.0, 150.0]
    assert [float(number(v, point)) for v in own] == [6.0] * 5
    assert [float(number(v, point)) for v in slopes] == [36.0, 66.0, 96.0, 126.0, 156.0]
    assert float(number(ends[0], point)) == 5.0


def test_7_clips_of_other_bounds_and_scales_by_other_numbers_differ():
    assert GradClip(-1, 1) != GradClip(-2, 2)
    assert GradClip(-1, 1) == GradClip(-1, 1) and hash(GradScale()) == hash(GradScale())
    x = pt.dscalar("x")
    y = ad.gradient.grad_scale(x, 2.0) + ad.gradient.grad_scale(x, 3.0)
    f = ad.function([x], grad(y, x))
    assert float(f(1.0)) == 5.0


def test_8_a_forward_zero_has_the_shape_of_its_output():
    x, v = pt.dmatrices("x", "v")
    ones = np.ones((2, 3))
    assert number(Rop(zero_grad(x), x, v), {x: ones, v: ones}).shape == (2, 3)
    assert number(Rop(x + zero_grad(x), x, v), {x: ones, v: ones}).tolist() == ones.tolist()


@pytest.mark.parametrize("name", ["log_softmax", "softmax", "cumsum", "sort", "triu", "cumprod"])
def test_9_forward_mode_where_the_jacobian_is_not_symmetric(name):
    if name in ("log_softmax", "softmax"):
        from autodiff_lab.tensor import special

        function = getattr(special, name)
    else:
        function = getattr(pt, name)
    x, v = pt.dmatrices("x", "v")
    y = function(x, axis=-1) if name != "triu" else function(x)
    rng = np.random.default_rng(12)
    point = {x: rng.normal(size=(3, 4)), v: rng.normal(size=(3, 4))}
    step = 1e-6
    ends = [number(y, {x: point[x] + sign * step * point[v]}) for sign in (1, -1)]
    np.testing.assert_allclose(
        number(Rop(y, x, v), point), (ends[0] - ends[1]) / (2 * step), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("zeros", [0, 1, 2, 3])
def test_10_products_have_tangents_and_hessians_also_with_zeros(zeros):
    x, v = pt.dvectors("x", "v")
    at, along = np.array([2.0, 3.0, -1.5, 0.5]), np.array([1.0, -1.0, 2.0, 0.25])
    at[:zeros] = 0.0
    cost, point = pt.prod(x), {x: at, v: along}

    def others(*left_out):
        return np.prod([a for k, a in enumerate(at) if k not in left_out])

    slopes = np.array([others(k) for k in range(4)])
    second = np.array([[others(j, k) if j != k else 0.0 for k in range(4)] for j in range(4)])
    np.testing.assert_allclose(number(grad(cost, x), point), slopes, rtol=1e-12)
    np.testing.assert_allclose(number(Rop(cost, x, v), point), slopes @ along, rtol=1e-12)
    np.testing.assert_allclose(number(ad.hessian(cost, x), point), second, rtol=1e-12)
    np.testing.assert_allclose(
        number(hessian_vector_product(cost, x, v), point), second @ along, rtol=1e-12, atol=1e-14)
    twice = grad((grad(cost, x) * v).sum(), x)
    np.testing.assert_allclose(number(twice, point), second @ along, rtol=1e-12, atol=1e-14)


def test_11_a_long_chain_needs_no_recursion():
    x = pt.dscalar("x")
    value = x
    for _ in range(3 * sys.getrecursionlimit()):
        value = pt.sin(value)
    slope = grad(value, x)
    Rop(value, x, x)
    clone_replace(slope, {x: pt.dscalar("z")})
    ad.pp(value)
    assert 0 < float(ad.function([x], slope, mode="PYTHON")(0.5)) < 1


@pytest.mark.parametrize("mode", ["FAST_RUN", "FAST_COMPILE", "PYTHON", "NUMBA", None])
def test_12_every_mode_says_zero_far_out(mode):
    x = pt.dscalar("x")
    f = ad.function([x], grad(1 / (1 + pt.exp(-x)), x), mode=mode)
    assert [float(f(far)) for far in (-800.0, 800.0)] == [0.0, 0.0]


@pytest.mark.parametrize("mode", ["FAST_RUN", "FAST_COMPILE", "NUMBA"])
def test_13_a_broken_power_of_a_negative_number_is_nan(mode):
    x = pt.dscalar("x")
    f = ad.function([x], [x**2.5, grad(x**2.5, x)], mode=mode)
    with np.errstate(all="ignore"):
        assert all(np.isnan(value) for value in f(-1.0))


def test_14_undefined_is_not_called_unimplemented():
    x = pt.dscalar("x")
    with pytest.raises(NullTypeGradError) as caught:
        grad(undefined_grad(x) ** 2, x)
    assert "undefined" in str(caught.value) and "implemented" not in str(caught.value)


def test_15_the_methods_of_the_disconnected_type_have_their_names():
    with pytest.raises(AssertionError):
        DisconnectedType().filter_variable(pt.dscalar("x"))
    assert not hasattr(DisconnectedType, "fiter_variable")
