"""Elementwise functions: each is one row of a table, applied by the one op `Elemwise`.

`scalar(...)` declares a row; its facts (dtype rule, NumPy function, expression over primitives,
partial derivatives, notation, domain) are all that the rest of the package knows of it.  `Elemwise`
adds the array side once for all: ranks, broadcasting, and the sum over stretched axes in the
pullback.  Relies on `tensor.dtypes`, `tensor.registry` and the primitives.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autodiff_lab.errors import LabTypeError, LabValueError
from autodiff_lab.graph import (
    DISCONNECTED, ZERO, Apply, Flags, Op, Tangents, Terms, Undefined, Variable, Variables, describe,
)
from autodiff_lab.tensor import dtypes, registry
from autodiff_lab.tensor.constants import as_tensor_variable
from autodiff_lab.tensor.opdef import REAL, Interval, Notation, compile_expression, evaluate_text
from autodiff_lab.tensor.scalars.primitives import BUILDERS
from autodiff_lab.tensor.type import Shape, known_type
from autodiff_lab.tensor.variable import TensorVariable

Stretch = tuple[tuple[int, ...], ...]


@dataclasses.dataclass(frozen=True, eq=False)
class ScalarRow:
    """One elementwise function; see `scalar` for the fields."""

    name: str
    arguments: tuple[str, ...]
    dtype: str
    rule: dtypes.DtypeRule
    numpy: str
    words: tuple[str, ...]
    notation: Notation
    domain: Mapping[str, Interval]
    summary: str
    expr: Callable[..., Any] | None = None
    partials: Callable[..., Sequence[Any]] | None = None
    pullback: Callable[..., Sequence[Any]] | None = None
    textbook: Callable[..., Sequence[Any]] | None = None
    commutative: bool = False
    aliases: tuple[str, ...] = ()
    see: str = ""

    @property
    def arity(self) -> int:
        """Number of arguments."""
        return len(self.arguments)

    @property
    def latex(self) -> str:
        """The LaTeX template."""
        return self.notation.latex

    @property
    def differentiable(self) -> bool:
        """Whether it has a derivative that is not zero or undefined everywhere."""
        return self.partials is not None or self.pullback is not None

    def dtypes(self, *inputs: str) -> tuple[tuple[str, ...], str]:
        """(dtypes to compute in, dtype of the result) for these dtypes of the inputs."""
        return self.rule(*inputs)

    def __reduce__(self) -> Any:
        return (_row_by_name, (self.name,))

    def __repr__(self) -> str:
        return self.name


def _row_by_name(name: str) -> ScalarRow:
    row: ScalarRow = registry.ROWS[name]
    return row


def scalar(
    name: str, arguments: str, *, dtype: str = "float", numpy: str,
    words: str | tuple[str, ...] = (), infix: str = "", latex: str = "",
    pp: str = "", domain: Interval | Mapping[str, Interval] = REAL,
    rule: dtypes.DtypeRule | None = None, **facts: Any,
) -> Elemwise:
    """Declare an elementwise function: one call is the whole op.

    The facts that need no conversion go to the row as they are.

    Parameters
    ----------
    name : str
        Public name in `autodiff_lab.tensor`.
    arguments : str
        Names of the arguments, separated by blanks.
    dtype : str
        The dtype rule, a key of `dtypes.RULES`: "float", "upcast", "compare", ...
    numpy : str
        A NumPy or SciPy function (``"np.exp"``, ``"scipy.special.erf"``), whose call on a variable
        then builds this op; or an expression with ``{0}``, ``{1}`` for the arguments.
    summary : str
        One sentence for the reference page.
    expr : callable, optional
        The function as one expression over `tensor.scalars.primitives`, by default the primitive
        that computes `numpy`; without either it runs as a NumPy instruction between kernels.
    partials : callable, optional
        (inputs..., output) -> d output / d input_i; numbers, variables or ``ZERO``.  Inputs come in
        the dtype of the output.
    pullback : callable, optional
        (inputs..., output, cotangent) -> contributions, where cotangent * partial will not do.
    textbook : callable, optional
        As `partials`, in the form that a textbook prints; shown in derivations, never run.
    words : str or tuple of str
        The rule in words, per argument, for derivations: "exp(u)' = exp(u) u'".
    infix, latex, pp
        The notation, see `opdef.Notation`.
    domain : Interval or mapping
        Where it is defined and differentiable, for all arguments or by name.
    commutative : bool
    aliases : tuple of str
        Further public names.
    see : str
        A source for the formula.
    """
    names = tuple(arguments.split())
    row = ScalarRow(
        name=name,
        arguments=names,
        dtype=dtype,
        rule=rule if rule is not None else dtypes.RULES[dtype],
        numpy=numpy,
        words=(words,) if isinstance(words, str) else words,
        notation=Notation(infix, latex, pp or name),
        domain=dict.fromkeys(names, domain) if isinstance(domain, Interval) else domain,
        **{"expr": BUILDERS.get(numpy), **facts},
    )
    registry.ROWS[name] = row
    op = Elemwise(row)
    registry.public(*row.aliases, name=name, numpy=_spellings(numpy))(op)
    return op


def _spellings(numpy: str) -> tuple[str, ...]:
    """The names under which NumPy or SciPy knows a function: ``np.abs`` is ``absolute``, too."""
    if "{" in numpy:
        return ()
    short = numpy.removeprefix("np.").removeprefix("scipy.")
    own = getattr(np, short, None)
    return (short,) if own is None else (short, own.__name__)


class Elemwise(Op):
    """A row applied to arrays.

    Parameters
    ----------
    row : ScalarRow
    stretch : tuple of tuple of int
        For each input the axes of length 1 that are stretched to the length of the others.  They
        are fixed when the op is called on variables, so that learning more about a shape later
        changes neither the value nor the gradient.
    """

    __props__ = ("row", "stretch")
    typed_by_types = True
    name = ""       # of each op its row's: read so often that a property would cost

    def __init__(self, row: ScalarRow, stretch: Stretch = ()) -> None:
        self.row = row
        self.name = row.name
        self.stretch = stretch if any(stretch) else ()
        self.__name__ = row.name
        self.__doc__ = _docstring(row)

    @property
    def notation(self) -> Notation:
        """How it is written."""
        return self.row.notation

    def __str__(self) -> str:
        return self.row.name.capitalize()

    def __call__(
        self, *inputs: Any, name: str | None = None, dtype: Any = None, **named: Any
    ) -> Any:
        """Apply the function to variables, numbers or arrays, with NumPy's broadcasting."""
        row = self.row
        if named or len(inputs) != row.arity:
            inputs = self._in_order(inputs, named)
        variables = self._same_rank(inputs)
        stretch = _stretch_of(variables)
        op = self if stretch == self.stretch else Elemwise(row, stretch)
        result = op._node(variables).outputs[0]
        if dtype is not None:
            result = registry.function("cast")(result, dtype)
        if name is not None:
            result.name = name
        return result

    def _in_order(self, inputs: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Any, ...]:
        """The arguments by place, given some of them by name."""
        row = self.row
        rest = row.arguments[len(inputs) :]
        for option in named:
            if option not in rest:
                raise LabTypeError(
                    f"{row.name} of a variable does not take {option}=.",
                    why=f"its arguments are {', '.join(row.arguments)}",
                    remedy="where(condition, a, b) chooses; set_subtensor(x[i], v) writes",
                )
        if len(inputs) + len(named) != row.arity:
            raise LabTypeError(
                f"{row.name} takes {row.arity} argument{'s' * (row.arity != 1)} "
                f"({', '.join(row.arguments)}), {len(inputs) + len(named)} given.",
            )
        return (*inputs, *(named[argument] for argument in rest))

    def _same_rank(self, inputs: Sequence[Any]) -> list[Any]:
        """The inputs as variables of one rank: missing leading axes are added."""
        variables: list[Any] = [
            value if isinstance(value, TensorVariable) else as_tensor_variable(value)
            for value in inputs
        ]
        ranks = {variable.type.ndim for variable in variables}
        if len(ranks) == 1:
            return variables
        return [registry.function("atleast_rank")(v, max(ranks)) for v in variables]

    def make_node(self, *inputs: Any) -> Apply:
        return self._node(self._same_rank(inputs))

    def _node(self, variables: Sequence[Any]) -> Apply:
        """A node on variables of one rank."""
        try:
            dtype = self.row.dtypes(*(variable.type.dtype for variable in variables))[1]
        except TypeError as error:
            raise LabTypeError(f"{error}\n  where:  {self._story(variables)}") from None
        dims = self._out_dims(variables)
        return Apply(self, variables, [TensorVariable(known_type(dtype, dims))])

    def _out_dims(self, variables: Sequence[Any]) -> Shape:
        """The static shape of the result; lengths that contradict each other are an error."""
        shapes = {variable.type.shape for variable in variables}
        if len(shapes) == 1:
            return tuple(shapes.pop())
        stretch = self.stretch or ((),) * len(variables)
        for axis in range(variables[0].type.ndim):
            known = {
                variable.type.shape[axis]
                for variable, axes in zip(variables, stretch)
                if axis not in axes and variable.type.shape[axis] is not None
            }
            if len(known) > 1:
                raise LabValueError(
                    f"Incompatible lengths in {self.row.name}: axis {axis} has lengths "
                    f"{', '.join(map(str, sorted(known)))}.",
                    where=self._story(variables), why="lengths must agree, or be statically 1",
                    remedy="line the axes up: x[:, None] adds one, x.T or reshape moves them",
                )
        return self.out_dims(*(variable.type.shape for variable in variables))[0]

    def _story(self, variables: Sequence[Variable]) -> str:
        return " and ".join(describe(_as_given(variable)) for variable in variables)

    # -- computing --------------------------------------------------------------------------

    def numpy(self, node: Apply, *arguments: str) -> str:
        """The NumPy expression, as text over the names of the arguments.

        NumPy's own dtype rules decide unless ours differ; then the arguments are cast first.
        """
        row = self.row
        kinds: list[Any] = [variable.type for variable in node.inputs]
        given = tuple(kind.dtype for kind in kinds)
        compute, result = row.dtypes(*given)
        if _natural_dtype(row.numpy, given) != result:
            arguments = tuple(
                text if have == want else f"{text}.astype(np.{dtypes.numpy_name(want)})"
                for text, have, want in zip(arguments, given, compute)
            )
            given = compute
        call = _written(row.numpy, arguments)
        if _natural_dtype(row.numpy, given) not in (result, None):
            call = f"{call}.astype(np.{dtypes.numpy_name(result)})"
        return call

    evaluate = evaluate_text

    def out_dims(self, *dims: Shape) -> list[Shape]:
        """The shape of the result from the shapes of the inputs."""
        stretch = self.stretch or ((),) * len(dims)
        found: list[int | None] = []
        for axis in range(len(dims[0])):
            lengths = [d[axis] for d, axes in zip(dims, stretch) if axis not in axes]
            known = (length for length in lengths if length is not None)
            found.append(next(known, None) if lengths else 1)
        return [tuple(found)]

    def batch(self, node: Apply, inputs: Variables, batched: Flags) -> list[Variable]:
        """The same function on inputs of which some have one leading axis more."""
        if self.row.name == "second" and batched[1] and not batched[0]:
            zeros = registry.function("zeros_like")(inputs[0])
            total: Variable = registry.function("add")(inputs[1], zeros)
            return [registry.function("cast")(total, node.outputs[0].type.dtype)]  # type: ignore[attr-defined]
        rank = node.outputs[0].type.ndim + 1  # type: ignore[attr-defined]
        same = [registry.function("atleast_rank")(variable, rank) for variable in inputs]
        return [Elemwise(self.row)(*same)]

    # -- differentiating --------------------------------------------------------------------

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        terms = self._local(inputs, outputs[0], cotangents[0])
        stretch = self.stretch or ((),) * len(inputs)
        return [_unstretched(term, axes) for term, axes in zip(terms, stretch)]

    def _local(
        self, inputs: Sequence[Variable], output: Variable, factor: Variable
    ) -> Sequence[Any]:
        """factor * partial for each input, before broadcasting is undone."""
        row = self.row
        if row.pullback is not None:
            return row.pullback(*inputs, output, factor)
        if row.partials is None:
            return [Undefined(f"{row.name} has no derivative")] * len(inputs)
        dtype = output.type.dtype  # type: ignore[attr-defined]
        same = [_in_dtype(variable, dtype) for variable in inputs]
        return [_times(factor, partial) for partial in row.partials(*same, output)]

    def pushforward(self, inputs: Variables, outputs: Variables, tangents: Tangents) -> Terms:
        """The tangent of the result.

        The Jacobian of an elementwise function is diagonal, so each term is the local rule with
        the tangent in the place of the cotangent.
        """
        (output,) = outputs
        total: Any = None
        for place, tangent in enumerate(tangents):
            if tangent is None:
                continue
            term = self._local(inputs, output, self._spread(tangent, output, place))[place]
            if isinstance(term, Undefined):
                return [term]
            if isinstance(term, Variable):
                total = term if total is None else registry.function("add")(total, term)
        return [ZERO if total is None else total]

    def _spread(self, tangent: Variable, output: Variable, place: int) -> Variable:
        """A tangent of one input in the shape of the result, and its dtype if that holds it."""
        dtype: str = output.type.dtype  # type: ignore[attr-defined]
        if tangent.type.dtype not in dtypes.COMPLEX or dtype in dtypes.COMPLEX:  # type: ignore[attr-defined]
            tangent = _in_dtype(tangent, dtype)
        if self.stretch and self.stretch[place]:
            spread: Variable = registry.function("second")(output, tangent)
            return spread
        return tangent

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        if self.row.name == "second":
            return [[False], [True]]
        return [[True] for _ in node.inputs]


