"""Pages made by running cells: what they say is what the cells still show."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "docs"), str(ROOT / "tests" / "notebook")]

import gallery_page  # noqa: E402
import mistakes_page  # noqa: E402

GALLERY = ROOT / "docs" / "gallery"


def test_the_mistakes_are_told_as_the_page_says() -> None:
    written = (ROOT / "docs" / "explanation" / "mistakes.md").read_text(encoding="utf8")
    assert written == mistakes_page.page(), "run docs/build.py"


def test_forty_mistakes_of_at_most_twelve_lines_each() -> None:
    written = (ROOT / "docs" / "explanation" / "mistakes.md").read_text(encoding="utf8")
    outputs = re.findall(r"```text\n(.*?)\n```", written, flags=re.DOTALL)
    assert len(outputs) >= 40
    for text in outputs:
        assert len(text.splitlines()) <= mistakes_page.MOST_LINES, text
        assert "Traceback" not in text and "autodiff_lab/" not in text


def test_every_picture_of_the_gallery_is_there_small_and_well_formed() -> None:
    written = (ROOT / "docs" / "gallery.md").read_text(encoding="utf8")
    named = set(re.findall(r"\(gallery/([^)]+)\)", written))
    assert named == {path.name for path in GALLERY.iterdir()}
    for path in GALLERY.iterdir():
        assert path.stat().st_size < 200_000, path.name
        if path.suffix == ".svg":
            ET.parse(path)
            assert "prefers-color-scheme" not in path.read_text(encoding="utf8")


@pytest.mark.parametrize("view", gallery_page.VIEWS, ids=lambda view: view[0])
def test_a_cell_of_the_gallery_shows_its_view(view: tuple[str, str, str, list[str]]) -> None:
    text, picture = gallery_page.shown(view[3])
    assert text and ((GALLERY / f"{view[0]}-dark.svg").exists() or view[0] == "card") == bool(
        picture)
