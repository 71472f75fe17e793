"""What a name means in a cell: which names become symbols, of which type, at which value.

Relies on `tensor` for types and on `options` for what the first line says.  The one idea: every
name becomes a `Meaning` (the symbol, its value, one line that says so), so the table of names in
the user guide and this file can be read side by side.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterable, Mapping
from typing import Any

import numpy

from autodiff_lab import tensor
from autodiff_lab.graph import Variable
from autodiff_lab.options import RANKS, GradOptions, UsageError, Wanted, nearest

KINDS = {rank: kind for kind, rank in RANKS.items()}

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


def kind_text(dtype: str, shape: tuple[int | None, ...]) -> str:
    """A type in the words of the first line: ``vector float64``, shape where it is known."""
    kind = KINDS.get(len(shape), f"{len(shape)}-d array")
    known = shape and all(length is not None for length in shape)
    return f"{kind} {dtype}" + (f", shape {shape_text(shape)}" if known else "")


def number_text(value: Array) -> str:
    """A number as notices and pictures show it."""
    return f"{value.item():.6g}"


def float_dtype(dtype: numpy.dtype[Any]) -> str:
    """The dtype a value is differentiated in: integers and booleans become float64."""
    return "float64" if dtype.kind in "biu" else dtype.name


def wanted_meaning(
    want: Wanted,
    namespace: Mapping[str, Any],
    at: Mapping[str, Array],
    plotted: str | None,
) -> Meaning:
    """What a WRT name becomes."""
    held = namespace.get(want.name)
    given = at.get(want.name)
    if isinstance(held, Variable):
        return _held_symbol(want, held, given)
    if is_array(held) and held.ndim and want.name == plotted and given is None:
        if want.rank:
            raise UsageError(f"--plot of {want.name}: a {KINDS[want.rank]} has no plot")
        symbol = tensor.TensorType(want.dtype or "float64", ())(want.name)
        return Meaning(
            want.name, symbol, None,
            f"{want.name}: new scalar {symbol.dtype} for the plot; your array is left as it is",
        )
    if want.name in namespace and not (is_number(held) or is_array(held)):
        if given is None and want.rank is None:
            raise UsageError(
                f"{want.name} is {kind_of_value(held)}, which has no derivative; use "
                f"np.array({want.name}) or another name"
            )
        held = None
    if given is not None:
        return _at_value(want, given, "at {}")
    if held is not None:
        return _at_value(want, numpy.array(held), "at its value {}")
    shape = (None,) * (want.rank or 0)
    symbol = tensor.TensorType(want.dtype or "float64", shape)(want.name)
    return Meaning(
        want.name, symbol, None, f"{want.name}: new {kind_text(symbol.dtype, shape)}"
    )


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
            f"{want.name} is a {kind_text(held.type.dtype, held.type.shape)} already, "
            f"not a {KINDS[want.rank]}"
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
            f"but {symbol.name} is a {kind_text(kind.dtype, kind.shape)}"
        )
    if given.dtype.kind == "c" and not kind.dtype.startswith("complex"):
        raise UsageError(f"--at of {symbol.name}: the value is complex, {symbol.name} is not")
    return given.astype(kind.dtype)


def _at_value(want: Wanted, value: Array, how: str) -> Meaning:
    """A new symbol of the value's shape, with the value as its point."""
    if want.rank is not None and value.ndim != want.rank:
        raise UsageError(
            f"{want.name} cannot be a {KINDS[want.rank]}: its value has shape "
            f"{shape_text(value.shape)}; give another with --at, or del {want.name}"
        )
    dtype = want.dtype or float_dtype(value.dtype)
    if value.dtype.kind == "c" and not dtype.startswith("complex"):
        raise UsageError(f"{want.name} cannot be {dtype}: its value is complex")
    symbol = tensor.TensorType(dtype, value.shape)(want.name)
    place = how.format(number_text(value)) if value.ndim == 0 else how.format("").rstrip()
    place = "at the value given" if place == "at" else place
    was = f" (from {value.dtype})" if dtype != value.dtype.name and how != "at {}" else ""
    notice = f"{want.name}: {kind_text(dtype, value.shape)}, {place}{was}"
    return Meaning(want.name, symbol, value.astype(dtype), notice.replace(", at", " at", 1)
                   if value.ndim == 0 else notice)


def free_meaning(
    name: str, namespace: Mapping[str, Any], at: Mapping[str, Array]
) -> Meaning | None:
    """What a free name becomes; None where it stays what it is."""
    held = namespace.get(name)
    given = at.get(name)
    if isinstance(held, Variable):
        return None if given is None else _held_symbol(Wanted(name), held, given)
    if given is not None:
        return _at_value(Wanted(name), given, "at {}")
    if not is_array(held):
        return None
    assert held is not None
    symbol = tensor.TensorType(held.dtype.name, held.shape)(name)
    return Meaning(
        name, symbol, held, f"{name}: your array, as {kind_text(held.dtype.name, held.shape)}"
    )


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
    name: str,
    default: Any,
    want: Wanted | None,
    options: GradOptions,
    at: Mapping[str, Array],
) -> Meaning | None:
    """What a parameter of a function becomes; None where its default is passed as it is.

    `default` is `inspect.Parameter.empty` where there is none.  Where the first line names some
    parameters, the others keep a default that is a number.
    """
    import inspect

    has_default = default is not inspect.Parameter.empty
    usable = has_default and (is_number(default) or is_array(default))
    if has_default and isinstance(default, Variable):
        return Meaning(name, default, None, "")
    picked = want is not None or name in at
    if has_default and not picked and (not usable or (is_number(default) and options.wrt)):
        return None
    scope = {name: default} if usable else {}
    plotted = None if options.plot is None else options.plot.name
    return wanted_meaning(want or Wanted(name), scope, at, plotted)


def check_names(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    """A UsageError for the first name that the cell does not have."""
    known = list(known)
    for name in names:
        if name not in known:
            raise UsageError(f"{what}: the cell has no input {name!r}{nearest(name, known)}")
