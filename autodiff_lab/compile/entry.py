"""The fast path of a call, generated for the types of the inputs.

What is here: `make_entry`.

Relies on the input types of a `Function`; the text holds only identifiers made here.

The one idea: an argument that is already right (a Python float for a float64 scalar, an array of
the dtype and rank) is recognised by two or three comparisons; all else goes through
`Function.convert`, which explains what is wrong.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from autodiff_lab.compile.backend import Executor, register_text
from autodiff_lab.compile.io import In
from autodiff_lab.tensor.type import TensorType

if TYPE_CHECKING:
    from autodiff_lab.compile.call import Function


def make_entry(function: Function, executor: Executor, tally: Any) -> Callable[..., Any]:
    """The function that a call goes to when every argument is given by position."""
    namespace: dict[str, Any] = {
        "ndarray": np.ndarray, "array": np.array, "clock": time.perf_counter,
        "run": executor.run, "tally": tally, "convert": function.convert,
        "finish": function.finish, "failed": function.failed, "reconsider": function._reconsider,
        **{f"shared_{n}": container for n, container in enumerate(function.containers)},
    }
    names = [f"a{n}" for n in range(len(function.inputs))]
    lines = [f"def entry({', '.join(names)}):"]
    for position, given in enumerate(function.inputs):
        lines += _conversion(position, given, namespace)
    values = [*names, *(f"shared_{n}.value" for n in range(len(function.containers)))]
    single = function._spec.shape_of_result == "single" and len(function._spec.roots) == 1
    lines += [
        "    started = clock()",
        "    try:",
        f"        results = run({', '.join(values)})",
        "    except Exception as error:",
        "        raise failed(error) from None",
        *_timing(tally.ran),
        "    return results[0]" if single else "    return finish(results)",
    ]
    text = "\n".join(lines) + "\n"
    filename = f"<autodiff_lab call {id(executor):x}>"
    register_text(filename, text)
    exec(compile(text, filename, "exec"), namespace)
    entry: Callable[..., Any] = namespace["entry"]
    return entry


def _conversion(position: int, given: In, namespace: dict[str, Any]) -> list[str]:
    """Lines that make one argument an array of its type."""
    kind = given.variable.type
    name = f"a{position}"
    if not isinstance(kind, TensorType):
        return [f"    {name} = convert({position}, {name})"]
    dtype = f"dtype_{position}"
    namespace[dtype] = np.dtype(kind.dtype)
    python = {"float64": "float", "int64": "int"}.get(kind.dtype)
    lines = []
    word = "if"
    if kind.ndim == 0 and python is not None and not given.strict:
        if python == "int":
            namespace["int_fits"] = _int_fits
            lines += [f"    if type({name}) is int and int_fits({name}):",
                      f"        {name} = array({name}, {dtype})"]
        else:
            lines += [f"    if type({name}) is float:", f"        {name} = array({name})"]
        word = "elif"
    wrong = [
        f"type({name}) is not ndarray", f"{name}.dtype is not {dtype}",
        f"{name}.ndim != {kind.ndim}",
        *(f"{name}.shape[{axis}] != {length}"
          for axis, length in enumerate(kind.shape) if length is not None),
        f"not {name}.flags.aligned",
    ]
    lines += [f"    {word} ({' or '.join(wrong)}):", f"        {name} = convert({position}, {name})"]
    return lines


def _int_fits(value: int) -> bool:
    return -(2**63) <= value < 2**63


def _timing(ran: str) -> list[str]:
    if ran == "numba":
        return ["    tally.numba_call = clock() - started"]
    return [
        "    started = clock() - started",
        "    tally.numpy_call = started",
        "    tally.spent += started",
        "    if tally.spent > tally.budget: reconsider()",
    ]
