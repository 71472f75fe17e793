"""`grad`: its options, its errors, the roles it leaves, and what it does with odd inputs."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from graph_values import value

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.errors import DisconnectedInputError, LabTypeError, NullTypeGradError
from autodiff_lab.gradient import (
    DisconnectedType, NullType, Rop, disconnected_grad, grad, grad_clip, grad_scale, undefined_grad,
)
from autodiff_lab.graph import ancestors, clone_replace, toposort


def test_both_none():
    """F-G01."""
    with pytest.raises(ValueError, match="cost and known_grads can't both be None"):
        grad(None, pt.dscalar("x"))


@pytest.mark.parametrize("container", [list, tuple])
def test_results_come_as_the_variables_were_given(container):
    """F-T10."""
    x, y = pt.dscalars("x", "y")
    found = grad(x * y, container([x, y]))
    assert type(found) is container
    assert [float(g.eval({x: 2.0, y: 3.0}, on_unused_input="ignore")) for g in found] == [3.0, 2.0]


def test_single_variable_gives_a_variable():
    x = pt.dscalar("x")
    assert float(grad(x**3, x).eval({x: 2.0})) == 12.0


@pytest.mark.parametrize(
    "option", ["disconnected_inputs", "return_disconnected", "null_gradients"]
)
def test_wrong_option_values_raise_even_where_nothing_is_disconnected(option):
    """F-G06, F-G13, F-G15."""
    x = pt.dscalar("x")
    with pytest.raises(ValueError, match=f"Invalid value for keyword '{option}'"):
        grad(x**2, x, **{option: "bogus"})


def test_non_scalar_cost_names_the_cost_and_the_remedy():
    """F-T11."""
    x = pt.dvector("x")
    with pytest.raises(TypeError, match="Cost must be a scalar") as caught:
        grad(x**2, x)
    assert "sum()" in str(caught.value)


def test_cost_of_length_one_is_offered_squeeze():
    """F-T11."""
    x = pt.tensor("x", shape=(1, 1), dtype="float64")
    with pytest.raises(TypeError, match="squeeze"):
        grad(x, x)


def test_disconnected_error_names_variable_and_reason():
    """F-G03."""
    x, w = pt.dscalars("x", "w")
    with pytest.raises(DisconnectedInputError) as caught:
        grad(x**2, w)
    message = str(caught.value)
    assert "w" in message and "does not appear in the graph" in message
    assert len(message.splitlines()) <= 12


def test_disconnected_by_shape_names_the_cutting_op():
    """F-G03."""
    x = pt.dvector("x")
    with pytest.raises(DisconnectedInputError, match="only its shape"):
        grad(pt.fill(x, 2.0).sum(), x)


def test_warn_warns_once_for_each_variable():
    """F-G04."""
    x, w = pt.dscalars("x", "w")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        grad(x**2, [w], disconnected_inputs="warn")
    assert len(seen) == 1 and issubclass(seen[0].category, UserWarning)


@pytest.mark.parametrize(
    ("choice", "check"),
    [
        ("zero", lambda g: g.dtype == "float64"),
        ("ZERO", lambda g: g.dtype == "float64"),
        ("none", lambda g: g is None),
        ("disconnected", lambda g: isinstance(g.type, DisconnectedType)),
    ],
)
def test_return_disconnected(choice, check):
    """F-G13."""
    x, w = pt.dscalars("x", "w")
    assert check(grad(x**2, w, disconnected_inputs="ignore", return_disconnected=choice))


def test_names_are_added_only_where_both_have_one():
    """F-G07, F-G08."""
    x, z = pt.dscalars("x", "z")
    cost = x + z
    assert grad(cost, x).name is None
    cost.name = "c"
    assert [g.name for g in grad(cost, [x, z])] == ["(dc/dx)", "(dc/dz)"]
    assert grad(cost, x, add_names=False).name is None


def test_each_variable_gets_a_derivative_of_its_own():
    """F-G08, F-G24."""
    x, z = pt.dscalars("x", "z")
    first, second, again = grad(x + z, [x, z, x])
    assert len({first, second, again}) == 3


def test_a_users_variable_is_never_renamed_nor_returned():
    """F-G09."""
    x = pt.dscalar("x")
    g = pt.dscalar("g")
    found = grad(None, x, known_grads={x: g})
    assert found is not g and g.name == "g" and not g.roles
    assert float(found.eval({g: 5.0})) == 5.0


def test_known_grads():
    """F-G10."""
    x = pt.dscalar("x")
    y = x**2
    assert float(grad(None, x, known_grads={y: pt.constant(5.0)}).eval({x: 2.0})) == 20.0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3.0, "symbolic variables"),
        (pt.constant(3), "continuous"),
        (pt.dvector("v"), "shape of its"),
    ],
)
def test_known_grads_are_checked(given, message):
    """F-G11, F-G12."""
    x = pt.dscalar("x")
    with pytest.raises(TypeError, match=message):
        grad(None, x, known_grads={x**2: given})


def test_consider_constant():
    """F-G18."""
    x = pt.dscalar("x")
    y = x**2
    assert float(grad(y * x, x, consider_constant=[y]).eval({x: 3.0})) == 9.0
    for wrong in (5, x, [5]):
        with pytest.raises(TypeError, match="consider_constant"):
            grad(y, x, consider_constant=wrong)


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda i: i, 1.0),
        (lambda i: i**2, 0.0),
        (lambda i: i * 1.0, 1.0),
        (lambda i: pt.exp(i) * 0.5, 0.5 * np.exp(3.0)),
    ],
)
def test_integers(build, expected):
    """F-G19."""
    i = pt.lscalar("i")
    found = grad(build(i), i)
    assert found.dtype == ad.config.floatX
    assert float(found.eval({i: 3}, on_unused_input="ignore")) == pytest.approx(expected)


def test_float32_stays_float32():
    """F-G20."""
    f, d = pt.fscalar("f"), pt.dscalar("d")
    found = grad(f * d, f)
    assert found.dtype == "float32"
    assert grad(pt.cast(f, "float64") ** 2, f).dtype == "float32"


def test_local_derivative_in_the_dtype_of_the_result():
    x = pt.dscalar("x")
    assert float(grad(2**x, x).eval({x: 0.0})) == np.log(2.0)


def test_undefined():
    """F-G15."""
    x = pt.dscalar("x")
    with pytest.raises(NullTypeGradError, match="`grad` encountered a NaN"):
        grad(undefined_grad(x) * x, x)
    found = grad(undefined_grad(x), x, null_gradients="return")
    assert isinstance(found.type, NullType) and "undefined" in found.type.why_null


def test_intermediate_and_cost_themselves():
    """F-G24."""
    x = pt.dscalar("x")
    y = x**2
    cost = pt.sin(y)
    assert float(grad(cost, y).eval({x: 1.5})) == pytest.approx(np.cos(2.25))
    assert float(grad(cost, cost).eval({x: 1.5})) == 1.0


def test_diamonds_are_linear():
    """F-G23."""
    x = pt.dscalar("x")
    value = x
    for _ in range(60):
        value = value + value
    found = grad(value, x)
    assert len(toposort([found])) < 300
    assert float(found.eval({x: 1.0}, on_unused_input="ignore")) == 2.0**60


def test_twenty_thousand_nodes_deep():
    """F-G23."""
    x = pt.dscalar("x")
    value = x
    for _ in range(20_000):
        value = pt.sin(value)
    found = grad(value, x)
    assert len(toposort([found])) == 20_000 * 3 + 1


SHAPES = [(), (1,), (3,), (1, 3), (2, 1), (2, 3)]


@pytest.mark.parametrize("left", SHAPES)
@pytest.mark.parametrize("right", SHAPES)
def test_broadcast_derivatives_are_summed(left, right):
    """F-G25."""
    a = pt.tensor("a", shape=left, dtype="float64")
    b = pt.tensor("b", shape=right, dtype="float64")
    point = {a: np.full(left, 2.0), b: np.full(right, 3.0)}
    size = np.broadcast(np.empty(left), np.empty(right)).size
    for variable, other in ((a, 3.0), (b, 2.0)):
        found = grad((a * b).sum(), variable).eval(point, on_unused_input="ignore")
        shape = point[variable].shape
        assert found.shape == shape
        np.testing.assert_allclose(found, other * size / max(1, np.prod(shape)))


def test_every_node_says_why_it_exists():
    x, w = pt.dscalars("x", "w")
    y = pt.tanh(x * w) + x * pt.exp(-w)
    found = grad(y, [x, w])
    forward = set(ancestors([y]))
    for variable in ancestors(found):
        if variable in forward or variable.owner is None:
            continue
        assert variable.roles, variable
        for role in variable.roles:
            assert role.kind in {"seed", "adjoint", "accumulation", "local"}
            assert role.of in forward
            assert role.via is None or role.via.outputs[0] in forward


def test_terms_of_a_sum_are_numbered():
    x = pt.dscalar("x")
    found = grad(x * pt.exp(x), x)
    terms = {role.term for v in ancestors([found]) for role in v.roles if role.of is x}
    assert {0, 1} <= terms


def test_gradient_of_a_copy_is_the_copy_of_the_gradient():
    x, z = pt.dscalars("x", "z")
    found = grad(x**3, x)
    assert float(clone_replace(found, {x: z * 2}).eval({z: 1.0})) == 12.0


def test_same_graph_in_every_process():
    """F-G21."""
    x, y = pt.dscalars("x", "y")
    texts = {ad.pp(grad(pt.sin(x * y) + x / y, x)) for _ in range(20)}
    assert len(texts) == 1


def test_what_is_undefined_does_not_pass_a_disconnected_link():
    """F-G17: the multiplier of a marker has no share in what is undefined behind it."""
    x, m = pt.dscalars("x", "m")
    cost = undefined_grad(grad_scale(x, m)) + m**2
    by_x, by_m = grad(cost, [x, m], null_gradients="return")
    assert isinstance(by_x.type, NullType)
    assert value(by_m, {m: 3.0, x: 2.0}) == 6
    assert value(Rop(grad_scale(x, undefined_grad(m)), [x, m], [x, m]), {x: 2.0, m: 3.0}) == 6


@pytest.mark.parametrize(("known", "sentence"), [
    (lambda y: [(y, y)], "list"), (lambda y: 5, "int"),
    (lambda y: {1: y}, "Expected Variable, got 1"),
])
def test_known_grads_that_map_no_variables(known, sentence):
    """F-G11."""
    x = pt.dscalar("x")
    with pytest.raises(LabTypeError, match=sentence):
        grad(None, x, known_grads=known(x**2))


@pytest.mark.parametrize("bounds", [("a", 1), (0, pt.dscalar("upper")), (None, 1)])
def test_bounds_that_are_no_numbers(bounds):
    """F-S06."""
    with pytest.raises(LabTypeError, match="bounds of grad_clip are numbers"):
        grad_clip(pt.dscalar("x"), *bounds)


def test_a_marker_is_named_as_what_stops_a_derivative():
    """F-S03."""
    x = pt.dscalar("x")
    with pytest.raises(DisconnectedInputError, match="disconnected_grad passes no derivative on"):
        grad(disconnected_grad(x**2), x)


def test_a_complex_cost_has_no_gradient():
    x = pt.dscalar("x")
    with pytest.raises(LabTypeError, match="(?s)Cost must be a scalar that is real.*test_grad.py"):
        grad(pt.exp(1j * x), x)
