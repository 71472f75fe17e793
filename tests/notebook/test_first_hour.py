"""What a student types in the first hour: each slip gets one short message that helps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from shell import Notebook

from autodiff_lab import config


@pytest.fixture(autouse=True)
def same_settings() -> Iterator[None]:
    with config.change_flags():
        yield


SLIPS = [
    ("%%grad x -o x\nx**2", "-o: x is an input of the cell; take another name"),
    ("%%grad x -o exp\nx**2", "-o: exp is a function here; take another name"),
    ("%%grad x\nx(3)", "remedy: a product needs its sign: a * (b), not a(b)"),
    ("%%grad x\nx.summ()", "remedy: did you mean 'sum'?"),
    ("%%grad x\nln(x)", "did you mean log?"),
    ("%%grad x\ne**x", "did you mean exp(1)?"),
    ("%%grad x\nnp.sin(x)", "import numpy as np first"),
    ("%%grad x\nx == 3", "== and != answer at once"),
    ("%%predict\ncoss(x)", "did you mean 'cos'?"),
    ("%%predict\nnp.cos(x)", "import numpy as np first"),
    ("%%predict\nx == x", "An answer is a formula or a number, not bool."),
    ("%%predict r x x\nx", "an answer is by one input, not 2"),
    ("%autodiff set mode foo", "There is no mode 'foo'. one of 'auto'"),
    ("%autodiff set max_nodes ten", "max_nodes takes a whole number from 1 up, not 'ten'"),
    ("%autodiff set max_nodes -5", "max_nodes takes a whole number from 1 up, not '-5'"),
    ("%autodiff set max_nodess 5", "did you mean config.max_nodes?"),
    ("%autodiff set floatX float1", "one of 'float64', 'float32', 'float16'"),
    ("%autodiff show floatY", "did you mean config.floatX?"),
    ("%autodiff show a b", "'show' takes one KEY or none"),
    ("%autodiff doctor x", "'doctor' takes nothing"),
    ("r.save_html('/nowhere/r.html')", "remedy: there is no folder /nowhere"),
    ("r.save_png('/nowhere/r.png')", "/nowhere/r.png cannot be written"),
    ("r.without('powertwo')", "There is no rewrite rule 'powertwo'."),
]


@pytest.mark.parametrize("cell, sentence", SLIPS)
def test_a_slip_is_one_message_that_helps(notebook: Notebook, cell: str, sentence: str) -> None:
    notebook.run("%%grad x -q -o r\nx**2")
    outcome = notebook.run(cell)
    said = outcome.traceback + outcome.err
    assert sentence in said and len(said.splitlines()) <= 12
    assert outcome.error is not None and "autodiff_lab/" not in said


def test_a_leftover_name_of_an_input_is_no_second_input(notebook: Notebook) -> None:
    notebook.run("%%grad x -q\ny = x")
    outcome = notebook.run("%%grad x y\nx**2 * y")
    assert "y is the input x of an earlier cell; del y, or use another name" in outcome.err


def test_a_name_of_python_can_be_an_input(notebook: Notebook) -> None:
    assert notebook.run("%%grad sum\nsum**2").result.names == ("sum",)


def test_help_wherever_it_stands(notebook: Notebook) -> None:
    assert "--order N" in notebook.run("%%grad x --help\nx").out
    assert "KEY VALUE" in notebook.run("%autodiff -h").out


def test_a_setting_with_an_equals_sign(notebook: Notebook) -> None:
    notebook.run("%autodiff set max_nodes=60")
    assert notebook.run("%autodiff show max_nodes").out.split() == ["max_nodes", "60"]


def test_a_complex_point_is_shown_without_a_curve(notebook: Notebook) -> None:
    study = notebook.run('%%grad x --at "x=1+2j"\nx**2').result
    assert study.card.plot is None and study.at(x=2).point["x"] == 2


def test_a_leftover_y_is_not_the_function(notebook: Notebook) -> None:
    notebook.run("%%grad t -q\ny = t**3")
    notebook.run("%%grad x -q\n1 / (1 + exp(-x))")
    assert notebook.run("%%predict\ny * (1 - y)").result
    assert notebook.run("%%predict\n[y * (1 - y)]").result


def test_a_written_page_needs_a_folder(notebook: Notebook, tmp_path: Path) -> None:
    study = notebook.run("%%grad x -q -o r\nx**2").result or notebook.names["r"]
    with pytest.raises(OSError, match="cannot be written"):
        study.save_svg(tmp_path)
    assert study.save_svg(tmp_path / "r.svg").exists()
