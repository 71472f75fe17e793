"""The first line of a `%%grad` cell: one grammar for the magic and for the command line.

`OPTIONS` is the table of what may be written; `parse_line` (a magic's line) and `parse_words` (the
words of a command line) turn it into `GradOptions`; `help_text` prints it.  The expressions behind
`--at` and `--plot` are taken apart by `ast` and evaluated in the user's namespace by
`evaluate_at` and `evaluate_range`.  Every mistake is one `UsageError` of one line that names the
nearest thing that exists.
"""

from __future__ import annotations

import ast
import dataclasses
import difflib
import keyword
import shlex
from collections.abc import Iterable, Sequence
from typing import Any

import numpy

from autodiff_lab.errors import LabError

RANKS = {"scalar": 0, "vector": 1, "matrix": 2, "tensor3": 3}
DTYPES = ("float64", "float32", "float16")
DEFAULT_POINTS = 400
MOST_POINTS = 10_000


class UsageError(LabError, ValueError):
    """A mistake on the first line of a cell or on the command line; the message is one line."""


@dataclasses.dataclass(frozen=True)
class Option:
    """One row of the grammar: spelling, what follows it, and what it does."""

    flags: tuple[str, ...]
    value: str
    help: str
    field: str
    command_line_only: bool = False


OPTIONS = (
    Option(("--of",), "NAME", "differentiate this variable instead of the last expression", "of"),
    Option(("-o",), "NAME", "bind the result to NAME (it is also Out[n] and _grad)", "bind"),
    Option(("--at",), '"x=0.5, W=np.eye(3)"',
           "the point: values and adjoints appear on the nodes", "at"),
    Option(("--plot",), '"x=-6:6[:400]"',
           "range of the plot, and how many points (scalars only)", "plot"),
    Option(("--order",), "N", "the N-th derivative (scalars only)", "order"),
    Option(("--check",), "", "compare with finite differences", "check"),
    Option(("--explain",), "", "print the same as Python calls", "explain"),
    Option(("-q", "--quiet"), "", "show nothing", "quiet"),
    Option(("--html",), "OUT", "write one self-contained page", "html", command_line_only=True),
)


@dataclasses.dataclass(frozen=True)
class Wanted:
    """A name to differentiate by, as written: `W:matrix/float32`."""

    name: str
    rank: int | None = None
    dtype: str | None = None

    def __str__(self) -> str:
        kinds = {rank: kind for kind, rank in RANKS.items()}
        kind = "" if self.rank is None else f":{kinds[self.rank]}"
        return self.name + kind + (f"/{self.dtype}" if self.dtype else "")


@dataclasses.dataclass(frozen=True)
class PlotRange:
    """The range behind `--plot`, its bounds still expressions (`start`, `stop`, `count`)."""

    name: str
    start: ast.expr
    stop: ast.expr
    count: ast.expr | None = None


@dataclasses.dataclass(frozen=True)
class GradOptions:
    """What the first line of a cell says; the fields are the rows of `OPTIONS`."""

    wrt: tuple[Wanted, ...] = ()
    of: str | None = None
    bind: str | None = None
    at: tuple[tuple[str, ast.expr], ...] = ()
    plot: PlotRange | None = None
    order: int = 1
    check: bool = False
    explain: bool = False
    quiet: bool = False
    html: str | None = None


def parse_line(line: str) -> GradOptions:
    """Read the line of a magic; a `;` at its end means that nothing is shown.

    Examples
    --------
    >>> options = parse_line('x W:matrix --plot "x=-6:6" --check;')
    >>> [str(wanted) for wanted in options.wrt], options.check, options.quiet
    (['x', 'W:matrix'], True, True)
    """
    text = line.strip()
    silenced = text.endswith(";")
    try:
        words = shlex.split(text[:-1] if silenced else text)
    except ValueError:
        opened = "'" if text.count("'") % 2 else '"'
        raise UsageError(
            f"a quote is not closed: {_shorten(text[text.rfind(opened):])}"
        ) from None
    options = parse_words(words)
    return dataclasses.replace(options, quiet=True) if silenced else options


def parse_words(words: Sequence[str], command_line: bool = False) -> GradOptions:
    """Read the words of a first line, already split at blanks."""
    fields: dict[str, Any] = {}
    wanted: list[Wanted] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if not word.startswith("-"):
            wanted.append(parse_wanted(word))
            continue
        flag, equals, value = word.partition("=")
        option = _find_option(flag, command_line)
        if option.field in fields:
            raise UsageError(f"{flag} is given twice")
        if option.value and not equals:
            if not waiting or _looks_like_flag(waiting[0]):
                raise UsageError(f"{flag} needs {option.value}")
            value = waiting.pop(0)
        elif equals and not option.value:
            raise UsageError(f"{flag} takes no value")
        fields[option.field] = _READERS.get(option.field, _read_flag)(value)
    names = [want.name for want in wanted]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{name!r} is named twice")
    return GradOptions(wrt=tuple(wanted), **fields)


