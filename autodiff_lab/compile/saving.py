"""Graphs and functions as data: how variables, nodes, graphs and functions are pickled and copied.

What is here: `reduced`, which every `__reduce__` of the package asks.

Relies on the classes of `graph`, on `tensor` types and rows, and on `compile.call.Function`;
`compile.loading` reads what is written here.

The one idea: whatever is pickled stands in one flat *record*: a JSON text with one row per object,
each after the rows that it speaks of, and beside it the larger arrays.  Names, roles and origins,
which may point anywhere, come after the rows.  So nothing here recurses over a graph.  A record
holds no code: ops, types and functions of the user's stand in it by name.
"""

from __future__ import annotations

import dataclasses
import json
import operator
import threading
import types
import weakref
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from autodiff_lab.compile.call import Function
from autodiff_lab.compile.loading import ROOMS, VERSION, load
from autodiff_lab.errors import LabTypeError
from autodiff_lab.graph import (
    Apply, Constant, FunctionGraph, Op, Role, SourceLine, Type, Variable, ancestors,
    collector_paused,
)
from autodiff_lab.graph.from_function import DEFINED, FromFunctionOp, place_of
from autodiff_lab.tensor.elemwise import Elemwise, ScalarRow
from autodiff_lab.tensor.shared import Container, SharedVariable
from autodiff_lab.tensor.type import TensorType
from autodiff_lab.tensor.variable import TensorVariable

_INLINE = 64                # bytes of an array that stand in the text
_KINDS = (Variable, Apply, Op, FunctionGraph, Container, Function)


class _Known(threading.local):
    """The records that a pickle under way has made, by the objects in them; one table a thread."""

    def __init__(self) -> None:
        self.records: weakref.WeakValueDictionary[int, Record] = weakref.WeakValueDictionary()


_known = _Known()


def reduced(thing: Any) -> tuple[Any, ...]:
    """What `__reduce__` answers: a record, and the place of the thing in it.

    The pickler keeps what it has met, so a record lives as long as the pickle: a variable that is
    met later and stands in it already is found there, and stays one variable.
    """
    record = _known.records.get(id(thing))
    if record is None:
        with collector_paused():
            record = Record(thing)
        _known.records.update((id(entry), record) for entry in record.places)
    return operator.getitem, (record, record.places[thing])


