"""What can be asked of the story of a rewriting."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.errors import LabIndexError, LabKeyError, LabTypeError, LabValueError
from autodiff_lab.graph import FunctionGraph, same_graph
from autodiff_lab.rewriting import RULES, RewriteTrace, rewrite, rule, unregister


@pytest.fixture
def table() -> Iterator[None]:
    """Rules declared in a test leave the table again."""
    before = set(RULES)
    yield
    for name in set(RULES) - before:
        unregister(name)


def logistic() -> tuple[Any, RewriteTrace]:
    """The gradient of a sum of logistic values, and how it was rewritten."""
    x = pt.dvector("x")
    trace = ad.function([x], ad.grad((1 / (1 + pt.exp(-x))).sum(), x)).trace
    return x, trace


def test_without_a_rule_the_story_is_another_and_the_graph_computes_the_same() -> None:
    x, trace = logistic()
    other = trace.without("exp_times_sigmoid")
    assert not other.filter(rule="exp_times_sigmoid")
    assert same_graph(other.graph_at(0), trace.graph_at(0))
    assert not same_graph(other.graph_at(len(other)), trace.graph_at(len(trace)))
    assert trace.bisect([[0.3, -1.0]]) is None and other.bisect([[0.3, -1.0]]) is None
    for names in (["stabilize"], ["canonicalize"], ["exp_times_sigmoid", "double_negation"]):
        fewer = trace.without(*names)
        assert not any(fewer.filter(rule=name) for name in names)
    with pytest.raises(LabKeyError, match="perhaps .*exp_times_sigmoid"):
        trace.without("exp_time_sigmoid")


def test_origins_and_names_are_known_in_the_other_story() -> None:
    x = pt.dvector("x")
    y = pt.log(1 + pt.exp(x))
    y.name = "y"
    trace = RewriteTrace()
    rewrite(FunctionGraph([x], [y, ad.grad(y.sum(), x)]), trace=trace)
    other = trace.without("log_of_one_plus_exp")
    assert [v.name for v in other.graph_at(len(other))] == ["y", None]


def test_filter_diff_and_graphs() -> None:
    x, trace = logistic()
    assert {step.phase for step in trace.filter(phase="stabilize")} == {"stabilize"}
    assert all("exp" in str(trace.why(step)) for step in trace.filter(text="exp"))
    assert trace.diff(0, 0) == ""
    lines = trace.diff(0, len(trace)).splitlines()
    assert lines[-1] == "+ (sigmoid((-x)) * sigmoid(x))" and lines[0].startswith("- ")
    single = trace.filter(rule="exp_times_sigmoid")[0].index
    assert 2 <= len(trace.diff(single, single + 1).splitlines()) <= 12
    with pytest.raises(LabIndexError, match="no step 100"):
        trace.graph_at(100)
    with pytest.raises(LabIndexError, match="no step 100"):
        trace.why(100)
    with pytest.raises(LabValueError, match="no step of log_of_exp"):
        trace.why("log_of_exp")


def test_images_follow_a_variable_through_the_passes() -> None:
    x = pt.dvector("x")
    y = pt.log(1 + pt.exp(pt.neg(-x)))
    trace = ad.function([x], [y * 2]).trace
    inside = trace.memo[y]
    assert trace.image(inside, 0) is inside
    assert trace.image(inside, len(trace)).owner.op.name == "softplus"
    for k in range(len(trace) + 1):
        assert trace.image(trace.graph_at(0)[0], k) is trace.graph_at(k)[0]


@pytest.mark.usefixtures("table")
def test_bisecting_finds_the_rule_that_changed_a_number() -> None:
    @rule(client="this test", domain={"x": ad.rewriting.positive})
    def root_of_a_square(x):  # type: ignore[no-untyped-def]
        """Forgets the sign."""
        return pt.sqrt(x * x), x

    x = pt.dvector("x")
    trace = ad.function([x], pt.exp(pt.sqrt(x * x)) * 1 + pt.neg(-x)).trace
    assert trace.bisect({"x": [2.0, 3.0]}) is None
    found = trace.bisect({"x": [2.0, -3.0]})
    assert found is not None and found.rule == "root_of_a_square"
    assert trace.bisect({x: [2.0, -3.0]}) is trace.bisect([[2.0, -3.0]]) is found


def test_costs_and_bits_of_error() -> None:
    x = pt.dscalar("x")
    trace = ad.function([x], pt.log(1 + pt.exp(x))).trace
    assert trace.cost(len(trace)) < trace.cost(0)
    before, after = trace.bits_of_error("log_of_one_plus_exp")
    assert before > after + 2 and after < 1
    same = trace.bits_of_error("constant_in_result_dtype")
    assert same[0] == same[1]


def test_a_story_as_data() -> None:
    _, trace = logistic()
    data = json.loads(json.dumps(trace.to_json()))
    again = RewriteTrace.from_json(data)
    assert again.to_json() == data and again.summary() == trace.summary()
    assert again.filter(rule="exp_times_sigmoid") and "turned" in again.why(0)
    assert again.graph_at(0) == ()
    for question in (lambda: again.without("double_negation"), lambda: again.bisect([1.0]),
                     lambda: again.bits_of_error(0), lambda: again.diff(0, 1)):
        with pytest.raises(LabValueError, match="no graphs"):
            question()


def test_attempts_are_noted_on_request_only() -> None:
    x = pt.dvector("x")
    quiet, full = RewriteTrace(), RewriteTrace("attempts")
    for trace in (quiet, full):
        rewrite(FunctionGraph([x], [pt.log(2 + pt.exp(x)) * 3]), trace=trace)
    assert not quiet.attempts and full.attempts
    assert [step.rule for step in quiet] == [step.rule for step in full]
    tried = sum(p.tried for p in full.passes)
    assert len(full.attempts) == tried - len(full)
    assert all(name in RULES and 0 <= at <= len(full) for at, name, _ in full.attempts)


def test_why_tells_reason_line_and_what_came_before() -> None:
    _, trace = logistic()
    text = trace.why("exp_times_sigmoid")
    assert repr(text) == str(text) and text.count("\n") == 4
    assert RULES["exp_times_sigmoid"].summary in text
    assert "test_trace.py, line" in text and "after:" in text


def test_a_study_answers_the_same_questions() -> None:
    x = pt.dscalar("x")
    study = ad.Study(pt.log(1 + pt.exp(x)), x)
    assert "turned" in study.steps.why("log_of_one_plus_exp")
    assert "applied" in study.steps.why_not("log_of_one_plus_exp")
    assert np.isfinite(study.steps.bits_of_error("log_of_one_plus_exp")).all()
    view = next(v for v in study.steps if v.rule == "log_of_one_plus_exp")
    assert view.bits_before > view.bits_after + 2


def test_questions_that_cannot_be_answered() -> None:
    x, z = pt.dscalars("x", "z")
    trace = ad.function([x], pt.log(1 + pt.exp(x))).trace
    for values in ({}, {"z": 1.0}, {z: 1.0}, []):
        with pytest.raises(LabValueError, match="no value for x|no input 'z'"):
            trace.bisect(values)
    for question in (("log_of_one_plus_exp", "y"), (3, x)):
        with pytest.raises(LabTypeError, match="a rule and a variable"):
            trace.why_not(*question)  # type: ignore[arg-type]
    with pytest.raises(LabKeyError, match="perhaps stabilize, silent"):
        trace.without("stabilise")
    twin, other = (pt.log(1 + pt.exp(v)) for v in (x, z))
    assert "It did, at step 2" in trace.why_not("log_of_one_plus_exp", twin)
    assert "x (float64 scalar) is not computed" in trace.why_not("log_of_one_plus_exp", "x")
    with pytest.raises(LabTypeError, match="names here: x"):
        trace.why_not("log_of_one_plus_exp", "y")
    assert "no part of this graph" in trace.why_not("log_of_one_plus_exp", other)
    read = RewriteTrace.from_json(trace.to_json())
    for ask in (lambda: read.why_not("power_two"), lambda: read.image(x, 0)):
        with pytest.raises(LabValueError, match="no graphs"):
            ask()


def test_a_rule_is_only_tried_where_the_walk_would_try_it() -> None:
    x = pt.dscalar("x")
    trace = ad.function([x], ad.grad(pt.log(1 + pt.exp(-x)), x)).trace
    assert "sigmoid(x) is computed by sigmoid" in trace.why_not("softmax_by_hand")
    gone = trace.why_not("log_of_one_plus_exp")    # nothing reads the logarithm any more
    assert "until step 2: fill_like_simplest turned" in gone


def test_rounding_of_short_floats_is_no_change() -> None:
    x = pt.fvector("x")
    trace = ad.function([x], (x / 3) ** 3 * x).trace
    assert len(trace) and trace.bisect(np.linspace(0.1, 2, 50, dtype="float32")) is None


def test_a_rule_that_was_taken_away_is_still_told(table: None) -> None:
    @rule(phase="specialize", tags="approximate")
    def nearly(a: Any) -> Any:
        """Close to 0."""
        return pt.sin(a), a - a**3 / 6

    x = pt.dscalar("x")
    trace = ad.function([x], pt.sin(x)).trace
    assert nearly.tags == ("approximate",)
    step = trace.bisect(2.0)
    assert step is not None and step.rule == "nearly"
    unregister("nearly")
    assert "nearly turned sin(x)" in trace.why("nearly")
    assert trace.without("nearly").summary() == "0 steps"
