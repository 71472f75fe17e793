"""The story of a rewriting: which rule replaced what, step by step.

`RewriteTrace.graph_at(k)` gives the whole graph as it stood before step k, by replaying the first
steps of the pass that contains it from that pass's start.  Relies on the interned nodes of the
`FunctionGraph`: the same node is found again by looking it up.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from typing import Any

from autodiff_lab import hooks
from autodiff_lab.graph import Constant, FunctionGraph, Variable


@dataclasses.dataclass(frozen=True)
class RewriteStep:
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


class RewriteTrace:
    """Every step of a rewriting.

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

    def __init__(self) -> None:
        self.steps: list[RewriteStep] = []
        self.passes: list[RewritePass] = []
        self._fgraph: FunctionGraph | None = None

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

    def graph_at(self, k: int) -> tuple[Variable, ...]:
        """The outputs before step `k`; ``k = len(steps)`` is the end."""
        if self._fgraph is None or not self.passes:
            return ()
        if not 0 <= k <= len(self.steps):
            raise IndexError(f"there are {len(self.steps)} steps, not {k}")
        if k == len(self.steps):
            return self.passes[-1].outputs_after
        place = self.steps[k].pass_index
        start = self.passes[place]
        done = self.steps[start.first_step : k]
        replaced: dict[Variable, Variable] = {}
        for step in done:
            replaced.update(zip(step.before, step.after))
        return tuple(_replay(self._fgraph, start.outputs_before, replaced))

    def summary(self) -> str:
        """How often each rule was applied, in one line."""
        counts = Counter(step.rule for step in self.steps)
        names = ", ".join(name if n == 1 else f"{name} x{n}" for name, n in counts.items())
        total = len(self.steps)
        return f"{total} step{'s' * (total != 1)}" + (f": {names}" if names else "")

    def to_json(self) -> list[dict[str, Any]]:
        """The steps as plain data: rules, phases, and both sides as text."""
        facts = ("index", "pass_index", "phase", "rule", "elapsed_ns")
        return [
            {
                **{name: getattr(step, name) for name in facts},
                "before": [hooks.call("pp", v) for v in step.before],
                "after": [hooks.call("pp", v) for v in step.after],
                "bindings": {name: _plain(value) for name, value in step.bindings.items()},
            }
            for step in self.steps
        ]

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Any:
        return iter(self.steps)

    def __repr__(self) -> str:
        return f"<RewriteTrace: {self.summary()}>"


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