def _looks_like_flag(word: str) -> bool:
    known = {flag for option in OPTIONS for flag in option.flags}
    return word.partition("=")[0] in known or word.startswith("--")


def _find_option(flag: str, command_line: bool) -> Option:
    allowed = [o for o in OPTIONS if command_line or not o.command_line_only]
    for option in allowed:
        if flag in option.flags:
            return option
    known = [spelling for option in allowed for spelling in option.flags]
    raise UsageError(f"unknown option {flag}{nearest(flag, known, dashes=True)}")


def nearest(word: str, known: Iterable[str], dashes: bool = False) -> str:
    """A tail for a message: `; did you mean 'x'?`, else what there is.

    Examples
    --------
    >>> nearest("matrx", ["scalar", "matrix"])
    "; did you mean 'matrix'?"
    """
    known = list(dict.fromkeys(known))
    word_bare, bare = word.strip("-").lower(), {k.strip("-").lower(): k for k in known}
    close = difflib.get_close_matches(word_bare, bare, n=1, cutoff=0.6)
    close = close or [b for b in bare if word_bare and b.startswith(word_bare)][:1]
    if close:
        match = bare[close[0]]
        return f"; did you mean {match if dashes else repr(match)}?"
    if not known:
        return ""
    more = ", ..." if len(known) > 10 else ""
    return "; there is " + ", ".join(known[:10]) + more


def parse_wanted(word: str) -> Wanted:
    """Read `NAME`, `NAME:TYPE` or `NAME:TYPE/dtype`."""
    name, colon, kind = word.partition(":")
    if not is_name(name):
        raise UsageError(
            f"{_shorten(word)} is not a name; code belongs below the first line"
        )
    if not colon:
        return Wanted(name)
    kind, slash, dtype = kind.partition("/")
    if kind not in RANKS:
        raise UsageError(f"unknown type {kind!r} of {name}{nearest(kind, RANKS)}")
    if slash and dtype not in DTYPES:
        raise UsageError(
            f"cannot differentiate by dtype {dtype!r} of {name}{nearest(dtype, DTYPES)}"
        )
    return Wanted(name, RANKS[kind], dtype if slash else None)


def is_name(text: str) -> bool:
    """Whether a text can be a variable's name."""
    return text.isidentifier() and not keyword.iskeyword(text)


def _shorten(text: str, most: int = 40) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."


def _read_flag(value: str) -> bool:
    return True


def _read_name(flag: str) -> Any:
    def read(value: str) -> str:
        if not is_name(value):
            raise UsageError(f"{flag} needs a name, not {_shorten(value)!r}")
        return value

    return read


def _read_order(value: str) -> int:
    if not value.isdecimal() or not 1 <= int(value) <= 20:
        raise UsageError(
            f"--order needs a whole number from 1 to 20, not {_shorten(value)!r}"
        )
    return int(value)


def _read_at(value: str) -> tuple[tuple[str, ast.expr], ...]:
    try:
        call = ast.parse(f"_({value}\n)", mode="eval").body
    except (SyntaxError, ValueError):
        call = None
    form = 'NAME=VALUE, as in --at "x=0.5, W=np.eye(3)"'
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise UsageError(f"--at needs {form}; {_shorten(value)!r} cannot be read")
    if call.args or not call.keywords or any(k.arg is None for k in call.keywords):
        raise UsageError(f"--at needs {form}, not {_shorten(value)!r}")
    return tuple((str(k.arg), k.value) for k in call.keywords)


def _read_plot(value: str) -> PlotRange:
    name, equals, rest = value.partition("=")
    name = name.strip()
    try:
        item = ast.parse(f"_[{rest}\n]", mode="eval").body if equals else None
    except (SyntaxError, ValueError):
        item = None
    part = item.slice if isinstance(item, ast.Subscript) else None
    if not isinstance(part, ast.Slice) or part.lower is None or part.upper is None:
        raise UsageError(
            f'--plot needs NAME=FROM:TO, as in --plot "x=-6:6", not {_shorten(value)!r}'
        )
    if not is_name(name):
        raise UsageError(f"--plot needs a name before '=', not {_shorten(name)!r}")
    return PlotRange(name, part.lower, part.upper, part.step)


