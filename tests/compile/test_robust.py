"""Threads, interrupts and forks: what many callers and Ctrl-C may do to a function."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
from typing import Any

import numpy as np
import pytest

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.backends import driver, slices
from autodiff_lab.compile import backend
from autodiff_lab.tensor.shared import store_all

MODES = ["PYTHON", "NUMBA", "auto"]
THREADS, CALLS = 32, 1_000


def in_threads(work: Any) -> list[Any]:
    """Run `work(number)` in many threads that begin together."""
    barrier = threading.Barrier(THREADS)

    def start(number: int) -> Any:
        barrier.wait()
        return work(number)

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(start, range(THREADS)))


# -- threads -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_many_threads_get_what_one_gets(mode: str) -> None:
    x, w = pt.dvector("x"), ad.shared(np.arange(4.0), name="w")
    y = pt.sum(pt.tanh(x * w) ** 2)
    f = ad.function([x], [y, ad.grad(y, x)], mode=mode)
    points = np.random.default_rng(0).normal(size=(THREADS, 4))
    want = [f(point) for point in points]

    def work(number: int) -> int:
        wrong = 0
        for _ in range(CALLS):
            value, gradient = f(points[number])
            wrong += not np.allclose(value, want[number][0], rtol=1e-14)
            wrong += not np.allclose(gradient, want[number][1], rtol=1e-13)
        return wrong

    assert sum(in_threads(work)) == 0


def test_updates_from_many_threads_are_counted_each() -> None:
    a, b = ad.shared(0, name="a"), ad.shared(np.zeros(3), name="b")
    up = ad.function([], [a, b], updates={a: a + 1, b: b + 1.0}, mode="PYTHON")
    other = ad.function([], None, updates={a: a + 1, b: b + 1.0}, mode="PYTHON")
    look = ad.function([], [a, b])

    def work(number: int) -> int:
        torn = 0
        for _ in range(CALLS):
            if number % 3 == 2:
                other()
            count, array = (look if number % 3 == 0 else up)()
            torn += not (array == count).all()
        return torn

    assert sum(in_threads(work)) == 0
    writers = [n for n in range(THREADS) if n % 3]
    expected = CALLS * (len(writers) + sum(n % 3 == 2 for n in writers))
    assert int(a.get_value()) == expected and (b.get_value() == expected).all()


def test_defaults_with_updates_take_turns_too() -> None:
    n = pt.lscalar("n")
    counter = ad.function([ad.In(n, value=0, update=n + 1)], n, mode="PYTHON")
    numbers = in_threads(lambda _: [int(counter()) for _ in range(100)])
    assert sorted(sum(numbers, [])) == list(range(100 * THREADS))


def test_functions_that_share_no_update_do_not_wait_for_each_other() -> None:
    a, b, c = (ad.shared(0.0, name=name) for name in "abc")
    ad.function([], None, updates={a: a + 1.0, b: a})
    assert a.container.turn is b.container.turn is not c.container.turn
    ad.function([], None, updates={c: b, b: c})
    assert a.container.turn is b.container.turn is c.container.turn


def test_a_function_made_meanwhile_loses_no_call() -> None:
    a, b = ad.shared(0, name="a"), ad.shared(0, name="b")
    up = ad.function([], None, updates={a: a + 1}, mode="PYTHON")
    other = ad.function([], None, updates={b: b + 1}, mode="PYTHON")

    def work(number: int) -> None:
        for _ in range(100):
            (up, other)[number % 2]()
        if number == 0:
            ad.function([], None, updates={a: a + 1, b: b + 1}, mode="PYTHON")()
        for _ in range(100):
            (up, other)[number % 2]()

    in_threads(work)
    assert int(a.get_value()) == int(b.get_value()) == 1 + 200 * THREADS // 2


def test_threads_compile_a_function_once(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[Any] = []
    numba = backend.get_backend("numba")
    build = numba.build
    monkeypatch.setattr(numba, "build", lambda *a, **k: built.append(a) or build(*a, **k))
    x = pt.dvector("x")
    f = ad.function([x], pt.exp(x) * 3.25)
    in_threads(lambda _: f.compile()([1.0]))
    assert len(built) == 1


# -- interrupts ----------------------------------------------------------------------------------

INTERRUPTED = """
    import random, signal, sys
    import numpy as np
    import autodiff_lab as ad, autodiff_lab.tensor as pt

    signal.signal(signal.SIGALRM, signal.default_int_handler)
    count, vector, matrix = ad.shared(0), ad.shared(np.zeros(5)), ad.shared(np.zeros((300, 300)))
    step = ad.function([], count, mode=sys.argv[1],
                       updates={count: count + 1, vector: vector + 1.0,
                                matrix: pt.sqrt(pt.exp(pt.log(matrix + 1.0)) ** 2)})
    step()
    random.seed(0)
    interrupts, calls = 0, 0
    while interrupts < 100:
        try:
            signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, 0.01))
            while True:
                step()
                calls += 1
        except KeyboardInterrupt:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            interrupts += 1
        n = int(count.get_value())
        assert (vector.get_value() == n).all(), (n, vector.get_value())
        assert np.allclose(matrix.get_value(), n, rtol=1e-9)
        assert calls <= n - 1 <= calls + interrupts, (calls, n)
    print("whole", interrupts)
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs interval timers")
@pytest.mark.parametrize("mode", ["PYTHON", "NUMBA"])
def test_a_hundred_interrupts_leave_whole_values(mode: str) -> None:
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(INTERRUPTED), mode],
                         capture_output=True, text=True, timeout=120)
    assert run.stdout.split() == ["whole", "100"], run.stderr


