"""Pages: the map names every file, each op and rule has its page, examples on pages run."""

from __future__ import annotations

import doctest
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "docs"))

import map_page
import op_pages
import r_operator_page
import rule_pages
import test_docstrings
import test_ops_derivatives
from layers import ROOT

from autodiff_lab import compat
from autodiff_lab.rewriting import RULES
from autodiff_lab.tensor import registry
from autodiff_lab.view.formula import Line, formula_svg


def test_the_map_names_the_files_that_are_there() -> None:
    named = map_page.listed((ROOT / "docs" / "repo_map.md").read_text(encoding="utf8"))
    assert named == map_page.files(), "run `make docs`, and commit docs/repo_map.md"


def test_writing_the_map_keeps_what_people_wrote(tmp_path: Path) -> None:
    page = tmp_path / "repo_map.md"
    page.write_text(f"old\n{map_page.MARK}\n\n## By hand\n", encoding="utf8")
    map_page.write(page)
    first = page.read_text(encoding="utf8")
    map_page.write(page)
    assert first == page.read_text(encoding="utf8")
    assert first.endswith(f"{map_page.MARK}\n\n## By hand\n")
    assert map_page.listed(first) == map_page.files()


def test_every_op_has_its_page() -> None:
    pages = op_pages.pages()
    assert set(pages) == {f"{name}.md" for name in [*registry.ROWS, *registry.OPS, "index"]}
    assert all(text.startswith("# ") and "None" not in text.split("\n")[0]
               for text in pages.values())


def test_every_rule_has_its_page() -> None:
    pages = rule_pages.pages()
    assert set(pages) == {f"{name}.md" for name in [*RULES, "index"]}
    for name, rule in RULES.items():
        text = pages[f"{name}.md"]
        assert rule.client in text and text.count("```text") == 2, name
        for formula in re.findall(r"\$\$ (.*?) \$\$", text):
            assert "<svg" in formula_svg((Line(formula, formula),)), name


def test_forward_mode_passes_every_op_of_the_list_but_the_sparse_ones() -> None:
    assert r_operator_page.unsupported() == ["All sparse ops"]
    rules = {r_operator_page.forward_rule(name) for name in [*registry.ROWS, *registry.OPS]}
    assert rules == {r_operator_page.DIRECT, r_operator_page.NONE}


def test_the_tests_that_the_page_names_exist() -> None:
    cells = set(test_ops_derivatives.cells())
    for group in r_operator_page.SEEDS.values():
        for examples in group.values():
            for row in r_operator_page.rows(examples):
                for name, rule in row.rules.items():
                    test = r_operator_page.test_of(name, rule)
                    path, _, function = test.partition("::")
                    there = test in cells or f"def {function}" in (ROOT / path).read_text()
                    assert there, f"{row.example}: {test}"


@pytest.mark.parametrize(
    "page", [
        "reference/differences.md", "how-to/old_code.md", "how-to/looking_inside.md",
        "how-to/many_callers.md", "how-to/rewrites.md",
    ]
)
def test_examples_on_pages(page: str) -> None:
    failed = doctest.testfile(
        str(ROOT / "docs" / page), module_relative=False, optionflags=test_docstrings.FLAGS
    ).failed
    compat.uninstall()
    assert not failed, "see the report above"
