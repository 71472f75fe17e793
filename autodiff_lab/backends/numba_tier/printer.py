"""Prints a `Kernel` as Numba Python.

What is here: `print_kernel`.

Relies on `compile.kernel` and the Numba spellings in the table of primitives.

The one idea: explicit loops over output buffers that come as arguments, one short statement per
line, each with the op and the user's line as a comment.  Numba compiles this form fastest, and a
person can read it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from autodiff_lab.compile.kernel import INDEX, Kernel, Parameter, Running, Statement, Store, Total
from autodiff_lab.compile.program import RESERVED
from autodiff_lab.graph import SourceLine
from autodiff_lab.tensor.scalars import primitives as prim

_LOOP_NAMES = "ijkl"
_MATH = frozenset(
    {"sqrt", "atan2", "erf", "tan", "sinh", "cosh", "asin", "acos", "atan", "asinh", "acosh",
     "atanh", "inf", "nan"}
)
_RUNNING = {"add": "running_sum", "mul": "running_product", "max": "largest", "min": "smallest"}
_WITHOUT_US = {
    "running_sum": "total + value", "running_product": "total * value",
    "largest": prim.PRIMITIVES["max"].numba.format("total", "value"),
    "smallest": prim.PRIMITIVES["min"].numba.format("total", "value"),
}
BLOCK = 4096
"""Sums go block by block: rounding errors grow with the length of a block."""
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
        named = (*kernel.parameters, *kernel.statements, *kernel.totals)
        self.taken = {each.name for each in named}
        self.taken.update(taken)
        letters = _LOOP_NAMES[: self.rank].ljust(self.rank, _LOOP_NAMES[-1])
        self.indices = [self._fresh(letter) for letter in letters]
        # parameter -> how its element is written
        self.elements = {p.name: self._element(p) for p in kernel.parameters}
        if self.indices:
            self.elements[INDEX.name] = self.indices[-1]
        self.lines: list[str] = []
        self._parts: dict[str, str] = {}          # accumulator -> that of a block
        self._loaded: dict[str, str] = {}

    def text(self) -> str:
        """Imports, signature, loops."""
        kernel = self.kernel
        names = ", ".join(p.name for p in kernel.parameters)
        body = "\n".join(self.body())
        header = f'@njit("{self._signature()}", error_model="numpy")\ndef {kernel.name}({names}):'
        return f"{imports_of(body)}\n\n\n{header}\n{body}\n"

    def body(self) -> list[str]:
        """The loops, as lines."""
        rows = max(self.rank - 1, 0)
        self._start_arrays()
        loads = self._outer_loads()
        running = self._accumulators_by_depth()
        for depth in range(rows + 1):
            for line in loads.get(depth, []):
                self._line(depth, line)
            for store in running.get(depth, []):
                self._line(depth, f"{self._accumulator(store)} = {_start(store)}")
            if depth < rows:
                self._line(depth, f"for {self.indices[depth]} in range({self._extent(depth)}):")
        for time in self._times():
            if time % 2 and rows < self.rank or not self.rank:
                self._stage(rows, time)
            else:
                self._inner_loop(rows, time)
        for depth in range(rows, -1, -1):
            for store in running.get(depth, []):
                self._line(depth, f"{self._place(store)} = {self._accumulator(store)}")
        return self.lines

    def _line(self, depth: int, text: str) -> None:
        self.lines.append("    " * (depth + 1) + text)

    def _times(self) -> list[int]:
        kernel = self.kernel
        parts = (*kernel.statements, *kernel.totals, *kernel.outputs, *kernel.kept)
        return sorted({part.time for part in parts})

    def _inner_loop(self, depth: int, time: int) -> None:
        """The innermost loop: once over the row, or block by block where it sums."""
        totals = [total for total in self.kernel.totals if total.time == time]
        for total in (*totals, *(r for r in self.kernel.running if r.time == time)):
            self._line(depth, f"{self._known(total.name)} = {_start(total)}")
        extents = [loop.extent for loop in self.kernel.loops[0 if self.flat else -1:]]
        length = math.prod(n if isinstance(n, int) else BLOCK + 1 for n in extents)
        summed = [
            *((t, self._known(t.name)) for t in totals),
            *((s, self._accumulator(s)) for s in self.kernel.outputs
              if s.primitive and s.time == time and self._has_prefix(s)),
        ]
        summed = [(s, name) for s, name in summed if s.primitive == "add" and _is_float(s.dtype)]
        index, end = self.indices[-1], self._extent(self.rank - 1)
        if not summed or length <= BLOCK:
            self._line(depth, f"for {index} in range({end}):")
            self._stage(depth + 1, time)
            return
        begin = self._fresh(f"{index}_block")
        self._line(depth, f"for {begin} in range(0, {end}, {BLOCK}):  # in blocks: less rounding")
        for _, name in summed:
            self._parts[name] = self._fresh(f"{name}_part")
            self._line(depth + 1, f"{self._parts[name]} = 0.0")
        self._line(depth + 1, f"for {index} in range({begin}, min({begin} + {BLOCK}, {end})):")
        self._stage(depth + 2, time)
        for _, name in summed:
            self._line(depth + 1, f"{name} += {self._parts.pop(name)}")

    def _stage(self, depth: int, time: int) -> None:
        """What happens at one time, without the loop around it."""
        kernel = self.kernel
        at_time = {
            kind: [part for part in parts if part.time == time]
            for kind, parts in (("statements", kernel.statements), ("kept", kernel.kept),
                                ("outputs", kernel.outputs), ("totals", kernel.totals))
        }
        outer = dict(self.elements)
        for line in self._inner_loads(at_time):
            self._line(depth, line)
        for statement in at_time["statements"]:
            self._line(depth, self._statement(statement))
        for store in (*at_time["kept"], *at_time["outputs"]):
            self._line(depth, self._store(store))
        for total in at_time["totals"]:
            name = self._known(total.name)
            self._line(depth, self._accumulated(total, self._parts.get(name, name)))
        self.elements.update({p.name: outer[p.name] for p in kernel.parameters})

    def _start_arrays(self) -> None:
        """Results that are summed up in place begin with the start of their sums."""
        for store in self.kernel.outputs:
            if store.primitive is None or self._has_prefix(store):
                continue
            for depth, axis in enumerate(store.axes):
                self._line(depth, f"for {self.indices[axis]} in range({self._extent(axis)}):")
            self._line(len(store.axes), f"{self._place(store)} = {_start(store)}")

    def _has_prefix(self, store: Store) -> bool:
        """Whether a result is indexed by the outermost loops: then a number will do meanwhile."""
        return self.flat or store.axes == tuple(range(len(store.axes)))

    # -- head -------------------------------------------------------------------------------

    def _signature(self) -> str:
        kinds = [type_text(p.dtype, min(p.rank, 1) if self.flat else p.rank)
                 for p in self.kernel.parameters]
        return f"void({', '.join(kinds)})"

    def _extent(self, depth: int) -> str:
        if self.flat:
            whole = tuple(range(len(self.kernel.loops)))
            walked = next(p for p in self.kernel.parameters if p.axes == whole)
            return f"{walked.name}.size"
        return self.kernel.loops[depth].length("{}.shape[{}]".format)

    # -- reading ----------------------------------------------------------------------------

    def _element(self, parameter: Parameter) -> str:
        """The element that one iteration reads or writes."""
        if self.flat or not parameter.parts:
            return f"{parameter.name}[{self._index(parameter.axes)}]"
        lengths = [f"{parameter.name}.shape[{axis}]" for axis in range(parameter.rank)]
        index, inside = parameter.indices(self.indices, lengths)
        return padded(f"{parameter.name}[{', '.join(index)}]", inside, parameter)

    def _index(self, axes: Sequence[int | None]) -> str:
        if not axes:
            return "()"
        if self.flat:
            return self.indices[0]
        return ", ".join("0" if axis is None else self.indices[axis] for axis in axes)

    def _outer_loads(self) -> dict[int, list[str]]:
        """Elements that an outer loop can read, by its depth."""
        kernel = self.kernel
        uses = _uses((*kernel.statements, *kernel.totals, *kernel.outputs, *kernel.kept))
        found: dict[int, list[str]] = {}
        for parameter in kernel.parameters:
            depth = self._depth(parameter)
            if not parameter.written and parameter.name in uses and depth < self.rank:
                found.setdefault(depth, []).append(self._load(parameter, depth))
        return found

    def _inner_loads(self, at_time: dict[str, list[Any]]) -> list[str]:
        """Elements that the innermost loop reads more than once."""
        uses = _uses(part for parts in at_time.values() for part in parts)
        return [
            self._load(parameter, self.rank) for parameter in self.kernel.parameters
            if self._depth(parameter) == self.rank and uses.get(parameter.name, 0) > 1
        ]

    def _depth(self, parameter: Parameter) -> int:
        """How many loops must have begun before an element can be read."""
        walked = [axis for axis in parameter.axes if axis is not None]
        return (1 if walked else 0) if self.flat else max(walked, default=-1) + 1

    def _load(self, parameter: Parameter, depth: int) -> str:
        wanted = f"{parameter.name}_{''.join(self.indices[:depth]) or '0'}"[:50]
        name = self._loaded.get(wanted) or self._loaded.setdefault(wanted, self._fresh(wanted))
        line = f"{name} = {self.elements[parameter.name]}"
        self.elements[parameter.name] = name
        return line

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
        if store.primitive is None:
            return f"{self._place(store)} = {self._argument(store.value)}"
        if not self._has_prefix(store):
            return self._accumulated(store, self._place(store), in_place=True)
        name = self._accumulator(store)
        return self._accumulated(store, self._parts.get(name, name))

    def _accumulated(self, store: Store | Total, name: str, in_place: bool = False) -> str:
        """Take one value into a sum, a product, a maximum."""
        value, comment = self._argument(store.value), _comment(store.title, store.source)
        helper = _RUNNING.get(store.primitive or "")
        if helper and _is_float(store.dtype) and not in_place:
            return f"{name} = {helper}({name}, {value}){comment}"
        if store.primitive in ("add", "mul"):
            return f"{name} {'+' if store.primitive == 'add' else '*'}= {value}{comment}"
        text = prim.PRIMITIVES[store.primitive or ""].numba.format(name, value)
        if store.dtype not in _NATIVE:
            text = f"np.{store.dtype}({text})"
        return f"{name} = {text}{comment}"

    # -- results ----------------------------------------------------------------------------

    def _accumulators_by_depth(self) -> dict[int, list[Store]]:
        found: dict[int, list[Store]] = {}
        for store in self.kernel.outputs:
            if store.primitive is not None and self._has_prefix(store):
                found.setdefault(len(store.axes), []).append(store)
        return found

    def _accumulator(self, store: Store) -> str:
        key = f"{store.target} accumulator"
        if key not in self.elements:
            self.elements[key] = self._fresh(f"{store.target}_{store.title or 'all'}")
        return self.elements[key]

    def _known(self, name: str) -> str:
        return self.elements.get(name, name)

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
    helpers = [name for name in _RUNNING.values() if name in words]
    lines = [f"from math import {used}", ""] if used else []
    lines += ["import numpy as np", "from numba import njit"]
    if wide or helpers:
        names = ", ".join([*([wide] if wide else []), *helpers])
        lines += ["", "try:", f"    from autodiff_lab.vector_math import {names}",
                  "except ImportError:"]
        lines += [f"    from math import {wide}"] if wide else []
        for helper in helpers:
            lines += ["", "    @njit", f"    def {helper}(total, value):",
                      f"        return {_WITHOUT_US[helper]}"]
    return "\n".join(lines)


def padded(text: str, inside: str, parameter: Parameter) -> str:
    """An element that may lie outside of its array."""
    if not inside or parameter.padding is None:
        return text
    return f"({text} if {inside} else {literal(parameter.padding, parameter.padding.value)})"


def _is_float(dtype: str) -> bool:
    return dtype.startswith("float")


def _start(store: Store | Total | Running) -> str:
    """What an accumulator begins with."""
    return literal(prim.Literal(store.start or 0, store.dtype), store.start)


def _uses(parts: Iterable[Any]) -> dict[str, int]:
    """How often the text of statements, stores and totals names each value."""
    found: dict[str, int] = {}
    for part in parts:
        if isinstance(part, Statement):
            spelling = _spelling(part)
            for position, arg in enumerate(part.expression.args):
                if isinstance(arg, prim.Name):
                    found[arg.name] = found.get(arg.name, 0) + spelling.count(f"{{{position}}}")
        elif isinstance(part.value, prim.Name):
            found[part.value.name] = found.get(part.value.name, 0) + 1
    return found


def _spelling(statement: Statement) -> str:
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
