"""Elementwise rows: sums, products, quotients, signs, rounding, casting."""

from __future__ import annotations

import builtins
from typing import Any

from autodiff_lab.graph import DISCONNECTED, ZERO, Constant, Undefined
from autodiff_lab.tensor import dtypes
from autodiff_lab.tensor.constants import as_tensor_variable, constant
from autodiff_lab.tensor.elemwise import Elemwise, scalar
from autodiff_lab.tensor.opdef import POSITIVE, REAL
from autodiff_lab.tensor.registry import NUMPY, function, public
from autodiff_lab.tensor.scalars import primitives as prim


def zero_like(x: Any) -> Any:
    """A constant zero in the dtype of `x`."""
    return constant(0, dtype=x.type.dtype)


def one_like(x: Any) -> Any:
    """A constant one in the dtype of `x`."""
    return constant(1, dtype=x.type.dtype)


CASTS: dict[str, Elemwise] = {}
"""The rows that change a dtype, by target; filled below."""


@public()
def cast(x: Any, dtype: Any) -> Any:
    """The values in another dtype.

    Parameters
    ----------
    x : tensor_like
    dtype : str
        ``"floatX"`` is read from the settings.

    Raises
    ------
    TypeError
        From complex to real: take `real`, `imag` or `abs`.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> cast(pt.iscalar("n"), "float64").dtype
    'float64'
    """
    target = dtypes.canonical(dtype)
    variable = as_tensor_variable(x)
    if variable.type.dtype == target:
        return variable
    if isinstance(variable, Constant):
        # dtype rules of the row still apply: complex to real is refused
        CASTS[target].row.dtypes(variable.type.dtype)
        return constant(variable.data.astype(target))
    return CASTS[target](variable)


add = scalar(
    "add", "x y", dtype="upcast", numpy="np.add", infix="+",
    latex="{0} + {1}", commutative=True,
    expr=lambda x, y: prim.or_(x, y) if x.dtype == "bool" else prim.add(x, y),
    partials=lambda x, y, out: [1, 1],
    words="sum rule", summary="Sum of two values.",
)

sub = scalar(
    "sub", "x y", dtype="upcast_no_bool", numpy="np.subtract", infix="-",
    latex="{0} - {1}", partials=lambda x, y, out: [1, -1],
    words="difference rule", summary="Difference of two values.",
)

mul = scalar(
    "mul", "x y", dtype="upcast", numpy="np.multiply", infix="*",
    latex=r"{0} \, {1}", commutative=True,
    expr=lambda x, y: prim.and_(x, y) if x.dtype == "bool" else prim.mul(x, y),
    partials=lambda x, y, out: [y, x],
    words="product rule: (u v)' = u' v + u v'", summary="Product of two values.",
)

true_div = scalar(
    "true_div", "x y", dtype="true_divide", numpy="np.true_divide", infix="/",
    latex=r"\frac{{{0}}}{{{1}}}", aliases=("divide",),
    expr=lambda x, y: prim.div(x, y),
    # -out / y, not -x / y**2: the square would overflow for large y
    pullback=lambda x, y, out, g: [
        g / cast(y, out.type.dtype), -(g * out) / cast(y, out.type.dtype)
    ],
    textbook=lambda x, y, out: [1 / y, -x / y**2],
    words=("quotient rule: (u/c)' = u'/c", "quotient rule: (1/u)' = -u'/u^2"),
    domain={"x": REAL, "y": POSITIVE}, summary="Quotient of two values.",
)

int_div = scalar(
    "int_div", "x y", dtype="upcast", numpy="np.floor_divide", infix="//",
    latex=r"\left\lfloor \frac{{{0}}}{{{1}}} \right\rfloor", aliases=("floor_div",),
    partials=lambda x, y, out: [ZERO, ZERO],
    domain={"x": REAL, "y": POSITIVE}, summary="Quotient rounded down.",
)

