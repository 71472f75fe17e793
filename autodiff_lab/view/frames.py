"""The stepper's moving picture: where every node stands after every rewrite.

What is here: `frames`.  It relies on the layouts of the graphs that the records of steps hold.

The one idea: a node keeps its name from step to step, so the page moves it from one place to the
next.  Neighbouring steps of a long story share one layout, in which each shows its own nodes.
"""

from __future__ import annotations

import os.path
from collections.abc import Sequence
from typing import Any

from autodiff_lab.view.layout import Positions
from autodiff_lab.view.model import GraphView, NodeView, StepView

# So many boxes are laid out at most, all layouts of a story together.
MOST_BOXES = 800
MOST_NODES = 300


def stages(steps: Sequence[StepView]) -> list[list[GraphView]]:
    """The graphs of a story, in groups that share a layout; empty where they are not all known."""
    asked = [*(step.graph_before for step in steps[:1]), *(step.graph_after for step in steps)]
    graphs = [graph for graph in asked if graph is not None]
    largest = max((len(graph.nodes) for graph in graphs), default=0)
    if not steps or len(graphs) <= len(steps) or largest > MOST_NODES:
        return []
    together = -(-len(graphs) // max(1, min(len(graphs), MOST_BOXES // max(1, largest))))
    return [graphs[k : k + together] for k in range(0, len(graphs), together)]


def union(graphs: Sequence[GraphView]) -> GraphView:
    """One graph with the nodes of all; of namesakes the one with the longest label."""
    nodes: dict[str, NodeView] = {}
    for node in (node for graph in graphs for node in graph.nodes):
        if node.id not in nodes or len(node.label) > len(nodes[node.id].label):
            nodes[node.id] = node
    edges = {(edge.source, edge.target): edge for graph in graphs for edge in graph.edges}
    return GraphView(tuple(nodes.values()), tuple(edges.values()), budget=10**9)


def frames(groups: Sequence[Sequence[GraphView]], placed: Sequence[Positions | None]) -> Any:
    """The story as plain numbers for the page.

    Returns
    -------
    dict
        ``nodes``: rows ``[id, kind, label, text, [ids it reads]]``, each written once;
        ``stages``: the layouts; ``frames``: rows ``[stage, head, gone, [numbers of nodes],
        words]``: of the frame before, `head` nodes stay, then `gone` give way to the new ones.
    """
    rows: dict[tuple[Any, ...], int] = {}
    told: list[Any] = []
    last: list[int] = []
    for number, group in enumerate(groups):
        for graph in group:
            reads: dict[str, list[str]] = {}
            for edge in graph.edges:
                reads.setdefault(edge.target, []).append(edge.source)
            keys = [(n.id, n.kind, n.label, n.text, tuple(reads.get(n.id, ())))
                    for n in graph.nodes]
            now = [rows.setdefault(k, len(rows)) for k in keys]
            head = len(os.path.commonprefix([last, now]))
            tail = len(os.path.commonprefix([last[head:][::-1], now[head:][::-1]]))
            fresh = now[head : len(now) - tail]
            told.append([number, head, len(last) - tail - head, fresh, graph.caption])
            last = now
    return {"nodes": list(rows), "stages": [_stage(p) for p in placed], "frames": told}


def _stage(placed: Positions | None) -> Any:
    if placed is None:
        return None
    boxes = [[b.id, *map(round, (b.x, b.y, b.width, b.height))] for b in placed.boxes]
    routes = [[r.source, r.target, [round(c) for point in _simplest(r.points) for c in point]]
              for r in placed.routes]
    return {"boxes": boxes, "routes": routes}


def _simplest(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """A curve's points; its ends only, where it is straight to within a pixel."""
    (x, y), (to_x, to_y) = points[0], points[-1]
    across, up = to_x - x, to_y - y
    far = max(abs((a - x) * up - (b - y) * across) for a, b in points)
    return (points[0], points[-1]) if far <= abs(across) + abs(up) else points
