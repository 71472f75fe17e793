"""The derivation: from the definition to the textbook's form, each line with its rule in words.

What is here: `derive`, which joins the differentiation lines of `sweep` with simplification lines,
and `Derivation`, which prints, checks itself and becomes a record.  Simplification is done by the
project's rewriting driver with the rules of phase ``"display"``; nothing of it ever runs.  Beside
the last line stands the form that runs, and why the two differ.

The one idea: every line is a graph, so every line can be computed; `Derivation.check` compares each
with the next at points.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from autodiff_lab.gradient import grad
from autodiff_lab.graph import Constant, FunctionGraph, Variable, ancestors, leaves, toposort
from autodiff_lab.rewriting import RULES, RewriteTrace
from autodiff_lab.rewriting.driver import rewrite, run_phases
from autodiff_lab.tensor.registry import function
from autodiff_lab.view import notation
from autodiff_lab.view.dialects import LATEX, TEXT
from autodiff_lab.view.latex import MOST_PARTS, latex, math_text, outermost
from autodiff_lab.view.mathematics import INDEX_LETTERS, Index, write
from autodiff_lab.view.model import DerivationLine, DerivationView
from autodiff_lab.view.naming import free_letter, name_of
from autodiff_lab.view.numeric import free_inputs, points, values_of
from autodiff_lab.view.sweep import Derivative, State, steps, zeros
from autodiff_lab.view.wording import derivation_text, only_silent, reason_of, worth_saying

# Above this many nodes between function and variable only the first lines and the last are written;
# above `MOST_NODES` nothing is simplified.
MOST_STEPS = 40
FIRST_STEPS = 8
MOST_NODES = 400
MOST_WRITTEN = 2000
LONGEST_LINE = 90
LONG_FUNCTION = 30

# Ops that are plainer to read one element at a time.
BY_ELEMENT = ("sum", "mean", "alloc", "inc_subtensor", "product_of_others")

PARTS = ("tidy", "bar", "factor", "split", "recognise")
# The parts of a simplification, each a line: which tags work, and whether it must get shorter.
STAGES: tuple[tuple[tuple[str, ...], bool], ...] = (
    (("tidy",), False), (("tidy", "bar"), True), (("tidy", "factor"), True), (("split",), False),
    (("recognise",), False), (("tidy",), False), (("tidy", "factor"), True),
)


@dataclasses.dataclass(frozen=True)
class Line:
    """A line and the graph it stands for: a state of the sweep, or a finished derivative."""

    view: DerivationLine
    state: State | None = None
    graph: Variable | None = None
    order: int = 1

    @property
    def roots(self) -> list[Variable]:
        """What must be computed to know the line's value."""
        if self.state is None:
            return [] if self.graph is None else [self.graph]
        return [v for h in self.state.holes for v in (h.variable, h.factor) if v is not None]

    def value(self, wrt: Variable, point: Mapping[Variable, Any]) -> Any:
        """The derivative it stands for: holes are differentiated, factors kept fixed."""
        if self.state is None:
            return values_of([self.graph], point)[0]
        given, terms = dict(point), []
        for hole in self.state.holes:
            frozen = hole.whole_factor.type.make_variable()
            given[frozen] = values_of([hole.whole_factor], point)[0]
            term = function("mul")(frozen, hole.variable)
            terms.append(function("sum")(term) if notation.rank(term) else term)
        if not terms:
            return np.zeros(np.shape(point[wrt]))
        derivative = grad(functools.reduce(function("add"), terms), wrt,
                          disconnected_inputs="ignore")
        return values_of([derivative], given)[0]


def _equal(a: Any, b: Any, rtol: float) -> bool:
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    usable = np.isfinite(a) & np.isfinite(b)  # textbook forms are undefined where 0/0 stands
    with np.errstate(invalid="ignore"):
        close = np.abs(a - b) <= rtol * np.maximum(np.abs(a), np.abs(b)) + 1e-9
    return bool(np.all(close | ~usable))


