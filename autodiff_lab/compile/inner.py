"""The body of an op that holds a graph, made ready to be called once per step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autodiff_lab.compile.backend import get_backend
from autodiff_lab.compile.lowering import lower_body
from autodiff_lab.graph import FunctionGraph


def inner_function(fgraph: FunctionGraph) -> Callable[..., tuple[Any, ...]]:
    """A function of the arrays of a closed graph's inputs that returns those of its outputs."""
    return get_backend("numpy").build(lower_body(fgraph, fuse=False)).run
