"""Run a cell with symbols in the place of names, and leave the user's namespace as it was.

Relies on `syntax` (what the text says) and `inputs` (what a name means).  The one idea: the cell
runs in the user's own namespace, between a copy taken before and put back after, so functions see
what they always see; what the cell assigned is handed back in `CellResult.written`.
"""

from __future__ import annotations

import ast
import builtins
import dataclasses
import importlib.util
import inspect
import itertools
import linecache
import math
import traceback
import types
from typing import Any

from autodiff_lab import hooks
from autodiff_lab.cell import inputs
from autodiff_lab.cell.inputs import Array, Meaning, kind_text
from autodiff_lab.cell.syntax import take_apart
from autodiff_lab.errors import LabError, LabTypeError
from autodiff_lab.graph import Constant, SourceLine, Variable, describe, line_of, toposort
from autodiff_lab.graph.walk import explicit_graph_inputs
from autodiff_lab.options import GradOptions, UsageError, evaluate_at, evaluate_range, nearest
from autodiff_lab.view.notation import name_arrays

# What a name that nobody defined usually stands for.
MEANT = {"ln": "log", "lg": "log10", "tg": "tan", "asin": "arcsin", "acos": "arccos",
         "atan": "arctan", "e": "exp(1)", "cot": "1 / tan", "sec": "1 / cos", "csc": "1 / sin"}
MODULES = {"np": "numpy as np", "pt": "autodiff_lab.tensor as pt", "ad": "autodiff_lab as ad",
           "plt": "matplotlib.pyplot as plt", "sp": "scipy as sp"}


class CellNameError(LabError, NameError):
    """A name that the cell uses and nobody defined."""


@dataclasses.dataclass(frozen=True)
class Code:
    """A cell's text and how it is called in messages.

    Attributes
    ----------
    text : str
        As the user wrote it, without the magic's line.
    filename : str
        Under which Python finds the text again.
    first_line : int
        The number of the text's first line as the user counts (2 below a magic).
    transformed : str or None
        The text after IPython's own syntax was translated, where there was any.
    """

    text: str
    filename: str
    first_line: int = 1
    transformed: str | None = None

    def parse(self) -> ast.Module:
        """The syntax tree, its lines counted as the user counts them."""
        source = self.text if self.transformed is None else self.transformed
        return ast.parse("\n" * (self.first_line - 1) + source, filename=self.filename)


_numbers = itertools.count(1)


def code_from_text(text: str, filename: str | None = None, label: str | None = None) -> Code:
    """The code of a text that came from a string or file; messages can show its lines."""
    if filename is None:
        filename = f"<cell text {next(_numbers)}>"
        label = label or "cell"
        linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    if label is not None:
        hooks.name_file(filename, label)
    return Code(text, filename)


@dataclasses.dataclass(frozen=True)
class CellResult:
    """What a cell gave.

    Attributes
    ----------
    y : Variable
        The function to differentiate.
    name : str or None
        Its name, if the cell gives it one.
    wrt : tuple of str
        The names asked for.
    inputs : dict
        Every input of `y` by name, those of `wrt` first.
    point : dict
        Values of inputs, by name.
    notices : tuple of str
        One line for each name that became a symbol.
    plot : tuple of tuple
        Name, start, stop and number of points of each range of the plot.
    written : dict
        What the cell assigned, for the namespace when everything has worked.
    """

    y: Any
    name: str | None
    wrt: tuple[str, ...]
    inputs: dict[str, Any]
    point: dict[str, Array]
    notices: tuple[str, ...]
    plot: tuple[tuple[str, float, float, int], ...]
    code: Code
    written: dict[str, Any]
    silenced: bool = False


def run_cell(code: Code, namespace: dict[str, Any], options: GradOptions) -> CellResult:
    """Run a cell; the namespace holds the same before and after, whatever happens.

    Raises
    ------
    UsageError
        For a mistake on the first line.
    LabError
        For a cell that gives nothing to differentiate.
    Exception
        Whatever the user's code raises.
    """
    run = _Run(code, namespace, options)
    run.give_meanings()
    return run.result(run.checked(run.execute()))


