"""What is measured of derivatives: Jacobians, gradient building, Hessian-vector products.

Peers run in an environment of their own: `PEERS` names its Python, by default
`.venv-peers/bin/python`.  Where there is none, their rows say so and are not met.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from timing import Result, median, ratio, text

HERE = Path(__file__).resolve().parent
PEERS = os.environ.get("PEERS", str(HERE.parent / ".venv-peers/bin/python"))
ONE_THREAD = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}


def run(python: str, script: str, task: str) -> dict[str, float]:
    """The figures that a script prints, in a fresh process with one thread."""
    done = subprocess.run(
        [python, str(HERE / script), task], check=True, capture_output=True, text=True,
        env={**os.environ, **ONE_THREAD},
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def compared(what: str, key: str, mine: str, theirs: str, most: float, runs: int = 3) -> Result:
    """Our figure over the peer's, taken in turn; the median of the ratios."""
    if not Path(PEERS).exists():
        return Result(what, f"no peers in {PEERS}", f"at most {most}", False)
    pairs = [
        (run(sys.executable, "derivative_rows.py", mine)[key], run(PEERS, "peer.py", theirs)[key])
        for _ in range(runs)
    ]
    found = statistics.median(a / b for a, b in pairs)
    ours, other = (statistics.median(column) for column in zip(*pairs))
    return Result(what, f"{found:.2f} ({text(ours)} / {text(other)})", f"at most {most}",
                  found <= most)


def our_jacobian() -> dict[str, float]:
    """tanh(W x), 200 x 200: CPU seconds to the first value, seconds of a call afterwards."""
    import autodiff_lab as ad
    import autodiff_lab.tensor as pt
    from autodiff_lab import compile, control, rewriting  # noqa: F401  (imports are not measured)

    rng = np.random.default_rng(0)
    weights, point = rng.normal(size=(200, 200)) / 10, np.ones(200)
    start = time.process_time()
    W, x = pt.dmatrix("W"), pt.dvector("x")
    function = ad.function([W, x], ad.jacobian(pt.tanh(pt.dot(W, x)), x))
    value = function(weights, point)
    first = time.process_time() - start
    expected = (1 - np.tanh(weights @ point) ** 2)[:, None] * weights
    assert np.allclose(value, expected)
    for _ in range(300):  # the mode decides when a kernel pays
        function(weights, point)
    calls = []
    for _ in range(30):
        start = time.perf_counter()
        function(weights, point)
        calls.append(time.perf_counter() - start)
    return {"first": first, "call": statistics.median(calls)}


def our_gradient() -> dict[str, float]:
    """Building the gradient of the chain that `peer.pytensor_gradient` builds."""
    import autodiff_lab as ad
    import autodiff_lab.tensor as pt

    x = pt.dvector("x")
    value: Any = x
    steps: list[Callable[[Any], Any]] = [
        pt.sin, pt.tanh, lambda v: v * x, lambda v: v + 1.5, pt.sigmoid
    ]
    for position in range(500):
        value = steps[position % len(steps)](value)
    cost = value.sum()
    ad.grad(cost, x)
    return {"build": median(lambda: ad.grad(cost, x), runs=7)}


def jacobian_rows() -> list[Result]:
    """Jacobian of tanh(W x), 200 x 200, against JAX's jacrev."""
    what = "Jacobian of tanh(W x), 200 x 200"
    return [
        compared(f"{what}, a call / JAX jacrev", "call", "our_jacobian", "jax_jacobian", 0.5),
        compared(f"{what}, first value / JAX's", "first", "our_jacobian", "jax_jacobian", 2.0),
    ]


def gradient_building() -> list[Result]:
    """Building the gradient of 500 ops against PyTensor."""
    return [compared("gradient of 500 ops, building / PyTensor", "build", "our_gradient",
                     "pytensor_gradient", 0.2)]


def hessian_vector() -> list[Result]:
    """A Hessian-vector product of a small network against its gradient."""
    import autodiff_lab as ad
    import autodiff_lab.tensor as pt
    from autodiff_lab.gradient import hessian_vector_product

    x, v, W = pt.dvector("x"), pt.dvector("v"), pt.dmatrix("W")
    cost = (pt.tanh(pt.dot(W, pt.tanh(pt.dot(W, x)))) ** 2).sum()
    gradient = ad.function([x, W], ad.grad(cost, x))
    product = ad.function([x, v, W], hessian_vector_product(cost, x, v))
    rng = np.random.default_rng(0)
    point, direction = rng.normal(size=(2, 500))
    weights = rng.normal(size=(500, 500))
    for _ in range(100):
        gradient(point, weights)
        product(point, direction, weights)
    found, ours, theirs = ratio(lambda: product(point, direction, weights),
                                lambda: gradient(point, weights), calls=20)
    return [Result("Hessian-vector product / gradient", f"{found:.2f} ({text(ours)} / "
                   f"{text(theirs)})", "at most 4", found <= 4)]


ROWS = [jacobian_rows, gradient_building, hessian_vector]

if __name__ == "__main__":
    sys.path[:0] = [str(HERE.parent)]
    tasks = {"our_jacobian": our_jacobian, "our_gradient": our_gradient}
    print(json.dumps(tasks[sys.argv[1]]()))
