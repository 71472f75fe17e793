"""Elementwise rows: gamma and error functions, their inverses, and a few others of SciPy."""

from __future__ import annotations

import math

from autodiff_lab.errors import LabTypeError
from autodiff_lab.graph import ZERO
from autodiff_lab.tensor import dtypes
from autodiff_lab.tensor.elemwise import Elemwise, scalar
from autodiff_lab.tensor.opdef import POSITIVE, REAL, Interval
from autodiff_lab.tensor.scalars import primitives as prim
from autodiff_lab.tensor.scalars.arithmetic import cast
from autodiff_lab.tensor.scalars.exponential import exp, expm1, number

ROOT_OF_PI = math.sqrt(math.pi)


def _rule_order(*given: str) -> tuple[tuple[str, ...], str]:
    """A whole number and a float."""
    if not dtypes.is_discrete(given[0]) or given[1] in dtypes.COMPLEX:
        raise LabTypeError("polygamma takes an order (a whole number) and a real number.")
    result = dtypes.to_float(given[1])
    return (given[0], result), result


polygamma: Elemwise = scalar(
    "polygamma", "n x", rule=_rule_order, numpy="scipy.special.polygamma",
    latex=r"\psi^{{({0})}}\left({1}\right)",
    partials=lambda n, x, out: [ZERO, polygamma(cast(n, "int64") + 1, x)],
    domain={"n": Interval(0.0, 3.0), "x": POSITIVE},
    summary="The n-th derivative of the digamma function.", see="DLMF 5.15",
)

psi = scalar(
    "psi", "x", dtype="float_no_complex", numpy="scipy.special.psi", aliases=("digamma",),
    latex=r"\psi\left({0}\right)",
    partials=lambda x, out: [polygamma(1, x)],
    words="psi(u)' = psi'(u) u'", domain=POSITIVE,
    summary="Digamma function: the derivative of the logarithm of gamma.", see="DLMF 5.2.2",
)

gamma: Elemwise = scalar(
    "gamma", "x", dtype="float_no_complex", numpy="scipy.special.gamma",
    latex=r"\Gamma\left({0}\right)",
    partials=lambda x, out: [out * psi(x)],
    words="gamma(u)' = gamma(u) psi(u) u'", domain=POSITIVE, summary="Gamma function.",
    see="DLMF 5.2.1",
)

gammaln = scalar(
    "gammaln", "x", dtype="float_no_complex", numpy="scipy.special.gammaln",
    latex=r"\log\Gamma\left({0}\right)",
    partials=lambda x, out: [psi(x)],
    words="log(gamma(u))' = psi(u) u'", domain=POSITIVE,
    summary="Logarithm of the size of the gamma function.", see="DLMF 5.2.2",
)

erfc = scalar(
    "erfc", "x", dtype="float_no_complex", numpy="scipy.special.erfc",
    latex=r"\mathrm{{erfc}}\left({0}\right)",
    partials=lambda x, out: [number(-2.0 / ROOT_OF_PI, out) * exp(-x * x)],
    words="erfc(u)' = -2/sqrt(pi) exp(-u^2) u'",
    summary="1 - erf(x), accurate when x is large.", see="DLMF 7.2.2",
)

erfinv = scalar(
    "erfinv", "x", dtype="float_no_complex", numpy="scipy.special.erfinv",
    latex=r"\mathrm{{erf}}^{{-1}}\left({0}\right)",
    partials=lambda x, out: [number(ROOT_OF_PI / 2.0, out) * exp(out * out)],
    words="inverse function: 1 / erf'(y)", domain=Interval(-1.0, 1.0, open=True),
    summary="Inverse of the error function.", see="DLMF 7.17",
)

erfcinv = scalar(
    "erfcinv", "x", dtype="float_no_complex", numpy="scipy.special.erfcinv",
    latex=r"\mathrm{{erfc}}^{{-1}}\left({0}\right)",
    partials=lambda x, out: [number(-ROOT_OF_PI / 2.0, out) * exp(out * out)],
    words="inverse function: 1 / erfc'(y)", domain=Interval(0.0, 2.0, open=True),
    summary="Inverse of the complementary error function.", see="DLMF 7.17",
)

log1mexp = scalar(
    "log1mexp", "x", dtype="float_no_complex",
    numpy="np.where({0} < -0.6931471805599453, np.log1p(-np.exp({0})), np.log(-np.expm1({0})))",
    latex=r"\log\left(1 - e^{{{0}}}\right)",
    expr=lambda x: prim.select(
        prim.lt(x, -math.log(2.0)), prim.log1p(-prim.exp(x)), prim.log(-prim.expm1(x))
    ),
    partials=lambda x, out: [-1 / expm1(-x)],
    words="log(1 - e^u)' = -u'/(e^-u - 1)", domain=Interval(-math.inf, 0.0, open=True),
    summary="log(1 - exp(x)) for negative x, accurate everywhere.",
    see="Maechler 2012, Accurately computing log(1 - exp(-|a|))",
)


def _unit(name: str, alias: str, factor: float, latex: str, summary: str) -> Elemwise:
    return scalar(
        name, "x", dtype="float_no_complex", numpy=f"np.{name}", latex=latex, aliases=(alias,),
        expr=lambda x: prim.mul(x, factor), partials=lambda x, out: [number(factor, out)],
        words="constant factor", summary=summary,
    )


deg2rad = _unit(
    "deg2rad", "radians", math.pi / 180.0, r"\frac{{\pi}}{{180}} {0}", "Degrees as radians."
)
rad2deg = _unit(
    "rad2deg", "degrees", 180.0 / math.pi, r"\frac{{180}}{{\pi}} {0}", "Radians as degrees."
)

hypot = scalar(
    "hypot", "x y", dtype="float_no_complex", numpy="np.hypot", commutative=True,
    latex=r"\sqrt{{{0}^2 + {1}^2}}",
    partials=lambda x, y, out: [x / out, y / out],
    words="(u u' + v v')/sqrt(u^2 + v^2)", domain={"x": POSITIVE, "y": REAL},
    summary="Length of a vector of two components, without overflow.",
)

cbrt: Elemwise = scalar(
    "cbrt", "x", dtype="float_no_complex", numpy="np.cbrt", latex=r"\sqrt[3]{{{0}}}",
    partials=lambda x, out: [1 / (3 * out * out)],
    words="cbrt(u)' = u'/(3 cbrt(u)^2)", domain=POSITIVE, summary="Cube root.",
)
