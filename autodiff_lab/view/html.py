"""The card as HTML: a fragment for notebooks and a page that needs nothing but itself.

What is here: `card_html`, `card_bundle` and `page_html`.  It relies on the other renderers of
this room and on `static/lab.js` and `static/lab.css`.

The one idea: the markup alone already shows everything (folded blocks, pictures, tables);
the script only turns it into tabs and makes the pictures answer.  So it survives untrusted
notebooks, switched-off scripts, and being offline.
"""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
import re
from dataclasses import replace
from typing import Any

from autodiff_lab.view import budget, bundle, formula, frames, panes, plots, svg
from autodiff_lab.view.escape import display_name, json_in_script, xml_text
from autodiff_lab.view.layout import Engine, layouts
from autodiff_lab.view.model import CardView, PlotSeries, PlotView, to_json

MAXIMUM_PLOT_SAMPLES = 400
LONGEST_PLAIN = 60_000
STORY_SECONDS = 1.2  # for the layouts of all steps; where they take longer, the steps are text
# Of a step: what the markup, `frames` and `rules` hold, each once.
ELSEWHERE: dict[str, Any] = {
    "before_latex": "", "after_latex": "", "doc": "", "source_text": "", "source_label": "",
    "graph_before": None, "graph_after": None,
}  # fmt: skip
NOTHING = (None, "", [], False)  # what the script fills in itself

_POLICY = (
    "default-src 'none'; img-src data:; style-src {styles}; script-src {scripts}; "
    "base-uri 'none'; form-action 'none'"
)
_PAGE_STYLE = (
    "html{color-scheme:light dark;background:#eef1f5}body{margin:0;padding:24px 16px}"
    "main{max-width:1100px;margin:0 auto}"
    "@media (prefers-color-scheme:dark){html{background:#0d0f13}}"
    "@media (max-width:720px){body{padding:8px}}"
)


class Drawing:
    """Where everything of a card that is laid out stands: graph, scenes, steps; all at once."""

    def __init__(self, card: CardView, engine: Engine = "auto") -> None:
        main = [] if card.graph is None else [card.graph, *budget.scenes(card.graph)]
        self.stories = frames.stages(card.steps or ())
        placed = layouts(main, engine)
        self.graph = placed[0] if main else None
        self.scenes = [p for p in placed[1:] if p is not None]
        unions = [frames.union(story) for story in self.stories]
        self.stages = layouts(unions, engine, STORY_SECONDS, sideways=True)

    def data(self, card: CardView) -> dict[str, Any]:
        """The card as the script reads it: the nodes that are drawn, and the steps' pictures."""
        graph = card.graph
        if self.graph is not None:
            graph = replace(self.graph.graph, scenes=tuple(p.graph for p in self.scenes))
        told = {"before_text": "", "after_text": ""} if self.stories else {}
        steps = card.steps and tuple(replace(step, **ELSEWHERE, **told) for step in card.steps)
        rules = {s.rule: {"doc": s.doc, "source_text": s.source_text,
                          "source_label": s.source_label} for s in card.steps or ()}
        kernel = card.kernel and replace(card.kernel, numpy_source="", numba_source="")
        shown = replace(card, graph=graph, plot=_samples(card.plot), steps=steps, formulas=(),
                        pictures=(), kernel=kernel)  # fmt: skip
        data = {**to_json(shown), "frames": frames.frames(self.stories, self.stages),
                "rules": rules}
        data["steps"] = [_filled(step) for step in data["steps"] or ()]
        if data["derivation"] and data["derivation"]["parts"]:
            data["derivation"]["lines"] = []  # the parts have them
        for scene in [data["graph"], *data["graph"]["scenes"]] if data["graph"] else ():
            scene["nodes"] = [_short(node, bool(card.code)) for node in scene["nodes"]]
            scene["edges"] = [{k: edge[k] for k in ("source", "target")} for edge in scene["edges"]]
        return data


def _short(node: dict[str, Any], has_code: bool) -> dict[str, Any]:
    """A node as the script needs it: what it fills in itself, or has elsewhere, is left out."""
    value, source = node["value"], node["source"]
    if value and value["minimum"] == value["maximum"]:  # one number: the text says it
        value.update(minimum=None, maximum=None, mean=None)
    if source and has_code:
        source["text"] = ""
    return {**_filled(node), "value": value and _filled(value)}


