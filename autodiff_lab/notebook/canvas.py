"""The canvas of the panel: the page's own script inside a widget, for graph and steps.

Relies on anywidget, and on the markup and script of `view`.  The one idea: the picture is laid out
once, with room for any number in its boxes; moving a control sends the new numbers only.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
from typing import Any

import anywidget
import traitlets

from autodiff_lab.study import Study, records
from autodiff_lab.view.html import style_sheet
from autodiff_lab.view.layout import layout
from autodiff_lab.view.model import CardView, GraphView, ValueSummary, to_json
from autodiff_lab.view.panes import Pictures, card_body

WIDEST = "-0.000000"
MOST_BYTES = 256_000


@functools.cache
def _script() -> str:
    """`lab.js` with the widget's own lines in the place of its export."""
    files = importlib.resources.files("autodiff_lab")
    lab = files.joinpath("view", "static", "lab.js").read_text(encoding="utf8")
    own = files.joinpath("notebook", "static", "canvas.js").read_text(encoding="utf8")
    return lab.replace("export { render };", "") + own


class Canvas(anywidget.AnyWidget):  # type: ignore[misc]
    """One part of a card, drawn and answering as on the page."""

    _esm = _script()
    html = traitlets.Unicode().tag(sync=True)
    css = traitlets.Unicode().tag(sync=True)      # `style` would be taken for a widget's style
    card = traitlets.Dict().tag(sync=True)
    values = traitlets.Dict().tag(sync=True)

    def __init__(self, card: CardView) -> None:
        positions = None
        if card.graph is not None:
            positions = layout(_with_room(card.graph))
            if positions is not None:
                card = dataclasses.replace(card, graph=positions.graph)
        self.has_picture = positions is not None
        super().__init__(
            html=card_body(card, positions, Pictures(inline=True)),
            css=style_sheet(),
            card=to_json(card),
        )

    def __repr__(self) -> str:
        return "canvas"


def graph_canvas(study: Study) -> Canvas:
    """The canvas of both graphs."""
    source = "" if study.code is None else study.code.text
    first = 1 if study.code is None else study.code.first_line
    return Canvas(
        CardView("graph", (), code=source, code_first_line=first, graph=study.graph.view)
    )


def steps_canvas(study: Study) -> Canvas:
    """The canvas of the rewrites."""
    return Canvas(CardView("steps", (), steps=study.steps.views))


def show_values(canvas: Canvas, here: Study) -> None:
    """Put the values at a study's point into the boxes."""
    view = records.graph(here).view
    if not canvas.has_picture:
        card = CardView("graph", (), graph=view)
        canvas.html = card_body(card, None, Pictures(inline=True))
        return
    shown = {node["id"] for node in canvas.card["graph"]["nodes"]}
    values: dict[str, Any] = {
        node.id: dataclasses.asdict(node.value)
        for node in view.nodes
        if node.id in shown and node.value is not None
    }
    canvas.values = _plain(values)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Numbers that JSON cannot write become null; the text in the box still says them."""
    for summary in values.values():
        for key in ("minimum", "maximum", "mean"):
            number = summary[key]
            if number is not None and not -1e308 < number < 1e308:
                summary[key] = None
    return values


def _with_room(graph: GraphView) -> GraphView:
    """The graph with a value as wide as any in every box that may show one."""
    nodes = tuple(
        dataclasses.replace(
            node,
            value=ValueSummary(max(WIDEST, node.value.text if node.value else "", key=len)),
        )
        if node.kind != "constant"
        else node
        for node in graph.nodes
    )
    return dataclasses.replace(graph, nodes=nodes)
