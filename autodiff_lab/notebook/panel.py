"""``r.explore()``: one panel of widgets, a control per input above the tabs of the card.

Relies on ipywidgets for controls and layout; `canvas` draws graph, derivation and steps.  The one
idea: moving a control makes a new point, and what is visible is drawn again from the study at that
point; while a call runs, newer positions replace waiting ones.  A panel knows its study weakly,
and only the newest panels stay awake, so what is explored and left is forgotten.
"""

from __future__ import annotations

import asyncio
import collections
import weakref
from typing import Any

import ipywidgets

from autodiff_lab.errors import LabError, MissingPackageError
from autodiff_lab.notebook import parts
from autodiff_lab.notebook.canvas import Canvas, GraphCanvas
from autodiff_lab.notebook.controls import ArrayControl, ScalarControl, control_for
from autodiff_lab.study import Study
from autodiff_lab.view.model import CardView

MOST_PANELS = 20
MOST_RULES = 16
PAUSE_SECONDS = 0.02      # how long a position waits for a newer one
TABS = ("Graph", "Derivation", "Steps", "Plot", "Kernel")

_live: collections.OrderedDict[int, Panel] = collections.OrderedDict()
_newest: list[Study] = []     # the one study that a panel alone may keep


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
    _newest[:] = [study]
    _live[id(panel)] = panel
    while len(_live) > MOST_PANELS:
        _, oldest = _live.popitem(last=False)
        oldest.retire()
    return panel


class Panel(ipywidgets.VBox):  # type: ignore[misc]
    """Controls, first line, tabs and a line for messages."""

    def __init__(self, study: Study) -> None:
        self._study = weakref.ref(study)
        self._without: Study | None = None        # the study with rules switched off
        self.name = study.name
        self.calls = 0                    # how often the kernel ran, for tests
        self._waiting = False
        self._running = False
        self.controls: dict[str, ScalarControl | ArrayControl] = {
            name: control_for(study, name, self._moved) for name in study.inputs
        }
        self.headline = ipywidgets.HTML()
        self.message = ipywidgets.HTML()
        self.canvas = GraphCanvas(study)
        self.derivation = Canvas(CardView("derivation", (), derivation=study.derivation.view))
        self.steps = Canvas(CardView("steps", (), steps=study.steps.views))
        self.rules = self._switches(study)
        self.plot = ipywidgets.HTML()
        self.kernel = ipywidgets.HTML()
        switches = ipywidgets.HBox(self.rules, layout=ipywidgets.Layout(flex_flow="row wrap"))
        steps = ipywidgets.VBox([switches, self.steps])
        self.tabs = ipywidgets.Tab(
            [self.canvas, self.derivation, steps, self.plot, self.kernel], titles=TABS
        )
        self.tabs.observe(lambda change: self._update(), "selected_index")
        super().__init__(
            [
                ipywidgets.VBox([control.widget for control in self.controls.values()]),
                self.headline, self.tabs, self.message,
            ]
        )
        self._update()

    def __repr__(self) -> str:
        return f"panel of {self.name}: {', '.join(self.controls)}"

    @property
    def study(self) -> Study | None:
        """The study, with the rules that are switched on; None once it is forgotten."""
        return self._without or self._study()

    def say(self, text: str) -> None:
        """Show a message, or none."""
        self.message.value = parts.message_html(text) if text else ""

    def retire(self) -> None:
        """Stop answering and let go of the study: the panel is one of too many, or it is gone."""
        for control in self.controls.values():
            control.disable()
        for rule in self.rules:
            rule.disabled = True
        self._study, self._without = lambda: None, None
        self.say("This panel is asleep: run its cell again to wake it.")

    # -- what can be changed ------------------------------------------------------------------

    def _switches(self, study: Study) -> list[Any]:
        """A box to tick for each rule that changed the graph."""
        rules = list(dict.fromkeys(step.rule for step in study.steps))[:MOST_RULES]
        boxes = [ipywidgets.Checkbox(True, description=rule, indent=False,
                                     layout=ipywidgets.Layout(width="auto")) for rule in rules]
        for box in boxes:
            box.observe(self._switched, "value")
        return boxes

    def _switched(self, change: Any) -> None:
        """Rules were switched on or off: compile without them, and show what is done instead."""
        study = self._study()
        if study is None:
            return self.retire()
        off = [box.description for box in self.rules if not box.value]
        self._without = study.without(*off) if off else None
        self.steps.draw(CardView("steps", (), steps=(self._without or study).steps.views))
        self._update()
        return None

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
            while self._waiting:
                self._waiting = False
                study = self.study
                if study is None:
                    return self.retire()
                self._draw(study)
        finally:
            self._running = self._waiting = False

    def _draw(self, study: Study) -> None:
        try:
            here = study.at({name: control.value() for name, control in self.controls.items()})
            assert here.results is not None
            self.calls += 1
        except (LabError, ValueError, TypeError, ArithmeticError) as error:
            self.say(str(error))
            return
        self.say("")
        self.headline.value = parts.headline_html(here)
        title = TABS[self.tabs.selected_index or 0]
        if title == "Graph":
            self.canvas.show_values(study, here)
        elif title == "Plot":
            self.plot.value = parts.plot_html(here)
        elif title == "Kernel":
            self.kernel.value = parts.kernel_html(here)
