"""`DimShuffle`: reorder axes, add axes of length 1, drop axes of length 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autodiff_lab.errors import LabTypeError, LabValueError
from autodiff_lab.graph import Apply, Flags, Terms, Variable, Variables, describe
from autodiff_lab.tensor.constants import array_function, as_tensor_variable
from autodiff_lab.tensor.opdef import Dims, TensorOp, calls, drawn
from autodiff_lab.tensor.registry import public


class DimShuffle(TensorOp):
    """Reorder, add and drop axes.

    Axes in another order; ``"x"`` stands for a new axis of length 1.

    Parameters
    ----------
    input_ndim : int
    new_order : tuple of int or "x"
        Axes that are left out are dropped: they must have length 1.
    """

    op_name = "dimshuffle"
    __props__ = ("input_ndim", "new_order")
    linear_in = (0,)

    samples = calls(("dimshuffle", drawn(2, 3), 1, 0), ("dimshuffle", drawn(3), "x", 0))

    def __init__(self, input_ndim: int, new_order: Sequence[int | str]) -> None:
        order = tuple(entry if entry == "x" else int(entry) for entry in new_order)
        kept = [entry for entry in order if entry != "x"]
        if len(set(kept)) != len(kept):
            raise LabValueError(f"An axis stands twice in the pattern {order}.")
        for entry in kept:
            if not 0 <= int(entry) < input_ndim:
                raise LabValueError(
                    f"Axis {entry} of the pattern {order} does not exist.",
                    why=f"the input has {input_ndim} axes",
                )
        self.input_ndim = input_ndim
        self.new_order: tuple[int | str, ...] = order

    @property
    def kept(self) -> tuple[int, ...]:
        """The axes of the input that remain, in their new order."""
        return tuple(int(entry) for entry in self.new_order if entry != "x")

    @property
    def dropped(self) -> tuple[int, ...]:
        """The axes of the input that go."""
        return tuple(axis for axis in range(self.input_ndim) if axis not in self.kept)

    @property
    def added(self) -> tuple[int, ...]:
        """The axes of the output that are new."""
        return tuple(axis for axis, entry in enumerate(self.new_order) if entry == "x")

    @property
    def only_adds_axes(self) -> bool:
        """Whether it is plumbing: axes added, none moved or dropped."""
        return self.kept == tuple(range(self.input_ndim))

    def out_dims(self, *dims: Dims) -> list[Dims]:
        (shape,) = dims
        return [tuple(1 if entry == "x" else shape[int(entry)] for entry in self.new_order)]

    def prepare(self, *inputs: Any) -> list[Any]:
        variable = as_tensor_variable(inputs[0])
        if variable.type.ndim != self.input_ndim:
            raise LabTypeError(
                f"dimshuffle{self.new_order} is for rank {self.input_ndim}.",
                where=describe(variable),
            )
        for axis in self.dropped:
            if variable.type.shape[axis] not in (1, None):
                raise LabValueError(
                    f"Axis {axis} cannot be dropped: it has length "
                    f"{variable.type.shape[axis]}.",
                    where=describe(variable),
                    remedy=f"x.sum(axis={axis}) or x[{', '.join([':'] * axis + ['0'])}]",
                )
        return [variable]

    def numpy(self, node: Apply, *arguments: str) -> str:
        (text,) = arguments
        if self.dropped:
            text = f"np.squeeze({text}, axis={self.dropped})"
        rank = {axis: place for place, axis in enumerate(sorted(self.kept))}
        order = tuple(rank[axis] for axis in self.kept)
        if order == (1, 0):
            text = f"{text}.T"
        elif order != tuple(range(len(order))):
            text = f"np.transpose({text}, {order})"
        if self.added:
            text = f"np.expand_dims({text}, {self.added})"
        return text

    def batch(self, node: Apply, inputs: Variables, batched: Flags) -> list[Variable]:
        """The leading axis stays in front."""
        order = [0, *("x" if entry == "x" else int(entry) + 1 for entry in self.new_order)]
        return [DimShuffle(self.input_ndim + 1, order)(inputs[0])]

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        order: list[int | str] = []
        for axis in range(self.input_ndim):
            order.append(self.new_order.index(axis) if axis in self.kept else "x")
        return [DimShuffle(len(self.new_order), order)(cotangents[0])]


@public()
def dimshuffle(x: Any, *pattern: Any) -> Any:
    """Reorder, add (``"x"``) and drop axes.

    Parameters
    ----------
    x : tensor_like
    *pattern : int or "x"
        One entry per axis of the result; may be given as one list or tuple.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> dimshuffle(pt.dmatrix("m"), 1, 0, "x").type.shape
    (None, None, 1)
    """
    if len(pattern) == 1 and isinstance(pattern[0], list | tuple):
        pattern = tuple(pattern[0])
    variable = as_tensor_variable(x)
    rank = variable.type.ndim
    order = [entry if entry == "x" else (entry + rank if entry < 0 else entry) for entry in pattern]
    if order == list(range(rank)):
        return variable
    return DimShuffle(rank, order)(variable)


@public()
def atleast_rank(x: Any, ndim: int) -> Any:
    """`x` with axes of length 1 added in front, up to rank `ndim`.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> atleast_rank(pt.dvector("x"), 3).type.shape
    (1, 1, None)
    """
    variable = as_tensor_variable(x)
    missing = ndim - variable.type.ndim
    if missing < 0:
        raise LabValueError(f"{describe(variable)} has more than {ndim} axes.")
    if missing == 0:
        return variable
    rank = variable.type.ndim
    return DimShuffle(rank, ["x"] * missing + list(range(rank)))(variable)


def padded(x: Any, rank: int) -> Any:
    """A batch with axes of length 1 added behind its first axis, up to a rank."""
    own = x.type.ndim
    return dimshuffle(x, *range(min(own, 1)), *["x"] * (rank - own), *range(1, own))


@array_function(numpy=("transpose",))
def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """The axes in reverse order, or in the order given.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> transpose(pt.tensor("x", shape=(2, 3))).type.shape
    (3, 2)
    """
    order = range(x.type.ndim)[::-1] if axes is None else axes
    return dimshuffle(x, *order)


