"""Rules that put a derivative into the form of a textbook: one fraction, few signs, known names.

They serve derivations only (phase ``"display"``): no compiling runs them.  The first sentence of
each docstring is what stands beside the line.  Tags say in which part of a derivation a rule works:
``tidy`` first, then ``bar`` (sums of fractions), ``factor``, ``split`` and ``recognise``.  Rules
tagged ``silent`` are no news to a reader.

Relies on `rewriting.factors`, which takes products and sums apart.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autodiff_lab.graph import Apply, Constant, Variable
from autodiff_lab.rewriting.factors import (
    Product, added, bare, build, is_number, number, power, product_of, terms_of,
)
from autodiff_lab.rewriting.facts import Context
from autodiff_lab.rewriting.registry import DISPLAY, node_rewriter
from autodiff_lab.tensor.registry import function

CLIENT = "seed: the derivation of the logistic function's derivative"
PRODUCTS = ("mul", "true_div", "neg", "reciprocal", "sqr", "pow")

Answer = Variable | None
Terms = list[tuple[float, Variable, Product]]
Coefficients = list[tuple[float, Variable | None]]

def display(
    ops: Sequence[str], tags: Sequence[str], example: Any, read: Any = None, client: str = CLIENT
) -> Callable[[Callable[..., Answer]], Any]:
    """Declare a rule of this file; its answer gets the dtype and shape of what it replaces.

    Where `read` is given, the rule's third argument is what `read` finds at the node's output; if
    that is None, the rule does not apply.
    """
    def declare(rule: Callable[..., Answer]) -> Any:
        @functools.wraps(rule)
        def fitted(context: Context, node: Apply) -> Answer:
            old = node.outputs[0]
            found = [read(context, old)] if read else []
            new = None if None in found else rule(context, node, *found)
            if new is None:
                return None
            ndim = old.type.ndim  # type: ignore[attr-defined]
            leaves = [v for v in node.inputs if v.type.ndim == ndim]  # type: ignore[attr-defined]
            return context.conform(new, old, leaves)  # type: ignore[no-any-return]

        return node_rewriter(ops, DISPLAY, client, tags=tags, example=example)(fitted)

    return declare


# -- products --------------------------------------------------------------------------------


def _aspect(node: Apply, found: Product) -> str:
    """What is most worth saying about a product when it is put in order."""
    if found.cancelled:
        return "cancel"
    if found.signs >= 2:
        return "signs"
    if found.merged:
        return "powers"
    root_is_fraction = node.op.name in ("true_div", "reciprocal")
    if found.fractions > (1 if root_is_fraction or found.outer_minus else 0):
        return "fraction"
    if found.signs == 1 and not found.outer_minus:
        return "minus"
    if len([n for n in found.above + found.below if n != 1]) > 1:
        return "numbers"
    return "order"


# aspect -> the rule that says it, its words and an example
ASPECTS: dict[str, tuple[str, str, Any]] = {
    "signs": ("two_signs_cancel", "the two signs cancel", lambda x, y: (-x) * (-y)),
    "minus": ("sign_in_front", "the minus sign goes to the front", lambda x, y: x * (-y)),
    "fraction": ("one_fraction", "written as one fraction", lambda x, y: (1 / x) * y),
    "cancel": ("equal_factors_cancel", "equal factors above and below cancel",
               lambda x, y: (x * y) / x),
    "powers": ("equal_factors_as_power", "equal factors make a power", lambda x, y: x * x),
    "numbers": ("numbers_multiply", "the numbers are multiplied", lambda x, y: 2 * (3 * x)),
    "order": ("product_in_order", "number first, then names, then functions", lambda x, y: x * 2),
}


def _declare_aspect(aspect: str, name: str, words: str, example: Any) -> None:
    """The rule that puts a product in order where `aspect` is what is to be said about it."""
    def ordered(context: Context, node: Apply, found: Product) -> Answer:
        if node.op.name == "pow" and is_number(context, node.inputs[1]) is None:
            return None
        if _aspect(node, found) != aspect or (aspect == "fraction" and not found.powers):
            return None
        return build(found)

    ordered.__name__, ordered.__doc__ = name, words
    tags = ("tidy", "silent") if aspect == "order" else ("tidy",)
    display(PRODUCTS, tags, example, product_of)(ordered)


for _name, _declaration in ASPECTS.items():
    _declare_aspect(_name, *_declaration)


@display(("mul", "true_div"), ("tidy",),
         lambda x, y: function("exp")(x) * function("exp")(-x) * y, product_of)
def exponentials_cancel(context: Context, node: Apply, found: Product) -> Answer:
    """exp(u) exp(-u) = 1"""
    arguments = {
        bare(base.owner.inputs[0]): base
        for base in found.powers
        if base.owner is not None and base.owner.op.name == "exp"
    }
    for argument, base in arguments.items():
        opposite = _negative(context, argument)
        twin = None if opposite is None else arguments.get(context.fgraph.table.intern(opposite))
        if twin is None or found.powers[base] * found.powers[twin] <= 0:
            continue
        common = min(found.powers[base], found.powers[twin], key=abs)
        return build(found.raised({base: -common, twin: -common}))
    return None


@display(("mul",), ("tidy",), lambda x, y: x * x ** (y - 1), product_of)
def exponents_add(context: Context, node: Apply, found: Product) -> Answer:
    """the exponents add"""
    for factor, times in found.powers.items():
        inner = factor.owner
        if times != 1.0 or inner is None or inner.op.name != "pow":
            continue
        base, exponent = bare(inner.inputs[0]), bare(inner.inputs[1])
        less = exponent.owner
        if less is None or less.op.name not in ("sub", "add"):
            continue
        shift = is_number(context, less.inputs[1])
        if shift is None or base not in found.powers:
            continue
        shift = shift if less.op.name == "sub" else -shift
        if shift <= 0 or found.powers[base] < shift:
            continue
        changed = found.copy()
        grown: Variable = function("pow")(base, less.inputs[0])
        changed.powers = {
            (grown if b is factor else b): e for b, e in found.powers.items() if b is not base
        }
        if found.powers[base] != shift:
            changed.powers[base] = found.powers[base] - shift
        return build(changed)
    return None


@display(("dot",), ("tidy",), lambda x, y: function("dot")(x, 2 * y.T),
         client="document: the normal equations of least squares")
def number_before_matrix_product(context: Context, node: Apply) -> Answer:
    """the number goes to the front"""
    front, inputs = Product(), []
    for variable in node.inputs:
        found = product_of(context, variable)
        inputs.append(variable)
        if found is None or found.number in (0.0, 1.0) or not found.powers:
            continue
        rest = build(found.without_number())
        if context.same_shape(rest, variable):
            inputs[-1] = rest
            front.signs += found.signs
            front.above += found.above
            front.below += found.below
    return build(front.raised({function("dot")(*inputs): 1.0})) if front != Product() else None


@display(("dot",), ("tidy",), lambda x: function("dot")(
    function("inc_diagonal")(np.zeros((3, 3)), np.ones(3)), np.ones((3, 3)) * function("sum")(x)),
         client="lesson: the derivative of a trace")
def identity_in_a_matrix_product(context: Context, node: Apply) -> Answer:
    """the identity matrix changes nothing"""
    for one, other in (node.inputs, node.inputs[::-1]):
        inner, shape = one.owner, one.type.shape  # type: ignore[attr-defined]
        square = len(shape) == 2 and shape[0] is not None and shape[0] == shape[1]
        if inner is None or inner.op.name != "inc_diagonal" or inner.op.offset or not square:
            continue
        if [is_number(context, v) for v in inner.inputs] == [0, 1]:
            return other
    return None


# -- chosen elements ---------------------------------------------------------------------------


def _rank(variable: Variable) -> int:
    return len(getattr(variable.type, "shape", ()))


def _element(op: Any, ndim: int) -> tuple[int, ...] | None:
    """The numbers by which an op chooses one element of an array, else None."""
    pattern = getattr(op, "pattern", ())
    plain = len(pattern) == ndim > 0 and all(isinstance(entry, int) for entry in pattern)
    return tuple(pattern) if plain else None


def _chosen(context: Context, variable: Variable) -> tuple[Apply, tuple[int, ...]] | None:
    """The node that puts one element into zeros, and where; None for anything else."""
    node = variable.owner
    if node is None or node.op.name != "inc_subtensor":
        return None
    key = _element(node.op, _rank(node.outputs[0]))
    return None if key is None or is_number(context, node.inputs[0]) != 0 else (node, key)


def _put(node: Apply, key: tuple[int, ...], value: Variable) -> Variable:
    """The same zeros with another element put in."""
    array: Any = node.inputs[0]
    result: Variable = function("inc_subtensor")(array[key], value)
    return result


def _at(variable: Any, key: tuple[int, ...]) -> Variable:
    """The element of an array; a single number is its own."""
    inner: Any = bare(variable)
    found: Variable = inner[key] if _rank(inner) == len(key) else inner
    return found


@display(("subtensor",), ("tidy", "silent"), lambda x, y: function("exp")(x)[0])
def element_of_an_operation(context: Context, node: Apply) -> Answer:
    """an element of a result is the result for that element"""
    inner = node.inputs[0].owner
    key = _element(node.op, _rank(node.inputs[0]))
    if key is None or inner is None or not hasattr(inner.op, "row") or inner.op.name == "second":
        return None
    stretch = getattr(inner.op, "stretch", ()) or ((),) * len(inner.inputs)
    if any(axes and _rank(bare(v)) for axes, v in zip(stretch, inner.inputs)):
        return None
    result: Variable = function(inner.op.name)(*(_at(v, key) for v in inner.inputs))
    return result


@display(("mul", "true_div"), ("tidy",),
         lambda x, y: function("exp")(x) * function("inc_subtensor")((x * 0)[0], y[0]), product_of)
def only_the_chosen_element(context: Context, node: Apply, found: Product) -> Answer:
    """only the chosen element is not zero"""
    for base, exponent in found.powers.items():
        chosen = _chosen(context, base)
        rest = found.raised({base: -1}).without_number()
        if chosen is None or exponent != 1 or not rest.powers:
            continue
        factor = _at(build(rest), chosen[1])
        inside = _put(*chosen, function("mul")(chosen[0].inputs[1], factor))
        return build(dataclasses.replace(found.copy(), powers={inside: 1.0}))
    return None


@display(("inc_subtensor",), ("tidy", "silent"),
         lambda x, y: function("inc_subtensor")((x * 0)[0], -y[0]))
def number_before_an_element(context: Context, node: Apply) -> Answer:
    """the number stands in front"""
    chosen = _chosen(context, node.outputs[0])
    found = None if chosen is None else product_of(context, node.inputs[1])
    if chosen is None or found is None or found.number in (0.0, 1.0):
        return None
    rest = _put(*chosen, build(found.without_number()))
    return build(dataclasses.replace(found.copy(), powers={rest: 1.0}))


@display(("sum",), ("tidy",), lambda x, y: function("sum")(function("sum")(y) * x))
def factor_before_the_sum(context: Context, node: Apply) -> Answer:
    """what is the same in every term stands before the sum"""
    inner = node.inputs[0]
    found = None if _rank(node.outputs[0]) else product_of(context, inner)
    if found is None or not _rank(inner):
        return None
    inside = {base: e for base, e in found.powers.items() if _rank(base)}
    outside = {base: e for base, e in found.powers.items() if base not in inside}
    if not inside or (not outside and found.number == 1.0):
        return None
    factor = build(dataclasses.replace(found.copy(), powers=outside))
    terms = build(dataclasses.replace(found.without_number(), powers=inside))
    if _rank(terms) != _rank(inner):
        return None
    result: Variable = function("mul")(factor, function("sum")(terms))
    return result


@display(("sum",), ("tidy",),
         lambda x, y: function("sum")(function("inc_subtensor")((x * 0)[0], y[0])))
def sum_of_one_element(context: Context, node: Apply) -> Answer:
    """of the sum only one term is not zero"""
    chosen = _chosen(context, bare(node.inputs[0]))
    return None if chosen is None or _rank(node.outputs[0]) else chosen[0].inputs[1]


# -- numbers and sums --------------------------------------------------------------------------


@display(("add", "sub", "mul", "pow", "true_div"), ("tidy",),
         lambda x, y: x ** (y.type.make_constant(3.0) - 1))
def arithmetic(context: Context, node: Apply) -> Answer:
    """arithmetic"""
    values = [is_number(context, v) for v in node.inputs]
    if None in values or not all(isinstance(bare(v), Constant) for v in node.inputs):
        return None
    scalars = [np.asarray(value, dtype=np.float64) for value in values]
    result = float(np.asarray(node.op.evaluate(node, *scalars)).reshape(-1)[0])
    whole = all(float(scalar).is_integer() for scalar in scalars)
    exact = math.isfinite(result) and (result.is_integer() or not whole)
    return number(result) if exact else None


@display(("add", "sub"), ("tidy", "silent"), lambda x, y: x + y * 0)
def nothing_added(context: Context, node: Apply) -> Answer:
    """adding zero changes nothing"""
    left, right = node.inputs
    if is_number(context, right) == 0:
        return left
    if is_number(context, left) == 0:
        return right if node.op.name == "add" else _signed(1, right)
    return None


@display(("add", "sub"), ("tidy", "silent"), lambda x, y: x + (-y))
def plus_minus(context: Context, node: Apply) -> Answer:
    """plus a negative is minus"""
    left, right = node.inputs
    first = bare(left).owner
    if node.op.name == "add" and first is not None and first.op.name == "neg":
        left, right = right, left
    inner = bare(right).owner
    if inner is None or inner.op.name != "neg":
        return None
    sign = "sub" if node.op.name == "add" else "add"
    difference: Variable = function(sign)(left, inner.inputs[0])
    return difference


def _known_terms(context: Context, total: Variable) -> Terms | None:
    """The terms of a sum: sign, term, and the term as a product; None where one is no product."""
    terms = terms_of(context, total) or []
    found = [(sign, term, product_of(context, term)) for sign, term in terms]
    known = [(sign, term, product) for sign, term, product in found if product is not None]
    return known if len(known) == len(terms) > 1 else None


@display(("add", "sub"), ("tidy",), lambda x, y: x + y + x, _known_terms)
def like_terms(context: Context, node: Apply, terms: Terms) -> Answer:
    """like terms are collected"""
    collected: dict[Variable | None, float] = {}
    for sign, _, product in terms:
        coefficient, key = sign * product.number, _key(context, product)
        collected[key] = collected.get(key, 0.0) + coefficient
    if len(collected) == len(terms):
        return None
    kept = [(c, key) for key, c in collected.items() if c != 0.0]
    return added(_positive_first(kept, number_last=True))


def _key(context: Context, product: Product) -> Variable | None:
    """What a term is without its number, interned; None for a plain number."""
    if not any(product.powers.values()):
        return None
    return context.fgraph.table.intern(build(product.without_number()))


def _positive_first(terms: Coefficients, number_last: bool = False) -> Coefficients:
    """The same terms, beginning with one without a minus sign if there is one."""
    terms = sorted(terms, key=lambda pair: number_last and pair[1] is None)
    first = next((k for k, (coefficient, _) in enumerate(terms) if coefficient > 0), 0)
    return [*terms[first : first + 1], *terms[:first], *terms[first + 1 :]]


# -- sums of fractions, common factors ---------------------------------------------------------


@display(("add", "sub"), ("bar",), lambda x, y: 1 / x + y / x**2, _known_terms)
def common_denominator(context: Context, node: Apply, terms: Terms) -> Answer:
    """brought to a common denominator"""
    lowest: dict[Variable, float] = {}
    for _, _, product in terms:
        for base, exponent in product.powers.items():
            if exponent < 0:
                lowest[base] = min(lowest.get(base, 0.0), exponent)
    with_bar = [p for _, _, p in terms if any(e < 0 for e in p.powers.values())]
    shared = any(all(p.powers.get(b, 0.0) < 0 for p in with_bar) for b in lowest)
    if len(with_bar) < 2 or not shared:
        return None
    numerators: Coefficients = []
    for sign, _, product in terms:
        raised = product.raised({base: -exponent for base, exponent in lowest.items()})
        negative = (sign < 0) != (raised.signs % 2 == 1)
        numerators.append((-1.0 if negative else 1.0, build(_unsigned(raised))))
    below = Product(powers={base: -exponent for base, exponent in lowest.items()})
    fraction: Variable = function("true_div")(added(_positive_first(numerators)), build(below))
    return fraction


@display(("add", "sub"), ("bar",), lambda x, y: x * (x + y) - x**2)
def multiplied_out(context: Context, node: Apply) -> Answer:
    """the products are multiplied out"""
    terms = terms_of(context, node.outputs[0])
    if terms is None or len(terms) > MOST_OPENED:
        return None
    opened: Coefficients = []
    changed = False
    for sign, term in terms:
        product = product_of(context, term)
        if product is None:
            return None
        parts = _distributed(context, product)
        changed |= len(parts) > 1
        opened += [(sign * c, v) for c, v in parts] if len(parts) > 1 else [(sign, term)]
    if not changed or len(opened) > 2 * MOST_OPENED:
        return None
    return added(_positive_first(opened, number_last=True))


MOST_OPENED = 8


def _distributed(context: Context, product: Product) -> Coefficients:
    """A product with a sum among its factors as a sum of products; else, and above a bar, itself.

    Sums of fractions with one bar would be brought together again.
    """
    bar = any(exponent < 0 for exponent in product.powers.values())
    for base, exponent in () if bar else product.powers.items():
        inner = bare(base).owner
        if exponent not in (1.0, 2.0) or inner is None or inner.op.name not in ("add", "sub"):
            continue
        terms = terms_of(context, base)
        if terms is None or len(terms) > MOST_OPENED // 2:
            continue
        rest = product.raised({base: -1})
        return [_times_term(context, rest, sign, term) for sign, term in terms]
    return [(1.0, None)]


def _times_term(
    context: Context, product: Product, sign: float, term: Variable
) -> tuple[float, Variable | None]:
    """One more factor into a product: its coefficient, and the rest."""
    whole = product.copy()
    coefficient = is_number(context, term)
    if coefficient is None:
        inner = product_of(context, term) or Product(powers={term: 1.0})
        for base, exponent in inner.powers.items():
            whole.multiply(base, exponent)
        coefficient = inner.number
    rest = whole.raised({}).without_number()
    return sign * coefficient * whole.number, build(rest) if rest.powers else None


@display(("add", "sub"), ("factor",),
         lambda x, y: function("exp")(x) * y + function("exp")(x) * x, _known_terms)
def common_factor(context: Context, node: Apply, terms: Terms) -> Answer:
    """the common factor is taken out"""
    common: dict[Variable, float] = {}
    for base in terms[0][2].powers:
        exponents = [p.powers.get(base, 0.0) for _, _, p in terms]
        if all(e > 0 for e in exponents) or all(e < 0 for e in exponents):
            common[base] = min(exponents, key=abs)
    if not any(base.owner is not None and e > 0 for base, e in common.items()):
        return None
    rests: Coefficients = []
    for sign, _, product in terms:
        rest = product.raised({base: -exponent for base, exponent in common.items()})
        left = build(rest.without_number()) if rest.powers else None
        rests.append((sign * rest.number, left))
    outside = Product(powers=common)
    sizes = {abs(c) for c, _ in rests}
    if len(sizes) == 1 and sizes != {1.0}:
        outside.above = list(sizes)
        rests = [(c / abs(c), v) for c, v in rests]
    inside = added(_positive_first(rests))
    factored: Variable = function("mul")(build(outside), inside)
    return factored


# -- the logistic function ----------------------------------------------------------------------


def _one_plus_exponential(context: Context, variable: Variable) -> Variable | None:
    """E, where the variable is 1 + E or E + 1 and E is an exponential."""
    node = bare(variable).owner
    if node is None or node.op.name != "add":
        return None
    for one, other in (node.inputs, node.inputs[::-1]):
        inner = bare(other)
        exponential = inner.owner is not None and inner.owner.op.name == "exp"
        if exponential and is_number(context, one) == 1:
            return inner
    return None


def _negative(context: Context, variable: Variable) -> Variable | None:
    """u, where the variable is -u in any spelling."""
    product = product_of(context, variable)
    return None if product is None or product.signs % 2 == 0 else build(_unsigned(product))


@display(("true_div",), ("split",),
         lambda x, y: function("exp")(-x) / (1 + function("exp")(-x)) ** 2, product_of)
def split_the_square(context: Context, node: Apply, found: Product) -> Answer:
    """the square is split"""
    for base, exponent in found.powers.items():
        exponential = _one_plus_exponential(context, base)
        if exponent != -2 or exponential is None or found.powers.get(exponential, 0.0) < 1:
            continue
        rest = found.raised({exponential: -1, base: 2})
        halves = [function("true_div")(number(1.0), base), function("true_div")(exponential, base)]
        assert exponential.owner is not None
        if _negative(context, exponential.owner.inputs[0]) is None:
            halves.reverse()  # so that s stands before 1 - s
        both = function("mul")(*halves)
        trivial = not rest.powers and abs(rest.number) == 1
        result = both if trivial else function("mul")(build(_unsigned(rest)), both)
        return _signed(rest.signs, result)
    return None


def _signed(signs: int, variable: Variable) -> Variable:
    """The variable with a minus sign in front where the signs are odd."""
    signed: Variable = function("neg")(variable) if signs % 2 else variable
    return signed


def _unsigned(product: Product) -> Product:
    return dataclasses.replace(product.copy(), signs=0)


@display(("true_div", "reciprocal"), ("recognise",),
         lambda x, y: y / (1 + function("exp")(-x)), product_of)
def logistic_by_name(context: Context, node: Apply, found: Product) -> Answer:
    """s(u) = 1/(1 + exp(-u)), and exp(-u)/(1 + exp(-u)) = 1 - s(u)"""
    for base, exponent in found.powers.items():
        exponential = _one_plus_exponential(context, base)
        if exponential is None or exponent != -1 or exponential.owner is None:
            continue
        argument = exponential.owner.inputs[0]
        above = found.powers.get(exponential, 0.0)
        if above not in (0.0, 1.0):
            return None
        rest = found.raised({base: 1, exponential: -above})
        negative = _negative(context, argument)
        sigmoid = function("sigmoid")(argument if negative is None else negative)
        if (above == 1) == (negative is not None):
            sigmoid = function("sub")(number(1.0), sigmoid)
        if rest.powers or rest.number not in (1, -1):
            sigmoid = function("mul")(build(_unsigned(rest)), sigmoid)
        return _signed(rest.signs, sigmoid)
    return None


@display(("pow",), ("tidy", "silent"), lambda x, y: function("pow")(x, 0.5))
def half_power_is_root(context: Context, node: Apply) -> Answer:
    """the power 1/2 is the square root"""
    half = is_number(context, node.inputs[1]) == 0.5
    return function("sqrt")(power(node.inputs[0], 1.0)) if half else None
