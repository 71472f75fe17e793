"""Late-bound links from lower rooms to higher ones, all in this one table.

A lower room never imports a higher one.  Where an object of a lower room offers something that
lies above it (`Variable.eval`, `tensor.grad`, `_repr_html_`), it asks this module, which imports
the provider when first asked.  Relies on nothing.
"""

from __future__ import annotations

import importlib
from typing import Any


def places(table: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Name -> (module, attribute), from the names in each module; ``other=name`` renames one.

    Examples
    --------
    >>> places({"gradient": "grad", "compile.evaluate": "eval=evaluate"})["eval"]
    ('autodiff_lab.compile.evaluate', 'evaluate')
    """
    found = {}
    for module, names in table.items():
        for entry in names.split():
            name, _, attribute = entry.partition("=")
            found[name] = (f"autodiff_lab.{module}", attribute or name)
    return found


PROVIDERS = places({
    "compile.evaluate": "eval=evaluate",
    "compile.inner": "inner_function",
    "compile.lowering": "inner_program=lower_body",
    "compile.replay": "replay",
    "compile.saving": "reduced",
    "control": "jacobian hessian",
    "gradient": "grad Lop Rop pullback pushforward hessian_vector_product",
    "graph.test_values": "watch_test_values=watch",
    "notebook.panel": "explore",
    "notebook.status": "status",
    "testing.accuracy": "bits_of_sides",
    "testing.verify_grad": "verify_grad numeric_grad",
    "view.display": "mimebundle",
    "view.text": "dprint pp",
})
"""Service -> (module, attribute)."""

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
