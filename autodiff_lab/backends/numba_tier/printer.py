"""Prints a `Kernel` as Numba Python.

What is here: `print_kernel`.

Relies on `compile.kernel` and the Numba spellings in the table of primitives.

The one idea: explicit loops over output buffers that come as arguments, one short statement per
line, each with the op and the user's line as a comment.  Numba compiles this form fastest, and a
person can read it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from autodiff_lab.compile.kernel import Kernel, Statement, Store
from autodiff_lab.compile.program import RESERVED
from autodiff_lab.graph import SourceLine
from autodiff_lab.tensor.scalars import primitives as prim

_LOOP_NAMES = "ijkl"
_MATH = frozenset(
    {"sqrt", "atan2", "erf", "tan", "sinh", "cosh", "asin", "acos", "atan", "asinh", "acosh",
     "atanh", "inf", "nan"}
)
_VECTORISED = frozenset({"exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "pow"})
# Numba computes with these dtypes as they are; results of others are brought back by a cast.
_NATIVE = frozenset({"float64", "float32", "int64", "bool"})


def print_kernel(kernel: Kernel) -> str:
    """The text of a kernel: imports, signature, loops.

    The first block holds the imports; after two empty lines comes the function.
    """
    return NestPrinter(kernel).text()


class NestPrinter:
    """Writes one kernel: whole, or (`body`) as lines of a larger function.

    Parameters
    ----------
    kernel : Kernel
    taken : collection of str
        Identifiers that the larger function uses already.
    """

    def __init__(self, kernel: Kernel, taken: Collection[str] = ()) -> None:
        self.kernel = kernel
        self.flat = kernel.is_flat and not taken
        self.rank = 1 if self.flat else len(kernel.loops)
        self.taken = {p.name for p in kernel.parameters} | {s.name for s in kernel.statements}
        self.taken.update(taken)
        letters = _LOOP_NAMES[: self.rank].ljust(self.rank, _LOOP_NAMES[-1])
        self.indices = [self._fresh(letter) for letter in letters]
        # parameter -> how its element is written
        self.elements = {p.name: f"{p.name}[{self._index(p.axes)}]" for p in kernel.read}
        self.lines: list[str] = []

    def text(self) -> str:
        """Imports, signature, loops."""
        kernel = self.kernel
        names = ", ".join(p.name for p in kernel.parameters)
        body = "\n".join(self.body())
        header = f'@njit("{self._signature()}", error_model="numpy")\ndef {kernel.name}({names}):'
        return f"{imports_of(body)}\n\n\n{header}\n{body}\n"

    def body(self) -> list[str]:
        """The loops, as lines."""
        kernel = self.kernel
        depth_of_loads = self._loads_by_depth()
        depth_of_stores = self._accumulators_by_depth()
        for depth in range(self.rank + 1):
            pad = "    " * (depth + 1)
            self.lines += [pad + line for line in depth_of_loads.get(depth, [])]
            for store in depth_of_stores.get(depth, []):
                start = literal(prim.Literal(store.start or 0, store.dtype), store.start)
                self.lines.append(f"{pad}{self._accumulator(store)} = {start}")
            if depth < self.rank:
                index = self.indices[depth]
                self.lines.append(f"{pad}for {index} in range({self._extent(depth)}):")
        pad = "    " * (self.rank + 1)
        for statement in kernel.statements:
            self.lines.append(pad + self._statement(statement))
        for store in kernel.outputs:
            self.lines.append(pad + self._store(store))
        for depth in range(self.rank - 1, -1, -1):
            pad = "    " * (depth + 1)
            for store in depth_of_stores.get(depth, []):
                self.lines.append(f"{pad}{self._place(store)} = {self._accumulator(store)}")
        return self.lines

    # -- head -------------------------------------------------------------------------------

    def _signature(self) -> str:
        kinds = [type_text(p.dtype, min(p.rank, 1) if self.flat else p.rank)
                 for p in self.kernel.parameters]
        return f"void({', '.join(kinds)})"

    def _extent(self, depth: int) -> str:
        extent = self.kernel.loops[depth].extent
        if self.flat:
            whole = tuple(range(len(self.kernel.loops)))
            walked = next(p for p in self.kernel.parameters if p.axes == whole)
            return f"{walked.name}.size"
        return str(extent) if isinstance(extent, int) else f"{extent[0]}.shape[{extent[1]}]"

    # -- reading ----------------------------------------------------------------------------

    def _index(self, axes: Sequence[int | None]) -> str:
        if not axes:
            return "()"
        if self.flat:
            return self.indices[0]
        return ", ".join("0" if axis is None else self.indices[axis] for axis in axes)

    def _loads_by_depth(self) -> dict[int, list[str]]:
        """Elements that are read more than once, or that an outer loop can read."""
        uses: dict[str, int] = {}
        for statement in self.kernel.statements:
            spelling = _spelling(statement)
            for position, arg in enumerate(getattr(statement.expression, "args", ())):
                if isinstance(arg, prim.Name):
                    uses[arg.name] = uses.get(arg.name, 0) + spelling.count(f"{{{position}}}")
        for store in self.kernel.outputs:
            if isinstance(store.value, prim.Name):
                uses[store.value.name] = uses.get(store.value.name, 0) + 2
        found: dict[int, list[str]] = {}
        for parameter in self.kernel.parameters:
            walked = [axis for axis in parameter.axes if axis is not None]
            depth = (1 if walked else 0) if self.flat else max(walked, default=-1) + 1
            count = uses.get(parameter.name, 0)
            if parameter.written or count == 0 or (count == 1 and depth == self.rank):
                continue
            name = self._fresh(f"{parameter.name}_{''.join(self.indices[:depth]) or '0'}"[:50])
            found.setdefault(depth, []).append(f"{name} = {self.elements[parameter.name]}")
            self.elements[parameter.name] = name
        return found

    def _fresh(self, wanted: str) -> str:
        name = wanted
        while name in self.taken or name in RESERVED:
            name += "_"
        self.taken.add(name)
        return name

    # -- statements -------------------------------------------------------------------------

    def _argument(self, term: prim.Term) -> str:
        if isinstance(term, prim.Literal):
            return literal(term, term.value)
        assert isinstance(term, prim.Name)
        return self.elements.get(term.name, term.name)

    def _statement(self, statement: Statement) -> str:
        expression = statement.expression
        assert isinstance(expression, prim.Expr)
        arguments = [self._argument(arg) for arg in expression.args]
        if expression.primitive == "cast":
            to_bool = statement.dtype == "bool"
            text = f"{arguments[0]} != 0" if to_bool else f"np.{statement.dtype}({arguments[0]})"
        else:
            text = _spelling(statement).format(*arguments)
            if statement.dtype not in _NATIVE:
                text = f"np.{statement.dtype}({text})"
            elif statement.dtype == "int64" and any(a.dtype == "bool" for a in expression.args):
                text = f"np.int64({text})"
        name = self.elements.get(statement.name, statement.name)
        return f"{name} = {text}{_comment(statement.title, statement.source)}"

    def _store(self, store: Store) -> str:
        value = self._argument(store.value)
        if store.primitive is None:
            return f"{self._place(store)} = {value}"
        accumulator = self._accumulator(store)
        comment = _comment(store.title, store.source)
        if store.primitive in ("add", "mul"):
            return f"{accumulator} {'+' if store.primitive == 'add' else '*'}= {value}{comment}"
        text = prim.PRIMITIVES[store.primitive].numba.format(accumulator, value)
        if store.dtype not in _NATIVE:
            text = f"np.{store.dtype}({text})"
        return f"{accumulator} = {text}{comment}"

    # -- results ----------------------------------------------------------------------------

    def _accumulators_by_depth(self) -> dict[int, list[Store]]:
        found: dict[int, list[Store]] = {}
        for store in self.kernel.outputs:
            if store.primitive is not None:
                found.setdefault(len(store.axes), []).append(store)
        return found

    def _accumulator(self, store: Store) -> str:
        key = f"{store.target} accumulator"
        if key not in self.elements:
            self.elements[key] = self._fresh(f"{store.target}_{store.title or 'all'}")
        return self.elements[key]

    def _place(self, store: Store) -> str:
        return f"{store.target}[{self._index(store.axes)}]"


def type_text(dtype: str, rank: int) -> str:
    """Numba's word for contiguous arrays of a dtype and rank."""
    kind = "boolean" if dtype == "bool" else dtype
    if rank == 0:
        return f"Array({kind}, 0, 'C')"
    return f"{kind}[{', '.join([':'] * (rank - 1) + ['::1'])}]"


