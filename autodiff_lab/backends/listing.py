"""A program as a plain Python program that a person reads and pastes elsewhere.

What is here: `Listing`.

Relies on `compile.program` and the NumPy texts that ops declare.

The one idea: the same statements that run, without checks and frees, with operators instead of
ufunc calls and numbers instead of named constants, wherever that means the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from autodiff_lab import hooks
from autodiff_lab.backends.places import LoopText, numpy_name
from autodiff_lab.compile.kernel import Kernel
from autodiff_lab.compile.program import Instruction, Program
from autodiff_lab.control.graph_op import GraphOp
from autodiff_lab.control.ifelse import IfElse
from autodiff_lab.control.scan.op import Scan
from autodiff_lab.graph import Apply, Constant, Variable
from autodiff_lab.tensor.elemwise import Elemwise
from autodiff_lab.tensor.opdef import HELPERS, helpers_in

_OPERATORS = {"+", "-", "*", "/", "//", "%", "**", "==", "!=", "<", "<=", ">", ">=", "&", "|", "^"}


class Listing:
    """Writes the text of one program.

    Parameters
    ----------
    program : Program
    kernels : mapping, optional
        Printed kernels by name: they are called instead of NumPy, and their text comes first.
    loops : mapping, optional
        For scans what writes the functions that run them, given the name of the last.
    """

    def __init__(
        self, program: Program, kernels: Mapping[str, str] | None = None,
        loops: Mapping[Apply, Callable[[str], list[str]]] | None = None,
    ) -> None:
        self.program = program
        self.loops = loops or {}
        self.inner: list[str] = []
        self.ready: set[int] = set()      # slots that surely hold an array as kernels want it
        self.places = 0
        self.title = ""
        self.names = program.names
        self.kernels = kernels or {}
        self.constants: dict[str, str] = {}

    def text(self, name: str = "f") -> str:
        """The whole text: imports, kernels, the function."""
        blocks = self.blocks(name)
        joined = "\n".join(blocks)
        imports = ["import numpy as np"]
        if "scipy." in joined:
            imports.append("import scipy.special")
        helpers = [HELPERS[helper].rstrip() for helper in helpers_in(joined)]
        return "\n\n\n".join(["\n".join(imports), *helpers, *blocks]) + "\n"

    def blocks(self, name: str) -> list[str]:
        """Kernels, the functions of graphs inside, the function."""
        self.title = name
        body: list[str] = []
        for instruction in self.program.instructions:
            if instruction.kernel is not None and instruction.kernel.name in self.kernels:
                body += self._launch(instruction, instruction.kernel)
            else:
                body += [self._node(node) for node in instruction.nodes]
        results = self._results()
        parameters = ", ".join(self.program.slots[i].name for i in self.program.inputs)
        quiet = ['@np.errstate(over="ignore")'] if self._overflows_inside() else []
        body += [*self._told(), f"    return {results}"]
        function = [*quiet, f"def {name}({parameters}):", *body]
        named = [f"    {key} = {value}" for key, value in self.constants.items()]
        at = len(quiet) + 1
        function[at:at] = named
        return [*self.kernels.values(), *self.inner, "\n".join(function)]

    def _overflows_inside(self) -> bool:
        """Whether a formula overflows on its way to a finite result: 1 / (1 + exp(800)) is 0."""
        return any(
            isinstance(node.op, Elemwise) and re.search(r"/.*np\.exp\(", node.op.row.numpy)
            for instruction in self.program.instructions
            if instruction.kernel is None or instruction.kernel.name not in self.kernels
            for node in instruction.nodes
        )

    # -- nodes ------------------------------------------------------------------------------

    def _node(self, node: Apply) -> str:
        arguments = [self.names[variable] for variable in node.inputs]
        targets = ", ".join(self.names[variable] for variable in node.outputs)
        if isinstance(node.op, GraphOp | IfElse):
            return f"    {targets} = {self._with_graphs(node, node.op, arguments)}"
        if not hasattr(node.op, "numpy"):
            return f"    {targets} = {node.op.name}({', '.join(arguments)})  # an op of your own"
        text = node.op.numpy(node, *arguments)
        if isinstance(node.op, Elemwise):
            text = _with_operator(text, node.op, arguments)
        for variable in node.inputs:
            if isinstance(variable, Constant):
                text = self._with_constant(text, variable, node)
        return f"    {targets} = {text}"

    def _with_graphs(self, node: Apply, op: Any, arguments: list[str]) -> str:
        """The call of what runs the graphs inside an op; their functions come before this one."""
        for variable in node.inputs:
            if isinstance(variable, Constant):
                self.constants[self.names[variable]] = _written(variable)
        if isinstance(op, IfElse):
            condition, *chosen = op.split(arguments)
            yes, no = (part[0] if len(part) == 1 else f"({', '.join(part)})" for part in chosen)
            return f"{yes} if {condition} else {no}"
        self.places += 1
        place = f"{self.title}_{op.name}_{self.places}"
        if node in self.loops:
            self.inner += self.loops[node](place)
            return f"{place}({', '.join(arguments)})"
        names = [f"{place}_graph_{number}" for number in range(1, len(op.graphs) + 1)]
        programs = [hooks.call("inner_program", graph, fuse=False) for graph in op.graphs]
        for inside, program in zip(names, programs):
            self.inner += Listing(program).blocks(inside)
        if isinstance(op, Scan):
            self.inner.append(LoopText(node, programs[0]).plain(place, names[0]))
            return f"{place}({', '.join(arguments)})"
        calls = [f"{inside}({', '.join(arguments[len(names) - 1:])})" for inside in names]
        return calls[0] if len(calls) == 1 else f"{calls[0]} if {arguments[0]} else {calls[1]}"

    def _with_constant(self, text: str, constant: Constant, node: Apply) -> str:
        name = self.names[constant]
        if name in self.constants:
            return text
        literal = _literal(constant, node)
        if literal is None or f"{name}." in text:
            self.constants[name] = _written(constant)
            return text
        return re.sub(rf"\b{name}\b", literal, text)

    # -- kernels ----------------------------------------------------------------------------

    def _launch(self, instruction: Instruction, kernel: Kernel) -> list[str]:
        slots = self.program.slots
        read = kernel.read
        lines = []
        arrays = {}
        for parameter, number in zip(read, instruction.inputs):
            slot = slots[number]
            if isinstance(slot.variable, Constant):
                self.constants.setdefault(slot.name, _written(slot.variable))
            arrays[parameter.name] = slot.name
            given = slot.kind in ("input", "shared")
            if given or slot.kind != "constant" and number not in self.ready:
                dtype = f"dtype=np.{numpy_name(parameter.dtype)}, " if given else ""
                lines.append(f"    {slot.name} = np.asarray({slot.name}, {dtype}order=\"C\")")
                self.ready.add(number)
        call = [
            f"{arrays[p.name]}.reshape(-1)" if kernel.is_flat and p.axes else arrays[p.name]
            for p in read
        ]
        for row in kernel.kept:
            (length,) = kernel.shape(row.axes, arrays)
            call.append(f"np.empty({length}, np.{numpy_name(row.dtype)})")
        for number, store in zip(instruction.outputs, kernel.outputs):
            lengths = kernel.shape(store.axes, arrays)
            dtype = next(p.dtype for p in kernel.parameters if p.name == store.target)
            name = slots[number].name
            self.ready.add(number)
            comma = "," if len(lengths) == 1 else ""
            lines.append(
                f"    {name} = np.empty(({', '.join(lengths)}{comma}), np.{numpy_name(dtype)})"
            )
            call.append(f"{name}.reshape(-1)" if kernel.is_flat and store.axes else name)
        lines.append(f"    {kernel.name}({', '.join(call)})")
        return lines

    # -- results ----------------------------------------------------------------------------

    def _told(self) -> list[str]:
        """What comes after the results, where something does."""
        updated = [self.program.slots[shared].name for shared, _ in self.program.updates]
        return [f"    # the results, then new values of {', '.join(updated)}"] if updated else []

    def _results(self) -> str:
        slots = self.program.slots
        texts = []
        for number in (*self.program.outputs, *(new for _, new in self.program.updates)):
            variable = slots[number].variable
            if isinstance(variable, Constant):
                self.constants.setdefault(slots[number].name, _written(variable))
            texts.append(slots[number].name)
        return ", ".join(texts) if texts else "None"


def _with_operator(text: str, op: Elemwise, arguments: list[str]) -> str:
    """``x * y`` instead of ``np.multiply(x, y)``."""
    if "{" in op.row.numpy or text != f"{op.row.numpy}({', '.join(arguments)})":
        return text
    infix = op.row.notation.infix
    if infix not in _OPERATORS:
        return text
    if len(arguments) == 1:
        return f"{infix}{arguments[0]}" if infix == "-" else text
    return f"{arguments[0]} {infix} {arguments[1]}"


def _literal(constant: Constant, node: Apply) -> str | None:
    """A number as it can stand in the text of a node without changing dtype or rank."""
    if not isinstance(node.op, Elemwise) or constant.data.size != 1:
        return None
    others = [v for v in node.inputs if not isinstance(v, Constant)]
    if not others:
        return None
    value = constant.data.item()
    dtype = constant.type.dtype  # type: ignore[attr-defined]
    if isinstance(value, complex) or not np.isfinite(value):
        return None
    if all(_dtype(v) == dtype for v in others) and dtype in ("float64", "int64", "bool"):
        text = repr(value)
    else:
        text = f"np.{numpy_name(dtype)}({value!r})"
    return f"({text})" if text.startswith("-") else text


def _dtype(variable: Variable) -> str:
    dtype: str = getattr(variable.type, "dtype", "")
    return dtype


def _written(constant: Constant) -> str:
    """A constant as text; numbers only, so there is nothing to escape."""
    data = constant.data
    if not isinstance(data, np.ndarray):
        return f"...  # a {type(data).__name__}"
    value = repr(data.tolist()).replace("nan", "np.nan").replace("inf", "np.inf")
    if data.ndim == 0:
        return f"np.{numpy_name(data.dtype.name)}({value})"
    return f"np.array({value}, dtype=np.{numpy_name(data.dtype.name)})"
