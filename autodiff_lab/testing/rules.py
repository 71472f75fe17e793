"""The tests of a rewrite rule, made from its declaration alone.

`check_rule(rule)` runs every property on the rule's left side (or its example), over dtypes and
shapes, at points drawn from its domain.  The package's own rules are tested by the same functions.

Relies on `testing.points` for values and on `testing.accuracy` for the truth.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from autodiff_lab.errors import LabError, NullTypeGradError
from autodiff_lab.gradient import grad
from autodiff_lab.graph import FunctionGraph, Variable, describe_type
from autodiff_lab.rewriting import (
    PHASES, RULES, PatternRule, RewriteTrace, Rule, register, select, unregister,
)
from autodiff_lab.rewriting.driver import apply_rules, run_phases
from autodiff_lab.rewriting.pattern import Wild
from autodiff_lab.rewriting.registry import known_name
from autodiff_lab.rewriting.trial import cost, draw
from autodiff_lab.tensor import TensorType
from autodiff_lab.tensor.opdef import REAL, Interval
from autodiff_lab.tensor.registry import function
from autodiff_lab.testing.accuracy import bits_between, exact
from autodiff_lab.testing.points import compute, hard_points

DTYPES = ("float64", "float32")
SHAPES = ("scalar", "vector", "matrix", "broadcast")
CONSTANTS = (2.0, 0.5, -3.0, 4.0)
WHOLE = (3, 2, -2)
TOLERANCE = {"float64": (1e-9, 1e-12), "float32": (2e-4, 1e-6)}
LENGTHS = ((4, 5), (1, 3), (2, 1), (0, 3), (3, 0), (2, 7))
LAYOUTS: tuple[Callable[[Any], Any], ...] = (
    lambda a: a, lambda a: np.asfortranarray(a) if a.ndim else a,
    lambda a: np.repeat(a, 2, -1)[..., ::2] if a.ndim else a,
    lambda a: a[::-1].copy()[::-1] if a.ndim else a,
)
OTHER_DTYPES = {"int64": "i", "int8": "i", "uint8": "u", "bool": "b", "complex128": "c"}
FEW = 40
"""Instances that an ordinary run draws."""
MOST_BITS = 5.0
"""What a stabilising rule may lose where both sides are good: x - y rounds before exp does."""


@dataclasses.dataclass(frozen=True)
class Case:
    """An expression that the rule should change, with its inputs."""

    label: str
    dtype: str
    inputs: tuple[Any, ...]
    domains: tuple[Interval, ...]
    left: Any

    def values(self, rng: np.random.Generator, number: int = 0) -> dict[Variable, Any]:
        """A value for each input; `number` says how long the axes are and how they lie."""
        lengths = LENGTHS[number % len(LENGTHS)]
        arranged = LAYOUTS[number // len(LENGTHS) % len(LAYOUTS)]
        found: dict[Variable, Any] = {}
        for variable, domain in zip(self.inputs, self.domains):
            own = lengths[len(lengths) - variable.ndim :] if variable.ndim else ()
            shape = [n if known is None else known for n, known in zip(own, variable.type.shape)]
            found[variable] = arranged(draw(rng, domain, variable.dtype, shape))
        return found


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A case, rewritten once, with both sides' derivatives by the same inputs."""

    case: Case
    right: Any
    wanted: tuple[Any, ...]
    slopes: tuple[list[Any], list[Any]]

    def compute(self, outputs: list[Any], values: dict[Variable, Any]) -> list[Any] | None:
        """The values of both sides; None where NumPy refuses (the maximum of nothing)."""
        try:
            return compute(outputs, values)
        except (ValueError, IndexError):
            return None


@functools.lru_cache(maxsize=2)
def prepared(rule: Rule) -> list[Prepared]:
    """What a rule's instances are made of."""
    found = []
    for case in cases(rule, (*DTYPES, *_other_dtypes(rule)), most=4):
        right, trace = rewritten(rule, case)
        if not trace.steps:
            continue
        wanted = [v for v in case.inputs if v.dtype == case.dtype]
        slopes: list[Any] = [[], []]
        if case.left.dtype == case.dtype in DTYPES and wanted and rule.phase in PHASES:
            with contextlib.suppress(NullTypeGradError):
                slopes = [
                    grad(function("sum")(side), wanted, disconnected_inputs="ignore")
                    for side in (case.left, right)
                ]
        found.append(Prepared(case, right, tuple(wanted), (slopes[0], slopes[1])))
    return found


def _other_dtypes(rule: Rule) -> tuple[str, ...]:
    if not isinstance(rule, PatternRule) or rule.example is not None:
        return ()
    return tuple(name for name, letter in OTHER_DTYPES.items() if letter in rule.kinds)


