"""Differentiating on paper: from the hole d/dx [y] to a derivative, one local rule a step.

What is here: `steps`, the walk from a function back to a variable.  A state is a sum of *holes*,
each an expression still to be differentiated with the factor that stands before it; a step puts
the local rule of one node in place of its hole.  Relies on the raw gradient for which inputs of a
node matter (the roles that `gradient` recorded, through which node and of which variable), and on
the op's own textbook form and words.

The one idea: this is the reverse sweep itself, written out.  Factors are ordinary graphs, so every
state can be computed and compared with the one before.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from autodiff_lab.graph import (
    DISCONNECTED, ZERO, Apply, Op, Undefined, Variable, ancestors, toposort,
)
from autodiff_lab.tensor.constants import constant
from autodiff_lab.tensor.registry import function
from autodiff_lab.view import notation
from autodiff_lab.view.latex import math_text

Factor = Variable | None  # None stands for 1
HANDING_ON = ("add", "sub", "identity")


class Derivative(Op):
    """A hole in a derivation: the derivative of its input, not yet worked out.

    Parameters
    ----------
    variable : str
        By what, as a name.
    total : bool
        Written ``d[u]`` instead of ``d/dx [u]``: the differential of an array.
    """

    __props__ = ("variable", "total")

    def __init__(self, variable: str, total: bool = False) -> None:
        self.variable = variable
        self.total = total

    @property
    def name(self) -> str:
        return "derivative"

    def make_node(self, *inputs: Any) -> Apply:
        (variable,) = inputs
        return Apply(self, [variable], [variable.type.make_variable()])


@dataclasses.dataclass(frozen=True)
class Hole:
    """``factor * d[variable]``; the factor has the variable's shape."""

    variable: Variable
    factor: Factor

    @property
    def whole_factor(self) -> Variable:
        """The factor, also where it is 1."""
        return ones(self.variable) if self.factor is None else self.factor


@dataclasses.dataclass(frozen=True)
class State:
    """A sum of holes, and in words the rule that led here."""

    holes: tuple[Hole, ...]
    rule: str
    node: Apply | None = None


def steps(cost: Variable, wrt: Variable, gradient: Variable | None = None) -> list[State]:
    """The states from ``d[cost]`` to ``factor * d[wrt]``.

    Parameters
    ----------
    cost, wrt : Variable
    gradient : Variable, optional
        The raw derivative: the roles in it say which inputs of a node contribute.
    """
    holes = [Hole(cost, None)]
    states = [State(tuple(holes), "what is asked")]
    reached = _depending_on(wrt, cost)
    contributing = _contributions(cost, wrt, gradient)
    for node in reversed(toposort([cost], [wrt])):
        place = next((k for k, h in enumerate(holes) if h.variable in node.outputs), None)
        if place is None or reached.isdisjoint(node.outputs):
            continue
        found = _local(node, holes[place], reached, contributing)
        apart = [*holes[:place], *found.values(), *holes[place + 1 :]]
        holes = _merged(apart, wrt)
        met = len(holes) < len(apart)
        if notation.notation_of(node.op).plumbing or node.op.name.startswith("cast_"):
            # no step of its own: the state before is written without it
            states[-1] = dataclasses.replace(states[-1], holes=tuple(holes))
            continue
        words = rule_words(node, list(found))
        if met and " + " not in words:
            words += "; both paths add"
        states.append(State(tuple(holes), words, node))
    return states


def _depending_on(wrt: Variable, cost: Variable) -> set[Variable]:
    reached = {wrt}
    for node in toposort([cost], [wrt]):
        if any(variable in reached for variable in node.inputs):
            reached.update(node.outputs)
    return reached


def _contributions(
    cost: Variable, wrt: Variable, gradient: Variable | None
) -> set[tuple[Apply, Variable]] | None:
    """(node, input) pairs through which the raw gradient goes: it holds a contribution there, or
    one of a node on the way from there to `wrt` (a gradient may pass over nodes)."""
    if gradient is None:
        return None
    roles = [role for variable in ancestors([gradient]) for role in variable.roles]
    told = {(role.via, role.of) for role in roles if role.kind == "adjoint" and role.via}
    via, above = {node for node, _ in told}, set[Variable]()
    for node in toposort([cost], [wrt]):
        told.update((node, variable) for variable in node.inputs if variable in above)
        if node in via or not above.isdisjoint(node.inputs):
            above.update(node.outputs)
    return told


