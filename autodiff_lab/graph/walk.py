"""Walks over graphs, all iterative: a graph 20,000 nodes deep is walked like any other."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterable, Iterator

from autodiff_lab.graph.basic import Apply, Constant, Variable


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """No garbage collection while a large graph is built or swept.

    Such work makes many objects and drops few: the collector would walk over all of them again
    and again, which costs a third of the time at 20,000 nodes.
    """
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def toposort(outputs: Iterable[Variable], stop: Iterable[Variable] = ()) -> list[Apply]:
    """The nodes that compute `outputs`, each after the nodes it reads; deterministic.

    Parameters
    ----------
    outputs : iterable of Variable
    stop : iterable of Variable
        Variables not to look behind.
    """
    # A caller's own set is asked as it is: copying it would cost its size at every call.
    stopped = stop if isinstance(stop, set | frozenset | dict) else set(stop)
    done: set[Apply] = set()
    order: list[Apply] = []
    for output in outputs:
        if output in stopped or output.owner is None or output.owner in done:
            continue
        stack: list[tuple[Apply, int]] = [(output.owner, 0)]
        entered = {output.owner}
        while stack:
            node, position = stack.pop()
            inputs = node.inputs
            while position < len(inputs):
                variable = inputs[position]
                position += 1
                owner = variable.owner
                if owner is None or owner in done or variable in stopped or owner in entered:
                    continue
                stack.append((node, position))
                stack.append((owner, 0))
                entered.add(owner)
                break
            else:
                if node not in done:
                    done.add(node)
                    order.append(node)
    return order


def ancestors(outputs: Iterable[Variable], stop: Iterable[Variable] = ()) -> Iterator[Variable]:
    """Every variable that `outputs` are computed from, themselves included."""
    stopped = set(stop)
    seen: set[Variable] = set()
    stack = list(outputs)[::-1]
    while stack:
        variable = stack.pop()
        if variable in seen:
            continue
        seen.add(variable)
        yield variable
        if variable.owner is not None and variable not in stopped:
            stack.extend(variable.owner.inputs[::-1])


def leaves(outputs: Iterable[Variable]) -> list[Variable]:
    """The variables without an owner that `outputs` are computed from, constants included."""
    return [variable for variable in ancestors(outputs) if variable.owner is None]


def explicit_graph_inputs(outputs: Iterable[Variable] | Variable) -> Iterator[Variable]:
    """The leaves that a caller must supply: neither constants nor shared variables."""
    roots = [outputs] if isinstance(outputs, Variable) else outputs
    for variable in leaves(roots):
        if not isinstance(variable, Constant) and not hasattr(variable, "container"):
            yield variable


def variables_between(inputs: Iterable[Variable], outputs: Iterable[Variable]) -> set[Variable]:
    """The variables that lie on a path from one of `inputs` to one of `outputs`."""
    reached = set(inputs)
    for node in toposort(outputs):
        if any(variable in reached for variable in node.inputs):
            reached.update(node.outputs)
    return reached & set(ancestors(outputs))
