"""Ops that leave a value alone and shape its derivative: stop it, clip it, scale it, forbid it.

They are markers for the sweeps: rewriting removes them from compiled graphs.
"""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any

from autodiff_lab.errors import LabTypeError, LabValueError
from autodiff_lab.graph import DISCONNECTED, ZERO, Apply, Terms, Undefined, Variable, Variables
from autodiff_lab.tensor.constants import as_tensor_variable
from autodiff_lab.tensor.opdef import Notation, TensorOp
from autodiff_lab.tensor.registry import function


class GradientMarker(TensorOp):
    """Base of the markers: the value passes unchanged.

    Where the answer does not depend on what is carried, `answer` gives it in both directions.
    """

    __props__: tuple[str, ...] = ()
    notation = Notation(latex="{0}")
    text = "np.array({0})"

    def answer(self, variable: Variable) -> Any:
        """The answer of both rules."""
        raise NotImplementedError

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        return [self.answer(inputs[0])]

    def pushforward(self, inputs: Variables, outputs: Variables, tangents: Variables) -> Terms:
        return [self.answer(inputs[0])]


class ZeroGrad(GradientMarker):
    """The value, with a derivative of zero.

    A derivative of zero, connected.
    """

    op_name = "zero_grad"

    def answer(self, variable: Variable) -> Any:
        return ZERO


class ConsiderConstant(ZeroGrad):
    """The value, with a derivative of zero (the old name).

    The old name of `ZeroGrad`.
    """

    op_name = "consider_constant"


class DisconnectedGrad(GradientMarker):
    """The value, cut off from differentiation.

    No derivative at all: nothing above is visited.
    """

    op_name = "disconnected_grad"

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False]]

    def answer(self, variable: Variable) -> Any:
        return DISCONNECTED


class UndefinedGrad(GradientMarker):
    """The value; its derivative is an error.

    A derivative that must not be taken.
    """

    op_name = "undefined_grad"

    def answer(self, variable: Variable) -> Any:
        return Undefined(null_reason(self, 0, variable, "undefined", ""))


class GradClip(GradientMarker):
    """The value; its cotangent is clipped.

    The cotangent is clipped on its way back.

    Forward mode passes tangents unchanged: the bounds speak of cotangents, and no linear map
    has this pullback.
    """

    op_name = "grad_clip"
    notation = Notation(pp="grad_clip")
    __props__ = ("clip_lower_bound", "clip_upper_bound")

    def __init__(self, clip_lower_bound: float, clip_upper_bound: float) -> None:
        if not all(isinstance(b, Real) for b in (clip_lower_bound, clip_upper_bound)):
            raise LabTypeError("The bounds of grad_clip are numbers.")
        if not clip_lower_bound <= clip_upper_bound:
            raise LabValueError(
                f"grad_clip needs lower <= upper, not {clip_lower_bound} and "
                f"{clip_upper_bound}.",
            )
        self.clip_lower_bound = clip_lower_bound
        self.clip_upper_bound = clip_upper_bound

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        bounds = (self.clip_lower_bound, self.clip_upper_bound)
        return [function("clip")(cotangents[0], *bounds)]

    def pushforward(self, inputs: Variables, outputs: Variables, tangents: Variables) -> Terms:
        return [tangents[0]]


class GradScale(GradientMarker):
    """The value; its cotangent is multiplied.

    The cotangent is multiplied on its way back; the multiplier may be a symbolic scalar.
    """

    op_name = "grad_scale"

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [False]]

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        return [cotangents[0] * inputs[1], DISCONNECTED]

    def pushforward(self, inputs: Variables, outputs: Variables, tangents: Variables) -> Terms:
        return [ZERO if tangents[0] is None else tangents[0] * inputs[1]]


zero_grad_ = ZeroGrad()
consider_constant_ = ConsiderConstant()
disconnected_grad_ = DisconnectedGrad()
undefined_grad_ = UndefinedGrad()


def zero_grad(x: Any) -> Any:
    """The value of `x`, with a derivative of zero (connected).

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> from autodiff_lab.gradient import grad
    >>> x = pt.dscalar("x")
    >>> float(grad(zero_grad(x ** 2) * x, x).eval({x: 3.0}))
    9.0
    """
    return zero_grad_(x)


def consider_constant(x: Any) -> Any:
    """The old name of `zero_grad`."""
    warnings.warn(
        "consider_constant is deprecated; use zero_grad or disconnected_grad instead.",
        DeprecationWarning, stacklevel=2,
    )
    return consider_constant_(x)


def disconnected_grad(x: Any) -> Any:
    """The value of `x`, cut off from differentiation: nothing above it is visited.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> from autodiff_lab.gradient import grad
    >>> x = pt.dscalar("x")
    >>> float(grad(disconnected_grad(x ** 2) * x, x).eval({x: 3.0}))
    9.0
    """
    return disconnected_grad_(x)


def undefined_grad(x: Any) -> Any:
    """The value of `x`; asking for its derivative raises NullTypeGradError."""
    return undefined_grad_(x)


def grad_clip(x: Any, lower_bound: float, upper_bound: float) -> Any:
    """The value of `x`; the cotangent that comes back is clipped to the bounds.

    Parameters
    ----------
    x : tensor_like
    lower_bound, upper_bound : float

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> from autodiff_lab.gradient import grad
    >>> x = pt.dscalar("x")
    >>> float(grad(grad_clip(x, -1, 1) ** 2, x).eval({x: 2.0}))
    1.0
    """
    return GradClip(lower_bound, upper_bound)(x)


def grad_scale(x: Any, multiplier: Any) -> Any:
    """The value of `x`; the cotangent that comes back is multiplied.

    Parameters
    ----------
    x : tensor_like
    multiplier : float or scalar Variable
        -1 turns the derivative round.
    """
    variable = as_tensor_variable(x)
    factor = as_tensor_variable(multiplier)
    if factor.type.dtype != variable.type.dtype and factor.owner is None:
        factor = function("cast")(factor, variable.type.dtype)
    return GradScale()(variable, factor)


def null_reason(op: Any, place: int, x: Any, kind: str, comment: str) -> str:
    """The sentence of a variable that stands for a missing derivative."""
    return (
        f"This variable is Null because the grad method for input {place} ({x}) of the {op} op "
        f"is {kind}. {comment}"
    ).strip()
