"""When kernels are compiled: counts of calls, with the measured times put in by hand."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.compile import policy


@pytest.fixture
def estimates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Estimates as at the start of a process, however many kernels ran before."""
    monkeypatch.setattr(policy, "_measured", [])


def spend(f: Any, seconds: float, calls: int) -> None:
    """Pretend that so many calls took so long."""
    f._tally.spent, f._tally.calls = seconds, calls


def test_numpy_answers_until_the_estimate_is_passed(estimates: None) -> None:
    x = pt.dvector("x")
    f = ad.function([x], pt.exp(x) + x, mode="auto")
    want = f(np.ones(3))
    assert f.ran == "numpy" and f.timings["numba_compile"] is None
    needed = policy.estimated_compile_seconds(f.program)
    spend(f, needed * 0.9, 10)
    f(np.ones(3))
    assert f.ran == "numpy"
    spend(f, needed * 1.1, 10)
    got = f(np.ones(3))                  # answered by NumPy, then compiled
    assert f.ran == "numba"
    np.testing.assert_allclose(f(np.ones(3)), want, rtol=1e-14)
    np.testing.assert_allclose(got, want, rtol=1e-14)
    assert f.timings["numba_compile"] is not None and f.timings["numba_call"] is not None


def test_tiny_work_is_never_compiled(estimates: None) -> None:
    x = pt.dscalar("x")
    f = ad.function([x], pt.exp(x) + x, mode="auto")
    for _ in range(3):
        spend(f, 100.0, 10**9)
        f(1.0)
    assert f.ran == "numpy" and f._tally.budget > 100.0


def test_a_program_without_kernels_is_never_compiled(estimates: None) -> None:
    w, x = pt.dmatrix("w"), pt.dvector("x")
    f = ad.function([w, x], pt.dot(w, x), mode="auto")
    spend(f, 1e6, 10)
    f(np.ones((2, 2)), np.ones(2))
    assert f.ran == "numpy" and f._tally.budget == float("inf")


def test_the_python_mode_is_pinned(estimates: None) -> None:
    x = pt.dvector("x")
    f = ad.function([x], pt.exp(x), mode="PYTHON")
    spend(f, 1e6, 1)
    f(np.ones(2))
    assert f.ran == "numpy"


def test_without_numba_numpy_stays(estimates: None, monkeypatch: pytest.MonkeyPatch) -> None:
    # a kernel that no other test has compiled, so that Numba is needed
    x = pt.dvector("x")
    y = pt.exp(x) + 0.123456789
    monkeypatch.setitem(sys.modules, "numba", None)
    f = ad.function([x], y, mode="auto")
    spend(f, 1e6, 1)
    f(np.ones(2))
    assert f.ran == "numpy" and f._tally.budget == float("inf")
    with pytest.raises(ImportError, match="Numba cannot be loaded") as caught:
        ad.function([x], y, mode="NUMBA")
    assert len(str(caught.value).splitlines()) <= 12


def test_measured_times_replace_the_estimate(estimates: None) -> None:
    x = pt.dvector("x")
    program = ad.function([x], pt.exp(x)).program
    first = policy.estimated_compile_seconds(program)
    policy.record(program, first + 3.0)
    assert policy._measured[-1] > 1.0
    del policy._measured[:]
    policy.record(program, policy.FIRST_KERNEL)
    assert policy._measured[-1] == 1.0
