"""How an op that is not elementwise is declared: one class with its facts in a fixed order.

A subclass of `TensorOp` has a docstring, whose first line is the summary that the pages show, and
states, in this order: `op_name`, `__props__`, `notation`, `samples`, the dtypes and the dimensions
of its outputs, its NumPy text, its pullback.  From these follow the node, the static shape, both
executors, printing, the pages and the tests.  The NumPy text is one expression: `evaluate` runs it
and ``source("numpy")`` prints it, so the two agree.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from autodiff_lab.graph import DISCONNECTED, ZERO, Apply, Op, Tangents, Terms, Variables
from autodiff_lab.tensor import registry
from autodiff_lab.tensor.type import TensorType, known_type

Dims = tuple[int | None, ...]


@dataclasses.dataclass(frozen=True)
class Interval:
    """Where a function is defined and differentiable; tests draw their points from it."""

    low: float = -math.inf
    high: float = math.inf
    open: bool = False

    def __contains__(self, value: float) -> bool:
        if self.open:
            return self.low < value < self.high
        return self.low <= value <= self.high


REAL = Interval()
POSITIVE = Interval(0.0, math.inf, open=True)


@dataclasses.dataclass(frozen=True)
class Notation:
    """How an op is written.

    Attributes
    ----------
    infix : str
        The operator between its arguments (or before a single one), e.g. ``"+"``; how tightly it
        binds, `view.notation` says.
    latex : str
        A template with ``{0}``, ``{1}``, ... for the arguments.
    pp : str
        The name that `pp` prints before settings; by default the class's, of rows the op's name.
    """

    infix: str = ""
    latex: str = ""
    pp: str = ""


def drawn(*shape: int) -> Callable[[np.random.Generator], Any]:
    """An argument of `calls`: normal numbers in this shape, drawn anew by each test."""
    return lambda rng: rng.normal(size=shape)


def calls(*written: tuple[Any, ...]) -> Any:
    """What tests call of an op: each a function's name, its arguments, and options as a last dict.

    Examples
    --------
    >>> calls(("sum", drawn(2), {"axis": 0}))(np.random.default_rng(0))
    [('sum', (array([ 0.12573022, -0.13210486]),), {'axis': 0})]
    """
    def samples(rng: np.random.Generator) -> list[tuple[str, tuple[Any, ...], dict[str, Any]]]:
        found = []
        for name, *rest in written:
            options = rest.pop() if rest and isinstance(rest[-1], dict) else {}
            found.append((name, tuple(a(rng) if callable(a) else a for a in rest), options))
        return found

    return staticmethod(samples)


class TensorOp(Op):
    """Base of the tensor ops that are not elementwise."""

    op_name: ClassVar[str] = ""
    notation: ClassVar[Notation] = Notation()
    samples: ClassVar[Any] = None
    summary: ClassVar[str] = ""  # the first line of the docstring
    words: ClassVar[str] = ""  # the derivative rule in words, for derivations
    text: ClassVar[str] = ""  # a NumPy expression over {0}, {1}, ... and the names of `__props__`
    differentiable: ClassVar[bool] = True
    # how many inputs, from the first on, give elements: the others only say lengths or places, so
    # nothing depends on them smoothly; None: all
    data_inputs: ClassVar[int | None] = None
    dtype: str | None = None  # of the outputs; by default that of the first input
    # inputs in which the op is linear, taken together (a join) or each by itself (a product);
    # the rule of forward mode follows from either
    linear_in: ClassVar[Sequence[int]] = ()
    multilinear_in: ClassVar[tuple[int, ...]] = ()
    # ("add", 0) for reductions that are an associative primitive with a start value
    reduction: ClassVar[tuple[str, float | bool] | None] = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.summary = (cls.__doc__ or "").split("\n")[0].replace("`", "")
        if cls.op_name:
            registry.OPS[cls.op_name] = cls

    @property
    def name(self) -> str:
        return self.op_name

    def out_dtypes(self, *inputs: TensorType) -> list[str]:
        """The dtypes of the outputs; by default `dtype`, or that of the first input."""
        return [self.dtype or inputs[0].dtype]

    def out_dims(self, *dims: Dims) -> list[Dims]:
        """The static shapes of the outputs from those of the inputs; by default the first one's."""
        return [dims[0]]

    def prepare(self, *inputs: Any) -> Sequence[Any]:
        """The inputs as variables; ops that convert or check them override this."""
        from autodiff_lab.tensor.constants import as_tensor_variable

        return [as_tensor_variable(value) for value in inputs]

    def make_node(self, *inputs: Any) -> Apply:
        variables = self.prepare(*inputs)
        types = [variable.type for variable in variables]
        result_types = [
            known_type(dtype, tuple(dims))
            for dtype, dims in zip(
                self.out_dtypes(*types), self.out_dims_of(variables), strict=True
            )
        ]
        return Apply(self, variables, [kind.make_variable() for kind in result_types])

    def out_dims_of(self, variables: Sequence[Any]) -> list[Dims]:
        """The static shapes of the outputs; ops that read constant inputs override this."""
        return self.out_dims(*(variable.type.shape for variable in variables))

    def numpy(self, node: Apply, *arguments: str) -> str:
        """The NumPy expression, as text over the names of the arguments."""
        if not self.text:
            raise NotImplementedError(f"{self} has no NumPy text")
        props = {name: getattr(self, name) for name in self.__props__ or ()}
        return self.text.format(*arguments, **props)

    def pushforward(
        self, inputs: Variables, outputs: Variables, tangents: Tangents
    ) -> Terms | None:
        """The tangents of the outputs of a linear op; None for others: derived from pullback."""
        moving = [place for place, tangent in enumerate(tangents) if tangent is not None]
        if moving and all(place in self.linear_in for place in moving):
            arguments = [
                tangent if tangent is not None
                else registry.function("zeros_like")(variable) if place in self.linear_in
                else variable
                for place, (tangent, variable) in enumerate(zip(tangents, inputs))
            ]
            return self.make_node(*arguments).outputs
        if moving and all(place in self.multilinear_in for place in moving):
            terms = [
                self.make_node(
                    *(tangents[place] if other == place else variable
                      for other, variable in enumerate(inputs))
                ).outputs[0]
                for place in moving
            ]
            total = terms[0]
            for term in terms[1:]:
                total = registry.function("add")(total, term)
            return [total]
        return None

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        if self.differentiable:
            return super().pullback(inputs, outputs, cotangents)
        return [ZERO if row[0] else DISCONNECTED for row in self._connected(inputs, outputs)]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return self._connected(node.inputs, node.outputs)

    def _connected(self, inputs: Variables, outputs: Variables) -> list[list[bool]]:
        count = len(inputs) if self.data_inputs is None else self.data_inputs
        return [[place < count] * len(outputs) for place in range(len(inputs))]

    def evaluate(self, node: Apply, *arrays: Any) -> Any:
        return evaluate_text(self, node, *arrays)


