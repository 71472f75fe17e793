"""Records of graphs and steps: twins, edges, rules in words, values."""

from __future__ import annotations

import json

import numpy as np
import pytest

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.compile.replay import replay
from autodiff_lab.graph import FunctionGraph
from autodiff_lab.rewriting import RewriteTrace, rewrite
from autodiff_lab.view.build import graph_view, value_summary
from autodiff_lab.view.display import mimebundle
from autodiff_lab.view.model import to_json
from autodiff_lab.view.numeric import points, values_of
from autodiff_lab.view.steps import step_views

x = pt.dscalar("x")


def logistic_view(point: float = 0.4):
    y = 1 / (1 + pt.exp(-x))
    gradient = ad.grad(y, x)
    return graph_view(y, {"x": gradient}, replay([y, gradient], {x: point}), "s")


def test_the_mirror_of_the_logistic_function() -> None:
    nodes = {node.id: node for node in logistic_view().nodes}
    forward = [n.label for n in nodes.values() if n.column == "forward"]
    assert forward == ["x", "−·", "exp", "1", "· + ·", "1", "· / ·"]
    twins = {n.id: n.twin for n in nodes.values() if n.column == "forward" and n.kind != "constant"}
    assert twins == {"A": "A'", "B": "B'", "C": "E'", "E": "E'", "G": "G'"}
    for node in nodes.values():
        if node.twin is not None:
            assert node.row == nodes[node.twin].row or node.id == "C"
    assert nodes["A'"].name == "ds/dx" and nodes["A'"].kind == "output"
    assert nodes["A'"].value.text == "0.240261"
    assert nodes["G'"].rule == "the seed: ds/ds = 1"
    assert nodes["B'"].rule == "derivative by -x: chain rule through exp: exp(u)' = exp(u) u'"
    assert nodes["B'"].term == "d(exp(-x))/d(-x) = exp(-x), times the cotangent of exp(-x)"
    assert nodes["B'"].text == "E' * C"


def test_edges_say_what_is_read() -> None:
    view = logistic_view()
    ids = {node.id: node.column for node in view.nodes}
    for edge in view.edges:
        crossing = ids[edge.source] == "forward" and ids[edge.target] == "adjoint"
        assert edge.kind == ("residual" if crossing else "flow")
    assert sum(edge.kind == "residual" for edge in view.edges) >= 3


def test_every_node_has_one_record() -> None:
    W, b, v = pt.dmatrix("W"), pt.dvector("b"), pt.dvector("v")
    y = pt.sum(pt.tanh(pt.dot(W, v) + b) ** 2)
    gradients = dict(zip(["W", "b"], ad.grad(y, [W, b])))
    view = graph_view(y, gradients)
    ids = [node.id for node in view.nodes]
    assert len(set(ids)) == len(ids)
    assert {edge.source for edge in view.edges} | {edge.target for edge in view.edges} <= set(ids)
    by_name = {node.name: node for node in view.nodes if node.name}
    assert by_name["W"].twin == by_name["dy/dW"].id
    assert by_name["b"].shape == (None,)


def test_added_axes_and_casts_are_plumbing() -> None:
    M, v = pt.dmatrix("M"), pt.fvector("v")
    view = graph_view(pt.sum(M + v))
    assert "dimshuffle" not in [n.op for n in view.nodes]


def test_a_variable_used_twice() -> None:
    u = pt.exp(x)
    y = u * pt.sin(u)
    view = graph_view(y, {"x": ad.grad(y, x)})
    nodes = {node.text: node for node in view.nodes if node.column == "forward"}
    twin = next(n for n in view.nodes if n.id == nodes["exp(x)"].twin)
    assert "used more than once" in twin.rule


def test_source_lines() -> None:
    node = next(n for n in logistic_view().nodes if n.label == "exp")
    assert node.source.label.startswith("test_build_records.py, line ")
    assert "pt.exp" in node.source.text


def test_the_record_is_plain_and_the_same_again() -> None:
    one, two = (json.dumps(to_json(logistic_view())) for _ in range(2))
    assert one == two


def test_no_arrays_in_records() -> None:
    v = pt.dvector("v")
    y = pt.sum(v + np.arange(1000.0))
    values = replay([y], {v: np.ones(1000)})
    assert len(json.dumps(to_json(graph_view(y, {}, values)))) < 5000


@pytest.mark.parametrize(
    ("value", "text", "nans", "infinite"),
    [
        (0.25, "0.25", 0, 0),
        (np.float64("nan"), "nan", 1, 0),
        (np.array(3), "3", 0, 0),
        (np.array(True), "True", 0, 0),
        (np.array([1.0, np.nan, 2.0]), "mean 1.5, 1 NaN", 1, 0),
        (np.array([np.inf, -np.inf]), "no finite value, 2 inf", 0, 2),
        (np.zeros((0, 3)), "empty", 0, 0),
        (np.array([True, False]), "mean 0.5", 0, 0),
    ],
)
def test_summaries(value: object, text: str, nans: int, infinite: int) -> None:
    summary = value_summary(value)
    assert (summary.text, summary.nan_count, summary.inf_count) == (text, nans, infinite)
    assert len(summary.histogram) <= 32


