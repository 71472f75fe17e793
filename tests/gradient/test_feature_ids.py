"""Statements of the gradient reference that no other file carries, each under its id.

The last test reads the sources of all tests: every id has a test that names it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.optimize
from graph_values import values

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.errors import DisconnectedInputError, MissingInputError, NullTypeGradError
from autodiff_lab.gradient import (
    DisconnectedType, GradClip, GradScale, Lop, NullType, Rop, disconnected_grad, grad, grad_clip,
    grad_not_implemented, grad_scale, grad_undefined, hessian_vector_product, pullback, pushforward,
    subgraph_grad, undefined_grad, value_and_grad, zero_grad,
)
from autodiff_lab.graph import ancestors, toposort
from autodiff_lab.testing import compare_hvp

ROOT = Path(__file__).resolve().parents[2]


def number(variable, point=None):
    return np.asarray(variable.eval(point or {}, on_unused_input="ignore"))


# -- the tutorial --------------------------------------------------------------------------------

def test_fill_is_in_the_raw_gradient_and_not_in_the_compiled_one():
    """F-T06."""
    x = pt.dvector("x")
    np.testing.assert_array_equal(number(pt.fill(x, 2.5), {x: [1.0, 2.0]}), [2.5, 2.5])
    slope = grad(pt.sum(x**3), x)
    assert "fill(" in ad.pp(slope)
    assert "fill(" not in ad.pp(ad.function([x], slope).maker.fgraph.outputs[0])


@pytest.mark.parametrize("mode", ["FAST_RUN", "FAST_COMPILE", "PYTHON"])
def test_the_logistic_keeps_four_nodes_and_its_digits(mode):
    """F-T08."""
    x = pt.dmatrix("x")
    f = ad.function([x], grad(pt.sum(1 / (1 + pt.exp(-x))), x), mode=mode)
    assert sorted(n.op.name for n in f.maker.fgraph.apply_nodes) == [
        "mul", "neg", "sigmoid", "sigmoid"]
    small = float(f([[40.0]])[0, 0])
    assert abs(small - 4.248354255291589e-18) <= 2 * np.spacing(small)
    for far in (800.0, -800.0):
        assert float(f([[far]])[0, 0]) == 0.0


def test_shapes_of_vectors_are_checked_when_built_and_when_run():
    """F-T17."""
    x, v = pt.dvectors("x", "v")
    fixed, short = pt.tensor("fixed", shape=(3,)), pt.tensor("short", shape=(2,))
    for operator in (Rop, Lop):
        with pytest.raises(ValueError, match=r"3 versus 2[\s\S]*short"):
            operator(fixed**2, fixed, short)
        f = ad.function([x, v], operator(x**2, x, v))
        with pytest.raises(ValueError, match="length 2.*length 3"):
            f([1.0, 2.0], [1.0, 2.0, 3.0])


def test_both_orders_of_the_hessian_product_are_compared():
    """F-T14, F-T18."""
    x = pt.dvector("x")
    rows = compare_hvp(pt.sum(x**2), x, {x: [4.0, 4.0]}, [2.0, 2.0], repeat=2)
    assert len(rows) == 3 and all("operations" in str(row) for row in rows)
    for row in rows:
        np.testing.assert_allclose(row.value, [4.0, 4.0])
        assert row.operations >= 1 and row.seconds >= 0


def test_the_derivative_can_be_taken_six_times():
    """F-T19."""
    x = pt.dscalar("x")
    expression, factor = x**5, 1.0
    for order in range(1, 7):
        expression = grad(expression, x)
        factor *= 6 - order
        at = 1.7
        expected = factor * at ** (5 - order) if order <= 5 else 0.0
        np.testing.assert_allclose(number(expression, {x: at}), expected, rtol=1e-13)


def test_jacobian_and_its_products_without_a_loop():
    """F-T20."""
    x, v = pt.dvectors("x", "v")
    y = pt.tanh(x) * x[0]
    point = {x: [0.3, 0.2, -0.5], v: [1.0, -2.0, 0.5]}
    matrix = number(ad.jacobian(y, x), point)
    np.testing.assert_allclose(number(Rop(y, x, v), point), matrix @ point[v])
    np.testing.assert_allclose(number(Lop(y, x, v), point), point[v] @ matrix)
    second = number(ad.hessian(y.sum(), x), point)
    np.testing.assert_allclose(
        number(hessian_vector_product(y.sum(), x, v), point), second @ point[v], rtol=1e-12)
    for built in (ad.jacobian(y, x), ad.hessian(y.sum(), x)):
        assert "scan" not in {node.op.name for node in toposort([built])}


# -- grad ----------------------------------------------------------------------------------------

def test_a_null_cost_is_refused_with_its_reason():
    """F-G02."""
    x = pt.dscalar("x")
    null = grad(undefined_grad(x), x, null_gradients="return")
    with pytest.raises(ValueError, match="Can't differentiate a NaN cost. Cost is NaN because.*x"):
        grad(null, x)


def test_ignore_gives_a_zero_and_no_warning():
    """F-G05."""
    x, w = pt.dscalars("x", "w")
    assert float(number(grad(x**2, w, disconnected_inputs="ignore"), {w: 1.0})) == 0.0


def test_known_gradients_of_the_special_types():
    """F-G11: what is null stays null, what is disconnected stays so; keys may be integers."""
    x, i = pt.dscalar("x"), pt.lscalar("i")
    null = grad(None, x, known_grads={x**2: NullType("for a reason")()}, null_gradients="return")
    assert "for a reason" in null.type.why_null
    with pytest.raises(DisconnectedInputError):
        grad(None, x, known_grads={x**2: DisconnectedType()()})
    one = pt.constant(1.0, dtype="float64")
    assert float(number(grad(None, i, known_grads={i**2: one}), {i: 3})) == 0.0


def test_known_gradients_have_the_shape_of_their_variable():
    """F-G12."""
    x = pt.tensor("x", shape=(3,))
    for wrong in (pt.tensor("g", shape=(4,)), pt.dmatrix("g")):
        with pytest.raises(TypeError, match="g .*does not fit"):
            grad(None, x, known_grads={x * 2: wrong})


def test_cost_and_known_gradients_together():
    """F-G10: what is known replaces the cost's own, and is added elsewhere."""
    x = pt.dscalar("x")
    y, z = x**2, x**3
    cost = y * 4
    found = grad(cost, x, known_grads={cost: pt.constant(10.0), z: pt.constant(2.0)})
    assert float(number(found, {x: 2.0})) == 10 * 4 * 4 + 2 * 12


