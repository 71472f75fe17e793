"""Calls that make the ops of the registry that are no rows: where the tables get their points.

Relies on NumPy alone.  The one idea: `CALLS` has for each op's name a function of a random
generator that gives calls (public name, positional arguments, keywords), always the same ones; an
op of `autodiff_lab.tensor` without a line here fails `test_ops.py`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

Call = tuple[str, tuple[Any, ...], dict[str, Any]]
Calls = Callable[[Any], list[Call]]


def generator(name: str) -> np.random.Generator:
    """Random numbers that are the same in every run and differ from op to op."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def near_identity(rng: Any, *shape: int) -> Any:
    """A well-conditioned matrix or stack."""
    rows, columns = shape[-2:]
    return rng.uniform(-0.4, 0.4, size=shape) + 1.5 * np.eye(rows, columns)


def of_matrices(
    name: str, *shapes: tuple[int, ...], change: Any = lambda matrix: matrix
) -> Calls:
    """Well-conditioned matrices of these shapes, changed."""
    return lambda rng: [(name, (change(near_identity(rng, *shape)),), {}) for shape in shapes]


def steps(shape: tuple[int, ...]) -> Any:
    """A diagonal that keeps eigenvalues apart."""
    return np.diag(2.0 * np.arange(shape[-1]))


def along_one_axis(name: str) -> Calls:
    """A vector, both axes of a matrix, all elements."""

    def calls_of(rng: Any) -> list[Call]:
        matrix = rng.normal(size=(3, 4))
        return [(name, (rng.normal(size=5),), {}), (name, (matrix,), {"axis": 0}),
                (name, (matrix,), {"axis": -1}), (name, (matrix,), {"axis": None})]

    return calls_of


def over_axes(name: str) -> Calls:
    """All axes, one, several."""

    def calls_of(rng: Any) -> list[Call]:
        matrix = rng.normal(size=(3, 4))
        return [
            (name, (rng.normal(size=4),), {}),
            (name, (matrix,), {}),
            (name, (matrix,), {"axis": -1}),
            (name, (rng.normal(size=(2, 3, 2)),), {"axis": (0, 2)}),
        ]

    return calls_of


def reductions(name: str) -> Calls:
    """As `over_axes`; kept axes, none."""

    def calls_of(rng: Any) -> list[Call]:
        matrix = rng.normal(size=(3, 4))
        return [
            *over_axes(name)(rng),
            (name, (matrix,), {"axis": -1, "keepdims": True}),
            (name, (rng.normal(size=()),), {}),
        ]

    return calls_of


CALLS: dict[str, Calls] = {
    **{name: along_one_axis(name) for name in ("cumsum", "sort", "argsort", "argmax", "argmin")},
    **{name: over_axes(name) for name in ("softmax", "log_softmax", "logsumexp")},
    **{name: reductions(name) for name in ("sum", "prod", "max", "min", "any", "all")},
}


def of(name: str) -> Callable[[Calls], Calls]:
    """Declare the calls of an op."""

    def declare(calls_of: Calls) -> Calls:
        CALLS[name] = calls_of
        return calls_of

    return declare


def calls(name: str) -> list[Call]:
    """The calls of an op, always the same ones; none for what is not in the table."""
    return CALLS[name](generator(name)) if name in CALLS else []


