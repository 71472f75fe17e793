"""Copies of graphs with some variables replaced."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from autodiff_lab.errors import LabValueError
from autodiff_lab.graph.basic import Role, Variable, describe
from autodiff_lab.graph.walk import ancestors, toposort


def as_list(given: Any) -> list[Any]:
    """What is given as a list, tuple, mapping or single object, as a list."""
    if isinstance(given, Mapping):
        return list(given.values())
    return list(given) if isinstance(given, list | tuple) else [given]


def as_given(given: Any, results: Sequence[Any]) -> Any:
    """Results for the entries of `as_list(given)`, in the form in which those were given."""
    if isinstance(given, Mapping):
        return dict(zip(given, results))
    if isinstance(given, tuple):
        return tuple(results)
    return list(results) if isinstance(given, list) else results[0]


def clone_get_equiv(
    inputs: Sequence[Variable], outputs: Iterable[Variable],
    memo: Mapping[Variable, Variable] | None = None, copy_inputs: bool = True,
) -> dict[Variable, Variable]:
    """Copy the graph between `inputs` and `outputs`: a dict from old to new variables.

    Names and roles are carried along; roles are mapped to the new variables.
    """
    equivalent: dict[Variable, Variable] = dict(memo or {})
    for variable in inputs:
        if variable not in equivalent:
            equivalent[variable] = variable.clone() if copy_inputs else variable
    new_nodes = {}
    for node in toposort(outputs, equivalent):
        new_inputs = [equivalent.get(variable, variable) for variable in node.inputs]
        if all(new is old for new, old in zip(new_inputs, node.inputs)):
            continue
        copy = node.clone_with_new_inputs(new_inputs)
        new_nodes[node] = copy
        for old, new in zip(node.outputs, copy.outputs):
            new.name = old.name
            new.roles = old.roles
            equivalent[old] = new
    for new in [v for node in new_nodes.values() for v in node.outputs]:
        new.roles = tuple(map_role(role, equivalent, new_nodes) for role in new.roles)
    return equivalent


def map_role(role: Role, variables: Mapping[Variable, Variable], nodes: Mapping[Any, Any]) -> Role:
    """The same role, speaking of the copies."""
    return dataclasses.replace(
        role, of=variables.get(role.of, role.of), via=nodes.get(role.via, role.via),
        point=tuple(variables.get(v, v) for v in role.point),
    )


def clone_replace(
    output: Any, replace: Mapping[Variable, Any] | Iterable[tuple[Variable, Any]] | None = None
) -> Any:
    """A copy of `output` (a variable, list or tuple) in which some variables are replaced.

    Parameters
    ----------
    output : Variable, or list or tuple of Variable
    replace : mapping or pairs
        Old variable to new one; a value that is no variable becomes a constant of its type.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> x, y = pt.dscalars("x", "y")
    >>> float(clone_replace(x ** 2, {x: 2 * y}).eval({y: 3.0}))
    36.0
    """
    pairs = dict(replace or {})
    memo = {old: old.type.filter_variable(new) for old, new in pairs.items()}
    return as_given(output, copies(as_list(output), memo))


def copies(outputs: Sequence[Variable], memo: Mapping[Variable, Variable]) -> list[Any]:
    """The outputs with the variables of `memo` replaced; one that reads none stays itself."""
    equivalent = clone_get_equiv([], outputs, memo)
    return [equivalent.get(output, output) for output in outputs]


def graph_replace(
    outputs: Any, replace: Mapping[Variable, Any] | Iterable[tuple[Variable, Any]],
    strict: bool = True,
) -> Any:
    """Like `clone_replace`; with `strict`, a variable that is not in the graph is an error."""
    if strict:
        present = set(ancestors(as_list(outputs)))
        for old in dict(replace):
            if old not in present:
                raise LabValueError(
                    f"{describe(old)} is not part of the graph.",
                    remedy="strict=False ignores such replacements",
                )
    return clone_replace(outputs, replace)
