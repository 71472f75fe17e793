"""Backends: what turns a `Program` into something that runs, found by name.

What is here: `get_backend`, the two protocols `Backend` and `Executor`, and the errors that running
code raises about lengths.

Relies on `compile.program`.

The one idea: nothing here imports a backend before it is first asked for; so NumPy alone suffices
where Numba is not installed.
"""

from __future__ import annotations

import functools
import importlib
import linecache
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol

from autodiff_lab.compile.program import Check, Length, Program
from autodiff_lab.errors import LabValueError
from autodiff_lab.graph import Apply, Variable, describe, placed

# (number of the instruction, its results): called after it has run
Mark = Callable[[int, tuple[Any, ...]], None]


class Backend(Protocol):
    """What a backend offers."""

    def build(self, program: Program, mark: Mark | None = None) -> Executor:
        """Something that runs the program, and calls `mark` after each instruction."""

    def source(self, program: Program, name: str = "f") -> str:
        """The program as text that runs when it is pasted elsewhere."""


@dataclass
class Executor:
    """A program made ready to run.

    Attributes
    ----------
    program : Program
    run : callable
        Takes the arrays of the program's inputs, returns a tuple: outputs, then new values of the
        shared variables.  It never writes to an input.
    text : str
        The generated Python.
    filename : str
        How tracebacks call the text.
    nodes_of_lines : list
        For each line of the text (from 1) the node that it computes, or None.
    kernels : dict
        Compiled kernels by name, where the backend has some.
    """

    program: Program
    run: Callable[..., tuple[Any, ...]]
    text: str
    filename: str
    nodes_of_lines: list[Apply | None] = field(default_factory=list)
    kernels: dict[str, Any] = field(default_factory=dict)

    def __call__(self, arrays: Sequence[Any]) -> list[Any]:
        return list(self.run(*arrays))

    def failed_at(self, trace: TracebackType | None) -> tuple[Apply, dict[Variable, Any]] | None:
        """The node that raised, and the values that its inputs had."""
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == self.filename:
                node = self.nodes_of_lines[trace.tb_lineno]
                if node is not None:
                    return node, self._values(node, trace.tb_frame.f_locals)
            trace = trace.tb_next
        return None

    def _values(self, node: Apply, found: dict[str, Any]) -> dict[Variable, Any]:
        names = self.program.names
        return {v: found[names[v]] for v in node.inputs if names[v] in found}


compiling = threading.RLock()
"""Held around every compile: one thread at a time, and no fork in the middle of one, whose child
would find the compiler's own locks taken for ever."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=compiling.acquire, after_in_parent=compiling.release,
        after_in_child=compiling.release,
    )

_CLASSES = {"numpy": "NumpyBackend", "numba": "NumbaBackend"}


@functools.cache
def get_backend(name: str) -> Backend:
    """The backend of this name, loaded when it is first asked for."""
    module = importlib.import_module(f"autodiff_lab.backends.{name}_tier")
    made: Backend = getattr(module, _CLASSES[name])()
    return made


def register_text(filename: str, text: str) -> None:
    """Let tracebacks and debuggers show generated text."""
    linecache.cache[filename] = (len(text), None, text.splitlines(True), filename)


_CONSTRUCTORS = {0: "scalar", 1: "vector", 2: "matrix", 3: "tensor3", 4: "tensor4"}


def mismatch(check: Check, first: int, second: int) -> None:
    """Raise the error for two lengths that had to be equal."""
    other = check.second
    described = [(check.first, first)]
    if isinstance(other, Length):
        described.append((other, second))
    short = next((length for length, found in described if found == 1), None)
    node = check.node
    where = placed(node.op.name, node)
    told = [f"axis {length.axis} of " + "a part of " * bool(length.less)
            + f"{_title(length.variable)} has length {found}" for length, found in described]
    if not isinstance(other, Length):
        told.append(f"length {other} is needed")
    if short is None or {first, second} == {1}:
        raise LabValueError(
            f"Input dimension mismatch: {', '.join(told)}.", where=where,
            why="elementwise functions take arrays of equal lengths",
        )
    name = "part" if short.less else short.variable.name or "x"
    rank = len(short.variable.type.shape)  # type: ignore[attr-defined]
    shape = ", ".join("1" if a == short.axis else "None" for a in range(rank))
    comma = "," if rank == 1 else ""
    constructor = _CONSTRUCTORS.get(rank, "tensor")
    raise LabValueError(
        f"Runtime broadcasting not allowed: {', '.join(told)}.",
        where=f"{where}\n{describe(short.variable)}",
        why="an axis is stretched only where its length is known to be 1 when the graph is "
        "built;\notherwise gradients would be wrong",
        remedy=f"specify_broadcastable({name}, {short.axis})" + ("" if short.less else
        f', or declare it {constructor}("{name}", shape=({shape}{comma}))'),
    )


def _title(variable: Variable) -> str:
    if variable.name is not None:
        return variable.name
    return f"the result of {variable.owner.op.name}" if variable.owner else "an unnamed input"
