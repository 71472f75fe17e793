"""Rewriting: from the graph that a derivative gives to the graph that runs.

A rule is declared with `@rule` (two expressions) or `@node_rewriter` (a function of a node); every
file in `rewriting.rules` is loaded here.  `rewrite` changes a `FunctionGraph` in place,
`rewrite_graph` answers with a new graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autodiff_lab.graph import FunctionGraph, Variable
from autodiff_lab.rewriting.driver import rewrite, run_phases
from autodiff_lab.rewriting.facts import Context
from autodiff_lab.rewriting.pattern import Axis, Bool, Const
from autodiff_lab.rewriting.registry import (
    PHASES, RULES, NodeRule, PatternRule, Rule, check_names, node_rewriter, register, rule, select,
    unregister,
)
from autodiff_lab.rewriting.rules import load
from autodiff_lab.rewriting.trace import RewritePass, RewriteStep, RewriteTrace
from autodiff_lab.rewriting.why import why_not
from autodiff_lab.tensor.opdef import POSITIVE as positive
from autodiff_lab.tensor.opdef import REAL as real
from autodiff_lab.tensor.opdef import Interval as interval

load()

__all__ = [
    "PHASES", "RULES", "Axis", "Bool", "Const", "Context", "NodeRule", "PatternRule", "RewritePass",
    "RewriteStep", "RewriteTrace", "Rule", "interval", "node_rewriter", "positive", "real",
    "register", "rewrite", "rewrite_graph", "rule", "select", "unregister", "why_not",
]


def rewrite_graph(
    graph: Any, include: Sequence[str] = ("canonicalize",), clone: bool = True,
    exclude: Sequence[str] = (), trace: RewriteTrace | None = None, on_fault: str = "warn",
    **unused: Any,
) -> Any:
    """The same graph after some phases of rewriting.

    Parameters
    ----------
    graph : Variable, sequence of Variable, or FunctionGraph
        Variables stay as they are; the answer is built on the same inputs.
    include : sequence of str
        Phases, and names or tags of single rules; without a phase, only these rules run.
    clone : bool
        Whether a `FunctionGraph` is copied first, or rewritten in place.
    exclude : sequence of str
        Rules, tags or phases to leave out.
    trace : RewriteTrace, optional
    on_fault : str
        As for `rewrite`.

    Returns
    -------
    Variable, list of Variable, or FunctionGraph
        What was given.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> x = pt.dscalar("x")
    >>> rewrite_graph(-(-x)) is x
    True
    """
    include, exclude = ([names] if isinstance(names, str) else names
                        for names in (include, exclude))
    phases = [name for name in include if name in PHASES]
    rules = [name for name in include if name not in PHASES]
    only = not phases
    check_names(*rules, *exclude)
    if isinstance(graph, FunctionGraph):
        fgraph = graph.copy() if clone else graph
    else:
        outputs = [graph] if isinstance(graph, Variable) else list(graph)
        fgraph = FunctionGraph(None, outputs, clone=False)
    run_phases(fgraph, phases or PHASES, rules, exclude, trace, on_fault, only)
    if isinstance(graph, FunctionGraph):
        return fgraph
    return fgraph.outputs[0] if isinstance(graph, Variable) else list(fgraph.outputs)
