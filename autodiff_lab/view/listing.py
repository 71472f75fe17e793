"""The text form of a graph record: one node a line, the gradient beside the forward column.

What is here: `graph_text`, which stands in where no layout engine is found and is what a
screen reader is given.  It relies on the records and the name policy.

The one idea: the text shows the same nodes, ids and values as the picture.
"""

from __future__ import annotations

from autodiff_lab.view.boxes import box_words, is_broken
from autodiff_lab.view.escape import display_name
from autodiff_lab.view.model import GraphView, NodeView

TEXT_LIMIT = 36
CAPTION_LIMIT = 300


def graph_text(graph: GraphView) -> str:
    """The graph as aligned lines; a node stands on its twin's line.

    Examples
    --------
    >>> x = NodeView("A", "input", "x", twin="B")
    >>> dx = NodeView("B", "output", "mul", "2.0 * x", column="adjoint", twin="A")
    >>> print(graph_text(GraphView((x, dx), ())))
    forward  gradient
    [A] x    [B] 2.0 * x
    """
    rows = _rows(graph)
    if not any(node.column == "adjoint" for node in graph.nodes):
        return "\n".join(["forward", *(node_text(left) for left, _ in rows if left)])
    cells = [
        (node_text(left) if left else "", node_text(right) if right else "")
        for left, right in rows
    ]
    width = max(len(left) for left, _ in [("forward", ""), *cells]) + 2
    cells.insert(0, ("forward", "gradient"))
    lines = [f"{left:<{width}}{right}".rstrip() for left, right in cells]
    caption = display_name(graph.caption, CAPTION_LIMIT)
    return "\n".join([*lines, caption] if caption else lines)


def node_text(node: NodeView) -> str:
    """One node: its id, what it is, its shape and value."""
    label, shape, value = box_words(node)
    words = [display_name(node.text or label, TEXT_LIMIT)]
    if node.op != "block":
        words.insert(0, f"[{display_name(node.id, 12)}]")
    words += [word for word in (shape, f"= {value}" if value else "") if word]
    return " ".join([*words, "(!)"] if is_broken(node) else words)


def _rows(graph: GraphView) -> list[tuple[NodeView | None, NodeView | None]]:
    """Pairs (forward, adjoint) by row; each node exactly once."""
    nodes = {node.id: node for node in graph.nodes}
    order = sorted(graph.nodes, key=lambda node: node.row)
    done: set[str] = set()
    rows: list[tuple[NodeView | None, NodeView | None]] = []
    for node in order:
        if node.column != "forward":
            continue
        twin = nodes.get(node.twin or "")
        fits = twin is not None and twin.column == "adjoint" and twin.id not in done
        # An adjoint shared by several nodes stands with the one it names itself.
        if fits and twin is not None and twin.twin in (None, node.id):
            done.add(twin.id)
            rows.append((node, twin))
        else:
            rows.append((node, None))
    return rows + [
        (None, node) for node in order if node.column == "adjoint" and node.id not in done
    ]
