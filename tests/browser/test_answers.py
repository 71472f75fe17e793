"""What a reader can find out from a saved page alone: links, scenes, steps; nothing else acts.

The pages are those of real studies, opened without network.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import view_examples
from payloads import PAYLOADS

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.view import html

Open = Callable[..., Any]
CELL = "h = tanh(W @ v + b)\np = exp(u @ h)\nlog(1 + p) + 0.1 * (W ** 2).sum()"
TABS = ["graph", "derivation", "steps", "plot", "kernel"]
SERIOUS = ("serious", "critical")


def loop() -> Any:
    """A study with a loop in it."""
    x, w = pt.dvector("x"), pt.dscalar("w")
    h, _ = ad.scan(lambda now, before: pt.tanh(w * before + now), sequences=[x],
                   outputs_info=[pt.constant(np.float64(0.0))])
    return ad.Study(h[-1] ** 2, [w], point={"x": [0.1, 0.2, 0.3], "w": 0.5})


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pages of studies, and one with hostile texts in every field."""
    from view.test_hostile import filled

    folder = tmp_path_factory.mktemp("answers")
    values = {"v": np.array([1.0, 2.0, 3.0])}
    net = ad.Study.from_cell(CELL, values, ["W:matrix", "b:vector", "u:vector"],
                             at="W=ones((2, 3)) * 0.1, b=zeros(2), u=ones(2)")
    logistic = ad.Study.from_cell("1 / (1 + exp(-x))", {}, "x", at="x=0.4", plot="x=-6:6")
    net.save_html(folder / "net.html")
    logistic.save_html(folder / "logistic.html")
    loop().save_html(folder / "loop.html")
    card = view_examples.logistic_card(plot=view_examples.logistic_plot(20))
    for number in range(4):
        texts = itertools.cycle(PAYLOADS[number * 50 :] + PAYLOADS[: number * 50])
        page = html.page_html(filled(card, texts))
        (folder / f"hostile{number}.html").write_text(page, encoding="utf-8")
    return {path.stem: path for path in folder.glob("*.html")}


def quiet(opened: Any) -> None:
    """Nothing was asked of the network, nothing complained, nothing is cut off."""
    assert (opened.requests, opened.complaints, opened.overflow) == ([], [], 0)


def node(page: Any, label: str) -> Any:
    """The box with this word in it."""
    return page.locator(f'.canvas .node:has(> text.label:text-is("{label}"))')


def chosen(page: Any) -> list[str]:
    found: list[str] = page.locator(".canvas .node.is-chosen").evaluate_all(
        "nodes => nodes.map(n => n.dataset.id).sort()")
    return found


def test_pages_are_small(files: dict[str, Path]) -> None:
    for name in ("net", "logistic", "loop"):
        assert files[name].stat().st_size < 500_000


def test_hover_tells_the_chain_rule_term(files: dict[str, Path], open_page: Open) -> None:
    opened = open_page(files["logistic"])
    opened.page.locator(".canvas .node.adjoint", has_text="×").last.hover()
    words = opened.page.locator(".hint").inner_text()
    assert "chain rule" in words and "times the cotangent of" in words
    quiet(opened)


def test_a_line_of_the_cell_lights_its_nodes(files: dict[str, Path], open_page: Open) -> None:
    opened = open_page(files["net"])
    page = opened.page
    page.locator(".code .linked").nth(1).click()
    assert len(chosen(page)) >= 4
    assert page.locator(".code .is-hot").inner_text().startswith("2")
    node(page, "h = tanh").click()
    assert page.locator(".code .is-hot").inner_text().startswith("1")
    quiet(opened)


@pytest.mark.parametrize("part", ["derivation", "kernel"])
def test_lines_and_nodes_are_linked_both_ways(files: dict[str, Path], open_page: Open,
                                              part: str) -> None:
    opened = open_page(files["net"])
    page = opened.page
    node(page, "h = tanh").click()
    page.locator(".side dd button", has_text=f"{part}, line").click()
    assert page.locator("[role=tab][aria-selected=true]").get_attribute("data-tab") == part
    hot = page.locator(f".pane.{part} .is-hot")
    assert hot.count() >= 1 and hot.first.is_visible()
    if part == "kernel":
        assert "tanh" in hot.first.inner_text()
    else:
        assert "tanh" in hot.first.locator("xpath=..").inner_text()
    other = page.locator(f".pane.{part} .linked:not(.is-hot)").last.element_handle()
    other.click()
    assert "is-hot" in other.get_attribute("class")
    page.locator(".linkbar:visible button").first.click()
    assert page.locator("[role=tab][aria-selected=true]").get_attribute("data-tab") == "graph"
    assert chosen(page)
    quiet(opened)