class Record:
    """One flat description of everything that a thing is made of.

    Attributes
    ----------
    places : dict
        Object -> its row.
    """

    def __init__(self, thing: Any) -> None:
        self.places: dict[Any, int] = {}
        self.parents: dict[Record, int] = {}
        self.arrays: list[np.ndarray] = []
        self.rows: list[list[Any] | None] = []
        self.late: dict[str, list[Any]] = {
            name: [] for name in ("names", "roles", "of", "tags", "updates", "graphs")
        }
        self.types: dict[Type, int] = {}
        self.lines: dict[SourceLine, int] = {}
        self._roles: dict[Role, int] = {}
        told = [thing]
        while told:
            self._gather(told.pop(), told)
        for place, entry in enumerate(list(self.places)):
            self._tell(entry, place)

    def __getitem__(self, place: int) -> Any:
        return list(self.places)[place]

    def __reduce__(self) -> tuple[Any, ...]:
        content = {
            "version": VERSION,
            "types": [self._type(kind) for kind in self.types],
            "lines": [self._line(line) for line in self.lines],
            "rows": self.rows,
            **self.late,
        }
        text = json.dumps(content, separators=(",", ":"), allow_nan=False).encode()
        return load, (zlib.compress(text, 3), tuple(self.arrays), tuple(self.parents))

    # -- finding everything -----------------------------------------------------------------

    def _gather(self, root: Any, told: list[Any]) -> None:
        """Number what `root` needs, each thing after its needs; append to `told` what it tells."""
        if root in self.places:
            return
        stack = [(root, self._needs(root))]
        entered = {root}
        while stack:
            thing, needs = stack[-1]
            for other in needs:
                if other not in self.places:
                    if other in entered:
                        raise LabTypeError(f"{other} cannot be saved: it holds itself.")
                    entered.add(other)
                    stack.append((other, self._needs(other)))
                    break
            else:
                stack.pop()
                if thing not in self.places:
                    self._number(thing, told)

    def _needs(self, thing: Any) -> Iterator[Any]:
        if id(thing) in _known.records:
            return iter(())
        if isinstance(thing, Variable):
            if thing.owner is not None:
                return iter((thing.owner,))
            return iter((thing.container,) if isinstance(thing, SharedVariable) else ())
        if isinstance(thing, Apply):
            return iter((thing.op, *thing.inputs))
        if isinstance(thing, FunctionGraph):
            return iter((*thing.inputs, *thing.outputs))
        if isinstance(thing, Elemwise | FromFunctionOp | Container):
            return iter(())
        return _objects(_state(thing))

    def _number(self, thing: Any, told: list[Any]) -> None:
        parent = _known.records.get(id(thing))
        place = self.places[thing] = len(self.rows)
        self.rows.append(None)
        if parent is not None:
            number = self.parents.setdefault(parent, len(self.parents))
            self.rows[place] = ["parent", number, parent.places[thing]]
        elif isinstance(thing, Apply):
            for output in thing.outputs:
                self.places[output] = len(self.rows)
                self.rows.append(None)
                told.extend(_told(output))
        elif isinstance(thing, Variable):
            told.extend(_told(thing))
        elif isinstance(thing, FunctionGraph):
            told.extend(_told_of_graph(thing))

    # -- rows -------------------------------------------------------------------------------

    def _tell(self, thing: Any, place: int) -> None:
        """Write the row of a thing, and what comes after the rows."""
        if self.rows[place] is not None:
            return
        if isinstance(thing, Variable):
            if thing.owner is None:
                self.rows[place] = self._leaf(thing)
            self._tell_more(thing, place)
        elif isinstance(thing, Apply):
            kinds = [[self._type_number(v.type), _special(v)] for v in thing.outputs]
            line = None if thing.source is None else self.lines.setdefault(
                thing.source, len(self.lines))
            self.rows[place] = [
                "apply", self.places[thing.op], self._places(thing.inputs), kinds, line]
        elif isinstance(thing, FunctionGraph):
            self.rows[place] = ["graph", self._places(thing.inputs), self._places(thing.outputs)]
            self._tell_of_graph(thing, place)
        elif isinstance(thing, Container):
            state = [getattr(thing, name) for name in thing.saved]
            self.rows[place] = [
                "container", self._type_number(thing.type),
                *(self.plain(entry, f"the shared value {thing.name or ''}") for entry in state)]
        elif isinstance(thing, Elemwise):
            self.rows[place] = ["elemwise", thing.row.name, self.plain(thing.stretch, "an op")]
        elif isinstance(thing, FromFunctionOp):
            self.rows[place] = ["python", _defined(thing)]
        else:
            title = f"the {'function' if isinstance(thing, Function) else 'op'} {thing}"
            state = [[key, self.plain(value, title)] for key, value in _state(thing).items()]
            self.rows[place] = ["object", place_of(type(thing)), state]

    def _leaf(self, variable: Variable) -> list[Any]:
        kind, special = self._type_number(variable.type), _special(variable)
        if isinstance(variable, Constant):
            value = self.plain(variable.data, f"the constant {variable}")
            return ["constant", kind, special, value, variable.compiled]
        if isinstance(variable, SharedVariable):
            return ["shared", kind, special, self.places[variable.container]]
        return ["input", kind, special]

    def _tell_more(self, variable: Variable, place: int) -> None:
        late = self.late
        if variable.name is not None:
            late["names"].append([place, variable.name])
        if variable.roles:
            late["of"].append([place, self._role_numbers(variable.roles)])
        if isinstance(variable, SharedVariable) and variable.default_update is not None:
            late["updates"].append([place, self.places[variable.default_update]])
        for key, value in vars(variable._tag).items() if variable._tag is not None else ():
            if isinstance(value, np.ndarray | np.generic | int | float | str):
                late["tags"].append([place, key, self.plain(value, "a tag")])

    def _tell_of_graph(self, graph: FunctionGraph, place: int) -> None:
        names, origin, roles = [], [], []
        for variable in _inside(graph):
            here = self.places[variable]
            if variable in graph.names:
                names.append([here, list(graph.names[variable])])
            if variable in graph.origin:
                origin.append([here, self._places(graph.origin[variable])])
            if variable in graph.roles:
                roles.append([here, self._role_numbers(graph.roles[variable])])
        self.late["graphs"].append([place, names, origin, roles])

    def _places(self, things: Iterable[Any]) -> list[int]:
        return [self.places[thing] for thing in things]

    def _role_numbers(self, roles: Iterable[Role]) -> list[int]:
        for role in roles:
            if role not in self._roles:
                self._roles[role] = len(self._roles)
                via = None if role.via is None else self.places[role.via]
                self.late["roles"].append(
                    [role.kind, self.places[role.of], via, role.term, self._places(role.point)])
        return [self._roles[role] for role in roles]

    def _type_number(self, kind: Type) -> int:
        return self.types.setdefault(kind, len(self.types))

    def _type(self, kind: Type) -> list[Any]:
        if type(kind) is TensorType:
            return [kind.dtype, list(kind.shape)]
        state = {key: self.plain(value, str(kind)) for key, value in _attributes(kind).items()}
        return [place_of(type(kind)), state]

    def _line(self, line: SourceLine) -> list[Any]:
        return [line.file, line.line, line.label, line.cell, line.text]

    # -- values -----------------------------------------------------------------------------

    def plain(self, value: Any, title: str) -> Any:
        """A value as JSON; what is no data is an error that names its owner."""
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, list):
            return [self.plain(entry, title) for entry in value]
        kind, content = self._tagged(value, title)
        return {kind: content}

    def _tagged(self, value: Any, title: str) -> tuple[str, Any]:
        if isinstance(value, np.ndarray | np.generic):
            return self._array(np.asarray(value), isinstance(value, np.generic), title)
        if isinstance(value, float):
            return "float", value.hex()
        if isinstance(value, complex):
            return "complex", [value.real.hex(), value.imag.hex()]
        if isinstance(value, tuple | set | frozenset):
            return type(value).__name__, [self.plain(entry, title) for entry in value]
        if isinstance(value, dict):
            return "dict", [[self.plain(k, title), self.plain(v, title)] for k, v in value.items()]
        if isinstance(value, _KINDS):
            return "at", self.places[value]
        if isinstance(value, Type):
            return "type", self._type_number(value)
        if isinstance(value, ScalarRow):
            return "row", value.name
        if isinstance(value, np.dtype):
            return "dtype", value.str
        if isinstance(value, np.random.Generator):
            state = value.bit_generator.state
            return "generator", [state["bit_generator"], self.plain(dict(state), title)]
        if isinstance(value, types.FunctionType) and "<" not in place_of(value):
            return "function", place_of(value)
        ours = type(value).__module__.startswith(ROOMS)
        if ours and dataclasses.is_dataclass(value) and not isinstance(value, type):
            return "data", [place_of(type(value)), self.plain(vars(value), title)]
        if ours and isinstance(word := value.__reduce__(), str):
            return "word", f"{type(value).__module__}:{word}"
        raise LabTypeError(
            f"{title[0].upper()}{title[1:]} cannot be saved: it holds {value!r:.60}.",
            why="a saved graph is data and holds no code",
            remedy="numbers, text, arrays, variables, types and functions with a name of their own "
            "in a module can be saved",
        )

    def _array(self, array: np.ndarray, scalar: bool, title: str) -> tuple[str, Any]:
        if array.dtype.hasobject:
            raise LabTypeError(f"{title[0].upper()}{title[1:]} cannot be saved: it holds objects.")
        word = "scalar" if scalar else "array"
        if array.nbytes <= _INLINE:
            return word, [array.dtype.str, list(array.shape), array.tobytes().hex()]
        self.arrays.append(array)
        return word, len(self.arrays) - 1


