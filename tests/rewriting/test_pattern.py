"""Patterns: what a left side matches, and what becomes of the right side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import autodiff_lab.tensor as pt
from autodiff_lab.errors import LabError
from autodiff_lab.graph import Constant, FunctionGraph, leaves
from autodiff_lab.rewriting import (
    RULES, Axis, Const, RewriteTrace, Rule, positive, rewrite, rule, unregister, why_not,
)
from autodiff_lab.rewriting.driver import apply_rules
from autodiff_lab.testing import check_rule
from autodiff_lab.testing.points import compute


@pytest.fixture(autouse=True)
def table() -> Iterator[None]:
    """Rules declared in a test leave the table again."""
    before = set(RULES)
    yield
    for name in set(RULES) - before:
        unregister(name)


def apply(one: Rule, output: Any) -> tuple[Any, RewriteTrace]:
    inputs = [v for v in leaves([output]) if not isinstance(v, Constant)]
    fgraph = FunctionGraph(inputs, [output], clone=False)
    trace = RewriteTrace()
    apply_rules(fgraph, [one], one.phase, trace)
    return fgraph.outputs[0], trace


def test_a_newcomers_rule() -> None:
    @rule(phase="canonicalize", domain={"x": positive}, client="this test")
    def half_of_log(x):  # type: ignore[no-untyped-def]
        """The logarithm of a root is half the logarithm."""
        return pt.log(pt.sqrt(x)), pt.log(x) / 2

    assert "equal_gradients" in check_rule(half_of_log)
    assert RULES["half_of_log"] is half_of_log
    assert str(half_of_log) == "log(sqrt(x)) -> true_div(log(x), 2)"
    assert "pt.log(pt.sqrt(x))" in half_of_log.source_text


def test_a_wrong_rule_is_caught() -> None:
    @rule(phase="canonicalize", client="this test")
    def wrong(x):  # type: ignore[no-untyped-def]
        """Forgets the sign."""
        return pt.sqrt(pt.sqr(x)), x

    with pytest.raises(AssertionError, match="equal_values"):
        check_rule(wrong)


def test_registering_a_name_again_replaces_the_rule() -> None:
    for factor in (2, 3):
        @rule(client="this test")
        def twice(x, factor=factor):  # type: ignore[no-untyped-def]
            """Made twice, as by a notebook cell that is run again."""
            return pt.cosh(x), pt.cosh(-x)
    assert [name for name in RULES if name == "twice"] == ["twice"]


def test_a_repeated_name_is_one_variable() -> None:
    @rule(client="this test")
    def doubled(x):  # type: ignore[no-untyped-def]
        """A sum of equals."""
        return x + x, 2 * x

    x, y = pt.dvectors("x", "y")
    assert apply(doubled, pt.exp(x) + pt.exp(x))[1].steps
    assert not apply(doubled, x + y)[1].steps
    row = x.dimshuffle("x", 0)
    assert apply(doubled, row + pt.constant(np.zeros((1, 1))) + row)[1].steps == []


def test_both_orders_and_broadcasting() -> None:
    one_plus = RULES["log_of_one_plus_exp"]
    x = pt.dvector("x")
    m = pt.dmatrix("m")
    column = x.dimshuffle(0, "x")
    for y in (pt.log(pt.exp(x) + 1), pt.log(1 + pt.exp(m)), pt.log(np.float32(1.0) + pt.exp(x)),
              pt.log(pt.exp(x).dimshuffle(0, "x") + 1), pt.log(1 + pt.exp(column)),
              pt.log(np.ones((2, 3)) + pt.exp(pt.dscalar("s"))),
              pt.log(pt.fill(m, 1.0) + pt.exp(m))):
        result, trace = apply(one_plus, y)
        assert [step.rule for step in trace.steps] == ["log_of_one_plus_exp"]
        assert y.type.is_super(result.type)
        assert result.type.shape == y.type.shape


def test_casts_between_floats_are_looked_through() -> None:
    x = pt.fvector("x")
    y = pt.log(pt.cast(pt.exp(x), "float64"))
    result, trace = apply(RULES["log_of_exp"], y)
    assert trace.steps and result.dtype == "float64"
    n = pt.lvector("n")
    assert apply(RULES["log_of_exp"], pt.log(pt.exp(n)))[0].dtype == "float64"
    assert not apply(RULES["double_negation"], -pt.cast(-pt.bvector("b"), "int64"))[1].steps


def test_a_zero_keeps_the_shape() -> None:
    column, row = pt.dcol("c"), pt.drow("r")
    y = (column + row) * 0
    result, trace = apply(RULES["multiply_by_zero"], y)
    assert trace.steps
    values = {column: np.ones((3, 1)), row: np.ones((1, 2))}
    assert compute([result], values)[0].shape == (3, 2)
    fixed = pt.TensorType("float64", (3,)).make_variable("v")
    assert apply(RULES["multiply_by_zero"], fixed * 0)[0].type.shape == (3,)


def test_constants_arrive_as_numbers() -> None:
    seen = []

    @rule(client="this test", when=lambda n, c: bool(n > 1) and not seen.append((n, c)))
    def power_of_multiple(x, c: Const, n: Const[int]):  # type: ignore[no-untyped-def]
        """The power of a multiple."""
        return (c * x) ** n, c**n * x**n

    x = pt.fvector("x")
    result, trace = apply(power_of_multiple, (2.5 * x) ** 3)
    assert trace.steps and seen == [(3, np.float32(2.5))]
    assert isinstance(seen[0][0], int)
    assert result.dtype == "float32"
    assert trace.steps[0].bindings["n"] == 3
    assert not apply(power_of_multiple, (2.5 * x) ** 3.5)[1].steps
    assert not apply(power_of_multiple, (2.5 * x) ** 1)[1].steps


def test_axes_are_carried() -> None:
    @rule(client="this test")
    def sum_of_sums(x, y, axis: Axis):  # type: ignore[no-untyped-def]
        """A sum of sums over the same axes."""
        return pt.sum(x, axis=axis) + pt.sum(y, axis=axis), pt.sum(x + y, axis=axis)

    x, y = pt.dmatrices("x", "y")
    result, trace = apply(sum_of_sums, pt.sum(x, axis=1) + pt.sum(y, axis=1))
    assert trace.steps[0].bindings["axis"] == (1,)
    assert result.owner.op.axis == (1,)
    assert not apply(sum_of_sums, pt.sum(x, axis=1) + pt.sum(y, axis=0))[1].steps


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x: x, "two sides"),
        (lambda x: (x, x), "match every variable"),
        (lambda x: (x[0], x), "cannot contain"),
        (lambda x: (pt.exp(pt.dscalar("other")), x), "no parameter"),
        (lambda x: (x + np.ones(3), x), "one number"),
    ],
)
def test_what_is_no_pattern_is_refused(function: Any, said: str) -> None:
    function.__name__ = "refused"
    with pytest.raises(LabError, match=said):
        rule(client="this test")(function)
    assert "refused" not in RULES


def test_an_unknown_phase_and_condition_are_refused() -> None:
    with pytest.raises(LabError, match="phase"):
        rule(phase="polish")(lambda x: (-x, x))
    with pytest.raises(LabError, match="asks for 'z'"):
        rule(when=lambda z: True)(lambda x: (-x, x))


def test_why_not_names_the_first_difference() -> None:
    x, y = pt.dvectors("x", "y")
    looks = "It looks for log((1 + exp(x))): where that has "
    told = {
        pt.log(1 + pt.sin(x)): f"{looks}exp, there is sin(x) here.",
        pt.log(3 + pt.exp(x)): f"{looks}1, there is 3 here.",
        pt.log(pt.exp(x) - 1): f"{looks}add, there is (exp(x) - 1) here.",
        pt.log(pt.exp(x) + 1): "It does change it.",
        x: "It looks at what log computes; x (float64, shape (?,)) is not computed by anything.",
    }
    for variable, text in told.items():
        assert why_not("log_of_one_plus_exp", variable) == text
    assert "x would have to be both x and y" in why_not(
        "sigmoid_minus_its_square", pt.sigmoid(x) - pt.sigmoid(x) * pt.sigmoid(y))
    assert "does not hold for c = 3.0" in why_not("divide_by_power_of_two", x / 3.0)
    assert "not for int8" in why_not("power_three", pt.bvector("n") ** 3)
    assert "had nothing to change" in why_not("constant_folding", x + y)
    assert "c stands for a constant" in why_not("negative_of_multiple", -(x * y))
    with pytest.raises(LabError, match="perhaps .*log_of_one_plus_exp"):
        why_not("log_of_one_plus_expo", x)


def test_why_not_knows_what_happened_before() -> None:
    x = pt.dvector("x")
    y = pt.log(1 - pt.exp(pt.log(x)))
    trace = RewriteTrace()
    rewrite(FunctionGraph([x], [y]), trace=trace)
    text = why_not("log_of_exp", y, trace)
    assert text.startswith("It looks for log(exp(x)): where that has log, there is log1p(")
    assert "; log_of_one_minus made that from log(" in text

    @rule(phase="specialize", client="this test")
    def late(x):  # type: ignore[no-untyped-def]
        """Comes when the pattern is gone."""
        return pt.log(1 + pt.exp(x)), pt.softplus(x)

    trace = RewriteTrace()
    rewrite(FunctionGraph([x], [-pt.log(1 + pt.exp(x))]), trace=trace)
    text = trace.why_not("late")
    assert "log_of_one_plus_exp turned log((1.0 + exp(x))) into softplus(x) before late" in text
    assert "applied: step" in trace.why_not("log_of_one_plus_exp")
    unregister("late")
    assert "excluded" in trace.without("log_of_one_plus_exp").why_not("log_of_one_plus_exp")
