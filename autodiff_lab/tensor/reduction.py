"""Reductions: sum, and the frame that the others share.

A reduction is one class with a NumPy function, an associative primitive with its start value (for
kernels), and a pullback.  Axes are normalised when the op is made: None means all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autodiff_lab.errors import LabIndexError, LabTypeError, LabValueError, explain
from autodiff_lab.graph import Apply, Variable, describe
from autodiff_lab.tensor import dtypes
from autodiff_lab.tensor.constants import as_tensor_variable
from autodiff_lab.tensor.axes import DimShuffle
from autodiff_lab.tensor.opdef import Dims, Notation, TensorOp
from autodiff_lab.tensor.registry import function, public
from autodiff_lab.tensor.type import TensorType

Axes = tuple[int, ...] | None


def normalize_axes(axis: Any, variable: Any) -> Axes:
    """Axes as a sorted tuple of numbers from 0; None for all of them.

    Raises
    ------
    IndexError
        If there is no such axis.
    """
    ndim = variable.type.ndim
    if axis is None:
        return None
    if isinstance(axis, Variable):
        axis = getattr(axis, "data", axis)
    try:
        given = [int(entry) for entry in axis] if isinstance(axis, list | tuple) else [int(axis)]
    except TypeError:
        raise LabTypeError(
            explain(f"An axis is a whole number, not {axis!r}.", where=describe(variable))
        ) from None
    for entry in given:
        if not -ndim <= entry < ndim:
            raise LabIndexError(
                explain(
                    f"Axis {entry} does not exist.",
                    where=describe(variable),
                    why=f"it has {ndim} axes",
                )
            )
    found = sorted({entry % ndim for entry in given})
    if len(found) != len(given):
        raise LabValueError(explain(f"An axis stands twice in axis={axis}."))
    return None if len(found) == ndim and ndim > 0 else tuple(found)


class Reduction(TensorOp):
    """The frame of the reductions: which axes go, in which dtype."""

    __props__ = ("axis", "dtype")
    numpy_function = ""

    def __init__(self, axis: Axes = None, dtype: str | None = None) -> None:
        self.axis = axis
        self.dtype = dtype

    def reduced(self, ndim: int) -> tuple[int, ...]:
        """The axes that go, of an input of this rank."""
        return tuple(range(ndim)) if self.axis is None else self.axis

    def out_dtypes(self, *inputs: TensorType) -> list[str]:
        return [self.dtype or inputs[0].dtype]

    def out_dims(self, *dims: Dims) -> list[Dims]:
        (shape,) = dims
        gone = self.reduced(len(shape))
        return [tuple(length for axis, length in enumerate(shape) if axis not in gone)]

    def numpy(self, node: Apply, *arguments: str) -> str:
        axis = "" if self.axis is None else f", axis={self.axis}"
        return f"{self.numpy_function}({arguments[0]}{axis})"

    def with_kept_axes(self, variable: Any, ndim: int) -> Any:
        """Put axes of length 1 where this reduction took axes away."""
        gone = self.reduced(ndim)
        rest = iter(range(ndim))
        order = ["x" if axis in gone else next(rest) for axis in range(ndim)]
        return DimShuffle(variable.type.ndim, order)(variable)  # type: ignore[arg-type]

    def spread(self, variable: Any, like: Any) -> Any:
        """Stretch a reduced variable back to the shape of `like`."""
        ndim = like.type.ndim
        if ndim == 0:
            return variable
        return function("second")(like, self.with_kept_axes(variable, ndim))


class Sum(Reduction):
    """Sum over axes; small integers are summed in int64."""

    op_name = "sum"
    summary = "Sum over all axes or the given ones."
    notation = Notation(latex=r"\sum {0}", pp="Sum")
    numpy_function = "np.sum"
    reduction = ("add", 0)
    linear_in = (0,)

    @staticmethod
    def samples(rng: Any) -> list[Any]:  # type: ignore[override]
        """All axes, one, several, none."""
        return reduction_samples("sum", rng)

    def numpy(self, node: Apply, *arguments: str) -> str:
        axis = "" if self.axis is None else f", axis={self.axis}"
        given, wanted = node.inputs[0].type.dtype, self.dtype or node.inputs[0].type.dtype  # type: ignore[attr-defined]
        if wanted in ("float16", "float32") and given == wanted:
            # the family accumulates single precision in double precision
            total = f"np.sum({arguments[0]}{axis}, dtype=np.float64)"
            return f"{total}.astype(np.{wanted})"
        natural = {"bool": "int64", "uint8": "uint64"}.get(given, given)
        named = "" if natural == wanted else f", dtype=np.{wanted}"
        return f"np.sum({arguments[0]}{axis}{named})"

    def pullback(
        self,
        inputs: Sequence[Variable],
        outputs: Sequence[Variable],
        cotangents: Sequence[Variable],
    ) -> list[Any]:
        return [self.spread(cotangents[0], inputs[0])]


def sum_dtype(dtype: str) -> str:
    """The dtype of a sum or product: int64 and uint64 for whole numbers."""
    if dtype in dtypes.UNSIGNED:
        return "uint64"
    return "int64" if dtypes.is_discrete(dtype) else dtype


def reduce_with(
    op: type[Reduction], x: Any, axis: Any, dtype: str | None, keepdims: bool
) -> Any:
    """Apply a reduction, then put back the axes if they are to be kept."""
    variable = as_tensor_variable(x)
    reduction = op(normalize_axes(axis, variable), dtype)
    result = reduction(variable)
    return reduction.with_kept_axes(result, variable.type.ndim) if keepdims else result


def reduction_samples(name: str, rng: Any) -> list[Any]:
    """Arguments for the tests of a reduction: (function, positional, keywords)."""
    matrix = rng.normal(size=(3, 4))
    return [
        (name, (matrix,), {}),
        (name, (matrix,), {"axis": 0}),
        (name, (matrix,), {"axis": -1, "keepdims": True}),
        (name, (rng.normal(size=(2, 3, 2)),), {"axis": (0, 2)}),
        (name, (rng.normal(size=()),), {}),
    ]


@public(numpy=("sum", "add.reduce"))
def sum(  # noqa: A001  (the name that NumPy has)
    x: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False, acc_dtype: Any = None
) -> Any:
    """Sum of the elements over axes.

    Parameters
    ----------
    x : tensor_like
    axis : int or tuple of int, optional
        By default all.
    dtype : str, optional
        Of the result; small integers give int64 otherwise.
    keepdims : bool
        Keep the axes with length 1.
    acc_dtype : str, optional
        Accepted for compatibility: single precision is always summed in double precision.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> float(pt.sum(pt.constant([1.0, 2.0])).eval())
    3.0
    """
    variable = as_tensor_variable(x)
    chosen = sum_dtype(variable.type.dtype) if dtype is None else dtypes.canonical(dtype)
    return reduce_with(Sum, variable, axis, chosen, keepdims)
