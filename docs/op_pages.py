"""A reference page for each op: what it computes, its derivative, dtypes, how a kernel writes it.

Relies on the tables of `tensor.registry`. The one idea: a row says everything once; a page only
spells it out, and where a fact is missing the line is left out.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import autodiff_lab.tensor as pt
from autodiff_lab.gradient import grad
from autodiff_lab.graph import Variable
from autodiff_lab.rewriting import rewrite_graph
from autodiff_lab.tensor import registry
from autodiff_lab.tensor.opdef import Interval
from autodiff_lab.tensor.scalars import primitives
from autodiff_lab.view.latex import latex
from autodiff_lab.view.text import pp

SHOWN_DTYPES = ("bool", "int8", "int64", "float32", "float64", "complex128")
ROOT = Path(__file__).resolve().parents[1]
REDUCED = ("canonicalize", "stabilize")


def pages() -> dict[str, str]:
    """File name -> text, for every op, and the index."""
    found = {f"{name}.md": row_page(row) for name, row in sorted(registry.ROWS.items())}
    for name, op in sorted(registry.OPS.items()):
        found[f"{name}.md"] = class_page(name, op)
    found["index.md"] = index()
    return found


def index() -> str:
    """The list of all ops, elementwise first."""
    lines = ["# Ops", "", "## Elementwise", "", "| op | | what it computes |", "|---|---|---|"]
    for name, row in sorted(registry.ROWS.items()):
        lines.append(f"| [{name}]({name}.md) | ${cell(formula(row))}$ | {cell(row.summary)} |")
    lines += ["", "## Others", "", "| op | what it computes |", "|---|---|"]
    for name, op in sorted(registry.OPS.items()):
        lines.append(f"| [{name}]({name}.md) | {cell(op.summary)} |")
    names = sorted([*registry.ROWS, *registry.OPS])
    return "\n".join([*lines, "", "```{toctree}", ":hidden:", "", *names, "```", ""])


def cell(text: str) -> str:
    """Text that may stand in a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def signature(function: Any) -> str:
    """A function's arguments without their annotations."""
    parameters = inspect.signature(function).parameters.values()
    return "(" + ", ".join(str(p.replace(annotation=p.empty)) for p in parameters) + ")"


def formula(row: Any) -> str:
    """The row's notation applied to its arguments."""
    return str(latex(apply(row)[1]))


def apply(row: Any, *dtypes: str) -> tuple[list[Variable], Variable]:
    """Named scalars, and the row's function of them, in the first dtype that it takes."""
    for dtype in dtypes or ("float64", "int64", "bool"):
        inputs = [pt.scalar(name, dtype=dtype) for name in row.arguments]
        try:
            return inputs, registry.FUNCTIONS[row.name](*inputs)
        except TypeError as error:
            refusal = error
    raise refusal


def row_page(row: Any) -> str:
    """The page of one elementwise row."""
    lines = [f"# {row.name}", "", row.summary, "", "$$", formula(row), "$$", ""]
    lines += [f"* **Call**: `pt.{row.name}({', '.join(row.arguments)})`"]
    if row.aliases:
        lines.append("* **Also called**: " + ", ".join(f"`{alias}`" for alias in row.aliases))
    lines += spellings(registry.FUNCTIONS[row.name])
    lines += [f"* **Tested for** {name} in {interval(domain)}"
              for name, domain in row.domain.items()
              if (domain.low, domain.high) != (-np.inf, np.inf)]
    if row.commutative:
        lines.append("* **Commutative**")
    lines += ["", "## Derivative", "", *derivatives(row)]
    lines += ["## Dtypes", "", "| input | result |", "|---|---|", *dtype_rows(row), ""]
    written = row.numpy.format(*row.arguments)
    lines += ["## How it runs", "", f"NumPy: `{written}`", "", *kernel_lines(row)]
    if row.see:
        lines += ["## Source", "", row.see, ""]
    return "\n".join(lines)


