"""The plot of a function and its derivatives, drawn by Matplotlib as SVG.

What is here: `plot_svg`, `PLOT_STYLE` and `PLOT_RULES` (the style without the colours).  It
relies on Matplotlib's object interface (no pyplot, no state, no window), imported at the
first plot, and on the escapes.

The one idea: Matplotlib draws in a few marker colours, which we replace by classes, so the
finished picture follows light and dark like the graph beside it.  Solid is the function,
dashed its derivative, as in the graph.
"""

from __future__ import annotations

import io
import math
import re
from typing import Any

from autodiff_lab.view.escape import display_name, svg_tag
from autodiff_lab.view.model import PlotView
from autodiff_lab.view.svg import palette_style

WIDTH_INCHES, HEIGHT_INCHES = 6.6, 3.4
MAXIMUM_SERIES = 6
MAXIMUM_POINTS = 2000
# Outliers beyond this many times the middle range do not stretch the y axis.
OUTLIER_FACTOR = 2.0

# Marker colour in Matplotlib -> name in the palette.
_COLOURS = {
    "#010101": "ink", "#020202": "muted", "#030303": "line", "#040404": "bg",
    "#050505": "forward", "#060606": "gradient", "#070707": "reads", "#080808": "hot",
}  # fmt: skip
_MARKER = {name: colour for colour, name in _COLOURS.items()}
_CURVES = (("forward", "-"), ("gradient", "--"), ("reads", "-."), ("hot", ":"))

PLOT_RULES = "".join(
    f".adl-plot .f-{name}{{fill:var(--a-{name})}}.adl-plot .s-{name}{{stroke:var(--a-{name})}}"
    for name in _COLOURS.values()
)
PLOT_STYLE = palette_style(".adl-plot") + "\n" + PLOT_RULES


def plot_svg(view: PlotView, style: bool = True) -> str:
    """The curves of a plot record as SVG, the same bytes for the same record.

    The root element carries `data-frame` (the axes' rectangle in SVG units) and
    `data-limits` (what it spans), from which the page places the tangent.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    settings = {
        "svg.hashsalt": "autodiff_lab",
        "svg.fonttype": "path",
        "font.family": ["DejaVu Sans"],
        "font.size": 9.5,
        "text.color": _MARKER["ink"],
        "axes.labelcolor": _MARKER["ink"],
        "text.parse_math": False,
        "axes.formatter.use_mathtext": False,
        "path.simplify": True,
    }
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a user's own style sheet would change the bytes
        matplotlib.rcParams.update(settings)
        figure = Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES), facecolor=_MARKER["bg"])
        FigureCanvasSVG(figure)
        axes = figure.add_axes((0.09, 0.14, 0.885, 0.765))
        _draw(axes, view)
        out = io.StringIO()
        figure.savefig(
            out, format="svg", facecolor=_MARKER["bg"],
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )  # fmt: skip
        return _finish(out.getvalue(), view, axes, style)


def _draw(axes: Any, view: PlotView) -> None:
    axes.set_facecolor(_MARKER["bg"])
    low, high = _limits(view)
    for name, spine in axes.spines.items():
        spine.set_color(_MARKER["muted"])
        spine.set_visible(name in ("left", "bottom"))
    axes.tick_params(colors=_MARKER["muted"], labelcolor=_MARKER["ink"], length=3)
    axes.grid(color=_MARKER["line"], linewidth=0.7)
    axes.set_axisbelow(True)
    if low < 0 < high:
        axes.axhline(0, color=_MARKER["muted"], linewidth=0.8)
    lines = []
    for index, series in enumerate(view.series[:MAXIMUM_SERIES]):
        colour, dashes = _CURVES[index % len(_CURVES)]
        x, y = _thin(view.x, series.y)
        (line,) = axes.plot(x, y, color=_MARKER[colour], linestyle=dashes, linewidth=2.0,
                            solid_capstyle="round")  # fmt: skip
        lines.append((line, _words(series.label)))
        height = _at(view, series.y)
        if height is not None and low <= height <= high:
            axes.plot([view.point], [height], marker="o", markersize=6.5, linestyle="none",
                      markerfacecolor=_MARKER["bg"], markeredgecolor=_MARKER[colour],
                      markeredgewidth=1.8)  # fmt: skip
    axes.set_ylim(low, high)
    finite = [x for x in view.x if math.isfinite(x)]
    if len(finite) > 1 and finite[0] != finite[-1]:
        axes.set_xlim(min(finite), max(finite))
    axes.set_xlabel(_words(view.xlabel))
    if view.title:
        axes.set_title(_words(view.title), fontsize=10, loc="left", color=_MARKER["muted"])
    if lines:
        # Handles and labels are given: of itself a legend leaves out names like "_x".
        axes.legend(*zip(*lines, strict=True), frameon=False, loc="lower right", ncols=3,
                    bbox_to_anchor=(1.0, 0.99), borderaxespad=0.1, handlelength=2.6)  # fmt: skip


def _words(text: str) -> str:
    """A name in letters that the plot's font has; others are drawn as an empty box."""
    from matplotlib.font_manager import findfont, get_font

    letters = get_font(findfont("DejaVu Sans")).get_charmap()
    return "".join(c if ord(c) in letters else "\u25a1" for c in display_name(text))


