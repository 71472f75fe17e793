"""Products and sums taken apart: what the display rules compare and put together again.

What is here: `Product`, a formula as sign, numbers, and powers of bases above and below the
fraction bar; `terms_of`, a sum as a list of terms with coefficients.  Relies on `tensor` for the
ops and on a `Context` for the values of constants.

The one idea: a rule for display changes one aspect of a product or sum and builds it anew; nodes
are interned, so building what was there already changes nothing.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any

from autodiff_lab.graph import Variable
from autodiff_lab.rewriting.facts import Context
from autodiff_lab.tensor.constants import constant
from autodiff_lab.tensor.registry import function

MOST_FACTORS = 40
"""Longer products and sums are left as they are: the time would grow with their square."""
MOST_OPENED = 8
"""How many factors `fraction` takes apart."""


@dataclasses.dataclass
class Product:
    """A product and quotient of powers.

    Attributes
    ----------
    signs : int
        How many minus signs stand in it.
    above, below : list of float
        The numbers above and below the bar, without sign.
    powers : dict
        Base -> exponent, in order of appearance; negative below the bar.
    fractions, merged : int
        How many fractions it is written with; how often a base stood more than once.
    cancelled : bool
        Whether a base stood on both sides of the bar.
    outer_minus : bool
        Whether it begins with a minus sign.
    """

    signs: int = 0
    above: list[float] = dataclasses.field(default_factory=list)
    below: list[float] = dataclasses.field(default_factory=list)
    powers: dict[Variable, float] = dataclasses.field(default_factory=dict)
    fractions: int = 0
    merged: int = 0
    cancelled: bool = False
    outer_minus: bool = False

    def multiply(self, base: Variable, exponent: float) -> None:
        """Take in one more factor."""
        if base in self.powers:
            self.merged += 1
            self.cancelled |= self.powers[base] * exponent < 0
        self.powers[base] = self.powers.get(base, 0.0) + exponent

    @property
    def numbers(self) -> tuple[float, float]:
        """The numbers above and below the bar, multiplied."""
        return float(math.prod(self.above)), float(math.prod(self.below))

    @property
    def number(self) -> float:
        """The number in front, with its sign."""
        above, below = self.numbers
        value = above / below
        return -value if self.signs % 2 else value

    def raised(self, changes: Mapping[Variable, float]) -> Product:
        """A copy with exponents changed by so much; bases whose exponent is then 0 are gone."""
        changed = self.copy()
        for base, change in changes.items():
            changed.powers[base] = changed.powers.get(base, 0.0) + change
        changed.powers = {base: e for base, e in changed.powers.items() if e}
        return changed

    def without_number(self) -> Product:
        """A copy without sign and numbers."""
        return dataclasses.replace(self.copy(), signs=0, above=[], below=[])

    def copy(self) -> Product:
        """The same factors, to be changed."""
        return dataclasses.replace(
            self, above=list(self.above), below=list(self.below), powers=dict(self.powers)
        )


def bare(variable: Variable) -> Variable:
    """A variable without casts, added leading axes, copies and stretching around it."""
    while variable.owner is not None:
        node = variable.owner
        op: Any = node.op
        if op.name == "second":
            variable = node.inputs[1]
            continue
        inner: Any = node.inputs[0]
        adds_axes = op.name == "dimshuffle" and op.only_adds_axes and _leading(op)
        if op.name == "dimshuffle" and not op.kept and inner.type.ndim and bare(inner) is not inner:
            variable = bare(inner)  # axes added and dropped again
            continue
        between_floats = op.name.startswith("cast_") and inner.type.dtype != "bool"
        if not (adds_axes or between_floats or op.name == "identity"):
            break
        variable = inner
    return variable


def _leading(op: Any) -> bool:
    order = op.new_order
    kept = len(op.kept)
    return all(entry == "x" for entry in order[: len(order) - kept])


def is_number(context: Context, variable: Variable) -> float | None:
    """The finite number that a variable holds everywhere, or None."""
    value = context.scalar_value(variable)
    if value is None or value.dtype.kind not in "iuf" or not math.isfinite(value):
        return None
    return float(value)


def product_of(context: Context, variable: Variable) -> Product | None:
    """A variable as a product; None where it has too many factors."""
    found = Product()
    stack: list[tuple[Variable, float]] = [(variable, 1.0)]
    first = True
    count = 0
    while stack:
        count += 1
        if count > 4 * MOST_FACTORS:
            return None
        factor, exponent = stack.pop()
        factor = bare(factor)
        value = is_number(context, factor)
        if value is not None and _take_number(found, value, exponent):
            first = False
            continue
        opened = _opened(context, found, factor, exponent)
        if opened is None:
            found.multiply(factor, exponent)
        else:
            if first and factor.owner is not None and factor.owner.op.name == "neg":
                found.outer_minus = True
            stack.extend(reversed(opened))
        first = False
    if len(found.powers) > MOST_FACTORS:
        return None
    if not any(name_of(base) == "dimshuffle" for base in found.powers):
        order = {leaf: place for place, leaf in enumerate(context.fgraph.inputs)}
        found.powers = dict(sorted(found.powers.items(), key=lambda p: order.get(p[0], len(order))))
    return found


def _take_number(found: Product, value: float, exponent: float) -> bool:
    if exponent not in (1.0, -1.0):
        value, exponent = abs(value) ** abs(exponent), math.copysign(1.0, exponent)
    if value == 0.0 and exponent < 0:
        return False
    if value < 0:
        found.signs += 1
    (found.above if exponent > 0 else found.below).append(abs(value))
    return True


def _opened(
    context: Context, found: Product, factor: Variable, exponent: float
) -> list[tuple[Variable, float]] | None:
    """The factors of a factor, or None if it is one of its own."""
    node = factor.owner
    if node is None:
        return None
    name = node.op.name
    inputs = node.inputs
    if name == "mul" and exponent in (1.0, -1.0):
        return [(inputs[0], exponent), (inputs[1], exponent)]
    if name == "true_div" and exponent in (1.0, -1.0):
        found.fractions += 1
        return [(inputs[0], exponent), (inputs[1], -exponent)]
    if name == "reciprocal":
        found.fractions += 1
        return [(inputs[0], -exponent)]
    if name == "neg" and exponent in (1.0, -1.0):
        found.signs += 1
        return [(inputs[0], exponent)]
    whole = exponent.is_integer()
    if name == "sqr" and whole:
        return [(inputs[0], 2.0 * exponent)]
    if name == "pow" and whole:
        power = is_number(context, inputs[1])
        if power is not None and is_number(context, inputs[0]) is None:
            return [(inputs[0], power * exponent)]
    return None


def build(product: Product) -> Variable:
    """The product as one fraction: sign, number, powers in order of appearance."""
    above, below = _reduced(*product.numbers)
    if above == 0:
        return number(0.0)
    # names before functions, as in 2 x exp(x)
    ordered = list(product.powers.items())
    if not any(b.owner is not None and b.owner.op.name == "dimshuffle" for b in product.powers):
        ordered.sort(key=lambda pair: pair[0].owner is not None)
    top = [power(b, e) for b, e in ordered if e > 0]
    bottom = [power(b, -e) for b, e in ordered if e < 0]
    if above != 1 or not top:
        top.insert(0, number(above))
    if below != 1:
        bottom.insert(0, number(below))
    result = multiplied(top)
    if bottom:
        result = function("true_div")(result, multiplied(bottom))
    return function("neg")(result) if product.signs % 2 else result


def _reduced(above: float, below: float) -> tuple[float, float]:
    if below == 1:
        return above, 1.0
    if above.is_integer() and below.is_integer() and max(above, below) < 1e15:
        common = math.gcd(int(above), int(below))
        return above / common, below / common
    return above / below, 1.0


def number(value: float) -> Variable:
    """A constant; whole numbers are written as such."""
    whole = value.is_integer() and abs(value) < 1e15
    return constant(int(value) if whole else value)


def power(base: Variable, exponent: float) -> Variable:
    """base ** exponent, or the base itself."""
    if exponent == 1.0:
        return base
    result: Variable = function("pow")(base, number(exponent))
    return result


def multiplied(factors: Iterable[Variable]) -> Variable:
    """The factors multiplied from left to right."""
    result: Variable | None = None
    for factor in factors:
        result = factor if result is None else function("mul")(result, factor)
    return number(1.0) if result is None else result


def added(terms: Iterable[tuple[float, Variable | None]]) -> Variable:
    """A sum of coefficient times variable; None stands for a plain number."""
    result: Variable | None = None
    for coefficient, variable in terms:
        if variable is None:
            part = number(abs(coefficient))
        else:
            part = variable if abs(coefficient) == 1 else scaled(abs(coefficient), variable)
        if result is None:
            result = part if coefficient >= 0 else function("neg")(part)
            if variable is None and coefficient < 0:
                result = number(coefficient)
        else:
            result = function("add" if coefficient >= 0 else "sub")(result, part)
    return number(0.0) if result is None else result


def scaled(coefficient: float, variable: Variable) -> Variable:
    """coefficient * variable; the number goes above the bar of a fraction."""
    node = variable.owner
    if node is not None and node.op.name == "true_div":
        top, bottom = node.inputs
        one = getattr(top, "data", None)
        over = number(coefficient) if one is not None and one.size == 1 and one == 1 else (
            function("mul")(number(coefficient), top)
        )
        return function("true_div")(over, bottom)  # type: ignore[no-any-return]
    return function("mul")(number(coefficient), variable)  # type: ignore[no-any-return]


def terms_of(context: Context, variable: Variable) -> list[tuple[float, Variable]] | None:
    """A sum as (sign, term); None where it has too many terms."""
    found: list[tuple[float, Variable]] = []
    stack: list[tuple[float, Variable]] = [(1.0, variable)]
    while stack:
        sign, term = stack.pop()
        term = bare(term)
        node = term.owner
        name = node.op.name if node is not None else ""
        if node is not None and name in ("add", "sub"):
            second = sign if name == "add" else -sign
            stack += [(second, node.inputs[1]), (sign, node.inputs[0])]
        elif node is not None and name == "neg":
            stack.append((-sign, node.inputs[0]))
        else:
            found.append((sign, term))
        if len(found) + len(stack) > MOST_FACTORS:
            return None
    return found


def name_of(variable: Any) -> Any:
    """The name of the op that computes it; "" for an input."""
    return variable.owner.op.name if variable.owner is not None else ""


def fraction(variable: Any) -> tuple[list[Any], list[Any]]:
    """The factors above and below the bar, at most `MOST_OPENED` together."""
    above: list[Any] = []
    below: list[Any] = []
    waiting = [(variable, True)]
    while waiting:
        factor, on_top = waiting.pop()
        name = name_of(factor)
        full = len(above) + len(below) + len(waiting) >= MOST_OPENED
        if full or name not in ("mul", "true_div"):
            (above if on_top else below).append(factor)
            continue
        first, second = factor.owner.inputs
        waiting.append((second, on_top if name == "mul" else not on_top))
        waiting.append((first, on_top))
    return above, below


def quotient(above: list[Any], below: list[Any]) -> Any:
    """The factors multiplied from left to right, above and below a bar."""
    top: Any = 1.0
    for place, factor in enumerate(above):
        top = factor if place == 0 else top * factor
    for factor in below:
        top = top / factor
    return top