def test_several_values_are_stored_between_two_looks_at_signals() -> None:
    containers = [ad.shared(0.0).container for _ in range(50)]
    seen: list[str] = []
    sys.setprofile(lambda frame, event, arg: seen.append(event))
    try:
        store_all(containers, range(50))
    finally:
        sys.setprofile(None)
    assert seen.count("call") == 1          # store_all itself: no Python runs inside
    assert [c.value for c in containers] == list(range(50))


def test_an_error_in_the_middle_leaves_every_old_value() -> None:
    a, b = ad.shared(1.0, name="a"), ad.shared(np.ones(2), name="b", shape=(2,))
    x = pt.dvector("x")
    f = ad.function([x, ad.In(pt.dscalar("n"), value=0.0, update=a)], None,
                    updates={a: a + 1.0, b: b * x.sum() + x[:2]}, on_unused_input="ignore")
    f([1.0, 2.0])
    before = [a.get_value(), b.get_value(), f["n"]]
    with pytest.raises(ValueError):
        f([1.0])
    for old, new in zip(before, [a.get_value(), b.get_value(), f["n"]]):
        np.testing.assert_array_equal(old, new)


def test_an_interrupted_compile_leaves_numpy_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: Any) -> Any:
        raise KeyboardInterrupt

    x = pt.dvector("x")
    f = ad.function([x], pt.exp(x) * 7.5)
    with monkeypatch.context() as patch:
        patch.setattr(backend.get_backend("numba"), "build", interrupted)
        with pytest.raises(KeyboardInterrupt):
            f.compile()
    assert f.ran == "numpy" and f([0.0]).tolist() == [7.5]
    assert f.compile().ran == "numba" and f([0.0]).tolist() == [7.5]


def sliced_cases() -> dict[str, Any]:
    """Functions of a matrix, a vector and a column whose kernels have different loops."""
    m, v, c = pt.dmatrix("m"), pt.dvector("v"), pt.tensor("c", dtype="float64", shape=(None, 1))
    outputs = {
        "flat": pt.exp(m) * 2.0, "row": pt.exp(m) + v, "column": m * c + m, "all": pt.sum(m * m),
        "last_axis": pt.max(m * c, axis=1), "first_axis": pt.sum(pt.exp(m), axis=0),
        "product": pt.prod(1.0 + v * 1e-3), "outer": v[:, None] * v[None, :] + 1.0,
        "transposed": pt.exp(m) + pt.exp(m.T).T, "any": pt.any(m * 2.0 > 3.0),
        "softmax": [pt.softmax(m, axis=1), pt.logsumexp(m * 2.0, axis=1), pt.softmax(m, axis=0)],
        "several": [pt.exp(v), pt.sum(pt.exp(v)), pt.min(v * 2.0)],
    }
    return {name: ([m, v, c], output) for name, output in outputs.items()}


@pytest.mark.parametrize("mode", ["PYTHON", "NUMBA"])
def test_slices_change_no_result(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    arrays = rng.normal(size=(23, 9)), rng.normal(size=9), rng.normal(size=(23, 1))
    for name, (inputs, output) in sliced_cases().items():
        whole = ad.function(inputs, output, mode=mode, on_unused_input="ignore")(*arrays)
        with monkeypatch.context() as patch:
            patch.setattr(slices, "SLICE", 40)
            patch.setattr(slices, "WIDE", 12)
            patch.setattr(driver, "WIDE", 12)
            f = ad.function(inputs, output, mode=mode, on_unused_input="ignore")
            first, second = f(*arrays), f(*arrays)
        for got, again, want in zip(*([r] if isinstance(r, np.ndarray) else r
                                      for r in (first, second, whole))):
            np.testing.assert_allclose(got, want, rtol=1e-14, err_msg=name)
            np.testing.assert_array_equal(got, again, err_msg=name)


def test_a_large_kernel_runs_in_bounded_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    x = pt.dvector("x")
    (kernel,) = ad.function([x], pt.sum(pt.exp(x) * x), mode="NUMBA").program.kernels
    lengths: list[int] = []

    def launch(values: Any, total: Any) -> None:
        lengths.append(len(values))
        total[()] = values.sum()

    monkeypatch.setattr(slices, "SLICE", 10_000)
    total = np.zeros(())
    slices.in_slices(kernel, launch)(np.ones(5_000), total)
    work = kernel.flops + len(kernel.parameters)
    assert sum(lengths) == total == 5_000 and len(lengths) > 1
    assert max(lengths) * work <= 10_000


# -- processes -----------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_forked_in_the_middle_of_everything_works() -> None:
    a = ad.shared(0.0, name="a")
    x = pt.dvector("x")
    f = ad.function([], a, updates={a: a + 1.0}, mode="PYTHON")
    stop = threading.Event()
    held = threading.Event()

    def hold() -> None:
        with a.container.turn.lock:
            held.set()
            stop.wait()

    def compile_much() -> None:
        n = 0
        while not stop.is_set():
            n += 1
            ad.function([x], pt.exp(x) * (1.0 + n), mode="NUMBA")

    threads = [threading.Thread(target=hold), threading.Thread(target=compile_much)]
    for thread in threads:
        thread.start()
    held.wait()
    try:
        for child in range(3):
            process = os.fork()
            if process == 0:
                code = 1
                try:
                    ok = float(f()) == 0.0
                    g = ad.function([x], pt.exp(x) * (0.5 + child), mode="NUMBA")
                    code = 0 if ok and g([0.0]).tolist() == [0.5 + child] else 2
                finally:
                    os._exit(code)
            assert os.waitpid(process, 0)[1] == 0
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_spawned_process_gets_a_function() -> None:
    x = pt.dvector("x")
    f = ad.function([x], pt.exp(x).sum())
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        assert pool.submit(f, [0.0, 0.0]).result().tolist() == 2.0
