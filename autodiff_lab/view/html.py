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
import hashlib
import re
from dataclasses import replace

from autodiff_lab.view import bundle, panes, plots, svg
from autodiff_lab.view.escape import display_name, json_in_script, xml_text
from autodiff_lab.view.layout import Engine, Positions, layout
from autodiff_lab.view.model import CardView, PlotSeries, PlotView, StepView, to_json

MAXIMUM_PLOT_SAMPLES = 400
MAXIMUM_LISTINGS = 120_000  # characters of all steps' listings together

_POLICY = (
    "default-src 'none'; img-src data:; style-src {styles}; script-src {scripts}; "
    "base-uri 'none'; form-action 'none'"
)
_PAGE_STYLE = (
    "html{color-scheme:light dark;background:#eef1f5}body{margin:0;padding:24px 16px}"
    "@media (prefers-color-scheme:dark){html{background:#0d0f13}}"
    "@media (max-width:720px){body{padding:8px}}"
)


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
    return _card(card, _positions(card, engine), inline=False)


def card_bundle(text: str, card: CardView) -> dict[str, str]:
    """The MIME bundle of a card: its text, the graph as a picture, and the fragment."""
    positions = _positions(card, "auto")
    picture = None if positions is None else svg.graph_svg(positions)
    return bundle.mimebundle(text, picture, _card(card, positions, inline=False))


def page_html(card: CardView, engine: Engine = "auto") -> str:
    """One self-contained page: no request, no foreign script, readable without any."""
    body = _card(card, _positions(card, engine), inline=True)
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


def _positions(card: CardView, engine: Engine) -> Positions | None:
    return None if card.graph is None else layout(card.graph, engine)


def _card(card: CardView, positions: Positions | None, inline: bool) -> str:
    pictures = panes.Pictures(inline)
    body = panes.card_body(card, positions, pictures)
    # The script must know the nodes that are drawn, which may be blocks of the user's.
    shown = positions.graph if positions is not None else card.graph
    data = replace(
        card, graph=shown, plot=_samples(card.plot), steps=_deltas(card.steps),
        formulas=(), derivation=None, kernel=None,
    )  # fmt: skip
    return (
        f'<div class="adl-card">\n<style>{style_sheet()}</style>\n{body}\n'
        f'<script type="application/json" class="adl-data">{json_in_script(to_json(data))}</script>'
        f"\n<script>{script()}</script>\n</div>"
    )


def _deltas(steps: tuple[StepView, ...] | None) -> tuple[StepView, ...] | None:
    """The steps without listings that the next step holds as well, and without too long ones."""
    if not steps:
        return steps
    total = sum(len(step.graph_before) for step in steps)
    if total > MAXIMUM_LISTINGS:
        return tuple(replace(step, graph_before="", graph_after="") for step in steps)
    following = [step.graph_before for step in steps[1:]] + [""]
    return tuple(
        replace(step, graph_after="") if step.graph_after == after else step
        for step, after in zip(steps, following, strict=True)
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
    return "\n".join([palette, svg.GRAPH_RULES, plots.PLOT_RULES, css])


@functools.cache
def script() -> str:
    """`lab.js` as a plain script that starts itself (a module has no current script)."""
    source = svg.static_file("lab.js")
    ending = "export { render };"
    assert source.count(ending) == 1 and "</script" not in source.lower()
    return f"(() => {{\n{source.replace(ending, 'boot(document.currentScript);')}}})();"


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
