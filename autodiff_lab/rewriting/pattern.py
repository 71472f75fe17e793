"""Patterns: the left side of a rule as a tree of op names, and its match against a graph.

A rule's function is called once with wildcards and the left side is read off the graph it builds;
on a match it is called again with what the names matched, to build the right side.  A pattern
knows op *names*: added axes and casts between real dtypes are looked through, constants compare by
value, commutative ops match in both orders, a repeated name is one variable.

Relies on `rewriting.facts`.  Recursion here goes over patterns, never over graphs.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import operator
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from autodiff_lab.errors import LabTypeError, LabValueError, one_of
from autodiff_lab.graph import Apply, Constant, Variable, ancestors, source
from autodiff_lab.rewriting.facts import CONSTANT, Context, is_cast, is_plumbing
from autodiff_lab.tensor.axes import DimShuffle
from autodiff_lab.tensor.constants import as_tensor_variable
from autodiff_lab.tensor.elemwise import Elemwise
from autodiff_lab.tensor.reduction import Reduction
from autodiff_lab.tensor.registry import function
from autodiff_lab.tensor.type import TensorType


class Const:
    """Annotation of a wildcard that matches a constant; ``Const[int]``: a whole number.

    On the right side the name stands for the number, in a dtype that loses nothing.
    """

    whole = False

    def __class_getitem__(cls, item: Any) -> type[Const]:
        if item not in (int, float):
            raise LabTypeError(f"Const[{item!r}] is not known.", remedy="Const[int]")
        return WholeConst if item is int else Const


class WholeConst(Const):
    """What ``Const[int]`` means."""

    whole = True


class Axis:
    """Annotation of a parameter that stands for the axes of the pattern's reductions."""


class Bool:
    """Annotation of a wildcard that matches booleans."""


Tree = Any
"""A pattern: `Wild`, `Value` or `Call`."""


@dataclasses.dataclass(frozen=True)
class Wild:
    """A name that matches any variable, or any constant if `constant`."""

    name: str
    constant: bool = False
    whole: bool = False
    boolean: bool = False

    def __str__(self) -> str:
        return self.name


@dataclasses.dataclass(frozen=True)
class Value:
    """A number, compared by value."""

    number: Any

    def __str__(self) -> str:
        return f"{self.number:g}" if isinstance(self.number, float) else str(self.number)

    @functools.cached_property
    def accepted(self) -> frozenset[Any]:
        """The number as each real dtype rounds it."""
        if isinstance(self.number, float):
            with np.errstate(all="ignore"):
                short = (float(np.float32(self.number)), float(np.float16(self.number)))
            return frozenset((self.number, *short))
        return frozenset((self.number,))


@dataclasses.dataclass(frozen=True)
class Call:
    """An op, by name, applied to patterns."""

    op: str
    args: tuple[Tree, ...]
    commutative: bool = False
    elementwise: bool = True
    axes: str | None = None     # the parameter that takes the axes of a reduction

    def __str__(self) -> str:
        return f"{self.op}({', '.join(map(str, self.args))})"


@dataclasses.dataclass(frozen=True)
class Recorded:
    """Both sides of a rule and what its parameters stand for."""

    function: Callable[..., Any]
    parameters: dict[str, Wild | type[Axis]]
    left: Call
    right: Tree
    condition: tuple[str, ...]
    plain: bool
    sides: tuple[Variable, Variable]


@dataclasses.dataclass
class Match:
    """What the names matched.

    Attributes
    ----------
    found : dict
        Name -> the variable and its axes as seen from the root, the number, or the axes.
    bindings : dict
        The same as the right side takes it.
    matched : list of Variable
        The results of the pattern's calls.
    leaves : list
        What lends the root its shape.
    """

    context: Context
    found: dict[str, Any] = dataclasses.field(default_factory=dict)
    bindings: dict[str, Any] = dataclasses.field(default_factory=dict)
    matched: list[Variable] = dataclasses.field(default_factory=list)
    leaves: list[tuple[Variable, View]] = dataclasses.field(default_factory=list)


View = tuple[Any, ...] | None
"""The axes of a variable as they are seen from the root of the match; None: as they are."""


# -- recording ------------------------------------------------------------------------------------


