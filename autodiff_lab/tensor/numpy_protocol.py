"""NumPy's functions on variables: ``np.exp(x)``, ``np.sum(x, axis=0)`` build graphs.

NumPy hands such a call to the variable (`__array_ufunc__`, `__array_function__`); the function is
looked up by its NumPy name in `registry.NUMPY`, which the op declarations fill.
"""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np

from autodiff_lab.errors import LabTypeError
from autodiff_lab.tensor.registry import NUMPY

# what NumPy passes on where a keyword was not given
NO_VALUE = getattr(np, "_NoValue", None)

# keywords of ufuncs that say how to compute, not what
IGNORED = ("out", "where", "casting", "order", "subok")


class NumpyProtocol:
    """NumPy's functions on variables."""

    __slots__ = ()
    __array_priority__ = 1000

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        spelled = _spelling(name, "" if hasattr(np, ufunc.__name__) else "special")
        for option in ("out", "where"):
            if options.get(option, True) is not True:
                _refuse_option(spelled, option)
        if method not in ("__call__", "reduce"):
            raise LabTypeError(
                f"np.{name} does not work on variables: of a ufunc's methods only reduce does.",
                remedy="set_subtensor(x[i], v) writes, inc_subtensor(x[i], v) adds, "
                "outer(x, y) multiplies all pairs",
            )
        if method == "reduce":
            options.setdefault("axis", 0)  # NumPy's default for the methods of ufuncs
        found = NUMPY.get(name) or NUMPY.get(f"special.{name}")
        if found is None:
            _refuse_name(spelled)
        kept = {
            key: value for key, value in options.items()
            if key == "axis" or not (key in IGNORED or value is None or value is NO_VALUE)
        }
        for key in kept:
            if key not in (*_parameters(found), "dtype"):
                _refuse_keyword(spelled, key, _parameters(found))
        return found(*inputs, **kept)

    def __array_function__(
        self, func: Callable[..., Any], types: Any, args: Any, kwargs: Mapping[str, Any]
    ) -> Any:
        module = (func.__module__ or "").removeprefix("numpy").removeprefix(".")
        name = f"{module}.{func.__name__}" if module else func.__name__
        found = NUMPY.get(name)
        if found is None:
            _refuse_name(name)
        return found(*args, **_renamed(func, found, name, args, kwargs))

    def __array__(self, *arguments: Any, **options: Any) -> Any:
        raise LabTypeError(
            "A variable has no value yet: NumPy cannot make an array of it.", where=str(self)[:60],
            remedy="np.array([x, y]): stack([x, y]);  np.asarray(x): as_tensor(x)\n"
            "np.arange(n): arange(n), all of autodiff_lab.tensor\n"
            "the value: x.eval({...})",
        )


def _spelling(name: str, module: str) -> str:
    return f"{module}.{name}" if module else name


def _refuse_option(name: str, option: str) -> NoReturn:
    raise LabTypeError(
        f"{option}= is not supported by {_called(name)} of a variable.",
        why="a graph has nothing to write into",
        remedy="where(condition, a, b) chooses; x = set_subtensor(x[i], v) writes a part",
    )


def _refuse_keyword(name: str, key: str, known: tuple[str, ...]) -> NoReturn:
    raise LabTypeError(
        f"{key}= is not supported by {_called(name)} of a variable.",
        remedy="supported: " + ", ".join(known),
    )


def _refuse_name(name: str) -> NoReturn:
    last = name.rpartition(".")[2]
    nearest = difflib.get_close_matches(name, NUMPY, n=1, cutoff=0.5) or difflib.get_close_matches(
        last, NUMPY, n=1, cutoff=0.4
    )
    raise LabTypeError(
        f"{_called(name)} does not work on variables.", why="autodiff_lab has no op for it",
        remedy=f"the nearest name that works is {_called(nearest[0])}" if nearest else None,
    )


def _called(name: str) -> str:
    return f"scipy.{name}" if name.startswith("special.") else f"np.{name}"


# NumPy's argument name -> ours, where they differ; the first arguments are given by place.
RENAMED = {"a_min": "low", "a_max": "high", "min": "low", "max": "high", "newshape": "shape"}


def _renamed(
    func: Any, ours: Any, name: str, args: Any, kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """NumPy's keywords as ours.

    A keyword that our function does not know is dropped where it has its default (or None), and
    refused otherwise.
    """
    known = _parameters(ours)
    first = list(_parameters(func))
    result: dict[str, Any] = {}
    places = list(known)
    for key, value in kwargs.items():
        if key in ("out", "where"):
            if value is None or value is NO_VALUE:
                continue
            _refuse_option(name, key)
        wanted = key if key in known else RENAMED.get(key, key)
        if wanted not in known and key in first and first.index(key) < len(places):
            wanted = places[first.index(key)]  # np.sum(a=x): the name of our first argument
        if wanted in known:
            result[wanted] = value
        elif value is not None and value is not NO_VALUE:
            _refuse_keyword(name, key, known)
    return result


@functools.lru_cache(maxsize=512)
def _parameters(function: Any) -> tuple[str, ...]:
    """The names of a function's arguments, in order."""
    row = getattr(function, "row", None)
    if row is not None:
        return tuple(row.arguments)
    try:
        return tuple(inspect.signature(function).parameters)
    except ValueError:
        return ()
