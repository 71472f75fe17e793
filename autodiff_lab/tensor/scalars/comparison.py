"""Elementwise rows: comparisons, logic and tests.  None has a derivative: all answer steps."""

from __future__ import annotations

import math
from typing import Any

from autodiff_lab.graph import ZERO
from autodiff_lab.tensor.constants import as_tensor_variable
from autodiff_lab.tensor.elemwise import scalar
from autodiff_lab.tensor.registry import function, public
from autodiff_lab.tensor.scalars import primitives as prim

COMPARISON, LOGIC = 40, 30  # precedences

eq = scalar(
    "eq", "x y", dtype="compare", numpy="np.equal", infix="==", precedence=COMPARISON,
    latex="{0} = {1}", aliases=("equal",), commutative=True,
    expr=lambda x, y: prim.eq(x, y), partials=lambda x, y, out: [ZERO, ZERO],
    summary="Whether two values are equal.",
)

neq = scalar(
    "neq", "x y", dtype="compare", numpy="np.not_equal", infix="!=", precedence=COMPARISON,
    latex=r"{0} \neq {1}", aliases=("not_equal",), commutative=True,
    expr=lambda x, y: prim.ne(x, y), partials=lambda x, y, out: [ZERO, ZERO],
    summary="Whether two values differ.",
)

lt = scalar(
    "lt", "x y", dtype="compare", numpy="np.less", infix="<", precedence=COMPARISON,
    latex="{0} < {1}", aliases=("less",),
    expr=lambda x, y: prim.lt(x, y), partials=lambda x, y, out: [ZERO, ZERO],
    summary="Whether the first value is smaller.",
)

le = scalar(
    "le", "x y", dtype="compare", numpy="np.less_equal", infix="<=", precedence=COMPARISON,
    latex=r"{0} \leq {1}", aliases=("less_equal",),
    expr=lambda x, y: prim.le(x, y), partials=lambda x, y, out: [ZERO, ZERO],
    summary="Whether the first value is smaller or equal.",
)

gt = scalar(
    "gt", "x y", dtype="compare", numpy="np.greater", infix=">", precedence=COMPARISON,
    latex="{0} > {1}", aliases=("greater",),
    expr=lambda x, y: prim.gt(x, y), partials=lambda x, y, out: [ZERO, ZERO],
    summary="Whether the first value is larger.",
)

ge = scalar(
    "ge", "x y", dtype="compare", numpy="np.greater_equal", infix=">=", precedence=COMPARISON,
    latex=r"{0} \geq {1}", aliases=("greater_equal",),
    expr=lambda x, y: prim.ge(x, y), partials=lambda x, y, out: [ZERO, ZERO],
    summary="Whether the first value is larger or equal.",
)

and_ = scalar(
    "and_", "x y", dtype="discrete", numpy="np.bitwise_and", infix="&", precedence=LOGIC,
    latex=r"{0} \wedge {1}", aliases=("bitwise_and",), commutative=True,
    expr=lambda x, y: prim.and_(x, y) if x.dtype == "bool" else None,
    partials=lambda x, y, out: [ZERO, ZERO],
    summary="Both: logical for booleans, bit by bit for integers.",
)

or_ = scalar(
    "or_", "x y", dtype="discrete", numpy="np.bitwise_or", infix="|", precedence=LOGIC,
    latex=r"{0} \vee {1}", aliases=("bitwise_or",), commutative=True,
    expr=lambda x, y: prim.or_(x, y) if x.dtype == "bool" else None,
    partials=lambda x, y, out: [ZERO, ZERO],
    summary="At least one: logical for booleans, bit by bit for integers.",
)

xor = scalar(
    "xor", "x y", dtype="discrete", numpy="np.bitwise_xor", infix="^", precedence=LOGIC,
    latex=r"{0} \oplus {1}", aliases=("bitwise_xor",), commutative=True,
    expr=lambda x, y: prim.xor(x, y) if x.dtype == "bool" else None,
    partials=lambda x, y, out: [ZERO, ZERO],
    summary="Exactly one: logical for booleans, bit by bit for integers.",
)

invert = scalar(
    "invert", "x", dtype="discrete", numpy="np.invert", infix="~", precedence=70,
    latex=r"\neg {0}", aliases=("bitwise_not",),
    expr=lambda x: prim.not_(x) if x.dtype == "bool" else None,
    partials=lambda x, out: [ZERO],
    summary="Not: logical for booleans, bit by bit for integers.",
)

isnan = scalar(
    "isnan", "x", dtype="test", numpy="np.isnan", latex=r"\mathrm{{isnan}}\left({0}\right)",
    expr=lambda x: prim.isnan(x), partials=lambda x, out: [ZERO],
    summary="Whether a value is NaN.",
)

isinf = scalar(
    "isinf", "x", dtype="test", numpy="np.isinf", latex=r"\mathrm{{isinf}}\left({0}\right)",
    expr=lambda x: prim.isinf(x), partials=lambda x, out: [ZERO],
    summary="Whether a value is infinite.",
)


def _truth(x: Any) -> Any:
    """Whether a value is not 0."""
    variable = as_tensor_variable(x)
    return variable if variable.type.dtype == "bool" else neq(variable, 0)


@public(numpy=("logical_and",))
def logical_and(x: Any, y: Any) -> Any:
    """Whether both values are true (not 0).

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> logical_and(pt.constant([2, 0]), True).eval().tolist()
    [True, False]
    """
    return and_(_truth(x), _truth(y))


@public(numpy=("logical_or",))
def logical_or(x: Any, y: Any) -> Any:
    """Whether at least one value is true (not 0).

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> logical_or(pt.constant([2, 0]), False).eval().tolist()
    [True, False]
    """
    return or_(_truth(x), _truth(y))


@public(numpy=("logical_xor",))
def logical_xor(x: Any, y: Any) -> Any:
    """Whether exactly one value is true (not 0).

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> logical_xor(pt.constant([2, 0]), True).eval().tolist()
    [False, True]
    """
    return xor(_truth(x), _truth(y))


@public(numpy=("logical_not",))
def logical_not(x: Any) -> Any:
    """Whether a value is false (0).

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> logical_not(pt.constant([2, 0])).eval().tolist()
    [False, True]
    """
    return invert(_truth(x))


@public(numpy=("isclose",))
def isclose(
    a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Any:
    """Whether two values differ by at most ``atol + rtol * abs(b)``."""
    left, right = as_tensor_variable(a), as_tensor_variable(b)
    size = function("abs")(right)
    near = and_(le(function("abs")(left - right), size * rtol + atol), lt(size, math.inf))
    near = or_(near, eq(left, right))
    return or_(near, and_(isnan(left), isnan(right))) if equal_nan else near


@public(numpy=("allclose",))
def allclose(
    a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Any:
    """Whether all values are close: see `isclose`."""
    return function("all")(isclose(a, b, rtol, atol, equal_nan))