def _as_given(variable: Variable) -> Variable:
    """The user's variable behind the leading axes that this op added to it."""
    node = variable.owner
    added = node is not None and node.op.name == "dimshuffle" and variable.name is None
    return node.inputs[0] if added and node is not None else variable


def _times(cotangent: Variable, partial: Any) -> Any:
    """cotangent * partial, with nothing multiplied where the partial is 1 or -1."""
    if partial is ZERO or partial is DISCONNECTED or isinstance(partial, Undefined):
        return partial
    if isinstance(partial, int):
        if partial == 0:
            return ZERO
        if partial == 1:
            return cotangent
        if partial == -1:
            return registry.function("neg")(cotangent)
    return registry.function("mul")(cotangent, partial)


def _in_dtype(variable: Variable, dtype: str) -> Variable:
    """An input in the dtype of the result, so that no local derivative loses digits."""
    if variable.type.dtype == dtype or dtypes.is_discrete(dtype):  # type: ignore[attr-defined]
        return variable
    cast: Variable = registry.function("cast")(variable, dtype)
    return cast


def _unstretched(term: Any, axes: tuple[int, ...]) -> Any:
    """Sum a contribution over the axes along which its input was stretched."""
    if not axes or not isinstance(term, Variable):
        return term
    lengths = term.type.shape  # type: ignore[attr-defined]
    if all(lengths[axis] == 1 for axis in axes):
        return term
    return registry.function("sum")(term, axis=axes, keepdims=True)


