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
import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy

from autodiff_lab.errors import LabError

RANKS = {"scalar": 0, "vector": 1, "matrix": 2, "tensor3": 3}
KINDS = {rank: kind for kind, rank in RANKS.items()}
DTYPES = ("float64", "float32", "float16")
DEFAULT_POINTS = 400
MOST_POINTS = 10_000


class UsageError(LabError, ValueError):
    """A mistake on the first line of a cell or on the command line; the message is one line."""


@dataclasses.dataclass(frozen=True)
class Wanted:
    """A name to differentiate by, as written: `W:matrix/float32`."""

    name: str
    rank: int | None = None
    dtype: str | None = None

    def __str__(self) -> str:
        kind = "" if self.rank is None else f":{KINDS[self.rank]}"
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
    plot: tuple[PlotRange, ...] = ()
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
        raise UsageError(f"a quote is not closed: {_shorten(text[text.rfind(opened):])}") from None
    options = parse_words(words)
    return dataclasses.replace(options, quiet=True) if silenced else options


def parse_words(words: Sequence[str], command_line: bool = False) -> GradOptions:
    """Read the words of a first line, already split at blanks."""
    allowed = {flag: option for option in OPTIONS for flag in option.flags
               if command_line or not option.command_line_only}
    fields: dict[str, Any] = {}
    wanted: dict[str, Wanted] = {}
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if not word.startswith("-"):
            want = parse_wanted(word)
            if want.name in wanted:
                raise UsageError(f"{want.name!r} is named twice")
            wanted[want.name] = want
            continue
        flag, equals, value = word.partition("=")
        option = allowed.get(flag)
        if option is None:
            raise UsageError(f"unknown option {flag}{nearest(flag, allowed, dashes=True)}")
        if option.field in fields:
            raise UsageError(f"{flag} is given twice")
        if equals and not option.value:
            raise UsageError(f"{flag} takes no value")
        if option.value and not equals:
            following = waiting[0].partition("=")[0] if waiting else "--"
            if following in allowed or following.startswith("--"):
                raise UsageError(f"{flag} needs {option.value}")
            value = waiting.pop(0)
        fields[option.field] = option.read(flag, value)
    return GradOptions(wrt=tuple(wanted.values()), **fields)


def nearest(word: str, known: Iterable[str], dashes: bool = False) -> str:
    """A tail for a message: `; did you mean 'x'?`, else what there is.

    Examples
    --------
    >>> nearest("matrx", ["scalar", "matrix"])
    "; did you mean 'matrix'?"
    """
    known = list(dict.fromkeys(known))
    word_bare, bare = word.strip("-").lower(), {k.strip("-").lower(): k for k in known}
    close = difflib.get_close_matches(word_bare, bare, n=1, cutoff=0.7)
    close = close or [b for b in bare if len(word_bare) > 1 and b.startswith(word_bare)][:1]
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
        hint = "code belongs below the first line"
        if is_name(name.rstrip(",")):
            hint = "names stand apart by blanks, as in x y"
        elif "=" in name:
            hint = 'several values need quotes, as in --at "x=0.5, y=2"'
        raise UsageError(f"{_shorten(word)} is not a name; {hint}")
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


# What stands behind an option: each takes the flag as written and the value.

def _read_flag(flag: str, value: str) -> bool:
    return True


def _read_text(flag: str, value: str) -> str:
    return value


def _read_name(flag: str, value: str) -> str:
    if not is_name(value):
        raise UsageError(f"{flag} needs a name, not {_shorten(value)!r}")
    return value


def _read_order(flag: str, value: str) -> int:
    if not value.isdecimal() or not 1 <= int(value) <= 20:
        raise UsageError(f"{flag} needs a whole number from 1 to 20, not {_shorten(value)!r}")
    return int(value)


def _parsed(text: str) -> ast.expr | None:
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
        return None


def _read_at(flag: str, value: str) -> tuple[tuple[str, ast.expr], ...]:
    call = _parsed(f"_({value}\n)")
    named = call.keywords if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) else []
    if not named or call.args or any(k.arg is None for k in named):  # type: ignore[union-attr]
        raise UsageError(f'{flag} needs NAME=VALUE, as in {flag} "x=0.5, W=np.eye(3)", '
                         f"not {_shorten(value)!r}")
    return tuple((str(k.arg), k.value) for k in named)


def _read_plot(flag: str, value: str) -> tuple[PlotRange, ...]:
    parts = re.split(r",(?=\s*[^\W\d]\w*\s*=(?!=))", value)
    return tuple(_read_range(flag, part.strip()) for part in parts)