def _merged(holes: Sequence[Hole], wrt: Variable) -> list[Hole]:
    """Holes of one variable put together at the place of the first; finished ones stay apart."""
    places: dict[Variable, int] = {}
    merged: list[Hole] = []
    for hole in holes:
        if hole.variable is wrt or hole.variable not in places:
            places[hole.variable] = len(merged)
            merged.append(hole)
            continue
        first = merged[places[hole.variable]]
        total = function("add")(first.whole_factor, hole.whole_factor)
        merged[places[hole.variable]] = Hole(hole.variable, total)
    return merged


def ones(like: Variable) -> Variable:
    """1 in the shape of a variable."""
    one = constant(1.0, dtype="float64")
    return one if notation.rank(like) == 0 else function("second")(like, one)  # type: ignore[no-any-return]


def zeros(like: Variable) -> Variable:
    """0 in the shape of a variable."""
    zero: Variable = function("mul")(0.0, ones(like))
    return zero


# -- local rules -------------------------------------------------------------------------------


def _local(
    node: Apply, hole: Hole, reached: set[Variable],
    contributing: set[tuple[Apply, Variable]] | None,
) -> dict[int, Hole]:
    """The holes that take the place of a node's own, by the place of the input."""
    active = [place for place, v in enumerate(node.inputs) if v in reached]
    answers = _answers(node, hole)
    parts: dict[int, Hole] = {}
    for place in active:
        answer, variable = answers[place], node.inputs[place]
        # A rule whose contribution is the cotangent itself leaves no role, so only a missing role
        # of a proper factor says that the gradient was stopped here.
        handed_on = answer is hole.factor or answer is None or node.op.name in HANDING_ON
        told = contributing is None or (node, variable) in contributing
        if not _is_nothing(answer) and (handed_on or told):
            parts[place] = Hole(variable, answer)
    return parts


def local_factor(node: Apply, output: Variable, place: int, factor: Factor) -> Any:
    """What the rule of a node makes of a factor, for one input; None stands for 1."""
    return _answers(node, Hole(output, factor))[place]


def _answers(node: Apply, hole: Hole) -> list[Any]:
    """The factor of each input, or a sentinel."""
    row = getattr(node.op, "row", None)
    partials = partials_of(node, row) if row is not None else None
    if partials is None:
        answers = node.op.pullback(node.inputs, node.outputs, _cotangents(node, hole))
        answers = [None if _is_one(answer) else _without_ones(answer) for answer in answers]
    else:
        stretch = getattr(node.op, "stretch", ()) or ((),) * len(node.inputs)
        answers = [
            _summed(_times(hole, partial), axes, node.outputs[0])
            for partial, axes in zip(partials, stretch)
        ]
    return list(answers)


def _is_nothing(answer: Any) -> bool:
    return answer is ZERO or answer is DISCONNECTED or isinstance(answer, Undefined)


def partials_of(node: Apply, row: Any) -> Sequence[Any] | None:
    """The local derivatives as a textbook writes them, or as the row declares them."""
    (output,) = node.outputs
    declared = row.textbook or row.partials
    if declared is not None:
        return list(declared(*node.inputs, output))
    if row.name.startswith("cast_") or row.name == "identity":
        return [1]
    return [0, 1] if row.name == "second" else None


def _times(hole: Hole, partial: Any) -> Any:
    if _is_nothing(partial):
        return partial
    if isinstance(partial, int | float) and partial in (0, 1):
        return hole.factor if partial else ZERO
    given = None if hole.factor is None else notation.scalar_value(hole.factor)
    if hole.factor is None or given is not None:
        number = partial if isinstance(partial, int | float) else notation.scalar_value(partial)
        if number is not None and notation.rank(hole.variable) == 0:
            return constant(float(number) * float(1 if given is None else given), dtype="float64")
        if hole.factor is None:
            return partial if isinstance(partial, Variable) else constant(float(partial))
        if given == -1:
            return function("neg")(partial)
    return function("mul")(hole.factor, partial)


def _summed(term: Any, axes: tuple[int, ...], output: Variable) -> Any:
    """A factor summed over the axes along which its variable was stretched."""
    if not axes or _is_nothing(term):
        return term
    if term is None:
        term = ones(output)
    elif notation.rank(term) < notation.rank(output):
        term = function("mul")(ones(output), term)
    return function("sum")(term, axis=axes, keepdims=True)


