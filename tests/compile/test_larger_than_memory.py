"""The page on data larger than memory: its program runs, and prints what the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from layers import ROOT

PAGE = ROOT / "docs" / "how-to" / "larger_than_memory.md"


def test_the_program_of_the_page_prints_what_it_says(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    text = PAGE.read_text(encoding="utf8")
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (output,) = re.findall(r"```text\n(.*?)```", text, re.DOTALL)
    script = tmp_path / "fit.py"
    script.write_text(program, encoding="utf8")
    run = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=300, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout == output
