"""A student's derivative beside ours: whether it is right, else the first rule that is wrong.

What is here: `predict`, `Prediction`.  Relies on `wrong_rules` for gradients with one rule broken.
The one idea: the mistake is the one whose gradient has the student's numbers; where none has, two
mistakes are tried together, and then the paths are searched for the first that is missing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy

from autodiff_lab import cell
from autodiff_lab.compile.replay import replay
from autodiff_lab.errors import LabTypeError, LabValueError
from autodiff_lab.graph import Apply, FunctionGraph, Variable, placed, toposort
from autodiff_lab.graph.walk import explicit_graph_inputs
from autodiff_lab.options import nearest
from autodiff_lab.rewriting import rewrite
from autodiff_lab.study.paths import paths_between
from autodiff_lab.study.shown import point_text
from autodiff_lab.study.wrong_rules import Broken, BrokenSweep, short
from autodiff_lab.tensor.constants import as_tensor_variable
from autodiff_lab.view.build import value_summary
from autodiff_lab.view.numeric import points

Array = numpy.ndarray[Any, Any]
POINTS = 12               # of which those count at which both sides are finite
FEWEST_POINTS = 2
MOST_PAIRED = 300
RTOL = 1e-6


@dataclasses.dataclass(frozen=True)
class Prediction:
    """The verdict on a derivative; true if it is right, and `str` says why.

    Attributes
    ----------
    correct : bool
    question : str
        What was asked: ``dy/dx``.
    answer : str
        The student's formula.
    rule, why : str
        The first wrong local rule and what is wrong with it; empty if the answer is right.
    where : str
        The part of the function it belongs to, and its line.
    evidence : str
        Why the answer is right, or numbers that show it is not.
    also : tuple of str
        Other rules that would explain the same answer, or a second mistake.
    """

    correct: bool
    question: str
    answer: str
    rule: str = ""
    why: str = ""
    where: str = ""
    evidence: str = ""
    also: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.correct

    def __str__(self) -> str:
        if self.correct:
            return f"correct: {self.question} = {self.answer}\n  {self.evidence}"
        lines = [f"not yet: {self.answer} is not {self.question}"]
        rows = {"rule": self.rule, "why": self.why, "where": self.where, "numbers": self.evidence,
                "or": self.also[0] if self.also else ""}
        return "\n".join(lines + [f"  {k + ':':<9}{text}" for k, text in rows.items() if text])

    __repr__ = __str__


def predict(study: Any, answer: Any, wrt: str | None = None) -> Prediction:
    """Compare an answer with the derivative, and name the first wrong local rule.

    Parameters
    ----------
    answer : str, number, array or Variable
        The derivative as the student has it; a text is read as a cell that knows the study's
        inputs, and its function by name.
    wrt : str, optional
        By which input; may be left out where there is only one.

    Examples
    --------
    >>> import autodiff_lab as ad, autodiff_lab.tensor as pt
    >>> x = pt.dscalar("x")
    >>> study = ad.Study(pt.sin(x ** 2), x)
    >>> bool(study.predict("2 * x * cos(x ** 2)"))
    True
    >>> print(study.predict("cos(x ** 2)").rule)
    chain rule
    """
    name = asked_for(study, wrt)
    if isinstance(answer, str):
        answer = value_of_cell(study, cell.code_from_text(answer, label="answer"), {"np": numpy})[0]
    if isinstance(answer, list | tuple) and len(answer) == 1:
        (answer,) = answer
    try:
        if isinstance(answer, bool):         # == of variables, as a rule
            raise TypeError
        answer = as_tensor_variable(answer)
    except (TypeError, ValueError):
        raise LabTypeError(
            f"An answer is a formula or a number, not {type(answer).__name__}.",
            remedy=f"end with an expression in {name}, as in 2 * {name}",
        ) from None
    return _Judge(study, name, answer).verdict()


def asked_for(study: Any, wrt: str | None) -> str:
    """The input a prediction is about."""
    if wrt in study.names or (wrt is None and len(study.names) == 1):
        return wrt or str(study.names[0])
    if wrt is None:
        raise LabValueError(
            "The study is by several inputs.", where=", ".join(study.names),
            remedy=f"say by which the answer is: {study.names[0]}",
        )
    raise LabValueError(f"The study is not by {wrt!r}{nearest(wrt, study.names)}.")


def value_of_cell(
    study: Any, code: cell.Code, namespace: dict[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """The value of a student's cell, and what it assigned; names mean what they mean in `study`."""
    symbols = dict(study.inputs)
    known = set(study.inputs.values())
    for name in dict.fromkeys([study.name, "y"]):
        held = namespace.get(name)
        if not isinstance(held, Variable) or not known.issuperset(explicit_graph_inputs([held])):
            symbols.setdefault(name, study.y)       # not a part of the function that is called so
    return cell.run_answer(code, namespace, symbols)


