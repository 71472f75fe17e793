"""Coordinates of grids: `meshgrid` of vectors, `mgrid` and `ogrid` of slices.

A dense grid is each vector along its own axis, stretched to the others; an open one is left as
it is.
"""

from __future__ import annotations

from typing import Any

from autodiff_lab.errors import LabTypeError, one_of
from autodiff_lab.tensor import dtypes
from autodiff_lab.tensor.axes import dimshuffle
from autodiff_lab.tensor.creation import alloc, arange, linspace
from autodiff_lab.tensor.lengths import length_of
from autodiff_lab.tensor.registry import FUNCTIONS, function, public
from autodiff_lab.tensor.shaping import flatten


@public(numpy=("meshgrid",))
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> list[Any]:
    """The coordinates of the points of a grid: for each vector an array of its values there.

    Parameters
    ----------
    *xi : vector
    copy : bool
        Accepted for compatibility.
    sparse : bool
        Do not stretch the vectors to each other: broadcasting will.
    indexing : {"xy", "ij"}
        "ij": the first vector runs along the first axis; "xy": the first two change places.

    Examples
    --------
    >>> x, y = meshgrid([1.0, 2.0, 3.0], [5.0, 7.0])
    >>> y.eval().tolist()
    [[5.0, 5.0, 5.0], [7.0, 7.0, 7.0]]
    """
    one_of(indexing, ("xy", "ij"), f"meshgrid does not know indexing={indexing!r}.")
    vectors = [flatten(x) for x in xi]
    places = list(range(len(vectors)))
    if indexing == "xy":
        places[:2] = places[:2][::-1]
    grids = [
        dimshuffle(x, [0 if axis == place else "x" for axis in range(len(vectors))])
        for x, place in zip(vectors, places)
    ]
    lengths = [length_of(vectors[place], 0) for place in places]
    return grids if sparse else [alloc(grid, *lengths) for grid in grids]


class Grids:
    """What slices in brackets make: ``mgrid[0:2, 0:3]``; a step ``5j`` asks for 5 points.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> rows, columns = pt.mgrid[0:2, 0:3]
    >>> rows.eval().tolist()
    [[0, 0, 0], [1, 1, 1]]
    >>> pt.mgrid[0:1:5j].eval().tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """

    def __init__(self, sparse: bool) -> None:
        self.sparse = sparse

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, tuple):
            return _numbers(key)
        vectors = [_numbers(entry) for entry in key]
        if not self.sparse:
            common = dtypes.upcast(*(vector.type.dtype for vector in vectors))
            vectors = [function("cast")(vector, common) for vector in vectors]
        return meshgrid(*vectors, sparse=self.sparse, indexing="ij")


def _numbers(entry: Any) -> Any:
    """The numbers of one slice."""
    if not isinstance(entry, slice) or entry.stop is None:
        raise LabTypeError(
            f"A grid is made of slices with an end, not of {entry!r:.60}.", remedy="mgrid[0:3, 0:5]"
        )
    start = 0 if entry.start is None else entry.start
    if isinstance(entry.step, complex):
        return linspace(start, entry.stop, int(abs(entry.step)))
    return arange(start, entry.stop, 1 if entry.step is None else entry.step)


NAMED: dict[str, Any] = FUNCTIONS
NAMED.update(mgrid=Grids(sparse=False), ogrid=Grids(sparse=True))
