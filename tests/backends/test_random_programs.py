"""Random graphs: both executors against the ops evaluated one by one.

What is looked for are faults of planning: a buffer written over too early, a group that is not
convex, a length read from an array that is gone.
"""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import autodiff_lab.tensor as pt
from autodiff_lab.compile import function, lower
from autodiff_lab.compile.backend import get_backend
from autodiff_lab.graph import Constant, FunctionGraph, Variable

ROWS, COLUMNS = 3, 4


def random_graph(rng: np.random.Generator, size: int) -> tuple[list[Any], list[Any]]:
    """Inputs of several ranks, and some of the results of `size` random steps on them."""
    inputs = [pt.dmatrix("a"), pt.dmatrix("b"), pt.dvector("v"), pt.dscalar("s")]
    made: dict[int, list[Any]] = {2: inputs[:2], 1: [inputs[2]], 0: [inputs[3]]}

    def pick(rank: int) -> Any:
        # the newest more often: chains are where buffers are reused
        return made[rank][-1 - min(int(rng.exponential(3)), len(made[rank]) - 1)]

    for _ in range(size):
        kind = rng.integers(9)
        rank = int(rng.choice([2, 2, 2, 1, 0]))
        if kind <= 2:
            result = [pt.tanh, pt.sin, lambda x: pt.exp(-x * x)][kind](pick(rank))
        elif kind <= 5:
            other = pick(int(rng.integers(rank + 1)))
            result = [pt.add, pt.mul, pt.maximum][kind - 3](pick(rank), other)
        elif kind == 6:
            rank, result = [(0, pt.mean(pick(2))), (0, pt.max(pick(1))),
                            (1, pt.sum(pick(2), axis=0))][rng.integers(3)]
        elif kind == 7:
            rank, result = 2, (pick(2).T * 0.5).T + pt.dot(pick(2), pick(2).T).sum()
        else:
            rank, result = 2, pick(2) - pt.sum(pick(2), axis=1, keepdims=True)
        made[rank].append(result)
    results = [v for several in made.values() for v in several if v.owner is not None]
    chosen = rng.choice(len(results), size=min(5, len(results)), replace=False)
    return inputs, [results[i] for i in chosen]


def one_by_one(fgraph: FunctionGraph, arrays: list[Any]) -> list[Any]:
    """Every node evaluated by its op, nothing reused."""
    values: dict[Variable, Any] = dict(zip(fgraph.inputs, arrays))

    def value(variable: Variable) -> Any:
        return variable.data if isinstance(variable, Constant) else values[variable]

    for node in fgraph.toposort():
        result = node.op.evaluate(node, *(np.copy(value(v)) for v in node.inputs))
        values.update(zip(node.outputs, [result] if len(node.outputs) == 1 else result))
    return [value(v) for v in fgraph.outputs]


def arrays_for(rng: np.random.Generator) -> list[Any]:
    shapes: list[tuple[int, ...]] = [(ROWS, COLUMNS), (ROWS, COLUMNS), (COLUMNS,), ()]
    return [np.asarray(rng.normal(size=shape)) for shape in shapes]


def compare(executor: Any, fgraph: FunctionGraph, arrays: list[Any]) -> None:
    kept = [a.copy() for a in arrays]
    got = executor(arrays)
    for left, right in zip(got, one_by_one(fgraph, arrays)):
        assert left.dtype == right.dtype and left.shape == right.shape
        np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-12)
    for before, after in zip(kept, arrays):
        assert (before == after).all(), "an input was written to"


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("fuse", [False, True], ids=["nodes", "groups"])
def test_numpy_computes_random_programs(seed: int, fuse: bool) -> None:
    rng = np.random.default_rng(seed)
    inputs, outputs = random_graph(rng, 30)
    fgraph = FunctionGraph(inputs, outputs)
    executor = get_backend("numpy").build(lower(fgraph, fuse=fuse))
    compare(executor, fgraph, arrays_for(rng))


@pytest.mark.parametrize("seed", range(6))
def test_numba_computes_random_programs(seed: int) -> None:
    rng = np.random.default_rng(1000 + seed)
    inputs, outputs = random_graph(rng, 12)
    fgraph = FunctionGraph(inputs, outputs)
    program = lower(fgraph)
    compare(get_backend("numba").build(program), fgraph, arrays_for(rng))
    namespace: dict[str, Any] = {}
    exec(get_backend("numpy").source(program), namespace)
    arrays = arrays_for(rng)
    results = namespace["f"](*arrays)
    results = results if isinstance(results, tuple) else (results,)
    for left, right in zip(results, one_by_one(fgraph, arrays)):
        np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("seed", range(40))
def test_programs_hold_together(seed: int) -> None:
    """Everything is computed before it is read, and nothing is read after it was freed."""
    inputs, outputs = random_graph(np.random.default_rng(2000 + seed), 60)
    for fuse in (False, True):
        program = lower(FunctionGraph(inputs, outputs), fuse=fuse)
        ready = {s.index for s in program.slots if s.kind in ("input", "constant", "shared")}
        for instruction in program.instructions:
            assert set(instruction.inputs) <= ready
            over = [source for _, source in instruction.overwrites]
            assert len(set(over)) == len(over) and set(over) <= set(instruction.frees)
            ready |= set(instruction.outputs)
            ready -= set(instruction.frees)
        assert set(program.outputs) <= ready


@pytest.mark.parametrize("seed", range(20))
def test_random_functions_come_back_from_a_pickle(seed: int) -> None:
    rng = np.random.default_rng(seed)
    inputs, outputs = random_graph(rng, int(rng.integers(5, 60)))
    f = function(inputs, outputs, mode="PYTHON", on_unused_input="ignore")
    back = pickle.loads(pickle.dumps(f))
    arrays = arrays_for(rng)
    for got, want in zip(back(*arrays), f(*arrays), strict=True):
        np.testing.assert_array_equal(got, want)
    assert back.source() == f.source() and back.source("numba") == f.source("numba")