def run_answer(
    code: Code, namespace: dict[str, Any], symbols: dict[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """The value of a cell in which names stand for these symbols, and what it assigned.

    A function is called with the symbols of its parameters' names.
    """
    run = _Run(code, namespace, GradOptions())
    run.answering = True
    run.meanings = [Meaning(name, symbol, None, "") for name, symbol in symbols.items()]
    return run.execute(), run.written


class _Run:
    """A cell on its way from text to result."""

    answering = False        # names have a meaning from outside, parameters too

    def __init__(self, code: Code, namespace: dict[str, Any], options: GradOptions) -> None:
        self.code, self.namespace, self.options = code, namespace, options
        self.syntax = take_apart(code.parse(), code.text, options.of, code.filename)
        self.at = evaluate_at(options, namespace)
        self.plot = tuple(evaluate_range(one, namespace) for one in options.plot)
        self.meanings: list[Meaning] = []
        self.written: dict[str, Any] = {}

    # -- names --------------------------------------------------------------------------------

    def give_meanings(self) -> None:
        """What the names of the first line and the free names of the cell become."""
        name, namespace = self.syntax.name, self.namespace
        reads = inputs.reads_of(self.syntax.free, namespace)
        held = None if name in self.syntax.assigned else namespace.get(name or "")
        if not self.syntax.is_function and not isinstance(held, types.FunctionType):
            self.meanings = self._wanted(reads)
        named = {meaning.name for meaning in self.meanings}
        free = [inputs.free_meaning(n, namespace, self.at) for n in reads if n not in named]
        self.meanings += [meaning for meaning in free if meaning is not None]

    def _wanted(self, reads: list[str]) -> list[Meaning]:
        held, functions = self.namespace, inputs.fallback_functions()
        for want in self.options.wrt:
            if want.name not in reads and want.name not in held:
                candidates = [n for n in reads if n not in functions and not hasattr(builtins, n)
                              and not isinstance(held.get(n), types.ModuleType)]
                raise UsageError(f"the cell does not use {want.name!r}"
                                 f"{nearest(want.name, candidates)}")
        return [inputs.wanted_meaning(w, held, self.at, self.options) for w in self.options.wrt]

    # -- running --------------------------------------------------------------------------------

    def execute(self) -> Any:
        """The value of the cell; the namespace is put back, what was assigned is kept apart."""
        filename, namespace = self.code.filename, self.namespace
        body = compile(self.syntax.body, filename, "exec", dont_inherit=True)
        last = compile(self.syntax.value, filename, "eval", dont_inherit=True)
        before = dict(namespace)
        symbols = {meaning.name: meaning.symbol for meaning in self.meanings}
        namespace.update(symbols)
        namespace["__builtins__"] = {**inputs.fallback_functions(), **vars(builtins)}
        try:
            exec(body, namespace)
            if self.options.of is not None and self.options.of not in namespace:
                known = [n for n, v in namespace.items()
                         if isinstance(v, Variable) and (n in symbols or before.get(n) is not v)]
                raise UsageError(f"--of: the cell has no name {self.options.of!r}"
                                 f"{nearest(self.options.of, known)}")
            value, name = eval(last, namespace), self.syntax.name
            name = None if name in symbols else name   # x = ... of an input x is called y
            if isinstance(value, types.FunctionType):
                name = name if value.__name__ == "<lambda>" else value.__name__
                value = self._called(value)
            self.written = {
                key: held for key, held in namespace.items()
                if key not in symbols and key != "__builtins__"
                and not (key in before and before[key] is held)
            }
            self._name_results(value, name)
        except NameError as error:
            if isinstance(error, LabError) or not error.name:
                raise
            raise self._undefined(error) from None
        finally:
            for key in namespace.keys() - before.keys():
                del namespace[key]
            namespace.update(before)
        return value

    def _undefined(self, error: NameError) -> CellNameError:
        """A NameError with the remedy, still pointing at the user's line."""
        name, symbols = error.name, [meaning.name for meaning in self.meanings]
        known = [n for n in (*symbols, *self.namespace, *inputs.FALLBACK) if not n.startswith("_")]
        close = f"; did you mean {MEANT[name]}?" if name in MEANT else nearest(name, known)
        if traceback.extract_tb(error.__traceback__)[-1].filename != self.code.filename:
            remedy = (f"a function looks {name} up where it stands: define or import it in that "
                      "cell, as in from math import pi")
        elif name in MODULES or importlib.util.find_spec(name) is not None:
            remedy = f"import {MODULES.get(name, name)} first"
        else:
            asked = " ".join([*map(str, self.options.wrt), name])
            remedy = (close[2:] + "\n" if "did you mean" in close else "") + (
                f"the answer may use {', '.join(symbols)} and functions such as exp, sin, log"
                if self.answering else f"give {name} a value, or name it on the first line to "
                f"make it an input: %%grad {asked}"
            )
        told = CellNameError(f"name {name!r} is not defined", remedy=remedy)
        told.name = name
        return told.with_traceback(error.__traceback__)

    def _called(self, function: types.FunctionType) -> Any:
        """What a function gives for symbols in the place of its parameters."""
        parameters = inspect.signature(function).parameters
        wanted = {want.name: want for want in self.options.wrt}
        for name in wanted:
            if name not in parameters:
                raise UsageError(
                    f"{function.__name__}() has no parameter {name!r}{nearest(name, parameters)}"
                )
        positional: list[Any] = []
        keywords: dict[str, Any] = {}
        known = {meaning.name: meaning for meaning in self.meanings}
        for name, parameter in parameters.items():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            meaning = self.answering and known.get(name) or inputs.parameter_meaning(
                parameter, wanted.get(name), self.options, self.at)
            if meaning is None:
                continue
            self.meanings.append(meaning)
            if parameter.kind is parameter.POSITIONAL_ONLY:
                positional.append(meaning.symbol)
            else:
                keywords[name] = meaning.symbol
        return function(*positional, **keywords)

    def _name_results(self, value: Any, name: str | None) -> None:
        """Give each variable the name the cell assigned it to, the first of several."""
        for key, held in self.written.items():
            if isinstance(held, Variable) and held.name is None and not key.startswith("_"):
                held.name = key
        if isinstance(value, Variable):
            value.name = value.name or name
            name_arrays([value], {k: v for k, v in self.written.items()
                                  if inputs.is_array(v) and not k.startswith("_")})

    # -- what came out --------------------------------------------------------------------------

    def checked(self, value: Any) -> Any:
        """The value, if it is a symbolic scalar that depends on something."""
        line = SourceLine(self.code.filename, self.syntax.value_line)
        what = self.syntax.name or "the last expression"
        constant = isinstance(value, Constant) or inputs.is_number(value) or inputs.is_array(value)
        if isinstance(value, Variable) and not constant:
            if getattr(value.type, "ndim", 0):
                raise LabTypeError(
                    "Cost must be a scalar.", where=f"{describe(value)}; {line_of(value) or line}",
                    why=f"each of its {_count_text(value)} has a derivative of its own",
                    remedy=self._scalar_remedy(),
                )
            return value
        if constant:
            names = ", ".join(want.name for want in self.options.wrt)
            shown = " ".join(str(getattr(value, "data", value)).split())[:40]
            remedy = f"use {names} in it" if names else "name its inputs: %%grad x"
            if isinstance(value, bool):
                remedy = "== and != answer at once: end the cell with the function itself"
            raise LabTypeError(
                f"{what[0].upper() + what[1:] if not self.syntax.name else what} does not depend "
                "on any symbol.", where=line, why=f"it is the constant {shown}", remedy=remedy,
            )
        several = isinstance(value, (tuple, list))
        raise LabTypeError(
            f"There is nothing to differentiate: {what} is {inputs.kind_of_value(value)}.",
            where=line, remedy="end the cell with one of them, or with their sum" if several
            else "end the cell with an expression, as in x ** 2",
        )

    def _scalar_remedy(self) -> str:
        name = self.syntax.name or ""
        what = name if name.isidentifier() else "(...)"
        remedy = f"differentiate a sum, as in {what}.sum(), or one entry, as in {what}[0]"
        arrays = [want.name for want in self.options.wrt]
        if len(arrays) == 1 and not self.plot:
            remedy += (f"\nto see the curve of a scalar {arrays[0]} instead: "
                       f'--plot "{arrays[0]}=-6:6"')
        return remedy

    def result(self, y: Any) -> CellResult:
        """Put together what the cell gave: the inputs that `y` has, those asked for first."""
        asked = [want.name for want in self.options.wrt]
        used = dict.fromkeys(explicit_graph_inputs([y]))
        every = {meaning.name: meaning.symbol for meaning in self.meanings
                 if meaning.name in asked or meaning.symbol in used}
        for leaf in used:
            if leaf not in every.values():
                inputs.add_name(every, leaf)
        floats = [n for n, v in every.items() if v.type.dtype.startswith(("float", "complex"))]
        asked = asked or floats
        ordered = {name: every[name] for name in dict.fromkeys([*asked, *every])}
        along = [one[0] for one in self.plot]
        for what, names in (("--at", self.at), ("--plot", along)):
            for name in names:
                if name not in ordered:
                    raise UsageError(
                        f"{what}: the cell has no input {name!r}{nearest(name, ordered)}"
                    )
        for name in along:
            if ordered[name].type.ndim:
                raise UsageError(f"--plot: {name} is a {kind_text(ordered[name].type)}; "
                                 "only scalars have a plot")
        kept = [m for m in self.meanings if m.name in ordered]
        return CellResult(
            y=y, name=None if self.syntax.name in ordered else self.syntax.name or y.name,
            wrt=tuple(asked), inputs=ordered,
            point={m.name: m.value for m in kept if m.value is not None},
            notices=(*(m.notice for m in kept if m.notice), *_ladders(y)), plot=self.plot,
            code=self.code, written=self.written, silenced=self.syntax.silenced,
        )


def _count_text(value: Any) -> str:
    known = None not in value.type.shape
    return f"{math.prod(value.type.shape)} entries" if known else "entries"


def _ladders(y: Any) -> list[str]:
    """A notice for each sum by Python's own `sum`, which begins with ``0 + v[0]``."""
    found: dict[str, None] = {}
    for node in toposort([y]):
        first = node.inputs[-1].owner
        if node.op.name != "add" or first is None or first.op.name != "subtensor":
            continue
        zero, array = node.inputs[0], first.inputs[0]
        length = (array.type.shape or (None,))[0]
        if isinstance(zero, Constant) and not zero.data.any() and length is not None:
            name = array.name or "x"
            found[f"sum() is Python's and adds {length} elements one by one; "
                  f"{name}.sum() is one operation"] = None
    return list(found)
