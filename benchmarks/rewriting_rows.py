"""What is measured of rewriting: growth, time per node, the trace, and PyTensor on the same graphs.

Run as a script by an interpreter that has the peer, it prints the peer's seconds as JSON.  The one
idea: `GRAPHS` builds the same expressions with either package.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from timing import Result, text, yardstick

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]
SIZES = (150, 1_900, 7_500)
STARTING = 60.0
"""Seconds allowed to the peer for importing, building and differentiating."""
PHASES = ("canonicalize", "stabilize", "specialize")


def chain(pt: Any, nodes: int) -> tuple[list[Any], Any]:
    """A mixed chain whose value and gradient have about so many nodes; the inputs, the cost."""
    x = pt.dvector("x")
    steps: list[Callable[[Any], Any]] = [
        pt.sin, lambda v: pt.exp(-v), lambda v: v * x, pt.tanh, lambda v: v + 1.5, pt.sigmoid,
        lambda v: v ** 2, lambda v: v - x, lambda v: pt.log(1 + pt.exp(v)),
    ]
    value = x
    for position in range(nodes // 4):
        value = steps[position % len(steps)](value)
    return [x], value.sum()


def network(pt: Any, nodes: int) -> tuple[list[Any], Any]:
    """Layers of tanh and logistic units, whose value and gradients have about so many nodes."""
    x = pt.dmatrix("x")
    value, weights = x, []
    for layer in range(max(2, nodes // 17)):
        w, b = pt.dmatrix(f"w{layer}"), pt.dvector(f"b{layer}")
        weights += [w, b]
        inner = pt.dot(value, w) + b
        value = pt.tanh(inner) if layer % 2 else 1 / (1 + pt.exp(-inner))
    return [x, *weights], ((value - x) ** 2).mean()


GRAPHS = {"chain": chain, "network": network}


def ours(kind: str, nodes: int, **options: Any) -> tuple[float, int]:
    """CPU seconds of rewriting a graph and its gradient, and the nodes it had."""
    import autodiff_lab.tensor as pt
    from autodiff_lab.gradient import grad
    from autodiff_lab.graph import FunctionGraph
    from autodiff_lab.rewriting import rewrite

    inputs, cost = GRAPHS[kind](pt, nodes)
    graph = FunctionGraph(inputs, [cost, *grad(cost, inputs)])
    size = len(graph.apply_nodes)
    start = time.process_time()
    rewrite(graph, **options)
    return time.process_time() - start, size


def theirs(kind: str, nodes: int) -> dict[str, float]:
    """The same with PyTensor: its three phases of the same names."""
    import pytensor
    import pytensor.tensor as pt
    from pytensor.graph import FunctionGraph
    from pytensor.graph.rewriting.utils import rewrite_graph

    sys.setrecursionlimit(200_000)
    inputs, cost = GRAPHS[kind](pt, nodes)
    graph = FunctionGraph(inputs, [cost, *pytensor.grad(cost, inputs)], clone=True)
    size = len(graph.apply_nodes)
    start = time.process_time()
    rewrite_graph(graph, include=PHASES, clone=False)
    return {"seconds": time.process_time() - start, "nodes": size}


def per_node() -> list[Result]:
    """Microseconds a node, over chains and networks; how they grow; what the trace costs."""
    from autodiff_lab.rewriting import RewriteTrace

    for kind in GRAPHS:
        ours(kind, 150)
    unit = yardstick()
    runs = {(kind, size): [ours(kind, size) for _ in range(3 if size < 20_000 else 1)]
            for kind in GRAPHS for size in (*SIZES, 20_000)}
    each = {key: statistics.median(t / n for t, n in found) for key, found in runs.items()}
    middle = statistics.median(each.values())
    growth = max(each[kind, 20_000] / each[kind, 1_900] for kind in GRAPHS)
    pairs = [ours(kind, 1_900, trace=RewriteTrace())[0] / ours(kind, 1_900)[0]
             for kind in GRAPHS for _ in range(5)]
    traced = statistics.median(pairs)
    return [
        Result("rewriting, all rules, median per node",
               f"{text(middle)} ({middle / unit * 1e6:.0f} millionths of a yardstick)",
               "at most 100 µs", middle <= 100e-6),
        Result("rewriting, per node at 20,000 nodes / at 1,900", f"{growth:.2f}",
               "about 1 (at most 1.5)", growth <= 1.5),
        Result("rewriting with trace / without", f"{traced:.2f}", "at most 1.15", traced <= 1.15),
    ]


def against_peer() -> list[Result]:
    """Rewriting against PyTensor's on the same graphs; it is stopped when it took long enough."""
    from derivative_rows import PEERS

    results = []
    for kind in GRAPHS:
        for size in SIZES:
            what = f"rewriting, {kind} of {size:,} nodes / PyTensor"
            if not Path(PEERS).exists():
                results.append(Result(what, f"no peers in {PEERS}", "at most 0.1", False))
                continue
            mine = statistics.median(ours(kind, size)[0] for _ in range(3))
            limit = STARTING + 20 * mine
            seconds = peer_seconds(PEERS, kind, size, limit)
            found = mine / (seconds or limit - STARTING)
            other = f"{found:.3f} ({text(mine)} / {text(seconds)})" if seconds else (
                f"below {found:.3f} ({text(mine)}; stopped after {text(limit)})")
            results.append(Result(what, other, "at most 0.1", found <= 0.1))
    return results


def peer_seconds(python: str, kind: str, size: int, limit: float) -> float | None:
    """What the peer says it took; None if it was not done in time."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        done = subprocess.run([python, __file__, f"{kind}:{size}"], check=True, timeout=limit,
                              capture_output=True, text=True)
        return float(json.loads(done.stdout.splitlines()[-1])["seconds"])
    return None


ROWS = [per_node, against_peer]

if __name__ == "__main__":
    chosen, count = sys.argv[1].split(":")
    print(json.dumps(theirs(chosen, int(count))))
