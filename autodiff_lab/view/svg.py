"""A graph as SVG, written by ourselves from a layout's numbers.

What is here: `graph_svg` and the style sheet `GRAPH_STYLE`.  It relies on the records, on
`Positions` and on the escapes.

The one idea: the picture carries its own background and its own colours for light and
dark, so it reads the same wherever it is pasted; colours only repeat what a shape says
(solid forward, dashed gradient, dotted values that the gradient reads).
"""

from __future__ import annotations

import functools
import hashlib
import importlib.resources

from autodiff_lab.view import boxes
from autodiff_lab.view.escape import decimal, display_name, svg_tag, xml_attribute, xml_text
from autodiff_lab.view.layout import Box, Positions, Route
from autodiff_lab.view.listing import graph_text
from autodiff_lab.view.model import NodeView

MAXIMUM_BYTES = 1_000_000
LABEL_BYTES = 2_000
CAPTION_HEIGHT = 20.0
CAPTION_ADVANCE = 6.2
HEAT_STEPS = (0.01, 0.05, 0.15, 0.35)  # shares of the run's time at which a box gets hotter
LEGEND = "dotted: a forward value that the gradient reads"

_LIGHT = {
    "bg": "#ffffff", "ink": "#17202c", "muted": "#586474", "line": "#dfe3e9",
    "forward": "#1f6cab", "forward-fill": "#eaf3fb", "gradient": "#b84c06",
    "gradient-fill": "#fdf1e6", "constant": "#7b8694", "constant-fill": "#f5f6f8",
    "reads": "#7552ad", "bad": "#b00020", "bad-fill": "#fde7ea", "hot": "#0b7a53",
}  # fmt: skip
_DARK = {
    "bg": "#14171c", "ink": "#e9edf3", "muted": "#a3afbd", "line": "#2d343e",
    "forward": "#6fb4ee", "forward-fill": "#16293a", "gradient": "#f2a563",
    "gradient-fill": "#33220f", "constant": "#8c98a7", "constant-fill": "#20252c",
    "reads": "#bda4ea", "bad": "#ff7b88", "bad-fill": "#41161c", "hot": "#4fd1a1",
}  # fmt: skip


def _palette(selector: str, colours: dict[str, str]) -> str:
    # An `--adl-...` set anywhere above wins, so a page can bring its own colours.
    body = ";".join(f"--a-{name}:var(--adl-{name},{value})" for name, value in colours.items())
    return f"{selector}{{{body}}}"


def palette_style(selector: str, dark: str = "", light: str = "") -> str:
    """CSS that defines the palette on `selector`, by the reader's colour scheme.

    `dark` and `light`, if given, are selectors that decide whatever the scheme says.
    """
    rules = [_palette(selector, _LIGHT)]
    rules.append("@media (prefers-color-scheme:dark){" + _palette(selector, _DARK) + "}")
    chosen = ((dark, _DARK), (light, _LIGHT))
    return "\n".join(rules + [_palette(where, colours) for where, colours in chosen if where])


@functools.cache
def static_file(name: str) -> str:
    """A file of the folder `static`."""
    folder = importlib.resources.files("autodiff_lab.view").joinpath("static")
    return folder.joinpath(name).read_text(encoding="utf-8")


GRAPH_RULES = static_file("graph.css").strip()

GRAPH_STYLE = palette_style(".adl-graph") + "\n" + GRAPH_RULES


def graph_svg(positions: Positions, style: bool = True) -> str:
    """The picture of a laid-out graph, the same bytes for the same positions.

    Parameters
    ----------
    positions : Positions
        From `layout.layout`; it holds the graph record that is shown.
    style : bool
        Whether the picture carries its style sheet (a page that has it already says False).
    """
    nodes = {node.id: node for node in positions.graph.nodes}
    captions, width, height = sheet(positions)
    below = positions.height + 8
    body = "\n".join([
        '<rect class="bg" width="100%" height="100%"/>',
        *_headings(positions),
        "<g>",
        *(_edge(route, nodes) for route in positions.routes),
        "</g><g>",
        *(_node(box, nodes[box.id]) for box in positions.boxes),
        "</g>",
        *(_text("caption", 14, decimal(below + k * 20), text) for k, text in enumerate(captions)),
    ])
    prefix = "adl-" + hashlib.sha256(body.encode()).hexdigest()[:10]
    label = graph_text(positions.graph)
    if len(label) > LABEL_BYTES:
        label = label[:LABEL_BYTES] + " ..."
    return "\n".join([
        svg_tag("graph", decimal(width), decimal(height), label),
        f"<style>{GRAPH_STYLE}</style>" if style else "",
        f"<defs>{_markers(prefix)}</defs>",
        body.replace("url(#tip-", f"url(#{prefix}-"),
        "</svg>",
    ])


def sheet(positions: Positions) -> tuple[list[str], float, float]:
    """The lines below the graph, and width and height of the picture with them."""
    legend = LEGEND if any(route.kind == "residual" for route in positions.routes) else ""
    captions = [text for text in (positions.caption, legend) if text]
    longest = max((len(text) for text in captions), default=0) * CAPTION_ADVANCE
    height = positions.height + CAPTION_HEIGHT * len(captions)
    return captions, max(positions.width, longest + 28), height


