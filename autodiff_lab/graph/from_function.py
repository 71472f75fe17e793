"""`as_op`: a Python function as an op, for what no graph can say."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

from autodiff_lab.errors import LabTypeError
from autodiff_lab.graph.basic import Apply, Type
from autodiff_lab.graph.op import Op
from autodiff_lab.graph.replace import as_list

DEFINED: weakref.WeakValueDictionary[str, FromFunctionOp] = weakref.WeakValueDictionary()
"""Where a function is defined -> the op that `as_op` made of it; saved graphs name the place."""


def place_of(thing: Any) -> str:
    """The module and the name of a function or class; a script is ``__main__`` everywhere."""
    module = "__main__" if thing.__module__ == "__mp_main__" else thing.__module__
    return f"{module}:{thing.__qualname__}"


class FromFunctionOp(Op):
    """An op that calls a Python function on arrays; it has no derivative.

    Parameters
    ----------
    fn : callable
        Takes arrays, returns an array or a tuple of them.
    itypes, otypes : sequence of Type
    """

    __props__ = ("fn", "itypes", "otypes")

    def __init__(
        self, fn: Callable[..., Any], itypes: Sequence[Type], otypes: Sequence[Type]
    ) -> None:
        self.fn = fn
        self.itypes = tuple(itypes)
        self.otypes = tuple(otypes)
        self.__name__ = getattr(fn, "__name__", "function")
        self.__doc__ = fn.__doc__
        if hasattr(fn, "__qualname__"):
            DEFINED[place_of(fn)] = self

    @property
    def name(self) -> str:
        return self.__name__

    def __str__(self) -> str:
        return f"FromFunctionOp{{{self.__name__}}}"

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: list[list[Any]]) -> None:
        answer = self.fn(*inputs)
        answers = answer if isinstance(answer, tuple) else (answer,)
        if len(answers) != len(output_storage):
            raise LabTypeError(
                f"{self.__name__} returned {len(answers)} values, its otypes announce "
                f"{len(output_storage)}.",
                where=node.source,
            )
        for cell, value, kind in zip(output_storage, answers, self.otypes):
            cell[0] = kind.filter(value, allow_downcast=False)


def as_op(
    itypes: Type | Sequence[Type], otypes: Type | Sequence[Type],
    infer_shape: Callable[..., Any] | None = None,
) -> Callable[[Callable[..., Any]], FromFunctionOp]:
    """Make an op of a Python function: ``@as_op(itypes=[dmatrix], otypes=[dvector])``.

    Parameters
    ----------
    itypes, otypes : Type or sequence of Type
        Types, or the constructors of variables such as `dmatrix`.
    infer_shape : callable, optional
        Accepted for compatibility: shapes are read from the results.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> @as_op(itypes=[pt.dvector], otypes=[pt.dscalar])
    ... def median(values):
    ...     import numpy
    ...     return numpy.asarray(numpy.median(values))
    >>> float(median(pt.constant([1.0, 2.0, 9.0], dtype="float64")).eval())
    2.0
    """

    def make(fn: Callable[..., Any]) -> FromFunctionOp:
        return FromFunctionOp(fn, _types(itypes), _types(otypes))

    return make


wrap_py = as_op


def _types(given: Any) -> list[Type]:
    # the family writes `dmatrix` for the type of what dmatrix() makes
    return [entry if isinstance(entry, Type) else entry().type for entry in as_list(given)]
