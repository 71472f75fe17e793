"""Random numbers: one op, `Draw`, and a table row for each distribution.

What is here: `Family` and the table `FAMILIES`, the op, and one function per row (`normal`, ...).

Relies on NumPy's `Generator`; the state of a stream is an array of six uint64 words.

The one idea: a draw takes a state and gives the next one beside its numbers.  So nothing is hidden:
equal states give equal numbers, and loops, updates and saving treat a state like any array.
Derivatives follow the numbers as the parameters move while the randomness is held.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from autodiff_lab.config import config
from autodiff_lab.errors import LabTypeError
from autodiff_lab.graph import DISCONNECTED, ZERO, Apply, Terms, Undefined, Variables
from autodiff_lab.tensor.constants import as_tensor_variable
from autodiff_lab.tensor.creation import sum_to
from autodiff_lab.tensor.lengths import as_lengths, lengths_met, static_lengths
from autodiff_lab.tensor.opdef import Dims, TensorOp, define_helper
from autodiff_lab.tensor.registry import function
from autodiff_lab.tensor.type import TensorType, known_type

Partials = Callable[..., Sequence[Any]]
NEEDED = inspect.Parameter.empty

DRAWN = define_helper("drawn", '''
def drawn(state, draw, dtype):
    """The next state of a random stream, and what `draw` got from its generator."""
    bits = np.random.PCG64(0)
    high, low, step_high, step_low, half, rest = (int(word) for word in state)
    words = {"state": (high << 64) + low, "inc": (step_high << 64) + step_low}
    bits.state = {
        "bit_generator": "PCG64", "state": words, "has_uint32": half, "uinteger": rest,
    }
    value = np.asarray(draw(np.random.Generator(bits)), dtype)
    now = bits.state
    numbers = (now["state"]["state"], now["state"]["inc"])
    parts = [part for number in numbers for part in (number >> 64, number & (2**64 - 1))]
    return np.array([*parts, now["has_uint32"], now["uinteger"]], np.uint64), value
''')


@dataclasses.dataclass(frozen=True)
class Family:
    """One distribution.

    Attributes
    ----------
    name : str
    parameters : dict
        Name -> default, in NumPy's order.
    summary : str
    text : str
        What NumPy computes, with ``g`` for the generator; by default its method of this name.
    whole : bool
        Whether the numbers are integers.
    ranks : tuple of int
        How many axes of each parameter belong to one draw (0, if it is shorter).
    partials : callable, optional
        The derivatives in each parameter, from a draw and the parameters; None where there is none.
    """

    name: str
    parameters: dict[str, Any]
    summary: str
    text: str = ""
    whole: bool = False
    ranks: tuple[int, ...] = ()
    partials: Partials | None = None

    @property
    def template(self) -> str:
        """The NumPy text over the parameters."""
        places = ", ".join(f"{{{place}}}" for place in range(len(self.parameters)))
        return self.text or f"g.{self.name}({places}{', ' * bool(places)}size)"


def _shift(x: Any, location: Any, scale: Any) -> list[Any]:
    return [1.0, (x - location) / scale]


def _stretch(x: Any, *parameters: Any) -> list[Any]:
    """Only the last parameter, a scale, moves the numbers smoothly."""
    return [*[None] * (len(parameters) - 1), x / parameters[-1]]


def _lognormal(x: Any, mean: Any, sigma: Any) -> list[Any]:
    return [x, x * (function("log")(x) - mean) / sigma]


def _uniform(x: Any, low: Any, high: Any) -> list[Any]:
    return [(high - x) / (high - low), (x - low) / (high - low)]


_LOCATION = {"loc": 0.0, "scale": 1.0}
_INTEGERS = {"low": NEEDED, "high": None}

FAMILIES: dict[str, Family] = {row.name: row for row in (
    Family("uniform", {"low": 0.0, "high": 1.0}, "Between two bounds.", partials=_uniform),
    Family("random", {}, "Between 0 and 1."),
    Family("normal", _LOCATION, "The normal distribution.", partials=_shift),
    Family("standard_normal", {}, "The normal distribution of mean 0 and variance 1."),
    Family("lognormal", {"mean": 0.0, "sigma": 1.0}, "exp of a normal number.",
           partials=_lognormal),
    Family("laplace", _LOCATION, "Two exponential sides.", partials=_shift),
    Family("logistic", _LOCATION, "The logistic distribution.", partials=_shift),
    Family("gumbel", _LOCATION, "The law of maxima.", partials=_shift),
    Family("cauchy", _LOCATION, "The ratio of two normal numbers.",
           "{0} + {1} * g.standard_cauchy(size)", partials=_shift),
    Family("exponential", {"scale": 1.0}, "Waiting times.", partials=_stretch),
    Family("gamma", {"shape": NEEDED, "scale": 1.0}, "Sums of waiting times.", partials=_stretch),
    Family("rayleigh", {"scale": 1.0}, "The length of a normal pair.", partials=_stretch),
    Family("weibull", {"a": NEEDED}, "Times to failure."),
    Family("beta", {"a": NEEDED, "b": NEEDED}, "Shares between 0 and 1."),
    Family("chisquare", {"df": NEEDED}, "Sums of squares."),
    Family("standard_t", {"df": NEEDED}, "Student's distribution."),
    Family("pareto", {"a": NEEDED}, "A heavy tail."),
    Family("triangular", {"left": NEEDED, "mode": NEEDED, "right": NEEDED}, "A triangle."),
    Family("vonmises", {"mu": NEEDED, "kappa": NEEDED}, "Angles around one direction."),
    Family("wald", {"mean": NEEDED, "scale": NEEDED}, "The inverse Gaussian distribution."),
    Family("bernoulli", {"p": 0.5}, "1 with a probability, else 0.",
           "g.binomial(1, {0}, size)", whole=True),
    Family("binomial", {"n": 1, "p": 0.5}, "Successes in n trials.", whole=True),
    Family("negative_binomial", {"n": NEEDED, "p": NEEDED}, "Failures before n successes.",
           whole=True),
    Family("geometric", {"p": NEEDED}, "Trials up to the first success.", whole=True),
    Family("hypergeometric", {"ngood": NEEDED, "nbad": NEEDED, "nsample": NEEDED},
           "Successes without putting back.", whole=True),
    Family("poisson", {"lam": 1.0}, "Events in a while.", whole=True),
    Family("integers", _INTEGERS, "Whole numbers below `high`.", whole=True),
    Family("random_integers", _INTEGERS, "Whole numbers up to `high`.",
           "g.integers({0}, {1}, size, endpoint=True)", whole=True),
    Family("multinomial", {"n": 1, "pvals": NEEDED}, "How n trials fall into classes.",
           whole=True, ranks=(0, 1)),
    Family("dirichlet", {"alpha": NEEDED}, "Shares that sum to 1.", ranks=(1,)),
    Family("multivariate_normal", {"mean": NEEDED, "cov": NEEDED}, "Normal vectors.",
           ranks=(1, 2)),
)}


class Draw(TensorOp):
    """Random numbers: a state and parameters in, the next state and the numbers out.

    Parameters
    ----------
    family : str
    template : str
        The NumPy text, with ``g`` for the generator and ``size``.
    dtype : str
    ranks : tuple of int
        For each parameter how many of its last axes belong to one draw.
    sized : bool
        Whether lengths follow as inputs; otherwise those of the parameters decide.
    """

    __props__ = ("family", "template", "dtype", "ranks", "sized")

    def __init__(
        self, family: str, template: str, dtype: str, ranks: tuple[int, ...], sized: bool
    ) -> None:
        self.family, self.template, self.dtype = family, template, dtype
        self.ranks, self.sized = ranks, sized

    @property
    def name(self) -> str:
        return self.family

    def make_node(self, *inputs: Any) -> Apply:
        from autodiff_lab.tensor.random.streams import STATE, as_state

        state, *rest = inputs
        variables = [as_state(state), *(as_tensor_variable(value) for value in rest)]
        count = len(self.ranks)
        lengths = variables[1 + count :]
        parameters = [variable.type.shape for variable in variables[1 : 1 + count]]
        outer = [dims[: len(dims) - rank] for dims, rank in zip(parameters, self.ranks)]
        batch = static_lengths(lengths) if self.sized else _broadcast(outer)
        inner = [dims[len(dims) - rank :] for dims, rank in zip(parameters, self.ranks) if rank]
        dims = (*batch, *(inner[0] if inner else ()))
        result = known_type(self.dtype or "", dims)
        return Apply(self, variables, [STATE.make_variable(), result.make_variable()])

    def numpy(self, node: Apply, *arguments: str) -> str:
        count = len(self.ranks)
        lengths = "".join(f"{name}, " for name in arguments[1 + count :])
        text = self.template.replace("size", f"({lengths})" if self.sized else "None")
        call = text.format(*arguments[1 : 1 + count])
        return f"{DRAWN}({arguments[0]}, lambda g: {call}, {self.dtype!r})"

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        count = len(self.ranks)
        parameters: Any = inputs[1 : 1 + count]
        partials = FAMILIES[self.family].partials if self.family in FAMILIES else None
        found: Any = partials(outputs[1], *parameters) if partials else [None] * count
        terms: list[Any] = [DISCONNECTED]
        for parameter, partial in zip(parameters, found):
            if partial is not None:
                terms.append(sum_to(cotangents[1] * partial, parameter))
            elif parameter.type.dtype.startswith("float"):
                terms.append(Undefined(
                    f"the numbers of {self.family} do not follow this parameter smoothly"
                ))
            else:
                terms.append(ZERO)
        return [*terms, *[DISCONNECTED] * (len(inputs) - len(terms))]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        count = len(self.ranks)
        return [[False, 0 < place <= count] for place in range(len(node.inputs))]


def _broadcast(shapes: Sequence[Dims]) -> Dims:
    """The static shape of arrays stretched to each other; NumPy decides at run time."""
    found: list[int | None] = []
    for lengths in lengths_met(shapes):
        long = lengths - {1, None}
        found.append(long.pop() if len(long) == 1 else None if None in lengths else 1)
    return tuple(found)


def draw(
    family: str, text: str, parameters: Sequence[Any], ranks: Sequence[int], whole: bool,
    size: Any, rng: Any, dtype: Any,
) -> tuple[Any, Any]:
    """The next state and the numbers, as variables."""
    from autodiff_lab.tensor.random.streams import shared_rng

    kind = ("int64" if whole else config.floatX) if dtype is None else str(dtype)
    kind = config.floatX if kind == "floatX" else kind
    lengths = [] if size is None else as_lengths(size)
    op = Draw(family, text, kind, tuple(ranks), size is not None)
    state = shared_rng() if rng is None else rng
    next_state, value = op(state, *parameters, *lengths, return_list=True)
    return next_state, value


def drawing(name: str, rng: Any, *args: Any, **options: Any) -> tuple[Any, Any]:
    """The next state and the numbers of a row of the table, or of a choice or permutation."""
    if name in ORDERS:
        return ORDERS[name](rng, *args, **options)
    family = FAMILIES[name]
    rest = {key: options.pop(key) for key in ("size", "dtype") if key in options}
    names = [*family.parameters, "size"]
    if len(args) > len(names) or set(options) - set(names) or set(names[: len(args)]) & {
        *options, *rest
    }:
        raise LabTypeError(
            f"{name} does not take these arguments.", remedy=f"{name}({', '.join(names)}, dtype)"
        )
    given = {**family.parameters, **dict(zip(names, args)), **options}
    size = given.pop("size", None)
    if name in ("integers", "random_integers") and given["high"] is None:
        given = {"low": 0, "high": given["low"]}
    missing = [key for key, value in given.items() if value is NEEDED]
    if missing:
        raise LabTypeError(f"{name} needs the parameter {missing[0]}.")
    parameters = [as_tensor_variable(value) for value in given.values()]
    ranks = family.ranks or (0,) * len(parameters)
    return draw(name, family.template, parameters, ranks, family.whole,
                rest.get("size", size), rng, rest.get("dtype"))


def _choice(
    rng: Any, a: Any, size: Any = None, replace: bool = True, p: Any = None, dtype: Any = None
) -> tuple[Any, Any]:
    source = as_tensor_variable(a)
    kind: TensorType = source.type
    given = [source] if p is None else [source, as_tensor_variable(p)]
    text = f"g.choice({{0}}, size, {bool(replace)}{', {1}' * (p is not None)})"
    ranks = (max(kind.ndim - 1, 0), 0)[: len(given)]
    found = dtype or (kind.dtype if kind.ndim else "int64")
    return draw("choice", text, given, ranks, False, () if size is None else size, rng, found)


def _permutation(rng: Any, x: Any, axis: int = 0, dtype: Any = None) -> tuple[Any, Any]:
    source = as_tensor_variable(x)
    if source.type.ndim == 0:
        source = function("arange")(source)
    text = f"g.permutation({{0}}, {int(axis)})"
    return draw("permutation", text, [source], [source.type.ndim], False, None, rng,
                source.type.dtype)


ORDERS: dict[str, Callable[..., tuple[Any, Any]]] = {
    "choice": _choice, "permutation": _permutation, "shuffle": _permutation,
}
"""Distributions over the elements of an array."""

SAME = {"randint": "integers"}
NAMES = (*FAMILIES, *ORDERS, *SAME)


def _public(name: str) -> Callable[..., Any]:
    """The function of a name: its arguments as NumPy has them, then `rng`, `dtype`, `name`."""

    def numbers(*args: Any, rng: Any = None, name: str | None = None, **options: Any) -> Any:
        value = drawing(SAME.get(key, key), rng, *args, **options)[1]
        value.name = name
        return value

    key = name
    numbers.__name__ = numbers.__qualname__ = name
    row = FAMILIES.get(SAME.get(name, name))
    numbers.__doc__ = row.summary if row else "The elements of an array in a random order."
    return numbers


FUNCTIONS: dict[str, Callable[..., Any]] = {name: _public(name) for name in NAMES}
