"""The graph itself: types, variables, apply nodes, ops, and the graph of a function.

Knows nothing of dtypes or tensors.  A reader begins with `basic`, then `op`, `walk`, `fgraph`.
"""

from autodiff_lab.graph.basic import (
    Apply, Constant, Role, Shown, Tag, Type, Variable, creation_log, describe, describe_type,
    line_of, located, placed,
)
from autodiff_lab.graph.compare import same_graph
from autodiff_lab.graph.fgraph import FunctionGraph, InternTable
from autodiff_lab.graph.op import Flags, Op, Tangents, Terms, Variables
from autodiff_lab.graph.replace import (
    as_given, as_list, clone_get_equiv, clone_replace, copies, graph_replace,
)
from autodiff_lab.graph.sentinels import DISCONNECTED, ZERO, Undefined
from autodiff_lab.graph.source import SourceLine
from autodiff_lab.graph.walk import (
    ancestors, collector_paused, explicit_graph_inputs, leaves, toposort, variables_between,
)

__all__ = [
    "DISCONNECTED", "ZERO", "Apply", "Constant", "Flags", "FunctionGraph", "InternTable", "Op",
    "Role", "Shown", "SourceLine", "Tag", "Tangents", "Terms", "Type", "Undefined", "Variable",
    "Variables", "ancestors", "as_given", "as_list", "clone_get_equiv", "clone_replace",
    "collector_paused", "copies", "creation_log", "describe", "describe_type",
    "explicit_graph_inputs", "graph_replace", "leaves", "line_of", "located", "placed",
    "same_graph", "toposort", "variables_between",
]
