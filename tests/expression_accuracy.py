"""Bits of error before and after rewriting, for expressions known to lose digits.

``python tests/expression_accuracy.py`` measures both lists of expressions and writes
`docs/reference/accuracy.md`; the tests use the same functions with fewer points.

The idea: floating-point numbers are drawn uniformly by their bit patterns, as FPBench asks for, so
that every order of magnitude counts the same.
"""

from __future__ import annotations

import dataclasses
import itertools
import operator
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import mpmath
import numpy as np

import autodiff_lab.tensor as pt
from autodiff_lab.gradient import grad
from autodiff_lab.graph import FunctionGraph
from autodiff_lab.rewriting import rewrite
from autodiff_lab.testing.accuracy import bits_between, exact
from autodiff_lab.testing.points import compute
from autodiff_lab.view.text import pp

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "tests" / "data"
PAGE = ROOT / "docs" / "reference" / "accuracy.md"
Tree = str | float | list[Any]

# -- FPCore ---------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Core:
    """One expression as FPCore states it."""

    name: str
    arguments: tuple[str, ...]
    condition: Tree | None
    body: Tree


def read(name: str) -> list[Core]:
    """The expressions of a file in `tests/data`."""
    lines = (DATA / f"{name}.fpcore").read_text().splitlines()
    text = " ".join(line.split(";")[0] for line in lines)
    quoted = text.split('"')  # names hold spaces and brackets
    text = "".join(
        part.replace("(", " ( ").replace(")", " ) ") if i % 2 == 0 else part.replace(" ", "\0")
        for i, part in enumerate(quoted)
    )
    cores = []
    for _, arguments, *rest in _parsed(text.split()):
        known = dict(zip(rest[:-1:2], rest[1:-1:2]))
        title = known[":name"].replace("\0", " ")
        cores.append(Core(title, tuple(arguments), known.get(":pre"), rest[-1]))
    return cores


def _parsed(tokens: list[str]) -> list[Any]:
    stack: list[list[Any]] = [[]]
    for token in tokens:
        if token == "(":
            stack.append([])
        elif token == ")":
            done = stack.pop()
            stack[-1].append(done)
        else:
            try:
                stack[-1].append(float(token))
            except ValueError:
                stack[-1].append(token)
    return stack[0]


OPS = {"+": pt.add, "-": pt.sub, "*": pt.mul, "/": pt.true_div, "atan": pt.arctan}
COMPARE = {">=": operator.ge, ">": operator.gt, "<": operator.lt, "<=": operator.le,
           "!=": operator.ne, "==": operator.eq}


def build(tree: Tree, names: Mapping[str, Any]) -> Any:
    """An expression of ours from one of FPCore."""
    if isinstance(tree, str):
        return names[tree]
    if isinstance(tree, float):
        return pt.constant(int(tree) if tree.is_integer() else tree)
    head, *arguments = tree
    built = [build(argument, names) for argument in arguments]
    if head == "-" and len(built) == 1:
        return pt.neg(built[0])
    return OPS.get(head, getattr(pt, head, None))(*built)


def holds(tree: Any, point: Mapping[str, Any], mp: Any) -> bool:
    """Whether a condition is true of exact numbers."""
    head, *arguments = tree
    if head == "and":
        return all(holds(argument, point, mp) for argument in arguments)
    values = [_number(argument, point, mp) for argument in arguments]
    if head == "!=":
        return all(values[0] != other for other in values[1:])
    return all(COMPARE[head](a, b) for a, b in zip(values, values[1:]))


def _number(tree: Any, point: Mapping[str, Any], mp: Any) -> Any:
    if isinstance(tree, str):
        return mp.mpf(float(point[tree]))
    if isinstance(tree, float):
        return mp.mpf(tree)
    first, second = (_number(argument, point, mp) for argument in tree[1:])
    return {"+": operator.add, "-": operator.sub, "*": operator.mul}[tree[0]](first, second)


# -- measuring ------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Row:
    """Mean bits of error of an expression, or of its derivative by a variable."""

    name: str
    text: str
    by: str
    before: float
    after: float
    worst: float    # the largest loss of digits at a point
    points: int


def drawn(core: Core, rng: np.random.Generator) -> Iterator[dict[str, float]]:
    """Points that meet the condition, uniform over bit patterns, without end."""
    mp = mpmath.MPContext()
    mp.prec = 12000  # bits: b * b and 4 * a * c are exact
    while True:
        patterns = rng.integers(0, 2**64, (256, len(core.arguments)), dtype=np.uint64)
        for values in patterns.view(np.float64):
            point = dict(zip(core.arguments, values.tolist()))
            if np.isfinite(values).all() and (
                core.condition is None or holds(core.condition, point, mp)
            ):
                yield point


def outputs_of(core: Core, inputs: Mapping[str, Any], derivatives: bool) -> dict[str, Any]:
    """The value, or the derivatives by each variable."""
    value = build(core.body, inputs)
    if not derivatives:
        return {"": value}
    found = grad(pt.sum(value) if value.ndim else value, list(inputs.values()))
    return dict(zip(inputs, found))


