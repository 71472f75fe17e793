"""Products and quotients with constants: one constant, and it stands first."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff_lab.graph import Apply, Constant
from autodiff_lab.rewriting.facts import Context
from autodiff_lab.rewriting.pattern import Const
from autodiff_lab.rewriting.registry import node_rewriter, rule

SQUARE = "seed: the gradient of x ** 2 is the one node 2.0 * x"
CHAIN = "benchmark: the mixed chain"


def product_fits(c: Any, d: Any) -> bool:
    """Whether the product of two constants neither overflows nor vanishes."""
    with np.errstate(all="ignore"):
        product = c * d
    return bool(np.isfinite(product)) and (bool(product) or not c or not d)


def quotient_fits(c: Any, d: Any) -> bool:
    """Whether the quotient of two constants neither overflows nor vanishes."""
    with np.errstate(all="ignore"):
        quotient = c / d
    return bool(np.isfinite(quotient)) and (bool(quotient) or not c)


@node_rewriter(["mul"], phase="canonicalize", client=SQUARE, example=lambda x: x * 2.0, behind=())
def constant_first(context: Context, node: Apply) -> Any:
    """In a product the constant stands first."""
    left, right = node.inputs
    known = [context.scalar_value(variable) is not None for variable in (left, right)]
    return right * left if known == [False, True] else None


@rule(phase="canonicalize", client=SQUARE, kinds="fc", when=product_fits)
def constant_times_multiple(x, c: Const, d: Const):
    """Two constant factors are one."""
    return c * (d * x), (c * d) * x


@rule(phase="canonicalize", client=SQUARE, kinds="fc", when=lambda y: not isinstance(y, Constant))
def multiple_times_value(x, y, c: Const):
    """A constant factor moves to the front of a product."""
    return (c * x) * y, c * (x * y)


@rule(phase="canonicalize", client=CHAIN, kinds="fc", when=quotient_fits)
def multiple_over_constant(x, c: Const, d: Const):
    """A multiple divided by a constant is another multiple."""
    return (c * x) / d, (c / d) * x


@rule(phase="canonicalize", client=CHAIN, kinds="fc", when=quotient_fits)
def multiple_of_quotient(x, c: Const, d: Const):
    """A multiple of a quotient by a constant is another multiple."""
    return c * (x / d), (c / d) * x


@rule(phase="canonicalize", client="derivative of 1 / x", kinds="fc", when=product_fits)
def multiple_of_constant_quotient(x, c: Const, d: Const):
    """A multiple of a constant over a value: the constants are one."""
    return c * (d / x), (c * d) / x


@rule(phase="canonicalize", client=CHAIN, kinds="fc", when=quotient_fits)
def constant_over_multiple(x, c: Const, d: Const):
    """A constant over a multiple: the constants are one."""
    return c / (d * x), (c / d) / x


@rule(phase="canonicalize", client=CHAIN, kinds="fc", when=product_fits)
def quotient_over_constant(x, c: Const, d: Const):
    """Dividing by two constants is dividing by their product."""
    return (x / c) / d, x / (c * d)


def halves_exactly(c: Any) -> bool:
    """Whether dividing by a constant is multiplying by its exact inverse: a power of two."""
    return bool(np.isfinite(c)) and abs(float(np.frexp(c)[0])) == 0.5 and 1e-30 < abs(c) < 1e30


@rule(phase="specialize", client=CHAIN, when=halves_exactly)
def divide_by_power_of_two(x, c: Const):
    """Multiplying is cheaper than dividing, and for powers of two exactly the same."""
    return x / c, (1 / c) * x
