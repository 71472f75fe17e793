"""Elementwise rows: exponentials, logarithms and the functions made of them."""

from __future__ import annotations

import math
from typing import Any

from autodiff_lab.tensor.constants import constant
from autodiff_lab.tensor.elemwise import Elemwise, scalar
from autodiff_lab.tensor.opdef import POSITIVE, Interval
from autodiff_lab.tensor.registry import NUMPY
from autodiff_lab.tensor.scalars import primitives as prim


def number(value: complex, like: Any) -> Any:
    """A constant in the dtype of `like`: no digit is lost, no dtype is raised."""
    return constant(value, dtype=like.type.dtype)


exp = scalar(
    "exp", "x", numpy="np.exp", latex="e^{{{0}}}", partials=lambda x, out: [out],
    words="chain rule through exp: exp(u)' = exp(u) u'", summary="Exponential function.",
)

exp2 = scalar(
    "exp2", "x", numpy="np.exp2", latex="2^{{{0}}}",
    expr=lambda x: prim.pow(2.0, x),
    partials=lambda x, out: [out * number(math.log(2.0), out)],
    words="(2^u)' = 2^u log(2) u'", summary="Two to the power of the value.",
)

expm1 = scalar(
    "expm1", "x", numpy="np.expm1", latex=r"\left(e^{{{0}}} - 1\right)",
    partials=lambda x, out: [exp(x)], words="(exp(u) - 1)' = exp(u) u'",
    summary="exp(x) - 1, accurate when x is near zero.",
    see="Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 1.14.1",
)

log = scalar(
    "log", "x", numpy="np.log", latex=r"\log\left({0}\right)", partials=lambda x, out: [1 / x],
    words="log(u)' = u'/u", domain=POSITIVE, summary="Natural logarithm.",
)

log2 = scalar(
    "log2", "x", numpy="np.log2", latex=r"\log_2\left({0}\right)",
    expr=None,
    partials=lambda x, out: [1 / (x * number(math.log(2.0), out))],
    words="log2(u)' = u'/(u log(2))", domain=POSITIVE, summary="Logarithm to the base 2.",
)

log10 = scalar(
    "log10", "x", numpy="np.log10", latex=r"\log_{{10}}\left({0}\right)",
    expr=None,
    partials=lambda x, out: [1 / (x * number(math.log(10.0), out))],
    words="log10(u)' = u'/(u log(10))", domain=POSITIVE, summary="Logarithm to the base 10.",
)

log1p = scalar(
    "log1p", "x", numpy="np.log1p", latex=r"\log\left(1 + {0}\right)",
    partials=lambda x, out: [1 / (1 + x)],
    words="log(1 + u)' = u'/(1 + u)", domain=Interval(-1.0, math.inf, open=True),
    summary="Natural logarithm of 1 + x, accurate when x is near zero.",
    see="Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 1.14.1",
)

def _decay(x: Any) -> Any:
    """exp(-|x|), which never overflows."""
    return prim.exp(-prim.abs(x))


sigmoid: Elemwise = scalar(
    # plain NumPy: loading SciPy takes a quarter of a second, and its expit twice the time of this.
    # Where exp overflows the result is 0; expit would give a subnormal number.
    "sigmoid", "x", numpy="1 / (1 + np.exp(0.0 - {0}))", latex=r"\sigma\left({0}\right)",
    aliases=("expit",),
    # two branches, so that neither overflows
    expr=lambda x: prim.select(
        prim.ge(x, 0.0), 1.0 / (1.0 + _decay(x)), _decay(x) / (1.0 + _decay(x))
    ),
    # out * (1 - out) would lose all digits for large x
    partials=lambda x, out: [out * sigmoid(-x)],
    textbook=lambda x, out: [sigmoid(x) * (1 - sigmoid(x))],
    words="sigmoid(u)' = sigmoid(u) (1 - sigmoid(u)) u'",
    summary="Logistic function 1 / (1 + exp(-x)).",
)
NUMPY["special.expit"] = sigmoid

softplus = scalar(
    "softplus", "x", dtype="float_no_complex",
    numpy="np.logaddexp({0}, np.zeros((), {0}.dtype))",
    latex=r"\mathrm{{softplus}}\left({0}\right)", aliases=("log1pexp",),
    expr=lambda x: prim.max(x, 0.0) + prim.log1p(_decay(x)),
    partials=lambda x, out: [sigmoid(x)],
    words="softplus(u)' = sigmoid(u) u'", summary="log(1 + exp(x)) without overflow.",
)

logaddexp = scalar(
    "logaddexp", "x y", dtype="float_no_complex", numpy="np.logaddexp",
    latex=r"\log\left(e^{{{0}}} + e^{{{1}}}\right)", commutative=True,
    expr=lambda x, y: prim.select(
        prim.eq(x, y), x + math.log(2.0), prim.max(x, y) + prim.log1p(_decay(x - y))
    ),
    partials=lambda x, y, out: [sigmoid(x - y), sigmoid(y - x)],
    words="log(e^u + e^v)' = (u' e^u + v' e^v)/(e^u + e^v)",
    summary="log(exp(x) + exp(y)) without overflow.",
)

erf = scalar(
    "erf", "x", dtype="float_no_complex", numpy="scipy.special.erf",
    latex=r"\mathrm{{erf}}\left({0}\right)",
    expr=lambda x: prim.erf(x),
    partials=lambda x, out: [number(2.0 / math.sqrt(math.pi), out) * exp(-x * x)],
    words="erf(u)' = 2/sqrt(pi) exp(-u^2) u'", summary="Error function.",
    see="DLMF 7.2.1",
)
