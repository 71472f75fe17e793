"""The driver: one linear walk per phase over interned nodes, bottom-up, with an explicit stack.

A node is first rebuilt from its finished inputs, then tried against the rules of its op.  Where one
applies, the replacement is visited before the node is finished.  Since equal nodes are one node, a
finished node needs no second look in the phase; only rules that look beyond the expression
(``uses=``) make the phase run again.

A rule that raises, changes a type, drops a result, gives other values or never ends is left out,
with one warning; compiling goes on with the graph before it.  The package's own rules are proved by
tests; what other rules answer is compared in values, at points, the first times they apply.
"""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from autodiff_lab.errors import RewriteError, RewriteLoop, RewriteWarning
from autodiff_lab.graph import Apply, FunctionGraph, Variable, collector_paused, source
from autodiff_lab.rewriting import faults
from autodiff_lab.rewriting.facts import Context
from autodiff_lab.rewriting.pattern import heads_fit
from autodiff_lab.rewriting.registry import DISPLAY, PHASES, Replacement, Rule, check_names, select
from autodiff_lab.rewriting.trace import RewriteStep, RewriteTrace

MAX_PASSES = 8
MAX_REPLACEMENTS = 500
"""How often a node and what replaced it may be replaced again before it counts as a loop."""
MOST_COMPARED = 20
"""How often the values of a rule that is not the package's are compared, in one rewriting."""


def rewrite(
    fgraph: FunctionGraph, phases: Sequence[str] = PHASES, include: Sequence[str] = (),
    exclude: Sequence[str] = (), trace: RewriteTrace | None = None, on_fault: str = "warn",
) -> None:
    """Rewrite a graph in place.

    Parameters
    ----------
    fgraph : FunctionGraph
    phases : sequence of str
        Of ``"canonicalize"``, ``"stabilize"``, ``"specialize"``; stabilising rules are run even if
        their phase is not named.
    include, exclude : sequence of str
        Rules or tags to add or leave out, by name.
    trace : RewriteTrace, optional
        Filled with the steps.
    on_fault : str
        ``"warn"`` leaves a rule that misbehaves out and says so once; ``"raise"`` raises.

    Raises
    ------
    RewriteError
        If a rule misbehaves and `on_fault` is ``"raise"``.
    LabKeyError
        If nothing is called like one of `include` or `exclude`.
    """
    check_names(*include, *exclude)
    run_phases(fgraph, {*phases, "stabilize"}, include, exclude, trace, on_fault)


def run_phases(
    fgraph: FunctionGraph, phases: Collection[str], include: Sequence[str] = (),
    exclude: Sequence[str] = (), trace: RewriteTrace | None = None, on_fault: str = "warn",
    only: bool = False,
) -> None:
    """`rewrite` by exactly these phases, in their fixed order; `only` by the included rules."""
    banned = list(exclude)
    if trace is not None:
        trace.begin(fgraph, phases=phases, include=include, exclude=exclude, only=only)
    # The nodes on which the rules so far were tried in vain: since rules look at the expression
    # only, a later phase tries just its own on them.
    settled: Collection[Apply] = ()
    context = Context(fgraph)
    with collector_paused():
        for phase in (*PHASES, DISPLAY):
            if phase in phases:
                context.phase = phase
                settled = _run_phase(context, include, banned, trace, on_fault, settled, only)


def _run_phase(
    context: Context, include: Sequence[str], banned: list[str], trace: RewriteTrace | None,
    on_fault: str, settled: Collection[Apply], only: bool,
) -> Collection[Apply]:
    """Run a phase until it has nothing to do; if rules undo each other, go on without them."""
    for _ in range(MAX_PASSES):
        rules = select(context.phase, include, banned, only)
        walk = _Walk(context, rules, trace, on_fault, settled)
        try:
            walk.run()
        except RewriteLoop as loop:
            involved = [rule for rule in rules if rule.name in loop.rules]
            # A rule of the user's is the likelier cause than those it goes round with.
            blamed = [rule for rule in involved if not rule.proved] or involved
            told = faults.loop(involved, blamed, loop.variable, apply_rules)  # type: ignore[arg-type]
            _report(told, on_fault)
            banned.extend(rule.name for rule in blamed)
            if trace is not None:
                trace.drop_pass()
            continue
        banned.extend(sorted(walk.dropped))
        settled = walk.untouched
        if not walk.record.hits or not any(rule.uses for rule in rules):
            break
    return settled


def apply_rules(
    fgraph: FunctionGraph, rules: Sequence[Rule], phase: str = "canonicalize",
    trace: RewriteTrace | None = None,
) -> None:
    """One walk with exactly these rules, in place; whatever goes wrong is raised as it is.

    Raises
    ------
    RewriteError
        If a rule changes a type or a value; `RewriteLoop` if the rules never end.
    """
    _Walk(Context(fgraph, phase), rules, trace, "bare").run()


