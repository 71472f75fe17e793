"""The nodes of a graph: `Type`, `Variable`, `Constant`, `Apply`.

A *variable* is a value that is not computed yet; an *apply node* is one application of an op to
variables.  Both never change their structure: `owner`, `inputs` and `outputs` are set once.  What
may be set later: `name`, `tag`, and `roles`, which gradient code appends.  Relies on
`graph.source` for the user's line; the ops themselves are in `graph.op`.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from autodiff_lab import hooks
from autodiff_lab.errors import LabTypeError
from autodiff_lab.graph import source


class Tag:
    """A free place for notes on a variable or node, such as `tag.test_value`."""

    test_value: Any
    line: Any  # of an input: where it was made
    via: str  # on a tangent: "pushforward", or "double-pullback" where the op has no forward rule

    def __repr__(self) -> str:
        return f"Tag({', '.join(f'{k}={v!r}' for k, v in vars(self).items())})"


@dataclasses.dataclass(frozen=True, eq=False)
class Role:
    """Why gradient code made a variable.

    Attributes
    ----------
    kind : str
        ``"seed"`` (the 1 that starts a sweep), ``"adjoint"`` (one term of a chain-rule sum, or
        the finished cotangent), ``"accumulation"`` (a sum of terms), ``"tangent"`` (forward
        mode) or ``"local"`` (a helper inside one local rule, such as the partial derivative).
    of : Variable
        The primal variable that it belongs to.
    via : Apply, optional
        The primal node whose rule produced it.
    term : int, optional
        Which term of the chain-rule sum it is.
    point : tuple of Variable
        Where the derivative is taken: the variables asked for.
    """

    kind: str
    of: Variable
    via: Apply | None = None
    term: int | None = None
    point: tuple[Variable, ...] = ()


class Type:
    """What values a variable can hold.  A hashable value object; `TensorType` is the main one."""

    def filter(self, data: Any, strict: bool = False, allow_downcast: bool | None = None) -> Any:
        """Return `data` as a value of this type, or raise a TypeError that says why it is none."""
        raise NotImplementedError

    def filter_variable(self, other: Any, allow_convert: bool = True) -> Variable:
        """Return `other` as a variable of this type, or raise a TypeError."""
        if isinstance(other, Variable) and self.is_super(other.type):
            return other
        if not isinstance(other, Variable):
            return self.make_constant(other)
        raise LabTypeError(f"Cannot use {describe(other)} where {self} is expected.")

    def make_variable(self, name: str | None = None) -> Variable:
        """A new variable of this type without an owner."""
        return Variable(self, None, None, name)

    def make_constant(self, data: Any, name: str | None = None) -> Constant:
        """A constant of this type."""
        return Constant(self, self.filter(data), name)

    def __call__(self, name: str | None = None) -> Variable:
        made = self.make_variable(name)
        made.tag.line = source.current()        # for messages: no node tells where it was made
        return made

    def is_super(self, other: Type) -> bool:
        """Whether every value of `other` is a value of this type."""
        return self == other

    def in_same_class(self, other: Type) -> bool:
        """Whether both differ at most in what is known about shapes."""
        return self.is_super(other) or other.is_super(self)

    def values_eq(self, a: Any, b: Any) -> bool:
        """Whether two values are equal."""
        return bool(a == b)

    def values_eq_approx(self, a: Any, b: Any) -> bool:
        """Whether two values are equal up to rounding."""
        return self.values_eq(a, b)

    def fingerprint(self, data: Any) -> bytes | None:
        """Bytes that are equal for equal data, or None where data is compared by identity."""
        return None


class Saved:
    """Pickled and copied as part of a flat record of the whole graph (`compile.saving`)."""

    __slots__ = ()

    def __reduce__(self) -> Any:
        return hooks.call("reduced", self)


class Shown:
    """Formula and picture where a notebook shows it (`view.display`)."""

    __slots__ = ()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return hooks.call("mimebundle", self)


class _Tagged(Saved):
    """What variables and nodes have in common: a tag, made when first asked for."""

    __slots__ = ("_tag",)

    _tag: Tag | None

    @property
    def tag(self) -> Tag:
        """A free place for notes."""
        if self._tag is None:
            self._tag = Tag()
        return self._tag

    @tag.setter
    def tag(self, value: Tag) -> None:
        self._tag = value


class Variable(Shown, _Tagged):
    """A value in a graph: an input, or one output of an apply node.

    Parameters
    ----------
    type : Type
    owner : Apply, optional
        The node that computes it; None for an input.
    index : int, optional
        Which output of `owner` it is.
    name : str, optional
    """

    __slots__ = ("type", "owner", "index", "name", "roles", "__weakref__")

    type: Type
    owner: Apply | None
    index: int | None
    name: str | None
    roles: tuple[Role, ...]

    def __init__(
        self, type: Type, owner: Apply | None = None, index: int | None = None,
        name: str | None = None,
    ) -> None:
        if name is not None and not isinstance(name, str):
            raise LabTypeError(f"A name is text, not {name!r}.")
        self.type = type
        self.owner = owner
        self.index = index
        self.name = name
        self._tag = None
        self.roles = ()

    def clone(self, name: str | None = None) -> Variable:
        """A new input of the same type, with the same name unless another is given."""
        return self.type.make_variable(self.name if name is None else name)

    def eval(self, inputs_to_values: Any = None, **kwargs: Any) -> Any:
        """Compute the value, given values for the inputs (a dict by variable or name).

        Examples
        --------
        >>> import autodiff_lab.tensor as pt
        >>> x = pt.dscalar("x")
        >>> float((x ** 2).eval({x: 3.0}))
        9.0
        """
        return hooks.call("eval", self, inputs_to_values, **kwargs)

    def dprint(self, **kwargs: Any) -> Any:
        """Print the graph as a tree of text."""
        return hooks.call("dprint", self, **kwargs)

    def __str__(self) -> str:
        if self.name is not None:
            return self.name
        if self.owner is not None:
            op = self.owner.op
            return f"{op}.{self.index}" if len(self.owner.outputs) > 1 else f"{op}.out"
        return f"<{self.type}>"

    def __repr__(self) -> str:
        return str(self)


class Constant(Variable):
    """A variable whose value is known and never changes.

    Attributes
    ----------
    data
        The value; an array is read-only.
    compiled : bool
        Set on the copies that stand in compiled graphs: `pp` prints those bare.
    """

    __slots__ = ("data", "compiled", "_fingerprint")

    def __init__(self, type: Type, data: Any, name: str | None = None) -> None:
        super().__init__(type, None, None, name)
        self.data = data
        self.compiled = False
        self._fingerprint: bytes | None = None

    @property
    def fingerprint(self) -> bytes | None:
        """Bytes equal for equal type, shape and data; None where identity decides."""
        if self._fingerprint is None:
            self._fingerprint = self.type.fingerprint(self.data)
        return self._fingerprint

    def clone(self, name: str | None = None) -> Constant:
        copy = type(self)(self.type, self.data, self.name if name is None else name)
        copy._fingerprint = self._fingerprint
        return copy

    def __str__(self) -> str:
        return self.name if self.name is not None else f"{type(self).__name__}{{{self.data}}}"


_log = source.Stack()           # of the lists that `Apply` notes the nodes it makes in


@contextlib.contextmanager
def creation_log() -> Iterator[list[Apply]]:
    """Collect every apply node that is made inside the block, in order; blocks may be nested."""
    nodes: list[Apply] = []
    _log.entries.append(nodes)
    try:
        yield nodes
    finally:
        _log.entries.pop()
        if _log.entries:
            _log.entries[-1].extend(nodes)


watchers: list[Callable[[Apply], None]] = []
"""What is told of every node that is made (`graph.test_values`)."""


class Apply(_Tagged):
    """One application of an op to inputs.

    Parameters
    ----------
    op : Op
    inputs, outputs : sequence of Variable
        The outputs must be new: they become outputs of this node.
    """

    __slots__ = ("op", "inputs", "outputs", "source", "__weakref__")

    op: Any  # an `Op`: `graph.op` is built on this file
    inputs: tuple[Variable, ...]
    outputs: tuple[Variable, ...]
    source: source.SourceLine | None

    def __init__(self, op: Any, inputs: Sequence[Variable], outputs: Sequence[Variable]) -> None:
        self.op = op
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self._tag = None
        for index, output in enumerate(self.outputs):
            output.owner = self
            output.index = index
        self.source = source.current()
        if _log.entries:
            _log.entries[-1].append(self)
        for watcher in watchers:
            watcher(self)

    @property
    def nout(self) -> int:
        """Number of outputs."""
        return len(self.outputs)

    def default_output(self) -> Variable:
        """The output that a call of the op stands for."""
        chosen: int | None = getattr(self.op, "default_output", None)
        if chosen is not None:
            return self.outputs[chosen]
        if len(self.outputs) == 1:
            return self.outputs[0]
        raise AttributeError(f"{self.op} has {len(self.outputs)} outputs: name one.")

    @property
    def out(self) -> Variable:
        """The default output."""
        return self.default_output()

    def clone_with_new_inputs(self, inputs: Sequence[Variable]) -> Apply:
        """The same op applied to other inputs; types may become more specific."""
        with source.using(self.source):
            made: Apply = self.op.make_node(*inputs)
            return made

    def __str__(self) -> str:
        return f"{self.op}({', '.join(map(str, self.inputs))})"

    def __repr__(self) -> str:
        return str(self)


def describe(variable: Variable) -> str:
    """A variable for an error message: its name or origin, its type, the line that made it.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> describe(pt.dmatrix("W"))
    'W (float64, shape (?, ?))'
    """
    if variable.name is not None:
        text = str(variable.name)
    elif variable.owner is not None:
        text = f"the result of {variable.owner.op}"
    elif isinstance(variable, Constant):
        text = "the constant " + " ".join(str(variable.data).split())[:40]
    else:
        text = "an unnamed input"
    return f"{text} ({describe_type(variable.type)})"


def describe_type(type: Type) -> str:
    """A type for an error message."""
    dtype = getattr(type, "dtype", None)
    shape = getattr(type, "shape", None)
    if dtype is None or shape is None:
        return str(type)
    if shape == ():
        return f"{dtype} scalar"
    dims = ", ".join("?" if d is None else str(d) for d in shape)
    return f"{dtype}, shape ({dims}{',' if len(shape) == 1 else ''})"


def placed(text: str, node: Apply) -> str:
    """A text and the user's line that made a node, where that is known."""
    return text if node.source is None else f"{text}, {node.source}"


def line_of(variable: Variable) -> source.SourceLine | None:
    """The user's line that made a variable, where that is known."""
    if variable.owner is not None:
        return variable.owner.source
    line: source.SourceLine | None = getattr(variable._tag, "line", None)
    return line


def located(variable: Any) -> str:
    """A variable for an error message, with the user's line that made it."""
    line = line_of(variable)
    return describe(variable) + (f", {line}" if line is not None else "")
