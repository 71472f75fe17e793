"""`python -m autodiff_lab`: what it prints, writes and returns."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from autodiff_lab.__main__ import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def run(words: str, capsys: Capture) -> tuple[int, str, str]:
    import shlex

    code = main(shlex.split(words))
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_demo_shows_the_whole_idea(capsys: Capture, folder: Path) -> None:
    code, out, err = run("demo", capsys)
    assert code == 0 and not err
    for text in ("1 / (1 + exp(-x))", "= s(x)(1 - s(x))", "runs as sigmoid(-x) * sigmoid(x)",
                 "logistic (stabilize)", "the Numba kernel ran: compiled in ", " a call",
                 "@njit", "check ok", "wrote logistic.html"):
        assert text in out
    numbers = re.findall(r"\d+\.\d+", out[out.index("matrix"):])[:4]
    assert numbers == ["0.25", "0.19661193", "0.19661193", "0.10499359"]
    assert (folder / "logistic.html").read_text(encoding="utf8").startswith("<!DOCTYPE html>")


def test_a_file_that_no_test_knows(capsys: Capture, folder: Path) -> None:
    (folder / "bump.py").write_text(
        "import numpy as np\n\nwidth = 0.5\n\ndef bump(x, y=1.0):\n"
        "    return np.exp(-(x - y) ** 2 / width) * np.cos(3 * x)\n")
    code, out, _ = run("bump.py x --at x=0.3 --plot x=-3:3 --check --html out.html", capsys)
    assert code == 0 and "check ok" in out and "wrote out.html" in out
    for title in ("Derivation", "Rewrites", "Kernel"):
        assert f"\n{title}\n{'-' * len(title)}\n" in out
    assert "bump = " in out and (folder / "out.html").exists()


def test_lines_are_those_of_the_file(capsys: Capture, folder: Path) -> None:
    (folder / "f.py").write_text("u = x ** 2\n\nif u > 1:\n    u = 1\nu\n")
    code, _, err = run("f.py x", capsys)
    assert code == 1 and err.startswith("f.py, line 3\n    if u > 1:\n")


def test_quiet_and_explain(capsys: Capture, folder: Path) -> None:
    (folder / "f.py").write_text("x ** 2\n")
    assert run("f.py x -q", capsys) == (0, "", "")
    code, out, _ = run("f.py x -q --explain", capsys)
    assert code == 0 and 'x = pt.dscalar("x")' in out


def test_a_file_may_import_its_neighbour(capsys: Capture, folder: Path) -> None:
    (folder / "neighbour_of_f.py").write_text("def g(t):\n    return 3 * t\n")
    (folder / "f.py").write_text("from neighbour_of_f import g\ng(x)\n")
    code, out, _ = run("f.py x", capsys)
    assert code == 0 and "dy/dx = 3" in out


MISTAKES = [
    ("missing.py", "there is no file missing.py"),
    ("f.yp x", "there is no file f.yp; did you mean f.py?"),
    ("dmeo", "there is no file dmeo; did you mean demo?"),
    ("--plot x=0:1", "a file comes first"),
    ("demo x", "demo takes no arguments"),
    ("f.py x --chek", "unknown option --chek; did you mean --check?"),
    ("f.py x --html /no/such/folder/out.html", "/no/such/folder/out.html cannot be written"),
    ("bytes.py x", "bytes.py is not a text file in UTF-8"),
    (".", ". cannot be read"),
]


@pytest.mark.parametrize("words, message", MISTAKES, ids=[words for words, _ in MISTAKES])
def test_mistakes_are_one_line_and_exit_code_two(
    words: str, message: str, capsys: Capture, folder: Path
) -> None:
    (folder / "f.py").write_text("x ** 2\n")
    (folder / "bytes.py").write_bytes(b"\xff\xfe x")
    code, _, err = run(words, capsys)
    assert code == 2 and message in err
    assert err.startswith("autodiff_lab: ") and len(err.strip().splitlines()) == 1


def test_help(capsys: Capture) -> None:
    code, out, _ = run("--help", capsys)
    assert code == 0 and "usage: python -m autodiff_lab FILE.py" in out and "--html OUT" in out
    code, _, err = run("", capsys)
    assert code == 2 and "usage:" in err


def test_as_a_module_the_exit_code_arrives(folder: Path) -> None:
    (folder / "f.py").write_text("x ** 2 +\n")
    def module(file: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "autodiff_lab", file, "x"]
        root = Path(__file__).parents[2]
        return subprocess.run(command, text=True, capture_output=True, cwd=root, check=False)

    done = module("f.py")
    assert done.returncode == 2 and "there is no file f.py" in done.stderr
    done = module(str(folder / "f.py"))
    assert done.returncode == 1 and "SyntaxError: invalid syntax" in done.stderr
    assert not done.stdout and "Traceback" not in done.stderr