def _stretch_of(variables: Sequence[Any]) -> Stretch:
    """For each input the axes of static length 1 against something else."""
    shapes = [variable.type.shape for variable in variables]
    if all(shape == shapes[0] for shape in shapes):
        return ()
    found = tuple(
        tuple(
            axis
            for axis, length in enumerate(shape)
            if length == 1 and any(other[axis] != 1 for other in shapes)
        )
        for shape in shapes
    )
    return found if any(found) else ()


def _docstring(row: ScalarRow) -> str:
    lines = [row.summary, "", "Parameters", "----------"]
    lines += [", ".join(row.arguments) + " : tensor_like", "    Stretched to one shape."]
    lines += ["", "Notes", "-----"] if row.words or "{" not in row.numpy else []
    lines += [f"On a variable the same as ``{row.numpy}``."] if "{" not in row.numpy else []
    lines += [f"Derivative: {words}." for words in row.words]
    if row.see:
        lines += ["", "References", "----------", row.see]
    return "\n".join(lines)


def _written(numpy: str, arguments: Sequence[str]) -> str:
    if "{" in numpy:
        return numpy.format(*arguments)
    return f"{numpy}({', '.join(arguments)})"


_natural: dict[tuple[str, tuple[str, ...]], str | None] = {}


def _natural_dtype(numpy: str, given: tuple[str, ...]) -> str | None:
    """The dtype that NumPy itself would answer in, found by trying it on one element.

    None where NumPy refuses.
    """
    key = (numpy, given)
    if key not in _natural:
        names = tuple(f"a{position}" for position in range(len(given)))
        try:
            with np.errstate(all="ignore"):
                value = compile_expression(_written(numpy, names), names)(
                    *(np.ones(1, dtype=dtype) for dtype in given)
                )
            _natural[key] = np.asarray(value).dtype.name
        except (TypeError, ValueError):
            _natural[key] = None
    return _natural[key]
