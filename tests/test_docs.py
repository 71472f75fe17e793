"""Pages made from the code: the map names every file, each op and rule has its page."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "docs"))

import map_page
from layers import ROOT


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
