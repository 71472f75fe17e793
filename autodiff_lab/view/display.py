"""What a notebook shows for a variable, a graph or a compiled function.

What is here: `mimebundle`, which `Variable._repr_mimebundle_` and its likes call.  Relies on
`build` for the record of the graph and on the renderers of this room.

The one idea: the plain text stays what the family prints; formula and picture are added for what
can show them, and only as far as they are quick to make.
"""

from __future__ import annotations

from typing import Any

from autodiff_lab.graph import FunctionGraph, Variable, toposort
from autodiff_lab.view import bundle
from autodiff_lab.view.build import graph_view
from autodiff_lab.view.html import card_bundle
from autodiff_lab.view.latex import latex, math_text
from autodiff_lab.view.model import CardView, FormulaView
from autodiff_lab.view.text import graph_of

# Larger graphs are shown as text unless they are asked for: displaying a name must stay quick.
MOST_NODES = 120


def mimebundle(obj: Any) -> dict[str, str]:
    """The MIME bundle of a variable, FunctionGraph or Function: text, picture, formula and graph.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> mimebundle(pt.dscalar("x"))
    {'text/plain': 'x'}
    """
    graph = graph_of(obj)
    outputs = [obj] if isinstance(obj, Variable) else list(graph.outputs) if graph else []
    text = repr(obj)
    nodes = toposort(outputs)
    if not nodes or len(nodes) > MOST_NODES:
        return bundle.mimebundle(text)
    try:
        return _drawn(text, outputs, graph)
    except Exception:
        # A picture that cannot be made must never keep a value from being shown.
        return bundle.mimebundle(text)


def _drawn(text: str, outputs: list[Variable], graph: FunctionGraph | None) -> dict[str, str]:
    view = graph_view(outputs)
    formulas = tuple(FormulaView(latex(output), math_text(output)) for output in outputs[:4])
    title = "graph" if graph is None else "function graph"
    return card_bundle(text, CardView(title=title, formulas=formulas, graph=view))
