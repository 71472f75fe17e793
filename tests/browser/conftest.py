"""A Chromium without network for the tests of saved pages.

Relies on Playwright's Python package and a Chromium of the machine's: `$CHROMIUM`, chromium,
chromium-browser or google-chrome. Without one these tests skip with a reason, but fail where `CI`
is set. The one idea: every page is opened with all requests refused and written down, so a page
that asks for anything is seen.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")

# A browser of its own must not talk to anybody, or it would be seen as a page that does.
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]


def find_chromium() -> str | None:
    """The browser's path, or None."""
    asked = os.environ.get("CHROMIUM")
    return asked or next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The running browser."""
    path = find_chromium()
    if path is None:
        reason = f"no browser: set $CHROMIUM or install one of {', '.join(NAMES)}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield running
        running.close()


@dataclass
class Opened:
    """A page in the browser, and what it did that it should not."""

    page: Any
    requests: list[str] = field(default_factory=list)    # beyond the file itself
    complaints: list[str] = field(default_factory=list)  # errors of scripts, dialogs

    @property
    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        root = self.page.locator("html")
        return int(root.evaluate("root => root.scrollWidth - root.clientWidth"))


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Opened]]:
    """Open a file: `open_page(path, width=1280, scripts=True, dark=False)`."""
    contexts = []

    def open_file(path: Path, width: int = 1280, scripts: bool = True,
                  dark: bool = False) -> Opened:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, java_script_enabled=scripts, offline=True,
            color_scheme="dark" if dark else "light",
        )
        contexts.append(context)
        opened = Opened(context.new_page())
        address = path.resolve().as_uri()

        def answer(route: Any) -> None:
            if route.request.url.split("#")[0] == address:
                route.continue_()
            elif route.request.url.startswith(("data:", "blob:")):
                route.continue_()
            else:
                opened.requests.append(route.request.url)
                route.abort()

        def refuse(dialog: Any) -> None:
            opened.complaints.append(f"dialog: {dialog.message}")
            dialog.dismiss()

        context.route("**/*", answer)
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.on("console", lambda message: opened.complaints.append(message.text)
                       if message.type == "error" else None)
        opened.page.on("dialog", refuse)
        opened.page.goto(address)
        return opened

    yield open_file
    for context in contexts:
        context.close()
