"""Graphs and functions as data: how variables, nodes, graphs and functions are pickled and copied.

What is here: `reduced`, which every `__reduce__` of the package asks.

Relies on the classes of `graph`, on `tensor` types and rows, and on `compile.call.Function`;
`compile.loading` reads what is written here.

The one idea: whatever is pickled stands in one flat *record*: a JSON text with one row per object,
each after the rows that it speaks of, and beside it the larger arrays.  Roles and origins, which
may point anywhere, come after the rows.  So nothing here recurses over a graph.  A record holds no
code: ops, types and functions of the user's stand in it by name.
"""

from __future__ import annotations

import dataclasses
import json
import operator
import threading
import weakref
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from autodiff_lab.compile.call import Function
from autodiff_lab.compile.loading import CODECS, ROOMS, VERSION, load
from autodiff_lab.errors import LabTypeError
from autodiff_lab.graph import (
    Apply, Constant, FunctionGraph, Op, Role, SourceLine, Type, Variable, ancestors,
    collector_paused,
)
from autodiff_lab.graph.from_function import DEFINED, FromFunctionOp, place_of
from autodiff_lab.tensor.elemwise import Elemwise
from autodiff_lab.tensor.shared import Container, SharedVariable
from autodiff_lab.tensor.type import TensorType
from autodiff_lab.tensor.variable import TensorVariable

_INLINE = 64                # bytes of an array that stand in the text
_KINDS = (Variable, Apply, Op, Type, FunctionGraph, Container, Function)


class _Known(threading.local):
    """The records that a pickle under way has made, by the objects in them; one table a thread."""

    def __init__(self) -> None:
        self.records: dict[int, weakref.ref[Record]] = {}

    def find(self, thing: Any) -> Record | None:
        found = self.records.get(id(thing))
        return None if found is None else found()


_known = _Known()


