"""What is measured of functions and kernels: run time, first result, compile time, memory.

Relies on `kernel_work.py`, which does the work in fresh processes with one thread, for us and for
the peers in turn. The results of all must agree before their times are compared.
"""

from __future__ import annotations

import functools
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from derivative_rows import ONE_THREAD, PEERS
from timing import Result, text

HERE = Path(__file__).resolve().parent
RUNS = 3
# work -> what it is, and the most that our time may be of each peer's
ROWS_OF_WORK: dict[str, tuple[str, dict[str, float]]] = {
    "dlogistic": ("dlogistic gradient, 10^6 float64", {"jax": 1.0}),
    "chain": ("20-op chain and its gradient, 10^6", {"jax": 0.3, "pytensor": 0.3}),
    "softmax": ("logsumexp + softmax with gradient, 2000 x 500", {"jax": 0.8}),
    "mlp": ("MLP 784-256-10, batch 128, loss and gradients", {"jax": 1.1, "numpy": 1.1}),
    "hessian": ("Hessian of a 100-dim Rosenbrock", {"jax": 1.0}),
    "jacobian": ("Jacobian of x**2, n = 200", {"jax": 1.0}),
}


@functools.cache
def python_of(engine: str) -> str | None:
    """The interpreter that has an engine; None where there is none."""
    if engine in ("ours", "numpy"):
        return sys.executable
    return PEERS if Path(PEERS).exists() else None


def run(engine: str, work: str) -> dict[str, Any]:
    """The figures of one fresh process."""
    python = python_of(engine)
    assert python is not None
    done = subprocess.run(
        [python, str(HERE / "kernel_work.py"), engine, work], check=True, capture_output=True,
        text=True, env={**os.environ, **ONE_THREAD, "JAX_PLATFORMS": "cpu"},
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@functools.cache
def figures(work: str) -> dict[str, list[dict[str, Any]]]:
    """Every engine's figures, taken in turn; the results agree."""
    engines = ["ours", *(e for e in ROWS_OF_WORK[work][1] if python_of(e))]
    found: dict[str, list[dict[str, Any]]] = {engine: [] for engine in engines}
    for _ in range(RUNS):
        for engine in engines:
            found[engine].append(run(engine, work))
    for engine in engines[1:]:
        ours, theirs = found["ours"][0]["sums"], found[engine][0]["sums"]
        assert np.allclose(ours, theirs, rtol=1e-9, atol=1e-9), (work, engine, ours, theirs)
    return found


def compared(work: str, key: str, peer: str, what: str, most: float) -> Result:
    """Our figure over a peer's: the median of the ratios."""
    name = {"jax": "JAX", "pytensor": "PyTensor", "numpy": "NumPy by hand"}[peer]
    if python_of(peer) is None:
        return Result(f"{what} / {name}", f"no peers in {PEERS}", f"at most {most}", False)
    found = figures(work)
    pairs = [(a[key], b[key]) for a, b in zip(found["ours"], found[peer])]
    ratio = statistics.median(a / b for a, b in pairs)
    ours, theirs = (statistics.median(column) for column in zip(*pairs))
    return Result(f"{what} / {name}", f"{ratio:.2f} ({text(ours)} / {text(theirs)})",
                  f"at most {most}", ratio <= most)


def run_times() -> list[Result]:
    """A call once compiled, against the peers."""
    return [
        compared(work, "call", peer, what, most)
        for work, (what, peers) in ROWS_OF_WORK.items() for peer, most in peers.items()
    ]


def first_results() -> list[Result]:
    """CPU seconds to the first result in a fresh process, imports excluded, in mode auto."""
    return [
        compared(work, "first", "jax", f"first result: {what}", 1.0)
        for work, (what, _) in ROWS_OF_WORK.items()
    ]


def scalar_call() -> list[Result]:
    """A call of the compiled gradient of x**2 with a float."""
    call = min(run("ours", "scalar")["call"] for _ in range(RUNS))
    return [Result("call of a compiled scalar function (least of 3 processes)", text(call),
                   "at most 1.5 µs", call <= 1.5e-6)]


def compile_growth() -> list[Result]:
    """CPU seconds to compile flat kernels: from 300 to 3,000 nodes it grows linearly."""
    script = (
        "import sys, time; sys.path[:0] = sys.argv[1:3]; import kernel_work\n"
        "print(*kernel_work.compile_times((10, 30, 100, 300, 1000, 3000)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(HERE), str(HERE.parent)], check=True,
        capture_output=True, text=True, env={**os.environ, **ONE_THREAD},
    )
    times = [float(word) for word in done.stdout.split()]
    growth = times[-1] / times[3]
    return [Result("compiling 3,000 nodes / 300 nodes",
                   f"{growth:.1f} ({', '.join(text(t) for t in times)} from 10 on)",
                   "about 10 (at most 13)", growth <= 13)]


def peak_memory() -> list[Result]:
    """The peak of a chain on 10^7 float64, in arrays of 80 MB beyond what there was before."""
    script = (
        "import sys; sys.path[:0] = sys.argv[1:3]; import kernel_work\n"
        "print(kernel_work.peak_arrays(sys.argv[3]))"
    )
    results = []
    for mode in ("NUMBA", "PYTHON"):
        done = subprocess.run(
            [sys.executable, "-c", script, str(HERE), str(HERE.parent), mode], check=True,
            capture_output=True, text=True, env={**os.environ, **ONE_THREAD},
        )
        arrays = float(done.stdout)
        results.append(Result(f"peak memory of a chain on 10^7, {mode}",
                              f"{arrays:.2f} arrays beside the input",
                              "output + 2 arrays", arrays <= 3.05))
    return results


ROWS: list[Callable[[], list[Result]]] = [
    run_times, first_results, scalar_call, compile_growth, peak_memory,
]
