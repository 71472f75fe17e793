"""Basic indexing against NumPy: reading, setting, adding, and their derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graph_values import value, values
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autodiff_lab.tensor as pt
from autodiff_lab.gradient import grad
from autodiff_lab.graph import Constant
from autodiff_lab.tensor.indexing.keys import VARIABLE, Slice, key_text


def symbolic_key(key: Any, chosen: list[bool]) -> tuple[Any, dict[Any, Any]]:
    """The key with variables in the place of some whole numbers, and their values."""
    values_: dict[Any, Any] = {}

    def swap(entry: Any) -> Any:
        if not isinstance(entry, int | np.integer) or not chosen or not chosen.pop():
            return entry
        variable = pt.lscalar()
        values_[variable] = np.asarray(entry)
        return variable

    entries = key if isinstance(key, tuple) else (key,)
    swapped = tuple(
        slice(swap(e.start), swap(e.stop), swap(e.step)) if isinstance(e, slice) else swap(e)
        for e in entries
    )
    return swapped, values_


keys = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4).flatmap(
    lambda shape: st.tuples(
        st.just(shape), hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True)
    )
)


@settings(max_examples=120, deadline=None)
@given(keys, st.booleans(), st.lists(st.booleans(), max_size=6))
def test_reading_and_its_derivative(shape_and_key: Any, known: bool, chosen: list[bool]) -> None:
    shape, key = shape_and_key
    array = np.random.default_rng(0).normal(size=shape)
    x = pt.tensor("x", shape=shape if known else (None,) * len(shape))
    symbols, indices = symbolic_key(key, list(chosen))
    part = x[symbols]
    expected = np.asarray(array[key])
    found = value(part, {x: array, **indices})  # checks the static shape as well
    np.testing.assert_array_equal(found, expected)
    weights = np.random.default_rng(1).normal(size=expected.shape)
    gradient = np.zeros(shape)
    gradient[key] = weights
    np.testing.assert_array_equal(
        value(grad(pt.sum(part * weights), x), {x: array, **indices}), gradient
    )


@settings(max_examples=80, deadline=None)
@given(keys, st.booleans(), st.booleans(), st.booleans())
def test_writing_and_its_derivative(
    shape_and_key: Any, known: bool, replace: bool, scalar: bool
) -> None:
    shape, key = shape_and_key
    rng = np.random.default_rng(0)
    array = rng.normal(size=shape)
    new = rng.normal(size=() if scalar else np.shape(array[key]))
    x = pt.tensor("x", shape=shape if known else (None,) * len(shape))
    y = pt.tensor("y", shape=new.shape)
    write = pt.set_subtensor if replace else pt.inc_subtensor
    changed = write(x[key], y)
    expected = array.copy()
    expected[key] = new if replace else expected[key] + new
    given_ = {x: array, y: new}
    np.testing.assert_array_equal(value(changed, given_), expected)
    assert value(x, given_) is array
    weights = rng.normal(size=shape)
    by_x, by_y = values(grad(pt.sum(changed * weights), [x, y]), given_)
    kept = weights.copy()
    if replace:
        kept[key] = 0
    np.testing.assert_array_equal(by_x, kept)
    expected_y = np.asarray(weights[key])
    np.testing.assert_allclose(by_y, expected_y.sum() if scalar else expected_y, rtol=1e-12)


def test_values_are_stretched_to_the_part() -> None:
    x, y = pt.dmatrix("x"), pt.dvector("y")
    array = np.zeros((3, 4))
    row = np.arange(4.0)
    changed = pt.inc_subtensor(x[1:], y)
    assert value(changed, {x: array, y: row})[1:].tolist() == [row.tolist()] * 2
    assert value(grad(pt.sum(changed), y), {x: array, y: row}).tolist() == [2, 2, 2, 2]
    column = pt.col("c")
    changed = pt.set_subtensor(x[:, 1:3], column)
    given_ = {x: array, column: np.ones((3, 1))}
    assert value(grad(pt.sum(changed), column), given_).tolist() == [[2], [2], [2]]


def test_an_index_is_not_differentiated() -> None:
    x, i = pt.dvector("x"), pt.lscalar("i")
    assert value(grad(x[i], x), {x: np.ones(3), i: np.asarray(2)}).tolist() == [0, 0, 1]
    with pytest.raises(ValueError):
        grad(x[i] * 1.0, i)


def test_outside_when_it_runs() -> None:
    x, i = pt.dvector("x"), pt.lscalar("i")
    with pytest.raises(IndexError):
        value(x[i], {x: np.ones(3), i: np.asarray(3)})


def test_equal_keys_make_equal_ops() -> None:
    x, i, j = pt.dmatrix("x"), pt.lscalar("i"), pt.lscalar("j")
    assert x[1:, i].owner.op == x[1:, j].owner.op and x[1:, i].owner.op != x[2:, i].owner.op
    assert x[np.int64(1)].owner.op == x[1].owner.op == x[pt.constant(1)].owner.op
    assert not isinstance(x[0], Constant)


def test_keys_as_text() -> None:
    pattern = (0, Slice(None, VARIABLE), Slice(1, None, -1), VARIABLE)
    assert key_text(pattern, ["n", "i"]) == "0, :n, 1::-1, i"
    assert key_text((), []) == "()" and repr(Slice(None, None, -1)) == "::-1"
