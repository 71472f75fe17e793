"""Bits of error: how far a result lies from the true value, counted in floats between the two.

What is here: `bits_of_error`, `mean_bits_of_error`, and `exact`, the true value rounded once.
Relies on mpmath for functions of long numbers and on the primitives that elementwise rows are
written in, so that a new row is known here without a word.

The one idea: the graph is computed with intervals that hold the true value; where both ends do not
round to the same float it is computed again with more bits.  So digits that cancel cannot give a
wrong truth, and most points need few bits.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autodiff_lab.graph import Constant, Variable, explicit_graph_inputs, toposort
from autodiff_lab.tensor.elemwise import Elemwise
from autodiff_lab.tensor.opdef import compile_expression
from autodiff_lab.tensor.scalars.primitives import Literal, Name, post_order
from autodiff_lab.testing.points import compute

Array = np.ndarray[Any, Any]
PRECISIONS = (120, 500, 1300, 2600)
"""Bits to compute with, in turn: with the last, 1 + x is right for the smallest x."""
LARGEST = 4096
"""Functions are not computed for numbers above two to this power."""
NARROW = 2.0**-30
"""On an interval shorter than this a function is taken to rise or to fall."""

RISING = {"exp", "expm1", "log", "log1p", "sqrt", "atan", "tanh", "sinh", "asinh", "erf", "pow"}
SPELLED = {"pow": "power", "gammaln": "loggamma", "psi": "digamma"}
EXACT: dict[str, Callable[..., Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "neg": operator.neg,
    "abs": abs, "cast": lambda a: a,
}
STEPS: dict[str, Callable[..., Any]] = {
    "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge, "min": min,
    "max": max, "and": min, "or": max, "xor": operator.ne, "not": lambda a: 1 - a,
}
SUMMED: dict[str, Any] = {"add": np.add, "mul": np.multiply}
TEXTS = {
    "softmax": "exp(x) / np.add.reduce(exp(x), axis=axis, keepdims=True)",
    "log_softmax": "x - log(np.add.reduce(exp(x), axis=axis, keepdims=True))",
    "logsumexp": "log(np.add.reduce(exp(x), axis=axis))",
}
"""By their definition, since NumPy's text for them shifts by the largest element."""


