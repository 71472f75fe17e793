"""Indexing by arrays and masks: NumPy's values, layouts and errors; changes; derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graph_values import value, values

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.control import jacobian, vectorize_graph
from autodiff_lab.gradient import grad
from autodiff_lab.graph import toposort

A = np.array([1, 0, 1])
B = np.array([[0], [2]])
MASK = np.arange(24).reshape(2, 3, 4) % 3 == 0
CUBE = np.random.default_rng(1).normal(size=(2, 3, 4))

KEYS: dict[str, Any] = {
    "rows": (A,), "pairs": (A, A), "all pairs": (B // 2, A), "behind a slice": (slice(None), A),
    "between slices": (slice(None), A, slice(1, 3)), "apart": (A, slice(None), A),
    "number and array": (0, A), "array, slice, number": (A, slice(None), 2),
    "array and new axis": (A, None, A), "new axis first": (None, A), "dots": (Ellipsis, A),
    "two by two": (slice(None), slice(None, None, -1), B), "list": ([1, 0],),
    "mask of all": (MASK,), "mask of rows": (np.array([True, False]),),
    "mask behind": (slice(None), np.array([True, False, True])), "mask of two": (MASK[:, :, 0],),
    "mask and array": (np.array([True, True]), np.array([0, 2])), "nothing": ([],),
    "negative": (np.array([-1, -2]),), "new axes around": (None, slice(None), A, None),
}


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("known", [True, False])
def test_reading(name: str, known: bool) -> None:
    key = KEYS[name]
    x = pt.tensor("x", shape=CUBE.shape if known else (None,) * 3)
    part = x[key if len(key) > 1 else key[0]]
    expected = CUBE[key]
    np.testing.assert_array_equal(value(part, {x: CUBE}), expected)
    if known:
        assert part.type.shape == expected.shape
    weights = np.random.default_rng(2).normal(size=expected.shape)
    gradient = value(grad(pt.sum(part * weights), x), {x: CUBE})
    wanted = np.zeros_like(CUBE)
    np.add.at(wanted, key, weights)
    np.testing.assert_allclose(gradient, wanted)


@pytest.mark.parametrize("name", KEYS)
def test_indices_that_are_inputs(name: str) -> None:
    key = KEYS[name]
    x = pt.dtensor3("x")
    built, given = [], {x: CUBE}
    for entry in key:
        if isinstance(entry, np.ndarray):
            variable = pt.tensor(dtype=entry.dtype.name, shape=[None] * entry.ndim)
            given[variable] = entry
            built.append(variable)
        else:
            built.append(entry)
    part = x[tuple(built)]
    np.testing.assert_array_equal(value(part, given), CUBE[key])
    changed = pt.set_subtensor(part, 7.0)
    wanted = np.array(CUBE)
    wanted[key] = 7.0
    np.testing.assert_array_equal(value(changed, given), wanted)


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("replace", [True, False])
def test_changing(name: str, replace: bool) -> None:
    key = KEYS[name]
    x = pt.dtensor3("x")
    v = pt.tensor("v", shape=[1 if n == 1 else None for n in CUBE[key].shape])
    new = np.random.default_rng(3).normal(size=CUBE[key].shape)
    part = x[key if len(key) > 1 else key[0]]
    changed = pt.set_subtensor(part, v) if replace else pt.inc_subtensor(part, v)
    wanted = np.array(CUBE)
    if replace:
        wanted[key] = new
    else:
        np.add.at(wanted, key, new)
    np.testing.assert_allclose(value(changed, {x: CUBE, v: new}), wanted)
    weights = np.random.default_rng(4).normal(size=CUBE.shape)
    by_x, by_v = values(grad(pt.sum(changed * weights), [x, v]), {x: CUBE, v: new})
    # the result is linear in x and v together
    np.testing.assert_allclose(np.sum(by_x * CUBE) + np.sum(by_v * new), np.sum(wanted * weights))


def test_of_values_for_one_place_the_last_stays() -> None:
    x, v = pt.dvector("x"), pt.dvector("v")
    changed = pt.set_subtensor(x[[0, 0, 1]], v)
    at = {x: np.zeros(3), v: np.array([1.0, 2.0, 3.0])}
    np.testing.assert_array_equal(value(changed, at), [2, 3, 0])
    np.testing.assert_array_equal(value(grad(pt.sum(changed), v), at), [0, 1, 1])


@pytest.mark.parametrize("name", ["rows", "apart", "between slices", "mask of two", "all pairs"])
def test_jacobians(name: str) -> None:
    """The batched sweeps through reading and changing."""
    key = KEYS[name]
    x = pt.tensor("x", shape=CUBE.shape)
    part = x[key if len(key) > 1 else key[0]]
    matrix = value(jacobian(part, x, method="reverse"), {x: CUBE})
    forward = value(jacobian(part, x, method="forward"), {x: CUBE})
    count = np.arange(CUBE.size).reshape(CUBE.shape)
    wanted = np.eye(CUBE.size).reshape(CUBE.size, *CUBE.shape)[count[key]]
    np.testing.assert_array_equal(matrix, wanted)
    np.testing.assert_array_equal(forward, wanted)


@pytest.mark.parametrize("moving", ["i", "x", "v", "ix", "xv", "ixv"])
def test_numbers_that_differ_in_a_batch(moving: str) -> None:
    x, i, v = pt.dtensor3("x"), pt.lscalar("i"), pt.dvector("v")
    outputs = [x[1, :, i], pt.set_subtensor(x[1, :, i], v), pt.inc_subtensor(x[:, i], 2.0),
               grad(pt.sum(x[1, :, i] ** 2), x)]
    arrays = {"x": (x, CUBE), "i": (i, np.array(1)), "v": (v, np.arange(3.0))}
    stacks = {"x": (pt.dtensor4(), np.stack([CUBE, 2 * CUBE])),
              "i": (pt.lvector(), np.array([2, 0])),
              "v": (pt.dmatrix(), np.arange(6.0).reshape(2, 3))}
    results = vectorize_graph(outputs, {arrays[k][0]: stacks[k][0] for k in moving})
    given = dict(arrays.values())
    found = values(results, {**given, **{stacks[k][0]: stacks[k][1] for k in moving}})
    for k in range(2):
        at = {**given, **{arrays[m][0]: stacks[m][1][k] for m in moving}}
        for old, new, whole, one in zip(outputs, results, found, values(outputs, at)):
            np.testing.assert_array_equal(whole[k] if new is not old else whole, one)


def test_compiled() -> None:
    x, i = pt.dmatrix("x"), pt.lvector("i")
    f = ad.function([x, i], [x[i], grad(pt.sum(x[i] ** 2), x)])
    at, rows = np.arange(6.0).reshape(3, 2), np.array([2, 0, 2])
    part, gradient = f(at, rows)
    np.testing.assert_array_equal(part, at[rows])
    np.testing.assert_array_equal(gradient, 2 * at * np.array([[1], [0], [2]]))
    with pytest.raises(IndexError):
        f(at, np.array([5]))


def test_take() -> None:
    x = pt.dtensor3("x")
    np.testing.assert_array_equal(value(np.take(x, B), {x: CUBE}), np.take(CUBE, B))
    np.testing.assert_array_equal(value(np.take(x, B, axis=1), {x: CUBE}), np.take(CUBE, B, 1))
    for mode in ("wrap", "clip"):
        found = value(pt.take(x, [5, -7], 2, mode=mode), {x: CUBE})
        np.testing.assert_array_equal(found, np.take(CUBE, [5, -7], 2, mode=mode))
    index = np.argsort(CUBE, axis=1)
    found = value(np.take_along_axis(x, index, 1), {x: CUBE})
    np.testing.assert_array_equal(found, np.sort(CUBE, axis=1))


def test_nonzero() -> None:
    x = pt.dtensor3("x")
    at = CUBE * MASK
    for found, wanted in zip(values(list(np.nonzero(x)), {x: at}), np.nonzero(at)):
        np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(value(np.flatnonzero(x), {x: at}), np.flatnonzero(at))


REFUSED: list[tuple[str, Any, tuple[str, ...]]] = [
    ("x[[0.5]]", TypeError, ("integer", "cast")),
    ("x[True]", TypeError, ("boolean", "where")),
    ("x[[5]]", IndexError, ("Index 5", "axis 0", "length 2")),
    ("x[[0, 1], [0, 1, 2]]", IndexError, ("2, 3", "element by element")),
    ("x[np.array([True, False, True])]", IndexError, ("mask", "length 3")),
    ("x[[0], [0], [0]]", IndexError, ("3 for 2 axes",)),
    ("x[np.ones((2, 2, 2), bool)]", IndexError, ("3 for 2 axes",)),
    ("pt.set_subtensor(x[[0, 1]], pt.ones(5))", ValueError, ("length 3", "5")),
    ("pt.take_along_axis(x, [0])", IndexError, ("rank", "take(")),
]


@pytest.mark.parametrize(("text", "error", "parts"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused(text: str, error: Any, parts: tuple[str, ...]) -> None:
    with pytest.raises(error) as caught:
        eval(text, {"pt": pt, "np": np, "x": pt.tensor("x", shape=(2, 3))})
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize("mode", ["PYTHON", "NUMBA"])
def test_a_mask_has_the_lengths_of_its_array(mode: str) -> None:
    """A shorter one would quietly take too little."""
    x, m = pt.dvector("x"), pt.tensor("m", shape=(None,), dtype="bool")
    known = x[np.array([True, False])]
    outputs = [x[m], pt.set_subtensor(x[m], 0.0), ad.grad((x[m] ** 2).sum(), x), known]
    f = ad.function([x, m], outputs, mode=mode)
    assert f([1.0, 2.0], [True, False])[0].tolist() == [1.0]
    for mask in ([True, False], [True, False, False, False]):
        with pytest.raises(IndexError, match="size of axis is 3 but size of corresponding boolean"):
            f([1.0, 2.0, 3.0], mask)
    with pytest.raises(IndexError, match="boolean index did not match"):
        ad.function([x], known, mode=mode)([1.0, 2.0, 3.0])


def test_a_mask_made_of_its_array_is_not_checked() -> None:
    x = pt.dmatrix("x")
    inner = [node for node in toposort([x[(x > 0) & (x < 2)]]) if node.op.name == "nonzero"]
    assert [len(node.inputs) for node in inner] == [1]
