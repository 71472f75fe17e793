"""Exponentials and logarithms: inverse pairs, and forms that neither overflow nor lose digits."""

from __future__ import annotations

import math

from autodiff_lab.rewriting.pattern import WholeConst
from autodiff_lab.rewriting.registry import rule
from autodiff_lab.tensor import (
    abs, erf, erfc, exp, expm1, ge, log, log1mexp, log1p, logaddexp, sigmoid, softplus, sqrt, where,
)
from autodiff_lab.tensor.opdef import POSITIVE, Interval

SMALL = Interval(-0.5, 0.5)
MODERATE = Interval(-80, 80)
DENSITY = "lesson: the logarithm of a normal density"
BELOW = Interval(-30, -0.01)


@rule(phase="canonicalize", client="lesson: exp and log undo each other")
def log_of_exp(x):
    """The logarithm undoes the exponential function, also where that overflows."""
    return log(exp(x)), x


@rule(phase="canonicalize", client="lesson: exp and log undo each other", domain={"x": POSITIVE})
def exp_of_log(x):
    """The exponential function undoes the logarithm; below zero the logarithm was NaN."""
    return exp(log(x)), where(ge(x, 0), x, math.nan)


@rule(phase="canonicalize", client="seed: the logistic function written with 1 / exp(x)",
      domain={"x": Interval(-80, 80)})
def divide_by_exp(x, y):
    """Dividing by an exponential is multiplying by that of the negative."""
    return x / exp(y), x * exp(-y)


@rule(phase="canonicalize", client=DENSITY, domain={"x": POSITIVE})
def log_of_root(x):
    """The logarithm of a root is half the logarithm."""
    return log(sqrt(x)), 0.5 * log(x)


@rule(phase="canonicalize", client=DENSITY, domain={"x": POSITIVE})
def log_of_reciprocal(x):
    """The logarithm of a reciprocal is the negative logarithm."""
    return log(1 / x), -log(x)


@rule(phase="stabilize", client="accuracy: log(x ** 2) at 1e200", domain={"x": POSITIVE})
def log_of_square(x):
    """The square overflows or vanishes long before its logarithm is large."""
    return log(x**2), 2 * log(abs(x))


@rule(phase="stabilize", client="accuracy: exp(x) ** 2 / exp(y) at 400", domain={"x": MODERATE})
def power_of_exp(x, n: WholeConst):
    """A power of an exponential overflows where it meets a small factor before."""
    return exp(x) ** n, exp(n * x)


@rule(phase="stabilize", client="accuracy: log(1 + exp(x)) at 1000")
def log_of_one_plus_exp(x):
    """``exp`` overflows for large values; ``softplus`` does not."""
    return log(1 + exp(x)), softplus(x)


@rule(phase="stabilize", client="accuracy: log(1 + exp(x)) at 1000")
def log1p_of_exp(x):
    """``exp`` overflows for large values; ``softplus`` does not."""
    return log1p(exp(x)), softplus(x)


@rule(phase="stabilize", client="accuracy: log(1 + x) near 0", domain={"x": SMALL})
def log_of_one_plus(x):
    """``1 + x`` rounds the digits of a small value away; ``log1p`` keeps them."""
    return log(1 + x), log1p(x)


@rule(phase="stabilize", client="accuracy: log(1 - x) near 0", domain={"x": SMALL})
def log_of_one_minus(x):
    """``1 - x`` rounds the digits of a small value away; ``log1p`` keeps them."""
    return log(1 - x), log1p(-x)


@rule(phase="stabilize", client="accuracy: exp(x) - 1 near 0", domain={"x": SMALL})
def exp_minus_one(x):
    """The difference of two values near 1 has few digits; ``expm1`` has all."""
    return exp(x) - 1, expm1(x)


@rule(phase="stabilize", client="accuracy: 1 - exp(x) near 0", domain={"x": SMALL})
def one_minus_exp(x):
    """The difference of two values near 1 has few digits; ``expm1`` has all."""
    return 1 - exp(x), -expm1(x)


@rule(phase="stabilize", client="accuracy: log(exp(x) + exp(y)) at 1000")
def log_of_two_exps(x, y):
    """Both exponentials overflow for large values; ``logaddexp`` does not."""
    return log(exp(x) + exp(y)), logaddexp(x, y)


@rule(phase="stabilize", client="accuracy: log(sigmoid(x)) at -1000, the logistic loss")
def log_of_sigmoid(x):
    """``sigmoid`` underflows to 0 for very negative values; ``softplus`` keeps the logarithm."""
    return log(sigmoid(x)), -softplus(-x)


@rule(phase="stabilize", client="accuracy: log(1 - sigmoid(x)) at 40, the logistic loss")
def log1p_of_negative_sigmoid(x):
    """``1 - sigmoid(x)`` is 0 from 37 on; ``softplus`` keeps the logarithm."""
    return log1p(-sigmoid(x)), -softplus(x)


@rule(phase="stabilize", client="accuracy: Hamming's section 3.11", domain={"x": Interval(0.1, 30)})
def exp_over_expm1(x):
    """Both exponentials overflow for large values; the quotient is nearly 1 there."""
    return exp(x) / expm1(x), -1 / expm1(-x)


@rule(phase="stabilize", client="accuracy: Hamming's problem 3.4.4",
      domain={"x": Interval(0.1, 30)})
def expm1_of_double_over_expm1(x):
    """A difference of squares over a difference."""
    return expm1(2 * x) / expm1(x), exp(x) + 1


@rule(phase="stabilize", client="accuracy: log(1 - exp(x)) near 0", domain={"x": BELOW})
def log_of_one_minus_exp(x):
    """``-expm1(x)``, that is ``1 - exp(x)``, rounds to 1 far below 0; ``log1mexp`` does not."""
    return log(-expm1(x)), log1mexp(x)


@rule(phase="stabilize", client="accuracy: log(1 - exp(x)) near 0", domain={"x": BELOW})
def log1p_of_negative_exp(x):
    """Near 0 ``exp(x)`` rounds to 1, and the logarithm has no digits; ``log1mexp`` has all."""
    return log1p(-exp(x)), log1mexp(x)


@rule(phase="stabilize", client="accuracy: 1 - erf(x) at 6")
def one_minus_erf(x):
    """From 6 on ``erf(x)`` rounds to 1; ``erfc`` keeps the digits of the tail."""
    return 1 - erf(x), erfc(x)


@rule(phase="stabilize", client="accuracy: 1 + erf(x) at -6, the normal distribution")
def one_plus_erf(x):
    """From -6 down ``erf(x)`` rounds to -1; ``erfc`` keeps the digits of the tail."""
    return 1 + erf(x), erfc(-x)
