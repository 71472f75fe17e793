"""The logistic function in its many spellings, and tanh: forms without overflow."""

from __future__ import annotations

from typing import Any

from autodiff_lab.graph import Apply, Variable
from autodiff_lab.rewriting.facts import Context, is_plumbing
from autodiff_lab.rewriting.registry import node_rewriter, rule
from autodiff_lab.tensor import exp, sigmoid, tanh
from autodiff_lab.tensor.opdef import Interval

SEED = "seed: dlogistic, s(x) (1 - s(x)) at -800 and 800"
MODERATE = Interval(-300, 300)


@rule(phase="stabilize", client=SEED)
def logistic(x):
    """``1 / (1 + exp(-x))`` is the logistic function; ``sigmoid`` does not overflow."""
    return 1 / (1 + exp(-x)), sigmoid(x)


@rule(phase="stabilize", client=SEED)
def logistic_of_negative(x):
    """``1 / (1 + exp(x))`` is the logistic function of ``-x``."""
    return 1 / (1 + exp(x)), sigmoid(-x)


@rule(phase="stabilize", client="lesson: softmax of two classes")
def exp_over_one_plus_exp(x):
    """``exp(x) / (1 + exp(x))`` is inf / inf for large values; ``sigmoid`` is 1 there."""
    return exp(x) / (1 + exp(x)), sigmoid(x)


@rule(phase="stabilize", client=SEED)
def over_one_plus_exp(x, y):
    """Dividing by ``1 + exp(x)`` is multiplying by ``sigmoid(-x)``, which does not overflow."""
    return y / (1 + exp(x)), y * sigmoid(-x)


@rule(phase="stabilize", client="the textbook form of dlogistic")
def over_square_of_one_plus_exp(x, y):
    """Dividing by ``(1 + exp(x)) ** 2`` is multiplying by ``sigmoid(-x)`` twice."""
    return y / (1 + exp(x)) ** 2, (y * sigmoid(-x)) * sigmoid(-x)


@rule(phase="stabilize", client="the derivative of a quotient with 1 + exp(x)")
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


@node_rewriter(
    ["mul"], phase="stabilize", client=SEED,
    example=lambda x, y: (y * sigmoid(x)) * exp(-x), domain={"x": MODERATE},
)
def exp_times_sigmoid(context: Context, node: Apply) -> Any:
    """``exp(-x) sigmoid(x)`` is ``inf * 0`` for very negative values; ``sigmoid(-x)`` is 1 there.

    Both may stand anywhere in a product of up to eight factors.
    """
    here = factors(node.outputs[0])
    for place, factor in enumerate(here):
        if _name(factor) != "exp":
            continue
        exponent = factor.owner.inputs[0]
        for other, partner in enumerate(here):
            if _name(partner) == "sigmoid" and _opposite(partner.owner.inputs[0], exponent):
                rest = [f for i, f in enumerate(here) if i not in (place, other)]
                return context.conform(
                    product([sigmoid(exponent), *rest]), node.outputs[0], here
                )
    return None


def factors(variable: Any, most: int = 8) -> list[Any]:
    """The factors of a product, at most `most`."""
    found = [variable]
    place = 0
    while place < len(found) and len(found) < most:
        if _name(found[place]) == "mul":
            found[place : place + 1] = found[place].owner.inputs
        else:
            place += 1
    return found


def product(values: list[Any]) -> Any:
    """The product from left to right."""
    result = values[0]
    for value in values[1:]:
        result = result * value
    return result


def _name(variable: Variable) -> str:
    return variable.owner.op.name if variable.owner is not None else ""


def _opposite(a: Any, b: Any) -> bool:
    """Whether one variable is the negative of the other, as far as can be seen."""
    while is_plumbing(a):
        a = a.owner.inputs[0]
    while is_plumbing(b):
        b = b.owner.inputs[0]
    return (_name(a) == "neg" and a.owner.inputs[0] is b) or (
        _name(b) == "neg" and b.owner.inputs[0] is a
    )


@rule(phase="stabilize", client="accuracy: tanh from its definition at 800")
def tanh_from_exponentials(x):
    """Both sides of the definition overflow for large values; ``tanh`` does not."""
    return (exp(x) - exp(-x)) / (exp(x) + exp(-x)), tanh(x)
