"""`Scan`: a loop as one op, in one plain form.

Whatever the user wrote (taps, directions, counts) is brought into this form by `build`:

* *sequences*: step t reads element t;
* *states*: buffers that begin with as many initial values as the earliest tap looks back; step t
  reads ``buffer[t + depth + tap]`` and its result becomes ``buffer[t + depth]``;
* *mapped outputs*: the results of all steps, stacked;
* *constants*: read whole by every step.

The body is a closed `FunctionGraph` that is never changed.  Its derivatives are scans again
(`control.scan.derivatives`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from autodiff_lab.control.graph_op import GraphOp
from autodiff_lab.errors import LabTypeError, LabValueError
from autodiff_lab.graph import Apply, FunctionGraph, Tangents, Terms, Variable, Variables, describe
from autodiff_lab.tensor.constants import as_tensor_variable
from autodiff_lab.tensor.registry import function
from autodiff_lab.tensor.type import TensorType

Taps = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Layout:
    """How many of each kind of input and output a scan has.

    Attributes
    ----------
    sequences : int
    taps : tuple of tuple of int
        For each state the taps that the body reads, negative, in the order of its inputs.
    mapped : int
        Outputs that are no states.
    until : bool
        Whether the body's last output says to stop after this step.
    brief : tuple of int
        States of which only the last values are kept, as many as the earliest tap looks back.
    backwards : bool
        Whether the last element of each sequence comes first, and mapped outputs are filled from
        their ends.
    """

    sequences: int
    taps: tuple[Taps, ...]
    mapped: int
    until: bool = False
    brief: tuple[int, ...] = ()
    backwards: bool = False

    def is_brief(self, state: int) -> bool:
        """Whether only the last values of a state are kept."""
        return state in self.brief

    @property
    def depths(self) -> tuple[int, ...]:
        """How many initial values each state has."""
        return tuple(-min(taps) for taps in self.taps)


class Scan(GraphOp):
    """A loop.

    Parameters
    ----------
    layout : Layout
    graph : FunctionGraph
        The body: inputs are sequence elements, taps of states, constants; outputs are the new
        states, the mapped outputs and, where the layout says so, the condition to stop.
    truncate_gradient : int
        How many steps the derivative goes back; -1 for all.
    label : str, optional
        A name for printing.
    """

    def __init__(
        self, layout: Layout, graph: FunctionGraph, truncate_gradient: int = -1,
        label: str | None = None,
    ) -> None:
        super().__init__(graph)
        self.layout = layout
        self.truncate_gradient = truncate_gradient
        self.label = label

    @property
    def name(self) -> str:
        return "scan"

    def __str__(self) -> str:
        return f"Scan{{{self.label or 'scan_fn'}}}"

    def facts(self) -> tuple[Any, ...]:
        return (self.layout, self.truncate_gradient)

    # -- building ---------------------------------------------------------------------------

    def split(self, inputs: Sequence[Any]) -> tuple[Any, list[Any], list[Any], list[Any]]:
        """The inputs of a node as (number of steps, sequences, initial values, constants)."""
        sequences, states = self.layout.sequences, len(self.layout.taps)
        return (
            inputs[0],
            list(inputs[1 : 1 + sequences]),
            list(inputs[1 + sequences : 1 + sequences + states]),
            list(inputs[1 + sequences + states :]),
        )

    def split_inner(self) -> tuple[list[Variable], list[list[Variable]], list[Variable]]:
        """The inputs of the body as (elements, taps per state, constants)."""
        inputs = list(self.graph.inputs)
        place = self.layout.sequences
        taps: list[list[Variable]] = []
        for state in self.layout.taps:
            taps.append(inputs[place : place + len(state)])
            place += len(state)
        return inputs[: self.layout.sequences], taps, inputs[place:]

    def make_node(self, *inputs: Any) -> Apply:
        variables = [as_tensor_variable(value) for value in inputs]
        steps, sequences, initials, constants = self.split(variables)
        elements, taps, inner_constants = self.split_inner()
        if len(constants) != len(inner_constants):
            raise LabTypeError(
                f"The body of this scan reads {len(inner_constants)} constants, "
                f"{len(constants)} were given.",
            )
        for outer, inner in zip(sequences, elements):
            _check_element(outer, inner, "sequence")
        for outer, inner in zip(initials, (tap[0] for tap in taps)):
            _check_element(outer, inner, "initial state")
        length = int(steps.data) if hasattr(steps, "data") else None
        outputs: list[Variable] = []
        states = len(self.layout.taps)
        for place, depth in enumerate(self.layout.depths):
            total = None if length is None or self.layout.until else length + depth
            kept = depth if self.layout.is_brief(place) else total
            outputs.append(_stacked(self.graph.outputs[place], kept))
        for body in self.graph.outputs[states : states + self.layout.mapped]:
            outputs.append(_stacked(body, None if self.layout.until else length))
        return Apply(self, variables, outputs)

    # -- computing --------------------------------------------------------------------------

    def evaluate(self, node: Apply, *arrays: Any) -> Any:
        count, sequences, initials, constants = self.split(arrays)
        steps = int(count)
        self.check_run(node, steps, sequences, initials)
        layout = self.layout
        states = len(layout.taps)
        # of a brief state one value more than the taps read is held, turn by turn
        lengths = [d + 1 if layout.is_brief(k) else d + steps for k, d in enumerate(layout.depths)]
        buffers = [_buffer(*given) for given in zip(initials, layout.depths, lengths)]
        mapped: list[Any] = [None] * layout.mapped
        done = 0
        for t in range(steps):
            at = steps - 1 - t if layout.backwards else t
            arguments = [sequence[at] for sequence in sequences]
            for buffer, taps, depth in zip(buffers, layout.taps, layout.depths):
                arguments.extend(buffer[(t + depth + tap) % len(buffer)] for tap in taps)
            results = self.run(0, *arguments, *constants)
            for place in range(states):
                buffer, value = buffers[place], results[place]
                if np.shape(value) != buffer.shape[1:]:
                    self.wrong_state(node, place, buffer.shape[1:], np.shape(value))
                buffer[(t + layout.depths[place]) % len(buffer)] = value
            for place in range(layout.mapped):
                value = np.asarray(results[states + place])
                if mapped[place] is None:
                    mapped[place] = np.empty((steps, *value.shape), dtype=value.dtype)
                mapped[place][at] = value
            done = t + 1
            if layout.until and results[-1]:
                break
        outputs = [
            b[[(done + k) % (d + 1) for k in range(d)]] if layout.is_brief(n) else b[: d + done]
            for n, (b, d) in enumerate(zip(buffers, layout.depths))
        ]
        if mapped and not done:
            mapped = self._nothing(node, sequences, initials, constants)
        outputs += [value[:done] for value in mapped]
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def _nothing(self, node: Apply, *given: list[Any]) -> list[Any]:
        """Mapped outputs of no step, in the shape that a step on zeros would have."""
        sequences, initials, constants = given
        elements = [np.zeros(s.shape[1:], s.dtype) for s in sequences]
        taps = [first[0] for first, kinds in zip(initials, self.layout.taps) for _ in kinds]
        states = len(self.layout.taps)
        try:
            results = self.run(0, *elements, *taps, *constants)[states:]
        except Exception:  # zeros may be nothing that a step can take
            return [_empty(variable) for variable in node.outputs[states:]]
        made = [np.asarray(value) for value in results[: self.layout.mapped]]
        return [np.empty((0, *value.shape), value.dtype) for value in made]

    def wrong_state(self, node: Apply, place: int, first: Any, then: Any) -> None:
        """Raise the error for a state that changes its shape."""
        raise LabValueError(
            f"State {place} of scan has shape {first} at the start, and the step returned "
            f"shape {then}.",
            where=node.source,
            remedy="outputs_info gives a state in the shape that the step returns",
        )

    def check_run(self, node: Apply, steps: int, sequences: list[Any], initials: list[Any]) -> None:
        """Raise an error where the arrays are too short for the steps."""
        problems = [
            f"Sequence {place} of scan has {len(sequence)} elements, {steps} steps are to be done."
            for place, sequence in enumerate(sequences) if len(sequence) < steps
        ]
        problems += [f"scan cannot do {steps} steps."] if steps < 0 else []
        problems += [
            f"State {place} of scan needs {depth} initial values, {len(first)} given."
            for place, (first, depth) in enumerate(zip(initials, self.layout.depths))
            if len(first) < depth
        ]
        if problems:
            raise LabValueError(problems[0], where=node.source)

    # -- differentiating --------------------------------------------------------------------

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        from autodiff_lab.control.scan.derivatives import pullback

        return pullback(self, inputs, outputs, cotangents)

    def pushforward(
        self, inputs: Variables, outputs: Variables, tangents: Tangents
    ) -> Terms | None:
        from autodiff_lab.control.scan.derivatives import pushforward

        return pushforward(self, inputs, outputs, tangents)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[place > 0] * len(node.outputs) for place in range(len(node.inputs))]


def _check_element(outer: Variable, inner: Variable, kind: str) -> None:
    shape, dtype = outer.type.shape, outer.type.dtype  # type: ignore[attr-defined]
    if len(shape) != inner.type.ndim + 1 or dtype != inner.type.dtype:  # type: ignore[attr-defined]
        raise LabTypeError(
            f"A {kind} of scan does not fit its body: {describe(outer)} gives elements that "
            f"are no {inner.type}.",
        )


def _stacked(body: Variable, length: int | None) -> Variable:
    kind = body.type
    assert isinstance(kind, TensorType)
    return TensorType(kind.dtype, (length, *kind.shape)).make_variable()


def _buffer(first: Any, depth: int, length: int) -> Any:
    buffer = np.empty((length, *first.shape[1:]), dtype=first.dtype)
    buffer[:depth] = first[:depth]
    return buffer


def _empty(variable: Variable) -> Any:
    """The result of no step: nothing, in a shape that nobody could observe."""
    kind = variable.type
    assert isinstance(kind, TensorType)
    return np.empty((0, *(length or 0 for length in kind.shape[1:])), dtype=kind.dtype)


def last(buffer: Any) -> Any:
    """The last value of a buffer."""
    return function("subtensor")(buffer, -1)
