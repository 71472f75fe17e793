"""From a graph to a `Program`: slots, instructions, checks, frees, buffers written over.

What is here: `lower`, and `kernels_of`.

Relies on `compile.fusion` (what runs together), `compile.nests` (a group as a loop nest).

The one idea: one pass in the order of the instructions.  Everything an executor needs to know is
decided here once, for every executor.
"""

from __future__ import annotations

from collections.abc import Sequence

from autodiff_lab.compile.fusion import Group, find_groups
from autodiff_lab.compile.kernel import Kernel
from autodiff_lab.compile.nests import build_kernel
from autodiff_lab.compile.program import (
    Check,
    Cost,
    Instruction,
    Names,
    Program,
    Slot,
    is_fresh,
    writes_in_place,
)
from autodiff_lab.graph import Constant, FunctionGraph, Variable
from autodiff_lab.rewriting.lengths import Lengths, dtype_of, shape_of, stretch_of
from autodiff_lab.tensor.elemwise import Elemwise


def lower(
    fgraph: FunctionGraph,
    updates: Sequence[Variable] = (),
    fuse: bool = True,
) -> Program:
    """Plan the computation of a graph.

    Parameters
    ----------
    fgraph : FunctionGraph
        Its inputs are the function's, then the shared variables; its outputs are the function's,
        then one new value for each variable of `updates`.
    updates : sequence of Variable
        The shared variables (among the inputs) that get new values.
    fuse : bool
        Whether nodes are gathered into kernels; otherwise every node is an instruction.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> from autodiff_lab.graph import FunctionGraph
    >>> x = pt.dvector("x")
    >>> program = lower(FunctionGraph([x], [pt.exp(x) * x + 1.0]))
    >>> len(program.instructions), program.temporaries
    (1, 0)
    """
    return _Lowering(fgraph, updates, fuse).program()


def kernels_of(program: Program) -> tuple[Kernel, ...]:
    """The kernels of a program."""
    return program.kernels


