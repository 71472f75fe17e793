"""Layouts: the same nodes by every engine, no overlaps, mirrored columns, budgets."""

from __future__ import annotations

import dataclasses

import pytest
import view_examples

from autodiff_lab.view import budget, layout, listing, wasi_engine
from autodiff_lab.view.model import EdgeView, GraphView, NodeView

GRAPHS = {
    "logistic": view_examples.logistic_graph(),
    "layers": view_examples.chain_graph(12),
    "one node": GraphView((NodeView("A", "input", "x"),), ()),
    "same edge twice": GraphView(
        (NodeView("A", "input", "x"), NodeView("B", "output", "mul", row=1)),
        (EdgeView("A", "B", slot=0), EdgeView("A", "B", slot=1)),
    ),
}
ENGINES = ("dot", "wasi")


def need(engine: str) -> None:
    there = wasi_engine.available() if engine == "wasi" else layout._dot_program() is not None
    if not there:
        pytest.skip(f"no {engine}")


def overlaps(positions: layout.Positions) -> list[tuple[str, str]]:
    boxes = sorted(positions.boxes, key=lambda box: box.y)
    return [
        (a.id, b.id)
        for index, a in enumerate(boxes)
        for b in boxes[index + 1 :]
        if b.y < a.y + a.height and a.x < b.x + b.width and b.x < a.x + a.width
    ]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", GRAPHS)
def test_every_engine_places_every_node_once(name: str, engine: str) -> None:
    need(engine)
    graph = GRAPHS[name]
    positions = layout.layout(graph, engine)
    assert sorted(box.id for box in positions.boxes) == sorted(node.id for node in graph.nodes)
    assert len(positions.routes) == len(graph.edges)
    assert overlaps(positions) == []
    for box in positions.boxes:
        assert 0 <= box.x and box.x + box.width <= positions.width
        assert 0 <= box.y and box.y + box.height <= positions.height


@pytest.mark.parametrize("name", GRAPHS)
def test_without_engine_the_listing_has_every_node(name: str) -> None:
    graph = GRAPHS[name]
    assert layout.layout(graph, "none") is None
    text = listing.graph_text(graph)
    assert all(text.count(f"[{node.id}]") == 1 for node in graph.nodes)


@pytest.mark.parametrize("engine", ENGINES)
def test_twins_stand_on_one_line_and_columns_apart(engine: str) -> None:
    need(engine)
    graph = view_examples.chain_graph(12)
    positions = layout.layout(graph, engine)
    boxes = {box.id: box for box in positions.boxes}
    assert all(abs(boxes[n.id].y - boxes[n.twin].y) < 1 for n in graph.nodes)
    for node in graph.nodes:
        middle = boxes[node.id].x + boxes[node.id].width / 2
        assert (middle < positions.split) == (node.column == "forward")
    # Values that the gradient reads stay local: at most one rank up or down.
    step = 2 * (boxes["f1"].y - boxes["f0"].y)
    for route in positions.routes:
        if route.kind == "residual":
            assert abs(boxes[route.source].y - boxes[route.target].y) < step


@pytest.mark.parametrize("engine", ENGINES)
def test_edges_run_from_source_to_target(engine: str) -> None:
    need(engine)
    positions = layout.layout(view_examples.logistic_graph(), engine)
    boxes = {box.id: box for box in positions.boxes}
    for route in positions.routes:
        for end, (x, y) in ((route.source, route.points[0]), (route.target, route.points[-1])):
            box = boxes[end]
            assert box.x - 12 <= x <= box.x + box.width + 12
            assert box.y - 12 <= y <= box.y + box.height + 12


@pytest.mark.parametrize("engine", ENGINES)
def test_a_layout_that_takes_too_long_is_given_up(engine: str) -> None:
    need(engine)
    graph = dataclasses.replace(view_examples.chain_graph(300), budget=100_000)
    assert layout.layout(graph, engine, seconds=1e-4) is None


def test_the_smaller_try_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    need("dot")
    real = layout._run
    calls = []

    def first_fails(engine: str, sources: list[str], seconds: float) -> list[str | None]:
        calls.append(sources)
        return [None] if len(calls) == 1 else real(engine, sources, seconds)

    monkeypatch.setattr(layout, "_run", first_fails)
    positions = layout.layout(view_examples.chain_graph(30), "dot")
    assert "layout took too long" in positions.caption
    assert len(positions.boxes) < 60


@pytest.mark.parametrize("length", [10, 60, 150, 2_000, 20_000])
def test_budgets(length: int) -> None:
    graph = view_examples.chain_graph(length, weights=False)
    small = budget.reduce_graph(graph, 150)
    assert len(small.nodes) <= 400
    whole = len(small.nodes) == len(graph.nodes)
    assert (small.caption == "") == (len(graph.nodes) <= 150 or whole)
    ids = {node.id for node in small.nodes}
    assert all(edge.source in ids and edge.target in ids for edge in small.edges)
    assert all(node.twin in ids for node in small.nodes if node.twin)


def test_a_large_graph_is_laid_out_whole_or_in_blocks() -> None:
    graph = view_examples.chain_graph(5_000)
    positions = layout.layout(graph)
    if positions is None:
        pytest.skip("no engine")
    assert 0 < len(positions.boxes) <= 400
    assert "in " in positions.caption and "blocks" in positions.caption


def test_plumbing_and_constants_are_hidden_first() -> None:
    nodes = [NodeView("x", "input", "x")]
    edges = []
    for k in range(200):
        last = nodes[-1].id
        nodes += [
            NodeView(f"d{k}", "op", "dimshuffle", row=2 * k + 1, plumbing=True),
            NodeView(f"c{k}", "constant", "2.0", row=2 * k + 1),
            NodeView(f"m{k}", "op", "mul", row=2 * k + 2),
        ]
        edges += [EdgeView(last, f"d{k}"), EdgeView(f"d{k}", f"m{k}"), EdgeView(f"c{k}", f"m{k}")]
    small = budget.reduce_graph(GraphView(tuple(nodes), tuple(edges)), 150)
    assert len(small.nodes) == 201
    assert small.caption == "400 of 601 nodes hidden: constants, casts and added axes"
    assert [(edge.source, edge.target) for edge in small.edges][:2] == [("x", "m0"), ("m0", "m1")]
    assert {node.label for node in small.nodes} == {"x", "mul 2.0"}
