"""What a notebook shows for an object of ours: a variable, a graph, a function, a rewriting.

What is here: `mimebundle`, which `Variable._repr_mimebundle_` and its likes call.  Relies on
`build` for the record of the graph and on the renderers of this room.

The one idea: the plain text stays what the family prints; formula and picture are added for what
can show them, and only as far as they are quick to make.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autodiff_lab.compile.profile import Profile
from autodiff_lab.graph import Variable, toposort
from autodiff_lab.rewriting import RewriteStep, RewriteTrace
from autodiff_lab.view import bundle
from autodiff_lab.view.build import Mirror, graph_view
from autodiff_lab.view.html import card_bundle
from autodiff_lab.view.latex import latex, math_text
from autodiff_lab.view.links import node_costs, with_costs
from autodiff_lab.view.listing import graph_text
from autodiff_lab.view.model import (
    BarsView, CardView, ContourView, DerivationView, FormulaView, GraphView, KernelView, MatrixView,
    PlotView, StepView,
)
from autodiff_lab.view.plots import alt_text
from autodiff_lab.view.steps import short_pp, step_views
from autodiff_lab.view.text import graph_of
from autodiff_lab.view.wording import derivation_text

# Larger graphs are shown as text unless they are asked for: displaying a name must stay quick.
MOST_NODES = 120


def mimebundle(obj: Any) -> dict[str, str]:
    """The MIME bundle of a variable, graph, function, rewriting or record: text, picture, page.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> mimebundle(pt.dscalar("x"))
    {'text/plain': 'x'}
    >>> sorted(mimebundle(pt.exp(pt.dscalar("x"))))
    ['image/svg+xml', 'text/html', 'text/latex', 'text/plain']
    """
    make = next((make for kind, make in _KINDS.items() if isinstance(obj, kind)), None)
    text, formula = repr(obj), ""
    try:
        if make is not None:
            text, card = make(obj)
            return card_bundle(text, card)
        graph = graph_of(obj)
        outputs = [obj] if isinstance(obj, Variable) else list(graph.outputs) if graph else []
        nodes = toposort(outputs)
        if not nodes or len(nodes) > MOST_NODES:
            return bundle.mimebundle(text)
        formulas = tuple(FormulaView(latex(v), math_text(v)) for v in outputs[:4])
        title = "graph" if graph is None else "function graph"
        formula = formulas[0].latex if isinstance(obj, Variable) else ""
        card = CardView(title=title, formulas=formulas, graph=graph_view(outputs))
        return card_bundle(text, card, formula)
    except Exception:
        # A picture that cannot be made must never keep a value from being shown.
        return bundle.mimebundle(text)


def _trace(trace: RewriteTrace) -> tuple[str, CardView]:
    steps = step_views(trace)
    last = steps[-1].graph_after if steps else None
    return repr(trace), CardView("rewrites", (), graph=last, steps=steps)


def _step(step: RewriteStep) -> tuple[str, CardView]:
    """Both sides as formulas; how long a step took is no part of what it is."""
    sides = [", ".join(short_pp(v) for v in side) for side in (step.before, step.after)]
    text = f"{step.rule} turned {sides[0]} into {sides[1]}"
    formulas = [FormulaView(latex(v, longest=200), math_text(v, longest=200))
                for v in (step.before[0], step.after[0])]
    return text, CardView(f"rewrite: {step.rule}", tuple(formulas))


def _profile(profile: Profile) -> tuple[str, CardView]:
    """The graph that ran, each box with its share; times are no part of the text."""
    graph = profile.fgraph
    if graph is None:
        raise LookupError("nothing has been measured yet")
    outputs = list(graph.outputs)
    mirror = Mirror(outputs, {}, {}, "y")
    view = with_costs(mirror.view(), node_costs(profile, graph, mirror.ids))
    return repr(profile), CardView("costs", (), graph=view)


# kind of object -> its text and its card
_KINDS: dict[Any, Callable[[Any], tuple[str, CardView]]] = {
    Profile: _profile,
    RewriteTrace: _trace,
    RewriteStep: _step,
    GraphView: lambda view: (graph_text(view), CardView("graph", (), graph=view)),
    StepView: lambda view: (
        f"{view.rule}: {view.before_text} -> {view.after_text}",
        CardView("rewrite", (), graph=view.graph_after, steps=(view,)),
    ),
    KernelView: lambda view: (
        view.numba_source or view.numpy_source, CardView("kernel", (), kernel=view)
    ),
    DerivationView: lambda view: (
        derivation_text(view), CardView("derivation", (), derivation=view)
    ),
    PlotView: lambda view: (alt_text(view), CardView("plot", (), plot=view)),
    MatrixView | ContourView | BarsView: lambda view: (
        alt_text(view), CardView(view.title, (), pictures=(view,))
    ),
}
