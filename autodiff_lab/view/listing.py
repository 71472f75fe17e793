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
    cells = [[node_text(node) if node else "" for node in pair] for pair in _rows(graph)]
    if not any(node.column == "adjoint" for node in graph.nodes):
        return "\n".join(["forward", *(left for left, _ in cells if left)])
    cells.insert(0, ["forward", "gradient"])
    width = max(len(left) for left, _ in cells) + 2
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
        # An adjoint shared by several nodes stands with the one it names itself.
        fits = twin is not None and twin.column == "adjoint" and twin.twin in (None, node.id)
        rows.append((node, twin if fits and twin and twin.id not in done else None))
        done.update(right.id for _, right in rows[-1:] if right is not None)
    return rows + [
        (None, node) for node in order if node.column == "adjoint" and node.id not in done
    ]