class _Judge:
    """An answer on its way to a verdict."""

    def __init__(self, study: Any, name: str, answer: Variable) -> None:
        self.study, self.name, self.answer = study, name, answer
        self.wrt = study.inputs[name]
        self.below, self.right = study.derivatives[name][-2:]
        self.question = study.derivation.parts[study.names.index(name)].left[0]
        known = set(study.inputs.values())
        unknown = [v for v in explicit_graph_inputs([answer]) if v not in known]
        if unknown:
            raise LabTypeError(
                f"The answer uses {', '.join(map(str, unknown))}, which the study does not know.",
                remedy=f"use its inputs: {', '.join(study.inputs)}",
            )

    def verdict(self) -> Prediction:
        """Right, or the first of the explanations that fits."""
        try:
            self._compute()
        except (ValueError, TypeError) as error:
            sentence = " ".join(str(error).split())[:200]
            return self._wrong("shapes", f"the answer cannot be computed: {sentence}")
        if len(self.points) < FEWEST_POINTS:
            return self._wrong("domain", "there is no point at which both sides are finite")
        if self._explains(0.0):
            return self._correct()
        if self._is_value():
            return self._wrong("value", f"that is its value at {point_text(self.study)[3:]}: the "
                               f"answer is a formula in {self.name}")
        if self.theirs.shape != self.ours.shape:
            return self._of_another_shape()
        lower = self.study.derivatives[self.name][:-1]
        for order, variable in enumerate(lower):
            same = self.ours.shape == self._value(variable).shape
            if same and self._explains(self._value(variable) - self.ours):
                what = f"the derivative of order {order}" if order else "the function itself"
                return self._wrong("order", f"that is {what}: differentiate once more")
        found = self._by_mistakes()             # a wrong answer is false, also where it is found
        return self._in_general() if found is None else found

    def _is_value(self) -> bool:
        """Whether the answer is the number that the derivative is at the study's point."""
        if self.study.results is None or [*explicit_graph_inputs([self.answer])]:
            return False
        right = self.study.results[1][self.name]
        return right.shape == self.theirs.shape[1:] and numpy.allclose(self.theirs[0], right, RTOL)

    def _compute(self) -> None:
        """Both sides at points; those at which all is finite are kept."""
        stand_ins = {}
        for name, variable in self.study.inputs.items():
            kind, known = variable.type, self.study.point.get(name)
            stand_ins[variable] = (kind if known is None else kind.clone(shape=known.shape))()
        rows = []
        for point in points(list(stand_ins.values()), POINTS):
            here = {v: point[stand_in] for v, stand_in in stand_ins.items()}
            values = replay([self.answer, self.right], here)
            rows.append((here, values[self.answer], values[self.right]))
        rows = [row for row in rows if all(numpy.isfinite(v).all() for v in row[1:])]
        self.points = [row[0] for row in rows]
        self.theirs, self.ours = (numpy.array([row[k] for row in rows], float) for k in (1, 2))

    def _explains(self, change: Any) -> bool:
        """Whether the derivative, changed by so much, is the answer."""
        theirs, ours = self.theirs, self.ours
        with numpy.errstate(all="ignore"):
            wrong = ours + change
            if theirs.ndim < wrong.ndim:         # one number for every entry
                theirs = theirs.reshape(theirs.shape + (1,) * (wrong.ndim - theirs.ndim))
            try:
                off = numpy.abs(theirs - wrong)
            except ValueError:
                return False
            return off.shape == ours.shape and bool((off <= self._close(theirs, ours)).all())

    @staticmethod
    def _close(*sides: Array) -> Array:
        """By how much numbers may differ at each point, given what they are about."""
        flat = [abs(side.reshape(len(side), -1)).max(axis=1) for side in sides]
        widest = max(side.ndim for side in sides)
        return numpy.asarray(RTOL * sum(flat)).reshape((-1,) + (1,) * (widest - 1))

    # -- verdicts -------------------------------------------------------------------------------

    def _correct(self) -> Prediction:
        variables = list(self.study.inputs.values())
        graph = FunctionGraph(variables, [self.answer, self.right])
        rewrite(graph)
        first, second = graph.outputs
        how = "; both become the same formula" if first is second else ""
        return Prediction(True, self.question, short(self.answer),
                          evidence=f"equal at {len(self.points)} points{how}")

    def _wrong(self, rule: str, why: str, node: Apply | None = None, *also: str) -> Prediction:
        return Prediction(
            False, self.question, short(self.answer), rule, why,
            "" if node is None else placed(short(node.outputs[0]), node), self._numbers(), also,
        )

    def _numbers(self) -> str:
        """The first point at which the sides differ."""
        if not len(getattr(self, "points", ())):
            return ""
        sizes = [float(numpy.sum(numpy.abs(t) - numpy.abs(o).sum() / max(t.size, 1)))
                 if t.shape != o.shape else float(numpy.abs(t - o).max())
                 for t, o in zip(self.theirs, self.ours)]
        place = next((k for k, size in enumerate(sizes) if abs(size) > 1e-3), 0)
        at = ", ".join(f"{n} = {value_summary(self.points[place][v]).text}"
                       for n, v in self.study.inputs.items() if v.type.ndim == 0)
        theirs, ours = (value_summary(side[place]).text for side in (self.theirs, self.ours))
        return f"{'at ' + at + ': ' if at else ''}yours is {theirs}, the derivative {ours}"

    def _of_another_shape(self) -> Prediction:
        """An answer with more entries than the variable, or with other ones."""
        theirs, ours = self.theirs, self.ours
        have, need = (str(side.shape[1:]) for side in (theirs, ours))
        if theirs.shape[1:] == ours.shape[:0:-1]:
            return self._wrong("transpose", f"{self.name} has the shape {need}; yours {have} is "
                               "the other way round", self.below.owner)
        if theirs.ndim >= ours.ndim:
            axes = tuple(range(1, 1 + theirs.ndim - ours.ndim))
            for chosen in (axes, tuple(a + theirs.ndim - ours.ndim for a in axes)):
                total = theirs.sum(axis=chosen) if chosen else theirs
                if total.shape == ours.shape and numpy.allclose(total, ours, rtol=RTOL):
                    why = (f"{self.name} is used for every entry of an array of shape {have}: the "
                           f"contributions must be added, so that the shape is {need}")
                    return self._wrong("broadcasting", why, self._stretched(theirs.shape[1:]))
        sweep = BrokenSweep(self.below, self.wrt, self.points)
        for variable, cotangent in sweep.cotangents.items():
            values = numpy.stack([v[cotangent] for v in sweep.values])
            if values.shape == theirs.shape and numpy.allclose(values, theirs, rtol=RTOL):
                return self._wrong("chain rule", "the derivative of the inside, "
                                   f"{short(variable)}, is missing", variable.owner)
        return self._wrong("shapes", f"the derivative by {self.name} has its shape {need}, "
                           f"your answer has {have}", self.below.owner)

    def _stretched(self, shape: tuple[int, ...]) -> Apply | None:
        """The first node that makes an array of this shape."""
        values, reached = replay([self.below], self.points[0]), {self.wrt}
        for node in toposort([self.below]):
            if not reached.isdisjoint(node.inputs):
                if numpy.shape(values[node.outputs[0]]) == shape:
                    return node
                reached.update(node.outputs)
        return self.below.owner

    def _by_mistakes(self) -> Prediction | None:
        """One broken rule, or two."""
        sweep = BrokenSweep(self.below, self.wrt, self.points)
        broken = sorted(sweep.mistakes(), key=lambda b: (b.rank, b.depth))
        found = [b for b in broken if self._explains(b.change)]
        if found:
            first, *others = found
            also = [f"{b.rule}: {b.why}" for b in others if b.node is not first.node]
            return self._wrong(first.rule, first.why, first.node, *also)
        for a, b in self._pairs(broken):
            first, second = sorted((a, b), key=lambda m: m.depth)
            return self._wrong(first.rule, first.why, first.node, "", second.rule)
        return None

    def _pairs(self, broken: Sequence[Broken]) -> Iterator[tuple[Broken, Broken]]:
        """Two mistakes, one after the other on one path (they multiply) or on two (they add)."""
        chosen = [b for b in broken if numpy.isfinite(b.change).all()][:MOST_PAIRED]
        if not chosen:
            return
        with numpy.errstate(all="ignore"):
            changes = numpy.stack([b.change.ravel() for b in chosen])
            through = numpy.stack([b.through.ravel() for b in chosen])
            ours, theirs = self.ours.ravel(), self.theirs.ravel()
            allowed = self._close(self.ours, self.theirs)
            close = numpy.broadcast_to(allowed, self.ours.shape).ravel()
            for first, mistake in enumerate(chosen[:-1]):
                others = changes[first + 1:]
                added = ours + changes[first] + others
                # on one path the second mistake acts on what the first has left
                deeper = numpy.where([[b.depth > mistake.depth] for b in chosen[first + 1:]],
                                     through[first + 1:], through[first])
                for wrong in (added, added + changes[first] * others / deeper):
                    for second in numpy.flatnonzero((abs(wrong - theirs) <= close).all(axis=1)):
                        yield mistake, chosen[first + 1 + int(second)]

    def _in_general(self) -> Prediction:
        """No mistake of the table: a factor, or the first path whose term is not in the answer."""
        with numpy.errstate(all="ignore"):
            ratio = (self.theirs / self.ours).ravel()
        if numpy.isfinite(ratio).all() and numpy.ptp(ratio) <= RTOL * abs(ratio[0]):
            return self._wrong("factor", f"the answer is {ratio[0]:.6g} times the derivative "
                               "everywhere: look for a factor that was lost or added")
        terms = [self._value(t) for t in _summands(self.answer)]
        paths = paths_between(self.below, self.wrt)[0]
        for path in paths if len(paths) > 1 else ():
            term = self._value(path.product)
            if not any(t.shape == term.shape and numpy.allclose(t, term) for t in terms):
                return self._wrong("paths", f"the term of the path {path} is not in the answer",
                                   path.nodes[-1])
        return self._wrong("", "no usual mistake explains it: compare the lines of the "
                           "derivation with your own", self.below.owner)

    def _value(self, variable: Variable) -> Array:
        return numpy.array([replay([variable], p)[variable] for p in self.points], dtype=float)


def _summands(variable: Variable) -> list[Variable]:
    """The terms of a sum, with their signs left out where they are subtracted as a whole."""
    waiting, found = [variable], []
    while waiting:
        term = waiting.pop()
        name = "" if term.owner is None else term.owner.op.name
        if name == "add":
            waiting += term.owner.inputs
        elif name == "sub":
            waiting += [term.owner.inputs[0], -term.owner.inputs[1]]
        else:
            found.append(term)
    return found
