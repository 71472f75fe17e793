"""The browser fixture itself sees requests, dialogs, script errors and pages that are too wide."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

PAGE = """<!doctype html><meta charset="utf-8"><title>t</title><body>{}</body>"""


def saved(folder: Path, body: str) -> Path:
    path = folder / "page.html"
    path.write_text(PAGE.format(body), encoding="utf8")
    return path


def test_a_quiet_page(open_page: Callable[..., Any], tmp_path: Path) -> None:
    opened = open_page(saved(tmp_path, "<p>hello</p>"), width=400)
    assert (opened.requests, opened.complaints, opened.overflow) == ([], [], 0)


def test_a_noisy_page(open_page: Callable[..., Any], tmp_path: Path) -> None:
    body = """<img src="https://example.org/a.png"><div style="width:900px">wide</div>
    <script>alert("hi"); missing()</script>"""
    opened = open_page(saved(tmp_path, body), width=400)
    assert opened.requests == ["https://example.org/a.png"]
    assert any("hi" in line for line in opened.complaints)
    assert any("missing" in line for line in opened.complaints)
    assert opened.overflow > 400


def test_scripts_can_be_off(open_page: Callable[..., Any], tmp_path: Path) -> None:
    opened = open_page(saved(tmp_path, "<script>missing()</script>"), scripts=False)
    assert opened.complaints == []
