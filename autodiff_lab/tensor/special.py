"""`softmax`, `log_softmax` and `logsumexp`, none of which overflows.

Each subtracts the maximum first; their derivatives are written with their own results.
"""

from __future__ import annotations

from typing import Any

from autodiff_lab.graph import Tangents, Terms, Variables
from autodiff_lab.tensor import dtypes
from autodiff_lab.tensor.along import Axes, OverAxes, normalize_axes
from autodiff_lab.tensor.constants import as_tensor_variable
from autodiff_lab.tensor.opdef import Dims, Notation, define_helper
from autodiff_lab.tensor.registry import function, public
from autodiff_lab.tensor.shaping import expand_dims


class _Exponentials(OverAxes):
    """The frame of functions of exponentials and their sum over the axes."""

    def total(self, x: Any) -> Any:
        """The sum over the axes, which are kept."""
        return function("sum")(x, axis=self.axes(x.type.ndim), keepdims=True)


SOFTMAX = define_helper(
    "softmax_along",
    '''
def softmax_along(x, axes):
    """exp(x), divided by its sum over the axes."""
    result = np.exp(x - np.max(x, axis=axes, keepdims=True, initial=-np.inf))
    result /= np.sum(result, axis=axes, keepdims=True)
    return result
''',
)


class Softmax(_Exponentials):
    """Exponentials divided by their sum over the axes.

    exp(x) divided by its sum over the axes.

    The Jacobian of a row is diag(y) - y y^T, so both rules are y v - y sum(y v); not taken
    together, since the v of a logarithm is divided by y, which may be rounded to 0.
    """

    op_name = "softmax"
    words = "softmax: y v - y sum(y v)"
    notation = Notation(latex=r"\mathrm{{softmax}}\left({0}\right)", pp="Softmax")
    helper = SOFTMAX

    def _moved(self, output: Any, vector: Any) -> Any:
        moved = output * vector
        return moved - output * self.total(moved)

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        return [self._moved(outputs[0], cotangents[0])]

    def pushforward(self, inputs: Variables, outputs: Variables, tangents: Tangents) -> Terms:
        """As the pullback: the Jacobian is symmetric."""
        return [self._moved(outputs[0], tangents[0])]


LOG_SOFTMAX = define_helper(
    "log_of_softmax",
    '''
def log_of_softmax(x, axes):
    """x minus the logarithm of the sum of exp(x) over the axes."""
    shifted = x - np.max(x, axis=axes, keepdims=True, initial=-np.inf)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axes, keepdims=True))
''',
)


class LogSoftmax(_Exponentials):
    """The logarithm of softmax.

    The logarithm of `softmax`; its Jacobian, 1 - 1 y^T, is not symmetric.
    """

    op_name = "log_softmax"
    words = "log softmax: v - y sum(v)"
    notation = Notation(latex=r"\log\mathrm{{softmax}}\left({0}\right)", pp="LogSoftmax")
    helper = LOG_SOFTMAX

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        return [cotangents[0] - Softmax(self.axis)(inputs[0]) * self.total(cotangents[0])]

    def pushforward(self, inputs: Variables, outputs: Variables, tangents: Tangents) -> Terms:
        """t - sum(y t)."""
        return [tangents[0] - self.total(Softmax(self.axis)(inputs[0]) * tangents[0])]


LOG_SUM_EXP = define_helper(
    "log_sum_exp",
    '''
def log_sum_exp(x, axes):
    """log(sum(exp(x))) over the axes; -inf for nothing at all."""
    largest = np.max(x, axis=axes, keepdims=True, initial=-np.inf)
    finite = np.where(np.isfinite(largest), largest, 0).astype(x.dtype)
    return (np.log(np.sum(np.exp(x - finite), axis=axes, keepdims=True)) + finite).squeeze(axes)
''',
)


class LogSumExp(_Exponentials):
    """The logarithm of the sum of exponentials over the axes.

    log(sum(exp(x))) over axes; its derivative is softmax.
    """

    op_name = "logsumexp"
    words = "the derivative of logsumexp is softmax"
    notation = Notation(latex=r"\log \sum e^{{{0}}}", pp="LogSumExp")
    helper = LOG_SUM_EXP

    def out_dims(self, *dims: Dims) -> list[Dims]:
        return [self.kept_dims(dims[0])]

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        kept = expand_dims(cotangents[0], self.axes(inputs[0].type.ndim))
        return [kept * Softmax(self.axis)(inputs[0])]

    def pushforward(self, inputs: Variables, outputs: Variables, tangents: Tangents) -> Terms:
        """sum(y t)."""
        moved = Softmax(self.axis)(inputs[0]) * tangents[0]
        return [function("sum")(moved, axis=self.axes(inputs[0].type.ndim))]


def _prepared(x: Any, axis: Any) -> tuple[Any, Axes]:
    variable = as_tensor_variable(x)
    variable = function("cast")(variable, dtypes.to_float(variable.type.dtype))
    return variable, normalize_axes(axis, variable)


@public()
def softmax(x: Any, axis: Any = None) -> Any:
    """exp(x) divided by its sum over the axes.

    Parameters
    ----------
    x : tensor_like
    axis : int or tuple of int, optional
        By default all axes, as in SciPy; -1 makes each row a distribution.

    Examples
    --------
    >>> softmax([0.0, 0.0]).eval().tolist()
    [0.5, 0.5]
    """
    variable, axes = _prepared(x, axis)
    return Softmax(axes)(variable)


@public()
def log_softmax(x: Any, axis: Any = None) -> Any:
    """The logarithm of `softmax`, without its rounding and underflow."""
    variable, axes = _prepared(x, axis)
    return LogSoftmax(axes)(variable)


@public()
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """log(sum(exp(x))) over axes, without overflow.

    Examples
    --------
    >>> float(logsumexp([1000.0, 1000.0 - 800.0]).eval())
    1000.0
    """
    variable, axes = _prepared(x, axis)
    op = LogSumExp(axes)
    result = op(variable)
    return expand_dims(result, op.axes(variable.type.ndim)) if keepdims else result
