"""Rules that misbehave: the graph before them stays, and one warning shows how to see it again."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.errors import LabError, RewriteError, RewriteWarning
from autodiff_lab.graph import FunctionGraph
from autodiff_lab.rewriting import RULES, node_rewriter, rewrite, rule, unregister, why_not
from autodiff_lab.rewriting.faults import written
from autodiff_lab.testing import check_rule


@pytest.fixture(autouse=True)
def table() -> Iterator[None]:
    """Rules declared in a test leave the table again."""
    before = set(RULES)
    yield
    for name in set(RULES) - before:
        unregister(name)


def raises() -> None:
    @node_rewriter(["cosh"], client="this test")
    def faulty(context: Any, node: Any) -> Any:
        """Fails on what is added to."""
        if node.inputs[0].owner is not None and node.inputs[0].owner.op.name == "add":
            raise ZeroDivisionError("no")


def changes_type() -> None:
    @node_rewriter(["cosh"], client="this test")
    def faulty(context: Any, node: Any) -> Any:
        """Answers in another dtype."""
        return pt.cast(node.outputs[0], "float32")


def drops_an_output() -> None:
    @node_rewriter(["cosh"], client="this test")
    def faulty(context: Any, node: Any) -> Any:
        """Answers with nothing for its output."""
        return []


def returns_a_number() -> None:
    @node_rewriter(["cosh"], client="this test")
    def faulty(context: Any, node: Any) -> Any:
        """Answers with what is no variable."""
        return [3.0]


def loops() -> None:
    @rule(client="this test")
    def faulty(x):  # type: ignore[no-untyped-def]
        """Goes round."""
        return pt.cosh(x), pt.cosh(-x)


def is_wrong() -> None:
    @rule(client="this test")
    def faulty(x):  # type: ignore[no-untyped-def]
        """Holds for no number but 0."""
        return pt.cosh(x), 1 + x


def is_wrong_as_a_function() -> None:
    @node_rewriter(["cosh"], client="this test")
    def faulty(context: Any, node: Any) -> Any:
        """Gives another function."""
        return pt.sinh(node.inputs[0])


FAULTS: dict[Callable[[], None], str] = {
    raises: "ZeroDivisionError: no", changes_type: "changed the type",
    drops_an_output: "0 results for 1 outputs", returns_a_number: "no variable",
    loops: "undo each other for ever", is_wrong: "changed the value: ",
    is_wrong_as_a_function: "changed the value: ",
}


def shown(message: str) -> str:
    """The Python in a message."""
    lines = message.splitlines()
    start = next(k for k, line in enumerate(lines) if "to see it again" in line)
    return "\n".join(line.strip() for line in lines[start + 1 :])


@pytest.mark.parametrize("declare", FAULTS, ids=lambda f: f.__name__)
def test_compiling_goes_on_and_the_reproduction_runs(declare: Callable[[], None]) -> None:
    declare()
    x = pt.dvector("x")
    y = pt.exp(pt.cosh(3.0 + pt.sin(x * 2) + x)) + pt.cosh(1 + x)
    with pytest.warns(RewriteWarning) as caught:
        f = ad.function([x], y)
    assert np.allclose(f([0.3]), np.exp(np.cosh(3 + np.sin(0.6) + 0.3)) + np.cosh(1.3))
    assert len(caught) == 1
    message = str(caught[0].message)
    assert FAULTS[declare] in message and "faulty" in message
    assert "test_faults.py, line" in message and len(message.splitlines()) <= 12
    code = shown(message)
    assert len(code.splitlines()) <= 4
    with pytest.raises(RewriteError, match="faulty"):
        exec(code, {})


@pytest.mark.parametrize("declare", FAULTS, ids=lambda f: f.__name__)
def test_a_fault_is_an_error_on_request(declare: Callable[[], None]) -> None:
    declare()
    x = pt.dvector("x")
    with pytest.raises(RewriteError, match="faulty"):
        rewrite(FunctionGraph([x], [pt.cosh(1 + x)]), on_fault="raise")
    with pytest.raises(RewriteError, match="faulty"):
        ad.function([x], pt.cosh(1 + x), mode=ad.Mode(checks="compare"))


def test_the_cause_of_a_loop_is_the_rule_from_outside() -> None:
    loops()
    x = pt.dvector("x")
    with pytest.warns(RewriteWarning, match="left out here: faulty\n"):
        assert ad.rewrite_graph(-pt.cosh(x) * -1) is not None


def test_a_domain_and_a_tag_keep_a_rule_from_being_called_wrong() -> None:
    x, y = pt.dvectors("x", "y")

    @rule(client="this test", domain={"x": ad.rewriting.positive})
    def positive_only(x):  # type: ignore[no-untyped-def]
        """Right for positive numbers."""
        return pt.cosh(abs(x)), pt.cosh(x)

    @rule(client="this test", tags=["approximate"])
    def about(x):  # type: ignore[no-untyped-def]
        """Right near 0."""
        return pt.tan(x), x

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ad.rewrite_graph(pt.tan(y)) is y
        assert ad.rewrite_graph(pt.cosh(abs(x))).owner.inputs[0] is x


@pytest.mark.parametrize("declare", FAULTS, ids=lambda f: f.__name__)
def test_checking_a_rule_names_what_does_not_hold(declare: Callable[[], None]) -> None:
    declare()
    faulty = RULES["faulty"]
    faulty.example = faulty.example or (lambda x: pt.cosh(1 + x))
    with pytest.raises(AssertionError, match="the rule faulty does not hold") as caught:
        check_rule("faulty", count=20)
    assert FAULTS[declare].split(":")[0] in str(caught.value) or "became" in str(caught.value)
    assert not faulty.proved


def test_a_cell_run_again_replaces_its_rule() -> None:
    x = pt.dvector("x")
    for factor in (2, 3):

        @rule(client="this test", tags=["approximate", "mine"])
        def scaled(x):  # type: ignore[no-untyped-def]
            """Another factor each time."""
            return pt.cosh(x), x * factor  # noqa: B023

        assert ad.rewrite_graph(pt.cosh(x), include=["scaled"]).eval({x: [1.0]}) == [factor]
    assert list(RULES).count("scaled") == 1
    assert ad.rewrite_graph(pt.cosh(x), include=["mine"]).owner.op.name == "mul"
    for excluded in ("scaled", "mine", "canonicalize"):
        assert ad.rewrite_graph(pt.cosh(x), exclude=[excluded]).owner.op.name == "cosh"


def test_names_alone_run_these_rules_only() -> None:
    x = pt.dvector("x")
    y = pt.log(1 + pt.exp(pt.neg(-x)))
    assert ad.rewrite_graph(y, include=["double_negation"]).owner.op.name == "log"
    assert ad.rewrite_graph(y, include=["canonicalize", "stabilize"]).owner.op.name == "softplus"


def test_a_graph_written_as_python_computes_the_same() -> None:
    m, n = pt.dmatrix("m"), pt.fvector("for")
    y = pt.dot(m, pt.exp(n)).sum() * 2 + m[0].max() - pt.cast(n, "float64").T[1]
    *lines, last = written(y).splitlines()
    space: dict[str, Any] = {"pt": pt, "ad": ad}
    exec("\n".join([*lines, f"y = {last}"]), space)
    values = {"m": np.eye(2), "for": np.float32([1, 2])}
    free = {v: values["m" if v.ndim == 2 else "for"] for v in (m, n)}
    made = {space["m"]: values["m"], space["x1"]: values["for"]}
    assert space["y"].eval(made) == y.eval(free)


def sine(a: Any, b: Any) -> Any:
    """Of a, and of a name that the left side does not have."""
    return pt.sin(a), pt.sin(a) + 0 * b


def odd(a: Any) -> Any:
    """The sine is odd."""
    return pt.sin(a), -pt.sin(-a)


@pytest.mark.parametrize(("declare", "told"), [
    (lambda: rule(odd), "needs brackets"),  # type: ignore[arg-type]
    (lambda: node_rewriter(odd), "needs brackets"),  # type: ignore[arg-type]
    (lambda: rule()(sine), "reads b"),
    (lambda: rule(domain={"b": ad.rewriting.interval(0, 1)})(odd), "names b"),
    (lambda: rule(domain={"a": (0, 1)})(odd), "domain of a"),
], ids=["brackets", "brackets of a node's", "unbound", "domain of nothing", "no interval"])
def test_bad_declarations_are_told_at_once(declare: Callable[[], Any], told: str) -> None:
    with pytest.raises(LabError, match=told):
        declare()
    assert not {"sine", "odd"} & set(RULES)


@pytest.mark.parametrize("answer", [True, 3.0, "abc", {}])
def test_what_is_no_variable(answer: Any) -> None:
    @node_rewriter("sin")
    def answers(context: Any, node: Any) -> Any:
        """Something else."""
        return answer

    with pytest.warns(RewriteWarning, match="which is no variable"):
        ad.rewrite_graph(pt.sin(pt.dscalar("x")), include="canonicalize")
    with pytest.raises(AssertionError, match="no example="):
        check_rule(answers)


def test_asking_about_a_rule_that_fails() -> None:
    @node_rewriter("sin")
    def falls(context: Any, node: Any) -> Any:
        """Always."""
        raise KeyError("boo")

    told = why_not("falls", pt.sin(pt.dscalar("x")))
    assert told == "It fails at sin(x): KeyError: 'boo'"


def test_a_rule_of_the_package_comes_back() -> None:
    ours = RULES["double_negation"]

    def double_negation(a: Any) -> Any:
        """Mine."""
        return pt.neg(-a), a

    for _ in range(2):
        assert rule()(double_negation) is RULES["double_negation"] is not ours
    unregister("double_negation")
    assert RULES["double_negation"] is ours
