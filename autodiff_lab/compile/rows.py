"""Values of a row that a later loop over it needs: computed again where that is cheap, else kept.

What is here: `carried`.

Relies on `compile.kernel`.

The one idea: a row is short enough to stay in the cache, so an array of one row holds what is dear
to compute (an exponential); what takes a few additions is computed again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from autodiff_lab.compile.kernel import Kernel, Parameter, Statement, Store
from autodiff_lab.tensor.scalars import primitives as prim

CHEAP = 12
"""Additions that a value may cost to be computed again."""


def carried(kernel: Kernel, fresh: Callable[[str], str]) -> Kernel:
    """The kernel with every value at hand at the time when it is used.

    `fresh` makes identifiers.
    """
    if not kernel.totals and not kernel.running:
        return kernel
    return _Carrier(kernel, fresh).kernel()


class _Carrier:
    def __init__(self, kernel: Kernel, fresh: Callable[[str], str]) -> None:
        self.given = kernel
        self.fresh = fresh
        after = {r.name for r in kernel.running if r.last}
        self.made = {
            s.name: s for s in kernel.statements if s.time % 2 == 0 and s.name not in after
        }
        self.stored = {
            store.value.name: store.target for store in kernel.outputs
            if store.primitive is None and isinstance(store.value, prim.Name)
            and len(store.axes) == len(kernel.loops)
        }
        self.dear: set[str] = set()
        weights: dict[str, int] = {}
        for name, statement in self.made.items():
            inside = sum(weights.get(arg.name, 0) for arg in _names(statement))
            weights[name] = inside + prim.flops(statement.expression)
            weights[name] += CHEAP * any(r.name == name for r in kernel.running)
            if weights[name] > CHEAP and name not in self.stored:
                self.dear.add(name)
            if weights[name] > CHEAP or name in self.stored:
                weights[name] = 1
        self.again: dict[tuple[str, int], prim.Name] = {}
        self.kept: dict[str, Store] = {}
        self.statements: list[Statement] = []

    def kernel(self) -> Kernel:
        """Go through everything in order, with arguments replaced by what is at hand."""
        for statement in self.given.statements:
            args = tuple(self.at(arg, statement.time) for arg in statement.expression.args)
            expression = dataclasses.replace(statement.expression, args=args)
            self.statements.append(dataclasses.replace(statement, expression=expression))
        totals = tuple(dataclasses.replace(total, value=self.at(total.value, total.time))
                       for total in self.given.totals)
        outputs = tuple(dataclasses.replace(store, value=self.at(store.value, store.time))
                        for store in self.given.outputs)
        last = len(self.given.loops) - 1
        read = self.given.read
        rows = [Parameter(k.target, k.dtype, (last,), written=True) for k in self.kept.values()]
        written = self.given.parameters[len(read):]
        return dataclasses.replace(
            self.given, parameters=(*read, *rows, *written), statements=tuple(self.statements),
            totals=totals, outputs=outputs, kept=tuple(self.kept.values()),
        )

    def at(self, term: prim.Term, time: int) -> prim.Term:
        """What a term is called at a time."""
        if not isinstance(term, prim.Name) or term.name not in self.made or time % 2:
            return term
        statement = self.made[term.name]
        if statement.time == time:
            return term
        if term.name in self.stored:
            return prim.Name(self.stored[term.name], term.dtype)
        if term.name in self.dear:
            return prim.Name(self._keep(statement), term.dtype)
        found = self.again.get((term.name, time))
        if found is None:
            # no deeper than what is cheap
            args = tuple(self.at(arg, time) for arg in statement.expression.args)
            found = prim.Name(self.fresh(f"{term.name}_again"), term.dtype)
            self.again[term.name, time] = found
            expression = dataclasses.replace(statement.expression, args=args)
            self.statements.append(dataclasses.replace(
                statement, name=found.name, expression=expression, time=time
            ))
        return found

    def _keep(self, statement: Statement) -> str:
        """An array of one row for a value."""
        if statement.name not in self.kept:
            last = len(self.given.loops) - 1
            self.kept[statement.name] = Store(
                self.fresh(f"{statement.name}_row"), prim.Name(statement.name, statement.dtype),
                (last,), statement.dtype, nodes=statement.nodes, title=statement.title,
                source=statement.source, time=statement.time,
            )
        return self.kept[statement.name].target


def _names(statement: Statement) -> list[prim.Name]:
    return [arg for arg in statement.expression.args if isinstance(arg, prim.Name)]
