"""Ops that hold a graph of their own, and what is built on them: loops, batches, Jacobians.

They stand above `gradient` because their derivatives differentiate the graph they hold.
"""

from autodiff_lab.control.batching import vectorize_graph
from autodiff_lab.control.from_graph import OpFromGraph
from autodiff_lab.control.ifelse import ifelse
from autodiff_lab.control.jacobian import hessian, jacobian
from autodiff_lab.control.scan import foldl, foldr, map, reduce, scan, until

__all__ = [
    "OpFromGraph", "foldl", "foldr", "hessian", "ifelse", "jacobian", "map", "reduce", "scan",
    "until", "vectorize_graph",
]
