"""Ops x properties: every declared op has every property that the declaration promises.

Relies on the tables `registry.ROWS` and `registry.OPS`; a new row or class is tested without a line
here.  Each test is one cell, named like `log1p-reverse`.
"""

from __future__ import annotations

import contextlib
import inspect
import itertools
import os
import pickle
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graph_values import agrees, numerical_gradient, value, values
from op_samples import (
    DTYPES, arguments, by_primitives, draw, generator, numpy_reference, reference, special_points,
    symbolic, takes,
)

import autodiff_lab.tensor as pt
from autodiff_lab.gradient import Lop, Rop, grad
from autodiff_lab.graph import toposort
from autodiff_lab.tensor import dtypes, registry

# -- which cells run -----------------------------------------------------------------------------

SHARE = 1.0
"""How much of the table an ordinary run takes (`make test-full` takes all of it); what is left out
rotates with the commit.  A share below the one kept in `tests/cells.txt` fails the run."""


def commit() -> str:
    """What the choice of cells rotates with."""
    done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True,
                          cwd=Path(__file__).parent, check=False)
    return done.stdout.strip()


COMMIT = commit()


def left_out(cell: str) -> bool:
    """Whether this commit leaves a cell out."""
    if os.environ.get("AUTODIFF_LAB_TESTS") == "full":
        return False
    return zlib.crc32(f"{COMMIT} {cell}".encode()) / 2**32 >= SHARE


# -- properties of elementwise rows --------------------------------------------------------------

def close(found: Any, expected: Any, dtype: str, factor: float = 64.0) -> None:
    """Equal up to a few units in the last place; NaN, infinities and dtypes exactly."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.dtype == expected.dtype, f"{found.dtype}, not {expected.dtype}"
    if found.dtype.kind not in "fc":
        np.testing.assert_array_equal(found, expected)
        return
    worst = max(np.finfo(dtype).eps if np.dtype(dtype).kind in "fc" else 0.0,
                np.finfo(found.dtype).eps)
    tiny = float(np.finfo(found.dtype).tiny)
    np.testing.assert_allclose(found, expected, rtol=factor * worst, atol=factor * tiny)


def apply(row: Any, arrays: list[np.ndarray]) -> tuple[list[Any], Any]:
    """Inputs of these arrays' types without known lengths, and the row's function of them."""
    variables = [
        pt.tensor(name, dtype=array.dtype.name, shape=[1 if n == 1 else None for n in array.shape])
        for name, array in zip(row.arguments, arrays)
    ]
    return variables, registry.FUNCTIONS[row.name](*variables)


def run(row: Any, arrays: list[np.ndarray]) -> np.ndarray:
    variables, output = apply(row, arrays)
    return value(output, dict(zip(variables, arrays)))


def first_dtype(row: Any) -> str:
    """A dtype that the row takes, float64 where it can be."""
    return next(dtype for dtype in ("float64", "int64", "bool") if takes(row, dtype))


def row_value(row: Any) -> None:
    """NumPy's values, over dtypes."""
    for dtype in filter(lambda dtype: takes(row, dtype), DTYPES):
        arrays = arguments(row, (7,), dtype)
        close(run(row, arrays), reference(row, arrays), dtype)


def row_layouts(row: Any) -> None:
    """The same values from 0-d, empty, strided, transposed and read-only arrays."""
    dtype, rng = first_dtype(row), generator(row.name)
    for shape in ((), (0,), (2, 0, 3), (4, 6)):
        arrays = [draw(row, argument, shape, dtype, rng) for argument in row.arguments]
        close(run(row, arrays), reference(row, arrays), dtype)
    wide = [draw(row, argument, (6, 8), dtype, rng) for argument in row.arguments]
    for change in (lambda a: a[::2, ::-1], lambda a: a.T, lambda a: np.broadcast_to(a[0], (6, 8)),
                   np.asfortranarray):
        arrays = [change(array) for array in wide]
        close(run(row, arrays), reference(row, arrays), dtype)


