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
from typing import Any

import numpy as np

from autodiff_lab.graph import Apply, Constant, Variable
from autodiff_lab.rewriting.factors import (
    Product,
    added,
    bare,
    build,
    is_number,
    number,
    power,
    product_of,
    terms_of,
)
from autodiff_lab.rewriting.facts import Context
from autodiff_lab.rewriting.registry import DISPLAY, node_rewriter
from autodiff_lab.tensor.registry import function

CLIENT = "seed: the derivation of the logistic function's derivative"
PRODUCTS = ("mul", "true_div", "neg", "reciprocal", "sqr", "pow")

Answer = Variable | None

display = functools.partial(node_rewriter, phase=DISPLAY, client=CLIENT)


def _fitted(context: Context, new: Variable, node: Apply) -> Answer:
    """`new` with the dtype and shape of what it replaces."""
    old = node.outputs[0]
    leaves = [v for v in node.inputs if v.type.ndim == old.type.ndim]  # type: ignore[attr-defined]
    result: Answer = context.conform(new, old, leaves)
    return result


# -- products --------------------------------------------------------------------------------


def _aspect(context: Context, node: Apply, found: Product) -> str:
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


def _ordered(context: Context, node: Apply, aspect: str) -> Answer:
    """The product put in order, if `aspect` is what is to be said about it."""
    if node.op.name == "pow" and is_number(context, node.inputs[1]) is None:
        return None
    found = product_of(context, node.outputs[0])
    if found is None or _aspect(context, node, found) != aspect:
        return None
    if aspect == "fraction" and not found.powers:
        return None
    return _fitted(context, build(found), node)


def _symbolic(context: Context, node: Apply) -> Answer:
    """x ** (n - 1) * x -> x ** n, where the exponent is no number."""
    found = product_of(context, node.outputs[0])
    if found is None:
        return None
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
        return _fitted(context, build(changed), node)
    return None


@display(PRODUCTS, tags=("tidy",), example=lambda x, y: (-x) * (-y))
def two_signs_cancel(context: Context, node: Apply) -> Answer:
    """the two signs cancel"""
    return _ordered(context, node, "signs")


@display(PRODUCTS, tags=("tidy",), example=lambda x, y: x * (-y))
def sign_in_front(context: Context, node: Apply) -> Answer:
    """the minus sign goes to the front"""
    return _ordered(context, node, "minus")


@display(PRODUCTS, tags=("tidy",), example=lambda x, y: (1 / x) * y)
def one_fraction(context: Context, node: Apply) -> Answer:
    """written as one fraction"""
    return _ordered(context, node, "fraction")


@display(PRODUCTS, tags=("tidy",), example=lambda x, y: (x * y) / x)
def equal_factors_cancel(context: Context, node: Apply) -> Answer:
    """equal factors above and below cancel"""
    return _ordered(context, node, "cancel")


@display(PRODUCTS, tags=("tidy",), example=lambda x, y: x * x)
def equal_factors_as_power(context: Context, node: Apply) -> Answer:
    """equal factors make a power"""
    return _ordered(context, node, "powers")


@display(("mul", "true_div"), tags=("tidy",),
         example=lambda x, y: function("exp")(x) * function("exp")(-x) * y)
def exponentials_cancel(context: Context, node: Apply) -> Answer:
    """exp(u) exp(-u) = 1"""
    found = product_of(context, node.outputs[0])
    if found is None:
        return None
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
        return _fitted(context, build(found.raised({base: -common, twin: -common})), node)
    return None


@display(("mul",), tags=("tidy",), example=lambda x, y: x * x ** (y - 1))
def exponents_add(context: Context, node: Apply) -> Answer:
    """the exponents add"""
    return _symbolic(context, node)


@display(PRODUCTS, tags=("tidy",), example=lambda x, y: 2 * (3 * x))
def numbers_multiply(context: Context, node: Apply) -> Answer:
    """the numbers are multiplied"""
    return _ordered(context, node, "numbers")