def spellings(function: Any) -> list[str]:
    """The NumPy and SciPy names whose call on a variable builds the op."""
    names = [key for key, value in registry.NUMPY.items() if value is function]
    text = ", ".join(f"`{'scipy' if key.startswith('special.') else 'np'}.{key}`" for key in names)
    return [f"* **On a variable the same as**: {text}"] if names else []


def interval(domain: Interval) -> str:
    """An interval in mathematics' brackets."""
    left, right = ("(", ")") if domain.open else ("[", "]")
    left, right = "(" if np.isinf(domain.low) else left, ")" if np.isinf(domain.high) else right
    return f"{left}{domain.low:g}, {domain.high:g}{right}"


def derivatives(row: Any) -> Iterator[str]:
    """The rule in words, and the derivative with respect to each argument as it is built."""
    if not row.differentiable:
        yield from ["Zero or not defined everywhere: no derivative passes it.", ""]
        return
    yield from [line for words in row.words for line in (words + ".", "")]
    inputs, output = apply(row)
    if not output.type.dtype.startswith("float"):
        yield from ["Booleans and integers pass no derivative on.", ""]
        return
    for variable in inputs:
        result = grad(output, variable, disconnected_inputs="ignore")
        symbol = rf"\frac{{\partial}}{{\partial {latex(variable)}}}"
        yield from ["$$", f"{symbol} {latex(output)} = {latex(rewrite_graph(result))}", "$$", ""]
        yield from ["Before rewriting:", "", "```text", pp(result), "```", ""]


def dtype_rows(row: Any) -> Iterator[str]:
    """The result's dtype where all inputs have one dtype."""
    for dtype in SHOWN_DTYPES:
        try:
            result = f"`{apply(row, dtype)[1].type.dtype}`"
        except TypeError:
            result = "not taken"
        yield f"| `{dtype}` | {result} |"


def kernel_lines(row: Any) -> list[str]:
    """The row's expression over primitives, one step a line."""
    dtypes = row.dtypes(*(variable.type.dtype for variable in apply(row)[0]))[0]
    names = [primitives.Name(name, dtype) for name, dtype in zip(row.arguments, dtypes)]
    expression = row.expr(*names) if row.expr is not None else None
    if expression is None:
        return ["It has no kernel expression: it runs as a NumPy instruction between kernels.", ""]
    written: dict[primitives.Term, str] = {}  # equal terms are one step
    steps = []
    terms = primitives.post_order(expression)
    for term in terms:
        if isinstance(term, primitives.Name):
            written[term] = term.name
        elif isinstance(term, primitives.Literal):
            written[term] = repr(term.value)
        elif term not in written:
            arguments = [written[argument] for argument in term.args]
            name = f"v{len(steps)}" if term is not terms[-1] else "result"
            written[term] = name
            steps.append(f"{name} = {term.primitive}({', '.join(arguments)})")
    steps = steps or [f"result = {written[terms[-1]]}"]
    return ["In a kernel, over the primitives:", "", "```", *steps, "```", ""]


def class_page(name: str, op: Any) -> str:
    """The page of an op that is not elementwise."""
    lines = [f"# {name}", "", op.summary, ""]
    public = registry.FUNCTIONS.get(name)
    if public is not None:
        lines += [f"* **Call**: `pt.{name}{signature(public)}`", *spellings(public)]
    if op.__props__:
        lines.append("* **Parameters of the op**: " + ", ".join(f"`{p}`" for p in op.__props__))
    if op.reduction is not None:
        lines.append(f"* **In a kernel**: `{op.reduction[0]}`, from {op.reduction[1]}")
    if not op.differentiable:
        lines.append("* **No derivative** passes it")
    source = Path(inspect.getsourcefile(op) or "").relative_to(ROOT).as_posix()
    lines += [f"* **Declared in** `{source}`", ""]
    text = inspect.getdoc(public) if public is not None else None
    if text:
        lines += ["```text", text, "```", ""]
    return "\n".join(lines)
