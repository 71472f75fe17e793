"""Streams of random numbers: states as variables, and `RandomStream`, which keeps them.

What is here: `RandomType`, `shared_rng`, `rng`, `RandomStream`, and the family's older streams.

Relies on `random.families` for the draws, `tensor.shared` for states that live between calls.

The one idea: every draw of a stream has a state of its own, a shared variable whose default update
is the state after the draw.  The first begins as ``numpy.random.default_rng(seed)`` does, the
following as the children that `numpy.random.SeedSequence(seed)` spawns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff_lab.errors import LabTypeError
from autodiff_lab.graph import Variable
from autodiff_lab.tensor.random.families import NAMES, SAME, drawing
from autodiff_lab.tensor.shared import TensorSharedVariable
from autodiff_lab.tensor.type import TensorType
from autodiff_lab.tensor.variable import TensorVariable


class RandomType(TensorType):
    """The state of a stream: six uint64 words; values may be given as a `Generator` or a seed."""

    def __init__(self) -> None:
        super().__init__("uint64", (6,))

    def filter(self, data: Any, strict: bool = False, allow_downcast: bool | None = None) -> Any:
        if data is None or isinstance(data, int | np.integer | np.random.SeedSequence):
            data = np.random.default_rng(data)
        if isinstance(data, np.random.Generator):
            data = _words(data)
        return super().filter(data, strict, allow_downcast)

    def make_variable(self, name: str | None = None) -> Variable:
        return RandomVariable(self, None, None, name)

    def __reduce__(self) -> Any:
        return (RandomType, ())


def _words(generator: np.random.Generator) -> Any:
    found: Any = generator.bit_generator.state
    if found["bit_generator"] != "PCG64":
        raise LabTypeError(
            f"Streams draw with PCG64, not with {found['bit_generator']}.",
            remedy="np.random.default_rng(seed) makes one",
        )
    numbers = (found["state"]["state"], found["state"]["inc"])
    parts = [part for number in numbers for part in (number >> 64, number & (2**64 - 1))]
    return np.array([*parts, found["has_uint32"], found["uinteger"]], np.uint64)


class RandomVariable(TensorVariable):
    """A state; ``following, x = state.normal(0, 1, size=3)`` draws from it."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name not in NAMES:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return lambda *args, **options: drawing(SAME.get(name, name), self, *args, **options)


class RandomSharedVariable(RandomVariable, TensorSharedVariable):
    """A state that lives between calls; its value is a NumPy `Generator`."""

    __slots__ = ()

    def get_value(self, borrow: bool = False, return_internal_type: bool = False) -> Any:
        """A generator in this state; what is drawn from it leaves the state as it is."""
        state = np.array(self.container.value)
        generator = np.random.default_rng(0)
        high, low, step_high, step_low, half, rest = (int(word) for word in state)
        generator.bit_generator.state = {
            "bit_generator": "PCG64", "has_uint32": half, "uinteger": rest,
            "state": {"state": (high << 64) + low, "inc": (step_high << 64) + step_low},
        }
        return state if return_internal_type else generator


STATE = RandomType()


def as_state(value: Any) -> Any:
    """A state as a variable; a `Generator`, a seed or an array of words is a constant."""
    if isinstance(value, Variable):
        if STATE.is_super(value.type):
            return value
        raise LabTypeError(
            f"The state of a random stream is made by shared_rng or rng, not {value.type}."
        )
    return STATE.make_constant(value)


def shared_rng(
    value: Any = None, name: str | None = None, *, seed: Any = None, **unused: Any
) -> Any:
    """A state that lives between calls.

    Parameters
    ----------
    value, seed : numpy.random.Generator, int or None
        Where it begins; None: somewhere new.
    name : str, optional

    Examples
    --------
    >>> import numpy as np, autodiff_lab as ad, autodiff_lab.tensor as pt
    >>> state = pt.random.shared_rng(7)
    >>> following, x = state.normal(size=2)
    >>> f = ad.function([], x, updates={state: following})
    >>> expected = np.random.default_rng(7)
    >>> bool((f() == expected.normal(size=2)).all() and (f() == expected.normal(size=2)).all())
    True
    """
    return RandomSharedVariable(STATE, seed if value is None else value, name)


def rng(name: str | None = None) -> Any:
    """A state that a function takes as an argument."""
    return STATE.make_variable(name)


class RandomStream:
    """Random variables that differ in every call, and are the same again after `seed`.

    Parameters
    ----------
    seed : int, optional
        None: somewhere new.

    Examples
    --------
    >>> import numpy as np, autodiff_lab as ad, autodiff_lab.tensor as pt
    >>> stream = pt.random.RandomStream(seed=42)
    >>> f = ad.function([], stream.normal(size=3))
    >>> bool((f() == np.random.default_rng(42).normal(size=3)).all())
    True
    """

    def __init__(self, seed: Any = None, namespace: Any = None, **unused: Any) -> None:
        self._states: list[Any] = []
        self.seed(seed)

    def seed(self, seed: Any = None) -> None:
        """Begin again: the draws made so far, in order, and those to come."""
        self._sequence = np.random.SeedSequence(seed)
        self._first = True
        for state in self._states:
            state.set_value(self._next())

    def _next(self) -> Any:
        first, self._first = self._first, False
        return np.random.default_rng(self._sequence if first else self._sequence.spawn(1)[0])

    @property
    def state_updates(self) -> list[tuple[Any, Any]]:
        """Pairs of each state and what it is after a draw."""
        return [(state, state.default_update) for state in self._states]

    def updates(self) -> list[tuple[Any, Any]]:
        """The pairs of `state_updates`: functions make these updates by themselves."""
        return self.state_updates

    def gen(self, name: str, *args: Any, **options: Any) -> Any:
        """A random variable of a distribution: ``gen("normal", 0, 1, size=3)``."""
        title = options.pop("name", None)
        state = shared_rng(self._next())
        state.default_update, value = drawing(SAME.get(name, name), state, *args, **options)
        self._states.append(state)
        value.name = title
        return value

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in NAMES:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return lambda *args, **options: self.gen(name, *args, **options)


class RandomStreams(RandomStream):
    """`RandomStream` with the family's older order of arguments: the size comes first."""

    _first_words = {
        "uniform": ("low", "high"), "normal": ("loc", "scale"), "binomial": ("n", "p"),
        "multinomial": ("n", "pvals"), "poisson": ("lam",), "choice": ("a", "replace", "p"),
        "random_integers": ("low", "high"), "permutation": ("x",),
    }

    def gen(self, name: str, *args: Any, **options: Any) -> Any:
        """A random variable of a distribution: ``gen("normal", (3,), 0, 1)``."""
        words = self._first_words.get(name)
        if words is None:
            return super().gen(name, *args, **options)
        given = {**dict(zip(("size", *words), args)), **options}
        for old, new in (("avg", "loc"), ("std", "scale")):
            if old in given:
                given[new] = given.pop(old)
        for unused in ("ndim", "nstreams"):
            given.pop(unused, None)
        if name == "permutation":
            given["x"] = given.pop("n", given.get("x", 1))
            given.pop("size", None)
        return super().gen(name, **given)


MRG_RandomStreams = RandomStreams
