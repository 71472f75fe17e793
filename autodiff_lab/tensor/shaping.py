"""Shapes: asking for them, changing them, promising them.

`Shape`, `Reshape` and `SpecifyShape` are the ops; everything else is made of them and of
`DimShuffle`.  Lengths are scalar inputs (`tensor.lengths`), so known ones are constants.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from autodiff_lab.errors import LabValueError
from autodiff_lab.graph import DISCONNECTED, Apply, Flags, Terms, Variable, Variables, describe
from autodiff_lab.tensor.along import entries_of, one_axis, some_axes
from autodiff_lab.tensor.axes import dimshuffle
from autodiff_lab.tensor.constants import array_function, as_tensor_variable
from autodiff_lab.tensor.lengths import (
    as_lengths, element_count, known_int, length_of, lengths_of, static_lengths,
)
from autodiff_lab.tensor.opdef import Dims, Notation, TensorOp, calls, define_helper, drawn
from autodiff_lab.tensor.registry import function, public


class Shape(TensorOp):
    """The lengths of all axes as a vector.

    The lengths of all axes, as an int64 vector.
    """

    op_name = "shape"
    __props__ = ()
    notation = Notation(latex=r"\mathrm{{shape}}\left({0}\right)", pp="Shape")
    differentiable = False
    data_inputs = 0
    dtype = "int64"
    text = "np.array(np.shape({0}), dtype=np.int64)"

    samples = calls(("shape", drawn(2, 3)), ("shape", drawn()))

    def out_dims(self, *dims: Dims) -> list[Dims]:
        return [(len(dims[0]),)]

    def batch(self, node: Apply, inputs: Variables, batched: Flags) -> list[Variable]:
        """The shape of one entry: all entries have the same."""
        return [function("subtensor")(Shape()(inputs[0]), slice(1, None))]


class Reshape(TensorOp):
    """The same elements in another shape.

    The same elements, in C order, in another shape.

    Inputs are the array and one scalar per axis of the result; a constant -1 stands for the length
    that follows from the others.
    """

    op_name = "reshape"
    __props__ = ()
    linear_in = (0,)
    data_inputs = 1

    samples = calls(
        ("reshape", drawn(6), (2, 3)), ("reshape", drawn(2, 3), (-1,)),
        ("reshape", drawn(2, 3), (3, -1, 1)), ("reshape", drawn(), (1, 1)),
    )

    def prepare(self, *inputs: Any) -> list[Any]:
        return [as_tensor_variable(inputs[0]), *as_lengths(inputs[1:])]

    def out_dims_of(self, variables: Sequence[Any]) -> list[Dims]:
        source, *lengths = variables
        known = [known_int(length) for length in lengths]
        inferred = [axis for axis, length in enumerate(known) if length == -1]
        if len(inferred) > 1:
            raise LabValueError("Only one length of a shape can be -1.", where=describe(source))
        total = _product(source.type.shape)
        rest = _product([length for length in known if length != -1])
        dims: list[int | None] = list(known)
        if inferred:
            dims[inferred[0]] = None
        if total is not None and rest is not None:
            if inferred and rest > 0 and total % rest == 0:
                dims[inferred[0]] = total // rest
            elif inferred or total != rest:
                raise LabValueError(
                    f"Cannot reshape {total} elements into {tuple(known)}.", where=describe(source),
                    why="the number of elements must stay the same",
                )
        return [static_lengths([-2 if d is not None and d < 0 else d for d in dims])]

    def numpy(self, node: Apply, *arguments: str) -> str:
        source, *lengths = arguments
        return f"np.reshape({source}, ({''.join(length + ', ' for length in lengths)}))"

    def batch(self, node: Apply, inputs: Variables, batched: Flags) -> list[Variable] | None:
        """The leading axis keeps its length."""
        if any(batched[1:]):
            return None
        return [Reshape()(inputs[0], length_of(inputs[0], 0), *inputs[1:])]

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        lengths = lengths_of(inputs[0])
        return [Reshape()(cotangents[0], *lengths)] + [DISCONNECTED] * (len(inputs) - 1)


CHECKED_SHAPE = define_helper(
    "checked_shape",
    '''
def checked_shape(array, wanted):
    """The array, if its shape is as wanted (None: any length)."""
    wanted = tuple(None if length is None else int(length) for length in wanted)
    if any(w is not None and w != n for w, n in zip(wanted, array.shape)):
        raise ValueError(f"SpecifyShape: got shape {array.shape}, expected {wanted}.")
    return array
''',
)


class SpecifyShape(TensorOp):
    """The value itself, with a promise about its shape that is checked.

    A promise about the shape, checked when it runs.

    Parameters
    ----------
    pattern : tuple of bool
        For each axis whether a length is given: those are the inputs after the array.
    """

    op_name = "specify_shape"
    __props__ = ("pattern",)
    notation = Notation(latex="{0}", pp="SpecifyShape")
    linear_in = (0,)
    data_inputs = 1

    samples = calls(
        ("specify_shape", drawn(2, 3), (2, None)), ("specify_shape", drawn(2, 3), (2, 3)),
    )

    def __init__(self, pattern: Sequence[bool]) -> None:
        self.pattern = tuple(bool(given) for given in pattern)

    def prepare(self, *inputs: Any) -> list[Any]:
        return [as_tensor_variable(inputs[0]), *as_lengths(inputs[1:])]

    def out_dims_of(self, variables: Sequence[Any]) -> list[Dims]:
        source, *lengths = variables
        promised = iter(static_lengths(lengths))
        dims: list[int | None] = []
        for axis, (given, known) in enumerate(zip(self.pattern, source.type.shape)):
            wanted = next(promised) if given else None
            if wanted is not None and known is not None and wanted != known:
                raise LabValueError(
                    f"SpecifyShape: axis {axis} will never match: it has length {known}, "
                    f"not {wanted}.",
                    where=describe(source),
                )
            dims.append(known if wanted is None else wanted)
        return [tuple(dims)]

    def numpy(self, node: Apply, *arguments: str) -> str:
        source, *lengths = arguments
        rest = iter(lengths)
        wanted = "".join(f"{next(rest) if given else None}, " for given in self.pattern)
        return f"{CHECKED_SHAPE}({source}, ({wanted}))"

    def batch(self, node: Apply, inputs: Variables, batched: Flags) -> list[Variable] | None:
        """The same promise about every entry along a leading axis."""
        if any(batched[1:]):
            return None
        return [SpecifyShape((False, *self.pattern))(*inputs)]

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        return [cotangents[0]] + [DISCONNECTED] * (len(inputs) - 1)


def _product(lengths: Sequence[int | None]) -> int | None:
    """The product of lengths, None if one is not known."""
    return None if None in lengths else math.prod(length or 0 for length in lengths)


class Unbroadcast(TensorOp):
    """The value itself, with axes that do not stretch.

    The value itself; axes of length 1 count as of unknown length and do not stretch.
    """

    op_name = "unbroadcast"
    __props__ = ("axes",)
    words = "the value itself"
    notation = Notation(latex="{0}", pp="Unbroadcast")
    linear_in = (0,)
    text = "{0}"

    samples = calls(("unbroadcast", drawn(1, 3), 0))

    def __init__(self, axes: tuple[int, ...]) -> None:
        self.axes = axes

    def out_dims(self, *dims: Dims) -> list[Dims]:
        return [tuple(None if a in self.axes else n for a, n in enumerate(dims[0]))]

    def batch(self, node: Apply, inputs: Variables, batched: Flags) -> Terms:
        """The same of every entry."""
        return [Unbroadcast(tuple(axis + 1 for axis in self.axes))(inputs[0])]

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        lengths = [1 if a in self.axes and n == 1 else None
                   for a, n in enumerate(inputs[0].type.shape)]
        return [specify_shape(cotangents[0], lengths)]


# -- asking --------------------------------------------------------------------------------------


@public(numpy=("shape",))
def shape(x: Any) -> Any:
    """The lengths of all axes, as an int64 vector.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> x = pt.dmatrix("x")
    >>> shape(x).type
    TensorType(int64, shape=(2,))
    """
    return Shape()(as_tensor_variable(x))


@array_function(numpy=("size",))
def size(x: Any, axis: int | None = None) -> Any:
    """The number of elements, or the length of one axis.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> int(size(pt.ones((2, 3))).eval())
    6
    """
    return element_count(x, None if axis is None else [one_axis(x, axis)])


@public(numpy=("ndim",))
def ndim(x: Any) -> int:
    """The number of axes, a Python number.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> ndim(pt.dmatrix("m"))
    2
    """
    return int(as_tensor_variable(x).type.ndim)


@public()
def get_vector_length(x: Any) -> int:
    """The length of a vector, if it is known.

    Raises
    ------
    ValueError
        If it is not known.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> get_vector_length(pt.dmatrix("m").shape)
    2
    """
    variable = as_tensor_variable(x)
    if variable.type.ndim != 1 or variable.type.shape[0] is None:
        raise LabValueError(f"Length of {variable} cannot be determined.", where=describe(variable))
    return int(variable.type.shape[0])


# -- changing ------------------------------------------------------------------------------------


@public(numpy=("reshape",))
def reshape(x: Any, shape: Any, ndim: int | None = None, order: str = "C") -> Any:
    """The same elements, in C order, in another shape.

    Parameters
    ----------
    x : tensor_like
    shape : int, sequence of int or scalars, or vector of known length
        One -1 stands for the length that follows from the others.
    ndim : int, optional
        The length of `shape`, where it is a vector of unknown length.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> reshape(pt.dmatrix("x"), (2, -1)).type.shape
    (2, None)
    """
    if order != "C":
        raise LabValueError(f"reshape reads in C order, not {order!r}.", remedy="transpose first")
    if ndim is not None and isinstance(shape, Variable):
        shape = specify_shape(shape, (ndim,))
    lengths = as_lengths(shape)
    if ndim is not None and len(lengths) != ndim:
        raise LabValueError(f"The shape has {len(lengths)} lengths, ndim is {ndim}.")
    return Reshape()(as_tensor_variable(x), *lengths)


@array_function()
def flatten(x: Any, ndim: int = 1, outdim: int | None = None) -> Any:
    """The first ``ndim - 1`` axes stay, the others become one.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> flatten(pt.tensor("x", shape=(2, 3, 4)), 2).type.shape
    (2, 12)
    """
    ndim = ndim if outdim is None else outdim
    rank = x.type.ndim
    if not 1 <= ndim <= max(rank, 1):
        raise LabValueError(f"Cannot flatten to {ndim} axes.", where=describe(x))
    if rank == ndim:
        return x
    lengths = [length_of(x, axis) for axis in range(ndim - 1)]
    if ndim == 1:
        return reshape(x, (-1,))
    return reshape(x, [*lengths, element_count(x, range(ndim - 1, rank))])


@public(numpy=("ravel",))
def ravel(x: Any) -> Any:
    """All elements as a vector, in C order.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> ravel(pt.ones((2, 3))).type.shape
    (6,)
    """
    return flatten(x)


def merged(x: Any, axes: Sequence[int]) -> Any:
    """An array with some axes moved behind the others and made one, in C order."""
    kept = [axis for axis in range(x.type.ndim) if axis not in axes]
    return flatten(dimshuffle(x, *kept, *axes), len(kept) + 1)


@array_function(numpy=("squeeze",))
def squeeze(x: Any, axis: Any = None) -> Any:
    """Drop axes of length 1: those known to have it, or those given.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> squeeze(pt.ones((1, 3, 1))).type.shape
    (3,)
    """
    if axis is None:
        gone = {a for a, length in enumerate(x.type.shape) if length == 1}
    else:
        gone = set(some_axes(x, axis))
    return dimshuffle(x, [a for a in range(x.type.ndim) if a not in gone])


@array_function("shape_padaxis", numpy=("expand_dims",))
def expand_dims(x: Any, axis: Any) -> Any:
    """Add axes of length 1, at these places of the result; `shape_padaxis` is the same.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> expand_dims(pt.dvector("x"), 0).type.shape
    (1, None)
    """
    entries = entries_of(axis)
    rank = x.type.ndim + len(entries)
    places = {one_axis(x, entry, rank) for entry in entries}
    if len(places) != len(entries):
        raise LabValueError(f"An axis stands twice in axis={axis}.")
    rest = iter(range(x.type.ndim))
    return dimshuffle(x, ["x" if a in places else next(rest) for a in range(rank)])


@array_function(numpy=("swapaxes",))
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Exchange two axes.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> swapaxes(pt.ones((2, 3, 4)), 0, 2).type.shape
    (4, 3, 2)
    """
    first, other = one_axis(x, axis1), one_axis(x, axis2)
    order = list(range(x.type.ndim))
    order[first], order[other] = other, first
    return dimshuffle(x, order)


