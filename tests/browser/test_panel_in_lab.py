"""The panel in a real JupyterLab: the slider moves, the kernel runs, everything follows.

Relies on JupyterLab (extras `lab` and `test`) and on the browser of `conftest.py`.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
CELLS = ["%load_ext autodiff_lab", '%%grad x --plot "x=-6:6" --at "x=0" -o r\n1 / (1 + exp(-x))',
         "r.explore()"]


def write_notebook(path: Path) -> None:
    cells = [
        {"cell_type": "code", "id": f"cell{k}", "metadata": {}, "execution_count": None,
         "outputs": [], "source": source}
        for k, source in enumerate(CELLS)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    path.write_text(json.dumps({"cells": cells, "metadata": {"kernelspec": kernel},
                                "nbformat": 4, "nbformat_minor": 5}))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running JupyterLab that serves one notebook."""
    folder = tmp_path_factory.mktemp("lab")
    write_notebook(folder / "panel.ipynb")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    places = {f"JUPYTER_{name}_DIR": str(folder / f".{name.lower()}")
              for name in ("CONFIG", "DATA", "RUNTIME")}
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root",
               "--ServerApp.ip=127.0.0.1", f"--port={port}", "--IdentityProvider.token=",
               f"--ServerApp.root_dir={folder}", "--ServerApp.port_retries=0"]
    with open(folder / "server.log", "w") as log:
        server = subprocess.Popen(command, env={**os.environ, **places, "PYTHONPATH": paths},
                                  stdout=log, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{address}/api/status", folder / "server.log")
        yield address
    finally:
        server.terminate()
        server.wait(timeout=30)


def wait_for(address: str, log: Path) -> None:
    for _ in range(120):
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    pytest.fail("JupyterLab did not start:\n" + log.read_text()[-2000:])


@pytest.fixture(scope="module")
def page(browser: Any, lab: str) -> Iterator[Any]:
    """The notebook with every cell run."""
    opened = browser.new_page(viewport={"width": 1280, "height": 1500})
    opened.set_default_timeout(90_000)
    opened.foreign, opened.complaints = [], []
    opened.on("request", lambda request: None if request.url.startswith(
        (lab, lab.replace("http", "ws"), "data:", "blob:")) else opened.foreign.append(request.url))
    opened.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.goto(f"{lab}/lab/tree/panel.ipynb?reset")
    opened.wait_for_selector(".jp-Notebook .jp-InputArea")
    opened.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]")
    opened.get_by_role("menuitem", name="Run", exact=True).click()
    opened.get_by_text("Run All Cells", exact=True).click()
    opened.wait_for_selector(".widget-slider")
    yield opened
    opened.close()


def headline(page: Any) -> str:
    """The formulas above the panel's tabs, as a screen reader has them."""
    pictures = page.locator(".widget-html svg.adl-formula")
    return " ".join(pictures.nth(k).get_attribute("aria-label") for k in range(2))


def test_the_card_of_the_cell_answers(page: Any) -> None:
    card = page.locator(".adl-place").first
    assert card.get_by_role("tab").all_inner_texts()[0] == "Graph"
    assert card.bounding_box()["height"] <= 640


def test_the_slider_drives_the_kernel(page: Any) -> None:
    page.wait_for_function("document.querySelector('.widget-html svg.adl-formula') !== null")
    assert "= 0.5 " in headline(page) + " " and "= 0.25" in headline(page)
    page.locator(".noUi-handle").first.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('.jp-OutputArea input[type=number]').value"
                           " === '1'")
    page.get_by_text("at x = 1", exact=True).wait_for()
    assert "0.731059" in headline(page) and "0.196612" in headline(page)
    page.locator(".widget-tab .lm-TabBar-tab", has_text="Graph").click()
    boxes = page.locator(".widget-tab .node .value")
    page.wait_for_function("document.querySelector('.widget-tab') !== null")
    assert {"0.731059", "0.196612", "1"} <= set(boxes.all_text_contents())


def test_every_tab_shows_something(page: Any) -> None:
    for name, selector in [("Derivation", ".pane.derivation svg"), ("Steps", ".pane.steps"),
                           ("Plot", "svg.adl-plot"), ("Kernel", "pre"), ("Graph", ".canvas svg")]:
        page.locator(".widget-tab .lm-TabBar-tab", has_text=name).click()
        page.locator(f".widget-tab {selector}").first.wait_for(state="visible")


def test_nothing_is_asked_of_the_network_and_nothing_fails(page: Any) -> None:
    assert page.foreign == []
    assert page.complaints == []
