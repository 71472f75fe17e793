"""What differs between two studies: the nodes only one has, with their lines, and the rewrites.

What is here: `diff`.  Relies on the graphs as written and on the traces of their rewriting.
The one idea: two nodes are the same if they apply the same op to the same things, so every node
gets a number by what it is, and graphs are compared as sets of numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autodiff_lab.errors import LabTypeError
from autodiff_lab.graph import Constant, Variable, ancestors, placed, toposort
from autodiff_lab.rewriting.trace import Words
from autodiff_lab.study.paths import short

MOST_SHOWN = 12


def diff(study: Any, other: Any) -> Words:
    """What differs between two studies, or between a study and a variable.

    Parameters
    ----------
    other : Study or Variable

    Examples
    --------
    >>> import autodiff_lab as ad, autodiff_lab.tensor as pt
    >>> x = pt.dscalar("x")
    >>> first, second = ad.Study(pt.exp(x) * x, x), ad.Study(pt.exp(2 * x) * x, x)
    >>> print(str(first.diff(second)).splitlines()[0])
    the function: 2 nodes here, 3 there, 0 in both
    """
    theirs = getattr(other, "y", other)
    if not isinstance(theirs, Variable):
        raise LabTypeError(f"A study is compared with a study, not with {type(other).__name__}.")
    known: dict[Any, int] = {}
    lines = _compared("the function", [study.y], [theirs], known)
    grads = getattr(other, "grads", None)
    if grads is not None:
        common = [name for name in study.grads if name in grads]
        lines += _compared("the derivatives", [study.grads[n] for n in common],
                           [grads[n] for n in common], known)
        for sign, names in (("-", set(study.grads) - set(grads)),
                            ("+", set(grads) - set(study.grads))):
            lines += [f"  {sign} by {name}" for name in sorted(names)]
        rules = [{s.rule: None for s in one.steps} for one in (study, other)]
        for sign, mine, yours in (("-", *rules), ("+", *rules[::-1])):
            only = [rule for rule in mine if rule not in yours]
            lines += [f"  {sign} rewritten by {', '.join(only)}"] if only else []
    return Words("\n".join(lines))


def _compared(
    what: str, ours: Sequence[Variable], theirs: Sequence[Variable], known: dict[Any, int]
) -> list[str]:
    """A headline, then where the sides part: nodes that only one has, of parts that both have."""
    sides = [_numbered(side, known) for side in (ours, theirs)]
    both = sides[0].keys() & sides[1].keys()
    if len(both) == len(sides[0]) == len(sides[1]):
        return [f"{what}: the same, {len(both)} nodes"]
    lines = [f"{what}: {len(sides[0])} nodes here, {len(sides[1])} there, {len(both)} in both"]
    for sign, side in zip("-+", sides):
        only = {variable: None for number, variable in side.items() if number not in both}
        first = [v for v in only if only.keys().isdisjoint(v.owner.inputs)]
        lines += [f"  {sign} {placed(short(v), v.owner)}" for v in first[:MOST_SHOWN]]
        if len(only) > len(first[:MOST_SHOWN]):
            lines.append(f"  {sign} ... and {len(only) - len(first[:MOST_SHOWN])} that follow")
    return lines


def _numbered(outputs: Sequence[Variable], known: dict[Any, int]) -> dict[int, Variable]:
    """The results of nodes by number; `known` holds what each number is."""
    number: dict[Variable, int] = {}
    for variable in ancestors(outputs):
        if variable.owner is None:
            constant = isinstance(variable, Constant)
            key = (variable.type, variable.fingerprint) if constant else (
                variable.type.dtype, variable.name or id(variable))
            number[variable] = known.setdefault(key, len(known))
    found = {}
    for node in toposort(outputs):
        key = (node.op, *(number[v] for v in node.inputs))
        for place, output in enumerate(node.outputs):
            number[output] = known.setdefault((*key, place), len(known))
            found[number[output]] = output
    return found
