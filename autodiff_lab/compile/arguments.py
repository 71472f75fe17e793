"""Arguments of a call by name, defaults, and the errors about them.

Relies on `compile.io` only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autodiff_lab.compile.io import In
from autodiff_lab.errors import LabError, LabOverflowError, LabTypeError
from autodiff_lab.graph import describe
from autodiff_lab.tensor.shared import Container

_MISSING = object()


def bind(
    inputs: Sequence[In], defaults: Sequence[Container], name: str | None, args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> tuple[Any, ...]:
    """One value per input, from positions, names and defaults.

    Raises
    ------
    TypeError
        If there are too many or too few, or a name that no input has.
    """
    if len(args) > len(inputs):
        raise LabTypeError(
            f"Too many parameters passed to {_title(name)}: it takes {len(inputs)}, "
            f"{len(args)} were given.",
            where=_signature(inputs),
        )
    values = [*args, *([_MISSING] * (len(inputs) - len(args)))]
    for key, value in kwargs.items():
        position = next((p for p, given in enumerate(inputs) if given.name == key), None)
        if position is None:
            raise LabTypeError(
                f"Unknown input or state: {key}.", where=_signature(inputs),
                remedy="inputs without a name are given by position",
            )
        if values[position] is not _MISSING:
            raise LabTypeError(
                f"Input {key} at index {position} is given twice.", where=_signature(inputs)
            )
        values[position] = value
    for position, given in enumerate(inputs):
        if values[position] is not _MISSING:
            continue
        if defaults[position].value is None:
            raise LabTypeError(
                f"Missing required input: {given.name or given.variable} at index {position} "
                "(0-based).",
                where=_signature(inputs),
            )
        values[position] = defaults[position].value
    return tuple(values)


def bad_argument(given: In, index: int, name: str | None, error: Exception) -> LabError:
    """The error for an argument that does not fit its input."""
    variable = given.variable
    title = f" ({variable.name})" if variable.name is not None else ""
    sentence, *rest = str(error).splitlines()
    kind = LabOverflowError if isinstance(error, OverflowError) else LabTypeError
    return kind(
        f"Bad input argument to {_title(name)} at index {index} (0-based){title}: {sentence}",
        where="\n".join([describe(variable), *(line.strip() for line in rest)]),
    )


def _title(name: str | None) -> str:
    return f"function {name!r}" if name else "the function"


def _signature(inputs: Sequence[In]) -> str:
    named = [str(given.name or f"unnamed at index {n}") for n, given in enumerate(inputs)]
    return f"inputs: {', '.join(named)}" if named else "it has no inputs"
