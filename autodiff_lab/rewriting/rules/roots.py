"""Square roots in sums: the root of a quadratic equation, and what it takes to have its digits."""

from __future__ import annotations

from typing import Any

import autodiff_lab.tensor as pt
from autodiff_lab.graph import Apply
from autodiff_lab.rewriting.factors import (
    added, build, is_number, multiplied, name_of, number, product_of,
)
from autodiff_lab.rewriting.facts import Context
from autodiff_lab.rewriting.nearby import linear, multiple, plain
from autodiff_lab.rewriting.registry import node_rewriter
from autodiff_lab.tensor.opdef import Interval

QUADRATIC = "accuracy: Hamming's page 42, the quadratic equation"
NOT_ZERO = Interval(0.1, 10)


@node_rewriter(
    ["add", "sub"], phase="stabilize", client=QUADRATIC,
    example=lambda x, y: pt.sqrt(x**2 + y) - x, domain={"x": NOT_ZERO, "y": Interval(11)},
    heads=(("sqrt", None), (None, "sqrt")),
)
def root_beside_its_part(context: Context, node: Apply) -> Any:
    """``sqrt(x ** 2 + y) - x`` cancels where x is positive; ``y / (sqrt(x ** 2 + y) + x)`` does
    not.  Where x is negative, the two add up as they are."""
    for root, part, minus in _pairs(node):
        under = linear(context, root.owner.inputs[0])
        if under is None:
            continue
        base, factor = multiple(context, part)
        rest = {term: c for term, c in under.items()
                if c != factor**2 or not _is_square_of(term, base)}
        if len(rest) == len(under) or not rest:
            continue
        return _without_cancelling(
            context, node, root, factor, base, added((float(c), v) for v, c in rest.items()), minus
        )
    return None


def _pairs(node: Apply) -> list[tuple[Any, Any, tuple[int, int]]]:
    """Root, other term, and the signs of both."""
    first, second = (plain(v) for v in node.inputs)
    sign = 1 if node.op.name == "add" else -1
    pairs = [(first, second, (1, sign)), (second, first, (sign, 1))]
    return [pair for pair in pairs if name_of(pair[0]) == "sqrt"]


def _is_square_of(term: Any, base: Any) -> bool:
    if base is None or term is None:
        return base is term
    name = name_of(term)
    inputs = [plain(v) for v in term.owner.inputs] if name else []
    if name == "mul":
        return inputs[0] is base and inputs[1] is base
    if name == "pow":
        return inputs[0] is base and equals(inputs[1], 2)
    return name == "sqr" and inputs[0] is base


def equals(variable: Any, number: float) -> bool:
    """Whether a variable is a constant of this value."""
    data = getattr(variable, "data", None)
    return data is not None and bool((data == number).all())


def _without_cancelling(
    context: Context, node: Apply, root: Any, factor: Any, base: Any, rest: Any,
    signs: tuple[int, int],
) -> Any:
    """The root with its sign, and the other term with its, where only equal signs are added."""
    above, other = signs
    if base is None:
        if (factor > 0) == (above == other):
            return None  # nothing cancels
        value = rest / (root + pt.constant(abs(float(factor))))
    else:
        part = base if factor == 1 else float(factor) * base
        total = _root(context, part, rest) + abs(part)
        cancels = pt.lt(part, 0) if above == other else pt.gt(part, 0)
        value = pt.where(cancels, rest / total, total)
    return context.conform(value if above > 0 else -value, node.outputs[0], node.inputs)


def _root(context: Context, part: Any, rest: Any) -> Any:
    """``sqrt(part ** 2 + rest)`` where neither square nor product overflows or vanishes."""
    product = product_of(context, rest)
    size: Any = 1.0
    if product is None or any(power != 1 for power in product.powers.values()):
        size = pt.sqrt(abs(rest))
    else:
        size = multiplied([number(abs(product.number) ** 0.5),
                           *(pt.sqrt(pt.abs(base)) for base in product.powers)])
    far = pt.hypot(part, size)
    value = is_number(context, rest)
    if value is not None and value > 0:
        return far
    grows = pt.gt(rest, 0)
    inside = pt.where(grows, 1, abs(part) - size)  # no NaN in the branch that is not taken
    return pt.where(grows, far, pt.sqrt(inside) * pt.sqrt(abs(part) + size))


@node_rewriter(
    ["true_div"], phase="stabilize", client=QUADRATIC, heads=(("switch", None),),
    example=lambda x, y: pt.where(x > 1, y * x / pt.exp(x), x) / (2 * y),
    domain={"x": NOT_ZERO, "y": NOT_ZERO},
)
def factor_cancels_in_branch(context: Context, node: Apply) -> Any:
    """A branch that shares a factor with the divisor is divided before it can overflow."""
    choice, divisor = (plain(v) for v in node.inputs)
    condition, yes, no = choice.owner.inputs
    above, below = product_of(context, yes), product_of(context, divisor)
    if above is None or below is None:
        return None
    shared = [base for base, power in above.powers.items() if power * below.powers.get(base, 0) > 0]
    whole = product_of(context, yes / divisor)
    if not shared or whole is None:
        return None
    cancelled = build(whole.raised(dict.fromkeys(shared, 0.0)))
    value = pt.where(condition, cancelled, no / divisor)
    return context.conform(value, node.outputs[0], node.inputs)
