"""What a function is asked to compute: inputs, outputs, updates, givens, checked and gathered.

What is here: `Specification` and `specify`.

Relies on `compile.io`, `graph` walks and copies.

The one idea: every complaint about the arguments of `function` is made here, before anything is
built; what comes out is a plain list of inputs, shared variables, outputs and new values.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autodiff_lab.compile.io import In, Out
from autodiff_lab.config import config
from autodiff_lab.errors import (
    LabTypeError, LabValueError, MissingInputError, NullTypeGradError, UnusedInputError, one_of,
)
from autodiff_lab.graph import Constant, Variable, ancestors, describe, placed, toposort
from autodiff_lab.graph.replace import copies


@dataclass
class Specification:
    """The arguments of `function`, in order.

    Attributes
    ----------
    inputs : list of In
    shared : list of Variable
        Every shared variable that is read or updated.
    outputs : list of Out
    keys : list of str, optional
        For a dict of outputs.
    shape_of_result : str
        "single", "list", "dict" or "none".
    updates : dict
        Shared variable -> its new value.
    input_updates : dict
        Position of an input -> the value that it has when the next call gives none.
    """

    inputs: list[In]
    outputs: list[Out]
    shape_of_result: str
    keys: list[str] | None = None
    shared: list[Variable] = field(default_factory=list)
    updates: dict[Variable, Variable] = field(default_factory=dict)
    input_updates: dict[int, Variable] = field(default_factory=dict)

    @property
    def given(self) -> set[Variable]:
        """The variables that a call gives values for."""
        return {entry.variable for entry in self.inputs}

    def swapped(self, swap: Any) -> Specification:
        """The same with other shared variables in the place of some."""
        other = dict(zip(self.shared, self.shared))
        for old, new in _pairs(swap, "Swaps"):
            found = [v for v in self.shared if v is old or v.name == old]
            if not found:
                raise LabValueError(f"SharedVariable {old} is not used by the function.")
            if not hasattr(new, "container") or not found[0].type.is_super(new.type):
                raise LabTypeError(
                    f"{describe(found[0])} cannot be swapped for {str(new)[:60]}.",
                    remedy="swap takes shared variables of the same type",
                )
            other[found[0]] = new
        updates = {other[old]: new for old, new in self.updates.items()}
        spec = dataclasses.replace(self, shared=[other[v] for v in self.shared], updates=updates)
        _substitute(spec, {old: new for old, new in other.items() if old is not new})
        return spec

    @property
    def roots(self) -> list[Variable]:
        """Everything that is computed: outputs, then new values."""
        return [
            *(out.variable for out in self.outputs),
            *self.updates.values(),
            *self.input_updates.values(),
        ]


def specify(
    inputs: Any, outputs: Any, updates: Any, givens: Any,
    no_default_updates: bool | Sequence[Variable], on_unused_input: str | None,
    rebuild_strict: bool = True,
) -> Specification:
    """Check and gather the arguments of `function`."""
    spec = _outputs(outputs)
    spec.inputs = _inputs(inputs)
    spec.updates = _updates(updates)
    for position, given in enumerate(spec.inputs):
        if given.update is not None:
            spec.input_updates[position] = given.update
    replaced = _givens(givens, rebuild_strict)
    _default_updates(spec, no_default_updates, replaced)
    _substitute(spec, replaced)
    _refuse_null(spec)
    leaves = [
        v for v in ancestors(spec.roots, spec.given)
        if v.owner is None and not isinstance(v, Constant)
    ]
    used = [v for v in leaves if hasattr(v, "container")]
    spec.shared = list(dict.fromkeys([*used, *spec.updates]))
    _require_inputs(spec, leaves)
    _complain_of_unused(spec, on_unused_input)
    return spec


# -- inputs and outputs --------------------------------------------------------------------------


def _inputs(inputs: Any) -> list[In]:
    if not isinstance(inputs, list | tuple):
        shown = inputs if isinstance(inputs, Variable | In) else "x, y"
        raise LabTypeError(
            f"Inputs are a list of variables, not {str(inputs)[:60]} of type "
            f"{type(inputs).__name__}.",
            remedy=f"function([{shown}], ...)",
        )
    found = [given if isinstance(given, In) else In(given) for given in inputs]
    places: dict[Variable, int] = {}
    for position, given in enumerate(found):
        if given.variable in places:
            raise UnusedInputError(
                f"Variable {given.variable} is used twice in inputs to function, at indices "
                f"{places[given.variable]} and {position}.",
                why="the value for one of them would be ignored", remedy="list it once",
            )
        places[given.variable] = position
    return found


def _outputs(outputs: Any) -> Specification:
    keys = None
    if outputs is None:
        kind, listed = "none", []
    elif isinstance(outputs, Mapping):
        for key in outputs:
            if not isinstance(key, str):
                raise LabTypeError(f"The keys of outputs are text, not {key!r:.60}.")
        kind, listed, keys = "dict", list(outputs.values()), list(outputs)
    elif isinstance(outputs, list | tuple):
        kind, listed = "list", list(outputs)
    else:
        kind, listed = "single", [outputs]
    return Specification([], [_output(entry) for entry in listed], kind, keys)


def _output(entry: Any) -> Out:
    found = entry if isinstance(entry, Out) else Out(entry)
    if isinstance(found.variable, Variable):
        return found
    raise LabTypeError(
        f"Outputs must be Variable or Out instances. Received {str(entry)[:60]!r} of type "
        f"{type(entry).__name__}.",
        remedy="a list, tuple or dict of variables is welcome; a number is as_tensor(number)",
    )


def _pairs(pairs: Any, what: str) -> list[tuple[Any, Any]]:
    """Updates or givens as pairs; a set has no order and is refused."""
    if pairs is None:
        return []
    if isinstance(pairs, Mapping):
        return list(pairs.items())
    if isinstance(pairs, set | frozenset) or not isinstance(pairs, Iterable):
        raise LabTypeError(f"{what} are a dict or a list of pairs, not {type(pairs).__name__}.")
    found = []
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise LabTypeError(
                f"{what} are a dict or a list of pairs; {str(pair)[:60]} is no pair."
            )
        found.append(tuple(pair))
    return found


def _updates(updates: Any) -> dict[Variable, Variable]:
    found: dict[Variable, Variable] = {}
    for shared, value in _pairs(updates, "Updates"):
        if not hasattr(shared, "container") or not isinstance(shared, Variable):
            raise LabTypeError(
                f"update target must be a SharedVariable, not {str(shared)[:60]}.",
                remedy="w = shared(value) makes one",
            )
        if shared in found:
            raise LabValueError(f"this shared variable already has an update expression: {shared}.")
        found[shared] = _new_value(shared, value)
    return found


def _new_value(shared: Variable, value: Any) -> Variable:
    if isinstance(value, Variable) and shared.type.in_same_class(value.type):
        return value  # lengths are checked when the value is stored
    try:
        return shared.type.filter_variable(value)
    except TypeError:
        new = describe(value) if isinstance(value, Variable) else repr(value)[:60]
        raise LabTypeError(
            "An update must have the same type as the original shared variable.",
            where=f"{describe(shared)} <- {new}",
            remedy=f"cast(new, {getattr(shared.type, 'dtype', '')!r}), or reshape it",
        ) from None


def _givens(givens: Any, strict: bool) -> dict[Variable, Variable]:
    found: dict[Variable, Variable] = {}
    for old, new in _pairs(givens, "Givens"):
        if not isinstance(old, Variable):
            raise LabTypeError(f"Givens replace variables; {str(old)[:60]!r} is none.")
        if not strict and isinstance(new, Variable):
            found[old] = new
            continue
        try:
            found[old] = old.type.filter_variable(new)
        except TypeError as error:
            raise LabTypeError(
                f"Givens cannot replace {describe(old)}: {str(error).splitlines()[0]}",
                remedy="the replacement needs the same dtype and rank",
            ) from None
    return found


def _substitute(spec: Specification, givens: dict[Variable, Variable]) -> None:
    """Apply the givens to everything that is computed."""
    if not givens:
        return
    replaced = iter(copies(spec.roots, givens))
    spec.outputs = [Out(next(replaced), out.borrow) for out in spec.outputs]
    spec.updates = {shared: next(replaced) for shared in spec.updates}
    spec.input_updates = {position: next(replaced) for position in spec.input_updates}


# -- shared variables ----------------------------------------------------------------------------


def _default_updates(
    spec: Specification, refused: bool | Sequence[Variable], givens: Mapping[Variable, Variable]
) -> None:
    """Add the updates that shared variables bring along, also those that these need."""
    if refused is True:
        return
    listed: Any = () if refused is False else refused
    if not isinstance(listed, list | tuple) or not all(isinstance(v, Variable) for v in listed):
        raise LabTypeError(
            f"no_default_updates is True, False or a list of shared variables, not {refused!r:.60}."
        )
    left_out = {*listed, *givens}
    known = spec.given.union(givens)
    waiting = list(spec.roots)
    seen: set[Variable] = set()
    while waiting:
        found = [v for v in ancestors(waiting, known) if v not in seen]
        seen.update(found)
        waiting = [givens[variable] for variable in found if variable in givens]
        for variable in found:
            update = getattr(variable, "default_update", None)
            if update is None or variable in left_out or variable in spec.updates:
                continue
            spec.updates[variable] = update
            waiting.append(update)


# -- complaints ----------------------------------------------------------------------------------


def _refuse_null(spec: Specification) -> None:
    for root in spec.roots:
        reason = getattr(root.type, "why_null", None)
        if reason is not None:
            raise NullTypeGradError(
                "A derivative that is undefined cannot be computed.", why=str(reason)
            )


def _require_inputs(spec: Specification, leaves: Sequence[Variable]) -> None:
    inputs = spec.given
    missing = [v for v in leaves if v not in inputs and not hasattr(v, "container")]
    if not missing:
        return
    variable = missing[0]
    for node in toposort(spec.roots, inputs):
        if variable in node.inputs:
            place = node.inputs.index(variable)
            raise MissingInputError(
                f"Input {place} ({variable}) of the graph (indices start from 0), used to "
                f"compute {node}, was not provided and not given a value.",
                where=placed(describe(variable), node),
                remedy=f"add {variable} to the inputs of the function, or give it a value "
                "through givens",
            )
    raise MissingInputError(
        f"The output {variable} was not provided and not given a value.", where=describe(variable),
        remedy=f"add {variable} to the inputs of the function",
    )


def _complain_of_unused(spec: Specification, choice: str | None) -> None:
    """An input must reach a result, or be a point at which a derivative in it was taken."""
    choice = config.on_unused_input if choice is None else choice
    one_of(choice, ("raise", "warn", "ignore"),
           f"Invalid value for keyword on_unused_input: {choice!r}.")
    if choice == "ignore":
        return
    reached = set(ancestors(spec.roots))
    used = reached.union(p for v in reached for role in v.roles for p in role.point)
    for position, given in enumerate(spec.inputs):
        if given.variable in used:
            continue
        error = UnusedInputError(
            f"function was asked to create a function computing outputs given certain inputs, but "
            f"the provided input variable at index {position} is not part of the computational "
            f"graph needed to compute the outputs: {given.variable}.",
            where=describe(given.variable),
            remedy="leave it out, or pass on_unused_input='warn' or 'ignore'",
        )
        if choice == "raise":
            raise error
        warnings.warn(str(error), UserWarning, stacklevel=5)
