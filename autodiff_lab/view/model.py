"""The records every picture, page and panel is drawn from.

What is here: frozen dataclasses made of strings, numbers, tuples and one another, and
`to_json`, which turns any of them into plain lists and dicts.  It relies on nothing but
`Shown`, by which records show themselves.

The one idea: whoever knows the graph fills in these records, whoever draws reads only
them.  A drawing can therefore be tested, saved or sent to a browser without a graph.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Literal

from autodiff_lab.graph import Shown

SCHEMA_VERSION = 1

NodeKind = Literal["input", "constant", "op", "output"]
Column = Literal["forward", "adjoint"]
EdgeKind = Literal["flow", "residual"]
LineKind = Literal["definition", "question", "differentiation", "simplification", "result"]


@dataclasses.dataclass(frozen=True)
class SourceView:
    """The user's line a node was written on: `label` is "cell 3, line 2"."""

    label: str
    line: int = 0
    text: str = ""


@dataclasses.dataclass(frozen=True)
class ValueSummary:
    """What a node holds at the point; never the array itself.

    `text` is what stands in the box (`%.6g` for a scalar, "mean 0.2" or the like for an
    array); `histogram` has at most 32 counts and is empty for scalars.
    """

    text: str
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    nan_count: int = 0
    inf_count: int = 0
    histogram: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class NodeView:
    """One variable of the graph, drawn as one box.

    `label` is the big word in the box ("x", "exp", "2.0"); `text` the whole expression
    as text, cut at 60 characters; `name` the user's name of the variable, if any.
    `twin` links a forward variable with its adjoint, in both directions; a helper of the
    gradient has none.  `row` counts from the inputs, in topological order; twins share it.
    `rule` says in words what the node is, `term` is the chain-rule term it computes.
    `plumbing` marks casts, added axes and the like, which are hidden first.
    `share` is its part of the run's time (0..1) and `cost` says it in words
    ("1.2 us, 8 kB").  `derivation_line` is the line of the derivation it belongs to, counted
    from 1.  `inside` is the title of the scene of the graph that shows its body, for a loop or
    another op made of a graph.
    """

    id: str
    kind: NodeKind
    label: str
    text: str = ""
    op: str = ""
    name: str = ""
    dtype: str = ""
    shape: tuple[int | None, ...] = ()
    column: Column = "forward"
    twin: str | None = None
    row: int = 0
    source: SourceView | None = None
    rule: str = ""
    term: str = ""
    value: ValueSummary | None = None
    plumbing: bool = False
    share: float | None = None
    cost: str = ""
    derivation_line: int | None = None
    inside: str = ""


@dataclasses.dataclass(frozen=True)
class EdgeView:
    """`source` is read by `target` as its input number `slot`.

    A "residual" edge brings a forward value into the gradient column; the rest is "flow".
    """

    source: str
    target: str
    kind: EdgeKind = "flow"
    slot: int = 0


@dataclasses.dataclass(frozen=True)
class GraphView(Shown):
    """A graph, or a forward graph and its gradient as a mirror.

    `budget` is the number of boxes above which plumbing is hidden and chains collapse.
    `scenes` are further graphs that can be looked at in its place, each with a `title`: the
    bodies of its loops, and itself with less of it shown.
    """

    nodes: tuple[NodeView, ...]
    edges: tuple[EdgeView, ...]
    caption: str = ""
    budget: int = 150
    title: str = ""
    scenes: tuple[GraphView, ...] = ()


@dataclasses.dataclass(frozen=True)
class FormulaView:
    """A formula twice: for mathtext (without the dollar signs) and as text."""

    latex: str
    text: str


@dataclasses.dataclass(frozen=True)
class DerivationLine:
    """One line `left = text`, and the rule that made it from the line above.

    `left` is empty where the line goes on with the left side of the line before.
    """

    latex: str
    text: str
    rule: str = ""
    kind: LineKind = "differentiation"
    left_latex: str = ""
    left_text: str = ""


@dataclasses.dataclass(frozen=True)
class DerivationView(Shown):
    """The derivative from the definition to its final form, beside the form that runs.

    `parts`, if given, are the derivations by one input each, every one with its `title`
    ("dy/dx"); `lines` then holds the lines of all, one after the other.
    """

    lines: tuple[DerivationLine, ...]
    runs_as_latex: str = ""
    runs_as_text: str = ""
    reason: str = ""
    title: str = ""
    parts: tuple[DerivationView, ...] = ()


