"""What `compile.saving` wrote, made into objects again.

What is here: `load`, the only function of ours that a pickle names.

Relies on the classes that exist: those of this package, and those that the running program defined.

The one idea: the rows of a record are read in order, each makes one object from objects before it.
Nothing is imported but rooms of this package, no method of a user's class is called; what is not
defined here is an error that names it.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import re
import sys
import types
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff_lab import hooks
from autodiff_lab.compile.call import Function
from autodiff_lab.errors import LabValueError
from autodiff_lab.graph import (
    Apply, Constant, FunctionGraph, Op, Role, SourceLine, Type, Variable, collector_paused, source,
)
from autodiff_lab.graph.from_function import DEFINED, place_of
from autodiff_lab.tensor import registry
from autodiff_lab.tensor.elemwise import Elemwise, ScalarRow
from autodiff_lab.tensor.indexing.keys import VARIABLE
from autodiff_lab.tensor.opdef import TensorOp
from autodiff_lab.tensor.shared import Container, SharedVariable
from autodiff_lab.tensor.type import TensorType, known_type
from autodiff_lab.tensor.variable import TensorVariable

VERSION = 1
# text without a call, but for methods of the generator `g` in the texts of random numbers
_PLAIN = re.compile(r"(?:\bg\.[a-z]\w*\(|[\w\s.,:=<>+*{})-])*", re.ASCII).fullmatch
MOST_BYTES = 1 << 31        # of the JSON text
ROOMS = tuple(
    f"autodiff_lab.{room}." for room in ("graph", "tensor", "gradient", "control", "compile")
)

Codec = tuple[type, Callable[[Any, Any], Any], Callable[[Any, Any], Any]]
CODECS: dict[str, Codec] = {
    "float": (float, lambda value, told: value.hex(), lambda text, made: float.fromhex(text)),
    "complex": (
        complex, lambda value, told: [told(value.real), told(value.imag)],
        lambda parts, made: complex(*map(made, parts)),
    ),
    "tuple": (tuple, lambda value, told: [*map(told, value)], lambda c, made: tuple(map(made, c))),
    "dict": (
        dict, lambda value, told: [[told(key), told(entry)] for key, entry in value.items()],
        lambda pairs, made: {made(key): made(entry) for key, entry in pairs},
    ),
    "dtype": (np.dtype, lambda value, told: value.str, lambda text, made: np.dtype(str(text))),
    "variable": (type(VARIABLE), lambda value, told: None, lambda nothing, made: VARIABLE),
    "row": (ScalarRow, lambda row, told: row.name, lambda name, made: _row(name)),
    "function": (
        types.FunctionType, lambda value, told: place_of(value),
        lambda place, made: _function(place),
    ),
}
"""Word -> (class, how a value is told as JSON, how it is made again); the second argument does the
same for what is inside."""


def load(document: bytes, arrays: tuple[Any, ...] = (), parents: tuple[Any, ...] = ()) -> list[Any]:
    """The objects of a record.

    Raises
    ------
    LabValueError
        If it is no such record, is of another version, or names what is not defined here.
    """
    try:
        with collector_paused(), source.using(None):
            content = json.loads(zlib.decompressobj().decompress(document, MOST_BYTES))
            if content["version"] == VERSION:
                return _Loading(content, arrays, parents).things
    except LabValueError:
        raise
    except Exception as error:
        raise LabValueError(
            "This saved graph cannot be read.", why=f"{type(error).__name__}: {error}"[:200]
        ) from None
    raise LabValueError(
        f"This saved graph has version {str(content['version'])[:20]}, not {VERSION}.",
        remedy="load it with the release of autodiff_lab that saved it, or save it again",
    )


class _Loading:
    """The state of one loading; `_word` makes what a row with this word first describes."""

    def __init__(self, content: dict[str, Any], arrays: Any, parents: Any) -> None:
        hooks.provider("grad")                  # classes of ours are found once they are imported
        hooks.provider("jacobian")
        self.arrays = arrays
        self.parents = parents
        self.things: list[Any] = []
        self.classes: dict[str, Any] = {}
        self.lines = [_source_line(*entry) for entry in content["lines"]]
        for row in content["rows"]:
            if row is not None:                 # None: an output, which its node has made
                getattr(self, f"_{row[0]}")(*row[1:])
        self._finish(**{word: content[word] for word in ("roles", "of", "updates", "graphs")})

    def _finish(self, roles: Any, of: Any, updates: Any, graphs: Any) -> None:
        """What may point anywhere."""
        things = self.things
        made = [
            Role(str(kind), things[of], None if via is None else things[via], term, self._at(point))
            for kind, of, via, term, point in roles
        ]
        for place, numbers in of:
            things[place].roles = tuple(made[n] for n in numbers)
        for place, update in updates:
            things[place]._default_update = things[update]
        for place, entries in graphs:
            graph = things[place]
            for inside, names, users, numbers in entries:
                variable = things[inside]
                for table, told in ((graph.names, tuple(map(str, names))),
                                    (graph.origin, self._at(users)),
                                    (graph.roles, tuple(made[n] for n in numbers))):
                    if told:
                        table[variable] = told
                graph.memo.update(dict.fromkeys(self._at(users), variable))

    # -- rows -------------------------------------------------------------------------------

    def _parent(self, number: int, place: int) -> None:
        self.things.append(self.parents[number][place])

    def _apply(self, op: int, inputs: list[int], kinds: list[Any], line: int | None) -> None:
        outputs = [self._variable(*entry) for entry in kinds]
        node = Apply(self._one(op, Op), [self._one(n, Variable) for n in inputs], outputs)
        node.source = None if line is None else self.lines[line]
        self.things += [node, *outputs]

    def _variable(self, kind: int, name: str | None, special: str | None) -> Any:
        type_ = self._one(kind, Type)
        usual = TensorVariable if isinstance(type_, TensorType) else Variable
        if special is not None and special not in self.classes:
            self.classes[special] = _class(special, Variable)
        chosen = usual if special is None else self.classes[special]
        variable = chosen.__new__(chosen)
        Variable.__init__(variable, type_, name=name)
        return variable

    def _input(self, kind: list[Any]) -> None:
        self.things.append(self._variable(*kind))

    def _constant(self, kind: list[Any], value: Any, compiled: bool) -> None:
        variable = self._variable(*kind)
        data = self.value(value)
        if isinstance(data, np.ndarray):
            data = data.view()
            data.flags.writeable = False
        Constant.__init__(variable, variable.type, data, variable.name)
        variable.compiled = bool(compiled)
        self.things.append(variable)

    def _shared(self, kind: list[Any], container: int) -> None:
        variable = self._variable(*kind)
        place = self._one(container, Container)
        SharedVariable.__init__(variable, variable.type, name=variable.name, container=place)
        self.things.append(variable)

    def _container(self, kind: int, *state: Any) -> None:
        container = Container(self._one(kind, Type), None)
        for name, value in zip(Container.saved, map(self.value, state)):
            frozen = isinstance(value, np.ndarray) and not value.flags.writeable
            setattr(container, name, value.copy() if frozen else value)
        self.things.append(container)

    def _elemwise(self, row: str, stretch: Any) -> None:
        self.things.append(Elemwise(_row(row), self.value(stretch)))

    def _python(self, place: str) -> None:
        if place not in DEFINED:
            raise _undefined("op", place)
        self.things.append(DEFINED[place])

    def _object(self, name: str, state: Any) -> None:
        if name == place_of(Function):
            self.things.append(Function(**self.value(state)))
            return
        op = object.__new__(_class(name, Op))
        op.__dict__.update(self.value(state))
        if isinstance(op, TensorOp):
            _refuse_code(op, name)
        self.things.append(op)

    def _graph(self, inputs: list[int], outputs: list[int]) -> None:
        leaves, roots = ([self._one(n, Variable) for n in places] for places in (inputs, outputs))
        self.things.append(FunctionGraph.adopting(leaves, roots))

    def _type(self, name: str, state: Any) -> None:
        if name.startswith(ROOMS) and isinstance(state, list):
            kind: Any = _class(name, TensorType)(*self.value(state))
        elif isinstance(state, list):
            kind = known_type(str(name), tuple(state))
        else:
            kind = object.__new__(_class(name, Type))
            for key, value in self.value(state).items():
                object.__setattr__(kind, key, value)
        self.things.append(kind)

    # -- values -----------------------------------------------------------------------------

    def _at(self, places: list[int]) -> tuple[Any, ...]:
        return tuple(self.things[place] for place in places)

    def _one(self, place: int, kind: type) -> Any:
        thing = self.things[place]
        if place < 0 or not isinstance(thing, kind):
            raise LabValueError(f"This saved graph cannot be read: row {place} is out of place.")
        return thing

    def value(self, given: Any) -> Any:
        """The value that `Record.plain` wrote."""
        if isinstance(given, list):
            return [self.value(entry) for entry in given]
        if not isinstance(given, dict):
            return given
        ((word, content),) = given.items()
        if word in CODECS:
            return CODECS[word][2](content, self.value)
        if word == "at":
            return self._one(content, object)
        if word == "data":
            return _class(content[0], object)(**self.value(content[1]))
        array = self._array(content)
        return array[()] if word == "scalar" else array

    def _array(self, content: Any) -> np.ndarray:
        if not isinstance(content, int):
            dtype, shape, data = content
            return np.frombuffer(bytes.fromhex(data), np.dtype(dtype)).reshape(shape).copy()
        array = self.arrays[content]
        if not isinstance(array, np.ndarray) or array.dtype.hasobject:
            raise LabValueError("This saved graph cannot be read: an array holds objects.")
        return np.require(array, requirements="A")


# -- what is defined here ------------------------------------------------------------------------


def _attribute(place: str) -> Any:
    """What stands under a name in a module that is loaded, or in a room of this package."""
    module, _, path = place.partition(":")
    if module.startswith(ROOMS):
        importlib.import_module(module)
    found: Any = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    return found


def _class(place: str, base: type) -> Any:
    """A class by its name, if it is defined already: of several in a notebook the last."""
    module = place.partition(":")[0]
    if base is object:
        found = _attribute(place) if module.startswith(ROOMS) else None
        if isinstance(found, type) and dataclasses.is_dataclass(found):
            return found
        raise _undefined("class", place)
    if module.startswith(ROOMS):
        importlib.import_module(module)
    waiting, chosen = [base], None
    while waiting:
        kind = waiting.pop(0)
        waiting += kind.__subclasses__()
        chosen = kind if place_of(kind) == place else chosen
    if chosen is None:
        raise _undefined("op" if base is Op else "class", place)
    return chosen


def _function(place: str) -> Any:
    """A function that a module has; the module is not imported for it."""
    found = _attribute(place)
    theirs = place.partition(":")[0].partition(".")[0] in sys.stdlib_module_names
    if theirs or not isinstance(found, types.FunctionType) or place_of(found) != place:
        raise _undefined("function", place)
    return found


def _refuse_code(op: TensorOp, name: str) -> None:
    """Parameters of our ops stand in the text of programs: one that could call is none of ours."""
    waiting = [vars(op)]
    while waiting:
        entry: Any = waiting.pop()
        if isinstance(entry, dict):
            waiting += [*entry, *entry.values()]
        elif isinstance(entry, list | tuple | set | frozenset):
            waiting += entry
        elif dataclasses.is_dataclass(entry):
            waiting.append(vars(entry))
        elif isinstance(entry, Variable) or isinstance(entry, str) and not _PLAIN(entry):
            raise LabValueError(
                f"This saved graph cannot be read: {str(entry)[:60]!r} is no parameter of "
                f"{str(name).rpartition(':')[2]}."
            )


def _row(name: str) -> ScalarRow:
    if name not in registry.ROWS:
        raise _undefined("elementwise function", name)
    row: ScalarRow = registry.ROWS[name]
    return row


def _undefined(what: str, name: str) -> LabValueError:
    module, _, short = str(name)[:200].partition(":")
    return LabValueError(
        f"The {what} {short or module} of this saved graph is not defined here.",
        where=f"it was defined in {module}" if short else None,
        why="loading never imports or runs user code",
        remedy=f"import {module}, or define {short} there, before loading" if short else None,
    )


def _source_line(file: str, line: int, label: str, cell: int | None, text: str) -> SourceLine:
    if cell is not None and hooks.cell_number(str(file)) != cell:
        hooks.name_file(str(file), str(label), int(cell))
    return SourceLine(str(file), int(line), str(text))
