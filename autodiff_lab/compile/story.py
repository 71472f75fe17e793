"""The story of an error at run time: which node, which arrays, which line of the user's.

What is here: `retold`.

Relies on `Executor.failed_at`, which reads the frame of the generated code.

The one idea: nothing is computed again.  The traceback still holds the arrays that the failing
statement read.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff_lab import hooks
from autodiff_lab.compile.backend import Executor
from autodiff_lab.config import config
from autodiff_lab.errors import (
    LabError, LabIndexError, LabNotImplementedError, LabTypeError, LabValueError,
)
from autodiff_lab.graph import Apply, Variable, placed

_KINDS: tuple[tuple[type[Exception], type[LabError]], ...] = (
    (NotImplementedError, LabNotImplementedError),
    (IndexError, LabIndexError),
    (TypeError, LabTypeError),
    (ValueError, LabValueError),
)
_MOST_INPUTS = 5
_LINED_UP = "the last axis of the first must be as long as the first axis of the second"
_REMEDIES = {
    "dot": _LINED_UP,
    "matmul": _LINED_UP,
    "reshape": "old and new shape need the same number of elements",
}


def retold(error: Exception, executor: Executor) -> Exception:
    """The error as the built-in kind that it is, with the place and the shapes.

    Errors of other kinds (a user op may raise anything) keep their class and get a note.
    """
    if isinstance(error, LabError):
        return error.with_traceback(None)
    found = executor.failed_at(error.__traceback__)
    if found is None:
        return error
    return retold_at(error, *found)


def retold_at(error: Exception, node: Apply, values: dict[Variable, Any]) -> Exception:
    """The error of one node, which read these values."""
    if isinstance(error, LabError):
        return error
    told = _retold(error, node, values)
    if config.exception_verbosity == "high":
        told.add_note(_at_length(node, values))
    return told


def _at_length(node: Apply, values: dict[Variable, Any]) -> str:
    """The graph of the node that failed, and the values that it read."""
    graph = hooks.call("dprint", node.outputs[0], file="str")
    read = [f"{_title(v, place)} = {values[v]!r}" for place, v in enumerate(node.inputs)
            if v in values]
    return "\n".join(["the node that failed, as a tree:", str(graph).rstrip(), *read])


def _retold(error: Exception, node: Apply, values: dict[Variable, Any]) -> Exception:
    kind = next((ours for theirs, ours in _KINDS if type(error) is theirs), None)
    where = _where(node, values)
    if kind is None:
        error.add_note(where)
        return error
    sentence = " ".join(str(error).split()) or type(error).__name__
    if len(sentence) > 400:
        sentence = sentence[:400] + " ..."
    return kind(sentence, where=where, remedy=_REMEDIES.get(node.op.name))


def _where(node: Apply, values: dict[Variable, Any]) -> str:
    lines = [placed(node.op.name, node)]
    inputs = list(dict.fromkeys(node.inputs))
    for position, variable in enumerate(inputs[:_MOST_INPUTS]):
        if variable in values:
            lines.append(f"{_title(variable, position)}: {_array(values[variable])}")
    if len(inputs) > _MOST_INPUTS:
        lines.append(f"... and {len(inputs) - _MOST_INPUTS} more inputs")
    return "\n".join(lines)


def _title(variable: Variable, position: int) -> str:
    if variable.name is not None:
        return variable.name
    if variable.owner is not None:
        return f"input {position}, the result of {variable.owner.op.name}"
    return f"input {position}"


def _array(value: Any) -> str:
    if isinstance(value, np.ndarray | np.generic):
        small = f", value {value}" if value.size == 1 else ""
        return f"{value.dtype}, shape {value.shape}{small}"
    return f"{type(value).__name__}"
