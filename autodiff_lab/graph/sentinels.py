"""The three answers that a derivative rule may give besides a variable.

They are not variables and cannot enter a graph; `gradient.contributions` alone reads them.
"""

from __future__ import annotations


class _Sentinel:
    """A named answer; there is one object of each."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> str:
        return self.name


ZERO = _Sentinel("ZERO")
"""Connected, and the derivative is zero (floor, comparisons)."""

DISCONNECTED = _Sentinel("DISCONNECTED")
"""The values do not depend on this input at all (a shape argument)."""


class Undefined:
    """There is no derivative, or nobody has written it; `reason` says which."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __repr__(self) -> str:
        return f"Undefined({self.reason!r})"
