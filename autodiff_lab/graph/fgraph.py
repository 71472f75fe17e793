"""`FunctionGraph`: the one editable place of a graph, with interned nodes.

Inside, nodes are *interned*: one node per op and inputs, so duplicates merge by themselves and a
finished node can be looked up instead of searched for.  The user's graph is copied, never
touched; for each variable inside, the graph keeps the names, the user's variables it stands for
(`origin`), and their roles.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from autodiff_lab import hooks
from autodiff_lab.errors import InconsistentGraphError
from autodiff_lab.graph import source
from autodiff_lab.graph.basic import Apply, Constant, Role, Saved, Shown, Variable, describe
from autodiff_lab.graph.op import Op
from autodiff_lab.graph.walk import ancestors, collector_paused, leaves, toposort


class InternTable:
    """One apply node per (op, inputs), one constant per (type, data)."""

    def __init__(self) -> None:
        self._nodes: dict[tuple[Any, ...], Apply] = {}
        self._constants: dict[tuple[Any, ...], Constant] = {}
        self._members: set[Variable] = set()

    def add_input(self, variable: Variable) -> None:
        """Make a leaf known to the table."""
        self._members.add(variable)
        if isinstance(variable, Constant):
            self._constants.setdefault(_constant_key(variable), variable)

    def constant(self, variable: Constant) -> Constant:
        """The table's copy of a constant."""
        if variable in self._members:
            return variable
        key = _constant_key(variable)
        found = self._constants.get(key)
        if found is None:
            found = variable.clone()
            found.compiled = True
            self._constants[key] = found
            self._members.add(found)
        return found

    def node(
        self, op: Op, inputs: Sequence[Variable], like: Apply | None = None, adopt: bool = False
    ) -> Apply:
        """The node that applies `op` to interned `inputs`, made if it is new.

        Parameters
        ----------
        op : Op
        inputs : sequence of Variable
            Members of this table.
        like : Apply, optional
            A node whose source line the new one takes.
        adopt : bool
            Take `like` itself into the table where its inputs are these very inputs: for nodes
            that nobody else holds.
        """
        key = (op, tuple(inputs))
        found = self._nodes.get(key) if op.pure else None
        if found is None:
            if adopt and like is not None and like.inputs == key[1]:
                found = like
            else:
                with source.using(like.source if like is not None else None):
                    found = _copied(op, key[1], like) or op.make_node(*inputs)
            if op.pure:
                self._nodes[key] = found
                # make_node may itself have normalised the op or the inputs.
                self._nodes.setdefault((found.op, found.inputs), found)
            self._members.update(found.outputs)
            self._members.update(found.inputs)
        return found

    def intern(self, variable: Variable) -> Variable:
        """The member that computes the same as `variable`, a graph built on members."""
        return self.intern_all([variable])[0]

    def intern_all(self, variables: Sequence[Variable], adopt: bool = False) -> list[Variable]:
        """`intern` for several variables that may share nodes; `adopt` as for `node`."""
        memo: dict[Variable, Variable] = {}
        for node in toposort([v for v in variables if v not in self._members], self._members):
            inputs = [self._leaf(memo.get(v, v)) for v in node.inputs]
            twin = self.node(node.op, inputs, node, adopt)
            memo.update(zip(node.outputs, twin.outputs))
        return [self._leaf(memo.get(v, v)) for v in variables]

    def _leaf(self, variable: Variable) -> Variable:
        if variable in self._members:
            return variable
        if isinstance(variable, Constant):
            return self.constant(variable)
        if variable.owner is None:
            self._members.add(variable)
        return variable


def _constant_key(variable: Constant) -> tuple[Any, ...]:
    fingerprint = variable.fingerprint
    return (variable.type, fingerprint if fingerprint is not None else id(variable.data))


def _copied(op: Op, inputs: tuple[Variable, ...], like: Apply | None) -> Apply | None:
    """A copy of a node on other inputs of the same types, where that is all there is to it."""
    if like is None or like.op is not op or not op.typed_by_types:
        return None
    for old, new in zip(like.inputs, inputs):
        if old.type is not new.type and old.type != new.type:
            return None
    return Apply(op, inputs, [output.type.make_variable() for output in like.outputs])


