"""The numbers of a study: calling it, the values on its nodes, its curve.

Relies on `compile.function` for calls and on `view.numeric` for values on nodes: it runs the user's
graph node by node, unrewritten, so that every node the user wrote has one.  Floating-point warnings
are off: NaN and Inf are marked where they arise.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy

from autodiff_lab.compile.replay import replay
from autodiff_lab.errors import LabTypeError
from autodiff_lab.graph import Variable, ancestors, describe

Array = numpy.ndarray[Any, Any]

# Values on nodes are kept up to this many bytes in all; the picture needs summaries only.
MOST_BYTES = 64_000_000
MOST_NODES = 20_000
PLOT_SECONDS = 0.5
FEWEST = 60


class StudyFunction:
    """A compiled function of a study: arguments in the order of its `wrt`, the rest by name.

    Inputs that are not given take their value from the point.
    """

    def __init__(self, function: Any, study: Any, with_grads: bool = False) -> None:
        self.function = function
        self._inputs, self._wrt, self._point = study.inputs, study.names, study.point
        self._grads = list(study.grads) if with_grads else None

    def __call__(self, *values: Any, **named: Any) -> Any:
        results = self.function(*self.arguments(values, named))
        if self._grads is None:
            return results
        value, *grads = results
        return value, dict(zip(self._grads, grads, strict=True))

    def arguments(self, values: Sequence[Any] = (), named: Mapping[str, Any] | None = None) -> Any:
        """The values of all inputs in their order."""
        given = dict(zip(self._wrt, values, strict=False))
        for name in {} if named is None else named:
            if name in given or name not in self._inputs:
                known = ", ".join(self._inputs)
                reason = "is given twice" if name in given else f"is no input; there is {known}"
                raise LabTypeError(f"{name} {reason}.")
        if len(values) > len(self._wrt):
            raise LabTypeError(
                f"{len(values)} values are given, but the study is by {len(self._wrt)}: "
                f"{', '.join(self._wrt)}.",
                remedy="pass other inputs by name",
            )
        given = {**self._point, **given, **(named or {})}
        missing = [name for name in self._inputs if name not in given]
        if missing:
            raise LabTypeError(
                f"No value for {', '.join(missing)}.", where=describe(self._inputs[missing[0]]),
                remedy=f"pass it: ({missing[0]}=...), or give the study a point",
            )
        return [given[name] for name in self._inputs]

    def __repr__(self) -> str:
        others = [f"{n}=..." for n in self._inputs if n not in self._wrt]
        gives = "value" if self._grads is None else "(value, {name: array})"
        return f"<function ({', '.join([*self._wrt, *others])}) -> {gives}>"


def node_values(outputs: Sequence[Variable], inputs: Mapping[Any, Array]) -> dict[Variable, Array]:
    """The value of every variable of a graph as the user wrote it; empty for very large graphs."""
    variables = list(itertools.islice(ancestors(outputs), MOST_NODES + 1))
    size = sum(int(numpy.prod([n or 1 for n in getattr(v.type, "shape", ())])) for v in variables)
    if len(variables) > MOST_NODES or 8 * size > MOST_BYTES:
        return {}
    return replay(outputs, inputs)


def sample(
    function: Any, name: str, places: tuple[float, float, int], rest: Mapping[str, Any],
    names: Sequence[str],
) -> tuple[list[float], list[tuple[float, ...]]]:
    """The results of a compiled function along one scalar input, a row for each position.

    A function that takes long is called at fewer positions.
    """
    start, stop, count = places

    def row(x: float) -> tuple[float, ...]:
        results = function(*[x if n == name else rest[n] for n in names])
        return tuple(float(numpy.real(r)) if numpy.ndim(r) == 0 else numpy.nan for r in results)

    with numpy.errstate(all="ignore"):
        began = time.perf_counter()
        row(start)
        seconds = time.perf_counter() - began
        affordable = int(PLOT_SECONDS / max(seconds, 1e-9))
        xs = [float(x) for x in numpy.linspace(start, stop, min(count, max(FEWEST, affordable)))]
        return xs, [row(x) for x in xs]
