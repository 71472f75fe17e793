"""Elementwise rows: comparisons, logic and tests.  None has a derivative: all answer steps."""

from __future__ import annotations

import math
from typing import Any

from autodiff_lab.graph import ZERO
from autodiff_lab.tensor.constants import as_tensor_variable
from autodiff_lab.tensor.elemwise import Elemwise, scalar
from autodiff_lab.tensor.registry import function, public
from autodiff_lab.tensor.scalars import primitives as prim


def _comparison(
    name: str, numpy: str, infix: str, latex: str, alias: str, summary: str, swaps: bool = False
) -> Elemwise:
    return scalar(
        name, "x y", dtype="compare", numpy=numpy, infix=infix,
        latex=f"{{0}} {latex} {{1}}", aliases=(alias,), commutative=swaps,
        partials=lambda x, y, out: [ZERO, ZERO], summary=f"Whether {summary}.",
    )


eq = _comparison("eq", "np.equal", "==", "=", "equal", "two values are equal", True)
neq = _comparison("neq", "np.not_equal", "!=", r"\neq", "not_equal", "two values differ", True)
lt = _comparison("lt", "np.less", "<", "<", "less", "the first value is smaller")
le = _comparison(
    "le", "np.less_equal", "<=", r"\leq", "less_equal", "the first value is smaller or equal"
)
gt = _comparison("gt", "np.greater", ">", ">", "greater", "the first value is larger")
ge = _comparison(
    "ge", "np.greater_equal", ">=", r"\geq", "greater_equal", "the first value is larger or equal"
)


def _logic(name: str, infix: str, latex: str, build: Any, summary: str) -> Elemwise:
    bitwise = f"bitwise_{name.rstrip('_')}"
    return scalar(
        name, "x y", dtype="discrete", numpy=f"np.{bitwise}", infix=infix,
        latex=f"{{0}} {latex} {{1}}", aliases=(bitwise,), commutative=True,
        expr=lambda x, y: build(x, y) if x.dtype == "bool" else None,
        partials=lambda x, y, out: [ZERO, ZERO],
        summary=f"{summary}: logical for booleans, bit by bit for integers.",
    )


and_ = _logic("and_", "&", r"\wedge", prim.and_, "Both")
or_ = _logic("or_", "|", r"\vee", prim.or_, "At least one")
xor = _logic("xor", "^", r"\oplus", prim.xor, "Exactly one")

invert = scalar(
    "invert", "x", dtype="discrete", numpy="np.invert", infix="~",
    latex=r"\neg {0}", aliases=("bitwise_not",),
    expr=lambda x: prim.not_(x) if x.dtype == "bool" else None,
    partials=lambda x, out: [ZERO],
    summary="Not: logical for booleans, bit by bit for integers.",
)

isnan, isinf = (
    scalar(
        name, "x", dtype="test", numpy=f"np.{name}",
        latex=rf"\mathrm{{{{{name}}}}}\left({{0}}\right)",
        partials=lambda x, out: [ZERO], summary=f"Whether a value is {what}.",
    )
    for name, what in (("isnan", "NaN"), ("isinf", "infinite"))
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
def isclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
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
