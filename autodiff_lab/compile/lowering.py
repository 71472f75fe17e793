"""From a graph to a `Program`: slots, instructions, checks, frees, buffers written over.

What is here: `lower`.

Relies on `compile.fusion` (what runs together), `compile.nests` (a group as a loop nest).

The one idea: one pass in the order of the instructions.  Everything an executor needs to know is
decided here once, for every executor.
"""

from __future__ import annotations

from collections.abc import Sequence

from autodiff_lab.compile.fusion import Group, find_groups, is_plain_shuffle
from autodiff_lab.compile.kernel import Kernel
from autodiff_lab.compile.nests import build_kernel
from autodiff_lab.compile.program import (
    Check, Instruction, Names, Program, Slot, is_fresh, writes_in_place,
)
from autodiff_lab.control.scan.op import Scan
from autodiff_lab.control.scan.unused import drop_unused
from autodiff_lab.graph import Apply, Constant, FunctionGraph, Variable, collector_paused
from autodiff_lab.rewriting import rewrite
from autodiff_lab.rewriting.lengths import Lengths, dtype_of, stretch_of
from autodiff_lab.tensor.elemwise import Elemwise


def lower(
    fgraph: FunctionGraph, updates: Sequence[Variable] = (), fuse: bool = True, rows: bool = True
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
    rows : bool
        Whether kernels may run over a row several times.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> from autodiff_lab.graph import FunctionGraph
    >>> x = pt.dvector("x")
    >>> program = lower(FunctionGraph([x], [pt.exp(x) * x + 1.0]))
    >>> len(program.instructions), program.temporaries
    (1, 0)
    """
    with collector_paused():
        return _Lowering(fgraph, tuple(updates), fuse, rows).program()


def lower_body(fgraph: FunctionGraph, fuse: bool = True) -> Program:
    """The program of a graph inside an op."""
    body = fgraph.copy()
    rewrite(body)
    drop_unused(body)
    return lower(body, fuse=fuse, rows=False)


class _Step:
    """What is known of an instruction before memory is planned."""

    __slots__ = ("group", "ins", "outs", "kernel")

    def __init__(self, lowering: _Lowering, group: Group, number: int) -> None:
        self.group = group
        self.kernel: Kernel | None = None
        if not group.fused:
            (node,) = group.nodes
            self.ins, self.outs = list(dict.fromkeys(node.inputs)), list(node.outputs)
            return
        inside = set(group.nodes)
        self.outs = [
            variable
            for node in group.nodes if not is_plain_shuffle(node)
            for variable in node.outputs if lowering.is_read_outside(variable, inside)
        ]
        self.kernel, self.ins = build_kernel(
            f"kernel_{number + 1}", group, self.outs, lowering.names, lowering.taken
        )


class _Lowering:
    """The state of one lowering."""

    def __init__(
        self, fgraph: FunctionGraph, updates: tuple[Variable, ...], fuse: bool, rows: bool
    ) -> None:
        self.fgraph = fgraph
        self.fuse = fuse
        self.updates = updates
        self.names = name_variables(fgraph)
        self.taken = set(self.names.values())
        self.lengths = Lengths()
        order = fgraph.toposort()
        pairs = {node: self.lengths.learn(node) for node in order}
        # in another order, other nodes are the first to need that two lengths agree
        self.to_check = Lengths().learn if fuse else pairs.__getitem__
        groups = find_groups(fgraph, self.lengths, rows) if fuse else [Group([n]) for n in order]
        self.steps = [_Step(self, group, number) for number, group in enumerate(groups)]
        self.last_use = {v: number for number, step in enumerate(self.steps) for v in step.ins}
        self.results = set(fgraph.outputs)
        self.slot_of: dict[Variable, int] = {}
        self.slots: list[Slot] = []

    def is_read_outside(self, variable: Variable, inside: set[Apply]) -> bool:
        """Whether something else than these nodes reads a variable, perhaps with other axes."""
        readers = [client for client, _ in self.fgraph.clients.get(variable, ())]
        for reader in readers:
            if reader not in inside:
                return True
            if isinstance(reader, Apply) and is_plain_shuffle(reader):
                readers += [client for client, _ in self.fgraph.clients[reader.outputs[0]]]
        return False

    def slot(self, variable: Variable, kind: str) -> int:
        """The slot of a variable, made at first sight."""
        found = self.slot_of.get(variable)
        if found is None:
            found = self.slot_of[variable] = len(self.slots)
            if isinstance(variable, Constant):
                kind = "constant"
            elif kind == "temporary" and variable in self.results:
                kind = "output"
            last = self.last_use.get(variable, -1)
            name = self.names[variable]
            self.slots.append(Slot(found, variable.type, kind, name, variable, last))
        return found

    def program(self) -> Program:
        """The instructions in order."""
        graph = self.fgraph
        inputs = tuple(
            self.slot(v, "shared" if hasattr(v, "container") else "input") for v in graph.inputs
        )
        owned: set[Variable] = set()       # temporaries whose memory is surely their own
        instructions = []
        for number, step in enumerate(self.steps):
            nodes = step.group.nodes
            ins = tuple([self.slot(v, "temporary") for v in step.ins])
            outs = tuple([self.slot(v, "temporary") for v in step.outs])
            dying = [
                variable
                for variable in dict.fromkeys((*step.ins, *step.outs))
                if self.last_use.get(variable, -1) <= number
                and self.slots[self.slot_of[variable]].kind == "temporary"
            ]
            overwrites = self._overwrites(step, [v for v in dying if v in owned])
            frees = tuple([self.slot_of[v] for v in dying])
            checks = tuple([Check(node, *pair) for node in nodes for pair in self.to_check(node)])
            op = nodes[0].op
            loop = lower_body(op.graph) if self.fuse and isinstance(op, Scan) else None
            instructions.append(
                Instruction(ins, outs, tuple(nodes), step.kernel, frees, overwrites, checks, loop)
            )
            if step.kernel is not None or is_fresh(nodes[0]):
                owned.update(step.outs)
            else:
                # the result may be a view: what it looks at must not be written over
                owned.difference_update(step.ins)
        results = [self.slot(v, "output") for v in graph.outputs]
        count = len(results) - len(self.updates)
        targets = [self.slot_of[shared] for shared in self.updates]
        return Program(
            tuple(self.slots), tuple(instructions), inputs, tuple(results[:count]),
            tuple(zip(targets, results[count:])), graph, self.names,
        )

    def _overwrites(
        self, step: _Step, candidates: Sequence[Variable]
    ) -> tuple[tuple[int, int], ...]:
        """Pair outputs with dying inputs of the same dtype and lengths, each used once."""
        if not candidates or (step.kernel is None and not writes_in_place(step.group.nodes[0])):
            return ()
        free = [variable for variable in candidates if self._walked_alike(step, variable)]
        pairs = []
        for output in step.outs:
            space = self.lengths.space(output)
            if not space or output.owner is None or not isinstance(output.owner.op, Elemwise):
                continue
            for other in free:
                alike = dtype_of(other) == dtype_of(output) and self._is_done(step, other, output)
                if alike and self.lengths.space(other) == space:
                    pairs.append((self.slot_of[output], self.slot_of[other]))
                    free.remove(other)
                    break
        return tuple(pairs)

    def _is_done(self, step: _Step, variable: Variable, output: Variable) -> bool:
        """Whether an input is not read after an output is written."""
        if step.kernel is None:
            return True
        store = step.kernel.outputs[step.outs.index(output)]
        return step.kernel.last_read(self.names[variable]) <= store.time

    def _walked_alike(self, step: _Step, variable: Variable) -> bool:
        """Whether an input is read element by element in the order of the loops."""
        if step.kernel is not None:
            whole = tuple(range(len(step.kernel.loops)))
            read = [p for p, v in zip(step.kernel.read, step.ins) if v is variable]
            return all(p.axes == whole and not p.parts for p in read)
        node = step.group.nodes[0]
        return not any(axes for v, axes in zip(node.inputs, stretch_of(node)) if v is variable)


def name_variables(fgraph: FunctionGraph) -> dict[Variable, str]:
    """An identifier for every variable: the user's name where there is one."""
    names = Names()
    found: dict[Variable, str] = {}

    def add(variable: Variable, stem: str) -> None:
        if variable not in found:
            given = fgraph.names.get(variable)
            found[variable] = names.new(given[0] if given else variable.name, stem)

    # the caller's own names come first, so that `x` stays `x`
    for variable in fgraph.inputs:
        add(variable, "x")
    for node in fgraph.toposort():
        for variable in node.inputs:
            add(variable, "c")
        for variable in node.outputs:
            add(variable, "t")
    for variable in fgraph.outputs:
        add(variable, "c")
    return found
