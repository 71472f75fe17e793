"""A group of nodes as one loop nest.

What is here: `build_kernel`.

Relies on `compile.kernel` (the description) and `compile.fusion` (`expression_of`).

The one idea: statements are made by value numbering.  A part of an expression that was already
computed, by whichever node, is not computed again; and when a value can be computed follows from
what it is computed of (`time`, see `compile.kernel`).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Container, Mapping, Sequence

from autodiff_lab.compile.fusion import (
    EXPONENTIALS, RUNNING, Group, expression_of, filling_of, is_row_total,
)
from autodiff_lab.compile.kernel import (
    INDEX, Kernel, Loop, Parameter, Running, Statement, Store, Total, start_value,
)
from autodiff_lab.compile.rows import carried
from autodiff_lab.graph import Apply, Constant, Variable
from autodiff_lab.rewriting.lengths import (
    CHANGES, WHOLE, Part, dtype_of, padding_of, parts_of, shape_of, stretch_of,
)
from autodiff_lab.tensor.axes import DimShuffle
from autodiff_lab.tensor.elemwise import Elemwise
from autodiff_lab.tensor.reduction import Reduction
from autodiff_lab.tensor.scalars import primitives as prim

Walk = tuple[int | None, Part | int]
"""The loop that walks an axis, and which elements it takes."""
Extent = tuple[str, int, int] | int


def build_kernel(
    name: str, group: Group, outputs: Sequence[Variable], names: Mapping[Variable, str],
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
        elif node.op.name in EXPONENTIALS:
            nest.exponentials(node)
        elif node.op.name in RUNNING:
            nest.run(node)
        elif node.op.name in CHANGES:
            nest.place(node)
        elif isinstance(node.op, Elemwise):
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
        name, (*(p for _, p in read), *written), loops, tuple(nest.statements), ordered,
        tuple(nest.totals), running=tuple(nest.running),
    )
    return carried(kernel, nest.fresh), [variable for variable, _ in read]


class _Nest:
    """A loop nest that grows node by node."""

    def __init__(self, group: Group, names: Mapping[Variable, str], taken: Container[str]) -> None:
        assert group.space is not None
        self.rank = len(group.space)
        self.names = names
        self.inside = {v for node in group.nodes for v in node.outputs}
        self.terms: dict[Variable, prim.Term] = {}
        self.statements: list[Statement] = []
        self.totals: list[Total] = []
        self.running: list[Running] = []
        self.stores: dict[Variable, Store] = {}
        self.parameters: dict[tuple[object, ...], Parameter] = {}
        self.variables: dict[str, Variable] = {}
        self.used: set[str] = set()
        self.time: dict[str, int] = {}              # statement or total -> when it is known
        self._values: dict[tuple[object, ...], prim.Name] = {}
        self._made: dict[str, prim.Expr] = {}       # statement -> what it computes
        self._taken = taken
        self._next: dict[str, int] = {}

    # -- reading ----------------------------------------------------------------------------

    def load(self, variable: Variable, stretched: Sequence[int] = ()) -> prim.Term:
        """The element of a variable that one iteration works on."""
        if variable in self.terms:
            return self.terms[variable]
        walks: list[Walk] = [
            (None if a in stretched else a, WHOLE) for a in range(len(shape_of(variable)))
        ]
        while variable.owner is not None and variable in self.inside:
            walks = _walks_before(variable.owner, walks)
            variable = variable.owner.inputs[0]
            if variable in self.terms:               # a number of a row, for all of the row
                return self.terms[variable]
        if isinstance(variable, Constant) and variable.data.size == 1:
            return prim.Literal(variable.data.item(), dtype_of(variable))
        return self._parameter(variable, walks)

    def _parameter(
        self, variable: Variable, walks: Sequence[Walk], padding: prim.Literal | None = None
    ) -> prim.Name:
        axes, parts = tuple(axis for axis, _ in walks), tuple(part for _, part in walks)
        parts = () if padding is None and set(parts) <= {WHOLE} else parts
        key = (variable, axes, parts, padding)
        if key not in self.parameters:
            plain = self.names[variable]
            again = sum(v is variable for v, *_ in self.parameters)
            name = f"{plain}_again{again}" if again else plain
            kind = dtype_of(variable)
            self.parameters[key] = Parameter(name, kind, axes, parts=parts, padding=padding)
            self.variables[name] = variable
        return prim.Name(self.parameters[key].name, dtype_of(variable))

    def _time_for(self, terms: Sequence[prim.Term], inner: bool) -> int:
        """When these terms are known, in the innermost loop or outside it."""
        names = [term.name for term in terms if isinstance(term, prim.Name)]
        found = max((self.time.get(name, -1) for name in names), default=-1)
        return found + found % 2 if inner else found

    def _is_inner(self, variable: Variable) -> bool:
        return self.rank > 0 and len(shape_of(variable)) == self.rank

    # -- computing --------------------------------------------------------------------------

    def compute(self, node: Apply) -> None:
        """Add the statements of an elementwise node."""
        arguments = tuple(
            self.load(variable, axes) for variable, axes in zip(node.inputs, stretch_of(node))
        )
        expression = expression_of(node, arguments)
        assert expression is not None, "the group holds only nodes that kernels can compute"
        output = node.outputs[0]
        self.terms[output] = self._emit(
            expression, node, self.names[output], self._is_inner(output)
        )

    def _emit(self, expression: prim.Term, node: Apply, final: str, inner: bool) -> prim.Term:
        """Statements for every part of an expression that is not there yet."""
        results: dict[int, prim.Term] = {}
        for term in prim.post_order(expression):
            if not isinstance(term, prim.Expr):
                results[id(term)] = term
                continue
            args = self._simpler(term.primitive, tuple(results[id(arg)] for arg in term.args))
            ordered = sorted(args, key=str) if term.primitive in _COMMUTATIVE else args
            key = (inner, term.primitive, *ordered, term.dtype, *(_sign(arg) for arg in ordered))
            found = self._values.get(key)
            if found is None:
                name = self._name(final) if term is expression else self.fresh("s")
                found = self._values[key] = prim.Name(name, term.dtype)
                made = prim.Expr(term.primitive, args, term.dtype)
                self._made[name] = made
                time = self.time[name] = self._time_for(args, inner)
                self.statements.append(
                    Statement(name, term.dtype, made, (node,), node.op.name, node.source, time)
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

    def _name(self, wanted: str) -> str:
        """A variable's own name, unless something else of its node has taken it."""
        if wanted in self.time:
            return self.fresh(wanted)
        return wanted

    def fresh(self, stem: str) -> str:
        """An identifier that nothing has yet."""
        number = self._next.get(stem, 1)
        while f"{stem}{number}" in self._taken:
            number += 1
        self._next[stem] = number + 1
        return f"{stem}{number}"

    def place(self, node: Apply) -> None:
        """Put a value into a part of a larger array, or add it there."""
        base, value = node.inputs[:2]
        output = node.outputs[0]
        parts = padding_of(node)
        assert parts is not None
        adds, number, before = node.op.name == "inc_subtensor", filling_of(base), self.load(base)
        # beside the part stands what the base is full of, or nothing is added
        beside = prim.Literal(0 if adds else number or 0, dtype_of(value))
        found = self._parameter(value, list(enumerate(parts)), beside)
        term = prim.cast(found, dtype_of(output))
        if adds:
            known = before if number is None else prim.Literal(number, dtype_of(base))
            term = prim.add(known, term)
        self.terms[output] = self._emit(term, node, self.names[output], True)

    def run(self, node: Apply) -> None:
        """Take the elements of a row one after the other: into a sum, a product, a place."""
        output, primitive = node.outputs[0], RUNNING[node.op.name]
        value = self.load(node.inputs[0])
        now = prim.Name(self._name(self.names[output]), dtype_of(output))
        time = self._time_for([value], True)
        self._note(value)
        if primitive in ("add", "mul"):
            start = 1 if primitive == "mul" else -0.0 if now.dtype.startswith("float") else 0
            self._take(now, Running(now.name, now.dtype, start, time),
                       prim.Expr(primitive, (now, value), now.dtype), node)
        else:
            best = prim.Name(self.fresh(f"{now.name}_best"), value.dtype)
            self.time[best.name] = time
            better: prim.Term = prim.Expr(primitive, (value, best), "bool")
            if value.dtype.startswith("float"):      # the first that is not a number
                better = prim.or_(better, prim.and_(prim.ne(value, value), prim.eq(best, best)))
            found = self._emit(better, node, self.fresh(f"{now.name}_better"), True)
            for each, new, start in (
                (now, INDEX, 0),
                (best, value, start_value("max" if primitive == "gt" else "min", best.dtype)),
            ):
                last = Running(each.name, each.dtype, start, time, node.op.name)
                self._take(each, last, prim.select(found, new, each), node)
            self.time[now.name] = time + 1
        self.terms[output] = now

    def _take(self, name: prim.Name, running: Running, made: prim.Expr, node: Apply) -> None:
        self.time[name.name] = running.time
        self.running.append(running)
        self.statements.append(Statement(
            name.name, name.dtype, made, (node,), node.op.name, node.source, running.time
        ))

    # -- numbers of a row -------------------------------------------------------------------

    def _total(
        self, primitive: str, value: prim.Term, node: Apply, name: str, checked: bool = True
    ) -> prim.Name:
        """What the values of the innermost loop accumulate to."""
        key = ("total", primitive, value, _sign(value))
        found = self._values.get(key)
        if found is not None:
            place = next(n for n, total in enumerate(self.totals) if total.name == found.name)
            if checked and not self.totals[place].checked:
                self.totals[place] = dataclasses.replace(self.totals[place], checked=True)
            return found
        time = self._time_for([value], inner=True)
        self._note(value)
        self.totals.append(Total(
            name, value.dtype, value, primitive, start_value(primitive, value.dtype), (node,),
            node.op.name, node.source, time, checked,
        ))
        self.time[name] = time + 1
        found = self._values[key] = prim.Name(name, value.dtype)
        return found

    def exponentials(self, node: Apply) -> None:
        """softmax, log_softmax or logsumexp over the innermost loop."""
        output = node.outputs[0]
        name = self.names[output]
        x = self.load(node.inputs[0])
        largest = self._total("max", x, node, self.fresh(f"{name}_max"), False)
        shifted = self._emit(prim.sub(x, largest), node, self.fresh("s"), True)
        grown = self._emit(prim.exp(shifted), node, self.fresh("s"), True)
        total = self._total("add", grown, node, self.fresh(f"{name}_sum"))
        value: prim.Term
        if node.op.name == "softmax":
            value = prim.div(grown, total)
        else:
            logarithm = self._emit(prim.log(total), node, self.fresh("s"), False)
            value = prim.sub(shifted, logarithm)
            if node.op.name == "logsumexp":
                # infinite is the sum of infinite numbers, and nothing that of none
                value = prim.select(prim.isinf(largest), largest, prim.add(logarithm, largest))
        self.terms[output] = self._emit(value, node, name, self._is_inner(output))

    # -- results ----------------------------------------------------------------------------

    def reduce(self, node: Apply, op: Reduction) -> None:
        """Accumulate a value: to a number of the row, or straight into the result."""
        assert op.reduction is not None
        source, output = node.inputs[0], node.outputs[0]
        primitive, start = op.reduction
        dtype = dtype_of(output)
        # single precision is summed in double precision
        accumulated = "float64" if primitive == "add" and dtype == "float32" else dtype
        if primitive in ("max", "min"):
            start = start_value(primitive, dtype)
        inner = self._is_inner(source)
        value = prim.cast(self.load(source), accumulated)
        if isinstance(value, prim.Expr):
            value = self._emit(value, node, self.fresh("s"), inner)
        rank = len(shape_of(source))
        gone = op.reduced(rank)
        name = self.names[output]
        if inner and is_row_total(rank, gone):
            plain = accumulated == dtype
            found = self._total(primitive, value, node, name if plain else self.fresh(name))
            self.terms[output] = found if plain else self._emit(
                prim.cast(found, dtype), node, name, False
            )
            return
        axes = tuple(a for a in range(rank) if a not in gone)
        self._note(value)
        time = self._time_for([value], inner)
        self.stores[output] = Store(
            name, value, axes, accumulated, primitive, start,
            (node,), node.op.name, node.source, time,
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
        inner = self._is_inner(variable)
        time = self._time_for([value], inner)
        self.stores[variable] = Store(
            target, value, tuple(range(len(shape_of(variable)))), dtype_of(variable),
            nodes=(owner,), title=owner.op.name, source=owner.source,
            time=time,
        )

    def _note(self, value: prim.Term) -> None:
        if isinstance(value, prim.Name):
            self.used.add(value.name)

    # -- loops ------------------------------------------------------------------------------

    def extents(self, space: Sequence[object]) -> list[Extent]:
        """For each loop the parameter and axis that give its length, used ones preferred."""
        found: list[Extent] = []
        parameters = sorted(
            (p for p in self.parameters.values() if p.padding is None),
            key=lambda p: (bool(p.parts), p.name not in self.used),
        )
        for loop, known in enumerate(space):
            places = [
                (p.name, axis, p.parts[axis].less if p.parts else 0)  # type: ignore[union-attr]
                for p in parameters if loop in p.axes for axis in [p.axes.index(loop)]
                if not isinstance(known, int) or not p.parts or p.parts[axis] == WHOLE
            ]
            assert places or isinstance(known, int), "some array has the length of every loop"
            found.append(places[0] if places else known)  # type: ignore[arg-type]
        return found

    def parameters_read(self, extents: Sequence[Extent]) -> list[tuple[Variable, Parameter]]:
        """The arrays that statements read or that give a length."""
        needed = self.used | {extent[0] for extent in extents if not isinstance(extent, int)}
        return [
            (self.variables[parameter.name], parameter)
            for parameter in self.parameters.values() if parameter.name in needed
        ]


def _walks_before(node: Apply, walks: Sequence[Walk]) -> list[Walk]:
    """How an array is walked, given how that is which a node makes of it by indexing."""
    if isinstance(node.op, DimShuffle):
        places = {int(e): walks[k] for k, e in enumerate(node.op.new_order) if e != "x"}
        return [places[axis] for axis in range(len(places))]
    rest = iter(walks)
    found: list[Walk] = []
    for before in parts_of(node) or ():
        axis, part = (None, before) if isinstance(before, int) else next(rest)
        if not isinstance(before, int):
            part = before.start + before.step * part if isinstance(part, int) else part.of(before)
        found.append((axis, part))
    return found


_COMMUTATIVE = frozenset({"add", "mul", "eq", "ne", "and", "or", "xor"})


def _sign(term: prim.Term) -> float:
    """Tells literals apart that compare equal: -0.0 from 0.0, and every NaN from the others."""
    if isinstance(term, prim.Literal) and isinstance(term.value, float):
        return math.copysign(1.0, term.value)
    return 0.0