def _cotangents(node: Apply, hole: Hole) -> list[Variable]:
    return [hole.whole_factor if out is hole.variable else function("second")(out, constant(0.0))
            for out in node.outputs]


def _is_one(answer: Any) -> bool:
    """Whether a contribution is 1 everywhere, however it is spread."""
    while isinstance(answer, Variable) and answer.owner is not None:
        name = answer.owner.op.name
        if name not in ("second", "dimshuffle", "alloc") and not name.startswith("cast_"):
            return False
        answer = answer.owner.inputs[1 if name == "second" else 0]
    return isinstance(answer, Variable) and notation.scalar_value(answer) == 1


def _without_ones(answer: Any) -> Any:
    """A contribution without a factor 1 in front."""
    node = answer.owner if isinstance(answer, Variable) else None
    if node is None or node.op.name != "mul":
        return answer
    for one, other in (node.inputs, node.inputs[::-1]):
        if _is_one(one) and other.type == answer.type:
            return other
    return answer


# -- words ---------------------------------------------------------------------------------------

# What the words of a row leave open: which operand varies.
_BY_OPERAND = {
    ("add", 1): "sum rule; a constant has derivative 0",
    ("sub", 1): "difference rule; a constant has derivative 0",
    ("mul", 1): "a constant factor stays: (c u)' = c u'",
    ("true_div", 2): "quotient rule: (u/v)' = u'/v - u v'/v^2",
    ("pow", 2): "power and exponential rule: (u^v)' = v u^(v-1) u' + u^v log(u) v'",
}
_OTHER_WORDS = {
    "sum": "sum rule: the derivative of a sum is the sum of the derivatives",
    "mean": "a mean is a sum divided by the number of its terms",
    "dot": "product rule; the other factor, transposed, goes to the front",
    "matmul": "product rule; the other factor, transposed, goes to the front",
    "reshape": "the elements stay, only their places change",
    "prod": "product rule: each factor in turn",
    "max": "the derivative of the largest element",
    "min": "the derivative of the smallest element",
    "subtensor": "only the chosen elements matter",
}


def rule_words(node: Apply, active: Sequence[int]) -> str:
    """The rule of a node in words, given the places of the inputs that vary."""
    if not active:
        return "constant wherever it is differentiable: derivative 0"
    name = node.op.name
    row = getattr(node.op, "row", None)
    if (name, len(active)) in _BY_OPERAND:
        return _BY_OPERAND[name, len(active)]
    if row is None:
        return getattr(node.op, "words", "") or _OTHER_WORDS.get(name, f"the rule of {name}")
    if not row.words:
        words = _words_from_partials(row, active)
    else:
        words = str(row.words[min(active[0], len(row.words) - 1)])
        inner = node.inputs[active[0]].owner
        if inner is not None and "rule" not in words and "derivative" not in words:
            words = f"chain rule: {words}"
    return words + _with_u(node, active, words)


def _with_u(node: Apply, active: Sequence[int], words: str) -> str:
    """What u is, where it is short and not plain to see."""
    inner = node.inputs[active[0]]
    if len(active) != 1 or inner.owner is None or "quotient" not in words:
        return ""
    text = math_text(inner)
    return f" with u = {text}" if len(text) <= 24 else ""


def _words_from_partials(row: Any, active: Sequence[int]) -> str:
    """The rule of a row that brings no words: its own partial derivatives, at u."""
    from autodiff_lab.tensor.type import TensorType

    letters = "uvwpq"
    inputs = [TensorType("float64", ()).make_variable(letters[k]) for k in range(row.arity)]
    try:
        output = function(row.name)(*inputs)
        partials = (row.textbook or row.partials)(*inputs, output)
    except Exception:
        return f"chain rule through {row.name}"
    terms = []
    for place in active:
        partial, factor = partials[place], ""
        if isinstance(partial, Variable):
            text = math_text(partial)
            factor = f"{text} " if partial.owner is None else f"({text}) "
        elif isinstance(partial, int | float):
            factor = "" if partial == 1 else f"{partial} "
        else:
            continue
        terms.append(f"{factor}{letters[place]}'")
    arguments = ", ".join(letters[: row.arity])
    return f"chain rule through {row.name}: {row.name}({arguments})' = {' + '.join(terms) or '0'}"
