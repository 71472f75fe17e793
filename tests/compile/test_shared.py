"""Shared variables, updates, and the promise that results share no memory with anything."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff_lab as ad
import autodiff_lab.tensor as pt

MODES = ["PYTHON", "NUMBA"]


def test_an_accumulator() -> None:
    state, step = ad.shared(0), pt.iscalar("step")
    f = ad.function([step], state, updates=[(state, state + step)])
    assert [int(f(1)), int(f(10)), int(state.get_value())] == [0, 1, 11]


@pytest.mark.parametrize("mode", MODES)
def test_updates_are_simultaneous(mode: str) -> None:
    a, b = ad.shared(np.arange(3.0), name="a"), ad.shared(np.ones(3), name="b")
    swap = ad.function([], [a, b], updates={a: b, b: a}, mode=mode)
    first = swap()
    assert first[0].tolist() == [0, 1, 2] and a.get_value().tolist() == [1, 1, 1]
    swap()
    assert a.get_value().tolist() == [0, 1, 2] and b.get_value().tolist() == [1, 1, 1]
    a.get_value(borrow=True)[0] = 9.0
    assert b.get_value()[0] == 1.0


@pytest.mark.parametrize("mode", MODES)
def test_a_failed_call_changes_nothing(mode: str) -> None:
    a, b = ad.shared(np.zeros(2), name="a"), ad.shared(0.0, name="b")
    x = pt.dvector("x")
    f = ad.function([x], None, updates={b: b + 1.0, a: a + x}, mode=mode)
    f([1.0, 2.0])
    with pytest.raises(ValueError):
        f([1.0, 2.0, 3.0])
    assert a.get_value().tolist() == [1, 2] and float(b.get_value()) == 1.0
    c = ad.shared(np.zeros(2), name="c", shape=(2,))
    g = ad.function([x], None, updates={b: b + 1.0, c: x}, mode=mode)
    with pytest.raises(TypeError, match="Bad value for shared variable c"):
        g([1.0, 2.0, 3.0])
    assert float(b.get_value()) == 1.0


def test_default_updates() -> None:
    n = ad.shared(0, name="n")
    n.default_update = n + 1
    m = n * 2
    assert [int(ad.function([], m)()), int(n.get_value())] == [0, 1]
    ad.function([], m, no_default_updates=True)()
    ad.function([], m, no_default_updates=[n])()
    assert int(n.get_value()) == 1
    ad.function([], m, updates={n: n + 10})()
    assert int(n.get_value()) == 11


def test_values_are_copied_unless_borrowed() -> None:
    array = np.zeros(2)
    w, b = ad.shared(array), ad.shared(array, borrow=True)
    array[0] = 1.0
    assert w.get_value()[0] == 0.0 and b.get_value()[0] == 1.0
    w.get_value()[0] = 5.0
    assert w.get_value()[0] == 0.0
    with pytest.raises(TypeError):
        w.set_value([[1.0]])
    with pytest.raises(TypeError, match="precision"):
        ad.shared(np.float32(1)).set_value(np.float64(0.1))
    assert type(ad.shared([1, 2])).__name__ == "SharedVariable"
    with pytest.raises(TypeError, match="symbolic"):
        ad.shared(pt.dscalar("x"))


def sharing_cases(x: Any, w: Any) -> dict[str, list[Any]]:
    """Outputs whose memory could be someone else's."""
    total = pt.exp(x)
    return {
        "the_input": [x],
        "the_input_twice": [x, x],
        "a_shared_value": [w],
        "a_constant": [pt.constant(np.arange(3.0)) + 0.0 * x[:0].sum(), pt.constant([1.0, 2.0])],
        "views_of_the_input": [x.dimshuffle("x", 0), x[1:], x.reshape((3, 1))],
        "views_of_a_result": [total, total.dimshuffle("x", 0), total[:2]],
        "fill": [pt.fill(x, 2.0), pt.zeros_like(x), pt.ones_like(x)],
        "the_same_result_twice": [total, pt.exp(x)],
        "a_chain": [total, total + 1.0, (total + 1.0) * 2.0],
        "a_view_that_outlives": [total.dimshuffle("x", 0) * 2.0 + (total * 3.0 + 1.0).sum()],
    }


@pytest.mark.parametrize("mode", MODES)
def test_results_share_no_memory(mode: str) -> None:
    x, w = pt.dvector("x"), ad.shared(np.arange(3.0), name="w")
    for name, outputs in sharing_cases(x, w).items():
        f = ad.function([x], outputs, mode=mode, on_unused_input="ignore",
                        updates={w: w + 0.0 * x})
        value = np.array([0.5, 1.5, 2.5])
        kept = value.copy()
        first = f(value)
        expected = [array.copy() for array in first]
        known = [value, w.get_value(borrow=True), *first]
        for index, array in enumerate(known):
            for other in known[index + 1:]:
                assert not np.shares_memory(array, other), name
        for array in first:
            assert array.flags.writeable, name
            array[...] = -1.0
        assert (value == kept).all() and w.get_value().tolist() == [0, 1, 2], name
        for array, want in zip(f(value), expected):
            np.testing.assert_array_equal(array, want, err_msg=name)
