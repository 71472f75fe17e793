"""Run every benchmark row and write the report (`make bench`).

usage: python benchmarks/run.py [name of a row ...]

Prints one line per figure and, without names, writes benchmarks/results/DATE.md with the versions.
"""

from __future__ import annotations

import datetime
import os
import platform
import sys
import traceback
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

import derivative_rows  # noqa: E402
import kernel_rows  # noqa: E402
import loop_rows  # noqa: E402
import notebook_rows  # noqa: E402
import rewriting_rows  # noqa: E402
import rows  # noqa: E402
import view_rows  # noqa: E402
from timing import Result, text, yardstick  # noqa: E402

ROWS = [
    *rows.ROWS, *derivative_rows.ROWS, *rewriting_rows.ROWS, *loop_rows.ROWS, *kernel_rows.ROWS,
    *view_rows.ROWS, *notebook_rows.ROWS,
]


def one_processor() -> None:
    """Keep this process and all that it starts on one processor.

    Asking for one thread is not enough: JAX's runtime takes a thread per processor whatever its
    flags say, and then a comparison depends on what the others have to do.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def machine() -> list[str]:
    """Versions and machine: what a figure means nothing without."""
    lines = [f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, "
             f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"]
    for name in ("numpy", "numba", "llvmlite", "scipy"):
        try:
            lines.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            lines.append(f"{name} missing")
    return [", ".join(lines), f"yardstick (a fixed Python loop): {text(yardstick())}"]


def report(results: list[Result], head: list[str]) -> str:
    """The figures as a Markdown page."""
    lines = [f"# Figures of {datetime.date.today()}", "", *[f"* {line}" for line in head], "",
             "| what | measured | target | met |", "|---|---|---|---|"]
    lines += [f"| {r.what} | {r.measured} | {r.target} | {'yes' if r.met else '**no**'} |"
              for r in results]
    return "\n".join([*lines, ""])


def main(names: list[str]) -> int:
    """Measure, print, write; a row that cannot run is a line of the report."""
    one_processor()
    head = machine()
    print("\n".join(head), flush=True)
    results = []
    for row in ROWS:
        if names and row.__name__ not in names:
            continue
        try:
            new = row()
        except Exception:  # the report says what is broken, the others still run
            traceback.print_exc()
            new = [Result(row.__name__, "failed", "to run", False)]
        for result in new:
            verdict = "met" if result.met else "MISSED"
            print(f"{result.what:<52} {result.measured:<44} {result.target}: {verdict}", flush=True)
        results += new
    if not names:
        page = HERE / "results" / f"{datetime.date.today()}.md"
        page.parent.mkdir(exist_ok=True)
        page.write_text(report(results, head), encoding="utf8")
        print(f"written to {page.relative_to(HERE.parent)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
