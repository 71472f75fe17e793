"""Both executors give the same for every op of the table, for lengths 0 to 100, and for errors.

Compiling is what costs time, so many ops go into one function, and one kernel serves all lengths.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from op_samples import generator, symbolic

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.backends.numba_tier.printer import BLOCK
from autodiff_lab.tensor import registry

from .test_agreement import POINTS, close, functions

OPS = {op.op_name: op for op in registry.OPS.values()}


def same(got: Any, want: Any, what: Any, rtol: float = 2e-14) -> None:
    """Equal dtypes, shapes and values."""
    assert got.dtype == want.dtype and got.shape == want.shape, what
    if got.dtype.kind in "fc":
        rtol = max(rtol, 4e-6 if got.dtype.itemsize < 8 else 0.0)
        scale = np.abs(want[np.isfinite(want)]).max(initial=0.0)
        np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol * scale, err_msg=str(what))
    else:
        np.testing.assert_array_equal(got, want, err_msg=str(what))


def test_every_op_gives_the_same() -> None:
    inputs, arrays, outputs, names = [], [], [], []
    for name, op in sorted(OPS.items()):
        for sample in op.samples(generator(name)) if op.samples else ():
            variables, values, output = symbolic(sample, False)
            inputs += variables
            arrays += values
            made = list(output) if isinstance(output, list | tuple) else [output]
            outputs += made
            names += [sample] * len(made)
    got, want = (
        ad.function(
            inputs, outputs, mode=ad.Mode(tier, phases=()), on_unused_input="ignore"
        )(*arrays)
        for tier in ("numba", "numpy")
    )
    assert len(outputs) > 100
    for one, two, name in zip(got, want, names):
        same(np.asarray(one), np.asarray(two), name, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
@pytest.mark.parametrize("arity", [1, 2])
def test_rows_agree_at_every_length(dtype: str, arity: int) -> None:
    names, plain, compiled = functions(dtype, arity)
    values = np.resize(POINTS[dtype], 101)
    for length in range(101):
        arguments = [values[:length], values[::-1][:length].copy()][:arity]
        results = zip(names, compiled(*arguments), plain(*arguments))
        faults = [f for name, got, want in results if (f := close(name, got, want, arguments))]
        assert not faults, "\n".join(faults)


def row_functions(dtype: str) -> tuple[Any, Any]:
    """What a row has one of, and what it does with it; both executors."""
    x = pt.matrix("x", dtype=dtype)
    softmax = pt.special.softmax(x, axis=1)
    mean = pt.sum(x, axis=1, keepdims=True)
    outputs = [
        softmax, pt.special.log_softmax(x, axis=1), pt.logsumexp(x, axis=1),
        pt.logsumexp(x, axis=1).sum(), pt.max(x, axis=1), pt.max(x, axis=0), pt.min(x, axis=0),
        x - pt.max(x, axis=1, keepdims=True), pt.sum(x, axis=0), pt.prod(x, axis=1), pt.sum(x),
        pt.exp(x - mean) * mean, pt.sum(softmax * x, axis=1), pt.sum(softmax * x, axis=0),
        pt.all(x > 0, axis=1), pt.any(x > 0, axis=0),
    ]
    compiled, plain = (
        ad.function([x], outputs, mode=ad.Mode(tier, phases=())) for tier in ("numba", "numpy")
    )
    # single precision is summed in double precision, for which leading axes have no room
    left = sum(i.kernel is None for i in compiled.program.instructions)
    assert left == (0 if dtype == "float64" else 2)
    return compiled, plain


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_rows_of_every_length_agree(dtype: str) -> None:
    compiled, plain = row_functions(dtype)
    rng = np.random.default_rng(0)
    special = np.resize(np.array([0.0, -0.0, 1.0, -3.0, 1e-310, 700.0, -700.0], dtype), 30)
    samples = [rng.normal(size=(rows, length)).astype(dtype)
               for rows, length in ((1, 1), (3, 1), (1, 7), (2, 33), (5, 64), (3, 100))]
    samples += [special.reshape(5, 6), np.full((2, 3), -np.inf, dtype)]
    for value in (np.nan, np.inf, -np.inf):
        spoiled = rng.normal(size=(4, 9)).astype(dtype)
        spoiled[1, 3], spoiled[2, 8] = value, -value
        samples.append(spoiled)
    for sample in samples:
        for number, (got, want) in enumerate(zip(compiled(sample), plain(sample))):
            same(got, want, (number, sample), rtol=1e-13 if dtype == "float64" else 2e-5)


@pytest.mark.parametrize("mode", ["NUMBA", "PYTHON"])
def test_nothing_in_a_row(mode: str) -> None:
    x = pt.dmatrix("x")
    logs = ad.function([x], pt.logsumexp(x, axis=1), mode=mode)
    assert logs(np.empty((2, 0))).tolist() == [-np.inf, -np.inf]
    assert logs(np.empty((0, 2))).shape == (0,)
    by_hand = pt.exp(x) / pt.exp(x).sum(axis=1, keepdims=True)
    nothing = [by_hand, pt.special.softmax(x, axis=1), pt.special.log_softmax(x, axis=1),
               ad.grad(pt.logsumexp(x, axis=1).sum(), x)]
    for shape in ((2, 0), (0, 2)):
        found = ad.function([x], nothing, mode=mode)(np.empty(shape))
        assert [value.shape for value in found] == [shape] * 4
    with pytest.raises(ValueError, match="zero-size array"):
        ad.function([x], pt.max(x, axis=1), mode=mode)(np.empty((2, 0)))
    with pytest.raises(ValueError, match="zero-size array"):
        ad.function([x], pt.min(x, axis=0), mode=mode)(np.empty((0, 2)))
    sums = ad.function([x], [pt.sum(x, axis=0), pt.sum(x, axis=1), pt.prod(x)], mode=mode)
    assert [np.asarray(s).tolist() for s in sums(np.empty((0, 2)))] == [[0.0, 0.0], [], 1.0]


@pytest.mark.parametrize("length", [BLOCK - 1, BLOCK, BLOCK + 1, 100_000])
def test_sums_round_like_those_of_numpy(length: int) -> None:
    x = pt.dvector("x")
    f = ad.function([x], [pt.sum(x), pt.sum(x * x)], mode="NUMBA")
    value = np.random.default_rng(1).normal(size=length) + 1.0
    exact = np.sum(value.astype(np.longdouble)), np.sum(value.astype(np.longdouble) ** 2)
    for got, want in zip(f(value), exact):
        assert abs(got - want) <= 8 * np.spacing(float(want))


def test_lengths_that_differ_are_told_alike() -> None:
    x, y = pt.dmatrices("x", "y")
    cost = pt.special.softmax(x, axis=1) * y - pt.sum(y, axis=1, keepdims=True)
    told = []
    for mode in ("NUMBA", "PYTHON"):
        with pytest.raises(ValueError) as caught:
            ad.function([x, y], cost, mode=mode)(np.ones((2, 3)), np.ones((2, 4)))
        told.append(str(caught.value))
    assert told[0].split("\n")[0] == told[1].split("\n")[0]


def test_inputs_are_left_alone_and_results_are_apart() -> None:
    x = pt.dmatrix("x")
    outputs = [pt.special.softmax(x, axis=1), x * 2.0, x + 0.0, pt.sum(x, axis=0)]
    f = ad.function([x], outputs, mode="NUMBA")
    value = np.arange(6.0).reshape(2, 3)
    kept = value.copy()
    first, second = f(value), f(value)
    assert (value == kept).all()
    everything = [*first, *second, value]
    assert not any(np.shares_memory(a, b) for n, a in enumerate(everything) for b in everything[:n])


def test_names_of_helpers_are_not_lent_to_variables() -> None:
    names = ("largest", "running_sum", "exp", "inf", "i", "x_ij", "t1")
    inputs = [pt.dmatrix(name) for name in names]
    total = sum(inputs[1:], inputs[0])
    outputs = [pt.special.softmax(total, axis=1), pt.max(total, axis=0), pt.sum(total)]
    arrays = list(np.random.default_rng(0).normal(size=(len(names), 3, 4)))
    got, want = (ad.function(inputs, outputs, mode=m)(*arrays) for m in ("NUMBA", "PYTHON"))
    for one, two in zip(got, want):
        np.testing.assert_allclose(one, two, rtol=1e-13)