def _thin(x: tuple[float, ...], y: tuple[float, ...]) -> tuple[list[float], list[float]]:
    """At most MAXIMUM_POINTS of the samples; infinities become gaps."""
    step = max(1, math.ceil(len(x) / MAXIMUM_POINTS))
    heights = [height if math.isfinite(height) else math.nan for height in y]
    return list(x[::step]), heights[::step]


def _at(view: PlotView, y: tuple[float, ...]) -> float | None:
    """The curve's height at the marked point, between the samples on its two sides."""
    point = view.point
    if point is None:
        return None
    for left, right, low, high in zip(view.x, view.x[1:], y, y[1:], strict=False):
        if left <= point <= right and left < right:
            height = low + (high - low) * (point - left) / (right - left)
            return height if math.isfinite(height) else None
    return None


def _limits(view: PlotView) -> tuple[float, float]:
    """What the y axis spans: all finite values, unless a few lie far outside the rest."""
    values = sorted(v for series in view.series for v in series.y if math.isfinite(v))
    if not values:
        return -1.0, 1.0
    cut = len(values) // 20
    inner_low, inner_high = values[cut], values[-1 - cut]
    reach = OUTLIER_FACTOR * (inner_high - inner_low) or math.inf
    low, high = max(values[0], inner_low - reach), min(values[-1], inner_high + reach)
    margin = 0.06 * (high - low) or abs(high) * 0.1 or 1.0
    return low - margin, high + margin


def _finish(text: str, view: PlotView, axes: Any, style: bool) -> str:
    """Our root element and classes instead of Matplotlib's header and style attributes."""
    body = text[text.index("<svg") :]
    body = body[body.index(">") + 1 :]
    body = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r' style="([^"]*)"', _attributes, body)
    body = body.replace("xlink:href", "href")
    body = re.sub(r"\n\s*", "\n", body)
    width, height = WIDTH_INCHES * 72, HEIGHT_INCHES * 72
    box = axes.get_window_extent()
    scale = 72 / axes.figure.dpi
    frame = (box.x0 * scale, height - box.y1 * scale, box.x1 * scale, height - box.y0 * scale)
    limits = (*axes.get_xlim(), *axes.get_ylim())
    label = f"Plot of {', '.join(s.label for s in view.series)} over {view.xlabel}"
    data = (
        ' stroke-linejoin="round" stroke-linecap="butt" '
        f'data-frame="{" ".join(f"{v:.6g}" for v in frame)}" '
        f'data-limits="{" ".join(f"{v:.9g}" for v in limits)}"'
    )
    tag = svg_tag("plot", f"{width:g}", f"{height:g}", display_name(label, 300), data)
    return tag + (f"<style>{PLOT_STYLE}</style>" if style else "") + body


def _attributes(match: re.Match[str]) -> str:
    """A style attribute as plain attributes, and classes for the marker colours."""
    classes, out = [], []
    for declaration in match[1].split(";"):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if value in _COLOURS:
            classes.append(f"{name[0]}-{_COLOURS[value]}")
        elif name:
            out.append(f'{name}="{value}"')
    out += [f'class="{" ".join(classes)}"'] if classes else []
    return "".join(f" {item}" for item in out)
