"""A laid-out graph for paper and slides: PNG or PDF, drawn by Matplotlib.

What is here: `save_graph`.  Relies on `Positions`, on the words and sizes of `boxes` and on the
palette of `svg`; Matplotlib is imported at the first picture.

The one idea: the same numbers as in the SVG, one unit a pixel; paper is light.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from autodiff_lab.view import boxes, svg
from autodiff_lab.view.layout import Box, Positions, Route
from autodiff_lab.view.model import NodeView

PIXELS_PER_INCH = 96.0
POINTS_PER_PIXEL = 0.75
HEAD = 7.0
COLOURS = svg._LIGHT
DASHES: dict[str, Any] = {"forward": "-", "adjoint": (0, (5, 3)), "residual": (0, (1, 2.5))}
# what a word in a box is -> its colour, size, side and weight
WRITTEN = {
    "label": ("ink", 13, "left", "bold"),
    "label alone": ("ink", 13, "center", "bold"),
    "shape": ("muted", 12, "left", "normal"),
    "mark": ("bad", 13, "right", "bold"),
    "value": ("ink", 12, "right", "normal"),
}
INKS = {"forward": "forward", "adjoint": "gradient", "residual": "reads"}


def save_graph(positions: Positions, path: Path, kind: str) -> Path:
    """Write the picture as ``"png"`` or ``"pdf"``; the same bytes for the same positions."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    captions, width, height = svg.sheet(positions)
    # DejaVu comes with Matplotlib: the picture is the same on every machine
    settings = {"font.family": ["DejaVu Sans Mono"], "text.parse_math": False}
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(settings)
        figure = Figure(figsize=(width / PIXELS_PER_INCH, height / PIXELS_PER_INCH))
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, width), ylim=(height, 0))
        axes.axis("off")
        nodes = {node.id: node for node in positions.graph.nodes}
        for route in positions.routes:
            _edge(axes, route, nodes)
        for box in positions.boxes:
            _node(axes, box, nodes[box.id])
        _headings(axes, positions)
        for number, text in enumerate(captions):
            _write(axes, 14, positions.height + 4 + 20 * number, text, "muted", 11, "left")
        unsaid = {"CreationDate" if kind == "pdf" else "Software": None}
        figure.savefig(path, format=kind, dpi=2 * PIXELS_PER_INCH, facecolor=COLOURS["bg"],
                       metadata=unsaid)
    return path


def _write(
    axes: Any, x: float, y: float, words: str, ink: str, size: float, align: str,
    weight: str = "normal",
) -> None:
    axes.text(x, y, words, color=COLOURS[ink], fontsize=size * POINTS_PER_PIXEL, ha=align,
              va="center_baseline", weight=weight)


def _headings(axes: Any, positions: Positions) -> None:
    if positions.split is None:
        return
    for column, middle, words in svg.headings(positions):
        _write(axes, middle, 20, words, INKS[column], 12, "center", "bold")
    axes.plot([positions.split] * 2, [14, positions.height - 10], color=COLOURS["line"], lw=0.75)


def _edge(axes: Any, route: Route, nodes: dict[str, NodeView]) -> None:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path as Curve

    kind = svg.edge_kind(route, nodes)
    # the layout leaves room for the head of the arrow; here the head is part of the line
    (x, y), (end_x, end_y) = route.points[-2:]
    length = max(math.hypot(end_x - x, end_y - y), 1e-9)
    tip = end_x + HEAD * (end_x - x) / length, end_y + HEAD * (end_y - y) / length
    codes = [Curve.MOVETO] + [Curve.CURVE4] * (len(route.points) - 1)
    axes.add_patch(FancyArrowPatch(
        path=Curve((*route.points[:-1], tip), codes),
        arrowstyle="-|>,head_width=2,head_length=4", lw=1.0,
        color=COLOURS[INKS[kind]], linestyle=DASHES[kind], shrinkA=0, shrinkB=0, capstyle="butt",
    ))


def _node(axes: Any, box: Box, node: NodeView) -> None:
    from matplotlib.patches import FancyBboxPatch

    broken = boxes.is_broken(node)
    kind = "constant" if node.kind == "constant" else INKS[node.column]
    axes.add_patch(FancyBboxPatch(
        (box.x, box.y), box.width, box.height, edgecolor=COLOURS["bad" if broken else kind],
        boxstyle=f"round,pad=0,rounding_size={svg.radius(box, node)}", lw=1.0, mutation_aspect=1,
        facecolor=COLOURS["bad-fill" if broken else f"{kind}-fill"],
        linestyle=DASHES["forward" if kind == "constant" else node.column],
    ))
    middle = box.y + box.height / 2 + 0.5
    for word, x, words in svg.box_texts(box, node):
        ink, size, align, weight = WRITTEN[word]
        ink = "bad" if broken and word == "value" else ink
        _write(axes, x, middle, "!" if word == "mark" else words, ink, size, align, weight)