_READERS = {
    "of": _read_name("--of"), "bind": _read_name("-o"), "at": _read_at, "plot": _read_plot,
    "order": _read_order, "html": str,
}


# --- values -------------------------------------------------------------------------------------

def _numeric_names() -> dict[str, Any]:
    """What `--at` and `--plot` know where the user has not imported anything."""
    names: dict[str, Any] = {"np": numpy, "numpy": numpy}
    for name in ("pi", "e", "inf", "exp", "log", "sqrt", "sin", "cos", "tan", "tanh",
                 "array", "eye", "ones", "zeros", "arange", "linspace"):
        names[name] = getattr(numpy, name)
    return names


def evaluate(flag: str, name: str, expression: ast.expr, namespace: dict[str, Any]) -> Any:
    text = ast.unparse(expression)
    code = compile(ast.Expression(expression), f"<{flag}>", "eval")
    scope = {**_numeric_names(), **{k: v for k, v in namespace.items() if k != "__builtins__"}}
    try:
        with numpy.errstate(all="ignore"):
            return eval(code, scope)
    except NameError as error:
        missing = error.name or str(error)
        raise UsageError(
            f"{flag} of {name}: {missing!r} is not defined{_close_only(missing, scope)}"
        ) from None
    except Exception as error:
        reason = " ".join(str(error).split())
        raise UsageError(
            f"{flag} of {name}: {_shorten(text)} fails with "
            f"{type(error).__name__}: {_shorten(reason, 80)}"
        ) from None


def _close_only(word: str, known: Iterable[str]) -> str:
    tail = nearest(word, [k for k in known if not k.startswith("_")])
    return tail if "did you mean" in tail else ""


def evaluate_at(options: GradOptions, namespace: dict[str, Any]) -> dict[str, Any]:
    """Compute the values of `--at` in the user's namespace: a number or array for each name."""
    return {
        name: as_value(f"--at of {name}", evaluate("--at", name, expression, namespace))
        for name, expression in options.at
    }


def as_value(what: str, value: Any) -> numpy.ndarray[Any, Any]:
    """A number, list or array as an array of a dtype that can be computed with."""
    try:
        array = numpy.array(value)
    except Exception:
        array = None
    if array is None or array.dtype.kind not in "biufc":
        raise UsageError(f"{what} is not a number or an array of numbers")
    return array


def evaluate_range(
    plot: PlotRange, namespace: dict[str, Any]
) -> tuple[str, float, float, int]:
    """Compute the bounds of `--plot`: name, start, stop, number of points."""
    bounds = []
    for expression in (plot.start, plot.stop):
        value = evaluate("--plot", plot.name, expression, namespace)
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = numpy.nan
        if not numpy.isfinite(number):
            raise UsageError(
                f"--plot of {plot.name}: {_shorten(ast.unparse(expression))} "
                "is not a finite number"
            )
        bounds.append(number)
    if not bounds[0] < bounds[1]:
        raise UsageError(
            f"--plot of {plot.name}: the range must rise, "
            f"{bounds[0]:g} is not below {bounds[1]:g}"
        )
    count: Any = DEFAULT_POINTS
    if plot.count is not None:
        count = evaluate("--plot", plot.name, plot.count, namespace)
    if isinstance(count, bool) or not isinstance(count, int) or not 2 <= count <= MOST_POINTS:
        raise UsageError(
            f"--plot of {plot.name}: the number of points is a whole number "
            f"from 2 to {MOST_POINTS}"
        )
    return plot.name, bounds[0], bounds[1], count


# --- help ---------------------------------------------------------------------------------------

WRT_HELP = """\
  WRT   NAME or NAME:TYPE, TYPE = scalar|vector|matrix|tensor3[/dtype]
        e.g.  x    W:matrix b:vector    v:vector/float32
        none: all inputs of the expression (of a function: its parameters)"""


def help_text(command_line: bool = False) -> str:
    """The options as aligned text."""
    rows = [
        (", ".join(o.flags) + (f" {o.value}" if o.value else ""), o.help)
        for o in OPTIONS
        if command_line or not o.command_line_only
    ]
    width = 28
    lines = []
    for left, right in rows:
        if len(left) > width:
            lines += [f"  {left}", f"  {'':<{width}}  {right}"]
        else:
            lines.append(f"  {left:<{width}}  {right}")
    return WRT_HELP + "\n\n" + "\n".join(lines)


def flag_spellings() -> list[str]:
    """Every option of a `%%grad` line, for completion."""
    return sorted(f for o in OPTIONS if not o.command_line_only for f in o.flags)
