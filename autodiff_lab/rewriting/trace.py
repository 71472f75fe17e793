"""The story of a rewriting: which rule replaced what, step by step, and what can be asked of it.

`RewriteTrace.graph_at(k)` gives the whole graph as it stood before step k, by replaying the first
steps of the pass that contains it from that pass's start.  Relies on the interned nodes of the
`FunctionGraph`: the same node is found again by looking it up.

The one idea: while rewriting only what happened is noted; whatever else is worked out when asked.
"""

from __future__ import annotations

import dataclasses
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from autodiff_lab import hooks
from autodiff_lab.errors import LabIndexError, LabValueError, one_of
from autodiff_lab.graph import (
    Constant, FunctionGraph, Shown, Variable, clone_replace, describe, toposort,
)
from autodiff_lab.rewriting.registry import RULES, Rule, known_name
from autodiff_lab.rewriting.trial import cost


@dataclasses.dataclass(frozen=True)
class RewriteStep(Shown):
    """One application of a rule.

    Attributes
    ----------
    index, pass_index : int
    phase, rule : str
    elapsed_ns : int
        Time that matching and building took.
    before, after : tuple of Variable
        The outputs of the matched node, and what replaced them.
    created : tuple of Variable
        New variables behind `after`.
    bindings : mapping
        What each name of the pattern matched: a variable, a number, axes.
    """

    index: int
    pass_index: int
    phase: str
    rule: str
    elapsed_ns: int
    before: tuple[Variable, ...]
    after: tuple[Variable, ...]
    created: tuple[Variable, ...]
    bindings: Mapping[str, Any]


@dataclasses.dataclass
class RewritePass:
    """One walk over the graph in one phase.

    Attributes
    ----------
    phase : str
    first_step : int
    outputs_before, outputs_after : tuple of Variable
    visited, tried, hits : int
        Nodes visited, rules tried, rules applied.
    """

    phase: str
    first_step: int
    outputs_before: tuple[Variable, ...]
    outputs_after: tuple[Variable, ...] = ()
    visited: int = 0
    tried: int = 0
    hits: int = 0


LONGEST = 120
"""Pieces of an expression that are written out."""
FACTS = ("index", "pass_index", "phase", "rule", "elapsed_ns")