CALLS["shape"] = lambda rng: [
    ("shape", (rng.normal(size=(2, 3)),), {}), ("shape", (rng.normal(size=()),), {}),
]
CALLS["reshape"] = lambda rng: [
    ("reshape", (rng.normal(size=6), (2, 3)), {}),
    ("reshape", (rng.normal(size=(2, 3)), (-1,)), {}),
    ("reshape", (rng.normal(size=(2, 3)), (3, -1, 1)), {}),
    ("reshape", (rng.normal(size=()), (1, 1)), {}),
]
CALLS["specify_shape"] = lambda rng: [
    ("specify_shape", (rng.normal(size=(2, 3)), (2, None)), {}),
    ("specify_shape", (rng.normal(size=(2, 3)), (2, 3)), {}),
]
CALLS["unbroadcast"] = lambda rng: [("unbroadcast", (rng.normal(size=(1, 3)), 0), {})]
CALLS["dimshuffle"] = lambda rng: [
    ("dimshuffle", (rng.normal(size=(2, 3)), 1, 0), {}),
    ("dimshuffle", (rng.normal(size=3), "x", 0), {}),
]
CALLS["alloc"] = lambda rng: [
    ("alloc", (rng.normal(size=()), 2, 3), {}),
    ("alloc", (rng.normal(size=(1, 3)), 2, 3), {}),
    ("alloc", (rng.normal(size=3), 2, 3), {}),
    ("alloc", (rng.normal(size=()),), {}),
]
CALLS["arange"] = lambda rng: [
    ("arange", (5,), {}),
    ("arange", (2, 9, 3), {}),
    ("arange", (0.0, 1.0, 0.25), {}),
    ("arange", (5, 0, -2), {}),
]
CALLS["eye"] = lambda rng: [
    ("eye", (3,), {}), ("eye", (2, 4), {}), ("eye", (3, 3, 1), {}),
]
CALLS["searchsorted"] = lambda rng: [
    ("searchsorted", ([1.0, 2.0, 2.0, 3.5], rng.uniform(0, 4, size=(2, 3))), {}),
    ("searchsorted", ([1.0, 2.0, 2.0, 3.5], 2.0, "right"), {}),
]
CALLS["unique_places"] = lambda rng: [("unique", (rng.permutation(6) * 0.7,), {})]
CALLS["triangle"] = lambda rng: [
    ("tril", (rng.normal(size=(3, 4)),), {}),
    ("triu", (rng.normal(size=(3, 3)), 1), {}),
    ("tril", (rng.normal(size=(2, 3, 3)), -1), {}),
]
CALLS["diagonal"] = lambda rng: [
    ("diagonal", (rng.normal(size=(3, 3)),), {}),
    ("diagonal", (rng.normal(size=(2, 4)), 1), {}),
    ("diagonal", (rng.normal(size=(3, 2, 3)), -1, 0, 2), {}),
    ("diagonal", (rng.normal(size=(2, 3)), 3), {}),
]
CALLS["inc_diagonal"] = lambda rng: [
    ("inc_diagonal", (rng.normal(size=(3, 3)), rng.normal(size=3)), {}),
    ("inc_diagonal", (rng.normal(size=(2, 4)), rng.normal(size=2), 1), {}),
    ("inc_diagonal", (rng.normal(size=(3, 2, 3)), rng.normal(size=(2, 2)), -1, 0, 2), {}),
]
CALLS["inv"] = of_matrices("inv", (3, 3), (2, 3, 3), (1, 1))
CALLS["det"] = of_matrices("det", (3, 3), (2, 3, 3), (1, 1))
CALLS["cofactors"] = of_matrices("cofactors", (3, 3), (2, 2, 2))
CALLS["slogdet"] = lambda rng: [
    ("slogdet", (sign * near_identity(rng, *shape),), {})
    for sign, shape in ((1, (3, 3)), (1, (2, 3, 3)), (-1, (3, 3)))
]
CALLS["pinv"] = of_matrices("pinv", (4, 2), (2, 3), (2, 3, 2))
CALLS["qr"] = lambda rng: [
    *(("qr", (near_identity(rng, *shape),), {}) for shape in ((3, 3), (4, 2), (2, 3, 2))),
    ("qr", (near_identity(rng, 3, 2),), {"mode": "r"}),
]
CALLS["lu"] = of_matrices("lu", (3, 3), (2, 3, 3), change=lambda matrix: matrix[..., ::-1, :])
CALLS["expm"] = of_matrices("expm", (3, 3), (2, 2, 2), change=lambda matrix: matrix / 2)


@of("join")
def _(rng: Any) -> list[Call]:
    """Vectors; matrices along both axes; one array."""
    first, other = rng.normal(size=(2, 3)), rng.normal(size=(2, 1))
    return [
        ("join", (0, rng.normal(size=2), rng.normal(size=3)), {}),
        ("join", (1, first, other), {}),
        ("join", (-2, first, rng.normal(size=(1, 3)), first), {}),
    ]