class Derivation:
    """A derivative from its definition to its final form.

    Attributes
    ----------
    lines : list of Line
    wrt : Variable
    graph : Variable
        The derivative in its last form.
    name : Name
        What the function is called.
    runs : Variable or None
        The form that runs.
    reason : str
        Why it is another one.
    """

    def __init__(self, cost: Variable, wrt: Variable, raw: Variable, name: str | None) -> None:
        self.cost = self.original = cost
        self.wrt = wrt
        self.graph = self.raw = raw
        self.lines: list[Line] = []
        self.order = 1
        self.spelling: dict[str, str] = {}
        self.names: dict[str, str] = {}      # text of a part -> its name
        self.defined: dict[str, Line] = {}   # name of a part -> the line that says what it is
        self.named: dict[str, Variable] = {}  # the user's name of a part -> the part
        self.own: dict[Variable, str] = {}    # every form of such a part -> its name
        self.table = _graph_of([cost, wrt]).table
        # s(x) is a name for the function only where it is the logistic of x itself
        whole = _simplified_cost(cost).owner
        self.logistic = (
            whole is not None and whole.op.name == "sigmoid" and whole.inputs[0] is wrt
        )
        self.name = name_of(cost, wrt, name, self.logistic)
        self.own[cost.type.make_variable()] = self.name.letter  # the letter means the function
        self.arrays = notation.rank(wrt) > 0
        self.index: Index = None
        self.runs: Variable | None = None
        self.runs_text = self.runs_latex = self.reason = ""

    # -- what it says ------------------------------------------------------------------------

    @property
    def left(self) -> tuple[str, str]:
        """The derivative's sign, ``ds/dx``, as text and as LaTeX."""
        return self.name.left(self.order, "".join(self.index or ()))

    @property
    def final_text(self) -> str:
        """How the last line writes the derivative."""
        return self.lines[-1].view.text

    @property
    def view(self) -> DerivationView:
        """The record that pages and cards are made from."""
        return DerivationView(
            tuple(line.view for line in self.lines), self.runs_latex, self.runs_text, self.reason,
            title=self.name.left(self.order, "")[0],
        )

    @property
    def latex(self) -> str:
        """The lines as LaTeX, one a line."""
        return "\n".join(f"{line.left_latex} = {line.latex}".lstrip() for line in self.view.lines)

    def __str__(self) -> str:
        return derivation_text(self.view)

    __repr__ = __str__

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self.view._repr_mimebundle_()

    def check(self, count: int = 20, rtol: float = 1e-6) -> list[str]:
        """What is wrong: an entry for each line that differs from the next at some point.

        Parameters
        ----------
        count : int
            At how many points the lines are compared.
        rtol : float

        Returns
        -------
        list of str
            Empty if every line equals the next, and the last one the form that runs.
        """
        lines = [line for line in self.lines if line.roots]
        if self.runs is not None:
            words = DerivationLine("", f"the form that runs, {self.runs_text}")
            lines.append(Line(words, graph=self.runs, order=self.order))
        inputs = free_inputs([self.wrt, *(root for line in lines for root in line.roots)])
        faults: dict[str, None] = {}
        for point in points(inputs, count):
            values = [line.value(self.wrt, point) for line in lines]
            for k, (one, two) in enumerate(zip(lines, lines[1:])):
                if one.order == two.order and not _equal(values[k], values[k + 1], rtol):
                    faults[f"{one.view.text}  differs from  {two.view.text}"] = None
        return list(faults)

    # -- the two ways to make it ---------------------------------------------------------------

    def in_full(self, order: int) -> Derivation:
        """Every line."""
        self.name_users_parts()
        rule = "the logistic function" if self.logistic else ""
        self.add(self.cost, rule, "definition", (self.name.text, self.name.latex))
        for self.order in range(1, max(1, order) + 1):
            if self.order > 1:
                self.cost, self.raw = self.graph, grad(self.raw, self.wrt, add_names=False)
            self.differentiate()
            self.simplify()
        last = self.lines[-1]
        view = dataclasses.replace(last.view, kind="result")
        self.lines[-1] = dataclasses.replace(last, view=view)
        self.running_form()
        self.lines[1:1] = self.defined.values()
        return self

    def in_short(self, order: int, about: str, rule: str) -> Derivation:
        """Function and derivative only, of large ones the outermost operations."""
        self.order = order
        for _ in range(1, order):
            self.raw = grad(self.raw, self.wrt, add_names=False)
        self.graph = self.raw
        self._add_outermost(self.cost, about, "definition", (self.name.text, self.name.latex))
        self._add_outermost(self.raw, rule, "result", self.left)
        return self

    def _add_outermost(
        self, variable: Variable, rule: str, kind: Any, left: tuple[str, str]
    ) -> None:
        """A line cut to the outermost operations."""
        text, tex = (outermost(variable, None, {}, dialect) for dialect in (TEXT, LATEX))
        self.lines.append(Line(DerivationLine(tex, text, rule, kind, left[1], left[0])))

    # -- lines ------------------------------------------------------------------------------

    def add(
        self, variable: Variable, rule: str, kind: Any = "simplification",
        left: tuple[str, str] = ("", ""), state: State | None = None,
        symbols: Mapping[Variable, str] | None = None,
    ) -> None:
        """A line: a state as one expression, or a finished derivative at the index."""
        finished = state is None and kind != "definition"
        text, tex = self.written(variable, self.index if finished else None, symbols)
        graph = variable if finished else None
        if self.lines and self.lines[-1].view.text == text and not left[0]:
            if finished:  # the same to a reader: keep the later graph for the check
                self.lines[-1] = dataclasses.replace(self.lines[-1], state=None, graph=graph)
            return
        view = DerivationLine(tex, text, rule, kind, left[1], left[0])
        self.lines.append(Line(view, state, graph, self.order))

    def written(
        self, variable: Variable, index: Index, symbols: Mapping[Variable, str] | None = None
    ) -> tuple[str, str]:
        """As text and as LaTeX; both give the same names to parts of a long line."""
        variable = self.table.intern(variable)
        symbols = {**self.own, **(symbols or {})}
        formula = write(variable, False, symbols, index, LONGEST_LINE, self.spelling, self.names)
        symbols.update((part.place.variable, part.name) for part in formula.parts)
        for part in formula.parts:
            self.say(part.place.variable, part.name, part.place.index, symbols)
        if any(part.name not in self.defined for part in formula.parts):
            # no name is written that no line explains
            return (outermost(variable, index, self.own, TEXT),
                    outermost(variable, index, self.own, LATEX))
        return formula.text, latex(variable, symbols, index, None, self.spelling)

    def say(
        self, variable: Variable, name: str, index: Index, symbols: Mapping[Variable, str]
    ) -> None:
        """The line that says what a name is short for."""
        if name in self.defined or len(self.defined) >= MOST_PARTS:
            return
        inner = {v: text for v, text in symbols.items() if v is not variable}
        left = [d.symbol(name, "".join(index or ())).text for d in (LATEX, TEXT)]
        right = [form(variable, inner, index, None, self.spelling) for form in (latex, math_text)]
        if isinstance(variable, Constant):
            right = [d.words(notation.array_text(variable.data)) for d in (LATEX, TEXT)]
        self.defined[name] = Line(DerivationLine(*right, "for short", "definition", *left))

    def name_users_parts(self) -> None:
        """Where the function is long, what the user gave a name is written by it."""
        if len(math_text(self.cost, longest=None)) <= LONG_FUNCTION:
            return
        named = [out for node in toposort([self.cost]) for out in node.outputs
                 if out.name and out is not self.cost and out is not self.wrt]
        self.named = {str(v.name): self.table.intern(v) for v in named}
        self.own.update((variable, name) for name, variable in self.named.items())
        for name, variable in reversed(self.named.items()):
            self.say(variable, name, None, self.own)

    def rewritten(self, graph: FunctionGraph) -> None:
        """Formulas are now read in this graph, where the named parts stand last."""
        self.table = graph.table
        images = zip(graph.outputs[len(graph.outputs) - len(self.named):], self.named)
        self.own.update((v, name) for v, name in images if v.owner is not None)

    def differentiate(self) -> None:
        """The lines with holes; for arrays, what stands before dx is the derivative."""
        states = steps(self.cost, self.wrt, self.raw if self.order == 1 else None)
        shown = list(states)
        if len(states) > MOST_STEPS:
            rule = f"the chain rule through {len(states) - FIRST_STEPS} more operations"
            shown = [*states[:FIRST_STEPS], dataclasses.replace(states[-1], rule=rule)]
        left, kind = self.name.total() if self.arrays else self.left, "question"
        for state in shown:
            whole = _state_variable(state, self.wrt, self.name.variable, self.arrays)
            self.add(whole, state.rule, kind, left, state=state)
            left, kind = ("", ""), "differentiation"
        self.graph = _total(states[-1], self.wrt)
        if self.arrays:
            self.index = _index_for(self.graph, self.wrt)
            self.add(self.graph, f"what stands before d{self.name.variable}", kind, self.left)

    def simplify(self) -> None:
        """The lines in which the derivative gets its textbook form."""
        if len(toposort([self.graph])) > MOST_NODES:
            return
        graph = _graph_of([self.graph, self.original, *self.named.values()])
        for tags, shorter in STAGES:
            before = graph.outputs
            trace = _stage(graph, tags)
            if not trace.steps or graph.outputs[0] is before[0]:
                continue
            longer = shorter and _length(graph.outputs[0]) > _length(before[0])
            longer |= _long_numbers(graph.outputs[0]) > _long_numbers(before[0])
            if longer or (self.spelling and only_silent(trace)):
                graph.set_outputs(before)
                continue
            if "recognise" in tags and not self.spelling:
                taken = {v.name for v in leaves(before)} | {self.name.variable}
                if self.name.text == self.name.letter:
                    taken.add(self.name.letter)
                self.spelling = {"sigmoid": free_letter(("s", "sigma"), taken)}
            self.graph = graph.outputs[0]
            self.rewritten(graph)
            self.add(self.graph, self._words(trace))
        self._name_the_function(graph.outputs[1])

    def _words(self, trace: RewriteTrace) -> str:
        """The rules of a stage in words, each once, silent ones only if there is no other."""
        loud = worth_saying(trace)
        words = "; ".join(RULES[name].summary for name in loud[:3])
        letter = self.spelling.get("sigmoid", "s")
        argument = _only_logistic_argument(self.graph)
        if argument is not None and "logistic_by_name" in loud:
            sign = f"{letter}({argument})"
            words = f"{sign} = 1/(1 + exp(-{argument}))"
            if f"1 - {sign}" in math_text(self.graph, spelling=self.spelling):
                words += f", and exp(-{argument})/(1 + exp(-{argument})) = 1 - {sign}"
            else:
                words += f" = exp({argument})/(1 + exp({argument}))"
        return words

    def _name_the_function(self, value: Variable) -> None:
        """The last line names the function where its derivative contains it."""
        if self.logistic and self.graph is not value:
            if not self.spelling:
                self.spelling = {"sigmoid": self.name.letter}
                self.add(self.graph, f"{self.name.text} = {math_text(self.original)}")
            return
        inside = len(toposort([value])) > 1 and value in set(ancestors([self.graph]))
        if inside and not notation.rank(self.graph):
            words = f"{self.name.letter} = {math_text(value, spelling=self.spelling)}"
            if len(words) > LONGEST_LINE:
                words = f"{self.name.letter} is the function itself"
            self.add(self.graph, words, symbols={value: self.name.letter})

    def running_form(self) -> None:
        """The form that runs, and why it is another one."""
        why, self.spelling = self._why_it_differs(), {}
        graph, trace = _graph_of([self.raw, *self.named.values()]), RewriteTrace()
        rewrite(graph, trace=trace)
        self.rewritten(graph)
        self.runs = graph.outputs[0]
        matrices = {v.name: v.data.T for v in leaves([self.original])
                    if isinstance(v, Constant) and v.name and notation.rank(v) == 2}
        for folded in leaves([self.runs]):
            if isinstance(folded, Constant) and folded.name is None:
                self.own.update((folded, f"{name}.T") for name, turned in matrices.items()
                                if np.array_equal(folded.data, turned))
        self.runs_text, self.runs_latex = self.written(self.runs, self.index)
        same = self.runs_text in {line.view.text for line in self.lines[-2:]}
        self.reason = "the same form" if same else why or reason_of(trace)

    def _why_it_differs(self) -> str:
        """The reason where the last line holds 1 - s(x)."""
        letter = self.spelling.get("sigmoid")
        argument = _only_logistic_argument(self.graph)
        if letter is None or argument is None or f"1 - {letter}(" not in self.lines[-1].view.text:
            return ""
        return (
            f"equal, as sigmoid(-{argument}) = 1 - sigmoid({argument}); for large {argument}, "
            f"1 - {letter}({argument}) would lose all digits"
        )


