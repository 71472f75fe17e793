"""The driver: linear, without recursion, and calm about rules that misbehave."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

import autodiff_lab.tensor as pt
from autodiff_lab.errors import RewriteLoop, RewriteWarning
from autodiff_lab.gradient import grad
from autodiff_lab.graph import FunctionGraph, same_graph
from autodiff_lab.rewriting import RULES, RewriteTrace, node_rewriter, rewrite, rule, unregister
from autodiff_lab.rewriting.driver import run_phases


@pytest.fixture(autouse=True)
def table() -> Iterator[None]:
    """Rules declared in a test leave the table again."""
    before = set(RULES)
    yield
    for name in set(RULES) - before:
        unregister(name)


def chain(length: int) -> tuple[Any, Any]:
    """A mixed chain of so many ops."""
    x = pt.dvector("x")
    y = x
    ops = [pt.exp, lambda v: v * 2, pt.tanh, lambda v: v + x, lambda v: -v, pt.sin,
           lambda v: 1 / (1 + pt.exp(-v)), lambda v: v * x]
    for place in range(length):
        y = ops[place % len(ops)](y)
    return x, y


def test_deep_chains_need_no_recursion_and_linear_work() -> None:
    counts = {}
    limit = sys.getrecursionlimit()
    for length in (2_500, 20_000):
        x, y = chain(length)
        trace = RewriteTrace()
        fgraph = FunctionGraph([x], [y])
        rewrite(fgraph, trace=trace)
        counts[length] = (sum(p.visited for p in trace.passes), sum(p.tried for p in trace.passes))
    assert sys.getrecursionlimit() == limit
    for small, large in zip(counts[2_500], counts[20_000]):
        assert large < 8.1 * small


def test_the_gradient_of_a_deep_chain() -> None:
    x, y = chain(3_000)
    fgraph = FunctionGraph([x], [grad(pt.sum(y), x)])
    rewrite(fgraph)
    assert all(node.op.name != "second" for node in fgraph.toposort())


def test_a_rule_that_raises_is_left_out() -> None:
    @node_rewriter(["exp"], client="this test")
    def breaks(context: Any, node: Any) -> Any:
        """Fails."""
        raise ZeroDivisionError("no")

    x = pt.dvector("x")
    fgraph = FunctionGraph([x], [pt.neg(-pt.exp(pt.exp(x)))])
    with pytest.warns(RewriteWarning) as caught:
        rewrite(fgraph)
    assert len(caught) == 1
    message = str(caught[0].message)
    assert "breaks" in message and "ZeroDivisionError: no" in message
    assert "test_driver.py, line" in message
    assert [node.op.name for node in fgraph.toposort()] == ["exp", "exp"]


def test_a_rule_that_changes_the_type_is_left_out() -> None:
    @node_rewriter(["exp"], client="this test")
    def changes_type(context: Any, node: Any) -> Any:
        """Answers in another dtype."""
        return pt.cast(node.inputs[0], "float32")

    x = pt.dvector("x")
    fgraph = FunctionGraph([x], [pt.exp(x)])
    with pytest.warns(RewriteWarning, match="changed the type"):
        rewrite(fgraph)
    assert fgraph.outputs[0].dtype == "float64"


def test_a_rule_that_knows_less_about_the_shape_is_passed_over() -> None:
    @node_rewriter(["exp"], client="this test")
    def forgets(context: Any, node: Any) -> Any:
        """Answers with a variable of unknown length."""
        return other

    x = pt.TensorType("float64", (3,)).make_variable("x")
    other = pt.dvector("other")
    fgraph = FunctionGraph([x, other], [pt.exp(x)], clone=False)
    rewrite(fgraph)
    assert fgraph.outputs[0].type.shape == (3,)


def loop_rules() -> None:
    @rule(client="this test")
    def there(x):  # type: ignore[no-untyped-def]
        """One way."""
        return pt.cosh(x), pt.cosh(-x)

    @rule(client="this test")
    def and_back(x):  # type: ignore[no-untyped-def]
        """And the other."""
        return pt.cosh(-x), pt.cosh(x)


def test_rules_that_undo_each_other_are_named() -> None:
    loop_rules()
    x = pt.dvector("x")
    fgraph = FunctionGraph([x], [pt.neg(-pt.cosh(x))])
    trace = RewriteTrace()
    with pytest.warns(RewriteWarning) as caught:
        rewrite(fgraph, trace=trace)
    assert len(caught) == 1
    assert "there" in str(caught[0].message) and "and_back" in str(caught[0].message)
    assert [node.op.name for node in fgraph.toposort()] == ["cosh"]
    assert {step.rule for step in trace.steps} == {"double_negation"}
    with pytest.raises(RewriteLoop):
        run_phases(FunctionGraph([x], [pt.cosh(x)]), ["canonicalize"], on_fault="raise")


def test_a_rule_that_grows_for_ever_is_named() -> None:
    @rule(client="this test", tags=["approximate"])
    def grows(x):  # type: ignore[no-untyped-def]
        """Larger at each step."""
        return pt.cosh(x), pt.cosh(x + pt.sin(x))

    x = pt.dvector("x")
    with pytest.warns(RewriteWarning, match="grows"):
        rewrite(FunctionGraph([x], [pt.cosh(x)]))


def test_a_rule_around_its_own_node_is_a_loop() -> None:
    @node_rewriter(["cosh"], client="this test")
    def wraps(context: Any, node: Any) -> Any:
        """Reads what it replaces."""
        return abs(node.outputs[0])

    x = pt.dvector("x")
    with pytest.warns(RewriteWarning, match="wraps"):
        rewrite(FunctionGraph([x], [pt.cosh(x)]))


def test_rules_that_look_at_readers_run_again() -> None:
    @node_rewriter(["neg"], client="this test", uses={"clients"}, only_in=True,
                   tags=["approximate"])
    def only_reader(context: Any, node: Any) -> Any:
        """Goes where its argument has no other reader."""
        inner = node.inputs[0]
        if inner.owner is None or inner.owner.op.name != "cosh" or context.readers(inner) != 1:
            return None
        return pt.sinh(inner)

    x = pt.dvector("x")
    fgraph = FunctionGraph([x], [-pt.cosh(x) + 0 * pt.cosh(x)])
    trace = RewriteTrace()
    rewrite(fgraph, trace=trace)
    assert [node.op.name for node in fgraph.toposort()] == ["cosh", "sinh"]
    assert sum(p.phase == "canonicalize" for p in trace.passes) >= 2


def test_the_trace_replays_every_step() -> None:
    x = pt.dmatrix("x")
    fgraph = FunctionGraph([x], [grad(pt.sum(1 / (1 + pt.exp(-x))), x)])
    start = fgraph.outputs
    trace = RewriteTrace()
    rewrite(fgraph, trace=trace)
    assert trace.graph_at(0) == start
    assert trace.graph_at(len(trace)) == fgraph.outputs
    graphs = [trace.graph_at(k) for k in range(len(trace) + 1)]
    for step, before, after in zip(trace.steps, graphs, graphs[1:]):
        assert not same_graph(before, after), step.rule
    assert trace.summary().startswith(f"{len(trace)} steps: ")
    assert len(trace.to_json()) == len(trace)
    assert all(step.elapsed_ns >= 0 for step in trace.steps)


def test_names_origins_and_roles_are_handed_on() -> None:
    x = pt.dmatrix("x")
    y = 1 / (1 + pt.exp(-x))
    y.name = "y"
    gradient = grad(pt.sum(y), x)
    fgraph = FunctionGraph([x], [y, gradient])
    trace = RewriteTrace()
    rewrite(fgraph, trace=trace)
    value, derivative = fgraph.outputs
    assert value.owner.op.name == "sigmoid" and value.name == "y"
    assert fgraph.names[value] == ("y",)
    assert y in fgraph.origin[value] and gradient in fgraph.origin[derivative]
    assert any(role.kind == "adjoint" and role.of is x for role in fgraph.roles[derivative])
    for step in trace.steps:
        for made in step.created:
            if made.owner is not None and any(fgraph.origin.get(v) for v in step.before):
                assert fgraph.origin.get(made)


def test_the_source_line_of_a_replacement_is_the_users() -> None:
    x = pt.dmatrix("x")
    y = pt.log(1 + pt.exp(x))
    fgraph = FunctionGraph([x], [y])
    rewrite(fgraph)
    assert fgraph.outputs[0].owner.op.name == "softplus"
    assert fgraph.outputs[0].owner.source == y.owner.source


def test_nothing_is_said_about_a_clean_graph() -> None:
    x = pt.dmatrix("x")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rewrite(FunctionGraph([x], [pt.exp(x) * x]))
