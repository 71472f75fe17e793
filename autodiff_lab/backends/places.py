"""Where values stand while generated code runs, and the loop that a scan is as text.

What is here: `Place`, and `LoopText`, the plain function that makes a scan's arrays and runs it.

Relies on `compile.program` for names, `control.scan`.

The one idea: a state is one buffer that begins with the initial values; step t reads and writes
rows of it where they stand.  A sequence that is stepped through from its end is indexed from its
end.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from autodiff_lab.compile.program import Names, Program
from autodiff_lab.control.scan.op import Scan
from autodiff_lab.graph import Apply, Variable


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a value stands.

    Attributes
    ----------
    base : str
        The name of an array; or the text of a number, where `index` is None.
    dtype : str
    shape : tuple of str
        The lengths of the value's axes, as text.
    index : tuple of str or int, optional
        For each axis of the array the axis of the value that walks it, or a fixed index as text.
    """

    base: str
    dtype: str
    shape: tuple[str, ...] = ()
    index: tuple[str | int, ...] | None = None

    def element(self, walk: Sequence[str]) -> str:
        """The element at these indices."""
        if self.index is None:
            return self.base
        inside = [walk[e] if isinstance(e, int) else e for e in self.index]
        return f"{self.base}[{', '.join(inside) or '()'}]"

    def row(self, at: str) -> Place:
        """The value at an index of the first axis."""
        index = self.index and tuple(
            e if isinstance(e, str) else e - 1 if e else at for e in self.index
        )
        return Place(self.base, self.dtype, self.shape[1:], index)

    def array(self) -> str | None:
        """An expression for it as a contiguous or transposed array, where there is one."""
        fixed = [e for e in self.index or () if isinstance(e, str)]
        walked = [e for e in self.index or () if isinstance(e, int)]
        if self.index is None or (*fixed, *walked) != self.index or len(walked) != len(self.shape):
            return None
        text = f"{self.base}[{', '.join(fixed)}]" if fixed else self.base
        if walked == sorted(walked):
            return text
        return f"{text}.T" if walked == [1, 0] else None


def whole(name: str, dtype: str, shape: Sequence[str]) -> Place:
    """The place of an array of its own."""
    return Place(name, dtype, tuple(shape), tuple(range(len(shape))))


def empty(place: Place) -> str:
    """The statement that makes an array."""
    lengths = ", ".join(place.shape) + "," * (len(place.shape) == 1)
    return f"{place.base} = np.empty(({lengths}), np.{numpy_name(place.dtype)})"


