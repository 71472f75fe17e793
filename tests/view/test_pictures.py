"""Pictures and pages: well-formed, the same bytes everywhere, within their sizes."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import math
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import view_examples

from autodiff_lab.view import bundle, dot, formula, frames, html, layout, panes, plots, svg
from autodiff_lab.view.model import (
    SCHEMA_VERSION, BarsView, ContourView, DerivationLine, DerivationView, MatrixView, PlotSeries,
    PlotView, to_json,
)

SVG = "{http://www.w3.org/2000/svg}"
ROOT = Path(__file__).resolve().parents[2]


MANY = tuple(map(float, range(9000)))


def picture(graph=None) -> ElementTree.Element:
    graph = graph or view_examples.logistic_graph()
    return ElementTree.fromstring(svg.graph_svg(layout.layout(graph)))


def test_graph_svg_says_what_it_shows() -> None:
    root = picture()
    assert root.get("role") == "img" and "[A] x = 0.4" in root.get("aria-label")
    heads = [node.text for node in root.iter(SVG + "text") if "head" in node.get("class")]
    assert heads == ["forward ↓", "gradient ↑"]
    nodes = [g for g in root.iter(SVG + "g") if g.get("data-id")]
    titles = {g.get("data-id"): g.find(SVG + "title").text for g in nodes}
    assert len(titles) == 12
    for words in ("quotient rule", "ds/dD = -g * u/v^2", "float64 scalar", "value -0.358"):
        assert words in titles["D'"]


def test_columns_differ_in_more_than_colour() -> None:
    assert ".node.adjoint rect{" in svg.GRAPH_RULES and "stroke-dasharray" in svg.GRAPH_RULES
    paths = [node for node in picture().iter(SVG + "path") if node.get("data-source")]
    classes = [node.get("class") for node in paths]
    assert {"edge forward", "edge adjoint", "edge residual"} == set(classes)


@pytest.mark.parametrize("point", [math.nan, math.inf, -math.inf])
def test_broken_values_are_marked(point: float) -> None:
    try:
        graph = view_examples.logistic_graph(point)
    except OverflowError:
        graph = view_examples.logistic_graph(math.nan)
    root = picture(graph)
    broken = [g for g in root.iter(SVG + "g") if "broken" in g.get("class", "")]
    assert broken and all("⚠" in "".join(g.itertext()) for g in broken)


def test_sizes() -> None:
    card = view_examples.logistic_card()
    assert len(html.page_html(card).encode()) < 500_000
    assert len(html.card_html(card).encode()) < 500_000
    huge = view_examples.logistic_card(graph=view_examples.chain_graph(3_000))
    assert len(svg.graph_svg(layout.layout(huge.graph)).encode()) < svg.MAXIMUM_BYTES
    assert len(html.page_html(huge).encode()) < 1_000_000


def test_bytes_do_not_depend_on_the_hash_seed() -> None:
    script = (
        "import sys, hashlib; sys.path[:0] = ['tests', '.']\n"
        "import view_examples as e\n"
        "from autodiff_lab.view import html, dot\n"
        "text = html.page_html(e.logistic_card()) + html.card_html(e.logistic_card())\n"
        "text += dot.to_dot(e.logistic_graph()).source\n"
        "print(hashlib.sha256(text.encode()).hexdigest())\n"
    )
    results = {
        subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("0", "1")
    }  # fmt: skip
    assert len(results) == 1


def test_page_policy_allows_exactly_what_is_in_it() -> None:
    page = html.page_html(view_examples.logistic_card())
    policy = re.search(r'content="(default-src[^"]*)"', page)[1]
    assert "unsafe" not in policy and "default-src 'none'" in policy
    for kind in ("style", "script"):
        for content in re.findall(f"<{kind}>(.*?)</{kind}>", page, flags=re.DOTALL):
            digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
            assert f"'sha256-{digest}'" in policy, kind
    markup = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert " style=" not in markup and not re.search(r"\son[a-z]+=", markup)
    addresses = set(re.findall(r"https?://[^\s\"'<>)]+", page))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml"}


def test_script_builds_no_markup_from_data() -> None:
    source = svg.static_file("lab.js")
    html_from_text = ("innerHTML", "outerHTML", "insertAdjacentHTML")
    for word in (*html_from_text, "eval(", "Function(", "import ", "fetch("):
        assert word not in source
    assert len(source.splitlines()) <= 1500


def test_everything_is_there_without_script() -> None:
    page = html.page_html(view_examples.logistic_card())
    assert re.findall(r'<details class="tab" data-tab="(\w+)"', page) == [
        "graph", "derivation", "steps", "plot", "kernel",
    ]  # fmt: skip
    assert page.count('open="open"') == 1
    for words in ("quotient rule", "mul_by_one", "numba.njit", "check ok, rtol 1e-6"):
        assert words in page


def test_parts_that_are_missing_have_no_tab() -> None:
    card = view_examples.logistic_card(
        graph=None, derivation=None, steps=None, plot=None, kernel=None, formulas=()
    )
    assert "<details" not in html.page_html(card).replace("details.", "")
    assert "No rule applied" in html.page_html(view_examples.logistic_card(steps=()))


def test_without_engine_the_graph_is_text() -> None:
    text = html.card_html(view_examples.logistic_card(), engine="none")
    assert '<pre class="listing">forward' in text and "[A&#39;]" not in text and "[A']" in text


def test_long_derivations_fold_in_the_middle() -> None:
    lines = tuple(DerivationLine("x", f"line{k}", f"rule{k}") for k in range(40))
    card = view_examples.logistic_card(derivation=DerivationView(lines))
    page = html.page_html(card)
    assert "28 more lines" in page and all(f">rule{k}<" in page for k in range(40))


def test_formula_falls_back_to_text() -> None:
    for latex in (r"\foo{", "$", "x" * 1000, "日本", r"\frac{1"):
        drawn = formula.formula_svg((formula.Line(latex, "a < b"),))
        assert "a &lt; b</text>" in drawn
    drawn = formula.formula_svg((formula.Line(r"\frac{1}{x}", "1/x"),))
    assert "<text" not in drawn and 'fill="currentColor"' in drawn and 'aria-label="1/x"' in drawn
    ElementTree.fromstring(drawn)


def test_formula_lines_share_letters() -> None:
    line = formula.Line("x + x", "x + x")
    one = formula.formula_svg((line,))
    ten = formula.formula_svg((line,) * 10)
    assert one.count("<path") == ten.count("<path") == 2


@pytest.mark.parametrize(
    "view",
    [
        PlotView((), ()),
        PlotView((1.0,), (PlotSeries("f", (1.0,)),)),
        PlotView((0.0, 1.0), (PlotSeries("f", (math.nan, math.inf)),)),
        PlotView((0.0, 1.0), (PlotSeries("f", (5.0, 5.0)), PlotSeries("g", (0.0, 0.0))), point=9.0),
        PlotView(MANY, (PlotSeries("f", MANY),)),
    ],
    ids=["empty", "one point", "no number", "flat", "many points"],
)  # fmt: skip
def test_plots_of_odd_functions(view: PlotView) -> None:
    drawn = plots.plot_svg(view)
    ElementTree.fromstring(drawn)
    assert "style=" not in drawn and len(drawn) < 200_000
    assert drawn == plots.plot_svg(view)


def test_plots_take_no_style_of_the_users() -> None:
    import matplotlib

    view = view_examples.logistic_plot(20)
    plain = plots.plot_svg(view)
    with matplotlib.rc_context({"lines.linewidth": 9.0, "axes.grid": True}):
        assert plots.plot_svg(view) == plain


def test_records_become_json() -> None:
    card = view_examples.logistic_card(graph=view_examples.logistic_graph(math.inf))
    data = to_json(card)
    assert data["schema"] == SCHEMA_VERSION and data["record"] == "CardView"
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    odd = to_json(PlotView((math.nan, math.inf, -math.inf), ()))
    assert odd["x"] == ["NaN", "Infinity", "-Infinity"]
    with pytest.raises(TypeError, match="records"):
        to_json({"not": "a record"})


def test_bundle_leaves_out_what_is_too_large() -> None:
    whole = bundle.mimebundle("t", "<svg/>", "<p/>")
    assert set(whole) == {"text/plain", "image/svg+xml", "text/html"}
    assert set(bundle.mimebundle("t", "x" * 1_000_001, None)) == {"text/plain"}


def test_to_dot_parts() -> None:
    graph = view_examples.logistic_graph()
    for part, count in (("forward", 6), ("gradient", 6), ("both", 12)):
        assert dot.to_dot(graph, part).source.count("label=") == count
    assert dot.to_dot(graph).source.count("rank=same") == 4
    with pytest.raises(ValueError, match="part is"):
        dot.to_dot(graph, "backward")


def test_formulas_have_a_ration() -> None:
    long = "+".join(rf"\frac{{{letter}}}{{{k}}}" for k in range(12) for letter in "abcdefgh")[:590]
    lines = tuple(DerivationLine(long.rsplit("+", 1)[0], f"text{k}") for k in range(60))
    for build in (html.page_html, html.card_html):
        card = view_examples.logistic_card(derivation=DerivationView(lines))
        text = build(card)
        assert len(text) < 600_000
        # The ends are drawn, the middle is text.
        assert '<span class="mono">= text30</span>' in text
        assert '<span class="mono">= text59</span>' not in text


def test_a_node_of_the_steps_is_written_once() -> None:
    graphs = [view_examples.listed([f"A = exp(x, {k})", *(f"B{j} = sin(x)" for j in range(20))])
              for k in range(40)]
    step = view_examples.logistic_steps()[0]
    steps = tuple(dataclasses.replace(step, graph_before=one, graph_after=two)
                  for one, two in zip(graphs, graphs[1:]))
    data = html.Drawing(view_examples.logistic_card(steps=steps)).data(
        view_examples.logistic_card(steps=steps))["frames"]
    assert len(data["nodes"]) == 1 + 40 + 20 and len(data["frames"]) == 40
    assert len(data["stages"]) * 22 <= frames.MOST_BOXES
    members: list[int] = []
    for graph, (stage, head, gone, fresh, _) in zip(graphs, data["frames"], strict=True):
        members[head : head + gone] = fresh        # a frame is what differs from the one before
        assert [data["nodes"][k][0] for k in members] == [node.id for node in graph.nodes]
        places = {box[0] for box in data["stages"][stage]["boxes"]}
        assert {data["nodes"][k][0] for k in members} <= places
    assert sum(len(frame[3]) for frame in data["frames"]) == len(data["nodes"])


def test_a_page_says_nothing_twice() -> None:
    card = view_examples.logistic_card()
    data = html.Drawing(card).data(card)
    for node in data["graph"]["nodes"]:
        assert "latex" not in node and "histogram" not in (node.get("value") or {})
        assert not (card.code and node.get("source", {}).get("text"))
    assert all(None not in step.values() for step in data["steps"])
    straight = [(0.0, 0.0), (10.0, 0.0), (20.0, 0.3), (30.0, 0.0)]
    assert len(frames._simplest(straight)) == 2 and len(frames._simplest([*straight, (9, 9)])) == 5


def test_a_formula_stands_on_the_baseline_of_its_words() -> None:
    feet = [re.search(r"foot-(\d+)", formula.formula_svg((formula.Line(tex, "t"),)))
            for tex in ("x", r"\frac{x}{y}")]
    assert feet[0] and feet[1] and int(feet[0][1]) < int(feet[1][1])
    several = (formula.Line("x", "x"), formula.Line("y", "y"))
    assert "foot-" not in formula.formula_svg(several) and "foot-9{" in html.style_sheet()


def test_fragment_is_well_formed() -> None:
    card = dataclasses.replace(view_examples.logistic_card(), title='a "title" & more')
    pictures = panes.Pictures(inline=False)
    root = ElementTree.fromstring(panes.card_body(card, layout.layout(card.graph), pictures))
    assert root.get("aria-label") == 'a "title" & more'
    assert all(image.get("alt") for image in root.iter("img"))


OTHER_PICTURES = [
    MatrixView("J", ((1.0, -2.0), (math.nan, 0.0)), ("y[0]", "y[1]"), ("a", "b")),
    MatrixView("H", tuple(tuple(float(i - j) for i in range(30)) for j in range(30))),
    MatrixView("large", tuple(tuple(float(i * j % 7) for i in range(300)) for j in range(200))),
    MatrixView("empty", ()),
    ContourView("y", (0.0, 1.0, 2.0), (0.0, 1.0), ((0.0, 1.0, 4.0), (1.0, 2.0, 5.0)),
                ((0.0, 2.0, 4.0),) * 2, ((1.0,) * 3,) * 2, "a", "b", (1.0, 0.5)),
    ContourView("flat", (0.0, 1.0), (0.0, 1.0), ((1.0, 1.0), (1.0, math.nan))),
    BarsView("gradient", ("W1", "$b_1$"), (1e-9, 2.0)),
    BarsView("nothing", ("W",), (math.inf,)),
]


@pytest.mark.parametrize("view", OTHER_PICTURES, ids=lambda view: view.title)
def test_matrices_contours_and_bars(view: object) -> None:
    first, second = plots.plot_svg(view), plots.plot_svg(view)
    root = ElementTree.fromstring(first)
    assert first == second and root.get("aria-label") == plots.alt_text(view)
    assert not re.search(r'="#0[0-9]0[0-9]0[0-9]"| style=|<image', first)
    assert len(first) < 200_000


def test_pictures_stand_below_the_curves() -> None:
    page = html.page_html(view_examples.logistic_card(pictures=tuple(OTHER_PICTURES[:1])))
    assert page.count('class="adl-plot"') == 2 and "Matrix J, 2 x 2" in page


def test_numbers_of_a_matrix_fit_their_squares() -> None:
    from autodiff_lab.view.plots import _fitted

    told = [_fitted(v, 6) for v in (1234567.8, -1234567.8, -0.00123, 0.5, -0.0, 3e-10, math.inf)]
    assert told == ["1.23e6", "-1.2e6", "-1e-3", "0.5", "0", "3e-10", "inf"]
