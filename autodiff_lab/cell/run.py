"""Run a cell with symbols in the place of names, and leave the user's namespace as it was.

Relies on `syntax` (what the text says) and `inputs` (what a name means).  The one idea: the cell
runs in the user's own namespace, between a copy taken before and put back after, so functions see
what they always see; what the cell assigned is handed back in `CellResult.written`, for `commit`.
"""

from __future__ import annotations

import ast
import builtins
import dataclasses
import inspect
import itertools
import linecache
import types
from collections.abc import Mapping
from typing import Any

from autodiff_lab import hooks
from autodiff_lab.cell import inputs
from autodiff_lab.cell.inputs import Array, Meaning
from autodiff_lab.cell.syntax import CellSyntax, take_apart
from autodiff_lab.errors import LabError, LabTypeError
from autodiff_lab.graph import (
    Constant,
    SourceLine,
    Variable,
    ancestors,
    describe,
    line_of,
    toposort,
)
from autodiff_lab.options import (
    GradOptions,
    UsageError,
    evaluate_at,
    evaluate_range,
    nearest,
)
from autodiff_lab.view.notation import name_arrays


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
    plot : tuple or None
        Name, start, stop and number of points of the plot.
    written : dict
        What the cell assigned, for `commit`.
    """

    y: Any
    name: str | None
    wrt: tuple[str, ...]
    inputs: dict[str, Any]
    point: dict[str, Array]
    notices: tuple[str, ...]
    plot: tuple[str, float, float, int] | None
    code: Code
    written: dict[str, Any]
    silenced: bool = False

    def commit(self, namespace: dict[str, Any]) -> None:
        """Write what the cell assigned: called when everything has worked."""
        namespace.update(self.written)


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
    syntax = take_apart(code.parse(), code.text, options.of, code.filename)
    at = evaluate_at(options, namespace)
    plot = None if options.plot is None else evaluate_range(options.plot, namespace)
    expects_function = syntax.is_function or (
        syntax.name is not None
        and syntax.name not in syntax.assigned
        and isinstance(namespace.get(syntax.name), types.FunctionType)
    )
    reads = inputs.reads_of(syntax.free, namespace)
    meanings = [] if expects_function else _wanted(options, syntax, reads, namespace, at)
    named = {meaning.name for meaning in meanings}
    for name in reads:
        free = None if name in named else inputs.free_meaning(name, namespace, at)
        if free is not None:
            meanings.append(free)
    symbols = {meaning.name: meaning.symbol for meaning in meanings}
    value, written, called = _execute(code, syntax, namespace, symbols, options, at)
    meanings += called
    y = _checked_value(value, syntax, code, options)
    return _result(y, syntax, code, options, meanings, written, at, plot, bool(called))


def _wanted(
    options: GradOptions,
    syntax: CellSyntax,
    reads: list[str],
    namespace: Mapping[str, Any],
    at: Mapping[str, Array],
) -> list[Meaning]:
    known = [name for name in reads if not hasattr(builtins, name)]
    functions = inputs.fallback_functions()
    plotted = None if options.plot is None else options.plot.name
    for want in options.wrt:
        if want.name not in known and want.name not in namespace:
            candidates = [
                n for n in known
                if n not in functions and not isinstance(namespace.get(n), types.ModuleType)
            ]
            raise UsageError(f"the cell does not use {want.name!r}"
                             f"{nearest(want.name, candidates)}")
    return [inputs.wanted_meaning(want, namespace, at, plotted) for want in options.wrt]


def _execute(
    code: Code,
    syntax: CellSyntax,
    namespace: dict[str, Any],
    symbols: Mapping[str, Any],
    options: GradOptions,
    at: Mapping[str, Array],
) -> tuple[Any, dict[str, Any], list[Meaning]]:
    """Run the cell and put the namespace back.

    Returns
    -------
    value, what the cell assigned, and the meanings of a function's parameters if it gave one
    """
    body = compile(syntax.body, code.filename, "exec", dont_inherit=True)
    last = compile(syntax.value, code.filename, "eval", dont_inherit=True)
    before = dict(namespace)
    namespace.update(symbols)
    namespace["__builtins__"] = {**inputs.fallback_functions(), **vars(builtins)}
    called: list[Meaning] = []
    try:
        exec(body, namespace)
        _check_of(options.of, namespace)
        value = eval(last, namespace)
        name = syntax.name
        if isinstance(value, types.FunctionType):
            name = value.__name__ if value.__name__ != "<lambda>" else name
            value, called = _call(value, options, at)
        _name_results(namespace, before, symbols, value, name)
        written = {
            key: held for key, held in namespace.items()
            if key not in symbols and key != "__builtins__"
            and not (key in before and before[key] is held)
        }
    except NameError as error:
        if isinstance(error, LabError) or not error.name:
            raise
        raise _undefined(error, code, namespace) from None
    finally:
        _put_back(namespace, before)
    return value, written, called


def _put_back(namespace: dict[str, Any], before: dict[str, Any]) -> None:
    for key in list(namespace):
        if key not in before:
            del namespace[key]
        elif namespace[key] is not before[key]:
            namespace[key] = before[key]
    for key in before.keys() - namespace.keys():
        namespace[key] = before[key]


def _check_of(name: str | None, namespace: Mapping[str, Any]) -> None:
    if name is not None and name not in namespace:
        known = [n for n, v in namespace.items() if isinstance(v, Variable)]
        raise UsageError(f"--of: the cell has no name {name!r}{nearest(name, known)}")


def _undefined(
    error: NameError, code: Code, namespace: Mapping[str, Any]
) -> CellNameError:
    """A NameError with the remedy, still pointing at the user's line."""
    remedy = None
    frames = []
    tb = error.__traceback__
    while tb is not None:
        frames.append(tb)
        tb = tb.tb_next
    if frames[-1].tb_frame.f_code.co_filename == code.filename:
        known = [n for n in (*namespace, *inputs.FALLBACK) if not n.startswith("_")]
        close = nearest(error.name, known)
        remedy = (close[2:] + "\n" if "did you mean" in close else "") + (
            f"give {error.name} a value, or name it on the first line to make it an input: "
            f"%%grad {error.name}"
        )
    told = CellNameError(f"name {error.name!r} is not defined", remedy=remedy)
    told.name = error.name
    return told.with_traceback(error.__traceback__)


