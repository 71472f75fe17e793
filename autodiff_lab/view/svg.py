"""A graph as SVG, written by ourselves from a layout's numbers.

What is here: `graph_svg` and the style sheet `GRAPH_STYLE`.  It relies on the records, on
`Positions` and on the escapes.

The one idea: the picture carries its own background and its own colours for light and
dark, so it reads the same wherever it is pasted; colours only repeat what a shape says
(solid forward, dashed gradient, dotted values that the gradient reads).
"""

from __future__ import annotations

import hashlib

from autodiff_lab.view import boxes
from autodiff_lab.view.escape import decimal, display_name, xml_attribute, xml_text
from autodiff_lab.view.layout import Box, Positions, Route
from autodiff_lab.view.listing import graph_text
from autodiff_lab.view.model import NodeView

MAXIMUM_BYTES = 1_000_000
LABEL_BYTES = 2_000
CAPTION_HEIGHT = 20.0
CAPTION_ADVANCE = 6.2
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
    return "\n".join(
        [
            _palette(selector, _LIGHT),
            "@media (prefers-color-scheme:dark){" + _palette(selector, _DARK) + "}",
            *([_palette(dark, _DARK)] if dark else []),
            *([_palette(light, _LIGHT)] if light else []),
        ]
    )


GRAPH_RULES = """
.adl-graph{font-family:ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;font-size:13px}
.adl-graph .bg{fill:var(--a-bg)}
.adl-graph .head,.adl-graph .caption{fill:var(--a-muted);font-family:system-ui,sans-serif}
.adl-graph .head{font-size:13px;font-weight:600;letter-spacing:.02em;text-anchor:middle}
.adl-graph .caption{font-size:11.5px}
.adl-graph .split{stroke:var(--a-line);stroke-width:1}
.adl-graph .node rect{stroke-width:1.4;fill:var(--a-forward-fill);stroke:var(--a-forward)}
.adl-graph .node.adjoint rect{fill:var(--a-gradient-fill);stroke:var(--a-gradient)}
.adl-graph .node.adjoint rect{stroke-dasharray:5 3}
.adl-graph .node.constant rect{fill:var(--a-constant-fill);stroke:var(--a-constant);stroke-width:1}
.adl-graph .node.output rect{stroke-width:2.6}
.adl-graph .node.broken rect{fill:var(--a-bad-fill);stroke:var(--a-bad);stroke-width:2.6}
.adl-graph .node text{fill:var(--a-ink)}
.adl-graph .label{font-weight:600}
.adl-graph .alone{text-anchor:middle}
.adl-graph .shape,.adl-graph .value{font-size:12px}
.adl-graph .node .shape{fill:var(--a-muted)}
.adl-graph .value,.adl-graph .mark{text-anchor:end}
.adl-graph .node .mark,.adl-graph .broken .value{fill:var(--a-bad);font-weight:700}
.adl-graph .edge{fill:none;stroke:var(--a-forward);stroke-width:1.4}
.adl-graph .edge.adjoint{stroke:var(--a-gradient);stroke-dasharray:5 3}
.adl-graph .edge.residual{stroke:var(--a-reads);stroke-width:2}
.adl-graph .edge.residual{stroke-dasharray:.1 4;stroke-linecap:round}
.adl-graph .tip{fill:var(--a-forward)}
.adl-graph .tip.adjoint{fill:var(--a-gradient)}
.adl-graph .tip.residual{fill:var(--a-reads)}
""".strip()

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
    captions = [text for text in (positions.caption, _legend(positions)) if text]
    height = positions.height + CAPTION_HEIGHT * len(captions)
    longest = max((len(text) for text in captions), default=0) * CAPTION_ADVANCE
    width = max(positions.width, longest + 28)
    content = [
        '<rect class="bg" width="100%" height="100%"/>',
        *_headings(positions),
        "<g>",
        *(_edge(route, nodes) for route in positions.routes),
        "</g><g>",
        *(_node(box, nodes[box.id]) for box in positions.boxes),
        "</g>",
        *(
            f'<text class="caption" x="14" y="{decimal(positions.height + 8 + index * 20)}">'
            f"{xml_text(text)}</text>"
            for index, text in enumerate(captions)
        ),
    ]
    body = "\n".join(content)
    prefix = "adl-" + hashlib.sha256(body.encode()).hexdigest()[:10]
    label = graph_text(positions.graph)
    if len(label) > LABEL_BYTES:
        label = label[:LABEL_BYTES] + " ..."
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="adl-graph" width="{decimal(width)}" '
            f'height="{decimal(height)}" viewBox="0 0 {decimal(width)} {decimal(height)}" '
            f'role="img" aria-label="{xml_attribute(label)}">',
            f"<style>{GRAPH_STYLE}</style>" if style else "",
            f"<defs>{_markers(prefix)}</defs>",
            body.replace("url(#tip-", f"url(#{prefix}-"),
            "</svg>",
        ]
    )


