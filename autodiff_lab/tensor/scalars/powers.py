"""Elementwise rows: powers and roots."""

from __future__ import annotations

from typing import Any

import numpy as np

from autodiff_lab.graph import ZERO, Constant
from autodiff_lab.tensor.constants import constant
from autodiff_lab.tensor.elemwise import Elemwise, scalar
from autodiff_lab.tensor.opdef import POSITIVE, Interval
from autodiff_lab.tensor.scalars import primitives as prim
from autodiff_lab.tensor.scalars.arithmetic import cast, one_like, zero_like
from autodiff_lab.tensor.scalars.choosing import switch
from autodiff_lab.tensor.scalars.comparison import eq, gt
from autodiff_lab.tensor.scalars.exponential import log

sqr = scalar(
    "sqr", "x", dtype="upcast", numpy="np.square", latex="{0}^{{2}}", aliases=("square",),
    expr=lambda x: prim.mul(x, x),
    partials=lambda x, out: [2 * x],
    words="power rule: (u^2)' = 2 u u'", summary="The square.",
)

reciprocal = scalar(
    "reciprocal", "x", dtype="float", numpy="np.reciprocal", latex=r"\frac{{1}}{{{0}}}",
    expr=lambda x: prim.div(1.0, x),
    partials=lambda x, out: [-(out * out)],
    textbook=lambda x, out: [-1 / x**2],
    words="quotient rule: (1/u)' = -u'/u^2", domain=POSITIVE, summary="One divided by the value.",
)

sqrt: Elemwise = scalar(
    "sqrt", "x", numpy="np.sqrt", latex=r"\sqrt{{{0}}}",
    partials=lambda x, out: [0.5 / out], textbook=lambda x, out: [1 / (2 * sqrt(x))],
    words="sqrt(u)' = u'/(2 sqrt(u))", domain=POSITIVE, summary="Square root.",
)


def _less_one(y: Any, dtype: str) -> Any:
    """``y - 1``, where whole numbers do not wrap around and booleans are 0 and 1."""
    kind = np.dtype(y.type.dtype)
    added = y.owner is not None and y.owner.op.name == "dimshuffle"
    data = getattr(y.owner.inputs[0] if added else y, "data", -128)
    wraps = kind.kind in "bu" or kind.kind == "i" and np.any(data == np.iinfo(kind).min)
    exponent = cast(y, dtype) if wraps else y
    return exponent - constant(1, dtype=exponent.type.dtype)


def _power_pullback(x: Any, y: Any, out: Any, g: Any) -> list[Any]:
    # the form the tutorials print; the logarithm is taken in the dtype of the result, and where
    # x is 0 the derivative by a positive exponent is 0, which 0 * log(0) would not give
    by_base = g * y * x ** _less_one(y, out.type.dtype)
    if isinstance(y, Constant):
        return [by_base, ZERO]
    base = cast(x, out.type.dtype)
    safe = switch(gt(base, 0), base, one_like(base))
    by_exponent = g * out * switch(
        gt(base, 0), log(safe), switch(eq(base, 0), zero_like(base), log(base))
    )
    return [by_base, by_exponent]


pow = scalar(
    "pow", "x y", dtype="upcast", numpy="np.power", infix="**",
    latex="{0}^{{{1}}}", aliases=("power",),
    expr=lambda x, y: prim.pow(x, y) if x.dtype.startswith("float") else None,
    pullback=_power_pullback,
    textbook=lambda x, y, out: [y * x ** _less_one(y, out.type.dtype), out * log(x)],
    words=("power rule: (u^n)' = n u^(n-1) u'", "exponential rule: (a^u)' = a^u log(a) u'"),
    domain={"x": POSITIVE, "y": Interval(-3, 3)}, summary="Power.",
)
