"""The family's import names mean this package, only while asked."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from autodiff_lab import compat
from autodiff_lab.errors import LabError


@pytest.mark.parametrize("family", compat.FAMILIES)
def test_names_resolve_here_and_back(family: str) -> None:
    modules = ("tensor", "gradient", "graph")
    real = {name: importlib.import_module(f"autodiff_lab.{name}") for name in modules}
    specs = {name: module.__spec__ for name, module in real.items()}
    compat.install(family)
    try:
        for name, module in real.items():
            assert importlib.import_module(f"{family}.{name}") is module
            assert module.__spec__ is specs[name] and module.__name__ == f"autodiff_lab.{name}"
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(f"{family}.no_such_module")
    finally:
        compat.uninstall(family)
    assert family not in sys.modules
    assert not [f for f in sys.meta_path if type(f).__module__ == compat.__name__]


def test_nothing_happens_unless_asked() -> None:
    code = "import autodiff_lab.compat, sys; assert not {'theano', 'aesara'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_another_family_is_refused() -> None:
    with pytest.raises(LabError, match="no family 'jax'"):
        compat.install("jax")
