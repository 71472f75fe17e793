"""Pages made from the code: the map names every file, each op and rule has its page."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "docs"))

import map_page
import op_pages
import rule_pages
from layers import ROOT

from autodiff_lab.rewriting import RULES
from autodiff_lab.tensor import registry


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
        assert rule.client in pages[f"{name}.md"]
