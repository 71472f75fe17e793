"""`compare_hvp`: the three ways to a Hessian times a vector, with what each costs."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from autodiff_lab.compile import function
from autodiff_lab.gradient import Rop, grad
from autodiff_lab.graph import Variable


@dataclasses.dataclass(frozen=True)
class HessianProduct:
    """One way: its name, the operations of its compiled graph, the median time, the result."""

    way: str
    operations: int
    seconds: float
    value: np.ndarray[Any, Any]

    def __str__(self) -> str:
        return f"{self.way:<21}{self.operations:>5} operations {self.seconds * 1e6:>10.1f} us"


def compare_hvp(
    cost: Variable, wrt: Variable, point: Mapping[Variable, Any], vector: Any, repeat: int = 20
) -> list[HessianProduct]:
    """The Hessian of a cost times a vector, in every order of forward and reverse mode.

    Parameters
    ----------
    cost : Variable, shape ()
    wrt : Variable
    point : mapping
        A value for each input of the cost.
    vector : array of the shape of `wrt`
    repeat : int
        How many calls are timed.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> x = pt.dvector("x")
    >>> [row.value.tolist() for row in compare_hvp(pt.sum(x ** 2), x, {x: [4.0, 4.0]}, [2.0, 2.0])]
    [[4.0, 4.0], [4.0, 4.0], [4.0, 4.0]]
    """
    v: Any = wrt.type("v")
    slope = grad(cost, wrt)
    ways = {
        "forward over reverse": Rop(slope, wrt, v, disconnected_outputs="ignore"),
        "reverse over reverse": grad((slope * v).sum(), wrt, disconnected_inputs="ignore"),
        "reverse over forward": grad(Rop(cost, wrt, v), wrt, disconnected_inputs="ignore"),
    }
    rows = []
    for way, product in ways.items():
        compiled = function([*point, v], product, on_unused_input="ignore")
        times, arguments = [], [*point.values(), vector]
        for _ in range(repeat):
            start = time.perf_counter()
            value = compiled(*arguments)
            times.append(time.perf_counter() - start)
        count = len(compiled.maker.fgraph.apply_nodes)
        rows.append(HessianProduct(way, count, statistics.median(times), value))
    return rows
