"""What rewriting must give: the tutorials' gradients, in every mode."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.control.jacobian import hessian, jacobian
from autodiff_lab.gradient import grad
from autodiff_lab.graph import FunctionGraph, toposort
from autodiff_lab.rewriting import PHASES, rewrite, rewrite_graph
from autodiff_lab.testing.points import compute

MODES = [(), ("canonicalize",), ("stabilize",), PHASES]


def run(inputs: list[Any], output: Any, phases: Any = PHASES) -> FunctionGraph:
    fgraph = FunctionGraph(inputs, [output])
    rewrite(fgraph, phases)
    return fgraph


def names(fgraph: FunctionGraph) -> list[str]:
    return sorted(node.op.name for node in fgraph.toposort())


def text(variable: Any) -> str:
    """The expression as nested op names, for small graphs."""
    if variable.owner is None:
        value = getattr(variable, "data", None)
        return str(variable.name) if value is None else str(np.asarray(value).reshape(-1)[0])
    inner = ", ".join(map(text, variable.owner.inputs))
    return f"{variable.owner.op.name}({inner})"


@pytest.mark.parametrize("maker", [pt.dscalar, pt.dvector, pt.dmatrix, pt.fmatrix])
def test_gradient_of_square_is_one_node(maker: Any) -> None:
    x = maker("x")
    fgraph = run([x], grad(pt.sum(x**2), x))
    assert text(fgraph.outputs[0]) == "mul(2.0, x)"
    assert fgraph.outputs[0].type == x.type


@pytest.mark.parametrize("phases", MODES, ids=["none", *PHASES])
@pytest.mark.parametrize("maker", [pt.dscalar, pt.dmatrix, pt.fmatrix, pt.drow])
def test_gradient_of_logistic_is_four_nodes(maker: Any, phases: Any) -> None:
    x = maker("x")
    fgraph = run([x], grad(pt.sum(1 / (1 + pt.exp(-x))), x), phases)
    assert names(fgraph) == ["mul", "neg", "sigmoid", "sigmoid"]
    assert text(fgraph.outputs[0]) == "mul(sigmoid(neg(x)), sigmoid(x))"


def test_logistic_itself_is_sigmoid() -> None:
    for maker in (pt.dscalar, pt.dmatrix):
        x = maker("x")
        for y in (1 / (1 + pt.exp(-x)), pt.exp(x) / (1 + pt.exp(x)), 1 / (1 + 1 / pt.exp(x))):
            assert text(run([x], y).outputs[0]) == "sigmoid(x)"


SPELLINGS: dict[str, Any] = {
    "definition": lambda x: 1 / (1 + pt.exp(-x)),
    "exp above": lambda x: pt.exp(x) / (1 + pt.exp(x)),
    "weights": lambda x: 3 / (1 + pt.exp(-2 * x)) - 1,
    "logistic loss": lambda x: pt.log(1 + pt.exp(-x)),
    "log of sigmoid": lambda x: pt.log(pt.sigmoid(x)),
    "log of 1 - sigmoid": lambda x: pt.log(1 - pt.sigmoid(x)),
    "inside": lambda x: pt.exp(1 / (1 + pt.exp(-x))),
    "square": lambda x: 1 / (1 + pt.exp(-x)) ** 2,
    "product": lambda x: x * (1 / (1 + pt.exp(-x))),
    "two": lambda x: pt.log(pt.exp(x) + pt.exp(2 * x)),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_nan_far_out(spelling: str) -> None:
    x = pt.dvector("x")
    y = pt.sum(SPELLINGS[spelling](x))
    fgraph = run([x], grad(y, x), ())
    found = compute(fgraph.outputs, {fgraph.inputs[0]: np.array([-800.0, -40.0, 0.3, 40.0, 800.0])})
    assert np.isfinite(found[0]).all()
    near = np.array([-2.0, 0.3, 1.0, 2.5, 3.0])
    raw = compute([grad(y, x)], {x: near})[0]
    assert np.allclose(raw, compute(fgraph.outputs, {fgraph.inputs[0]: near})[0], 1e-10)


def test_second_derivative_of_logistic_far_out() -> None:
    x = pt.dscalar("x")
    first = grad(1 / (1 + pt.exp(-x)), x)
    fgraph = run([x], grad(first, x))
    for point in (-800.0, 800.0):
        assert compute(fgraph.outputs, {fgraph.inputs[0]: np.float64(point)})[0] == 0.0
    value = compute(fgraph.outputs, {fgraph.inputs[0]: np.float64(40.0)})[0]
    assert np.isclose(value, -4.248354255291589e-18, 1e-12)


def test_no_fill_is_left_where_the_shape_is_known() -> None:
    x, y = pt.dmatrices("x", "y")
    cost = pt.sum(pt.exp(x) * y + pt.sqrt(x) / 3)
    for derivative in grad(cost, [x, y]):
        assert "second" not in names(run([x, y], derivative))


def test_a_user_graph_is_not_changed() -> None:
    x = pt.dmatrix("x")
    y = pt.neg(-pt.exp(x))
    before = toposort([y])
    result = rewrite_graph(y)
    assert toposort([y]) == before
    assert toposort([result])[0].inputs[0] is x
    assert [n.op.name for n in toposort([result])] == ["exp"]


def test_rewrite_graph_takes_what_it_gives() -> None:
    x = pt.dvector("x")
    pair = rewrite_graph([x + 0, x * 1])
    assert pair == [x, x]
    fgraph = FunctionGraph([x], [x + 0])
    copy = rewrite_graph(fgraph)
    assert len(fgraph.apply_nodes) == 2 and not copy.apply_nodes
    rewrite_graph(fgraph, clone=False)
    assert not fgraph.apply_nodes


def test_one_rule_by_name() -> None:
    x = pt.dscalar("x")
    assert text(rewrite_graph(pt.log(1 + x))) == "log(add(1.0, x))"
    everything = rewrite_graph(pt.log(1 + x), include=PHASES)
    assert text(everything) == "log1p(x)"
    without = rewrite_graph(pt.log(1 + x), include=PHASES, exclude=("log_of_one_plus",))
    assert text(without) == "log(add(1.0, x))"


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64"])
def test_whole_numbers_keep_their_arithmetic(dtype: str) -> None:
    x = pt.TensorType(dtype, (None,)).make_variable("x")
    values = np.array([0, 1, 3, 100, 127], dtype)
    for y in (pt.neg(-x), x * 1 + 0, (x * 3) * 2, 1 / (1 + pt.exp(-x)), (2 * x) / 4, pt.exp(x) - 1,
              pt.abs(-x), x**2, pt.log(1 + x), pt.sum(-x), -(x - 1), x - (-x)):
        fgraph = run([x], y)
        assert fgraph.outputs[0].dtype == y.dtype
        before = compute([y], {x: values})[0]
        after = compute(fgraph.outputs, {fgraph.inputs[0]: values})[0]
        assert np.allclose(before, after, 1e-5, equal_nan=True), text(y)


@pytest.mark.parametrize(
    "mode", ["auto", "FAST_RUN", "FAST_COMPILE", "NUMBA", "PYTHON", "DebugMode"]
)
def test_dlogistic_in_every_mode(mode: str) -> None:
    x = pt.dvector("x")
    f = ad.function([x], grad(pt.sum(1 / (1 + pt.exp(-x))), x), mode=mode)
    near, far, farther = f([40.0, 800.0, -800.0])  # a warning would be an error here
    true = 4.248354255291589e-18
    assert abs(near - true) <= 2 * np.spacing(true)
    assert far == farther == 0.0


@pytest.mark.parametrize("made", ["jacobian", "hessian", "vector first"])
def test_no_matrix_is_made_for_a_product_with_a_vector(made: str) -> None:
    x, v, weights = pt.dvector("x"), pt.dvector("v"), pt.dmatrix("W")
    f = pt.tanh(pt.dot(weights, x))
    product = {
        "jacobian": lambda: pt.dot(jacobian(f, x), v),
        "hessian": lambda: pt.dot(hessian(pt.sum(f**2), x), v),
        "vector first": lambda: pt.dot(v, jacobian(f, x)),
    }[made]()
    fgraph = run([x, v, weights], product)
    assert max(v.ndim for node in fgraph.toposort() for v in node.outputs
               if node.op.name != "dimshuffle") == 1
    values = [np.array([0.1, -0.2]), np.array([0.5, 2.0]), np.array([[1.0, 2.0], [3.0, -1.0]])]
    before = compute([product], dict(zip([x, v, weights], values)))[0]
    assert np.allclose(before, compute(fgraph.outputs, dict(zip(fgraph.inputs, values)))[0])


def test_the_derivative_of_a_safe_switch_is_finite() -> None:
    x = pt.dvector("x")
    y = pt.sum(pt.where(x > 0, pt.sqrt(x) * pt.log(x), 0.0))
    fgraph = run([x], grad(y, x))
    found = compute(fgraph.outputs, {fgraph.inputs[0]: np.array([0.0, 1.0, -4.0])})[0]
    assert found.tolist() == [0.0, 1.0, 0.0]


def test_powers_and_logarithms_at_the_edge_of_their_domain() -> None:
    x = pt.dvector("x")
    tiny = np.array([5e-324, 1e-309, 6e-309, 1.0, 1e300])
    cases: dict[Any, Any] = {
        x**-0.5: (np.array([-0.0, 0.0, 4.0, np.inf, -1.0]), lambda v: np.power(v, -0.5)),
        x**-2: (np.array([-0.0, 1e160, 1e-160, -2.0]), lambda v: np.power(v, -2.0)),
        pt.log1p(x) - pt.log(x): (tiny[:4], lambda v: np.log1p(v) - np.log(v)),
        pt.log(x + 1) - pt.log(x): (tiny[:4], lambda v: np.log(v + 1) - np.log(v)),
        (x + 1) ** 1e-3 - x**1e-3: (tiny[:4], lambda v: (v + 1) ** 1e-3 - v**1e-3),
    }
    for expression, (values, truth) in cases.items():
        for mode in ("PYTHON", "NUMBA"):
            found = ad.function([x], expression, mode=mode)(values)
            with np.errstate(all="ignore"):
                np.testing.assert_allclose(found, truth(values), rtol=1e-12)


@pytest.mark.parametrize(
    ("dtype", "exponent"), [("bool", 1), ("bool", 0), ("uint8", 0), ("int8", -128)]
)
def test_an_exponent_less_one_does_not_wrap_around(dtype: str, exponent: int) -> None:
    x, n = pt.dscalar("x"), pt.scalar("n", dtype=dtype)
    for y in (n, pt.constant(exponent, dtype=dtype)):
        slope = ad.function([x, n], ad.grad(x**y, x), on_unused_input="ignore")
        found = float(slope(100.0, np.asarray(exponent, dtype)))
        assert found == pytest.approx(exponent * 100.0 ** (exponent - 1))


@pytest.mark.parametrize("by_hand", [True, False])
def test_the_derivative_of_a_softmax_is_as_good_as_its_value(by_hand: bool) -> None:
    x, w = pt.dmatrix("x"), pt.dmatrix("w")
    label = pt.lvector("label")
    total = pt.exp(x).sum(axis=1, keepdims=True)
    s = pt.exp(x) / total if by_hand else pt.special.softmax(x, axis=1)
    losses = [(s * w).sum(), -(w * pt.log(s)).sum(), -pt.log(s)[pt.arange(x.shape[0]), label].sum()]
    weights = np.array([[0.0, 1.0, 0.0], [1.0, 2.0, -1.0]])
    f = ad.function([x, w, label], [ad.grad(loss, x) for loss in losses], mode="PYTHON")
    for row in ([800.0, 801.0, 799.0], [0.0, -1000.0, 1.0], [-800.0, -790.0, -800.0]):
        p = np.exp(row - np.max(row))
        p /= p.sum()
        linear, cross, picked = f([row, row], weights, [1, 1])
        moved = p * weights
        np.testing.assert_allclose(linear, moved - p * moved.sum(axis=1)[:, None], atol=1e-12)
        np.testing.assert_allclose(cross, p * weights.sum(axis=1)[:, None] - weights, rtol=1e-12)
        np.testing.assert_allclose(picked, [p - [0.0, 1.0, 0.0]] * 2, rtol=1e-12)


def test_a_whole_exponent_stays_as_written() -> None:
    v = pt.dvector("v")
    assert "(v ** (TensorConstant{2} - TensorConstant{1}))" in ad.pp(ad.grad((v**2).sum(), v))
