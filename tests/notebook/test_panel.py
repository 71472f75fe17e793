"""The panel without a browser: controls are set, the kernel runs, texts follow."""

from __future__ import annotations

import asyncio
import gc
import json

import numpy as np
import pytest

pytest.importorskip("ipywidgets")

from autodiff_lab.notebook import panel as panels
from autodiff_lab.notebook.panel import Panel
from autodiff_lab.study import Study


@pytest.fixture
def logistic() -> Panel:
    study = Study.from_cell("1 / (1 + exp(-x))", {}, "x", plot="x=-6:6")
    return study.explore()


def test_opening_compiles(logistic: Panel) -> None:
    assert logistic.study.function.ran == "numba"
    assert logistic.calls == 1 and repr(logistic) == "panel of s: x"


def test_moving_the_slider_runs_the_kernel_and_changes_everything(logistic: Panel) -> None:
    control = logistic.controls["x"]
    for tab, title in enumerate(panels.TABS):
        logistic.tabs.selected_index = tab
        control.slider.value = 2.0
        first = (logistic.headline.value, dict(logistic.canvas.values), logistic.plot.value)
        before = logistic.calls
        control.slider.value = -1.0
        assert logistic.calls == before + 1
        assert "0.268941" in logistic.headline.value and "x = -1" in logistic.headline.value
        assert first[0] != logistic.headline.value
        assert (first[1] != logistic.canvas.values) == (title == "Graph")
        assert (first[2] != logistic.plot.value) == (title == "Plot")


def test_slider_and_number_follow_each_other(logistic: Panel) -> None:
    control = logistic.controls["x"]
    control.slider.value = 1.5
    assert control.number.value == 1.5
    before = logistic.calls
    control.number.value = 9.0                # outside the slider's range, which grows
    assert control.slider.value == control.slider.max == 9.0
    assert logistic.calls == before + 1


def test_values_on_nodes_are_those_of_the_study(logistic: Panel) -> None:
    logistic.controls["x"].number.value = 0.4
    here = logistic.study.at({"x": 0.4})
    expected = {n.id: n.value.text for n in here.graph.view.nodes if n.value is not None}
    assert {key: value["text"] for key, value in logistic.canvas.values.items()} == expected


def test_only_small_updates_are_sent(logistic: Panel) -> None:
    before = logistic.canvas.html
    logistic.controls["x"].slider.value = 1.0
    assert logistic.canvas.html is before
    assert len(json.dumps(logistic.canvas.values)) < 8_000


def test_newer_positions_replace_waiting_ones(logistic: Panel) -> None:
    async def drag() -> None:
        for value in np.linspace(-3, 3, 40):
            logistic.controls["x"].slider.value = float(value)
        await asyncio.sleep(3 * panels.PAUSE_SECONDS)

    before = logistic.calls
    asyncio.run(drag())
    assert logistic.calls == before + 1
    assert "x = 3" in logistic.headline.value


def test_arrays_are_expressions() -> None:
    study = Study.from_cell("((A * w - b) ** 2).sum()",
                            {"A": np.eye(2), "b": np.ones(2)}, "w:vector")
    panel = study.explore()
    assert list(panel.controls) == ["w", "A", "b"]
    assert not panel.message.value
    for text, message in [("np.ones(", "was never closed"), ("nope", "'nope' is not defined"),
                          ("'text'", "not a number"), ("np.ones(3)", "length 3")]:
        panel.controls["w"].text.value = text
        assert message in panel.message.value, text
        assert "Traceback" not in panel.message.value
    panel.controls["w"].text.value = "[3, 4]"
    assert panel.message.value == ""
    assert "= 15" in panel.headline.value            # 4 + 1 + 1 + 9


def test_one_entry_of_an_array_on_a_slider() -> None:
    study = Study.from_cell("(w ** 2).sum()", {}, "w:vector", at="w=[3.0, 4.0]")
    panel = study.explore()
    control = panel.controls["w"]
    assert [name for name, _ in control.entry.options] == ["none", "w[0]", "w[1]"]
    control.entry.value = (1,)
    assert control.slider.value == 4.0 and "= 25" in panel.headline.value
    control.slider.value = 1.0
    assert "= 10" in panel.headline.value and list(study.point["w"]) == [3.0, 4.0]
    control.text.value = "[1, 1, 1]"
    assert control.entry.value is None and control.slider.disabled
    assert len(control.entry.options) == 4


