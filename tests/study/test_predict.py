"""Thirty usual wrong answers, and the rule that each is about; right answers; hostile ones."""

from __future__ import annotations

import pytest

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.errors import LabTypeError, LabValueError
from autodiff_lab.study import Study
from autodiff_lab.study.wrong_rules import table

LINE = "x=np.array([.5, 2., 1.]), w=2., b=1., t=np.array([1., 0., 2.])"
SQUARES = "X=np.array([[1., 2, 0], [0, 1, 3]]), w=np.ones(3), t=np.zeros(2)"
SQUARE = "X=np.array([[1., 2], [0, 3]]), w=np.ones(2)"

# the function, by what, at, the answer, the rule, the part of the function it belongs to
WRONG = [
    ("x**3", "x", "", "3 * x**3", "power rule", "x^3"),
    ("x**5", "x", "", "x**4", "power rule", "x^5"),
    ("x**-2", "x", "", "-2 * x**-1", "power rule", "x^(-2)"),
    ("sqrt(x)", "x", "", "1 / sqrt(x)", "power rule", "sqrt(x)"),
    ("sin(x**2)", "x", "", "cos(x**2)", "chain rule", "sin(x^2)"),
    ("(x**2 + 1)**3", "x", "", "3 * (x**2 + 1)**2", "chain rule", "(x^2 + 1)^3"),
    ("exp(-x)", "x", "", "exp(-x)", "chain rule", "exp(-x)"),
    ("log(3 * x)", "x", "", "1 / (3 * x)", "chain rule", "log(3x)"),
    ("sin(x**2)", "x", "", "cos(2 * x)", "chain rule", "sin(x^2)"),
    ("x**2 * sin(3 * x)", "x", "", "2*x*sin(3*x) + x**2 * cos(3*x)", "chain rule", "sin(3x)"),
    ("cos(x)", "x", "", "sin(x)", "sign of the derivative of cos", "cos(x)"),
    ("exp(x) - x**2", "x", "", "exp(x) + 2 * x", "sign", "exp(x) - x^2"),
    ("log10(x)", "x", "", "1 / x", "log base", "log10(x)"),
    ("log(x)", "x", "", "1 / (x * np.log(10))", "log base", "log(x)"),
    ("exp(2 * x)", "x", "", "2 * x * exp(2 * x - 1)", "power rule", "exp(2x)"),
    ("2**x", "x", "", "x * 2**(x - 1)", "exponential rule", "2^x"),
    ("x**2 * exp(x)", "x", "", "2 * x * exp(x)", "product rule", "x^2 * exp(x)"),
    ("x * log(x)", "x", "", "1 + 1 / x", "product rule", "x * log(x)"),
    ("sin(x) / x", "x", "", "cos(x)", "quotient rule", "sin(x)/x"),
    ("sin(x) / x", "x", "", "(sin(x) - x * cos(x)) / x**2", "quotient rule", "sin(x)/x"),
    ("x / (1 + x**2)", "x", "", "(1 - x**2) / (1 + x**2)", "quotient rule", "x/(1 + x^2)"),
    ("1 / (1 + exp(-x))", "x", "", "exp(-x) / (1 + exp(-x))", "quotient rule",
     "1/(1 + exp(-x))"),
    ("x**2 + 3", "x", "", "2 * x + 3", "constant", "x^2 + 3"),
    ("5 * x**2", "x", "", "2 * x", "constant factor", "5x^2"),
    ("tanh(x)", "x", "", "1 - tanh(x)", "derivative of tanh", "tanh(x)"),
    ("((w * x + b - t)**2).sum()", "b", LINE, "2 * (w * x + b - t)", "broadcasting", "w * x + b"),
    ("((X @ w - t)**2).mean()", "w", SQUARES, "2 * X.T @ (X @ w - t)", "sum and mean", "(sum_i"),
    ("((X @ w)**2).sum()", "w", SQUARE, "2 * X @ (X @ w)", "transpose", "X @ w"),
    ("w @ X @ w", "w", SQUARE, "2 * X @ w", "product rule", "w @ X @ w"),
    ("((X + w)**2).sum()", "w", SQUARE, "(2 * (X + w)).sum(1)", "broadcasting", "X + w"),
]
FEWEST_NAMED = 27


def study_of(text: str, wrt: str, at: str = "") -> Study:
    import numpy as np

    return Study.from_cell(text, {"np": np}, wrt, **({"at": at} if at else {}))


