"""The forward sweep: tangents carried from the variables asked for to the outputs.

Zero tangents stay symbolic: nothing is computed for what does not move.  Where an op has no
forward rule, its pullback is transposed by differentiating it once more with respect to the
cotangent (double pullback); the roles of the nodes made there say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autodiff_lab.errors import LabTypeError
from autodiff_lab.gradient.contributions import Contribution, filled, fitted, is_continuous
from autodiff_lab.gradient.reverse import reverse_sweep
from autodiff_lab.graph import (
    DISCONNECTED, ZERO, Apply, Role, Undefined, Variable, creation_log, source, toposort,
)
from autodiff_lab.tensor.registry import function


def forward_sweep(
    outputs: Sequence[Variable], tangents: Mapping[Variable, Variable],
    use_op_pushforward: bool = True,
) -> dict[Variable, Contribution]:
    """Carry tangents forward.

    Parameters
    ----------
    outputs : sequence of Variable
    tangents : mapping
        The variables that move, and how.
    use_op_pushforward : bool
        False takes the double pullback for every op: the cross-check of the forward rules.

    Returns
    -------
    dict
        For each output its tangent: a variable or one of the sentinels.
    """
    point = tuple(tangents)
    found: dict[Variable, Contribution] = dict(tangents)
    for node in toposort(outputs, tangents):
        incoming = [found.get(variable, DISCONNECTED) for variable in node.inputs]
        if all(tangent is DISCONNECTED for tangent in incoming):
            continue
        answers = _answers(node, incoming, point, use_op_pushforward)
        for output, answer in zip(node.outputs, answers):
            if answer is not DISCONNECTED:
                found[output] = answer
    return {output: found.get(output, DISCONNECTED) for output in outputs}


def _answers(
    node: Apply, incoming: list[Contribution], point: tuple[Variable, ...], direct: bool
) -> Sequence[Contribution]:
    """The tangents of a node's outputs."""
    pattern = node.op.connection_pattern(node)
    for tangent, row in zip(incoming, pattern):
        if isinstance(tangent, Undefined) and any(row):
            return [tangent if any(to) else DISCONNECTED for to in zip(*pattern)]
    connected = [
        any(pattern[place][j] for place, t in enumerate(incoming) if t is not DISCONNECTED)
        for j in range(len(node.outputs))
    ]
    moving = [t if isinstance(t, Variable) else None for t in incoming]
    if not any(connected) or not any(
        t is not None and any(pattern[place]) for place, t in enumerate(moving)
    ) or not any(is_continuous(output) for output in node.outputs):
        return [ZERO if is_connected else DISCONNECTED for is_connected in connected]
    with source.using(node.source), creation_log() as made:
        answers = node.op.pushforward(node.inputs, node.outputs, moving) if direct else None
        rule = "pushforward"
        if answers is None:
            answers, rule = _double_pullback(node, moving), "double-pullback"
        if len(answers) != len(node.outputs):
            raise LabTypeError(
                f"The forward rule of {node.op} must answer with one entry for each of its "
                f"{len(node.outputs)} outputs, not {len(answers)}.",
                where=node.source,
            )
        results = [
            _result(answer, output, is_connected, node)
            for answer, output, is_connected in zip(answers, node.outputs, connected)
        ]
    _give_roles(node, results, made, point, rule)
    return results


def _result(answer: Any, output: Variable, connected: bool, node: Apply) -> Contribution:
    if answer is None:
        return ZERO if connected else DISCONNECTED
    if hasattr(getattr(answer, "type", None), "dtype") and not is_continuous(output):
        return ZERO
    return fitted(answer, output, node.op)


def _double_pullback(node: Apply, moving: Sequence[Variable | None]) -> list[Contribution]:
    """The transpose of the pullback, by differentiating it with respect to the cotangent.

    The pullback is linear in the cotangent ``u``: v = J^T u.  So d<v, t>/du = J t.
    """
    results: list[Contribution] = []
    for output in node.outputs:
        if not is_continuous(output):
            results.append(ZERO)
            continue
        # The derivative does not depend on u, but shapes may be read from it: a filled array
        # gives them without adding an input to the graph.
        dummies = [filled(other, 1.0 if other is output else 0.0) for other in node.outputs]
        dummy = dummies[node.outputs.index(output)]
        contributions = node.op.pullback(node.inputs, node.outputs, dummies)
        seeds: dict[Variable, Variable] = {}
        undefined = None
        for tangent, contribution in zip(moving, contributions):
            if tangent is None:
                continue
            if isinstance(contribution, Undefined):
                undefined = contribution
            elif isinstance(contribution, Variable):
                seeds[function("identity")(contribution)] = tangent
        if undefined is not None:
            results.append(undefined)
        elif not seeds:
            results.append(ZERO)
        else:
            results.append(reverse_sweep(seeds, [dummy]).cotangents[dummy])
    return results


def _give_roles(
    node: Apply, answers: Sequence[Contribution], made: Sequence[Apply],
    point: tuple[Variable, ...], rule: str,
) -> None:
    fresh = {output for new in made for output in new.outputs}
    for output, answer in zip(node.outputs, answers):
        if isinstance(answer, Variable) and answer in fresh:
            answer.roles = (*answer.roles, Role("tangent", output, node, None, point))
            answer.tag.via = rule
    for variable in fresh:
        if not variable.roles:
            variable.roles = (Role("local", node.outputs[0], node, None, point),)
