"""Which modules of ours answer a module path of the family.

A path that is not listed is looked for under the same name in this package.
"""

from __future__ import annotations

# paths of the family -> rooms of ours, asked in order; "." is the package itself
_TABLE = {
    "tensor tensor.basic tensor.math tensor.extra_ops tensor.sort": "tensor",
    "tensor.type": "tensor.type tensor",
    "tensor.var tensor.variable": "tensor.variable tensor",
    "tensor.elemwise": "tensor.elemwise tensor.axes tensor.reduction",
    "tensor.subtensor": "tensor.indexing.basic tensor",
    "tensor.shape": "tensor.shaping tensor",
    "tensor.sharedvar compile.sharedvalue": "tensor.shared",
    "graph gof graph.basic graph.fg graph.type graph.replace graph.traversal":
        "graph gradient rewriting",
    "graph.null_type": "gradient.null_types",
    "graph.utils": "errors graph",
    "gradient": "gradient testing.verify_grad",
    "scan scan_module scan.utils scan.basic": "control.scan",
    "ifelse": "control.ifelse",
    "compile": "compile . compile.mode compile.checks tensor.shaping",
    "compile.debugmode compile.nanguardmode compile.monitormode": "compile.checks",
    "compile.io": "compile.io",
    "compile.mode graph.rewriting.db": "compile.mode",
    "compile.ops": "graph.from_function graph tensor.shaping",
    "compile.builders": "control.from_graph",
    "compile.function": "compile",
    "configdefaults": ".",
    "configparser": "config .",
    "printing": "view.text",
    "graph.rewriting graph.rewriting.basic graph.rewriting.utils": "rewriting",
    "graph.op gof.op": "graph.test_values graph gradient rewriting",
    "tensor.random tensor.random.basic tensor.random.utils tensor.random.op "
    "tensor.random.type tensor.random.variable tensor.shared_randomstreams sandbox "
    "sandbox.rng_mrg tensor.raw_random":
        "tensor.random",
}

PATHS: dict[str, tuple[str, ...]] = {
    path: tuple(f"autodiff_lab.{room}".rstrip(".") for room in rooms.split())
    for paths, rooms in _TABLE.items() for path in paths.split()
}

CALLS: dict[str, str] = {
    "scan": "scan",
    "ifelse": "ifelse",
    "tensor.shape": "shape",
    "tensor.sort": "sort",
    "compile.function": "function",
}
"""Paths that the family also calls as a function."""
