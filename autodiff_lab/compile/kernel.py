"""`Kernel`: a typed loop nest as plain data.

What is here: the parameters, loops, statements and stores of one fused group of operations.

Relies on the primitives of `tensor.scalars` only.

The one idea: a kernel is lowered once and printed many times.  The Numba printer, the picture that
links nodes to lines, the tests and the cost estimates all read this description; none of them looks
at the ops again.  Array axes name the loop that they follow; an axis of length 1 that is stretched
follows none (stride 0), so a row or a column never becomes a Python loop.

What a kernel does happens at a `time`.  At the even times 0, 2, ... the innermost loop runs over a
row; at the odd ones, -1 before all of them, come the numbers that a row has one of, such as the sum
at 1 of what the loop did at 0.  Most kernels have time 0 only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autodiff_lab.graph import Apply, SourceLine
from autodiff_lab.rewriting.lengths import WHOLE as WHOLE
from autodiff_lab.rewriting.lengths import Part
from autodiff_lab.tensor.scalars import primitives as prim

MOST_STATEMENTS = 300
"""A kernel holds at most so many statements: Numba's compile time grows faster beyond."""


@dataclass(frozen=True)
class Parameter:
    """An array that a kernel reads or writes.

    Attributes
    ----------
    name : str
    dtype : str
    axes : tuple of int or None
        For each axis of the array the loop that walks it; None for an axis of length 1.
    written : bool
        An output may be the very array of an input of the same axes, never a part of one.
    parts : tuple of Part or int
        For each axis the elements that its loop walks, or a fixed index; empty: all of them.
    padding : Literal, optional
        What is read outside of an array that is smaller than the loops: the parts then say where
        the array stands among them.
    """

    name: str
    dtype: str
    axes: tuple[int | None, ...]
    written: bool = False
    parts: tuple[Part | int, ...] = ()
    padding: prim.Literal | None = None

    @property
    def rank(self) -> int:
        """Number of axes of the array."""
        return len(self.axes)

    def indices(self, loops: Sequence[str], lengths: Sequence[str]) -> tuple[list[str], str]:
        """The text of its indices, and when they are inside where there is padding."""
        found, inside = [], []
        walks = ["0" if axis is None else loops[axis] for axis in self.axes]
        for walk, part, length in zip(walks, self.parts or [WHOLE] * self.rank, lengths):
            start, step = (part, 0) if isinstance(part, int) else part[:2]
            if self.padding and step > 0 and part != WHOLE:
                walk = f"{walk} - {start}" if start else walk
                inside.append(f"0 <= {walk} < {length}")
            elif start < 0:
                walk = f"{length} - {-start} - {walk}"
            elif step == 1 or not step:
                walk = " + ".join([*[walk] * step, *[str(start)] * (start > 0 or not step)])
            else:
                walk = f"{start} + {step} * {walk}" if step > 0 else f"{start} - {-step} * {walk}"
            found.append(walk)
        return found, " and ".join(inside)


@dataclass(frozen=True)
class Loop:
    """One loop.

    Attributes
    ----------
    kind : str
        "map", or "reduce" where no store is indexed by it.
    extent : tuple of (str, int, int), or int
        The parameter and axis that give its length and how many elements it does not walk, or the
        length itself.
    """

    kind: str
    extent: tuple[str, int, int] | int

    def length(self, of: Callable[[str, int], str]) -> str:
        """How often it runs, as text, given the lengths of parameters."""
        if isinstance(self.extent, int):
            return str(self.extent)
        parameter, axis, less = self.extent
        return f"max({of(parameter, axis)} - {less}, 0)" if less else of(parameter, axis)


@dataclass(frozen=True)
class Statement:
    """``name: dtype = expression``; every argument of the expression is a name or a literal.

    Attributes
    ----------
    nodes : tuple of Apply
        The graph nodes that it computes (a part of).
    title : str
        What the printed comment calls it: the name of the op.
    source : SourceLine, optional
        The user's line.
    """

    name: str
    dtype: str
    expression: prim.Expr
    nodes: tuple[Apply, ...] = ()
    title: str = ""
    source: SourceLine | None = None
    time: int = 0


@dataclass(frozen=True)
class Total:
    """``name``: what the values of a row accumulate to, known at the time after.

    Attributes
    ----------
    checked : bool
        Whether a row of length 0 is an error where the primitive has no start.
    """

    name: str
    dtype: str
    value: prim.Term
    primitive: str
    start: float | int | bool
    nodes: tuple[Apply, ...] = ()
    title: str = ""
    source: SourceLine | None = None
    time: int = 0
    checked: bool = True


@dataclass(frozen=True)
class Running:
    """``name``: what a statement of that name takes one value of a row after the other into.

    Attributes
    ----------
    last : str
        The op of which only the value after the row counts; empty where all of them do.
    """

    name: str
    dtype: str
    start: float | int | bool
    time: int
    last: str = ""