@array_function(numpy=("moveaxis",))
def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    """Move axes to other places; the others keep their order.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> moveaxis(pt.tensor("x", shape=(2, 3, 4)), 0, -1).type.shape
    (3, 4, 2)
    """
    rank = x.type.ndim
    sources, places = some_axes(x, source), some_axes(x, destination)
    if len(sources) != len(places):
        raise LabValueError(f"moveaxis cannot move {source} to {destination}: one place per axis.")
    moved = dict(zip(places, sources))
    rest = (axis for axis in range(rank) if axis not in sources)
    return dimshuffle(x, [moved[a] if a in moved else next(rest) for a in range(rank)])


@array_function()
def shape_padleft(x: Any, n_ones: int = 1) -> Any:
    """Add axes of length 1 in front.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> shape_padleft(pt.ones((2, 3))).type.shape
    (1, 2, 3)
    """
    return dimshuffle(x, ["x"] * n_ones + list(range(x.type.ndim)))


@array_function()
def shape_padright(x: Any, n_ones: int = 1) -> Any:
    """Add axes of length 1 behind.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> shape_padright(pt.ones((2, 3)), 2).type.shape
    (2, 3, 1, 1)
    """
    return dimshuffle(x, list(range(x.type.ndim)) + ["x"] * n_ones)


