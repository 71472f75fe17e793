"""Differences of nearby values: what two values have in common cancels before it is rounded.

``sqrt(x + 1) - sqrt(x)`` has no correct digit for large x, since both roots are rounded first;
``1 / (sqrt(x + 1) + sqrt(x))`` has all.  Each rule here states what the values of one function
differ by, in terms of its arguments and of their difference, which `rewriting.nearby` finds.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import autodiff_lab.tensor as pt
from autodiff_lab.graph import Apply
from autodiff_lab.rewriting.factors import added, fraction, is_number, name_of, quotient, terms_of
from autodiff_lab.rewriting.facts import Context
from autodiff_lab.rewriting.nearby import FORMULAS, Linear, gap, linear, plain
from autodiff_lab.rewriting.registry import node_rewriter
from autodiff_lab.tensor.opdef import Interval

FAR = Interval(0.5)
ANGLE = Interval(-1.2, 1.2)
STEP = Interval(1e-9, 0.3)


def difference(
    *names: str, client: str, example: Callable[..., Any], **domain: Interval
) -> Callable[[Callable[..., Any]], Any]:
    """Declare what the values of a function differ by: ``formula(context, a, b, d)``, where `a` and
    `b` are its arguments and `d` is their gap."""

    def declare(formula: Callable[..., Any]) -> Any:
        def between(context: Context, one: Any, other: Any, depth: int) -> Any:
            a, b = (_argument(v, names) for v in (one, other))
            apart = None if a is None or b is None else gap(context, a, b, depth)
            if apart is None:
                return None
            if len(linear(context, a) or ()) >= len(linear(context, b) or ()):
                return formula(context, a, b, apart)
            return -formula(context, b, a, -apart)  # from the simpler one, which is not rounded

        return _rule_for(names, client, example, domain)(functools.wraps(formula)(between))

    return declare


def _rule_for(
    names: tuple[str, ...], client: str, example: Callable[..., Any], domain: Any
) -> Callable[[Callable[..., Any]], Any]:
    """A rule on ``sub`` for the formula of a function."""

    def declare(between: Callable[..., Any]) -> Any:
        FORMULAS.update(dict.fromkeys(names, between))

        @functools.wraps(between)
        def apply(context: Context, node: Apply) -> Any:
            found = between(context, *map(plain, node.inputs), 3)
            return None if found is None else context.conform(found, node.outputs[0], node.inputs)

        return node_rewriter(
            ["sub"], phase="stabilize", client=client, example=example, domain=domain,
            heads=tuple((one, other) for one in names for other in names),
        )(apply)

    return declare


def _argument(variable: Any, names: tuple[str, ...]) -> Any:
    """The argument of a function; ``1 + x`` for ``log1p(x)``."""
    name = name_of(variable)
    if name not in names:
        return None
    inner = variable.owner.inputs[0]
    return 1 + inner if name == "log1p" else inner


def _ordered(context: Context, a: Any, b: Any, d: Any) -> tuple[Any, Any, Any, Any]:
    """The larger and the smaller of two values, the size of their gap, and its sign."""
    value = is_number(context, d)
    if value is None:
        return pt.maximum(a, b), pt.minimum(a, b), abs(d), pt.sign(d)
    return (a, b, d, 1) if value > 0 else (b, a, -d, -1)


def _unless_equal(context: Context, d: Any, value: Any) -> Any:
    """0 where the gap is 0, which a formula may divide by."""
    return value if is_number(context, d) else pt.where(pt.eq(d, 0), 0, value)


@difference(
    "sqrt", client="accuracy: Hamming's example 3.1", x=FAR,
    example=lambda x: pt.sqrt(x + 1) - pt.sqrt(x),
)
def difference_of_roots(context: Context, a: Any, b: Any, d: Any) -> Any:
    """``sqrt(a) - sqrt(b)`` is ``(a - b) / (sqrt(a) + sqrt(b))``."""
    return _unless_equal(context, d, d / (pt.sqrt(a) + pt.sqrt(b)))


@difference(
    "log", "log1p", client="accuracy: Hamming's problem 3.3.6", x=FAR,
    example=lambda x: pt.log(x + 1) - pt.log(x),
)
def difference_of_logarithms(context: Context, a: Any, b: Any, d: Any) -> Any:
    """``log(a) - log(b)`` is ``log1p((a - b) / b)``, where b is the smaller one."""
    if _on_both_sides_of_one(context, a, b):
        return None  # log1p(x) - log1p(-x): the two have different signs and lose nothing
    return _log_of_ratio(context, a, b, d)


def _log_of_ratio(context: Context, a: Any, b: Any, d: Any) -> Any:
    larger, smaller, size, sign = _ordered(context, a, b, d)
    ratio = size / smaller
    number = is_number(context, size)
    above = pt.log(larger) if number is None else math.log(number)
    return sign * pt.where(pt.isinf(ratio), above - pt.log(smaller), pt.log1p(ratio))


def _on_both_sides_of_one(context: Context, a: Any, b: Any) -> Any:
    """u and -u where the two are 1 + u and 1 - u, otherwise None."""
    first, second = (linear(context, v, deep=False) or {} for v in (a, b))
    if first.pop(None, 0) != 1 or second.pop(None, 0) != 1:
        return None
    if first != {base: -c for base, c in second.items()}:
        return None
    beyond = added((float(c), base) for base, c in first.items())
    return beyond, -beyond


@difference(
    "exp", client="accuracy: exp(x + h) - exp(x)", x=ANGLE, h=STEP,
    example=lambda x, h: pt.exp(x + h) - pt.exp(x),
)
def difference_of_exponentials(context: Context, a: Any, b: Any, d: Any) -> Any:
    """``exp(a) - exp(b)`` is ``exp(a) (1 - exp(b - a))``, where a is the larger one."""
    larger, _, size, sign = _ordered(context, a, b, d)
    return pt.exp(larger) * (-sign * pt.expm1(-size))


@difference(
    "sin", client="accuracy: Hamming's example 3.3", x=ANGLE, h=STEP,
    example=lambda x, h: pt.sin(x + h) - pt.sin(x),
)
def difference_of_sines(context: Context, a: Any, b: Any, d: Any) -> Any:
    """``sin(b + d) - sin(b)`` by the sine of a sum; ``1 - cos(d)`` is ``2 sin(d / 2) ** 2``."""
    return pt.cos(b) * pt.sin(d) - pt.sin(b) * (2 * pt.sin(0.5 * d) ** 2)


@difference(
    "cos", client="accuracy: Hamming's problem 3.3.5", x=ANGLE, h=STEP,
    example=lambda x, h: pt.cos(x + h) - pt.cos(x),
)
def difference_of_cosines(context: Context, a: Any, b: Any, d: Any) -> Any:
    """``cos(b + d) - cos(b)`` by the cosine of a sum."""
    return -(pt.sin(b) * pt.sin(d) + pt.cos(b) * (2 * pt.sin(0.5 * d) ** 2))


@difference(
    "tan", client="accuracy: Hamming's problem 3.3.2", x=ANGLE, h=STEP,
    example=lambda x, h: pt.tan(x + h) - pt.tan(x),
)
def difference_of_tangents(context: Context, a: Any, b: Any, d: Any) -> Any:
    """``tan(b + d) - tan(b)`` by the tangent of a sum."""
    here, apart = pt.tan(b), pt.tan(d)
    return apart * (1 + here**2) / (1 - here * apart)


@difference(
    "arctan", client="accuracy: Hamming's example 3.5", x=FAR,
    example=lambda x: pt.arctan(x + 1) - pt.arctan(x),
)
def difference_of_arctangents(context: Context, a: Any, b: Any, d: Any) -> Any:
    """``arctan(a) - arctan(b)`` is the angle between two directions."""
    return pt.arctan2(d, 1 + a * b)


@_rule_for(
    ("pow",), "accuracy: Hamming's problem 3.3.4", lambda x: (x + 1) ** 0.3 - x**0.3, {"x": FAR}
)
def difference_of_powers(context: Context, one: Any, other: Any, depth: int) -> Any:
    """``a ** p - b ** p`` is ``a ** p (1 - exp(p log(b / a)))``; for p = 2 or 3 it is the gap of a
    and b times a sum."""
    if name_of(one) != "pow" or name_of(other) != "pow":
        return None
    (a, p), (b, q) = one.owner.inputs, other.owner.inputs
    number = is_number(context, p)
    if p is not q and (number is None or number != is_number(context, q)):
        return None
    if number is None and name_of(plain(p)) not in ("true_div", "reciprocal"):
        return None  # only roots, which negative numbers have none of
    d = gap(context, a, b, depth)
    if d is None:
        return None
    if number in (2, 3):
        return d * (a + b if number == 2 else a**2 + a * b + b**2)
    if number is not None and number.is_integer():
        return None
    return _unless_equal(context, d, _real_powers(context, a, b, d, p))


def _real_powers(context: Context, a: Any, b: Any, d: Any, p: Any) -> Any:
    larger, smaller, _, sign = _ordered(context, a, b, d)
    ratio = sign * _log_of_ratio(context, a, b, d)
    number = is_number(context, p)
    if number is None:
        base = pt.where(pt.gt(p, 0), larger, smaller)
        return base**p * (-sign * pt.sign(p) * pt.expm1(-(abs(p) * ratio)))
    if number < 0:
        return smaller**p * (sign * pt.expm1(p * ratio))
    return larger**p * (-sign * pt.expm1(-(p * ratio)))


@_rule_for(
    ("mul", "true_div"), "accuracy: Hamming's problem 3.3.1",
    lambda x: 1 / (x + 1) - 1 / x, {"x": FAR},
)
def difference_of_products(context: Context, one: Any, other: Any, depth: int) -> Any:
    """``c f(a) - c f(b)`` is ``c (f(a) - f(b))``, ``c / a - c / b`` is ``c (b - a) / (a b)``, and
    ``u v - w z`` is ``(u - w) v + w (v - z)``, where the differences left are of nearby values."""
    (above, below), (above_, below_) = fraction(one), fraction(other)
    shared, above, above_ = _shared(context, above, above_)
    shared_below, below, below_ = _shared(context, below, below_)
    sizes = len(above), len(below)
    if sizes != (len(above_), len(below_)) or 0 not in sizes or sizes == (0, 0):
        return None
    found = None
    if len({*above, *below}) == len({*above_, *below_}) == 1:
        found = _equal_factors(context, above, above_, below, below_, depth)
    elif sizes == (2, 0):
        for u, v in (above, above[::-1]):
            w, z = above_
            gaps = gap(context, u, w, depth), gap(context, v, z, depth)
            if None not in gaps:
                found = gaps[0] * v + w * gaps[1]
                break
    return None if found is None else quotient([found, *shared], shared_below)


def _equal_factors(
    context: Context, above: list[Any], above_: list[Any], below: list[Any], below_: list[Any],
    depth: int,
) -> Any:
    """The difference of ``u ** n`` and ``v ** n``, or of ``1 / u ** n`` and ``1 / v ** n``."""
    count = max(len(above), len(below))
    u, v = (*above, *below)[0], (*above_, *below_)[0]
    if count == 1 and above and name_of(plain(u)) not in FORMULAS:
        return None  # c (x + 1) - c x stays as written
    d = gap(context, u, v, depth)
    if d is None or count > 3:
        return None
    if below:
        if _is_of_higher_degree(context, d):
            return None  # it may overflow where the divisors do
        u, v, d = 1 / u, 1 / v, -(d / u / v)
    return d * (1, u + v, u * u + u * v + v * v)[count - 1]


def _is_of_higher_degree(context: Context, variable: Any) -> bool:
    """Whether a gap multiplies variables."""
    stack = [variable]
    while stack:
        name, inputs = name_of(stack[-1]), getattr(stack.pop().owner, "inputs", ())
        if name == "pow" or (name == "mul" and all(is_number(context, v) is None for v in inputs)):
            return True
        stack.extend(inputs if name in ("add", "sub", "neg", "mul") else ())
    return False


def _shared(
    context: Context, one: list[Any], other: list[Any]
) -> tuple[list[Any], list[Any], list[Any]]:
    """What two lists of factors have in common, and what is left of each."""
    def key(factor: Any) -> Any:
        number = is_number(context, factor)
        return factor if number is None else number

    left = [key(factor) for factor in other]
    both, rest = [], []
    for factor in one:
        if key(factor) in left:
            left.remove(key(factor))
            both.append(factor)
        else:
            rest.append(factor)
    return both, rest, [factor for factor in other if key(factor) in left]


@node_rewriter(
    ["log"], phase="stabilize", client="accuracy: Hamming's problem 3.4.3", heads=(("true_div",),),
    example=lambda x: pt.log((1 - x) / (1 + x)), domain={"x": Interval(-0.9, 0.9)},
)
def logarithm_of_ratio_near_one(context: Context, node: Apply) -> Any:
    """``log(a / b)`` for nearby a and b: the quotient rounds to 1, and all digits are lost."""
    a, b = plain(node.inputs[0]).owner.inputs
    d = gap(context, a, b)
    if d is None:
        return None
    apart = _on_both_sides_of_one(context, a, b)
    if apart is None:
        value = _log_of_ratio(context, a, b, d)
    else:
        value = pt.log1p(apart[0]) - pt.log1p(apart[1])
    return context.conform(value, node.outputs[0], node.inputs)


SUMS = ("add", "sub")
MULTIPLES = ("mul", "true_div")


@node_rewriter(
    ["add", "sub"], phase="stabilize", client="derivatives of differences of nearby values",
    example=lambda x, y: (y + pt.sqrt(x + 1)) - pt.sqrt(x), domain={"x": FAR}, tags=("enables",),
    heads=tuple(
        pair for name in SUMS for pair in ((name, None), (None, name))
    ) + tuple((one, other) for one in MULTIPLES for other in MULTIPLES),
)
def nearby_terms_meet(context: Context, node: Apply) -> Any:
    """In a sum, the two terms that nearly cancel are taken together."""
    if node.op.name == "sub" and not {name_of(plain(v)) for v in node.inputs} & {*SUMS}:
        return None  # this is a difference of two terms already
    terms = linear(context, node.outputs[0])
    if terms is None or len(terms) > 5:
        return None
    known = [(v, c) for v, c in terms.items() if v is not None and name_of(v) in FORMULAS and c]
    for place, (one, factor) in enumerate(known):
        for other, its in known[place + 1 :]:
            pair = _opposite(context, one, factor, other, its)
            found = pair and FORMULAS[name_of(pair[0])](context, *pair, 3)
            if found is None:
                continue
            rest = {v: c for v, c in terms.items() if v not in (one, other) and c}
            size = float(abs(factor))
            value = added([(size, found), *((float(c), v) for v, c in rest.items())])
            return context.conform(value, node.outputs[0], node.inputs)
    return None


def _opposite(context: Context, one: Any, factor: Any, other: Any, its: Any) -> Any:
    """Two terms as a difference, by the sign of their coefficients or of a number above a bar."""
    if factor == -its:
        return (one, other) if factor > 0 else (other, one)
    if factor != its:
        return None
    one, minus = _positive(context, one)
    other, minus_ = _positive(context, other)
    if minus == minus_:
        return None
    return (one, other) if minus_ == (factor > 0) else (other, one)


def _positive(context: Context, variable: Any) -> tuple[Any, bool]:
    """A quotient or product without the minus of a number in it, and whether there was one."""
    above, below = fraction(variable)
    for place, factor in enumerate(above):
        number = is_number(context, factor)
        if number is not None and number < 0:
            size = pt.constant(-number, dtype=factor.type.dtype)
            return quotient([size, *above[:place], *above[place + 1 :]], below), True
    return variable, False


@node_rewriter(
    ["add", "sub"], phase="stabilize", client="accuracy: Hamming's problem 3.3.3",
    example=lambda x: (1 / (x + 1) - 2 / x) + 1 / (x - 1), domain={"x": Interval(2.0)},
    heads=(("add", "true_div"), ("sub", "true_div"), ("true_div", "add"), ("true_div", "sub")),
)
def fractions_that_cancel(context: Context, node: Apply) -> Any:
    """Three fractions over nearby values whose common numerator is one number."""
    terms = terms_of(context, node.outputs[0])
    if terms is None or len(terms) != 3 or any(name_of(v) != "true_div" for _, v in terms):
        return None
    tops = [is_number(context, term.owner.inputs[0]) for _, term in terms]  # type: ignore[union-attr]
    below = [term.owner.inputs[1] for _, term in terms]  # type: ignore[union-attr]
    lines = [linear(context, bottom) for bottom in below]
    bases = {base for line in lines for base in line or () if base is not None}
    if None in tops or None in lines or len(bases) != 1:
        return None
    total: dict[int, Fraction] = {}
    for place, (sign, _) in enumerate(terms):
        product = {0: Fraction(tops[place] or 0) * int(sign)}
        for line in (*lines[:place], *lines[place + 1 :]):
            product = _times(product, line or {})
        for degree, c in product.items():
            total[degree] = total.get(degree, Fraction(0)) + c
    if not total.get(0) or any(c for degree, c in total.items() if degree):
        return None
    return context.conform(quotient([pt.constant(float(total[0]))], below), node.outputs[0], below)


def _times(polynomial: dict[int, Fraction], line: Linear) -> dict[int, Fraction]:
    """A polynomial, by degree, times a sum of a multiple and a number."""
    found: dict[int, Fraction] = {}
    for base, factor in line.items():
        for degree, c in polynomial.items():
            degree += base is not None
            found[degree] = found.get(degree, Fraction(0)) + c * factor
    return found
