"""`Function.map`: on threads, processes and Dask, bit-equal, also when a worker is killed."""

from __future__ import annotations

import concurrent.futures
import functools
import itertools
import multiprocessing
import os
import pickle
import signal
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.compile import mapping

BATCHES = 1_000
SPAWN = multiprocessing.get_context("spawn")


def regression(mode: str = "auto") -> Any:
    """Loss and gradient of a logistic regression on one batch."""
    x, t = pt.dmatrix("x"), pt.dvector("t")
    w = ad.shared(np.linspace(-1, 1, 4), name="w")
    loss = pt.sum(pt.softplus(pt.dot(x, w)) - t * pt.dot(x, w))
    return ad.function([x, t], [loss, ad.grad(loss, w)], mode=mode)


def batches(count: int = BATCHES, before: Any = None) -> Iterator[Any]:
    """Batches made as they are asked for; `before(k)` is called before batch k."""
    rng = np.random.default_rng(0)
    for k in range(count):
        if before is not None:
            before(k)
        yield rng.normal(size=(6, 4)), rng.integers(0, 2, 6).astype(float)


def in_order(f: Any) -> list[np.ndarray]:
    """The sums as one process computes them."""
    loss, gradient = np.zeros(()), np.zeros(4)
    for number, batch in enumerate(batches()):
        one, other = f(*batch)
        loss, gradient = (one, other) if number == 0 else (loss + one, gradient + other)
    return [loss, gradient]


def assert_equal_bits(got: Any, want: Any) -> None:
    for one, other in zip(got, want, strict=True):
        assert isinstance(one, np.ndarray)
        np.testing.assert_array_equal(one, other)


