"""Adding up what the local rules contribute to a variable's cotangent.

The one place that knows what `ZERO`, `DISCONNECTED` and `Undefined` mean next to each other, that
gives a cotangent the float dtype of its variable, and that makes zeros for outputs nobody asked.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import Any

from autodiff_lab.errors import LabTypeError
from autodiff_lab.graph import DISCONNECTED, ZERO, Role, Undefined, Variable, describe
from autodiff_lab.tensor import dtypes
from autodiff_lab.tensor.constants import constant
from autodiff_lab.tensor.registry import function
from autodiff_lab.tensor.type import TensorType

Contribution = Any  # Variable | ZERO | DISCONNECTED | Undefined


def is_continuous(variable: Variable) -> bool:
    """Whether a cotangent can pass through a variable: its dtype is float or complex."""
    return isinstance(variable.type, TensorType) and not dtypes.is_discrete(variable.type.dtype)


def filled(variable: Variable, value: float) -> Variable:
    """`value` in the shape of a variable and the dtype of its derivative."""
    assert isinstance(variable.type, TensorType)
    dtype = dtypes.gradient_dtype(variable.type.dtype)
    result: Variable = function("second")(variable, constant(value, dtype=dtype))
    return result


def fitted(term: Any, variable: Variable, rule: object) -> Contribution:
    """A contribution in the float dtype of its variable; the rank must agree.

    Of a complex contribution to a real variable the real part counts (`scalars.parts`).  Of user
    ops, a variable of the family's types for what does not exist is taken for its sentinel.

    Raises
    ------
    TypeError
        If a rule answers with another rank, or with whole numbers.
    """
    kind: Any = getattr(term, "type", None)
    if hasattr(kind, "as_sentinel"):
        return kind.as_sentinel()
    if not isinstance(variable.type, TensorType) or not isinstance(kind, TensorType):
        return term
    if kind.ndim != variable.type.ndim:
        raise LabTypeError(
            f"The derivative rule of {rule} answers with rank {kind.ndim} for an input "
            f"of rank {variable.type.ndim}.",
            where=describe(variable), remedy="a cotangent has the shape of its variable",
        )
    if dtypes.is_discrete(kind.dtype):
        raise LabTypeError(
            f"The derivative rule of {rule} answers with dtype {kind.dtype}: a "
            "derivative is never a whole number.",
            where=describe(variable),
        )
    wanted = dtypes.gradient_dtype(variable.type.dtype)
    if kind.dtype in dtypes.COMPLEX and wanted not in dtypes.COMPLEX:
        term = function("real")(term)
    return term if term.type.dtype == wanted else function("cast")(term, wanted)


def accumulate(table: MutableMapping[Any, Any], variable: Variable, term: Any) -> None:
    """Add a term to the entry of a variable, which may be its first."""
    table[variable] = function("add")(table[variable], term) if variable in table else term


def total(terms: Sequence[Contribution], variable: Variable) -> Contribution:
    """The sum of the contributions to one variable, left to right, without an extra zero.

    Undefined wins over numbers, numbers over `ZERO`, `ZERO` over `DISCONNECTED`.
    """
    undefined = next((term for term in terms if isinstance(term, Undefined)), None)
    if undefined is not None:
        return undefined
    variables = [term for term in terms if isinstance(term, Variable)]
    if not variables:
        return ZERO if any(term is ZERO for term in terms) else DISCONNECTED
    result = variables[0]
    for term in variables[1:]:
        result = function("add")(result, term)
        result.roles = (*result.roles, Role("accumulation", variable))
    return result