def imports_of(body: str) -> str:
    """The import lines that the text of compiled functions needs."""
    words = set(re.findall(r"\b[a-z_0-9]+\b", re.sub(r"#.*", "", body)))
    used, wide = (", ".join(sorted(words & names)) for names in (_MATH, _VECTORISED))
    lines = [f"from math import {used}", ""] if used else []
    lines += ["import numpy as np", "from numba import njit"]
    if wide:
        lines += [
            "", "try:", f"    from autodiff_lab.vector_math import {wide}",
            "except ImportError:", f"    from math import {wide}",
        ]
    return "\n".join(lines)


def _spelling(statement: Statement) -> str:
    assert isinstance(statement.expression, prim.Expr)
    return prim.PRIMITIVES[statement.expression.primitive].numba


def literal(term: prim.Literal, value: float | int | bool | None) -> str:
    """A number in its dtype, as Numba reads it."""
    if isinstance(value, bool) or term.dtype == "bool":
        return str(bool(value))
    assert value is not None
    # nan, inf and -inf are written as the names that are imported from math
    text = repr(float(value) if term.dtype.startswith("float") else int(value))
    if term.dtype in ("float64", "int64"):
        return f"({text})" if text.startswith("-") else text
    return f"np.{term.dtype}({text})"


def _comment(title: str, source: SourceLine | None) -> str:
    """``# log1p: line 3 of cell 7``."""
    if source is None:
        return f"  # {title}" if title else ""
    place = f"cell {source.cell}" if source.cell is not None else source.label
    return f"  # {_plain(title)}: line {source.line} of {_plain(place)}"


def _plain(text: str) -> str:
    """Text on one line: a file's name is the user's and may hold anything."""
    return " ".join(text.split())
