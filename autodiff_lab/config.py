"""Settings: `config.floatX` and friends, read at run time, never at import.

The settings are one frozen record in a context variable, so that threads and nested
`change_flags` do not disturb each other.  Reading and assignment work as in PyTensor.
"""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
from collections.abc import Iterator
from typing import Any

from autodiff_lab.errors import LabAttributeError, LabValueError


@dataclasses.dataclass(frozen=True)
class Settings:
    """The values; one attribute per setting, the default beside it."""

    floatX: str = "float64"
    mode: str = "auto"
    on_unused_input: str = "raise"
    cast_policy: str = "custom"
    compute_test_value: str = "off"
    exception_verbosity: str = "low"
    optimizer: str = "fast_run"
    device: str = "cpu"


CHOICES: dict[str, tuple[str, ...]] = {
    "floatX": ("float64", "float32", "float16"),
    "on_unused_input": ("raise", "warn", "ignore"),
    "cast_policy": ("custom", "numpy+floatX"),
}
    max_nodes: int = 150      # boxes in a picture before chains collapse

_settings: contextvars.ContextVar[Settings] = contextvars.ContextVar(
    "autodiff_lab_settings", default=Settings()
)


class Config:
    """The public face of the settings.

    Examples
    --------
    >>> from autodiff_lab import config
    >>> with config.change_flags(floatX="float32"):
    ...     config.floatX
    'float32'
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        _check_name(name)
        return getattr(_settings.get(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        _settings.set(_changed({name: value}))

    def __dir__(self) -> list[str]:
        return [*(f.name for f in dataclasses.fields(Settings)), "change_flags"]

    @contextlib.contextmanager
    def change_flags(self, **flags: Any) -> Iterator[None]:
        """Change settings inside a `with` block or a decorated function."""
        token = _settings.set(_changed(flags))
        try:
            yield
        finally:
            _settings.reset(token)


def _check_name(name: str) -> None:
    known = [f.name for f in dataclasses.fields(Settings)]
    if name in known:
        return
    import difflib

    nearest = difflib.get_close_matches(name, known, n=1)
    raise LabAttributeError(
        f"config has no setting {name!r}.", why="known settings: " + ", ".join(known),
        remedy=f"did you mean config.{nearest[0]}?" if nearest else None,
    )


def _changed(flags: dict[str, Any]) -> Settings:
    for name, value in flags.items():
        _check_name(name)
        if name in CHOICES and value not in CHOICES[name]:
            raise LabValueError(
                f"config.{name} cannot be {value!r}.",
                remedy="one of " + ", ".join(map(repr, CHOICES[name])),
            )
    return dataclasses.replace(_settings.get(), **flags)


config = Config()
