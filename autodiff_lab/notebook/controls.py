"""The controls of the panel: slider and number for a scalar, an expression for an array."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable
from typing import Any

import ipywidgets
import numpy
from IPython import get_ipython

from autodiff_lab.cell.inputs import shape_text
from autodiff_lab.options import as_value, evaluate
from autodiff_lab.study import Study
from autodiff_lab.verify import sample_points

STEPS = 200
MOST_SHOWN = 12
MOST_ENTRIES = 100


def _width(width: str) -> Any:
    return ipywidgets.Layout(width=width)


def control_for(study: Study, name: str, moved: Callable[[], None]) -> ScalarControl | ArrayControl:
    """The control of one input, at its point or at a first guess."""
    variable = study.inputs[name]
    kind = variable.type
    start = study.point.get(name)
    if start is None:
        start = sample_points({name: kind}, study.point, count=1)[0][name]
    if kind.ndim == 0:
        return ScalarControl(study, name, float(start), moved)
    return ArrayControl(name, start, kind.dtype, moved)


def nice_step(step: float) -> float:
    """The next smaller of 1, 2, 5 times a power of ten, so that positions are round numbers.

    Examples
    --------
    >>> nice_step(0.06), nice_step(1.0), nice_step(370.0)
    (0.05, 1.0, 200.0)
    """
    power = 10.0 ** numpy.floor(numpy.log10(step) + 1e-9)
    factor = next(f for f in (5, 2, 1) if f * power <= step * (1 + 1e-9))
    return float(f"{factor * power:.6g}")


class ScalarControl:
    """A slider and a number field that follow each other."""

    def __init__(self, study: Study, name: str, start: float, moved: Callable[[], None]) -> None:
        low, high = self._range(study, name, start)
        step = nice_step((high - low) / STEPS)
        self._moved = moved
        self.slider = ipywidgets.FloatSlider(
            value=start, min=low, max=high, step=step, description=name, readout=False,
            continuous_update=True,
        )
        self.number = ipywidgets.FloatText(value=start, step=step, layout=_width("9em"))
        self.slider.observe(self._slid, "value")
        self.number.observe(self._typed, "value")
        self.widget = ipywidgets.HBox([self.slider, self.number])

    @staticmethod
    def _range(study: Study, name: str, start: float) -> tuple[float, float]:
        width = max(5.0, 2 * abs(start)) if numpy.isfinite(start) else 5.0
        low, high = start - width, start + width
        if name in study.plot_ranges:
            low, high = study.plot_ranges[name][1:3]
        return min(low, start), max(high, start)

    def value(self) -> float:
        """The number in the field, which may be outside the slider's range."""
        return float(self.number.value)

    def disable(self) -> None:
        """Take no more input."""
        self.slider.disabled = self.number.disabled = True

    def _slid(self, change: Any) -> None:
        # Positions of the slider are sums of steps: the field shows no digits of rounding.
        self._follow(self.number, self._typed, float(f"{change['new']:.12g}"))

    def _typed(self, change: Any) -> None:
        new = float(change["new"])
        if numpy.isfinite(new):
            self.slider.min, self.slider.max = min(self.slider.min, new), max(self.slider.max, new)
            self._follow(self.slider, self._slid, new)

    def _follow(self, other: Any, its_own: Any, value: float) -> None:
        other.unobserve(its_own, "value")
        other.value = value
        other.observe(its_own, "value")
        self._moved()


class ArrayControl:
    """A text field with an expression such as ``np.eye(3)``, and a slider for one entry of it."""

    def __init__(self, name: str, start: Any, dtype: str, moved: Callable[[], None]) -> None:
        self._name, self._dtype, self._moved = name, dtype, moved
        self._start = start
        text = str(start.tolist()) if start.size <= MOST_SHOWN else ""
        self.text = ipywidgets.Text(
            value=text, description=name, continuous_update=False,
            placeholder=f"the value given, shape {shape_text(start.shape)}", layout=_width("32em"),
        )
        self.text.observe(self._typed, "value")
        self.entry = ipywidgets.Dropdown(description="entry", layout=_width("12em"))
        self.slider = ipywidgets.FloatSlider(disabled=True, readout=True)
        self._offer(start)
        self.entry.observe(self._picked, "value")
        self.slider.observe(lambda change: self._moved(), "value")
        self.widget = ipywidgets.HBox([self.text, self.entry, self.slider])

    def value(self) -> Any:
        """The array: the expression's, with the picked entry where its slider stands."""
        array = self._written()
        if self.entry.value is not None:
            array = array.copy()
            array[self.entry.value] = self.slider.value
        return array

    def _offer(self, array: Any) -> None:
        """The entries that can be picked."""
        places = itertools.islice(numpy.ndindex(array.shape), MOST_ENTRIES)
        named = [(f"{self._name}[{', '.join(map(str, place))}]", place) for place in places]
        self.entry.options = [("none", None), *named]

    def _picked(self, change: Any) -> None:
        """An entry is picked: the slider stands at its value."""
        place = change["new"]
        self.slider.disabled = place is None
        if place is not None:
            at = float(self._written()[place])
            width = max(5.0, 2 * abs(at)) if numpy.isfinite(at) else 5.0
            with self.slider.hold_trait_notifications():
                self.slider.min, self.slider.max = at - width, at + width
                self.slider.step = nice_step(2 * width / STEPS)
                self.slider.value = at
        self._moved()

    def _typed(self, change: Any) -> None:
        """Another expression: its entries are offered, none is picked."""
        try:
            self._offer(self._written())
        except (ValueError, TypeError):
            pass                          # what is wrong with it is said when it is drawn
        self._moved()

    def _written(self) -> Any:
        """The array the expression gives; the first value where the field is empty."""
        written = self.text.value.strip()
        if not written:
            return self._start
        try:
            expression = ast.parse(written, mode="eval").body
        except SyntaxError as error:
            raise ValueError(f"{self._name}: {error.msg}") from None
        shell = get_ipython()
        names = {} if shell is None else shell.user_ns
        value = evaluate("the field", self._name, expression, names)
        return as_value(self._name, value).astype(self._dtype)

    def disable(self) -> None:
        """Take no more input."""
        self.text.disabled = self.entry.disabled = self.slider.disabled = True
