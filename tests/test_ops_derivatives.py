"""Ops x derivatives: three ways to first and second derivatives agree, over dtypes and layouts.

Relies on the tables `registry.ROWS` and `registry.OPS`; a new row or class is tested without a line
here.  The one idea: what an op's rules say is compared with another way to the same number (the
transpose, the double pullback, differences, the other order of modes), at points of which a share
(0, -0, huge, subnormal, empty) is chosen here and not by the op.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from graph_values import values
from op_samples import draw, generator, symbolic, takes
from test_ops import COMMIT, apply

import autodiff_lab.tensor as pt
from autodiff_lab.errors import NullTypeGradError
from autodiff_lab.gradient import Lop, Rop
from autodiff_lab.tensor import dtypes, registry

SHARE = 0.35
"""How many of the cells that are not of float64 an ordinary run takes (`make test-full`: all); the
rest waits for another commit.  Derivatives in float64 are compared each time."""

DTYPES = ("float64", "float32", "complex128")
KINDS = ("routes", "differences", "orders")

NOT_ANALYTIC = {"sign", "maximum", "minimum", "clip", "int_div", "mod", "max", "min"}
"""They take complex numbers, and are not differentiable there."""

ROUNDED = {"cast_float16": 1e-2, "cast_float32": 1e-5, "cast_complex64": 1e-5}
"""Results of few digits: the tolerance of everything that goes through them."""


@dataclasses.dataclass(frozen=True)
class Case:
    """A graph of one op, a point, a direction for each input, weights of the output."""

    label: str
    variables: list[Any]
    arrays: list[np.ndarray]
    output: Any
    directions: list[np.ndarray]
    weights: np.ndarray

    @property
    def point(self) -> dict[Any, np.ndarray]:
        return dict(zip(self.variables, self.arrays))


def case(label: str, variables: list[Any], arrays: list[np.ndarray], output: Any) -> Case:
    """A case with directions and weights in the dtypes of the derivatives."""
    rng = generator(label)
    out = values([output], dict(zip(variables, arrays)))[0]
    return Case(
        label, variables, arrays, output, [noise(rng, a.shape, a.dtype.name) for a in arrays],
        noise(rng, out.shape, out.dtype.name),
    )


def noise(rng: Any, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Numbers of size one, complex where the dtype is."""
    found = rng.uniform(0.5, 1.5, size=shape) * rng.choice([-1.0, 1.0], size=shape)
    if dtype.startswith("complex"):
        found = found + 1j * rng.uniform(0.5, 1.5, size=shape)
    return np.asarray(found, dtype=dtypes.gradient_dtype(dtype))


# -- points --------------------------------------------------------------------------------------

def row_arrays(row: Any, shapes: list[tuple[int, ...]], dtype: str) -> list[np.ndarray]:
    """A point in the domain; complex numbers lie a little off the real line."""
    rng = generator(row.name)
    real = "float64" if dtype.startswith("complex") else dtype
    arrays = []
    for argument, shape in zip(row.arguments, shapes):
        array = draw(row, argument, shape, real, rng)
        if dtype.startswith("complex"):
            array = array + 1j * rng.uniform(0.1, 0.4, size=shape)
        arrays.append(np.asarray(array, dtype=dtype))
    return arrays


def row_cases(row: Any, dtype: str) -> Iterator[Case]:
    """A row at plain, 0-d, empty, strided and stretched points."""
    layouts: dict[str, Any] = {"plain": (3,), "0-d": (), "empty": (2, 0), "strided": (4, 6)}
    for label, shape in layouts.items():
        arrays = row_arrays(row, [shape] * row.arity, dtype)
        if label == "strided":
            arrays = [a[::2, ::-3] if k % 2 else a.T[::3, ::-2].T for k, a in enumerate(arrays)]
        yield case(f"{row.name} {label}", *of_row(row, arrays))
    if row.arity > 1:
        for turn in (1, -1):
            shapes = [(1,), (2, 3), (2, 1)][: row.arity][::turn]
            yield case(f"{row.name} broadcast", *of_row(row, row_arrays(row, shapes, dtype)))


def of_row(row: Any, arrays: list[np.ndarray]) -> tuple[list[Any], list[np.ndarray], Any]:
    variables, output = apply(row, arrays)
    return variables, arrays, output


