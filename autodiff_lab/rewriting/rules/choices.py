"""Choosing and comparing: branches that are known, comparisons of a value with itself, logic."""

from __future__ import annotations

from typing import Any

import autodiff_lab.tensor as pt
from autodiff_lab.graph import Apply
from autodiff_lab.rewriting.facts import Context
from autodiff_lab.rewriting.pattern import Bool
from autodiff_lab.rewriting.registry import node_rewriter, rule
from autodiff_lab.tensor import gt, lt, maximum, minimum, where

TIES = "derivatives of maximum and clip, which choose by comparisons"
LOGIC = "conditions that are put together, in derivatives of clip"
ANY = "bfciu"


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
