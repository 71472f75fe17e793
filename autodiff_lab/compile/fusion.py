"""Which nodes run together: elementwise nodes, reductions, and what reads them row by row.

What is here: `expression_of` (what a node computes, as primitives, if kernels can do it) and
`find_groups`.

Relies on `rewriting.lengths`.

The one idea: give every node a level that rises by one on each edge that cannot be fused.  Nodes
of one level that walk the same loops form a group.  No path can leave a group and come back (it
would come back on a higher level), so every group can run in one piece, and one walk over the
graph finds them all.

Loops over two axes or more go row by row.  What a row has one of (its sum, the logarithm of that)
belongs to the same loops, and so does what the row does with it afterwards: a softmax and its
gradient are one group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autodiff_lab.compile.kernel import MOST_STATEMENTS
from autodiff_lab.graph import Apply, Constant, FunctionGraph, Variable
from autodiff_lab.rewriting.lengths import (
    CHANGES, Lengths, Space, dtype_of, padding_of, parts_of, shape_of, stretch_of,
)
from autodiff_lab.tensor.along import OverAxes
from autodiff_lab.tensor.axes import DimShuffle
from autodiff_lab.tensor.constants import spread_from
from autodiff_lab.tensor.elemwise import Elemwise
from autodiff_lab.tensor.reduction import Reduction
from autodiff_lab.tensor.scalars import primitives as prim

EXPONENTIALS = frozenset({"softmax", "log_softmax", "logsumexp"})
"""Ops that kernels take apart where they work along the last of several axes."""

RUNNING = {"cumsum": "add", "cumprod": "mul", "argmax": "gt", "argmin": "lt"}
"""Ops that kernels compute along the last axis, and what takes one element after the other."""

KERNEL_DTYPES = frozenset(
    {"bool", "float32", "float64"}
    | {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
)


@dataclass
class Group:
    """Nodes that run as one instruction.

    Attributes
    ----------
    nodes : list of Apply
        In an order of computing; absorbed axis shuffles among them.
    space : tuple, optional
        The lengths of its loops; None for a single node that is no kernel.
    """

    nodes: list[Apply]
    space: Space | None = None

    @property
    def fused(self) -> bool:
        """Whether it becomes a kernel."""
        return self.space is not None


def expression_of(node: Apply, arguments: tuple[prim.Term, ...]) -> prim.Term | None:
    """What an elementwise node computes of these arguments; None where no kernel can say it."""
    if not isinstance(node.op, Elemwise) or node.op.row.expr is None:
        return None
    result = dtype_of(node.outputs[0])
    compute = node.op.row.dtypes(*(argument.dtype for argument in arguments))[0]
    if any(dtype not in KERNEL_DTYPES for dtype in (*compute, result)):
        return None
    cast = [prim.cast(argument, dtype) for argument, dtype in zip(arguments, compute)]
    expression = node.op.row.expr(*cast)
    if expression is None:
        return None
    if not isinstance(expression, (prim.Expr, prim.Name, prim.Literal)):
        expression = prim.Literal(expression, result)
    expression = prim.cast(expression, result)
    return expression if _printable(expression) else None


def _printable(expression: prim.Term) -> bool:
    """Whether every primitive is right for the dtype that it is applied to."""
    for term in prim.post_order(expression):
        if term.dtype not in KERNEL_DTYPES:
            return False
        if isinstance(term, prim.Expr):
            kinds = prim.PRIMITIVES[term.primitive].kinds
            # select chooses by a boolean; what it chooses between decides
            if term.args[-1].dtype[0] not in kinds:
                return False
    return True


def filling_of(variable: Variable) -> float | int | bool | None:
    """The number that an array is full of, where that is known."""
    while (below := spread_from(variable)) is not None:
        variable = below
    single = isinstance(variable, Constant) and variable.data.size == 1
    return variable.data.item() if single else None  # type: ignore[attr-defined]


def is_row_total(rank: int, gone: tuple[int, ...]) -> bool:
    """Whether a reduction leaves one number of each row: takes the last of several axes."""
    return rank > 1 and gone == (rank - 1,)


def _is_reduction(node: Apply) -> bool:
    """Whether kernels can accumulate it."""
    op = node.op
    if not isinstance(op, Reduction) or op.reduction is None:
        return False
    kinds = [dtype_of(v) for v in (node.inputs[0], node.outputs[0])]
    rank = len(shape_of(node.inputs[0]))
    gone = op.reduced(rank)
    if not gone or any(kind not in KERNEL_DTYPES for kind in kinds):
        return False
    # single precision is summed in double precision, for which the result has no room
    trailing = gone == tuple(range(rank - len(gone), rank))
    return trailing or not (op.reduction[0] in ("add", "mul") and kinds[1] == "float32")


class _Fusible:
    """Answers whether a node can be part of a kernel; remembers the answer per row and dtypes."""

    def __init__(self, rows: bool) -> None:
        self._rows = rows
        self._known: dict[tuple[object, ...], tuple[bool, int]] = {}

    def __call__(self, node: Apply) -> bool:
        if isinstance(node.op, OverAxes) and node.op.name in EXPONENTIALS:
            rank = len(shape_of(node.inputs[0]))
            return self._rows and is_row_total(rank, node.op.axes(rank)) and all(
                dtype_of(v) in ("float64", "float32") for v in (*node.inputs, *node.outputs)
            )
        if isinstance(node.op, Reduction):
            return _is_reduction(node)
        if node.op.name in RUNNING:
            return node.op.axis == len(shape_of(node.inputs[0])) - 1 and (
                dtype_of(node.inputs[0]) in ("float64", "float32", "int64")
            )
        if node.op.name in CHANGES:
            known = node.op.name == "inc_subtensor" or filling_of(node.inputs[0]) is not None
            return known and padding_of(node) is not None and all(
                dtype_of(v) in KERNEL_DTYPES for v in (*node.inputs, *node.outputs)
            )
        return isinstance(node.op, Elemwise) and self._facts(node, node.op)[0]

    def statements(self, node: Apply) -> int:
        """How many statements a node will need at most."""
        if node.op.name in EXPONENTIALS:
            return 8
        return self._facts(node, node.op)[1] if isinstance(node.op, Elemwise) else 1

    def _facts(self, node: Apply, op: Elemwise) -> tuple[bool, int]:
        dtypes = tuple(dtype_of(variable) for variable in node.inputs)
        key = (op.row, dtypes)
        found = self._known.get(key)
        if found is None:
            names = tuple(prim.Name(f"a{i}", dtype) for i, dtype in enumerate(dtypes))
            expression = None
            if all(dtype in KERNEL_DTYPES for dtype in dtypes):
                expression = expression_of(node, names)
            terms = [] if expression is None else prim.post_order(expression)
            size = sum(isinstance(term, prim.Expr) for term in terms)
            found = self._known[key] = (expression is not None, size)
        return found


def find_groups(fgraph: FunctionGraph, lengths: Lengths, rows: bool = True) -> list[Group]:
    """The groups of a graph, in an order of computing; nodes that do not fuse stand alone.

    `rows` says whether what reads the numbers of a row may run with what makes them.
    """
    fusible = _Fusible(rows)
    levels = _Levels(lengths, rows)
    members: dict[tuple[object, ...], list[Apply]] = {}
    order = fgraph.toposort()
    for node in order:
        levels.add(node, fusible(node))
    levels.wait_for_readers(order, fgraph)
    for node in order:
        space = levels.space[node]
        key: tuple[object, ...] = (node,) if space is None else (space, levels.level[node])
        members.setdefault(key, []).append(node)
    groups = []
    for key, nodes in members.items():
        if len(key) == 1:
            groups.append(Group(nodes))
        else:
            groups += map(_narrowed, _pieces(nodes, levels.space[nodes[0]], fusible))
    return _ordered(_absorb(groups, fgraph), fgraph)


class _Levels:
    """For each node the space of its loops and its level.

    Attributes
    ----------
    level : dict
    space : dict
        The loops; None for what does not fuse.
    row_space : dict
        For a node whose result is one number of each row of a space: that space.  Also for an added
        last axis, which hands such a number on to all of the row.
    """

    def __init__(self, lengths: Lengths, rows: bool) -> None:
        self.lengths, self.rows = lengths, rows
        self.level: dict[Apply, int] = {}
        self.space: dict[Apply, Space | None] = {}
        self.row_space: dict[Apply, Space] = {}

    def add(self, node: Apply, is_fusible: bool) -> None:
        """Take in a node, whose inputs were added before."""
        own = self._space_of(node) if is_fusible else None
        self.space[node] = own
        self.level[node] = max(
            (self.level[v.owner] + (not self._is_soft(node, own, v.owner, axes))
             for v, axes in zip(node.inputs, self._stretch(node)) if v.owner is not None),
            default=0,
        )
        self._note_row(node, own)

    def wait_for_readers(self, order: Sequence[Apply], fgraph: FunctionGraph) -> None:
        """Put elementwise nodes on the level of their readers where one loop can then do both."""
        for node in reversed(order):
            own = self.space[node]
            if own is None or node in self.row_space or not isinstance(node.op, Elemwise):
                continue
            readers = dict.fromkeys(
                client for client, _ in fgraph.clients.get(node.outputs[0], ())
                if isinstance(client, Apply)
            )
            latest = min((self._latest(node, reader) for reader in readers), default=0)
            if latest > self.level[node] and any(
                self.level[r] == latest and self.space[r] == own for r in readers
            ):
                self.level[node] = latest

    def _latest(self, node: Apply, reader: Apply) -> int:
        """The highest level from which a reader can still read a node."""
        return min(
            self.level[reader] - (not self._is_soft(reader, self.space[reader], node, axes))
            for variable, axes in zip(reader.inputs, self._stretch(reader))
            if variable.owner is node
        )

    def _stretch(self, node: Apply) -> tuple[tuple[int, ...], ...]:
        if node.op.name in CHANGES:         # the value must be there as a whole
            return ((), *[(-1,)] * (len(node.inputs) - 1))
        elementwise = isinstance(node.op, Elemwise)
        return stretch_of(node) if elementwise else ((),) * len(node.inputs)

    def _space_of(self, node: Apply) -> Space:
        """The loops of a fusible node: its own, or those of the rows that its inputs belong to."""
        looped = node.outputs[0] if isinstance(node.op, Elemwise) else node.inputs[0]
        own = self.lengths.space(looped)
        for variable in node.inputs:
            owner = variable.owner
            if owner is None or owner not in self.row_space or isinstance(owner.op, DimShuffle):
                continue
            if self.row_space[owner][:-1] == own:
                return self.row_space[owner]
        return own

    def _note_row(self, node: Apply, own: Space | None) -> None:
        if not self.rows:
            return
        if own is not None:
            rank = len(shape_of(node.outputs[0]))
            leaves_rows = not isinstance(node.op, Reduction) or is_row_total(
                len(shape_of(node.inputs[0])), node.op.reduced(len(shape_of(node.inputs[0])))
            ) and len(shape_of(node.inputs[0])) == len(own)
            if leaves_rows and 0 < rank == len(own) - 1:
                self.row_space[node] = own
        elif isinstance(node.op, DimShuffle) and node.inputs[0].owner in self.row_space:
            whole = self.row_space[node.inputs[0].owner]
            if node.op.new_order == (*range(len(whole) - 1), "x"):
                self.row_space[node] = whole
                self.level[node] = self.level[node.inputs[0].owner]

    def _is_soft(
        self, node: Apply, own: Space | None, owner: Apply, stretched: tuple[int, ...]
    ) -> bool:
        """Whether a node can run in one loop nest with what makes its input.

        A shuffle of axes stands on the level of its reader: it may become the way that one indexes.
        """
        if own is None or stretched == (-1,):
            return False
        whole = self.row_space.get(owner)
        last = (len(own) - 1,)
        if is_plain_shuffle(owner) or isinstance(owner.op, DimShuffle):
            if whole is None:
                return is_plain_shuffle(owner)
            # only the loops that made the number of a row hand it on to the row
            return whole == own and (not stretched or stretched == last)
        if stretched or self.space[owner] != own:
            return False
        return whole is not None or not isinstance(owner.op, Reduction)


def is_plain_shuffle(node: Apply) -> bool:
    """Whether a node only moves and adds axes or takes a part: a kernel can index instead."""
    if isinstance(node.op, DimShuffle):
        return not node.op.dropped
    return node.op.name == "subtensor" and parts_of(node) is not None


def _pieces(nodes: list[Apply], space: Space | None, fusible: _Fusible) -> list[Group]:
    """A group as one or more: none has more than `MOST_STATEMENTS` statements."""
    pieces = [Group([], space)]
    size = 0
    for node in nodes:
        more = fusible.statements(node)
        if size + more > MOST_STATEMENTS and pieces[-1].nodes:
            pieces.append(Group([], space))
            size = 0
        pieces[-1].nodes.append(node)
        size += more
    return pieces


def _narrowed(group: Group) -> Group:
    """A group without the innermost loop if nothing happens there."""
    assert group.space is not None
    rank = len(group.space)
    looped = (v for node in group.nodes for v in (node.inputs[0], node.outputs[0]))
    if rank > 1 and all(len(shape_of(v)) < rank for v in looped):
        return Group(group.nodes, group.space[:-1])
    return group


def _absorb(groups: list[Group], fgraph: FunctionGraph) -> list[Group]:
    """Put axis shuffles into the kernels that read them: they become the way these index.

    One that moves axes goes to a single reader only; NumPy turns the array once for several.
    """
    place = {node: index for index, node in enumerate(fgraph.toposort())}
    homes = {node: {index} for index, group in enumerate(groups) for node in group.nodes}
    kept = set(range(len(groups)))
    for node in reversed(place):
        if not is_plain_shuffle(node):
            continue
        (own,) = homes[node]
        readers = {
            home
            for client, position in fgraph.clients.get(node.outputs[0], ())
            # a value that goes into a part must be there as a whole
            for home in (homes[client] if isinstance(client, Apply)
                         and not (position and client.op.name in CHANGES) else (-1,))
        }
        able = dtype_of(node.inputs[0]) in KERNEL_DTYPES and (
            len(readers) == 1 or not isinstance(node.op, DimShuffle)
            or list(node.op.kept) == sorted(node.op.kept)
        )
        inside = {r for r in readers if able and r >= 0 and groups[r].fused}
        for reader in inside:
            groups[reader].nodes.append(node)
        if readers and inside == readers:
            kept.discard(own)
            homes[node] = inside
        elif inside:
            homes[node] = inside | {own}
    for group in groups:
        group.nodes = sorted(set(group.nodes), key=place.__getitem__)
    return [group for index, group in enumerate(groups) if index in kept]


def _ordered(groups: list[Group], fgraph: FunctionGraph) -> list[Group]:
    """Groups in an order of computing that follows the graph's own, so that buffers die early."""
    home: dict[Apply, Group] = {node: group for group in groups for node in group.nodes}
    home.update((group.nodes[0], group) for group in groups if not group.fused)
    done: set[int] = set()
    order: list[Group] = []
    for node in fgraph.toposort():
        stack = [(home[node], False)]
        while stack:
            group, finished = stack.pop()
            if id(group) in done:
                continue
            if finished:
                done.add(id(group))
                order.append(group)
                continue
            stack.append((group, True))
            for needed in _needed(group, home):
                if id(needed) not in done:
                    stack.append((needed, False))
    return order


def _needed(group: Group, home: dict[Apply, Group]) -> list[Group]:
    inside = set(group.nodes)
    inputs: list[Variable] = [v for node in group.nodes for v in node.inputs]
    return [home[v.owner] for v in reversed(inputs)
            if v.owner is not None and v.owner not in inside]