def test_a_zero_result_needs_the_shape_of_its_variable():
    """F-G14."""
    x, w = pt.dscalars("x", "w")
    slope = grad(x**2, w, disconnected_inputs="ignore")
    with pytest.raises(MissingInputError, match="w"):
        ad.function([], slope)
    assert float(ad.function([w], slope)(3.0)) == 0.0


def test_a_null_variable_is_refused_by_function():
    """F-G16."""
    x = pt.dscalar("x")
    null = grad(undefined_grad(x), x, null_gradients="return")
    for outputs, options in ((null, {}), ([x * 2, null], {"on_unused_input": "ignore"})):
        with pytest.raises(TypeError, match="UndefinedGrad op is undefined"):
            ad.function([x], outputs, **options)


def test_null_in_one_path_makes_the_sum_null():
    """F-G17: unless the path is cut; the order of the terms does not matter."""
    x = pt.dscalar("x")
    for cost in (x * 2 + undefined_grad(x), undefined_grad(x) + x * 2):
        assert isinstance(grad(cost, x, null_gradients="return").type, NullType)
        with pytest.raises(NullTypeGradError):
            grad(cost, x)
    cut = x * 2 + disconnected_grad(undefined_grad(x))
    assert float(number(grad(cut, x), {x: 1.0})) == 2.0


