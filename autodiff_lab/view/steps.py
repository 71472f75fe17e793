"""From the trace of a rewriting to records: what each step changed, why, and whether it is right.

What is here: `step_views`.  Relies on the graphs that a trace can give back and on the docstrings
of the rules.

The one idea: a step is read as a difference between two listings, so a node keeps its letter from
one listing to the next, also where it was built anew because something before it changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from autodiff_lab.compile.replay import replay
from autodiff_lab.graph import Constant, Variable, leaves, toposort
from autodiff_lab.rewriting import RULES, RewriteStep, RewriteTrace
from autodiff_lab.rewriting.why import near_misses
from autodiff_lab.view.dialects import LATEX
from autodiff_lab.view.latex import latex, outermost
from autodiff_lab.view.mathematics import estimated_length
from autodiff_lab.view.model import EdgeView, GraphView, NodeView, StepView
from autodiff_lab.view.notation import behind_axes
from autodiff_lab.view.numeric import free_inputs, points
from autodiff_lab.view.text import fresh_letters, leaf_text, operation_text, pp
from autodiff_lab.view.wording import unmarked

# Both sides are compared in numbers up to this many nodes, whole graphs are listed up to the
# second, every step of a trace shows and checks its graph up to the third, and formulas are
# written for graphs up to the fourth.
MOST_CHECKED = 400
MOST_MEASURED = 40
MOST_LISTED = 300
MOST_STEPS = 200
MOST_DRAWN = 2_000
LONGEST_SIDE = 160
LONGEST_PART = 40
LONGEST_FORMULA = 100
LEVELS = 6
MOST_KEPT = 1_000


def step_views(trace: RewriteTrace | None) -> tuple[StepView, ...]:
    """Every rewrite of a trace: what it changed, why, and whether both sides agree at points."""
    if trace is None:
        return ()
    steps = list(trace.steps)
    small = len(steps) <= MOST_STEPS
    shown = range(len(steps) + 1) if small else (0, len(steps))
    graphs = {k: trace.graph_at(k) for k in shown}
    counts = {k: len(toposort(outputs)) for k, outputs in graphs.items()}
    drawn = small and max(counts.values()) <= MOST_DRAWN
    listed = _Graphs()
    pictures = {
        k: listed.view(outputs, steps[k - 1] if k - 1 in graphs else None)
        for k, outputs in graphs.items() if counts[k] <= MOST_LISTED
    }
    inputs = [v for v in free_inputs(graphs[0]) if hasattr(v.type, "dtype")]
    views, known = [], dict[int, dict[Variable, Any]]()
    for k, step in enumerate(steps):
        rule = RULES.get(step.rule)
        before, after = step.before[0], step.after[0]
        sides = [short_pp(v) for v in (before, after)]
        formulas = [_formula(v) if drawn else "" for v in (before, after)]
        bits = _bits(trace, step) if small and drawn else (None, None)
        looks_same = sides[0] == sides[1] or (drawn and formulas[0] == formulas[1])
        views.append(
            StepView(
                k + 1, step.rule, step.phase, *sides, *formulas,
                doc="" if rule is None else unmarked(rule.doc),
                source_text=rule.source_text if rule is not None and small else "",
                source_label="" if rule is None else _place_of(rule),
                nodes_before=counts.get(k, 0), nodes_after=counts.get(k + 1, 0),
                check=_checked(before, after, inputs, known) if small else "",
                graph_before=pictures.get(k), graph_after=pictures.get(k + 1),
                note=_difference(before, after) if looks_same else "",
                bits_before=bits[0], bits_after=bits[1],
                why_not=near_misses(step) if small and drawn else (),
            )
        )
    return tuple(views)


def _formula(variable: Variable) -> str:
    """A side as LaTeX: of a long one the outermost operations, where the change is."""
    if estimated_length(variable) <= LONGEST_FORMULA:
        return latex(variable, longest=None)
    return outermost(variable, None, {}, LATEX, LEVELS)


def _bits(trace: RewriteTrace, step: RewriteStep) -> tuple[float | None, float | None]:
    """Bits of error of both sides, where a step is there for them and they are quickly had."""
    sides = step.before[0], step.after[0]
    rule = RULES.get(step.rule)
    if rule is None or rule.phase != "stabilize" or len(toposort(sides)) > MOST_MEASURED:
        return None, None
    try:
        before, after = trace.bits_of_error(step)
    except Exception:
        # An op without exact values says nothing about the rule.
        return None, None
    return (None, None) if np.isnan(before) or np.isnan(after) else (before, after)


def short_pp(variable: Variable, longest: int = LONGEST_SIDE) -> str:
    """`pp` with bare constants, cut."""
    text = pp(variable, constants="short", max_pieces=longest)
    return text if len(text) <= longest else text[: longest - 3] + "..."


class _Graphs:
    """Graphs of nodes ``C = exp(B)``; letters stay with the nodes that stay."""

    def __init__(self) -> None:
        self.letters: dict[Variable, str] = {}
        self.outputs: Sequence[Variable] = ()
        self.fresh = fresh_letters(())
        self.made: dict[tuple[Variable, str], tuple[list[NodeView], list[EdgeView]]] = {}

    def view(self, outputs: Sequence[Variable], step: RewriteStep | None) -> GraphView:
        """The record of a graph, which `step` made from the one before."""
        if step is None:
            self.fresh = fresh_letters(v.name for v in leaves(outputs))
        else:
            self._hand_on(step, outputs)
        results = [behind_axes(v) for v in outputs]
        nodes, edges = list[NodeView](), list[EdgeView]()
        for variable in (v for node in toposort(outputs) for v in node.outputs):
            if behind_axes(variable) is variable:
                entry = self._entry(variable, "output" if variable in results else "op")
                nodes += entry[0]
                edges += entry[1]
        self.outputs = outputs
        words = f"result {', '.join(map(self.name, results))}"
        return GraphView(tuple(dict.fromkeys(nodes)), tuple(edges), words)

    def name(self, variable: Variable) -> str:
        """The letter of a node, or how a leaf is called."""
        return self.letters.get(variable) or leaf_text(variable, "short")

    def _entry(
        self, variable: Variable, kind: Literal["op", "output"]
    ) -> tuple[list[NodeView], list[EdgeView]]:
        """A node with the inputs it reads, and what leads to it; made once."""
        if variable not in self.letters:
            self.letters[variable] = next(self.fresh)
        if (variable, kind) not in self.made:
            letter, node = self.letters[variable], variable.owner
            assert node is not None
            read = [behind_axes(v) for v in node.inputs]
            given = [v for v in read if v.owner is None and not isinstance(v, Constant)]
            nodes = [NodeView(self.name(v), "input", self.name(v)) for v in given]
            dots = {v: "·" for v in read if v in self.letters or v in given}
            text, word = (operation_text(variable, names) for names in (self.letters, dots))
            edges = [EdgeView(self.name(v), letter, slot=k) for k, v in enumerate(read)
                     if v in dots]
            self.made[variable, kind] = [*nodes, NodeView(letter, kind, word, text)], edges
        return self.made[variable, kind]

    def _hand_on(self, step: RewriteStep, outputs: Sequence[Variable]) -> None:
        """Letters go to what replaced a node, and to the nodes built anew because of it."""
        present = {(node.op, node.inputs): node for node in toposort(outputs)}
        staying = {variable for node in present.values() for variable in node.outputs}
        became = dict(zip(step.before, step.after))
        for node in toposort(self.outputs):
            inputs = tuple(became.get(v, v) for v in node.inputs)
            twin = present.get((node.op, inputs))
            if inputs != node.inputs and twin is not None:
                became.update((v, w) for v, w in zip(node.outputs, twin.outputs) if v not in became)
        for old, new in became.items():
            if old in self.letters and old not in staying and new.owner is not None:
                self.letters.setdefault(new, self.letters[old])


def _place_of(rule: Any) -> str:
    return f"{'/'.join(rule.file.replace(chr(92), '/').split('/')[-2:])}, line {rule.line}"


def _difference(before: Variable, after: Variable) -> str:
    """What differs, where both sides look the same: the first parts that are not equal."""
    pairs = [(before, after)]
    while pairs:
        old, new = pairs.pop()
        if old is new or (isinstance(new, Constant) and old.type == new.type and old.owner is None):
            continue
        if old.owner is not None and new.owner is not None and old.owner.op == new.owner.op:
            pairs += zip(old.owner.inputs, new.owner.inputs)
            continue
        texts = [short_pp(v, LONGEST_PART) for v in (old, new)]
        if texts[0] != texts[1]:
            return f"{texts[0]} becomes {texts[1]}"
        if old.type != new.type:
            return f"{texts[0]}: {_kind(old)} becomes {_kind(new)}"
        return f"{texts[0]}: worked out once, as a constant of {_kind(new)}"
    return "the same value, made in another way"


def _kind(variable: Variable) -> str:
    shape = getattr(variable.type, "shape", ())
    dtype = str(getattr(variable.type, "dtype", variable.type))
    return f"{dtype} {shape}" if shape else dtype


def _checked(
    before: Variable, after: Variable, inputs: Sequence[Variable],
    known: dict[int, dict[Variable, Any]],
) -> str:
    """Whether both sides agree at a few points: "ok", a sentence, or "" where that is unknown.

    Small values of each point are `known` to the steps that follow.
    """
    if len(toposort([before, after])) > MOST_CHECKED:
        return ""
    try:
        for k, point in enumerate(points(inputs, 4, seed=3)):
            values = replay([before, after], {**point, **known.get(k, {})})
            known[k] = {v: held for v, held in values.items() if np.size(held) <= MOST_KEPT}
            left, right = (np.asarray(values[v]) for v in (before, after))
            usable = np.isfinite(left) & np.isfinite(right) if left.dtype.kind == "f" else True
            close = np.isclose(left, right, rtol=1e-5, atol=1e-8, equal_nan=True)
            if left.shape != right.shape or not np.all(close | ~np.asarray(usable)):
                return "both sides differ at a point"
    except Exception:
        # Lengths drawn for the check need not fit the graph; that says nothing about the rule.
        return ""
    return "ok"
