"""What a `Study` is made from: names, inputs, point, range and derivatives, checked.

Relies on `graph` and `gradient`.  Every mistake is an error that names the input it is about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy

from autodiff_lab import cell
from autodiff_lab.cell.inputs import add_name, kind_text
from autodiff_lab.errors import DisconnectedInputError, LabTypeError, LabValueError
from autodiff_lab.gradient import grad
from autodiff_lab.graph import Variable, ancestors, clone_replace, describe, line_of
from autodiff_lab.graph.source import using
from autodiff_lab.graph.walk import explicit_graph_inputs
from autodiff_lab.study.calls import Array


def as_words(wrt: Sequence[str] | str, settings: Mapping[str, Any]) -> list[str]:
    """Keyword settings as the words of a first line."""
    words = wrt.split() if isinstance(wrt, str) else list(wrt)
    for key, value in settings.items():
        if value is True:
            words.append(f"--{key}")
        elif value is not None and value is not False:
            words += [f"--{key}", str(value)]
    return words


def said_for_a_cell(
    error: DisconnectedInputError, result: cell.CellResult
) -> DisconnectedInputError:
    """The same sentence with the cell's line, and the remedy that a cell has."""
    sentence, *rest = str(error).splitlines()
    why = next((line.split("why:", 1)[1].strip() for line in rest if "why:" in line), None)
    name = next((n for n in result.wrt if sentence.endswith(f": {n}")), result.wrt[0])
    line = line_of(result.y)
    return DisconnectedInputError(
        sentence, where=describe(result.inputs[name]) + (f"; {line}" if line else ""), why=why,
        remedy=f"use {name} in the expression, or leave it out of the first line",
    )


def by_name(wrt: Any) -> dict[str, Any]:
    if wrt is None:
        return {}
    if isinstance(wrt, Mapping):
        return dict(wrt)
    if isinstance(wrt, Variable):
        wrt = [wrt]
    named: dict[str, Any] = {}
    for variable in wrt:
        if not isinstance(variable, Variable):
            raise LabTypeError(
                f"A study is by variables, not {variable!r}.",
                remedy='x = pt.dscalar("x"); Study(y, [x])',
            )
        add_name(named, variable)
    return named


def cut_at(y: Any, asked: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Where a study is by an intermediate result, make that an input."""
    if not isinstance(y, Variable):
        raise LabTypeError(f"A study is of a variable, not {type(y).__name__}.")
    inner = {n: v for n, v in asked.items() if v.owner is not None}
    if not inner:
        return y, asked
    new = {v: v.type.make_variable(n) for n, v in inner.items()}
    (replaced,) = clone_replace([y], new)
    replaced.name = y.name
    return replaced, {n: new.get(v, v) for n, v in asked.items()}


def all_inputs(y: Any, asked: dict[str, Any], inputs: Mapping[str, Any] | None) -> dict[str, Any]:
    found = dict(asked)
    for name, variable in (inputs or {}).items():
        found.setdefault(name, variable)
    for variable in explicit_graph_inputs(y):
        if variable not in found.values():
            add_name(found, variable)
    needed = set(ancestors([y]))
    return {n: v for n, v in found.items() if n in asked or v in needed}


def checked_point(inputs: Mapping[str, Any], point: Mapping[Any, Any]) -> dict[str, Array]:
    names = {variable: name for name, variable in inputs.items()}
    checked = {}
    for key, value in point.items():
        name = names.get(key) if isinstance(key, Variable) else key
        if name not in inputs:
            raise LabValueError(
                f"The point names {key}, which is no input.", remedy="inputs: " + ", ".join(inputs)
            )
        checked[name] = numpy.asarray(inputs[name].type.filter(value, allow_downcast=True))
    return checked


def checked_ranges(
    inputs: Mapping[str, Any], plot: Sequence[Any]
) -> dict[str, tuple[str, float, float, int]]:
    ranges = {}
    for name, start, stop, *rest in [plot] if plot and isinstance(plot[0], str) else plot:
        if name not in inputs or inputs[name].type.ndim:
            raise LabValueError(
                f"The plot is along {name}, which is no scalar input.",
                remedy="inputs: " + ", ".join(inputs),
            )
        ranges[name] = name, float(start), float(stop), int(rest[0]) if rest else 400
    return ranges


def derivatives(y: Any, asked: Mapping[str, Any], order: int) -> dict[str, list[Any]]:
    """For each name the function and its derivatives up to the order."""
    if order > 1:
        for name, variable in asked.items():
            if variable.type.ndim:
                kind = kind_text(variable.type)
                raise LabValueError(
                    f"The derivative of order {order} needs a scalar.",
                    where=f"{name} is a {kind}; {describe(y)}",
                    why="of an array it is a tensor with many axes",
                    remedy="name scalar inputs, or take order 1",
                )
    if not asked:
        raise LabValueError("There is no input to differentiate by.", where=describe(y))
    chains: dict[str, list[Any]] = {name: [y] for name in asked}
    with using(line_of(y)):              # what no local rule makes belongs to the last line
        if order == 1:
            found = grad(y, list(asked.values()))
            return {n: [y, derivative] for n, derivative in zip(asked, found, strict=True)}
        for _ in range(order):
            for name, variable in asked.items():
                chains[name].append(grad(chains[name][-1], variable))
    return chains