@functools.cache
class _Intervals:
    """Primitives of intervals at one precision; None stands for what is not defined."""

    def __init__(self, bits: int) -> None:
        from mpmath import MPContext
        from mpmath.ctx_iv import MPIntervalContext

        self.reals, self.hulls = MPContext(), MPIntervalContext()
        self.reals.prec = self.hulls.prec = bits
        floor, ceil = self.reals.floor, self.reals.ceil
        self.steps = STEPS | {"floor": floor, "ceil": ceil, "rint": self.reals.nint,
                              "trunc": lambda a: floor(a) if a > 0 else ceil(a)}
        self.unknown = self.hulls.mpf(["-inf", "inf"])
        self.mapped = [np.frompyfunc(functools.partial(self.apply, name), 1, 1)
                       for name in ("exp", "log")]
        slack = self.hulls.mpf(2) ** (6 - bits)
        self.slack = self.hulls.mpf([(1 - slack).a, (1 + slack).b])

    def lift(self, number: Any) -> Any:
        """A float as an interval."""
        return self.hulls.mpf(float(number)) if np.isfinite(number) else None

    def ends(self, interval: Any) -> tuple[Any, Any]:
        """Both ends as long numbers."""
        low, high = interval._mpi_
        return self.reals.make_mpf(low), self.reals.make_mpf(high)

    def apply(self, name: str, *args: Any) -> Any:
        """A primitive, or a function known by name only."""
        if name == "select":
            return self.select(*args)
        if any(arg is None for arg in args):
            return self.lift(name == "isnan") if name in ("isnan", "isinf") else None
        if name in EXACT:
            return EXACT[name](*args)
        sides = [self.ends(arg) for arg in args]
        if name in self.steps:
            found = [self.steps[name](*corner) for corner in itertools.product(*sides)]
            return self.hulls.mpf([min(found), max(found)])
        if name in ("eq", "ne"):
            same = self.apply("and", self.apply("le", *args), self.apply("ge", *args))
            return same if name == "eq" else 1 - same
        if name == "div":
            return None if sides[1] == (0, 0) else args[0] / args[1]
        if name == "mod":
            whole = self.apply("floor", args[0] / args[1])
            return args[0] - args[1] * whole
        if name == "pow" and sides[1][0] == sides[1][1] == self.reals.nint(sides[1][0]):
            if sides[1][0] < 0 and sides[0] == (0, 0):
                return None
            if abs(sides[1][0]) < LARGEST:
                return args[0] ** int(sides[1][0])
        return self.joined(name, sides)

    def select(self, chosen: Any, first: Any, second: Any) -> Any:
        """One of two; unknown while the condition is."""
        if chosen is None:
            return None
        low, high = self.ends(chosen)
        return first if low == 1 else second if high == 0 else self.unknown

    def joined(self, name: str, sides: Sequence[tuple[Any, Any]]) -> Any:
        """The hull of the values at the corners, if the function cannot turn between them."""
        places = [end for side in sides for end in side]
        if not all(self.reals.isfinite(end) for end in places):
            return self.unknown
        if name not in RISING and any(b - a > NARROW for a, b in sides):
            return self.unknown
        if name not in ("log", "sqrt") and any(self.reals.mag(end) > LARGEST for end in places):
            return self.unknown
        found = [self.value(name, corner) for corner in set(itertools.product(*sides))]
        if None in found:
            return None if set(found) == {None} else self.unknown
        hull = self.hulls.mpf([min(found), max(found)])
        point = places[0]
        square = name == "sqrt" and self.reals.fmul(found[0], found[0], exact=True) == point
        whole = not any(places) or (name == "log" and point == 1) or square
        return hull if whole and len(found) == 1 else hull * self.slack

    def value(self, name: str, corner: Sequence[Any]) -> Any:
        """A function at a point, or None outside its domain."""
        extra = (2,) if name == "log2" else ()
        function = getattr(self.reals, "log" if extra else SPELLED.get(name, name))
        try:
            found = function(*corner, *extra)
        except (ValueError, ZeroDivisionError, OverflowError):
            return None
        return found if self.reals.isfinite(found) and not self.reals.im(found) else None

    def rounded(self, interval: Any) -> tuple[float, float]:
        """Both ends as floats."""
        if interval is None:
            return np.nan, np.nan
        low, high = self.ends(interval)
        return float(low), float(high)

    # -- graphs -----------------------------------------------------------------------------

    def elementwise(self, node: Any, *args: Any) -> Any:
        """The one value of an elementwise op."""
        row = node.op.row
        if row.expr is None:
            return self.apply(row.name, *args)
        names = [Name(str(place), v.type.dtype) for place, v in enumerate(node.inputs)]
        known: dict[int, Any] = {}
        root = row.expr(*names)
        for term in post_order(root):
            if isinstance(term, Name):
                known[id(term)] = args[int(term.name)]
            elif isinstance(term, Literal):
                known[id(term)] = self.lift(term.value)
            else:
                inner = [known[id(arg)] for arg in term.args]
                known[id(term)] = self.apply(term.primitive, *inner)
        return known[id(root)]

    def compute(self, output: Variable, values: Mapping[Variable, Array]) -> Array:
        """A graph, node by node; whole numbers stay NumPy's."""
        known: dict[Variable, Any] = {v: self.lifted(a) for v, a in values.items()}
        for node in toposort([output], set(known)):
            arrays = [self.lifted(v.data) if isinstance(v, Constant) else known[v]
                      for v in node.inputs]
            op: Any = node.op
            axis = getattr(op, "axis", None)
            folded = SUMMED.get((getattr(op, "reduction", None) or ("",))[0])
            if not any(a.dtype == object for a in arrays):
                results = op.evaluate(node, *arrays)
            elif type(op) is Elemwise:
                step = np.frompyfunc(lambda *a, node=node: self.elementwise(node, *a),
                                     len(arrays), 1)
                results = step(*(a if a.dtype == object else self.lifted(a, True) for a in arrays))
            elif folded is not None:
                results = folded.reduce(arrays[0], axis=axis)
            elif op.name in TEXTS:
                call = compile_expression(TEXTS[op.name], ("x", "axis", "exp", "log"))
                axes = tuple(range(arrays[0].ndim)) if axis is None else axis
                results = call(arrays[0], axes, *self.mapped)
            else:
                names = tuple(f"a{place}" for place in range(len(arrays)))
                results = compile_expression(op.numpy(node, *names), names)(*arrays)
            results = results if len(node.outputs) > 1 else (results,)
            known.update((v, np.asarray(r)) for v, r in zip(node.outputs, results))
        return self.lifted(known[output])

    def lifted(self, array: Any, always: bool = False) -> Array:
        """An array of intervals, if it is one of floats."""
        if array.dtype.kind != "f" and not always:
            return np.asarray(array)
        return np.asarray(np.frompyfunc(self.lift, 1, 1)(array), dtype=object)


