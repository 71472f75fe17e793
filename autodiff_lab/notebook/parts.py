"""The parts of the panel that are plain HTML: first line, plot, kernel, messages."""

from __future__ import annotations

from autodiff_lab.study import Study, records
from autodiff_lab.study.pictures import all_pictures
from autodiff_lab.study.shown import point_text
from autodiff_lab.view.escape import xml_text
from autodiff_lab.view.formula import Line, formula_svg
from autodiff_lab.view.plots import plot_svg

# Text on the notebook's own background: black on white or white on black.
_PRE = "margin:0;white-space:pre-wrap;overflow:auto;max-height:480px;line-height:1.35"


def headline_html(here: Study) -> str:
    """The formulas with their values at the present point."""
    pictures = [
        f'<span style="margin-right:2em" title="{xml_text(f.text)}">'
        f"{formula_svg((Line(f.latex, f.text),), style=False)}</span>"   # in the notebook's ink
        for f in records.first_line(here)
    ]
    point = xml_text(point_text(here))
    place = "display:flex;flex-wrap:wrap;align-items:center"
    return f'<div style="{place}">{"".join(pictures)}<span>{point}</span></div>'


def plot_html(here: Study) -> str:
    """The curves with the present point on them."""
    return "".join(map(plot_svg, all_pictures(here))) or "no scalar input to plot along"


def kernel_html(here: Study) -> str:
    """Which kernel ran, its times, its code."""
    view = records.kernel(here)
    return f'<pre style="{_PRE}">{xml_text(view.headline)}\n\n{xml_text(view.numba_source)}</pre>'


def message_html(text: str) -> str:
    """A message about what was typed."""
    mark = "border-left:3px solid #b84c06;padding-left:8px"
    return f'<pre style="{_PRE};{mark}">{xml_text(text)}</pre>'
