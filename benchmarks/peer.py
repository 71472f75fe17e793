"""What a peer takes for the same work, in its own environment: prints seconds as JSON.

usage: PEERS/bin/python benchmarks/peer.py TASK

Run by `derivative_rows.py` between two runs of ours, with one thread and the same inputs.
"""

from __future__ import annotations

import json
import statistics
import sys
import time


def measured(action, runs=30):
    """The median wall seconds of several calls."""
    found = []
    for _ in range(runs):
        start = time.perf_counter()
        action()
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def jax_jacobian():
    """jacrev of tanh(W x), 200 x 200: the first value, and a call once compiled."""
    import jax
    import numpy as np

    jax.config.update("jax_enable_x64", True)
    rng = np.random.default_rng(0)
    weights, x = jax.numpy.asarray(rng.normal(size=(200, 200)) / 10), jax.numpy.ones(200)
    start = time.process_time()
    jacobian = jax.jit(jax.jacrev(lambda w, x: jax.numpy.tanh(w @ x), argnums=1))
    jacobian(weights, x).block_until_ready()
    first = time.process_time() - start
    again = measured(lambda: jacobian(weights, x).block_until_ready())
    return {"first": first, "call": again}


def pytensor_gradient():
    """Building the gradient of a mixed chain of 500 ops."""
    import pytensor
    import pytensor.tensor as pt

    sys.setrecursionlimit(20_000)
    x = pt.dvector("x")
    value = x
    steps = [pt.sin, pt.tanh, lambda v: v * x, lambda v: v + 1.5, pt.sigmoid]
    for position in range(500):
        value = steps[position % len(steps)](value)
    cost = value.sum()
    return {"build": measured(lambda: pytensor.grad(cost, x), runs=7)}


TASKS = {"jax_jacobian": jax_jacobian, "pytensor_gradient": pytensor_gradient}

if __name__ == "__main__":
    print(json.dumps(TASKS[sys.argv[1]]()))
