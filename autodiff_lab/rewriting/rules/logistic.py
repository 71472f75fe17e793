"""The logistic function in its many spellings: forms without overflow.

What becomes of these in products is in `rules.factors`.
"""

from __future__ import annotations

from autodiff_lab.rewriting.registry import rule
from autodiff_lab.tensor import exp, sigmoid

SEED = "seed: dlogistic, s(x) (1 - s(x)) at -800 and 800"


@rule(phase="stabilize", client=SEED, tags=("enables",))
def logistic(x):
    """``1 / (1 + exp(-x))`` is the logistic function; ``sigmoid`` does not overflow."""
    return 1 / (1 + exp(-x)), sigmoid(x)


@rule(phase="stabilize", client=SEED, tags=("enables",))
def logistic_of_negative(x):
    """``1 / (1 + exp(x))`` is the logistic function of ``-x``."""
    return 1 / (1 + exp(x)), sigmoid(-x)


@rule(phase="stabilize", client="lesson: softmax of two classes")
def exp_over_one_plus_exp(x):
    """``exp(x) / (1 + exp(x))`` is inf / inf for large values; ``sigmoid`` is 1 there."""
    return exp(x) / (1 + exp(x)), sigmoid(x)


@rule(phase="stabilize", client=SEED, tags=("enables",))
def over_one_plus_exp(x, y):
    """Dividing by ``1 + exp(x)`` is multiplying by ``sigmoid(-x)``, which does not overflow."""
    return y / (1 + exp(x)), y * sigmoid(-x)


@rule(phase="stabilize", client="the textbook form of dlogistic")
def over_square_of_one_plus_exp(x, y):
    """Dividing by ``(1 + exp(x)) ** 2`` is multiplying by ``sigmoid(-x)`` twice."""
    return y / (1 + exp(x)) ** 2, (y * sigmoid(-x)) * sigmoid(-x)


@rule(phase="stabilize", client="derivative of a quotient with 1 + exp(x)", tags=("enables",))
def over_product_with_one_plus_exp(x, y, z):
    """The same where ``1 + exp(x)`` is one factor of the denominator."""
    return y / ((1 + exp(x)) * z), (y * sigmoid(-x)) / z


@rule(phase="stabilize", client="the textbook form of dlogistic, s(x) (1 - s(x))")
def one_minus_sigmoid(x):
    """``1 - sigmoid(x)`` loses all digits for large values; ``sigmoid(-x)`` has them."""
    return 1 - sigmoid(x), sigmoid(-x)


@rule(phase="stabilize", client="the derivative of exp(x) / (1 + exp(x))")
def sigmoid_minus_its_square(x):
    """``s - s * s`` loses all digits for large values; ``s(x) s(-x)`` has them."""
    return sigmoid(x) - sigmoid(x) * sigmoid(x), sigmoid(-x) * sigmoid(x)
