"""Parts of arrays, by numbers and slices, are another way to index in kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff_lab as ad
import autodiff_lab.tensor as pt

KEYS = [np.s_[1:], np.s_[:-1], np.s_[::-1], np.s_[1:-1], np.s_[2:], np.s_[::2], np.s_[-2:],
        np.s_[3::-2], np.s_[1:4]]


def both(inputs: list[Any], outputs: list[Any], phases: tuple[str, ...] = ()) -> list[Any]:
    """The same function for both executors."""
    return [ad.function(inputs, outputs, mode=ad.Mode(tier, phases=phases))
            for tier in ("numba", "numpy")]


def results(function: Any, *arrays: Any) -> Any:
    """What a function returns, or its error."""
    try:
        return function(*arrays)
    except (ValueError, IndexError) as error:
        return [type(error), str(error).splitlines()[0].split(":")[0]]


def agree(functions: list[Any], *arrays: Any) -> None:
    """Both return the same or raise the same."""
    one, two = (results(function, *arrays) for function in functions)
    for a, b in zip(one, two, strict=True):
        if isinstance(b, np.ndarray):
            np.testing.assert_allclose(a, b, rtol=1e-13 if a.dtype != np.float32 else 1e-5)
            assert a.dtype == b.dtype
        else:
            assert a == b


@pytest.mark.parametrize("length", [None, 7])
def test_parts_of_parts_agree(length: int | None) -> None:
    x = pt.tensor("x", shape=(length,), dtype="float64")
    outputs = []
    for first in KEYS:
        added = pt.inc_subtensor(x[first], pt.sin(x[first]))
        filled = pt.set_subtensor(pt.full_like(x, 3.0)[first], pt.cos(x)[first])
        outputs += [added * 2.0, filled * x]
        for second in KEYS[:2]:
            outputs += [pt.exp(x[first][second]), ad.grad((x[first][second] ** 3).sum(), x)]
    functions = both([x], outputs)
    for n in (length,) if length else (9, 4, 3, 1, 0):
        agree(functions, np.random.default_rng(n).normal(size=n))


@pytest.mark.parametrize("static", [False, True])
def test_parts_of_matrices_agree(static: bool) -> None:
    m = pt.tensor("m", shape=(4, 6) if static else (None, None), dtype="float64")
    v = pt.tensor("v", shape=(5,) if static else (None,), dtype="float64")
    outputs = [
        pt.exp(m[:, 1:]) * v, m[1:, :-1] - m[:-1, 1:] ** 2, (m[:, ::-1] * m).sum(axis=1),
        pt.softmax(m[:, 1:] * v, axis=-1), m[:, 1:].T + v[:, None], m[::-1, ::-1] + 1.0,
        ad.grad((m[1:, :-1] * m[:-1, 1:]).sum(), m), ad.grad((m[0] * m[-1]).sum(), m),
    ]
    functions = both([m, v], outputs)
    for n in [5] if static else [5, 4]:
        agree(functions, *(np.random.default_rng(0).normal(size=shape) for shape in ((4, 6), n)))


def test_lengths_of_parts_are_compared() -> None:
    x, y = pt.dvectors("x", "y")
    for output in (x[1:] + y, pt.inc_subtensor(x[1:], y) * 2.0, x[1:] * y[:-2]):
        functions = both([x, y], [output])
        for n in (2, 3, 4, 6):
            agree(functions, np.ones(3), np.ones(n))


def test_a_gradient_by_differences_is_two_kernels() -> None:
    x = pt.dvector("x")
    cost = (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()
    function = ad.function([x], [cost, ad.grad(cost, x)], mode="NUMBA")
    assert len(function.program.instructions) == len(function.program.kernels) == 2
    assert not any(instruction.checks for instruction in function.program.instructions)
    assert "x_again1[i + 1]" in function.source("numba")


def test_a_part_of_an_axis_whose_length_another_input_gives() -> None:
    x, y = pt.dmatrices("x", "y")
    z = pt.TensorType("float64", (5, 5)).make_variable("z")   # x + z: x has 5 columns, too
    given = np.arange(25.0).reshape(5, 5)
    outputs = [x + z, pt.cumsum(y, axis=0) + x[0] * y, y + x[1:3].sum(axis=0), x[:-1] + y[1:]]
    want = [given * 2, np.cumsum(given, axis=0) + given[0] * given, given + given[1:3].sum(axis=0),
            given[:-1] + given[1:]]
    f = ad.function([x, y, z], outputs, mode="NUMBA")
    for got, wanted in zip(f(given, given, given), want):
        np.testing.assert_allclose(got, wanted)
    with pytest.raises(ValueError, match="axis 1 of y has length 4"):
        f(given, np.ones((5, 4)), given)


@pytest.mark.parametrize("key", [np.s_[::-1], np.s_[1:], np.s_[:-1]])
def test_a_length_learned_elsewhere_is_asked_of_an_array_that_exists(key: Any) -> None:
    x, v = pt.dvectors("x", "v")
    row = pt.sort(x)
    # that row has three elements is learned before a part of it is read in place
    functions = both([x, v], [pt.exp(row) * np.ones(3), row[key] * v])
    n = len(np.zeros(3)[key])
    agree(functions, np.arange(3.0), np.arange(float(n)))
    agree(functions, np.arange(3.0), np.arange(n + 1.0))
