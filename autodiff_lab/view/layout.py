"""Where every box and every line goes: Graphviz decides, from numbers only.

What is here: `layout`, which gives `Positions`, and the mirror recipe that writes the DOT
for it.  It relies on the program `dot` (named by the `graphviz` package), else on
`wasi_engine`, and on `budget` for graphs too large to show whole.

The one idea: a forward node and its adjoint stand on one rank, and edges of the gradient
are turned round (`dir=back`), so that both columns flow the same way and Graphviz never
sees the long edges that make pictures of derivatives slow and unreadable.  No text of
the user's enters the DOT: nodes are called n0, n1, ... and have sizes instead of labels.
"""

from __future__ import annotations

import dataclasses
import shutil
import statistics
import subprocess
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from typing import Literal

from autodiff_lab.view import budget, wasi_engine
from autodiff_lab.view.boxes import box_size
from autodiff_lab.view.model import GraphView

Engine = Literal["auto", "dot", "wasi", "none"]

LAYOUT_SECONDS = 3.0
POINTS_PER_INCH = 72.0
MARGIN = 14.0
MOST_CURVED = 60  # boxes of a graph whose lines may be bent although many are laid out
HEADING_HEIGHT = 8.0


@dataclasses.dataclass(frozen=True)
class Box:
    """A node's rectangle, by its upper left corner."""

    id: str
    x: float
    y: float
    width: float
    height: float


@dataclasses.dataclass(frozen=True)
class Route:
    """An edge's way: a start point and three points for each Bezier piece."""

    source: str
    target: str
    kind: str
    points: tuple[tuple[float, float], ...]


@dataclasses.dataclass(frozen=True)
class Positions:
    """A layout in SVG's units and directions; `graph` is what is shown of the graph asked for.

    `split` is the x between the two columns, None where there is only one.
    """

    graph: GraphView
    boxes: tuple[Box, ...]
    routes: tuple[Route, ...]
    width: float
    height: float
    engine: str
    caption: str
    split: float | None = None


def layout(
    graph: GraphView, engine: Engine = "auto", seconds: float = LAYOUT_SECONDS
) -> Positions | None:
    """Lay out a graph, or say None where only the text form is possible.

    Parameters
    ----------
    graph : GraphView
        What to lay out; above its `budget` of boxes, plumbing is hidden and chains collapse.
    engine : {"auto", "dot", "wasi", "none"}
        "auto" takes the program `dot` if it is there, else the WebAssembly Graphviz.
    seconds : float
        How long one layout may take before less of the graph is tried.

    Returns
    -------
    Positions or None
        None without any engine, or when even the collapsed graph took too long.
    """
    return layouts([graph], engine, seconds)[0]


def layouts(
    graphs: Sequence[GraphView], engine: Engine = "auto", seconds: float = LAYOUT_SECONDS,
    sideways: bool = False,
) -> list[Positions | None]:
    """Several graphs at once, from left to right if `sideways`.

    Where all together take too long, only the first is laid out, or less of it; of those
    that lie sideways, none.
    """
    shown = [budget.reduce_graph(graph, graph.budget) for graph in graphs]
    for name in _engines(engine) if graphs else ():
        plain = _run(name, [_write_dot(graph, sideways) for graph in shown], seconds)
        if len(shown) > 1 and None in plain and not sideways:
            plain = [*_run(name, [_write_dot(shown[0])], seconds), *[None] * (len(shown) - 1)]
        placed = [None if text is None else _read_plain(text, graph, name)
                  for graph, text in zip(shown, plain)]
        if placed[0] is None and not sideways:
            placed[0] = _smaller(shown[0], name, seconds)
        return placed
    return [None for _ in graphs]


