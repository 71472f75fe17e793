"""`Mode`: which executor runs, and which rewrites are made.

Relies on `config.mode` for the default and on the phases of `rewriting`.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from autodiff_lab.config import config
from autodiff_lab.errors import LabTypeError, LabValueError
from autodiff_lab.rewriting import PHASES

TIERS = ("auto", "numpy", "numba")


@dataclasses.dataclass(frozen=True)
class Mode:
    """How a function is compiled.

    Parameters
    ----------
    tier : str
        "auto" answers with NumPy and compiles kernels once that has paid for itself; "numpy" and
        "numba" pin one.
    phases : tuple of str
        The phases of rewriting.
    include, exclude : tuple of str
        Rules, tags or phases to add or leave out.
    checks : optional
        What is checked at every call: "compare" (NumPy against Numba for each node, the graph
        as written against the rewritten one, inputs untouched), "finite" (no NaN or infinity in
        a result; the message tells where it began), or a function that is called after each node
        with (node, values of its inputs, values of its outputs).

    Examples
    --------
    >>> get_mode("PYTHON").tier
    'numpy'
    >>> get_mode("auto").excluding("specialize").exclude
    ('specialize',)
    """

    tier: str = "auto"
    phases: tuple[str, ...] = tuple(PHASES)
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    checks: Any = None

    def __post_init__(self) -> None:
        if self.tier not in TIERS:
            raise LabValueError(
                f"There is no executor {self.tier!r}.",
                remedy="one of " + ", ".join(map(repr, TIERS)),
            )

    def including(self, *names: str) -> Mode:
        """The same mode with more rules."""
        return dataclasses.replace(self, include=(*self.include, *names))

    def excluding(self, *names: str) -> Mode:
        """The same mode without some rules, tags or phases."""
        return dataclasses.replace(self, exclude=(*self.exclude, *names))


MODES: dict[str, Mode] = {
    "auto": Mode("auto"),
    "FAST_RUN": Mode("auto"),
    "NUMBA": Mode("numba"),
    "PYTHON": Mode("numpy"),
    "FAST_COMPILE": Mode("numpy"),
    "DebugMode": Mode("numpy", checks="compare"),
    "NanGuardMode": Mode("auto", checks="finite"),
}


def get_mode(mode: str | Mode | None = None) -> Mode:
    """A mode from its name; None asks ``config.mode``."""
    if mode is None:
        mode = config.mode
    if isinstance(mode, Mode):
        return mode
    if not isinstance(mode, str):
        raise LabTypeError(f"A mode is a name or a Mode, not {mode!r:.60}.")
    found = next((m for name, m in MODES.items() if name.lower() == mode.lower()), None)
    if found is None:
        raise LabValueError(
            f"There is no mode {mode!r}.", remedy="one of " + ", ".join(map(repr, MODES))
        )
    return found