@pytest.fixture(scope="module")
def pool() -> Iterator[Any]:
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=SPAWN) as executor:
        yield executor


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A Dask cluster of two processes on this machine."""
    distributed = pytest.importorskip("distributed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
            silence_logs=50,
        ) as local, distributed.Client(local) as client:
            yield client


def test_sums_have_the_same_bits_everywhere(pool: Any, cluster: Any) -> None:
    f = regression()
    want = in_order(f)
    assert_equal_bits(f.map(pool, batches(), reduce="sum"), want)
    assert_equal_bits(f.map(cluster.get_executor(), batches(), reduce="sum"), want)
    with concurrent.futures.ThreadPoolExecutor(3) as threads:
        assert_equal_bits(f.map(threads, batches(), reduce="sum"), want)


def test_compiled_kernels_too(pool: Any) -> None:
    f = regression().compile()
    assert_equal_bits(f.map(pool, batches(), reduce="sum"), in_order(f))


def kill_at(number: int, process: int) -> Any:
    """Kills a process when the batch of this number is asked for."""
    return lambda k: os.kill(process, signal.SIGKILL) if k == number else None


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_process_loses_nothing() -> None:
    f = regression()
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=SPAWN) as executor:
        victim = executor.submit(os.getpid).result()
        with pytest.warns(RuntimeWarning, match="A worker was lost at batch"):
            got = f.map(executor, batches(before=kill_at(400, victim)), reduce="sum")
    assert_equal_bits(got, in_order(f))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_dask_worker_loses_nothing(cluster: Any) -> None:
    f = regression()
    victim = next(iter(cluster.run(os.getpid).values()))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=RuntimeWarning, message="A worker was lost")
        got = f.map(cluster.get_executor(), batches(before=kill_at(400, victim)), reduce="sum")
    assert_equal_bits(got, in_order(f))


class Counting(concurrent.futures.Executor):
    """Runs tasks at once, and counts what they carry."""

    def __init__(self, most: int = 10**9) -> None:
        self._max_workers = 2
        self.sizes: list[int] = []
        self.most = most

    def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        self.sizes.append(len(pickle.dumps((function, args))))
        if len(self.sizes) > self.most:
            raise concurrent.futures.BrokenExecutor("gone")
        future: Any = concurrent.futures.Future()
        future.set_result(function(*args, **kwargs))
        return future


def test_the_function_travels_once_to_each_worker() -> None:
    w = ad.shared(np.zeros(20_000), name="w")
    x = pt.dscalar("x")
    f = ad.function([x], (w * x).sum())
    executor = Counting()
    mapping._held.clear()
    assert [float(r) for r in f.map(executor, range(100))] == [0.0] * 100
    assert len(executor.sizes) == 100
    assert sum(size > 100_000 for size in executor.sizes) == 2      # it says that it has two


def test_a_worker_without_the_function_asks_for_it() -> None:
    class Forgetful(Counting):
        def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Any:
            if len(self.sizes) == 50:
                mapping._held.clear()
            return super().submit(function, *args, **kwargs)

    x = pt.dscalar("x")
    executor = Forgetful()
    f = ad.function([x], x * 2.0)
    assert [float(r) for r in f.map(executor, range(100))] == [2.0 * k for k in range(100)]
    assert len(executor.sizes) > 100


def test_few_batches_are_taken_ahead() -> None:
    taken: list[int] = []

    def endless() -> Iterator[float]:
        for k in itertools.count():
            taken.append(k)
            yield float(k)

    x = pt.dscalar("x")
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        results = ad.function([x], x + 1.0).map(threads, endless(), in_flight=5)
        first = [float(next(results)) for _ in range(20)]
        results.close()
    assert first == [k + 1.0 for k in range(20)] and len(taken) <= 25


def test_every_form_of_batch_and_result() -> None:
    x, y = pt.dscalars("x", "y")
    f = ad.function([x, ad.In(y, value=1.0)], {"sum": x + y, "product": x * y})
    forms = [2.0, (2.0,), functools.partial(tuple, (2.0, 3.0)), {"x": 2.0, "y": 3.0}]
    executor = Counting()
    assert [float(r["sum"]) for r in f.map(executor, forms)] == [3.0, 3.0, 5.0, 5.0]
    total = f.map(executor, forms, reduce="sum")
    assert {key: float(value) for key, value in total.items()} == {"sum": 16.0, "product": 16.0}
    largest = f.map(executor, forms, reduce=lambda a, b: max(a, b, key=lambda r: r["sum"]))
    assert float(largest["sum"]) == 5.0
    assert f.map(executor, [], reduce="sum") is None


def test_the_values_are_those_of_the_beginning() -> None:
    w, x = ad.shared(1.0, name="w"), pt.dscalar("x")
    results = ad.function([x], w * x).map(Counting(), [1.0, 2.0, 3.0])
    w.set_value(100.0)
    assert [float(r) for r in results] == [1.0, 2.0, 3.0]


def test_errors_name_the_batch_and_what_cannot_be_mapped(pool: Any) -> None:
    x = pt.dvector("x")
    w = ad.shared(np.ones(2), name="w")
    f = ad.function([x], x + w)
    with pytest.raises(ValueError, match="mismatch") as caught:
        list(f.map(pool, [[1.0, 2.0], [1.0, 2.0, 3.0]]))
    assert caught.value.__notes__ == ["in batch 1"]
    with pytest.raises(TypeError, match="updates values cannot be mapped"):
        ad.function([x], x, updates={w: w + x}).map(pool, [])
    with pytest.raises(ValueError, match="cannot reduce by 'mean'"):
        f.map(pool, [], reduce="mean")


def test_an_executor_that_breaks_leaves_the_rest_to_the_caller() -> None:
    x = pt.dscalar("x")
    executor = Counting(most=10)
    with pytest.warns(RuntimeWarning, match="A worker was lost") as caught:
        results = list(ad.function([x], x * 3.0).map(executor, range(30)))
    assert [float(r) for r in results] == [3.0 * k for k in range(30)]
    assert len(executor.sizes) == 11 and len(caught) == 1
