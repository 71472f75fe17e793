"""A graph record as DOT, for people who want to draw it with their own Graphviz.

What is here: `to_dot`.  It relies on the `graphviz` package and on the escapes.

The one idea: the result is an ordinary `graphviz.Digraph` that shows itself, but nothing a
user called a variable can act in it: nodes are n0, n1, ..., labels are inert.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from autodiff_lab.errors import one_of
from autodiff_lab.view.boxes import box_words
from autodiff_lab.view.escape import dot_label
from autodiff_lab.view.layout import mirror_edges, ranks
from autodiff_lab.view.model import GraphView, NodeView

Part = Literal["forward", "gradient", "both"]

_STYLES = {
    "forward": {"style": "rounded,filled", "color": "#1f6cab", "fillcolor": "#eaf3fb"},
    "adjoint": {"style": "rounded,filled,dashed", "color": "#b84c06", "fillcolor": "#fdf1e6"},
}
_EDGES = {
    "residual": {"style": "dotted", "color": "#7552ad", "constraint": "false"},
    "adjoint": {"dir": "back", "style": "dashed", "color": "#b84c06"},
    "forward": {"color": "#1f6cab"},
}
_CONSTANT = {"style": "filled", "color": "#7b8694", "fillcolor": "#f5f6f8"}


def to_dot(graph: GraphView, part: Part = "both") -> Any:
    """The graph as a `graphviz.Digraph`.

    Parameters
    ----------
    graph : GraphView
        What to write.
    part : {"forward", "gradient", "both"}
        Which column, or both as a mirror.

    Examples
    --------
    >>> from autodiff_lab.view.model import EdgeView
    >>> x, y = NodeView("A", "input", "x"), NodeView("B", "output", "exp", row=1)
    >>> print(to_dot(GraphView((x, y), (EdgeView("A", "B"),))).source.splitlines()[4].strip())
    n0 [label=x color="#1f6cab" fillcolor="#eaf3fb" style="rounded,filled" tooltip=input]
    """
    import graphviz

    class Digraph(graphviz.Digraph):  # type: ignore[misc]
        __repr__ = graphviz.Digraph.__str__     # its text, and no address

    columns = {"forward": ("forward",), "gradient": ("adjoint",), "both": ("forward", "adjoint")}
    one_of(part, columns, f"part is {part!r}: a graph has none of that name.")
    kept = tuple(node for node in graph.nodes if node.column in columns[part])
    number = {node.id: f"n{index}" for index, node in enumerate(kept)}
    edges = tuple(e for e in graph.edges if e.source in number and e.target in number)
    shown = dataclasses.replace(graph, nodes=kept, edges=edges)
    digraph = Digraph(
        graph_attr={"newrank": "true", "ranksep": "0.35"},
        node_attr={"shape": "box", "fontname": "monospace", "fontsize": "11", "height": "0.35"},
        edge_attr={"arrowsize": "0.7"},
    )
    for node in kept:
        digraph.node(number[node.id], **_attributes(node))
    for tail, head, kind in mirror_edges(shown):
        if kind == "adjoint" and part != "both":  # alone, it needs no turning round
            digraph.edge(number[head], number[tail], color=_EDGES[kind]["color"])
        else:
            digraph.edge(number[tail], number[head], **_EDGES[kind])
    for first, *others in ranks(shown):
        for other in others:
            with digraph.subgraph() as rank:
                rank.attr(rank="same")
                rank.node(number[first])
                rank.node(number[other])
    return digraph


def _attributes(node: NodeView) -> dict[str, str]:
    words = "  ".join(word for word in box_words(node) if word)
    attributes = dict(_CONSTANT if node.kind == "constant" else _STYLES[node.column])
    if node.kind == "output":
        attributes["penwidth"] = "2"
    # An empty tooltip would make Graphviz repeat the label there.
    return {"label": dot_label(words), "tooltip": dot_label(node.rule or node.kind), **attributes}