def test_the_graph_is_the_same_for_every_hash_seed():
    """F-G21: grad and subgraph_grad, in processes of their own."""
    program = (
        "import autodiff_lab as ad, autodiff_lab.tensor as pt\n"
        "x, y, z = pt.dvectors('x', 'y', 'z')\n"
        "h = pt.tanh(x * y) + z\n"
        "cost = (h * x + pt.exp(h - z)).sum() + (x / y).sum()\n"
        "print([ad.pp(g) for g in ad.grad(cost, [x, y, z])])\n"
        "print([[ad.pp(g) for g in part] for part in\n"
        "       ad.subgraph_grad(wrt=[x, z], end=[y], start={h: x}, cost=x.sum(), details=True)])\n"
        "print([ad.pp(g) for g in ad.gradient.Rop([cost, h], [x, z], [y, x])])\n"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
        ).stdout
        for seed in ("0", "1", "77")
    }
    assert len(texts) == 1 and "tanh" in texts.pop()


class _AddInPlace(ad.Op):
    """Adds one, into its input."""

    __props__ = ()
    destroy_map = {0: [0]}

    def make_node(self, x):
        x = pt.as_tensor_variable(x)
        return ad.Apply(self, [x], [x.type()])

    def perform(self, node, inputs, output_storage):
        (array,) = inputs
        array += 1
        output_storage[0][0] = array

    def grad(self, inputs, output_gradients):
        return [output_gradients[0] * pt.exp(inputs[0])]


def test_an_op_that_destroys_its_input_is_differentiated_at_the_value_before():
    """F-G22."""
    x = pt.dvector("x")
    y = _AddInPlace()(x * 1.0)
    given = np.array([1.0, 2.0])
    after, slope, before = ad.function([x], [y, grad(y.sum(), x), x * 2])(given)
    np.testing.assert_allclose(after, [2.0, 3.0])
    np.testing.assert_allclose(slope, np.exp([1.0, 2.0]))
    np.testing.assert_allclose(before, [2.0, 4.0])
    np.testing.assert_array_equal(given, [1.0, 2.0])


def test_value_and_gradient():
    x, y = pt.dscalars("x", "y")
    value, slopes = value_and_grad(x**2 * y, {"first": x, "second": y})
    f = ad.function([x, y], [value, slopes["first"], slopes["second"]])
    assert [float(v) for v in f(3.0, 2.0)] == [18.0, 12.0, 9.0]


# -- Lop and Rop ---------------------------------------------------------------------------------

def test_results_of_lop_follow_wrt_and_those_of_rop_follow_f():
    """F-L01, F-R01."""
    x, y, v = pt.dvectors("x", "y", "v")
    f = x * y
    assert isinstance(Lop(f, [x, y], v), list) and isinstance(Lop([f], x, [v]), ad.Variable)
    assert isinstance(Lop((f, f), (x,), (v, v)), tuple)
    assert isinstance(Rop([f], x, [v]), list) and isinstance(Rop(f, [x], [v]), ad.Variable)
    assert isinstance(Rop((f,), [x], [v]), tuple)
    point = {x: [1.0, 2.0], y: [3.0, 5.0], v: [1.0, -1.0]}
    both = Lop([f, x**2], x, [v, v])
    np.testing.assert_allclose(number(both, point), [3 + 2, -5 - 4])
    both = Rop(f, [x, y], [v, v])
    np.testing.assert_allclose(number(both, point), [3 + 1, -5 - 2])


def test_names_of_the_younger_library():
    """F-L03, F-R05: pullback and pushforward, and the check by the double pullback."""
    x, v = pt.dvectors("x", "v")
    y, point = pt.exp(x) * x[::-1], {x: [0.1, 0.7], v: [1.0, 2.0]}
    np.testing.assert_array_equal(
        number(pullback(y, x, v, return_disconnected="none"), point), number(Lop(y, x, v), point))
    np.testing.assert_allclose(
        number(pushforward(y, x, v, use_op_pushforward=False), point),
        number(Rop(y, x, v), point), rtol=1e-12)