def row_broadcast(row: Any) -> None:
    """Axes that are known to have length 1 stretch, and missing leading axes are added."""
    dtype, rng = first_dtype(row), generator(row.name)
    for shapes in itertools.product(((), (4,), (3, 1), (1, 4), (3, 4)), repeat=row.arity):
        arrays = [draw(row, a, shape, dtype, rng) for a, shape in zip(row.arguments, shapes)]
        close(run(row, arrays), reference(row, arrays), dtype)


def row_dtypes(row: Any) -> None:
    """Node, value and table agree on the dtype, for every combination of dtypes."""
    chosen = DTYPES if row.arity < 3 else ("float32", "int8", "int64", "bool")
    for combination in itertools.product(chosen, repeat=row.arity):
        try:
            expected = row.dtypes(*combination)[1]
        except TypeError:
            inputs = [pt.scalar(dtype=dtype) for dtype in combination]
            with pytest.raises(TypeError):
                registry.FUNCTIONS[row.name](*inputs)
            continue
        rng = generator(row.name)
        arrays = [draw(row, a, (2,), dtype, rng) for a, dtype in zip(row.arguments, combination)]
        assert run(row, arrays).dtype == expected, combination
        if row.commutative:
            assert row.dtypes(*combination[::-1])[1] == expected


def row_shape(row: Any) -> None:
    """Known lengths go through, and are the real ones."""
    dtype = first_dtype(row)
    arrays = arguments(row, (2, 3), dtype)
    known = [pt.tensor(dtype=dtype, shape=(2, None)) for _ in arrays[:-1]]
    known.append(pt.tensor(dtype=dtype, shape=(None, 3) if known else (2, 3)))
    output = registry.FUNCTIONS[row.name](*known)
    assert output.type.shape == (2, 3)
    agrees(value(output, dict(zip(known, arrays))), output)
    with pytest.raises(ValueError, match="Incompatible lengths"):
        if row.arity == 1:
            raise ValueError("Incompatible lengths: one argument has nothing to disagree with")
        registry.FUNCTIONS[row.name](*known[:-1], pt.tensor(dtype=dtype, shape=(5, 3)))


def row_points(row: Any) -> None:
    """At 0, -0, huge, tiny, infinite and NaN the expression says what NumPy says."""
    for dtype in ("float64", "float32"):
        points = special_points(row.arity, dtype)
        expected = reference(row, points)
        close(run(row, points), expected, dtype)
        found = by_primitives(row, points)
        if found is not None and expected.dtype.kind != "c" and row.name not in UNDEFINED_CASTS:
            close(found, expected, dtype)
            if expected.dtype.kind == "f":
                known = ~np.isnan(expected)
                np.testing.assert_array_equal(np.signbit(found)[known], np.signbit(expected)[known])


# the standard leaves a float's cast to an integer that cannot hold it undefined
UNDEFINED_CASTS = {f"cast_{dtype}" for dtype in (*dtypes.INTEGERS, *dtypes.UNSIGNED)}


def row_primitives(row: Any) -> None:
    """The expression over primitives says what NumPy says, over dtypes."""
    for dtype in filter(lambda dtype: takes(row, dtype), DTYPES):
        arrays = arguments(row, (9,), dtype)
        found = by_primitives(row, arrays)
        if found is not None and found.dtype.kind != "c":
            close(found, reference(row, arrays), dtype)


def costs(row: Any, stretched: bool = False) -> tuple[list[Any], list[np.ndarray], Any]:
    """Inputs, a point, and the weighted sum of the row's values."""
    rng = generator(row.name)
    shapes = [(3,)] * row.arity
    if stretched:
        shapes = [(1,)] + shapes[1:-1] + [(2, 3)]
    arrays = [draw(row, a, shape, "float64", rng) for a, shape in zip(row.arguments, shapes)]
    variables, output = apply(row, arrays)
    weights = rng.uniform(0.5, 1.5, size=shapes[-1])
    return variables, arrays, pt.sum(pt.cast(output, "float64") * weights)


