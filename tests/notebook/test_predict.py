"""`%%predict` and `%autodiff` in a running IPython."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from shell import Notebook

from autodiff_lab import config


@pytest.fixture(autouse=True)
def same_settings() -> Iterator[None]:
    with config.change_flags():
        yield


def test_a_wrong_answer_then_a_right_one(notebook: Notebook) -> None:
    notebook.run("x = 7.0\n")
    notebook.run("%%grad x -q\ny = sin(x**2)")
    wrong = notebook.run("%%predict\ncos(x**2)")
    assert not wrong.result and wrong.result.rule == "chain rule"
    assert str(wrong.result).splitlines()[3] == "  where:   sin(x^2), cell 2, line 2: y = sin(x**2)"
    right = notebook.run("%%predict x\ninner = 2 * x\ninner * cos(x**2)")
    assert right.result and notebook.names["_predict"] is right.result
    assert notebook.names["x"] == 7.0 and "inner" in notebook.names
    assert str(notebook.run("%%predict x\ninner * cos(x**2)").result) == str(right.result)


def test_a_named_study_and_the_functions_own_letter(notebook: Notebook) -> None:
    notebook.run("%%grad x -q -o logistic\n1 / (1 + exp(-x))")
    notebook.run("%%grad x y -q\nx * y")
    assert notebook.run("%%predict logistic\ns * (1 - s)").result
    assert notebook.run("%%predict y\nx").result
    assert notebook.run("%%predict logistic x\ns * (1 - s)").result


@pytest.mark.parametrize("cell, sentence", [
    ("%%predict\n2", "%%predict: there is no study yet; run a %%grad cell first"),
    ("%%grad x -q\nx**2\n", ""),
    ("%%predict z\n2", "%%predict: 'z' is neither a study nor the one input asked for; there is x"),
    ("%%predict\n2 * z", "name 'z' is not defined"),
    ("%%predict\n2 *", "invalid syntax"),
    ("%%predict\nimport math", "does not end in an expression"),
    ("%%predict\n{}", "An answer is a formula or a number, not dict."),
])
def test_mistakes_are_one_message(notebook: Notebook, cell: str, sentence: str) -> None:
    if sentence and "no study" not in sentence:
        notebook.run("%%grad x -q\nx**2\n")
    outcome = notebook.run(cell)
    said = outcome.traceback + outcome.err
    assert sentence in said and len(said.splitlines()) <= 12
    assert "autodiff_lab/" not in said


def test_settings_are_shown_and_changed(notebook: Notebook) -> None:
    shown = notebook.run("%autodiff show").out
    assert "floatX              float64" in shown and "max_nodes           150" in shown
    notebook.run("%autodiff set max_nodes 12")
    assert config.max_nodes == 12
    notebook.run("%%grad x -q\ny = x\nfor k in range(20): y = sin(y)\ny")
    assert notebook.names["_grad"].graph.view.budget == 12
    for line in ("set floatY float32", "set floatX float1", "set max_nodes many", "set", "dokter"):
        assert "%autodiff: " in notebook.run(f"%autodiff {line}").err


def test_the_doctor_says_what_is_there(notebook: Notebook) -> None:
    told = notebook.run("%autodiff doctor").out
    for word in ("layout engine:", "numba:", "anywidget:", "front end:", "a terminal"):
        assert word in told