def test_outputs_of_rop_without_a_path():
    """F-R04: a zero of the output's shape, None, or a variable that says so."""
    x, w, v = pt.dvector("x"), pt.dmatrix("w"), pt.dvector("v")
    with pytest.warns(UserWarning, match="does not depend"):
        zero = Rop(w * 2, x, v, disconnected_outputs="warn")
    assert number(zero, {w: np.ones((2, 3))}).shape == (2, 3)
    assert Rop(w, x, v, "ignore", "NONE") is None
    assert isinstance(Rop(w, x, v, "ignore", "disconnected").type, DisconnectedType)
    for option in ("disconnected_outputs", "return_disconnected"):
        with pytest.raises(ValueError, match=option):
            Rop(x, x, v, **{option: "bogus"})


def test_a_missing_forward_rule_shows_in_the_graph():
    """F-R06."""

    class Cubed(ad.Op):
        __props__ = ()

        def make_node(self, x):
            return ad.Apply(self, [x], [x.type()])

        def perform(self, node, inputs, output_storage):
            output_storage[0][0] = inputs[0] ** 3

        def pullback(self, inputs, outputs, cotangents):
            return [3 * inputs[0] ** 2 * cotangents[0]]

    x, v = pt.dvectors("x", "v")
    tangent = Rop(Cubed()(x), x, v)
    assert any(getattr(a.tag, "via", "") == "double-pullback" for a in ancestors([tangent]))
    np.testing.assert_allclose(number(tangent, {x: [2.0], v: [1.0]}), [12.0])
    tangent = Rop(pt.sin(x), x, v)
    assert not any(getattr(a.tag, "via", "") == "double-pullback" for a in ancestors([tangent]))


def test_user_rules_for_the_forward_mode():
    """F-R07: `R_op` gets None for what does not move; `pushforward` too."""
    seen = []

    class Product(ad.Op):
        __props__ = ()

        def make_node(self, x, y):
            return ad.Apply(self, [x, y], [x.type()])

        def perform(self, node, inputs, output_storage):
            output_storage[0][0] = inputs[0] * inputs[1]

        def R_op(self, inputs, eval_points):
            seen.append([point is None for point in eval_points])
            terms = [point * other for point, other in zip(eval_points, inputs[::-1])
                     if point is not None]
            return [sum(terms[1:], terms[0])]

    class Forward(Product):
        def pushforward(self, inputs, outputs, tangents):
            return self.R_op(inputs, tangents)

    x, y, v = pt.dvectors("x", "y", "v")
    point = {x: [2.0], y: [3.0], v: [1.0]}
    for kind in (Product, Forward):
        assert float(number(Rop(kind()(x, y), x, v), point)[0]) == 3.0
        assert float(number(Rop(kind()(x, y), [x, y], [v, v]), point)[0]) == 5.0
    assert seen == [[False, True], [False, False]] * 2


# -- helpers that shape a derivative -------------------------------------------------------------

def test_words_of_missing_derivatives():
    """F-S05."""
    x = pt.dscalar("x")
    for build, kind in ((grad_undefined, "undefined"), (grad_not_implemented, "not implemented")):
        null = build("cube", 0, x, "Ask again.")
        assert isinstance(null.type, NullType)
        assert null.type.why_null == (
            f"This variable is Null because the grad method for input 0 (x) of the cube op is "
            f"{kind}. Ask again."
        )


def test_the_clip_has_no_cost_in_the_forward_direction():
    """F-S06."""
    x = pt.dscalar("x")
    y = grad_clip(x, -1, 1) ** 2
    f = ad.function([x], [y, grad(y, x), grad(x**2, x)])
    assert [float(v) for v in f(2.0)] == [4.0, 1.0, 4.0]
    assert not any(isinstance(n.op, GradClip) for n in f.maker.fgraph.apply_nodes)


