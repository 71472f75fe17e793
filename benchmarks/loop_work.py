"""The loops that are measured, written for JAX and for this package with the same inputs.

usage: PYTHON benchmarks/loop_work.py jax|ours TASK FILE

Prints as JSON the CPU seconds to the first value in a fresh process (imports excluded) and the wall
seconds of later calls (lower quartile), each with inputs of its own; writes the results of the last
call to FILE.  Run by `loop_rows.py`.
"""

from __future__ import annotations

import json
import statistics
import sys
import time

import numpy as np

SETS = 4
STEPS = 1_000


def inputs(task):
    """Several sets of inputs of one task, so that no call sees the last one's."""
    rng = np.random.default_rng(0)

    def one():
        if task in ("vector", "number"):
            shape = (100,) if task == "vector" else ()
            return [rng.normal(size=(STEPS, *shape)), *rng.normal(size=(2, *shape))]
        if task == "network":
            return [rng.normal(size=(100, 32, 64)), rng.normal(size=(32, 64)),
                    rng.normal(size=(64, 64)) / 10, rng.normal(size=(64, 64)) / 10,
                    rng.normal(size=64)]
        x = rng.normal(size=(STEPS, 64, 100))
        return [x, (x[:, :, 0] + rng.normal(size=(STEPS, 64)) > 0) * 1.0]

    return [[np.asarray(array) for array in one()] for _ in range(SETS)]


def jax_function(task):
    """What one call does, with JAX."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def recurrence(x, h, a):
        def step(h, e):
            h = jnp.tanh(a * h + e)
            return h, h

        return (jax.lax.scan(step, h, x)[1] ** 2).sum()

    def network(x, h, w, u, b):
        def step(h, e):
            return jnp.tanh(e @ u + h @ w + b), None

        return (jax.lax.scan(step, h, x)[0] ** 2).sum()

    def loss(p, x, y):
        z = x @ p[0] + p[1]
        return jnp.mean(jnp.logaddexp(0.0, z) - y * z)

    @jax.jit
    def descend(p, x, y):
        return [v - 0.1 * g for v, g in zip(p, jax.grad(loss)(p, x, y))]

    def train(x, y):
        p = [jnp.zeros(100), jnp.zeros(())]
        for rows, labels in zip(x, y):
            p = descend(p, rows, labels)
        return p

    if task == "training":
        return lambda *given: jax.block_until_ready(train(*given))
    chosen, wrt = (network, (2, 3, 4)) if task == "network" else (recurrence, (0, 1, 2))
    found = jax.jit(jax.value_and_grad(chosen, wrt))

    def call(*given):
        value, slopes = jax.block_until_ready(found(*given))
        return [value, *slopes]

    return call


def our_function(task):
    """What one call does, with this package."""
    import autodiff_lab as ad
    import autodiff_lab.tensor as pt

    if task == "training":
        x, y = pt.dmatrix("x"), pt.dvector("y")
        w, b = ad.shared(np.zeros(100), name="w"), ad.shared(0.0, name="b")
        z = pt.dot(x, w) + b
        cost = (pt.softplus(z) - y * z).mean()
        slopes = ad.grad(cost, [w, b])
        descend = ad.function([x, y], updates={v: v - 0.1 * g for v, g in zip([w, b], slopes)})

        def train(x, y):
            w.set_value(np.zeros(100))
            b.set_value(0.0)
            for rows, labels in zip(x, y):
                descend(rows, labels)
            return [w.get_value(), b.get_value()]

        return train
    if task == "network":
        x, h = pt.dtensor3("x"), pt.dmatrix("h")
        w, u, b = pt.dmatrix("w"), pt.dmatrix("u"), pt.dvector("b")
        states, _ = ad.scan(lambda e, h: pt.tanh(e @ u + h @ w + b), sequences=x, outputs_info=h)
        cost, given, wrt = (states[-1] ** 2).sum(), [x, h, w, u, b], [w, u, b]
    else:
        make = (pt.dmatrix, pt.dvector) if task == "vector" else (pt.dvector, pt.dscalar)
        x, h, a = make[0]("x"), make[1]("h"), make[1]("a")
        states, _ = ad.scan(lambda e, h: pt.tanh(a * h + e), sequences=x, outputs_info=h)
        cost, given = (states ** 2).sum(), [x, h, a]
        wrt = given
    return ad.function(given, [cost, *ad.grad(cost, wrt)])


def main(library, task, path):
    """Measure one task; the calls before the measured ones let the mode compile."""
    sets = inputs(task)
    if library == "jax":
        import jax  # noqa: F401  (imports are not measured)
    else:
        import autodiff_lab  # noqa: F401
        from autodiff_lab import compile, control, rewriting, tensor  # noqa: F401
    start = time.process_time()
    call = (jax_function if library == "jax" else our_function)(task)
    call(*sets[0])
    first = time.process_time() - start
    began, warm = time.perf_counter(), 1.0 if library == "jax" else 7.0   # our mode compiles then
    while time.perf_counter() - began < warm:
        call(*sets[1])
    found = []
    for number in range(12 if task == "training" else 60):
        given = sets[number % SETS]
        start = time.perf_counter()
        results = call(*given)
        found.append(time.perf_counter() - start)
    np.savez(path, *[np.asarray(result) for result in results])
    # the faster quarter: other work on the machine only ever adds
    print(json.dumps({"first": first, "call": statistics.quantiles(found, n=4)[0]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
