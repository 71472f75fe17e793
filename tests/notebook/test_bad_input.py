"""Every mistake of a beginner gives one short error, in a cell and on the command line alike.

A row says what is written, and what the message must hold: what, where, why or the remedy.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from shell import Notebook

from autodiff_lab.__main__ import main

Row = tuple[str, str, str, list[str]]

# name, first line, text, what the message must hold
ROWS: list[Row] = [
    ("if on a symbol", "x", "if x > 0:\n    y = x\nelse:\n    y = -x\ny",
     ["line {1}", "if x > 0:", "where(condition, a, b)"]),
    ("math.exp", "x", "import math\nmath.exp(x)", ["line {2}", "math.exp(x)", "np.exp(x)"]),
    ("float()", "x", "float(x)", ["line {1}", "x.eval"]),
    ("assignment to an entry", "x:vector", "x[0] = 1\nx.sum()",
     ["line {1}", "x[0] = 1", "set_subtensor"]),
    ("loop of unknown length", "x:vector", "total = 0\nfor v in x:\n    total = total + v\ntotal",
     ["line {2}", "for v in x:", "scan"]),
    ("misaligned dot", 'W --at "W=np.ones((2, 3))"', "import numpy as np\n(W @ np.ones(4)).sum()",
     ["line {2}", "W (float64, shape (2, 3))", "length 3", "4"]),
    ("broadcast not allowed", 'W --at "W=np.ones((2, 3))"',
     "import numpy as np\n(W + np.ones(4)).sum()",
     ["line {2}", "W (float64, shape (2, 3))", "3, 4"]),
    ("non-scalar cost", "x:vector", "x ** 2",
     ["Cost must be a scalar.", "line {1}", "x ** 2", "shape (?,)", ".sum()"]),
    ("disconnected", "x b", "def f(x, b):\n    return x ** 2",
     ["not part of the computational graph", "b (float64 scalar)", "line {2}"]),
    ("only its shape is used", "x v:vector", "x ** 2 + v.shape[0]",
     ["v (float64", "line {1}"]),
    ("wrong dtype", "x", "x & 1", ["line {1}", "x & 1"]),
    ("a text in arithmetic", "x", 'x + "1"', ["line {1}", "str"]),
    ("index too many", "x:vector", "x[0, 1]", ["line {1}", "x[0, 1]"]),
    ("index that is no whole number", "x:vector", "x[1.5]", ["line {1}", "x[1.5]"]),
    ("the sign of the power", "x", "x^2", ["line {1}", "x ** 2 is the power"]),
    ("one more undefined name", "x", "x * z", ["'z' is not defined", "%%grad x z"]),
    ("a package that is not imported", "x", "scipy.special.erf(x)", ["import scipy first"]),
    ("syntax", "x", "x ** 2 +", ["line {1}", "x ** 2 +", "SyntaxError: invalid syntax"]),
    ("syntax, bracket", "x", "y = (x ** 2\ny + 1", ["line {1}", "SyntaxError", "never closed"]),
    ("undefined name", "x", "x ** 2 + wieght", ["line {1}", "'wieght' is not defined"]),
    ("no op for it", "x:matrix", "import numpy as np\nnp.linalg.lstsq(x, x)",
     ["line {2}", "np.linalg.lstsq"]),
    ("an attribute that is not there", "x", "x.summ()", ["line {1}", "summ"]),
    ("the user's own error", "x", "def f(t):\n    return t / 0 if t is None else [][0]\nf(x)",
     ["line {2}", "IndexError"]),
    ("no value", "x", "import math", ["does not end in an expression", "line {1}"]),
    ("a list", "x", "[x, x ** 2]", ["is a list", "line {1}"]),
    ("nothing symbolic", "x", "y = 3.0\nx\ny", ["does not depend on any symbol", "line {3}"]),
    ("order of an array", "x:vector --order 2", "(x ** 2).sum()", ["order 2", "x is a vector"]),
    ("point that fails at run time", 'a:vector b:vector --at "a=[1.,2.], b=[1.,2.,3.]"',
     "(a * b).sum()", ["lengths 2, 3", "a (float64, shape (2,))", "line {1}"]),
]
# name, first line, text, the one line
USAGE: list[tuple[str, str, str, str]] = [
    ("names with a comma", "x, y", "x * y", "names stand apart by blanks"),
    ("values without quotes", "x --at x=1 y=2", "x * y", "several values need quotes"),
    ("unknown option", "x --plt x=0:1", "x", "unknown option --plt; did you mean --plot?"),
    ("unknown type", "x:vektor", "x", "unknown type 'vektor' of x; did you mean 'vector'?"),
    ("unknown name", "wieght", "weight ** 2", "the cell does not use 'wieght'; did you mean"),
    ("unknown name at the point", 'x --at "y=1"', "x ** 2", "the cell has no input 'y'"),
    ("unknown result", "x --of z", "y = x ** 2", "the cell has no name 'z'"),
    ("a range that falls", "x --plot x=1:0", "x ** 2", "the range must rise"),
    ("a point that is not a number", "x --at x=[", "x ** 2", "--at needs NAME=VALUE"),
    ("point of another shape", 'x:vector --at "x=[[1.0]]"', "x.sum()", "x cannot be a vector"),
    ("order", "x --order 0", "x ** 2", "--order needs a whole number from 1 to 20"),
]

FORBIDDEN = ("autodiff_lab/", "run_cell_magic", "interactiveshell.py")


def first_cell_line(messages: list[str], above: int) -> list[str]:
    """Put in the line numbers as the user counts: a magic's line is line 1."""
    return [
        m if "{" not in m else f"line {int(m.split('{')[1].rstrip('}')) + above}" for m in messages
    ]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_in_a_cell(notebook: Notebook, row: Row) -> None:
    _, line, text, messages = row
    before = set(notebook.names)
    notebook.run("import numpy as np")
    outcome = notebook.run(f"%%grad {line}\n{text}")
    assert outcome.error is not None and not outcome.out
    assert len(message_lines(outcome.traceback, outcome.error)) <= 12
    for message in first_cell_line(messages, above=1):
        assert message in outcome.traceback
    assert not [word for word in FORBIDDEN if word in outcome.traceback]
    written = set(notebook.names) - before - {"np"}
    assert not {name for name in written if not name.startswith("_")}
    assert "_grad" not in notebook.names