@of("repeat")
def _(rng: Any) -> list[Call]:
    """Counts of all elements, along both axes, one count."""
    return [
        ("repeat", (rng.normal(size=3), [2, 0, 1]), {}),
        ("repeat", (rng.normal(size=(2, 3)), [2, 0, 1], 1), {}),
        ("repeat", (rng.normal(size=(2, 3)), [1, 3], 0), {}),
        ("repeat", (rng.normal(size=(2, 3)), 2), {}),
    ]


@of("linear_recurrence")
def _(rng: Any) -> list[Call]:
    """A vector, both axes of a matrix."""
    shapes = [((4,), 0), ((3, 4), 1), ((3, 4), 0)]
    return [
        ("linear_recurrence", (rng.normal(size=shape), rng.normal(size=shape)), {"axis": axis})
        for shape, axis in shapes
    ]


@of("product_of_others")
def _(rng: Any) -> list[Call]:
    """All axes, some, zeros."""
    matrix = rng.normal(size=(3, 4))
    return [
        ("product_of_others", (rng.normal(size=4),), {}),
        ("product_of_others", (matrix,), {"axis": (0,)}),
        ("product_of_others", (rng.normal(size=(2, 3, 2)),), {"axis": (0, 2)}),
        ("product_of_others", (matrix[0] * [1, 0, 1, 1],), {}),
        ("product_of_others", (matrix[0] * [0, 1, 1, 0],), {}),
    ]


@of("dot")
def _(rng: Any) -> list[Call]:
    """Every pair of ranks 1 and 2, and a scalar."""
    vector, matrix = rng.normal(size=3), rng.normal(size=(3, 4))
    return [
        ("dot", (vector, rng.normal(size=3)), {}),
        ("dot", (vector, matrix), {}),
        ("dot", (matrix, rng.normal(size=4)), {}),
        ("dot", (matrix, rng.normal(size=(4, 2))), {}),
        ("dot", (rng.normal(size=()), matrix), {}),
    ]


@of("subtensor")
def _(rng: Any) -> list[Call]:
    """Numbers, slices, steps, both ends."""
    matrix = rng.normal(size=(3, 4))
    return [
        ("subtensor", (matrix, 1), {}),
        ("subtensor", (matrix, (slice(None), -1)), {}),
        ("subtensor", (matrix, (slice(None, None, -1), slice(1, 3))), {}),
        ("subtensor", (matrix, (Ellipsis, None, slice(0, 4, 2))), {}),
    ]


@of("inc_subtensor")
def _(rng: Any) -> list[Call]:
    """Adding and replacing a row, a column that is stretched."""
    matrix = rng.normal(size=(3, 4))
    first = (slice(None), slice(0, 2))
    return [
        ("inc_part", (matrix, 1, rng.normal(size=4)), {}),
        ("set_part", (matrix, (slice(None), -1), rng.normal(size=3)), {}),
        ("set_part", (matrix, first, rng.normal(size=(3, 1))), {}),
        ("inc_part", (matrix, (slice(None, None, -2), slice(1, 3)), rng.normal(size=())), {}),
    ]


@of("nonzero")
def _(rng: Any) -> list[Call]:
    """A vector, a matrix."""
    return [("nonzero", (rng.normal(size=4),), {}),
            ("nonzero", (rng.normal(size=(2, 3)),), {})]


@of("advanced_subtensor")
def _(rng: Any) -> list[Call]:
    """Rows, pairs, slices between arrays, a mask."""
    matrix, cube = rng.normal(size=(3, 4)), rng.normal(size=(2, 3, 4))
    return [
        ("subtensor", (matrix, [0, 2, 2]), {}),
        ("subtensor", (matrix, ([[0], [1]], [3, 1])), {}),
        ("subtensor", (cube, (slice(None), [0, 2], slice(1, 3))), {}),
        ("subtensor", (cube, ([1, 0, 1], slice(None), [0, 3, 0])), {}),
        ("subtensor", (cube, (slice(None), [[True, False, True, True]] * 3)), {}),
    ]


@of("advanced_inc_subtensor")
def _(rng: Any) -> list[Call]:
    """Repeated places, both ways; a mask; slices between arrays."""
    matrix, cube = rng.normal(size=(3, 4)), rng.normal(size=(2, 3, 4))
    apart = ([1, 0, 1], slice(None), [0, 3, 0])
    return [
        ("inc_part", (matrix, [0, 2, 2], rng.normal(size=(3, 4))), {}),
        ("set_part", (matrix, [0, 2, 2], rng.normal(size=(3, 4))), {}),
        ("set_part", (matrix, (slice(None), [1, 3]), rng.normal(size=(1, 2))), {}),
        ("inc_part", (cube, apart, rng.normal(size=(3, 1))), {}),
        ("set_part", (matrix, [[True, False, False, True]] * 3, rng.normal(size=6)), {}),
    ]


