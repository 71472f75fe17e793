"""``r.explore()``: one panel of widgets, a control per input above the tabs of the card.

Relies on ipywidgets for controls and layout; `canvas` draws graph, derivation and steps.  The one
idea: moving a control makes a new point, and everything shown is drawn again from the records of
the study at that point; while a call runs, newer positions replace waiting ones.
"""

from __future__ import annotations

import asyncio
import collections
from typing import Any

import ipywidgets

from autodiff_lab.errors import LabError, MissingPackageError
from autodiff_lab.notebook import parts
from autodiff_lab.notebook.canvas import Canvas, graph_canvas, show_values
from autodiff_lab.notebook.controls import ArrayControl, ScalarControl, control_for
from autodiff_lab.study import Study
from autodiff_lab.view.model import CardView

MOST_PANELS = 20
PAUSE_SECONDS = 0.02      # how long a position waits for a newer one
TABS = ("Graph", "Derivation", "Steps", "Plot", "Kernel")

_live: collections.OrderedDict[int, Panel] = collections.OrderedDict()


def explore(study: Study) -> Panel:
    """The panel of a study; the kernels are compiled now, as many calls are to be expected.

    Only the newest panels stay alive: older ones are disabled and say so.
    """
    missing = ""
    try:
        study.compile()
    except MissingPackageError as error:
        missing = f"{error.args[0].splitlines()[0]} NumPy answers instead."
    panel = Panel(study)
    panel.say(missing)
    _live[id(panel)] = panel
    while len(_live) > MOST_PANELS:
        _, oldest = _live.popitem(last=False)
        oldest.retire()
    return panel


class Panel(ipywidgets.VBox):  # type: ignore[misc]
    """Controls, first line, tabs and a line for messages."""

    def __init__(self, study: Study) -> None:
        self.study: Study | None = study
        self.name = study.name
        self.calls = 0                    # how often the kernel ran, for tests
        self._waiting = False
        self._running = False
        self.controls: dict[str, ScalarControl | ArrayControl] = {
            name: control_for(study, name, self._moved) for name in study.inputs
        }
        self.headline = ipywidgets.HTML()
        self.message = ipywidgets.HTML()
        self.canvas = graph_canvas(study)
        self.derivation = Canvas(CardView("derivation", (), derivation=study.derivation.view))
        self.steps = Canvas(CardView("steps", (), steps=study.steps.views))
        self.plot = ipywidgets.HTML()
        self.kernel = ipywidgets.HTML()
        self.tabs = ipywidgets.Tab(
            [self.canvas, self.derivation, self.steps, self.plot, self.kernel], titles=TABS
        )
        self.tabs.observe(self._turned, "selected_index")
        super().__init__(
            [
                ipywidgets.VBox([control.widget for control in self.controls.values()]),
                self.headline, self.tabs, self.message,
            ]
        )
        self._here: Study | None = None
        self._update()

    def __repr__(self) -> str:
        return f"panel of {self.name}: {', '.join(self.controls)}"

    def say(self, text: str) -> None:
        """Show a message, or none."""
        self.message.value = parts.message_html(text) if text else ""

    def retire(self) -> None:
        """Stop answering and let go of the study: the panel is one of too many."""
        for control in self.controls.values():
            control.disable()
        self.study = self._here = None
        self.say("This panel is asleep: run its cell again to wake it.")

    def _moved(self) -> None:
        """A control has a new value: draw it soon, unless a newer one comes first."""
        if self._waiting:
            return
        self._waiting = True
        try:
            asyncio.get_running_loop().call_later(PAUSE_SECONDS, self._update)
        except RuntimeError:              # no event loop: a test, or a terminal
            self._update()

    def _update(self) -> None:
        """Run the kernel at the controls' position and draw what is visible."""
        if self._running:                 # a control moved while we draw: once more afterwards
            return
        self._running = self._waiting = True
        try:
            while self._waiting and self.study is not None:
                self._waiting = False
                self._draw(self.study)
        finally:
            self._running = False

    def _draw(self, study: Study) -> None:
        try:
            here = study.at({name: control.value() for name, control in self.controls.items()})
            assert here.results is not None
            self.calls += 1
        except (LabError, ValueError, TypeError, ArithmeticError) as error:
            self.say(str(error))
            return
        self._here = here
        self.say("")
        self.headline.value = parts.headline_html(here)
        self._turned()

    def _turned(self, change: Any = None) -> None:
        """Draw the tab that is open."""
        here = self._here
        if here is None:
            return
        title = TABS[self.tabs.selected_index or 0]
        if title == "Graph":
            show_values(self.canvas, here)
        elif title == "Plot":
            self.plot.value = parts.plot_html(here)
        elif title == "Kernel":
            self.kernel.value = parts.kernel_html(here)