def test_the_scenes_of_a_graph(files: dict[str, Path], open_page: Open) -> None:
    opened = open_page(files["net"])
    page = opened.page
    boxes = [page.locator(".canvas .node").count()]
    for word in ("without constants and casts", "a block for each line"):
        page.locator(".side select").select_option(label=word)
        boxes.append(page.locator(".canvas .node").count())
    assert boxes[0] > boxes[1] > boxes[2] > 3
    page.locator(".canvas .node", has_text="h = ").first.click()
    assert page.locator(".code .is-hot").inner_text().startswith("1")
    quiet(opened)


def test_a_loop_opens(files: dict[str, Path], open_page: Open) -> None:
    opened = open_page(files["loop"])
    page = opened.page
    node(page, "scan").first.click()
    page.locator(".side button", has_text="open").click()
    assert "tanh" in page.locator(".canvas").inner_text()
    assert page.locator(".side select").evaluate("s => s.selectedOptions[0].text") == "inside scan"
    quiet(opened)


def test_the_graph_moves_from_step_to_step(files: dict[str, Path], open_page: Open) -> None:
    opened = open_page(files["logistic"])
    page = opened.page
    page.locator("button[data-tab=steps]").click()
    movie = page.locator(".movie")
    total = page.locator(".steplist li").count()
    counts = [movie.locator(".node:not(.gone)").count()]
    page.locator(".steplist ul").focus()
    for _ in range(total - 1):
        page.keyboard.press("ArrowRight")
        counts.append(movie.locator(".node:not(.gone)").count())
    assert counts[-1] < counts[0]
    page.wait_for_timeout(600)
    assert movie.locator(".gone").count() == 0
    assert movie.locator(".edge").count() >= 3
    page.keyboard.press("End")
    last = page.locator(".step h3").inner_text()
    page.keyboard.press(" ")                              # plays from the beginning
    assert page.locator("button[aria-label='Pause (space)']").count() == 1
    page.keyboard.press(" ")
    assert page.locator(".step h3").inner_text() != last or total == 1
    page.locator(".steplist input[type=checkbox]").check()
    assert 0 < page.locator(".steplist li:visible").count() < total
    quiet(opened)


def test_reduced_motion_is_respected(files: dict[str, Path], open_page: Open) -> None:
    page = open_page(files["logistic"]).page
    page.emulate_media(reduced_motion="reduce")
    page.locator("button[data-tab=steps]").click()
    page.locator(".steplist ul").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(".movie svg.moving").count() == 0
    assert page.locator(".movie .gone").count() == 0


def test_derivations_can_be_copied(files: dict[str, Path], open_page: Open) -> None:
    page = open_page(files["net"]).page
    page.locator("button[data-tab=derivation]").click()
    assert page.locator(".part").count() == 3
    page.locator(".part button", has_text="copy as text").first.click()
    page.wait_for_timeout(100)
    words = page.locator(".part button").nth(1).inner_text()
    assert words in ("copied", "selected")
    if words == "selected":
        assert "chain rule" in page.locator(".copied").inner_text()


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("number", range(4))
def test_hostile_texts_do_nothing(files: dict[str, Path], open_page: Open, number: int,
                                  width: int) -> None:
    opened = open_page(files[f"hostile{number}"], width=width)
    page = opened.page
    for tab in TABS:
        page.locator(f"button[data-tab={tab}]").click()
        if tab == "graph":
            page.locator(".canvas .node").first.hover()
            page.locator(".canvas .node").nth(4).click()
            page.locator(".side select").select_option(index=1)
        if tab == "steps":
            page.locator(".steplist li").nth(1).click()
            page.keyboard.press("ArrowRight")
    assert page.evaluate("window.pwned") is None
    assert (opened.requests, opened.complaints) == ([], [])


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_serious_fault_of_accessibility(files: dict[str, Path], open_page: Open, dark: bool,
                                           width: int) -> None:
    import axe_playwright_python

    source = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
    opened = open_page(files["net" if width == 1280 else "logistic"], width=width, dark=dark)
    page = opened.page
    page.evaluate(source)
    for tab in page.locator("[role=tab]").all():
        tab.click()
        page.wait_for_timeout(500)
        answer = page.evaluate("axe.run({resultTypes: ['violations']})")
        faults = [f"{v['id']}: {n['html'][:160]}" for v in answer["violations"]
                  if v["impact"] in SERIOUS for n in v["nodes"][:3]]
        assert faults == []


def test_heat_and_costs(files: dict[str, Path], open_page: Open) -> None:
    opened = open_page(files["net"])
    page = opened.page
    heat = page.locator("button[aria-label='Colour by time']")
    heat.click()
    assert heat.get_attribute("aria-pressed") == "true"
    # the node that took longest is coloured; how many others are depends on the machine
    assert page.locator(".adl-graph.heat [class*=heat]").count() >= 1
    node(page, "h = tanh").click()
    assert re.search(r"\d [mu]?s a call", page.locator(".side").inner_text())
    assert "% of the run" in page.locator(".side").inner_text()
    quiet(opened)