class _Lowering:
    """The state of one lowering."""

    def __init__(self, fgraph: FunctionGraph, updates: Sequence[Variable], fuse: bool) -> None:
        self.fgraph = fgraph
        self.updates = tuple(updates)
        self.names = name_variables(fgraph)
        self.taken = set(self.names.values())
        self.groups = self._groups(fuse)
        self.slot_of: dict[Variable, int] = {}
        self.kinds: list[str] = []
        self.variables: list[Variable] = []

    def _groups(self, fuse: bool) -> list[Group]:
        order = self.fgraph.toposort()
        self.lengths = Lengths()
        for node in order:
            self.lengths.learn(node)
        return find_groups(self.fgraph, self.lengths) if fuse else [Group([n]) for n in order]

    def slot(self, variable: Variable, kind: str) -> int:
        """The slot of a variable, made at first sight."""
        found = self.slot_of.get(variable)
        if found is None:
            found = self.slot_of[variable] = len(self.variables)
            self.variables.append(variable)
            self.kinds.append("constant" if isinstance(variable, Constant) else kind)
        return found

    def program(self) -> Program:
        """Lower the groups in order, then find what dies where."""
        graph = self.fgraph
        inputs = [
            self.slot(v, "shared" if hasattr(v, "container") else "input") for v in graph.inputs
        ]
        results = set(graph.outputs)
        checked = Lengths()
        drafts: list[Instruction] = []
        for number, group in enumerate(self.groups):
            checks = tuple(
                Check(node, *pair) for node in group.nodes for pair in checked.learn(node)
            )
            ins, outs, kernel = self._group(group, number)
            kinds = ["output" if v in results else "temporary" for v in outs]
            drafts.append(
                Instruction(
                    tuple(self.slot(v, "temporary") for v in ins),
                    tuple(self.slot(v, kind) for v, kind in zip(outs, kinds)),
                    tuple(group.nodes),
                    kernel,
                    cost=_cost(group, kernel),
                    checks=checks,
                )
            )
        results_at = [self.slot(v, "output") for v in graph.outputs]
        count = len(graph.outputs) - len(self.updates)
        targets = [self.slot_of[shared] for shared in self.updates]
        last_use = self._last_use(drafts)
        instructions = self._with_memory(drafts, last_use, set(results_at))
        return Program(
            slots=tuple(
                Slot(i, v.type, self.kinds[i], self.names[v], v, last_use[i])
                for i, v in enumerate(self.variables)
            ),
            instructions=instructions,
            inputs=tuple(inputs),
            outputs=tuple(results_at[:count]),
            updates=tuple(zip(targets, results_at[count:])),
            graph=graph,
            names=self.names,
        )

    def _group(
        self, group: Group, number: int
    ) -> tuple[list[Variable], list[Variable], Kernel | None]:
        if not group.fused:
            (node,) = group.nodes
            return list(dict.fromkeys(node.inputs)), list(node.outputs), None
        inside = set(group.nodes)
        clients = self.fgraph.clients
        outs = [
            variable
            for node in group.nodes
            for variable in node.outputs
            if any(client not in inside for client, _ in clients.get(variable, ()))
        ]
        kernel, ins = build_kernel(f"kernel_{number + 1}", group, outs, self.names, self.taken)
        return ins, outs, kernel

    def _last_use(self, drafts: Sequence[Instruction]) -> list[int]:
        last = [-1] * len(self.variables)
        for number, instruction in enumerate(drafts):
            for slot in instruction.inputs:
                last[slot] = number
        return last

    def _with_memory(
        self, drafts: Sequence[Instruction], last_use: Sequence[int], results: set[int]
    ) -> tuple[Instruction, ...]:
        """Add what each instruction frees and what it may write over."""
        owned: set[int] = set()       # temporaries whose memory is surely their own
        finished = []
        for number, draft in enumerate(drafts):
            unread = [o for o in draft.outputs if last_use[o] < 0]
            dying = [
                slot
                for slot in (*draft.inputs, *unread)
                if self.kinds[slot] == "temporary" and last_use[slot] <= number
                and slot not in results
            ]
            overwrites = self._overwrites(draft, [slot for slot in dying if slot in owned])
            finished.append(
                Instruction(
                    draft.inputs, draft.outputs, draft.nodes, draft.kernel,
                    tuple(dict.fromkeys(dying)), overwrites, draft.cost, draft.checks,
                )
            )
            if draft.kernel is not None or is_fresh(draft.nodes[0]):
                owned.update(draft.outputs)
            else:
                # the result may be a view: what it looks at must not be written over
                owned.difference_update(draft.inputs)
        return tuple(finished)

    def _overwrites(
        self, draft: Instruction, candidates: Sequence[int]
    ) -> tuple[tuple[int, int], ...]:
        """Pair outputs with dying inputs of the same dtype and lengths, each used once."""
        free = [slot for slot in candidates if self._walked_alike(draft, slot)]
        if draft.kernel is None and not writes_in_place(draft.nodes[0]):
            return ()
        pairs = []
        for output in draft.outputs:
            variable = self.variables[output]
            space = self.lengths.space(variable)
            if not space or variable.owner is None or not isinstance(variable.owner.op, Elemwise):
                continue
            for slot in free:
                other = self.variables[slot]
                if dtype_of(other) == dtype_of(variable) and self.lengths.space(other) == space:
                    pairs.append((output, slot))
                    free.remove(slot)
                    break
        return tuple(pairs)

    def _walked_alike(self, draft: Instruction, slot: int) -> bool:
        """Whether an input is read element by element in the order of the loops."""
        variable = self.variables[slot]
        if draft.kernel is not None:
            whole = tuple(range(len(draft.kernel.loops)))
            read = [p for p in draft.kernel.parameters if p.name == self.names[variable]]
            return all(p.axes == whole for p in read)
        node = draft.nodes[0]
        return not any(
            axes for v, axes in zip(node.inputs, stretch_of(node)) if v is variable
        )


def name_variables(fgraph: FunctionGraph) -> dict[Variable, str]:
    """An identifier for every variable: the user's name where there is one."""
    names = Names()
    found: dict[Variable, str] = {}
    # the caller's own names come first, so that `x` stays `x`
    for variable in fgraph.inputs:
        given = fgraph.names.get(variable, (variable.name,))
        found[variable] = names.new(given[0] if given else None, "x")
    for node in fgraph.toposort():
        for variable in node.inputs:
            if variable not in found:
                found[variable] = names.new(variable.name, "c")
        for variable in node.outputs:
            if variable not in found:
                given = fgraph.names.get(variable, ())
                found[variable] = names.new(given[0] if given else None)
    for variable in fgraph.outputs:
        if variable not in found:
            found[variable] = names.new(variable.name, "c")
    return found


def _cost(group: Group, kernel: Kernel | None) -> Cost:
    if kernel is not None:
        return Cost(kernel.flops, kernel.bytes)
    arrays = [v for node in group.nodes for v in (*node.inputs, *node.outputs) if shape_of(v)]
    return Cost(1, 8 * len(arrays))
