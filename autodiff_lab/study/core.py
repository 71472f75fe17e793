"""`Study`: a scalar function, its derivatives and everything there is to see about them.

Magics, command line, tests and docs all use this one class.  Relies on every layer below; each
stage is computed when it is first asked for and kept.  The one idea: the study holds graphs and one
point; pictures, text and pages are made from the records of `study.records`.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy

from autodiff_lab import cell, hooks, verify
from autodiff_lab.compile import Mode, function
from autodiff_lab.errors import DisconnectedInputError
from autodiff_lab.options import GradOptions, is_real, parse_words
from autodiff_lab.rewriting.registry import known_name
from autodiff_lab.study import paths, pictures, records, saving
from autodiff_lab.study.arguments import (
    all_inputs, as_words, by_name, checked_point, checked_ranges, cut_at, derivatives,
    said_for_a_cell,
)
from autodiff_lab.study.calls import Array, StudyFunction, node_values, sample
from autodiff_lab.study.compare import diff
from autodiff_lab.study.predict import predict
from autodiff_lab.study.text_card import card_text
from autodiff_lab.view.html import card_bundle
from autodiff_lab.view.notation import name_arrays

DEFAULT_WIDTH = 5.0
STAGES = ("fn", "fn_and_grad", "values", "results", "origin", "graph")   # they depend on the point


class Study:
    """The derivative of a scalar expression, with its pictures.

    Parameters
    ----------
    y : Variable, shape ()
        The function to differentiate.
    wrt : Variable, or sequence of Variable, or dict by name, optional
        By which inputs; by default all float inputs.
    point : dict, optional
        Values of inputs, by name or variable: values and adjoints appear on the nodes.
    name : str, optional
        What the function is called; by default its own name, else y.
    order : int
        The order of the derivative (scalars only above 1).
    plot : tuple, optional
        ``(name, start, stop)`` or ``(name, start, stop, count)``: the range of the plot; two of
        them for a contour.
    check : bool
        Whether the card says that finite differences agree.

    Examples
    --------
    >>> import autodiff_lab as ad, autodiff_lab.tensor as pt
    >>> x = pt.dscalar("x")
    >>> r = ad.Study(x ** 3, x, point={"x": 2.0})
    >>> value, grads = r.fn_and_grad(2.0)
    >>> float(value), float(grads["x"])
    (8.0, 12.0)
    """

    def __init__(
        self, y: Any, wrt: Any = None, point: Mapping[Any, Any] | None = None, *,
        inputs: Mapping[str, Any] | None = None, name: str | None = None, order: int = 1,
        plot: Sequence[Any] | None = None, check: bool = False, notices: Sequence[str] = (),
        code: cell.Code | None = None,
    ) -> None:
        asked = by_name(wrt)
        y, asked = cut_at(y, asked)
        self.y = y
        self.inputs = all_inputs(y, asked, inputs)
        if not asked:
            asked = {n: v for n, v in self.inputs.items() if v.type.dtype.startswith("float")}
        self.wrt: tuple[Any, ...] = tuple(asked.values())
        self.names: tuple[str, ...] = tuple(asked)
        self.given_name = "y" if y in self.inputs.values() else name or y.name
        self.order = order
        self.notices = (*notices, *name_arrays([y]))
        self.code = code
        self.point = checked_point(self.inputs, point or {})
        self.plot_ranges = checked_ranges(self.inputs, plot or ())
        self.derivatives = derivatives(y, asked, order)
        self.grads: dict[str, Any] = {n: rows[-1] for n, rows in self.derivatives.items()}
        self.report: verify.CheckReport | None = None   # of the last check
        self._bundle: dict[str, str] | None = None
        if check:
            self.check()

    @classmethod
    def from_cell(
        cls, text: str, namespace: dict[str, Any] | None = None, wrt: Sequence[str] | str = (), *,
        options: GradOptions | None = None, code: cell.Code | None = None, **settings: Any,
    ) -> Study:
        """A study of a cell's text, exactly as `%%grad` reads it.

        Parameters
        ----------
        text : str
        namespace : dict, optional
            Where names are looked up; what the cell assigns is written into it if all goes well.
        wrt : sequence of str, or str
            As on the first line: ``"x"``, ``"W:matrix"``.
        options : GradOptions, optional
            The whole first line, in place of `wrt` and the settings.
        **settings
            ``of``, ``at``, ``plot``, ``order``, ``check`` as on the first line.

        Examples
        --------
        >>> r = Study.from_cell("x ** 2", {}, "x", at="x=3")
        >>> float(r.fn_and_grad()[1]["x"])
        6.0
        """
        namespace = {} if namespace is None else namespace
        if options is None:
            options = parse_words(as_words(wrt, settings))
        result = cell.run_cell(code or cell.code_from_text(text), namespace, options)
        try:
            study = cls(
                result.y, {name: result.inputs[name] for name in result.wrt}, result.point,
                inputs=result.inputs, name=result.name, order=options.order, plot=result.plot,
                check=options.check, notices=result.notices, code=result.code,
            )
        except DisconnectedInputError as error:
            raise said_for_a_cell(error, result) from None
        study.silenced = result.silenced
        namespace.update(result.written)
        return study

    silenced = False
    mode: Mode | None = None

    @functools.cached_property
    def name(self) -> str:
        """What the function is called: as assigned, else the letter its derivation uses."""
        if self.given_name is not None:
            return self.given_name
        return self.derivation.parts[0].name.text.partition("(")[0]

    def at(self, point: Mapping[Any, Any] | None = None, /, **values: Any) -> Study:
        """The same study at another point; graphs and compiled functions are shared.

        Parameters
        ----------
        point : dict
            Values by name or variable; inputs left out keep theirs.
        **values
            The same by name: ``r.at(x=2)``.
        """
        other = self._again(STAGES)
        other.function = self.function
        given = checked_point(self.inputs, {**(point or {}), **values})
        other.point, other.report = {**self.point, **given}, None
        other.notices = tuple(n for n in self.notices if n.partition(":")[0] not in given)
        return other

    def without(self, *rules: str) -> Study:
        """The same study compiled without some rewriting rules: what do they do?

        Parameters
        ----------
        *rules : str
            Names of rules, as `steps` tells them.
        """
        other = self._again((*STAGES, "function", "steps"))
        other.mode = Mode(exclude=tuple(known_name(rule, tags=True) for rule in rules))
        return other

    def _again(self, forgotten: Sequence[str]) -> Study:
        """A copy that computes some stages anew."""
        other = copy.copy(self)
        for stage in forgotten:
            other.__dict__.pop(stage, None)
        other._bundle = None
        return other

    # -- numbers ------------------------------------------------------------------------------

    @functools.cached_property
    def function(self) -> Any:
        """The compiled function of value and derivatives; its trace is what `steps` shows."""
        return self._compiled([self.y, *self.grads.values()])

    def _compiled(self, outputs: Any, **settings: Any) -> Any:
        return function(
            list(self.inputs.values()), outputs, on_unused_input="ignore",
            allow_input_downcast=True, name=self.given_name, **{"mode": self.mode, **settings},
        )

    @functools.cached_property
    def fn(self) -> StudyFunction:
        """The function: arguments in the order of `wrt`, other inputs by name."""
        return StudyFunction(self._compiled(self.y), self)

    @functools.cached_property
    def fn_and_grad(self) -> StudyFunction:
        """The function and its derivatives: ``(value, {name: array})``."""
        return StudyFunction(self.function, self, with_grads=True)

    @functools.cached_property
    def values(self) -> dict[Any, Array]:
        """The value at the point of every variable of both graphs; empty without a point."""
        if not self.has_point:
            return {}
        given = {variable: self.point[name] for name, variable in self.inputs.items()}
        return node_values([self.y, *self.grads.values()], given)

    @functools.cached_property
    def results(self) -> tuple[Any, dict[str, Any]] | None:
        """Value and derivatives at the point, by the form that runs; None without a point."""
        if not self.has_point:
            return None
        with numpy.errstate(all="ignore"):
            found: tuple[Any, dict[str, Any]] = self.fn_and_grad()
        return found

    @functools.cached_property
    def origin(self) -> Any:
        """Where a NaN or an infinity at the point begins; None if all results are finite."""
        value, grads = self.results or (0.0, {})
        if all(numpy.isfinite(result).all() for result in (value, *grads.values())):
            return None
        return self.function.origin(*self.fn_and_grad.arguments())

    @property
    def has_point(self) -> bool:
        """Whether every input has a value."""
        return bool(self.inputs) and all(name in self.point for name in self.inputs)

    def check(self, points: Sequence[Mapping[str, Any]] | None = None) -> verify.CheckReport:
        """Compare the derivatives with finite differences; the result prints as a table.

        Parameters
        ----------
        points : sequence of dict, optional
            By default the study's point, else three points chosen once and for all.
        """
        if points is None and self.report is not None:
            return self.report
        if points is not None:
            chosen = [checked_point(self.inputs, p) for p in points]
        else:
            chosen = [self.point] if self.has_point else self._samples(3)
        names, reports = list(self.inputs), []
        for name in self.names:
            lower, upper = (self._compiled(v, mode="PYTHON") for v in self.derivatives[name][-2:])
            reports.append(verify.check_gradient(
                lambda p, f=lower: float(f(*[p[n] for n in names])),
                lambda p, f=upper, own=name: {own: f(*[p[n] for n in names])}, [name], chosen,
            ))
        report = verify.CheckReport(
            tuple(row for report in reports for row in report.rows),
            max(report.rtol for report in reports), max(report.skipped for report in reports),
        )
        if points is None:
            self.report, self._bundle = report, None
        return report

    def _samples(self, count: int) -> list[dict[str, Any]]:
        types = {name: variable.type for name, variable in self.inputs.items()}
        return verify.sample_points(types, self.point, count)

    def compile(self) -> None:
        """Compile the Numba kernels now, whatever the mode would do."""
        self.function.compile()
        self.fn.function.compile()
        self._bundle = None

    def run_seconds(self, budget: float = 0.02) -> float:
        """The shortest time of a call, at the point or at numbers chosen once and for all."""
        arguments = self.fn_and_grad.arguments((), self._samples(1)[0])
        times: list[float] = []
        while len(times) < 50 and sum(times) < budget:
            start = time.perf_counter()
            self.function(*arguments)
            times.append(time.perf_counter() - start)
        return min(times)

    # -- what there is to see -------------------------------------------------------------------

    graph = functools.cached_property(records.graph)
    derivation = functools.cached_property(records.derivation)
    steps = functools.cached_property(records.steps)
    kernel = property(records.kernel)
    card = property(records.card)
    plot = pictures.plot
    hessian = pictures.hessian
    to_dot = records.to_dot
    why = paths.why
    why_not = paths.why_not
    diff = diff
    predict = predict
    save_html = saving.save_html
    save_svg = saving.save_svg
    save_png = saving.save_png
    save_pdf = saving.save_pdf

    def samples(self) -> tuple[str, list[float], list[tuple[float, ...]], list[str]] | None:
        """The numbers of the plot: name, positions, a row of values for each, and labels."""
        name = next((n for n in self.names if self.inputs[n].type.ndim == 0), None)
        asked = next(iter(self.plot_ranges.values()), None)
        chosen = asked or (None if name is None else self.range_of(name))
        if chosen is None:
            return None
        name, start, stop, count = chosen
        others = [n for n in self.inputs if n != name]
        if any(n not in self.point for n in others):
            return None
        outputs = self.derivatives.get(name, [self.y])
        if len(outputs) == 2:             # the function that is compiled anyway has both
            compiled, columns = self.function, [0, 1 + self.names.index(name)]
        else:
            compiled, columns = self._compiled(list(outputs), mode="PYTHON"), None
        xs, rows = sample(compiled, name, (start, stop, count), self.point, list(self.inputs))
        if columns is not None:
            rows = [tuple(row[k] for k in columns) for row in rows]
        sign = self.derivation.parts[0].name
        signs = [dataclasses.replace(sign, variable=name).left(k, "")[0]
                 for k in range(1, len(outputs))]
        return name, xs, rows, [self.name, *signs]

    def range_of(self, name: str) -> tuple[str, float, float, int] | None:
        """Where a scalar input is plotted: as asked, else around the point."""
        if name in self.plot_ranges:
            return self.plot_ranges[name]
        if not is_real(self.point.get(name, 0.0)):
            return None
        middle = float(self.point.get(name, 0.0))
        width = max(DEFAULT_WIDTH, abs(middle))
        return name, middle - width, middle + width, 400

    def source(self, kind: str = "numpy") -> str:
        """Code that runs when pasted: ``"numpy"`` or ``"numba"``."""
        return str(self.function.source(kind))

    def explore(self) -> Any:
        """One panel of widgets: a control per input, and the tabs of the card."""
        return hooks.call("explore", self)

    def __str__(self) -> str:
        return card_text(self.card)

    __repr__ = __str__

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        if self._bundle is None:
            card = self.card
            self._bundle = card_bundle(card_text(card), card)
        return dict(self._bundle)
