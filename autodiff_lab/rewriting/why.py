"""`why(step)` and `why_not(rule, variable)`: what a rule did, or what kept it away, in words.

The pattern is laid on the graph and the first difference told; with a trace, the earlier rule that
took the pattern away is found by looking at the graphs in between.  Relies on `rewriting.pattern`;
the walk is over the pattern.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from autodiff_lab.errors import LabTypeError
from autodiff_lab.graph import FunctionGraph, Variable, ancestors, describe, line_of, toposort
from autodiff_lab.rewriting import pattern
from autodiff_lab.rewriting.facts import Context, is_plumbing
from autodiff_lab.rewriting.registry import PHASES, RULES, PatternRule, Rule, known_name
from autodiff_lab.rewriting.trace import RewriteStep, RewriteTrace, Words, short

MOST_LOOKED_AT = 200
FITS = "It does change it."


def why(step: RewriteStep, trace: RewriteTrace) -> str:
    """What a step did and for what reason, in words.

    Examples
    --------
    >>> import autodiff_lab as ad, autodiff_lab.tensor as pt
    >>> x = pt.dscalar("x")
    >>> trace = ad.function([x], -(-x)).trace
    >>> trace.why(0)  # doctest: +ELLIPSIS
    Step 1: double_negation turned (-(-x)) into x.
      reason: Two minus signs cancel.
      found:  in canonicalize, x = x
      line:   ...
    """
    sides = [", ".join(map(short, side)) for side in (step.before, step.after)]
    lines = [f"Step {step.index + 1}: {step.rule} turned {sides[0]} into {sides[1]}."]
    rule = RULES.get(step.rule)
    if rule is not None:
        lines.append(f"  reason: {rule.summary}")
    bound = ", ".join(f"{name} = {_bound(value)}" for name, value in step.bindings.items())
    lines.append(f"  found:  in {step.phase}" + (f", {bound}" if bound else ""))
    made = {v: earlier for earlier in trace.steps[: step.index]
            for v in (*earlier.after, *earlier.created)}
    behind = [v for side in step.before if isinstance(side, Variable) for v in _near(side)]
    enabled = dict.fromkeys(f"{made[v].rule} (step {made[v].index + 1})" for v in behind
                            if v in made)
    if enabled:
        lines.append("  after:  " + ", ".join(enabled))
    line = next((line_of(v) for v in step.before if isinstance(v, Variable)), None)
    return Words("\n".join([*lines, f"  line:   {line}"] if line else lines))


def _bound(value: Any) -> str:
    return short(value) if isinstance(value, Variable | str) else str(value)


def _near(variable: Variable) -> list[Variable]:
    """A variable and what it is computed from directly."""
    return [variable, *(variable.owner.inputs if variable.owner is not None else ())]


def why_not(
    rule: Rule | str, variable: Variable | str | None = None, trace: RewriteTrace | None = None
) -> str:
    """Why a rule does not change a variable.

    Parameters
    ----------
    rule : Rule or str
    variable : Variable or str, optional
        The result that was expected to be rewritten; with a trace, its name does, and by default
        any.
    trace : RewriteTrace, optional
        Of the rewriting: then the variable is one of the graph at its start, and the rule that
        took the pattern away is named.

    Returns
    -------
    str

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> x = pt.dscalar("x")
    >>> why_not("log_of_one_plus_exp", pt.log(2 + pt.exp(x)))
    It looks for log((1 + exp(x))): where that has 1, there is 2 here.
    >>> why_not("log_of_one_plus_exp", pt.log(1 + pt.exp(x)))
    It does change it.
    """
    named = {v.name: v for v in trace.memo if v.name} if trace is not None else {}
    variable = named.get(variable, variable) if isinstance(variable, str) else variable
    if not isinstance(rule, str | Rule) or not isinstance(variable, Variable | None):
        raise LabTypeError(
            f"why_not was asked about {rule!r} and {variable!r}.", why="a rule and a variable do",
            remedy="names here: " + ", ".join(named) if named else "why_not(rule, variable)",
        )
    chosen = RULES[known_name(rule)] if isinstance(rule, str) else rule
    if trace is not None and trace.steps:
        trace._graph()
    if trace is None or not trace.passes:
        return Words(_first_difference(chosen, variable, trace))
    return Words(_switched_off(chosen, trace) or _found_out(chosen, variable, trace))


def _found_out(rule: Rule, variable: Variable | None, trace: RewriteTrace) -> str:
    """Why a rule that was there left a variable, or all of them, as they are."""
    if variable is None:
        used = trace.filter(rule=rule.name)
        if used:
            return f"It was applied: {_counted(used)}."
        variable = _likeliest(rule, trace)
        if variable is None:
            return f"Nothing here is computed by {_ops(rule)}, which it looks for."
    start = trace.twin(variable)
    if start is None:
        told = _first_difference(rule, variable, None)
        return "It would change it, which is no part of this graph." if told == FITS else told
    return _story(rule, start, trace)


def _story(rule: Rule, start: Variable, trace: RewriteTrace) -> str:
    """What became of a variable of the start, as this rule sees it."""
    for step in trace.filter(rule=rule.name):
        if trace.image(start, step.index) in step.before:
            return f"It did, at step {step.index + 1}."
    end = len(trace.steps)

    def gone(k: int) -> bool:
        here = trace.image(start, k)
        return not _fits(rule, here) or here not in ancestors(trace.graph_at(k))

    if _fits(rule, start):
        if not gone(end):
            return "It fits, and was not tried there: another rule goes first each time."
        step = trace.steps[bisect_left(range(1, end), True, key=gone)]
        sides = [", ".join(map(short, side)) for side in (step.before, step.after)]
        return (f"The pattern was there, until step {step.index + 1}: {step.rule} turned "
                f"{' into '.join(sides)} before {rule.name} had its turn, in {rule.phase}.")
    return _first_difference(rule, trace.image(start, end), trace)


def _switched_off(rule: Rule, trace: RewriteTrace) -> str:
    """A sentence, if the rewriting left this rule out altogether."""
    labels = {rule.name, *rule.tags, rule.phase}
    out = labels & set(trace.settings.get("exclude", ()))
    if out:
        return f"It was switched off: {', '.join(sorted(out))} was excluded."
    last = PHASES.index(rule.phase) if rule.phase in PHASES else len(PHASES)
    if PHASES[last:] and not {*trace.settings.get("phases", PHASES)}.isdisjoint(PHASES[last:]):
        return ""
    return f"It belongs to {rule.phase}, which was not run."


def _counted(steps: list[RewriteStep]) -> str:
    numbers = [str(step.index + 1) for step in steps[:5]]
    return f"step{'s' * (len(steps) > 1)} {', '.join(numbers)}{', ...' * (len(steps) > 5)}"


def _ops(rule: Rule) -> str:
    return ", ".join(op if isinstance(op, str) else op.__name__ for op in rule.ops)


def _likeliest(rule: Rule, trace: RewriteTrace) -> Variable | None:
    """A variable of the start at which the rule would look; the one where most of it fits."""
    nodes = [node for node in toposort(trace.graph_at(0))
             if not {"*", node.op.name, *type(node.op).__mro__}.isdisjoint(rule.ops)]
    found = [node.outputs[0] for node in nodes[:MOST_LOOKED_AT]]
    left = rule.left if isinstance(rule, PatternRule) else None
    return max(found, key=lambda v: _agreement(left, v), default=None)


def _agreement(tree: Any, variable: Any) -> int:
    """How many calls of a pattern stand in the graph where the pattern has them."""
    while is_plumbing(variable):
        variable = variable.owner.inputs[0]
    node = variable.owner
    if not isinstance(tree, pattern.Call) or node is None or node.op.name != tree.op:
        return 0
    orders = (node.inputs, node.inputs[::-1]) if tree.commutative else (node.inputs,)
    return 1 + max(sum(map(_agreement, tree.args, inputs)) for inputs in orders)


def near_misses(step: RewriteStep, most: int = 2) -> tuple[tuple[str, str], ...]:
    """Rules of which more than the root stands where a step began, and why they do not apply."""
    variable: Any = step.before[0]
    others = [rule for rule in RULES.values() if isinstance(rule, PatternRule)
              and rule.name != step.rule and rule.left.op == variable.owner.op.name]
    close = sorted(((_agreement(rule.left, variable), rule.name) for rule in others), reverse=True)
    told = ((name, _first_difference(RULES[name], variable, None))
            for agreed, name in close[:most] if agreed > 1)
    return tuple((name, text) for name, text in told if text != FITS)


def _fits(rule: Rule, variable: Variable) -> bool:
    return _tried(rule, variable) is True


def _tried(rule: Rule, variable: Variable) -> bool | Exception:
    """Whether a rule changes a variable, or what went wrong with it there."""
    if variable.owner is None:
        return False
    context = Context(FunctionGraph(None, [variable], clone=False), rule.phase)
    node = context.fgraph.outputs[0].owner
    if node is None or {"*", node.op.name, *type(node.op).__mro__}.isdisjoint(rule.ops):
        return False
    if not pattern.heads_fit(rule.heads, rule.behind, tuple(map(context.head, node.inputs))):
        return False
    try:
        return rule.apply(context, node) is not None
    except Exception as error:
        return error


def _first_difference(rule: Rule, variable: Variable | None, trace: RewriteTrace | None) -> str:
    """Where pattern and graph part, or the condition that does not hold."""
    if variable is None or variable.owner is None:
        what = "nothing" if variable is None else describe(variable)
        return f"It looks at what {_ops(rule)} computes; {what} is not computed by anything."
    tried = _tried(rule, variable)
    if tried is True:
        return FITS
    if isinstance(tried, Exception):
        return f"It fails at {short(variable)}: {type(tried).__name__}: {tried}"
    if not isinstance(rule, PatternRule):
        name = variable.owner.op.name
        if {"*", name, *type(variable.owner.op).__mro__}.isdisjoint(rule.ops):
            return f"It looks at nodes of {_ops(rule)}; {short(variable)} is computed by {name}."
        return f"It looked at {short(variable)} and had nothing to change there: {rule.summary}"
    context = Context(FunctionGraph(None, [variable], clone=False), rule.phase)
    found = _difference(context, rule.left, variable, {})
    if found is None:
        return _refusal(context, rule, variable)
    text, place = found
    return f"It looks for {rule.left_text}: {text}{_earlier(trace, place)}."


def _refusal(context: Context, rule: PatternRule, variable: Any) -> str:
    """The left side fits: what else kept the rule away."""
    node = variable.owner
    if pattern.match(rule.recorded, context, node, None, rule.kinds) is None:
        return (f"The pattern fits, but it is not for {variable.type.dtype} (it works on dtypes "
                f"of kind {rule.kinds!r}).")
    found = pattern.match(rule.recorded, context, node, rule.when, rule.kinds)
    if found is None:
        bound = pattern.match(rule.recorded, context, node, None, rule.kinds)
        values = ", ".join(f"{name} = {_bound(bound.bindings[name])}"  # type: ignore[union-attr]
                           for name in rule.recorded.condition)
        told = " ".join(str(rule.when.__doc__ or getattr(rule.when, "__name__", "")).split())
        told = told.replace("<lambda>", f"see when= in line {rule.line}")
        return f"The pattern fits, but its condition does not hold for {values}: {told}"
    return "The pattern fits, but its right side would know less about dtype or shape."


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
        return f"where that has {tree}, there is {short(variable)} here", variable
    if isinstance(tree, pattern.Wild):
        if tree.constant and value is None:
            return f"{tree} stands for a constant, but there is {short(variable)} here", variable
        before = names.setdefault(tree.name, variable)
        if before is variable or tree.constant:
            return None
        return f"{tree} would have to be both {short(before)} and {short(variable)}", variable
    node = variable.owner
    if node is None or node.op.name != tree.op:
        return f"where that has {tree.op}, there is {short(variable)} here", variable
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


def _earlier(trace: RewriteTrace | None, place: Variable) -> str:
    """The step that made what stands in the wrong place."""
    for step in reversed(trace.steps if trace is not None else []):
        if place in step.after:
            before = ", ".join(map(short, step.before))
            return f"; {step.rule} made that from {before} at step {step.index + 1}"
    return ""