# -- what things are made of ---------------------------------------------------------------------


def _inside(graph: FunctionGraph) -> Iterator[Variable]:
    return iter(dict.fromkeys((*graph.inputs, *ancestors(graph.outputs))))


def _told(variable: Variable) -> Iterator[Any]:
    """What a variable speaks of without being computed from it."""
    for role in variable.roles:
        yield from _role_objects(role)
    if isinstance(variable, SharedVariable) and variable.default_update is not None:
        yield variable.default_update


def _role_objects(role: Role) -> Iterator[Any]:
    yield role.of
    if role.via is not None:
        yield role.via
    yield from role.point


def _told_of_graph(graph: FunctionGraph) -> Iterator[Any]:
    for variable in _inside(graph):
        yield from graph.origin.get(variable, ())
        for role in graph.roles.get(variable, ()):
            yield from _role_objects(role)


def _attributes(thing: Any) -> dict[str, Any]:
    """The attributes of an object, those in slots too."""
    slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    found = {name: getattr(thing, name) for name in slots if hasattr(thing, name)}
    return {**found, **getattr(thing, "__dict__", {})}


def _state(thing: Any) -> dict[str, Any]:
    if isinstance(thing, Function):
        return thing.state()
    found: dict[str, Any] = thing.__getstate__()
    return found


def _objects(value: Any) -> Iterator[Any]:
    """The objects with rows of their own inside a value."""
    waiting = [value]
    while waiting:
        entry = waiting.pop()
        if isinstance(entry, _KINDS):
            yield entry
        elif isinstance(entry, dict):
            waiting += [*entry.keys(), *entry.values()]
        elif isinstance(entry, list | tuple | set | frozenset):
            waiting += entry
        elif dataclasses.is_dataclass(entry) and not isinstance(entry, type | ScalarRow):
            waiting += vars(entry).values()


def _special(variable: Variable) -> str | None:
    """The class of a variable, where its type does not say it."""
    tensor = TensorVariable if isinstance(variable.type, TensorType) else Variable
    return None if type(variable) is tensor else place_of(type(variable))


def _defined(op: FromFunctionOp) -> str:
    place = place_of(op.fn)
    if DEFINED.get(place) is op and "<lambda>" not in place:
        return place
    raise LabTypeError(
        f"{op} cannot be saved: {place} does not name it.",
        why="a saved graph holds no code, only the name under which the function is defined",
        remedy="give the function a name of its own",
    )
