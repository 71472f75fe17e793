"""`scan` and its relatives: from what the user writes to the plain loop of `control.scan.op`.

The step function is called once, with placeholders for the elements of sequences and for earlier
outputs.  **Non-sequences are handed over as the outer variables themselves**, so that a gradient
taken inside sees what they are computed from.  Afterwards the body is closed: what depends on a
placeholder goes inside, everything else stays outside and is read as a constant.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autodiff_lab.control.scan.op import Layout, Scan
from autodiff_lab.errors import LabTypeError, LabValueError, MissingInputError
from autodiff_lab.graph import (
    Constant, FunctionGraph, ancestors, as_given, as_list, copies, describe, leaves, toposort,
)
from autodiff_lab.tensor.constants import as_tensor_variable
from autodiff_lab.tensor.registry import function


class until:
    """What a step returns to end the loop after it: ``return y, until(y > 10)``."""

    def __init__(self, condition: Any) -> None:
        self.condition = as_tensor_variable(condition)


@dataclasses.dataclass
class _Sequence:
    variable: Any
    taps: tuple[int, ...]


@dataclasses.dataclass
class _Output:
    initial: Any  # None: no later step reads it
    taps: tuple[int, ...] = ()


def _entries(given: Any) -> list[Any]:
    """One entry or a list of them (a mapping is one entry); None is no entry."""
    if given is None:
        return []
    return [given] if isinstance(given, Mapping) else as_list(given)


def _described(entry: Any, key: str) -> Mapping[str, Any]:
    """A sequence or an output as a mapping."""
    described = entry if isinstance(entry, Mapping) else {key: entry}
    if not described.keys() <= {key, "taps", "inplace"}:
        raise LabValueError(
            f"scan cannot read the keys {list(described)}.", remedy=f"dict({key}=, taps=)"
        )
    return described


def _parse_sequences(sequences: Any) -> list[_Sequence]:
    parsed = []
    for entry in _entries(sequences):
        described = _described(entry, "input")
        taps = tuple(_entries(described.get("taps", 0)))
        parsed.append(_Sequence(as_tensor_variable(described["input"]), taps))
    for place, sequence in enumerate(parsed):
        if sequence.variable.type.ndim == 0:
            raise LabTypeError(
                f"Sequence {place} of scan is a scalar: there is nothing to step through.",
                where=describe(sequence.variable),
                remedy="pass it as non_sequences=, or give a vector",
            )
    return parsed


def _parse_outputs(outputs_info: Any) -> list[_Output]:
    parsed = []
    for place, entry in enumerate([None] if outputs_info is None else _entries(outputs_info)):
        described = _described(entry, "initial")
        initial = described.get("initial")
        if initial is None:
            if described.get("taps"):
                raise LabValueError(f"Output {place} of scan has taps but no initial value.")
            parsed.append(_Output(None))
            continue
        taps = tuple(_entries(described.get("taps", -1)))
        if any(not isinstance(tap, int) or tap >= 0 for tap in taps):
            raise LabValueError(f"Taps of an output look back: negative whole numbers, not {taps}.")
        output = _Output(as_tensor_variable(initial), taps)
        if output.taps != (-1,) and output.initial.type.ndim == 0:
            raise LabValueError(
                f"An output with the taps {output.taps} needs its earlier values stacked.",
                where=describe(output.initial),
            )
        parsed.append(output)
    return parsed


class _Builder:
    """One call of `scan`."""

    def __init__(
        self, fn: Callable[..., Any], sequences: Any, outputs_info: Any, non_sequences: Any,
        n_steps: Any, go_backwards: bool, strict: bool, name: str | None,
    ) -> None:
        self.fn = fn
        self.name = name
        self.strict = strict
        self.sequences = _parse_sequences(sequences)
        self.outputs = _parse_outputs(outputs_info)
        self.default_outputs = outputs_info is None
        self.non_sequences = [as_tensor_variable(v) for v in _entries(non_sequences)]
        self.backwards = go_backwards
        self.steps = self._steps(n_steps)

    def _steps(self, n_steps: Any) -> Any:
        """The number of steps; a negative one goes backwards."""
        if n_steps is not None:
            count = as_tensor_variable(n_steps)
            if count.type.ndim != 0 or count.type.dtype.startswith(("float", "complex")):
                raise LabTypeError("n_steps is a whole number.", where=describe(count))
            if isinstance(count, Constant) and count.data < 0:
                self.backwards = not self.backwards
                count = as_tensor_variable(-int(count.data))
            return function("cast")(count, "int64")
        if not self.sequences:
            raise LabValueError(
                "No information about the number of steps provided.",
                remedy="give n_steps= or at least one sequence",
            )
        lengths = []
        for sequence in self.sequences:
            spread = max(*sequence.taps, 0) - min(*sequence.taps, 0)
            length = sequence.variable.shape[0]
            lengths.append(length - spread if spread else length)
        return functools.reduce(function("minimum"), lengths)

    def shifted_sequences(self) -> list[Any]:
        """One plain sequence per tap, in the direction of the loop."""
        plain = []
        for sequence in self.sequences:
            low, high = min(*sequence.taps, 0), max(*sequence.taps, 0)
            for tap in sequence.taps:       # a tap looks to the same side whatever the direction
                key = slice(tap - low or None, self.backwards and tap - high or None)
                part = sequence.variable if key == slice(None) else sequence.variable[key]
                plain.append(part[::-1] if self.backwards else part)
        return plain

    def run(self, truncate_gradient: int) -> tuple[list[Any], dict[Any, Any]]:
        """Call the step, close the body, and return the outputs and updates."""
        plain = self.shifted_sequences()
        elements = [s.type.clone(shape=s.type.shape[1:]).make_variable(s.name) for s in plain]
        initials, taps = self._states()
        states = [v for state in taps for v in state]
        for handed in (*elements, *states):
            handed.tag.handed_in = "scan"
        self._check_step(elements, states)
        answer = self.fn(*elements, *states, *self.non_sequences)
        results, updates, condition = _split_answer(answer)
        if self.default_outputs:
            self.outputs = [_Output(None) for _ in results]
        if len(results) != len(self.outputs):
            raise LabValueError(
                f"The step of scan returned {len(results)} outputs, outputs_info describes "
                f"{len(self.outputs)}.",
                remedy="one entry in outputs_info for each output; None for one that no "
                "later step reads",
            )
        return self._assemble(
            plain, elements, initials, taps, results, updates, condition, truncate_gradient
        )

    def _check_step(self, elements: list[Any], states: list[Any]) -> None:
        kinds = (elements, states, self.non_sequences)
        try:
            inspect.signature(self.fn).bind(*(v for variables in kinds for v in variables))
        except TypeError as error:
            raise LabTypeError(
                f"scan cannot call its step: {error}.",
                why=f"it is called with {len(elements)} elements of sequences, {len(states)} "
                f"earlier outputs and {len(self.non_sequences)} non-sequences, in this order",
            ) from None

    def _states(self) -> tuple[list[Any], list[list[Any]]]:
        """The initial buffers and the placeholders of their taps."""
        initials, taps = [], []
        for output in self.outputs:
            if output.initial is None:
                continue
            single, first = output.taps == (-1,), output.initial
            first = function("shape_padleft")(first) if single else first[: -min(output.taps)]
            element = first.type.clone(shape=first.type.shape[1:])
            name = output.initial.name
            taps.append(
                [element.make_variable(f"{name}[t{tap}]" if name else None) for tap in output.taps]
            )
            initials.append(first)
        return initials, taps

    def _assemble(
        self, plain: list[Any], elements: list[Any], initials: list[Any], taps: list[list[Any]],
        results: list[Any], updates: dict[Any, Any], condition: Any, truncate_gradient: int,
    ) -> tuple[list[Any], dict[Any, Any]]:
        stops = [*elements, *(v for state in taps for v in state), *self.non_sequences]
        for state, update in _moved_by_themselves([*results, *updates.values()], stops):
            updates.setdefault(state, update)
        kept = [r for r, output in zip(results, self.outputs) if output.initial is not None]
        mapped = [r for r, output in zip(results, self.outputs) if output.initial is None]
        states = [_fitted(r, tap[0], place) for place, (r, tap) in enumerate(zip(kept, taps))]
        shared = [v for v in updates if hasattr(v, "container")]
        shared_inner = [v.type.make_variable(v.name) for v in shared]
        all_taps = [*taps, *([v] for v in shared_inner)]
        all_states = [*states, *(v.type.filter_variable(updates[v]) for v in shared)]
        layout = Layout(
            len(plain),
            tuple(output.taps for output in self.outputs if output.initial is not None)
            + ((-1,),) * len(shared),
            len(mapped),
            condition is not None,
        )
        placeholders = [*elements, *(v for state in all_taps for v in state)]
        roots = [*all_states, *mapped, *([] if condition is None else [condition])]
        allowed = set(self.non_sequences) if self.strict else None
        body, constants = close_body(roots, placeholders, dict(zip(shared, shared_inner)), allowed)
        starts = [*initials, *(function("shape_padleft")(v) for v in shared)]
        found = Scan(layout, body, truncate_gradient, self.name)(
            self.steps, *plain, *starts, *constants, return_list=True
        )
        return self._outputs(found, layout, results, shared)

    def _outputs(
        self, found: list[Any], layout: Layout, results: list[Any], shared: list[Any]
    ) -> tuple[list[Any], dict[Any, Any]]:
        states = iter(zip(found, layout.depths))
        mapped = iter(found[len(layout.taps) :])
        outputs = []
        for output in self.outputs:
            if output.initial is None:
                outputs.append(next(mapped))
            else:
                buffer, depth = next(states)
                outputs.append(buffer[depth:])
        for output, result in zip(outputs, results):
            if result.name is not None and output.name is None:
                output.name = result.name
        updates = {v: buffer[-1] for v, (buffer, _) in zip(shared, states)}
        for state, update in updates.items():
            if state.default_update is not None:  # as often as there are steps
                state.default_update = update
        return outputs, updates


def _moved_by_themselves(roots: Sequence[Any], stops: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Shared variables that a step reads and that have an update of their own: random states."""
    found = [(v, getattr(v, "default_update", None)) for v in ancestors(roots, stops)]
    return [(variable, update) for variable, update in found if update is not None]


