"""Which modules of ours answer a module path of the family.

A path that is not listed is looked for under the same name in this package.
"""

from __future__ import annotations

_GRAPH = ("autodiff_lab.graph", "autodiff_lab.gradient", "autodiff_lab.rewriting")
_TENSOR = ("autodiff_lab.tensor",)
_COMPILE = (
    "autodiff_lab.compile", "autodiff_lab", "autodiff_lab.compile.mode",
    "autodiff_lab.compile.checks", "autodiff_lab.tensor.shaping",
)
_SCAN = ("autodiff_lab.control.scan",)
_OPS = (
    "autodiff_lab.graph.from_function", "autodiff_lab.graph", "autodiff_lab.tensor.shaping",
)

PATHS: dict[str, tuple[str, ...]] = {
    "tensor": ("autodiff_lab.tensor",),
    "tensor.type": ("autodiff_lab.tensor.type", *_TENSOR),
    "tensor.var": ("autodiff_lab.tensor.variable", *_TENSOR),
    "tensor.variable": ("autodiff_lab.tensor.variable", *_TENSOR),
    "tensor.elemwise": (
        "autodiff_lab.tensor.elemwise", "autodiff_lab.tensor.axes", "autodiff_lab.tensor.reduction",
    ),
    "tensor.subtensor": ("autodiff_lab.tensor.indexing.basic", *_TENSOR),
    "tensor.shape": ("autodiff_lab.tensor.shaping", *_TENSOR),
    "tensor.sharedvar": ("autodiff_lab.tensor.shared",),
    "graph": _GRAPH,
    "graph.null_type": ("autodiff_lab.gradient.null_types",),
    "graph.utils": ("autodiff_lab.errors", "autodiff_lab.graph"),
    "gof": _GRAPH,
    "gradient": ("autodiff_lab.gradient", "autodiff_lab.testing.verify_grad"),
    "scan": _SCAN,
    "scan_module": _SCAN,
    "scan.utils": _SCAN,
    "scan.basic": _SCAN,
    "ifelse": ("autodiff_lab.control.ifelse",),
    "compile": _COMPILE,
    **dict.fromkeys(
        ("compile.debugmode", "compile.nanguardmode", "compile.monitormode"),
        ("autodiff_lab.compile.checks",),
    ),
    "compile.io": ("autodiff_lab.compile.io",),
    "compile.mode": ("autodiff_lab.compile.mode",),
    "compile.ops": _OPS,
    "compile.builders": ("autodiff_lab.control.from_graph",),
    "compile.function": ("autodiff_lab.compile",),
    "compile.sharedvalue": ("autodiff_lab.tensor.shared",),
    "configdefaults": ("autodiff_lab",),
    "configparser": ("autodiff_lab.config", "autodiff_lab"),
    "printing": ("autodiff_lab.view.text",),
    "graph.rewriting": ("autodiff_lab.rewriting",),
    "graph.rewriting.basic": ("autodiff_lab.rewriting",),
    "graph.rewriting.utils": ("autodiff_lab.rewriting",),
    "graph.rewriting.db": ("autodiff_lab.compile.mode",),
    "graph.op": ("autodiff_lab.graph.test_values", *_GRAPH),
    "gof.op": ("autodiff_lab.graph.test_values", *_GRAPH),
    **dict.fromkeys(
        ("tensor.random", "tensor.random.basic", "tensor.random.utils", "tensor.random.op",
         "tensor.random.type", "tensor.random.variable", "tensor.shared_randomstreams",
         "sandbox", "sandbox.rng_mrg", "tensor.raw_random"), ("autodiff_lab.tensor.random",),
    ),
    **dict.fromkeys(("tensor.basic", "tensor.math", "tensor.extra_ops", "tensor.sort"), _TENSOR),
    **dict.fromkeys(
        ("graph.basic", "graph.fg", "graph.type", "graph.replace", "graph.traversal"),
        _GRAPH,
    ),
}

CALLS: dict[str, str] = {
    "scan": "scan",
    "ifelse": "ifelse",
    "tensor.shape": "shape",
    "tensor.sort": "sort",
    "compile.function": "function",
}
"""Paths that the family also calls as a function."""
