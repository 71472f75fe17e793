r"""The derivatives of a loop: a loop backwards, and a loop with tangents beside the values.

Reverse.  Let :math:`s_t = f(x_t, s_{t+\tau}, w)` for taps :math:`\tau < 0`.  Going back from the
last step, :math:`\bar s_t` is complete when step t is reached: it is the cotangent from outside
plus what later steps contributed.  The loop carries one accumulator for each of the ``depth``
values before t, and one for each constant; the cotangents of the elements are mapped outputs.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

from autodiff_lab.control.scan.op import Layout, Scan, last
from autodiff_lab.gradient.contributions import accumulate, filled, is_continuous
from autodiff_lab.gradient.forward import forward_sweep
from autodiff_lab.gradient.reverse import reverse_sweep
from autodiff_lab.graph import (
    DISCONNECTED, ZERO, Constant, FunctionGraph, Tangents, Terms, Undefined, Variable, Variables,
    ancestors, copies,
)
from autodiff_lab.tensor.indexing.keys import Slice
from autodiff_lab.tensor.registry import function


def _element(buffer: Any) -> Any:
    """A variable of the type of one element of a stacked variable."""
    kind = buffer.type
    return kind.clone(shape=kind.shape[1:]).make_variable()


class _Reverse:
    """The backward loop of one node, put together piece by piece."""

    def __init__(self, op: Scan, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        self.op = op
        self.layout = op.layout
        self.count, self.sequences, self.initials, self.constants = op.split(inputs)
        self.outputs = list(outputs)
        self.states = len(op.layout.taps)
        self.elements, self.taps, self.inner_constants = op.split_inner()
        # with `until`, how many steps were done shows in the length of what came out
        done = outputs[0].shape[0]
        self.done = done - op.layout.depths[0] if self.states else done
        self.steps = self.done
        self.skipped: Any = 0
        if op.truncate_gradient >= 0:
            self.steps = function("minimum")(self.done, op.truncate_gradient)
            self.skipped = self.done - self.steps

    def elements_of(self, stacked: Any) -> Any:
        """What belongs to the steps of an array that is stepped through as the sequences are."""
        if self.layout.backwards:
            return stacked[: self.steps]
        return stacked[self.skipped : self.done]

    def values_of(self, place: int, buffer: Any, tap: int = 0) -> Any:
        """What belongs to the steps of an array like an output: a state's is in their order."""
        if place >= self.states:
            return self.elements_of(buffer)
        offset = self.layout.depths[place] + tap
        part = buffer[self.skipped + offset : self.done + offset]
        return part[::-1] if self.layout.backwards else part

    def parts(self, place: int, cotangent: Any) -> tuple[Any, Any, Any]:
        """The cotangents of the initial values (None: zero), of all steps, of the last step.

        What the user reads of a state is mostly what the steps made, or the last of it.  Its
        cotangent is then no buffer: one of the last two is there, and stands for it.
        """
        if place < self.states and _is_zero(cotangent):
            return None, None, filled(self.initials[place][0], 0.0)
        depth = self.layout.depths[place] if place < self.states else 0
        part = _part_of_zeros(cotangent, Slice(depth)) if depth else None
        if part is None:
            return cotangent[:depth], None, None
        final = _part_of_zeros(part, -1)
        if final is not None or self.op.truncate_gradient >= 0 or self.layout.backwards:
            return None, None, final
        return None, part, None

    def from_outside(self, place: int, cotangent: Any) -> bool:
        """Whether each step takes up a cotangent of what it made."""
        return self.parts(place, cotangent)[2] is None and not _is_zero(cotangent)

    def kept(self, roots: list[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        """The roots reading what the steps made where it stands; what they read, inside and out."""
        outputs = self.op.graph.outputs[: len(self.outputs)]
        stored = {v: v.type.make_variable() for v in outputs if v not in self.op.graph.inputs}
        changed = copies(roots, stored)
        used = set(ancestors(changed))
        read = [(stored[v], self.values_of(place, self.outputs[place]))
                for place, v in enumerate(outputs) if v in stored and stored[v] in used]
        return changed, [inner for inner, _ in read], [outer for _, outer in read]

    def seeds(self, cotangents: Sequence[Any]) -> tuple[dict[Any, Any], list[Any], list[list[Any]]]:
        """Cotangents of the body's outputs, the inner variables that carry them, the carries."""
        seeds: dict[Any, Any] = {}
        carried: list[list[Any]] = []
        given: list[Any] = []
        for place, (body, g) in enumerate(zip(self.op.graph.outputs, cotangents)):
            if not is_continuous(body):
                if place < self.states:
                    carried.append([])
                continue
            terms = []
            if self.from_outside(place, g):
                given.append(_element(g))
                terms.append(given[-1])
            if place < self.states:
                carries = [_element(g) for _ in range(self.layout.depths[place])]
                carried.append(carries)
                terms.append(carries[0])
            if terms:
                accumulate(seeds, body, functools.reduce(function("add"), terms))
        return seeds, given, carried


def pullback(op: Scan, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
    """The cotangents of a scan's inputs."""
    if op.layout.brief:  # the earlier values are needed after all
        op, outputs, cotangents = _whole(op, inputs, cotangents)
    loop = _Reverse(op, inputs, outputs)
    seeds, given, carried = loop.seeds(cotangents)
    wrt = [v for v in op.graph.inputs if is_continuous(v)]
    found: dict[Any, Any] = dict(reverse_sweep(seeds, wrt).cotangents) if wrt else {}
    undefined = next((a for a in found.values() if isinstance(a, Undefined)), None)
    if undefined is not None:
        return [undefined] * len(inputs)
    next_carries, start_carries = _carries(loop, carried, cotangents, found)
    constants = [
        (outer, inner) for outer, inner in zip(loop.constants, loop.inner_constants)
        if isinstance(found.get(inner), Variable)
    ]
    elements = [v for v in loop.elements if isinstance(found.get(v), Variable)]
    totals = [inner.type.make_variable() for _, inner in constants]
    backward_sequences = _reversed_values(loop, cotangents)
    flat_carries = [v for carries in carried for v in carries]
    sums = [function("add")(t, found[inner]) for t, (_, inner) in zip(totals, constants)]
    roots, inside, values = loop.kept([*next_carries, *sums, *(found[v] for v in elements)])
    backward_sequences += values
    body = FunctionGraph(
        [*loop.elements, *(v for taps in loop.taps for v in taps), *given, *inside, *flat_carries,
         *totals, *loop.inner_constants], roots,
    )
    count = len(flat_carries) + len(totals)
    layout = Layout(len(backward_sequences), ((-1,),) * count, len(elements),
                    brief=tuple(range(count)), backwards=not op.layout.backwards)
    starts = [*start_carries, *(filled(outer, 0.0) for outer, _ in constants)]
    results: Any = []
    if layout.taps or layout.mapped:
        results = Scan(layout, body, label=f"grad_of_{op.label or 'scan_fn'}")(
            loop.steps, *backward_sequences, *(function("shape_padleft")(s) for s in starts),
            *loop.constants, return_list=True,
        )
    return _collect(loop, cotangents, found, carried, constants, elements, results)


def _reversed_values(loop: _Reverse, cotangents: Sequence[Any]) -> list[Any]:
    """What the backward loop steps through: elements, states at each tap, cotangents."""
    found = [loop.elements_of(s) for s in loop.sequences]
    for place, (buffer, taps) in enumerate(zip(loop.outputs, loop.layout.taps)):
        found += [loop.values_of(place, buffer, tap) for tap in taps]
    for place, (g, body) in enumerate(zip(cotangents, loop.op.graph.outputs)):
        if is_continuous(body):
            if loop.from_outside(place, g):
                part = loop.parts(place, g)[1]
                found.append(loop.values_of(place, g) if part is None else part)
    return found


def _whole(op: Scan, inputs: Variables, cotangents: Variables) -> tuple[Scan, Any, list[Any]]:
    """A loop that keeps all values of its states, its outputs, and their cotangents."""
    layout = dataclasses.replace(op.layout, brief=())
    twin = Scan(layout, op.graph, op.truncate_gradient, op.label)
    outputs = twin.make_node(*inputs).outputs
    wider = list(cotangents)
    for place in op.layout.brief:
        empty = function("zeros_like")(outputs[place], dtype=cotangents[place].type.dtype)
        tail = empty[-layout.depths[place]:]
        wider[place] = function("inc_subtensor")(tail, cotangents[place])
    return twin, outputs, wider


def _carries(
    loop: _Reverse, carried: list[list[Any]], cotangents: Sequence[Any], found: dict[Any, Any]
) -> tuple[list[Any], list[Any]]:
    """What each accumulator is after a step, and what it is before the first."""
    following: list[Any] = []
    starts: list[Any] = []
    for place, carries in enumerate(carried):
        for back in range(1, len(carries) + 1):
            terms: list[Any] = [carries[back]] if back < len(carries) else []
            for tap, inner in zip(loop.layout.taps[place], loop.taps[place]):
                if -tap == back and isinstance(found.get(inner), Variable):
                    terms.append(found[inner])
            added = functools.reduce(function("add"), terms) if terms else filled(carries[0], 0.0)
            following.append(added)
            final = loop.parts(place, cotangents[place])[2] if back == 1 else None
            starts.append(filled(loop.initials[place][0], 0.0) if final is None else final)
    return following, starts


def _collect(
    loop: _Reverse, cotangents: Sequence[Any], found: dict[Any, Any], carried: list[list[Any]],
    constants: list[tuple[Any, Any]], elements: list[Any], results: list[Any],
) -> list[Any]:
    """The cotangents of the inputs of the node, in their order."""
    answers: list[Any] = [DISCONNECTED]
    count = sum(len(carries) for carries in carried)
    mapped = dict(zip(elements, results[count + len(constants) :]))
    for outer, inner in zip(loop.sequences, loop.elements):
        if inner in mapped:
            answers.append(
                mapped[inner] if _covers(loop, outer)
                else function("inc_subtensor")(
                    loop.elements_of(function("zeros_like")(outer)), mapped[inner]
                )
            )
        else:
            answers.append(found.get(inner, ZERO))
    place = 0
    for number, (outer, carries) in enumerate(zip(loop.initials, carried)):
        if not carries:
            answers.append(ZERO)
            continue
        depth = len(carries)
        finals = [last(results[place + back]) for back in range(depth)][::-1]
        whole = function("stack")(finals)
        if loop.op.truncate_gradient >= 0:      # what was cut short did not arrive
            whole = function("switch")(function("eq")(loop.skipped, 0), whole, 0.0)
        head, *_ = loop.parts(number, cotangents[number])
        if head is not None:
            whole = whole + head
        if outer.type.shape[0] != depth:
            whole = function("inc_subtensor")(function("zeros_like")(outer)[:depth], whole)
        answers.append(whole)
        place += depth
    totals = {inner: last(r) for (_, inner), r in zip(constants, results[count:])}
    for inner in loop.inner_constants:
        answers.append(totals[inner] if inner in totals else found.get(inner, ZERO))
    return answers


def _covers(loop: _Reverse, sequence: Any) -> bool:
    """Whether the steps surely reach every element: their number was read from this sequence."""
    count = loop.count
    while count.owner is not None and count.owner.op.name in ("cast", "subtensor", "shape"):
        count = count.owner.inputs[0]
    return count is sequence and not loop.layout.until and loop.op.truncate_gradient < 0


def _part_of_zeros(variable: Any, entry: Any) -> Any:
    """What was put at this index into an array of zeros, where a variable is that."""
    node = variable.owner
    if node is None or node.op.name != "inc_subtensor" or node.op.pattern != (entry,):
        return None
    base, part = node.inputs[:2]
    wanted = variable.type.broadcastable[entry == -1 :]
    return part if _is_zero(base) and part.type.broadcastable == wanted else None


def _is_zero(variable: Any) -> bool:
    """Whether an array is surely filled with zeros."""
    while variable.owner is not None and variable.owner.op.name in ("second", "dimshuffle"):
        variable = variable.owner.inputs[-1]
    return isinstance(variable, Constant) and not variable.data.any()


def _beside(inner: Any, moving: dict[Any, Any]) -> Any:
    """A variable for the tangent of a body input."""
    moving[inner] = inner.type.make_variable()
    return moving[inner]


def _tangent(variable: Any, answer: Any) -> Any:
    """A tangent that can be carried: zeros where nothing moves, None where nothing can."""
    if isinstance(answer, Variable):
        return answer
    return filled(variable, 0.0) if is_continuous(variable) else None


def pushforward(op: Scan, inputs: Variables, outputs: Variables, tangents: Tangents) -> Terms:
    """The tangents of a scan's outputs: the same loop with the tangents beside the values."""
    steps, sequences, initials, constants = op.split(inputs)
    _, t_sequences, t_initials, t_constants = op.split(tangents)
    elements, taps, inner_constants = op.split_inner()
    moving: dict[Any, Any] = {}

    d_elements = [_beside(v, moving) for v, t in zip(elements, t_sequences) if t is not None]
    d_taps = [_beside(v, moving) for state in taps for v in state if is_continuous(v)]
    pairs = zip(inner_constants, t_constants)
    d_constants = [_beside(v, moving) for v, t in pairs if t is not None]
    states = len(op.layout.taps)
    body_outputs = list(op.graph.outputs)
    value_outputs = body_outputs[: states + op.layout.mapped]
    found = forward_sweep(value_outputs, moving)
    undefined = next((a for a in found.values() if isinstance(a, Undefined)), None)
    if undefined is not None:
        return [undefined] * len(outputs)
    tangent_of = [_tangent(v, found[v]) for v in value_outputs]
    d_states = [t for t in tangent_of[:states] if t is not None]
    d_mapped = [t for t in tangent_of[states:] if t is not None]
    flat_taps = [v for state in taps for v in state]
    body = FunctionGraph(
        [*elements, *d_elements, *flat_taps, *d_taps, *inner_constants, *d_constants],
        [*value_outputs[:states], *d_states, *value_outputs[states:], *d_mapped,
         *body_outputs[states + op.layout.mapped :]],
    )
    moving_states = [k for k in range(states) if is_continuous(value_outputs[k])]
    moving_taps = [op.layout.taps[place] for place in moving_states]
    layout = Layout(
        len(elements) + len(d_elements), (*op.layout.taps, *moving_taps),
        op.layout.mapped + len(d_mapped), op.layout.until,
        (*op.layout.brief, *(states + k for k, place in enumerate(moving_states)
                             if op.layout.is_brief(place))),
        op.layout.backwards,
    )
    starts = [
        t if t is not None else filled(first, 0.0)
        for first, t, v in zip(initials, t_initials, value_outputs) if is_continuous(v)
    ]
    results = Scan(layout, body, label=f"rop_of_{op.label or 'scan_fn'}")(
        steps, *sequences, *(t for t in t_sequences if t is not None), *initials, *starts,
        *constants, *(t for t in t_constants if t is not None), return_list=True,
    )
    moved_states = iter(results[states : states + len(d_states)])
    moved_mapped = iter(results[states + len(d_states) + op.layout.mapped :])
    return [
        ZERO if t is None else next(moved_states) if place < states else next(moved_mapped)
        for place, t in enumerate(tangent_of)
    ]
