"""The canvas of the panel: the page's own script inside a widget, for graph, derivation and steps.

Relies on anywidget, and on the markup and script of `view`.  The one idea: the picture is laid out
once, with room for any number in its boxes; moving a control sends the new numbers only.  Folding
a part of the graph goes through the kernel, which lays out what is left.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
from collections.abc import Mapping
from typing import Any

import anywidget
import traitlets

from autodiff_lab.study import Study
from autodiff_lab.view import budget
from autodiff_lab.view.build import value_summary
from autodiff_lab.view.html import Drawing, style_sheet
from autodiff_lab.view.model import CardView, GraphView, NodeView, ValueSummary, to_json
from autodiff_lab.view.panes import Pictures, card_body

WIDEST = "-0.000000"
MOST_BOXES = 400


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
    folded = traitlets.Dict().tag(sync=True)      # the box that was asked to fold or unfold

    def __init__(self, card: CardView) -> None:
        super().__init__(css=style_sheet())
        self.draw(card)

    def draw(self, card: CardView) -> None:
        """Show another card."""
        drawing = Drawing(card)
        drawing.scenes = []                       # folding takes their place
        self.has_picture = drawing.graph is not None
        with self.hold_sync():
            self.card = drawing.data(card)
            self.html = card_body(card, drawing.graph, Pictures(inline=True))

    def __repr__(self) -> str:
        return "canvas"


class GraphCanvas(Canvas):
    """Both graphs of a study; parts of them fold into one box, and out of it again."""

    def __init__(self, study: Study) -> None:
        self.whole = _with_room(study.graph.view)
        self.parts = budget.parts(self.whole)     # id of a node -> the part it folds into
        large = len(self.whole.nodes) > self.whole.budget
        self.closed = set(self.parts.values()) if large else set()
        self.code = {} if study.code is None else {
            "code": study.code.text, "code_first_line": study.code.first_line}
        self.last: Mapping[str, Any] = {}
        super().__init__(self._card())
        self.observe(self._fold, "folded")

    def asked_for(self) -> GraphView:
        """The graph with its closed parts as boxes."""
        shown = budget.folded(self.whole, self.parts, self.closed)
        return dataclasses.replace(shown, budget=MOST_BOXES)

    def _card(self) -> CardView:
        return CardView("graph", (), graph=self.asked_for(), **self.code)

    def _fold(self, change: Any) -> None:
        """Close the part of a box, or open it where it is closed."""
        name = change["new"].get("id")
        part = name if name in self.closed else self.parts.get(name)
        if part is None:
            return
        self.closed ^= {part}
        self.draw(self._card())
        self.values = dict(self.last)

    def show_values(self, study: Study, here: Study) -> None:
        """Put the values at a point into the boxes; `study` knows whose box is whose."""
        ids = study.graph.ids
        self.last = {ids[variable]: to_json(value_summary(value))
                     for variable, value in here.values.items() if variable in ids}
        if self.has_picture:
            self.values = dict(self.last)
        else:
            card = CardView("graph", (), graph=here.graph.view)
            self.html = card_body(card, None, Pictures(inline=True))


def _with_room(graph: GraphView) -> GraphView:
    """The graph with a value as wide as any in every box that may show one."""
    def roomy(node: NodeView) -> NodeView:
        text = "" if node.value is None else node.value.text
        return dataclasses.replace(node, value=ValueSummary(max(WIDEST, text, key=len)))

    nodes = [node if node.kind == "constant" else roomy(node) for node in graph.nodes]
    return dataclasses.replace(graph, nodes=tuple(nodes), scenes=())
