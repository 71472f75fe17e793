"""The work of `kernel_rows.py`: inputs, formulas for any array library, and NumPy by hand.

usage: PYTHON benchmarks/kernel_work.py ENGINE WORK   (engine: ours, jax, pytensor, numpy)

Run in a fresh process with one thread; prints JSON: CPU seconds to the first result (imports not
counted), median wall seconds of a call once compiled, and the sums of the results for comparison.

Relies on NumPy and on the library that is measured. The one idea: a formula is written once, over a
namespace `m` that has exp, log, ...; every call gets other inputs than the one before.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SETS = 5            # of inputs, used in turn
LARGE = 1_000_000


def chain(m: Any, x: Any) -> Any:
    """20 elementwise operations."""
    a = m.exp(-x * x)
    b = m.sin(a + x)
    c = m.log(b * b + 1.5)
    d = m.tanh(c - a)
    e = m.exp(d) * b
    f = m.sin(e) + m.log(1.0 + m.exp(-x))
    return m.tanh(f * d) + a


def logistic(m: Any, x: Any) -> Any:
    """The logistic function."""
    return 1.0 / (1.0 + m.exp(-x))


def softmax_cost(m: Any, x: Any, weights: Any) -> Any:
    """Sum of logsumexp and of weighted softmax, over rows."""
    return m.logsumexp(x, 1).sum() + (weights * m.softmax(x, 1)).sum()


def mlp_cost(m: Any, data: Any, target: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
    """Cross entropy of a network with one hidden layer."""
    hidden = m.tanh(m.dot(data, w1) + b1)
    scores = m.dot(hidden, w2) + b2
    return -(target * m.log_softmax(scores, 1)).sum() / 128.0


def rosenbrock(m: Any, x: Any) -> Any:
    """Rosenbrock's function of a vector."""
    return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()


def normal(*shapes: tuple[int, ...]) -> Callable[[int], list[np.ndarray]]:
    """Standard normal inputs of these shapes."""
    def make(seed: int) -> list[np.ndarray]:
        rng = np.random.default_rng(seed)
        return [rng.normal(size=shape) for shape in shapes]

    return make


def mlp_inputs(seed: int) -> list[np.ndarray]:
    """A batch, targets, and parameters."""
    rng = np.random.default_rng(seed)
    target = np.eye(10)[rng.integers(0, 10, 128)]
    return [rng.normal(size=(128, 784)), target, rng.normal(size=(784, 256)) / 28, np.zeros(256),
            rng.normal(size=(256, 10)) / 16, np.zeros(10)]


# name -> (inputs, what is asked of the formula, the formula, which arguments it is derived by)
WORK: dict[str, tuple[Callable[[int], list[np.ndarray]], str, Callable[..., Any], list[int]]] = {
    "dlogistic": (normal((LARGE,)), "gradient", lambda m, x: logistic(m, x).sum(), [0]),
    "chain": (normal((LARGE,)), "both", chain, [0]),
    "softmax": (normal((2000, 500), (2000, 500)), "both", softmax_cost, [0]),
    "mlp": (mlp_inputs, "both", mlp_cost, [2, 3, 4, 5]),
    "hessian": (normal((100,)), "hessian", rosenbrock, [0]),
    "jacobian": (normal((200,)), "jacobian", lambda m, x: x ** 2, [0]),
    "scalar": (lambda seed: [float(seed)], "gradient", lambda m, x: x ** 2, [0]),
}


# -- NumPy by hand ---------------------------------------------------------------------------------