class RewriteTrace(Shown):
    """Every step of a rewriting, and what can be asked about it.

    Parameters
    ----------
    level : str
        ``"steps"``, or ``"attempts"`` to note also what was tried in vain.

    Attributes
    ----------
    steps : list of RewriteStep
    passes : list of RewritePass
    attempts : list of tuple
        At level ``"attempts"``: (number of steps so far, rule, outputs of the node that the rule
        looked at and left as it was).

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> from autodiff_lab.graph import FunctionGraph
    >>> from autodiff_lab.rewriting import rewrite
    >>> x = pt.dscalar("x")
    >>> trace = RewriteTrace()
    >>> rewrite(FunctionGraph([x], [-(-x)]), trace=trace)
    >>> print(trace.summary())
    1 step: double_negation
    """

    def __init__(self, level: str = "steps") -> None:
        self.level = level
        self.steps: list[RewriteStep] = []
        self.passes: list[RewritePass] = []
        self.attempts: list[tuple[int, str, tuple[Variable, ...]]] = []
        self.settings: dict[str, Any] = {}
        self._fgraph: FunctionGraph | None = None

    def begin(self, fgraph: FunctionGraph, **settings: Any) -> None:
        """Note the start of a rewriting and how it was asked for."""
        self._fgraph, self.settings = fgraph, settings

    def begin_pass(self, fgraph: FunctionGraph, phase: str) -> RewritePass:
        """Note the start of a walk."""
        self._fgraph = fgraph
        started = RewritePass(phase, len(self.steps), fgraph.outputs)
        self.passes.append(started)
        return started

    def drop_pass(self) -> None:
        """Forget the last walk: it was given up."""
        given_up = self.passes.pop()
        del self.steps[given_up.first_step :]

    # -- graphs -----------------------------------------------------------------------------

    def _graph(self) -> FunctionGraph:
        if self._fgraph is None:
            raise LabValueError("This story has no graphs.", why="it is empty or read from a file")
        return self._fgraph

    def graph_at(self, k: int) -> tuple[Variable, ...]:
        """The outputs before step `k`; ``k = len(steps)`` is the end."""
        if not 0 <= k <= len(self.steps):
            raise LabIndexError(f"There is no step {k}.", why=f"there are {len(self.steps)} steps")
        if self._fgraph is None or not self.passes:
            return ()
        if k == len(self.steps):
            return self.passes[-1].outputs_after
        return self._replayed(k, self.passes[self.steps[k].pass_index].outputs_before)

    @property
    def memo(self) -> Mapping[Variable, Variable]:
        """The user's variable -> the one at the start of the story."""
        return {} if self._fgraph is None else self._fgraph.memo

    def twin(self, variable: Variable) -> Variable | None:
        """What a variable, or one that is computed alike, is called in the graph at the start."""
        nodes = toposort(self.graph_at(0))
        known = {*self._graph().inputs, *(v for n in nodes for v in (*n.inputs, *n.outputs))}
        if variable in known:
            return variable
        same = self._graph().table.intern(clone_replace(variable, dict(self.memo)))
        return same if same in known else None

    def image(self, variable: Variable, k: int) -> Variable:
        """What stands before step `k` in the place of a variable of the graph at the start."""
        self._graph()
        for number in range(self.steps[k].pass_index if k < len(self.steps) else len(self.passes)):
            later = [p.first_step for p in self.passes[number + 1 :]]
            end = later[0] if later else len(self.steps)
            variable = self._replayed(end, (variable,), number)[0]
        return variable if k == len(self.steps) else self._replayed(k, (variable,))[0]

    def _replayed(
        self, k: int, outputs: tuple[Variable, ...], place: int | None = None
    ) -> tuple[Variable, ...]:
        """`outputs`, of the start of a pass, before step `k` of that pass."""
        start = self.passes[self.steps[k].pass_index if place is None else place]
        replaced: dict[Variable, Variable] = {}
        for step in self.steps[start.first_step : k]:
            replaced.update(zip(step.before, step.after))
        return tuple(_replay(self._graph(), outputs, replaced))

    def without(self, *rules: str) -> RewriteTrace:
        """The story as it would have been with some rules (or tags, phases) switched off.

        Examples
        --------
        >>> import autodiff_lab as ad, autodiff_lab.tensor as pt
        >>> x = pt.dscalar("x")
        >>> trace = ad.function([x], pt.log(1 + pt.exp(x))).trace
        >>> print(trace.without("log_of_one_plus_exp").summary())
        3 steps: constant_in_result_dtype, log_of_one_plus, log1p_of_exp
        """
        graph = self._graph()
        from autodiff_lab.rewriting.driver import run_phases

        for name in rules:
            if not self.filter(rule=name):
                known_name(name, tags=True)
        start = FunctionGraph(graph.inputs, self.graph_at(0), clone=False)
        for mine, copied in start.memo.items():
            for table in ("names", "origin", "roles"):
                known = getattr(graph, table)
                if mine in known:
                    getattr(start, table)[copied] = known[mine]
        again = RewriteTrace(self.level)
        options = {**self.settings, "exclude": (*self.settings["exclude"], *rules)}
        run_phases(start, trace=again, **options)
        return again

    def filter(
        self, rule: str | None = None, phase: str | None = None, text: str | None = None
    ) -> list[RewriteStep]:
        """The steps of a rule (or tag), of a phase, or whose two sides contain a text."""
        return [
            step for step in self.steps
            if (rule is None or rule in (step.rule, *getattr(RULES.get(step.rule), "tags", ())))
            and (phase is None or phase == step.phase)
            and (text is None or any(text in short(v) for v in (*step.before, *step.after)))
        ]

    def diff(self, i: int, j: int) -> str:
        """The nodes that the graph before step `i` has and the one before `j` has not: "-"; "+" for
        the others.
        """
        self._graph()
        sides = [toposort(self.graph_at(k)) for k in (i, j)]
        lines = []
        for sign, mine, other in zip("-+", sides, sides[::-1]):
            gone = set(mine) - set(other)
            texts = [short(node.outputs[0]) for node in mine if node in gone]
            lines += [f"{sign} {text}" for text in dict.fromkeys(texts)]
        return Words("\n".join(lines))

    def bisect(self, values: Any, rtol: float = 1e-9) -> RewriteStep | None:
        """The first step that changed the value of an output, or None.

        Parameters
        ----------
        values : mapping or sequence
            A value for each input, by variable or name, or in the order of the inputs.
        rtol : float
            What counts as changed in float64, in proportion in others; NaN and infinity count as
            values.
        """
        given = self._given(values)

        def values_at(k: int) -> list[Any]:
            outputs = self.graph_at(k)
            found = hooks.call("replay", outputs, given)
            return [found[v] for v in outputs]

        first = values_at(0)

        def changed(k: int) -> bool:
            pairs = zip(first, values_at(k))
            return not all(_same(a, b, rtol) for a, b in pairs)

        count = len(self.steps)
        if not count or not changed(count):
            return None
        return self.steps[bisect_left(range(1, count), True, key=changed)]

    def _given(self, values: Any) -> dict[Variable, Any]:
        inputs = [v for v in self._graph().inputs if not hasattr(v, "container")]
        if not isinstance(values, Mapping):
            values = dict(zip(inputs, values if isinstance(values, list | tuple) else [values]))
        by_name = {v.name: v for v in inputs}
        found: dict[Any, Any] = {
            _by_name(by_name, key) if isinstance(key, str) else self.memo.get(key, key): value
            for key, value in values.items()
        }
        missing = [v for v in inputs if v not in found]
        if missing:
            raise LabValueError(
                f"There is no value for {', '.join(map(describe, missing))}.",
                remedy="a value for each input, by name, by variable or in their order",
            )
        return {v: v.type.filter(value, allow_downcast=True) for v, value in found.items()}

    # -- measures ---------------------------------------------------------------------------

    def cost(self, k: int) -> int:
        """Rough cost of the graph before step `k`, in additions per element."""
        return cost(self.graph_at(k))

    def step(self, which: RewriteStep | int | str) -> RewriteStep:
        """A step by its place in `steps`, or the first one of a rule."""
        if isinstance(which, RewriteStep):
            return which
        if isinstance(which, str):
            found = self.filter(rule=which)  # also of a rule that is not registered any more
            if not found:
                known_name(which, tags=True)
                why = self.why_not(which) if which in RULES else self.summary()
                raise LabValueError(f"There is no step of {which}.", why=why)
            return found[0]
        if not -len(self.steps) <= which < len(self.steps):
            raise LabIndexError(f"There is no step {which}.", why=self.summary())
        return self.steps[which]

    def bits_of_error(self, step: RewriteStep | int | str) -> tuple[float, float]:
        """Mean bits of error of a step's two sides, at points of all sizes: 0 is the best.

        Examples
        --------
        >>> import autodiff_lab as ad, autodiff_lab.tensor as pt
        >>> x = pt.dscalar("x")
        >>> trace = ad.function([x], pt.log(1 + x)).trace
        >>> before, after = trace.bits_of_error("log_of_one_plus")
        >>> before > 10 and after < 1
        True
        """
        chosen = self.step(step)
        self._graph()
        bits: tuple[float, float] = hooks.call("bits_of_sides", chosen.before[0], chosen.after[0])
        return bits

    # -- words ------------------------------------------------------------------------------

    def why(self, step: RewriteStep | int | str) -> str:
        """What a step (or the first step of a rule) did and for what reason, in words."""
        from autodiff_lab.rewriting.why import why

        return why(self.step(step), self)

    def why_not(self, rule: Rule | str, variable: Variable | str | None = None) -> str:
        """Why a rule did not change a variable (by default: any output), in words."""
        from autodiff_lab.rewriting.why import why_not

        return why_not(rule, variable, self)

    def summary(self) -> str:
        """How often each rule was applied, in one line."""
        counts = Counter(step.rule for step in self.steps)
        names = ", ".join(name if n == 1 else f"{name} x{n}" for name, n in counts.items())
        total = len(self.steps)
        return f"{total} step{'s' * (total != 1)}" + (f": {names}" if names else "")

    def to_json(self) -> list[dict[str, Any]]:
        """The steps as plain data: rules, phases, and both sides as text."""
        return [
            {
                **{name: getattr(step, name) for name in FACTS},
                "before": [short(v) for v in step.before],
                "after": [short(v) for v in step.after],
                "bindings": {name: _plain(value) for name, value in step.bindings.items()},
            }
            for step in self.steps
        ]

    @classmethod
    def from_json(cls, data: Sequence[Mapping[str, Any]]) -> RewriteTrace:
        """The story told by `to_json`: both sides are texts, and there are no graphs."""
        trace = cls()
        for entry in data:
            sides = {name: tuple(entry[name]) for name in ("before", "after")}
            trace.steps.append(RewriteStep(**{**entry, **sides, "created": ()}))
        return trace

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Any:
        return iter(self.steps)

    def __repr__(self) -> str:
        return f"<RewriteTrace: {self.summary()}>"