def close_body(
    roots: Sequence[Any], placeholders: Sequence[Any], replace: Mapping[Any, Any],
    allowed: set[Any] | None,
) -> tuple[FunctionGraph, list[Any]]:
    """The body as a closed graph, and the outer variables it reads.

    Parameters
    ----------
    roots : sequence of Variable
        What the step returned.
    placeholders : sequence of Variable
        The inputs that change from step to step.
    replace : mapping
        Shared variables that the loop updates -> their placeholder.
    allowed : set, optional
        With ``strict``: the outer variables that may be read.
    """
    changing = {*placeholders, *replace}
    for node in toposort(roots, placeholders):
        if any(variable in changing for variable in node.inputs):
            changing.update(node.outputs)
    read: list[Any] = [
        variable for node in toposort(roots, placeholders)
        if any(output in changing for output in node.outputs) for variable in node.inputs
    ]
    constants = [
        v for v in dict.fromkeys([*read, *roots])
        if v not in changing and not (isinstance(v, Constant) and np.ndim(v.data) == 0)
    ]
    if allowed is not None:
        _check_strict(constants, allowed)
    inner = {outer: outer.type.make_variable(outer.name) for outer in constants}
    results = copies(roots, {**replace, **inner})
    distinct = [function("identity")(r) if r in results[:k] else r for k, r in enumerate(results)]
    changed = dict.fromkeys([*placeholders, *replace.values()])
    return FunctionGraph([*changed, *inner.values()], distinct), constants


