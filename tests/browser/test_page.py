"""The saved page and the notebook fragment in a browser without network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import view_examples

from autodiff_lab.view import html

TABS = ["graph", "derivation", "steps", "plot", "kernel"]
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page, and the fragment as a notebook's export holds it (twice on one page)."""
    folder = tmp_path_factory.mktemp("pages")
    card = view_examples.logistic_card()
    fragment = html.card_html(card)
    texts = {
        "page": html.page_html(card),
        "fragment": f"<!DOCTYPE html><meta charset='utf-8'><body>{fragment}<hr>{fragment}",
        "large": html.page_html(view_examples.logistic_card(graph=view_examples.chain_graph(60))),
        "listing": html.page_html(card, engine="none"),
    }
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in texts}


def quiet(opened: Any) -> None:
    """Nothing was asked of the network, nothing complained, nothing is cut off."""
    assert (opened.requests, opened.complaints, opened.overflow) == ([], [], 0)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("name", ["page", "fragment", "large", "listing"])
def test_every_tab_shows(files: dict[str, Path], open_page: Open, name: str, width: int,
                         dark: bool) -> None:
    opened = open_page(files[name], width=width, dark=dark)
    page = opened.page
    for tab in TABS:
        page.locator(f"button[data-tab={tab}]").first.click()
        panes = page.locator(".adl-body").first.locator("[role=tabpanel]:visible")
        assert panes.count() == 1
        box = panes.bounding_box()
        assert box["height"] > 100 and box["width"] > 300
        assert len(panes.inner_text()) + panes.locator("svg").count() > 1
    quiet(opened)


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("name", ["page", "fragment", "large", "listing"])
def test_without_script_everything_is_there(files: dict[str, Path], open_page: Open, name: str,
                                            width: int) -> None:
    opened = open_page(files[name], width=width, scripts=False)
    page = opened.page
    blocks = page.locator(".adl-body").first.locator("details.tab")
    assert blocks.count() == len(TABS)
    assert [blocks.nth(k).locator(".pane").is_visible() for k in range(5)] == [True] + [False] * 4
    pictures = blocks.nth(0).locator("svg, img, pre")
    assert pictures.first.is_visible() and pictures.first.bounding_box()["width"] > 250
    for k in range(1, 5):
        blocks.nth(k).locator("summary").first.click()
        assert blocks.nth(k).locator(".pane").is_visible()
    text = page.locator(".adl-body").first.inner_text()
    for words in ("quotient rule", "mul_by_one", "numba.njit"):
        assert words in text
    # A wide graph scrolls inside its block; the page itself never does.
    quiet(opened)


@pytest.mark.parametrize("name", ["page", "fragment"])
def test_card_is_at_most_640_pixels_high(files: dict[str, Path], open_page: Open,
                                         name: str) -> None:
    page = open_page(files[name], width=1100).page
    for tab in TABS:
        page.locator(f"button[data-tab={tab}]").first.click()
        assert page.locator(".adl-body").first.bounding_box()["height"] <= 640


def test_clicking_a_node_shows_its_twin_rule_and_line(files: dict[str, Path],
                                                      open_page: Open) -> None:
    opened = open_page(files["page"])
    page = opened.page
    page.locator('.node[data-id="D"]').click()
    assert page.locator(".node.is-chosen").get_attribute("data-id") == "D"
    # D' is the adjoint of both 1 + u and u: seen from D it is the one twin.
    ids = "nodes => nodes.map(n => n.dataset.id)"
    assert page.locator(".node.is-twin").evaluate_all(ids) == ["D'"]
    assert page.locator(".edge.residual.is-near").count() == 1
    assert page.locator(".code .is-hot").inner_text().split() == ["3", "1", "/", "(1", "+", "u)"]
    side = page.locator(".side")
    assert "sum" in side.inner_text() and "1.67032" in side.inner_text()
    page.locator(".side button", has_text="D'").first.click()
    assert page.locator(".node.is-chosen").get_attribute("data-id") == "D'"
    assert "quotient rule" in side.inner_text() and "ds/dD" in side.inner_text()
    page.keyboard.press("Escape")
    assert page.locator(".node.is-chosen").count() == 0
    quiet(opened)


def test_hover_lights_the_neighbours(files: dict[str, Path], open_page: Open) -> None:
    page = open_page(files["page"]).page
    page.locator('.node[data-id="H"]').hover()
    lit = page.locator(".node.is-near").evaluate_all("nodes => nodes.map(n => n.dataset.id).sort()")
    assert lit == ["E", "E'", "H", "I"]
    page.locator(".side").hover()
    assert page.locator(".node.is-near").count() == 0


def test_search_finds_and_steps_through(files: dict[str, Path], open_page: Open) -> None:
    page = open_page(files["page"]).page
    search = page.locator(".tools input")
    search.fill("NEG")
    assert page.locator(".node.is-found").count() == 3
    search.press("Enter")
    first = page.locator(".node.is-chosen").get_attribute("data-id")
    search.press("Enter")
    assert page.locator(".node.is-chosen").get_attribute("data-id") != first
    assert page.locator(".count").inner_text() == "2 of 3"
    search.fill("nothing like it")
    assert page.locator(".count").inner_text() == "0 found"
    search.press("Escape")
    assert page.locator(".node.is-found").count() == 0