def _legend(positions: Positions) -> str:
    return LEGEND if any(route.kind == "residual" for route in positions.routes) else ""


def _headings(positions: Positions) -> list[str]:
    """The words over the columns, each over the middle of its boxes, and the line between."""
    if positions.split is None:
        return []
    out = []
    columns = {node.id: node.column for node in positions.graph.nodes}
    for column, words in (("forward", "forward ↓"), ("adjoint", "gradient ↑")):
        across = [box for box in positions.boxes if columns[box.id] == column]
        left, right = min(box.x for box in across), max(box.x + box.width for box in across)
        middle = decimal((left + right) / 2)
        out.append(f'<text class="head {column}" x="{middle}" y="24">{words}</text>')
    split = decimal(positions.split)
    out.append(
        f'<line class="split" x1="{split}" x2="{split}" y1="14" '
        f'y2="{decimal(positions.height - 10)}"/>'
    )
    return out


def _edge(route: Route, nodes: dict[str, NodeView]) -> str:
    column = nodes[route.source].column
    if route.kind == "residual" or column != nodes[route.target].column:
        column_or_kind = "residual"
    else:
        column_or_kind = column
    (x, y), *rest = route.points
    way = f"M{decimal(x)} {decimal(y)}C" + " ".join(f"{decimal(a)} {decimal(b)}" for a, b in rest)
    return (
        f'<path class="edge {column_or_kind}" data-source="{xml_attribute(route.source)}" '
        f'data-target="{xml_attribute(route.target)}" d="{way}" '
        f'marker-end="url(#tip-{column_or_kind})"/>'
    )


def _markers(prefix: str) -> str:
    """Arrow heads, named by the picture's content: two pictures on a page never mix."""
    return "".join(
        f'<marker id="{prefix}-{kind}" class="tip {kind}" viewBox="0 0 8 8" refX="0.5" refY="4" '
        'markerWidth="7.5" markerHeight="7.5" markerUnits="userSpaceOnUse" orient="auto">'
        '<path d="M0 .6 7.6 4 0 7.4z"/></marker>'
        for kind in ("forward", "adjoint", "residual")
    )


def _node(box: Box, node: NodeView) -> str:
    label, shape, value = boxes.box_words(node)
    broken = boxes.is_broken(node)
    classes = " ".join(["node", node.column, node.kind, *(["broken"] if broken else [])])
    radius = {"input": box.height / 2, "constant": 3.0}.get(node.kind, 7.0)
    baseline = decimal(box.y + box.height / 2 + 4.6)
    left, right = box.x + boxes.PADDING, box.x + box.width - boxes.PADDING
    alone = not (shape or value or broken)
    start = box.x + box.width / 2 if alone else left
    parts = [
        f'<text class="label{" alone" * alone}" x="{decimal(start)}" y="{baseline}">'
        f"{xml_text(label)}</text>"
    ]
    if shape:
        x = left + len(label) * boxes.LABEL_ADVANCE + boxes.GAP
        parts.append(
            f'<text class="shape" x="{decimal(x)}" y="{baseline}">{xml_text(shape)}</text>'
        )
    if broken:
        parts.append(f'<text class="mark" x="{decimal(right)}" y="{baseline}">⚠</text>')
        right -= boxes.MARK_WIDTH
    if value:
        parts.append(
            f'<text class="value" x="{decimal(right)}" y="{baseline}">{xml_text(value)}</text>'
        )
    return (
        f'<g class="{classes}" data-id="{xml_attribute(node.id)}">'
        f"<title>{xml_text(node_title(node))}</title>"
        f'<rect x="{decimal(box.x)}" y="{decimal(box.y)}" width="{decimal(box.width)}" '
        f'height="{decimal(box.height)}" rx="{decimal(radius)}"/>' + "".join(parts) + "</g>"
    )


def node_title(node: NodeView) -> str:
    """The hover text: everything the box has no room for, with names in full."""
    lines = [f"{node.name} = {node.text}" if node.name not in ("", node.text) else node.text]
    lines += [node.label if node.label != node.text else "", node.rule]
    lines.append(f"chain rule: {node.term}" if node.term else "")
    shape = boxes.shape_text(node.shape)
    lines.append(f"{node.dtype} {shape or 'scalar'}" if node.dtype else shape)
    if node.value is not None:
        lines.append(f"value {node.value.text}")
        lines.append(f"{node.value.nan_count} NaN" if node.value.nan_count else "")
        lines.append(f"{node.value.inf_count} infinite" if node.value.inf_count else "")
    if node.source is not None:
        lines.append(f"{node.source.label}: {node.source.text}")
    return "\n".join(display_name(line, 400) for line in lines if line)
