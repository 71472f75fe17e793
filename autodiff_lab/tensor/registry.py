"""The tables that tie names to ops: public names, NumPy spellings, every op.

Declaring an op fills them; variables, NumPy's protocols, tests and pages read them.  Nothing here
imports a sibling, so that every file of the room may.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

FUNCTIONS: dict[str, Callable[..., Any]] = {}
"""Public name in `autodiff_lab.tensor` -> function."""

NUMPY: dict[str, Callable[..., Any]] = {}
"""NumPy's or SciPy's name ("exp", "linalg.norm", "special.expit") -> our function."""

ROWS: dict[str, Any] = {}
"""Name -> elementwise row (`tensor.elemwise.ScalarRow`)."""

OPS: dict[str, type] = {}
"""Name -> class of a tensor op that is not elementwise."""

Declared = TypeVar("Declared", bound=Callable[..., Any])


def public(
    *aliases: str, numpy: tuple[str, ...] = (), name: str | None = None
) -> Callable[[Declared], Declared]:
    """Make a function public in `autodiff_lab.tensor`, and known under its NumPy names."""

    def register(function_: Declared) -> Declared:
        for key in (name or function_.__name__, *aliases):
            FUNCTIONS[key] = function_
        for key in numpy:
            NUMPY[key] = function_
        return function_

    return register


def function(name: str) -> Callable[..., Any]:
    """The public function of this name."""
    return FUNCTIONS[name]
