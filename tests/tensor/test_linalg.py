"""Linear algebra beyond the op tables: both forward rules, batches, degenerate points, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.linalg
from graph_values import value, values
from op_samples import generator, symbolic

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.control import jacobian, vectorize_graph
from autodiff_lab.gradient import Lop, Rop, grad
from autodiff_lab.graph import toposort
from autodiff_lab.tensor import registry

SMOOTH = [name for name, op in sorted(registry.OPS.items())
          if op.differentiable and op.samples is not None]


@pytest.mark.parametrize("name", SMOOTH)
def test_forward_rule_is_the_double_pullback(name: str) -> None:
    op = registry.OPS[name]
    for sample in op.samples(generator(name)):
        variables, arrays, output = symbolic(sample, False)
        if not variables or output.dtype != "float64":
            continue
        rng = np.random.default_rng(1)
        directions = [rng.normal(size=array.shape) for array in arrays]
        both = [Rop(output, variables, directions, disconnected_outputs="ignore",
                    use_op_pushforward=direct) for direct in (True, False)]
        direct, double = values(both, dict(zip(variables, arrays)))
        np.testing.assert_allclose(direct, double, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", SMOOTH)
def test_forward_rule_is_direct(name: str) -> None:
    """No op of the tables falls back on the double pullback."""
    op = registry.OPS[name]
    for sample in op.samples(generator(name)):
        variables, _, output = symbolic(sample, False)
        if not variables or output.dtype != "float64" or output.owner is None:
            continue
        tangents = [variable.type.make_variable() for variable in variables]
        found = Rop(output, variables, tangents, disconnected_outputs="ignore")
        ways = {getattr(out.tag, "via", None)
                for node in toposort([found]) for out in node.outputs}
        assert "double-pullback" not in ways


@pytest.mark.parametrize("name", SMOOTH)
def test_a_batch_is_each_entry(name: str) -> None:
    """A leading axis on each argument alone, on all of them, and on the cotangent."""
    op = registry.OPS[name]
    for sample in op.samples(generator(name)):
        variables, arrays, output = symbolic(sample, False)
        if not variables or output.dtype != "float64":
            continue
        rng = np.random.default_rng(2)
        chosen = [[v] for v in variables] + ([variables] if len(variables) > 1 else [])
        for moving in chosen:
            stacks = {v: pt.tensor(shape=(None, *v.type.shape)) for v in moving}
            given = dict(zip(variables, arrays))
            entries = {
                v: given[v] * rng.uniform(0.9, 1.1, size=(3, *[1] * given[v].ndim))
                for v in moving
            }
            cost = pt.sum(output * output)
            gradient = grad(cost, moving[0], disconnected_inputs="ignore")
            results = vectorize_graph([output, gradient], stacks)
            found = values(results, {**given, **{stacks[v]: entries[v] for v in moving}})
            for k in range(3):
                at = {**given, **{v: entries[v][k] for v in moving}}
                for all_entries, one in zip(found, values([output, gradient], at)):
                    np.testing.assert_allclose(all_entries[k], one, rtol=1e-8, atol=1e-10)


# -- products ------------------------------------------------------------------------------------

EINSUMS = [
    ("ij,jk->ik", (2, 3), (3, 4)), ("ij,jk", (2, 3), (3, 4)), ("ij->ji", (2, 3)),
    ("ii->", (3, 3)), ("ii->i", (3, 3)), ("ii", (3, 3)), ("iij->j", (3, 3, 2)),
    ("i,j->ij", (2,), (3,)), ("i,i->", (3,), (3,)), ("i,i->i", (3,), (3,)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 2)), ("...ij,...jk->...ik", (2, 3, 4), (4, 2)),
    ("...i->...", (2, 3, 4)), ("ij,j,k->ik", (2, 3), (3,), (4,)), ("ijk,ilm->jkl", (2, 3, 4),
                                                                   (2, 5, 2)),
    ("ij,ij->", (2, 3), (2, 3)), ("ab,bc,cd->da", (2, 3), (3, 4), (4, 2)), ("b...,b->...b",
                                                                           (2, 3), (2,)),
    ("i,->i", (3,), ()), ("ij,jk->ik", (2, 1), (3, 4)), ("...a,...a->...a", (2, 1, 3), (4, 3)),
    ("ij,kl->", (2, 3), (2, 2)), ("cba", (2, 3, 4)),
]


@pytest.mark.parametrize("case", EINSUMS, ids=[f"{row[0]} {len(row)}" for row in EINSUMS])
@pytest.mark.parametrize("known", [True, False])
def test_einsum(case: Any, known: bool) -> None:
    text, *shapes = case
    rng = np.random.default_rng(4)
    arrays = [rng.normal(size=shape) for shape in shapes]
    variables = [
        pt.tensor(shape=shape if known else [1 if n == 1 else None for n in shape])
        for shape in shapes
    ]
    given = dict(zip(variables, arrays))
    output = pt.einsum(text, *variables)
    expected = np.einsum(text, *arrays)
    found = value(output, given)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    if known:
        assert output.type.shape == expected.shape
    weights = rng.normal(size=expected.shape)
    gradients = values(grad(pt.sum(output * weights), variables), given)
    for place, gradient in enumerate(gradients):
        direction = rng.normal(size=shapes[place])
        moved = [direction if k == place else array for k, array in enumerate(arrays)]
        np.testing.assert_allclose(
            np.sum(gradient * direction), np.sum(weights * np.einsum(text, *moved)), rtol=1e-10
        )


PRODUCTS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("tensordot", ((2, 3, 4), (4, 3, 5)), {"axes": [[1, 2], [1, 0]]}),
    ("tensordot", ((2, 3, 4), (3, 4, 5)), {}),
    ("tensordot", ((2, 3), (4,)), {"axes": 0}),
    ("tensordot", ((2, 3), (2, 3)), {"axes": 2}),
    ("tensordot", ((2, 3), (4, 2)), {"axes": [0, 1]}),
    ("inner", ((2, 3), (4, 3)), {}), ("inner", ((2, 2, 3), (3,)), {}), ("inner", ((3,), (3,)), {}),
    ("kron", ((2, 3), (2, 2)), {}), ("kron", ((3,), (2, 2)), {}), ("kron", ((), (2,)), {}),
    ("dot", ((2, 3, 4), (5, 4, 2)), {}), ("dot", ((2, 3, 4), (4,)), {}),
    ("dot", ((3,), (2, 3, 2)), {}),
    ("outer", ((2, 2), (3,)), {}), ("vdot", ((2, 3), (2, 3)), {}),
    ("matmul", ((2, 1, 3, 4), (5, 4, 2)), {}), ("matmul", ((3,), (2, 3, 2)), {}),
]


@pytest.mark.parametrize("case", PRODUCTS, ids=str)
def test_products_as_numpy(case: Any) -> None:
    name, shapes, options = case
    rng = np.random.default_rng(5)
    arrays = [rng.normal(size=shape) for shape in shapes]
    for known in (True, False):
        variables = [
            pt.tensor(shape=s if known else [1 if n == 1 else None for n in s]) for s in shapes
        ]
        output = getattr(np, name)(*variables, **options)
        expected = getattr(np, name)(*arrays, **options)
        np.testing.assert_allclose(value(output, dict(zip(variables, arrays))), expected)
        if known:
            assert output.type.shape == np.shape(expected)
        costs = [pt.sum(output**2), np.sum(expected**2)]
        gradient = grad(costs[0], variables[0])
        # the cost is of degree 2 in each argument: x . grad = 2 cost
        found = value(pt.sum(gradient * variables[0]), dict(zip(variables, arrays)))
        np.testing.assert_allclose(found, 2 * costs[1])


@pytest.mark.parametrize("shapes", [((3, 2, 4), (3, 4, 5)), ((3, 4), (3, 4)), ((3, 4), (3, 4, 2)),
                                    ((3, 2, 4), (3, 4)), ((3,), (3, 2)), ((3, 2, 2, 4), (3, 4, 2))])
def test_batched_dot(shapes: Any) -> None:
    rng = np.random.default_rng(6)
    arrays = [rng.normal(size=shape) for shape in shapes]
    variables = [pt.tensor(shape=[None] * len(shape)) for shape in shapes]
    found = value(pt.batched_dot(*variables), dict(zip(variables, arrays)))
    expected = np.stack([np.dot(a, b) if 0 in (a.ndim, b.ndim) else np.tensordot(a, b, 1)
                         for a, b in zip(*arrays)])
    np.testing.assert_allclose(found, expected)


# -- degenerate points ---------------------------------------------------------------------------


def test_determinant_of_a_singular_matrix() -> None:
    x = pt.dmatrix("x")
    at = np.array([[1.0, 2.0], [2.0, 4.0]])
    np.testing.assert_allclose(value(grad(pt.linalg.det(x), x), {x: at}), [[4, -2], [-2, 1]])
    zeros = value(grad(pt.linalg.det(x), x), {x: np.zeros((3, 3))})
    np.testing.assert_array_equal(zeros, np.zeros((3, 3)))


def test_equal_eigenvalues() -> None:
    """What does not depend on the choice of the vectors has its right derivative."""
    x = pt.dmatrix("x")
    at = np.eye(3)
    trace = grad(pt.sum(pt.linalg.eigvalsh(x)), x)
    np.testing.assert_allclose(value(trace, {x: at}), np.eye(3), atol=1e-14)
    w, v = pt.linalg.eigh(x)
    cost = pt.sum(pt.dot(v * pt.exp(w), v.T))
    assert np.isfinite(value(grad(cost, x), {x: at})).all()


def test_equal_singular_values() -> None:
    x = pt.dmatrix("x")
    nuclear = grad(pt.linalg.norm(x, "nuc"), x)
    at = np.vstack([np.eye(2), np.zeros((1, 2))])
    np.testing.assert_allclose(value(nuclear, {x: at}), at, atol=1e-14)
    u, s, vt = pt.linalg.svd(x, full_matrices=False)
    again = grad(pt.sum(pt.dot(u * s, vt) * np.arange(6.0).reshape(3, 2)), x)
    found = value(again, {x: np.zeros((3, 2))})
    assert np.isfinite(found).all()


def test_further_vectors_have_no_derivative() -> None:
    x = pt.dmatrix("x")
    with pytest.raises(TypeError, match="full_matrices=False"):
        grad(pt.sum(pt.linalg.svd(x)[0]), x)
    with pytest.raises(TypeError, match="reduced"):
        grad(pt.sum(pt.linalg.qr(x, "complete")[0]), x)


@pytest.mark.parametrize("shape", [(2, 4), (1, 3), (3, 3), (4, 2), (2, 2, 3)])
@pytest.mark.parametrize("which", [0, 1])
def test_qr_moves_alike_whether_or_not_its_shape_is_known(
    shape: tuple[int, ...], which: int
) -> None:
    rng = np.random.default_rng(5)
    at, by = rng.normal(size=shape), rng.normal(size=shape)
    weights = rng.normal(size=np.linalg.qr(at)[which].shape)
    slope = (np.linalg.qr(at + 1e-6 * by)[which] - np.linalg.qr(at - 1e-6 * by)[which]) / 2e-6
    for known in (shape, [None] * len(shape)):
        x = pt.tensor("x", shape=known, dtype="float64")
        factor = pt.linalg.qr(x)[which]
        moved, gradient = values([Rop(factor, x, by), grad(pt.sum(factor * weights), x)], {x: at})
        np.testing.assert_allclose(moved, slope, atol=1e-6)
        np.testing.assert_allclose(np.sum(gradient * by), np.sum(weights * moved))


def test_only_one_triangle_is_read() -> None:
    x = pt.dmatrix("x")
    at = np.array([[4.0, 99.0], [1.0, 5.0]])
    gradient = value(grad(pt.sum(pt.linalg.cholesky(x)), x), {x: at})
    assert gradient[0, 1] == 0 and gradient[1, 0] != 0
    upper = value(pt.linalg.cholesky(x, lower=False), {x: at.T})
    np.testing.assert_allclose(upper, np.linalg.cholesky(at).T)
    assert np.isnan(value(pt.linalg.cholesky(x, on_error="nan"), {x: -at})).all()


# -- names, options, batches ---------------------------------------------------------------------

NUMPY_CALLS = {
    "np.linalg.inv(x)": lambda x: np.linalg.inv(x),
    "np.linalg.det(x)": lambda x: np.linalg.det(x),
    "np.linalg.slogdet(x)[1]": lambda x: np.linalg.slogdet(x)[1],
    "np.linalg.solve(x, x[0])": lambda x: np.linalg.solve(x, x[0]),
    "np.linalg.norm(x)": lambda x: np.linalg.norm(x),
    "np.linalg.norm(x, 1)": lambda x: np.linalg.norm(x, 1),
    "np.linalg.norm(x, -2)": lambda x: np.linalg.norm(x, -2),
    "np.linalg.norm(x, 'nuc')": lambda x: np.linalg.norm(x, "nuc"),
    "np.linalg.norm(x, np.inf)": lambda x: np.linalg.norm(x, np.inf),
    "np.linalg.norm(x, axis=1)": lambda x: np.linalg.norm(x, axis=1),
    "np.linalg.norm(x, 3, 0, True)": lambda x: np.linalg.norm(x, 3, 0, True),
    "np.linalg.norm(x, ord='fro', axis=(1, 0), keepdims=True)":
        lambda x: np.linalg.norm(x, ord="fro", axis=(1, 0), keepdims=True),
    "np.linalg.pinv(x)": lambda x: np.linalg.pinv(x),
    "np.linalg.eigh(x)[0]": lambda x: np.linalg.eigh(x)[0],
    "np.linalg.svd(x)[1]": lambda x: np.linalg.svd(x)[1],
    "np.linalg.qr(x)[1]": lambda x: np.linalg.qr(x)[1],
    "np.trace(x)": lambda x: np.trace(x),
    "np.diag(x)": lambda x: np.diag(x),
    "np.diag(x[0], -1)": lambda x: np.diag(x[0], -1),
    "np.diagonal(x, 1)": lambda x: np.diagonal(x, 1),
    "np.tril(x, 1)": lambda x: np.tril(x, 1),
    "x @ x": lambda x: x @ x,
    "np.einsum('ij,kj->i', x, x)": lambda x: np.einsum("ij,kj->i", x, x),
}


@pytest.mark.parametrize("text", NUMPY_CALLS)
def test_numpy_spelling(text: str) -> None:
    x = pt.dmatrix("x")
    at = np.random.default_rng(8).normal(size=(3, 3)) + 2 * np.eye(3)
    call = NUMPY_CALLS[text]
    np.testing.assert_allclose(value(call(x), {x: at}), call(at), rtol=1e-12, atol=1e-13)


def test_options_of_solve() -> None:
    rng = np.random.default_rng(9)
    matrix = rng.normal(size=(3, 3)) + 3 * np.eye(3)
    right = rng.normal(size=3)
    x, b = pt.dmatrix("x"), pt.dvector("b")
    for options in ({}, {"assume_a": "sym"}, {"assume_a": "pos", "lower": True},
                    {"transposed": True}, {"assume_a": "diagonal"},
                    {"assume_a": "upper triangular"}):
        found = value(pt.linalg.solve(x, b, **options), {x: matrix, b: right})
        np.testing.assert_allclose(found, scipy.linalg.solve(matrix, right, **options))
    stack = rng.normal(size=(4, 3))
    rows = pt.dmatrix("rows")
    found = value(pt.linalg.solve(x, rows, b_ndim=1), {x: matrix, rows: stack})
    np.testing.assert_allclose(found, np.linalg.solve(matrix, stack.T).T)


def test_jacobian_of_solve_is_the_inverse() -> None:
    x, b = pt.dmatrix("x"), pt.dvector("b")
    at = np.random.default_rng(10).normal(size=(3, 3)) + 3 * np.eye(3)
    found = value(jacobian(pt.linalg.solve(x, b), b), {x: at, b: np.ones(3)})
    np.testing.assert_allclose(found, np.linalg.inv(at))


def test_matrices_of_whole_numbers_and_half_precision() -> None:
    assert pt.linalg.inv(pt.imatrix("n")).dtype == "float64"
    half = pt.matrix("h", dtype="float16")
    assert pt.linalg.det(half).dtype == "float32"
    gradient = grad(pt.linalg.det(half), half)
    assert gradient.dtype == "float16"


@pytest.mark.parametrize("columns", [(), (2,)])
def test_least_squares(columns: Any) -> None:
    rng = np.random.default_rng(13)
    matrix, right = rng.normal(size=(5, 3)), rng.normal(size=(5, *columns))
    x, b = pt.dmatrix("x"), pt.tensor("b", shape=[None] * right.ndim)
    found = values(np.linalg.lstsq(x, b), {x: matrix, b: right})
    for mine, theirs in zip(found, np.linalg.lstsq(matrix, right)):
        np.testing.assert_allclose(mine, np.reshape(theirs, mine.shape))
    flat = pt.linalg.lstsq(np.ones((3, 2)), np.ones(3))[2]
    assert value(flat) == 1


def test_factors_without_permutation() -> None:
    x = pt.dmatrix("x")
    at = np.random.default_rng(14).normal(size=(3, 3))
    for mine, theirs in zip(values(pt.linalg.lu(x, permute_l=True), {x: at}),
                            scipy.linalg.lu(at, permute_l=True)):
        np.testing.assert_allclose(mine, theirs)


def test_families_names() -> None:
    assert pt.nlinalg.matrix_inverse is pt.slinalg.inv is pt.linalg.inv is pt.matrix_inverse
    stack = np.arange(8.0).reshape(2, 2, 2)
    np.testing.assert_array_equal(value(pt.linalg.trace(stack)), [3, 11])
    np.testing.assert_array_equal(value(pt.trace(stack)), np.trace(stack))


# -- errors --------------------------------------------------------------------------------------

REFUSED: list[tuple[str, Any, tuple[str, ...]]] = [
    ("pt.linalg.inv(v)", ValueError, ("inv is for matrices", "v", "x[:, None]")),
    ("pt.linalg.inv(pt.ones((2, 3)))", ValueError, ("square", "2 rows and 3 columns", "pinv")),
    ("pt.linalg.solve(pt.eye(3), pt.ones(4))", ValueError, ("3 rows", "4")),
    ("pt.linalg.solve(m, v, assume_a='x')", ValueError, ("assume_a='x'",)),
    ("pt.linalg.solve_triangular(m, v, trans=3)", ValueError, ("trans=3",)),
    ("pt.tensordot(m, v, [[0, 1], [0]])", ValueError, ("pair axes",)),
    ("pt.tensordot(m, v, [[5], [0]])", ValueError, ("[5]", "2 axes")),
    ("pt.tensordot(pt.ones((2, 3)), pt.ones((4, 2)), 1)", ValueError, ("length 3", "4")),
    ("pt.einsum('ij', v)", ValueError, ("'ij'", "v")),
    ("pt.einsum('ij,jk->ik', m)", ValueError, ("2 arrays, 1",)),
    ("pt.einsum('i->j', v)", ValueError, ("'i->j'",)),
    ("pt.einsum('i,i', pt.ones(2), pt.ones(3))", ValueError, ("2 and 3",)),
    ("pt.matmul(pt.ones((2, 3, 4)), pt.ones((2, 3, 4)))", ValueError, ("4 columns", "3 rows")),
    ("pt.matmul(pt.ones((2, 3, 4)), pt.ones((5, 4, 4)))", ValueError, ("2, 5", "batches")),
    ("pt.trace(v)", ValueError, ("different axes", "diag(v)")),
    ("pt.linalg.norm(pt.ones((2, 2, 2)), 2)", ValueError, ("one or two axes",)),
    ("pt.linalg.norm(v, 'x')", ValueError, ("ord='x'",)),
    ("pt.linalg.eigh(m, UPLO='x')", ValueError, ("UPLO='x'",)),
    ("pt.linalg.qr(m, mode='raw')", ValueError, ("'raw'",)),
]


@pytest.mark.parametrize(("text", "error", "parts"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused(text: str, error: Any, parts: tuple[str, ...]) -> None:
    with pytest.raises(error) as caught:
        eval(text, {"pt": pt, "m": pt.dmatrix("m"), "v": pt.dvector("v")})
    for part in parts:
        assert part in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 12


def test_a_singular_matrix_keeps_numpys_error_and_the_users_line() -> None:
    x = pt.dmatrix("x")
    f = ad.function([x], pt.linalg.inv(x))
    with pytest.raises(np.linalg.LinAlgError) as caught:
        f(np.zeros((2, 2)))
    text = str(caught.value) + " ".join(getattr(caught.value, "__notes__", []))
    assert "Singular" in text and "pt.linalg.inv(x)" in text


def test_unknown_stacks_do_not_stretch_at_run_time() -> None:
    x, y = pt.dtensor3("x"), pt.dtensor3("y")
    f = ad.function([x, y], pt.matmul(x, y))
    with pytest.raises(ValueError, match="Runtime broadcasting"):
        f(np.ones((1, 2, 2)), np.ones((3, 2, 2)))


def test_lop_of_a_product_of_stacks() -> None:
    x, y = pt.tensor("x", shape=(1, None, None)), pt.dtensor3("y")
    pulled = Lop(pt.matmul(x, y), x, pt.ones((3, 2, 2)))
    assert value(pulled, {x: np.ones((1, 2, 2)), y: np.ones((3, 2, 2))}).shape == (1, 2, 2)


SQUARE = np.arange(9.0).reshape(3, 3)


@pytest.mark.parametrize("k", [-1, 0, 1])
@pytest.mark.parametrize("name", ["tril", "triu"])
def test_a_triangle_whose_diagonal_is_known_at_run_time(name: str, k: int) -> None:
    x, diagonal = pt.dmatrix("x"), pt.lscalar("k")
    found = value(getattr(pt, name)(x, diagonal), {x: SQUARE, diagonal: k})
    np.testing.assert_array_equal(found, getattr(np, name)(SQUARE, k))


def test_a_number_or_a_vector_fills_the_diagonal() -> None:
    assert value(pt.fill_diagonal(pt.ones((2, 3)), 7), {}).tolist() == [[7, 1, 1], [1, 7, 1]]
    assert value(pt.fill_diagonal(SQUARE, [1, 2, 3]), {}).trace() == 6


@pytest.mark.parametrize("ord", [np.inf, -np.inf, 0, 1, 2, 3, None])
def test_norms_of_vectors_and_their_derivatives(ord: Any) -> None:
    x, point = pt.dvector("x"), np.array([3.0, -4.0, 1.0])
    norm = pt.linalg.norm(x, ord=ord)
    assert value(norm, {x: point}) == pytest.approx(np.linalg.norm(point, ord=ord))
    slope = value(grad(norm, x, disconnected_inputs="ignore"), {x: point})
    moved = [np.linalg.norm(point + step, ord=ord) - np.linalg.norm(point - step, ord=ord)
             for step in 1e-6 * np.eye(3)]
    np.testing.assert_allclose(slope, np.divide(moved, 2e-6), atol=1e-8)


@pytest.mark.parametrize("mode", ["reduced", "r"])
def test_a_wide_matrix_has_its_decomposition_and_its_derivative(mode: str) -> None:
    x = pt.tensor("x", dtype="float64", shape=(2, 3))
    wide = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]])
    found = pt.linalg.qr(x, mode=mode)
    upper = found if mode == "r" else found[1]
    np.testing.assert_allclose(value(upper, {x: wide}), np.linalg.qr(wide, mode="r"), atol=1e-12)
    slope = value(grad(upper.sum(), x), {x: wide})
    for place, entry in np.ndenumerate(slope):
        step = np.zeros((2, 3))
        step[place] = 1e-6
        moved = np.linalg.qr(wide + step, mode="r") - np.linalg.qr(wide - step, mode="r")
        assert entry == pytest.approx(moved.sum() / 2e-6, rel=1e-6)