def step_of(row: Any) -> tuple[float, float]:
    """Step and tolerance of central differences."""
    return {"cast_float32": (1e-2, 1e-3), "cast_float16": (0.1, 5e-2)}.get(row.name, (1e-5, 2e-7))


def against_differences(variables: Any, arrays: Any, cost: Any, row: Any) -> list[Any]:
    """Reverse mode against central differences; the gradients as variables."""
    gradients = grad(cost, variables, disconnected_inputs="ignore")
    step, tolerance = step_of(row)
    expected = numerical_gradient(
        lambda *point: float(value(cost, dict(zip(variables, point)))), arrays, step
    )
    for found, wanted, variable in zip(
        values(gradients, dict(zip(variables, arrays))), expected, variables
    ):
        assert found.dtype == "float64"
        np.testing.assert_allclose(
            found, wanted, rtol=tolerance, atol=tolerance, err_msg=f"by {variable}"
        )
    return list(gradients)


def row_reverse(row: Any) -> None:
    """Reverse mode against central differences in the domain, stretched inputs too."""
    against_differences(*costs(row), row)
    if row.arity > 1:
        against_differences(*costs(row, stretched=True), row)


def row_transpose(row: Any) -> None:
    """u . (J v) = (J^T u) . v: forward and reverse mode are transposes of each other."""
    variables, arrays, _ = costs(row)
    output = pt.cast(registry.FUNCTIONS[row.name](*variables), "float64")
    rng = generator(row.name)
    given = dict(zip(variables, arrays))
    directions = [rng.normal(size=array.shape) for array in arrays]
    left = rng.normal(size=(3,))
    right = Rop(output, variables, directions, disconnected_outputs="ignore")
    pulled = Lop(output, variables, pt.constant(left), disconnected_inputs="ignore")
    forward, *backward = values([right, *pulled], given)
    np.testing.assert_allclose(
        np.sum(left * forward), sum(np.sum(b * d) for b, d in zip(backward, directions)),
        rtol=TRANSPOSE_TOLERANCE.get(row.name, 1e-10), atol=1e-12,
    )


# their derivatives are rounded to few digits on one of the two ways
TRANSPOSE_TOLERANCE = {"cast_float32": 1e-5, "cast_float16": 1e-2}


def row_second_order(row: Any) -> None:
    """The derivative of the derivative against central differences of the derivative."""
    variables, arrays, cost = costs(row)
    gradients = grad(cost, variables, disconnected_inputs="ignore")
    total = sum(pt.sum(g * g) for g in gradients)
    against_differences(variables, arrays, total, row)


def row_precision(row: Any) -> None:
    """A float32 input has a float32 derivative, equal to that in float64 up to rounding."""
    rng = generator(row.name)
    arrays = [draw(row, argument, (3,), "float32", rng) for argument in row.arguments]
    results = []
    for dtype in ("float32", "float64"):
        cast = [array.astype(dtype) for array in arrays]
        variables, output = apply(row, cast)
        cost = pt.sum(pt.cast(output, dtype))
        gradients = grad(cost, variables, disconnected_inputs="ignore")
        results.append(values(gradients, dict(zip(variables, cast))))
    for single, double in zip(*results):
        assert single.dtype == "float32"
        np.testing.assert_allclose(single, double, rtol=2e-5, atol=1e-6)


def row_pickle(row: Any) -> None:
    """The op comes back from a pickle equal to itself, with the same row."""
    op = registry.FUNCTIONS[row.name]
    again = pickle.loads(pickle.dumps(op))
    assert again == op and hash(again) == hash(op) and again.row is row