def exact(output: Variable, values: Mapping[Variable, Any]) -> Array:
    """The true value of an expression, rounded once; NaN where it is not a finite number.

    Parameters
    ----------
    output : Variable
    values : mapping of Variable to array
        Taken as they are: 0.1 stands for the float nearest to it.  Vectors in the place of the 0-d
        variables of an elementwise expression are so many points.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> x = pt.dscalar("x")
    >>> float(exact(pt.log(1 + pt.exp(x)), {x: 1000.0}))
    1000.0
    """
    kind: Any = output.type
    given = {v: np.asarray(a, v.type.dtype) for v, a in values.items()}  # type: ignore[attr-defined]
    count = next((a.size for v, a in given.items() if a.ndim > v.type.ndim), None)  # type: ignore[attr-defined]
    left: Any = ... if count is None else np.arange(count)
    truth = np.empty(())
    for bits in PRECISIONS:
        intervals = _Intervals(bits)
        taken = given if count is None else {v: a[left] for v, a in given.items()}
        try:
            found = intervals.compute(output, taken)
        except TypeError:  # an op whose NumPy text is for floats only
            return np.full(compute([output], given)[0].shape, np.nan, kind.dtype)
        if bits == PRECISIONS[0]:
            truth = np.full(found.shape if count is None else count, np.nan, kind.dtype)
        with np.errstate(all="ignore"):
            low, high = (np.asarray(side).astype(kind.dtype)
                         for side in np.frompyfunc(intervals.rounded, 1, 2)(found))
        settled = np.broadcast_to((low == high) | np.isnan(low), truth[left].shape)
        truth[left] = np.where(settled & np.isfinite(low), low, np.nan)
        if settled.all():
            break
        if count is not None:
            left = left[~settled]
    return truth


def bits_between(found: Any, truth: Any) -> Array:
    """log2 of the number of floats from one number to another; NaN where there is no truth.

    A result that is not a number counts as if no bit of it were right.
    """
    truth = np.asarray(truth)
    found = np.asarray(found, truth.dtype)
    width = truth.dtype.itemsize * 8
    with np.errstate(all="ignore"):
        places = [_place(side, width) for side in (found, truth)]
        bits = np.log2(1 + np.abs(places[0] - places[1]))
    bits = np.where(np.isnan(found), float(width), bits)
    return np.where(np.isnan(truth), np.nan, bits)


def _place(numbers: Array, width: int) -> Array:
    """How many floats lie between 0 and each number; long doubles can hold that."""
    raw = np.abs(numbers).view(f"int{width}").astype(np.longdouble)
    return np.asarray(np.where(np.signbit(numbers), -raw, raw))


