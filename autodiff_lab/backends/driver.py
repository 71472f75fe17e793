"""A program as straight-line Python: one statement per node or kernel.

What is here: `Driver`, which writes the function that an executor runs, with its checks, its frees
and its buffers written over.

Relies on `compile.program` and the NumPy texts that ops declare.

The one idea: the text consists of identifiers that we made and of declarations.  Constants and
user ops enter as globals, never as text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autodiff_lab.backends.slices import WIDE, in_parts
from autodiff_lab.compile.backend import Executor, Mark, mismatch, register_text
from autodiff_lab.compile.kernel import Kernel
from autodiff_lab.compile.program import Check, Instruction, Length, Program, Slot, is_fresh
from autodiff_lab.graph import Apply, Constant, Variable
from autodiff_lab.tensor.elemwise import Elemwise
from autodiff_lab.tensor.opdef import HELPERS, helpers_in
from autodiff_lab.tensor.reduction import Reduction


class Driver:
    """Writes and compiles the function of one program.

    Parameters
    ----------
    program : Program
    kernels : dict, optional
        Compiled kernels by name; without them NumPy computes every node.
    mark : callable, optional
        Called after every instruction with its number and its results.
    loops : dict, optional
        Compiled loops by their node.
    """

    def __init__(
        self, program: Program, kernels: dict[str, Any] | None = None, mark: Mark | None = None,
        loops: dict[Apply, Any] | None = None,
    ) -> None:
        self.mark = mark
        self.loops = loops or {}
        self.program = program
        self.names = program.names
        self.kernels = kernels or {}
        self.lines: list[str] = [""]          # line numbers start at 1
        self.nodes: list[Apply | None] = [None]
        self.globals: dict[str, Any] = {
            "np": np, "numpy": np, "mismatch": mismatch, "nothing_to_reduce": nothing_to_reduce,
            "_mark": mark,
            **{f"_launch_{name}": kernel for name, kernel in self.kernels.items()},
        }
        self._saved: dict[Length, str] = {}
        self._checked = {
            length._replace(less=0)
            for instruction in program.instructions
            for check in instruction.checks
            for length in (check.first, check.second)
            if isinstance(length, Length)
        }

    # -- the whole --------------------------------------------------------------------------

    def executor(self, title: str) -> Executor:
        """Write, compile and wrap the function."""
        self._write()
        text = "\n".join(self.lines[1:]) + "\n"
        filename = f"<autodiff_lab {title} {id(self):x}>"
        exec(compile(text, filename, "exec"), self.globals)
        register_text(filename, text)
        return Executor(self.program, self.globals["run"], text, filename, self.nodes, self.kernels)

    def _write(self) -> None:
        program = self.program
        for slot in program.slots:
            if slot.kind == "constant":
                self.globals[slot.name] = slot.variable.data  # type: ignore[attr-defined]
        parameters = ", ".join(program.slots[i].name for i in program.inputs)
        self._line(f"def run({parameters}):")
        # kernels do not warn, so where there is nothing else nothing has to be silenced
        alone = all(i.kernel and i.kernel.name in self.kernels for i in program.instructions)
        self._line("    if True:" if alone else '    with np.errstate(all="ignore"):')
        for number, instruction in enumerate(program.instructions):
            self._instruction(instruction, number)
        self._line(f"        return ({''.join(text + ', ' for text in self._results())})")
        if any("scipy." in line for line in self.lines):
            import scipy
            import scipy.special

            self.globals["scipy"] = scipy
        for helper in helpers_in("\n".join(self.lines)):
            exec(compile(HELPERS[helper], "<autodiff_lab numpy>", "exec"), self.globals)

    def _line(self, text: str, node: Apply | None = None) -> None:
        self.lines.append(text)
        self.nodes.append(node)

    def _instruction(self, instruction: Instruction, number: int) -> None:
        for check in instruction.checks:
            self._check(check)
        if instruction.kernel is not None and instruction.kernel.name in self.kernels:
            self._launch(instruction, instruction.kernel)
        else:
            for node in instruction.nodes:
                self._node(node, instruction)
        if self.mark is not None:
            results = "".join(f"{self.program.slots[i].name}, " for i in instruction.outputs)
            self._line(f"        _mark({number}, ({results}))")
        slots = [self.program.slots[slot] for slot in instruction.frees]
        gone = [slot.name for slot in slots if getattr(slot.type, "shape", ())]
        if gone:
            self._line(f"        del {', '.join(gone)}")

    # -- lengths ----------------------------------------------------------------------------

    def _check(self, check: Check) -> None:
        first = self._length(check.first)
        second = self._length(check.second)
        number = len(self.lines)
        self.globals[f"_check_{number}"] = check
        self._line(
            f"        if {first} != {second}: mismatch(_check_{number}, {first}, {second})",
            check.node,
        )

    def _length(self, length: Length | int) -> str:
        if isinstance(length, int):
            return str(length)
        if length.less:
            return f"max({self._length(length._replace(less=0))} - {length.less}, 0)"
        return self._saved.get(length) or f"{self.names[length.variable]}.shape[{length.axis}]"

    def _save_lengths(self, variables: Iterable[Variable]) -> None:
        """Keep the lengths that later checks ask for: the array may be gone by then."""
        for variable in variables:
            for axis in range(len(getattr(variable.type, "shape", ()))):
                length = Length(variable, axis)
                if length in self._checked:
                    name = f"_length_{len(self._saved)}"
                    self._line(f"        {name} = {self.names[variable]}.shape[{axis}]")
                    self._saved[length] = name

    # -- nodes ------------------------------------------------------------------------------

    def _node(self, node: Apply, instruction: Instruction) -> None:
        arguments = [self.names[variable] for variable in node.inputs]
        if hasattr(node.op, "numpy"):
            text = node.op.numpy(node, *arguments)
        else:
            key = f"_op_{len(self.lines)}"
            self.globals[key] = self.loops.get(node) or _evaluator(node)
            text = f"{key}({', '.join(arguments)})"
        for variable in node.inputs:
            if isinstance(variable, Constant):      # kernels hold numbers that have no slot
                self.globals[self.names[variable]] = variable.data
        if instruction.kernel is None and isinstance(node.op, Elemwise):
            text = self._elementwise(node, node.op, arguments, instruction, text)
        targets = ", ".join(self.names[variable] for variable in node.outputs)
        self._line(f"        {targets} = {text}", node)
        self._save_lengths(node.outputs)

    def _elementwise(
        self, node: Apply, op: Elemwise, arguments: list[str], instruction: Instruction, text: str
    ) -> str:
        """The text of a node, written over an input that dies, and in parts for wide arrays."""
        over = "None"
        if instruction.overwrites and text == f"{op.row.numpy}({', '.join(arguments)})":
            over = self.program.slots[instruction.overwrites[0][1]].name
            text = f"{text[:-1]}, out={over})"
        if not node.outputs[0].type.ndim:  # type: ignore[attr-defined]
            return text
        stretch = op.stretch or ((),)
        whole = [a for a, axes in zip(arguments, stretch) if not axes][:1] or arguments
        key = f"_wide_{len(self.lines)}"
        self.globals[key] = in_parts(node)
        size = " * ".join(f"{argument}.size" for argument in whole)
        return f"{text} if {size} < {WIDE} else {key}({', '.join([over, *arguments])})"

    # -- kernels ----------------------------------------------------------------------------

    def _launch(self, instruction: Instruction, kernel: Kernel) -> None:
        """Allocate the outputs of a kernel and call it."""
        node = instruction.nodes[-1]
        slots = self.program.slots
        arrays = {p.name: slots[i].name for p, i in zip(kernel.read, instruction.inputs)}
        call = []
        for parameter, slot in zip(kernel.read, instruction.inputs):
            if not parameter.axes and slots[slot].kind == "input":
                call.append(slots[slot].name)     # surely an array, and one number has no order
                continue
            ready = f"{parameter.name}_"
            while ready in self.names.values():
                ready += "_"
            text = f"np.asarray({arrays[parameter.name]}, order='C')"
            if kernel.is_flat and parameter.axes:
                text += ".reshape(-1)"
            self._line(f"        {ready} = {text}", node)
            call.append(ready)
        for primitive, axes in kernel.extremes:
            self._reduction_check(kernel, axes, primitive, arrays, node)
        for row in kernel.kept:
            (length,) = kernel.shape(row.axes, arrays)
            call.append(f"np.empty({length}, {row.dtype!r})")
        over = dict(instruction.overwrites)
        for number, store in zip(instruction.outputs, kernel.outputs):
            lengths = "".join(f"{length}, " for length in kernel.shape(store.axes, arrays))
            name = slots[number].name
            if number in over:
                # the kernel wants one block; a result of ours may have come in another order
                source = slots[over[number]].name
                self._line(
                    f"        {name} = {source} if {source}.flags.c_contiguous "
                    f"else np.empty_like({source}, order='C')", node,
                )
            else:
                dtype = next(p.dtype for p in kernel.parameters if p.name == store.target)
                self._line(f"        {name} = np.empty(({lengths}), {dtype!r})", node)
            flat = kernel.is_flat and bool(store.axes)
            call.append(f"{name}.reshape(-1)" if flat else name)
        self._line(f"        _launch_{kernel.name}({', '.join(call)})", node)

    def _reduction_check(
        self, kernel: Kernel, axes: tuple[int, ...], primitive: str, arrays: dict[str, str],
        node: Apply,
    ) -> None:
        rest = [axis for axis in range(len(kernel.loops)) if axis not in axes]
        lengths = kernel.shape((*axes, *rest), arrays)
        gone = lengths[len(axes):]
        self._line(
            f"        if 0 in ({', '.join(gone)},): "
            f"nothing_to_reduce({primitive!r}, ({', '.join(lengths)},), {len(axes)})",
            node,
        )

    # -- results ----------------------------------------------------------------------------

    def _results(self) -> list[str]:
        program = self.program
        made = {slot: i for i in program.instructions for slot in i.outputs}
        texts = []
        for number in (*program.outputs, *(new for _, new in program.updates)):
            slot = program.slots[number]
            # a second result from the same slot is a copy
            instruction = made.pop(number, None)
            if instruction and instruction.kernel and instruction.kernel.name in self.kernels:
                texts.append(slot.name)
                continue
            own = instruction is not None and self._owns(slot)
            texts.append(_result_text(slot, own))
        return texts

    def _owns(self, slot: Slot) -> bool:
        """Whether NumPy's result has memory of its own and the declared dtype."""
        owner = slot.variable.owner
        if owner is None or not is_fresh(owner):
            return False
        variables = (*owner.inputs, slot.variable)
        dtypes = {getattr(variable.type, "dtype", None) for variable in variables}
        return isinstance(owner.op, Elemwise | Reduction) or dtypes in ({"float64"}, {"float32"})


