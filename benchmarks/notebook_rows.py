"""What a person in a notebook waits for: a cell, warm and fresh, and a panel that follows.

Relies on IPython without a front end: drawing in the browser is not measured here.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from timing import Result, median, text

CELL = '%%grad x --plot "x=-6:6"\ny = exp(-x)\n1 / (1 + y)'
FRESH = f"""
import os, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
began = sum(os.times()[:4])
shell.run_line_magic("load_ext", "autodiff_lab")
result = shell.run_cell({CELL!r}).result
result._repr_mimebundle_()
print("SECONDS", sum(os.times()[:4]) - began)
"""


def cell_fresh() -> list[Result]:
    """The first `%%grad` cell of a kernel, imports and all, in CPU seconds."""
    def once() -> float:
        ran = subprocess.run([sys.executable, "-c", FRESH], check=True, capture_output=True,
                             text=True, cwd=Path(__file__).resolve().parents[1])
        return float(ran.stdout.split("SECONDS")[1])

    once()                                       # files in the system's cache, as after an install
    found = sorted(once() for _ in range(3))[1]
    what = "%%grad, two lines, the first of a kernel"
    return [Result(what, f"{text(found)} of CPU", "at most 2.5 s", found <= 2.5)]


def cell_warm() -> list[Result]:
    """The same cell once more: run, derivation, rewrites, layout, page."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "autodiff_lab")

    def run() -> None:
        shell.run_cell(CELL.replace("%%grad x", "%%grad x -o r -q"))
        shell.user_ns["r"]._repr_mimebundle_()

    run()
    found = median(run, runs=5)
    InteractiveShell.clear_instance()
    return [Result("%%grad, two lines, warm", text(found), "at most 0.4 s", found <= 0.4)]


def panel_update() -> list[Result]:
    """A slider moves by a step: kernel, values of 111 nodes, first line."""
    from autodiff_lab.study import Study

    body = "y = x\n" + "y = sin(y) * x + 0.1\n" * 12 + "y"
    study = Study.from_cell(body, {}, "x", at="x=0.5")
    panel = study.explore()
    slider, times = panel.controls["x"].slider, []
    for step in range(21):
        began = time.perf_counter()
        slider.value = 0.1 * step
        times.append(time.perf_counter() - began)
    found = sorted(times)[len(times) // 2]
    nodes = len(study.graph.view.nodes)
    return [Result(f"panel update, {nodes} nodes", text(found), "at most 50 ms", found <= 0.05)]


def verdict() -> list[Result]:
    """A wrong answer is judged: every usual mistake in every rule is tried."""
    from autodiff_lab.study import Study

    study = Study.from_cell("x**2 * sin(3 * x) / (1 + x**2)", {}, "x")
    study.predict("2 * x")
    found = median(lambda: study.predict("2 * x"), runs=3)
    return [Result("%%predict, an answer no single mistake explains", text(found),
                   "at most 1 s", found <= 1.0)]


ROWS: list[Callable[[], list[Result]]] = [cell_fresh, cell_warm, panel_update, verdict]
