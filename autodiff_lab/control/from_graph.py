"""`OpFromGraph`: a graph as one op, with derivatives of its own if the user gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autodiff_lab.control.graph_op import GraphOp
from autodiff_lab.errors import LabTypeError, MissingInputError
from autodiff_lab.gradient.contributions import is_continuous
from autodiff_lab.gradient.forward import forward_sweep
from autodiff_lab.gradient.reverse import reverse_sweep
from autodiff_lab.graph import (
    ZERO,
    Apply,
    Constant,
    FunctionGraph,
    Tangents,
    Terms,
    Variable,
    Variables,
    describe,
    leaves,
    variables_between,
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
        self,
        inputs: Sequence[Variable],
        outputs: Sequence[Variable],
        inline: bool = False,
        pullback: Any = None,
        pushforward: Any = None,
        name: str | None = None,
        lop_overrides: Any = None,
        grad_overrides: Any = None,
        rop_overrides: Any = None,
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
        from autodiff_lab.graph import clone_get_equiv

        memo = dict(zip(self.graph.inputs, inputs))
        equivalent = clone_get_equiv([], self.graph.outputs, memo)
        return [equivalent.get(v, v) for v in self.graph.outputs]

    # -- differentiating --------------------------------------------------------------------

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        count = self.arguments
        extra: list[Any] = [ZERO] * (len(inputs) - count)
        if callable(self.pullback_rule):
            return [*_listed(self.pullback_rule(inputs[:count], outputs, cotangents)), *extra]
        if callable(self.grad_rule):
            return [*_listed(self.grad_rule(inputs[:count], cotangents)), *extra]
        derived = self._derived_pullback(inputs, outputs, cotangents)
        for place, rule in enumerate(self.pullback_rule or ()):
            if callable(rule):
                derived[place] = rule(inputs[:count], outputs, cotangents)
        for place, rule in enumerate(self.grad_rule or ()):
            if callable(rule):
                derived[place] = rule(inputs[:count], cotangents)
        return derived

    def _derived_pullback(
        self, inputs: Variables, outputs: Variables, cotangents: Variables
    ) -> list[Any]:
        seeds: dict[Variable, Variable] = {}
        holes = []
        for inner, cotangent in zip(self.graph.outputs, cotangents):
            if not is_continuous(inner):
                continue
            hole = cotangent.type.make_variable()
            holes.append((hole, cotangent))
            seeds[inner] = seeds[inner] + hole if inner in seeds else hole
        found = reverse_sweep(seeds, self.graph.inputs).cotangents
        answers = [found[inner] for inner in self.graph.inputs]
        places = [k for k, answer in enumerate(answers) if isinstance(answer, Variable)]
        if places:
            op = OpFromGraph(
                [*self.graph.inputs, *(hole for hole, _ in holes)],
                [answers[k] for k in places],
                inline=self.inline,
                name=f"grad_of_{self.name}",
            )
            made = op(*inputs, *(cotangent for _, cotangent in holes), return_list=True)
            for k, variable in zip(places, made):
                answers[k] = variable
        return answers

    def pushforward(
        self, inputs: Variables, outputs: Variables, tangents: Tangents
    ) -> Terms | None:
        count = self.arguments
        if self.pushforward_rule is not None:
            return _listed(self.pushforward_rule(inputs[:count], outputs, tangents[:count]))
        if callable(self.rop_rule):
            return _listed(self.rop_rule(inputs[:count], tangents[:count]))
        if self.pullback_rule is not None or self.grad_rule is not None:
            return None  # a rule of the user's own: its transpose, not the derived rule
        moving = {
            inner: inner.type.make_variable()
            for inner, tangent in zip(self.graph.inputs, tangents) if tangent is not None
        }
        found = forward_sweep(self.graph.outputs, moving)
        answers: list[Any] = [found[inner] for inner in self.graph.outputs]
        places = [k for k, answer in enumerate(answers) if isinstance(answer, Variable)]
        if places:
            op = OpFromGraph(
                [*self.graph.inputs, *moving.values()], [answers[k] for k in places],
                inline=self.inline, name=f"rop_of_{self.name}",
            )
            made = op(*inputs, *(t for t in tangents if t is not None), return_list=True)
            for k, variable in zip(places, made):
                answers[k] = variable
        return answers

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        pattern = []
        for inner in self.graph.inputs:
            reached = variables_between([inner], self.graph.outputs)
            pattern.append([output in reached for output in self.graph.outputs])
        return pattern


def _listed(answer: Any) -> list[Any]:
    return list(answer) if isinstance(answer, list | tuple) else [answer]
