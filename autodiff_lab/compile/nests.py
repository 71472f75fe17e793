"""A group of nodes as one loop nest.

What is here: `build_kernel`.

Relies on `compile.kernel` (the description) and `compile.fusion` (`expression_of`).

The one idea: statements are made by value numbering.  A part of an expression that was already
computed, by whichever node, is not computed again.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence

from autodiff_lab.compile.fusion import Group, expression_of
from autodiff_lab.compile.kernel import Kernel, Loop, Parameter, Statement, Store, start_value
from autodiff_lab.graph import Apply, Constant, Variable
from autodiff_lab.rewriting.lengths import dtype_of, stretch_of
from autodiff_lab.tensor.axes import DimShuffle
from autodiff_lab.tensor.reduction import Reduction
from autodiff_lab.tensor.scalars import primitives as prim

Axes = tuple[int | None, ...]


def build_kernel(
    name: str,
    group: Group,
    outputs: Sequence[Variable],
    names: Mapping[Variable, str],
    taken: Container[str],
) -> tuple[Kernel, list[Variable]]:
    """The kernel of a group, and the variables of the arrays that it reads, in order.

    `names` has an identifier for every variable; `taken` holds all of them.
    """
    assert group.space is not None
    nest = _Nest(group, names, taken)
    for node in group.nodes:
        if isinstance(node.op, Reduction):
            nest.reduce(node, node.op)
        elif not isinstance(node.op, DimShuffle):
            nest.compute(node)
    for variable in outputs:
        nest.store(variable)
    extents = nest.extents(group.space)
    read = nest.parameters_read(extents)
    stores = nest.stores
    mapped = {axis for store in stores.values() for axis in store.axes}
    loops = tuple(
        Loop("map" if axis in mapped else "reduce", extent)
        for axis, extent in enumerate(extents)
    )
    ordered = tuple(stores[variable] for variable in outputs)
    written = tuple(
        Parameter(stores[v].target, dtype_of(v), stores[v].axes, written=True) for v in outputs
    )
    kernel = Kernel(
        name, (*(p for _, p in read), *written), loops, tuple(nest.statements), ordered
    )
    return kernel, [variable for variable, _ in read]


class _Nest:
    """A loop nest that grows node by node."""

    def __init__(
        self, group: Group, names: Mapping[Variable, str], taken: Container[str]
    ) -> None:
        assert group.space is not None
        self.rank = len(group.space)
        self.names = names
        self.inside = {v for node in group.nodes for v in node.outputs}
        self.terms: dict[Variable, prim.Term] = {}
        self.statements: list[Statement] = []
        self.stores: dict[Variable, Store] = {}
        self.parameters: dict[tuple[Variable, Axes], Parameter] = {}
        self.used: set[str] = set()
        self._values: dict[tuple[object, ...], prim.Name] = {}
        self._made: dict[str, prim.Expr] = {}       # statement -> what it computes
        self._taken = taken
        self._helpers = 0

    # -- reading ----------------------------------------------------------------------------

    def load(self, variable: Variable, stretched: Sequence[int]) -> prim.Term:
        """The element of a variable that one iteration works on."""
        if variable in self.terms:
            return self.terms[variable]
        axes: Axes = tuple(None if a in stretched else a for a in range(self.rank))
        owner = variable.owner
        if owner is not None and variable in self.inside and isinstance(owner.op, DimShuffle):
            order = owner.op.new_order
            source = owner.inputs[0]
            places = {int(e): axes[k] for k, e in enumerate(order) if e != "x"}
            variable, axes = source, tuple(places[a] for a in range(len(places)))
        if isinstance(variable, Constant) and variable.data.size == 1:
            return prim.Literal(variable.data.item(), dtype_of(variable))
        key = (variable, axes)
        if key not in self.parameters:
            plain = self.names[variable]
            again = sum(v is variable for v, _ in self.parameters)
            parameter = f"{plain}_again{again}" if again else plain
            self.parameters[key] = Parameter(parameter, dtype_of(variable), axes)
        return prim.Name(self.parameters[key].name, dtype_of(variable))

    # -- computing --------------------------------------------------------------------------

    def compute(self, node: Apply) -> None:
        """Add the statements of an elementwise node."""
        arguments = tuple(
            self.load(variable, axes) for variable, axes in zip(node.inputs, stretch_of(node))
        )
        expression = expression_of(node, arguments)
        assert expression is not None, "the group holds only nodes that kernels can compute"
        output = node.outputs[0]
        self.terms[output] = self._emit(expression, node, self.names[output])

    def _emit(self, expression: prim.Term, node: Apply, final: str) -> prim.Term:
        """Statements for every part of an expression that is not there yet."""
        results: dict[int, prim.Term] = {}
        for term in prim.post_order(expression):
            if not isinstance(term, prim.Expr):
                results[id(term)] = term
                continue
            args = self._simpler(term.primitive, tuple(results[id(arg)] for arg in term.args))
            key = (term.primitive, args, term.dtype, *(_sign(arg) for arg in args))
            found = self._values.get(key)
            if found is None:
                name = final if term is expression else self._helper()
                found = self._values[key] = prim.Name(name, term.dtype)
                made = prim.Expr(term.primitive, args, term.dtype)
                self._made[name] = made
                self.statements.append(
                    Statement(name, term.dtype, made, (node,), node.op.name, node.source)
                )
                self.used.update(arg.name for arg in args if isinstance(arg, prim.Name))
            results[id(term)] = found
        return results[id(expression)]

    def _simpler(self, primitive: str, args: tuple[prim.Term, ...]) -> tuple[prim.Term, ...]:
        """abs(-x) is abs(x): so sigmoid(-x) * sigmoid(x) needs one exponential, not two."""
        if primitive == "abs" and isinstance(args[0], prim.Name):
            made = self._made.get(args[0].name)
            if made is not None and made.primitive == "neg":
                return made.args
        return args

    def _helper(self) -> str:
        while True:
            self._helpers += 1
            if f"s{self._helpers}" not in self._taken:
                return f"s{self._helpers}"

    # -- results ----------------------------------------------------------------------------

    def reduce(self, node: Apply, op: Reduction) -> None:
        """Accumulate a value over the last loops."""
        assert op.reduction is not None
        source, output = node.inputs[0], node.outputs[0]
        primitive, start = op.reduction
        dtype = dtype_of(output)
        # single precision is summed in double precision
        accumulated = "float64" if primitive == "add" and dtype == "float32" else dtype
        if primitive in ("max", "min"):
            start = start_value(primitive, dtype)
        value = prim.cast(self.load(source, ()), accumulated)
        if isinstance(value, prim.Expr):
            value = self._emit(value, node, self._helper())
        gone = op.reduced(self.rank)
        axes = tuple(a for a in range(self.rank) if a not in gone)
        self._note(value)
        self.stores[output] = Store(
            self.names[output], value, axes, accumulated, primitive, start,
            (node,), node.op.name, node.source,
        )

    def store(self, variable: Variable) -> None:
        """Write a computed value to its array."""
        if variable in self.stores or variable not in self.terms:
            return
        owner = variable.owner
        assert owner is not None
        value = self.terms[variable]
        self._note(value)
        target = self.names[variable]
        if isinstance(value, prim.Name) and value.name == target:
            target += "_out"
        self.stores[variable] = Store(
            target, value, tuple(range(self.rank)), dtype_of(variable),
            nodes=(owner,), title=owner.op.name, source=owner.source,
        )

    def _note(self, value: prim.Term) -> None:
        if isinstance(value, prim.Name):
            self.used.add(value.name)

    # -- loops ------------------------------------------------------------------------------

    def extents(self, space: Sequence[object]) -> list[tuple[str, int] | int]:
        """For each loop the parameter and axis that give its length, used ones preferred."""
        found: list[tuple[str, int] | int] = []
        parameters = sorted(self.parameters.values(), key=lambda p: p.name not in self.used)
        for loop, known in enumerate(space):
            places = [(p.name, p.axes.index(loop)) for p in parameters if loop in p.axes]
            if places:
                found.append(places[0])
            else:
                assert isinstance(known, int), "some array has the length of every loop"
                found.append(known)
        return found

    def parameters_read(
        self, extents: Sequence[tuple[str, int] | int]
    ) -> list[tuple[Variable, Parameter]]:
        """The arrays that statements read or that give a length."""
        needed = self.used | {extent[0] for extent in extents if not isinstance(extent, int)}
        return [
            (variable, parameter)
            for (variable, _), parameter in self.parameters.items()
            if parameter.name in needed
        ]


def _sign(term: prim.Term) -> float:
    """Tells literals apart that compare equal: -0.0 from 0.0, and every NaN from the others."""
    if isinstance(term, prim.Literal) and isinstance(term.value, float):
        return math.copysign(1.0, term.value)
    return 0.0