def reduced(thing: Any) -> tuple[Any, ...]:
    """What `__reduce__` answers: a record, and the place of the thing in it.

    The pickler keeps what it has met, so a record lives as long as the pickle: a variable that is
    met later and stands in it already is found there, and stays one variable.
    """
    record = _known.find(thing)
    if record is None:
        with collector_paused():
            record = Record(thing)
        record.remember()
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
        self.late: dict[str, list[Any]] = {"roles": [], "of": [], "updates": [], "graphs": []}
        self.lines: dict[SourceLine, int] = {}
        self._roles: dict[Role, int] = {}
        told = [thing]
        while told:
            self._gather(told.pop(), told)
        for entry, place in self.places.items():
            if self.rows[place] is None:
                self.rows[place] = self._row(entry, place)

    _table: dict[int, weakref.ref[Record]] = {}     # where it is remembered

    def remember(self) -> None:
        """Let what this thread pickles next find what stands in here; ops are found as values."""
        self._table = _known.records
        ids = [id(thing) for thing in self.places if not isinstance(thing, Op | Type)]
        self._table.update(dict.fromkeys(ids, weakref.ref(self)))

    def __del__(self) -> None:
        for thing in self.places if self._table else ():
            self._table.pop(id(thing), None)

    def __getitem__(self, place: int) -> Any:
        return list(self.places)[place]

    def __reduce__(self) -> tuple[Any, ...]:
        lines = [[line.file, line.line, line.label, line.cell, line.text] for line in self.lines]
        content = {"version": VERSION, "lines": lines, "rows": self.rows, **self.late}
        text = json.dumps(content, separators=(",", ":"), allow_nan=False).encode()
        return load, (zlib.compress(text, 3), tuple(self.arrays), tuple(self.parents))

    # -- finding everything -----------------------------------------------------------------

    def _gather(self, root: Any, told: list[Any]) -> None:
        """Number what `root` needs, each thing after its needs; append to `told` what it tells."""
        stack = [] if root in self.places else [(root, _needs(root))]
        entered = {root}
        while stack:
            thing, needs = stack[-1]
            for other in needs:
                if other in self.places:
                    continue
                if other in entered:
                    raise LabTypeError(f"{other} cannot be saved: it holds itself.")
                entered.add(other)
                stack.append((other, _needs(other)))
                break
            else:
                stack.pop()
                if thing not in self.places:        # an output, once its node has its number
                    self._number(thing, told)

    def _number(self, thing: Any, told: list[Any]) -> None:
        parent = _known.find(thing)
        outputs = thing.outputs if isinstance(thing, Apply) and parent is None else ()
        for entry in (thing, *outputs):
            self.places[entry] = len(self.rows)
            self.rows.append(None)
        if parent is None:
            told.extend(_told(thing))
            for output in outputs:
                told.extend(_told(output))
        else:
            number = self.parents.setdefault(parent, len(self.parents))
            self.rows[self.places[thing]] = ["parent", number, parent.places[thing]]

    # -- rows -------------------------------------------------------------------------------

    def _row(self, thing: Any, place: int) -> list[Any] | None:
        """The row of a thing; what comes after the rows is noted, too."""
        if isinstance(thing, Variable):
            if thing.roles:
                self.late["of"].append([place, self._role_numbers(thing.roles)])
            return self._leaf(thing, place) if thing.owner is None else None
        if isinstance(thing, Apply):
            line = thing.source and self.lines.setdefault(thing.source, len(self.lines))
            kinds = [self._kind(output) for output in thing.outputs]
            return ["apply", self.places[thing.op], self._places(thing.inputs), kinds, line]
        if isinstance(thing, FunctionGraph):
            self.late["graphs"].append([place, [
                [self.places[v], list(thing.names.get(v, ())),
                 self._places(thing.origin.get(v, ())), self._role_numbers(thing.roles.get(v, ()))]
                for v in _inside(thing)
            ]])
            return ["graph", self._places(thing.inputs), self._places(thing.outputs)]
        if isinstance(thing, Container):
            title = f"the shared value {thing.name or ''}"
            state = (self.plain(getattr(thing, name), title) for name in thing.saved)
            return ["container", self.places[thing.type], *state]
        if isinstance(thing, Type):
            return ["type", *self._type(thing)]
        if isinstance(thing, Elemwise):
            return ["elemwise", thing.row.name, self.plain(thing.stretch, "an op")]
        if isinstance(thing, FromFunctionOp):
            return ["python", _defined(thing)]
        title = f"the {'function' if isinstance(thing, Function) else 'op'} {thing}"
        return ["object", place_of(type(thing)), self.plain(thing.__getstate__(), title)]

    def _leaf(self, variable: Variable, place: int) -> list[Any]:
        kind = self._kind(variable)
        if isinstance(variable, Constant):
            value = self.plain(variable.data, f"the constant {variable}")
            return ["constant", kind, value, variable.compiled]
        if isinstance(variable, SharedVariable):
            if variable.default_update is not None:
                self.late["updates"].append([place, self.places[variable.default_update]])
            return ["shared", kind, self.places[variable.container]]
        return ["input", kind]

    def _kind(self, variable: Variable) -> list[Any]:
        """A variable's type, name, and class, where the type does not say it."""
        usual = TensorVariable if isinstance(variable.type, TensorType) else Variable
        special = None if type(variable) is usual else place_of(type(variable))
        return [self.places[variable.type], variable.name, special]

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

    def _type(self, kind: Type) -> list[Any]:
        if type(kind) is TensorType:
            return [kind.dtype, list(kind.shape)]
        if isinstance(kind, TensorType) and type(kind).__module__.startswith(ROOMS):
            return [place_of(type(kind)), self.plain([*kind.__reduce__()[1]], "it")]
        slots = [name for k in type(kind).__mro__ for name in getattr(k, "__slots__", ())]
        found = {name: getattr(kind, name) for name in slots if hasattr(kind, name)}
        return [place_of(type(kind)), self.plain({**found, **getattr(kind, "__dict__", {})}, "it")]

    # -- values -----------------------------------------------------------------------------

    def plain(self, value: Any, title: str) -> Any:
        """A value as JSON; what is no data is an error that names its owner."""
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is list:
            return [self.plain(entry, title) for entry in value]
        if isinstance(value, _KINDS):
            return {"at": self.places[value]}
        if isinstance(value, np.ndarray | np.generic) and not value.dtype.hasobject:
            return {"array" if isinstance(value, np.ndarray) else "scalar": self._array(value)}
        for word, (kind, told, _) in CODECS.items():
            fits = isinstance(value, kind) if kind is np.dtype else type(value) is kind
            if fits and "<" not in getattr(value, "__qualname__", ""):
                return {word: told(value, lambda inner: self.plain(inner, title))}
        if dataclasses.is_dataclass(value) and type(value).__module__.startswith(ROOMS):
            return {"data": [place_of(type(value)), self.plain(vars(value), title)]}
        raise LabTypeError(
            f"{title[0].upper()}{title[1:]} cannot be saved: it holds {value!r:.60}.",
            why="a saved graph is data and holds no code",
            remedy="numbers, text, arrays, variables and types can be saved, and functions that "
            "have a name in a module",
        )

    def _array(self, value: Any) -> Any:
        array = np.asarray(value)
        if array.nbytes <= _INLINE:
            return [array.dtype.str, list(array.shape), array.tobytes().hex()]
        self.arrays.append(array)
        return len(self.arrays) - 1


