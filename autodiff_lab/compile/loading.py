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
import sys
import types
import zlib
from collections.abc import Iterator
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
from autodiff_lab.tensor.shared import Container, SharedVariable
from autodiff_lab.tensor.type import TensorType, known_type
from autodiff_lab.tensor.variable import TensorVariable

VERSION = 1
MOST_BYTES = 1 << 31        # of the JSON text
ROOMS = tuple(f"autodiff_lab.{room}." for room in (
    "graph", "tensor", "gradient", "control", "compile"))
_BIT_GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")


def load(document: bytes, arrays: tuple[Any, ...] = (), parents: tuple[Any, ...] = ()) -> list[Any]:
    """The objects of a record.

    Raises
    ------
    LabValueError
        If it is no such record, is of another version, or names what is not defined here.
    """
    try:
        unpacker = zlib.decompressobj()
        content = json.loads(unpacker.decompress(document, MOST_BYTES))
        if content["version"] == VERSION:
            with collector_paused(), source.using(None):
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
    """The state of one loading."""

    def __init__(self, content: dict[str, Any], arrays: Any, parents: Any) -> None:
        hooks.provider("grad")                  # classes of ours are found once they are imported
        hooks.provider("jacobian")
        self.arrays = arrays
        self.parents = parents
        self.things: list[Any] = []
        self._classes: dict[str, type] = {}
        self.types: list[Type] = []
        self.types.extend(self._type(*entry) for entry in content["types"])
        self.lines = [_source_line(*entry) for entry in content["lines"]]
        graphs = []
        for row in content["rows"]:
            if row is None:
                continue                        # an output: its node made it
            if row[0] == "graph":
                graphs.append(len(self.things))
            getattr(self, f"_{row[0]}")(*row[1:])
        things = self.things
        for place, name in content["names"]:
            things[place].name = str(name)
        roles = [
            Role(str(kind), things[of], None if via is None else things[via], term,
                 tuple(things[p] for p in point))
            for kind, of, via, term, point in content["roles"]
        ]
        for place, numbers in content["of"]:
            things[place].roles = tuple(roles[n] for n in numbers)
        for place, update in content["updates"]:
            things[place]._default_update = things[update]
        for place, key, value in content["tags"]:
            setattr(things[place].tag, str(key), self.value(value))
        for place, names, origin, of in content["graphs"]:
            things[place].remember(
                {things[v]: tuple(map(str, given)) for v, given in names},
                {things[v]: tuple(things[p] for p in given) for v, given in origin},
                {things[v]: tuple(roles[n] for n in given) for v, given in of},
            )

    # -- rows -------------------------------------------------------------------------------

    def _parent(self, number: int, place: int) -> None:
        self.things.append(self.parents[number][place])

    def _apply(self, op: int, inputs: list[int], kinds: list[Any], line: int | None) -> None:
        outputs = [self._variable(*entry) for entry in kinds]
        node = Apply(self._one(op, Op), [self._one(n, Variable) for n in inputs], outputs)
        node.source = None if line is None else self.lines[line]
        self.things += [node, *outputs]

    def _variable(self, kind: int, special: str | None) -> Any:
        type_ = self.types[kind]
        usual = TensorVariable if isinstance(type_, TensorType) else Variable
        chosen = usual if special is None else self._class(special, Variable)
        variable = chosen.__new__(chosen)
        Variable.__init__(variable, type_)
        return variable

    def _input(self, kind: int, special: str | None) -> None:
        self.things.append(self._variable(kind, special))

    def _constant(self, kind: int, special: str, value: Any, compiled: bool) -> None:
        variable = self._variable(kind, special)
        data = self.value(value)
        if isinstance(data, np.ndarray):
            data = data.view()
            data.flags.writeable = False
        Constant.__init__(variable, variable.type, data)
        variable.compiled = bool(compiled)
        self.things.append(variable)

    def _shared(self, kind: int, special: str, container: int) -> None:
        variable = self._variable(kind, special)
        SharedVariable.__init__(
            variable, variable.type, container=self._one(container, Container))
        self.things.append(variable)

    def _container(self, kind: int, *state: Any) -> None:
        container = Container(self.types[kind], None)
        for name, value in zip(Container.saved, state):
            value = self.value(value)
            if isinstance(value, np.ndarray) and not value.flags.writeable:
                value = value.copy()
            setattr(container, name, value)
        self.things.append(container)

    def _elemwise(self, row: str, stretch: Any) -> None:
        self.things.append(Elemwise(_row(row), self.value(stretch)))

    def _python(self, place: str) -> None:
        if place not in DEFINED:
            raise _undefined("op", place)
        self.things.append(DEFINED[place])

    def _object(self, name: str, state: list[Any]) -> None:
        values = {str(key): self.value(value) for key, value in state}
        if name == place_of(Function):
            thing: Any = Function(**values)
        else:
            kind = self._class(name, Op)
            thing = object.__new__(kind)
            thing.__dict__.update(values)
        self.things.append(thing)

    def _graph(self, inputs: list[int], outputs: list[int]) -> None:
        leaves, roots = ([self._one(n, Variable) for n in places] for places in (inputs, outputs))
        self.things.append(FunctionGraph.adopting(leaves, roots))

    # -- values -----------------------------------------------------------------------------

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
        ((kind, content),) = given.items()
        if kind in ("array", "scalar"):
            array = self._stored(content)
            return array[()] if kind == "scalar" else array
        if kind == "dict":
            return {self.value(key): self.value(value) for key, value in content}
        if kind == "data":
            found = self._class(content[0], object)
            return found(**self.value(content[1]))
        if kind == "generator":
            name, state = content
            bits = getattr(np.random, _BIT_GENERATORS[_BIT_GENERATORS.index(name)])()
            bits.state = self.value(state)
            return np.random.Generator(bits)
        return getattr(self, f"_as_{kind}")(content)

    def _as_float(self, text: str) -> float:
        return float.fromhex(text)

    def _as_complex(self, parts: list[str]) -> complex:
        return complex(*map(float.fromhex, parts))

    def _as_tuple(self, entries: list[Any]) -> tuple[Any, ...]:
        return tuple(self.value(entry) for entry in entries)

    def _as_at(self, place: int) -> Any:
        return self._one(place, object)

    def _as_type(self, number: int) -> Type:
        return self.types[number]

    def _as_row(self, name: str) -> ScalarRow:
        return _row(name)

    def _as_dtype(self, text: str) -> np.dtype:
        return np.dtype(str(text))

    def _as_function(self, place: str) -> Any:
        """A function that a module has; the module is not imported for it."""
        module, _, name = place.partition(":")
        found: Any = sys.modules.get(module)
        for part in name.split("."):
            found = getattr(found, part, None)
        theirs = module.partition(".")[0] in sys.stdlib_module_names
        if theirs or not isinstance(found, types.FunctionType) or place_of(found) != place:
            raise _undefined("function", place)
        return found

    def _as_word(self, place: str) -> Any:
        module, _, name = place.partition(":")
        found = getattr(importlib.import_module(_ours(module)), name)
        if isinstance(found, type) or found.__reduce__() != name:
            raise _undefined("value", place)
        return found

    def _stored(self, content: Any) -> np.ndarray:
        if isinstance(content, int):
            array = self.arrays[content]
            if not isinstance(array, np.ndarray) or array.dtype.hasobject:
                raise LabValueError("This saved graph cannot be read: an array holds objects.")
            return np.require(array, requirements="A")
        dtype, shape, data = content
        return np.frombuffer(bytes.fromhex(data), np.dtype(dtype)).reshape(shape).copy()

    def _type(self, name: str, state: Any) -> Type:
        if isinstance(state, list):
            return known_type(str(name), tuple(state))
        kind: Type = object.__new__(self._class(name, Type))
        for key, value in state.items():
            object.__setattr__(kind, key, self.value(value))
        return kind

    def _class(self, name: str, base: type) -> Any:
        """A class by its name, if it is defined already."""
        if name not in self._classes:
            module = name.partition(":")[0]
            if module.startswith(ROOMS):
                importlib.import_module(module)
            if base is object:
                kind = getattr(sys.modules.get(_ours(module)), name.partition(":")[2], None)
                kinds = [kind] if isinstance(kind, type) and dataclasses.is_dataclass(kind) else []
            else:
                kinds = [kind for kind in _subclasses(base) if place_of(kind) == name]
            if not kinds:
                raise _undefined("op" if base is Op else "class", name)
            self._classes[name] = kinds[-1]     # the last of several definitions in a notebook
        found = self._classes[name]
        if not issubclass(found, base):
            raise _undefined("op" if base is Op else "class", name)
        return found


def _subclasses(base: type) -> Iterator[type]:
    waiting = [base]
    while waiting:
        kind = waiting.pop()
        yield kind
        waiting += kind.__subclasses__()


def _ours(module: str) -> str:
    if not module.startswith(ROOMS):
        raise _undefined("class", module)
    return module


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