def derive(
    cost: Variable, wrt: Variable, gradient: Variable | None = None, order: int = 1,
    name: str | None = None, strict: bool = False,
) -> Derivation:
    """The derivation of ``d cost / d wrt``.

    Parameters
    ----------
    cost : Variable, shape ()
    wrt : Variable
    gradient : Variable, optional
        The raw derivative as `grad` made it; made anew without it.
    order : int
        For scalars: which derivative; the first ones are derived on the way.
    name : str, optional
        What the function is called; by default its name, ``s(x)`` for a logistic function, or y.
    strict : bool
        Whether to raise where an op's steps cannot be written; else the derivation is then only
        function and derivative.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> x = pt.dscalar("x")
    >>> print(derive(x ** 2, x))
    y     = x^2
    dy/dx = d/dx [x^2]      what is asked
          = 2x^(2 - 1)      power rule: (u^n)' = n u^(n-1) u'
          = 2x              arithmetic
    runs as 2x: the same form
    """
    raw = grad(cost, wrt, add_names=False) if gradient is None else gradient
    count = len(toposort([cost]))
    if count > MOST_WRITTEN:
        words = (f"{count} operations: the outermost ones", "by the chain rule through all of them")
        return Derivation(cost, wrt, raw, name).in_short(order, *words)
    try:
        return Derivation(cost, wrt, raw, name).in_full(order)
    except Exception as error:
        # A page must not fail because one op cannot be written out by hand.
        if strict:
            raise
        rule = f"worked out by the gradient code ({type(error).__name__} in the steps between)"
        return Derivation(cost, wrt, raw, name).in_short(order, "", rule)