def traced(y):
    trace = RewriteTrace()
    rewrite(FunctionGraph([x], [y]), trace=trace)
    return step_views(trace)


def test_steps_of_the_logistic_gradient() -> None:
    views = traced(ad.grad(1 / (1 + pt.exp(-x)), x))
    assert [view.index for view in views] == list(range(1, len(views) + 1))
    assert all(view.check == "ok" for view in views)
    assert all(view.doc and view.source_text and "line" in view.source_label for view in views)
    assert views[-1].nodes_after == 4
    for one, two in zip(views, views[1:]):
        assert one.nodes_after == two.nodes_before
        assert one.graph_after == two.graph_before


def test_a_trace_without_steps() -> None:
    assert step_views(None) == ()
    assert traced(x + x) == () or traced(x + x)[0].check == "ok"


def test_points_repeat() -> None:
    first = [point[x] for point in points([x], 5)]
    assert first == [point[x] for point in points([x], 5)]
    assert values_of([x * 2], {x: 3.0})[0] == 6.0
    with pytest.raises(KeyError):
        values_of([x], {})


def test_what_a_notebook_shows() -> None:
    assert mimebundle(x) == {"text/plain": "x"}
    y = 1 / (1 + pt.exp(-x))
    bundle = mimebundle(y)
    assert bundle["text/plain"] == repr(y)
    assert "1/(1 + exp(-x))" in bundle["text/html"]
    assert set(mimebundle(FunctionGraph([x], [y, -x]))) >= {"text/plain", "text/html"}


def test_large_graphs_are_shown_as_text() -> None:
    chain = x
    for _ in range(300):
        chain = pt.sin(chain)
    assert set(mimebundle(chain)) == {"text/plain"}


def test_a_long_chain_is_recorded_in_linear_work() -> None:
    chain = x
    for _ in range(1000):
        chain = pt.sin(chain)
    view = graph_view(chain, {"x": ad.grad(chain, x)})
    assert len(view.nodes) > 3000
    assert max(len(node.text) for node in view.nodes) <= 60


def test_letters_stay_with_the_nodes_that_stay() -> None:
    a = pt.dscalar("A")
    trace = RewriteTrace()
    rewrite(FunctionGraph([a], [pt.exp(pt.neg(-a)) + pt.sin(a)]), trace=trace)
    (view,) = step_views(trace)
    before, after = ([*(f"{n.id} = {n.text}" for n in graph.nodes if n.text), graph.caption]
                     for graph in (view.graph_before, view.graph_after))
    assert before == ["B = -A", "C = -B", "D = exp(C)", "E = sin(A)", "F = D + E", "result F"]
    assert after == ["D = exp(A)", "E = sin(A)", "F = D + E", "result F"]
    assert [n.label for n in view.graph_after.nodes] == ["A", "exp(·)", "sin(·)", "· + ·"]


def test_no_step_looks_empty() -> None:
    v = pt.dvector("v")
    y = pt.sqrt(pt.sum(v**2))
    trace = RewriteTrace()
    rewrite(FunctionGraph([v], [ad.grad(y, v)]), trace=trace)
    for view in step_views(trace):
        same = view.before_text == view.after_text or view.before_latex == view.after_latex
        assert bool(view.note) == same and "``" not in view.doc
    notes = [view.note for view in step_views(trace)]
    assert any("becomes float64" in note or "int8" in note for note in notes)


def test_everything_shows_itself() -> None:
    y = 1 / (1 + pt.exp(-x))
    y.name = "s"
    study = ad.Study(y, x, point={"x": 0.4}, plot=("x", -1, 1))
    trace = study.function.trace
    rows = ad.jacobian(pt.stack([y, y]), x)
    shown = [y, rows, study.function, study.function.fgraph, study, trace,
             trace.steps[0], study.steps[0], study.derivation.parts[0], study.graph.view,
             study.plot().view]
    for thing in shown:
        bundle = thing._repr_mimebundle_()
        assert bundle == thing._repr_mimebundle_() or thing is study
        assert {"text/plain", "image/svg+xml", "text/html"} <= set(bundle), thing
        assert " at 0x" not in bundle["text/plain"] and "elapsed" not in bundle["text/plain"]
    assert mimebundle(y)["text/latex"] == r"$\displaystyle \frac{1}{1 + e^{-x}}$"
    kernel = study.kernel._repr_mimebundle_()
    assert "def kernel_1" in kernel["text/plain"] and " us a call" not in kernel["text/plain"]


def test_a_step_whose_error_cannot_be_measured_is_shown() -> None:
    v = pt.dvector("v")
    z = pt.exp(v) / pt.sum(pt.exp(v))
    trace = RewriteTrace()
    rewrite(FunctionGraph([v], [ad.grad(-pt.log(z[0]), v)]), trace=trace)
    views = step_views(trace)
    assert len(views) == len(trace.steps)
    assert all(view.check in ("ok", "") for view in views)


def test_inputs_of_one_name_have_boxes_of_their_own() -> None:
    x, other = pt.dscalar("x"), pt.dscalar("x")
    nodes = ad.Study(x**2 * other, {"x": x, "y": other}).graph.view.nodes
    assert len({node.id for node in nodes}) == len(nodes)
    assert {"dy/dx", "dy/dy"} <= {node.name for node in nodes}
