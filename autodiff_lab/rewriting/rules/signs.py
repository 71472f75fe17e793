"""Negation: signs move outward, meet, and cancel; subtraction stays subtraction."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff_lab.rewriting.pattern import Const
from autodiff_lab.rewriting.registry import rule

LOGISTIC = "seed: the gradient of the logistic function"
CHAIN = "benchmark: the mixed chain"
NUMBERS = "fciu"


def minus(c: Any) -> Any:
    """The negative of a number, which wraps around among whole numbers as everywhere."""
    with np.errstate(over="ignore"):
        return -c


@rule(phase="canonicalize", client=LOGISTIC, kinds=NUMBERS)
def double_negation(x):
    """Two minus signs cancel."""
    return -(-x), x


@rule(phase="canonicalize", client=LOGISTIC, kinds=NUMBERS)
def negative_factor(x, y):
    """The sign of a factor is the sign of the product."""
    return -x * y, -(x * y)


@rule(phase="canonicalize", client=LOGISTIC, kinds="fc")
def negative_numerator(x, y):
    """The sign of a numerator is the sign of the quotient."""
    return -x / y, -(x / y)


@rule(phase="canonicalize", client=LOGISTIC, kinds="fc")
def negative_denominator(x, y):
    """The sign of a denominator is the sign of the quotient."""
    return x / -y, -(x / y)


@rule(phase="canonicalize", client="seed: -2 * x is one node", kinds=NUMBERS)
def negative_of_multiple(x, c: Const):
    """The negative of a multiple is another multiple."""
    return -(c * x), minus(c) * x


@rule(phase="canonicalize", client="derivative of c / x", kinds="fc")
def negative_of_constant_quotient(x, c: Const):
    """A minus sign before a constant numerator goes into the constant."""
    return -(c / x), minus(c) / x


@rule(phase="canonicalize", client=CHAIN, kinds=NUMBERS)
def add_negative(x, y):
    """Adding a negative is subtracting."""
    return x + -y, x - y


@rule(phase="canonicalize", client=CHAIN, kinds=NUMBERS)
def subtract_negative(x, y):
    """Subtracting a negative is adding."""
    return x - -y, x + y


@rule(phase="canonicalize", client=CHAIN, kinds=NUMBERS)
def negative_of_difference(x, y):
    """The negative of a difference is the difference the other way round."""
    return -(x - y), y - x
