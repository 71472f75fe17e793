"""`Program`: a graph as a list of instructions over numbered slots.

What is here: the records, and the names that every printer uses for the variables.

Relies on `compile.kernel`.

The one idea: everything that was planned (what is fused, which lengths must be compared, when a
buffer dies, which buffer is written over) stands in this value; an executor only carries it out,
and a test can count it.
"""

from __future__ import annotations

import ast
import builtins
import functools
import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from autodiff_lab.compile.kernel import Kernel
from autodiff_lab.graph import Apply, FunctionGraph, Type, Variable
from autodiff_lab.rewriting.lengths import Length as Length
from autodiff_lab.tensor.elemwise import Elemwise
from autodiff_lab.tensor.reduction import Reduction
from autodiff_lab.tensor.scalars import primitives as prim


@dataclass(frozen=True)
class Slot:
    """A place that holds one array during a call.

    Attributes
    ----------
    kind : str
        "input", "constant", "shared", "temporary" or "output".
    name : str
        An identifier, unique in the program.
    last_use : int
        The last instruction that reads it; -1 if none does.
    """

    index: int
    type: Type
    kind: str
    name: str
    variable: Variable
    last_use: int


class Check(NamedTuple):
    """Two lengths that must be equal, for this node to make sense."""

    node: Apply
    first: Length
    second: Length | int


class Instruction(NamedTuple):
    """One step: a kernel, or a single node that NumPy computes.

    Attributes
    ----------
    inputs, outputs : tuple of int
        Slots.
    nodes : tuple of Apply
        The nodes that it computes, in order.
    kernel : Kernel, optional
    frees : tuple of int
        Slots that nobody reads after it.
    overwrites : tuple of (int, int)
        (output, input): the output may be written over the memory of the input.
    checks : tuple of Check
        Lengths to compare before it runs.
    loop : Program, optional
        The body, where the node is a scan.
    """

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    nodes: tuple[Apply, ...]
    kernel: Kernel | None = None
    frees: tuple[int, ...] = ()
    overwrites: tuple[tuple[int, int], ...] = ()
    checks: tuple[Check, ...] = ()
    loop: Program | None = None


@dataclass(frozen=True)
class Program:
    """Slots and instructions.

    Attributes
    ----------
    inputs, outputs : tuple of int
        Slots; the inputs are the function's, then its shared variables.
    updates : tuple of (int, int)
        (slot of the shared variable, slot of its new value).
    graph : FunctionGraph
    names : mapping
        An identifier for every variable of the graph, inner ones too.
    """

    slots: tuple[Slot, ...]
    instructions: tuple[Instruction, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    updates: tuple[tuple[int, int], ...]
    graph: FunctionGraph
    names: Mapping[Variable, str] = field(default_factory=dict)

    @property
    def kernels(self) -> tuple[Kernel, ...]:
        """The kernels, in the order in which they run."""
        return tuple(i.kernel for i in self.instructions if i.kernel is not None)

    @property
    def loops(self) -> tuple[Program, ...]:
        """The bodies of its loops."""
        return tuple(i.loop for i in self.instructions if i.loop is not None)

    @property
    def temporaries(self) -> int:
        """How many buffers are allocated for values that are no results."""
        over = {output for i in self.instructions for output, _ in i.overwrites}
        return sum(slot.kind == "temporary" and slot.index not in over for slot in self.slots)


RESERVED = frozenset(
    {
        *keyword.kwlist, *dir(builtins), *prim.PRIMITIVES, "np", "numpy", "scipy", "math",
        "inf", "nan", "njit", "numba", "float32", "float64", "int8", "int16", "int32", "int64",
        "uint8", "uint16", "uint32", "uint64", "bool_", "run",
        "running_sum", "running_product", "largest", "smallest",
        "mismatch", "nothing_to_reduce",
    }
)


class Names:
    """Identifiers that are plain, unique, and never a word with a meaning of its own."""

    def __init__(self) -> None:
        self._taken: set[str] = set(RESERVED)
        self._next: dict[str, int] = {}

    def new(self, wanted: str | None, otherwise: str = "t") -> str:
        """An identifier like `wanted`; without one, `otherwise` and a number."""
        base = re.sub(r"\W+", "_", wanted, flags=re.ASCII).strip("_")[:40] if wanted else ""
        if base and base[0].isdigit():
            base = f"v_{base}"
        if base and base not in self._taken:
            self._taken.add(base)
            return base
        stem = f"{base}_" if base else otherwise
        number = self._next.get(stem, 1)
        while f"{stem}{number}" in self._taken:
            number += 1
        self._next[stem] = number + 1
        self._taken.add(f"{stem}{number}")
        return f"{stem}{number}"


_FRESH_FUNCTIONS = frozenset({"np.where", "np.clip"})
_FRESH_OPS = frozenset({"dot", "matmul", "arange"})


def is_fresh(node: Apply) -> bool:
    """Whether the result of a node surely has memory of its own: is no view, not its input."""
    if isinstance(node.op, Reduction):
        return bool(node.op.reduced(node.inputs[0].type.ndim))  # type: ignore[attr-defined]
    if not isinstance(node.op, Elemwise):
        return node.op.name in _FRESH_OPS
    return _makes_an_array(node.op.row.numpy)


@functools.cache
def _makes_an_array(text: str) -> bool:
    """Whether a row's NumPy text surely allocates: arithmetic, a ufunc's call, ``astype``."""
    if "{" not in text:
        return text in _FRESH_FUNCTIONS or _is_ufunc(text)
    outer = ast.parse(text.format(*(f"a{n}" for n in range(9))), mode="eval").body
    if isinstance(outer, ast.BinOp | ast.UnaryOp | ast.Compare):
        return True
    if not isinstance(outer, ast.Call) or not isinstance(outer.func, ast.Attribute):
        return False
    return outer.func.attr == "astype" or _is_ufunc(ast.unparse(outer.func))


def writes_in_place(node: Apply) -> bool:
    """Whether NumPy can be told where to put the result: the row is one ufunc."""
    return (
        isinstance(node.op, Elemwise)
        and "{" not in node.op.row.numpy
        and _is_ufunc(node.op.row.numpy)
    )


@functools.cache
def _is_ufunc(name: str) -> bool:
    return name.startswith(("np.", "scipy.special.")) and isinstance(
        prim.numpy_function(name), np.ufunc
    )