def row_words(row: Any) -> None:
    """There is a summary, a formula, and words for each derivative that is not zero."""
    assert row.summary.endswith(".") and row.summary in (registry.FUNCTIONS[row.name].__doc__ or "")
    assert row.latex.format(*row.arguments)
    assert set(row.domain) == set(row.arguments)
    assert registry.FUNCTIONS[row.name] is getattr(pt, row.name)


ROW_PROPERTIES: dict[str, Callable[[Any], None]] = {
    "value": row_value, "layouts": row_layouts, "broadcast": row_broadcast, "dtypes": row_dtypes,
    "shape": row_shape, "points": row_points, "primitives": row_primitives, "reverse": row_reverse,
    "transpose": row_transpose, "second_order": row_second_order, "precision": row_precision,
    "pickle": row_pickle, "words": row_words,
}
OF_FLOATS = {"points", "reverse", "transpose", "second_order", "precision"}


def row_cells() -> list[tuple[str, str]]:
    """The cells of the elementwise rows: what is not defined for a row is no cell."""
    found = []
    for (name, row), kind in itertools.product(sorted(registry.ROWS.items()), ROW_PROPERTIES):
        if kind in OF_FLOATS and not takes(row, "float64"):
            continue
        if kind in OF_FLOATS - {"points"} and name.startswith("cast_complex"):
            continue  # a cost is real
        if kind == "broadcast" and row.arity == 1:
            continue
        found.append((name, kind))
    return found


@pytest.mark.rotates.with_args(left_out)
@pytest.mark.parametrize("cell", ["-".join(pair) for pair in row_cells()])
def test_row(cell: str) -> None:
    name, kind = cell.rsplit("-", 1)
    ROW_PROPERTIES[kind](registry.ROWS[name])


# -- properties of the other ops -----------------------------------------------------------------

def samples(op: Any) -> list[Any]:
    return list(op.samples(generator(op.op_name)))


def op_value(op: Any) -> None:
    """NumPy's values, with and without known lengths."""
    for sample in samples(op):
        name, positional, keywords = sample
        expected = np.asarray(numpy_reference(name)(*positional, **keywords))
        for known in (True, False):
            variables, arrays, output = symbolic(sample, known)
            found = value(output, dict(zip(variables, arrays)))
            assert found.shape == expected.shape
            np.testing.assert_allclose(found, expected, rtol=1e-13)


def op_dtypes(op: Any) -> None:
    """Node and value agree on the dtype, over dtypes."""
    for (name, positional, keywords), dtype in itertools.product(samples(op), DTYPES):
        cast = tuple(
            np.asarray(a).astype(dtype) if isinstance(a, np.ndarray | np.floating) else a
            for a in positional
        )
        variables, arrays, output = symbolic((name, cast, keywords), True)
        with contextlib.suppress(np.linalg.LinAlgError):  # the cast made a matrix singular
            value(output, dict(zip(variables, arrays)))  # checks each node on the way


def op_layouts(op: Any) -> None:
    """The same values from strided, transposed and empty arrays."""
    for name, positional, keywords in samples(op):
        if not any(isinstance(a, np.ndarray) for a in positional):
            continue
        changed = tuple(
            np.asfortranarray(np.repeat(a, 2, axis=-1))[..., ::2]
            if isinstance(a, np.ndarray) and a.ndim else a for a in positional
        )
        variables, arrays, output = symbolic((name, changed, keywords), False)
        expected = np.asarray(numpy_reference(name)(*positional, **keywords))
        found = value(output, dict(zip(variables, arrays)))
        np.testing.assert_allclose(found, expected, rtol=1e-13)


# the lengths of their results depend on values, or are hidden on purpose
UNKNOWN_LENGTHS = {"nonzero", "repeat", "unbroadcast", "unique_places"}


def op_shape(op: Any) -> None:
    """Where all lengths of the inputs are known, those of the result are."""
    for sample in samples(op):
        variables, arrays, output = symbolic(sample, True)
        assert None not in output.type.shape or op.op_name in UNKNOWN_LENGTHS
        agrees(value(output, dict(zip(variables, arrays))), output)


