"""Showing less of a graph that is too large to read.

What is here: `reduce_graph`, which first hides plumbing and constants and then collapses
the graph into blocks, each time saying so in the caption.  It relies on the records only.

The one idea: a block is a band of neighbouring rows of one column.  Twins share a row, so
the mirror survives, and any graph fits its budget.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Collection, Mapping

from autodiff_lab.view.model import EdgeView, GraphView, NodeView

# Up to 400 boxes where the budget is 150: tight, but every operation is still seen.
TIGHT_BY = 400 / 150
OPS_IN_LABEL = 3
ENOUGH_FOR_LINES = 12  # nodes: smaller graphs are read at one look


def reduce_graph(graph: GraphView, limit: int) -> GraphView:
    """The graph itself if it has at most `limit` nodes, else a smaller one with a caption.

    Examples
    --------
    >>> nodes = tuple(NodeView(str(k), "op", "sin", row=k) for k in range(1000))
    >>> small = reduce_graph(GraphView(nodes, ()), 150)
    >>> len(small.nodes) <= 150, small.caption
    (True, '1000 nodes in 75 blocks')
    """
    total = len(graph.nodes)
    if total <= limit:
        return graph
    bare = _hide_plumbing(graph)
    if len(bare.nodes) <= limit * TIGHT_BY:
        hidden = total - len(bare.nodes)
        words = f"{hidden} of {total} nodes hidden: constants, casts and added axes"
        return _caption(bare, graph.caption, words if hidden else "")
    blocks = _blocks(bare, _bands(bare, limit // 2))
    return _caption(blocks, graph.caption, f"{total} nodes in {len(blocks.nodes)} blocks")


def scenes(graph: GraphView) -> tuple[GraphView, ...]:
    """What can be looked at in place of a graph: less of it, its lines, the bodies of its loops.

    Examples
    --------
    >>> nodes = NodeView("A", "input", "x"), NodeView("B", "op", "cast", row=1, plumbing=True)
    >>> [view.title for view in scenes(GraphView(nodes, (EdgeView("A", "B"),)))]
    ['without constants and casts']
    """
    if len(graph.nodes) > graph.budget:
        return graph.scenes
    found = []
    bare = _hide_plumbing(graph)
    if len(bare.nodes) < len(graph.nodes):
        found.append(dataclasses.replace(bare, title="without constants and casts", scenes=()))
    lines = {node.source.label for node in graph.nodes if node.source is not None}
    if len(lines) > 1 and len(graph.nodes) >= ENOUGH_FOR_LINES:
        blocks = _blocks(graph, {node.id: f"{node.column}-{_place(node)}" for node in graph.nodes})
        found.append(dataclasses.replace(blocks, title="a block for each line", scenes=()))
    return (*found, *graph.scenes)


def parts(graph: GraphView) -> dict[str, str]:
    """For each node the part it folds into: its line; in a large graph, a band of rows."""
    if len(graph.nodes) > graph.budget:
        return _bands(graph, graph.budget // 2)
    return {node.id: f"{node.column}-{_place(node)}" for node in graph.nodes}


def folded(graph: GraphView, parts: Mapping[str, str], closed: Collection[str]) -> GraphView:
    """The graph with some of its parts as one box each."""
    block_of = {name: part if part in closed else name for name, part in parts.items()}
    return _blocks(graph, block_of) if closed else graph


def _place(node: NodeView) -> str:
    """What a node is in a block with: the other nodes of its line; an input stands alone."""
    return node.id if node.source is None or node.kind == "output" else node.source.label


def _caption(graph: GraphView, *words: str) -> GraphView:
    return dataclasses.replace(graph, caption="; ".join(word for word in words if word))


def _hide_plumbing(graph: GraphView) -> GraphView:
    """Without plumbing nodes (edges go through them) and constants (they join the label)."""
    incoming: dict[str, list[EdgeView]] = {}
    for edge in graph.edges:
        incoming.setdefault(edge.target, []).append(edge)
    nodes = {node.id: node for node in graph.nodes}
    stands_for: dict[str, str] = {}
    # Rows are topological, so what a plumbing node stands for is known when it is met.
    for node in sorted(graph.nodes, key=lambda node: node.row):
        feeding = incoming.get(node.id, [])
        if node.plumbing and node.kind == "op" and feeding:
            first = feeding[0].source
            stands_for[node.id] = stands_for.get(first, first)
    constants = {i for i, node in nodes.items() if node.kind == "constant" and not node.twin}
    inlined: dict[str, dict[int, str]] = {}
    edges: dict[EdgeView, None] = {}
    for edge in graph.edges:
        source = _follow(stands_for, edge.source)
        if edge.target in stands_for:
            continue
        if source in constants:
            inlined.setdefault(edge.target, {})[edge.slot] = nodes[source].label
        else:
            kind = "residual" if nodes[source].column != nodes[edge.target].column else "flow"
            edges[dataclasses.replace(edge, source=source, kind=kind)] = None
    kept = [
        dataclasses.replace(node, label=_with_numbers(node.label, inlined.get(node.id, {})))
        for node in graph.nodes
        if node.id not in constants and node.id not in stands_for
    ]
    return dataclasses.replace(graph, nodes=tuple(kept), edges=tuple(edges))


def _with_numbers(label: str, numbers: dict[int, str]) -> str:
    """A label with constants in the place of their dots, "· + 1"; without dots, behind it."""
    parts = label.split("·")
    if max(numbers, default=0) >= len(parts) - 1:
        return " ".join([label, *numbers.values()])
    dots = (numbers.get(slot, "·") for slot in range(len(parts)))
    return "".join(word for pair in zip(parts, dots) for word in pair)[:-1]


def _follow(stands_for: dict[str, str], name: str) -> str:
    seen = set()
    while name in stands_for and name not in seen:
        seen.add(name)
        name = stands_for[name]
    return name


def _bands(graph: GraphView, bands: int) -> dict[str, str]:
    """For each node its band of rows, at most `bands` of them in each column."""
    rows = sorted({node.row for node in graph.nodes})
    position = {row: index for index, row in enumerate(rows)}
    # A graph whose rows say nothing is cut by position instead.
    flat = len(rows) < 2
    block_of = {}
    for index, node in enumerate(graph.nodes):
        place = index / len(graph.nodes) if flat else position[node.row] / len(rows)
        block_of[node.id] = f"{node.column}-band-{int(place * max(1, bands)):04d}"
    return block_of


def _blocks(graph: GraphView, block_of: dict[str, str]) -> GraphView:
    """The graph of blocks, given the block of each node."""
    members: dict[str, list[NodeView]] = {}
    for node in graph.nodes:
        members.setdefault(block_of[node.id], []).append(node)
    nodes = [_block(name, inside, block_of) for name, inside in members.items()]
    edges: dict[tuple[str, str], EdgeView] = {}
    for edge in graph.edges:
        key = block_of[edge.source], block_of[edge.target]
        if key[0] != key[1]:
            edges.setdefault(key, EdgeView(*key, kind=edge.kind))
    return dataclasses.replace(graph, nodes=tuple(nodes), edges=tuple(edges.values()))


def _block(name: str, inside: list[NodeView], block_of: dict[str, str]) -> NodeView:
    """One block as a node; its twin is the block where most of its members' twins are."""
    if len(inside) == 1:
        twin = block_of.get(inside[0].twin or "")
        return dataclasses.replace(inside[0], id=name, twin=twin)
    ops = Counter(node.op or (node.label if node.kind == "op" else node.kind) for node in inside)
    words = [f"{op} ×{count}" if count > 1 else op for op, count in ops.most_common(OPS_IN_LABEL)]
    more = len(ops) - len(words)
    twins = Counter(block_of[node.twin] for node in inside if node.twin in block_of)
    lines = list(dict.fromkeys(node.source for node in inside if node.source is not None))
    listing = ", ".join(f"{op} ×{count}" for op, count in ops.most_common(12))
    return NodeView(
        id=name, kind="op", label=", ".join(words + [f"{more} more"] * bool(more)),
        name=next((node.name for node in reversed(inside) if node.name), ""), text=listing,
        op="block", column=inside[0].column, twin=twins.most_common(1)[0][0] if twins else None,
        row=min(node.row for node in inside), source=lines[0] if len(lines) == 1 else None,
        rule=f"a block of {len(inside)} nodes: {listing}",
    )
