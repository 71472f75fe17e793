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
    assert float(panel._here.fn()) == 4 + 1 + 1 + 9


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
    from autodiff_lab.notebook import canvas

    monkeypatch.setattr(canvas, "layout", lambda graph: None)
    panel = Study.from_cell("x ** 2", {}, "x", at="x=3").explore()
    assert "= 9" in panel.canvas.html
    panel.controls["x"].number.value = 4.0
    assert "= 16" in panel.canvas.html
