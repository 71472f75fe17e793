"""Shared variables: values that live between calls and that functions may update.

What is here: `shared`, `SharedVariable`, `Container`, and the type of values that are no tensors.

Relies on `TensorType.filter` for what may be stored.

The one idea: a shared variable is an input of every graph that reads it; its value stands in a
container, and copies of the variable share that container.  A value is never changed in place: a
new one is put in its stead, and several are put in one step that neither a signal nor another
thread can divide (`store_all`).
"""

from __future__ import annotations

import copy
import os
import threading
import weakref
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np

from autodiff_lab.errors import LabTypeError
from autodiff_lab.graph import Type, Variable, describe
from autodiff_lab.graph.basic import Saved
from autodiff_lab.tensor import dtypes
from autodiff_lab.tensor.type import TensorType, unmasked
from autodiff_lab.tensor.variable import TensorVariable


class Turn:
    """The lock that calls hold while they compute new values: one for all that is updated together.

    Calls that update the same values run one after another, so that none is lost; others run at
    the same time.
    """

    def __init__(self, container: Container) -> None:
        self.lock = threading.RLock()
        self.members = [weakref.ref(container)]


_turns: weakref.WeakSet[Turn] = weakref.WeakSet()


def _renew_turns() -> None:
    """Free every lock in the child of a fork: the threads that held them are gone."""
    for turn in list(_turns):
        turn.lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_turns)


def join_turns(containers: Sequence[Container]) -> None:
    """Let calls that update any of these containers take turns with one another."""
    for container in containers[1:]:
        while (mine := containers[0].turn) is not (other := container.turn):
            first, second = sorted((mine, other), key=id)
            with first.lock, second.lock:               # calls that are under way end first
                if containers[0].turn is mine and container.turn is other:
                    mine.members += other.members
                    for member in other.members:
                        if (found := member()) is not None:
                            found.turn = mine


class Container(Saved):
    """The place of a value; everything stored is first made to fit the type.

    Parameters
    ----------
    type : Type
    value
        Stored as `filter` returns it, without a further copy; None for no value.
    name : str, optional
    holder : str
        What has the value, for messages.
    """

    __slots__ = (
        "type", "name", "holder", "strict", "allow_downcast", "turn", "_value", "__weakref__",
    )
    saved = ("_value", "name", "holder", "strict", "allow_downcast")

    _value: Any

    def __init__(
        self, type: Type, value: Any, name: str | None = None, strict: bool = False,
        allow_downcast: bool | None = None, holder: str = "shared variable",
    ) -> None:
        self.type = type
        self.name = name
        self.holder = holder
        self.strict = strict
        self.allow_downcast = allow_downcast
        self.turn = Turn(self)
        _turns.add(self.turn)
        self._value = None if value is None else self.fitted(value)

    def fitted(self, value: Any) -> Any:
        """`value` as it would be stored; raises TypeError if it does not fit."""
        try:
            return self.type.filter(value, strict=self.strict, allow_downcast=self.allow_downcast)
        except TypeError as error:
            title = f"{self.holder} {self.name}" if self.name else f"an unnamed {self.holder}"
            sentence, *rest = str(error).splitlines()
            raise LabTypeError("\n".join([f"Bad value for {title}: {sentence}", *rest])) from None

    @property
    def value(self) -> Any:
        """The value itself, not a copy."""
        return self._value

    @value.setter
    def value(self, value: Any) -> None:
        self._value = self.fitted(value)


_put = vars(Container)["_value"].__set__


def store_all(containers: Sequence[Container], fitted: Sequence[Any]) -> None:
    """Store what `fitted` returned, all in one step.

    The loop runs in C from end to end: Python looks at signals, and lets other threads run, only
    between bytecodes.
    """
    deque(map(_put, containers, fitted), maxlen=0)


