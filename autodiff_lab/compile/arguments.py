"""Arguments of a call by name, defaults, and the errors about them.

Relies on the inputs of a `Function` only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autodiff_lab.errors import LabTypeError, explain
from autodiff_lab.graph import describe

if TYPE_CHECKING:
    from autodiff_lab.compile.call import Function

_MISSING = object()


def bind(function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """One value per input, from positions, names and defaults.

    Raises
    ------
    TypeError
        If there are too many or too few, or a name that no input has.
    """
    inputs = function.inputs
    if len(args) > len(inputs):
        raise LabTypeError(
            explain(
                f"Too many parameters passed to {_title(function)}: it takes {len(inputs)}, "
                f"{len(args)} were given.",
                where=_signature(function),
            )
        )
    values = [*args, *([_MISSING] * (len(inputs) - len(args)))]
    for name, value in kwargs.items():
        position = next((p for p, given in enumerate(inputs) if given.name == name), None)
        if position is None:
            raise LabTypeError(
                explain(
                    f"Unknown input or state: {name}.",
                    where=_signature(function),
                    remedy="inputs without a name are given by position",
                )
            )
        if values[position] is not _MISSING:
            raise LabTypeError(
                explain(
                    f"Input {name} at index {position} is given twice.", where=_signature(function)
                )
            )
        values[position] = value
    for position, given in enumerate(inputs):
        if values[position] is not _MISSING:
            continue
        if function.defaults[position] is None:
            raise LabTypeError(
                explain(
                    f"Missing required input: {given.name or given.variable} at index {position} "
                    "(0-based).",
                    where=_signature(function),
                )
            )
        values[position] = function.defaults[position]
    return tuple(values)


def bad_argument(function: Function, index: int, error: Exception) -> LabTypeError:
    """The error for an argument that does not fit its input."""
    variable = function.inputs[index].variable
    title = f" ({variable.name})" if variable.name is not None else ""
    sentence, *rest = str(error).splitlines()
    text = explain(
        f"Bad input argument to {_title(function)} at index {index} (0-based){title}: {sentence}",
        where=describe(variable),
    )
    return LabTypeError("\n".join([text, *rest][:12]))


def _title(function: Function) -> str:
    return f"function {function.name!r}" if function.name else "the function"


def _signature(function: Function) -> str:
    named = [str(given.name or f"unnamed at index {n}") for n, given in enumerate(function.inputs)]
    return f"inputs: {', '.join(named)}" if named else "it has no inputs"
