"""Paths through a function: why an input matters, or where its path breaks.

What is here: `paths_between`, `why`, `why_not`.  Relies on `view.sweep` for the textbook's form of
a local derivative, and on the gradient's own sweep for where a path ends.

The one idea: the derivative is a sum over paths, each a product of local derivatives; that is the
chain rule, and it can be listed.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy

from autodiff_lab.errors import LabValueError
from autodiff_lab.gradient.reverse import reverse_sweep
from autodiff_lab.graph import (
    DISCONNECTED, ZERO, Apply, Constant, FunctionGraph, Undefined, Variable, ancestors, describe,
    leaves, placed, toposort,
)
from autodiff_lab.options import nearest
from autodiff_lab.rewriting.driver import run_phases
from autodiff_lab.rewriting.trace import Words
from autodiff_lab.view import notation
from autodiff_lab.view.build import value_summary
from autodiff_lab.view.derivation import PARTS
from autodiff_lab.view.latex import math_text
from autodiff_lab.view.numeric import values_of
from autodiff_lab.view.sweep import local_factor, ones

MOST_PATHS = 20
LONGEST = 60


@dataclasses.dataclass(frozen=True)
class Path:
    """One way from an input to the result.

    Attributes
    ----------
    nodes : tuple of Apply
        From the input to the result.
    product : Variable
        What it contributes to the derivative.
    factors : tuple of str
        Its local derivatives, from the result inwards; those that are 1 are left out.
    value : str
        What it contributes at the study's point; empty without one.
    """

    start: Variable
    nodes: tuple[Apply, ...]
    product: Variable
    factors: tuple[str, ...]
    value: str = ""

    def __str__(self) -> str:
        shown = [short(v) for v in (self.start, *(n.outputs[0] for n in self.nodes))]
        return " -> ".join(dict.fromkeys(shown))


class Paths(tuple[Path, ...]):
    """The paths of one input; prints as a list, one line for the way and one for its product."""

    note = ""

    def __repr__(self) -> str:
        lines = []
        for number, path in enumerate(self, start=1):
            value = f" = {path.value}" if path.value else ""
            lines += [f"{number}. {path}", f"     {' * '.join(path.factors) or '1'}{value}"]
        return "\n".join(filter(None, [*lines, self.note]))

    __str__ = __repr__


def short(variable: Variable) -> str:
    """A variable on a path: its name, else its formula, cut where it is long."""
    text = variable.name or math_text(variable)
    return text if len(text) <= LONGEST else f"{text[:LONGEST - 3]}..."


def paths_between(y: Variable, wrt: Variable) -> tuple[list[Path], int]:
    """The paths from `wrt` to `y`, at most `MOST_PATHS`, and how many there are."""
    counts: dict[Variable, int] = {wrt: 1}
    for node in toposort([y], [wrt]):
        total = sum(counts.get(v, 0) for v in node.inputs)
        if total:
            counts.update(dict.fromkeys(node.outputs, total))
    found: list[Path] = []
    waiting: list[tuple[Variable, tuple[Apply, ...], Any, tuple[str, ...]]] = [(y, (), None, ())]
    while waiting and len(found) < MOST_PATHS and y in counts:
        variable, nodes, product, factors = waiting.pop()
        if variable is wrt or variable.owner is None:
            whole = ones(wrt) if product is None else product
            found.append(Path(wrt, nodes, whole, factors))
            continue
        node = variable.owner
        for place in reversed(range(len(node.inputs))):
            if node.inputs[place] not in counts:
                continue
            factor = local_factor(node, variable, place, product)
            if factor is ZERO or factor is DISCONNECTED or isinstance(factor, Undefined):
                continue
            alone = local_factor(node, variable, place, None)
            text = "" if alone is None or notation.scalar_value(alone) == 1 else _factor_text(alone)
            waiting.append((node.inputs[place], (node, *nodes), factor,
                            (*factors, text) if text else factors))
    return found, counts.get(y, 0)


def _factor_text(factor: Variable) -> str:
    """A local derivative as a textbook writes it, in parentheses unless it is one word or call."""
    graph = FunctionGraph([v for v in leaves([factor]) if not isinstance(v, Constant)], [factor],
                          clone=False)
    run_phases(graph, {"display"}, exclude=PARTS[1:])
    text = short(graph.outputs[0])
    one_word = re.fullmatch(r"[\w.^]+|\w+\([^()]*\)", text)
    return text if one_word else f"({text})"


def why(study: Any, name: str) -> Paths:
    """Every path from an input to the function, with its product of local derivatives.

    Parameters
    ----------
    name : str
        One of the study's inputs.

    Examples
    --------
    >>> import autodiff_lab as ad, autodiff_lab.tensor as pt
    >>> x = pt.dscalar("x")
    >>> ad.Study(x * pt.exp(-x), x, point={"x": 0.0}).why("x")
    1. x -> x * exp(-x)
         exp(-x) = 1
    2. x -> -x -> exp(-x) -> x * exp(-x)
         x * exp(-x) * (-1) = -0
    """
    variable = variable_of(study, name)
    found, count = paths_between(study.y, variable)
    if study.has_point:
        given = {v: study.point[n] for n, v in study.inputs.items()}
        values = values_of([path.product for path in found], given)
        found = [dataclasses.replace(path, value=value_summary(value).text)
                 for path, value in zip(found, values)]
    paths = Paths(found)
    if not found:
        paths.note = why_not(study, name)
    elif count > len(found) >= MOST_PATHS:
        paths.note = f"... {len(found)} of {count:,} paths: the derivative adds them all, " \
            "node by node, without listing them"
    return paths


def variable_of(study: Any, name: str) -> Variable:
    """An input of a study, or a variable of that name inside its function."""
    inside = {v.name: v for v in ancestors([study.y]) if v.name}
    found = study.inputs.get(name, inside.get(name))
    if found is None:
        raise LabValueError(f"The study has no variable {name!r}{nearest(name, inside)}.",
                            where=describe(study.y))
    return found  # type: ignore[no-any-return]


def why_not(study: Any, name: str) -> Words:
    """Where the path from an input to the function breaks: the node, its line and the reason.

    Parameters
    ----------
    name : str
        An input, or a variable inside the function.

    Examples
    --------
    >>> import autodiff_lab as ad, autodiff_lab.tensor as pt
    >>> x, w = pt.dscalars("x", "w")
    >>> "ends at floor(w)" in ad.Study(x * pt.floor(w), x).why_not("w")
    True
    """
    variable = variable_of(study, name)
    if variable not in set(ancestors([study.y])):
        return Words(f"{name} is not used: {study.name} does not contain it.")
    if not variable.type.dtype.startswith(("float", "complex")):
        return Words(f"{name} is {variable.type.dtype}: whole numbers do not vary smoothly; "
                        f"make it a float to differentiate by it.")
    sweep = reverse_sweep({study.y: ones(study.y)}, [variable])
    ends = [(node, place, "is not defined for derivatives here") for node, place in sweep.cuts]
    reached = {variable}
    for node in toposort([study.y], [variable]):
        places = [k for k, v in enumerate(node.inputs) if v in reached]
        if not places:
            continue
        answers = [local_factor(node, node.outputs[0], k, None) for k in places]
        told = [_reason(answer) for answer in answers]
        if all(told):
            ends.append((node, places[0], told[0]))
        else:
            reached.update(node.outputs)
    if study.y in reached:
        found, count = paths_between(study.y, variable)
        count = len(found) if len(found) < MOST_PATHS else count
        paths = "1 path leads" if count == 1 else f"{count:,} paths lead"
        return Words(f"The path does not break: {paths} from {name} to {study.name}; "
                        f"r.why({name!r}) lists them.")
    return Words("\n".join(dict.fromkeys(
        f"The path from {name} ends at {placed(short(node.outputs[0]), node)}: {reason}."
        for node, _, reason in ends)))


def _reason(answer: Any) -> str:
    """Why nothing goes on from a node to an input; empty where something does."""
    if answer is DISCONNECTED:
        return "its result does not depend smoothly on this input"
    if isinstance(answer, Undefined):
        return str(answer.reason)
    if answer is ZERO or isinstance(answer, Constant) and not numpy.any(answer.data):
        return "the derivative is 0 there (constant wherever it is smooth)"
    return ""