def instances(rule: Rule, count: int, seed: int) -> Iterator[tuple[Prepared, dict[Variable, Any]]]:
    """So many distinct expressions with values: dtypes, shapes, layouts, edges of the domain."""
    known = prepared(rule)
    for number in range(count):
        chosen = known[(number + seed) % len(known)]
        rng = np.random.default_rng([seed, number])
        yield chosen, chosen.case.values(rng, number // len(known))


# -- cases ----------------------------------------------------------------------------------------


def cases(
    rule: Rule, dtypes: tuple[str, ...] = DTYPES, shapes: tuple[str, ...] = SHAPES, most: int = 2
) -> list[Case]:
    """The expressions on which a rule is tested."""
    found = []
    for dtype, shape in itertools.product(dtypes, shapes):
        found.extend(_cases_of(rule, dtype, shape, most))
    if not found:
        raise AssertionError(f"{rule.name}: no expression could be built from its declaration")
    return found


def _cases_of(rule: Rule, dtype: str, shape: str, most: int) -> Iterator[Case]:
    maker = rule.example or rule.function
    names = list(inspect.signature(maker).parameters)
    kinds = rule.parameters if isinstance(rule, PatternRule) and rule.example is None else {}
    free = [name for name in names if _is_variable(kinds.get(name))]
    if shape == "broadcast" and len(free) < 2:
        return
    inputs = {}
    for place, name in enumerate(free):
        lengths: dict[str, tuple[Any, ...]] = {
            "scalar": (), "vector": (None,), "matrix": (None, None),
            "broadcast": (None, None) if place == 0 else (1, None),
        }
        meaning = kinds.get(name)
        boolean = isinstance(meaning, Wild) and meaning.boolean
        inputs[name] = TensorType("bool" if boolean else dtype, lengths[shape]).make_variable(name)
    for arguments, note in _arguments(rule, kinds, inputs, dtype, shape, most):
        try:
            with np.errstate(all="ignore"):
                built = maker(**arguments)
        except (LabError, IndexError, ValueError):
            continue  # an example for matrices, tried on a vector
        left = built[0] if maker is rule.function else built
        yield Case(
            f"{dtype} {shape}{note}", dtype, tuple(inputs.values()),
            tuple(rule.domain.get(name, REAL) for name in inputs), left,
        )


def _is_variable(meaning: Any) -> bool:
    return meaning is None or (isinstance(meaning, Wild) and not meaning.constant)


def _arguments(
    rule: Rule, kinds: Mapping[str, Any], inputs: Mapping[str, Any], dtype: str, shape: str,
    most: int,
) -> Iterator[tuple[dict[str, Any], str]]:
    """The ways to fill in a rule's parameters: constants that its condition takes, axes."""
    rest = [name for name in kinds if name not in inputs]
    choices = [_choices(kinds[name], rule.domain.get(name), dtype, shape) for name in rest]
    taken = 0
    for combination in itertools.product(*choices):
        chosen = dict(zip(rest, combination))
        if not _condition_holds(rule, inputs, chosen):
            continue
        yield {**inputs, **chosen}, "".join(f" {k}={v}" for k, v in chosen.items())
        taken += 1
        if taken == most:
            return


def _choices(meaning: Any, domain: Interval | None, dtype: str, shape: str) -> list[Any]:
    if not isinstance(meaning, Wild):
        return [None, 0] if shape in ("matrix", "broadcast") else [None]
    if meaning.whole:
        return list(WHOLE)
    fitting = [c for c in CONSTANTS if np.array(c).astype(dtype) == c]
    return [np.dtype(dtype).type(c) for c in fitting if c in (domain or REAL)]


def _condition_holds(rule: Rule, inputs: Mapping[str, Any], chosen: Mapping[str, Any]) -> bool:
    if not isinstance(rule, PatternRule) or rule.when is None:
        return True
    known = {**inputs, **chosen}
    return bool(rule.when(*(known[name] for name in inspect.signature(rule.when).parameters)))


def rewritten(rule: Rule, case: Case) -> tuple[Any, RewriteTrace]:
    """The left side after this rule alone; a rule for display works among its like."""
    trace = RewriteTrace()
    fgraph = FunctionGraph(case.inputs, [case.left], clone=False)
    alone = rule.phase in PHASES
    apply_rules(fgraph, [rule] if alone else select(rule.phase), rule.phase, trace)
    return fgraph.outputs[0], trace


# -- properties -----------------------------------------------------------------------------------


def declared(rule: Rule) -> None:
    """The declaration has a docstring, a client, and an example where it is no pattern."""
    assert rule.doc, f"{rule.name} has no docstring"
    assert rule.client, f"{rule.name} names no client: who needs it?"
    assert isinstance(rule, PatternRule) or rule.example, f"{rule.name} has no example"


def applies(rule: Rule) -> None:
    """It changes its own left side in every dtype and shape, its example at least once."""
    tried = cases(rule)
    if isinstance(rule, PatternRule) and rule.example is None:
        for case in tried:
            assert rewritten(rule, case)[1].steps, f"{rule.name} does not change {case.label}"
        return
    assert any(
        step.rule == rule.name for case in tried for step in rewritten(rule, case)[1].steps
    ), f"{rule.name} does not change its example"


def equal_values(rule: Rule, count: int = FEW, seed: int = 0) -> None:
    """Both sides have equal values in the domain."""
    for chosen, values in instances(rule, count, seed):
        if rule.phase not in PHASES:  # a textbook cancels and adds exponents without a word
            values = {v: np.abs(x) + np.asarray(0.1, x.dtype) for v, x in values.items()}
        both = chosen.compute([chosen.case.left, chosen.right], values)
        if both is not None:
            _assert_close(*both, chosen.case, rule.name, values)


def _assert_close(
    before: Any, after: Any, case: Case, what: str, values: Any,
    noise: Callable[[], Any] = lambda: 0.0,
) -> None:
    rtol, atol = TOLERANCE.get(case.dtype, (1e-9, 1e-12))
    if before.shape != after.shape or before.dtype != after.dtype:
        raise AssertionError(f"{what}, {case.label}: {before!r} became {after!r}")
    wrong = ~np.isclose(before, after, rtol, atol, equal_nan=True)
    if wrong.any():
        wrong &= ~(np.abs(before - after) <= noise())
    for place in np.argwhere(wrong)[:1]:
        at = [f"{v.name} = {value[tuple(place)]:.6g}" if value.shape == wrong.shape
              else f"{v.name} of shape {value.shape}" for v, value in values.items()]
        old, new = (side[tuple(place)] for side in (before, after))
        raise AssertionError(f"{what}, {case.label}: {old:.6g} became {new:.6g} at {', '.join(at)}")


def equal_types(rule: Rule) -> None:
    """The right side has the dtype and rank of the left, and knows no less about lengths."""
    for case in cases(rule):
        right, _ = rewritten(rule, case)
        assert case.left.type.is_super(right.type), (
            f"{rule.name}, {case.label}: {describe_type(case.left.type)} became "
            f"{describe_type(right.type)}"
        )


def equal_gradients(rule: Rule, count: int = FEW, seed: int = 0) -> None:
    """Both sides have equal derivatives in the domain."""
    for chosen, values in instances(rule, count, seed):
        for variable, array in values.items():
            if array.dtype.kind == "f":  # away from 0, where abs, sign and powers have a corner
                values[variable] = np.where(np.abs(array) < 1e-2, array.dtype.type(0.25), array)
        found = chosen.compute([*chosen.slopes[0], *chosen.slopes[1]], values)
        half = len(chosen.slopes[0])
        for place, variable in enumerate(chosen.wanted if found else ()):
            finite = np.isfinite(found[place])
            _assert_close(
                *(np.where(finite, side, 0) for side in (found[place], found[half + place])),
                chosen.case, f"derivative of {rule.name} by {variable.name}", values,
                functools.partial(_noise, chosen, values, place),
            )


def _noise(chosen: Prepared, values: Mapping[Variable, Any], place: int) -> Any:
    """How far a derivative of the left side is scattered by the last digits of its inputs: where
    its terms cancel, only so much of it is known."""
    found = []
    for step in range(-4, 5):
        near = {v: a if a.dtype.kind != "f" else a * (1 + step * np.finfo(a.dtype).eps)
                for v, a in values.items()}
        near = {v: a.astype(values[v].dtype) for v, a in near.items()}
        found.append((chosen.compute(chosen.slopes[0], near) or [np.nan] * (place + 1))[place])
    return 4 * np.ptp(found, axis=0)


def reachable(rule: Rule) -> None:
    """The left side still matches after the phases that come before."""
    seen = []
    phases = PHASES[: PHASES.index(rule.phase) + 1]
    with _registered(rule):
        for case in cases(rule):
            trace = RewriteTrace()
            fgraph = FunctionGraph(case.inputs, [case.left])
            run_phases(fgraph, phases, trace=trace, on_fault="raise")
            names = [step.rule for step in trace.steps]
            if rule.name in names:
                return
            seen.append(f"{case.label}: {', '.join(names) or 'nothing applied'}")
    raise AssertionError(f"{rule.name} is never reached:\n" + "\n".join(seen))


@contextlib.contextmanager
def _registered(rule: Rule) -> Iterator[None]:
    """The rule stands in the table for a while, if it does not stand there for good."""
    before = RULES.get(rule.name)
    register(rule)
    try:
        yield
    finally:
        unregister(rule.name)
        if before is not None:
            register(before)


def settles(rule: Rule) -> None:
    """With all other rules it comes to an end, and a second rewriting finds nothing to do."""
    with _registered(rule):
        for case in cases(rule, ("float64",), ("scalar", "matrix", "broadcast")):
            fgraph = FunctionGraph(case.inputs, [case.left])
            run_phases(fgraph, PHASES, on_fault="raise")
            trace = RewriteTrace()
            run_phases(fgraph, PHASES[-1:], trace=trace, on_fault="raise")
            assert not trace.steps, f"{rule.name}, {case.label}: again {trace.summary()}"


def accurate(rule: Rule) -> None:
    """A stabilising rule: never less accurate, and more accurate somewhere, against mpmath.

    The tag "enables" stands for the latter: the form is one that further stabilising rules need.
    """
    gains = 0
    shapes = "scalar", "vector"  # the first for which an expression can be built
    tried = (list(_cases_of(rule, "float64", shape, 2)) for shape in shapes)
    for case in next(filter(None, tried), ()):
        right, _ = rewritten(rule, case)
        grid = itertools.product(*(hard_points(domain) for domain in case.domains))
        points = list(itertools.islice(grid, 1000))
        values = {v: np.array(column) for v, column in zip(case.inputs, zip(*points))}
        truth = exact(case.left, values)
        truth[np.abs(truth) < np.finfo(float).tiny] = np.nan  # where 0 is as good
        before, after = (bits_between(side, truth) for side in compute([case.left, right], values))
        for place in np.flatnonzero(after > np.maximum(before, MOST_BITS)):
            where = points[place] if after.shape == (len(points),) else f"element {place}"
            raise AssertionError(f"{rule.name} at {where}: {before.flat[place]:.1f} bits of "
                                 f"error before, {after.flat[place]:.1f} after")
        gains += int(np.sum(before >= after + 1))
    assert gains or "enables" in rule.tags, f"{rule.name} is nowhere more accurate"


def not_dearer(rule: Rule) -> None:
    """A specialising rule does not make the expression cost more."""
    for case in cases(rule, ("float64",)):
        right, _ = rewritten(rule, case)
        assert cost([right]) <= cost([case.left]), f"{rule.name}, {case.label}"


PROPERTIES: dict[str, Callable[..., None]] = {
    check.__name__: check
    for check in (
        declared, applies, equal_values, equal_types, equal_gradients, reachable, settles,
        accurate, not_dearer,
    )
}
"""Name -> test of one property; each raises AssertionError."""

SAMPLED = ("equal_values", "equal_gradients")
"""Those that also take a number of instances and where to begin."""

DISPLAY_PROPERTIES = ("declared", "applies", "equal_values", "equal_types")


def properties_of(rule: Rule) -> list[str]:
    """The properties that a rule is tested for."""
    if rule.phase not in PHASES:
        return list(DISPLAY_PROPERTIES)
    skip = {"accurate": "stabilize", "not_dearer": "specialize"}
    return [name for name in PROPERTIES if skip.get(name, rule.phase) == rule.phase]


def check_rule(rule: Rule | str, count: int = 200) -> list[str]:
    """Test a rule in every way that its declaration allows.

    Parameters
    ----------
    rule : Rule or str
        What `@rule` or `@node_rewriter` made, or its name.
    count : int
        How many instances are drawn.

    Returns
    -------
    list of str
        The properties that were tested.

    Raises
    ------
    AssertionError
        With every property that does not hold, and where.

    Examples
    --------
    >>> check_rule("double_negation")[:3]
    ['declared', 'applies', 'equal_values']
    """
    chosen = RULES[known_name(rule)] if isinstance(rule, str) else rule
    if not isinstance(chosen, PatternRule) and chosen.example is None:
        raise AssertionError(f"the rule {chosen.name} has no example= to draw instances from")
    faults = []
    names = properties_of(chosen)
    proved, chosen.proved = chosen.proved, True  # the driver leaves the comparing to us
    for name in names:
        try:
            PROPERTIES[name](chosen, *((count,) if name in SAMPLED else ()))
        except Exception as error:
            kind = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
            faults.append(f"{name}: {kind}{error}")
    chosen.proved = proved
    if faults:
        raise AssertionError(f"the rule {chosen.name} does not hold\n" + "\n".join(faults))
    return names