def _graph_of(outputs: Sequence[Variable]) -> FunctionGraph:
    """A graph that shares its variables with `outputs`; its inputs are in the function's order."""
    inputs = [v for v in leaves([*outputs[1:2], *outputs]) if not isinstance(v, Constant)]
    return FunctionGraph(inputs, outputs, clone=False)


def _stage(graph: FunctionGraph, tags: Sequence[str]) -> RewriteTrace:
    """One part of a simplification, in place."""
    trace = RewriteTrace()
    exclude = [tag for tag in PARTS if tag not in tags]
    run_phases(graph, {"display"}, exclude=exclude, trace=trace)
    return trace


def _simplified_cost(cost: Variable) -> Variable:
    """The function with the logistic recognised."""
    if len(toposort([cost])) > MOST_NODES:
        return cost
    graph = _graph_of([cost])
    for tags, _ in STAGES:
        _stage(graph, tags)
    return graph.outputs[0]


def _only_logistic_argument(graph: Variable) -> str | None:
    """The argument of every logistic in a graph, if it is always the same short one."""
    found = {math_text(n.inputs[0]) for n in toposort([graph]) if n.op.name == "sigmoid"}
    only = found.pop() if len(found) == 1 else ""
    return only if only.isidentifier() else None


def _length(variable: Variable) -> int:
    return len(math_text(variable, longest=None)) if len(toposort([variable])) < 100 else 10**6


