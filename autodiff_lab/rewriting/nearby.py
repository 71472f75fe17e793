"""What two expressions differ by, without computing the difference of their values.

What is here: `gap(context, a, b)`, an expression for ``a - b`` in which what both have in common
does not occur: 1 for ``x + 1`` and ``x``, ``log1p(1 / x)`` for their logarithms.
`rules.differences` asks for it.

The one idea: sums are compared term by term; for a function, the gap of its values follows from the
gap of its arguments by a formula, one entry of `FORMULAS`, which the rule of that function fills.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from autodiff_lab.graph import Variable
from autodiff_lab.rewriting.factors import added, is_number, name_of
from autodiff_lab.rewriting.facts import Context, is_plumbing

MOST_TERMS = 8
DEEPEST = 4

FORMULAS: dict[str, Callable[..., Any]] = {}
"""Op name -> (context, node of a, node of b, depth) -> the gap of their values, or None."""

Linear = dict[Variable | None, Fraction]
"""Variable -> its coefficient; None stands for the constant term."""


def plain(variable: Any) -> Any:
    """A variable without the axes added to it in front, and without needless casts."""
    while is_plumbing(variable):
        inner = variable.owner.inputs[0]
        order = getattr(variable.owner.op, "new_order", None)
        kept = None if order is None else list(order[len(order) - inner.type.ndim :])
        if kept != list(range(inner.type.ndim)):
            break
        variable = inner
    return variable


def linear(context: Context, variable: Any, deep: bool = True, whole: Any = None) -> Linear | None:
    """A sum as coefficients of its terms; None where it has too many.  Unless `deep`, terms are
    not opened that are sums themselves; `whole` is never opened."""
    found: Linear = {}
    stack = [(variable, Fraction(1))]
    while stack:
        term, factor = stack.pop()
        term = plain(term)
        value = is_number(context, term)
        name = name_of(term)
        inputs: Any = term.owner.inputs if name else ()
        scale = is_number(context, inputs[0]) if name == "mul" else None
        if value is not None:
            found[None] = found.get(None, Fraction(0)) + factor * Fraction(value)
        elif term is whole:
            found[term] = found.get(term, Fraction(0)) + factor
        elif name in ("add", "sub") and (deep or term is plain(variable)):
            stack += [(inputs[1], factor if name == "add" else -factor), (inputs[0], factor)]
        elif name == "neg":
            stack.append((inputs[0], -factor))
        elif scale is not None:
            stack.append((inputs[1], factor * Fraction(scale)))
        else:
            found[term] = found.get(term, Fraction(0)) + factor
        if len(found) + len(stack) > MOST_TERMS:
            return None
    return found


def multiple(context: Context, variable: Any) -> tuple[Any, Fraction]:
    """A variable as a multiple of another; of None, if it is a number."""
    factor = Fraction(1)
    while True:
        variable = plain(variable)
        value, name = is_number(context, variable), name_of(variable)
        if value is not None:
            return None, factor * Fraction(value)
        scale = is_number(context, variable.owner.inputs[0]) if name == "mul" else None
        if name != "neg" and scale is None:
            return variable, factor
        factor *= Fraction(-1 if scale is None else scale)
        variable = variable.owner.inputs[-1]


def gap(context: Context, a: Any, b: Any, depth: int = DEEPEST) -> Any:
    """``a - b`` without what both have in common, or None where they have nothing in common."""
    a, b = plain(a), plain(b)
    for deep in (True, False):
        first, second = linear(context, a, deep), linear(context, b, deep)
        if first is None or second is None or first == second:
            return None
        if any(second.get(base) == c for base, c in first.items()):
            return _left(context, first, second, depth)
    formula = FORMULAS.get(name_of(a)) or FORMULAS.get(name_of(b))
    if formula is None or depth == 0 or a.owner is None or b.owner is None:
        return None
    return formula(context, a, b, depth - 1)


def _left(context: Context, first: Linear, second: Linear, depth: int) -> Any:
    """The difference of two sums, term by term."""
    rest = {base: first.get(base, Fraction(0)) - second.get(base, Fraction(0))
            for base in {**first, **second}}
    terms = [(c, base) for base, c in rest.items() if c]
    if len(terms) == 2 and terms[0][0] == -terms[1][0] and depth:
        (c, one), (_, other) = terms if terms[0][0] > 0 else terms[::-1]
        between = FORMULAS.get(name_of(one)) if one is not None and other is not None else None
        found = between and between(context, one, other, depth - 1)
        if found is not None:
            return added([(float(c), found)])
    return added((float(c), base) for c, base in terms)
