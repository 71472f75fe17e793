"""The package's shape: no upward import, no long file or function, no cycle, the whole not too big.

Relies on `layers.py`, which reads the tree. Each test lists every offender at once.
"""

from __future__ import annotations

import layers
import pytest
from layers import PACKAGE, ROOT, Import

FILES = layers.python_files()
MOST_LINES = 600
LONGEST_FUNCTION = 50
MOST_PYTHON = 20_000
MOST_JAVASCRIPT = 1_500


def arrows() -> list[Import]:
    return [arrow for path in FILES for arrow in layers.imports_of(path)]


def ours() -> list[Import]:
    return [arrow for arrow in arrows() if arrow.target.split(".")[0] == "autodiff_lab"]


def fault(arrow: Import) -> str | None:
    """Say what is wrong with an arrow between our modules, if anything is."""
    room, target = layers.room_of(arrow.module), layers.room_of(arrow.target)
    name = arrow.module.removeprefix("autodiff_lab.")
    if room == "root" and arrow.inside:
        return None                      # the package's lazy names reach every room
    if target not in layers.ALLOWED[room] | {room}:
        return f"{room} may not import {target}"
    if room == "backends" and target == "compile":
        if arrow.target.split(".")[2:3] not in [[part] for part in layers.BACKENDS_SEE]:
            return f"backends may import of compile only {', '.join(layers.BACKENDS_SEE)}"
    if room == "rewriting" and target in layers.REWRITING_SEES:
        if name not in layers.REWRITING_SEES[target]:
            return f"only {' and '.join(layers.REWRITING_SEES[target])} may import {target}"
    if name == "rewriting.driver" and target not in ("base", "graph", "rewriting"):
        return f"the driver knows graph only, not {target}"
    return None


def test_every_file_has_a_room() -> None:
    for path in FILES:
        layers.room_of(layers.module_of(path))


def test_no_import_points_upward() -> None:
    faults = [
        f"{a.module}, line {a.line}: imports {a.target}: {fault(a)}" for a in ours() if fault(a)
    ]
    assert not faults, "\n".join(faults)


def test_every_import_of_ours_names_a_module() -> None:
    missing = [f"{a.module}, line {a.line}: {a.target}" for a in ours()
               if a.target not in layers.modules()]
    assert not missing, "\n".join(missing)


def may_load(arrow: Import, package: str) -> bool:
    """Whether a heavy package may be imported where this statement stands."""
    room = layers.room_of(arrow.module)
    if package in layers.NOTEBOOK_ONLY:
        return room == "notebook"
    if package in layers.COMPILERS and room == "backends":
        return True                      # decorators need it; the registry loads the file late
    return arrow.inside or arrow.checking


def test_heavy_packages_are_loaded_when_first_used() -> None:
    faults = [
        f"{a.module}, line {a.line}: {a.target}" for a in arrows()
        if a.target.split(".")[0] in layers.HEAVY and not may_load(a, a.target.split(".")[0])
    ]
    assert not faults, "import these inside the function that needs them:\n" + "\n".join(faults)


def test_no_cycle_hides_behind_type_checking() -> None:
    graph: dict[str, set[str]] = {module: set() for module in layers.modules()}
    top = [a for a in ours() if not a.inside]
    for arrow in top:
        graph[arrow.module].add(arrow.target)
    faults = [
        f"{a.module}, line {a.line}: {a.target}" for group in layers.strong_components(graph)
        for a in top if a.checking and a.module in group and a.target in group
    ]
    assert not faults, "imports under TYPE_CHECKING that close a cycle:\n" + "\n".join(faults)


@pytest.mark.parametrize("folder", ["autodiff_lab", "tests", "docs", "benchmarks"])
def test_files_are_short(folder: str) -> None:
    lengths = {str(p.relative_to(ROOT)): layers.line_count(p)
               for p in layers.python_files(ROOT / folder)}
    assert not {name: n for name, n in lengths.items() if n > MOST_LINES}


def test_functions_are_short() -> None:
    faults = [
        f"{path.relative_to(ROOT)}: {name} has {length} lines"
        for path in FILES for name, length in layers.functions_of(path)
        if length > LONGEST_FUNCTION
    ]
    assert not faults, "\n".join(faults)


def test_every_file_says_what_is_here() -> None:
    assert not [str(path.relative_to(ROOT)) for path in FILES if not layers.purpose_of(path)]


def test_the_whole_is_small_enough_to_read() -> None:
    # docs/explanation/decisions/0003-lines.md: what counts, and the debt that may only shrink
    debt = int((ROOT / "tests" / "lines.txt").read_text(encoding="utf8").split()[-1])
    lines = sum(map(layers.code_lines, FILES))
    assert lines <= MOST_PYTHON + debt, f"{lines:,} lines of code"
    assert debt == 0 or lines > MOST_PYTHON + debt - 100, "lower the debt in tests/lines.txt"
    assert sum(map(layers.line_count, PACKAGE.rglob("*.js"))) <= MOST_JAVASCRIPT


def test_the_layer_table_points_one_way() -> None:
    below = {room: set(allowed) for room, allowed in layers.ALLOWED.items() if room != "root"}
    for allowed in below.values():
        allowed.discard("root")
    assert not layers.strong_components(below)


def test_a_cycle_is_found() -> None:
    assert layers.strong_components({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [
        {"a", "b", "c"}
    ]