class MlpByHand:
    """Loss and gradients with preallocated buffers, as one writes it for speed."""

    def __init__(self) -> None:
        self.hidden, self.delta = np.empty((128, 256)), np.empty((128, 256))
        self.scores = np.empty((128, 10))

    def __call__(self, data: Any, target: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> list[Any]:
        hidden, delta, scores = self.hidden, self.delta, self.scores
        np.dot(data, w1, out=hidden)
        hidden += b1
        np.tanh(hidden, out=hidden)
        np.dot(hidden, w2, out=scores)
        scores += b2
        scores -= scores.max(axis=1, keepdims=True)
        logs = np.log(np.exp(scores).sum(axis=1, keepdims=True))
        scores -= logs
        loss = -np.vdot(target, scores) / 128.0
        np.exp(scores, out=scores)
        scores -= target
        scores /= 128.0
        np.dot(scores, w2.T, out=delta)
        g2 = np.dot(hidden.T, scores)
        np.multiply(hidden, hidden, out=hidden)
        np.subtract(1.0, hidden, out=hidden)
        delta *= hidden
        return [loss, np.dot(data.T, delta), delta.sum(axis=0), g2, scores.sum(axis=0)]


def engine_numpy(work: str) -> Callable[..., Any]:
    """NumPy by hand."""
    return {"mlp": MlpByHand()}[work]


# -- libraries -------------------------------------------------------------------------------------


def engine_ours(work: str) -> Callable[..., Any]:
    """autodiff_lab; the mode decides what runs."""
    import autodiff_lab as ad
    import autodiff_lab.tensor as pt
    from autodiff_lab.tensor import special

    class Names:
        exp, log, tanh, sin, dot = pt.exp, pt.log, pt.tanh, pt.sin, pt.dot
        logsumexp = staticmethod(pt.logsumexp)
        softmax = staticmethod(special.softmax)
        log_softmax = staticmethod(special.log_softmax)

    inputs, asked, formula, by = WORK[work]
    variables = [pt.as_tensor_variable(a).type() for a in map(np.asarray, inputs(0))]
    variables = [pt.TensorType("float64", (None,) * v.ndim)() for v in variables]
    value = formula(Names, *variables)
    wrt = [variables[k] for k in by]
    results = []
    if asked == "both":
        results.append(value)
    if asked in ("gradient", "both"):
        results += ad.grad(value.sum(), wrt)
    if asked in ("hessian", "jacobian"):
        results.append(getattr(ad, asked)(value, wrt[0]))
    mode = "NUMBA" if work == "scalar" else "auto"
    single = results[0] if len(results) == 1 else results
    return ad.function(variables, single, mode=mode, on_unused_input="ignore")


def engine_jax(work: str) -> Callable[..., Any]:
    """JAX, in float64."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    class Names:
        exp, log, tanh, sin, dot = jnp.exp, jnp.log, jnp.tanh, jnp.sin, jnp.dot
        logsumexp = staticmethod(jax.scipy.special.logsumexp)
        softmax, log_softmax = staticmethod(jax.nn.softmax), staticmethod(jax.nn.log_softmax)

    _, asked, formula, by = WORK[work]

    def cost(*arrays: Any) -> Any:
        return formula(Names, *arrays).sum()

    def both(*arrays: Any) -> Any:
        return formula(Names, *arrays), *jax.grad(cost, by)(*arrays)

    chosen: Any = {
        "gradient": lambda *a: jax.grad(cost, by)(*a)[0], "both": both,
        "hessian": jax.hessian(cost), "jacobian": jax.jacrev(lambda x: formula(Names, x)),
    }[asked]
    compiled = jax.jit(chosen)
    return lambda *arrays: jax.block_until_ready(compiled(*arrays))


def engine_pytensor(work: str) -> Callable[..., Any]:
    """PyTensor, with its default mode."""
    import pytensor
    import pytensor.tensor as pt

    inputs, _, formula, by = WORK[work]
    variables = [pt.TensorType("float64", (None,) * np.ndim(a))() for a in inputs(0)]
    value = formula(pt, *variables)
    results = [value, *pytensor.grad(value.sum(), [variables[k] for k in by])]
    return pytensor.function(variables, results, trust_input=True)


def prepared(engine: str, arrays: list[Any]) -> list[Any]:
    """Inputs as the engine likes them."""
    if engine == "jax":
        import jax

        return [jax.numpy.asarray(a) for a in arrays]
    return arrays


def measure(engine: str, work: str) -> dict[str, Any]:
    """Run one piece of work."""
    if engine == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
        jax.numpy.zeros(3).block_until_ready()                # its runtime starts
    elif engine == "pytensor":
        import pytensor.tensor  # noqa: F401
    elif engine == "ours":
        from autodiff_lab import compile, control, gradient, rewriting  # noqa: F401
    sets = [prepared(engine, WORK[work][0](seed)) for seed in range(SETS)]
    start = time.process_time()
    function = globals()[f"engine_{engine}"](work)
    results = function(*sets[0])
    first = time.process_time() - start
    results = results if isinstance(results, list | tuple) else [results]
    sums = [float(np.asarray(r).sum()) for r in results]
    if engine == "ours":            # mode auto compiles when it pays: a call is timed once it has
        while function.ran != "numba" and time.process_time() - start < 10:
            for given in sets:
                function(*given)
    count = 5_000 if work == "scalar" else 30
    for number in range(SETS):
        function(*sets[number])
    calls = []
    repeat = 1 if work in ("dlogistic", "chain", "softmax", "mlp") else 50
    for number in range(count):
        given = sets[number % SETS]
        begun = time.perf_counter()
        for _ in range(repeat):
            results = function(*given)
        calls.append((time.perf_counter() - begun) / repeat)
        del results
    ran = getattr(function, "ran", engine)
    return {"first": first, "call": statistics.median(calls), "sums": sums, "ran": ran}


def compile_times(sizes: tuple[int, ...]) -> list[float]:
    """CPU seconds to compile chains of so many nodes, after a first small one."""
    import autodiff_lab as ad
    import autodiff_lab.tensor as pt

    steps = [pt.tanh, lambda v: v / 1.7, lambda v: v + 1.5]
    found = []
    for size in (5, *sizes):
        x: Any = pt.dvector("x")
        value = x
        for position in range(size):
            value = value * x if position % 7 == 6 else steps[position % 3](value)
        function = ad.function([x], value, mode=ad.Mode("auto", phases=()))
        start = time.process_time()
        function.compile()
        found.append(time.process_time() - start)
    return found[1:]


def peak_arrays(mode: str) -> float:
    """How much memory one call needs at its peak, in arrays of 10^7 float64.

    Traced, not asked of the system: there a new process begins with the peak of the one that
    started it.
    """
    import tracemalloc

    import autodiff_lab as ad
    import autodiff_lab.tensor as pt

    x: Any = pt.dvector("x")
    function = ad.function([x], chain(pt, x), mode=mode)
    values = np.ones(10 * LARGE)
    function(values[:1000])
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    function(values)
    _, peak = tracemalloc.get_traced_memory()
    return (peak - before) / values.nbytes


if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[1])]
    print(json.dumps(measure(*sys.argv[1:])))