def record(function: Callable[..., Any], when: Callable[..., bool] | None = None) -> Recorded:
    """Call a rule's function with wildcards and read both sides off the result."""
    parameters = _parameters(function)
    wildcards: dict[Any, Wild] = {}
    arguments: dict[str, Any] = {}
    axes = None
    for name, meaning in parameters.items():
        if not isinstance(meaning, Wild):
            axes, arguments[name] = name, None
            continue
        rank: tuple[None, ...] = () if meaning.constant else (None, None)
        dtype = "bool" if meaning.boolean else "int8" if meaning.whole else "float64"
        arguments[name] = TensorType(dtype, rank).make_variable(name)
        wildcards[arguments[name]] = meaning
    with source.using(None):
        sides = function(**arguments)
    if not isinstance(sides, tuple) or len(sides) != 2:
        raise LabTypeError(
            f"The rule {function.__name__} does not return two sides.", remedy="return left, right"
        )
    first, second = map(as_tensor_variable, sides)
    left, right = (_tree(side, wildcards, axes) for side in (first, second))
    if not isinstance(left, Call):
        raise LabValueError(
            f"The left side of the rule {function.__name__} is only {left}.",
            why="it would match every variable",
        )
    unbound = _names(right) - _names(left)
    if unbound:
        raise LabValueError(
            f"The right side of the rule {function.__name__} reads {', '.join(sorted(unbound))}.",
            why="its left side does not tell what that is",
        )
    condition = tuple(inspect.signature(when).parameters) if when is not None else ()
    for name in condition:
        one_of(name, parameters, f"when= of the rule {function.__name__} asks for {name!r}.")
    plain = _plain(right) and not any(is_cast(v) for v in ancestors([second]))
    return Recorded(function, parameters, left, right, condition, plain, (first, second))


