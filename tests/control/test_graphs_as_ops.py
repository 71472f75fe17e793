"""`OpFromGraph`, `ifelse`, ops from Python functions, and ops that users write."""

from __future__ import annotations

import numpy as np
import pytest

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.control.from_graph import OpFromGraph
from autodiff_lab.control.ifelse import LazyIfElse, ifelse
from autodiff_lab.errors import MissingInputError, NullTypeGradError
from autodiff_lab.gradient import Rop, grad, grad_not_implemented
from autodiff_lab.graph import Apply, Op
from autodiff_lab.graph.from_function import as_op


def make(inline=False, **rules):
    a, b = pt.dscalars("a", "b")
    return OpFromGraph([a, b], [pt.sin(a) * b, a + b], inline=inline, **rules)


@pytest.mark.parametrize("inline", [False, True])
def test_op_from_graph(inline):
    x, y, t = pt.dscalars("x", "y", "t")
    first, second = make(inline)(x**2, y)
    cost = first * second
    plain = pt.sin(x**2) * y * (x**2 + y)
    point = {x: 0.7, y: 1.3, t: 0.5}
    for built, written in (
        (cost, plain),
        (grad(cost, x), grad(plain, x)),
        (grad(grad(cost, x), y), grad(grad(plain, x), y)),
        (Rop(cost, x, t), Rop(plain, x, t)),
    ):
        expected = float(written.eval(point, on_unused_input="ignore"))
        assert float(built.eval(point, on_unused_input="ignore")) == pytest.approx(expected)


def test_inlined_graph_is_gone_after_rewriting():
    x, y = pt.dscalars("x", "y")
    f = ad.function([x, y], make(True)(x, y))
    assert not any(isinstance(n.op, OpFromGraph) for n in f.maker.fgraph.apply_nodes)


def test_own_derivatives():
    x, y = pt.dscalars("x", "y")
    double = make(pullback=lambda inputs, outputs, cotangents: [2 * cotangents[0], cotangents[1]])
    first, _ = double(x, y)
    point = {x: 0.7, y: 1.3}
    assert float(grad(first, x).eval(point, on_unused_input="ignore")) == 2.0
    only_first = make(pullback=[lambda i, o, g: 5 * g[0], None])
    first, _ = only_first(x, y)
    assert float(grad(first, x).eval(point, on_unused_input="ignore")) == 5.0
    assert float(grad(first, y).eval(point, on_unused_input="ignore")) == pytest.approx(np.sin(0.7))
    forward = make(rop_overrides=lambda inputs, tangents: [7 * tangents[0], tangents[0]])
    first, _ = forward(x, y)
    assert float(Rop(first, x, y).eval(point, on_unused_input="ignore")) == pytest.approx(9.1)


def test_shared_variables_inside():
    w = ad.shared(3.0, name="w")
    a = pt.dscalar("a")
    op = OpFromGraph([a], [a * w])
    x = pt.dscalar("x")
    f = ad.function([x], op(x))
    assert float(f(2.0)) == 6.0
    w.set_value(5.0)
    assert float(f(2.0)) == 10.0


def test_missing_input_is_named():
    a, b = pt.dscalars("a", "b")
    with pytest.raises(MissingInputError, match="b"):
        OpFromGraph([a], [a + b])


def test_ifelse_value_and_derivative():
    x = pt.dscalar("x")
    y = ifelse(x > 0, x**2, -x)
    for at, value, slope in ((2.0, 4.0, 4.0), (-3.0, 3.0, -1.0)):
        assert float(y.eval({x: at})) == value
        assert float(grad(y, x).eval({x: at})) == slope
        assert float(Rop(y, x, pt.constant(1.0, dtype="float64")).eval({x: at})) == slope


def test_ifelse_lists():
    x = pt.dscalar("x")
    found = ifelse(x > 0, [x, x * 2], [x * 3, x * 4])
    assert [float(v.eval({x: -1.0})) for v in found] == [-3.0, -4.0]
    assert isinstance(ifelse(x > 0, (x,), (x,)), tuple)


