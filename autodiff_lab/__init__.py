"""autodiff_lab: see and run derivatives.

``import autodiff_lab as ad, autodiff_lab.tensor as pt`` gives the public names of the Theano
family.  Every name is loaded when it is first used: importing the package loads NumPy only.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy  # noqa: F401  (the one package that the import itself may load)

from autodiff_lab.config import config

__version__ = "0.1.0"

# public name -> (module, attribute); attribute None means the module itself
_LAZY: dict[str, tuple[str, str | None]] = {
    "tensor": ("autodiff_lab.tensor", None),
    "gradient": ("autodiff_lab.gradient", None),
    "graph": ("autodiff_lab.graph", None),
    "compile": ("autodiff_lab.compile", None),
    "rewriting": ("autodiff_lab.rewriting", None),
    "view": ("autodiff_lab.view", None),
    "errors": ("autodiff_lab.errors", None),
    "printing": ("autodiff_lab.view.text", None),
    "compat": ("autodiff_lab.compat", None),
    "testing": ("autodiff_lab.testing", None),
    "function": ("autodiff_lab.compile", "function"),
    "shared": ("autodiff_lab.tensor.shared", "shared"),
    "In": ("autodiff_lab.compile", "In"),
    "Out": ("autodiff_lab.compile", "Out"),
    "Param": ("autodiff_lab.compile.io", "Param"),
    "function_dump": ("autodiff_lab.compile", "function_dump"),
    "Mode": ("autodiff_lab.compile", "Mode"),
    "Function": ("autodiff_lab.compile", "Function"),
    "grad": ("autodiff_lab.gradient", "grad"),
    "value_and_grad": ("autodiff_lab.gradient", "value_and_grad"),
    "Lop": ("autodiff_lab.gradient", "Lop"),
    "Rop": ("autodiff_lab.gradient", "Rop"),
    "subgraph_grad": ("autodiff_lab.gradient", "subgraph_grad"),
    "jacobian": ("autodiff_lab.control", "jacobian"),
    "hessian": ("autodiff_lab.control", "hessian"),
    "scan": ("autodiff_lab.control.scan", "scan"),
    "OpFromGraph": ("autodiff_lab.control", "OpFromGraph"),
    "ifelse": ("autodiff_lab.control", "ifelse"),
    "as_op": ("autodiff_lab.graph.from_function", "as_op"),
    "wrap_py": ("autodiff_lab.graph.from_function", "wrap_py"),
    "map": ("autodiff_lab.control.scan", "map"),
    "reduce": ("autodiff_lab.control.scan", "reduce"),
    "foldl": ("autodiff_lab.control.scan", "foldl"),
    "foldr": ("autodiff_lab.control.scan", "foldr"),
    "pp": ("autodiff_lab.view.text", "pp"),
    "dprint": ("autodiff_lab.view.text", "dprint"),
    "Op": ("autodiff_lab.graph", "Op"),
    "Apply": ("autodiff_lab.graph", "Apply"),
    "Variable": ("autodiff_lab.graph", "Variable"),
    "Constant": ("autodiff_lab.graph", "Constant"),
    "Type": ("autodiff_lab.graph", "Type"),
    "FunctionGraph": ("autodiff_lab.graph", "FunctionGraph"),
    "clone_replace": ("autodiff_lab.graph", "clone_replace"),
    "graph_replace": ("autodiff_lab.graph", "graph_replace"),
    "rewrite_graph": ("autodiff_lab.rewriting", "rewrite_graph"),
    "Study": ("autodiff_lab.study", "Study"),
}

__all__ = ["config", *_LAZY]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'autodiff_lab' has no attribute {name!r}")
    module, attribute = _LAZY[name]
    loaded = importlib.import_module(module)
    value = loaded if attribute is None else getattr(loaded, attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})


def load_ipython_extension(shell: Any) -> None:
    """Register the magics: ``%load_ext autodiff_lab``."""
    from autodiff_lab.notebook import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take the magics away again."""
    from autodiff_lab.notebook import unload

    unload(shell)
