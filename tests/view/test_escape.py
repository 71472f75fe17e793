"""Hostile names through every output format: text stays text."""

from __future__ import annotations

import dataclasses
import json
import re
import xml.etree.ElementTree as ElementTree

import pytest
import view_examples

from autodiff_lab.view import dialects, dot, escape, formula, html, layout, listing, plots, svg
from autodiff_lab.view.model import FormulaView, PlotSeries, to_json

HOSTILE = [
    "<b>bold</b>",
    "<script>alert(1)</script>",
    '<<TABLE><TR><TD HREF="javascript:alert(3)">x</TD></TR></TABLE>>',
    r"\N \G \l",
    "trailing backslash\\",
    '"]; } digraph x {',
    "nul\x00inside",
    "two\nlines",
    "&lt;b&gt; &amp;",
    "' onload='alert(1)",
    '" onmouseover="alert(1)" x="',
    "]]> --> <!-- ",
    "\u202eright to left\u202c",
    "zero\u200bwidth",
    "\u2028line separator",
    "${x} $\\frac{1}{2}$",
    "{x!r} %s %(name)s",
    "lone \ud800 surrogate",
    "é ∂ 日本 😀",
    "x" * 500,
    "",
]
IDS = [f"name{index}" for index in range(len(HOSTILE))]
hostile = pytest.mark.parametrize("name", HOSTILE, ids=IDS)


def poisoned(name: str):
    """The logistic card with the name in every text field of every record."""

    def poison(record):
        if isinstance(record, tuple):
            return tuple(poison(item) for item in record)
        if not dataclasses.is_dataclass(record):
            return record
        changes = {}
        for field in dataclasses.fields(record):
            value = getattr(record, field.name)
            keep = ("id", "kind", "column", "twin", "source", "target", "slot")
            if dataclasses.is_dataclass(value) or isinstance(value, tuple):
                changes[field.name] = poison(value)
            elif isinstance(value, str) and field.name not in keep:
                changes[field.name] = name
        return dataclasses.replace(record, **changes)

    return poison(view_examples.logistic_card(plot=view_examples.logistic_plot(20)))


def inert(root: ElementTree.Element) -> None:
    """No element or attribute that could act."""
    for node in root.iter():
        kind = node.tag.split("}")[-1].lower()
        assert kind not in ("iframe", "object", "embed", "foreignobject", "a", "form")
        for key, value in node.attrib.items():
            assert not key.lower().startswith("on")
            assert "javascript:" not in value.lower() or key in ("aria-label", "alt", "content")


@hostile
def test_graph_svg_is_well_formed_and_inert(name: str) -> None:
    graph = poisoned(name).graph
    root = ElementTree.fromstring(svg.graph_svg(layout.layout(graph)))
    inert(root)
    assert not [node for node in root.iter() if node.tag.endswith("script")]


@hostile
def test_card_and_page_are_well_formed_and_inert(name: str) -> None:
    card = poisoned(name)
    body = re.sub(r"<(script|style)\b[^>]*>.*?</\1>", "", html.card_html(card), flags=re.DOTALL)
    inert(ElementTree.fromstring(body))
    page = html.page_html(card)
    # The page has our script and its data, and nothing of the name opens another one.
    assert page.lower().count("<script") == 2
    assert page.lower().count("</script>") == 2
    assert page.lower().count("<style") == 2


@hostile
def test_json_in_script_is_json_and_closes_nothing(name: str) -> None:
    text = escape.json_in_script(to_json(poisoned(name)))
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text)["title"] == name


@hostile
def test_dot_shows_the_name_letter_by_letter(name: str) -> None:
    if layout._dot_program() is None:
        pytest.skip("no program dot")
    digraph = dot.to_dot(poisoned(name).graph)
    picture = ElementTree.fromstring(digraph.pipe(format="svg", encoding="utf-8"))
    links = [v for node in picture.iter() for k, v in node.attrib.items() if k.endswith("href")]
    words = [node for node in picture.iter() if node.tag.endswith("text")]
    texts = "".join("".join(node.itertext()) for node in words)
    shown = escape.display_name(name, 10).removesuffix("…").strip()
    assert shown.replace(" ", "") in texts.replace(" ", "").replace("\xa0", "")
    assert links == []


@hostile
def test_layout_input_holds_no_text_of_the_user(name: str) -> None:
    plain = layout._write_dot(view_examples.logistic_graph())
    assert re.fullmatch(r'[-a-z0-9_\s\[\]{}=.,;:>"]*', plain)
    changed = layout._write_dot(poisoned(name).graph)
    digits = re.compile(r"[\d.]+")
    assert digits.sub("", changed) == digits.sub("", plain)


@hostile
def test_formula_and_plot_take_any_name(name: str) -> None:
    line = formula.Line(dialects.symbol_latex(name) + " + 1", name)
    ElementTree.fromstring(formula.formula_svg((line, formula.Line(name, name, name, name, True))))
    plot = dataclasses.replace(
        view_examples.logistic_plot(5), title=name, xlabel=name,
        series=(PlotSeries(name, (1.0,) * 5),),
    )
    inert(ElementTree.fromstring(plots.plot_svg(plot)))


@hostile
def test_listing_has_one_line_a_node(name: str) -> None:
    graph = poisoned(name).graph
    lines = listing.graph_text(graph).splitlines()
    assert sum(line.count("[") >= 1 for line in lines[1:]) == len(lines) - 1 - (graph.caption != "")


def test_display_name_policy() -> None:
    assert escape.display_name("a\tb\x1b[31m\u202e") == "a b[31m"
    assert len(escape.display_name("y" * 61)) == 60
    assert escape.display_name("y" * 60) == "y" * 60


def test_full_name_is_in_the_title() -> None:
    name = "n" * 80
    graph = view_examples.logistic_graph()
    node = dataclasses.replace(graph.nodes[1], name=name, label=name, text=name)
    nodes = (graph.nodes[0], node, *graph.nodes[2:])
    picture = svg.graph_svg(layout.layout(dataclasses.replace(graph, nodes=nodes)))
    root = ElementTree.fromstring(picture)
    titles = [node.text for node in root.iter("{http://www.w3.org/2000/svg}title")]
    assert any(name in title for title in titles)
    labels = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert not any(name in str(label) for label in labels)


def test_formula_alt_text_is_the_text() -> None:
    card = view_examples.logistic_card(formulas=(FormulaView("x^2", "x squared"),))
    assert 'alt="x squared"' in html.card_html(card)
