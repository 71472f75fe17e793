"""The reverse sweep: one loop over the nodes between the variables asked for and the cost.

Each node's pullback is called once.  Every node that is made on the way gets a role that says of
which variable it is a derivative, through which node's rule, and which term of the sum it is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from autodiff_lab.errors import LabTypeError
from autodiff_lab.gradient.contributions import Contribution, filled, fitted, is_continuous, total
from autodiff_lab.graph import (
    DISCONNECTED, ZERO, Apply, Role, Undefined, Variable, collector_paused, creation_log, source,
    toposort,
)


@dataclasses.dataclass
class Sweep:
    """What a reverse sweep found.

    Attributes
    ----------
    cotangents : dict
        Variable -> its finished cotangent (a variable, or one of the sentinels).
    cuts : list of (Apply, int)
        The nodes and input places at which the path from a variable asked for ends.
    """

    cotangents: dict[Variable, Contribution]
    cuts: list[tuple[Apply, int]]


@collector_paused()
def reverse_sweep(
    seeds: Mapping[Variable, Variable], wrt: Sequence[Variable], constants: Sequence[Variable] = ()
) -> Sweep:
    """Carry the cotangents of `seeds` back to `wrt`.

    Parameters
    ----------
    seeds : mapping
        Variable -> its cotangent from outside.
    wrt : sequence of Variable
    constants : sequence of Variable
        Variables not to differentiate through.
    """
    point = tuple(wrt)
    stopped, asked = set(constants), set(wrt)
    order, reached, cuts = _between(seeds, wrt, stopped)
    terms: dict[Variable, list[Contribution]] = {v: [g] for v, g in seeds.items()}
    finished: dict[Variable, Contribution] = {}
    for node in reversed(order):
        cotangents = [_finish(output, terms, finished) for output in node.outputs]
        contributions = _contributions(node, cotangents, point)
        for place, (variable, term) in enumerate(zip(node.inputs, contributions)):
            # a variable held constant that is itself asked for still gets its own derivative
            if variable not in reached or (variable in stopped and variable not in asked):
                continue
            if term is DISCONNECTED:
                cuts.append((node, place))
            else:
                terms.setdefault(variable, []).append(term)
    for variable in wrt:
        _finish(variable, terms, finished)
    return Sweep(finished, cuts)


def _between(
    seeds: Mapping[Variable, Variable], wrt: Sequence[Variable], stopped: set[Variable]
) -> tuple[list[Apply], set[Variable], list[tuple[Apply, int]]]:
    """The nodes through which a seed depends on `wrt`, in order; the variables; the cuts."""
    reached = set(wrt)
    order: list[Apply] = []
    cuts: list[tuple[Apply, int]] = []
    for node in toposort(seeds, stopped):
        touched = [place for place, v in enumerate(node.inputs) if v in reached]
        if not touched:
            continue
        pattern = node.op.connection_pattern(node)
        connected = [
            j for j in range(len(node.outputs)) if any(pattern[place][j] for place in touched)
        ]
        cuts.extend((node, place) for place in touched if not any(pattern[place]))
        if connected:
            order.append(node)
            reached.update(node.outputs[j] for j in connected if node.outputs[j] not in stopped)
    return order, reached, cuts


def _finish(
    variable: Variable, terms: dict[Variable, list[Contribution]],
    finished: dict[Variable, Contribution],
) -> Contribution:
    """The sum of a variable's contributions, made once."""
    if variable not in finished:
        present = terms.get(variable, [])
        for number, term in enumerate(present):
            if len(present) > 1 and isinstance(term, Variable):
                _number_term(term, variable, number)
        finished[variable] = total(present, variable)
    return finished[variable]


def _number_term(term: Variable, variable: Variable, number: int) -> None:
    """Write into a contribution's role which term of the sum it is."""
    term.roles = tuple(
        dataclasses.replace(role, term=number)
        if role.kind == "adjoint" and role.of is variable and role.term is None
        else role
        for role in term.roles
    )


def _contributions(
    node: Apply, cotangents: list[Contribution], point: tuple[Variable, ...]
) -> Sequence[Contribution]:
    """What one node's rule contributes to its inputs, with roles."""
    undefined = next((g for g in cotangents if isinstance(g, Undefined)), ZERO)
    if all(g is DISCONNECTED for g in cotangents):
        return [DISCONNECTED] * len(node.inputs)
    useful = [
        isinstance(g, Variable) and is_continuous(output)
        for g, output in zip(cotangents, node.outputs)
    ]
    if undefined is not ZERO or not any(useful):
        pattern = node.op.connection_pattern(node)
        return [undefined if any(row) else DISCONNECTED for row in pattern]
    with source.using(node.source), creation_log() as made:
        known = [
            g if isinstance(g, Variable) else filled(output, 0.0)
            for g, output in zip(cotangents, node.outputs)
        ]
        answers = node.op.pullback(node.inputs, node.outputs, known)
        _check_answers(node, answers)
        answers = [fitted(answer, v, node.op) for answer, v in zip(answers, node.inputs)]
    _give_roles(node, answers, made, point)
    return answers


def _check_answers(node: Apply, answers: Any) -> None:
    allowed = (Variable, Undefined)
    if not isinstance(answers, list | tuple) or len(answers) != len(node.inputs):
        raise LabTypeError(
            f"The derivative rule of {node.op} must return a list with one entry for each of "
            f"its {len(node.inputs)} inputs.",
            where=node.source,
        )
    for place, answer in enumerate(answers):
        if not isinstance(answer, allowed) and answer is not ZERO and answer is not DISCONNECTED:
            raise LabTypeError(
                f"The derivative rule of {node.op} returned {answer!r} for input {place}.",
                where=node.source, remedy="a variable, ZERO, DISCONNECTED or Undefined(reason)",
            )


def _give_roles(
    node: Apply, answers: Sequence[Contribution], made: Sequence[Apply], point: tuple[Variable, ...]
) -> None:
    """Say of every node that was made why it exists."""
    fresh = {output for new in made for output in new.outputs}
    for variable, answer in zip(node.inputs, answers):
        if not isinstance(answer, Variable) or answer not in fresh:
            continue
        answer.roles = (*answer.roles, Role("adjoint", variable, node, None, point))
        stack = list(answer.owner.inputs) if answer.owner is not None else []
        while stack:
            helper = stack.pop()
            if helper in fresh and not helper.roles and helper.owner is not None:
                helper.roles = (Role("local", variable, node, None, point),)
                stack.extend(helper.owner.inputs)
