"""The family's `numeric_grad` and `verify_grad`: one-sided differences of a random projection.

`study` checks gradients by extrapolated central differences (`autodiff_lab.verify`); here is what
existing test code calls, with its steps, tolerances and errors.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autodiff_lab.compile import function
from autodiff_lab.errors import GradientError, LabTypeError, LabValueError
from autodiff_lab.gradient import grad
from autodiff_lab.graph import as_list
from autodiff_lab.tensor.constants import constant
from autodiff_lab.tensor.type import TensorType

Array = np.ndarray[Any, Any]

STEPS: dict[Any, float] = {"float16": 1e-1, "float32": 3e-4, "float64": 1e-7}
TOLERANCE = {"float16": 5e-2, "float32": 1e-2, "float64": 1e-4}


class numeric_grad:
    """The derivative of a scalar function by one-sided finite differences.

    Parameters
    ----------
    f : callable
        Takes arrays, gives a number.
    pt : array or list of arrays
        The point.
    eps : float, optional
        The step; by default the largest of `type_eps` over the dtypes of the point.
    out_type : str, optional
        The dtype of f's result where it is complex.

    Attributes
    ----------
    gf : array or list of arrays
        The derivative, in the form of `pt`.

    Examples
    --------
    >>> numeric_grad(lambda x: (x**2).sum(), [np.array([3.0, 4.0])]).gf[0].round(4)
    array([6., 8.])
    """

    type_eps: dict[Any, float] = STEPS | {np.dtype(name): step for name, step in STEPS.items()}

    def __init__(
        self, f: Callable[..., Any], pt: Any, eps: float | None = None, out_type: str | None = None
    ) -> None:
        packed = isinstance(pt, list | tuple)
        arrays = _floats(pt if packed else [pt], "numeric_grad")
        if packed and all(np.ndim(entry) == 0 and isinstance(entry, float) for entry in pt):
            arrays, packed = [np.array(pt)], False  # a plain list of numbers is one vector
        working = max((a.dtype for a in arrays), key=lambda d: d.itemsize)
        if eps is None:
            eps = max(self.type_eps[a.dtype] for a in arrays)
        moved = [array.astype(working) for array in arrays]
        base = f(*moved)
        result_dtype = working if out_type is None else np.dtype(out_type)
        gradients = []
        for array in moved:
            slope = np.zeros(array.shape, dtype=result_dtype)
            for index in np.ndindex(array.shape):
                kept = array[index]
                array[index] = kept + working.type(eps)
                slope[index] = np.asarray((f(*moved) - base) / eps)
                array[index] = kept
            gradients.append(slope)
        self.gf: Any = gradients if packed else gradients[0]

    @staticmethod
    def abs_rel_err(a: Any, b: Any) -> tuple[Any, Any]:
        """Absolute and relative error: abs(a - b), and that over max(abs(a) + abs(b), 1e-8)."""
        abs_err = abs(a - b)
        # in double precision, so that half precision does not lose the 1e-8
        size = np.maximum(abs(np.float64(a)) + abs(np.float64(b)), 1e-8)
        return abs_err, abs_err / size

    def abs_rel_errors(self, g_pt: Sequence[Any]) -> list[tuple[Any, Any]]:
        """The errors of an estimate, for each argument.

        Raises
        ------
        ValueError
            If the number of arguments or a shape differs.
        """
        mine = self.gf if isinstance(self.gf, list) else [self.gf]
        if len(g_pt) != len(mine):
            raise LabValueError("argument has wrong number of elements", where=f"{len(g_pt)}")
        errors = []
        for place, (a, b) in enumerate(zip(g_pt, mine)):
            if np.shape(a) != np.shape(b):
                raise LabValueError(
                    f"argument element {place} has wrong shapes "
                    f"{np.shape(a)}, {np.shape(b)}",
                )
            errors.append(self.abs_rel_err(a, b))
        return errors

    def max_err(
        self, g_pt: Sequence[Any], abs_tol: float, rel_tol: float
    ) -> tuple[int, int, float, float]:
        """The worst entry: (argument, flat position, absolute error, relative error).

        Worst is the largest min(abs_err / abs_tol, rel_err / rel_tol): above 1 both are exceeded.

        Raises
        ------
        ValueError
            If an error is not finite.
        """
        positions, worst = [], []
        errors = self.abs_rel_errors(g_pt)
        for abs_err, rel_err in errors:
            if not (np.all(np.isfinite(abs_err)) and np.all(np.isfinite(rel_err))):
                raise LabValueError("abs_err or rel_err not finite", where=repr(abs_err))
            scaled = np.minimum(abs_err / abs_tol, rel_err / rel_tol)
            position = int(np.argmax(scaled)) if np.size(scaled) else 0
            positions.append(position)
            worst.append(float(np.ravel(scaled)[position]) if np.size(scaled) else 0.0)
        argument = int(np.argmax(worst))
        flat = positions[argument]
        abs_err, rel_err = (np.ravel(part) for part in errors[argument])
        if not abs_err.size:
            return argument, flat, 0.0, 0.0
        return argument, flat, abs_err[flat], rel_err[flat]


def verify_grad(
    fun: Callable[..., Any], pt: Sequence[Array], n_tests: int = 2, rng: Any = None,
    eps: float | None = None, out_type: str | None = None, abs_tol: float | None = None,
    rel_tol: float | None = None, mode: Any = None, cast_to_output_type: bool = False,
    no_debug_ref: bool = True,
) -> None:
    """Compare the derivative of a function with finite differences; raise if they disagree.

    Parameters
    ----------
    fun : callable
        Takes variables, returns a variable (or several); an op for instance.
    pt : list of arrays of floats
        The point.
    n_tests : int
        How many random projections of the outputs are tried.
    rng : numpy Generator or RandomState
        Draws the projections, uniform in [0.5, 1.5).
    eps, abs_tol, rel_tol : float, optional
        Step and tolerances; by default they follow from the dtypes.  A test fails only if both
        tolerances are exceeded.
    out_type : str, optional
        The dtype of the outputs, where it is complex.
    mode : optional
        The mode to compile with.
    cast_to_output_type : bool
        Draw projections in float32 for outputs in float32.
    no_debug_ref : bool
        Accepted for compatibility.

    Raises
    ------
    GradientError
        If the derivatives disagree.
    TypeError
        If the point is no list or holds something else than floats.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> verify_grad(pt.tanh, [np.array([[2.0, 3.0], [-1.0, 3.3]])], rng=np.random.default_rng(1))
    """
    arrays = _checked_point(pt)
    if not hasattr(rng, "random"):
        raise LabTypeError(
            "rng should be a valid instance of numpy.random.Generator or "
            "numpy.random.RandomState.",
            remedy="verify_grad(..., rng=np.random.default_rng(0))",
        )
    tolerance = max(TOLERANCE[array.dtype.name] for array in arrays)
    abs_tol, rel_tol = (tolerance if given is None else given for given in (abs_tol, rel_tol))
    variables = [
        TensorType(a.dtype.name, tuple(1 if n == 1 else None for n in a.shape))(f"input {k}")
        for k, a in enumerate(arrays)
    ]
    outputs = as_list(fun(*variables))
    options: dict[str, Any] = {
        "mode": mode, "on_unused_input": "ignore", "allow_input_downcast": True,
    }
    shapes = [np.shape(v) for v in function(variables, outputs, **options)(*arrays)]
    for _ in range(n_tests):
        weights = [
            _projection(rng, shape, output.type.dtype, cast_to_output_type)
            for shape, output in zip(shapes, outputs)
        ]
        parts = [
            (output * constant(weight)).sum().real for output, weight in zip(outputs, weights)
        ]
        cost = functools.reduce(operator.add, parts)
        gradients = grad(cost, variables, disconnected_inputs="ignore")
        exact = function(variables, gradients, **options)(*arrays)
        numeric = numeric_grad(function(variables, cost, **options), arrays, eps, out_type)
        _compare(arrays, exact, numeric, abs_tol, rel_tol)


def _compare(
    arrays: list[Array], exact: list[Array], numeric: numeric_grad, abs_tol: float, rel_tol: float
) -> None:
    argument, position, abs_err, rel_err = numeric.max_err(exact, abs_tol, rel_tol)
    if abs_err > abs_tol and rel_err > rel_tol:
        values = [np.ravel(part[argument])[position] for part in (exact, numeric.gf)]
        raise GradientError(
            argument, position, arrays[argument].shape, *values, abs_err, rel_err, abs_tol, rel_tol
        )


def _checked_point(pt: Any) -> list[Array]:
    if not isinstance(pt, list | tuple):
        raise LabTypeError("`pt` should be a list or tuple of arrays.")
    return _floats(pt, "verify_grad")


def _floats(pt: Any, who: str) -> list[Array]:
    arrays = [np.array(entry) for entry in pt]
    for place, array in enumerate(arrays):
        if array.dtype.name not in TOLERANCE:
            raise LabTypeError(
                f"{who} can work only with floating point inputs, but input "
                f'{place} has dtype "{array.dtype}".',
                remedy="np.asarray(value, dtype='float64')",
            )
    return arrays


def _projection(rng: Any, shape: tuple[int, ...], dtype: str, cast: bool) -> Array:
    weights = np.asarray(rng.random(shape) + 0.5)
    if dtype.startswith("complex"):     # the cost is real: real and imaginary parts, added
        weights = weights * (1 - 1j)
    return weights.astype("float32") if cast and dtype == "float32" else weights
