"""The pictures of a study beside its graph: curves, contours, matrices, magnitudes.

What is here: `plot`, `plot_view`, `pictures`, `hessian`.  Relies on the study's compiled function
for the numbers and on `view.plots` for drawing.  The one idea: what can be shown follows from the
inputs: one number gives a curve, two a contour, a matrix its coloured squares, layers their bars.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy

from autodiff_lab import hooks
from autodiff_lab.errors import LabValueError
from autodiff_lab.options import is_real
from autodiff_lab.study.calls import PLOT_SECONDS
from autodiff_lab.study.shown import Shown, point_text
from autodiff_lab.view.model import BarsView, ContourView, MatrixView, PlotSeries, PlotView
from autodiff_lab.view.numeric import values_of
from autodiff_lab.view.plots import alt_text, plot_svg

Array = numpy.ndarray[Any, Any]
FINEST, COARSEST = 25, 7          # positions along each side of a contour
MOST_MATRICES = 3
LARGEST_MATRIX = 48
MOST_NAMED = 11                   # rows and columns of a matrix as text


def plot(study: Any) -> Shown:
    """The function and its derivatives along one scalar input, or over two; else as matrices."""
    view = next(iter(all_pictures(study)), None)
    if view is None:
        raise LabValueError(
            "There is no plot of this study.",
            why="it needs one scalar input, and values for all the others",
            remedy='give the study a point: --at "..."',
        )
    if not isinstance(view, PlotView):
        return Shown(view, alt_text(view), plot_svg)
    labels = ", ".join(series.label for series in view.series)
    text = f"plot of {labels} for {view.xlabel} from {view.x[0]:g} to {view.x[-1]:g}"
    return Shown(view, text, plot_svg)


def leads(study: Any) -> bool:
    """Whether a contour stands above the curve of one input."""
    return len(study.plot_ranges) != 1 and len(_scalars(study)) == 2


def all_pictures(study: Any) -> list[Any]:
    """Everything on the tab of plots, the most telling first."""
    curve, others = plot_view(study), pictures(study)
    views = [*others, curve] if leads(study) else [curve, *others]
    return [view for view in views if view is not None]


def plot_view(study: Any) -> PlotView | None:
    """The record of the curves, None where there is nothing to plot along."""
    found = study.samples()
    if found is None:
        return None
    name, xs, rows, labels = found
    at = study.point.get(name)
    return PlotView(
        tuple(xs), tuple(map(PlotSeries, labels, zip(*rows, strict=True))),
        xlabel=name, point=float(at) if is_real(at) else None,  # type: ignore[arg-type]
    )


def pictures(study: Any) -> tuple[MatrixView | ContourView | BarsView, ...]:
    """A contour for two scalar inputs; derivatives by matrices; magnitudes of several arrays."""
    found: list[Any] = [] if study.order > 1 else [contour(study)]
    grads = (study.results or (None, {}))[1]
    arrays = {n: numpy.asarray(g) for n, g in grads.items() if numpy.ndim(g)}
    if len(arrays) > 1:
        sizes = tuple(float(numpy.sqrt(numpy.sum(abs(g) ** 2))) for g in arrays.values())
        title = f"magnitude of the derivatives of {study.name}"
        found.append(BarsView(title, tuple(arrays), sizes))
    matrices = [(n, g) for n, g in arrays.items()
                if g.ndim == 2 and g.size and max(g.shape) <= LARGEST_MATRIX]
    found += [MatrixView(f"d{study.name}/d{n}", _rows(g)) for n, g in matrices[:MOST_MATRICES]]
    return tuple(view for view in found if view is not None)


def _scalars(study: Any) -> list[str]:
    return [n for n in study.names if study.inputs[n].type.ndim == 0]


def contour(study: Any) -> ContourView | None:
    """The function over its first two scalar inputs, with its gradient; None without a point."""
    names = _scalars(study)[:2]
    if len(names) < 2 or any(n not in study.point for n in study.inputs if n not in names):
        return None
    sides = [study.range_of(name) for name in names]
    if None in sides:
        return None
    place = [study.names.index(name) + 1 for name in names]
    call = study.fn_and_grad

    def row(x: float, y: float) -> list[float]:
        values = study.function(*call.arguments((), dict(zip(names, (x, y)))))
        return [float(numpy.real(values[k])) for k in (0, *place)]

    with numpy.errstate(all="ignore"):
        start = time.perf_counter()
        row(sides[0][1], sides[1][1])
        affordable = int((PLOT_SECONDS / 2 / max(time.perf_counter() - start, 1e-9)) ** 0.5)
        count = min(FINEST, max(COARSEST, affordable))
        xs, ys = (numpy.linspace(low, high, count) for _, low, high, _ in sides)
        grid = numpy.array([[row(x, y) for x in xs] for y in ys])
    z, along_x, along_y = (_rows(grid[:, :, k]) for k in range(3))
    point = tuple(float(study.point[n]) for n in names if n in study.point)
    return ContourView(
        f"{study.name} and its gradient", tuple(map(float, xs)), tuple(map(float, ys)), z, along_x,
        along_y, *names, point=point if len(point) == 2 else None,  # type: ignore[arg-type]
    )


def _rows(array: Array) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(map(float, row)) for row in numpy.real(array))


def hessian(study: Any) -> Shown:
    """The second derivatives at the point by all inputs of the study, as one matrix.

    Examples
    --------
    >>> import autodiff_lab as ad, autodiff_lab.tensor as pt
    >>> x, y = pt.dscalars("x", "y")
    >>> print(ad.Study(x**2 * y, [x, y], point={"x": 1.0, "y": 2.0}).hessian())
    Hessian of f at x = 1, y = 2
           x   y
    x      4   2
    y      2   0
    """
    if not study.has_point:
        raise LabValueError(
            "A Hessian is shown at a point.", remedy='give the study one: --at "..."'
        )
    wrt = list(study.wrt)
    blocks = hooks.call("hessian", study.y, wrt, disconnected_inputs="ignore", full=True)
    sizes = [max(study.point[n].size, 1) for n in study.names]
    given = {v: study.point[n] for n, v in study.inputs.items()}
    flat = values_of([block for row in blocks for block in row], given)
    parts = iter(flat)
    whole = numpy.block([[next(parts).reshape(rows, columns) for columns in sizes]
                         for rows in sizes])
    labels = [label for n in study.names for label in _entries(n, study.point[n].shape)]
    view = MatrixView(f"Hessian of {study.name}", _rows(whole), tuple(labels), tuple(labels))
    return Shown(view, f"{view.title} {point_text(study)}\n{_table(whole, labels)}", plot_svg)


def _entries(name: str, shape: Sequence[int]) -> list[str]:
    places = list(numpy.ndindex(*shape))
    return [f"{name}[{', '.join(map(str, p))}]" if p else name for p in places]


def _table(matrix: Array, labels: Sequence[str]) -> str:
    """A small matrix as text, with the names of its rows and columns."""
    shown = slice(None) if len(labels) <= MOST_NAMED else slice(MOST_NAMED)
    cells = [["", *labels[shown]]]
    cells += [[n, *(f"{v + 0.0:.4g}" for v in row[shown])] for n, row in zip(labels, matrix)][shown]
    width = max(len(cell) for row in cells for cell in row) + 3
    lines = [row[0].ljust(width) + "".join(c.rjust(width) for c in row[1:]) for row in cells]
    return "\n".join([*lines, *["..."] * (len(labels) > MOST_NAMED)])