def bits_of_error(
    variable: Variable, inputs: Sequence[Variable], values: Sequence[Any], *,
    reference: Variable | None = None,
) -> float:
    """How many bits of a result are wrong at a point: 0 is the best float there is.

    Parameters
    ----------
    variable : Variable
        Computed by NumPy, node by node.
    inputs : sequence of Variable
    values : sequence
        The point.
    reference : Variable, optional
        The expression whose true value counts, by default `variable`.

    Returns
    -------
    float
        log2 of one more than the number of floats between result and truth, from 0 to 64, the mean
        over the elements; NaN where no true value exists.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> x = pt.dscalar("x")
    >>> round(bits_of_error(pt.log(1 + x), [x], [1e-10]), 1)
    29.3
    >>> bits_of_error(pt.log1p(x), [x], [1e-10])
    0.0
    """
    if np.dtype(variable.type.dtype).kind != "f":  # type: ignore[attr-defined]
        return float("nan")
    given = dict(zip(inputs, values))
    truth = exact(variable if reference is None else reference, given)
    given = {v: np.asarray(a, v.type.dtype) for v, a in given.items()}  # type: ignore[attr-defined]
    return _mean(bits_between(compute([variable], given)[0], truth))


def _mean(bits: Array) -> float:
    known = bits[~np.isnan(bits)]
    return float(known.mean()) if known.size else float("nan")


def mean_bits_of_error(
    variable: Variable, inputs: Sequence[Variable], points: Sequence[Sequence[Any]], *,
    reference: Variable | None = None,
) -> float:
    """The mean of `bits_of_error` over points; those without a true value are left out.

    Parameters
    ----------
    variable, inputs, reference
        As for `bits_of_error`.
    points : sequence of sequences
        For each point, a value for each input.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> x = pt.dscalar("x")
    >>> round(mean_bits_of_error(pt.log(1 + pt.exp(x)), [x], [[0.0], [1000.0]]), 1)
    31.0
    """
    sides = [variable] if reference is None else [variable, reference]
    if all(v.type.ndim == 0 for v in inputs) and all(  # type: ignore[attr-defined]
        type(node.op) is Elemwise for node in toposort(sides, set(inputs))
    ):
        return bits_of_error(variable, inputs, list(zip(*points)), reference=reference)
    return _mean(np.array([
        bits_of_error(variable, inputs, point, reference=reference) for point in points
    ]))


def sampled(inputs: Sequence[Any], count: int = 16, length: int = 3) -> list[list[Array]]:
    """Points of all sizes and both signs, always the same ones: a value for each input.

    One in four is a number at which exponentials overflow or digits get lost.
    """
    rng = np.random.default_rng(0)
    points = []
    for place in range(count):
        point = []
        for variable in inputs:
            shape = [length if n is None else n for n in variable.type.shape]
            size = 10.0 ** rng.uniform(*((-12, 0), (-1, 3))[place % 2], shape)
            drawn = size * rng.choice([-1.0, 1.0], shape)
            if place % 4 == 3:
                drawn = rng.choice([-800.0, -40.0, -1e-10, 1e-10, 40.0, 800.0], shape)
            point.append(np.asarray(drawn).astype(variable.type.dtype))
        points.append(point)
    return points


def bits_of_sides(before: Variable, after: Variable) -> tuple[float, float]:
    """Mean bits of error of an expression and of what replaced it, at sampled points.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> x = pt.dscalar("x")
    >>> before, after = bits_of_sides(pt.exp(x) - 1, pt.expm1(x))
    >>> before > 5 > after
    True
    """
    inputs = list(explicit_graph_inputs([before, after]))
    points = sampled(inputs, 16 if all(v.type.ndim == 0 for v in inputs) else 6)  # type: ignore[attr-defined]
    return (mean_bits_of_error(before, inputs, points),
            mean_bits_of_error(after, inputs, points, reference=before))