def _long_numbers(variable: Variable) -> int:
    """How many rounded numbers a formula has: 1/3 is plainer than 0.333333."""
    return len(re.findall(r"\.\d{5}", math_text(variable))) if _length(variable) < 10**6 else 0


def _total(state: State, wrt: Variable) -> Variable:
    """The finished derivative of a state whose holes are all at `wrt`."""
    factors = [hole.whole_factor for hole in state.holes]
    total: Variable = functools.reduce(function("add"), factors or [zeros(wrt)])
    return total


def _state_variable(state: State, wrt: Variable, name: str, total: bool) -> Variable:
    """A state as one expression with holes in it."""
    terms = []
    for hole in state.holes:
        term = hole.whole_factor
        if hole.variable is not wrt or total:
            term = Derivative(name, total)(hole.variable)
            if hole.factor is not None:
                minus = notation.scalar_value(hole.factor) == -1
                term = function("neg")(term) if minus else function("mul")(hole.factor, term)
        terms.append(function("sum")(term) if notation.rank(term) else term)
    written: Variable = functools.reduce(function("add"), terms or [zeros(wrt)])
    return written


def _index_for(graph: Variable, wrt: Variable) -> Index:
    """Letters for one element; None where matrix notation says it better.

    Matrices are for derivatives whose elementwise part is made of matrix products and has no axes
    moved about: an outer product is plain only with its indices.
    """
    products, moved = False, False
    stack, seen = [graph], set()
    while stack:
        variable = stack.pop()
        node = variable.owner
        if node is None or variable in seen or notation.rank(variable) == 0:
            continue
        seen.add(variable)
        if node.op.name == "dimshuffle":
            inner = node.inputs[0]
            moved |= notation.behind_axes(variable) is variable and notation.rank(inner) > 0
            stack.append(inner)
        elif hasattr(node.op, "row"):
            stack.extend(node.inputs[1:] if node.op.name == "second" else node.inputs)
        elif node.op.name in BY_ELEMENT:
            moved = True
        else:
            products = True
    if products and not moved:
        return None
    taken = {v.name for v in leaves([graph])}
    fresh = [c for c in INDEX_LETTERS if c not in taken]
    return tuple(fresh[: notation.rank(wrt)])
