"""`pp` and `dprint`: the tutorials' strings to the letter, trees, and chains of any length."""

from __future__ import annotations

import io

import numpy as np
import pytest

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.graph import FunctionGraph
from autodiff_lab.view.text import debugprint, dprint, letters, pp

RAW_GRADIENT = (
    "((fill((x ** TensorConstant{2}), TensorConstant{1.0}) * TensorConstant{2})"
    " * (x ** (TensorConstant{2} - TensorConstant{1})))"
)
SHORT_GRADIENT = "((fill((x ** 2), 1.0) * 2) * (x ** (2 - 1)))"


def test_the_tutorials_raw_gradient() -> None:
    x = pt.dscalar("x")
    gradient = ad.grad(x**2, x)
    assert pp(gradient) == RAW_GRADIENT
    assert pp(gradient, constants="short") == SHORT_GRADIENT


def test_constants_of_compiled_graphs_are_bare() -> None:
    x = pt.dscalar("x")
    graph = FunctionGraph([x], [pt.constant(2.0, dtype="float64") * x])
    assert pp(graph) == pp(graph.outputs[0]) == "(2.0 * x)"


X, Y = pt.dscalar("x"), pt.dscalar("y")
M, V = pt.dmatrix("M"), pt.dvector("v")

LINES = {
    "infix": (X + Y * X, "(x + (y * x))"),
    "negation": (-X * Y, "((-x) * y)"),
    "comparison": (X > Y, "(x > y)"),
    "call": (pt.exp(X), "exp(x)"),
    "two arguments": (pt.maximum(X, Y), "maximum(x, y)"),
    "sum over all": (pt.sum(M), "sum(M)"),
    "sum over an axis": (pt.sum(M, axis=0), "Sum{axis=[0]}(M)"),
    "added axes are hidden": (M + V, "(M + v)"),
    "added axes of a scalar": (X * M, "(x * M)"),
    "transpose": (M.T, "M.T"),
    "a column": (V.dimshuffle(0, "x"), "DimShuffle{0, x}(v)"),
    "cast": (pt.cast(X, "float32"), "Cast{float32}(x)"),
    "unnamed input": (pt.exp(pt.dvector()), "exp(<Vector(float64, shape=(?,))>)"),
    "unnamed scalar": (pt.dscalar(), "<Scalar(float64, shape=())>"),
    "array constant": (V + np.array([1.0, 2.0]), "(v + TensorConstant{[1. 2.]})"),
    "uniform constant": (M + np.zeros((3, 2)), "(M + TensorConstant{(3, 2) of 0.0})"),
}


@pytest.mark.parametrize("case", LINES)
def test_one_line(case: str) -> None:
    variable, expected = LINES[case]
    assert pp(variable) == expected


def test_an_unknown_style_of_constants() -> None:
    with pytest.raises(ValueError, match="constants='long' is unknown"):
        pp(X, constants="long")


def test_a_shared_part_is_not_written_for_ever() -> None:
    doubled = X
    for _ in range(200):
        doubled = doubled + doubled
    assert pp(doubled, max_pieces=1000).count("...") > 0


def test_the_tree() -> None:
    shared = X * Y
    assert dprint(shared + pt.exp(shared), file="str") == (
        "Add [id A]\n"
        " ├─ Mul [id B]\n"
        " │  ├─ x [id C]\n"
        " │  └─ y [id D]\n"
        " └─ Exp [id E]\n"
        "    └─ Mul [id B]\n"
        "       └─ ···\n"
    )


OPTIONS = {
    "depth": ({"depth": 1}, "Exp [id A]\n"),
    "ints": ({"id_type": "int"}, "Exp [id 0]\n └─ Neg [id 1]\n    └─ x [id 2]\n"),
    "no ids": ({"id_type": ""}, "Exp\n └─ Neg\n    └─ x\n"),
    "types": (
        {"print_type": True, "id_type": "", "depth": 2},
        "Exp <Scalar(float64, shape=())>\n └─ Neg <Scalar(float64, shape=())>\n",
    ),
    "shapes": ({"print_shape": True, "id_type": "", "depth": 1}, "Exp shape=()\n"),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_options_of_the_tree(case: str) -> None:
    options, expected = OPTIONS[case]
    assert dprint(pt.exp(-X), file="str", **options) == expected


def test_names_stop_the_tree_only_when_asked() -> None:
    inner = pt.exp(X)
    inner.name = "inner"
    assert dprint(-inner, file="str") == (
        "Neg [id A]\n └─ Exp [id B] 'inner'\n    └─ x [id C]\n"
    )
    assert dprint(-inner, file="str", stop_on_name=True) == "Neg [id A]\n └─ Exp [id B] 'inner'\n"


def test_known_nodes_are_not_opened_again() -> None:
    done: dict[object, str] = {}
    inner = pt.exp(X)
    dprint(inner, file="str", done=done)
    assert dprint(-inner, file="str", done=done) == "Neg [id C]\n └─ Exp [id A]\n    └─ ···\n"


def test_a_graph_shows_the_order_of_computing() -> None:
    graph = FunctionGraph([X], [pt.exp(-X)])
    assert dprint(graph, file="str") == "Exp [id A] 1\n └─ Neg [id B] 0\n    └─ x [id C]\n"


def test_a_handle_is_written_to_and_returned() -> None:
    handle = io.StringIO()
    assert debugprint([X, -X], file=handle) is handle
    assert handle.getvalue() == "x [id A]\nNeg [id B]\n └─ x [id A]\n"


@pytest.mark.parametrize("wrong", ["blah", 3, None])
def test_what_is_no_graph(wrong: object) -> None:
    with pytest.raises(TypeError, match="does not know how to print"):
        dprint(wrong)
    with pytest.raises(TypeError, match="does not know how to print"):
        pp(wrong)


def test_a_chain_of_20000_ops_prints() -> None:
    chain = X
    for _ in range(10_000):
        chain = pt.sin(chain) + 1
    assert pp(chain).count("sin(") == 10_000
    tree = dprint(chain, file="str")
    assert tree.count("\n") == 30_001
    assert max(map(len, tree.splitlines())) < 250


def test_ids_go_on_after_z() -> None:
    assert [letters(n) for n in (0, 25, 26, 27, 675, 676)] == ["A", "Z", "BA", "BB", "ZZ", "BAA"]