def test_the_first_wrong_rule_is_named_in_nearly_all() -> None:
    missed = []
    for text, wrt, at, answer, rule, part in WRONG:
        verdict = study_of(text, wrt, at).predict(answer)
        assert not verdict, (text, answer)
        assert len(str(verdict).splitlines()) <= 12
        if verdict.rule != rule or not verdict.where.startswith(part):
            missed.append((text, answer, verdict.rule, verdict.where))
    assert len(WRONG) >= 30 and len(WRONG) - len(missed) >= FEWEST_NAMED, missed


RIGHT = [
    ("sin(x**2)", "x", "", "2 * x * cos(x**2)"),
    ("1 / (1 + exp(-x))", "x", "", "s * (1 - s)"),
    ("exp(2 * log(x))", "x", "", "2 * x"),
    ("3 * x", "x", "", "3"),
    ("(x**2).sum()", "x:vector", "", "2 * x"),
    ("x.sum()", "x:vector", "", "1"),
    ("((X @ w - t)**2).sum()", "w", SQUARES, "e = X @ w - t\n2 * X.T @ e"),
    ("x**2", "x", "", "def slope(x):\n    return 2 * x\nslope"),
]


@pytest.mark.parametrize("text, wrt, at, answer", RIGHT)
def test_right_answers_in_other_forms(text: str, wrt: str, at: str, answer: str) -> None:
    verdict = study_of(text, wrt, at).predict(answer)
    assert verdict and str(verdict).startswith("correct: d"), verdict


def test_the_verdict_is_the_same_on_every_run() -> None:
    first, second = (str(study_of("x * exp(-x)", "x").predict("exp(-x)")) for _ in range(2))
    assert first == second
    assert first.splitlines()[:4] == [
        "not yet: exp(-x) is not dy/dx",
        "  rule:    product rule",
        "  why:     the term with the derivative of exp(-x) is missing",
        "  where:   x * exp(-x), cell, line 1: x * exp(-x)",
    ]


def test_two_mistakes_are_found_and_the_outer_one_named() -> None:
    verdict = study_of("5 * sin(x**2) + x", "x").predict("cos(x**2) + 1")
    assert verdict.rule and len(verdict.also) == 2


def test_what_no_mistake_explains() -> None:
    study = study_of("x**2 * exp(x) + sin(x)", "x")
    verdict = study.predict("arctan(x) + 2 * x * exp(x)")
    assert verdict.rule == "paths" and "x^2 * exp(x)" in verdict.why
    assert study_of("x**2", "x").predict("2.5 * x").rule == "factor"
    assert study_of("sqrt(x)", "x").predict("log(-x)").rule == "domain"


def test_higher_derivatives_and_several_inputs() -> None:
    x, y = pt.dscalars("x", "y")
    assert Study(x**3, x, order=2).predict("6 * x")
    study = Study(x**2 * y, [x, y])
    assert study.predict("x**2", "y") and not study.predict(2 * x, "x")
    with pytest.raises(LabValueError, match="several inputs"):
        study.predict("x")
    with pytest.raises(LabValueError, match="not by 'z'"):
        study.predict("x", "z")


def test_answers_that_are_none() -> None:
    study = study_of("x**2", "x")
    with pytest.raises(LabTypeError, match="does not know"):
        study.predict(pt.dscalar("q"))
    with pytest.raises(LabTypeError, match="formula or a number"):
        study.predict(object())
    with pytest.raises(NameError, match="may use x, y"):
        study.predict("2 * z")
    assert study_of("x.sum()", "x:vector").predict("x[:2] + x").rule == "shapes"


def test_every_row_of_the_table_can_be_read() -> None:
    for op, rows in table().items():
        assert op in ("*", "mean", "dot") or hasattr(pt, op), op
        for row in rows:
            assert row.to in ("u", "v", "uv", "x", "+x", "c", "s")
            assert len(row.wrong) == (2 if row.to == "uv" else 1)
    assert isinstance(ad.Study, type)


@pytest.mark.parametrize("order, at, answer, rule", [
    ("1", "", "x**3", "order"),
    ("2", "", "3 * x**2", "order"),
    ("1", "x=2", "12", "value"),
    ("1", "x=[1., 2.]", "np.array([3., 12.])", "value"),
])
def test_an_answer_to_another_question(order: str, at: str, answer: str, rule: str) -> None:
    text = "(x**3).sum()" if "[" in at else "x**3"
    study = Study.from_cell(text, {}, "x", at=at or None, order=order)
    assert study.predict(answer).rule == rule