def _read_range(flag: str, value: str) -> PlotRange:
    name, _, rest = value.partition("=")
    item = _parsed(f"_[{rest}\n]")
    part = item.slice if isinstance(item, ast.Subscript) else None
    if not isinstance(part, ast.Slice) or part.lower is None or part.upper is None:
        raise UsageError(f'{flag} needs NAME=FROM:TO, as in {flag} "x=-6:6", '
                         f"not {_shorten(value)!r}")
    if not is_name(name.strip()):
        raise UsageError(f"{flag} needs a name before '=', not {_shorten(name)!r}")
    return PlotRange(name.strip(), part.lower, part.upper, part.step)


@dataclasses.dataclass(frozen=True)
class Option:
    """One row of the grammar: spelling, what follows it, what it does, and how it is read."""

    flags: tuple[str, ...]
    value: str
    help: str
    field: str
    read: Callable[[str, str], Any] = _read_flag
    command_line_only: bool = False


OPTIONS = (
    Option(("--of",), "NAME", "differentiate this variable instead of the last expression", "of",
           _read_name),
    Option(("-o",), "NAME", "bind the result to NAME (it is also Out[n] and _grad)", "bind",
           _read_name),
    Option(("--at",), '"x=0.5, W=np.eye(3)"',
           "the point: values and adjoints appear on the nodes", "at", _read_at),
    Option(("--plot",), '"x=-6:6[:400]"',
           'its range, and how many points; of two scalars "x=-2:2, y=-1:1"', "plot", _read_plot),
    Option(("--order",), "N", "the N-th derivative (scalars only)", "order", _read_order),
    Option(("--check",), "", "compare with finite differences", "check"),
    Option(("--explain",), "", "print the same as Python calls", "explain"),
    Option(("-q", "--quiet"), "", "show nothing", "quiet"),
    Option(("--html",), "OUT", "write one self-contained page", "html", _read_text, True),
)


# --- values -------------------------------------------------------------------------------------

def _numeric_names() -> dict[str, Any]:
    """What `--at` and `--plot` know where the user has not imported anything."""
    known = "pi e inf nan exp log sqrt sin cos tan tanh array eye ones zeros linspace arange"
    return {"np": numpy, "numpy": numpy, **{name: getattr(numpy, name) for name in known.split()}}


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


def evaluate_range(plot: PlotRange, namespace: dict[str, Any]) -> tuple[str, float, float, int]:
    """Compute the bounds of `--plot`: name, start, stop, number of points."""
    what = f"--plot of {plot.name}"
    bounds = []
    for expression in (plot.start, plot.stop):
        value = evaluate("--plot", plot.name, expression, namespace)
        if not is_real(value):
            raise UsageError(f"{what}: {_shorten(ast.unparse(expression))} is not a finite number")
        bounds.append(float(value))
    start, stop = bounds
    if not start < stop:
        raise UsageError(f"{what}: the range must rise, {start:g} is not below {stop:g}")
    count: Any = DEFAULT_POINTS
    if plot.count is not None:
        count = evaluate("--plot", plot.name, plot.count, namespace)
    if isinstance(count, bool) or not isinstance(count, int) or not 2 <= count <= MOST_POINTS:
        raise UsageError(f"{what}: the number of points is a whole number from 2 to {MOST_POINTS}")
    return plot.name, start, stop, count


def is_real(value: Any) -> bool:
    """Whether a value is, or stands for, one finite real number."""
    try:
        return bool(numpy.isfinite(float(value)))
    except (TypeError, ValueError):
        return False


# --- help ---------------------------------------------------------------------------------------

WRT_HELP = """\
  WRT   NAME or NAME:TYPE, TYPE = scalar|vector|matrix|tensor3[/dtype]
        e.g.  x    W:matrix b:vector    v:vector/float32
        none: all inputs of the expression (of a function: its parameters)"""


def help_text(command_line: bool = False) -> str:
    """The options as aligned text."""
    lines = [WRT_HELP, ""]
    for option in OPTIONS:
        if command_line or not option.command_line_only:
            left = f"{', '.join(option.flags)} {option.value}".rstrip()
            # what is too long for the column stands above its text
            lines += [f"  {left}", f"  {'':<28}  {option.help}"] if len(left) > 28 else [
                f"  {left:<28}  {option.help}"]
    return "\n".join(lines)


def flag_spellings() -> list[str]:
    """Every option of a `%%grad` line, for completion."""
    return sorted(f for o in OPTIONS if not o.command_line_only for f in o.flags)
