"""What every test has: the helpers beside this file on the path, and plots without a window.

Also counts the cells of the two tables, ops x properties and rules x properties: a run of all tests
ends with the share that ran, which may not fall below the one kept in `cells.txt`.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
TABLES = {
    "test_ops.py": "op x property", "test_rules.py": "rule x property",
    "test_ops_derivatives.py": "op x derivative", "test_ops_points.py": "op x derivative",
}

# `layers.py` and other helpers lie beside this file and are imported by their plain names.
sys.path.insert(0, str(HERE))

os.environ.setdefault("MPLBACKEND", "Agg")

# How many cells of each table were left to other commits; a worker tells its controller.
_left: Counter[str] = Counter()
_cells: dict[str, Counter[str]] = {table: Counter() for table in TABLES.values()}


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark of what not every commit runs."""
    config.addinivalue_line(
        "markers", "rotates(left): `left` says of the parameter whether another commit runs it"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is left to other commits."""
    left = []
    for item in items:
        mark = item.get_closest_marker("rotates")
        if mark is not None and mark.args[0](*item.callspec.params.values()):  # type: ignore[attr-defined]
            left.append(item)
    gone = set(left)
    items[:] = [item for item in items if item not in gone]
    _left.update(TABLES[item.path.name] for item in left if item.path.name in TABLES)
    config.hook.pytest_deselected(items=left)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object, error: object) -> None:
    """Each worker collects everything: what one of them left out is what all left out."""
    _left.update(getattr(node, "workeroutput", {}).get("left", {}) if not _left else {})


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count the cells that ran and those that were left out."""
    table = TABLES.get(Path(report.nodeid.split("::")[0]).name)
    if table is not None and (report.when == "call" or report.outcome == "skipped"):
        _cells[table][report.outcome] += 1


def share(table: str) -> float:
    """How much of a table ran; 1 where there is no such table yet."""
    ran = _cells[table]["passed"] + _cells[table]["failed"]
    total = _cells[table].total() + _left[table]
    return 1.0 if total == 0 else ran / total


def kept_shares() -> dict[str, float]:
    """The shares that may not fall."""
    rows = (line.rsplit(maxsplit=1) for line in (HERE / "cells.txt").read_text().splitlines())
    return {name: float(number) for name, number in rows}


def fallen(config: pytest.Config) -> list[str]:
    """The tables of which less ran than is kept, in a run of everything."""
    if config.args != ["tests"] or config.option.keyword or hasattr(config, "workerinput"):
        return []
    return [f"{table}: {share(table):.3f} ran, {kept} is kept in tests/cells.txt"
            for table, kept in kept_shares().items() if share(table) < kept]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A share that fell fails the run."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left"] = dict(_left)
    if fallen(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much of each table ran."""
    for table, cells in _cells.items():
        total = cells.total() + _left[table]
        if cells.total():
            ran = round(share(table) * total)
            terminalreporter.write_line(f"{table}: {ran} of {total} cells ran")
    for line in fallen(terminalreporter.config):
        terminalreporter.write_line(line, red=True)
