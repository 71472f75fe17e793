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
from autodiff_lab.tensor.scalars.comparison import and_, eq, ge, gt, le, lt, neq

OPPOSITES = {gt: le, le: gt, lt: ge, ge: lt, eq: neq, neq: eq}


def one_where(condition: Any, like: Any) -> Any:
    """1 where the condition holds and 0 elsewhere, in the dtype of `like`."""
    return cast(condition, like.type.dtype)


def opposite(condition: Any) -> Any:
    """The condition that holds where this one does not."""
    node = condition.owner
    other = None if node is None else OPPOSITES.get(node.op)
    return eq(condition, False) if other is None else other(*node.inputs)


switch: Elemwise = scalar(
    "switch", "condition yes no", dtype="switch", numpy="np.where",
    latex=r"\mathrm{{where}}\left({0}, {1}, {2}\right)", aliases=("where",),
    expr=lambda condition, yes, no: prim.select(condition, yes, no),
    pullback=lambda condition, yes, no, out, g: [
        ZERO, switch(condition, g, zero_like(g)), switch(condition, zero_like(g), g)
    ],
    textbook=lambda condition, yes, no, out: [
        ZERO, one_where(condition, out), one_where(opposite(condition), out)
    ],
    words="the derivative of the branch that is taken",
    summary="`yes` where the condition holds, else `no`.",
)


def _extremum(name: str, which: str, first: Elemwise, other: Elemwise) -> Elemwise:
    """The first value where `first` holds of the two, else (`other` holds) the second."""
    return scalar(
        name, "x y", dtype="upcast", numpy=f"np.{name}",
        latex=rf"\{name[:3]}\left({{0}}, {{1}}\right)",
        pullback=lambda x, y, out, g: [
            switch(first(x, y), g, zero_like(g)), switch(first(x, y), zero_like(g), g)
        ],
        textbook=lambda x, y, out: [one_where(first(x, y), out), one_where(other(x, y), out)],
        words=f"the derivative of the {which} one",
        summary=f"The {which} of two values; NaN wins.  On a tie the first one gets "
        "the derivative.",
    )


maximum = _extremum("maximum", "larger", ge, lt)
minimum = _extremum("minimum", "smaller", le, gt)

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
