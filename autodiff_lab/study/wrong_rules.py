"""Gradients with one local rule broken: what a student gets who makes one usual mistake.

What is here: `broken_gradients`, and the table `static/wrong_rules.txt` it reads.  Relies on the
ops' own pullbacks for what is right, and on NumPy for what is wrong.

The one idea: a wrong rule changes what one node hands to one input; pulled back to the variable,
the change is what the wrong gradient differs by.  So one right sweep serves every mistake.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy

from autodiff_lab.compile.replay import replay
from autodiff_lab.gradient import grad
from autodiff_lab.graph import Apply, Variable, ancestors, toposort
from autodiff_lab.view.latex import math_text
from autodiff_lab.view.notation import behind_axes

Array = numpy.ndarray[Any, Any]
MOST_NODES = 80
SPECIFIC, CHAIN, DROPPED, SIGN = range(4)      # which explanation is preferred
SUM_RULES = {"mul": "product rule", "true_div": "quotient rule", "add": "sum rule",
             "sub": "sum rule", "pow": "power and exponential rule", "dot": "product rule",
             "matmul": "product rule"}


class Row(NamedTuple):
    """A line of the table."""

    op: str
    to: str
    text: str
    wrong: tuple[Any, ...]      # the same, compiled
    rule: str
    why: str


@dataclasses.dataclass(frozen=True)
class Broken:
    """The gradient with one rule broken: by how much it differs at each point, and the words.

    `through` is what the node contributes to the right gradient.
    """

    rank: int
    depth: int                  # of the node, counted from the result
    rule: str
    why: str
    node: Apply
    change: Array
    through: Array


def short(variable: Variable) -> str:
    """A variable as one line, cut at 60 characters."""
    text = math_text(variable)
    return text if len(text) <= 60 else text[:57] + "..."


@functools.cache
def table() -> dict[str, list[Row]]:
    """The rows by op."""
    file = importlib.resources.files("autodiff_lab").joinpath("study", "static", "wrong_rules.txt")
    rows: dict[str, list[Row]] = defaultdict(list)
    for line in file.read_text(encoding="utf8").splitlines():
        if line and not line.startswith("#"):
            op, to, wrong, rule, why = (cell.strip() for cell in line.split(" | "))
            parts = tuple(compile(w.strip(), op, "eval") for w in wrong.split(";"))
            rows[op].append(Row(op, to, wrong, parts, rule, why))
    return rows


class BrokenSweep:
    """The right reverse sweep from `y` to `wrt`, at some points, and what mistakes change in it."""

    def __init__(
        self, y: Variable, wrt: Variable, points: Sequence[Mapping[Variable, Any]]
    ) -> None:
        self.wrt, self.points = wrt, points
        self.reached = self._reached(y, wrt)
        needed = [v for v in ancestors([y]) if v in self.reached]
        every = [n for n in toposort([y]) if n.outputs[0] in self.reached]
        self.nodes = list(reversed(every))[:MOST_NODES]
        found = grad(y, [y, *needed], disconnected_inputs="ignore", null_gradients="return")
        self.cotangents = dict(zip([y, *needed], found))
        self.parts: dict[tuple[Apply, int], Variable] = {}
        for node in self.nodes:
            known = self.cotangents.get(node.outputs[0])
            if len(node.outputs) == 1 and known is not None:
                answers = node.op.pullback(node.inputs, node.outputs, [known])
                self.parts.update({(node, k): a for k, a in enumerate(answers)
                                   if isinstance(a, Variable) and node.inputs[k] in self.reached})
        wanted = [*self.parts.values(), *self.cotangents.values(), y]
        self.values = [replay(wanted, point) for point in points]
        self.right = numpy.stack([values[self.cotangents[wrt]] for values in self.values])
        self._pulls: dict[Variable, tuple[Variable, Variable]] = {}

    @staticmethod
    def _reached(y: Variable, wrt: Variable) -> set[Variable]:
        reached = {wrt}
        for node in toposort([y], [wrt]):
            if not reached.isdisjoint(node.inputs):    # whole numbers, as lengths, carry nothing
                reached.update(v for v in node.outputs if v.type.dtype.startswith("float"))
        return reached

    def pull(self, variable: Variable, seeds: Sequence[Array]) -> Array:
        """Cotangents of a variable carried back to `wrt`, at each point."""
        if variable is self.wrt:
            return numpy.stack(seeds)
        if variable not in self._pulls:
            seed = variable.type.make_variable()
            (found,) = grad(None, [self.wrt], known_grads={variable: seed},
                            disconnected_inputs="ignore")
            self._pulls[variable] = seed, found
        seed, found = self._pulls[variable]
        return numpy.stack([
            replay([found], {**point, seed: numpy.asarray(given, dtype=seed.type.dtype)})[found]
            for point, given in zip(self.points, seeds)])

    def fitted(self, amounts: Sequence[Array]) -> Array:
        """Amounts in the shape of `wrt`: summed where it is one number, else spread."""
        shape = self.right.shape[1:]
        return numpy.stack([numpy.sum(a) if not shape else numpy.broadcast_to(a, shape)
                            for a in amounts])

    # -- mistakes -----------------------------------------------------------------------------

    def mistakes(self) -> Iterator[Broken]:
        """Every gradient with one broken rule."""
        with numpy.errstate(all="ignore"):
            for depth, node in enumerate(self.nodes):
                places = [k for k in range(len(node.inputs)) if (node, k) in self.parts]
                pulled = {k: self.pull(node.inputs[k], self._part(node, k)) for k in places}
                for rank, rule, why, change in (*self._of_table(node, pulled),
                                                *self._general(node, pulled)):
                    if change.shape == self.right.shape:
                        yield Broken(rank, depth, rule, why, node, change, sum(pulled.values()))

    def _part(self, node: Apply, place: int) -> list[Array]:
        return [values[self.parts[node, place]] for values in self.values]

    def _general(self, node: Apply, pulled: Mapping[int, Array]) -> Iterator[Any]:
        """What can go wrong with any rule: inner derivative, a term, a sign."""
        name = node.op.name
        rule = SUM_RULES.get(name, "chain rule")
        for place, right in pulled.items():
            inside = short(node.inputs[place])
            try:
                bare = self.fitted(self._part(node, place))
            except ValueError:              # of another shape: nobody can forget to go on
                pass
            else:
                yield CHAIN, "chain rule", f"the derivative of the inside, {inside}, is missing", \
                    bare - right
            if len(pulled) > 1:
                yield DROPPED, rule, f"the term with the derivative of {inside} is missing", -right
                others = [pulled[k] for k in pulled if k != place]
                yield SIGN, rule, f"the term with the derivative of {inside} stands in place of " \
                    "the other", right * len(others) - sum(others)
            sign = f"the minus of {short(node.outputs[0])} is lost" \
                if name == "neg" or (name, place) == ("sub", 1) else \
                f"the derivative of {short(node.outputs[0])} by {inside} has the wrong sign"
            if (name, place) == ("true_div", 1):
                rule, sign = "quotient rule", "the minus is missing: (u/v)' = (u' v - u v')/v^2"
            yield SIGN, rule if name == "true_div" else "sign", sign, -2 * right

    def _of_table(self, node: Apply, pulled: Mapping[int, Array]) -> Iterator[Any]:
        name = node.op.name
        if name == "true_div" and self._is_mean(node):
            name = "mean"
        contexts = [self._context(node, k, name) for k in range(len(self.points))]
        rest = [v for v in node.inputs if v not in self.reached]
        for row in (*table().get(name, ()), *table()["*"]):
            change = self._change(row, node, contexts, pulled)
            if change is not None:
                rank = DROPPED if row.to in ("c", "+x") else SPECIFIC
                if row.text.strip("cuv-; ") == "":         # a sign only
                    rank = SIGN
                words = row.why.replace("{k}", short(rest[0]) if rest else "k")
                yield rank, row.rule, words, change

    def _is_mean(self, node: Apply) -> bool:
        """Whether a quotient is a sum by the number of its terms, as means are built."""
        added = behind_axes(node.inputs[0]).owner
        if added is None or added.op.name != "sum":
            return False
        whole, total, count = (self.values[0].get(v, getattr(v, "data", 0))
                               for v in (added.inputs[0], added.outputs[0], node.inputs[1]))
        return bool(numpy.all(count == numpy.size(whole) / max(numpy.size(total), 1)))

    def _context(self, node: Apply, number: int, name: str) -> dict[str, Any]:
        """What the expressions of the table may name, at one point."""
        values = self.values[number]
        known: dict[str, Any] = dict(
            vars(numpy), y=values[node.outputs[0]], g=values[self.cotangents[node.outputs[0]]])
        for place, (variable, letter) in enumerate(zip(node.inputs, "uv")):
            known[letter] = values.get(variable, getattr(variable, "data", None))
            if (node, place) in self.parts:
                known[f"c{letter}"] = known["c"] = values[self.parts[node, place]]
            else:
                known["k"] = known[letter]
        first = numpy.size(known["u"]) / max(numpy.size(known["y"]), 1)
        known["n"] = known["v"] if name == "mean" else first
        return known

    def _change(
        self, row: Row, node: Apply, contexts: list[dict[str, Any]], pulled: Mapping[int, Array]
    ) -> Array | None:
        """By how much the gradient differs under a row; None where it does not apply."""
        places = list(pulled)
        if row.to == "s":
            return self._wrongly_summed(row, node, places)
        if row.to in ("u", "v", "uv"):
            targets = ["uv".index(letter) for letter in row.to]
        else:
            targets = places if row.to == "c" and len(places) == 1 else []
        direct = row.to in ("x", "+x")
        names = {name for wrong in row.wrong for name in wrong.co_names}
        if (not set(targets) <= set(places) or not (targets or direct)
                or "k" in names and "k" not in contexts[0]
                or {"du", "dv"} <= names and len(places) < 2
                or direct and row.rule == "chain rule" and node.inputs[0] is self.wrt):
            return None
        try:
            if direct:
                if {"du", "dv"} & names:
                    self._add_tangents(node, contexts)
                amounts = self.fitted([eval(row.wrong[0], dict(c)) for c in contexts])
                return amounts if row.to == "+x" else amounts - sum(pulled.values())
            total: Any = 0
            for place, wrong in zip(targets, row.wrong):
                seeds = [numpy.asarray(eval(wrong, dict(c))) for c in contexts]
                if seeds[0].shape != self._part(node, place)[0].shape:
                    return None
                total = total + self.pull(node.inputs[place], seeds) - pulled[place]
            return numpy.asarray(total)
        except (ValueError, TypeError, NameError, AttributeError):
            return None                     # shapes or inputs for which the mistake makes no sense

    def _add_tangents(self, node: Apply, contexts: list[dict[str, Any]]) -> None:
        """The derivatives of the inputs by `wrt`, entry by entry."""
        for variable, letter in zip(node.inputs, "uv"):
            ones = [numpy.ones_like(context[letter]) for context in contexts]
            inner = self.pull(variable, ones) if variable in self.reached else \
                numpy.zeros(len(contexts))
            for context, number in zip(contexts, inner):
                context[f"d{letter}"] = number

    def _wrongly_summed(self, row: Row, node: Apply, places: list[int]) -> Array | None:
        """Contributions averaged, or added along another axis, where an input was stretched."""
        for place in places:
            owner = behind_axes(self.parts[node, place]).owner
            if owner is None or owner.op.name != "sum" or owner.inputs[0] not in self.values[0]:
                continue
            seeds = []
            for values, right in zip(self.values, self._part(node, place)):
                raw = values[owner.inputs[0]]
                if row.wrong[0].co_names[-1] == "mean":
                    seeds.append(right * right.size / raw.size)
                elif raw.ndim == 2 and raw.shape[0] == raw.shape[1] and right.size == len(raw):
                    seeds.append(raw.sum(int(right.shape[0] == 1)).reshape(right.shape))
            if len(seeds) == len(self.points):
                variable = node.inputs[place]
                return self.pull(variable, seeds) - self.pull(variable, self._part(node, place))
        return None
