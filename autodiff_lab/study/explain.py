"""`--explain`: the cell once more as Python calls, without the magic."""

from __future__ import annotations

import ast
from typing import Any

from autodiff_lab.cell.inputs import FALLBACK
from autodiff_lab.cell.syntax import names_of
from autodiff_lab.options import KINDS, GradOptions


def python_calls(text: str, options: GradOptions, study: Any) -> str:
    """Python code that makes the same study from the same text."""
    tree = ast.parse(text)
    free, _ = names_of(tree)
    last = tree.body[-1]
    is_function = isinstance(last, ast.FunctionDef)
    lines = ["import autodiff_lab as ad, autodiff_lab.tensor as pt"]
    symbolic = [n for n in free if n in FALLBACK]
    if symbolic:
        lines.append(f"from autodiff_lab.tensor import {', '.join(symbolic)}")
    for name, variable in study.inputs.items():
        lines.append(f"{name} = {_constructor(name, variable)}")
    body = text.rstrip().rstrip(";").splitlines()
    result = study.name
    if options.of is None and isinstance(last, ast.Expr):
        if isinstance(last.value, ast.Name):
            result = last.value.id
            body = body[: last.lineno - 1]
        else:
            body[last.lineno - 1] = f"{result} = {body[last.lineno - 1].lstrip()}"
    lines += body
    if is_function or callable(study.y):
        lines.append(f"y = {result}({', '.join(study.inputs)})")
        result = "y"
    given = {name: ast.unparse(value) for name, value in options.at}
    point = ", ".join(f'"{name}": {given.get(name, f"{name}_value")}'
                      for name in dict.fromkeys([*given, *study.point]))
    ranges = list(study.plot_ranges.values())
    settings = [
        result, f"[{', '.join(study.names)}]", f"point={{{point}}}" if point else "",
        f"plot={ranges[0] if len(ranges) == 1 else ranges}" if ranges else "",
        f"order={options.order}" if options.order > 1 else "",
        "check=True" if options.check else "",
    ]
    lines.append(f"r = ad.Study({', '.join(filter(None, settings))})")
    return "\n".join(lines)


def _constructor(name: str, variable: Any) -> str:
    dtype, shape = variable.type.dtype, variable.type.shape
    if all(length is None for length in shape) and len(shape) in KINDS:
        letter = {"float64": "d", "float32": "f"}.get(dtype)
        if letter is not None:
            return f'pt.{letter}{KINDS[len(shape)]}("{name}")'
    return f'pt.tensor("{name}", dtype="{dtype}", shape={shape})'
