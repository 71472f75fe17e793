"""The L- and R-operator and the markers: against each other and against finite differences."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import autodiff_lab.tensor as pt
from autodiff_lab.errors import DisconnectedInputError, NullTypeGradError
from autodiff_lab.gradient import (
    GradClip, Lop, Rop, as_list_or_tuple, consider_constant, disconnected_grad, grad, grad_clip,
    grad_scale, grad_sources_inputs, hessian_vector_product, subgraph_grad, undefined_grad,
    zero_grad,
)
from autodiff_lab.graph import ancestors, toposort

FUNCTIONS = {
    "square": lambda x, s: x**2 * s,
    "normalized": lambda x, s: pt.tanh(x) / (1 + pt.sum(x * x)) + s,
    "maximum": lambda x, s: pt.maximum(x, s * x) ** 1.5,
    "switch": lambda x, s: pt.switch(x > 1, x**x, pt.log(x)) * s,
    "mean": lambda x, s: pt.exp(x - pt.mean(x)) * s,
    "dot": lambda x, s: pt.dot(x, x) * x + s,
    "index": lambda x, s: x[::-1] * x[1] + s,
    "clip": lambda x, s: pt.clip(x, 0.7, 2.5) * s,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_forward_agrees(name):
    """F-R01, F-R05, F-R06."""
    x, v, u, s = pt.dvector("x"), pt.dvector("v"), pt.dvector("u"), pt.dscalar("s")
    y = FUNCTIONS[name](x, s)
    point = {x: [0.5, 2.0, 3.0], s: 1.5}
    moved = {**point, v: [1.0, -1.0, 0.5]}
    direct = Rop(y, x, v).eval(moved, on_unused_input="ignore")
    twice = Rop(y, x, v, use_op_pushforward=False).eval(moved, on_unused_input="ignore")
    np.testing.assert_allclose(direct, twice, rtol=1e-12)
    step = 1e-6
    ends = [
        y.eval({**point, x: np.array(point[x]) + sign * step * np.array(moved[v])},
               on_unused_input="ignore")
        for sign in (1, -1)
    ]
    np.testing.assert_allclose(direct, (ends[0] - ends[1]) / (2 * step), rtol=1e-6, atol=1e-8)
    weights = np.array([0.3, -0.7, 1.1])
    back = Lop(y, x, u).eval({**point, u: weights}, on_unused_input="ignore")
    assert np.dot(direct, weights) == pytest.approx(np.dot(back, moved[v]), rel=1e-12)


def test_unmoved_inputs_cost_nothing():
    """F-R06."""
    x, w, v = pt.dvectors("x", "w", "v")
    found = Rop(pt.exp(w) * x, x, v)
    names = [node.op.name for node in toposort([found])]
    assert names.count("exp") == 1 and "second" not in names


def test_rop_shapes_are_checked():
    """F-L02, F-R02, F-T17."""
    x, v = pt.dvector("x"), pt.dmatrix("v")
    with pytest.raises(ValueError, match="mismatched dimensionality: 1 versus 2"):
        Rop(x**2, x, v)
    with pytest.raises(ValueError, match="same length as `eval_points`"):
        Rop(x**2, [x], [x, x])
    with pytest.raises(ValueError, match="same length as `eval_points`"):
        Lop([x**2], x, [x, x])
    a, b = pt.tensor("a", shape=(3,)), pt.tensor("b", shape=(4,))
    with pytest.raises(ValueError, match="3 versus 4"):
        Rop(a**2, a, b)


def test_disconnected_output():
    """F-R03, F-R04."""
    x, w, v = pt.dvectors("x", "w", "v")
    with pytest.raises(DisconnectedInputError):
        Rop(w**2, x, v)
    zero = Rop(w**2, x, v, disconnected_outputs="ignore")
    np.testing.assert_array_equal(zero.eval({w: [1.0, 2.0]}), [0.0, 0.0])
    assert Rop(w**2, x, v, "ignore", "none") is None
    with pytest.raises(ValueError, match="disconnected_outputs"):
        Rop(x**2, x, v, disconnected_outputs="bogus")


def test_hessian_times_vector():
    """F-H05."""
    x, v = pt.dvectors("x", "v")
    cost = (x**3).sum() + x[0] * x[1]
    found = hessian_vector_product(cost, x, v).eval({x: [1.0, 2.0], v: [1.0, -1.0]})
    np.testing.assert_allclose(found, [6.0 - 1.0, 1.0 - 12.0])


def test_zero_grad_is_connected():
    """F-S02, F-S09."""
    x = pt.dscalar("x")
    assert float(grad(zero_grad(x**2), x).eval({x: 3.0})) == 0.0
    assert float(grad(zero_grad(x**2) * x, x).eval({x: 3.0})) == 9.0
    tangent = Rop(zero_grad(x**2), x, pt.constant(1.0))
    assert tangent.type.shape == ()


def test_disconnected_grad_builds_nothing_above():
    """F-S03."""
    x = pt.dscalar("x")
    with pytest.raises(DisconnectedInputError, match="disconnected_grad"):
        grad(disconnected_grad(x**2), x)
    through = grad(disconnected_grad(pt.exp(x)) * x, x)
    assert not any(role.via is not None and role.via.op.name == "exp"
                   for v in ancestors([through]) for role in v.roles)
    assert float(through.eval({x: 0.0})) == 1.0


def test_consider_constant_warns():
    """F-S01."""
    x = pt.dscalar("x")
    with pytest.warns(DeprecationWarning, match="zero_grad or disconnected_grad"):
        y = consider_constant(x**2)
    assert float(grad(y * x, x).eval({x: 3.0})) == 9.0


def test_undefined_grad_says_undefined():
    """F-S04."""
    x = pt.dscalar("x")
    for attempt in (lambda: grad(undefined_grad(x), x), lambda: Rop(undefined_grad(x), x, x)):
        with pytest.raises(NullTypeGradError, match="is undefined"):
            attempt()


def test_grad_clip():
    """F-S06, F-S07."""
    x = pt.dscalar("x")
    assert float(grad(grad_clip(x, -1, 1) ** 2, x).eval({x: 2.0})) == 1.0
    both = grad_clip(x, -1, 1) ** 2 + grad_clip(x, -3, 3) ** 2
    assert float(grad(both, x).eval({x: 2.0})) == 4.0
    assert GradClip(-1, 1) != GradClip(-2, 2) and GradClip(-1, 1) == GradClip(-1, 1)
    with pytest.raises(ValueError, match="lower <= upper"):
        grad_clip(x, 1, -1)
    assert np.isnan(float(grad(grad_clip(x, -1, 1) ** 2, x).eval({x: np.nan})))


def test_grad_scale_also_by_a_symbol():
    """F-S08."""
    x, m = pt.fscalar("x"), pt.fscalar("m")
    y = pt.sin(x)
    assert float(grad(grad_scale(y, -1.0), x).eval({x: 2.0})) == pytest.approx(0.416, abs=1e-3)
    found = grad(grad_scale(y, m), x).eval({x: np.float32(2.0), m: np.float32(-1.0)})
    assert float(found) == pytest.approx(0.416, abs=1e-3)


def test_subgraph_details_keep_order_and_parts():
    """F-SG3."""
    x, w = pt.dvectors("x", "w")
    h = x * w
    cost = (w**2).sum()
    wrt, end, from_start, of_cost = subgraph_grad(
        wrt=[w], end=[x], start={h: 2 * h}, cost=cost, details=True
    )
    point = {x: [1.0, 2.0], w: [3.0, 4.0]}
    np.testing.assert_allclose(from_start[0].eval(point), [6.0, 32.0])
    np.testing.assert_allclose(of_cost[0].eval(point, on_unused_input="ignore"), [6.0, 8.0])
    np.testing.assert_allclose(wrt[0].eval(point), [12.0, 40.0])
    np.testing.assert_allclose(end[0].eval(point), [18.0, 64.0])


def test_subgraph_checks_its_arguments():
    """F-SG2."""
    x = pt.dscalar("x")
    with pytest.raises(ValueError, match="must be specified"):
        subgraph_grad(wrt=[x], end=[])
    with pytest.raises(TypeError, match="`wrt` must be a list"):
        subgraph_grad(wrt=x, end=[], cost=x)
    with pytest.raises(TypeError, match="`start` must be a dictionary"):
        subgraph_grad(wrt=[x], end=[], start=[x])


def test_subgraph_warns_of_double_counting():
    """F-SG4."""
    x = pt.dscalar("x")
    h = x**2
    with pytest.warns(UserWarning, match="counted twice"):
        subgraph_grad(wrt=[x], end=[], start={h: h}, cost=pt.exp(h))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        subgraph_grad(wrt=[x], end=[], start={h: h}, cost=pt.exp(x))


def test_grad_sources_inputs():
    x, g = pt.dscalars("x", "g")
    found = grad_sources_inputs([(x**2, g)], [x])
    assert float(found[x].eval({x: 3.0, g: 2.0})) == 12.0


def test_as_list_or_tuple():
    """F-S11."""
    assert as_list_or_tuple(True, False, 1) == [1]
    assert as_list_or_tuple(False, True, [1, 2]) == (1, 2)
    assert as_list_or_tuple(False, False, [1]) == 1
    for wrong in ((True, True, 1), (False, False, [1, 2])):
        with pytest.raises(ValueError, match=r"flags|single"):
            as_list_or_tuple(*wrong)
