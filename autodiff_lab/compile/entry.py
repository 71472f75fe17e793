"""The fast path of a call, generated for the types of the inputs.

What is here: `make_entry`.

Relies on the types of the inputs; the text holds only identifiers made here.

The one idea: an argument that is already right (a Python float for a float64 scalar, an array of
the dtype and rank) is recognised by two or three comparisons; all else goes through
`Function.convert`, which explains what is wrong.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autodiff_lab.compile.backend import Executor, register_text
from autodiff_lab.compile.io import In
from autodiff_lab.tensor.type import TensorType


def make_entry(
    inputs: Sequence[In], executor: Executor, single: bool, timing: Sequence[str],
    helpers: dict[str, Any],
) -> Callable[..., Any]:
    """The function that a call goes to when every argument is given by position.

    Parameters
    ----------
    inputs : sequence of In
    executor : Executor
        Its inputs are these, then the values of the containers ``shared_0``, ``shared_1``, ...
    single : bool
        Whether a call returns the one result as it is, instead of ``finish(results)``.
    timing : sequence of str
        Statements that run after the executor; `started` holds the time before.
    helpers : dict
        What the text calls: convert, finish, failed, tally, and the containers.
    """
    containers = [name for name in helpers if name.startswith("shared_")]
    namespace: dict[str, Any] = {
        "ndarray": np.ndarray, "array": np.array, "clock": time.perf_counter,
        "run": executor.run, **helpers,
    }
    names = [f"a{n}" for n in range(len(inputs))]
    lines = [f"def entry({', '.join(names)}):"]
    for position, given in enumerate(inputs):
        lines += _conversion(position, given, namespace)
    # reading attributes one after another, without a call between, cannot be interrupted
    values = [*names, *(f"{name}._value" for name in containers)]
    body = [
        "started = clock()",
        "try:",
        f"    results = run({', '.join(values)})",
        "except Exception as error:",
        "    raise failed(error) from None",
        *timing,
        "return results[0]" if single else "return finish(results)",
    ]
    if "updated" in helpers:                   # from reading to storing is one turn
        again = f"    if updated.turn.lock is not lock: return entry({', '.join(names)})"
        body = ["lock = updated.turn.lock", "with lock:", again, *(f"    {line}" for line in body)]
    lines += [f"    {line}" for line in body]
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
            exact = f"type({name}) is int and -{2**53} <= {name} <= {2**53}"
            lines += [f"    if type({name}) is float or {exact}:",
                      f"        {name} = array({name}, {dtype})"]
        word = "elif"
    wrong = [
        f"type({name}) is not ndarray", f"{name}.dtype is not {dtype}",
        f"{name}.ndim != {kind.ndim}",
        *(f"{name}.shape[{axis}] != {length}"
          for axis, length in enumerate(kind.shape) if length is not None),
        f"not {name}.flags.aligned",
    ]
    return [
        *lines,
        f"    {word} ({' or '.join(wrong)}):",
        f"        {name} = convert({position}, {name})",
    ]


def _int_fits(value: int) -> bool:
    return -(2**63) <= value < 2**63
