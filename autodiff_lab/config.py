"""Settings: `config.floatX` and friends, read at run time, never at import.

They begin with what the family's environment variables say (``PYTENSOR_FLAGS="floatX=float32"``).

The settings are one frozen record in a context variable, so that threads and nested
`change_flags` do not disturb each other.  Reading and assignment work as in PyTensor.
"""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
import functools
import os
import warnings
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from autodiff_lab import hooks
from autodiff_lab.errors import LabAttributeError, one_of


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
    max_nodes: int = 150      # boxes in a picture before chains collapse


CHOICES: dict[str, tuple[str, ...]] = {
    "floatX": ("float64", "float32", "float16"),
    "on_unused_input": ("raise", "warn", "ignore"),
    "cast_policy": ("custom", "numpy+floatX"),
    "compute_test_value": ("off", "ignore", "warn", "raise", "pdb"),
    "exception_verbosity": ("low", "high"),
}

VARIABLES = ("THEANO_FLAGS", "AESARA_FLAGS", "PYTENSOR_FLAGS")

_settings: contextvars.ContextVar[Settings | None] = contextvars.ContextVar(
    "autodiff_lab_settings", default=None
)


def _current() -> Settings:
    return _settings.get() or _from_environment()


@functools.cache
def _from_environment() -> Settings:
    """The settings that a process begins with; flags that we have no use for are passed over."""
    texts = [os.environ.get(name, "") for name in VARIABLES]
    pairs = [entry.partition("=") for text in texts for entry in text.split(",")]
    given = {name.strip(): value.strip() for name, _, value in pairs}
    first = dataclasses.asdict(Settings())
    return _changed(
        Settings(), {name: type(first[name])(given[name]) for name in given if name in first}
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

    # where the family keeps switches of its warnings; whatever is set there changes nothing
    warn = SimpleNamespace()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        _check_name(name)
        return getattr(_current(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        _settings.set(_changed(_current(), {name: value}))

    def __dir__(self) -> list[str]:
        return [*(f.name for f in dataclasses.fields(Settings)), "change_flags"]

    @contextlib.contextmanager
    def change_flags(self, **flags: Any) -> Iterator[None]:
        """Change settings inside a `with` block or a decorated function."""
        token = _settings.set(_changed(_current(), flags))
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


def _changed(settings: Settings, flags: dict[str, Any]) -> Settings:
    for name, value in flags.items():
        _check_name(name)
        one_of(value, CHOICES.get(name, (value,)), f"config.{name} cannot be {value!r}.")
        if name == "device" and value != "cpu":
            warnings.warn(f"config.device = {value!r} is ignored: all runs on the CPU.",
                          UserWarning, stacklevel=4)
        if name == "compute_test_value" and value != "off":
            hooks.call("watch_test_values")
    return dataclasses.replace(settings, **flags)


config = Config()
