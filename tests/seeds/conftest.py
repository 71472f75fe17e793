"""The families under whose names the programs of this folder run."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import pytest

from autodiff_lab import compat

FAMILIES = ("theano", "aesara", "pytensor")


@pytest.fixture(params=FAMILIES)
def library(request: pytest.FixtureRequest) -> Iterator[tuple[Any, Any]]:
    """A family's top module and its `tensor`, imported under their own names."""
    compat.install(request.param)
    try:
        yield (
            importlib.import_module(request.param),
            importlib.import_module(f"{request.param}.tensor"),
        )
    finally:
        compat.uninstall(request.param)