def _by_name(known: Mapping[str | None, Variable], name: str) -> Variable:
    one_of(name, known, f"There is no input {name!r}.")
    return known[name]


def _same(a: Any, b: Any, rtol: float) -> bool:
    """Whether two values agree, as closely as their dtype lets them."""
    if np.asarray(a).dtype.kind in "fc":
        rtol *= float(np.finfo(np.asarray(a).dtype).eps / np.finfo(np.float64).eps)
    return np.allclose(a, b, min(rtol, 0.1), 0, equal_nan=True)


class Words(str):
    """A text that shows itself as it reads."""

    __slots__ = ()
    __repr__ = str.__str__


def short(variable: Any) -> str:
    """A variable as text, cut where it is long; a text as it is."""
    if isinstance(variable, str):
        return variable
    text: str = hooks.call("pp", variable, constants="short", max_pieces=LONGEST)
    return text


def _plain(value: Any) -> Any:
    if isinstance(value, Constant) and getattr(value.data, "size", 0) == 1:
        return value.data.item()
    if isinstance(value, Variable):
        return hooks.call("pp", value)
    if isinstance(value, tuple | list):
        return list(value)
    return value.item() if hasattr(value, "item") else value


def _replay(
    fgraph: FunctionGraph, outputs: tuple[Variable, ...], replaced: Mapping[Variable, Variable]
) -> list[Variable]:
    """`outputs` rebuilt bottom-up with some variables replaced, replacements included."""
    done: dict[Variable, Variable] = {}
    stack = list(outputs)[::-1]
    while stack:
        top = stack[-1]
        if top in done:
            stack.pop()
            continue
        owner = top.owner
        target = replaced.get(top, top)
        if target is top and owner is not None:
            waiting = [v for v in owner.inputs if v not in done]
            if waiting:
                stack.extend(waiting)
                continue
            inputs = [done[v] for v in owner.inputs]
            if tuple(inputs) != owner.inputs:
                target = fgraph.table.node(owner.op, inputs, owner).outputs[top.index or 0]
        if target is top:
            done[top] = top
        elif target in done:
            done[top] = done[target]
        else:
            stack.append(target)
    return [done[v] for v in outputs]
