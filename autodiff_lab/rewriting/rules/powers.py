"""Powers with a constant exponent, and square roots."""

from __future__ import annotations

import math

from autodiff_lab.rewriting.pattern import WholeConst
from autodiff_lab.rewriting.registry import rule
from autodiff_lab.tensor import abs, ge, hypot, reciprocal, sqr, sqrt, where
from autodiff_lab.tensor.opdef import POSITIVE, Interval

SQUARE = "seed: x ** 2"
POWERS = "benchmark: the mixed chain, where a general power costs ten multiplications"
NOT_NEGATIVE = Interval(0.0)


@rule(phase="canonicalize", client="seed: the gradient of x ** 2 holds x ** 1", kinds="fciu")
def first_power(x):
    """The first power is the value itself."""
    return x**1, x


@rule(phase="canonicalize", client="derivative of x ** 1", kinds="fciu")
def zeroth_power(x):
    """The zeroth power is 1, also of 0 and NaN."""
    return x**0, 1


@rule(phase="canonicalize", client="accuracy: one form for squares", kinds="fciu", only_in=True)
def square_as_power(x):
    """The square is written as a power, so that other rules meet one form."""
    return sqr(x), x**2


@rule(phase="canonicalize", client="accuracy: one form for quotients", domain={"x": POSITIVE},
      only_in=True)
def reciprocal_as_quotient(x):
    """The reciprocal is written as a quotient, so that other rules meet one form."""
    return reciprocal(x), 1 / x


@rule(phase="stabilize", client="accuracy: sqrt(x ** 2) at 1e200")
def root_of_square(x):
    """The square overflows for large values; the absolute value does not."""
    return sqrt(x**2), abs(x)


@rule(phase="stabilize", client="accuracy: sqrt(x * x) at 1e200")
def root_of_product(x):
    """The product overflows for large values; the absolute value does not."""
    return sqrt(x * x), abs(x)


@rule(phase="stabilize", client="accuracy: the length of a vector at 1e200")
def root_of_two_squares(x, y):
    """The squares overflow or vanish long before the length does; ``hypot`` scales them."""
    return sqrt(x**2 + y**2), hypot(x, y)


@rule(phase="stabilize", client="accuracy: the length of a vector at 1e200")
def root_of_two_products(x, y):
    """The products overflow or vanish long before the length does; ``hypot`` scales them."""
    return sqrt(x * x + y * y), hypot(x, y)


@rule(phase="canonicalize", client="second derivatives of powers")
def power_of_power(x, n: WholeConst, m: WholeConst):
    """Whole powers of whole powers are one power."""
    return (x**n) ** m, x ** (n * m)


@rule(phase="canonicalize", client="densities that divide by a root", domain={"x": POSITIVE})
def square_of_root(x):
    """The square undoes the root; below zero the root was NaN."""
    return sqrt(x) ** 2, where(ge(x, 0), x, math.nan)


@rule(phase="specialize", client=SQUARE, kinds="fciu")
def power_two(x):
    """The second power is one multiplication."""
    return x**2, sqr(x)


@rule(phase="specialize", client=POWERS)
def power_three(x):
    """The third power is two multiplications."""
    return x**3, x * sqr(x)


@rule(phase="specialize", client=POWERS)
def power_four(x):
    """The fourth power is the square of the square."""
    return x**4, sqr(sqr(x))


@rule(phase="specialize", client=POWERS, domain={"x": POSITIVE})
def power_minus_one(x):
    """The power -1 is one division."""
    return x**-1, 1 / x


@rule(phase="specialize", client=POWERS, domain={"x": POSITIVE})
def power_minus_two(x):
    """The power -2 is one division and one multiplication, whose result alone may overflow."""
    return x**-2, sqr(1 / x)


@rule(phase="specialize", client="derivative of sqrt(x) written as a power",
      domain={"x": NOT_NEGATIVE})
def power_half(x):
    """The power 1/2 is the square root."""
    return x**0.5, sqrt(x)


@rule(phase="specialize", client="derivative of sqrt(x) written as a power", domain={"x": POSITIVE})
def power_minus_half(x):
    """The power -1/2 is one over the square root; at -0.0, too, it is positive."""
    return x**-0.5, 1 / abs(sqrt(x))
