"""`Study`: its numbers, its pictures, and what a cell makes of it."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.errors import LabError
from autodiff_lab.study import Study


def logistic(**settings: Any) -> Study:
    return Study.from_cell("1 / (1 + exp(-x))", {}, "x", **settings)


# text, namespace, wrt, settings, values by name, the derivative by each
FUNCTIONS: dict[str, tuple[str, dict[str, Any], str, dict[str, Any], dict[str, Any]]] = {
    "square": ("x ** 2", {}, "x", {"at": "x=3"}, {"x": 6.0}),
    "logistic": ("1 / (1 + exp(-x))", {}, "x", {"at": "x=0"}, {"x": 0.25}),
    "logistic, far out": ("1 / (1 + exp(-x))", {}, "x", {"at": "x=800"}, {"x": 0.0}),
    "two scalars": ("a * sin(b)", {}, "a b", {"at": "a=2, b=0"}, {"a": 0.0, "b": 2.0}),
    "third derivative": ("x ** 4", {}, "x", {"at": "x=2", "order": 3}, {"x": 48.0}),
    "vector": ("(w * X).sum()", {"X": np.arange(3.0)}, "w:vector", {"at": "w=np.ones(3)"},
               {"w": [0.0, 1.0, 2.0]}),
    "matrix": ("sum(1 / (1 + exp(-x)))", {"sum": pt.sum, "x": np.array([[0, 1], [-1, -2]])}, "x",
               {}, {"x": [[0.25, 0.19661193], [0.19661193, 0.10499359]]}),
    "function": ("def f(a, b=2.0):\n    return a * b ** 2", {}, "", {"at": "a=3"},
                 {"a": 4.0, "b": 12.0}),
    "regression": ("r = X @ w - t\n(r ** 2).sum() / 2",
                   {"X": np.array([[1.0, 2.0], [3.0, 4.0]]), "t": np.array([1.0, 1.0]),
                    "w": np.array([1.0, -1.0])}, "w", {}, {"w": [-8.0, -12.0]}),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_value_derivative_check_and_every_picture(name: str, tmp_path: Path) -> None:
    text, namespace, wrt, settings, expected = FUNCTIONS[name]
    study = Study.from_cell(text, dict(namespace), wrt, check=True, **settings)
    value, grads = study.fn_and_grad()
    assert list(grads) == list(expected) == list(study.grads)
    for key, entry in expected.items():
        np.testing.assert_allclose(grads[key], entry, atol=5e-9)
    np.testing.assert_allclose(study.fn(), value)
    assert study.report is not None and study.report.ok, str(study.report)
    assert study.derivation.check() == []
    bundle = study._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "image/svg+xml", "text/html"}
    ElementTree.fromstring(bundle["image/svg+xml"])
    assert bundle["text/plain"] == str(study) == repr(study)
    page = study.save_html(tmp_path / "page.html").read_text(encoding="utf8")
    assert page.startswith("<!DOCTYPE html>") and "http://" not in page.replace(
        "http://www.w3.org/", "")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_both_sources_give_the_same_when_pasted(name: str) -> None:
    text, namespace, wrt, settings, _ = FUNCTIONS[name]
    study = Study.from_cell(text, dict(namespace), wrt, **settings)
    value, grads = study.fn_and_grad()
    for kind in ("numpy", "numba"):
        scope: dict[str, Any] = {}
        exec(study.source(kind), scope)
        called = [held for held in scope.values() if callable(held)][-1]
        results = called(*[study.point[n] for n in study.inputs])
        for given, wanted in zip(results, [value, *grads.values()], strict=True):
            np.testing.assert_allclose(given, wanted, rtol=1e-12, atol=1e-300)


def test_the_card_as_text() -> None:
    lines = str(logistic(at="x=0.4", check=True)).splitlines()
    assert lines[0] == ("s(x) = 1/(1 + exp(-x)) = 0.598688        "
                        "ds/dx = s(x)(1 - s(x)) = 0.240261        at x = 0.4")
    assert lines[1] == "x: scalar float64 at 0.4"
    assert lines[2].split() == ["forward", "gradient"]
    assert lines[3].startswith("[A] x = 0.4")
    assert lines[-1].endswith("check ok, rtol 1e-6") and " after " in lines[-1]


def test_text_holds_no_timings_and_is_the_same_every_time() -> None:
    first = logistic(at="x=0.4")
    second = logistic(at="x=0.4")
    second.compile()
    assert str(first) == str(second)
    assert not [word for word in (" us", " ms", "0x", "compiled") if word in str(second)]


def test_the_derivation_ends_as_the_tutorial_prints_it() -> None:
    text = str(logistic().derivation)
    assert "= s(x)(1 - s(x))" in text
    assert "runs as sigmoid(-x) * sigmoid(x)" in text
    assert r"\frac" in logistic().derivation.latex


def test_the_logistic_that_is_named_s_ends_in_s() -> None:
    lines = str(Study.from_cell("s = 1 / (1 + exp(-x))", {}, "x").derivation).splitlines()
    assert any(line.strip().startswith("= s(x)(1 - s(x))  ") for line in lines)
    assert not any("sigma(" in line for line in lines)


def test_arguments_in_the_order_of_wrt_others_by_name() -> None:
    study = Study.from_cell("a * x ** 2", {}, "x", at="a=3")
    assert float(study.fn(2.0)) == 12.0
    assert float(study.fn(2.0, a=1.0)) == 4.0
    value, grads = study.fn_and_grad(x=2.0)
    assert float(value) == 12.0 and float(grads["x"]) == 12.0
    for arguments, named, message in [
        ((), {}, "No value for x."), ((1.0, 2.0), {}, "2 values are given"),
        ((1.0,), {"x": 2.0}, "x is given twice"), ((1.0,), {"z": 2.0}, "z is no input"),
    ]:
        with pytest.raises(LabError) as caught:
            study.fn(*arguments, **named)
        assert message in str(caught.value)


def test_another_point_shares_the_compiled_function() -> None:
    study = logistic(at="x=0")
    there = study.at({"x": 2.0})
    assert there.function is study.function
    assert study.point["x"] == 0.0 and float(there.fn()) == pytest.approx(0.880797, rel=1e-5)
    assert float(there.values[there.y]) == pytest.approx(0.880797, rel=1e-5)


def test_values_are_empty_without_a_point() -> None:
    assert logistic().values == {}
    study = logistic(at="x=0.4")
    assert float(study.values[study.y]) == pytest.approx(0.598688, rel=1e-5)


def test_nan_is_marked_and_warns_nobody() -> None:
    study = Study.from_cell("log(x)", {}, "x", at="x=-1")
    assert "(!)" in str(study)


def test_the_first_line_shows_what_runs_where_the_written_form_fails() -> None:
    study = logistic(at="x=-800")
    assert str(study).splitlines()[0].endswith("ds/dx = s(x)(1 - s(x)) = 0        at x = -800")
    assert "(!)" in str(study)                # the form as written overflows, and says where


def test_a_long_chain_is_shown_folded() -> None:
    text = "y = x\nfor i in range(300):\n    y = sin(y) + 0.1\ny"
    study = Study.from_cell(text, {}, "x", at="x=0.4")
    assert len(str(study).splitlines()) < 80 and "more lines ..." in str(study)


def test_a_very_long_chain_is_shown_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    from autodiff_lab.view import build, html

    monkeypatch.setattr(build, "MOST_DESCRIBED", 200)
    laid_out = []
    monkeypatch.setattr(html, "layouts", lambda graphs, *_, **__: laid_out.append(graphs) or [None])
    text = "y = x\nfor i in range(300):\n    y = sin(y) + 0.1\ny"
    study = Study.from_cell(text, {}, "x", at="x=0.4")
    assert len(study.graph.view.nodes) <= 150
    text = study._repr_mimebundle_()["text/plain"]
    assert "nodes in 150 blocks" in text and "sin ×" in text and "band" not in text
    assert len([graphs for graphs in laid_out if graphs]) == 1


def test_the_plot_follows_its_range() -> None:
    view = logistic(plot="x=-6:6:25", at="x=1").plot().view
    assert len(view.x) == 25 and (view.x[0], view.x[-1]) == (-6.0, 6.0) and view.point == 1.0
    assert [series.label for series in view.series] == ["s", "ds/dx"]
    assert max(view.series[1].y) == pytest.approx(0.25)
    assert len(logistic(order=2).plot().view.series) == 3
    with pytest.raises(LabError, match="There is no plot"):
        Study.from_cell("(w ** 2).sum()", {}, "w:vector").plot()


@pytest.mark.parametrize("which", ["forward", "gradient", "both"])
def test_dot(which: str) -> None:
    assert "digraph" in logistic().to_dot(which).source


def test_a_wrong_picture_or_source_is_told() -> None:
    with pytest.raises(LabError, match="no graph 'back'"):
        logistic().to_dot("back")
    with pytest.raises(LabError, match="no source 'c'"):
        logistic().source("c")


def test_from_variables_directly() -> None:
    x, y = pt.dscalars("x", "y")
    study = Study(x * y**2, [x, y], point={x: 3.0, "y": 2.0})
    assert [float(g) for g in study.fn_and_grad()[1].values()] == [4.0, 12.0]
    assert Study(x * y, x).names == ("x",)
    assert list(Study(x * y, x).inputs) == ["x", "y"]
    assert Study(x * y).names == ("x", "y")


def test_by_an_intermediate_result() -> None:
    x = pt.dscalar("x")
    u = pt.exp(x)
    u.name = "u"
    study = Study(u**2, u, point={"u": 3.0})
    assert float(study.fn_and_grad()[1]["u"]) == 6.0


def test_shared_values_are_no_inputs() -> None:
    w = ad.shared(np.array(2.0), name="w")
    x = pt.dscalar("x")
    study = Study(w * x**2, point={"x": 3.0})
    assert list(study.inputs) == ["x"] and float(study.fn_and_grad()[1]["x"]) == 12.0


BAD = [
    (lambda x, v: Study(v, v), TypeError, "Cost must be a scalar."),
    (lambda x, v: Study(3.0, x), TypeError, "A study is of a variable"),
    (lambda x, v: Study(x**2, "x"), TypeError, "A study is by variables"),
    (lambda x, v: Study(x**2, x, point={"z": 1}), ValueError, "which is no input"),
    (lambda x, v: Study(x**2, x, plot=("z", 0, 1)), ValueError, "which is no scalar input"),
    (lambda x, v: Study(v.sum(), v, order=2), ValueError, "order 2 needs a scalar"),
    (lambda x, v: Study(x**2, v), ValueError, "not part of the computational graph"),
    (lambda x, v: Study(x**2, x, point={"x": "text"}), TypeError, "takes numbers"),
]


@pytest.mark.parametrize("case", BAD, ids=[case[2] for case in BAD])
def test_what_cannot_be_studied(case: Any) -> None:
    make, kind, message = case
    with pytest.raises(kind) as caught:
        make(pt.dscalar("x"), pt.dvector("v"))
    assert message in str(caught.value) and len(str(caught.value).splitlines()) <= 12


def test_steps_carry_rule_reason_and_check() -> None:
    steps = logistic().steps
    assert len(steps) > 0 and steps[0].index == 1
    assert all(step.doc for step in steps)
    assert {step.check for step in steps} == {"ok"}
    assert "logistic" in {step.rule for step in steps}
    assert steps[-1].nodes_after == 4


def test_the_kernel_says_what_ran() -> None:
    study = logistic(at="x=0.4")
    assert study.kernel.headline.startswith("NumPy ran, ")
    assert study.kernel.headline.endswith("the Numba kernel is not compiled yet")
    study.compile()
    assert study.kernel.ran == "numba" and "compiled in" in study.kernel.headline


def test_where_an_infinite_derivative_begins_is_told_below_the_card():
    r = ad.Study.from_cell("sqrt(x).sum()", {}, "x:vector", at="x=[0.0, 4]")
    assert r.origin.forward.op.name == "sqrt"
    assert "true_div gives inf at [0], line 1" in str(r)
    assert ad.Study.from_cell("x ** 2", {}, "x", at="x=3").origin is None
