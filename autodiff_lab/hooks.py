"""Late-bound links from lower rooms to higher ones, all in this one table.

A lower room never imports a higher one.  Where an object of a lower room offers something that
lies above it (`Variable.eval`, `tensor.grad`, `_repr_html_`), it asks this module, which imports
the provider when first asked.  Relies on nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

# name of the service -> (module, attribute)
PROVIDERS: dict[str, tuple[str, str]] = {
    "eval": ("autodiff_lab.compile.evaluate", "evaluate"),
    "dprint": ("autodiff_lab.view.text", "dprint"),
    "pp": ("autodiff_lab.view.text", "pp"),
    "mimebundle": ("autodiff_lab.view.display", "mimebundle"),
    "grad": ("autodiff_lab.gradient", "grad"),
    "explore": ("autodiff_lab.notebook.panel", "explore"),
    "status": ("autodiff_lab.notebook.status", "status"),
    "Lop": ("autodiff_lab.gradient", "Lop"),
    "Rop": ("autodiff_lab.gradient", "Rop"),
    "pullback": ("autodiff_lab.gradient", "pullback"),
    "pushforward": ("autodiff_lab.gradient", "pushforward"),
    "hessian_vector_product": ("autodiff_lab.gradient", "hessian_vector_product"),
    "jacobian": ("autodiff_lab.control", "jacobian"),
    "hessian": ("autodiff_lab.control", "hessian"),
    "verify_grad": ("autodiff_lab.testing.verify_grad", "verify_grad"),
    "numeric_grad": ("autodiff_lab.testing.verify_grad", "numeric_grad"),
    "watch_test_values": ("autodiff_lab.graph.test_values", "watch"),
    "reduced": ("autodiff_lab.compile.saving", "reduced"),
    "replay": ("autodiff_lab.compile.replay", "replay"),
    "bits_of_sides": ("autodiff_lab.testing.accuracy", "bits_of_sides"),
    "inner_program": ("autodiff_lab.compile.lowering", "lower_body"),
    "inner_function": ("autodiff_lab.compile.inner", "inner_function"),
}

# How the file of a compiled cell is called in messages: file name -> (label, cell number).
_file_labels: dict[str, tuple[str, int | None]] = {}


def call(service: str, *args: Any, **kwargs: Any) -> Any:
    """Call a service of a higher room by name, importing it when first asked."""
    return provider(service)(*args, **kwargs)


def provider(service: str) -> Any:
    """The object behind a service's name."""
    module, attribute = PROVIDERS[service]
    return getattr(importlib.import_module(module), attribute)


def name_file(filename: str, label: str, cell: int | None = None) -> None:
    """Say how a compiled cell or file is called in messages ("cell 3", "train.py")."""
    _file_labels[filename] = (label, cell)


def file_label(filename: str) -> str:
    """The name of a file for messages: what `name_file` said, else its last path component."""
    if filename in _file_labels:
        return _file_labels[filename][0]
    cell = cell_number(filename)
    if cell is not None:
        return f"cell {cell}"
    return filename.replace("\\", "/").rsplit("/", 1)[-1]


def cell_number(filename: str) -> int | None:
    """The number of the notebook cell that a file name stands for, if it stands for one."""
    if filename in _file_labels:
        return _file_labels[filename][1]
    if "ipykernel" in filename or filename.startswith("<ipython-input-"):
        return _number_from_shell(filename)
    return None


def _number_from_shell(filename: str) -> int | None:
    """Ask the running IPython, if there is one, which cell a generated file name belongs to."""
    import sys

    shell_module = sys.modules.get("IPython.core.interactiveshell")
    if shell_module is None:
        return None
    shell = shell_module.InteractiveShell
    if not shell.initialized():
        return None
    # `_filename_map` is private to IPython: every use of it in this package stands here.
    numbers = getattr(shell.instance().compile, "_filename_map", {})
    number = numbers.get(filename)
    return int(number) if number is not None else None
