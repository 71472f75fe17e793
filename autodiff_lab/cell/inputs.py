"""What a name means in a cell: which names become symbols, of which type, at which value.

Relies on `tensor` for types and on `options` for what the first line says.  The one idea: every
name becomes a `Meaning` (the symbol, its value, one line that says so), so the table of names in
the user guide and this file can be read side by side.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
from collections.abc import Iterable, Mapping
from typing import Any

import numpy

from autodiff_lab import tensor
from autodiff_lab.graph import Variable
from autodiff_lab.options import KINDS, GradOptions, UsageError, Wanted

# What a cell knows without an import.  Names of the user and of Python come first, so `sum`, `max`,
# `min`, `abs` and `pow` stay Python's.
FALLBACK = (
    "exp exp2 expm1 log log2 log10 log1p sqrt sqr square sin cos tan sinh cosh tanh "
    "arcsin arccos arctan arctan2 arcsinh arccosh arctanh erf sigmoid softplus softmax relu sign "
    "floor ceil where switch maximum minimum clip dot matmul outer mean prod var std logaddexp "
    "transpose concatenate stack zeros_like ones_like"
).split()

Array = numpy.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True)
class Meaning:
    """A name that became a symbol.

    Attributes
    ----------
    name : str
    symbol : Variable
    value : ndarray or None
        Its point.
    notice : str
        The line that says so, empty where the user made the symbol.
    """

    name: str
    symbol: Any
    value: Array | None
    notice: str


def fallback_functions() -> dict[str, Any]:
    """The symbolic functions a cell knows without an import, and pi."""
    known = {name: getattr(tensor, name) for name in FALLBACK if hasattr(tensor, name)}
    return {**known, "pi": numpy.pi}


def is_number(value: Any) -> bool:
    """Whether a value is a single Python or NumPy number."""
    if isinstance(value, numpy.generic):
        return value.dtype.kind in "biufc"
    return isinstance(value, (bool, int, float, complex))


def is_array(value: Any) -> bool:
    """Whether a value is an array of numbers."""
    return isinstance(value, numpy.ndarray) and value.dtype.kind in "biufc"


def shape_text(shape: Iterable[int | None]) -> str:
    """A shape as it is written: ``(3,)``, ``(2, ?)``."""
    entries = ["?" if length is None else str(length) for length in shape]
    return f"({entries[0]},)" if len(entries) == 1 else f"({', '.join(entries)})"


def kind_text(kind: Any) -> str:
    """A type in the words of the first line: ``vector float64``, shape where it is known."""
    known = kind.shape and None not in kind.shape
    word = KINDS.get(kind.ndim, f"{kind.ndim}-d array")
    return f"{word} {kind.dtype}" + (f", shape {shape_text(kind.shape)}" if known else "")


def _new(
    name: str, dtype: str, shape: tuple[int | None, ...], value: Array | None, notice: str
) -> Meaning:
    """A new symbol; in the notice ``{}`` stands for its type."""
    kind = tensor.TensorType(dtype, shape)
    made = kind.make_variable(name)
    return Meaning(name, made, value, f"{name}: {notice.format(kind_text(kind))}")


def wanted_meaning(
    want: Wanted, namespace: Mapping[str, Any], at: Mapping[str, Array], options: GradOptions
) -> Meaning:
    """What a WRT name becomes."""
    held = namespace.get(want.name)
    given = at.get(want.name)
    dtype = want.dtype or "float64"
    plotted = want.name in [one.name for one in options.plot]
    if isinstance(held, Variable):
        if held.name != want.name and held.name in [other.name for other in options.wrt]:
            raise UsageError(f"{want.name} is the input {held.name} of an earlier cell; del "
                             f"{want.name}, or use another name")
        return _held_symbol(want, held, given)
    if is_array(held) and held.ndim and plotted and given is None:
        if want.rank:
            raise UsageError(f"--plot of {want.name}: a {KINDS[want.rank]} has no plot")
        return _new(want.name, dtype, (), None, "new {} for the plot; your array is left as it is")
    if want.name in namespace and not (is_number(held) or is_array(held)):
        if given is None and want.rank is None:
            array = f"np.array({want.name}) or " if isinstance(held, (list, tuple)) else ""
            raise UsageError(f"{want.name} is {kind_of_value(held)}, which has no derivative; use "
                             f"{array}another name")
        held = None
    if given is not None:
        return _at_value(want, given)
    if held is not None:
        return _at_value(want, numpy.array(held), own=True)
    return _new(want.name, dtype, (None,) * (want.rank or 0), None, "new {}")


def kind_of_value(value: Any) -> str:
    """What a value is, for a sentence: "a list", "a module"."""
    if value is None:
        return "None"
    if isinstance(value, types.ModuleType):
        return "a module"
    if callable(value):
        return "a function"
    name = type(value).__name__
    return f"an {name}" if name[0] in "aeiouAEIOU" else f"a {name}"


def _held_symbol(want: Wanted, held: Any, given: Array | None) -> Meaning:
    if want.rank is not None and held.type.ndim != want.rank:
        raise UsageError(
            f"{want.name} is a {kind_text(held.type)} already, not a {KINDS[want.rank]}"
        )
    if want.dtype is not None and held.type.dtype != want.dtype:
        raise UsageError(f"{want.name} has the dtype {held.type.dtype} already, not {want.dtype}")
    if held.name is None:
        held.name = want.name
    return Meaning(want.name, held, None if given is None else fitted(held, given), "")


def fitted(symbol: Any, given: Array) -> Array:
    """A point's value as an array of the symbol's type, or a UsageError that says why not."""
    kind = symbol.type
    shape_fits = len(kind.shape) == given.ndim and all(
        known is None or known == length
        for known, length in zip(kind.shape, given.shape, strict=False)
    )
    if not shape_fits:
        raise UsageError(
            f"--at of {symbol.name}: the value has shape {shape_text(given.shape)}, "
            f"but {symbol.name} is a {kind_text(kind)}"
        )
    if given.dtype.kind == "c" and not kind.dtype.startswith("complex"):
        raise UsageError(f"--at of {symbol.name}: the value is complex, {symbol.name} is not")
    return given.astype(kind.dtype)


def _at_value(want: Wanted, value: Array, own: bool = False) -> Meaning:
    """A new symbol of the value's shape, with the value, given or the name's own, as its point.

    Integers and booleans become float64.
    """
    if want.rank is not None and value.ndim != want.rank:
        raise UsageError(
            f"{want.name} cannot be a {KINDS[want.rank]}: its value has shape "
            f"{shape_text(value.shape)}; give another with --at, or del {want.name}"
        )
    held = value.dtype
    dtype = want.dtype or ("float64" if held.kind in "biu" else held.name)
    if held.kind == "c" and not dtype.startswith("complex"):
        raise UsageError(f"{want.name} cannot be {dtype}: its value is complex")
    if value.ndim == 0:
        place = f" at {'its value ' if own else ''}{value.item():.6g}"
    else:
        place = ", at its value" if own else ", at the value given"
    was = f" (from {held})" if own and dtype != held.name else ""
    return _new(want.name, dtype, value.shape, value.astype(dtype), f"{{}}{place}{was}")


def free_meaning(
    name: str, namespace: Mapping[str, Any], at: Mapping[str, Array]
) -> Meaning | None:
    """What a free name becomes; None where it stays what it is."""
    held = namespace.get(name)
    given = at.get(name)
    if isinstance(held, Variable):
        return None if given is None else _held_symbol(Wanted(name), held, given)
    if given is not None:
        return _at_value(Wanted(name), given)
    if held is None or not is_array(held):
        return None
    return _new(name, held.dtype.name, held.shape, held, "your array, as {}")


def reads_of(free: Iterable[str], namespace: Mapping[str, Any]) -> list[str]:
    """The free names, and those that functions among them read in the same namespace."""
    found = dict.fromkeys(free)
    waiting = list(found)
    while waiting:
        held = namespace.get(waiting.pop(0))
        if not isinstance(held, types.FunctionType) or held.__globals__ is not namespace:
            continue
        codes = [held.__code__]
        while codes:
            code = codes.pop()
            new = [n for n in code.co_names if n in namespace and n not in found]
            found.update(dict.fromkeys(new))
            waiting += new
            codes += [c for c in code.co_consts if isinstance(c, types.CodeType)]
    return list(found)


def parameter_meaning(
    parameter: inspect.Parameter, want: Wanted | None, options: GradOptions, at: Mapping[str, Array]
) -> Meaning | None:
    """What a parameter of a function becomes; None where its default is passed as it is.

    Where the first line names some parameters, the others keep a default that is a number.
    """
    name, default = parameter.name, parameter.default
    usable = is_number(default) or is_array(default)
    if isinstance(default, Variable):
        return Meaning(name, default, None, "")
    has_default = default is not parameter.empty
    if has_default and want is None and name not in at:
        if not usable or (is_number(default) and options.wrt):
            return None
    return wanted_meaning(want or Wanted(name), {name: default} if usable else {}, at, options)


def add_name(named: dict[str, Any], variable: Any) -> None:
    """Enter a variable under its name; two of one name are told apart by a number."""
    base = variable.name or "input"
    name, number = base, 2
    while name in named:
        name, number = f"{base}_{number}", number + 1
    named[name] = variable