def _filled(record: dict[str, Any]) -> dict[str, Any]:
    """A record without the entries that say nothing."""
    return {k: v for k, v in record.items() if isinstance(v, float) or v not in NOTHING}


def card_html(card: CardView, engine: Engine = "auto") -> str:
    """The card as a fragment for a notebook's output.

    Pictures are images (they show where scripts and styles are stripped); the script puts
    the card into a shadow root, so no style leaves it or gets in.

    Parameters
    ----------
    card : CardView
        What to show.
    engine : {"auto", "dot", "wasi", "none"}
        Which Graphviz lays out the graph; without one the graph is shown as text.
    """
    return _card(card, Drawing(card, engine), inline=False)


def card_bundle(text: str, card: CardView, latex: str = "") -> dict[str, str]:
    """The MIME bundle of a card: its text, the graph or plot as a picture, and the fragment."""
    drawing = Drawing(card)
    picture = None if drawing.graph is None else svg.graph_svg(drawing.graph)
    if picture is None and card.graph is None and card.drawn:
        picture = plots.plot_svg(card.drawn[0])
    elif picture is None and card.graph is None:
        told = card.derivation.lines if card.derivation else ()
        lines = [formula.Line(f.latex, f.text) for f in card.formulas]
        lines += (formula.Line(n.latex, n.text, n.left_latex, n.left_text, True) for n in told)
        picture = formula.formula_svg(tuple(lines), background=True) if lines else None
    return bundle.mimebundle(text, picture, _card(card, drawing, inline=False), latex)


def page_html(card: CardView, engine: Engine = "auto") -> str:
    """One self-contained page: no request, no foreign script, readable without any."""
    body = _card(card, Drawing(card, engine), inline=True)
    policy = _POLICY.format(
        styles=f"{_hash(_PAGE_STYLE)} {_hash(style_sheet())}", scripts=_hash(script())
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{xml_text(display_name(card.title))}</title>\n"
        f"<style>{_PAGE_STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _card(card: CardView, drawing: Drawing, inline: bool) -> str:
    body = panes.card_body(card, drawing.graph, panes.Pictures(inline), drawing.scenes)
    data = json_in_script(drawing.data(card))
    if len(data) > LONGEST_PLAIN:  # numbers without end: packed, and unpacked by the script
        packed = base64.b64encode(gzip.compress(data.encode(), mtime=0))
        data = json_in_script(packed.decode())
    return (
        f'<div class="adl-card">\n<style>{style_sheet()}</style>\n{body}\n'
        f'<script type="application/json" class="adl-data">{data}</script>'
        f"\n<script>{script()}</script>\n</div>"
    )


def _samples(plot: PlotView | None) -> PlotView | None:
    """The plot's numbers as the tangent needs them: thinned and rounded."""
    if plot is None:
        return None
    step = -(-len(plot.x) // MAXIMUM_PLOT_SAMPLES) or 1

    def short(numbers: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(float(f"{number:.6g}") for number in numbers[::step])

    series = tuple(PlotSeries(line.label, short(line.y)) for line in plot.series)
    return replace(plot, x=short(plot.x), series=series)


@functools.cache
def style_sheet() -> str:
    """The style of a card: colours, the pictures' rules, `lab.css` without comments."""
    css = re.sub(r"/\*.*?\*/", "", svg.static_file("lab.css"), flags=re.DOTALL)
    css = re.sub(r"\s*\n\s*", "\n", css).strip()
    palette = svg.palette_style(".adl-body", ".adl-body.dark", ".adl-body.light")
    return "\n".join([palette, svg.GRAPH_RULES, plots.PLOT_RULES, css, formula.FEET])


@functools.cache
def script() -> str:
    """`lab.js` as a plain script that starts itself (a module has no current script)."""
    source = re.sub(r"^\s*(?://.*\n\s*)*", "", svg.static_file("lab.js"), flags=re.MULTILINE)
    ending = "export { render };"
    assert source.count(ending) == 1 and "</script" not in source.lower()
    return f"(() => {{\n{source.replace(ending, 'boot(document.currentScript);')}}})();"


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
