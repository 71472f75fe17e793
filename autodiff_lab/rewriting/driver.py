"""The driver: one linear walk per phase over interned nodes, bottom-up, with an explicit stack.

A node is first rebuilt from its finished inputs, then tried against the rules of its op.  Where one
applies, the replacement is visited before the node is finished.  Since equal nodes are one node, a
finished node needs no second look in the phase; only rules that look beyond the expression
(``uses=``) make the phase run again.

A rule that raises, changes a type or never ends is left out, with one warning; compiling goes on.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import time
import warnings
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from autodiff_lab.errors import RewriteError, RewriteLoop, RewriteWarning, explain
from autodiff_lab.graph import Apply, FunctionGraph, Variable, describe
from autodiff_lab.graph.source import using
from autodiff_lab.rewriting.facts import Context
from autodiff_lab.rewriting.pattern import heads_fit
from autodiff_lab.rewriting.registry import DISPLAY, PHASES, PatternRule, Replacement, Rule, select
from autodiff_lab.rewriting.trace import RewritePass, RewriteStep, RewriteTrace

MAX_PASSES = 8
MAX_REPLACEMENTS = 500
"""How often a node and what replaced it may be replaced again before it counts as a loop."""

Index = dict[Any, list[tuple[Rule, Any]]]


class _Loop(Exception):
    """A walk that would not end; carries the names of the rules."""

    def __init__(self, rules: list[str], node: Apply) -> None:
        super().__init__(", ".join(rules))
        self.rules = rules
        self.node = node


def rewrite(
    fgraph: FunctionGraph,
    phases: Sequence[str] = PHASES,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    trace: RewriteTrace | None = None,
    on_error: str = "warn",
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
    on_error : str
        ``"warn"`` leaves a rule that misbehaves out; ``"raise"`` raises.
    """
    run_phases(fgraph, {*phases, "stabilize"}, include, exclude, trace, on_error)


def run_phases(
    fgraph: FunctionGraph,
    phases: Collection[str],
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    trace: RewriteTrace | None = None,
    on_error: str = "warn",
) -> None:
    """`rewrite` by exactly these phases, in their fixed order."""
    run = _Run(fgraph, tuple(include), list(exclude), trace, on_error)
    with _collector_paused():
        for phase in (*PHASES, DISPLAY):
            if phase in phases:
                _run_until_calm(run, phase)


@dataclasses.dataclass
class _Run:
    """What the phases of one rewriting share.

    `settled` has the nodes on which the rules so far were tried in vain: since rules look at the
    expression only, a later phase tries just its own on them.
    """

    fgraph: FunctionGraph
    include: tuple[str, ...]
    banned: list[str]
    trace: RewriteTrace | None
    on_error: str
    settled: set[Apply] = dataclasses.field(default_factory=set)


@contextlib.contextmanager
def _collector_paused() -> Iterator[None]:
    """No garbage collection for a while.

    Rewriting makes many objects and drops few: the collector would walk over all of them again
    and again, which costs a third of the time at 20,000 nodes.
    """
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def _run_until_calm(run: _Run, phase: str) -> None:
    """Run a phase; if rules undo each other for ever, again without them."""
    while True:
        try:
            _run_phase(run, phase)
            return
        except _Loop as loop:
            error = RewriteLoop(_loop_story(loop))
            if run.on_error == "raise":
                raise error from None
            warnings.warn(str(error), RewriteWarning, stacklevel=2)
            run.banned.extend(loop.rules)
            if run.trace is not None:
                run.trace.drop_pass()


def _run_phase(run: _Run, phase: str) -> None:
    fgraph, trace = run.fgraph, run.trace
    for _ in range(MAX_PASSES):
        rules = select(phase, run.include, run.banned)
        record = None if trace is None else trace.begin_pass(fgraph, phase)
        walk = _Walk(Context(fgraph, phase), rules, trace, record, run.on_error, run.settled)
        before = fgraph.outputs
        outputs = walk.run(before)
        run.banned.extend(sorted(walk.dropped))
        run.settled = walk.untouched
        if record is not None:
            record.outputs_after = tuple(outputs)
            record.visited, record.tried, record.hits = walk.visited, walk.tried, walk.hits
        if any(new is not old for new, old in zip(outputs, before)):
            fgraph.set_outputs(outputs)
        if not walk.hits or not any(rule.uses for rule in rules):
            return


def apply_rules(
    fgraph: FunctionGraph,
    rules: Sequence[Rule],
    phase: str = "canonicalize",
    trace: RewriteTrace | None = None,
) -> None:
    """One walk with exactly these rules, in place; whatever goes wrong is raised.

    Raises
    ------
    RewriteError
        If a rule fails or changes a type; `RewriteLoop` if the rules never end.
    """
    record = None if trace is None else trace.begin_pass(fgraph, phase)
    walk = _Walk(Context(fgraph, phase), rules, trace, record, "raise")
    try:
        outputs = walk.run(fgraph.outputs)
    except _Loop as loop:
        raise RewriteLoop(_loop_story(loop)) from None
    if record is not None:
        record.outputs_after = tuple(outputs)
        record.visited, record.tried, record.hits = walk.visited, walk.tried, walk.hits
    fgraph.set_outputs(outputs)