def _smaller(graph: GraphView, engine: str, seconds: float) -> Positions | None:
    """A quarter of the graph, where all of it took too long."""
    smaller = budget.reduce_graph(graph, max(10, len(graph.nodes) // 4))
    if len(smaller.nodes) >= len(graph.nodes):
        return None
    said = dataclasses.replace(smaller, caption=f"layout took too long; {smaller.caption}")
    (plain,) = _run(engine, [_write_dot(said)], seconds)
    return None if plain is None else _read_plain(plain, said, engine)


def _engines(engine: Engine) -> list[str]:
    ready = {"dot": lambda: _dot_program() is not None, "wasi": wasi_engine.available}
    return [name for name in ready if engine in ("auto", name) and ready[name]()][:1]


def _dot_program() -> str | None:
    from graphviz.backend import dot_command

    return shutil.which(str(dot_command.DOT_BINARY))


def _run(engine: str, sources: Sequence[str], seconds: float) -> list[str | None]:
    """Graphviz's `plain` texts, each None if it failed or all together took too long."""
    if engine == "wasi":
        return [wasi_engine.run(source, seconds) for source in sources]
    program = _dot_program()
    assert program is not None
    command = [program, "-Tplain"]
    try:
        # `run` kills the child on a timeout and on an interrupt alike.
        done = subprocess.run(
            command, input="\n".join(sources), capture_output=True, encoding="utf-8",
            timeout=seconds,
        )
    except (subprocess.TimeoutExpired, OSError):
        return [None] * len(sources)
    texts = done.stdout.split("stop\n")[:-1] if done.returncode == 0 else []
    return [*texts] if len(texts) == len(sources) else [None] * len(sources)


def _write_dot(graph: GraphView, sideways: bool = False) -> str:
    """The mirror recipe; see the top of this file."""
    number = {node.id: index for index, node in enumerate(graph.nodes)}
    lines = [
        "digraph {",
        "graph [nodesep=0.22, ranksep=0.32, newrank=true];",
        "graph [rankdir=LR, nslimit=1, nslimit1=1, mclimit=0.3];" * sideways,
        "graph [splines=line];" * (sideways and len(graph.nodes) > MOST_CURVED),
        'node [shape=box, fixedsize=true, label=""];',
        "edge [arrowsize=0.7];",
    ]
    for column in ("forward", "adjoint"):
        lines.append(f"subgraph cluster_{column} {{ margin=16;")
        for node in graph.nodes:
            if node.column == column:
                width, height = (side / POINTS_PER_INCH for side in box_size(node))
                lines.append(f"n{number[node.id]} [width={width:.4f}, height={height:.4f}];")
        lines.append("}")
    for members in ranks(graph):
        lines.append("{rank=same; " + "; ".join(f"n{number[i]}" for i in members) + "}")
    settings = {"forward": "", "adjoint": " [dir=back]",
                "residual": " [constraint=false, weight=0]"}
    for tail, head, kind in mirror_edges(graph):
        lines.append(f"n{number[tail]} -> n{number[head]}{settings[kind]};")
    return "\n".join([*lines, "}"])


def mirror_edges(graph: GraphView) -> Iterator[tuple[str, str, str]]:
    """Tail, head and kind of each edge: those of the gradient are turned round."""
    columns = {node.id: node.column for node in graph.nodes}
    for edge in graph.edges:
        if columns[edge.source] != columns[edge.target]:
            yield edge.source, edge.target, "residual"
        elif columns[edge.source] == "adjoint":
            yield edge.target, edge.source, "adjoint"
        else:
            yield edge.source, edge.target, "forward"


def ranks(graph: GraphView) -> list[list[str]]:
    """The sets of nodes that share a rank: a forward node and its adjoint.

    Helpers of the gradient are left to Graphviz: they stand between the two adjoints they
    lead from and to, which spreads the forward column but keeps every line short.
    """
    nodes = {node.id: node for node in graph.nodes}
    members: dict[str, list[str]] = {}
    for node in graph.nodes:
        twin = nodes.get(node.twin or "")
        if node.column == "adjoint" and twin is not None and twin.column == "forward":
            members.setdefault(twin.id, [twin.id]).append(node.id)
    return [group for group in members.values() if len(group) > 1]


def _read_plain(plain: str, graph: GraphView, engine: str) -> Positions:
    """Positions from Graphviz's `plain` format: inches, y upwards, one record a line."""
    ids = [node.id for node in graph.nodes]
    columns = {node.id: node.column for node in graph.nodes}
    height = width = 0.0
    boxes: list[Box] = []
    ways: dict[tuple[str, str], deque[tuple[tuple[float, float], ...]]] = defaultdict(deque)
    top = MARGIN + (HEADING_HEIGHT if len(set(columns.values())) > 1 else 0.0)
    turned = _gradient_is_left(plain, [column == "adjoint" for column in columns.values()])

    def place(x: str, y: str) -> tuple[float, float]:
        across = float(x) * POINTS_PER_INCH
        across = MARGIN + (width - across if turned else across)
        return round(across, 1), round(height - float(y) * POINTS_PER_INCH + top, 1)

    for line in plain.splitlines():
        words = line.split()
        if words[0] == "graph":
            width, height = (float(word) * POINTS_PER_INCH for word in words[2:4])
        elif words[0] == "node":
            x, y = place(words[2], words[3])
            wide, high = (round(float(word) * POINTS_PER_INCH, 1) for word in words[4:6])
            name = ids[int(words[1][1:])]
            boxes.append(Box(name, round(x - wide / 2, 1), round(y - high / 2, 1), wide, high))
        elif words[0] == "edge":
            tail, head = (ids[int(word.split(":")[0][1:])] for word in words[1:3])
            numbers = words[4 : 4 + 2 * int(words[3])]
            points = tuple(place(*pair) for pair in zip(numbers[::2], numbers[1::2], strict=True))
            ways[tail, head].append(points)
    return Positions(
        graph=graph, boxes=tuple(boxes), routes=tuple(_routes(graph, ways)),
        width=round(width + 2 * MARGIN, 1), height=round(height + top + MARGIN, 1), engine=engine,
        caption=graph.caption, split=_split(boxes, columns),
    )


def _gradient_is_left(plain: str, adjoint: list[bool]) -> bool:
    """Whether Graphviz put the columns the wrong way round; the picture is then mirrored."""
    places: dict[bool, list[float]] = {True: [], False: []}
    for words in map(str.split, plain.splitlines()):
        if words[0] == "node":
            places[adjoint[int(words[1][1:])]].append(float(words[2]))
    return all(places.values()) and statistics.fmean(places[True]) < statistics.fmean(places[False])


def _routes(
    graph: GraphView, ways: dict[tuple[str, str], deque[tuple[tuple[float, float], ...]]]
) -> list[Route]:
    """Each edge with its way, from source to target whatever Graphviz was told."""
    routes = []
    for edge, (tail, head, kind) in zip(graph.edges, mirror_edges(graph)):
        points = ways[tail, head].popleft()
        turned = points[::-1] if kind == "adjoint" else points
        routes.append(Route(edge.source, edge.target, edge.kind, turned))
    return routes


def _split(boxes: list[Box], columns: dict[str, str]) -> float | None:
    """The x between the columns, if there are two and they stand apart."""
    forward = [box.x + box.width for box in boxes if columns[box.id] == "forward"]
    adjoint = [box.x for box in boxes if columns[box.id] == "adjoint"]
    if not forward or not adjoint or max(forward) > min(adjoint):
        return None
    return round((max(forward) + min(adjoint)) / 2, 1)