def test_only_the_branch_that_is_taken_runs():
    calls = []

    @as_op(itypes=[pt.dscalar], otypes=[pt.dscalar])
    def noted(value):
        calls.append(float(value))
        return np.asarray(value * 10)

    x = pt.dscalar("x")
    f = ad.function([x], ifelse(x > 0, noted(x), x))
    assert any(isinstance(n.op, LazyIfElse) for n in f.maker.fgraph.apply_nodes)
    assert float(f(-1.0)) == -1.0 and calls == []
    assert float(f(2.0)) == 20.0 and calls == [2.0]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda v, x: ifelse(v > 0, x, x), TypeError),
        (lambda v, x: ifelse(x > 0, x, v), TypeError),
        (lambda v, x: ifelse(x > 0, [x], [x, x]), ValueError),
    ],
)
def test_ifelse_bad_input(call, error):
    with pytest.raises(error):
        call(pt.dvector("v"), pt.dscalar("x"))


class Cube(Op):
    """An op as a user of the family writes it; the subclasses choose the older rule names."""

    __props__ = ()

    def make_node(self, x):
        x = pt.as_tensor_variable(x)
        return Apply(self, [x], [x.type()])

    def perform(self, node, inputs, output_storage):
        output_storage[0][0] = inputs[0] ** 3


class CubeGrad(Cube):
    def grad(self, inputs, output_gradients):
        return [3 * inputs[0] ** 2 * output_gradients[0]]


class CubeLop(Cube):
    def L_op(self, inputs, outputs, output_gradients):
        return [3 * outputs[0] / inputs[0] * output_gradients[0]]


class CubePullback(Cube):
    def pullback(self, inputs, outputs, cotangents):
        return [3 * inputs[0] ** 2 * cotangents[0]]


class CubeRop(CubeGrad):
    def R_op(self, inputs, eval_points):
        return [3 * inputs[0] ** 2 * eval_points[0]]


@pytest.mark.parametrize("kind", [CubeGrad, CubeLop, CubePullback, CubeRop])
def test_user_ops(kind):
    """F-R07."""
    x, v = pt.dvectors("x", "v")
    y = kind()(x)
    point = {x: [1.0, 2.0], v: [1.0, -1.0]}
    np.testing.assert_allclose(y.eval({x: [1.0, 2.0]}), [1.0, 8.0])
    np.testing.assert_allclose(grad(y.sum(), x).eval({x: [1.0, 2.0]}), [3.0, 12.0])
    np.testing.assert_allclose(Rop(y, x, v).eval(point), [3.0, -12.0])
    assert kind() == kind()


def test_user_op_without_a_rule_says_so():
    x = pt.dscalar("x")
    with pytest.raises(NullTypeGradError, match="no derivative rule"):
        grad(Cube()(x), x)


def test_user_op_that_is_not_implemented():
    class Partial(Cube):
        def grad(self, inputs, output_gradients):
            return [grad_not_implemented(self, 0, inputs[0], "later")]

    x = pt.dscalar("x")
    with pytest.raises(NullTypeGradError, match="not implemented. later"):
        grad(Partial()(x), x)


def test_a_function_as_op_checks_what_it_returns():
    @as_op(itypes=[pt.dvector], otypes=[pt.dscalar])
    def wrong(values):
        return values

    x = pt.dvector("x")
    with pytest.raises(TypeError, match="number of dimensions"):
        wrong(x).eval({x: [1.0]})


class _Announced(Op):
    """As the family's tutorials write it: constructors stand for types."""

    __props__ = ("value",)      # what it computes, or "double", "nothing"
    itypes = [pt.dvector]
    otypes = [pt.dvector]

    def __init__(self, value):
        self.value = value

    def perform(self, node, inputs, output_storage):
        if self.value != "nothing":
            output_storage[0][0] = inputs[0] * 2 if self.value == "double" else self.value

    def grad(self, inputs, output_grads):
        return [output_grads[0] * 2]


def test_constructors_stand_for_types():
    x = pt.dvector("x")
    y = _Announced("double")(x)
    assert y.eval({x: [1.0, 2.0]}).tolist() == [2.0, 4.0]
    assert ad.grad(y.sum(), x).eval({x: [1.0, 2.0]}).tolist() == [2.0, 2.0]
    with pytest.raises(TypeError, match="Cannot convert"):
        _Announced("double")(pt.dmatrix("m"))


@pytest.mark.parametrize(("value", "found"), [
    ("nothing", "put nothing"), (None, "put nothing"), (1.0, "rank 0"), (((1.0,),), "rank 2"),
])
def test_an_op_that_does_not_keep_its_word(value, found):
    x = pt.dvector("x")
    with pytest.raises(TypeError, match=f"(?s){found}.*test_graphs_as_ops.py"):
        _Announced(value)(x).eval({x: [1.0, 2.0]})