def test_a_rule_is_switched_off_and_on_again(logistic: Panel) -> None:
    names = [box.description for box in logistic.rules]
    assert "logistic" in names
    before = dict(logistic.steps.card)
    box = logistic.rules[names.index("logistic")]
    box.value = False
    rules = [step["rule"] for step in logistic.steps.card["steps"]]
    assert "logistic" not in rules and logistic.study.mode is not None
    logistic.controls["x"].number.value = 2.0
    assert "0.880797" in logistic.headline.value
    box.value = True
    assert len(logistic.steps.card["steps"]) == len(before["steps"])
    assert logistic.study.mode is None


def test_parts_of_the_graph_fold_through_the_kernel() -> None:
    study = Study.from_cell("u = sin(x) * x + cos(x)\nv = exp(u) / u\nv * u", {}, "x", at="x=1")
    panel = study.explore()
    canvas = panel.canvas
    ids = {node["label"]: node["id"] for node in canvas.card["graph"]["nodes"]}
    count, html = len(ids), canvas.html
    canvas.folded = {"id": ids["sin"], "asked": 1}
    blocks = [n for n in canvas.card["graph"]["nodes"] if n.get("op") == "block"]
    assert len(blocks) == 1 and canvas.html != html
    panel.controls["x"].number.value = 2.0
    canvas.folded = {"id": blocks[0]["id"], "asked": 2}
    assert len({n["label"] for n in canvas.card["graph"]["nodes"]}) == count
    assert canvas.values[ids["sin"]]["text"] == "0.909297"


def test_a_large_graph_begins_folded() -> None:
    text = "y = x\n" + "y = sin(y) * x + 0.1\n" * 80 + "y"
    panel = Study.from_cell(text, {}, "x", at="x=0.5").explore()
    nodes = panel.canvas.asked_for().nodes    # the layout may show less where it takes too long
    assert len(nodes) <= 150 and nodes[0].op == "block"
    panel.canvas.folded = {"id": nodes[0].id, "asked": 1}
    assert len(panel.canvas.asked_for().nodes) > len(nodes)
    panel.canvas.folded = {"id": "no such box", "asked": 2}


def test_a_forgotten_study_lets_the_panel_sleep() -> None:
    study = Study.from_cell("x ** 2", {}, "x", at="x=1")
    panel = study.explore()
    assert Study.from_cell("x ** 3", {}, "x", at="x=1").explore().study is not None
    del study
    gc.collect()
    panel.controls["x"].slider.value = 2.0
    assert panel.study is None and "asleep" in panel.message.value


def test_a_value_that_is_not_finite_is_marked(logistic: Panel) -> None:
    study = Study.from_cell("log(x)", {}, "x", at="x=1")
    panel = study.explore()
    panel.controls["x"].number.value = -1.0
    assert any(value["nan_count"] for value in panel.canvas.values.values())


def test_too_many_panels_put_the_oldest_to_sleep() -> None:
    study = Study.from_cell("x ** 2", {}, "x", at="x=1")
    made = [study.explore() for _ in range(panels.MOST_PANELS + 1)]
    assert made[0].controls["x"].slider.disabled and "asleep" in made[0].message.value
    assert made[0].study is None and made[-1].study is study
    assert not made[-1].controls["x"].slider.disabled
    panels._live.clear()
    gc.collect()


def test_without_any_layout_engine_the_graph_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    from autodiff_lab.view import html

    monkeypatch.setattr(html, "layouts", lambda graphs, *rest, **settings: [None] * len(graphs))
    panel = Study.from_cell("x ** 2", {}, "x", at="x=3").explore()
    assert "= 9" in panel.canvas.html
    panel.controls["x"].number.value = 4.0
    assert "= 16" in panel.canvas.html
