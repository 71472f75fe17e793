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
from autodiff_lab.view.latex import MOST_PARTS, latex, math_text
from autodiff_lab.view.mathematics import INDEX_LETTERS, Index, Writer, write
from autodiff_lab.view.model import DerivationLine, DerivationView
from autodiff_lab.view.naming import Name, free_letter, name_of
from autodiff_lab.view.numeric import free_inputs, points, values_of
from autodiff_lab.view.sweep import Derivative, State, ones, steps
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
    (("tidy",), False),
    (("tidy", "bar"), True),
    (("tidy", "factor"), True),
    (("split",), False),
    (("recognise",), False),
    (("tidy",), False),
    (("tidy", "factor"), True),
)


@dataclasses.dataclass(frozen=True)
class Line:
    """A line and the graph it stands for: a state of the sweep, or a finished derivative."""

    view: DerivationLine
    state: State | None = None
    graph: Variable | None = None
    order: int = 1


class Derivation:
    """A derivative from its definition to its final form.

    Attributes
    ----------
    lines : tuple of Line
    wrt : Variable
    final : Variable
        The derivative in its last form, as a graph.
    final_text, final_latex : str
        How the last line writes it.
    left_text, left_latex : str
        The derivative's sign, ``ds/dx``.
    name_text, name_latex : str
        The function's sign, ``s(x)`` or ``y``.
    runs : Variable
        The form that runs.
    """

    def __init__(self, wrt: Variable, name: Name) -> None:
        self.wrt = wrt
        self.lines: tuple[Line, ...] = ()
        self.final: Variable = wrt
        self.final_text = self.final_latex = ""
        self.left_text = self.left_latex = ""
        self.name_text, self.name_latex = name.text, name.latex
        self.runs: Variable | None = None
        self.runs_text = self.runs_latex = self.reason = ""

    @property
    def view(self) -> DerivationView:
        """The record that pages and cards are made from."""
        return DerivationView(
            tuple(line.view for line in self.lines), self.runs_latex, self.runs_text, self.reason
        )

    @property
    def latex(self) -> str:
        """The lines as LaTeX, one a line."""
        written = []
        for line in self.lines:
            left = line.view.left_latex
            written.append(f"{left} = {line.view.latex}" if left else f"= {line.view.latex}")
        return "\n".join(written)

    def __str__(self) -> str:
        return derivation_text(self.view)

    __repr__ = __str__

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
        graphs = [line for line in self.lines if line.state is not None or line.graph is not None]
        roots = [v for line in graphs for v in _roots(line)]
        inputs = [
            v for v in leaves([*roots, self.wrt])
            if not isinstance(v, Constant) and not hasattr(v, "container")
        ]
        faults: dict[str, None] = {}
        for point in points(inputs, count):
            values = [_line_value(line, self.wrt, point) for line in graphs]
            shown = [line.view.text for line in graphs]
            orders = [line.order for line in graphs]
            if self.runs is not None:
                values.append(values_of([self.runs], point)[0])
                shown.append(f"the form that runs, {self.runs_text}")
                orders.append(orders[-1] if orders else 1)
            for k in range(len(values) - 1):
                if orders[k] == orders[k + 1] and not _equal(values[k], values[k + 1], rtol):
                    faults[f"{shown[k]}  differs from  {shown[k + 1]}"] = None
        return list(faults)


def _roots(line: Line) -> list[Variable]:
    if line.graph is not None:
        return [line.graph]
    assert line.state is not None
    return [v for h in line.state.holes for v in (h.variable, h.factor) if v is not None]


def _line_value(line: Line, wrt: Variable, point: Mapping[Variable, Any]) -> Any:
    """The derivative that a line stands for: holes are differentiated, factors kept fixed."""
    if line.graph is not None:
        return values_of([line.graph], point)[0]
    assert line.state is not None
    given = dict(point)
    total: Variable | None = None
    for hole in line.state.holes:
        factor = ones(hole.variable) if hole.factor is None else hole.factor
        frozen = factor.type.make_variable()
        given[frozen] = values_of([factor], point)[0]
        term = function("mul")(frozen, hole.variable)
        term = function("sum")(term) if notation.rank(term) else term
        total = term if total is None else function("add")(total, term)
    if total is None:
        return np.zeros(np.shape(point[wrt]))
    derivative = grad(total, wrt, disconnected_inputs="ignore")
    return values_of([derivative], given)[0]


