"""Sums whose terms cancel near 0: there the first terms of the power series are computed instead.

``x - sin(x)`` has no correct digit below 1e-8, and no identity helps; ``x ** 3 / 6 - ...`` has all.
Power series are added up with exact fractions, so that it is known what cancels.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import autodiff_lab.tensor as pt
from autodiff_lab.graph import Apply, clone_replace
from autodiff_lab.rewriting.factors import is_number, name_of, number
from autodiff_lab.rewriting.facts import Context
from autodiff_lab.rewriting.nearby import linear, multiple, plain
from autodiff_lab.rewriting.registry import node_rewriter

ORDERS = 26
MOST_TERMS = 9
Series = dict[int, Fraction]
"""Exponent -> coefficient."""


def _over(top: Series, bottom: Series) -> Series:
    """The quotient of two series."""
    low = min(bottom)
    rest, found = dict(top), {}
    for order in range(min(top), min(top) + ORDERS):
        if c := rest.get(order, Fraction(0)) / bottom[low]:
            found[order - low] = c
            for k, b in bottom.items():
                rest[order + k - low] = rest.get(order + k - low, Fraction(0)) - c * b
    return found


def _known_series() -> dict[str, Series]:
    """The functions whose series are known."""
    inverse = [Fraction(1, math.factorial(k)) for k in range(ORDERS)]
    odd, even = range(1, ORDERS, 2), range(0, ORDERS, 2)
    found: dict[str, Series] = {
        "exp": dict(enumerate(inverse)),
        "expm1": dict(enumerate(inverse[1:], 1)),
        "sinh": {k: inverse[k] for k in odd},
        "cosh": {k: inverse[k] for k in even},
        "sin": {k: inverse[k] * (-1) ** (k // 2) for k in odd},
        "cos": {k: inverse[k] * (-1) ** (k // 2) for k in even},
        "log1p": {k: Fraction(-((-1) ** k), k) for k in range(1, ORDERS)},
        "arctan": {k: Fraction((-1) ** (k // 2), k) for k in odd},
    }
    found["tan"] = _over(found["sin"], found["cos"])
    found["tanh"] = _over(found["sinh"], found["cosh"])
    return found


KNOWN = _known_series()


@node_rewriter(
    ["add", "sub"], phase="stabilize", client="accuracy: Hamming's example 3.9 and problem 3.4.5",
    example=lambda x: x - pt.sin(x), heads=tuple(
        pair for name in KNOWN for pair in ((name, None), (None, name))
    ) + (("true_div", "true_div"),),
)
def series_near_zero(context: Context, node: Apply) -> Any:
    """Near 0 the terms of ``x - sin(x)`` cancel; the first terms of its series do not."""
    found = [_argument(term) for term in linear(context, node.outputs[0]) or () if term is not None]
    base = next((multiple(context, v)[0] for v in found if v is not None), None)
    terms = None if base is None else linear(context, node.outputs[0], whole=base)
    if terms is None or len(terms) > 4:
        return None
    parts = []
    for term, factor in terms.items():
        of, series = (base, {0: Fraction(1)}) if term is None else _series_of(context, term, base)
        if series is None or of is not base:
            return None
        parts.append((factor, series))
    total, low = Series(), ORDERS
    for factor, series in parts:
        low = min(low, *series)
        for order, c in series.items():
            total[order] = total.get(order, Fraction(0)) + factor * c
    left = {order: c for order, c in sorted(total.items()) if c and order < ORDERS - 3}
    if not left or min(left) <= max(low, 0):
        return None
    return _switched(context, node, base, left)


def _argument(term: Any) -> Any:
    """The argument of a function whose series is known, or of a number over one."""
    if name_of(term) == "true_div":
        term = plain(term.owner.inputs[1])
    return term.owner.inputs[0] if name_of(term) in KNOWN else None


def _series_of(context: Context, term: Any, base: Any) -> tuple[Any, Series | None]:
    """The variable and the series of a term: a power, a function, or a number over one."""
    node = term.owner
    if node is None or term is base:
        return term, {1: Fraction(1)}
    name, inputs = node.op.name, node.inputs
    if name in KNOWN:
        of, factor = multiple(context, inputs[0])
        usual = KNOWN[name]
        return of, usual if factor == 1 else {k: c * factor**k for k, c in usual.items()}
    if name == "pow":
        power = is_number(context, inputs[1])
        whole = power is not None and power.is_integer() and 0 < power < 9
        return plain(inputs[0]), {int(power): Fraction(1)} if whole else None  # type: ignore[arg-type]
    if name == "mul" and inputs[0] is inputs[1]:
        return plain(inputs[0]), {2: Fraction(1)}
    top = is_number(context, inputs[0]) if name == "true_div" else None
    if top:
        below = plain(inputs[1])
        if name_of(below) == "true_div":
            return None, None
        of, series = _series_of(context, below, base)
        return of, series and _over({0: Fraction(top)}, series)
    return term, {1: Fraction(1)}


def _switched(context: Context, node: Apply, base: Any, left: Series) -> Any:
    """The first terms near 0, elsewhere the sum as it is, of a variable that is kept from 0."""
    orders = list(left)
    if len(orders) <= MOST_TERMS or name_of(base) == "switch":
        return None
    first, dropped = orders[0], orders[MOST_TERMS]
    reach = abs(left[first] / left[dropped]) * Fraction(2) ** -54
    radius = min(1.0, math.floor(1000 * float(reach) ** (1 / (dropped - first))) / 1000)
    step = math.gcd(*(order - first for order in orders[:MOST_TERMS]))
    if radius < 0.01:
        return None
    square, value = base**step, None
    for order in reversed(orders[:MOST_TERMS]):
        c = number(float(left[order]))
        value = c if value is None else c + square * value
    near = pt.lt(pt.abs(base), radius)
    far = clone_replace(node.outputs[0], {base: pt.where(near, 1, base)})
    return context.conform(pt.where(near, base**first * value, far), node.outputs[0], node.inputs)
