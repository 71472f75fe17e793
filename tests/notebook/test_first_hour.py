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
    study = notebook.run('%%grad x --at "x=1+2j"\nabs(x)**2').result
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


def test_an_array_is_called_as_in_its_own_cell(notebook: Notebook) -> None:
    notebook.run("import numpy as np\nv = np.array([1., 2., 3.])")
    shown = str(notebook.run("%%grad x --at x=1\nt = np.array([1., 2., 3.])\n(x * t).sum()").result)
    assert "x * t_i" in shown and "v_i" not in shown


def test_an_input_that_is_assigned_again_is_not_the_function(notebook: Notebook) -> None:
    study = notebook.run("%%grad x --at x=0.5\nfor k in range(3):\n    x = x * (1 - x)\nx").result
    assert str(study).startswith("y = ") and "dy/dx" in str(study) and "dx/dx" not in str(study)


def test_a_notice_of_another_point_is_dropped(notebook: Notebook) -> None:
    study = notebook.run("%%grad x y --at 'x=0.7, y=1'\nx * y").result
    moved = str(study.at(x=2))
    assert "0.7" not in moved and "y: scalar float64 at 1" in moved


def test_where_a_rule_mends_the_gradient_a_line_says_so(notebook: Notebook) -> None:
    mended = str(notebook.run("%%grad x --at x=-800\n1 / (1 + exp(-x))").result)
    assert "as written, exp(-x) is inf and the derivative breaks" in mended
    assert "(rule logistic, over_one_plus_exp)" in mended
    for cell in ("%%grad x --at x=2\nx**2", "%%grad x --at x=-1\nwhere(x > 0, log(x), 0 * x)"):
        assert "as written" not in str(notebook.run(cell).result)


def test_where_a_nan_begins_is_said_the_same_twice(notebook: Notebook) -> None:
    texts = {str(notebook.run("%%grad x --at x=0\nsqrt(x) + log(x)").result) for _ in range(2)}
    assert len(texts) == 1 and "log gives -inf, line 2: sqrt(x) + log(x)" in texts.pop()


def test_of_offers_what_the_cell_made(notebook: Notebook) -> None:
    notebook.run("%%grad x -q\nold = x**3")
    assert "there is " in (said := notebook.run("%%grad x --of q\nu = x**2\nu + 1").err)
    assert "old" not in said and "u" in said.split("there is ")[1]


def test_two_ranges_give_a_contour_first(notebook: Notebook) -> None:
    study = notebook.run('%%grad x y --plot "x=-2:2, y=-1:1" --explain\nx**2 + x * y').result
    contour, = study.card.drawn
    assert (contour.x[0], contour.y[-1]) == (-2.0, 1.0) and study.explore
    assert list(study.plot_ranges) == ["x", "y"]
    both = notebook.run('%%grad x y --at "x=1, y=2"\nx**2 + x * y').result.card
    assert [type(view).__name__ for view in both.drawn] == ["ContourView", "PlotView"]
    one = notebook.run('%%grad x y --at "x=1, y=2" --plot x=0:1\nx**2 + x * y').result.card
    assert [type(view).__name__ for view in one.drawn] == ["PlotView", "ContourView"]


def test_dot_shows_no_address(notebook: Notebook) -> None:
    notebook.run("%%grad x -q -o r\nx**2")
    assert " at 0x" not in notebook.run("r.to_dot()").out


def test_a_derivative_too_long_to_write_is_told_in_numbers(notebook: Notebook) -> None:
    notebook.run("import numpy as np")
    study = notebook.run("%%grad c --at 'c=[0.2, 0.5, 0.3]'\ns = np.arange(6.)\n"
                         "((c[0] * s[:-2] + c[1] * s[1:-1] + c[2] * s[2:])**2).sum()").result
    assert "dy/dc_i = [41.2, 62, 82.8]" in str(study)
