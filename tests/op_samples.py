"""Samples for the table of ops: points in the domain of each row, references for other ops.

Relies on `tensor.registry`.  The one idea: whatever is declared is listed here by itself; only ops
without a NumPy function of the same meaning need a line in `REFERENCES`.
"""

from __future__ import annotations

import itertools
import math
import operator
import zlib
from typing import Any

import numpy as np
import scipy.linalg
import scipy.special

import autodiff_lab.tensor as pt
from autodiff_lab.tensor import registry
from autodiff_lab.tensor.opdef import compile_expression
from autodiff_lab.tensor.scalars import primitives

DTYPES = ("float64", "float32", "int8", "int32", "int64", "uint8", "bool")
SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, 1e308, -1e308, 5e-324, math.inf, -math.inf, math.nan)


def generator(name: str) -> np.random.Generator:
    """Random numbers that are the same in every run and differ from op to op."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def takes(row: Any, dtype: str) -> bool:
    """Whether a row takes inputs of a dtype."""
    try:
        row.dtypes(*[dtype] * row.arity)
    except TypeError:
        return False
    return True


# NumPy refuses whole numbers to the power of negative whole numbers
NOT_NEGATIVE = {"pow": ("y",)}


def draw(row: Any, argument: str, shape: tuple[int, ...], dtype: str, rng: Any) -> np.ndarray:
    """Values of one argument, in its domain and away from kinks at whole numbers."""
    domain = row.domain[argument]
    low, high = max(domain.low, -2.0), min(domain.high, max(2.0, domain.low + 2.0))
    if np.dtype(dtype).kind in "iub":
        whole = [k for k in range(-3, 6) if k in domain and (k >= 0 or np.dtype(dtype).kind == "i")]
        if np.dtype(dtype).kind == "b":
            whole = [k for k in (0, 1) if k in domain]
        if argument in NOT_NEGATIVE.get(row.name, ()):
            whole = [k for k in whole if k >= 0]
        return rng.choice(whole or [1], size=shape).astype(dtype)
    margin = 0.05 * (high - low)
    found = rng.uniform(low + margin, high - margin, size=shape)
    near = np.abs(found - np.round(found)) < 0.05
    found = np.where(near, np.round(found) + 0.11, found)
    return np.asarray(found.clip(low + margin, high - margin), dtype=dtype)


def arguments(row: Any, shape: tuple[int, ...], dtype: str) -> list[np.ndarray]:
    """Values of all arguments of a row."""
    rng = generator(row.name)
    return [draw(row, argument, shape, dtype, rng) for argument in row.arguments]


def reference(row: Any, arrays: list[np.ndarray]) -> np.ndarray:
    """What the row's NumPy function says, in the dtypes of the row's rule."""
    compute, result = row.dtypes(*(array.dtype.name for array in arrays))
    cast = [np.array(array, order="C").astype(dtype) for array, dtype in zip(arrays, compute)]
    names = tuple(f"a{place}" for place in range(len(cast)))
    text = row.numpy.format(*names) if "{" in row.numpy else f"{row.numpy}({', '.join(names)})"
    with np.errstate(all="ignore"):
        return np.asarray(compile_expression(text, names)(*cast)).astype(result)


def by_primitives(row: Any, arrays: list[np.ndarray]) -> np.ndarray | None:
    """What the row's expression over primitives says; None where it has none."""
    compute, result = row.dtypes(*(array.dtype.name for array in arrays))
    names = [primitives.Name(name, dtype) for name, dtype in zip(row.arguments, compute)]
    expression = row.expr(*names) if row.expr is not None else None
    if expression is None:
        return None
    cast = {n.name: a.astype(n.dtype) for n, a in zip(names, arrays)}
    return primitives.evaluate(primitives.cast(expression, result), cast)


def special_points(arity: int, dtype: str) -> list[np.ndarray]:
    """All combinations of zero, minus zero, huge, tiny, infinite and NaN."""
    with np.errstate(all="ignore"):
        numbers = np.array(SPECIAL).astype(dtype)
    if dtype == "float32":
        numbers[5:8] = np.array([1e38, -1e38, 1e-45], dtype)
    if arity == 1:
        return [numbers]
    chosen = numbers if arity == 2 else numbers[[0, 1, 2, 5, 8, 9, 10]]
    grid = np.array(list(itertools.product(chosen, repeat=arity)), dtype=dtype)
    return [np.ascontiguousarray(column) for column in grid.T]


def with_part(array: Any, key: Any, value: Any, add: bool) -> np.ndarray:
    """The array with a part replaced or added to."""
    result = np.array(array)
    if add:
        np.add.at(result, key, value)
    else:
        result[key] = value
    return result