def _parameters(function: Callable[..., Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    scope = {**getattr(function, "__globals__", {}), "Const": Const, "Axis": Axis, "Bool": Bool}
    signature = inspect.signature(function, globals=scope, eval_str=True)
    for name, parameter in signature.parameters.items():
        note = parameter.annotation
        if note is Axis:
            found[name] = Axis
        elif isinstance(note, type) and issubclass(note, Const):
            found[name] = Wild(name, constant=True, whole=note.whole)
        else:
            found[name] = Wild(name, boolean=note is Bool)
    return found


def _tree(variable: Any, wildcards: Mapping[Variable, Wild], axes: str | None) -> Tree:
    while is_plumbing(variable) and variable not in wildcards:
        variable = variable.owner.inputs[0]
    if variable in wildcards:
        return wildcards[variable]
    if isinstance(variable, Constant):
        data = variable.data
        if data.size != 1:
            raise LabValueError("A constant in a pattern is one number, not an array.")
        return Value(data.reshape(-1)[0].item())
    node = variable.owner
    if node is None:
        raise LabValueError(f"The pattern reads {variable}, which is no parameter of it.")
    op = node.op
    if not isinstance(op, Elemwise | Reduction) and op.name != "dot":
        raise LabTypeError(
            f"A pattern cannot contain {op.name}.",
            why="patterns are for elementwise functions, dot and reductions",
            remedy="write the rule with @node_rewriter",
        )
    return Call(
        op.name,
        tuple(_tree(v, wildcards, axes) for v in node.inputs),
        isinstance(op, Elemwise) and op.row.commutative and len(node.inputs) == 2,
        isinstance(op, Elemwise),
        axes if isinstance(op, Reduction) else None,
    )


def _names(tree: Tree) -> set[str]:
    """The wildcards in a pattern."""
    if isinstance(tree, Call):
        return set().union(*map(_names, tree.args))
    return {tree.name} if isinstance(tree, Wild) else set()


def size(tree: Tree) -> int:
    """How specific a pattern is: calls count 2, numbers and constants 1."""
    if isinstance(tree, Call):
        return 2 + sum(size(arg) for arg in tree.args)
    return int(isinstance(tree, Value) or (isinstance(tree, Wild) and tree.constant))


def heads(tree: Call) -> tuple[tuple[Any, ...], ...]:
    """What the heads of the inputs must be, in the orders that may match."""
    one = tuple(_head(arg) for arg in tree.args)
    return (one, one[::-1]) if tree.commutative and one[0] != one[1] else (one,)


def _head(tree: Tree) -> Any:
    if isinstance(tree, Call):
        return tree.op
    if isinstance(tree, Value):
        return tree.accepted
    return CONSTANT if tree.constant else None


def heads_fit(
    required: tuple[tuple[Any, ...], ...] | None, behind: Collection[str] | None,
    found: tuple[Any, ...],
) -> bool:
    """Whether the inputs of a node can match at all, by the names of their ops."""
    if behind is not None:
        return any(type(have) is not str or have in behind for have in found)
    for order in required or ((),):
        for want, have in zip(order, found):
            if want is None:
                continue
            if type(want) is str:
                if want != have:
                    break
            elif want is CONSTANT:
                if type(have) is str:
                    break
            elif have not in want:
                break
        else:
            return True
    return False


# -- matching -------------------------------------------------------------------------------------


def match(
    recorded: Recorded, context: Context, node: Apply, when: Callable[..., bool] | None, kinds: str
) -> Match | None:
    """What the names of a pattern match at a node, or None."""
    state = Match(context)
    for _ in _call(recorded.left, node.outputs[0], None, state):
        if not _kinds_fit(state.matched, kinds):
            continue
        state.bindings = _bindings(recorded, state, node)
        if when is None or when(*(state.bindings[name] for name in recorded.condition)):
            return state
    return None


def _strip(variable: Variable, view: View, casts: bool = True) -> tuple[Variable, View]:
    """Look through added axes and, if `casts`, through casts between real dtypes."""
    while is_plumbing(variable) and (casts or not is_cast(variable)):
        node = variable.owner
        assert node is not None
        if type(node.op) is DimShuffle:
            order = node.op.new_order
            view = order if view is None else tuple(
                "x" if axis == "x" else order[axis] for axis in view
            )
        variable = node.inputs[0]
    return variable, view


def _walk(
    tree: Tree, variable: Variable, view: View, shaping: bool, state: Match
) -> Iterator[None]:
    """Yield once per way in which `variable` matches; `shaping`: it lends the root its shape."""
    if not isinstance(tree, Call):
        fresh = _leaf(tree, variable, view, state)
        if fresh is None:
            return
        if shaping:
            state.leaves.append((variable, view))
        yield
        if shaping:
            state.leaves.pop()
        if fresh:
            del state.found[tree.name]
        return
    inner, seen = _strip(variable, view)
    if inner.owner is None or inner.owner.op.name != tree.op:
        return
    if tree.elementwise:
        yield from _call(tree, inner, seen, state, shaping)
    elif seen is None or _only_leading(seen):
        if shaping:
            state.leaves.append((inner, seen))
        yield from _call(tree, inner, None, state)
        if shaping:
            state.leaves.pop()


def _leaf(tree: Tree, variable: Any, view: View, state: Match) -> bool | None:
    """Take a variable for a leaf: True if its name is new, False if not, None if it differs."""
    if isinstance(tree, Value):
        value = state.context.scalar_value(variable)
        return False if value is not None and value.item() in tree.accepted else None
    if tree.boolean and variable.type.dtype != "bool":
        return None
    known = state.found.get(tree.name)
    if not tree.constant:
        if known is None:
            state.found[tree.name] = (variable, view)
            return True
        return False if _plainly(*known) == _plainly(variable, view) else None
    # A filled constant is not taken out of its shape: only what is written as a number counts.
    value = state.context.scalar_value(variable)
    if value is None or not isinstance(_strip(variable, None)[0], Constant):
        return None
    if tree.whole and not (
        value.dtype.kind in "iuf" and np.isfinite(value) and float(value).is_integer()
    ):
        return None
    if known is None:
        state.found[tree.name] = value
        return True
    return False if known == value else None


def _plainly(variable: Variable, view: View) -> tuple[Variable, View]:
    """A variable without the axes added to it, which go into the view."""
    variable, view = _strip(variable, view, casts=False)
    as_it_is = view == tuple(range(variable.type.ndim))  # type: ignore[attr-defined]
    return variable, None if as_it_is else view


def _only_leading(view: tuple[Any, ...]) -> bool:
    kept = [axis for axis in view if axis != "x"]
    return list(view) == ["x"] * (len(view) - len(kept)) + list(range(len(kept)))


def _call(
    tree: Call, variable: Variable, view: View, state: Match, shaping: bool = True
) -> Iterator[None]:
    node = variable.owner
    assert node is not None
    op = node.op
    if len(node.inputs) != len(tree.args):
        return
    mark = None
    if isinstance(op, Reduction):
        if tree.axes is not None and tree.axes not in state.found:
            state.found[tree.axes] = op.axis
            mark = tree.axes
        if op.axis != (None if tree.axes is None else state.found[tree.axes]):
            return
    state.matched.append(variable)
    shaping = shaping and tree.elementwise
    yield from _inputs(tree.args, node.inputs, view, shaping, state)
    if tree.commutative and node.inputs[0] is not node.inputs[1]:
        yield from _inputs(tree.args, node.inputs[::-1], view, shaping, state)
    state.matched.pop()
    if mark is not None:
        del state.found[mark]


def _inputs(
    trees: Sequence[Tree], inputs: Sequence[Variable], view: View, shaping: bool, state: Match
) -> Iterator[None]:
    if not trees:
        yield
        return
    for _ in _walk(trees[0], inputs[0], view, shaping, state):
        yield from _inputs(trees[1:], inputs[1:], view, shaping, state)


def _kinds_fit(matched: list[Variable], kinds: str) -> bool:
    """Whether the dtypes are among those that the rule is made for.

    Whole numbers wrap around, so among them all matched results must have one dtype.
    """
    found = {v.type.dtype for v in matched}  # type: ignore[attr-defined]
    letters = {np.dtype(dtype).kind for dtype in found}
    if not letters <= set(kinds):
        return False
    return letters <= {"f", "c", "b"} or len(found) == 1


# -- building -------------------------------------------------------------------------------------


def _seen(variable: Any, view: View) -> Any:
    """A matched variable with the axes that it has at the root of the match."""
    return variable if view is None else variable.dimshuffle(*view)


def _bindings(recorded: Recorded, state: Match, node: Apply) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, meaning in recorded.parameters.items():
        if not isinstance(meaning, Wild):
            found[name] = state.found.get(name)
        elif meaning.constant:
            found[name] = _number(state.found[name], meaning, node.outputs[0])
        else:
            found[name] = _widened(_seen(*state.found[name]), meaning, node.outputs[0])
    return found


def _widened(variable: Any, meaning: Wild, output: Any) -> Any:
    """A whole number takes part in the right side in the dtype of the result.

    Otherwise ``-x`` there would wrap around for unsigned numbers, and ``sqr(x)`` for short ones.
    """
    letter = np.dtype(variable.type.dtype).kind
    if meaning.boolean or letter not in "biu" or np.dtype(output.type.dtype).kind == "b":
        return variable
    return function("cast")(variable, output.type.dtype)


def _number(value: Any, meaning: Wild, output: Any) -> Any:
    """A matched constant for the right side, in a dtype in which computing loses nothing."""
    if meaning.whole:
        return int(value)
    if output.type.dtype == "bool":
        return value
    return value.astype(np.promote_types(value.dtype, output.type.dtype))


def build(recorded: Recorded, context: Context, node: Apply, found: Match) -> Any:
    """The right side, in the dtype and shape of the node's output; None if it does not fit."""
    # The negative of an unsigned number wraps around: no warning about that.
    with source.using(node.source), np.errstate(all="ignore"):
        if recorded.plain:
            right = _instance(recorded.right, found.bindings)
        else:
            right = recorded.function(**found.bindings)[1]
        leaves = [_seen(variable, view) for variable, view in found.leaves]
        return context.conform(right, node.outputs[0], leaves)


def _plain(tree: Tree) -> bool:
    """Whether a right side says all in its tree: nothing in it needs axes."""
    return not isinstance(tree, Call) or (tree.elementwise and all(map(_plain, tree.args)))


ARITHMETIC: dict[str, Callable[..., Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "true_div": operator.truediv,
    "neg": operator.neg, "pow": operator.pow, "abs": abs,
}


def _instance(tree: Tree, bindings: Mapping[str, Any]) -> Any:
    """A right side built from its tree: half the work of calling the rule, which builds both."""
    if isinstance(tree, Wild):
        return bindings[tree.name]
    if isinstance(tree, Value):
        return tree.number
    args = [_instance(arg, bindings) for arg in tree.args]
    if tree.op in ARITHMETIC and not any(isinstance(arg, Variable) for arg in args):
        return ARITHMETIC[tree.op](*args)
    return function(tree.op)(*args)