def _report(told: RewriteError, on_fault: str, cause: Exception | None = None) -> None:
    if on_fault == "raise":
        raise told from cause
    warnings.warn(str(told), RewriteWarning, stacklevel=2)


class _Walk:
    """One walk over a graph: what is finished, what leads where."""

    def __init__(
        self, context: Context, rules: Sequence[Rule], trace: RewriteTrace | None, on_fault: str,
        settled: Collection[Apply] = (),
    ) -> None:
        self.context = context
        self.fgraph = context.fgraph
        self.trace = trace
        told = RewriteTrace() if trace is None else trace
        self.record = told.begin_pass(self.fgraph, context.phase)
        self.on_fault = on_fault
        self.rules = rules
        self.settled = settled
        self.untouched: set[Apply] = set()
        self.by_kind: dict[tuple[Any, ...], list[Rule]] = {}
        self.by_root: dict[tuple[Any, ...], list[Rule]] = {}
        self.final: dict[Apply, tuple[Variable, ...]] = {}
        self.forward: dict[Apply, tuple[Variable, ...]] = {}
        # node made by a rule -> (how many replacements deep, the rule, the node replaced)
        self.made_by: dict[Apply, tuple[int, str, Apply]] = {}
        self.applied: dict[Apply, str] = {}
        self.dropped: set[str] = set()
        self.compared: Counter[str] = Counter()
        self.refused = trace.attempts if trace is not None and trace.level == "attempts" else None

    def run(self) -> None:
        """Walk, and give the graph its new outputs."""
        final, settled, forward = self.final, self.settled, self.forward
        for node in self.fgraph.toposort():
            if node in final:
                continue
            if not forward and node in settled and not self._candidates(node):
                final[node] = node.outputs
                self.untouched.add(node)
                self.record.visited += 1
                continue
            self._visit(node)
            if node not in final:
                self._finish(node)
        before = self.fgraph.outputs
        self.record.outputs_after = after = tuple(self._finished(before))
        if any(new is not old for new, old in zip(after, before)):
            self.fgraph.set_outputs(after)

    def _finish(self, first: Apply) -> None:
        """Visit all that comes to stand in the place of a node."""
        final, forward = self.final, self.forward
        entered: set[Apply] = set()
        stack = [first]
        while stack:
            node = stack[-1]
            if node in final:
                stack.pop()
                continue
            ahead = forward.get(node)
            behind = node.inputs if ahead is None else ahead
            waiting = [v.owner for v in behind if v.owner is not None and v.owner not in final]
            if waiting:
                entered.add(node)
                for other in waiting:
                    if other in entered:
                        raise _loop(self._rules_between(stack, other), node)
                stack.extend(reversed(waiting))
            elif ahead is not None:
                final[node] = tuple(self._finished(ahead))
                stack.pop()
            else:
                self._visit(node)

    def _finished(self, variables: Sequence[Variable]) -> list[Variable]:
        final = self.final
        return [v if v.owner is None else final[v.owner][v.index or 0] for v in variables]

    def _visit(self, node: Apply) -> None:
        """Rebuild a node from its finished inputs, or try the rules, or finish it."""
        inputs = self._finished(node.inputs)
        if tuple(inputs) != node.inputs:
            twin = self.fgraph.table.node(node.op, inputs, node)
            if twin is not node:
                self.fgraph.inherit(node.outputs, twin.outputs)
                if node in self.made_by:
                    self.made_by.setdefault(twin, self.made_by[node])
                self.forward[node] = twin.outputs
                return
        self.record.visited += 1
        replaced = self._try(node)
        if replaced is None:
            self.final[node] = node.outputs
            self.untouched.add(node)
        else:
            self.forward[node] = replaced

    # -- rules ------------------------------------------------------------------------------

    def _candidates(self, node: Apply) -> list[Rule]:
        """The rules to try on a node: all that can match, or those that are new in this phase."""
        heads = tuple(map(self.context.head, node.inputs))
        settled = node in self.settled
        found = self.by_kind.get((node.op, heads, settled))
        if found is None:
            found = self.by_kind[node.op, heads, settled] = [
                rule
                for rule in self._rules_of(node.op)
                if heads_fit(rule.heads, rule.behind, heads)
                and (not settled or rule.phase == self.context.phase or rule.uses)
            ]
        return found

    def _rules_of(self, op: Any) -> list[Rule]:
        """The rules whose root an op can be: the others cost nothing at its nodes."""
        known = self.by_root.get((op.name, type(op)))
        if known is None:
            kinds = {"*", op.name, *type(op).__mro__}
            known = self.by_root[op.name, type(op)] = [
                rule for rule in self.rules if not kinds.isdisjoint(rule.ops)
            ]
        return known

    def _try(self, node: Apply) -> tuple[Variable, ...] | None:
        candidates = self._candidates(node)
        if not candidates:
            return None
        with source.using(node.source):
            return self._first(node, candidates)

    def _first(self, node: Apply, candidates: list[Rule]) -> tuple[Variable, ...] | None:
        """What the first of these rules that changes a node makes of it."""
        for rule in candidates:
            if rule.name in self.dropped:
                continue
            self.record.tried += 1
            replaced = self._apply(rule, node)
            if replaced is not None:
                return replaced
            if self.refused is not None:
                self.refused.append((len(self.trace.steps), rule.name, node.outputs))  # type: ignore[union-attr]
        return None

    def _apply(self, rule: Rule, node: Apply) -> tuple[Variable, ...] | None:
        started = time.perf_counter_ns() if self.trace is not None else 0
        try:
            answer = rule.apply(self.context, node)
            if answer is None:
                return None
            outputs = self._checked(rule, node, answer)
        except Exception as error:
            if self.on_fault == "bare":
                raise
            self.dropped.add(rule.name)
            _report(faults.failure(rule, node, error, apply_rules), self.on_fault, error)
            return None
        if outputs is None or all(new is old for new, old in zip(outputs, node.outputs)):
            return None
        self.record.hits += 1
        created = self._hand_on(rule, node, outputs, answer)
        if self.trace is not None:
            elapsed = time.perf_counter_ns() - started
            place = len(self.trace.steps), len(self.trace.passes) - 1
            self.trace.steps.append(
                RewriteStep(*place, self.context.phase, rule.name, elapsed, node.outputs, outputs,
                            created, dict(answer.bindings))
            )
        return outputs

    def _checked(self, rule: Rule, node: Apply, answer: Replacement) -> tuple[Variable, ...] | None:
        """The replacements, interned; None if one would know less about its shape."""
        if len(answer.outputs) != len(node.outputs):
            raise RewriteError(
                f"it returned {len(answer.outputs)} results for {len(node.outputs)} outputs"
            )
        for old, new in zip(node.outputs, answer.outputs):
            if not isinstance(new, Variable):
                raise RewriteError(f"it returned {new!r}, which is no variable")
            if not old.type.in_same_class(new.type):
                raise RewriteError(f"it changed the type from {old.type} to {new.type}")
            if not old.type.is_super(new.type):
                return None
        if not rule.proved and self.compared[rule.name] < MOST_COMPARED:
            self.compared[rule.name] += 1
            found = faults.changed_value(rule, node, answer)
            if found:
                raise RewriteError(f"it changed the value: {found}")
        return tuple(self.fgraph.table.intern_all(answer.outputs, adopt=True))

    def _hand_on(
        self, rule: Rule, node: Apply, outputs: tuple[Variable, ...], answer: Replacement
    ) -> tuple[Variable, ...]:
        """Names, origins and roles go to the replacement, and to what was made behind it."""
        self.fgraph.inherit(node.outputs, outputs)
        self.applied[node] = rule.name
        known, final, forward = self.made_by, self.final, self.forward
        depth = known[node][0] + 1 if node in known else 1
        if depth > MAX_REPLACEMENTS:
            raise _loop(self._rules_behind(node), node)
        created: list[Variable] = []
        stack = [v.owner for v in outputs if v.owner is not None]
        while stack:
            made = stack.pop()
            if made in known or made in final or made in forward:
                continue
            known[made] = (depth, rule.name, node)
            created.extend(v for v in made.outputs if v not in outputs)
            stack.extend(v.owner for v in made.inputs if v.owner is not None)
        for matched in (*node.outputs, *answer.matched):
            for inner in created:
                self.fgraph.inherit((matched,), (inner,), named=False)
        return tuple(created)

    # -- loops --------------------------------------------------------------------------------

    def _rules_between(self, stack: list[Apply], start: Apply) -> list[str]:
        """The rules that led from `start` back to itself."""
        path = stack[stack.index(start) :]
        return list(dict.fromkeys(self.applied[node] for node in path if node in self.applied))

    def _rules_behind(self, node: Apply) -> list[str]:
        """The rules of the last replacements that made a node."""
        names = {self.applied[node]}
        for _ in range(20):
            if node not in self.made_by:
                break
            _, name, node = self.made_by[node]
            names.add(name)
        return sorted(names)


def _loop(rules: Sequence[str], node: Apply) -> RewriteLoop:
    error = RewriteLoop("Rewrite rules undo each other for ever: " + ", ".join(rules) + ".")
    error.rules, error.variable = tuple(rules), node.outputs[0]
    return error
