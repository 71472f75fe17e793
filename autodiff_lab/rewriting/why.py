"""`why_not(rule, variable)`: why a rule does not change a variable, in one sentence.

The pattern is laid on the graph and the first difference told.  Relies on `rewriting.pattern`; the
walk is over the pattern.
"""

from __future__ import annotations

from typing import Any

from autodiff_lab.graph import FunctionGraph, Variable, describe
from autodiff_lab.rewriting import pattern
from autodiff_lab.rewriting.facts import Context, is_plumbing
from autodiff_lab.rewriting.registry import RULES, PatternRule, Rule
from autodiff_lab.rewriting.trace import RewriteTrace


def why_not(rule: Rule | str, variable: Variable, trace: RewriteTrace | None = None) -> str:
    """Why a rule does not change a variable.

    Parameters
    ----------
    rule : Rule or str
    variable : Variable
        The result that was expected to be rewritten.
    trace : RewriteTrace, optional
        Of the rewriting that made the graph: then the rule that changed a part before is named.

    Returns
    -------
    str

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> x = pt.dscalar("x")
    >>> why_not("log_of_one_plus_exp", pt.log(2 + pt.exp(x)))
    'expected 1, found 2'
    >>> why_not("log_of_one_plus_exp", pt.log(1 + pt.exp(x)))
    'it does change it'
    """
    chosen = RULES[rule] if isinstance(rule, str) else rule
    if variable.owner is None:
        return f"{describe(variable)} is not computed by anything"
    context = Context(FunctionGraph(None, [variable], clone=False), chosen.phase)
    if chosen.apply(context, variable.owner) is not None:
        return "it does change it"
    if not isinstance(chosen, PatternRule):
        names = ", ".join(op if isinstance(op, str) else op.__name__ for op in chosen.ops)
        return f"it looks at nodes of {names} and had nothing to change at {variable.owner.op.name}"
    found = _difference(context, chosen.left, variable, {})
    if found is None:
        return _refusal(context, chosen, variable)
    text, place = found
    return text + _earlier(trace, place)


def _refusal(context: Context, rule: PatternRule, variable: Any) -> str:
    """The left side fits: what else kept the rule away."""
    node = variable.owner
    if pattern.match(rule.recorded, context, node, None, rule.kinds) is None:
        return f"it is not for {variable.type.dtype} (it works on dtypes of kind {rule.kinds!r})"
    if pattern.match(rule.recorded, context, node, rule.when, rule.kinds) is None:
        return f"its condition {getattr(rule.when, '__name__', 'when')} does not hold"
    return "its right side would know less about dtype or shape"


def _difference(
    context: Context, tree: Any, variable: Any, names: dict[str, Variable]
) -> tuple[str, Variable] | None:
    """The first difference between a pattern and a graph, and where."""
    while is_plumbing(variable):
        variable = variable.owner.inputs[0]
    value = context.scalar_value(variable)
    if isinstance(tree, pattern.Value):
        if value is not None and value.item() in tree.accepted:
            return None
        return f"expected {tree}, found {_what(context, variable)}", variable
    if isinstance(tree, pattern.Wild):
        if tree.constant and value is None:
            return f"expected a constant for {tree}, found {_what(context, variable)}", variable
        before = names.setdefault(tree.name, variable)
        if before is variable or tree.constant:
            return None
        both = f"{_what(context, before)} and {_what(context, variable)}"
        return f"{tree} stands for {both}", variable
    node = variable.owner
    if node is None or node.op.name != tree.op:
        return f"expected {tree.op}, found {_what(context, variable)}", variable
    first = None
    for inputs in (node.inputs, node.inputs[::-1]) if tree.commutative else (node.inputs,):
        trial = dict(names)
        found = None
        for arg, inner in zip(tree.args, inputs):
            found = found or _difference(context, arg, inner, trial)
        if found is None:
            names.update(trial)
            return None
        first = first or found
    return first


def _what(context: Context, variable: Any) -> str:
    value = context.scalar_value(variable)
    if value is not None:
        return f"{value.item():g}"
    if variable.owner is None:
        return describe(variable)
    return str(variable.owner.op.name)


def _earlier(trace: RewriteTrace | None, place: Variable) -> str:
    for step in trace or ():
        if place in step.after:
            return f"; rewritten earlier by {step.rule} at step {step.index}"
    return ""