INDEX = prim.Name("innermost index", "int64")
"""How far the innermost loop is."""


@dataclass(frozen=True)
class Store:
    """A result: a value written to an array, or accumulated first.

    Attributes
    ----------
    target : str
        The parameter.
    value : prim.Term
        A name or literal.
    axes : tuple of int
        The loops that index the target.
    primitive : str, optional
        "add", "mul", "max", "min", "or", "and": how values are accumulated.
    start : number, optional
        The value to begin with.
    dtype : str
        Of the accumulator (or of the value, where nothing is accumulated).
    """

    target: str
    value: prim.Term
    axes: tuple[int, ...]
    dtype: str
    primitive: str | None = None
    start: float | int | bool | None = None
    nodes: tuple[Apply, ...] = ()
    title: str = ""
    source: SourceLine | None = None
    time: int = 0


@dataclass(frozen=True)
class Kernel:
    """A loop nest: parameters, loops from the outside in, statements in order, stores.

    A store with a primitive accumulates over the loops that do not index it.

    Attributes
    ----------
    parameters : tuple of Parameter
        Those that are read, the rows that are kept, those of the outputs.
    totals : tuple of Total
    kept : tuple of Store
        Values of a row that a later time needs, in arrays of one row that mean nothing afterwards.
    """

    name: str
    parameters: tuple[Parameter, ...]
    loops: tuple[Loop, ...]
    statements: tuple[Statement, ...]
    outputs: tuple[Store, ...]
    totals: tuple[Total, ...] = ()
    kept: tuple[Store, ...] = ()
    running: tuple[Running, ...] = ()

    @property
    def extremes(self) -> list[tuple[str, tuple[int, ...]]]:
        """Each maximum or minimum that must not be one of nothing, with the loops that index it."""
        rows = tuple(range(len(self.loops) - 1))
        inner = [(t.primitive, rows) for t in self.totals if t.checked]
        inner += [(r.last, rows) for r in self.running]
        stored = [(s.primitive, s.axes) for s in self.outputs if s.primitive]
        never = ("max", "min", "argmax", "argmin")
        return [pair for pair in dict.fromkeys(inner + stored) if pair[0] in never]

    def last_read(self, name: str) -> int:
        """The last time when a parameter is read; -1 if it never is."""
        uses = [(s.time, s.expression.args) for s in self.statements]
        uses += [(store.time, (store.value,)) for store in (*self.outputs, *self.kept)]
        uses += [(total.time, (total.value,)) for total in self.totals]
        return max(
            (time for time, terms in uses
             if any(isinstance(term, prim.Name) and term.name == name for term in terms)),
            default=-1,
        )

    @property
    def read(self) -> list[Parameter]:
        """The parameters that are only read."""
        return [parameter for parameter in self.parameters if not parameter.written]

    def shape(self, axes: Sequence[int], arrays: Mapping[str, str]) -> list[str]:
        """The lengths of some loops as Python text, given what the arrays are called."""
        return [
            self.loops[axis].length(lambda name, place: f"{arrays[name]}.shape[{place}]")
            for axis in axes
        ]

    @property
    def is_flat(self) -> bool:
        """Whether every array is walked alike, so that one loop over all elements will do."""
        rank = len(self.loops)
        whole = tuple(range(rank))
        if rank == 0 or self.totals or self.running:
            return False
        if any(p.axes not in (whole, ()) or p.parts for p in self.read):
            return False
        if not any(p.axes == whole for p in self.parameters):
            return False
        return all(store.axes in (whole, ()) for store in self.outputs)

    @property
    def flops(self) -> int:
        """Estimated additions per innermost iteration."""
        found = sum(prim.flops(s.expression) for s in self.statements if s.time % 2 == 0)
        gathered = [*(t.primitive for t in self.totals), *(s.primitive for s in self.outputs)]
        return found + sum(prim.PRIMITIVES[name].flops for name in gathered if name)

    @property
    def bytes(self) -> int:
        """Bytes that one innermost iteration moves, counting only arrays that every loop walks."""
        return sum(
            np.dtype(p.dtype).itemsize
            for p in self.parameters
            if len(set(p.axes)) == len(self.loops)
        )


def start_value(primitive: str, dtype: str) -> float | int | bool:
    """The value that changes nothing: what an accumulation begins with."""
    if primitive == "add":
        return 0
    if primitive == "mul":
        return 1
    if primitive in ("or", "and"):
        return primitive == "and"
    sign = -1 if primitive == "max" else 1
    if dtype.startswith("float"):
        return sign * math.inf
    if dtype == "bool":
        return primitive == "min"
    bounds = np.iinfo(dtype)
    return int(bounds.min if primitive == "max" else bounds.max)
