"""Elementwise rows: trigonometric and hyperbolic functions and their inverses."""

from __future__ import annotations

import math

from autodiff_lab.tensor.elemwise import Elemwise, scalar
from autodiff_lab.tensor.opdef import Interval
from autodiff_lab.tensor.scalars.powers import sqrt

UNIT = Interval(-1.0, 1.0, open=True)

sin = scalar(
    "sin", "x", numpy="np.sin", latex=r"\sin\left({0}\right)", partials=lambda x, out: [cos(x)],
    words="sin(u)' = cos(u) u'", summary="Sine of an angle in radians.",
)

cos: Elemwise = scalar(
    "cos", "x", numpy="np.cos", latex=r"\cos\left({0}\right)", partials=lambda x, out: [-sin(x)],
    words="cos(u)' = -sin(u) u'", summary="Cosine of an angle in radians.",
)

tan: Elemwise = scalar(
    "tan", "x", numpy="np.tan", latex=r"\tan\left({0}\right)",
    partials=lambda x, out: [1 + out * out], textbook=lambda x, out: [1 + tan(x) ** 2],
    words="tan(u)' = (1 + tan(u)^2) u'", domain=Interval(-1.5, 1.5),
    summary="Tangent of an angle in radians.",
)

arcsin = scalar(
    "arcsin", "x", numpy="np.arcsin", latex=r"\arcsin\left({0}\right)", aliases=("asin",),
    partials=lambda x, out: [1 / sqrt((1 - x) * (1 + x))],
    textbook=lambda x, out: [1 / sqrt(1 - x**2)],
    words="arcsin(u)' = u'/sqrt(1 - u^2)", domain=UNIT, summary="Inverse sine, in radians.",
)

arccos = scalar(
    "arccos", "x", numpy="np.arccos", latex=r"\arccos\left({0}\right)", aliases=("acos",),
    partials=lambda x, out: [-1 / sqrt((1 - x) * (1 + x))],
    textbook=lambda x, out: [-1 / sqrt(1 - x**2)],
    words="arccos(u)' = -u'/sqrt(1 - u^2)", domain=UNIT, summary="Inverse cosine, in radians.",
)

arctan = scalar(
    "arctan", "x", numpy="np.arctan", latex=r"\arctan\left({0}\right)", aliases=("atan",),
    partials=lambda x, out: [1 / (1 + x * x)], textbook=lambda x, out: [1 / (1 + x**2)],
    words="arctan(u)' = u'/(1 + u^2)", summary="Inverse tangent, in radians.",
)

arctan2 = scalar(
    "arctan2", "y x", dtype="float_no_complex", numpy="np.arctan2",
    latex=r"\mathrm{{arctan2}}\left({0}, {1}\right)", aliases=("atan2",),
    partials=lambda y, x, out: [x / (x * x + y * y), -y / (x * x + y * y)],
    words="arctan2(v, u)' = (u v' - v u')/(u^2 + v^2)",
    domain={"y": Interval(0.1, 3.0), "x": Interval(0.1, 3.0)},
    summary="Angle of the point (x, y), in radians.",
)

sinh = scalar(
    "sinh", "x", numpy="np.sinh", latex=r"\sinh\left({0}\right)",
    partials=lambda x, out: [cosh(x)], words="sinh(u)' = cosh(u) u'", summary="Hyperbolic sine.",
)

cosh: Elemwise = scalar(
    "cosh", "x", numpy="np.cosh", latex=r"\cosh\left({0}\right)",
    partials=lambda x, out: [sinh(x)], words="cosh(u)' = sinh(u) u'", summary="Hyperbolic cosine.",
)

tanh: Elemwise = scalar(
    "tanh", "x", numpy="np.tanh", latex=r"\tanh\left({0}\right)",
    partials=lambda x, out: [1 - out * out], textbook=lambda x, out: [1 - tanh(x) ** 2],
    words="tanh(u)' = (1 - tanh(u)^2) u'", summary="Hyperbolic tangent.",
)

arcsinh = scalar(
    "arcsinh", "x", numpy="np.arcsinh", latex=r"\mathrm{{arsinh}}\left({0}\right)",
    aliases=("asinh",),
    partials=lambda x, out: [1 / sqrt(x * x + 1)], textbook=lambda x, out: [1 / sqrt(x**2 + 1)],
    words="arsinh(u)' = u'/sqrt(u^2 + 1)", summary="Inverse hyperbolic sine.",
)

arccosh = scalar(
    "arccosh", "x", numpy="np.arccosh", latex=r"\mathrm{{arcosh}}\left({0}\right)",
    aliases=("acosh",), partials=lambda x, out: [1 / sqrt((x - 1) * (x + 1))],
    textbook=lambda x, out: [1 / sqrt(x**2 - 1)],
    words="arcosh(u)' = u'/sqrt(u^2 - 1)", domain=Interval(1.0, math.inf, open=True),
    summary="Inverse hyperbolic cosine.",
)

arctanh = scalar(
    "arctanh", "x", numpy="np.arctanh", latex=r"\mathrm{{artanh}}\left({0}\right)",
    aliases=("atanh",),
    partials=lambda x, out: [1 / ((1 - x) * (1 + x))], textbook=lambda x, out: [1 / (1 - x**2)],
    words="artanh(u)' = u'/(1 - u^2)", domain=UNIT, summary="Inverse hyperbolic tangent.",
)
