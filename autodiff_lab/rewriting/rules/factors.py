"""Factors that meet in a product or quotient: overflow times zero, and what cancels.

A derivative multiplies what the chain rule brings, in any order and with other factors between.
So these rules take a product apart (at most eight factors) and look at its factors in pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autodiff_lab.graph import Apply
from autodiff_lab.rewriting.factors import fraction, name_of, quotient
from autodiff_lab.rewriting.facts import Context, is_plumbing
from autodiff_lab.rewriting.registry import node_rewriter
from autodiff_lab.tensor import exp, sigmoid, softplus
from autodiff_lab.tensor.opdef import Interval

SEED = "seed: dlogistic, s(x) (1 - s(x)) at -800 and 800"
MODERATE = Interval(-80, 80)
POSITIVE_OPS = ("sigmoid", "exp", "softplus", "cosh", "softmax")


@node_rewriter(
    ["mul", "true_div"], phase="stabilize", client=SEED,
    example=lambda x, y: (y * sigmoid(x)) * exp(-x), domain={"x": MODERATE},
)
def exp_times_sigmoid(context: Context, node: Apply) -> Any:
    """``exp(-x) sigmoid(x)`` is ``inf * 0`` far below zero; ``sigmoid(-x)`` is 1 there."""

    def meet(factor: Any, partner: Any) -> list[Any] | None:
        exponent = factor.owner.inputs[0]
        rest = _without_sigmoid(partner, exponent)
        return None if rest is None else [sigmoid(exponent), *rest]

    return _pair_above(context, node, "exp", meet)


@node_rewriter(
    ["mul", "true_div"], phase="stabilize",
    client="accuracy: the derivative of 1 / (1 + exp(-x)) ** 2 at -800",
    example=lambda x, y: (y * sigmoid(x)) * (1 + exp(-x)), domain={"x": MODERATE},
)
def one_plus_exp_times_sigmoid(context: Context, node: Apply) -> Any:
    """``(1 + exp(-x)) sigmoid(x)`` is 1, also where it is computed as ``inf * 0``."""

    def meet(factor: Any, partner: Any) -> list[Any] | None:
        for one, other in (factor.owner.inputs, factor.owner.inputs[::-1]):
            if context.head(one) == 1 and name_of(other) == "exp":
                return _without_sigmoid(partner, other.owner.inputs[0])
        return None

    return _pair_above(context, node, "add", meet)


@node_rewriter(
    ["mul", "true_div"], phase="stabilize", client="lesson: softmax of two classes",
    example=lambda x, y: (2.0 / (exp(y) + exp(x))) * exp(x),
    domain={"x": MODERATE, "y": MODERATE},
)
def exp_over_two_exps(context: Context, node: Apply) -> Any:
    """``exp(x) / (exp(x) + exp(y))`` overflows or is 0 / 0; ``sigmoid(x - y)`` is neither."""
    above, below, places = _fraction_at(context, node)
    for place in places.get("exp", ()):
        factor = above[place]
        for other, divisor in enumerate(below):
            if name_of(divisor) != "add" or factor not in divisor.owner.inputs:
                continue
            first, second = divisor.owner.inputs
            partner = second if first is factor else first
            if name_of(partner) != "exp":
                continue
            share = sigmoid(factor.owner.inputs[0] - partner.owner.inputs[0])
            return _rebuilt(
                context, node, [share, *_but(above, place)], _but(below, other), above + below
            )
    return None


@node_rewriter(
    ["mul", "true_div"], phase="stabilize",
    client="accuracy: the derivative of log(sigmoid(x)) at -800",
    example=lambda x, y: (y / sigmoid(x)) * softplus(y) * sigmoid(x), domain={"x": MODERATE},
)
def positive_factor_cancels(context: Context, node: Apply) -> Any:
    """A factor that is never zero cancels, also where rounding made it 0 or infinite."""
    above, below, places = _fraction_at(context, node)
    for place in (place for name in POSITIVE_OPS for place in places.get(name, ())):
        if above[place] in below:
            rest = _but(below, below.index(above[place]))
            return _rebuilt(context, node, _but(above, place), rest, above + below)
    return None


def _pair_above(context: Context, node: Apply, name: str, meet: Callable[[Any, Any], Any]) -> Any:
    """The product with two factors replaced: the first two, one of an op `name`, that meet."""
    above, below, places = _fraction_at(context, node)
    notes = context.notes   # products within products ask about the same pairs again and again
    for place in places.get(name, ()):
        factor = above[place]
        for other, partner in enumerate(above):
            if place == other:
                continue
            pair = meet.__qualname__, factor, partner
            if pair not in notes:
                notes[pair] = meet(factor, partner)
            together = notes[pair]
            if together is not None:
                return _rebuilt(
                    context, node, [*together, *_but(above, place, other)], below, above + below
                )
    return None


def _rebuilt(
    context: Context, node: Apply, above: list[Any], below: list[Any], leaves: list[Any]
) -> Any:
    return context.conform(quotient(above, below), node.outputs[0], leaves)


def _but(values: list[Any], *places: int) -> list[Any]:
    """All values but those at some places."""
    return [value for place, value in enumerate(values) if place not in places]


def _fraction_at(context: Context, node: Apply) -> Any:
    """`fraction` of a node's output, and where above the bar each op stands; found once."""
    found = context.notes.get(node)
    if found is None:
        above, below = fraction(node.outputs[0])
        places: dict[str, list[int]] = {}
        for place, factor in enumerate(above):
            places.setdefault(name_of(factor), []).append(place)
        found = context.notes[node] = above, below, places
    return found