@display(PRODUCTS, tags=("tidy", "silent"), example=lambda x, y: x * 2)
def product_in_order(context: Context, node: Apply) -> Answer:
    """number first, then names, then functions"""
    return _ordered(context, node, "order")


@node_rewriter(("dot",), phase=DISPLAY, client="document: the normal equations of least squares",
               tags=("tidy",), example=lambda x, y: function("dot")(x, 2 * y.T))
def number_before_matrix_product(context: Context, node: Apply) -> Answer:
    """the number goes to the front"""
    factor, inputs = 1.0, []
    for variable in node.inputs:
        found = product_of(context, variable)
        inputs.append(variable)
        if found is None or found.number in (0.0, 1.0) or not found.powers:
            continue
        value = found.number
        rest = build(found.without_number())
        if context.same_shape(rest, variable):
            inputs[-1] = rest
            factor *= value
    if factor == 1.0:
        return None
    product = function("dot")(*inputs)
    scaled = product if abs(factor) == 1 else function("mul")(number(abs(factor)), product)
    return _fitted(context, function("neg")(scaled) if factor < 0 else scaled, node)


# -- numbers and sums --------------------------------------------------------------------------


@display(("add", "sub", "mul", "pow", "true_div"), tags=("tidy",),
         example=lambda x, y: x ** (y.type.make_constant(3.0) - 1))
def arithmetic(context: Context, node: Apply) -> Answer:
    """arithmetic"""
    values = [is_number(context, v) for v in node.inputs]
    if any(value is None for value in values):
        return None
    if all(isinstance(bare(v), Constant) for v in node.inputs):
        result = float(np.asarray(node.op.evaluate(node, *_scalars(values))).reshape(-1)[0])
        whole = all(float(value).is_integer() for value in values if value is not None)
        if not math.isfinite(result) or (whole and not result.is_integer()):
            return None
        return _fitted(context, number(result), node)
    return None


def _scalars(values: list[float | None]) -> list[Any]:
    return [np.asarray(value, dtype=np.float64) for value in values]


@display(("add", "sub"), tags=("tidy", "silent"), example=lambda x, y: x + y * 0)
def nothing_added(context: Context, node: Apply) -> Answer:
    """adding zero changes nothing"""
    left, right = node.inputs
    if is_number(context, right) == 0:
        return _fitted(context, left, node)
    if is_number(context, left) == 0:
        other = right if node.op.name == "add" else function("neg")(right)
        return _fitted(context, other, node)
    return None


@display(("add", "sub"), tags=("tidy", "silent"), example=lambda x, y: x + (-y))
def plus_minus(context: Context, node: Apply) -> Answer:
    """plus a negative is minus"""
    left, right = node.inputs
    inner = bare(right).owner
    if inner is None or inner.op.name != "neg":
        return None
    sign = "sub" if node.op.name == "add" else "add"
    return _fitted(context, function(sign)(left, inner.inputs[0]), node)


@display(("add", "sub"), tags=("tidy",), example=lambda x, y: x + y + x)
def like_terms(context: Context, node: Apply) -> Answer:
    """like terms are collected"""
    terms, known = _terms(context, node)
    collected: dict[Variable | None, float] = {}
    for (sign, _), product in zip(terms, known):
        coefficient, key = sign * product.number, _key(context, product)
        collected[key] = collected.get(key, 0.0) + coefficient
    if len(collected) == len(terms):
        return None
    kept = [(c, key) for key, c in collected.items() if c != 0.0]
    return _fitted(context, added((c, v) for c, v in _positive_first(kept)), node)


def _terms(context: Context, node: Apply) -> tuple[list[tuple[float, Variable]], list[Product]]:
    """The terms of a sum with their signs, and each as a product; none where one is no product."""
    terms = terms_of(context, node.outputs[0]) or []
    found = [product_of(context, term) for _, term in terms]
    products = [product for product in found if product is not None]
    return (list(terms), products) if len(products) == len(terms) else ([], [])


