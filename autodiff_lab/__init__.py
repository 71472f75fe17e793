"""autodiff_lab: see and run derivatives.

``import autodiff_lab as ad, autodiff_lab.tensor as pt`` gives the public names of the Theano
family.  Every name is loaded when it is first used: importing the package loads NumPy only.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy  # noqa: F401  (the one package that the import itself may load)

from autodiff_lab import hooks
from autodiff_lab.config import config

__version__ = "0.1.0"

# public name -> module
_ROOMS = {
    **{room: room for room in "tensor gradient graph compile rewriting view errors compat testing"
       .split()}, "printing": "view.text",
}
# public name -> (module, attribute)
_LAZY = hooks.places({
    "compile": "function In Out function_dump Mode Function",
    "compile.io": "Param",
    "control": "jacobian hessian OpFromGraph ifelse",
    "control.scan": "scan map reduce foldl foldr",
    "gradient": "grad value_and_grad Lop Rop subgraph_grad",
    "graph": "Op Apply Variable Constant Type FunctionGraph clone_replace graph_replace",
    "graph.from_function": "as_op wrap_py",
    "rewriting": "rewrite_graph",
    "study": "Study",
    "tensor.shared": "shared",
    "view.text": "pp dprint",
})

__all__ = ["config", *_ROOMS, *_LAZY]


def __getattr__(name: str) -> Any:
    value: Any
    if name in _ROOMS:
        value = importlib.import_module(f"autodiff_lab.{_ROOMS[name]}")
    elif name in _LAZY:
        module, attribute = _LAZY[name]
        value = getattr(importlib.import_module(module), attribute)
    else:
        raise AttributeError(f"module 'autodiff_lab' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(shell: Any) -> None:
    """Register the magics: ``%load_ext autodiff_lab``."""
    from autodiff_lab.notebook import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take the magics away again."""
    from autodiff_lab.notebook import unload

    unload(shell)
