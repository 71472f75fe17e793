"""Card and panel in a real JupyterLab and a real Notebook 7, run live and opened untrusted.

Relies on both (extras `lab` and `test`) and on the browser of `conftest.py`.  The one idea: only
this machine can be reached; what is asked of another address, or complained of, is written down.
"""

from __future__ import annotations

import json
import math
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autodiff_lab.study import Study

ROOT = Path(__file__).resolve().parents[2]
CARD = '%%grad x --plot "x=-6:6" --at "x=0" -o r\ny = exp(-x)\n1 / (1 + y)'
CELLS = ["%load_ext autodiff_lab", CARD, "%%predict\n- y / (1 + y)", "r.explore()"]
TABS = [("Derivation", ".pane.derivation svg"), ("Steps", ".pane.steps"), ("Plot", "svg.adl-plot"),
        ("Kernel", "pre"), ("Graph", ".canvas svg")]


def write_notebook(path: Path, outputs: list[Any]) -> None:
    """A notebook of the cells; the card's cell holds these outputs."""
    cells = [
        {"cell_type": "code", "id": f"cell{k}", "metadata": {}, "execution_count": None,
         "outputs": outputs if source == CARD else [], "source": source}
        for k, source in enumerate(CELLS)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    path.write_text(json.dumps({"cells": cells, "metadata": {"kernelspec": kernel},
                                "nbformat": 4, "nbformat_minor": 5}))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running server of both front ends."""
    folder = tmp_path_factory.mktemp("jupyter")
    for name in ("lab", "notebook"):
        write_notebook(folder / f"{name}.ipynb", [])
    study = Study.from_cell("y = exp(-x)\n1 / (1 + y)", {}, "x", at="x=0", plot="x=-6:6")
    write_notebook(folder / "untrusted.ipynb", [{
        "output_type": "execute_result", "execution_count": 1, "metadata": {},
        "data": study._repr_mimebundle_()}])
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
        running = subprocess.Popen(command, env={**os.environ, **places, "PYTHONPATH": paths},
                                   stdout=log, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{address}/api/status", folder / "server.log")
        yield address
    finally:
        running.terminate()
        running.wait(timeout=30)


def wait_for(address: str, log: Path) -> None:
    for _ in range(120):
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    pytest.fail("Jupyter did not start:\n" + log.read_text()[-2000:])


def opened(browser: Any, server: str, path: str) -> Any:
    """A page that can reach the server and nobody else."""
    page = browser.new_page(viewport={"width": 1280, "height": 1500})
    page.set_default_timeout(90_000)
    page.foreign, page.complaints = [], []

    def answer(route: Any) -> None:
        if route.request.url.startswith((server, "data:", "blob:")):
            return route.continue_()
        page.foreign.append(route.request.url)
        return route.abort()

    page.route("**/*", answer)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("console", lambda message: page.complaints.append(message.text)
            if message.type == "error" else None)
    page.goto(f"{server}{path}")
    page.wait_for_selector(".jp-Notebook .jp-InputArea")
    return page


@pytest.fixture(scope="module", params=["lab", "notebook"])
def page(browser: Any, server: str, request: Any) -> Iterator[Any]:
    """The notebook with every cell run, in either front end."""
    place = {"lab": "/lab/tree/lab.ipynb?reset", "notebook": "/notebooks/notebook.ipynb"}
    page = opened(browser, server, place[request.param])
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]")
    page.complaints.clear()              # what the front end says of itself before any cell runs
    run_all(page)
    yield page
    page.close()


def run_all(page: Any) -> None:
    """Run every cell; a front end that is still waking up may not hear it at once."""
    for patience in (30_000, 30_000, 60_000):
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()
        try:
            return page.wait_for_selector(".widget-slider", timeout=patience)
        except Exception:
            page.keyboard.press("Escape")
    return page.wait_for_selector(".widget-slider", timeout=1_000)


def headline(page: Any) -> str:
    """The formulas above the panel's tabs, as a screen reader has them."""
    pictures = page.locator(".widget-html svg.adl-formula")
    return " ".join(pictures.nth(k).get_attribute("aria-label") for k in range(2))


def open_tab(page: Any, name: str) -> None:
    page.locator(".widget-tab .lm-TabBar-tab", has_text=name).click()


def until(page: Any, true: Callable[[], bool]) -> None:
    """Wait for the kernel's answer."""
    for _ in range(100):
        if true():
            return
        page.wait_for_timeout(100)
    pytest.fail("the kernel did not answer")


def test_the_card_of_the_cell_answers(page: Any) -> None:
    card = page.locator(".adl-place").first
    assert card.get_by_role("tab").all_inner_texts()[0] == "Graph"
    assert card.bounding_box()["height"] <= 640
    card.locator(".node").first.hover()
    assert card.locator(".node.is-near").count() > 0
    card.get_by_role("tab", name="Derivation").click()
    assert card.locator(".pane.derivation").is_visible()


def test_the_verdict_is_text(page: Any) -> None:
    said = page.locator(".jp-OutputArea-output pre", has_text="not yet").inner_text()
    assert "rule:    quotient rule" in said and "cell 2, line 3" in said


def test_the_slider_drives_the_kernel(page: Any) -> None:
    page.wait_for_function("document.querySelector('.widget-html svg.adl-formula') !== null")
    assert "= 0.5 " in headline(page) + " " and "= 0.25" in headline(page)
    track = page.locator(".noUi-base").first
    size = track.bounding_box()
    track.click(position={"x": 0.6 * size["width"], "y": size["height"] / 2})
    field = page.locator(".widget-hbox input[type=number]").first
    until(page, lambda: field.input_value() != "0")
    x = float(field.input_value())
    page.get_by_text(f"at x = {x:.6g}", exact=True).wait_for()
    s = 1 / (1 + math.exp(-x))
    expected = {f"{number:.6g}" for number in (s, s * (1 - s), x)}
    assert all(f"= {text}" in headline(page) for text in expected - {f"{x:.6g}"})
    open_tab(page, "Graph")
    boxes = page.locator(".widget-tab .node .value")
    until(page, lambda: expected <= set(boxes.all_text_contents()))


def test_every_tab_shows_something(page: Any) -> None:
    for name, selector in TABS:
        open_tab(page, name)
        page.locator(f".widget-tab {selector}").first.wait_for(state="visible")


def test_a_part_folds_and_unfolds_through_the_kernel(page: Any) -> None:
    open_tab(page, "Graph")
    boxes = page.locator(".widget-tab .node")
    whole = boxes.count()
    page.locator(".widget-tab .node.op", has_text="exp").first.dblclick()
    until(page, lambda: boxes.count() < whole)
    page.locator(".widget-tab .node.op", has_text=",").first.dblclick()
    until(page, lambda: boxes.count() == whole)


def test_a_rule_is_switched_off_through_the_kernel(page: Any) -> None:
    open_tab(page, "Steps")
    steps = page.locator(".widget-tab .steplist li")
    steps.first.wait_for()
    before = steps.all_inner_texts()
    box = page.locator(".widget-tab .widget-checkbox", has_text="logistic").locator("input").first
    box.uncheck()
    until(page, lambda: steps.all_inner_texts() not in (before, []))
    box.check()
    until(page, lambda: steps.all_inner_texts() == before)


def test_nothing_is_asked_of_the_network_and_nothing_fails(page: Any) -> None:
    assert page.foreign == []
    assert page.complaints == []


@pytest.mark.parametrize("path", ["/lab/tree/untrusted.ipynb?reset",
                                  "/notebooks/untrusted.ipynb"])
def test_an_untrusted_notebook_shows_the_pictures(browser: Any, server: str, path: str) -> None:
    page = opened(browser, server, path)
    picture = page.locator(".jp-OutputArea-output img.graph").first
    picture.wait_for(state="visible")
    assert picture.bounding_box()["width"] > 250
    assert "forward" in picture.get_attribute("alt")
    assert page.locator(".adl-place").count() == 0         # the script did not run
    for block in page.locator("details.tab").all()[1:]:    # folded, and all there
        block.locator("summary").first.click()
        assert block.locator(".pane").is_visible()
    assert page.foreign == []
    page.close()