def _key(context: Context, product: Product) -> Variable | None:
    """What a term is without its number, interned; None for a plain number."""
    if not any(product.powers.values()):
        return None
    return context.fgraph.table.intern(build(product.without_number()))


def _positive_first(
    terms: list[tuple[float, Variable | None]]
) -> list[tuple[float, Variable | None]]:
    """The same terms, beginning with one that has no minus sign, if there is one."""
    if terms and terms[0][0] < 0:
        for place, (coefficient, _) in enumerate(terms):
            if coefficient > 0:
                return [terms[place], *terms[:place], *terms[place + 1 :]]
    return terms


# -- sums of fractions, common factors ---------------------------------------------------------


@display(("add", "sub"), tags=("bar",), example=lambda x, y: 1 / x + y / x**2)
def common_denominator(context: Context, node: Apply) -> Answer:
    """brought to a common denominator"""
    terms, known = _terms(context, node)
    if len(terms) < 2:
        return None
    lowest: dict[Variable, float] = {}
    for product in known:
        for base, exponent in product.powers.items():
            if exponent < 0:
                lowest[base] = min(lowest.get(base, 0.0), exponent)
    with_bar = [p for p in known if any(e < 0 for e in p.powers.values())]
    shared = any(all(p.powers.get(b, 0.0) < 0 for p in with_bar) for b in lowest)
    if len(with_bar) < 2 or not shared:
        return None
    numerators: list[tuple[float, Variable | None]] = []
    for (sign, _), product in zip(terms, known):
        raised = product.raised({base: -exponent for base, exponent in lowest.items()})
        negative = (sign < 0) != (raised.signs % 2 == 1)
        numerators.append((-1.0 if negative else 1.0, build(_unsigned(raised))))
    below = Product(powers={base: -exponent for base, exponent in lowest.items()})
    return _fitted(
        context, function("true_div")(added(_positive_first(numerators)), build(below)), node
    )


@display(("add", "sub"), tags=("bar",), example=lambda x, y: x * (x + y) - x**2)
def multiplied_out(context: Context, node: Apply) -> Answer:
    """the products are multiplied out"""
    terms = terms_of(context, node.outputs[0])
    if terms is None or len(terms) > MOST_OPENED:
        return None
    opened: list[tuple[float, Variable | None]] = []
    changed = False
    for sign, term in terms:
        product = product_of(context, term)
        if product is None:
            return None
        parts = _distributed(context, product)
        changed |= len(parts) > 1
        if len(parts) > 1:
            opened += [(sign * c, v) for c, v in parts]
        else:
            opened.append((sign, term))
    if not changed or len(opened) > 2 * MOST_OPENED:
        return None
    return _fitted(context, added(opened), node)


MOST_OPENED = 8


def _distributed(context: Context, product: Product) -> list[tuple[float, Variable | None]]:
    """A product with a sum among its factors as a sum of products; else itself."""
    for base, exponent in product.powers.items():
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
    value = is_number(context, term)
    coefficient = sign
    if value is None:
        inner = product_of(context, term) or Product(powers={term: 1.0})
        for base, exponent in inner.powers.items():
            whole.multiply(base, exponent)
        coefficient *= inner.number
    else:
        coefficient *= value
    rest = whole.raised({}).without_number()
    return coefficient * whole.number, build(rest) if rest.powers else None


@display(("add", "sub"), tags=("factor",),
         example=lambda x, y: function("exp")(x) * y + function("exp")(x) * x)
