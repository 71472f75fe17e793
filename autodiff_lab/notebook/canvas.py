"""The canvas of the panel: the page's own script inside a widget, for graph,
derivation and steps.

Relies on anywidget, and on the markup and script of `view`.  The one idea: the picture is laid out
once, with room for any number in its boxes; moving a control sends the new numbers only.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources

import anywidget
import traitlets

from autodiff_lab.study import Study, records
from autodiff_lab.view.html import style_sheet
from autodiff_lab.view.layout import layout
from autodiff_lab.view.model import CardView, GraphView, NodeView, ValueSummary, to_json
from autodiff_lab.view.panes import Pictures, card_body

WIDEST = "-0.000000"


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
    code = {} if study.code is None else {
        "code": study.code.text, "code_first_line": study.code.first_line}
    return Canvas(CardView("graph", (), graph=study.graph.view, **code))


def show_values(canvas: Canvas, here: Study) -> None:
    """Put the values at a study's point into the boxes."""
    view = records.graph(here).view
    if not canvas.has_picture:
        canvas.html = card_body(CardView("graph", (), graph=view), None, Pictures(inline=True))
        return
    shown = {node["id"] for node in canvas.card["graph"]["nodes"]}
    canvas.values = {node.id: to_json(node.value) for node in view.nodes
                     if node.id in shown and node.value is not None}


def _with_room(graph: GraphView) -> GraphView:
    """The graph with a value as wide as any in every box that may show one."""
    def roomy(node: NodeView) -> NodeView:
        text = "" if node.value is None else node.value.text
        return dataclasses.replace(node, value=ValueSummary(max(WIDEST, text, key=len)))

    nodes = [node if node.kind == "constant" else roomy(node) for node in graph.nodes]
    return dataclasses.replace(graph, nodes=tuple(nodes))
