"""Graphs as objects: what is in them, how they print, how parts of them are replaced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.graph import DISCONNECTED, ZERO, FunctionGraph, Tag, Undefined, graph_replace
from autodiff_lab.view.build import graph_view

x, n = pt.dscalar("x"), pt.lscalar("n")


def test_what_a_graph_holds() -> None:
    graph = FunctionGraph([x], [x * 2 + 1], clone=False)
    assert x in graph and graph.outputs[0].owner in graph and n not in graph
    assert len(graph.variables) == 5 and list(graph) == graph.toposort()
    graph.check_integrity()


def test_a_variable_that_is_no_input_is_found() -> None:
    graph = FunctionGraph([x], [x * 2], clone=False)
    graph.replace(graph.outputs[0], x * n)
    with pytest.raises(ad.graph.fgraph.InconsistentGraphError, match="n .* is no input"):
        graph.check_integrity()


def test_only_what_is_in_a_graph_is_replaced() -> None:
    assert ad.pp(graph_replace(x * 2, {x: x + 1}), constants="short") == "((x + 1) * 2)"
    with pytest.raises(ValueError, match="not part of the graph"):
        graph_replace(x * 2, {n: n + 1})
    assert ad.pp(graph_replace(x * 2, {n: n + 1}, strict=False), constants="short") == "(x * 2)"


TREE = "Mul [id A]\n ├─ x [id B]\n └─ 2 [id C]\n"


@pytest.mark.parametrize("printed", [
    lambda y: y.dprint(file="str"), lambda y: ad.dprint(y.owner, file="str"),
    lambda y: ad.dprint([y], file="str"), lambda y: ad.dprint((y.owner,), file="str"),
])
def test_every_way_to_a_tree(printed: Callable[[Any], str]) -> None:
    assert printed(x * 2) == TREE


def test_a_function_and_its_graph_print_one_tree() -> None:
    f = ad.function([x], x * 2)
    assert f.dprint(file="str") == ad.dprint(f.maker.fgraph, file="str")
    with pytest.raises(ValueError, match="CHAR"):
        ad.dprint(x, file="str", id_type="letters")


def test_a_tag_can_be_exchanged() -> None:
    y, mark = pt.dscalar("y"), Tag()
    mark.note = "kept"
    y.tag = mark
    assert y.tag is mark and repr(mark) == "Tag(note='kept')"


@pytest.mark.parametrize("constant, text", [
    (pt.constant(np.ones((2, 3))), "TensorConstant{(2, 3) of 1.0}"),
    (pt.constant(np.arange(3.0)), "TensorConstant{[0. 1. 2.]}"),
    (pt.constant(2, name="two"), "two"),
])
def test_how_constants_print(constant: Any, text: str) -> None:
    assert str(constant) == text


def test_sentinels_print_their_names() -> None:
    assert [repr(s) for s in (ZERO, DISCONNECTED)] == ["ZERO", "DISCONNECTED"]
    assert "no rule" in repr(Undefined("no rule"))


def body_of_a_loop() -> Any:
    return ad.scan(lambda a, b: a * b, sequences=pt.dvector("v"), outputs_info=x)[0][-1]


def body_of_an_op() -> Any:
    return ad.OpFromGraph([x], [x * x + 1])(x * 2)


@pytest.mark.parametrize("make, op", [(body_of_a_loop, "scan"), (body_of_an_op, "op_from_graph")])
def test_the_body_of_a_node_is_a_scene_of_its_own(make: Callable[[], Any], op: str) -> None:
    view = graph_view(make())
    assert [scene.title for scene in view.scenes] == [f"inside {op}"]
    assert [node.inside for node in view.nodes if node.inside] == [f"inside {op}"]
    assert view.scenes[0].nodes


@pytest.mark.parametrize("results", [1, 2])
def test_branches_as_plain_numpy(results: int) -> None:
    pairs = [(x * 2, x - 1), (x, x + 5)][:results]
    chosen = ad.ifelse(n > 0, [a for a, _ in pairs], [b for _, b in pairs])
    f = ad.function([n, x], chosen, mode="FAST_COMPILE")
    space: dict[str, Any] = {}
    exec(f.source("numpy"), space)
    for number in (1, -1):
        np.testing.assert_allclose(space["f"](number, np.float64(3.0)), f(number, 3.0))


def test_a_box_says_what_its_op_does() -> None:
    view = graph_view(pt.log1p(pt.dvector("v")).sum())
    rules = {node.op: node.rule for node in view.nodes if node.op}
    assert rules["sum"] == "Sum over all axes or the given ones."
    assert rules["log1p"].startswith("Natural logarithm of 1 + x")
