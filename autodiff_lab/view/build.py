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

from autodiff_lab.graph import Apply, Constant, Variable, ancestors, leaves, toposort
from autodiff_lab.view import notation
from autodiff_lab.view.budget import reduce_graph
from autodiff_lab.view.dialects import LATEX, TEXT
from autodiff_lab.view.mathematics import Writer
from autodiff_lab.view.model import (
    EdgeView,
    GraphView,
    NodeKind,
    NodeView,
    SourceView,
    ValueSummary,
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
    if array.size == 1:
        array, numbers = array.reshape(()), numbers.reshape(())
        text = str(bool(array)) if array.dtype.kind == "b" else f"{float(numbers):.6g}"
        return ValueSummary(text, low, high, mean, nans, infinite)
    if not array.size:
        return ValueSummary("empty")
    counts: tuple[int, ...] = ()
    if finite.size and array.size > 1:
        bins = min(BINS, max(2, finite.size))
        with np.errstate(all="ignore"):
            counts = tuple(int(c) for c in np.histogram(finite, bins=bins)[0])
    marks = [f"{nans} NaN"] if nans else []
    marks += [f"{infinite} inf"] if infinite else []
    text = ", ".join([f"mean {mean:.6g}" if mean is not None else "no finite value", *marks])
    return ValueSummary(text, low, high, mean, nans, infinite, counts)


# -- the mirror ----------------------------------------------------------------------------------


def graph_view(
    y: Variable,
    grads: Mapping[str, Variable] | None = None,
    values: Mapping[Variable, Any] | None = None,
    name: str | None = None,
    order: int = 1,
) -> GraphView:
    """A function and its raw derivatives, side by side.

    Parameters
    ----------
    y : Variable
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
    return _Mirror(y, dict(grads or {}), values or {}, name or y.name or "y", order).view()


class _Mirror:
    """A graph view in the making."""

    def __init__(
        self,
        y: Variable,
        grads: dict[str, Variable],
        values: Mapping[Variable, Any],
        name: str,
        order: int,
    ) -> None:
        self.order = order
        self.y = y
        self.grads = grads
        self.values = values
        self.name = name
        self.forward = _in_order([y])
        known = set(self.forward)
        self.adjoint = [v for v in _in_order(list(grads.values())) if v not in known]
        count = len(self.forward) + len(self.adjoint)
        self.explained, self.described = count <= MOST_EXPLAINED, count <= MOST_DESCRIBED
        self.cotangent = self._cotangents()
        self.primal: dict[Variable, Variable] = {}
        for variable in self.forward:
            found = self.cotangent.get(variable)
            if found is not None:
                self.primal[found] = variable  # of several, the last: nearest to the output
        for input_name, gradient in grads.items():
            self._pair_input(input_name, gradient)
        self.texts = Writer(TEXT, cut=LONGEST - 15)
        self.formulas = Writer(LATEX, cut=2 * LONGEST)
        self.rows = self._rows()
        self.ids = self._ids()

    def _pair_input(self, input_name: str, gradient: Variable) -> None:
        for variable in self.forward:
            if variable.owner is None and variable.name == input_name:
                self.cotangent[variable] = gradient
                self.primal[gradient] = variable

    def _cotangents(self) -> dict[Variable, Variable]:
        """Forward variable -> its finished cotangent, as far as the roles tell."""
        inside = set(self.forward)
        found: dict[Variable, Variable] = {}
        for variable in self.adjoint:
            for role in variable.roles:
                if role.of in inside and role.kind in ("adjoint", "accumulation", "seed"):
                    found[role.of] = variable
        # A rule that hands its cotangent on unchanged (a sum, a copy) leaves no role.
        for node in reversed(toposort([self.y])):
            handed = next((found[out] for out in node.outputs if out in found), None)
            if handed is None or node.op.name not in ("add", "sub", "identity"):
                continue
            for variable in node.inputs[:1] if node.op.name == "sub" else node.inputs:
                if not isinstance(variable, Constant) and not notation.is_plumbing(variable):
                    found.setdefault(variable, handed)
        return found

    # -- places and names -------------------------------------------------------------------

    def _rows(self) -> dict[Variable, int]:
        """Forward: the longest way from an input; gradient: the row of what it belongs to."""
        rows: dict[Variable, int] = {}
        for variable in self.forward:
            above = variable.owner.inputs if variable.owner is not None else ()
            rows[variable] = 1 + max((rows[v] for v in above), default=-1)
        for node in toposort([self.y]):
            # a constant stands in the row of what it is read beside
            for variable in node.inputs:
                if isinstance(variable, Constant):
                    rows[variable] = max(0, rows[node.outputs[0]] - 1)
        bottom = rows[self.y]
        for variable in self.adjoint:
            twin = self.primal.get(variable)
            via = next((r.via for r in variable.roles if r.via is not None), None)
            if twin is not None:
                rows[variable] = rows[twin]
            elif via is not None and via.outputs[0] in rows:
                rows[variable] = rows[via.outputs[0]]
            else:
                above = variable.owner.inputs if variable.owner is not None else ()
                rows[variable] = min((rows[v] for v in above if v in rows), default=bottom)
        constants = {v for v in self.adjoint if isinstance(v, Constant)}
        for node in toposort(list(self.grads.values())):
            for variable in node.inputs:
                if variable in constants and node.outputs[0] in rows:
                    rows[variable] = rows[node.outputs[0]]
        return rows

    def _ids(self) -> dict[Variable, str]:
        """Letters in the order of computing; a cotangent has its variable's letter, primed."""
        fresh = fresh_letters(variable.name for variable in leaves([self.y]))
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
        inside = set(self.adjoint)
        edges = [
            EdgeView(
                self.ids[child], self.ids[variable],
                "residual" if variable in inside and child not in inside else "flow", slot,
            )
            for variable in (*self.forward, *self.adjoint) if variable.owner is not None
            for slot, child in enumerate(variable.owner.inputs)
        ]
        whole = GraphView(tuple(nodes), tuple(edges))
        return whole if self.described else reduce_graph(whole, whole.budget)

    def _node(self, variable: Variable, column: Any) -> NodeView:
        node = variable.owner
        twin = self.cotangent.get(variable) if column == "forward" else self.primal.get(variable)
        plain = NodeView(
            id=self.ids[variable],
            kind=self._kind(variable),
            label=_label(variable),
            op=node.op.name if node is not None else "",
            name=self._name(variable),
            column=column,
            twin=self.ids.get(twin) if twin is not None else None,
            row=self.rows[variable],
            plumbing=_is_plumbing(variable),
        )
        return self._described(plain, variable) if self.described else plain

    def _described(self, plain: NodeView, variable: Variable) -> NodeView:
        """A node with its formula, type, line, rule and value."""
        value = self.values.get(variable)
        if value is None and isinstance(variable, Constant):
            value = variable.data
        rule, term = self._explained(variable, plain.column)
        return dataclasses.replace(
            plain,
            text=self._text(variable, plain.column),
            latex=self.formulas.write(variable).text,
            dtype=str(getattr(variable.type, "dtype", variable.type)),
            shape=tuple(getattr(variable.type, "shape", ())),
            source=source_view(variable.owner),
            rule=rule,
            term=term,
            value=None if value is None else value_summary(value),
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
        if variable is self.y or any(variable is g for g in self.grads.values()):
            return "output"
        if variable.owner is not None:
            return "op"
        return "constant" if isinstance(variable, Constant) else "input"

    def _name(self, variable: Variable) -> str:
        for input_name, gradient in self.grads.items():
            if variable is gradient:
                power = f"^{self.order}" if self.order > 1 else ""
                return f"d{power}{self.name}/d{input_name}{power}"
        if variable is self.y:
            return self.name
        return variable.name or ""

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
        return self._adjoint_words(variable, node)

    def _adjoint_words(self, variable: Variable, node: Apply) -> tuple[str, str]:
        role = next((r for r in variable.roles if r.kind in ("adjoint", "seed")), None)
        sum_role = next((r for r in variable.roles if r.kind == "accumulation"), None)
        if sum_role is not None:
            of = self.short(sum_role.of)
            return f"the terms of the derivative by {of} are added: it is used more than once", ""
        if role is None:
            local = next((r for r in variable.roles if r.kind == "local" and r.via), None)
            if local is None or local.via is None:
                return "a helper of the gradient", ""
            return f"a helper of the rule of {local.via.op.name}", ""
        of = self.short(role.of)
        if role.kind == "seed" or role.via is None:
            return f"the seed: d{self.name}/d{self.name} = 1", ""
        places = [k for k, v in enumerate(role.via.inputs) if v is role.of]
        active = [k for k, v in enumerate(role.via.inputs) if v in self.cotangent]
        words = rule_words(role.via, active or places)
        return f"derivative by {of}: {words}", self._term(role.via, role.of, places)

    def _term(self, via: Apply, of: Variable, places: Sequence[int]) -> str:
        """``d(x^2)/dx = 2x, times the cotangent of x^2``."""
        row = getattr(via.op, "row", None)
        partials = partials_of(via, row) if row is not None else None
        above, below = self.short(via.outputs[0]), self.short(of)
        above = above if above.isidentifier() else f"({above})"
        below = below if below.isidentifier() else f"({below})"
        if partials is None or not places:
            return f"d{above}/d{below}, times the cotangent of {self.short(via.outputs[0])}"
        partial = partials[places[0]]
        text = self.short(partial) if isinstance(partial, Variable) else f"{partial:g}" if (
            isinstance(partial, int | float)
        ) else ""
        cotangent = f"times the cotangent of {self.short(via.outputs[0])}"
        return f"d{above}/d{below} = {text}, {cotangent}" if text else cotangent

    def short(self, variable: Variable) -> str:
        """A short text of any variable of the graph."""
        return self.texts.write(variable).text[:LONGEST]


def _in_order(outputs: Sequence[Variable]) -> list[Variable]:
    """Every variable in the order of computing, leaves before their first reader."""
    found: dict[Variable, None] = {}
    for node in toposort(outputs):
        found.update(dict.fromkeys(node.inputs))
        found.update(dict.fromkeys(v for v in node.outputs))
    found.update(dict.fromkeys(outputs))
    needed = set(ancestors(outputs))
    return [variable for variable in found if variable in needed]


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
    """Added axes, casts, copies; constants that only feed those are drawn with them."""
    node = variable.owner
    if node is None:
        return False
    if node.op.name.startswith("cast_"):
        return True
    if node.op.name == "dimshuffle":
        return notation.behind_axes(variable) is not variable
    return notation.notation_of(node.op).plumbing


def source_view(node: Apply | None) -> SourceView | None:
    """The user's line that made a node."""
    line = node.source if node is not None else None
    if line is None:
        return None
    return SourceView(f"{line.label}, line {line.line}", line.line, line.text)
