"""Loops: what every step computes anew although it never changes is computed once, before them."""

from __future__ import annotations

from typing import Any

import autodiff_lab.tensor as pt
from autodiff_lab.control.scan.build import scan
from autodiff_lab.control.scan.op import Scan
from autodiff_lab.gradient import grad
from autodiff_lab.graph import (
    Apply, Constant, FunctionGraph, Variable, ancestors, clone_get_equiv, clone_replace,
)
from autodiff_lab.rewriting.facts import Context
from autodiff_lab.rewriting.registry import node_rewriter


def _recurrent(x: Any) -> Any:
    """The derivative of a small recurrent network."""
    weights = pt.dot(x.T, x)
    states, _ = scan(lambda state: pt.dot(pt.tanh(state), weights), outputs_info=[x[0]], n_steps=3)
    return grad(pt.sum(states), x)


@node_rewriter(
    [Scan], client="benchmark: derivatives of loops, which transpose the weights in every step",
    example=_recurrent,
)
def out_of_loop(context: Context, node: Apply) -> Any:
    """What a loop computes from its constants alone is computed once, before the loop."""
    assert isinstance(node.op, Scan)
    op, graph = node.op, node.op.graph
    steps, sequences, initials, outer = op.split(node.inputs)
    inner = op.split_inner()[2]
    fixed: set[Variable] = set(inner)
    wanted: dict[Variable, Variable] = {}
    for body in graph.toposort():
        known = [v for v in body.inputs if v in fixed or isinstance(v, Constant)]
        if body.op.pure and len(known) == len(body.inputs) and not fixed.isdisjoint(known):
            fixed.update(body.outputs)
        else:
            wanted |= {v: v for v in known if v in fixed and v.owner is not None}
    if not wanted:
        return None
    before = clone_replace(list(wanted), dict(zip(inner, outer)))
    wanted = {v: v.type.make_variable(v.name) for v in wanted}
    twins = clone_get_equiv([], graph.outputs, wanted)
    outputs = [twins.get(v, v) for v in graph.outputs]
    needed = set(ancestors(outputs))
    pairs = [(i, o) for i, o in zip((*inner, *wanted.values()), (*outer, *before)) if i in needed]
    moving = graph.inputs[: len(graph.inputs) - len(inner)]
    body_graph = FunctionGraph([*moving, *(i for i, _ in pairs)], outputs)
    smaller = Scan(op.layout, body_graph, op.truncate_gradient, op.label)
    return smaller.make_node(steps, *sequences, *initials, *(o for _, o in pairs)).outputs