def _loop_story(loop: _Loop) -> str:
    return explain(
        "Rewrite rules undo each other for ever: " + ", ".join(loop.rules) + ".",
        where=_place(loop.node),
        why="each result is changed again by another of them",
        remedy="a rule must lead to a simpler form; these rules were left out here",
    )


def _place(node: Apply) -> str:
    text = describe(node.outputs[0])
    return text if node.source is None else f"{text}, {node.source}"


def index_of(rules: Sequence[Rule]) -> Index:
    """Rules by the name or class of the ops whose nodes they are tried on."""
    found: Index = {}
    for rule in rules:
        required = rule.heads if isinstance(rule, PatternRule) else None
        for op in rule.ops:
            found.setdefault(op, []).append((rule, required))
    return found


class _Walk:
    """One walk over a graph: what is finished, what leads where."""

    def __init__(
        self,
        context: Context,
        rules: Sequence[Rule],
        trace: RewriteTrace | None,
        record: RewritePass | None,
        on_error: str,
        settled: Collection[Apply] = (),
    ) -> None:
        self.context = context
        self.fgraph = context.fgraph
        self.trace = trace
        self.record = record
        self.on_error = on_error
        self.index = index_of(rules)
        self.settled = settled
        self.untouched: set[Apply] = set()
        self.by_kind: dict[tuple[Any, bool], list[tuple[Rule, Any]]] = {}
        self.order = {rule.name: place for place, rule in enumerate(rules)}
        self.final: dict[Apply, tuple[Variable, ...]] = {}
        self.forward: dict[Apply, tuple[Variable, ...]] = {}
        # node made by a rule -> (how many replacements deep, the rule, the node replaced)
        self.made_by: dict[Apply, tuple[int, str, Apply]] = {}
        self.applied: dict[Apply, str] = {}
        self.dropped: set[str] = set()
        self.visited = self.tried = self.hits = 0

    def run(self, outputs: Sequence[Variable]) -> list[Variable]:
        """The outputs after the walk."""
        final, forward = self.final, self.forward
        entered: set[Apply] = set()
        stack = [v.owner for v in reversed(outputs) if v.owner is not None]
        while stack:
            node = stack[-1]
            if node in final:
                stack.pop()
                continue
            ahead = forward.get(node)
            waiting = [
                v.owner
                for v in (node.inputs if ahead is None else ahead)
                if v.owner is not None and v.owner not in final
            ]
            if waiting:
                entered.add(node)
                for other in waiting:
                    if other in entered:
                        raise _Loop(self._rules_between(stack, other), node)
                stack.extend(reversed(waiting))
            elif ahead is not None:
                final[node] = tuple(self._finished(v) for v in ahead)
                stack.pop()
            else:
                self._visit(node)
        return [self._finished(v) for v in outputs]

    def _finished(self, variable: Variable) -> Variable:
        if variable.owner is None:
            return variable
        return self.final[variable.owner][variable.index or 0]

    def _visit(self, node: Apply) -> None:
        """Rebuild a node from its finished inputs, or try the rules, or finish it."""
        inputs = [self._finished(v) for v in node.inputs]
        if any(new is not old for new, old in zip(inputs, node.inputs)):
            twin = self.fgraph.table.node(node.op, inputs, node)
            if twin is not node:
                self.fgraph.inherit(node.outputs, twin.outputs)
                if node in self.made_by:
                    self.made_by.setdefault(twin, self.made_by[node])
                self.forward[node] = twin.outputs
                return
        self.visited += 1
        with using(node.source):
            replaced = self._try(node)
        if replaced is None:
            self.final[node] = node.outputs
            self.untouched.add(node)
        else:
            self.forward[node] = replaced

    # -- rules ------------------------------------------------------------------------------

    def _candidates(self, node: Apply) -> list[tuple[Rule, Any]]:
        """The rules to try on a node: all for its op, or those that are new in this phase."""
        key = (node.op, node in self.settled)
        found = self.by_kind.get(key)
        if found is None:
            found = list(self.index.get("*", ()))
            found += self.index.get(node.op.name, ())
            for kind in type(node.op).__mro__:
                found += self.index.get(kind, ())
            if key[1]:
                phase = self.context.phase
                found = [pair for pair in found if pair[0].phase == phase or pair[0].uses]
            found.sort(key=lambda pair: self.order[pair[0].name])
            self.by_kind[key] = found
        return found

    def _try(self, node: Apply) -> tuple[Variable, ...] | None:
        heads = None
        for rule, required in self._candidates(node):
            if required is not None:
                if heads is None:
                    heads = tuple(map(self.context.head, node.inputs))
                if not heads_fit(required, heads):
                    continue
            if self.dropped and rule.name in self.dropped:
                continue
            self.tried += 1
            replaced = self._apply(rule, node)
            if replaced is not None:
                return replaced
        return None

    def _apply(self, rule: Rule, node: Apply) -> tuple[Variable, ...] | None:
        started = time.perf_counter_ns() if self.trace is not None else 0
        try:
            answer = rule.apply(self.context, node)
            if answer is None:
                return None
            outputs = self._checked(rule, node, answer)
        except Exception as error:
            self._misbehaved(rule, node, error)
            return None
        if outputs is None or all(new is old for new, old in zip(outputs, node.outputs)):
            return None
        self.hits += 1
        created = self._hand_on(rule, node, outputs, answer)
        if self.trace is not None:
            self._note(rule, node, outputs, created, answer, started)
        return outputs

    def _checked(
        self, rule: Rule, node: Apply, answer: Replacement
    ) -> tuple[Variable, ...] | None:
        """The replacements, interned; None if one would know less about its shape."""
        if len(answer.outputs) != len(node.outputs):
            raise RewriteError(
                f"it returned {len(answer.outputs)} results for {len(node.outputs)} outputs"
            )
        for old, new in zip(node.outputs, answer.outputs):
            if not old.type.in_same_class(new.type):
                raise RewriteError(f"it changed the type from {old.type} to {new.type}")
            if not old.type.is_super(new.type):
                return None
        return tuple(self.fgraph.table.intern_all(answer.outputs, adopt=True))

    def _hand_on(
        self, rule: Rule, node: Apply, outputs: tuple[Variable, ...], answer: Replacement
    ) -> list[Variable]:
        """Names, origins and roles go to the replacement, and to what was made behind it."""
        fgraph = self.fgraph
        fgraph.inherit(node.outputs, outputs)
        self.applied[node] = rule.name
        depth = self.made_by[node][0] + 1 if node in self.made_by else 1
        if depth > MAX_REPLACEMENTS:
            raise _Loop(self._rules_behind(node), node)
        created: list[Variable] = []
        stack = [v.owner for v in outputs if v.owner is not None]
        known, final, forward = self.made_by, self.final, self.forward
        while stack:
            made = stack.pop()
            if made in known or made in final or made in forward:
                continue
            known[made] = (depth, rule.name, node)
            created.extend(made.outputs)
            stack.extend(v.owner for v in made.inputs if v.owner is not None)
        inner = [v for v in created if v not in outputs]
        for source in (*node.outputs, *answer.matched):
            for made_variable in inner:
                for table in (fgraph.origin, fgraph.roles):
                    _add_to(table, source, made_variable)
        return created

    def _note(
        self,
        rule: Rule,
        node: Apply,
        outputs: tuple[Variable, ...],
        created: list[Variable],
        answer: Replacement,
        started: int,
    ) -> None:
        trace = self.trace
        assert trace is not None
        trace.steps.append(
            RewriteStep(
                index=len(trace.steps),
                pass_index=len(trace.passes) - 1,
                phase=self.context.phase,
                rule=rule.name,
                elapsed_ns=time.perf_counter_ns() - started,
                before=node.outputs,
                after=outputs,
                created=tuple(v for v in created if v not in outputs),
                bindings=dict(answer.bindings),
            )
        )

    # -- rules that misbehave -----------------------------------------------------------------

    def _misbehaved(self, rule: Rule, node: Apply, error: Exception) -> None:
        self.dropped.add(rule.name)
        text = explain(
            f"The rewrite rule {rule.name} failed and is left out.",
            where=_place(node),
            why=f"{type(error).__name__}: {error}" if not isinstance(error, RewriteError)
            else str(error),
            remedy=f"see {rule.file}, line {rule.line}; testing.check_rule({rule.name}) tests it",
        )
        if self.on_error == "raise":
            raise RewriteError(text) from error
        warnings.warn(text, RewriteWarning, stacklevel=2)

    def _rules_between(self, stack: Sequence[Apply], start: Apply) -> list[str]:
        """The rules that led from `start` back to itself."""
        path = list(stack)[list(stack).index(start) :]
        names = [self.applied[node] for node in path if node in self.applied]
        return list(dict.fromkeys(names))

    def _rules_behind(self, node: Apply) -> list[str]:
        """The rules of the last replacements that made a node."""
        names = [self.applied[node]]
        for _ in range(20):
            if node not in self.made_by:
                break
            _, name, node = self.made_by[node]
            names.append(name)
        return sorted(set(names))


def _add_to(
    table: dict[Variable, tuple[Any, ...]], source: Variable, target: Variable
) -> None:
    carried = table.get(source)
    if carried:
        present = table.get(target, ())
        table[target] = (*present, *(item for item in carried if item not in present))