def test_keys_walk_the_graph(files: dict[str, Path], open_page: Open) -> None:
    page = open_page(files["page"]).page
    page.locator('.node[data-id="A"]').click()
    chosen = []
    for key in ("ArrowDown", "ArrowDown", "t", "ArrowUp"):
        page.locator(".node.is-chosen").focus()
        page.keyboard.press(key)
        chosen.append(page.locator(".node.is-chosen").get_attribute("data-id"))
    assert chosen == ["B", "C", "D'", "B'"]


def test_zoom_and_drag_move_the_picture(files: dict[str, Path], open_page: Open) -> None:
    page = open_page(files["large"]).page
    picture = page.locator(".canvas > svg")
    boxes = [picture.get_attribute("viewBox")]
    for action in (
        lambda: page.locator("button[aria-label=Larger]").click(),
        lambda: picture.drag_to(picture, source_position={"x": 20, "y": 300},
                                target_position={"x": 40, "y": 100}),
        lambda: page.mouse.wheel(0, 200),
        lambda: page.locator("button[aria-label='Show all']").click(),
    ):
        action()
        page.wait_for_timeout(50)
        boxes.append(picture.get_attribute("viewBox"))
    assert len(set(boxes)) == 5
    whole = page.locator(".adl-graph .split").bounding_box()
    canvas = page.locator(".canvas").bounding_box()
    assert whole["y"] >= canvas["y"]
    assert whole["y"] + whole["height"] <= canvas["y"] + canvas["height"]


def test_tabs_and_steps_by_keyboard(files: dict[str, Path], open_page: Open) -> None:
    opened = open_page(files["page"])
    page = opened.page
    page.locator("button[data-tab=graph]").focus()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    assert page.locator("[role=tab][aria-selected=true]").get_attribute("data-tab") == "steps"
    title = page.locator(".step h3")
    assert title.inner_text() == "mul_by_one"
    page.locator(".steplist ul").focus()
    seen = []
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
        seen.append(title.inner_text())
    assert seen == ["neg_neg", "logistic", "logistic", "neg_neg"]
    assert page.locator("pre.diff .gone").inner_text() == "- -(-(a))"
    page.locator(".steplist input[type=search]").fill("logist")
    assert page.locator(".steplist li:visible").count() == 1
    assert title.inner_text() == "logistic"
    assert "one over one plus exp" in page.locator(".step").inner_text().lower()
    assert "@rule" in page.locator(".step").inner_text()
    assert page.locator(".step .change svg").count() == 2
    quiet(opened)


def test_tangent_follows_pointer_and_slider(files: dict[str, Path], open_page: Open) -> None:
    page = open_page(files["page"]).page
    page.locator("button[data-tab=plot]").click()
    assert "slope ds/dx = 0.24026" in page.locator(".readout").inner_text()
    before = page.locator(".tangent").get_attribute("y1")
    page.locator("svg.adl-plot").hover(position={"x": 200, "y": 100})
    assert page.locator(".tangent").get_attribute("y1") != before
    page.locator(".readout input").evaluate(
        "input => { input.value = 0; input.dispatchEvent(new Event('input')); }"
    )
    assert "slope ds/dx = 0.25" in page.locator(".readout").inner_text()


def test_fragment_keeps_its_style_to_itself(files: dict[str, Path], open_page: Open) -> None:
    page = open_page(files["fragment"]).page
    assert page.evaluate("document.styleSheets.length") == 0
    assert page.locator(".adl-body img").count() == 0  # every image became a picture that answers
    page.locator('.node[data-id="C"]').nth(1).click()
    assert page.locator(".node.is-chosen").count() == 1
    dark = "body => { document.body.dataset.jpThemeLight = 'false'; }"
    page.locator("body").evaluate(dark)
    page.wait_for_timeout(50)
    colour = page.locator(".adl-body").first.evaluate("e => getComputedStyle(e).backgroundColor")
    assert colour == "rgb(20, 23, 28)"


def test_text_stands_out_from_its_ground(files: dict[str, Path], open_page: Open) -> None:
    """Contrast of at least 4.5 between the words of boxes and tabs and what is behind them."""
    for dark in (False, True):
        page = open_page(files["page"], dark=dark).page
        low = page.locator(".adl-body").evaluate(
            """body => {
              const light = (colour) => {
                const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255)
                  .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
              };
              const contrast = (a, b) => {
                const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
                return (x + 0.05) / (y + 0.05);
              };
              const ground = getComputedStyle(body).backgroundColor;
              const all = [];
              for (const node of body.querySelectorAll(".node")) {
                const fill = getComputedStyle(node.querySelector("rect")).fill;
                for (const text of node.querySelectorAll("text")) {
                  all.push(contrast(getComputedStyle(text).fill, fill));
                }
              }
              for (const node of body.querySelectorAll(".muted, .tabs button, .check, .point")) {
                all.push(contrast(getComputedStyle(node).color, ground));
              }
              return Math.min(...all);
            }"""
        )
        assert low >= 4.5
