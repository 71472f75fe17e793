"""`ifelse`: one of two values by a single condition; only the branch that is taken is computed.

As built, the op is eager in form: it reads both branches.  Rewriting moves the nodes that serve one
branch alone into that branch (`LazyIfElse`), which then runs only when it is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autodiff_lab.control.graph_op import GraphOp
from autodiff_lab.errors import LabTypeError, LabValueError
from autodiff_lab.gradient.contributions import filled, is_continuous
from autodiff_lab.graph import (
    ZERO, Apply, Op, Terms, Variable, Variables, as_given, as_list, describe,
)
from autodiff_lab.tensor import dtypes
from autodiff_lab.tensor.constants import as_tensor_variable
from autodiff_lab.tensor.registry import function


class IfElse(Op):
    """One of two groups of values.

    Parameters
    ----------
    n_outs : int
        How many values each branch has.
    """

    __props__ = ("n_outs",)

    def __init__(self, n_outs: int) -> None:
        self.n_outs = n_outs

    @property
    def name(self) -> str:
        return "ifelse"

    def split(self, inputs: Sequence[Any]) -> tuple[Any, list[Any], list[Any]]:
        """The inputs as (condition, values if true, values if false)."""
        return inputs[0], list(inputs[1 : 1 + self.n_outs]), list(inputs[1 + self.n_outs :])

    def make_node(self, *inputs: Any) -> Apply:
        condition, yes, no = self.split([as_tensor_variable(v) for v in inputs])
        if condition.type.ndim != 0:
            raise LabTypeError(
                "The condition of ifelse is one value.", where=describe(condition),
                remedy="switch(condition, a, b) chooses element by element",
            )
        outputs = []
        for a, b in zip(yes, no, strict=True):
            if a.type.dtype != b.type.dtype or a.type.ndim != b.type.ndim:
                raise LabTypeError(
                    "The branches of ifelse have different types.",
                    where=f"{describe(a)} and {describe(b)}", remedy="cast or reshape one of them",
                )
            outputs.append(_either(a, b))
        return Apply(self, [condition, *yes, *no], outputs)

    def evaluate(self, node: Apply, *arrays: Any) -> Any:
        condition, yes, no = self.split(arrays)
        chosen = yes if condition else no
        return chosen[0] if self.n_outs == 1 else tuple(chosen)

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        condition, yes, no = self.split(inputs)
        answers: list[Any] = [ZERO] * len(inputs)
        for place, (output, g, a, b) in enumerate(zip(outputs, cotangents, yes, no), start=1):
            if is_continuous(output):
                answers[place] = IfElse(1)(condition, g, filled(a, 0.0))
                answers[place + self.n_outs] = IfElse(1)(condition, filled(b, 0.0), g)
        return answers

    def pushforward(self, inputs: Variables, outputs: Variables, tangents: Variables) -> Terms:
        condition, yes, no = self.split(inputs)
        _, d_yes, d_no = self.split(tangents)
        answers: list[Any] = []
        for output, a, b, da, db in zip(outputs, yes, no, d_yes, d_no):
            if not is_continuous(output) or (da is None and db is None):
                answers.append(ZERO)
                continue
            first = filled(a, 0.0) if da is None else da
            second = filled(b, 0.0) if db is None else db
            answers.append(IfElse(1)(condition, first, second))
        return answers

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        own = [[place == k for place in range(self.n_outs)] for k in range(self.n_outs)]
        return [[True] * self.n_outs, *own, *own]


class LazyIfElse(GraphOp):
    """A branch point whose branches are graphs of their own; the other one is never run.

    Its graphs are the branch for true and the one for false, over the same inputs.
    """

    @property
    def name(self) -> str:
        return "ifelse"

    def __str__(self) -> str:
        return "IfElse{lazy}"

    def make_node(self, *inputs: Any) -> Apply:
        variables = [as_tensor_variable(v) for v in inputs]
        yes, no = self.graphs
        return Apply(self, variables, [_either(a, b) for a, b in zip(yes.outputs, no.outputs)])

    def evaluate(self, node: Apply, *arrays: Any) -> Any:
        results = self.run(0 if arrays[0] else 1, *arrays[1:])
        return results[0] if len(node.outputs) == 1 else results


def ifelse(condition: Any, then_branch: Any, else_branch: Any, name: str | None = None) -> Any:
    """One of two values (or lists of values), by one condition; the other is not computed.

    Parameters
    ----------
    condition : scalar tensor_like
    then_branch, else_branch : tensor_like, or list or tuple of them
        Of the same types.
    name : str, optional

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> x = pt.dscalar("x")
    >>> float(ifelse(x > 0, x, -x).eval({x: -3.0}))
    3.0
    """
    yes, no = as_list(then_branch), as_list(else_branch)
    if len(yes) != len(no):
        raise LabValueError(f"The branches of ifelse have {len(yes)} and {len(no)} values.")
    pairs = [_same_dtype(as_tensor_variable(a), as_tensor_variable(b)) for a, b in zip(yes, no)]
    found = IfElse(len(pairs))(
        condition, *(a for a, _ in pairs), *(b for _, b in pairs), return_list=True
    )
    if name is not None and len(found) == 1:
        found[0].name = name
    return as_given(then_branch, found)


def _either(a: Any, b: Any) -> Variable:
    """A variable for one of two values: of their shapes what both say."""
    shape = tuple(m if m == n else None for m, n in zip(a.type.shape, b.type.shape))
    either: Variable = a.type.clone(shape=shape).make_variable()
    return either


def _same_dtype(a: Any, b: Any) -> tuple[Any, Any]:
    """Branches in their common dtype where one is a constant."""
    common = dtypes.upcast(a.type.dtype, b.type.dtype)
    return function("cast")(a, common), function("cast")(b, common)