def dimshuffled(array: Any, *pattern: Any) -> np.ndarray:
    """NumPy's way to shuffle axes."""
    kept = [entry for entry in pattern if entry != "x"]
    moved = np.transpose(array, kept)
    return np.expand_dims(moved, [a for a, entry in enumerate(pattern) if entry == "x"])


def recurrence(factors: Any, terms: Any, axis: int) -> np.ndarray:
    """A linear recurrence, element by element."""
    result = np.zeros(terms.shape)
    for place in np.ndindex(terms.shape):
        before = (*place[:axis], place[axis] - 1, *place[axis + 1 :])
        result[place] = terms[place]
        if place[axis]:
            result[place] += factors[place] * result[before]
    return result


def with_diagonal(x: Any, values: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The array with values added to a diagonal, element by element."""
    result = np.array(x)
    moved = np.moveaxis(result, (axis1, axis2), (-2, -1))
    for k in range(values.shape[-1]):
        moved[..., k - min(offset, 0), k + max(offset, 0)] += values[..., k]
    return result


def cofactors(x: Any) -> np.ndarray:
    """det(X) X^-T."""
    return np.linalg.det(x)[..., None, None] * np.linalg.inv(x).swapaxes(-1, -2)


def triangular_solution(a: Any, b: Any, **options: Any) -> np.ndarray:
    """SciPy's, for each pair of matrices."""
    if a.ndim == 2:
        return scipy.linalg.solve_triangular(a, b, **options)
    return np.stack([triangular_solution(*pair, **options) for pair in zip(a, b)])


def cholesky(x: Any, lower: bool = True) -> np.ndarray:
    """NumPy's, with the other word for the triangle."""
    return np.linalg.cholesky(x, upper=not lower)


def others(x: Any, axis: Any = None) -> np.ndarray:
    """The product of the other elements, element by element."""
    axes = tuple(range(x.ndim)) if axis is None else axis
    result = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        rest = np.array(x)
        rest[place] = 1.0
        key = tuple(slice(None) if a in axes else k for a, k in enumerate(place))
        result[place] = np.prod(rest[key])
    return result


REFERENCES: dict[str, Any] = {
    "alloc": lambda value, *shape: np.broadcast_to(value, shape),
    "dimshuffle": dimshuffled,
    "inc_part": lambda x, key, value: with_part(x, key, value, True),
    "cholesky": cholesky,
    "cofactors": cofactors,
    "expm": scipy.linalg.expm,
    "solve_triangular": triangular_solution,
    "inc_diagonal": with_diagonal,
    "lu": scipy.linalg.lu,
    "log_softmax": scipy.special.log_softmax,
    "logsumexp": scipy.special.logsumexp,
    "unbroadcast": lambda x, *axes: x,
    "softmax": scipy.special.softmax,
    "linear_recurrence": recurrence,
    "product_of_others": others,
    "join": lambda axis, *arrays: np.concatenate(arrays, axis),
    "set_part": lambda x, key, value: with_part(x, key, value, False),
    "specify_shape": lambda x, shape: x,
    "subtensor": lambda x, key: x[key],
}


def numpy_reference(name: str) -> Any:
    """The NumPy function that a public function stands for."""
    if name in REFERENCES:
        return joined(REFERENCES[name])
    for spelled, function in registry.NUMPY.items():
        if function is registry.FUNCTIONS[name]:
            try:
                return joined(operator.attrgetter(spelled)(np))
            except AttributeError:
                continue
    raise LookupError(f"{name} has no NumPy name; give it a line in REFERENCES")


def joined(function: Any) -> Any:
    """A function of several results, as one of all their elements in one vector."""

    def call(*positional: Any, **keywords: Any) -> Any:
        result = function(*positional, **keywords)
        several = isinstance(result, tuple | list) and not all(type(part) is int for part in result)
        if not several:
            return result
        return np.concatenate([np.ravel(part) for part in result])

    return call


def symbolic(
    sample: tuple[str, tuple[Any, ...], dict[str, Any]], known_shape: bool
) -> tuple[list[Any], list[np.ndarray], Any]:
    """A sample with a variable in the place of each array: (variables, arrays, result)."""
    name, positional, keywords = sample
    variables, arrays, built = [], [], []
    for argument in positional:
        if not isinstance(argument, np.ndarray | np.floating):
            built.append(argument)
            continue
        array = np.asarray(argument)
        stretched = [1 if length == 1 else None for length in array.shape]
        shape = array.shape if known_shape else stretched
        variables.append(pt.tensor(f"v{len(variables)}", dtype=array.dtype.name, shape=shape))
        arrays.append(array)
        built.append(variables[-1])
    result = registry.FUNCTIONS[name](*built, **keywords)
    if isinstance(result, tuple | list):
        result = pt.concatenate([pt.flatten(part) for part in result])
    return variables, arrays, result