def _without_sigmoid(factor: Any, exponent: Any) -> list[Any] | None:
    """`factor` divided by ``sigmoid(-exponent)``, as factors; None where it does not divide it.

    A power is divided once, a sum if each of its terms is divided.
    """
    node = factor.owner
    name = name_of(factor)
    if name == "sigmoid":
        return [] if _opposite(node.inputs[0], exponent) else None
    if name == "sqr" or (name == "pow" and _is_two(node.inputs[1])):
        base = node.inputs[0]
        return None if _without_sigmoid(base, exponent) != [] else [base]
    if name not in ("add", "sub", "neg"):
        return None
    terms = [_term_without(term, exponent) for term in node.inputs]
    if any(term is None for term in terms):
        return None
    return [type(node.op)(node.op.row)(*terms)]


def _term_without(term: Any, exponent: Any, depth: int = 4) -> Any:
    """A term of a sum divided by ``sigmoid(-exponent)``, or None."""
    node = term.owner
    if name_of(term) in ("add", "sub", "neg") and depth:
        inner = [_term_without(v, exponent, depth - 1) for v in node.inputs]
        return None if any(v is None for v in inner) else type(node.op)(node.op.row)(*inner)
    above, below = fraction(term)
    for place, factor in enumerate(above):
        if name_of(factor) == "sigmoid" and _opposite(factor.owner.inputs[0], exponent):
            return quotient([f for i, f in enumerate(above) if i != place], below)
    return None


def _is_two(variable: Any) -> bool:
    return getattr(variable, "data", None) is not None and bool((variable.data == 2).all())


def _opposite(a: Any, b: Any) -> bool:
    """Whether one variable is the negative of the other, as far as can be seen."""
    while is_plumbing(a):
        a = a.owner.inputs[0]
    while is_plumbing(b):
        b = b.owner.inputs[0]
    for one, other in ((a, b), (b, a)):
        if name_of(one) == "neg" and one.owner.inputs[0] is other:
            return True
        if name_of(one) == name_of(other) == "sub":
            if one.owner.inputs == other.owner.inputs[::-1]:
                return True
    return _opposite_multiples(a, b)


def _opposite_multiples(a: Any, b: Any) -> bool:
    """``c * x`` and ``-c * x``: what negating a multiple gives."""
    if name_of(a) != "mul" or name_of(b) != "mul":
        return False
    (c, x), (d, y) = a.owner.inputs, b.owner.inputs
    values = getattr(c, "data", None), getattr(d, "data", None)
    if x is not y or values[0] is None or values[1] is None:
        return False
    return bool((values[0] == -values[1]).all())
