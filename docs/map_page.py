"""The repository map: lines per room and the purpose of each file, above a hand-written guide.

Relies on `tests/layers.py`. The one idea: what stands above the mark is written anew each time from
the tree and each file's first docstring line; what stands below it is left alone.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import layers

MARK = "<!-- Above this line docs/build.py writes; below it people do. -->"

ROOMS = {
    "root": ("package root", "public names, each loaded when first used"),
    "base": ("package root", "errors, configuration, hooks: what every room may import"),
    "graph": ("graph/", "variables, nodes, ops, the interned graph; knows no dtype"),
    "tensor": ("tensor/", "tensor types and every op, each declared in one place"),
    "gradient": ("gradient/", "pullbacks joined to gradients; roles of the variables it makes"),
    "control": ("control/", "loops, branches, inner graphs, Jacobian and Hessian"),
    "rewriting": ("rewriting/", "the driver and its trace; `rules/` has the rules by subject"),
    "compile": ("compile/", "from graph to program and kernels; `function`, modes"),
    "backends": ("backends/", "executors of a program: NumPy, Numba; found by registry"),
    "view": ("view/", "records of what is shown, and a renderer for each format"),
    "study": ("package root", "the main job as one object, the text of a cell, public checks"),
    "notebook": ("notebook/", "magics and the panel; also the command line"),
}
LAYERS = ["base", "graph", "tensor", "gradient", "control", "rewriting", "compile", "backends",
          "view", "study", "notebook", "root"]

HEAD = """\
# Repository map

An expression becomes a **graph** of variables and nodes (`graph`, `tensor`). `gradient` adds the
nodes of the derivative to it. `rewriting` turns a copy of both into what runs and records each
step. `compile` plans the run as a program of kernels, a backend executes it. `view` draws any
stage, `Study` holds them together, `notebook` and the command line ask it questions.

A room may import the rooms above it in this table, never those below (the exact table:
`tests/layers.py`).
"""


def rooms() -> dict[str, list[Path]]:
    """The package's files by room."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in layers.python_files():
        found[layers.room_of(layers.module_of(path))].append(path)
    return found


def head() -> str:
    """The generated half of the page."""
    found = rooms()
    lines = [HEAD, "| room | lines | files | what lives there |", "|---|--:|--:|---|"]
    for room in LAYERS:
        if room in found:
            length = sum(map(layers.line_count, found[room]))
            _, purpose = ROOMS[room]
            lines.append(f"| [{room}](#{room}) | {length:,} | {len(found[room])} | {purpose} |")
    every = [path for paths in found.values() for path in paths]
    python, whole = (sum(map(count, every)) for count in (layers.code_lines, layers.line_count))
    scripts = sum(map(layers.line_count, layers.PACKAGE.rglob("*.js")))
    lines.append(f"\n{python:,} lines of Python code in the package (at most 20,000; {whole:,} "
                 f"with blank lines, comments and docstrings), {scripts:,} of JavaScript (at most "
                 "1,500).\n")
    for room in LAYERS:
        if room in found:
            lines += [f"## {room}\n", "| file | what is here |", "|---|---|"]
            lines += [file_row(path) for path in found[room]]
            lines.append("")
    return "\n".join(lines)


def file_row(path: Path) -> str:
    """The table row of one file."""
    name = path.relative_to(layers.PACKAGE).as_posix()
    purpose = layers.purpose_of(path).replace("|", "\\|")
    return f"| [`{name}`](../autodiff_lab/{name}) | {purpose} |"


def listed(page: str) -> set[str]:
    """The files that a page's generated half names."""
    rows = (line.split("](")[0] for line in page.split(MARK)[0].splitlines())
    return {row.removeprefix("| [`").rstrip("`") for row in rows if row.endswith(".py`")}


def files() -> set[str]:
    """The files that it has to name."""
    return {path.relative_to(layers.PACKAGE).as_posix() for path in layers.python_files()}


def write(page: Path) -> None:
    """Write the page anew, keeping what people wrote below the mark."""
    written = page.read_text(encoding="utf8") if page.exists() else ""
    below = written.split(MARK)[1] if MARK in written else "\n"
    page.write_text(f"{head()}\n{MARK}{below}", encoding="utf8")