def measure(core: Core, count: int, derivatives: bool = False, seed: int = 1) -> list[Row]:
    """The rows of one expression, over `count` points at which the truth is a number."""
    scalars = {name: pt.dscalar(name) for name in core.arguments}
    vectors = {name: pt.dvector(name) for name in core.arguments}
    exact_value = build(core.body, scalars)
    wanted = outputs_of(core, scalars, derivatives)
    plain = outputs_of(core, vectors, derivatives)
    rows = []
    for by, output in wanted.items():
        points, true = _valid(core, output, scalars, count, seed)
        columns = {v: np.array([p[n] for p in points]) for n, v in vectors.items()}
        fgraph = FunctionGraph(list(vectors.values()), [plain[by]], clone=False)
        before = compute(fgraph.outputs, columns)[0]
        rewrite(fgraph)
        after = compute(fgraph.outputs, columns)[0]
        old, new = (bits_between(v, np.array(true)) for v in (before, after))
        worst = int(np.argmax(new - old))
        rows.append(Row(core.name, pp(exact_value), by, float(old.mean()), float(new.mean()),
                        float((new - old)[worst]), len(points)))
        WORST[core.name, by] = points[worst], true[worst], before[worst], after[worst], fgraph
    return rows


WORST: dict[tuple[str, str], Any] = {}


def _valid(core: Core, output: Any, scalars: Any, count: int, seed: int) -> Any:
    """The first `count` points with a true value (fewer where they are rare), and the values."""
    points: list[dict[str, float]] = []
    true: list[float] = []
    source = drawn(core, np.random.default_rng(seed))
    for _ in range(20):
        more = list(itertools.islice(source, count))
        values = {v: np.array([point[name] for point in more]) for name, v in scalars.items()}
        for point, value in zip(more, np.broadcast_to(exact(output, values), (count,))):
            if np.isfinite(value):
                points.append(point)
                true.append(float(value))
        if len(points) >= count:
            break
    return points[:count], true[:count]


def table(rows: Sequence[Row]) -> list[str]:
    """A table of rows, as Markdown, with the means below."""
    lines = ["| expression | NumPy | rewritten | gain |", "|---|---:|---:|---:|"]
    for row in rows:
        name = f"`{row.text}`, {row.name}" + (f", by {row.by}" if row.by else "")
        lines.append(
            f"| {name} | {row.before:.1f} | {row.after:.1f} | {row.before - row.after:.1f} |"
        )
    gains = [row.before - row.after for row in rows]
    before, after = (float(np.mean([getattr(row, side) for row in rows]))
                     for side in ("before", "after"))
    better = sum(gain >= 10 for gain in gains)
    worse = sum(gain < -0.5 for gain in gains)
    return [*lines, f"| mean | {before:.1f} | {after:.1f} | {before - after:.1f} |", "",
            f"{better} of {len(rows)} gain 10 bits or more, {worse} lose more than half a bit.", ""]


HEAD = """# Accuracy of formulas

How many bits of a result are wrong, in the mean over {count} points ({fewer} for derivatives), when
a formula is computed by NumPy as it is written, and when it is rewritten first.  A float64 has 64
bits; an error of b bits says that about 2^b floating-point numbers lie between the result and the
true value, 0 that the result is the nearest one, 64 that it is no number at all.

Points are drawn uniformly by their bit patterns, so that each order of magnitude from 1e-308 to
1e308 counts the same, and kept where the condition of the formula holds and the true value is a
number.  The truth is computed by mpmath.  `make accuracy` measures again; fewer points are measured
by the tests.  The rules are those of the [phase stabilize](rules/index.md), which runs in every
mode; none of them knows these formulas, only roots, logarithms, sines of nearby values and so on.
"""
TITLES = {
    "hamming": ("Hamming's chapter 3", "R. W. Hamming, *Numerical Methods for Scientists and "
                "Engineers*, 2nd ed., 1987, as the FPBench suite states them."),
    "alike": ("Others of the kind", "Formulas that lose digits in the same ways, which the rules "
              "were not made for."),
}


def page(count: int, fewer: int) -> str:
    """The page `docs/reference/accuracy.md`."""
    lines = [HEAD.format(count=count, fewer=fewer)]
    for name, (title, words) in TITLES.items():
        for derivatives in (False, True):
            points = fewer if derivatives else count
            rows = [row for core in read(name) for row in measure(core, points, derivatives)]
            lines += [f"## {title}" + (": derivatives" if derivatives else ""), "",
                      *(() if derivatives else (words, "")), *table(rows)]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> None:
    """Measure and write the page."""
    count = int(arguments[0]) if arguments else 1024
    PAGE.write_text(page(count, count // 4), encoding="utf8")
    print(PAGE.relative_to(ROOT))


if __name__ == "__main__":
    main(sys.argv[1:])