mod = scalar(
    "mod", "x y", dtype="upcast", numpy="np.mod", infix="%",
    latex=r"{0} \;\mathrm{{mod}}\; {1}", aliases=("remainder",),
    partials=lambda x, y, out: [1, -(x // y)],
    domain={"x": REAL, "y": POSITIVE}, summary="Remainder with the sign of the divisor.",
)

neg = scalar(
    "neg", "x", dtype="upcast_no_bool", numpy="np.negative", infix="-",
    latex="-{0}", aliases=("negative",),
    partials=lambda x, out: [-1], words="derivative of -u is -u'", summary="The negative.",
)


def _direction(x: Any, size: Any) -> Any:
    """What a step is multiplied with where sizes are asked: the sign, 0 at 0."""
    if x.type.dtype not in dtypes.COMPLEX:
        return sign(x)
    safe = function("switch")(function("eq")(size, 0), one_like(size), size)
    return function("conj")(x) / safe


abs = scalar(
    "abs", "x", dtype="magnitude", numpy="np.abs", latex=r"\left| {0} \right|",
    aliases=("abs_", "absolute"), pullback=lambda x, out, g: [g * _direction(x, out)],
    textbook=lambda x, out: [sign(x)],
    words="|u|' = sign(u) u'", summary="Absolute value.", domain=REAL,
)

sign: Elemwise = scalar(
    "sign", "x", dtype="upcast_no_bool", numpy="np.sign", latex=r"\mathrm{{sign}}\left({0}\right)",
    aliases=("sgn",),
    # the last branch is for NaN
    expr=lambda x: prim.select(
        prim.gt(x, 0), 1, prim.select(prim.lt(x, 0), -1, prim.select(prim.eq(x, 0), 0, x))
    ),
    partials=lambda x, out: [
        Undefined("sign of complex numbers has no derivative")
        if x.type.dtype in dtypes.COMPLEX else ZERO
    ],
    summary="-1, 0 or 1 by the sign; NaN stays.",
)


def _rounding(name: str, numpy: str, latex: str, summary: str, *aliases: str) -> Elemwise:
    return scalar(
        name, "x", dtype="float_no_complex", numpy=numpy, latex=latex, aliases=aliases,
        partials=lambda x, out: [ZERO], summary=summary,
    )


floor = _rounding("floor", "np.floor", r"\left\lfloor {0} \right\rfloor", "Rounded down.")
ceil = _rounding("ceil", "np.ceil", r"\left\lceil {0} \right\rceil", "Rounded up.")
trunc = _rounding("trunc", "np.trunc", r"\mathrm{{trunc}}\left({0}\right)", "Rounded towards zero.")
round = _rounding(
    "round", "np.rint", r"\mathrm{{round}}\left({0}\right)",
    "Rounded to the nearest whole number, halves to the even one.", "round_half_to_even", "rint",
)

second = scalar(
    "second", "shape value", dtype="second",
    numpy="np.broadcast_arrays({0}, {1})[1]", pp="fill", latex="{1}", aliases=("fill",),
    expr=lambda shape, value: value,
    pullback=lambda shape, value, out, g: [DISCONNECTED, g],
    summary="The second value in the shape of the first: `fill(a, v)` is v, as large as a.",
)

identity = scalar(
    "identity", "x", dtype="same", numpy="np.array({0})", latex="{0}",
    aliases=("tensor_copy",),
    expr=lambda x: x, partials=lambda x, out: [1],
    words="derivative of u is u'", summary="The value itself, as a variable of its own.",
)

NUMPY.update({"positive": identity, "copy": identity})

# -- casts: one row per dtype ------------------------------------------------------------------


def _cast_row(target: str) -> Elemwise:
    numpy_name = "bool_" if target == "bool" else target
    return scalar(
        f"cast_{target}", "x", rule=dtypes.rule_to(target), dtype="cast",
        numpy=f"np.asarray({{0}}).astype(np.{numpy_name})", latex="{0}",
        pp=f"Cast{{{target}}}",
        expr=lambda x: prim.cast(x, target),
        pullback=lambda x, out, g: [g],
        words="derivative of u is u'", summary=f"The value as {target}.",
    )


CASTS.update({target: _cast_row(target) for target in dtypes.ALL})


@public(numpy=("around", "round"))
def around(x: Any, decimals: int = 0) -> Any:
    """Rounded to a number of decimals, halves to the even digit.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> around(pt.constant(2.346), 1).eval().item()
    2.3
    """
    if decimals == 0:
        return round(x)
    variable = as_tensor_variable(x)
    scale = constant(10.0 ** builtins.abs(decimals), dtype=dtypes.to_float(variable.type.dtype))
    return round(variable * scale) / scale if decimals > 0 else round(variable / scale) * scale
