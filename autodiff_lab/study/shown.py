"""What the parts of a study have in common: they show themselves, and tell at which point.

Relies on the bundles of `view`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from autodiff_lab.view.bundle import mimebundle


class Shown:
    """A part of a study: a record that shows itself in a terminal, a notebook and a page."""

    def __init__(self, view: Any, text: str, picture: Callable[[Any], str | None]) -> None:
        self.view = view
        self.ids: dict[Any, str] = {}  # of a graph: variable -> id of its box
        self._text, self._picture = text, picture

    def __str__(self) -> str:
        return self._text

    __repr__ = __str__

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return mimebundle(self._text, self._picture(self.view))


def point_text(study: Any) -> str:
    """The point: numbers as they are, arrays by their shape."""
    values = {name: study.point[name] for name in study.inputs if name in study.point}
    parts = [
        f"{n} = {array_text(v)}" if v.size <= 4 else f"{n}: {' x '.join(map(str, v.shape))}"
        for n, v in values.items()
    ]
    return f"at {', '.join(parts)}" if parts else ""


def array_text(value: Any) -> str:
    """A small array on one line."""
    if value.ndim == 0:
        return f"{value.item():.6g}"
    return "[" + ", ".join(array_text(numpy.asarray(entry)) for entry in value) + "]"