def _numbers(*shape: int) -> np.ndarray:
    return generator(str(shape)).uniform(0.5, 1.5, size=shape)


EMPTY: dict[str, list[tuple[Any, ...]]] = {
    "advanced_inc_subtensor": [("inc_part", (_numbers(0, 3), ([[False] * 3] * 0), 1.0), {}),
                               ("set_part", (_numbers(0, 4), (slice(None), [1, 3]),
                                             _numbers(0, 2)), {})],
    "advanced_subtensor": [("subtensor", (_numbers(0, 3), (slice(None), [0, 2, 2])), {}),
                           ("subtensor", (_numbers(2, 2), [[False, False]] * 2), {})],
    "alloc": [("alloc", (np.float64(2.0), 0, 3), {})],
    "cholesky": [("cholesky", (_numbers(0, 3, 3),), {})],
    "cumprod": [("cumprod", (_numbers(0, 2),), {"axis": 0}), ("cumprod", (_numbers(0),), {})],
    "cumsum": [("cumsum", (_numbers(2, 0),), {"axis": 0}), ("cumsum", (_numbers(0),), {})],
    "det": [("det", (_numbers(0, 2, 2),), {})],
    "diagonal": [("diagonal", (_numbers(0, 0),), {})],
    "dimshuffle": [("dimshuffle", (_numbers(0, 3), 1, "x", 0), {})],
    "dot": [("dot", (_numbers(2, 0), _numbers(0, 3)), {}), ("dot", (_numbers(0), _numbers(0)), {})],
    "inc_subtensor": [("inc_part", (_numbers(3), slice(0, 0), _numbers(0)), {})],
    "eigh": [("eigvalsh", (_numbers(0, 2, 2),), {})],
    "expm": [("expm", (_numbers(0, 2, 2),), {})],
    "inc_diagonal": [("inc_diagonal", (_numbers(0, 2, 2), _numbers(0, 2), 0, 1, 2), {})],
    "inv": [("inv", (_numbers(0, 2, 2),), {})],
    "join": [("join", (0, _numbers(0, 2), _numbers(3, 2)), {})],
    "linear_recurrence": [("linear_recurrence", (_numbers(0, 2), _numbers(0, 2)), {"axis": 0})],
    "log_softmax": [("log_softmax", (_numbers(0, 3),), {"axis": 1})],
    "logsumexp": [("logsumexp", (_numbers(0, 3),), {"axis": 1})],
    "matmul": [("matmul", (_numbers(2, 0), _numbers(0, 3)), {}),
               ("matmul", (_numbers(0, 2, 3), _numbers(0, 3, 2)), {})],
    "max": [("max", (_numbers(0, 3),), {"axis": 1})],
    "min": [("min", (_numbers(3, 0),), {"axis": 0})],
    "pinv": [("pinv", (_numbers(0, 3, 2),), {})],
    "product_of_others": [("product_of_others", (_numbers(2, 0),), {"axis": (1,)})],
    "qr": [("qr", (_numbers(0, 2, 2),), {"mode": "r"})],
    "repeat": [("repeat", (_numbers(0, 3), 2), {"axis": 1})],
    "prod": [("prod", (_numbers(0, 3),), {}), ("prod", (_numbers(2, 0),), {"axis": 1})],
    "reshape": [("reshape", (_numbers(0, 3), (3, 0)), {})],
    "slogdet": [("slogdet", (_numbers(0, 2, 2),), {})],
    "softmax": [("softmax", (_numbers(2, 0, 2),), {"axis": -1})],
    "solve": [("solve", (_numbers(0, 2, 2), _numbers(0, 2, 1)), {})],
    "solve_triangular": [("solve_triangular", (_numbers(0, 2, 2), _numbers(0, 2, 1)), {})],
    "sort": [("sort", (_numbers(0, 3),), {"axis": 1}), ("sort", (_numbers(0),), {})],
    "subtensor": [("subtensor", (_numbers(3, 2), slice(3, 0)), {})],
    "svd": [("svd", (_numbers(0, 3, 2),), {"full_matrices": False})],
    "sum": [("sum", (_numbers(0, 3),), {}), ("sum", (_numbers(2, 0),), {"axis": 1})],
    "triangle": [("tril", (_numbers(0, 3),), {})],
}
"""The axis of length 0 where it fits the op; what is not here has no empty case worth its line."""


