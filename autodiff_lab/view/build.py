"""From graphs to records: the mirror of a function and its derivatives.

What is here: `graph_view`, `value_summary`.  Relies on the roles that gradient code
recorded, on `sweep` for the rules in words and on `mathematics` for short texts.  Whatever is
written here is text and small numbers: no array leaves this file.

The one idea: a variable of the gradient belongs beside the variable it is the derivative of; the
roles say which that is, so nothing is guessed from names or shapes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from autodiff_lab.graph import Apply, Constant, FunctionGraph, Variable, ancestors, leaves, toposort
from autodiff_lab.view import notation
from autodiff_lab.view.budget import reduce_graph
from autodiff_lab.view.dialects import TEXT
from autodiff_lab.view.mathematics import Writer
from autodiff_lab.view.model import (
    EdgeView, GraphView, NodeKind, NodeView, SourceView, ValueSummary,
)
from autodiff_lab.view.sweep import partials_of, rule_words
from autodiff_lab.view.text import fresh_letters

LONGEST = 60
BINS = 32
LONGEST_WHOLE = 30
# Rule words and local derivatives are written out for graphs up to this size.
MOST_EXPLAINED = 400
# Above this many variables no box is described: they collapse into blocks before they are shown.
MOST_DESCRIBED = 4_000


# -- values --------------------------------------------------------------------------------------


def value_summary(value: Any) -> ValueSummary:
    """What a value looks like: the number itself, or extremes, mean and histogram of an array.

    Examples
    --------
    >>> value_summary(0.25).text, value_summary(np.arange(4.0)).text
    ('0.25', 'mean 1.5')
    """
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        return ValueSummary(" ".join(str(value).split())[:LONGEST])
    numbers = array.astype(np.float64)
    nans, infinite = int(np.isnan(numbers).sum()), int(np.isinf(numbers).sum())
    finite = numbers[np.isfinite(numbers)]
    low, high, mean = (
        (float(finite.min()), float(finite.max()), float(finite.mean())) if finite.size
        else (None, None, None)
    )
    if not array.size:
        return ValueSummary("empty")
    counts: tuple[int, ...] = ()
    if array.size == 1:
        number = array.reshape(-1)[0]
        text = str(bool(number)) if array.dtype.kind == "b" else f"{float(number):.6g}"
        return ValueSummary(text, low, high, mean, nans, infinite)
    if finite.size:
        with np.errstate(all="ignore"):
            histogram, _ = np.histogram(finite, bins=min(BINS, max(2, finite.size)))
        counts = tuple(map(int, histogram))
    marks = [f"{count} {word}" for count, word in ((nans, "NaN"), (infinite, "inf")) if count]
    text = ", ".join([f"mean {mean:.6g}" if mean is not None else "no finite value", *marks])
    return ValueSummary(text, low, high, mean, nans, infinite, counts)


# -- the mirror ----------------------------------------------------------------------------------


def graph_view(
    y: Variable | Sequence[Variable], grads: Mapping[str, Variable] | None = None,
    values: Mapping[Variable, Any] | None = None, name: str | None = None, order: int = 1,
) -> GraphView:
    """A function and its raw derivatives, side by side.

    Parameters
    ----------
    y : Variable, or sequence of them
        The function; of several, derivatives are by the first.
    grads : mapping, optional
        Name of an input -> the raw derivative by it, as `gradient.grad` made it.
    values : mapping, optional
        Values of variables at the point.
    name : str, optional
        What the function is called; by default its name, or y.
    order : int
        Which derivatives `grads` are.

    Examples
    --------
    >>> import autodiff_lab as ad, autodiff_lab.tensor as pt
    >>> x = pt.dscalar("x")
    >>> view = graph_view(x ** 2, {"x": ad.grad(x ** 2, x)})
    >>> [(node.id, node.label) for node in view.nodes if node.column == "forward"]
    [('A', 'x'), ('B', '2'), ('C', '· ^ ·')]
    """
    ys = [y] if isinstance(y, Variable) else list(y)
    return Mirror(ys, dict(grads or {}), values or {}, name or ys[0].name or "y", order).view()


@dataclasses.dataclass
class Mirror:
    """A graph view in the making; `ids` are the names of boxes, by variable."""

    ys: Sequence[Variable]
    grads: dict[str, Variable]
    values: Mapping[Variable, Any]
    name: str
    order: int = 1
    scenes: dict[Any, GraphView] = dataclasses.field(default_factory=dict)  # op -> its body
    inputs: Mapping[str, Variable] = dataclasses.field(default_factory=dict)  # of `grads`

    def __post_init__(self) -> None:
        self.y = self.ys[0]
        self.kept = {*self.ys, *self.grads.values()}
        self.forward = self._in_order(self.ys)
        self.within = set(self.forward)
        later = self._in_order(list(self.grads.values()))
        self.adjoint = [v for v in later if v not in self.within]
        count = len(self.forward) + len(self.adjoint)
        self.explained, self.described = count <= MOST_EXPLAINED, count <= MOST_DESCRIBED
        power = f"^{self.order}" if self.order > 1 else ""
        self.names = {v: v.name or f"output {k}" for k, v in enumerate(self.ys, start=1)}
        self.names[self.y] = self.name
        self.cotangent = self._cotangents()
        # of several, the last: nearest to the output
        self.primal = {self.cotangent[v]: v for v in self.forward if v in self.cotangent}
        given = {v.name: v for v in self.forward if v.owner is None}
        given.update((name, v) for name, v in self.inputs.items() if v in self.within)
        for name, gradient in reversed(self.grads.items()):
            self.names[gradient] = f"d{power}{self.name}/d{name}{power}"
        for name, gradient in self.grads.items():
            if name in given:
                self.cotangent[given[name]], self.primal[gradient] = gradient, given[name]
        self.texts = Writer(TEXT, cut=LONGEST - 15)
        self.rows = self._rows()
        self.ids = self._ids()

    def shown(self, variable: Variable) -> Variable:
        """The variable whose box stands for this one: added leading axes have none."""
        return variable if variable in self.kept else notation.behind_axes(variable)

    def reads(self, variable: Variable) -> list[Variable]:
        """The boxes that a box reads."""
        return [] if variable.owner is None else [self.shown(v) for v in variable.owner.inputs]

    def _in_order(self, outputs: Sequence[Variable]) -> list[Variable]:
        """Every variable with a box in the order of computing, leaves before their readers."""
        needed, found = set(ancestors(outputs)), dict[Variable, None]()
        for node in toposort(outputs):
            for variable in (*node.inputs, *node.outputs):
                if variable in needed:
                    found.setdefault(self.shown(variable))
        return list(found | dict.fromkeys(outputs))

    def _cotangents(self) -> dict[Variable, Variable]:
        """Forward variable -> its finished cotangent, as far as the roles tell."""
        found: dict[Variable, Variable] = {}
        for variable in self.adjoint:
            for role in variable.roles:
                if role.of in self.within and role.kind in ("adjoint", "accumulation", "seed"):
                    found[role.of] = variable
        # A rule that hands its cotangent on unchanged (a sum, a copy) leaves no role.
        for node in reversed(toposort(self.ys)):
            handed = next((found[out] for out in node.outputs if out in found), None)
            if handed is None or node.op.name not in ("add", "sub", "identity"):
                continue
            read = node.inputs[:1] if node.op.name == "sub" else node.inputs
            for variable in map(self.shown, read):
                if not isinstance(variable, Constant) and not notation.is_plumbing(variable):
                    found.setdefault(variable, handed)
        return found

    # -- places and names -------------------------------------------------------------------

    def _rows(self) -> dict[Variable, int]:
        """Forward: the longest way from an input; gradient: the row of what it belongs to."""
        rows: dict[Variable, int] = {}
        for variable in self.forward:
            rows[variable] = 1 + max((rows[v] for v in self.reads(variable)), default=-1)
        # a constant stands in the row of what it is read beside
        for variable in self.forward:
            for read in self.reads(variable):
                if isinstance(read, Constant):
                    rows[read] = max(0, rows[variable] - 1)
        for variable in self.adjoint:
            twin = self.primal.get(variable)
            via = next((r.via.outputs[0] for r in variable.roles if r.via is not None), None)
            beside = next((rows[v] for v in (twin, via) if v in rows), None)  # type: ignore[index]
            lowest = min((rows[v] for v in self.reads(variable) if v in rows), default=rows[self.y])
            rows[variable] = lowest if beside is None else beside
        for variable in self.adjoint:
            for read in self.reads(variable):
                if isinstance(read, Constant) and read not in self.within:
                    rows[read] = rows[variable]
        return rows

    def _ids(self) -> dict[Variable, str]:
        """Letters in the order of computing; a cotangent has its variable's letter, primed."""
        fresh = fresh_letters(variable.name for variable in leaves(self.ys))
        ids = {variable: next(fresh) for variable in self.forward}
        for variable in self.adjoint:
            twin = self.primal.get(variable)
            ids[variable] = next(fresh) if twin is None else ids[twin] + "'"
        return ids

    # -- records ------------------------------------------------------------------------------

    def view(self) -> GraphView:
        """The record."""
        nodes = [self._node(v, "forward") for v in self.forward]
        nodes += [self._node(v, "adjoint") for v in self.adjoint]
        edges = [
            EdgeView(
                self.ids[child], self.ids[variable],
                "residual" if child in self.within and variable not in self.within else "flow",
                slot,
            )
            for variable in (*self.forward, *self.adjoint)
            for slot, child in enumerate(self.reads(variable))
        ]
        whole = GraphView(tuple(nodes), tuple(edges), scenes=tuple(self.scenes.values()))
        return whole if self.described else reduce_graph(whole, whole.budget)

    def _node(self, variable: Variable, column: Any) -> NodeView:
        node = variable.owner
        twin = self.cotangent.get(variable) if column == "forward" else self.primal.get(variable)
        plain = NodeView(
            id=self.ids[variable], kind=self._kind(variable), label=_label(variable),
            op=node.op.name if node is not None else "", name=self._name(variable), column=column,
            twin=self.ids.get(twin) if twin is not None else None, row=self.rows[variable],
            plumbing=_is_plumbing(variable), inside=self._inside(node),
        )
        return self._described(plain, variable) if self.described else plain

    def _inside(self, node: Apply | None) -> str:
        """The title of the scene that shows the body of an op made of a graph."""
        body = getattr(getattr(node, "op", None), "graph", None)
        if node is None or not isinstance(body, FunctionGraph) or not self.explained:
            return ""
        if node.op not in self.scenes:
            title = f"inside {notation.box_word(node)}"
            if title in {scene.title for scene in self.scenes.values()}:
                title += f" {len(self.scenes) + 1}"
            name = body.outputs[0].name or "output 1"
            self.scenes[node.op] = GraphView((), (), title=title)  # takes its place and its title
            view = Mirror(body.outputs, {}, {}, name, scenes=self.scenes).view()
            self.scenes[node.op] = dataclasses.replace(view, title=title, scenes=())
        return self.scenes[node.op].title

    def _described(self, plain: NodeView, variable: Variable) -> NodeView:
        """A node with its formula, type, line, rule and value."""
        value = self.values.get(variable)
        if value is None and isinstance(variable, Constant):
            value = variable.data
        rule, term = self._explained(variable, plain.column)
        return dataclasses.replace(
            plain, text=self._text(variable, plain.column),
            dtype=str(getattr(variable.type, "dtype", variable.type)),
            shape=tuple(getattr(variable.type, "shape", ())), source=source_view(variable.owner),
            rule=rule, term=term, value=None if value is None else value_summary(value),
        )

    def _text(self, variable: Variable, column: str) -> str:
        """The expression where it is short, else one operation over the names of others."""
        node = variable.owner
        whole = self.short(variable)
        short = len(whole) <= LONGEST_WHOLE and "..." not in whole
        if node is None or (column == "forward" and short):
            return whole
        symbols = {}
        for child in map(notation.behind_axes, node.inputs):
            if notation.scalar_value(child) is None and child in self.ids:
                symbols[child] = child.name or self.ids[child]
        text = Writer(TEXT, symbols, cut=LONGEST).write(variable).text
        name = self._name(variable)
        return (f"{name} = {text}" if name and variable.name != name else text)[:LONGEST]

    def _kind(self, variable: Variable) -> NodeKind:
        if variable in self.names:
            return "output"
        if variable.owner is not None:
            return "op"
        return "constant" if isinstance(variable, Constant) else "input"

    def _name(self, variable: Variable) -> str:
        return self.names.get(variable) or variable.name or ""

    def _explained(self, variable: Variable, column: str) -> tuple[str, str]:
        """What a node is, in words, and the chain-rule term it computes."""
        node = variable.owner
        if node is None:
            if isinstance(variable, Constant):
                return "a constant", ""
            return f"the input {variable.name}" if variable.name else "an input", ""
        if column == "forward" or not self.explained:
            row = getattr(node.op, "row", node.op)
            return str(getattr(row, "summary", "")), ""
        return self._adjoint_words(variable)

    def _adjoint_words(self, variable: Variable) -> tuple[str, str]:
        added = next((r for r in variable.roles if r.kind == "accumulation"), None)
        role = next((r for r in variable.roles if r.kind in ("adjoint", "seed")), None)
        if added is not None:
            of = self.short(added.of)
            return f"the terms of the derivative by {of} are added: it is used more than once", ""
        if role is None:
            local = next((r.via for r in variable.roles if r.kind == "local" and r.via), None)
            rule = "gradient" if local is None else f"rule of {local.op.name}"
            return f"a helper of the {rule}", ""
        if role.kind == "seed" or role.via is None:
            return f"the seed: d{self.name}/d{self.name} = 1", ""
        places = [k for k, v in enumerate(role.via.inputs) if v is role.of]
        active = [k for k, v in enumerate(role.via.inputs) if v in self.cotangent]
        words = rule_words(role.via, active or places)
        words = f"derivative by {self.short(role.of)}: {words}"
        return words, self._term(role.via, role.of, places)

    def _term(self, via: Apply, of: Variable, places: Sequence[int]) -> str:
        """``d(x^2)/dx = 2x, times the cotangent of x^2``."""
        row = getattr(via.op, "row", None)
        partials = partials_of(via, row) if row is not None else None
        texts = [self.short(v) for v in (via.outputs[0], of)]
        above, below = (t if t.isidentifier() else f"({t})" for t in texts)
        cotangent = f"times the cotangent of {texts[0]}"
        if partials is None or not places:
            return f"d{above}/d{below}, {cotangent}"
        partial = partials[places[0]]
        if isinstance(partial, int | float):
            return f"d{above}/d{below} = {partial:g}, {cotangent}"
        if isinstance(partial, Variable):
            return f"d{above}/d{below} = {self.short(partial)}, {cotangent}"
        return cotangent

    def short(self, variable: Variable) -> str:
        """A short text of any variable of the graph."""
        return self.texts.write(variable).text[:LONGEST]


def _label(variable: Variable) -> str:
    """The big word in a node's box."""
    node = variable.owner
    if node is not None:
        return notation.box_word(node)
    if isinstance(variable, Constant) and variable.name is None:
        value = notation.scalar_value(variable)
        return notation.data_text(variable.data)[:24] if value is None else f"{value:.6g}"
    return variable.name or "input"


def _is_plumbing(variable: Variable) -> bool:
    """Casts and copies; transposing is a step of its own."""
    name = "" if variable.owner is None else str(variable.owner.op.name)
    return name.startswith("cast_") or (name != "dimshuffle" and notation.is_plumbing(variable))


def source_view(node: Apply | None) -> SourceView | None:
    """The user's line that made a node."""
    line = node.source if node is not None else None
    return line and SourceView(f"{line.label}, line {line.line}", line.line, line.text)
