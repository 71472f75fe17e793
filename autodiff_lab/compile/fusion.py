"""Which nodes run together: groups of elementwise nodes and the reductions behind them.

What is here: `expression_of` (what a node computes, as primitives, if kernels can do it) and
`find_groups`.

Relies on `rewriting.lengths`.

The one idea: give every node a level that rises by one on each edge that cannot be fused.  Nodes
of one level that walk the same loops form a group.  No path can leave a group and come back (it
would come back on a higher level), so every group can run in one piece, and one walk over the
graph finds them all.
"""

from __future__ import annotations

from dataclasses import dataclass

from autodiff_lab.compile.kernel import MOST_STATEMENTS
from autodiff_lab.graph import Apply, FunctionGraph, Variable
from autodiff_lab.rewriting.lengths import Lengths, Space, dtype_of, shape_of, stretch_of
from autodiff_lab.tensor.axes import DimShuffle
from autodiff_lab.tensor.elemwise import Elemwise
from autodiff_lab.tensor.reduction import Reduction
from autodiff_lab.tensor.scalars import primitives as prim

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


class _Fusible:
    """Answers whether a node can be part of a kernel; remembers the answer per row and dtypes."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], tuple[bool, int]] = {}

    def __call__(self, node: Apply) -> bool:
        if isinstance(node.op, Reduction):
            return _is_trailing_reduction(node, node.op)
        return isinstance(node.op, Elemwise) and self._facts(node, node.op)[0]

    def statements(self, node: Apply) -> int:
        """How many statements a node will need at most."""
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


def _is_trailing_reduction(node: Apply, op: Reduction) -> bool:
    """Whether it takes away the last axes, by an associative primitive."""
    ndim = len(shape_of(node.inputs[0]))
    gone = op.reduced(ndim)
    if op.reduction is None or not gone or gone != tuple(range(ndim - len(gone), ndim)):
        return False
    return all(dtype_of(v) in KERNEL_DTYPES for v in (node.inputs[0], node.outputs[0]))


def find_groups(fgraph: FunctionGraph, lengths: Lengths) -> list[Group]:
    """The groups of a graph, in an order of computing; nodes that do not fuse stand alone."""
    fusible = _Fusible()
    level: dict[Apply, int] = {}
    space: dict[Apply, Space | None] = {}
    members: dict[tuple[object, ...], list[Apply]] = {}
    for node in fgraph.toposort():
        is_fusible = fusible(node)
        looped = node.inputs[0] if isinstance(node.op, Reduction) else node.outputs[0]
        space[node] = own = lengths.space(looped) if is_fusible else None
        level[node] = _level(node, own, level, space)
        key: tuple[object, ...] = (own, level[node]) if is_fusible else (node,)
        members.setdefault(key, []).append(node)
    groups = []
    for key, nodes in members.items():
        if len(key) == 1:
            groups.append(Group(nodes))
        else:
            groups += _pieces(nodes, space[nodes[0]], fusible)
    return _ordered(_absorb(groups, fgraph), fgraph)


def _level(
    node: Apply,
    own: Space | None,
    level: dict[Apply, int],
    space: dict[Apply, Space | None],
) -> int:
    """One more than the highest input that cannot be fused with this node.

    A shuffle of axes stands on the level of its reader: it may become the way that one indexes.
    """
    best = 0
    stretch = stretch_of(node) if isinstance(node.op, Elemwise) else ((),) * len(node.inputs)
    for variable, axes in zip(node.inputs, stretch):
        owner = variable.owner
        if owner is None:
            continue
        soft = own is not None and (
            _is_plain_shuffle(owner)
            or (space[owner] == own and not axes and not isinstance(owner.op, Reduction))
        )
        best = max(best, level[owner] + (0 if soft else 1))
    return best


def _is_plain_shuffle(node: Apply) -> bool:
    """Whether a node only moves and adds axes, so that a kernel can index instead."""
    return isinstance(node.op, DimShuffle) and not node.op.dropped


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


def _absorb(groups: list[Group], fgraph: FunctionGraph) -> list[Group]:
    """Move axis shuffles that only one kernel reads into it: they become the way it indexes."""
    home = {node: index for index, group in enumerate(groups) for node in group.nodes}
    absorbed: dict[int, list[Apply]] = {}
    kept = []
    for group in groups:
        node = group.nodes[0]
        if not _is_plain_shuffle(node):
            kept.append(group)
            continue
        readers = {
            home[client] if isinstance(client, Apply) else -1
            for client, _ in fgraph.clients.get(node.outputs[0], ())
        }
        target = readers.pop() if len(readers) == 1 else -1
        if target >= 0 and groups[target].fused and dtype_of(node.inputs[0]) in KERNEL_DTYPES:
            absorbed.setdefault(target, []).append(node)
        else:
            kept.append(group)
    for index, nodes in absorbed.items():
        groups[index].nodes = nodes + groups[index].nodes
    return kept


def _ordered(groups: list[Group], fgraph: FunctionGraph) -> list[Group]:
    """Groups in an order of computing that follows the graph's own, so that buffers die early."""
    home: dict[Apply, Group] = {node: group for group in groups for node in group.nodes}
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
    inputs: list[Variable] = [v for node in group.nodes for v in node.inputs]
    owners = [home[v.owner] for v in reversed(inputs) if v.owner is not None]
    return [owner for owner in owners if owner is not group]