# -- what things are made of ---------------------------------------------------------------------


def _needs(thing: Any) -> Iterator[Any]:
    """What must have a row before a thing can have one."""
    if _known.find(thing) is not None or isinstance(thing, Elemwise | FromFunctionOp | Type):
        return iter(())
    if isinstance(thing, Variable):
        needs = (thing.owner, thing.type, getattr(thing, "container", None))
        return iter([need for need in needs if need is not None])
    if isinstance(thing, Container):
        return iter((thing.type,))
    if isinstance(thing, Apply):
        return iter((thing.op, *thing.inputs, *(output.type for output in thing.outputs)))
    if isinstance(thing, FunctionGraph):
        return iter((*thing.inputs, *thing.outputs))
    return _objects(thing.__getstate__())


def _objects(value: Any) -> Iterator[Any]:
    """The objects with rows of their own inside a value."""
    waiting = [value]
    while waiting:
        entry = waiting.pop()
        if isinstance(entry, _KINDS):
            yield entry
        elif isinstance(entry, dict):
            waiting += [*entry.keys(), *entry.values()]
        elif isinstance(entry, list | tuple):
            waiting += entry
        elif dataclasses.is_dataclass(entry) and type(entry).__module__.startswith(ROOMS):
            waiting += vars(entry).values()


def _told(thing: Any) -> Iterator[Any]:
    """What a thing speaks of without being computed from it."""
    roles: Iterable[Role] = ()
    if isinstance(thing, Variable):
        roles = thing.roles
        if getattr(thing, "default_update", None) is not None:
            yield thing.default_update  # type: ignore[attr-defined]
    elif isinstance(thing, FunctionGraph):
        roles = [role for v in _inside(thing) for role in thing.roles.get(v, ())]
        for variable in _inside(thing):
            yield from thing.origin.get(variable, ())
    for role in roles:
        yield from (entry for entry in (role.of, role.via, *role.point) if entry is not None)


def _inside(graph: FunctionGraph) -> Iterable[Variable]:
    return dict.fromkeys((*graph.inputs, *ancestors(graph.outputs)))


def _defined(op: FromFunctionOp) -> str:
    place = place_of(op.fn)
    if DEFINED.get(place) is op and "<lambda>" not in place:
        return place
    raise LabTypeError(
        f"{op} cannot be saved: {place} does not name it.",
        why="a saved graph holds no code, only the name under which the function is defined",
        remedy="give the function a name of its own",
    )
