"""Curves, contours, matrices and bars, drawn by Matplotlib as SVG.

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
from collections.abc import Callable
from typing import Any

from autodiff_lab.view.escape import display_name, svg_tag
from autodiff_lab.view.model import BarsView, ContourView, MatrixView, PlotView
from autodiff_lab.view.svg import palette_style

WIDTH_INCHES, HEIGHT_INCHES = 6.6, 3.4
MAXIMUM_SERIES = 6
MOST_NUMBERED = 12  # rows and columns of a matrix whose entries are written out
MOST_TICKS = 20
MOST_SQUARES = 40  # in a row or column; of more, each square stands for several entries
LEVELS, ARROWS = 12, 14

Picture = PlotView | MatrixView | ContourView | BarsView
MAXIMUM_POINTS = 2000
# Outliers beyond this many times the middle range do not stretch the y axis.
OUTLIER_FACTOR = 2.0

# Marker colour in Matplotlib -> name in the palette.
_COLOURS = {
    "#010101": "ink", "#020202": "muted", "#030303": "line", "#040404": "bg",
    "#050505": "forward", "#060606": "gradient", "#070707": "reads", "#080808": "hot",
    "#090909": "bad",
}  # fmt: skip
_MARKER = {name: colour for colour, name in _COLOURS.items()}
_CURVES = (("forward", "-"), ("gradient", "--"), ("reads", "-."), ("hot", ":"))

PLOT_RULES = "".join(
    f".adl-plot .f-{name}{{fill:var(--a-{name})}}.adl-plot .s-{name}{{stroke:var(--a-{name})}}"
    for name in _COLOURS.values()
)
PLOT_STYLE = palette_style(".adl-plot") + "\n" + PLOT_RULES


def plot_svg(view: Picture, style: bool = True) -> str:
    """Curves, a contour, a matrix or bars as SVG, the same bytes for the same record.

    For curves the root element carries `data-frame` (the axes' rectangle in SVG units) and
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
    draw, _, height = _DRAWN[type(view)]
    inches = height(view)
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a user's own style sheet would change the bytes
        matplotlib.rcParams.update(settings)
        figure = Figure(figsize=(WIDTH_INCHES, inches), facecolor=_MARKER["bg"])
        FigureCanvasSVG(figure)
        axes = figure.add_axes((0.1, 0.476 / inches, 0.875, 1 - 0.8 / inches))
        _frame(axes, view.title)
        draw(axes, view)
        out = io.StringIO()
        figure.savefig(
            out, format="svg", facecolor=_MARKER["bg"],
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )  # fmt: skip
        return _finish(out.getvalue(), view, axes, style)


def picture_size(view: Picture) -> tuple[float, float]:
    """Width and height in SVG units."""
    return WIDTH_INCHES * 72, _DRAWN[type(view)][2](view) * 72


def alt_text(view: Picture) -> str:
    """What a picture shows, in words."""
    words: str = _DRAWN[type(view)][1](view)
    return display_name(words, 300)


def _frame(axes: Any, title: str) -> None:
    """Ground, axes, grid and title, alike in every picture."""
    axes.set_facecolor(_MARKER["bg"])
    for name, spine in axes.spines.items():
        spine.set_color(_MARKER["muted"])
        spine.set_visible(name in ("left", "bottom"))
    axes.tick_params(colors=_MARKER["muted"], labelcolor=_MARKER["ink"], length=3)
    axes.grid(color=_MARKER["line"], linewidth=0.7)
    axes.set_axisbelow(True)
    if title:
        axes.set_title(_words(title), fontsize=10, loc="left", color=_MARKER["muted"])


def _curves(axes: Any, view: PlotView) -> None:
    low, high = _limits(view)
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
    if lines:
        # Handles and labels are given: of itself a legend leaves out names like "_x".
        right = bool(view.title)
        axes.legend(*zip(*lines, strict=True), frameon=False, ncols=len(lines), handlelength=2.6,
                    loc=f"lower {'right' if right else 'left'}", borderaxespad=0.1,
                    bbox_to_anchor=(float(right), 0.99))  # fmt: skip


def _matrix(axes: Any, view: MatrixView) -> None:
    """A square for each entry, stronger where it is larger; without numbers, negative ones are
    bars, so that a sign is more than a colour."""
    from matplotlib.patches import Rectangle

    values, side = _squares(view)
    rows, columns = len(values), max(map(len, values), default=0)
    largest = max((abs(v) for row in values for v in row if math.isfinite(v)), default=0.0)
    wide = max(columns, rows * WIDTH_INCHES / _matrix_height(view), 1)
    axes.set_xlim(0, wide)
    axes.set_ylim(max(rows, 1), 0)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    numbered = max(rows, columns) <= MOST_NUMBERED
    size = 9 if columns <= 8 else 6.5
    fitting = int(0.875 * WIDTH_INCHES * 72 / wide / (0.64 * size))
    strongest = 0.5 if numbered else 0.9  # a number is read on its square, light and dark
    for down, row in enumerate(values):
        for across, value in enumerate(row):
            name = "gradient" if value > 0 else "forward" if math.isfinite(value) else "bad"
            share = abs(value) / (largest or 1.0) if math.isfinite(value) else 1.0
            high = 0.94 if numbered or not value < 0 else 0.5
            if value != 0 or numbered:
                axes.add_patch(Rectangle(
                    (across + 0.03, down + 0.5 - high / 2), 0.94, high, color=_MARKER[name],
                    alpha=round(0.06 + (strongest - 0.06) * share, 2), linewidth=0, clip_on=False,
                ))  # fmt: skip
            if numbered:
                axes.text(across + 0.5, down + 0.5, _fitted(value, fitting), ha="center",
                          va="center", fontsize=size)  # fmt: skip
    for axis, words, count in ((axes.xaxis, view.columns, columns), (axes.yaxis, view.rows, rows)):
        step = -(-count // MOST_TICKS) or 1
        named = [_words(words[k * side])[:10] if words else str(k * side)
                 for k in range(0, count, step)]
        axis.set_ticks([k + 0.5 for k in range(0, count, step)], named)


def _fitted(value: float, most: int) -> str:
    """A number with as many digits as a square is wide, at least one."""
    texts = [re.sub(r"e\+?(-?)0*", r"e\1", format(value + 0.0, form))
             for form in (".3g", ".2g", ".1e", ".0e")]
    return next((text for text in texts if len(text) <= most), texts[-1])


def _squares(view: MatrixView) -> tuple[list[list[float]], int]:
    """The entries to draw; of a large matrix the largest of each square, and its side."""
    values = [[float(v) for v in row] for row in view.values]
    side = max(1, -(-max([len(values), *map(len, values)], default=0) // MOST_SQUARES))
    if side == 1:
        return values, 1
    return [
        [max((v for row in values[down : down + side] for v in row[across : across + side]),
             key=abs) for across in range(0, len(values[down]), side)]
        for down in range(0, len(values), side)
    ], side


def _matrix_height(view: MatrixView) -> float:
    return min(5.0, max(1.6, 0.8 + 0.42 * len(view.values)))


def _contour(axes: Any, view: ContourView) -> None:
    """Lines of equal value, darker where it is larger, and the gradient as arrows."""
    from matplotlib.colors import to_rgb

    shade = to_rgb(_MARKER["forward"])
    heights = [v for row in view.z for v in row if math.isfinite(v)]
    if heights and min(heights) < max(heights):
        levels = sorted({_quantile(heights, k / LEVELS) for k in range(LEVELS + 1)})
        axes.contourf(view.x, view.y, view.z, levels=levels,
                      colors=[(*shade, 0.5 * k / len(levels)) for k in range(len(levels))])
        axes.contour(view.x, view.y, view.z, levels=levels, colors=_MARKER["forward"],
                     linewidths=0.6)  # fmt: skip
    step_x, step_y = (max(1, len(side) // ARROWS) for side in (view.x, view.y))
    half_x, half_y = step_x // 2, step_y // 2
    if view.along_x and view.along_y:
        places = [(i, j) for i in range(half_y, len(view.y), step_y)
                  for j in range(half_x, len(view.x), step_x)]
        along = [(view.along_x[i][j], view.along_y[i][j]) for i, j in places]
        longest = [math.hypot(*pair) or 1.0 for pair in along]
        # Length says little where gradients differ by powers of ten: arrows show the direction.
        axes.quiver([view.x[j] for _, j in places], [view.y[i] for i, _ in places],
                    [u / size for (u, _), size in zip(along, longest)],
                    [v / size for (_, v), size in zip(along, longest)],
                    color=_MARKER["gradient"], scale=26, width=0.0028)  # fmt: skip
    if view.point is not None:
        axes.plot(*([at] for at in view.point), marker="o", markersize=7, linestyle="none",
                  markerfacecolor=_MARKER["bg"], markeredgecolor=_MARKER["hot"],
                  markeredgewidth=2)  # fmt: skip
    axes.set_xlabel(_words(view.xlabel))
    axes.set_ylabel(_words(view.ylabel), labelpad=-1)


def _quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[round(share * (len(ordered) - 1))]


def _bars(axes: Any, view: BarsView) -> None:
    """A bar for each name; on a logarithmic axis where the values differ by powers of ten."""
    from matplotlib.ticker import NullLocator

    values = [v if math.isfinite(v) else 0.0 for v in view.values]
    positive = [v for v in values if v > 0]
    if positive and max(positive) > 100 * min(positive):
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda value, place: f"{value:g}")
        axes.xaxis.set_minor_locator(NullLocator())
    axes.barh(range(len(values)), values, color=_MARKER["gradient"], height=0.62)
    axes.set_yticks(range(len(values)), [_words(name)[:12] for name in view.names])
    axes.invert_yaxis()
    for place, value in enumerate(view.values):
        axes.annotate(f" {value:.3g}", (values[place], place), va="center", fontsize=8.5)
    axes.margins(x=0.12)


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


def _finish(text: str, view: Picture, axes: Any, style: bool) -> str:
    """Our root element and classes instead of Matplotlib's header and style attributes."""
    body = text[text.index("<svg") :]
    body = body[body.index(">") + 1 :]
    body = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r' style="([^"]*)"', _attributes, body)
    body = body.replace("xlink:href", "href")
    body = re.sub(r' d="[^"]*"', _shorter, body)
    body = re.sub(r'<g id="patch_\d+">\s*(<path [^>]*/>)\s*</g>', r"\1", body)
    body = re.sub(r"\n\s*", "\n", body)
    width, height = picture_size(view)
    box = axes.get_window_extent()
    scale = 72 / axes.figure.dpi
    frame = (box.x0 * scale, height - box.y1 * scale, box.x1 * scale, height - box.y0 * scale)
    limits = (*axes.get_xlim(), *axes.get_ylim())
    data = (
        ' stroke-linejoin="round" stroke-linecap="butt" '
        f'data-frame="{" ".join(f"{v:.6g}" for v in frame)}" '
        f'data-limits="{" ".join(f"{v:.9g}" for v in limits)}"'
    )
    tag = svg_tag("plot", f"{width:g}", f"{height:g}", alt_text(view), data)
    return tag + (f"<style>{PLOT_STYLE}</style>" if style else "") + body


def _shorter(match: re.Match[str]) -> str:
    """A path with two decimals: nobody sees more."""
    numbers = re.sub(r"-?\d+\.\d{2,}", lambda found: f"{float(found[0]):.2f}", match[0])
    return " ".join(numbers.split()).replace('d="', ' d="')


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


def _matrix_words(view: MatrixView) -> str:
    size = f"{len(view.values)} x {max(map(len, view.values), default=0)}"
    shown = "; ".join(", ".join(f"{v:.3g}" for v in row) for row in view.values[:MOST_NUMBERED])
    return f"Matrix {view.title}, {size}: {shown}"


# kind of record -> how it is drawn, described, and how high it is in inches
_DRAWN: dict[type, tuple[Callable[..., None], Callable[..., str], Callable[..., float]]] = {
    PlotView: (
        _curves, lambda v: f"Plot of {', '.join(s.label for s in v.series)} over {v.xlabel}",
        lambda v: HEIGHT_INCHES,
    ),
    MatrixView: (_matrix, _matrix_words, _matrix_height),
    ContourView: (
        _contour, lambda v: f"Lines of equal value of {v.title} over {v.xlabel}, {v.ylabel}",
        lambda v: 4.4,
    ),
    BarsView: (
        _bars,
        lambda v: f"{v.title}: " + ", ".join(
            f"{n} {x:.3g}" for n, x in zip(v.names, v.values)),
        lambda v: 0.9 + 0.3 * max(2, len(v.values)),
    ),
}
