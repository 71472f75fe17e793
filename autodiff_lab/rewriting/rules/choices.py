"""Choosing and comparing: branches that are known, comparisons of a value with itself, logic."""

from __future__ import annotations

from typing import Any

import autodiff_lab.tensor as pt
from autodiff_lab.graph import Apply
from autodiff_lab.rewriting.facts import Context
from autodiff_lab.rewriting.pattern import Bool
from autodiff_lab.rewriting.registry import node_rewriter, rule
from autodiff_lab.tensor import gt, lt, maximum, minimum, where
from autodiff_lab.tensor.opdef import POSITIVE

TIES = "derivatives of maximum and clip, which choose by comparisons"
LOGIC = "conditions that are put together, in derivatives of clip"
ANY = "bfciu"
NESTED = "derivatives of nested switches, which ask the same condition again"
SAFE = "lesson: the derivative of where(x > 0, sqrt(x), 0) at 0"


@node_rewriter(
    ["switch"], phase="canonicalize", client=TIES,
    example=lambda x, y: pt.where(pt.constant(True), x, y),
)
def switch_of_known(context: Context, node: Apply) -> Any:
    """A condition that is known chooses its branch now."""
    condition, yes, no = node.inputs
    value = context.scalar_value(condition)
    if value is None:
        return None
    return context.conform(yes if value else no, node.outputs[0], [condition, yes, no])


@rule(phase="canonicalize", client=TIES, kinds=ANY)
def switch_of_equal_branches(c, x):
    """Whatever the condition, the value is the same."""
    return where(c, x, x), x


@rule(phase="canonicalize", client="lesson: ties of maximum", kinds="fiu")
def maximum_of_equals(x):
    """The larger of a value and itself."""
    return maximum(x, x), x


@rule(phase="canonicalize", client="lesson: ties of minimum", kinds="fiu")
def minimum_of_equals(x):
    """The smaller of a value and itself."""
    return minimum(x, x), x


@rule(phase="canonicalize", client=TIES, kinds="b")
def less_than_itself(x):
    """No value is smaller than itself."""
    return lt(x, x), False


@rule(phase="canonicalize", client=TIES, kinds="b")
def greater_than_itself(x):
    """No value is larger than itself."""
    return gt(x, x), False


@rule(phase="canonicalize", client=LOGIC, kinds="b")
def double_not(a: Bool):
    """Two negations cancel."""
    return ~~a, a


@rule(phase="canonicalize", client=LOGIC, kinds="b")
def and_true(a: Bool):
    """True adds nothing to a condition."""
    return a & True, a


@rule(phase="canonicalize", client=LOGIC, kinds="b")
def and_false(a: Bool):
    """With False, both never hold."""
    return a & False, False


@rule(phase="canonicalize", client=LOGIC, kinds="b")
def or_false(a: Bool):
    """False adds nothing to an alternative."""
    return a | False, a


@rule(phase="canonicalize", client=LOGIC, kinds="b")
def or_true(a: Bool):
    """With True, one always holds."""
    return a | True, True


@rule(client=LOGIC, kinds="b")
def and_itself(a: Bool):
    """A condition twice is that condition."""
    return a & a, a


@rule(client=LOGIC, kinds="b")
def or_itself(a: Bool):
    """A condition or itself is that condition."""
    return a | a, a


@rule(client=LOGIC, kinds="b")
def and_opposite(a: Bool):
    """A condition and its opposite never hold together."""
    return a & ~a, False


@rule(client=LOGIC, kinds="b")
def or_opposite(a: Bool):
    """Of a condition and its opposite one always holds."""
    return a | ~a, True


@rule(client=NESTED, kinds=ANY)
def switch_of_negated_condition(c: Bool, x, y):
    """With the opposite condition, the branches change places."""
    return where(~c, x, y), where(c, y, x)


@rule(client=NESTED, kinds=ANY)
def switch_inside_first_branch(c, x, y, z):
    """Inside a branch the condition is known to hold."""
    return where(c, where(c, x, y), z), where(c, x, z)


@rule(client=NESTED, kinds=ANY)
def switch_inside_second_branch(c, x, y, z):
    """Inside the other branch the condition is known not to hold."""
    return where(c, x, where(c, y, z)), where(c, x, z)


@rule(phase="stabilize", client=SAFE, tags=("enables",))
def switched_off_factor(c, x, y):
    """``0 * y`` is NaN where y is infinite, though the branch was not taken; 0 is what is meant."""
    return where(c, x, 0) * y, where(c, x * y, 0)


@rule(phase="stabilize", client=SAFE, tags=("enables",))
def switched_on_factor(c, x, y):
    """The same for the other branch."""
    return where(c, 0, x) * y, where(c, 0, x * y)


@rule(phase="stabilize", client=SAFE, domain={"y": POSITIVE}, tags=("enables",))
def switched_off_numerator(c, x, y):
    """``0 / y`` is NaN where y is 0, though the branch was not taken."""
    return where(c, x, 0) / y, where(c, x / y, 0)


@rule(phase="stabilize", client=SAFE, domain={"y": POSITIVE}, tags=("enables",))
def switched_on_numerator(c, x, y):
    """The same for the other branch."""
    return where(c, 0, x) / y, where(c, 0, x / y)