def _result_text(slot: Slot, own: bool) -> str:
    dtype = getattr(slot.type, "dtype", None)
    if dtype is None:
        return slot.name
    if not own:
        return f"np.array({slot.name}, {dtype!r})"
    return slot.name if slot.type.shape else f"np.asarray({slot.name})"  # type: ignore[attr-defined]


def _evaluator(node: Apply) -> Any:
    """A function of the arrays for an op without NumPy text, such as a user's own."""

    kinds = [getattr(output.type, "dtype", None) for output in node.outputs]

    def evaluate(*arrays: Any) -> Any:
        results = node.op.evaluate(node, *arrays)
        if len(kinds) == 1:
            return _declared(results, kinds[0])
        return tuple(_declared(value, kind) for value, kind in zip(results, kinds))

    return evaluate


def _declared(value: Any, dtype: str | None) -> Any:
    """A value as an array of the declared dtype; user ops may return Python numbers."""
    return value if dtype is None else np.asarray(value, dtype)


def nothing_to_reduce(primitive: str, shape: tuple[int, ...], kept: int) -> None:
    """Let NumPy say what it says about the maximum of nothing."""
    if primitive.startswith("arg"):
        getattr(np, primitive)(np.empty(shape), axis=-1)
    function = np.maximum if primitive == "max" else np.minimum
    function.reduce(np.empty(shape), axis=tuple(range(kept, len(shape))))