def _text(kind: str, x: float, baseline: str, words: str) -> str:
    return f'<text class="{kind}" x="{decimal(x)}" y="{baseline}">{xml_text(words)}</text>'


def headings(positions: Positions) -> list[tuple[str, float, str]]:
    """The words over the columns: column, middle of its boxes, words."""
    columns = {node.id: node.column for node in positions.graph.nodes}
    out = []
    for column, words in (("forward", "forward ↓"), ("adjoint", "gradient ↑")):
        across = [box for box in positions.boxes if columns[box.id] == column]
        left, right = min(box.x for box in across), max(box.x + box.width for box in across)
        out.append((column, (left + right) / 2, words))
    return out


def _headings(positions: Positions) -> list[str]:
    """The words over the columns, and the line between."""
    if positions.split is None:
        return []
    out = [_text(f"head {column}", middle, "24", words)
           for column, middle, words in headings(positions)]
    split = decimal(positions.split)
    out.append(
        f'<line class="split" x1="{split}" x2="{split}" y1="14" '
        f'y2="{decimal(positions.height - 10)}"/>'
    )
    return out


def edge_kind(route: Route, nodes: dict[str, NodeView]) -> str:
    """How an edge is drawn: as its column, or as a forward value that the gradient reads."""
    column = nodes[route.source].column
    reads = route.kind == "residual" or column != nodes[route.target].column
    return "residual" if reads else column


def _edge(route: Route, nodes: dict[str, NodeView]) -> str:
    kind = edge_kind(route, nodes)
    (x, y), *rest = route.points
    way = f"M{decimal(x)} {decimal(y)}C" + " ".join(f"{decimal(a)} {decimal(b)}" for a, b in rest)
    return (
        f'<path class="edge {kind}" data-source="{xml_attribute(route.source)}" '
        f'data-target="{xml_attribute(route.target)}" d="{way}" '
        f'marker-end="url(#tip-{kind})"/>'
    )


def _markers(prefix: str) -> str:
    """Arrow heads, named by the picture's content: two pictures on a page never mix."""
    return "".join(
        f'<marker id="{prefix}-{kind}" class="tip {kind}" viewBox="0 0 8 8" refX="0.5" refY="4" '
        'markerWidth="7.5" markerHeight="7.5" markerUnits="userSpaceOnUse" orient="auto">'
        '<path d="M0 .6 7.6 4 0 7.4z"/></marker>'
        for kind in ("forward", "adjoint", "residual")
    )


def box_texts(box: Box, node: NodeView) -> list[tuple[str, float, str]]:
    """What is written in a box: its class, where it stands, words; values end at their place."""
    label, shape, value = boxes.box_words(node)
    broken = boxes.is_broken(node)
    if not (shape or value or broken):
        return [("label alone", box.x + box.width / 2, label)]
    left, right = box.x + boxes.PADDING, box.x + box.width - boxes.PADDING
    place = left + len(label) * boxes.LABEL_ADVANCE + boxes.GAP
    texts = [("label", left, label), ("shape", place, shape), ("mark", right, "⚠" * broken),
             ("value", right - boxes.MARK_WIDTH * broken, value)]
    return [text for text in texts if text[2]]


def radius(box: Box, node: NodeView) -> float:
    """How round the corners of a box are."""
    return {"input": box.height / 2, "constant": 3.0}.get(node.kind, 7.0)


def _node(box: Box, node: NodeView) -> str:
    heat = 0 if node.share is None else sum(node.share > step for step in HEAT_STEPS)
    classes = " ".join(["node", node.column, node.kind, *["broken"] * boxes.is_broken(node),
                        *[f"heat{heat}"] * (heat > 0)])
    baseline = decimal(box.y + box.height / 2 + 4.6)
    parts = [_text(kind, x, baseline, words) for kind, x, words in box_texts(box, node)]
    corner = decimal(radius(box, node))
    return (
        f'<g class="{classes}" data-id="{xml_attribute(node.id)}">'
        f"<title>{xml_text(node_title(node))}</title>"
        f'<rect x="{decimal(box.x)}" y="{decimal(box.y)}" width="{decimal(box.width)}" '
        f'height="{decimal(box.height)}" rx="{corner}"/>' + "".join(parts) + "</g>"
    )


def node_title(node: NodeView) -> str:
    """The hover text: everything the box has no room for, with names in full."""
    lines = [f"{node.name} = {node.text}" if node.name not in ("", node.text) else node.text]
    lines += [node.label if node.label != node.text else "", node.rule]
    lines.append(f"chain rule: {node.term}" if node.term else "")
    shape = boxes.shape_text(node.shape)
    lines.append(f"{node.dtype} {shape or 'scalar'}" if node.dtype else shape)
    lines.append(node.cost)
    if node.value is not None:
        lines.append(f"value {node.value.text}")
        lines.append(f"{node.value.nan_count} NaN" if node.value.nan_count else "")
        lines.append(f"{node.value.inf_count} infinite" if node.value.inf_count else "")
    if node.source is not None:
        lines.append(f"{node.source.label}: {node.source.text}")
    return "\n".join(display_name(line, 400) for line in lines if line)