def op_cases(op: Any, dtype: str) -> Iterator[Case]:
    """An op at its samples, at views of them that are not contiguous, and at empty arrays."""
    samples = [("plain", s) for s in op.samples(generator(op.op_name))]
    samples += [("empty", s) for s in EMPTY.get(op.op_name, ())]
    for label, (name, positional, keywords) in samples:
        for layout in (label, "strided"):
            cast = tuple(in_layout(a, layout, dtype) for a in positional)
            variables, arrays, output = symbolic((name, cast, keywords), layout != "strided")
            arrays = [a if a.ndim == 0 else v for a, v in zip(arrays, arrays_of(cast))]
            if variables:
                yield case(f"{op.op_name} {layout}", variables, arrays, output)


def arrays_of(positional: tuple[Any, ...]) -> list[np.ndarray]:
    return [np.asarray(a) for a in positional if isinstance(a, np.ndarray | np.inexact)]


def in_layout(argument: Any, layout: str, dtype: str) -> Any:
    """An array in a dtype and a layout; what is no array of floats stays as it is."""
    if not isinstance(argument, np.ndarray | np.floating):
        return argument
    array = np.asarray(argument)
    if array.dtype.kind != "f":
        return argument
    if dtype.startswith("complex"):
        array = array + 0.1j * generator("imaginary").normal(size=array.shape)
    array = np.asarray(array, dtype=dtype)
    if layout == "strided" and array.ndim:
        return np.asfortranarray(np.repeat(array, 2, axis=-1))[..., ::2]
    return array


def cases(name: str, dtype: str) -> Iterator[Case]:
    """All cases of a row or an op."""
    if name in registry.ROWS:
        return row_cases(registry.ROWS[name], dtype)
    return op_cases(registry.OPS[name], dtype)


# -- what is compared ----------------------------------------------------------------------------

def tolerance(name: str, dtype: str) -> float:
    return max(2e-4 if dtype == "float32" else 1e-9, ROUNDED.get(name, 0.0))


def same(found: Any, expected: Any, rtol: float, message: str) -> None:
    """Equal up to rounding, measured by the largest entry, or by 1 where all should be zero."""
    assert np.shape(found) == np.shape(expected), message
    size = np.max(np.abs(expected), initial=0.0)
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * (size + 1e-3),
                               err_msg=message)


def routes(case: Case, rtol: float) -> None:
    """The forward rule, the double pullback and the transposed reverse rule agree."""
    options: Any = {"disconnected_outputs": "ignore"}
    direct = Rop(case.output, case.variables, case.directions, **options)
    twice = Rop(case.output, case.variables, case.directions, use_op_pushforward=False, **options)
    pulled = Lop(case.output, case.variables, case.weights, disconnected_inputs="ignore")
    forward, again, *backward = values([direct, twice, *pulled], case.point)
    assert forward.shape == case.weights.shape and forward.dtype == case.weights.dtype, case.label
    same(again, forward, rtol, case.label)
    for array, back in zip(case.arrays, backward):
        assert back.shape == array.shape and back.dtype == array.dtype, case.label
    terms = [np.sum(b * d) for b, d in zip(backward, case.directions)]
    size = sum(np.sum(np.abs(b * d)) for b, d in zip(backward, case.directions))
    np.testing.assert_allclose(
        np.sum(case.weights * forward).real, np.real(sum(terms)), rtol=rtol,
        atol=rtol * (size + 1e-300),
        err_msg=case.label,
    )


def differences(case: Case, rtol: float) -> None:
    """The forward rule against central differences along the direction, in double precision."""
    tangent = Rop(case.output, case.variables, case.directions, disconnected_outputs="ignore")
    found = values([tangent], case.point)[0]
    step = 0.03 if rtol == ROUNDED["cast_float16"] else 1e-2 if rtol >= 1e-5 else 1e-5
    wide = [a.astype(np.result_type(a, "float64")) for a in case.arrays]
    ends = [
        values([case.output], {v: a + sign * step * d
                               for v, a, d in zip(case.variables, wide, case.directions)})[0]
        for sign in (1, -1)
    ]
    expected = (ends[0].astype(complex) - ends[1]) / (2 * step)
    same(found, expected, max(rtol, 1e-5) * 4, case.label)