class SharedVariable(Variable):
    """A variable with a value of its own.

    Attributes
    ----------
    container : Container
    default_update : Variable, optional
        The new value that every function gives it that is not told otherwise.
    """

    __slots__ = ("container", "_default_update")

    def __init__(
        self, type: Type, value: Any = None, name: str | None = None, strict: bool = False,
        allow_downcast: bool | None = None, container: Container | None = None,
    ) -> None:
        super().__init__(type, None, None, name)
        self._default_update: Variable | None = None
        self.container = container or Container(type, value, name, strict, allow_downcast)

    @property
    def default_update(self) -> Any:
        """The new value that every function gives it that is not told otherwise."""
        return self._default_update

    @default_update.setter
    def default_update(self, value: Any) -> None:
        self._default_update = None if value is None else self.type.filter_variable(value)

    def get_value(self, borrow: bool = False, return_internal_type: bool = False) -> Any:
        """The value: a copy, unless `borrow` is true."""
        value = self.container.value
        return value if borrow else copy.deepcopy(value)

    def set_value(self, new_value: Any, borrow: bool = False) -> None:
        """Store a value; a copy of it, unless `borrow` is true.

        Raises
        ------
        TypeError
            If the value does not fit the type.
        """
        self.container.value = new_value if borrow else copy.deepcopy(new_value)

    def zero(self, borrow: bool = False) -> None:
        """Set every element to zero."""
        self.container.value = np.zeros_like(self.container.value)

    def clone(self, name: str | None = None, **unused: Any) -> SharedVariable:
        """Another variable with the same container."""
        twin = type(self)(
            self.type, name=self.name if name is None else name, container=self.container
        )
        twin._default_update = self._default_update
        return twin

    @property
    def value(self) -> Any:
        """Refused: reading and writing a value say whether they copy."""
        raise LabTypeError(
            f"{describe(self)} has no attribute value.", remedy="get_value() and set_value(new)"
        )


class TensorSharedVariable(SharedVariable, TensorVariable):
    """A shared variable that holds an array.

    Examples
    --------
    >>> import autodiff_lab as ad
    >>> w = ad.shared(3.0, name="w")
    >>> float(w.get_value())
    3.0
    """

    __slots__ = ()


class GenericType(Type):
    """Any Python object, compared by identity."""

    def filter(self, data: Any, strict: bool = False, allow_downcast: bool | None = None) -> Any:
        return data

    def is_super(self, other: Type) -> bool:
        return isinstance(other, GenericType)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GenericType)

    def __hash__(self) -> int:
        return hash(GenericType)

    def __repr__(self) -> str:
        return "<generic>"


generic = GenericType()


def shared(
    value: Any, name: str | None = None, strict: bool = False, allow_downcast: bool | None = None,
    borrow: bool = False, shape: Any = None, **unused: Any,
) -> Any:
    """A shared variable with this first value.

    Parameters
    ----------
    value : array_like
        An array, a NumPy or Python number; anything else is held as it is, without arithmetic.
    name : str, optional
    strict : bool
        Whether later values must have exactly this dtype, with no conversion.
    allow_downcast : bool, optional
        Whether later values may lose digits.
    borrow : bool
        Whether the array itself is kept instead of a copy.
    shape : tuple of int or None, optional
        Lengths that never change; by default none is fixed.

    Examples
    --------
    >>> import autodiff_lab as ad
    >>> state = ad.shared(0)
    >>> inc = ad.function([], state, updates={state: state + 1})
    >>> int(inc()), int(state.get_value())
    (0, 1)
    """
    if isinstance(value, Variable):
        raise LabTypeError(
            "Shared variable constructor needs numeric values and not symbolic variables.",
            where=describe(value), remedy="give a number or an array",
        )
    if isinstance(value, np.random.Generator):
        from autodiff_lab.tensor.random.streams import shared_rng

        return shared_rng(value, name)
    is_number = isinstance(value, bool | int | float | complex | np.generic)
    if not isinstance(value, np.ndarray) and not is_number:
        kept = value if borrow else copy.deepcopy(value)
        return SharedVariable(generic, kept, name)
    array = np.asarray(unmasked(value)) if borrow else np.array(unmasked(value))
    dtype = dtypes.canonical(array.dtype)
    dims = (None,) * array.ndim if shape is None else tuple(shape)
    return TensorSharedVariable(TensorType(dtype, dims), array, name, strict, allow_downcast)