class FunctionGraph(Shown, Saved):
    """A graph from inputs to outputs that can be rewritten.

    Parameters
    ----------
    inputs : sequence of Variable, optional
        By default the leaves that are not constants.
    outputs : sequence of Variable
    clone : bool
        Whether the inputs are replaced by copies (the nodes always are).

    Attributes
    ----------
    inputs, outputs : tuple of Variable
    table : InternTable
    memo : dict
        The user's variable -> the variable in here, as they stood when the graph was made.
    names, origin, roles : dict
        For a variable in here: its names, the user's variables, the roles of those.
    version : int
        Goes up at every change of the outputs.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> x = pt.dscalar("x")
    >>> graph = FunctionGraph([x], [(x + 1) * (x + 1)])
    >>> len(graph.apply_nodes)
    2
    """

    def __init__(
        self, inputs: Sequence[Variable] | None = None, outputs: Sequence[Variable] | None = None,
        clone: bool = True, **unused: Any,
    ) -> None:
        if outputs is None:
            raise InconsistentGraphError("No outputs specified.")
        outputs = list(outputs)
        if inputs is None:
            inputs = [v for v in leaves(outputs) if not isinstance(v, Constant)]
        self.table = InternTable()
        self.names: dict[Variable, tuple[str, ...]] = {}
        self.origin: dict[Variable, tuple[Variable, ...]] = {}
        self.roles: dict[Variable, tuple[Role, ...]] = {}
        self.memo: dict[Variable, Variable] = {}
        self.version = 0
        self._cache: dict[str, tuple[int, Any]] = {}
        new_inputs = []
        for variable in inputs:
            copy = variable.clone() if clone else variable
            self.table.add_input(copy)
            self._remember(variable, copy)
            new_inputs.append(copy)
        self.inputs: tuple[Variable, ...] = tuple(new_inputs)
        self.outputs: tuple[Variable, ...] = tuple(self._import(outputs))

    def _remember(self, user: Variable, inside: Variable) -> None:
        """Note that `inside` stands for `user`, with its name and roles."""
        self.memo[user] = inside
        if user.name is not None:
            present = self.names.get(inside, ())
            if user.name not in present:
                self.names[inside] = (*present, user.name)
            if inside.name is None:
                inside.name = user.name
        self.origin[inside] = (*self.origin.get(inside, ()), user)
        if user.roles:
            self.roles[inside] = (*self.roles.get(inside, ()), *user.roles)

    @collector_paused()
    def _import(self, outputs: Sequence[Variable]) -> list[Variable]:
        for node in toposort(outputs, self.memo):
            inputs = [self._member(variable) for variable in node.inputs]
            twin = self.table.node(node.op, inputs, node)
            for old, new in zip(node.outputs, twin.outputs):
                self._remember(old, new)
        return [self._member(variable) for variable in outputs]

    def _member(self, variable: Variable) -> Variable:
        found = self.memo.get(variable)
        if found is None:
            if isinstance(variable, Constant):
                found = self.table.constant(variable)
            else:
                found = variable  # a leaf that is no input: a shared variable, or missing
                self.table.add_input(found)
            self._remember(variable, found)
        return found

    @classmethod
    def adopting(cls, inputs: Sequence[Variable], outputs: Sequence[Variable]) -> FunctionGraph:
        """A graph of these very variables and nodes, which nobody else holds: a loaded one."""
        graph = cls((), ())
        for leaf in (*inputs, *leaves(outputs)):
            graph.table.add_input(leaf)
        graph.inputs, graph.outputs = tuple(inputs), tuple(outputs)
        graph.table.intern_all(outputs, adopt=True)
        return graph

    # -- reading, cached per version --------------------------------------------------------

    def _cached(self, key: str, make: Any) -> Any:
        stored = self._cache.get(key)
        if stored is None or stored[0] != self.version:
            stored = (self.version, make())
            self._cache[key] = stored
        return stored[1]

    def toposort(self) -> list[Apply]:
        """The nodes in an order of computing."""
        order: list[Apply] = self._cached("toposort", lambda: toposort(self.outputs))
        return order

    @property
    def apply_nodes(self) -> set[Apply]:
        """The nodes, as a set."""
        return set(self.toposort())

    @property
    def variables(self) -> set[Variable]:
        """Every variable of the graph."""
        found = self._cached("variables", lambda: set(self.inputs) | set(ancestors(self.outputs)))
        return set(found)

    @property
    def clients(self) -> dict[Variable, list[tuple[Apply | str, int]]]:
        """For each variable, its readers; the graph's own outputs count as ``("output", i)``."""
        found: dict[Variable, list[tuple[Apply | str, int]]] = self._cached(
            "clients", self._find_clients
        )
        return found

    def _find_clients(self) -> dict[Variable, list[tuple[Apply | str, int]]]:
        found: dict[Variable, list[tuple[Apply | str, int]]] = {v: [] for v in self.inputs}
        for node in self.toposort():
            for position, variable in enumerate(node.inputs):
                found.setdefault(variable, []).append((node, position))
        for position, variable in enumerate(self.outputs):
            found.setdefault(variable, []).append(("output", position))
        return found

    # -- changing ---------------------------------------------------------------------------

    def replace(
        self, old: Variable, new: Variable, reason: str | None = None, trace: Any = None
    ) -> None:
        """Replace a variable everywhere, in place.  `replace_all` does several in one walk."""
        self.replace_all([(old, new)], reason, trace)

    def replace_all(
        self, pairs: Iterable[tuple[Variable, Variable]], reason: str | None = None,
        trace: Any = None,
    ) -> None:
        """Replace several variables at once, in place; new nodes are interned.

        Raises
        ------
        InconsistentGraphError
            If a new variable has a type that the old one's readers cannot take.
        """
        mapping: dict[Variable, Variable] = {}
        for old, new in pairs:
            if not old.type.in_same_class(new.type):
                raise InconsistentGraphError(
                    f"The type of the replacement must be compatible with the type of the "
                    f"original Variable: {describe(old)} -> {describe(new)}.",
                    why=f"asked for by {reason}" if reason else None,
                )
            interned = self.table.intern(new)
            mapping[old] = interned
            self.inherit((old,), (interned,))
        self.set_outputs(self.rebuilt(self.outputs, mapping))

    def rebuilt(
        self, outputs: Sequence[Variable], mapping: dict[Variable, Variable]
    ) -> list[Variable]:
        """`outputs` with variables replaced by members; `mapping` grows by what was rebuilt."""
        for node in toposort(outputs):
            if not any(variable in mapping for variable in node.inputs):
                continue
            if all(output in mapping for output in node.outputs):
                continue
            twin = self.table.node(node.op, [mapping.get(v, v) for v in node.inputs], node)
            self.inherit(node.outputs, twin.outputs)
            for old, new in zip(node.outputs, twin.outputs):
                mapping.setdefault(old, new)
        return [mapping.get(variable, variable) for variable in outputs]

    def inherit(self, old: Sequence[Variable], new: Sequence[Variable], named: bool = True) -> None:
        """Let `new` take the origins and roles of what it replaces, and the names if `named`."""
        for before, after in zip(old, new):
            if before is after:
                continue
            _extend(self.origin, before, after)
            _extend(self.roles, before, after)
            if named:
                _extend(self.names, before, after)
                if after.name is None and before.name is not None and after.owner is not None:
                    after.name = before.name

    def set_outputs(self, outputs: Sequence[Variable]) -> None:
        """Put other outputs in place of the present ones."""
        self.outputs = tuple(outputs)
        self.version += 1

    def copy(self) -> FunctionGraph:
        """An independent copy whose table shares nothing with this one."""
        twin = FunctionGraph(self.inputs, self.outputs)
        for inside, copied in list(twin.memo.items()):
            for told in ("names", "origin", "roles"):
                mine = getattr(self, told)
                if inside in mine:
                    getattr(twin, told)[copied] = mine[inside]
        return twin

    clone = copy

    def check_integrity(self) -> None:
        """Raise if a node reads something that is neither computed nor an input."""
        allowed = set(self.inputs)
        for variable in ancestors(self.outputs):
            if variable.owner is not None or variable in allowed:
                continue
            if not isinstance(variable, Constant) and not hasattr(variable, "container"):
                raise InconsistentGraphError(
                    f"{describe(variable)} is read, but is no input of this graph."
                )

    def __str__(self) -> str:
        return f"FunctionGraph({', '.join(hooks.call('pp', v) for v in self.outputs)})"

    __repr__ = __str__

    def __iter__(self) -> Any:
        return iter(self.toposort())

    def __contains__(self, item: object) -> bool:
        return item in self.variables if isinstance(item, Variable) else item in self.apply_nodes


def _extend(table: dict[Variable, tuple[Any, ...]], before: Variable, after: Variable) -> None:
    """Append to `after`'s entry what `before` has and it lacks."""
    carried = table.get(before)
    present = table.get(after)
    if carried and not present:
        table[after] = carried
    elif carried and present and carried is not present:
        known = set(present)
        table[after] = (*present, *(item for item in carried if item not in known))