def evaluate_text(op: Any, node: Apply, *arrays: Any) -> Any:
    """Compute by the NumPy text of an op."""
    names = tuple(f"a{position}" for position in range(len(arrays)))
    compiled = compile_expression(op.numpy(node, *names), names)
    with np.errstate(all="ignore"):
        result = compiled(*map(np.asarray, arrays))
    if len(node.outputs) == 1:
        return as_declared(result, node.outputs[0].type)
    return tuple(as_declared(r, out.type) for r, out in zip(result, node.outputs))


def as_declared(result: Any, kind: Any) -> Any:
    """A NumPy result as an array of the declared dtype (0-d results come as scalars)."""
    return np.asarray(result, dtype=kind.dtype)


HELPERS: dict[str, str] = {}
"""Name -> source of the few functions that NumPy texts use beside NumPy's own."""


def define_helper(name: str, source: str) -> str:
    """Declare a function for NumPy texts; a printed program puts its source on top.

    Returns
    -------
    str
        The name, for use in texts.
    """
    HELPERS[name] = source.strip() + "\n"
    return name


def helpers_in(text: str) -> list[str]:
    """The names of the helper functions that a NumPy text calls."""
    return [name for name in HELPERS if f"{name}(" in text]


_compiled: dict[tuple[str, tuple[str, ...]], Callable[..., Any]] = {}


def compile_expression(text: str, names: tuple[str, ...]) -> Callable[..., Any]:
    """The function that computes a NumPy text written by an op of this package.

    The text comes from declarations only: names are made by us, parameters are numbers, tuples
    and dtype names.
    """
    key = (text, names)
    found = _compiled.get(key)
    if found is None:
        namespace: dict[str, Any] = {"np": np, "numpy": np}
        if "scipy." in text:
            import scipy
            import scipy.special

            namespace["scipy"] = scipy
        for helper in helpers_in(text):
            exec(compile(HELPERS[helper], "<autodiff_lab numpy>", "exec"), namespace)
        code = compile(f"lambda {', '.join(names)}: {text}", "<autodiff_lab numpy>", "eval")
        found = _compiled[key] = eval(code, namespace)
    return found
