"""The rules, a file per subject.  A new file is found by itself."""

from __future__ import annotations

import importlib
import pkgutil


def load() -> None:
    """Import every file of this folder, which registers its rules."""
    for found in sorted(pkgutil.iter_modules(__path__), key=lambda entry: entry.name):
        importlib.import_module(f"{__name__}.{found.name}")
