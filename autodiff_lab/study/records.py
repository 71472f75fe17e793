"""The records of a study, and what is drawn from them.

Relies on `view.build` and `view.derivation`, which read graphs, and on the renderers of `view`,
which read records only.  The one idea: a part of the card is a small object that holds its record
and shows itself in a terminal, a notebook and a page.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy

from autodiff_lab import hooks
from autodiff_lab.config import config
from autodiff_lab.errors import one_of
from autodiff_lab.graph.walk import collector_paused
from autodiff_lab.study import text_card
from autodiff_lab.study.pictures import leads, pictures, plot_view
from autodiff_lab.study.shown import Shown, array_text, point_text
from autodiff_lab.view import build
from autodiff_lab.view.derivation import Derivation, derive
from autodiff_lab.view.dialects import LATEX
from autodiff_lab.view.dot import to_dot as graph_to_dot
from autodiff_lab.view.formula import Line, formula_svg
from autodiff_lab.view.latex import math_text
from autodiff_lab.view.layout import layout
from autodiff_lab.view.links import kernel_lines, linked
from autodiff_lab.view.listing import graph_text
from autodiff_lab.view.model import (
    CardView, CheckView, DerivationLine, DerivationView, FormulaView, GraphView, KernelView,
    StepView,
)
from autodiff_lab.view.steps import step_views
from autodiff_lab.view.svg import graph_svg

MOST_FORMULA = 100        # a longer expression is not written on the first line
MOST_INPUTS = 4           # derivatives on the first line, and entries of one told in numbers
MOST_SOURCE_NODES = 1_000
LONG_SOURCE = "# long: r.source({0!r}) gives it"


# -- the graph ----------------------------------------------------------------------------------

def graph(study: Any) -> Shown:
    """Both graphs side by side, with roles and twins; it shows itself as the mirror picture."""
    mirror = build.Mirror([study.y], study.grads, study.values, study.name, study.order,
                          inputs=study.inputs)
    view = dataclasses.replace(mirror.view(), budget=config.max_nodes)
    shown = Shown(view, graph_text(view), _drawn)
    shown.ids = mirror.ids
    return shown


def _drawn(view: GraphView) -> str | None:
    positions = layout(view)
    return None if positions is None else graph_svg(positions)


def to_dot(study: Any, which: str = "both") -> Any:
    """An escaped `graphviz.Digraph` of ``"forward"``, ``"gradient"`` or ``"both"``."""
    one_of(which, ("forward", "gradient", "both"), f"There is no graph {which!r}.")
    return graph_to_dot(study.graph.view, which)  # type: ignore[arg-type]


# -- the derivation -----------------------------------------------------------------------------

class Derivations(Shown):
    """The derivations of a study, one for each input it is by."""

    def __init__(self, parts: Sequence[Derivation]) -> None:
        self.parts = tuple(parts)
        views = [part.view for part in parts]
        runs = [v for v in views if v.runs_as_text]
        whole = DerivationView(
            tuple(line for view in views for line in view.lines),
            r",\quad ".join(v.runs_as_latex for v in runs), ", ".join(v.runs_as_text for v in runs),
            "; ".join(dict.fromkeys(v.reason for v in runs if v.reason)), parts=tuple(views),
        )
        super().__init__(whole, "\n\n".join(map(str, parts)), _lines_drawn)

    @property
    def lines(self) -> tuple[Any, ...]:
        """Every line, with its rule, in order."""
        return self.view.lines  # type: ignore[no-any-return]

    @property
    def latex(self) -> str:
        """The lines as LaTeX, one a line."""
        return "\n".join(part.latex for part in self.parts)

    def check(self, **settings: Any) -> list[str]:
        """What is wrong with the lines: empty if each equals the next."""
        return [fault for part in self.parts for fault in part.check(**settings)]

    def __iter__(self) -> Iterator[Derivation]:
        return iter(self.parts)


def _lines_drawn(view: DerivationView) -> str:
    lines = (Line(n.latex, n.text, n.left_latex, n.left_text, aligned=True) for n in view.lines)
    return formula_svg(tuple(lines), background=True)


def derivation(study: Any) -> Derivations:
    """The derivation line by line; `str` gives the text, ``.latex`` the LaTeX."""
    return Derivations([
        derive(study.y, study.inputs[name], chain[1], study.order, study.given_name)
        for name, chain in study.derivatives.items()
    ])


# -- the rewrites ---------------------------------------------------------------------------------

class Steps(Sequence[StepView]):
    """Every rewrite: a sequence of records that prints as a list.

    What can be asked of the `RewriteTrace`, such as ``why_not``, can be asked here.
    """

    def __init__(self, trace: Any) -> None:
        self.trace = trace
        self.views = step_views(trace)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "trace":
            raise AttributeError(name)
        return getattr(self.trace, name)

    def __getitem__(self, index: Any) -> Any:
        return self.views[index]

    def __len__(self) -> int:
        return len(self.views)

    def __str__(self) -> str:
        return text_card.steps_text(self.views)

    __repr__ = __str__


def steps(study: Any) -> Steps:
    """Every rewrite between what was written and what runs."""
    return Steps(study.function.trace)


# -- the kernel -----------------------------------------------------------------------------------

def kernel(study: Any) -> KernelView:
    """What ran and what it looks like as code; times are measured at the point."""
    function = study.function
    seconds = study.run_seconds()
    timings = function.timings
    ran, compiled = function.ran, timings.get("numba_compile")
    call = f", {seconds_text(seconds)} a call"
    if ran == "numba":
        headline = f"the Numba kernel ran: compiled in {seconds_text(compiled)}{call}"
    elif compiled is not None:
        headline = f"NumPy ran{call}; the Numba kernel is compiled ({seconds_text(compiled)})"
    else:
        headline = f"NumPy ran{call}; the Numba kernel is not compiled yet"
    numpy_source, numba_source = LONG_SOURCE.format("numpy"), LONG_SOURCE.format("numba")
    if len(function.fgraph.apply_nodes) <= MOST_SOURCE_NODES:
        numpy_source, numba_source = function.source("numpy"), function.source("numba")
    lines = kernel_lines(function.program, numba_source, study.graph.ids)
    return KernelView(ran, headline, numpy_source, numba_source, lines)


def seconds_text(seconds: float | None) -> str:
    """A time with its unit, to three digits."""
    if seconds is None:
        return "?"
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


# -- the card -------------------------------------------------------------------------------------

@collector_paused()
def card(study: Any) -> CardView:
    """The record of the whole card."""
    report, code, kernel_view = study.report, study.code, kernel(study)
    parts, shown = list(study.derivation), study.graph
    return CardView(
        title=f"{study.name} and its derivative", formulas=first_line(study),
        point=point_text(study), notices=(*study.notices, *_broken(study)),
        check=None if report is None else CheckView(report.ok, report.headline()),
        code="" if code is None else code.text,
        code_first_line=1 if code is None else code.first_line,
        graph=linked(shown.view, shown.ids, parts), derivation=study.derivation.view,
        steps=study.steps.views, plot=plot_view(study), pictures=pictures(study),
        leads=leads(study), kernel=kernel_view,
    )


def _broken(study: Any) -> list[str]:
    """A line where the result breaks at the point, or would by the graph as written."""
    if study.origin is not None:     # the study's own cell needs no number: it is the one above
        own = "" if study.code is None else f"{hooks.file_label(study.code.filename)}, "
        return [study.origin.line.replace(own, "")]
    broken = {v: value[~numpy.isfinite(value)].flat[0] for v, value in study.values.items()
              if value.dtype.kind in "fc" and not numpy.isfinite(value).all()}
    if broken.keys().isdisjoint([study.y, *study.grads.values()]):
        return []
    steps = study.function.trace.steps
    rules = list(dict.fromkeys(step.rule for step in steps if step.phase == "stabilize"))
    first, value = next(iter(broken.items()))
    return [f"as written, {math_text(first, longest=None)[:40]} is {value:.6g} and the derivative "
            f"breaks, as the graph shows; what runs avoids it (rule {', '.join(rules[:2])})"]


def first_line(study: Any) -> tuple[FormulaView, ...]:
    """The function, then each derivative, with values where there is a point."""
    parts = list(study.derivation)
    value, grads = study.results or (None, {})
    name = parts[0].name
    formulas = [_formula((name.text, name.latex), parts[0].lines[0].view, value)]
    for name, part in list(zip(study.names, parts, strict=True))[:MOST_INPUTS]:
        formulas.append(_formula(part.left, part.lines[-1].view, grads.get(name)))
    return tuple(formulas)


def _formula(left: tuple[str, str], line: DerivationLine, value: Any) -> FormulaView:
    pairs = [left]
    short = len(line.text) <= MOST_FORMULA and not re.search(r"\bu_\d|\.\.\.", line.text)
    if short:                                    # what u_1 is stands in the derivation only
        pairs.append((line.text, line.latex))
    if value is not None and numpy.ndim(value) == 0:
        text = f"{numpy.asarray(value).item():.6g}"
        if text != line.text:
            pairs.append((text, text if numpy.iscomplexobj(value) else
                          LATEX.number(float(value)).text))
    elif not short:
        shown = "..." if value is None or value.size > MOST_INPUTS else array_text(value)
        pairs.append((shown, shown.replace("...", r"\ldots")))
    texts, latexes = zip(*pairs, strict=True)
    return FormulaView(" = ".join(latexes), " = ".join(texts))
