"""`OpFromGraph`: a graph as one op, with derivatives of its own if the user gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autodiff_lab.control.graph_op import GraphOp
from autodiff_lab.errors import LabTypeError, MissingInputError
from autodiff_lab.gradient.contributions import accumulate, is_continuous
from autodiff_lab.gradient.forward import forward_sweep
from autodiff_lab.gradient.reverse import reverse_sweep
from autodiff_lab.graph import (
    ZERO, Apply, Constant, FunctionGraph, Tangents, Terms, Variable, Variables, as_list, copies,
    describe, leaves, variables_between,
)


class OpFromGraph(GraphOp):
    """A graph as one op.

    Parameters
    ----------
    inputs : sequence of Variable
        The leaves that become arguments, in order.
    outputs : sequence of Variable
    inline : bool
        Whether rewriting puts the graph itself in the op's place.
    pullback : callable or list, optional
        (inputs, outputs, cotangents) -> cotangents of the inputs, instead of the derived rule.  A
        list has one such callable per input (returning that input's cotangent) or None.  The older
        names `lop_overrides` and `grad_overrides` are understood.
    pushforward : callable, optional
        (inputs, outputs, tangents) -> tangents of the outputs; older name `rop_overrides`
        ((inputs, tangents) -> tangents).
    name : str, optional

    Raises
    ------
    MissingInputError
        If the graph reads a leaf that is no input, constant or shared variable.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> x, y = pt.dscalars("x", "y")
    >>> hypotenuse = OpFromGraph([x, y], [pt.sqrt(x**2 + y**2)])
    >>> a = pt.dscalar("a")
    >>> float(hypotenuse(a, 4.0).eval({a: 3.0}))
    5.0
    """

    def __init__(
        self, inputs: Sequence[Variable], outputs: Sequence[Variable], inline: bool = False,
        pullback: Any = None, pushforward: Any = None, name: str | None = None,
        lop_overrides: Any = None, grad_overrides: Any = None, rop_overrides: Any = None,
        **unused: Any,
    ) -> None:
        if not isinstance(outputs, list | tuple):
            raise LabTypeError("outputs must be a list of variables.")
        self.shared = [v for v in leaves(outputs) if hasattr(v, "container") and v not in inputs]
        for leaf in leaves(outputs):
            known = leaf in inputs or isinstance(leaf, Constant) or hasattr(leaf, "container")
            if not known:
                raise MissingInputError(
                    f"OpFromGraph was not provided with all its inputs: {describe(leaf)} is "
                    "missing.",
                    remedy="list it in inputs",
                )
        super().__init__(FunctionGraph([*inputs, *self.shared], outputs))
        self.arguments = len(inputs)
        self.inline = inline
        self.pullback_rule = pullback if pullback is not None else lop_overrides
        self.grad_rule = grad_overrides
        self.pushforward_rule = pushforward
        self.rop_rule = rop_overrides
        self.label = name

    @property
    def name(self) -> str:
        return self.label or "op_from_graph"

    def __str__(self) -> str:
        return self.label or "OpFromGraph"

    def facts(self) -> tuple[Any, ...]:
        rules = (self.pullback_rule, self.grad_rule, self.pushforward_rule, self.rop_rule)
        return (self.inline, self.shared, *rules)

    def make_node(self, *inputs: Any) -> Apply:
        given = list(inputs)
        if len(given) == self.arguments:
            given += self.shared
        if len(given) != len(self.graph.inputs):
            raise LabTypeError(f"{self} takes {self.arguments} inputs, {len(inputs)} were given.")
        variables = [inner.type.filter_variable(v) for inner, v in zip(self.graph.inputs, given)]
        return Apply(self, variables, [v.type.make_variable() for v in self.graph.outputs])

    def evaluate(self, node: Apply, *arrays: Any) -> Any:
        results = self.run(0, *arrays)
        return results[0] if len(node.outputs) == 1 else results

    def expanded(self, inputs: Sequence[Variable]) -> list[Variable]:
        """The graph itself, on these inputs."""
        return copies(self.graph.outputs, dict(zip(self.graph.inputs, inputs)))

    # -- differentiating --------------------------------------------------------------------

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        count = self.arguments
        extra: list[Any] = [ZERO] * (len(inputs) - count)
        asked = (
            (self.pullback_rule, (inputs[:count], outputs, cotangents)),
            (self.grad_rule, (inputs[:count], cotangents)),
        )
        for rule, arguments in asked:
            if callable(rule):
                return [*as_list(rule(*arguments)), *extra]
        derived = self._derived_pullback(inputs, cotangents)
        for rules, arguments in asked:
            for place, rule in enumerate(rules or ()):
                if callable(rule):
                    derived[place] = rule(*arguments)
        return derived

    def _derived_pullback(self, inputs: Variables, cotangents: Variables) -> list[Any]:
        seeds: dict[Variable, Variable] = {}
        holes = {}
        for inner, cotangent in zip(self.graph.outputs, cotangents):
            if is_continuous(inner):
                hole = cotangent.type.make_variable()
                holes[hole] = cotangent
                accumulate(seeds, inner, hole)
        found = reverse_sweep(seeds, self.graph.inputs).cotangents
        answers = [found[inner] for inner in self.graph.inputs]
        return self._as_op(f"grad_of_{self.name}", answers, inputs, holes)

    def _as_op(
        self, name: str, answers: list[Any], inputs: Variables, holes: dict[Any, Any]
    ) -> list[Any]:
        """Answers about the graph inside, by one op on the inputs and on what fills the holes."""
        places = [k for k, answer in enumerate(answers) if isinstance(answer, Variable)]
        if places:
            inner = [answers[k] for k in places]
            op = OpFromGraph([*self.graph.inputs, *holes], inner, inline=self.inline, name=name)
            for k, variable in zip(places, op(*inputs, *holes.values(), return_list=True)):
                answers[k] = variable
        return answers

    def pushforward(
        self, inputs: Variables, outputs: Variables, tangents: Tangents
    ) -> Terms | None:
        count = self.arguments
        if self.pushforward_rule is not None:
            return as_list(self.pushforward_rule(inputs[:count], outputs, tangents[:count]))
        if callable(self.rop_rule):
            return as_list(self.rop_rule(inputs[:count], tangents[:count]))
        if self.pullback_rule is not None or self.grad_rule is not None:
            return None  # a rule of the user's own: its transpose, not the derived rule
        moving = {
            inner: inner.type.make_variable()
            for inner, tangent in zip(self.graph.inputs, tangents) if tangent is not None
        }
        found = forward_sweep(self.graph.outputs, moving)
        answers = [found[inner] for inner in self.graph.outputs]
        holes = dict(zip(moving.values(), (t for t in tangents if t is not None)))
        return self._as_op(f"rop_of_{self.name}", answers, inputs, holes)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        pattern = []
        for inner in self.graph.inputs:
            reached = variables_between([inner], self.graph.outputs)
            pattern.append([output in reached for output in self.graph.outputs])
        return pattern
