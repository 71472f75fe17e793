"""Elementwise rows: the parts of complex numbers.

A cotangent g of a complex variable says that a step t changes the cost by Re(g t).  So the rules of
analytic functions are those of real ones, and the gradient of a real cost by z = x + iy is
dC/dx - i dC/dy; its conjugate points uphill.
"""

from __future__ import annotations

from typing import Any

from autodiff_lab.graph import ZERO
from autodiff_lab.tensor import dtypes
from autodiff_lab.tensor.elemwise import Elemwise, scalar
from autodiff_lab.tensor.scalars.exponential import number


def _complex_only(x: Any, term: Any) -> list[Any]:
    """The contribution of a rule that concerns complex numbers alone."""
    return [term() if x.type.dtype in dtypes.COMPLEX else ZERO]


def _rule_angle(*given: str) -> tuple[tuple[str, ...], str]:
    """Compute in floating point, answer in the real dtype of that precision."""
    compute, common = dtypes.rule_float(*given)
    return compute, dtypes.rule_magnitude(common)[1]


real = scalar(
    "real", "x", dtype="magnitude", numpy="np.real", latex=r"\Re\left({0}\right)",
    pullback=lambda x, out, g: [g], words="Re(u)' = Re(u')", summary="Real part.",
)

imag = scalar(
    "imag", "x", dtype="magnitude", numpy="np.imag", latex=r"\Im\left({0}\right)",
    pullback=lambda x, out, g: _complex_only(x, lambda: g * number(-1j, x)),
    words="Im(u)' = Im(u')", summary="Imaginary part.",
)

conj: Elemwise = scalar(
    "conj", "x", dtype="same", numpy="np.conj", latex=r"\overline{{{0}}}", aliases=("conjugate",),
    pullback=lambda x, out, g: [conj(g) if x.type.dtype in dtypes.COMPLEX else g],
    words="conj(u)' = conj(u')", summary="Complex conjugate.",
)

angle = scalar(
    "angle", "x", rule=_rule_angle, numpy="np.angle", latex=r"\arg\left({0}\right)",
    pullback=lambda x, out, g: _complex_only(x, lambda: g * number(-1j, x) / x),
    words="arg(u)' = Im(u'/u)", summary="Angle of a complex number, in radians.",
)
