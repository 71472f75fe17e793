"""Processes are spawned from here whatever tests of notebooks did to `__main__` before."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def plain_main() -> Iterator[None]:
    """A main module that a spawned process need not import."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))
        yield
