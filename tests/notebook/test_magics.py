"""The magics in a running IPython: what is shown, what is bound, what stays as it was."""

from __future__ import annotations

from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter
from shell import Notebook

from autodiff_lab import errors
from autodiff_lab.study import Study

LOGISTIC = '%%grad x --plot "x=-6:6"\n1 / (1 + exp(-x))'


def text_of(outcome: Any) -> str:
    return str(outcome.result)


def test_the_first_cell_shows_the_card(notebook: Notebook) -> None:
    outcome = notebook.run(LOGISTIC)
    first, second, *_ = text_of(outcome).splitlines()
    assert first == "s(x) = 1/(1 + exp(-x))        ds/dx = s(x)(1 - s(x))"
    assert second == "x: new scalar float64"
    bundle = outcome.result._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "image/svg+xml", "text/html"}
    for word in ("Graph", "Derivation", "Steps", "Plot", "Kernel"):
        assert word in bundle["text/html"]


def test_the_second_run_equals_the_first(notebook: Notebook) -> None:
    for setup in ("pass", "import numpy as np; x = np.linspace(-6, 6)"):
        notebook.run(setup)
        held = notebook.names.get("x")
        first, second = notebook.run(LOGISTIC), notebook.run(LOGISTIC)
        assert first.error is None and text_of(first) == text_of(second)
        assert notebook.names.get("x") is held


def test_names_are_bound_on_success_only(notebook: Notebook) -> None:
    notebook.run("%%grad x -o good -q\ny = x ** 2\ny")
    assert isinstance(notebook.names["good"], Study)
    assert notebook.names["_grad"] is notebook.names["good"]
    assert notebook.names["y"].name == "y" and "x" not in notebook.names
    kept = notebook.names["_grad"]
    assert notebook.run("%%grad x -o bad\nz = x ** 2\n1 / 0").error is not None
    assert "bad" not in notebook.names and "z" not in notebook.names
    assert notebook.names["_grad"] is kept


@pytest.mark.parametrize("cell", ["%%grad x;\nx ** 2", "%%grad x -q\nx ** 2",
                                  "%%grad x\nx ** 2;"])
def test_nothing_is_shown_when_asked(notebook: Notebook, cell: str) -> None:
    outcome = notebook.run(cell)
    assert outcome.result is None and not outcome.out
    assert isinstance(notebook.names["_grad"], Study)


def test_an_error_in_a_function_of_another_cell(notebook: Notebook) -> None:
    notebook.run("def helper(t):\n    return t / 0 + [][1]")
    outcome = notebook.run("%%grad x\ny = x ** 2\nhelper(y)")
    assert "Cell In[2], line 3" in outcome.traceback
    assert "Cell In[1], line 2, in helper(t)" in outcome.traceback
    assert "autodiff_lab/" not in outcome.traceback


def test_nodes_know_their_cell_and_line(notebook: Notebook) -> None:
    notebook.run("pass")
    study = notebook.run("%%grad x\nu = exp(-x)\n1 / (1 + u)").result
    assert str(study.y.owner.source) == "cell 2, line 3: 1 / (1 + u)"
    labels = {n.source.label for n in study.graph.view.nodes if n.source is not None}
    assert labels == {"cell 2, line 2", "cell 2, line 3"}


def test_ipythons_own_syntax_works_in_the_body(notebook: Notebook) -> None:
    outcome = notebook.run("%%grad x\nhere = %pwd\nx ** 2")
    assert outcome.error is None and isinstance(notebook.names["here"], str)


def test_variables_are_not_expanded_in_the_line(notebook: Notebook) -> None:
    notebook.run("n = 3")
    outcome = notebook.run('%%grad x --at "x=len({1, 2})"\nx ** 2')
    assert float(outcome.result.point["x"]) == 2.0


def test_kernel_prints_what_ran_first(notebook: Notebook) -> None:
    notebook.run("%%grad x -o r -q\nx ** 2")
    for line in ("%kernel", "%kernel r"):
        out = notebook.run(line).out
        assert out.startswith("the Numba kernel ran: compiled in ")
        assert " a call\n" in out and "@njit" in out


def test_rewrites_lists_rules_by_name(notebook: Notebook) -> None:
    notebook.run("%%grad x -q\nx ** 2")
    outcome = notebook.run("%rewrites")
    assert "first_power" in text_of(outcome) and "->" in text_of(outcome)


@pytest.mark.parametrize("magic", ["kernel", "rewrites"])
def test_a_study_that_is_not_there(notebook: Notebook, magic: str) -> None:
    assert "there is no study yet" in notebook.run(f"%{magic}").err
    notebook.run("%%grad x -o first -q\nx ** 2")
    assert "did you mean 'first'?" in notebook.run(f"%{magic} frist").err


def test_explain_prints_python_that_gives_the_same(notebook: Notebook) -> None:
    outcome = notebook.run('%%grad x --explain -q --at "x=0.5" --plot "x=-1:1" --check\n'
                           "u = exp(-x)\n1 / (1 + u)")
    namespace: dict[str, Any] = {}
    exec(outcome.out, namespace)
    assert str(namespace["r"]).splitlines()[0] == str(notebook.names["_grad"]).splitlines()[0]


def test_help_lists_every_option(notebook: Notebook) -> None:
    from autodiff_lab.options import flag_spellings

    out = notebook.run("%%grad --help\nx").out
    text = notebook.shell.find_cell_magic("grad").__doc__
    assert all(flag in text and flag in out for flag in flag_spellings())


def completions(notebook: Notebook, text: str, cursor: int | None = None) -> list[str]:
    with provisionalcompleter():
        found = notebook.shell.Completer.completions(text, len(text) if cursor is None else cursor)
        return [completion.text for completion in found]


def test_options_complete_on_the_first_line_only(notebook: Notebook) -> None:
    assert "--plot" in completions(notebook, "%%grad x --pl")
    assert "--check" in completions(notebook, "%%grad --")
    assert "W:matrix" in completions(notebook, "%%grad W:ma")
    assert "--plot" not in completions(notebook, "%%grad x\ny --pl")
    assert "--plot" not in completions(notebook, "y --pl")


def test_unload_and_load_again(notebook: Notebook) -> None:
    notebook.run("%unload_ext autodiff_lab")
    assert "not found" in notebook.run(LOGISTIC).err
    assert "--plot" not in completions(notebook, "%%grad x --pl")
    assert notebook.run("%load_ext autodiff_lab").out == ""
    assert notebook.run(LOGISTIC).error is None


def test_the_library_outside_the_magic_shows_users_lines_too(notebook: Notebook) -> None:
    notebook.run("import autodiff_lab.tensor as pt\nx = pt.dvector('x')")
    outcome = notebook.run("y = x ** 2\npt.grad(y, x)")
    assert isinstance(outcome.error, errors.LabError)
    assert "Cost must be a scalar." in outcome.traceback and "cell 2, line 2" in outcome.traceback
    assert "autodiff_lab/" not in outcome.traceback
