"""Executors agree: every elementwise row with an expression, NumPy against Numba.

Many rows go into one function, hence one kernel: compiling is what costs time here.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.compile.fusion import KERNEL_DTYPES
from autodiff_lab.tensor import registry

FLOAT_POINTS = [0.0, -0.0, 1.0, -1.0, 0.5, -0.3, 2.0, 3.7, -8.25, 1e-310, -1e-310, 1e-30, 40.0,
                -745.0, 800.0, 1e308, -1e308, np.inf, -np.inf, np.nan]
POINTS = {
    "float64": np.array(FLOAT_POINTS),
    "float32": np.array([v for v in FLOAT_POINTS if not 1e38 < abs(v) < np.inf], np.float32),
    "int64": np.array([0, 1, -1, 2, 3, -7, 100, 12345]),
    "int32": np.array([0, 1, -1, 2, 3, -7, 100, 12345], np.int32),
    "int8": np.array([0, 1, -1, 2, 3, -7, 100, 127], np.int8),
    "uint8": np.array([0, 1, 2, 3, 7, 100, 254, 255], np.uint8),
    "bool": np.array([True, False]),
}
# Casts of what the target cannot hold are undefined in C, so they may differ.
UNDEFINED = ("cast_int", "cast_uint")


def rows_for(dtype: str) -> list[str]:
    """The rows that have a type for this dtype of every argument, and an expression."""
    found = []
    for name, row in sorted(registry.ROWS.items()):
        if row.expr is None or (dtype.startswith("float") and name.startswith(UNDEFINED)):
            continue
        if name == "pow" and "int" in dtype:
            continue                     # NumPy refuses negative powers; no kernel either
        try:
            compute, result = row.dtypes(*[dtype] * row.arity)
        except TypeError:
            continue
        if {*compute, result} <= KERNEL_DTYPES:
            found.append(name)
    return found


def pairs(points: np.ndarray, arity: int) -> list[np.ndarray]:
    """Arguments: every point against every other for two, a diagonal for three."""
    if arity == 1:
        return [points]
    first, second = (a.ravel() for a in np.meshgrid(points, points))
    return [first, second, second[::-1].copy()][:arity]


def close(name: str, got: Any, want: Any, arguments: list[np.ndarray]) -> str:
    """Empty, or what differs: the dtype, or a value by more than rounding."""
    if got.dtype != want.dtype or got.shape != want.shape:
        return f"{name}: {got.dtype}{got.shape} against {want.dtype}{want.shape}"
    rtol = {"float64": 2e-14, "float32": 4e-6}.get(str(got.dtype), 0)
    tiny = {"float64": 1e-322, "float32": 1e-44}.get(str(got.dtype), 0)
    with np.errstate(all="ignore"):
        same = np.isclose(got, want, rtol=rtol, atol=tiny, equal_nan=True)
    if same.all():
        return ""
    where = int(np.argmin(same))
    given = [a[where] for a in arguments]
    return f"{name}{given}: {got[where]!r} against {want[where]!r}"


@functools.cache
def functions(dtype: str, arity: int) -> tuple[list[str], Any, Any]:
    """All rows of one arity in one function, for each executor."""
    names = [n for n in rows_for(dtype) if registry.ROWS[n].arity == arity]
    inputs = [pt.vector(f"x{n}", dtype=dtype) for n in range(arity)]
    outputs = [
        registry.function(name)(*inputs) if name in registry.FUNCTIONS else None for name in names
    ]
    names = [n for n, out in zip(names, outputs) if out is not None]
    outputs = [out for out in outputs if out is not None]
    plain = ad.Mode("numpy", phases=())
    compiled = ad.Mode("numba", phases=())
    options = {"on_unused_input": "ignore"}
    return (
        names,
        ad.function(inputs, outputs, mode=plain, **options),
        ad.function(inputs, outputs, mode=compiled, **options),
    )


CASES = [(dtype, arity) for dtype in POINTS for arity in (1, 2)] + [("float64", 3), ("int32", 3)]


@pytest.mark.parametrize(("dtype", "arity"), CASES)
def test_rows_agree_at_special_points(dtype: str, arity: int) -> None:
    names, plain, compiled = functions(dtype, arity)
    if not names:
        pytest.skip("no row of this arity has an expression for this dtype")
    arguments = pairs(POINTS[dtype], arity)
    faults = [
        fault for name, got, want in zip(names, compiled(*arguments), plain(*arguments))
        if (fault := close(name, got, want, arguments))
    ]
    assert not faults, "\n".join(faults)


def test_most_rows_are_in_kernels() -> None:
    _, _, compiled = functions("float64", 1)
    fused = [i for i in compiled.program.instructions if i.kernel is not None]
    assert len(fused) == len(compiled.program.instructions) == 1


SHAPED = {
    "scalars": ([()], [()]),
    "empty": ([(0,)], [(0,)]),
    "empty_matrix": ([(3, 0)], [(3, 0)]),
    "one": ([(1,)], [(1,)]),
    "row_and_column": ([(1, 4)], [(3, 1)]),
    "matrix_and_vector": ([(3, 4)], [(4,)]),
    "matrix_and_scalar": ([(3, 4)], [()]),
    "rank_three": ([(2, 3, 4)], [(3, 4)]),
}


def variables_of(shape_a: tuple[int, ...], shape_b: tuple[int, ...]) -> list[Any]:
    """Variables whose axes are unknown, but for those of length 1."""
    return [
        pt.tensor(name, shape=tuple(1 if d == 1 else None for d in shape), dtype="float64")
        for name, shape in (("a", shape_a), ("b", shape_b))
    ]


@pytest.mark.parametrize("case", SHAPED)
def test_shapes_agree(case: str) -> None:
    (shape_a,), (shape_b,) = SHAPED[case]
    a, b = variables_of(shape_a, shape_b)
    y = pt.exp(-a * a) + b * 2.0
    total = pt.sum(y)
    last = pt.sum(pt.tanh(y), axis=-1) if y.ndim else y
    outputs = [y, total, last, a - b, pt.exp(a)]
    rng = np.random.default_rng(1)
    arrays = [rng.normal(size=shape_a), rng.normal(size=shape_b)]
    got = ad.function([a, b], outputs, mode="NUMBA")(*arrays)
    want = ad.function([a, b], outputs, mode="PYTHON")(*arrays)
    for left, right in zip(got, want):
        assert left.dtype == right.dtype and left.shape == right.shape
        np.testing.assert_allclose(left, right, rtol=1e-12)


def test_strided_and_transposed_arguments() -> None:
    a, b = pt.dmatrices("a", "b")
    outputs = [pt.exp(a) * b, a.T + pt.sin(b), pt.sum(a * b, axis=1)]
    got = ad.function([a, b], outputs, mode="NUMBA")
    want = ad.function([a, b], outputs, mode="PYTHON")
    block = np.random.default_rng(2).normal(size=(8, 8))
    for left, right in [
        (block[::2, ::2], block[1::2, 1::2]),
        (block.T, block),
        (np.asfortranarray(block), block[::-1, ::-1]),
    ]:
        kept = left.copy(), right.copy()
        for one, other in zip(got(left, right), want(left, right)):
            np.testing.assert_allclose(one, other, rtol=1e-13)
        assert (left == kept[0]).all() and (right == kept[1]).all()


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "int32", "bool"])
def test_reductions_agree(dtype: str) -> None:
    x = pt.tensor("x", shape=(None, None), dtype=dtype)
    names = [n for n in ("sum", "prod", "max", "min", "any", "all") if n in registry.FUNCTIONS]
    outputs = []
    for name in names:
        if dtype == "bool" and name in ("max", "min"):
            continue
        y = registry.function(name)
        outputs += [y(x), y(x, axis=1), y(x, axis=0)]
    got = ad.function([x], outputs, mode="NUMBA")
    want = ad.function([x], outputs, mode="PYTHON")
    rng = np.random.default_rng(3)
    values = (rng.normal(size=(4, 5)) * 3).astype(dtype)
    samples = [values, np.zeros((3, 2), dtype)]
    if dtype.startswith("float"):
        spoiled = values.copy()
        spoiled[1, 2], spoiled[2, 0] = np.nan, np.inf
        samples.append(spoiled)
    for sample in samples:
        for left, right in zip(got(sample), want(sample)):
            assert left.dtype == right.dtype
            np.testing.assert_allclose(left, right, rtol=1e-5 if dtype == "float32" else 1e-12)


@pytest.mark.parametrize("mode", ["PYTHON", "NUMBA"])
def test_the_maximum_of_nothing_is_an_error(mode: str) -> None:
    if "max" not in registry.FUNCTIONS:
        pytest.skip("max is not there yet")
    x = pt.dvector("x")
    f = ad.function([x], registry.function("max")(x), mode=mode)
    with pytest.raises(ValueError, match="zero-size array"):
        f([])
