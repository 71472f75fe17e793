"""`In` and `Out`: options of single inputs and outputs of a function.

Relies on `graph.Variable`.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from autodiff_lab.errors import LabTypeError
from autodiff_lab.graph import Constant, Variable, describe


@dataclasses.dataclass(eq=False, repr=False)
class In:
    """An input of a function, with options.

    Parameters
    ----------
    variable : Variable
    name : str, optional
        For keyword calls; by default the variable's name.
    value : optional
        Used where a call gives none.
    update : Variable, optional
        After each call this becomes the value used where a call gives none.
    mutable : bool, optional
        Accepted; inputs are never written to.
    strict : bool
        Take only arrays of exactly this dtype.
    borrow : bool, optional
        Accepted: arrays that fit are never copied.
    allow_downcast : bool, optional
        Whether digits may be lost.
    autoname, implicit
        Accepted for compatibility.

    Examples
    --------
    >>> import autodiff_lab as ad, autodiff_lab.tensor as pt
    >>> x, y = pt.dscalars("x", "y")
    >>> f = ad.function([x, ad.In(y, value=1)], x + y)
    >>> float(f(33)), float(f(33, 2))
    (34.0, 35.0)
    """

    variable: Variable
    name: str | None = None
    value: Any = None
    update: Variable | None = None
    mutable: bool | None = None
    strict: bool = False
    borrow: bool | None = None
    allow_downcast: bool | None = None

    def __post_init__(self) -> None:
        variable: Any = self.variable
        if isinstance(variable, list | tuple):
            raise LabTypeError(
                "An input is one variable, not a list of variables.",
                where=", ".join(str(v) for v in variable)[:100],
                remedy="list every input by itself: function([x, y], ...)",
            )
        if not isinstance(variable, Variable):
            raise LabTypeError(
                f"Unknown input type: {type(variable).__name__} {str(variable)[:40]!r}; "
                "inputs are variables or In(variable).",
                remedy="numbers become inputs through variables: x = dscalar('x')",
            )
        if hasattr(variable, "container"):
            raise LabTypeError(
                f"Cannot use a shared variable ({variable}) as explicit input.",
                remedy="leave it out: its value is found by itself; or replace it by a plain "
                "variable through givens",
            )
        if isinstance(variable, Constant):
            raise LabTypeError(f"A constant cannot be an input: {describe(variable)}.")
        if self.name is None:
            self.name = variable.name
        if self.update is not None:
            self.update = variable.type.filter_variable(self.update)

    def __repr__(self) -> str:
        return f"In({self.variable})"


@dataclasses.dataclass(eq=False)
class Out:
    """An output of a function, with options.

    Parameters
    ----------
    variable : Variable
    borrow : bool
        Accepted: results are fresh arrays in every case.
    """

    variable: Variable
    borrow: bool = False


def Param(variable: Variable, default: Any = None, **options: Any) -> In:
    """The oldest name of `In`; its `default` is `value`."""
    return In(variable, value=default, **options)