# -- promising -----------------------------------------------------------------------------------


@array_function()
def specify_shape(x: Any, shape: Any) -> Any:
    """Say what the shape is (None: not known); it is checked when the graph runs.

    Raises
    ------
    ValueError
        At once if it contradicts what is known, else when it runs.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> specify_shape(pt.dmatrix("x"), (3, None)).type.shape
    (3, None)
    """
    given = as_lengths(shape) if isinstance(shape, Variable) else entries_of(shape)
    if len(given) != x.type.ndim:
        raise LabValueError(
            f"SpecifyShape: {len(given)} lengths will never match {x.type.ndim} axes.",
            where=describe(x),
        )
    wanted = [
        None if length is None or known_int(length) == known is not None else length
        for length, known in zip(given, x.type.shape)
    ]
    if all(length is None for length in wanted):
        return x
    lengths = as_lengths([length for length in wanted if length is not None])
    return SpecifyShape([length is not None for length in wanted])(x, *lengths)


@array_function("addbroadcast")
def specify_broadcastable(x: Any, *axes: int) -> Any:
    """Say that these axes have length 1, so that they may be stretched.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> specify_broadcastable(pt.dmatrix("m"), 1).type.shape
    (None, 1)
    """
    places = some_axes(x, axes)
    return specify_shape(x, [1 if axis in places else None for axis in range(x.type.ndim)])


