"""Elementwise rows that choose between values: switch, maximum, minimum, clip.

Their pullbacks choose before anything is multiplied, so that 0 * inf never arises.
"""

from __future__ import annotations

from typing import Any

from autodiff_lab.graph import ZERO
from autodiff_lab.tensor.constants import as_tensor_variable
from autodiff_lab.tensor.elemwise import Elemwise, scalar
from autodiff_lab.tensor.opdef import REAL, Interval
from autodiff_lab.tensor.registry import public
from autodiff_lab.tensor.scalars import primitives as prim
from autodiff_lab.tensor.scalars.arithmetic import cast, zero_like
from autodiff_lab.tensor.scalars.comparison import and_, eq, ge, gt, le, lt


def one_where(condition: Any, like: Any) -> Any:
    """1 where the condition holds and 0 elsewhere, in the dtype of `like`."""
    return cast(condition, like.type.dtype)


switch: Elemwise = scalar(
    "switch", "condition yes no", dtype="switch", numpy="np.where",
    latex=r"\mathrm{{where}}\left({0}, {1}, {2}\right)", aliases=("where",),
    expr=lambda condition, yes, no: prim.select(condition, yes, no),
    pullback=lambda condition, yes, no, out, g: [
        ZERO, switch(condition, g, zero_like(g)), switch(condition, zero_like(g), g)
    ],
    textbook=lambda condition, yes, no, out: [
        ZERO, one_where(condition, out), one_where(eq(condition, False), out)
    ],
    words="the derivative of the branch that is taken",
    summary="`yes` where the condition holds, else `no`.",
)

maximum = scalar(
    "maximum", "x y", dtype="upcast", numpy="np.maximum",
    latex=r"\max\left({0}, {1}\right)", commutative=False,
    pullback=lambda x, y, out, g: [
        switch(ge(x, y), g, zero_like(g)), switch(ge(x, y), zero_like(g), g)
    ],
    textbook=lambda x, y, out: [one_where(ge(x, y), out), one_where(lt(x, y), out)],
    words="the derivative of the larger one",
    summary="The larger of two values; NaN wins.  On a tie the first one gets the derivative.",
)

minimum = scalar(
    "minimum", "x y", dtype="upcast", numpy="np.minimum",
    latex=r"\min\left({0}, {1}\right)", commutative=False,
    pullback=lambda x, y, out, g: [
        switch(le(x, y), g, zero_like(g)), switch(le(x, y), zero_like(g), g)
    ],
    textbook=lambda x, y, out: [one_where(le(x, y), out), one_where(gt(x, y), out)],
    words="the derivative of the smaller one",
    summary="The smaller of two values; NaN wins.  On a tie the first one gets the derivative.",
)

clip = scalar(
    "clip", "x low high", dtype="upcast", numpy="np.clip",
    latex=r"\mathrm{{clip}}\left({0}, {1}, {2}\right)",
    expr=lambda x, low, high: prim.min(prim.max(x, low), high),
    pullback=lambda x, low, high, out, g: [
        switch(and_(ge(x, low), le(x, high)), g, zero_like(g)),
        switch(lt(x, low), g, zero_like(g)),
        switch(gt(x, high), g, zero_like(g)),
    ],
    textbook=lambda x, low, high, out: [
        one_where(and_(ge(x, low), le(x, high)), out),
        one_where(lt(x, low), out),
        one_where(gt(x, high), out),
    ],
    words="1 between the bounds, 0 outside",
    domain={"x": REAL, "low": Interval(-1.0, -0.5), "high": Interval(0.5, 1.0)},
    summary="The value, but not below `low` nor above `high`.",
)


@public(numpy=("clip",))
def clip_between(x: Any, low: Any = None, high: Any = None) -> Any:
    """`clip` with bounds that may be left out, as NumPy has it.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> clip_between(pt.constant([-1.0, 5.0]), low=0.0).eval().tolist()
    [0.0, 5.0]
    """
    if low is None:
        return as_tensor_variable(x) if high is None else minimum(x, high)
    return maximum(x, low) if high is None else clip(x, low, high)