def _check_strict(constants: Sequence[Any], allowed: set[Any]) -> None:
    for outer in constants:
        above = set(ancestors([outer]))
        if above & allowed or all(isinstance(leaf, Constant) for leaf in leaves([outer])):
            continue
        raise MissingInputError(
            f"With strict=True the step may read only what non_sequences lists, "
            f"not {describe(outer)}.",
            remedy="add it to non_sequences",
        )


def _fitted(result: Any, tap: Any, place: int) -> Any:
    """A new state in the type of its taps; a dtype or rank that does not fit is an error."""
    if result.type.dtype != tap.type.dtype:
        raise LabTypeError(
            f"Output {place} of scan starts with dtype {tap.type.dtype}, and the step returns "
            f"dtype {result.type.dtype}.",
            where=describe(result), why="a state keeps its dtype from step to step",
            remedy=f"give the initial value as {result.type.dtype}, or cast what the step "
            "returns",
        )
    if result.type.ndim != tap.type.ndim:
        raise LabTypeError(
            f"Output {place} of scan starts with rank {tap.type.ndim}, and the step returns "
            f"rank {result.type.ndim}.",
            where=describe(result),
            remedy="initial values that are stacked belong into "
            "outputs_info=dict(initial=..., taps=[...])",
        )
    if not tap.type.in_same_class(result.type):
        raise LabValueError(
            f"Output {place} of scan starts with shape {tap.type.shape}, and the step returns "
            f"shape {result.type.shape}.",
            where=describe(result),
        )
    return result