def message_lines(traceback: str, error: BaseException) -> list[str]:
    lines = str(error).splitlines()
    assert all(line.rstrip() in traceback for line in lines)
    return lines


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_on_the_command_line(
    row: Row, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, line, text, messages = row
    file = tmp_path / "wrong.py"
    file.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    code = main([str(file), *shlex.split(line)])
    printed = capsys.readouterr()
    assert code in (1, 2) and not printed.out
    for message in first_cell_line(messages, above=0):
        assert message in printed.err
    assert len(printed.err.splitlines()) <= 16
    assert not [word for word in FORBIDDEN if word in printed.err]


@pytest.mark.parametrize("row", USAGE, ids=[row[0] for row in USAGE])
def test_a_wrong_first_line_is_one_line(
    notebook: Notebook, row: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, line, text, message = row
    outcome = notebook.run(f"%%grad {line}\n{text}")
    assert type(outcome.error).__name__ == "UsageError"
    assert outcome.err.strip().startswith("UsageError: %%grad: ") and message in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
    file = tmp_path / "wrong.py"
    file.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    assert main([str(file), *shlex.split(line)]) == 2
    err = capsys.readouterr().err
    assert message in err and len(err.strip().splitlines()) == 1


def test_an_unclosed_quote(notebook: Notebook) -> None:
    outcome = notebook.run('%%grad x --plot "x=-6:6\nx ** 2')
    assert outcome.err.strip() == 'UsageError: %%grad: a quote is not closed: "x=-6:6'


def test_shared_values_are_unchanged_after_a_failed_call(notebook: Notebook) -> None:
    notebook.run("import numpy as np, autodiff_lab as ad, autodiff_lab.tensor as pt\n"
                 "w = ad.shared(np.ones(2), name='w'); v = pt.dvector('v')\n"
                 "f = ad.function([v], (w * v).sum(), updates=[(w, w + v)])")
    assert notebook.run("f([1., 2., 3.])").error is not None
    assert notebook.run("f('text')").error is not None
    assert notebook.names["w"].get_value().tolist() == [1.0, 1.0]
