"""The graph in the panel: laid out once, its values replaced as the point moves."""

from __future__ import annotations

import dataclasses
from typing import Any

import ipywidgets

from autodiff_lab.study import Study, records
from autodiff_lab.view.layout import Positions, layout
from autodiff_lab.view.listing import graph_text
from autodiff_lab.view.svg import graph_svg


class GraphCanvas(ipywidgets.HTML):  # type: ignore[misc]
    """Both graphs with the values at the present point."""

    def __init__(self) -> None:
        super().__init__()
        self._positions: Positions | None = None
        self._laid_out = False

    def show(self, here: Study) -> None:
        """Draw the study's graph at its point."""
        view = records.graph(here).view
        if not self._laid_out:
            self._positions, self._laid_out = layout(view), True
        if self._positions is None:
            self.value = records.listing_html(graph_text(view))
            return
        self.value = graph_svg(_with_values(self._positions, view))


def _with_values(positions: Positions, view: Any) -> Positions:
    """The same picture with new values in its boxes."""
    values = {node.id: node.value for node in view.nodes}
    nodes = tuple(
        dataclasses.replace(node, value=values.get(node.id, node.value))
        for node in positions.graph.nodes
    )
    return dataclasses.replace(
        positions, graph=dataclasses.replace(positions.graph, nodes=nodes)
    )