@of("matmul")
def _(rng: Any) -> list[Call]:
    """Stacks of one rank, a matrix and a stack, vectors and a stack, stretched axes."""
    stack = rng.normal(size=(2, 3, 4))
    return [
        ("matmul", (stack, rng.normal(size=(2, 4, 2))), {}),
        ("matmul", (rng.normal(size=(2, 3)), stack), {}),
        ("matmul", (stack, rng.normal(size=4)), {}),
        ("matmul", (rng.normal(size=3), stack), {}),
        ("matmul", (rng.normal(size=(1, 2, 3, 4)), rng.normal(size=(2, 1, 4, 1))), {}),
    ]


@of("solve")
def _(rng: Any) -> list[Call]:
    """Matrices, a vector on the right, stacks, one matrix for a stack."""
    matrix, stack = near_identity(rng, 3, 3), near_identity(rng, 2, 3, 3)
    return [
        ("solve", (matrix, rng.normal(size=(3, 2))), {}),
        ("solve", (matrix, rng.normal(size=3)), {}),
        ("solve", (stack, rng.normal(size=(2, 3, 1))), {}),
        ("solve", (matrix, rng.normal(size=(2, 3, 2))), {}),
    ]


@of("solve_triangular")
def _(rng: Any) -> list[Call]:
    """Both triangles, the transpose, ones on the diagonal, stacks."""
    matrix, right = near_identity(rng, 3, 3), rng.normal(size=(3, 2))
    stack = near_identity(rng, 2, 3, 3)
    return [
        ("solve_triangular", (matrix, right), {"lower": True}),
        ("solve_triangular", (matrix, right), {"trans": 1}),
        ("solve_triangular", (matrix, right[:, 0]), {"lower": True, "unit_diagonal": True}),
        ("solve_triangular", (stack, rng.normal(size=(2, 3, 2))), {"lower": True}),
    ]


@of("cholesky")
def _(rng: Any) -> list[Call]:
    """A matrix, a stack, the other triangle."""
    found: list[Any] = []
    for shape, lower in (((3, 3), True), ((2, 3, 3), True), ((3, 3), False)):
        root = near_identity(rng, *shape)
        found.append(("cholesky", (root @ root.swapaxes(-1, -2),), {"lower": lower}))
    return found


@of("eigh")
def _(rng: Any) -> list[Call]:
    """A matrix, a stack, the values alone."""
    found: list[Any] = []
    for shape, name in (((3, 3), "eigh"), ((2, 3, 3), "eigh"), ((3, 3), "eigvalsh")):
        matrix = near_identity(rng, *shape)
        found.append((name, (matrix + matrix.swapaxes(-1, -2) + steps(shape),), {}))
    return found


@of("eig")
def _(rng: Any) -> list[Call]:
    """Real eigenvalues far apart: a complex vector may be turned at will."""
    return [("eig", (near_identity(rng, *shape) + steps(shape),), {})
            for shape in ((3, 3), (2, 3, 3))]


@of("svd")
def _(rng: Any) -> list[Call]:
    """Square, tall, wide, a stack, the values alone."""
    thin = {"full_matrices": False}
    found: list[Any] = []
    for shape in ((3, 3), (4, 2), (2, 3), (2, 3, 2)):
        matrix = near_identity(rng, *shape)
        matrix = matrix * np.arange(1.0, shape[-1] + 1.0)
        found.append(("svd", (matrix,), thin))
    return [*found, ("svd", (near_identity(rng, 2, 3) * [1.0, 3.0, 1.0],),
                     {"full_matrices": True, "compute_uv": False})]


@of("cumprod")
def _(rng: Any) -> list[Call]:
    """As along any axis; zeros."""
    return [*along_one_axis("cumprod")(rng),
            ("cumprod", (rng.normal(size=5) * [1, 0, 1, 0, 1],), {})]
