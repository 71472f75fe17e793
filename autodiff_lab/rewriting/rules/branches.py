"""Ops that hold graphs: branches that run only when taken, graphs put in the place of their op."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import autodiff_lab.tensor as pt
from autodiff_lab.control.from_graph import OpFromGraph
from autodiff_lab.control.ifelse import IfElse, LazyIfElse, ifelse
from autodiff_lab.graph import Apply, Constant, FunctionGraph, Variable, clone_get_equiv
from autodiff_lab.rewriting.facts import Context
from autodiff_lab.rewriting.registry import node_rewriter


def _inlined_square(x: Any) -> Any:
    inner = x.type.make_variable()
    return OpFromGraph([inner], [inner * inner], inline=True)(x)


@node_rewriter(
    [OpFromGraph], phase="canonicalize", client="OpFromGraph(..., inline=True)",
    example=_inlined_square,
)
def inline_graph(context: Context, node: Apply) -> Any:
    """An op made of a graph that asks to be inlined: the graph itself."""
    assert isinstance(node.op, OpFromGraph)
    if not node.op.inline:
        return None
    return node.op.expanded(node.inputs)


@node_rewriter(
    [IfElse], phase="specialize", client="ifelse computes only the branch that is taken",
    example=lambda x: ifelse(pt.sum(x) > 0, pt.exp(x), pt.sin(x)), uses={"clients"},
)
def lazy_branches(context: Context, node: Apply) -> Any:
    """What serves one branch alone moves into that branch, and runs only if it is taken."""
    assert isinstance(node.op, IfElse)
    clients = context.fgraph.clients
    if node.outputs[0] not in clients:
        return None  # rebuilt in this pass: the next one sees its readers
    condition, yes, no = node.op.split(node.inputs)
    own = [_serving_only(branch, clients) for branch in (yes, no)]
    if not any(own):
        return None
    cut: dict[Variable, Variable] = {}
    for nodes, branch in zip(own, (yes, no)):
        for variable in [v for inner in nodes for v in inner.inputs] + list(branch):
            if variable.owner not in nodes and not isinstance(variable, Constant):
                cut.setdefault(variable, variable.type.make_variable(variable.name))
    graphs = []
    for branch in (yes, no):
        equivalent = clone_get_equiv([], branch, cut)
        outputs = [equivalent.get(v, v) for v in branch]
        graphs.append(FunctionGraph(list(cut.values()), outputs))
    return LazyIfElse(*graphs).make_node(condition, *cut).outputs


def _serving_only(branch: Sequence[Variable], clients: Any) -> dict[Apply, None]:
    """The nodes whose results nothing but this branch reads."""
    left = {variable: len(clients.get(variable, ())) for variable in branch}
    nodes: dict[Apply, None] = {}
    stack = list(branch)
    while stack:
        variable = stack.pop()
        left[variable] = left.get(variable, len(clients.get(variable, ()))) - 1
        owner = variable.owner
        if owner is None or left[variable] > 0 or owner in nodes or len(owner.outputs) > 1:
            continue
        nodes[owner] = None
        stack.extend(owner.inputs)
    return nodes