def in_float64(output: Any) -> Any:
    """An output in double precision; of complex numbers the real part."""
    real = pt.real(output) if output.type.dtype.startswith("complex") else output
    return pt.cast(real, "float64")


def op_costs(op: Any) -> list[tuple[Any, Any, Any]]:
    found = []
    for sample, known in itertools.product(samples(op), (True, False)):
        variables, arrays, output = symbolic(sample, known)
        if variables:
            weights = generator(op.op_name).uniform(
                0.5, 1.5, size=value(output, dict(zip(variables, arrays))).shape
            )
            found.append((variables, arrays, pt.sum(in_float64(output) * weights)))
    return found


class _Step:
    name = ""


def op_reverse(op: Any) -> None:
    """Reverse mode against central differences."""
    for variables, arrays, cost in op_costs(op):
        against_differences(variables, arrays, cost, _Step)


def op_second_order(op: Any) -> None:
    """The derivative of the derivative against central differences of the derivative."""
    for variables, arrays, cost in op_costs(op):
        gradients = grad(pt.sqr(cost), variables, disconnected_inputs="ignore")
        total = sum(pt.sum(g * g) for g in gradients)
        against_differences(variables, arrays, total, _Step)


def op_transpose(op: Any) -> None:
    """u . (J v) = (J^T u) . v."""
    for sample in samples(op):
        variables, arrays, output = symbolic(sample, False)
        if not variables:
            continue
        given, rng = dict(zip(variables, arrays)), generator(op.op_name)
        output = in_float64(output)
        left = rng.normal(size=value(output, given).shape)
        directions = [rng.normal(size=array.shape) for array in arrays]
        right = Rop(output, variables, directions, disconnected_outputs="ignore")
        pulled = Lop(output, variables, pt.constant(left), disconnected_inputs="ignore")
        forward, *backward = values([right, *pulled], given)
        np.testing.assert_allclose(
            np.sum(left * forward), sum(np.sum(b * d) for b, d in zip(backward, directions)),
            rtol=1e-10, atol=1e-12,
        )


def op_pickle(op: Any) -> None:
    """The op of each sample comes back from a pickle equal to itself."""
    for sample in samples(op):
        for node in toposort([symbolic(sample, False)[2]]):
            again = pickle.loads(pickle.dumps(node.op))
            assert again == node.op and hash(again) == hash(node.op)


def op_words(op: Any) -> None:
    """The first line of the docstring is a sentence, and the samples make the op."""
    assert op.summary.endswith(".") and op.summary in inspect.getdoc(op).replace("`", "")
    made = [symbolic(sample, False)[2] for sample in samples(op)]
    assert any(op in ops_in(output) for output in made)


def ops_in(output: Any) -> set[type]:
    return {type(node.op) for node in toposort([output])}


OP_PROPERTIES: dict[str, Callable[[Any], None]] = {
    "value": op_value, "dtypes": op_dtypes, "layouts": op_layouts, "shape": op_shape,
    "reverse": op_reverse, "transpose": op_transpose, "second_order": op_second_order,
    "pickle": op_pickle, "words": op_words,
}

OP_CELLS = [f"{name}-{kind}" for name in sorted(registry.OPS) for kind in OP_PROPERTIES
            if registry.OPS[name].samples is not None]


@pytest.mark.rotates.with_args(left_out)
@pytest.mark.parametrize("cell", OP_CELLS)
def test_op(cell: str) -> None:
    name, kind = cell.rsplit("-", 1)
    OP_PROPERTIES[kind](registry.OPS[name])


def test_every_op_of_the_room_has_samples() -> None:
    """Ops that change derivatives on purpose (`gradient.boundaries`) have tests of their own."""
    assert not [name for name, op in registry.OPS.items()
                if op.samples is None and op.__module__.startswith("autodiff_lab.tensor.")]
