"""What belongs together on a card: boxes, lines of the derivation, lines of the kernel, costs.

What is here: `linked`, which writes line numbers and costs into the records of a graph, and
`kernel_lines`.  Relies on the states of a derivation, on the roles and origins that gradient and
rewriting keep, and on the names that a kernel's statements have in its source.

The one idea: a line stands for nodes, and a node of the running graph for the user's variables it
came from; both ends are known, so nothing is matched by its looks.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from autodiff_lab.graph import Apply, FunctionGraph, Variable
from autodiff_lab.view.derivation import Derivation
from autodiff_lab.view.model import GraphView, NodeView
from autodiff_lab.view.notation import behind_axes

Ids = Mapping[Variable, str]
Lines = tuple[tuple[int, tuple[str, ...]], ...]


def linked(view: GraphView, ids: Ids, parts: Sequence[Derivation] = ()) -> GraphView:
    """The graph with, on every node, its line of the derivation.

    Parameters
    ----------
    view : GraphView
    ids : mapping
        Variable -> id of its box, as `build.Mirror.ids` has them.
    parts : sequence of Derivation
    """
    told = _derivation_lines(ids, parts)
    return _changed(view, lambda node: {"derivation_line": told.get(node.id)})


def with_costs(view: GraphView, costs: Mapping[str, tuple[float, str]]) -> GraphView:
    """The graph with what its nodes cost, from `node_costs`."""
    return _changed(view, lambda node: dict(zip(("share", "cost"), costs.get(node.id, ()))))


def _changed(view: GraphView, changes: Callable[[NodeView], dict[str, Any]]) -> GraphView:
    nodes = tuple(dataclasses.replace(node, **changes(node)) for node in view.nodes)
    return dataclasses.replace(view, nodes=nodes)


def _derivation_lines(ids: Ids, parts: Sequence[Derivation]) -> dict[str, int]:
    """Id -> the line, counted through all parts, that says the rule of its node."""
    said: dict[Apply, int] = {}
    for number, line in enumerate((line for part in parts for line in part.lines), start=1):
        if line.state is not None and line.state.node is not None:
            said.setdefault(line.state.node, number)
    found = {}
    for variable, name in ids.items():
        made = [role.via for role in variable.roles if role.via is not None] or [variable.owner]
        lines = [said[node] for node in made if node in said]
        if lines:
            found[name] = lines[0]
    return found


def kernel_lines(program: Any, source: str, ids: Ids) -> Lines:
    """Pairs of a line number of the printed kernels and the ids of the boxes computed there.

    Parameters
    ----------
    program : Program
        What was printed.
    source : str
        As ``Function.source("numba")`` prints it.
    ids : mapping
    """
    results: dict[str, tuple[Apply, ...]] = {}
    kernels: dict[str, dict[str, tuple[Apply, ...]]] = {}
    slots = {slot.index: slot.name for slot in program.slots}
    for instruction in program.instructions:
        if instruction.kernel is None:
            results.update((slots[k], instruction.nodes) for k in instruction.outputs)
            continue
        inside = kernels.setdefault(instruction.kernel.name, {})
        inside.update((s.name, s.nodes) for s in instruction.kernel.statements)
        for store in instruction.kernel.outputs:
            inside.update(dict.fromkeys((store.target, f"{store.target}_sum"), store.nodes))
    found, names = [], results
    for number, line in enumerate(source.splitlines(), start=1):
        head = re.match(r"def (\w+)", line)
        if head:
            names = kernels.get(head[1], results)
        computed = re.match(r"\s+(\w+)(?:\[.*?\])? [+*]?= ", line)
        nodes = names.get(computed[1], ()) if computed else ()
        boxes = boxes_of(nodes, program.graph, ids)
        if boxes:
            found.append((number, boxes))
    return tuple(found)


def boxes_of(nodes: Iterable[Apply], graph: FunctionGraph, ids: Ids) -> tuple[str, ...]:
    """The boxes of the user's variables that nodes of a running graph stand for."""
    variables = (v for node in nodes for out in node.outputs
                 for v in (*graph.origin.get(out, ()), out))
    boxes = (ids.get(v) or ids.get(behind_axes(v)) for v in variables)
    return tuple(dict.fromkeys(box for box in boxes if box))


def node_costs(
    costs: Iterable[Any], graph: FunctionGraph, ids: Ids
) -> dict[str, tuple[float, str]]:
    """Id -> share and words, from the entries of ``Function.profile``.

    What several boxes cost together is shown at each of them.
    """
    found: dict[str, tuple[float, str]] = {}
    for cost in costs:
        words = f"{cost.seconds * 1e6:.3g} us a call"
        words += f", {cost.bytes} bytes" if cost.bytes else ""
        for box in boxes_of(cost.nodes, graph, ids):
            share = cost.share + found.get(box, (0.0, ""))[0]
            found[box] = (share, words)
    return found