def test_forward_rules_of_the_helpers():
    """F-S09: zero of the right shape, scaled, cut; the clip acts on cotangents only."""
    x, v = pt.dvectors("x", "v")
    point = {x: [0.5, 1.0, 2.0], v: [9.0, -9.0, 3.0]}
    np.testing.assert_array_equal(number(Rop(zero_grad(x), x, v), point), np.zeros(3))
    np.testing.assert_array_equal(number(Rop(grad_scale(x, -2.0), x, v), point), [-18, 18, -6])
    np.testing.assert_array_equal(number(Rop(grad_clip(x, -1, 1), x, v), point), point[v])
    with pytest.raises(DisconnectedInputError):
        Rop(disconnected_grad(x), x, v)
    with pytest.raises(NullTypeGradError, match="undefined"):
        Rop(undefined_grad(x), x, v)


def test_the_type_of_what_is_not_connected_takes_no_value():
    """F-S10."""
    kind = DisconnectedType()
    for attempt in (lambda: kind.filter(0.0), lambda: kind.filter_variable(pt.dscalar()),
                    lambda: kind.values_eq(1, 1)):
        with pytest.raises(AssertionError, match="you're doing something wrong"):
            attempt()
    assert str(kind) == "DisconnectedType"


def test_equality_of_the_markers():
    """F-S07: clips with other bounds are other ops."""
    assert GradClip(-1, 1) != GradClip(-2, 2) and GradClip(-1, 1) == GradClip(-1, 1)
    assert GradScale() == GradScale()


# -- Jacobian and Hessian ------------------------------------------------------------------------

def test_a_variable_that_does_not_count_has_a_zero_jacobian():
    """F-J05."""
    x, i = pt.dvector("x"), pt.lvector("i")
    found = ad.jacobian(x * pt.cast(pt.abs(i), "float64"), i)
    np.testing.assert_array_equal(number(found, {x: [1.0, 2.0], i: [3, 4]}), np.zeros((2, 2)))


def test_all_ways_to_a_jacobian_agree():
    """F-J06."""
    x = pt.dvector("x")
    y, point = pt.outer(x, pt.sin(x))[:, 0], {x: [0.2, 0.9, -1.0]}
    options = [{}, {"vectorize": False}, {"method": "forward"}, {"method": "reverse"},
               {"chunk_size": 2}]
    first, *others = (number(ad.jacobian(y, x, **chosen), point) for chosen in options)
    for other in others:
        np.testing.assert_allclose(other, first, rtol=1e-12)


@pytest.mark.parametrize(("rows", "mode"), [(2, "reverse"), (3, "forward"), (5, "forward")])
def test_the_jacobian_says_what_it_chose(rows, mode, capsys):
    """F-P1: by shape, with sweeps and operations for either way."""
    w, x = pt.tensor("w", shape=(rows, 3)), pt.tensor("x", shape=(3,))
    ad.jacobian(pt.tanh(pt.dot(w, x)), x, explain=True)
    first, forward, reverse = capsys.readouterr().out.splitlines()
    assert first == f"jacobian by x: {mode} mode"
    assert "forward: 3 sweeps" in forward and f"reverse: {rows} sweeps" in reverse
    assert "flops" in forward and "flops" in reverse
    ad.jacobian(x**2, x)
    assert capsys.readouterr().out == ""


def _way(*shape):
    return np.random.default_rng(len(shape)).normal(size=shape)


