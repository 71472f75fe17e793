"""What is measured: import, building and rewriting, a kernel on large arrays, the cost of a call.

Relies on the public names of the package, as a user has them. Each function measures one thing and
says its target; `ROWS` lists them in the order of the report.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from timing import Result, median, ratio, text, yardstick


def import_time() -> list[Result]:
    """`import autodiff_lab` against `import numpy`, each in a fresh interpreter."""
    def run(statement: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, "-c", statement], check=True)

    found, ours, theirs = ratio(run("import autodiff_lab"), run("import numpy"), runs=15)
    return [Result("import autodiff_lab / import numpy",
                   f"{found:.2f} ({text(ours)} / {text(theirs)})", "at most 1.5", found <= 1.5)]


def chain(length: int) -> tuple[Any, Any]:
    """A vector, and a chain of so many mixed elementwise ops on it, summed."""
    import autodiff_lab.tensor as pt

    x = pt.dvector("x")
    steps: list[Callable[[Any], Any]] = [
        pt.sin, lambda v: pt.exp(-v), lambda v: v * x, pt.tanh, lambda v: v + 1.5,
        pt.sigmoid, lambda v: v ** 2, lambda v: v - x,
    ]
    value, made, position = x, 0, 0
    while made < length:
        value = steps[position % len(steps)](value)
        made += 2 if position % len(steps) == 1 else 1
        position += 1
    return x, value.sum()


def build_and_rewrite(length: int) -> Any:
    """Everything before compiling: the graph, its gradient, the rewritten copy of both."""
    from autodiff_lab.gradient import grad
    from autodiff_lab.graph import FunctionGraph
    from autodiff_lab.rewriting import rewrite

    x, cost = chain(length)
    graph = FunctionGraph([x], [cost, grad(cost, x)])
    rewrite(graph)
    return graph


def rewriting_time() -> list[Result]:
    """Build + grad + rewrite of a chain of 1,000 ops, and how it grows."""
    build_and_rewrite(50)
    unit = yardstick()
    short = median(lambda: build_and_rewrite(1_000), runs=5)
    long = median(lambda: build_and_rewrite(20_000), runs=1)
    growth = long / short
    return [
        Result("build + grad + rewrite, 1,000 mixed ops",
               f"{text(short)} ({short / unit:.1f} yardsticks)", "at most 0.5 s", short <= 0.5),
        Result("the same with 20,000 ops / with 1,000 ops", f"{growth:.1f} ({text(long)})",
               "about 20 (at most 30)", growth <= 30),
    ]


def deep_chain() -> list[Result]:
    """A chain of 20,000 ops is differentiated, rewritten and printed at the default limit."""
    from autodiff_lab import pp

    printed = len(pp(build_and_rewrite(20_000).outputs[1]))
    return [Result("20,000 ops at the default recursion limit", f"{printed:,} characters printed",
                   "no RecursionError", True)]


def dlogistic_by_hand(x: np.ndarray) -> np.ndarray:
    """The gradient of the sum of the logistic function as one writes it with NumPy."""
    s = 1 / (1 + np.exp(-x))
    return s * (1 - s)


def large_array() -> list[Result]:
    """dlogistic of 10^6 float64 values, by mode, against NumPy by hand."""
    import autodiff_lab as ad
    import autodiff_lab.tensor as pt

    values = np.random.default_rng(0).normal(size=1_000_000)
    x = pt.dvector("x")
    gradient = ad.grad((1 / (1 + np.exp(-x))).sum(), x)
    results = []
    for mode in ("auto", "NUMBA", "PYTHON"):
        function = ad.function([x], gradient, mode=mode)
        for _ in range(200 if mode == "auto" else 1):  # auto compiles when it pays
            assert np.allclose(function(values), dlogistic_by_hand(values))
        found, ours, theirs = ratio(lambda: function(values),  # noqa: B023
                                    lambda: dlogistic_by_hand(values))
        results.append(Result(f"dlogistic, 10^6 float64, {mode} / NumPy by hand",
                              f"{found:.2f} ({text(ours)} / {text(theirs)})",
                              "at most 3", found <= 3))
    return results


def small_call() -> list[Result]:
    """The compiled gradient of x**2, called with a float."""
    import autodiff_lab as ad
    import autodiff_lab.tensor as pt

    x = pt.dscalar("x")
    function = ad.function([x], ad.grad(x ** 2, x), mode="NUMBA")
    assert function(3.0) == 6.0
    unit = yardstick()
    call = median(lambda: function(3.0), runs=9, calls=5_000)
    return [Result("call of the compiled gradient of x**2",
                   f"{text(call)} ({call / unit * 1e6:.0f} millionths of a yardstick)",
                   "at most 5 µs", call <= 5e-6)]


ROWS: list[Callable[[], list[Result]]] = [
    import_time, rewriting_time, deep_chain, large_array, small_call,
]