@array_function()
def unbroadcast(x: Any, *axes: int) -> Any:
    """Say that these axes must not be stretched, though they may have length 1."""
    return Unbroadcast(tuple(sorted(some_axes(x, axes))))(x)


@array_function()
def patternbroadcast(x: Any, broadcastable: Sequence[bool]) -> Any:
    """Say of each axis whether it has length 1 and may be stretched."""
    fixed = [axis for axis, stretches in enumerate(broadcastable)
             if not stretches and x.type.shape[axis] == 1]
    ones = [axis for axis, stretches in enumerate(broadcastable) if stretches]
    return specify_broadcastable(unbroadcast(x, *fixed) if fixed else x, *ones)


@public()
class Rebroadcast:
    """The family's older op: says of axes whether they may be stretched.

    Parameters
    ----------
    *axes : pair of (int, bool)

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> Rebroadcast((0, True))(pt.dmatrix("m")).type.shape
    (1, None)
    """

    def __init__(self, *axes: tuple[int, bool]) -> None:
        self.axis = dict(axes)

    def __call__(self, x: Any) -> Any:
        """`x` with these axes told."""
        given = as_tensor_variable(x)
        pattern = [self.axis.get(n, length == 1) for n, length in enumerate(given.type.shape)]
        return patternbroadcast(given, pattern)
