"""Neutral and absorbing elements: adding 0, multiplying by 1, 0 and -1, what changes nothing."""

from __future__ import annotations

from autodiff_lab.rewriting.registry import rule
from autodiff_lab.tensor import abs, identity, sign

CHAIN = "benchmark: the mixed chain, whose derivative is full of ones and zeros"
SQUARE = "seed: x ** 2"
NUMBERS = "fciu"


@rule(phase="canonicalize", client=CHAIN, kinds=NUMBERS)
def add_zero(x):
    """Adding zero changes nothing."""
    return x + 0, x


@rule(phase="canonicalize", client=CHAIN, kinds=NUMBERS)
def subtract_zero(x):
    """Subtracting zero changes nothing."""
    return x - 0, x


@rule(phase="canonicalize", client=CHAIN, kinds=NUMBERS)
def subtract_from_zero(x):
    """Zero minus a value is its negative."""
    return 0 - x, -x


@rule(phase="canonicalize", client=SQUARE, kinds=NUMBERS)
def multiply_by_one(x):
    """Multiplying by one changes nothing."""
    return x * 1, x


@rule(phase="canonicalize", client=CHAIN, kinds=NUMBERS)
def multiply_by_zero(x):
    """A product with zero is zero, also where the other factor is infinite or NaN."""
    return x * 0, 0


@rule(phase="canonicalize", client="seed: the gradient of the logistic function", kinds=NUMBERS)
def multiply_by_minus_one(x):
    """Multiplying by -1 is taking the negative."""
    return x * -1, -x


@rule(phase="canonicalize", client=CHAIN, kinds="fc")
def divide_by_one(x):
    """Dividing by one changes nothing."""
    return x / 1, x


@rule(phase="canonicalize", client=CHAIN, kinds="fc")
def divide_by_minus_one(x):
    """Dividing by -1 is taking the negative."""
    return x / -1, -x


@rule(phase="canonicalize", client="gradient: a variable asked for gets a node of its own",
      kinds="bfciu")
def remove_identity(x):
    """The identity is there to give a result a variable of its own; running, it is not needed."""
    return identity(x), x


@rule(phase="canonicalize", client="lesson: the derivative of abs(abs(x))")
def absolute_of_absolute(x):
    """An absolute value is not negative already."""
    return abs(abs(x)), abs(x)


@rule(phase="canonicalize", client="lesson: the derivative of abs(x)")
def absolute_of_negative(x):
    """The sign does not matter to the absolute value."""
    return abs(-x), abs(x)


@rule(phase="canonicalize", client="lesson: the second derivative of abs(x)")
def sign_of_sign(x):
    """The sign of a sign is that sign."""
    return sign(sign(x)), sign(x)