class LoopText:
    """A scan as text: the names of its arrays, and where each step finds its values.

    Parameters
    ----------
    node : Apply
    program : Program
        The body.
    taken : sequence of str
        Names that mean something else.
    """

    def __init__(self, node: Apply, program: Program, taken: Sequence[str] = ()) -> None:
        assert isinstance(node.op, Scan)
        self.node, self.op, self.program = node, node.op, program
        self.names = names = Names()
        for word in ("i", "j", "k", "l", "t", "first", "last", "steps", "done", "stop", *taken):
            names.new(word)
        _, sequences, initials, constants = self.op.split(node.inputs)
        slots = [program.slots[number] for number in program.inputs]
        _, taps, inner = self.op.split_inner()
        self.sequences = [_array(names.new(s.name), v) for s, v in zip(slots, sequences)]
        self.states = [_array(names.new(_state_name(tap[0])), v) for tap, v in zip(taps, initials)]
        self.starts = [names.new(f"{state.base}_start") for state in self.states]
        skipped = len(sequences) + sum(map(len, taps))
        self.constants = [_array(names.new(s.name), v) for s, v in zip(slots[skipped:], constants)]
        outer = node.outputs[len(taps):]
        self.mapped = [_array(names.new(program.slots[n].name), v)
                       for n, v in zip(program.outputs[len(taps):], outer)]
        # whether an array is seen from its end; from which end its elements are then read
        self.turned = [goes_backwards(v) for v in sequences]
        self.reversed = [turned != self.op.layout.backwards for turned in self.turned]
        self.t = "t"

    def inputs(self) -> list[Place]:
        """Where the inputs of the body stand in step t."""
        found = [self._from(place, end) for place, end in zip(self.sequences, self.reversed)]
        for number, taps in enumerate(self.op.layout.taps):
            found += [self._row(number, tap) for tap in taps]
        return [*found, *self.constants]

    def results(self) -> list[Place | None]:
        """Where the results of the body belong in step t."""
        layout = self.op.layout
        rows = [self._row(number, 0) for number in range(len(self.states))]
        mapped = [self._from(place, layout.backwards) for place in self.mapped]
        return [*rows, *mapped, *[None] * layout.until]

    def _row(self, number: int, tap: int) -> Place:
        layout = self.op.layout
        depth = layout.depths[number]
        at = f"{self.t} + {depth + tap}" if depth + tap else self.t
        if layout.is_brief(number):
            at = f"({at}) % {depth + 1}" if depth + tap else f"{at} % {depth + 1}"
        return self.states[number].row(at)

    def _from(self, place: Place, end: bool) -> Place:
        return place.row(f"{place.shape[0]} - 1 - {self.t}" if end else self.t)

    # -- the function around the steps ------------------------------------------------------

    def opening(self, name: str) -> list[str]:
        """Its first lines: the arrays as the steps want them."""
        given = [*(p.base for p in self.sequences), *self.starts, *(p.base for p in self.constants)]
        lines = [f"def {name}({', '.join(['steps', *given])}):", "    steps = int(steps)"]
        for place, turned in zip(self.sequences, self.turned):
            part = "[:steps]" * self.op.layout.backwards + "[::-1]" * turned
            lines.append(f"    {place.base} = np.asarray({place.base}{part}, order=\"C\")")
        lines += [f"    {p.base} = np.asarray({p.base}, order=\"C\")" for p in self.constants]
        layout = self.op.layout
        for number, (place, start) in enumerate(zip(self.states, self.starts)):
            depth = layout.depths[number]
            length = depth + 1 if layout.is_brief(number) else f"steps + {depth}"
            made = whole(place.base, place.dtype, (str(length), f"*{start}.shape[1:]"))
            lines += [f"    {empty(made)}", f"    {place.base}[:{depth}] = {start}[:{depth}]"]
        return lines

    def closing(self) -> str:
        """Its last line: what it returns."""
        layout = self.op.layout
        done = "done" if layout.until else "steps"
        texts = []
        for number, (place, depth) in enumerate(zip(self.states, layout.depths)):
            if layout.is_brief(number):
                rows = [f"({done} + {k}) % {depth + 1}" if k else f"{done} % {depth + 1}"
                        for k in range(depth)]
                texts.append(f"{place.base}[[{', '.join(rows)}]]")
            else:
                texts.append(f"{place.base}[:{done} + {depth}]" if layout.until else place.base)
        texts += [f"{p.base}[:{done}]" if layout.until else p.base for p in self.mapped]
        return f"    return {', '.join(texts)}"

    def plain(self, name: str, step: str) -> str:
        """The whole as plain Python; `step` is a function of the inputs of the body."""
        layout = self.op.layout
        targets = [place.array() if place is not None and place.shape else
                   place.element(()) if place is not None else "stop" for place in self.results()]
        gathered = {place.base: f"{place.base}_t" for place in self.mapped}
        for number, place in enumerate(self.mapped, len(self.states)):
            targets[number] = gathered[place.base]
        values = [place.array() or place.element(()) for place in self.inputs()]
        lines = [*self.opening(name), *(f"    {base} = []" for base in gathered)]
        lines += ["    done = 0"] * layout.until
        lines += ["    for t in range(steps):",
                  f"        {', '.join(map(str, targets))} = {step}({', '.join(values)})"]
        lines += [f"        {base}.append({now})" for base, now in gathered.items()]
        if layout.until:
            lines += ["        done = t + 1", "        if stop:", "            break"]
        end = "[::-1]" * layout.backwards
        lines += [f"    {base} = np.array({base}{end}, np.{numpy_name(p.dtype)})"
                  for base, p in zip(gathered, self.mapped)]
        return "\n".join([*lines, self.closing()])


def numpy_name(dtype: str) -> str:
    """What NumPy calls a dtype."""
    return "bool_" if dtype == "bool" else dtype


def _array(name: str, variable: Variable) -> Place:
    kind: Any = variable.type
    # of a sequence only as many elements as there are steps may be handed over
    lengths = [f"{name}.shape[{a}]" if n is None or not a else str(n)
               for a, n in enumerate(kind.shape)]
    return whole(name, kind.dtype, lengths)


def _state_name(tap: Variable) -> str:
    return (tap.name or "state").split("[")[0]


def goes_backwards(variable: Variable) -> bool:
    """Whether an array is a view that walks the first axis from its end."""
    turned = False
    while variable.owner is not None and variable.owner.op.name == "subtensor":
        first: Any = variable.owner.op.pattern[:1]  # type: ignore[attr-defined]
        turned ^= bool(first) and getattr(first[0], "step", None) == -1
        variable = variable.owner.inputs[0]
    return turned