def _call(
    function: types.FunctionType, options: GradOptions, at: Mapping[str, Array]
) -> tuple[Any, list[Meaning]]:
    """Call a function with symbols for its parameters."""
    parameters = inspect.signature(function).parameters
    wanted = {want.name: want for want in options.wrt}
    for name in wanted:
        if name not in parameters:
            raise UsageError(
                f"{function.__name__}() has no parameter {name!r}{nearest(name, parameters)}"
            )
    made: list[Meaning] = []
    positional: list[Any] = []
    keywords: dict[str, Any] = {}
    for name, parameter in parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        meaning = inputs.parameter_meaning(name, parameter.default, wanted.get(name), options, at)
        if meaning is None:
            continue
        made.append(meaning)
        if parameter.kind is parameter.POSITIONAL_ONLY:
            positional.append(meaning.symbol)
        else:
            keywords[name] = meaning.symbol
    return function(*positional, **keywords), made


def _name_results(
    namespace: Mapping[str, Any],
    before: Mapping[str, Any],
    symbols: Mapping[str, Any],
    value: Any,
    name: str | None,
) -> None:
    """Give each variable the name the cell assigned it to, the first where there are several."""
    for key, held in namespace.items():
        new = key not in symbols and before.get(key) is not held
        if new and isinstance(held, Variable) and held.name is None and not key.startswith("_"):
            held.name = key
    if isinstance(value, Variable):
        if value.name is None and name is not None:
            value.name = name
        name_arrays([value], {k: v for k, v in namespace.items()
                              if inputs.is_array(v) and not k.startswith("_")})


