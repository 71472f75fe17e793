"""Sines, cosines and hyperbolic functions: half angles, where 1 cancels, and spellings of one."""

from __future__ import annotations

from autodiff_lab.rewriting.pattern import Const
from autodiff_lab.rewriting.registry import rule
from autodiff_lab.tensor import cos, cosh, exp, expm1, sin, sinh, tan, tanh
from autodiff_lab.tensor.opdef import POSITIVE, Interval
from autodiff_lab.tensor.registry import function

ANGLE = Interval(-1.4, 1.4)
MODERATE = Interval(-300, 300)
HAMMING = "accuracy: Hamming's example 3.4"


@rule(phase="stabilize", client=HAMMING, domain={"x": ANGLE}, tags=("enables",))
def one_minus_cosine(x):
    """Near 0 the cosine rounds to 1; the sine of half the angle keeps its digits."""
    return 1 - cos(x), 2 * sin(0.5 * x) ** 2


@rule(phase="stabilize", client=HAMMING, domain={"x": ANGLE}, tags=("enables",))
def cosine_minus_one(x):
    """Near 0 the cosine rounds to 1; the sine of half the angle keeps its digits."""
    return cos(x) - 1, -2 * sin(0.5 * x) ** 2


@rule(phase="stabilize", client=HAMMING, domain={"x": Interval(0.01, 1.4)})
def half_angle_over_sine(x):
    """``(1 - cos(x)) / sin(x)`` is the tangent of half the angle; no square underflows there."""
    return 2 * sin(0.5 * x) ** 2 / sin(x), tan(0.5 * x)


@rule(phase="stabilize", client="accuracy: Hamming's problem 3.4.1", domain={"y": POSITIVE})
def squared_sine_over_square(x, y, c: Const):
    """``(1 - cos(x)) / x ** 2`` near 0: the squares vanish long before the sine does."""
    return c * sin(x) ** 2 / y**2, c * (sin(x) / y) ** 2


@rule(phase="stabilize", client="accuracy: Hamming's problem 3.4.1", domain={"y": POSITIVE})
def squared_sine_over_product(x, y, c: Const):
    """The same, with the divisor written as a product."""
    return c * sin(x) ** 2 / (y * y), c * (sin(x) / y) ** 2


@rule(phase="stabilize", client="accuracy: cosh(x) - 1 near 0", domain={"x": MODERATE})
def cosh_minus_one(x):
    """Near 0 the hyperbolic cosine rounds to 1; the sine of half the argument keeps its digits."""
    return cosh(x) - 1, 2 * sinh(0.5 * x) ** 2


@rule(phase="stabilize", client="accuracy: Hamming's problem 3.3.7", domain={"x": MODERATE})
def two_exps_minus_two(x):
    """Near 0 the sum of both exponentials rounds to 2; the sine of half the argument does not."""
    return (exp(x) - 2) + exp(-x), (2 * sinh(0.5 * x)) ** 2


@rule(phase="stabilize", client="accuracy: Hamming's problem 3.3.7", domain={"x": MODERATE})
def two_exps_minus_two_at_the_end(x):
    """The same, written in another order."""
    return (exp(x) + exp(-x)) - 2, (2 * sinh(0.5 * x)) ** 2


@rule(phase="stabilize", client="accuracy: sinh from its definition", domain={"x": MODERATE})
def exp_minus_its_inverse(x):
    """Near 0 both exponentials round to 1; ``sinh`` keeps the digits of x."""
    return exp(x) - exp(-x), 2 * sinh(x)


@rule(phase="stabilize", client="accuracy: tanh from its definition at 800")
def tanh_from_exponentials(x):
    """The exponentials in the definition overflow for large values; ``tanh`` does not."""
    return 2 * sinh(x) / (exp(x) + exp(-x)), tanh(x)


@rule(phase="stabilize", client="accuracy: tanh from its definition at 800")
def tanh_from_exponential_of_double(x):
    """``(exp(2 x) - 1) / (exp(2 x) + 1)`` overflows for large values; ``tanh`` does not."""
    return expm1(x) / (exp(x) + 1), tanh(0.5 * x)


def _parity(name: str, even: bool) -> None:
    """Declare what a sign in the argument does to a function."""
    of = function(name)

    def declared(x):
        return of(-x), of(x) if even else -of(x)

    declared.__name__ = declared.__qualname__ = f"{name}_of_negative"
    does = "does not matter to" if even else "leaves"
    declared.__doc__ = f"The sign of the argument {does} ``{name}``."
    rule(client="derivatives of sums of waves")(declared)


for _name in ("sin", "tan", "sinh", "tanh", "arctan", "erf"):
    _parity(_name, even=False)
for _name in ("cos", "cosh"):
    _parity(_name, even=True)


@rule(client="lesson: the derivative of a point on a circle")
def squares_of_sine_and_cosine(x):
    """The squares of sine and cosine add up to 1."""
    return sin(x) ** 2 + cos(x) ** 2, 1


@rule(phase="stabilize", client="accuracy: cosh(x) ** 2 - sinh(x) ** 2 at 20",
      domain={"x": Interval(-3, 3)})
def squares_of_cosh_and_sinh(x):
    """Both squares are huge, their difference is 1."""
    return cosh(x) ** 2 - sinh(x) ** 2, 1


@rule(client="derivatives of tan written as a quotient", domain={"x": ANGLE})
def sine_over_cosine(x):
    """Sine over cosine is one function."""
    return sin(x) / cos(x), tan(x)


@rule(phase="stabilize", client="accuracy: tanh from its definition at 800")
def sinh_over_cosh(x):
    """Both overflow for large values; ``tanh`` does not."""
    return sinh(x) / cosh(x), tanh(x)