WAYS = {
    "wide": ((20,), lambda x: pt.tanh(_way(4, 20) @ x)),
    "tall": ((4,), lambda x: pt.tanh(_way(20, 4) @ x)),
    "square": ((12,), lambda x: pt.tanh(_way(12, 12) @ x)),
    "elementwise": ((30,), lambda x: pt.sin(pt.exp(x))),
    "differences": ((30,), lambda x: x[1:] * x[:-1]),
    "layers down": ((40,), lambda x: pt.tanh(_way(3, 16) @ pt.tanh(_way(16, 40) @ x))),
    "layers up": ((3,), lambda x: pt.tanh(_way(40, 16) @ pt.tanh(_way(16, 3) @ x))),
    "softmax": ((10,), lambda x: pt.softmax(x)),
    "log softmax": ((4,), lambda x: pt.log_softmax(_way(30, 4) @ x)),
    "sum of rows": ((6, 5), lambda x: (x**2).sum(axis=1)),
    "outer": ((5,), lambda x: pt.outer(x, pt.exp(x))),
    "cumsum": ((15,), lambda x: pt.cumsum(x**2)),
    "matrix square": ((4, 4), lambda x: x @ x),
    "norms": ((6, 8), lambda x: pt.sqrt((x**2).sum(axis=0))),
    "gather": ((25,), lambda x: x[[1, 4, 7]] ** 3),
    "join": ((3,), lambda x: pt.concatenate([x, x**2, pt.sin(x)])),
    "polynomial": ((2,), lambda x: x[0] * np.arange(20.0) + x[1] * np.arange(20.0) ** 2),
    "products": ((4, 6), lambda x: pt.prod(x, axis=1)),
    "determinants": ((7, 2, 2), lambda x: pt.det(x)),
    "solution": ((6,), lambda x: pt.solve(_way(6, 6) + 6 * np.eye(6), pt.sin(x))),
}


def _work(output, point):
    """Nodes times elements of what is carried, a product of matrices by its sums."""
    nodes = toposort([output])
    sizes = [np.size(v) for v in values([n.outputs[0] for n in nodes], point)]
    inner = [np.shape(v)[-1] for n in nodes if n.op.name in ("dot", "matmul", "solve")
             for v in values([n.inputs[0]], point)]
    summed = iter(inner)
    return sum(size * (2 * next(summed) if n.op.name in ("dot", "matmul", "solve") else 1)
               for n, size in zip(nodes, sizes))


@pytest.mark.parametrize("name", WAYS)
def test_the_way_to_a_jacobian_is_a_good_one(name):
    """F-P1, F-P2: at most 1.3 times the work of the better way; no loop is built."""
    shape, build = WAYS[name]
    x = pt.tensor("x", dtype="float64", shape=shape)
    y, point = build(x), {x: np.linspace(0.2, 1.1, int(np.prod(shape))).reshape(shape)}
    found = {way: ad.jacobian(y, x, method=way) for way in ("auto", "forward", "reverse")}
    assert not any(n.op.name == "scan" for n in toposort([found["auto"]]))
    work = {way: _work(rows, point) for way, rows in found.items()}
    assert work["auto"] <= 1.3 * min(work.values()), work


def test_dictionaries_of_variables():
    x, y = pt.dvectors("x", "y")
    cost, wrt, point = (x**2 * y).sum(), {"b": y, "a": x}, {x: [1.0, 2.0], y: [3.0, 4.0]}
    slopes = grad(cost, wrt)
    assert list(slopes) == ["b", "a"]
    np.testing.assert_allclose(number(slopes["a"], point), [6.0, 16.0])
    rows = ad.jacobian(x * y, wrt)
    np.testing.assert_allclose(number(rows["b"], point), np.diag([1.0, 2.0]))
    np.testing.assert_allclose(number(ad.hessian(cost, wrt)["a"], point), np.diag([6.0, 8.0]))
    full = ad.hessian(cost, wrt, full=True)
    np.testing.assert_allclose(number(full["a"]["b"], point), np.diag([2.0, 4.0]))
    moved = Rop(x * y, wrt, {"a": y, "b": x})
    np.testing.assert_allclose(number(moved, point), [9 + 1, 16 + 4])