def common_factor(context: Context, node: Apply) -> Answer:
    """the common factor is taken out"""
    terms, known = _terms(context, node)
    if len(terms) < 2:
        return None
    common: dict[Variable, float] = {}
    for base in known[0].powers:
        exponents = [p.powers.get(base, 0.0) for p in known]
        if all(e > 0 for e in exponents) or all(e < 0 for e in exponents):
            common[base] = min(exponents, key=abs)
    if not any(base.owner is not None and e > 0 for base, e in common.items()):
        return None
    rests: list[tuple[float, Variable | None]] = []
    for (sign, _), product in zip(terms, known):
        rest = product.raised({base: -exponent for base, exponent in common.items()})
        left = build(rest.without_number()) if rest.powers else None
        rests.append((sign * rest.number, left))
    outside = Product(powers=common)
    sizes = {abs(c) for c, _ in rests}
    if len(sizes) == 1 and sizes != {1.0}:
        outside.above = list(sizes)
        rests = [(c / abs(c), v) for c, v in rests]
    inside = added(_positive_first(rests))
    return _fitted(context, function("mul")(build(outside), inside), node)


# -- the logistic function ----------------------------------------------------------------------


def _one_plus_exponential(context: Context, variable: Variable) -> Variable | None:
    """E, where the variable is 1 + E or E + 1 and E is an exponential."""
    node = bare(variable).owner
    if node is None or node.op.name != "add":
        return None
    for one, other in (node.inputs, node.inputs[::-1]):
        inner = bare(other)
        if is_number(context, one) == 1 and inner.owner is not None:
            if inner.owner.op.name == "exp":
                return inner
    return None


def _negative(context: Context, variable: Variable) -> Variable | None:
    """u, where the variable is -u in any spelling."""
    product = product_of(context, variable)
    return None if product is None or product.signs % 2 == 0 else build(_unsigned(product))


@display(("true_div",), tags=("split",),
         example=lambda x, y: function("exp")(-x) / (1 + function("exp")(-x)) ** 2)
def split_the_square(context: Context, node: Apply) -> Answer:
    """the square is split"""
    found = product_of(context, node.outputs[0])
    if found is None:
        return None
    for base, exponent in found.powers.items():
        exponential = _one_plus_exponential(context, base)
        if exponent != -2 or exponential is None or found.powers.get(exponential, 0.0) < 1:
            continue
        rest = found.raised({exponential: -1, base: 2})
        halves = [
            function("true_div")(number(1.0), base), function("true_div")(exponential, base)
        ]
        assert exponential.owner is not None
        if _negative(context, exponential.owner.inputs[0]) is None:
            halves.reverse()  # so that s stands before 1 - s
        both = function("mul")(*halves)
        trivial = not rest.powers and abs(rest.number) == 1
        result = both if trivial else function("mul")(build(_unsigned(rest)), both)
        return _fitted(context, function("neg")(result) if rest.signs % 2 else result, node)
    return None


def _unsigned(product: Product) -> Product:
    return dataclasses.replace(product.copy(), signs=0)


@display(("true_div", "reciprocal"), tags=("recognise",),
         example=lambda x, y: y / (1 + function("exp")(-x)))
def logistic_by_name(context: Context, node: Apply) -> Answer:
    """s(u) = 1/(1 + exp(-u)), and exp(-u)/(1 + exp(-u)) = 1 - s(u)"""
    found = product_of(context, node.outputs[0])
    if found is None:
        return None
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
        if above == 1 and negative is not None or above == 0 and negative is None:
            factor = function("sub")(number(1.0), sigmoid)
        else:
            factor = sigmoid
        if not rest.powers and rest.number == 1:
            return _fitted(context, factor, node)
        sign = rest.signs % 2
        result = function("mul")(build(_unsigned(rest)), factor)
        if not rest.powers and rest.number in (1, -1):
            result = factor
        return _fitted(context, function("neg")(result) if sign else result, node)
    return None


@display(("pow",), tags=("tidy", "silent"), example=lambda x, y: function("pow")(x, 0.5))
def half_power_is_root(context: Context, node: Apply) -> Answer:
    """the power 1/2 is the square root"""
    if is_number(context, node.inputs[1]) != 0.5:
        return None
    return _fitted(context, function("sqrt")(power(node.inputs[0], 1.0)), node)
