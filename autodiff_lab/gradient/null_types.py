"""`NullType` and `DisconnectedType`: what the family returns where there is no derivative.

They exist only at the edge of the API: inside, rules answer with sentinels.
"""

from __future__ import annotations

from typing import Any

from autodiff_lab.graph import DISCONNECTED, Type, Undefined


class _NoValue(Type):
    """The frame: a type without values, of which all are equal."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def __str__(self) -> str:
        return type(self).__name__

    __repr__ = __str__


class NullType(_NoValue):
    """The type of a derivative that is undefined or not implemented; it holds no value.

    Parameters
    ----------
    why_null : str
        The reason, shown wherever somebody tries to use the variable.
    """

    __slots__ = ("why_null",)

    def __init__(self, why_null: str = "(no explanation given)") -> None:
        self.why_null = why_null

    def filter(self, data: Any, strict: bool = False, allow_downcast: bool | None = None) -> Any:
        raise ValueError("No values may be assigned to a NullType")

    def as_sentinel(self) -> Undefined:
        """What a user op means that returns a variable of this type."""
        return Undefined(self.why_null)


class DisconnectedType(_NoValue):
    """The type of a derivative with respect to something the cost does not depend on."""

    __slots__ = ()

    def filter(self, data: Any, strict: bool = False, allow_downcast: bool | None = None) -> Any:
        raise AssertionError(
            "If you're assigning to a DisconnectedType you're doing something wrong. It should "
            "only be used as a symbolic placeholder."
        )

    def filter_variable(self, other: Any, allow_convert: bool = True) -> Any:
        return self.filter(other)

    def values_eq(self, a: Any, b: Any) -> bool:
        return bool(self.filter(a))

    def as_sentinel(self) -> Any:
        """What a user op means that returns a variable of this type."""
        return DISCONNECTED