@dataclasses.dataclass(frozen=True)
class StepView(Shown):
    """One rewrite: a rule turned `before` into `after`.

    `graph_before` and `graph_after`, if given, are the whole graph before and after; a node
    keeps its id from one to the next, and its `text` is one operation over ids ("exp(B)").
    `check` is "ok", "" (not checked) or a sentence.  `note` says what changed where both
    sides look the same.  `bits_before` and `bits_after` are mean bits of error (lower is
    better) of both sides; `why_not` holds pairs of a rule's name and the sentence that says
    why it did not apply here.
    """

    index: int
    rule: str
    phase: str
    before_text: str
    after_text: str
    before_latex: str = ""
    after_latex: str = ""
    doc: str = ""
    source_text: str = ""
    source_label: str = ""
    nodes_before: int = 0
    nodes_after: int = 0
    check: str = ""
    graph_before: GraphView | None = None
    graph_after: GraphView | None = None
    note: str = ""
    bits_before: float | None = None
    bits_after: float | None = None
    why_not: tuple[tuple[str, str], ...] = ()


@dataclasses.dataclass(frozen=True)
class PlotSeries:
    """One curve: as many numbers as the plot has points."""

    label: str
    y: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class PlotView(Shown):
    """Sampled curves over `x`: first the function, then its derivatives by order.

    `point` is marked on the curves.
    """

    x: tuple[float, ...]
    series: tuple[PlotSeries, ...]
    title: str = ""
    xlabel: str = "x"
    point: float | None = None


@dataclasses.dataclass(frozen=True)
class MatrixView(Shown):
    """A matrix drawn as coloured squares: a Jacobian, a Hessian, or any other array of rank 2.

    `values` holds the rows; `rows` and `columns` are the words beside them.
    """

    title: str
    values: tuple[tuple[float, ...], ...]
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class ContourView(Shown):
    """A function of two inputs: `z[i][j]` at `x[j]`, `y[i]`, and the gradient there as arrows."""

    title: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    z: tuple[tuple[float, ...], ...]
    along_x: tuple[tuple[float, ...], ...] = ()
    along_y: tuple[tuple[float, ...], ...] = ()
    xlabel: str = "x"
    ylabel: str = "y"
    point: tuple[float, float] | None = None


@dataclasses.dataclass(frozen=True)
class BarsView(Shown):
    """Numbers by name as bars, on a logarithmic axis: the gradient's magnitude per layer."""

    title: str
    names: tuple[str, ...]
    values: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class KernelView(Shown):
    """What ran and what it looks like as code; `headline` says it in one line.

    `lines` pairs a line number of `numba_source`, from 1, with the ids of its nodes.
    """

    ran: str
    headline: str
    numpy_source: str = ""
    numba_source: str = ""
    lines: tuple[tuple[int, tuple[str, ...]], ...] = ()


@dataclasses.dataclass(frozen=True)
class CheckView:
    """The outcome of a numeric check: `text` is "check ok, rtol 1e-6" or what failed."""

    ok: bool
    text: str


@dataclasses.dataclass(frozen=True)
class CardView:
    """Everything one card shows.  A part that is None has no tab.

    `formulas` are the first line: the function, then each derivative, with values.
    `code` is the cell's own text; its first line has the number `code_first_line` that
    `SourceView.line` counts with.  `pictures` stand below the curves of `plot`, or above them
    where they lead.
    """

    title: str
    formulas: tuple[FormulaView, ...]
    point: str = ""
    notices: tuple[str, ...] = ()
    check: CheckView | None = None
    code: str = ""
    code_first_line: int = 1
    graph: GraphView | None = None
    derivation: DerivationView | None = None
    steps: tuple[StepView, ...] | None = None
    plot: PlotView | None = None
    kernel: KernelView | None = None
    pictures: tuple[MatrixView | ContourView | BarsView, ...] = ()
    leads: bool = False

    @property
    def drawn(self) -> list[PlotView | MatrixView | ContourView | BarsView]:
        """What the tab of plots shows, in order."""
        first = [*self.pictures, self.plot] if self.leads else [self.plot, *self.pictures]
        return [view for view in first if view is not None]


def to_json(record: Any) -> dict[str, Any]:
    """The record as plain dicts, lists, strings and numbers, with the schema's version.

    Numbers JSON cannot write become the strings "NaN", "Infinity" and "-Infinity", which
    JavaScript's `Number` reads back.

    Examples
    --------
    >>> to_json(EdgeView("a", "b"))
    {'schema': 1, 'record': 'EdgeView', 'source': 'a', 'target': 'b', 'kind': 'flow', 'slot': 0}
    """
    if not dataclasses.is_dataclass(record) or isinstance(record, type):
        raise TypeError(f"to_json takes one of the records of view/model.py, not {record!r}")
    return {"schema": SCHEMA_VERSION, "record": type(record).__name__, **_plain(record)}


def _plain(value: Any) -> Any:
    # Records nest four deep whatever the size of the graph, so this recursion is bounded.
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        value = float(value)  # a NumPy scalar becomes a plain number
        if math.isfinite(value):
            return value
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    # NumPy's integers and booleans become Python's.
    return value.item() if hasattr(value, "item") else value