def _checked_value(value: Any, syntax: CellSyntax, code: Code, options: GradOptions) -> Any:
    line = SourceLine(code.filename, syntax.value_line)
    what = syntax.name or "the last expression"
    if isinstance(value, Variable) and not isinstance(value, Constant):
        if getattr(value.type, "ndim", 0):
            raise LabTypeError(
                "Cost must be a scalar.", where=f"{describe(value)}; {line_of(value) or line}",
                why=f"each of its {_count_text(value)} has a derivative of its own",
                remedy=_scalar_remedy(value, syntax, options),
            )
        return value
    names = ", ".join(want.name for want in options.wrt)
    constant = " ".join(str(getattr(value, "data", value)).split())[:40]
    if isinstance(value, Variable) or inputs.is_number(value) or inputs.is_array(value):
        raise LabTypeError(
            f"{what.capitalize() if not syntax.name else what} does not depend on any symbol.",
            where=line, why=f"it is the constant {constant}",
            remedy=f"use {names} in it" if names else "name its inputs: %%grad x",
        )
    several = isinstance(value, (tuple, list))
    raise LabTypeError(
        f"There is nothing to differentiate: {what} is {inputs.kind_of_value(value)}.", where=line,
        remedy="end the cell with one of them, or with their sum" if several
        else "end the cell with an expression, as in x ** 2",
    )


def _count_text(value: Any) -> str:
    shape = value.type.shape
    if all(length is not None for length in shape):
        count = 1
        for length in shape:
            count *= length
        return f"{count} entries"
    return "entries"


def _scalar_remedy(value: Any, syntax: CellSyntax, options: GradOptions) -> str:
    what = syntax.name if syntax.name and syntax.name.isidentifier() else "(...)"
    lines = [f"differentiate a sum, as in {what}.sum(), or one entry, as in {what}[0]"]
    arrays = [want.name for want in options.wrt]
    if len(arrays) == 1 and options.plot is None:
        lines.append(
            f'to see the curve of a scalar {arrays[0]} instead: --plot "{arrays[0]}=-6:6"'
        )
    return "\n".join(lines)


def _result(
    y: Any,
    syntax: CellSyntax,
    code: Code,
    options: GradOptions,
    meanings: list[Meaning],
    written: dict[str, Any],
    at: Mapping[str, Array],
    plot: tuple[str, float, float, int] | None,
    is_call: bool,
) -> CellResult:
    """Put together what the cell gave: the inputs that `y` has, those asked for first."""
    by_symbol = {meaning.symbol: meaning for meaning in meanings}
    used = _leaves(y)
    asked = [want.name for want in options.wrt]
    every = {meaning.name: meaning.symbol for meaning in meanings
             if meaning.name in asked or meaning.symbol in used}
    taken = set(every)
    for leaf in used:
        if leaf not in by_symbol:
            every[_free_name(leaf, taken)] = leaf
    if not asked:
        asked = [n for n, v in every.items() if v.type.dtype.startswith(("float", "complex"))]
    ordered = {name: every[name] for name in [*asked, *(n for n in every if n not in asked)]}
    for what, names in (("--at", at), ("--plot", () if plot is None else (plot[0],))):
        inputs.check_names(what, names, ordered)
    if plot is not None and ordered[plot[0]].type.ndim:
        raise UsageError(
            f"--plot: {plot[0]} is a "
            f"{inputs.kind_text(ordered[plot[0]].type.dtype, ordered[plot[0]].type.shape)}; "
            "only scalars have a plot"
        )
    kept = [m for m in meanings if m.name in ordered]
    return CellResult(
        y=y,
        name=syntax.name or y.name,
        wrt=tuple(asked),
        inputs=ordered,
        point={m.name: m.value for m in kept if m.value is not None},
        notices=(*(m.notice for m in kept if m.notice), *_ladders(y)),
        plot=plot,
        code=code,
        written=written,
        silenced=syntax.silenced,
    )


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


def _free_name(leaf: Any, taken: set[str]) -> str:
    """A name for an input that the user made elsewhere; two of one name are told apart."""
    base = leaf.name or "input"
    name, number = base, 2
    while name in taken:
        name, number = f"{base}_{number}", number + 1
    taken.add(name)
    return name


def _leaves(y: Any) -> dict[Any, None]:
    """The inputs of `y` that a caller must supply, in a fixed order."""
    found: dict[Any, None] = {}
    for variable in ancestors([y]):
        is_shared = hasattr(variable, "get_value")
        if variable.owner is None and not isinstance(variable, Constant) and not is_shared:
            found[variable] = None
    return found