def test_hessians_are_symmetric():
    """F-H04, F-P8: to a few units in the last place of the largest entry.

    The two halves are sums in another order.  The mean of a Hessian and its transpose would agree
    to the bit, at the price of another pass over n^2 numbers, of diagonal Hessians that are no
    longer seen as such, and of the one sign by which rounding shows: it is not taken.
    """
    x, m = pt.dvector("x"), pt.dmatrix("m")
    cost = pt.sum(pt.tanh(pt.dot(m, x)) ** 2) * x[0]
    rng = np.random.default_rng(4)
    found = number(ad.hessian(cost, x), {x: rng.normal(size=4), m: rng.normal(size=(5, 4))})
    np.testing.assert_allclose(found, found.T, rtol=0, atol=4 * np.spacing(np.abs(found).max()))


def test_newtons_method_by_hessian_products():
    """F-H05: conjugate gradients on Rosenbrock's function end in its minimum."""
    x, p = pt.dvectors("x", "p")
    cost = (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()
    value = ad.function([x], cost)
    slope = ad.function([x], grad(cost, x))
    product = ad.function([x, p], hessian_vector_product(cost, x, p))
    found = scipy.optimize.minimize(
        value, [1.3, 0.7, 0.8, 1.9, 1.2], jac=slope, hessp=product, method="Newton-CG",
        options={"xtol": 1e-8},
    )
    np.testing.assert_allclose(found.x, np.ones(5), atol=1e-6)


# -- subgraph_grad -------------------------------------------------------------------------------

def test_layer_by_layer_equals_all_at_once():
    """F-SG1."""
    rng = np.random.default_rng(8)
    x, t = pt.fvector("x"), pt.fvector("t")
    inner, outer = ad.shared(rng.normal(size=(4, 3))), ad.shared(rng.normal(size=(3, 2)))
    hidden = pt.tanh(pt.dot(x, inner))
    last = pt.sqr(pt.tanh(pt.dot(hidden, outer)) - t).sum() + pt.sqr(outer.sum())
    first = pt.sqr(inner.sum())
    start, chained = None, []
    for weights, end, cost in (([outer], [hidden], last), ([inner], [x], first)):
        slopes, ends = ad.subgraph_grad(wrt=weights, end=end, start=start, cost=cost)
        start = dict(zip(end, ends))
        chained += slopes
    whole = grad(last + first, [outer, inner])
    f = ad.function([x, t], [*chained, *whole])
    a, b, c, d = f(rng.normal(size=4).astype("float32"), rng.normal(size=2).astype("float32"))
    np.testing.assert_array_equal(a, c)
    np.testing.assert_array_equal(b, d)


def test_a_step_without_a_derivative_gets_one_from_its_user():
    """F-SG5: backwards to the sample, a gradient of the user's own, backwards from there."""
    x, w = pt.dvectors("x", "w")
    chance = pt.sigmoid(x * w)
    sample = pt.cast(chance > 0.5, "float64")
    cost = (sample * x).sum()
    _, (of_sample,) = subgraph_grad(wrt=[x], end=[sample], cost=cost)
    (slope,), _ = subgraph_grad(wrt=[w], end=[x], start={chance: of_sample})
    point = {x: [1.0, -2.0], w: [0.3, 0.4]}
    s = 1 / (1 + np.exp(-np.multiply(point[x], point[w])))
    np.testing.assert_allclose(number(slope, point), np.square(point[x]) * s * (1 - s))


# -- the list ------------------------------------------------------------------------------------

COUNTS = {"F-T": 20, "F-G": 25, "F-L": 3, "F-R": 7, "F-S": 11, "F-J": 6, "F-H": 5, "F-SG": 5,
          "F-V": 12}
OF_JACOBIANS = {"F-P1", "F-P2", "F-P5", "F-P6", "F-P8"}


def test_every_statement_has_a_test():
    """F-T21 belongs to the rewriting and is not asked for here."""
    text = "".join(p.read_text(encoding="utf8") for p in (ROOT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"F-[A-Z]+\d+", text))
    wanted = {f"{family}{k}" for family, count in COUNTS.items() for k in range(1, count + 1)}
    short = {re.sub(r"(?<=[A-Z])0", "", name) for name in named}
    assert not (wanted | OF_JACOBIANS) - short