def precision(single: Case, double: Case, rtol: float) -> None:
    """The forward rule in single precision against the same graph in double precision."""
    found, expected = (
        values([Rop(one.output, one.variables, one.directions, disconnected_outputs="ignore")],
               one.point)[0] for one in (single, double)
    )
    same(found, expected, rtol, single.label)


def orders(case: Case, rtol: float) -> None:
    """Forward over reverse, reverse over reverse and reverse over forward give one product."""
    inside: Any = {"disconnected_inputs": "ignore"}
    slopes = Lop(case.output, case.variables, case.weights, **inside)
    forward = Rop(slopes, case.variables, case.directions, disconnected_outputs="ignore")
    reverse = Lop(slopes, case.variables, case.directions, **inside)
    tangent = Rop(case.output, case.variables, case.directions, disconnected_outputs="ignore")
    mixed = Lop(tangent, case.variables, case.weights, **inside)
    count = len(case.variables)
    found = values([*forward, *reverse, *mixed], case.point)
    for k in range(count):
        for other in (found[count + k], found[2 * count + k]):
            same(other, found[k], rtol * 10, f"{case.label}, input {k}")


def third(case: Case, rtol: float) -> None:
    """F-T19: three forward sweeps, the last against a reverse sweep and against differences."""
    twice = case.output
    for _ in range(2):
        twice = Rop(twice, case.variables, case.directions, disconnected_outputs="ignore")
    routes(dataclasses.replace(case, output=twice), max(rtol, 1e-8))
    differences(dataclasses.replace(case, output=twice), rtol)


CHECKS = {"routes": routes, "differences": differences, "orders": orders, "third": third}


# -- the table -----------------------------------------------------------------------------------

def continuous(name: str, dtype: str) -> bool:
    """Whether an op has derivatives in a dtype."""
    if dtype.startswith("complex") and name in NOT_ANALYTIC:
        return False
    if name in registry.ROWS:
        row = registry.ROWS[name]
        return takes(row, dtype) and not dtypes.is_discrete(row.dtypes(*[dtype] * row.arity)[1])
    op = registry.OPS[name]
    if op.samples is None:
        return False
    variables, _, output = symbolic(op.samples(generator(name))[0], False)
    return bool(variables) and not dtypes.is_discrete(output.type.dtype)


def cells() -> list[str]:
    return [
        f"{name}-{kind}-{dtype}"
        for name in sorted([*registry.ROWS, *registry.OPS]) for dtype in DTYPES
        if continuous(name, dtype) for kind in KINDS
    ] + [
        f"{name}-third-float64" for name in sorted(registry.ROWS)
        if continuous(name, "float64") and not name.startswith("cast")
    ]


def left_out(cell: str) -> bool:
    """Whether this commit leaves a cell out."""
    if os.environ.get("AUTODIFF_LAB_TESTS") == "full":
        return False
    return zlib.crc32(f"{COMMIT} {cell}".encode()) / 2**32 >= SHARE


@pytest.mark.rotates.with_args(lambda cell: not cell.endswith("float64") and left_out(cell))
@pytest.mark.parametrize("cell", cells())
def test_derivatives(cell: str) -> None:
    name, kind, dtype = cell.split("-")
    if (kind, dtype) == ("differences", "float32"):
        for single, double in zip(cases(name, "float32"), cases(name, "float64")):
            precision(single, double, tolerance(name, dtype))
        return
    # an op without a rule for complex numbers says so, it gives no wrong number
    refused: Any = NullTypeGradError if "complex" in cell else ()
    for one in cases(name, dtype):
        with contextlib.suppress(refused), np.errstate(all="ignore"):
            CHECKS[kind](one, tolerance(name, dtype))


def test_what_is_not_analytic_says_so() -> None:
    z = pt.zvector("z")
    for build in (lambda y: Lop(y, z, pt.ones_like(y)), lambda y: Rop(y, z, z)):
        with pytest.raises(NullTypeGradError, match="complex"):
            build(pt.sign(z))
