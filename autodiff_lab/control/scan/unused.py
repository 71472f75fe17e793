"""Loops without what nobody reads: outputs, and the inputs that only these needed.

Relies on `control.scan.op` and the readers that a `FunctionGraph` knows.

The one idea: the derivative of a loop computes the cotangents of all its inputs at once; which of
them are wanted shows only in the whole graph.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from autodiff_lab.control.scan.op import Scan
from autodiff_lab.graph import Apply, FunctionGraph, Variable, ancestors


def drop_unused(fgraph: FunctionGraph) -> None:
    """Leave the outputs that nothing reads out of every scan of a graph, in place."""
    pairs: list[tuple[Variable, Variable]] | None = None
    while pairs or pairs is None:  # what a loop no longer reads may be another's output
        clients = fgraph.clients
        pairs = [
            pair for node in fgraph.toposort() if isinstance(node.op, Scan)
            for pair in _smaller(node, node.op, [bool(clients.get(v)) for v in node.outputs])
        ]
        if pairs:
            fgraph.replace_all(pairs, "drop_unused")


def _needed(op: Scan, wanted: list[bool]) -> tuple[list[bool], set[Variable]]:
    """Which outputs have to be computed, and everything that these are computed from."""
    results = list(op.graph.outputs)
    kept = [*wanted, *[True] * op.layout.until]
    _, taps, _ = op.split_inner()
    while True:
        reached = set(ancestors([r for r, keep in zip(results, kept) if keep]))
        more = [k for k, state in enumerate(taps) if not kept[k] and reached.intersection(state)]
        if not more:
            return kept, reached
        for place in more:
            kept[place] = True


def _smaller(node: Apply, op: Scan, wanted: list[bool]) -> list[tuple[Variable, Variable]]:
    """Pairs of outputs: of the scan as it is, and of one that computes only what is needed."""
    kept, reached = _needed(op, wanted)
    if all(kept):
        return []
    layout = op.layout
    states = len(layout.taps)
    count, sequences, initials, constants = op.split(node.inputs)
    elements, taps, inner = op.split_inner()
    read = [v in reached for v in elements]
    used = [v in reached for v in inner]
    places = [k for k in range(states) if kept[k]]
    smaller = dataclasses.replace(
        layout, sequences=sum(read), taps=tuple(layout.taps[k] for k in places),
        mapped=sum(kept[states : states + layout.mapped]),
        brief=tuple(n for n, k in enumerate(places) if layout.is_brief(k)),
    )
    body = FunctionGraph(
        [*_only(elements, read), *(v for k in places for v in taps[k]), *_only(inner, used)],
        _only(op.graph.outputs, kept),
    )
    twin = Scan(smaller, body, op.truncate_gradient, op.label).make_node(
        count, *_only(sequences, read), *_only(initials, kept), *_only(constants, used)
    )
    return list(zip(_only(node.outputs, kept), twin.outputs))


def _only(values: Any, kept: list[bool]) -> list[Any]:
    return [value for value, keep in zip(values, kept) if keep]