def _equal(a: Any, b: Any, rtol: float) -> bool:
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    usable = np.isfinite(a) & np.isfinite(b)  # textbook forms are undefined where 0/0 stands
    scale = np.maximum(np.abs(a), np.abs(b))
    with np.errstate(invalid="ignore"):
        close = np.abs(a - b) <= rtol * scale + 1e-9
    return bool(np.all(close | ~usable))


# -- putting it together -----------------------------------------------------------------------


def derive(
    cost: Variable,
    wrt: Variable,
    gradient: Variable | None = None,
    order: int = 1,
    name: str | None = None,
    strict: bool = False,
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
        return _brief(cost, wrt, raw, order, name, count)
    work = _Work(cost, wrt, raw, name)
    try:
        work.define()
        for number in range(1, order + 1):
            work.differentiate(number)
            work.simplify(number)
            if number < order:
                work.next_order()
        return work.finish(order)
    except Exception as error:
        # A page must not fail because one op cannot be written out by hand.
        if strict:
            raise
        return _summary(_Work(cost, wrt, raw, name), order, error)


def _summary(work: _Work, order: int, error: Exception) -> Derivation:
    """Function and derivative only, where the steps between cannot be written."""
    work.define()
    for _ in range(1, order):
        work.next_order()
    work.graph = work.raw
    rule = f"worked out by the gradient code ({type(error).__name__} in the steps between)"
    work.add(work.raw, rule, "result", work.name.left(order, ""), graph=work.raw)
    return work.finish(order)


def _brief(
    cost: Variable, wrt: Variable, raw: Variable, order: int, name: str | None, count: int
) -> Derivation:
    """Only the outermost operations, where writing all would fill a book."""
    called = name_of(cost, wrt, name, False)
    done = Derivation(wrt, called)
    left_text, left_latex = called.left(order, "")
    rows = (
        (cost, called.text, called.latex, "definition", f"{count} operations: the outermost ones"),
        (raw, left_text, left_latex, "result", "by the chain rule through all of them"),
    )
    lines = []
    for variable, text, tex, kind, rule in rows:
        short = Writer(TEXT, cut=60).write(variable).text
        formula = Writer(LATEX, cut=120).write(variable).text
        view = DerivationLine(formula, short, rule, kind, left_text=text, left_latex=tex)  # type: ignore[arg-type]
        lines.append(Line(view))
    done.lines = tuple(lines)
    done.final = raw
    done.final_text, done.final_latex = lines[1].view.text, lines[1].view.latex
    done.left_text, done.left_latex = left_text, left_latex
    return done


class _Work:
    """A derivation in the making."""

    def __init__(self, cost: Variable, wrt: Variable, raw: Variable, name: str | None) -> None:
        self.cost = self.original = cost
        self.wrt = wrt
        self.raw = raw
        self.lines: list[Line] = []
        self.order = 1
        self.spelling: dict[str, str] = {}
        self.names: dict[str, str] = {}      # text of a part -> its name
        self.defined: dict[str, Line] = {}   # name of a part -> the line that says what it is
        self.own: dict[Variable, str] = {}   # parts that have a name of the user's
        self.table = FunctionGraph(free_inputs([cost, wrt]), [cost], clone=False).table
        whole = _simplified_cost(cost)
        # s(x) is a name for the function only where it is the logistic of x itself
        self.logistic = (
            whole.owner is not None
            and whole.owner.op.name == "sigmoid"
            and whole.owner.inputs[0] is wrt
        )
        self.name = name_of(cost, wrt, name, self.logistic)
        self.derivation = Derivation(wrt, self.name)
        self.arrays = notation.rank(wrt) > 0
        self.graph: Variable = raw
        self.index: Index = None

    # -- lines ------------------------------------------------------------------------------

    def add(
        self,
        variable: Variable,
        rule: str,
        kind: Any,
        left: tuple[str, str] = ("", ""),
        symbols: Mapping[Variable, str] | None = None,
        index: Index = None,
        **what: Any,
    ) -> None:
        text, tex = self.written(variable, index, symbols)
        if self.lines and self.lines[-1].view.text == text and not left[0]:
            if "graph" in what:  # the same to a reader: keep the later graph for the check
                self.lines[-1] = dataclasses.replace(self.lines[-1], state=None, **what)
            return
        view = DerivationLine(tex, text, rule, kind, left_text=left[0], left_latex=left[1])
        self.lines.append(Line(view, order=self.order, **what))

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
        self.defined[name] = Line(DerivationLine(*right, "for short", "definition", *left))

    def name_users_parts(self) -> None:
        """Where the function is long, what the user gave a name is written by it."""
        if len(math_text(self.cost, longest=None)) <= LONG_FUNCTION:
            return
        named = [out for node in toposort([self.cost]) for out in node.outputs
                 if out.name and out is not self.cost and out is not self.wrt]
        self.own = {self.table.intern(v): str(v.name) for v in named}
        for variable, name in reversed(self.own.items()):
            self.say(variable, name, None, self.own)

    def renamed(self, before: Sequence[Variable], after: Sequence[Variable]) -> None:
        """Rewriting made the named parts anew."""
        pairs = zip(before, after)
        self.own.update((new, self.own[old]) for old, new in pairs if new.owner is not None)

    def define(self) -> None:
        """The first line: the function itself."""
        self.name_users_parts()
        left = (self.name.text, self.name.latex)
        rule = "the logistic function" if self.logistic else ""
        self.add(self.cost, rule, "definition", left)

    def differentiate(self, order: int) -> None:
        """The lines with holes."""
        gradient = self.raw if order == 1 else None
        states = steps(self.cost, self.wrt, gradient)
        shown = states
        if len(states) > MOST_STEPS:
            shown = [*states[:FIRST_STEPS], states[-1]]
            left_out = len(states) - len(shown)
            shown[-1] = dataclasses.replace(
                states[-1], rule=f"the chain rule through {left_out + 1} more operations"
            )
        asked = self.name.total() if self.arrays else self.name.left(order, "")
        for number, state in enumerate(shown):
            self._line_of(state, asked if number == 0 else ("", ""))
        self.graph = _total(states[-1], self.wrt)
        if self.arrays:
            self._conclude(order)

    def _line_of(self, state: State, left: tuple[str, str]) -> None:
        kind = "question" if left[0] else "differentiation"
        whole = _state_variable(state, self.wrt, self.name.variable, self.arrays)
        self.add(whole, state.rule, kind, left, state=state)

    def _conclude(self, order: int) -> None:
        """For arrays: what stands before dx is the derivative."""
        self.index = _index_for(self.graph, self.wrt)
        left = self.name.left(order, "".join(self.index or ()))
        self.add(self.graph, f"what stands before d{self.name.variable}", "differentiation", left,
                 index=self.index, graph=self.graph)

    def simplify(self, order: int) -> None:
        """The lines in which the derivative gets its textbook form."""
        inputs = [v for v in leaves([self.graph, self.original])
                  if not isinstance(v, Constant)]
        if len(toposort([self.graph])) > MOST_NODES:
            return
        own = list(self.own)
        graph = FunctionGraph(inputs, [self.graph, self.original, *own], clone=False)
        self.table = graph.table
        for tags, shorter in STAGES:
            before = graph.outputs
            trace = RewriteTrace()
            exclude = [tag for tag in PARTS if tag not in tags]
            run_phases(graph, {"display"}, exclude=exclude, trace=trace)
            if not trace.steps or graph.outputs[0] is before[0]:
                continue
            if self.spelling and only_silent(trace):
                graph.set_outputs(before)
                continue
            if shorter and _length(graph.outputs[0]) > _length(before[0]):
                graph.set_outputs(before)
                continue
            if "recognise" in tags and not self.spelling:
                taken = {v.name for v in inputs} | {self.name.variable}
                if self.name.text == self.name.letter:
                    taken.add(self.name.letter)
                self.spelling = {"sigmoid": free_letter(("s", "sigma"), taken)}
            self.graph = graph.outputs[0]
            self.renamed(own, graph.outputs[2:])
            self.add(self.graph, self._words(trace), "simplification", index=self.index,
                     graph=self.graph)
        self._name_the_function(graph)

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

    def _name_the_function(self, graph: FunctionGraph) -> None:
        """The last line names the function where its derivative contains it."""
        value = graph.outputs[1]
        if self.logistic and self.graph is not value:
            if not self.spelling:
                self.spelling = {"sigmoid": self.name.letter}
                words = f"{self.name.text} = {math_text(self.original)}"
                self.add(self.graph, words, "simplification", index=self.index, graph=self.graph)
            return
        count = len(toposort([value]))
        if count < 2 or value not in set(ancestors([self.graph])) or notation.rank(self.graph):
            return
        symbols = {value: self.name.letter}
        words = f"{self.name.letter} = {math_text(value, spelling=self.spelling)}"
        self.add(self.graph, words, "simplification", symbols=symbols, graph=self.graph)

    def next_order(self) -> None:
        """Go on with the derivative as the function."""
        self.cost = self.graph
        self.order += 1
        self.raw = grad(self.raw, self.wrt, add_names=False)

    def finish(self, order: int) -> Derivation:
        """The derivation, with the form that runs beside it."""
        done = self.derivation
        if len(self.lines) > 1:
            last = self.lines[-1]
            self.lines[-1] = dataclasses.replace(
                last, view=dataclasses.replace(last.view, kind="result")
            )
        done.final = self.graph
        done.final_text = self.lines[-1].view.text
        done.final_latex = self.lines[-1].view.latex
        index = "".join(self.index or ())
        done.left_text, done.left_latex = self.name.left(order, index)
        self._running_form(done)
        done.lines = (self.lines[0], *self.defined.values(), *self.lines[1:])
        return done

    def _running_form(self, done: Derivation) -> None:
        inputs = [v for v in leaves([self.raw, self.wrt]) if not isinstance(v, Constant)]
        own = list(self.own)
        graph = FunctionGraph(inputs, [self.raw, *own], clone=False)
        trace = RewriteTrace()
        rewrite(graph, trace=trace)
        self.table = graph.table
        self.renamed(own, graph.outputs[1:])
        done.runs = graph.outputs[0]
        why, self.spelling = self._why_it_differs(), {}
        done.runs_text, done.runs_latex = self.written(done.runs, self.index)
        same = done.runs_text in {line.view.text for line in self.lines[-2:]}
        done.reason = "the same form" if same else why or reason_of(trace)

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


def _simplified_cost(cost: Variable) -> Variable:
    """The function with the logistic recognised."""
    if len(toposort([cost])) > MOST_NODES:
        return cost
    inputs = [v for v in leaves([cost]) if not isinstance(v, Constant)]
    graph = FunctionGraph(inputs, [cost], clone=False)
    for tags, _ in STAGES:
        run_phases(graph, {"display"}, exclude=[tag for tag in PARTS if tag not in tags])
    return graph.outputs[0]


def _only_logistic_argument(graph: Variable) -> str | None:
    """The argument of every logistic in a graph, if it is always the same short one."""
    found = {
        math_text(node.inputs[0]) for node in toposort([graph]) if node.op.name == "sigmoid"
    }
    (only,) = found if len(found) == 1 else (None,)
    return only if only is not None and only.isidentifier() else None


def _length(variable: Variable) -> int:
    return len(math_text(variable, longest=None)) if len(toposort([variable])) < 100 else 10**6


def _total(state: State, wrt: Variable) -> Variable:
    """The finished derivative of a state whose holes are all at `wrt`."""
    total: Variable | None = None
    for hole in state.holes:
        factor = hole.factor
        if factor is None:
            factor = ones(wrt)
        total = factor if total is None else function("add")(total, factor)
    if total is None:
        zero: Variable = function("second")(wrt, 0.0) if notation.rank(wrt) else (
            function("mul")(0.0, ones(wrt))
        )
        return zero
    return total


def _state_variable(state: State, wrt: Variable, name: str, total: bool) -> Variable:
    """A state as one expression with holes in it."""
    written: Variable | None = None
    for hole in state.holes:
        if hole.variable is wrt and not total:
            term = ones(wrt) if hole.factor is None else hole.factor
        else:
            term = Derivative(name, total)(hole.variable)
            value = None if hole.factor is None else notation.scalar_value(hole.factor)
            if value == -1:
                term = function("neg")(term)
            elif hole.factor is not None:
                term = function("mul")(hole.factor, term)
        if notation.rank(term):
            term = function("sum")(term)
        written = term if written is None else function("add")(written, term)
    return ones(wrt) * 0 if written is None else written


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
