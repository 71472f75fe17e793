"""Programs: what is fused, how many buffers, how many bytes; counts, never seconds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.compile import lower
from autodiff_lab.compile.backend import get_backend
from autodiff_lab.compile.kernel import MOST_STATEMENTS
from autodiff_lab.compile.program import RESERVED, Names
from autodiff_lab.graph import FunctionGraph
from autodiff_lab.tensor.scalars import primitives as prim


def lowered(inputs: list[Any], outputs: list[Any], **options: Any) -> Any:
    return lower(FunctionGraph(inputs, outputs), **options)


def test_a_chain_is_one_kernel_without_temporaries() -> None:
    x = pt.dvector("x")
    program = lowered([x], [pt.exp(-x * x) + 1.0, pt.sum(pt.tanh(x))])
    assert len(program.instructions) == len(program.kernels) == 1
    assert program.temporaries == 0
    (kernel,) = program.kernels
    assert kernel.is_flat and kernel.bytes == 16       # one array read, one written
    assert [store.primitive for store in kernel.outputs] == [None, "add"]


def test_the_logistic_gradient_is_one_kernel_of_sixteen_bytes() -> None:
    x = pt.dmatrix("x")
    f = ad.function([x], ad.grad(pt.sum(1 / (1 + pt.exp(-x))), x))
    assert len(f.program.kernels) == 1 and f.program.kernels[0].bytes == 16
    assert [node.op.name for node in f.fgraph.toposort()] == ["neg", "sigmoid", "sigmoid", "mul"]


def test_rows_and_columns_are_in_the_kernel() -> None:
    x, b = pt.dmatrix("x"), pt.dvector("b")
    program = lowered([x, b], [x * b + 1.0])
    (kernel,) = program.kernels
    assert [p.axes for p in kernel.parameters] == [(0, 1), (1,), (0, 1)]
    assert not kernel.is_flat


def test_a_transposed_argument_is_indexed_not_copied() -> None:
    a, b = pt.dmatrices("a", "b")
    (kernel,) = lowered([a, b], [a.T * b]).kernels
    assert {p.name: p.axes for p in kernel.parameters}["a"] == (1, 0)


def test_groups_are_convex_around_a_dot() -> None:
    w, x = pt.dmatrix("w"), pt.dvector("x")
    a = pt.exp(x)
    program = lowered([w, x], [pt.tanh(pt.dot(w, a)) + a])
    kinds = [i.kernel is not None for i in program.instructions]
    assert kinds == [True, False, True]


def test_independent_groups_of_one_space_run_together() -> None:
    x = pt.dvector("x")
    assert len(lowered([x], [x + 1.0, x * 2.0, pt.exp(x)]).kernels) == 1


def test_a_total_ends_a_kernel_and_its_readers_start_another() -> None:
    x = pt.dmatrix("x")
    program = lowered([x], [pt.exp(x) / pt.sum(pt.exp(x))])
    assert [i.kernel is not None for i in program.instructions] == [True, True]


def test_what_a_row_does_with_its_own_sums_is_one_kernel() -> None:
    x = pt.dmatrix("x")
    shifted = x - pt.max(x, axis=1, keepdims=True)
    by_hand = pt.exp(shifted) / pt.sum(pt.exp(shifted), axis=1, keepdims=True)
    weighted = pt.sum(by_hand * x, axis=1)
    outputs = [by_hand, pt.log(weighted), pt.sum(pt.log(weighted)), weighted.dimshuffle(0, "x") * x]
    program = lowered([x], outputs)
    assert len(program.instructions) == len(program.kernels) == 1
    (kernel,) = program.kernels
    # the exponentials are a result anyway; nothing is computed twice
    assert len([s for s in kernel.statements if s.expression.primitive == "exp"]) == 1
    value = np.random.default_rng(0).normal(size=(3, 4))
    got = get_backend("numba").build(program)([value])
    want = get_backend("numpy").build(lowered([x], outputs, fuse=False))([value])
    for one, two in zip(got, want):
        np.testing.assert_allclose(one, two, rtol=1e-13)


def test_what_an_exponential_of_a_row_cost_is_paid_once() -> None:
    x = pt.dmatrix("x")
    program = lowered([x], [pt.special.softmax(x, axis=1), pt.logsumexp(x, axis=1)])
    (kernel,) = program.kernels
    assert len([s for s in kernel.statements if s.expression.primitive == "exp"]) == 1
    assert len(kernel.kept) == 1 and [t.primitive for t in kernel.totals] == ["max", "add"]


def test_leading_axes_are_reduced_in_kernels() -> None:
    x = pt.dmatrix("x")
    outputs = [pt.sum(pt.exp(x), axis=0), pt.max(x, axis=0), pt.sum(x)]
    program = lowered([x], outputs)
    assert len(program.instructions) == len(program.kernels) == 1
    value = np.random.default_rng(0).normal(size=(3, 4))
    got = get_backend("numba").build(program)([value])
    np.testing.assert_allclose(got[0], np.exp(value).sum(axis=0), rtol=1e-14)
    assert (got[1] == value.max(axis=0)).all() and abs(got[2] - value.sum()) < 1e-14


def test_an_input_is_not_written_over_while_it_is_read() -> None:
    x = pt.dmatrix("x")
    y = pt.exp(x) @ pt.exp(x).T                       # no kernel: its result dies in the next one
    first = pt.tanh(y)
    outputs = [first, y - pt.sum(first, axis=1, keepdims=True)]
    value = np.random.default_rng(0).normal(size=(3, 4))
    got = get_backend("numba").build(lowered([x], outputs))([value])
    want = get_backend("numpy").build(lowered([x], outputs, fuse=False))([value])
    for one, two in zip(got, want):
        np.testing.assert_allclose(one, two, rtol=1e-13)


def test_complex_numbers_stay_with_numpy() -> None:
    z = pt.zvector("z")
    assert lowered([z], [z * z + 1.0]).kernels == ()


def test_numpy_reuses_buffers() -> None:
    x = pt.dvector("x")
    y = x
    for _ in range(10):
        y = pt.tanh(y) * x
    program = lowered([x], [y], fuse=False)
    # tanh needs a buffer of its own only once; every other step writes over what dies
    assert program.temporaries == 1
    value = np.array([0.3, -0.4])
    want = value.copy()
    for _ in range(10):
        want = np.tanh(want) * value
    assert get_backend("numpy").build(program)([value])[0].tolist() == want.tolist()


@pytest.mark.parametrize("count", [400, 1200])
def test_a_kernel_has_at_most_300_statements(count: int) -> None:
    x = pt.dvector("x")
    y = x
    for _ in range(count):
        y = pt.sin(y) + x
    program = lowered([x], [y])
    sizes = [len(kernel.statements) for kernel in program.kernels]
    assert max(sizes) <= MOST_STATEMENTS and sum(sizes) == 2 * count
    assert len(sizes) <= -(-2 * count // MOST_STATEMENTS) + 1


def test_twenty_thousand_nodes() -> None:
    x = pt.dvector("x")
    y = x
    for _ in range(10_000):
        y = pt.tanh(y) + x
    program = lowered([x], [y], fuse=False)
    assert len(program.instructions) == 20_000 and program.temporaries <= 2
    assert np.isfinite(get_backend("numpy").build(program)([np.array([0.1])])[0]).all()
    assert len(lowered([x], [y]).instructions) <= 20_000 // MOST_STATEMENTS + 1


def test_common_parts_of_expressions_are_computed_once() -> None:
    x = pt.dvector("x")
    (kernel,) = lowered([x], [pt.sigmoid(x), pt.sigmoid(x) * 2.0]).kernels
    exponentials = [s for s in kernel.statements if s.expression.primitive == "exp"]
    assert len(exponentials) == 1


def test_statements_know_their_nodes_and_lines() -> None:
    x = pt.dvector("x")
    program = lowered([x], [pt.log1p(x)])
    (statement,) = program.kernels[0].statements
    assert statement.nodes[0].op.name == "log1p"
    assert statement.source is not None and statement.source.label == "test_program.py"


def test_names_are_plain_unique_and_not_reserved() -> None:
    names = Names()
    wanted = ["x", "x", "lambda", "exp", "d loss/dx", "", None, "3", "été", "np", "x" * 90]
    made = [names.new(word) for word in wanted]
    assert len(set(made)) == len(made)
    assert all(name.isidentifier() and name.isascii() and name not in RESERVED for name in made)
    assert made[0] == "x"


def test_every_primitive_has_a_numpy_function_and_a_flop_count() -> None:
    for name, primitive in prim.PRIMITIVES.items():
        assert callable(prim.numpy_function(primitive.numpy)), name
        arguments = [prim.Name(f"a{n}", "float64") for n in range(primitive.arity)]
        expression = prim.Expr(name, tuple(arguments), "float64")
        assert prim.flops(expression) == (0 if name == "cast" else primitive.flops)


def test_expressions_infer_dtypes() -> None:
    i, f, x = prim.Name("i", "int8"), prim.Name("f", "float32"), prim.Name("x", "float64")
    assert prim.mul(i, 2).dtype == "int8" and prim.mul(i, 2.5).dtype == "float64"
    assert prim.mul(f, 2.5).dtype == "float32" and prim.add(f, x).dtype == "float64"
    assert prim.exp(i).dtype == "float64" and prim.exp(f).dtype == "float32"
    assert prim.lt(i, x).dtype == "bool"
    assert prim.select(prim.lt(i, 0), f, x).dtype == "float64"
    assert prim.evaluate(prim.select(prim.lt(i, 0), -1.0, x), {"i": -1, "x": 2.0}) == -1.0