def _split_answer(answer: Any) -> tuple[list[Any], dict[Any, Any], Any]:
    """What a step returned, as outputs, updates and the condition to stop."""
    if answer is None:
        raise LabTypeError("The step of scan returned nothing.", remedy="return the outputs")
    parts = list(answer) if isinstance(answer, tuple) else [answer]
    updates: dict[Any, Any] = {}
    condition = None
    rest = []
    for part in parts:
        if isinstance(part, until):
            condition = part.condition
        elif isinstance(part, Mapping):
            updates.update(part)
        elif isinstance(part, list) and part and all(_is_pair(entry) for entry in part):
            updates.update(dict(part))
        else:
            rest.append(part)
    if len(rest) == 1 and isinstance(rest[0], list | tuple):
        rest = list(rest[0])
    for variable in updates:
        if not hasattr(variable, "container"):
            raise LabTypeError(f"Only shared variables are updated, not {variable!r:.40}.")
    return [as_tensor_variable(part) for part in rest if part is not None], updates, condition


def _is_pair(entry: Any) -> bool:
    return isinstance(entry, tuple) and len(entry) == 2 and hasattr(entry[0], "container")


def scan(
    fn: Callable[..., Any], sequences: Any = None, outputs_info: Any = None,
    non_sequences: Any = None, n_steps: Any = None, truncate_gradient: int = -1,
    go_backwards: bool = False, mode: Any = None, name: str | None = None, profile: bool = False,
    allow_gc: bool | None = None, strict: bool = False, return_list: bool = False,
    return_updates: bool = True,
) -> Any:
    """A loop over sequences, with outputs of earlier steps at hand.

    Parameters
    ----------
    fn : callable
        One step.  Its arguments are the elements of the sequences (one for each tap), then the
        earlier outputs (one for each tap), then the non-sequences.  It returns the outputs, and
        may add a dict of updates and `until`.
    sequences : tensor_like, dict(input=, taps=), or list of these, optional
        What is stepped through along the first axis.
    outputs_info : None, tensor_like, dict(initial=, taps=), or list of these, optional
        For each output its initial value, or None where no later step reads it.
    non_sequences : tensor_like or list, optional
        What every step reads whole.
    n_steps : int or scalar Variable, optional
        By default as many as the shortest sequence allows; negative: backwards.
    truncate_gradient : int
        How many steps derivatives go back; -1: all.
    go_backwards : bool
        Step through the sequences from their ends.
    strict : bool
        Refuse steps that read outer variables which `non_sequences` does not list.
    name : str, optional
        Shown where the loop is printed.
    return_list : bool
        Return a list also for one output.
    return_updates : bool
        Return the pair (outputs, updates), as the family does.
    mode, profile, allow_gc
        Accepted for compatibility.

    Returns
    -------
    (outputs, updates)

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> x = pt.dvector("x")
    >>> start = pt.constant(0.0, dtype="float64")
    >>> partial_sums, _ = scan(lambda e, s: s + e, sequences=x, outputs_info=start)
    >>> partial_sums.eval({x: [1.0, 2.0, 3.0]})
    array([1., 3., 6.])
    """
    if not isinstance(truncate_gradient, int | np.integer) or truncate_gradient < -1:
        raise LabValueError(
            f"truncate_gradient is a number of steps, or -1: not {truncate_gradient!r:.40}."
        )
    builder = _Builder(
        fn, sequences, outputs_info, non_sequences, n_steps, go_backwards, strict, name
    )
    outputs, updates = builder.run(truncate_gradient)
    result: Any = outputs if return_list or len(outputs) != 1 else outputs[0]
    return (result, updates) if return_updates else result


def map(fn: Callable[..., Any], sequences: Any, non_sequences: Any = None, **options: Any) -> Any:
    """`fn` applied to each element: (results, updates)."""
    return scan(fn, sequences=sequences, non_sequences=non_sequences, **options)


def reduce(
    fn: Callable[..., Any], sequences: Any, outputs_info: Any, non_sequences: Any = None,
    go_backwards: bool = False, **options: Any,
) -> Any:
    """The value after the last step: (result, updates)."""
    results, updates = scan(
        fn, sequences=sequences, outputs_info=outputs_info, non_sequences=non_sequences,
        go_backwards=go_backwards, **options,
    )
    return as_given(results, [result[-1] for result in as_list(results)]), updates


def foldl(
    fn: Callable[..., Any], sequences: Any, outputs_info: Any, non_sequences: Any = None,
    **options: Any,
) -> Any:
    """`reduce` from the first element to the last."""
    return reduce(fn, sequences, outputs_info, non_sequences, False, **options)


def foldr(
    fn: Callable[..., Any], sequences: Any, outputs_info: Any, non_sequences: Any = None,
    **options: Any,
) -> Any:
    """`reduce` from the last element to the first."""
    return reduce(fn, sequences, outputs_info, non_sequences, True, **options)
