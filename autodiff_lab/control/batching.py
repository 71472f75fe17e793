"""A leading batch axis through a graph: what `jacobian` and `vectorize_graph` are built on.

An op may say how it treats a leading axis (`batch`); elementwise ops, reductions and axis moves
do so by their nature.  Any other op runs once per entry, as a `map` loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autodiff_lab.control.scan.build import map as scan_map
from autodiff_lab.errors import LabTypeError
from autodiff_lab.graph import Apply, Variable, as_given, as_list, describe, source, toposort
from autodiff_lab.tensor.constants import as_tensor_variable


def batched_graph(
    outputs: Sequence[Variable], replace: Mapping[Variable, Variable]
) -> dict[Variable, Variable]:
    """Copies of `outputs` in which some variables carry one leading axis more.

    Parameters
    ----------
    outputs : sequence of Variable
    replace : mapping
        Variable -> a variable with one more axis in front.

    Returns
    -------
    dict
        Output -> its copy with the leading axis; outputs that depend on none of `replace` are
        left out.
    """
    for old, new in replace.items():
        if new.type.ndim != old.type.ndim + 1:  # type: ignore[attr-defined]
            raise LabTypeError(f"{describe(new)} should have one axis more than {describe(old)}.")
    batched: dict[Variable, Variable] = dict(replace)
    for node in toposort(outputs, replace):
        if not any(variable in batched for variable in node.inputs):
            continue
        with source.using(node.source):
            batched.update(zip(node.outputs, _batched_node(node, batched)))
    return {
        output: batched[output]
        for output in outputs
        if output in batched and _has_entries(output, batched)
    }


def _has_entries(variable: Any, batched: Mapping[Variable, Any]) -> bool:
    """Whether a replaced variable has the leading axis (the shape of a batched one has not)."""
    found: bool = batched[variable].type.ndim == variable.type.ndim + 1
    return found


def _batched_node(node: Apply, batched: Mapping[Variable, Variable]) -> Sequence[Variable]:
    inputs = [batched.get(variable, variable) for variable in node.inputs]
    which = [v in batched and _has_entries(v, batched) for v in node.inputs]
    if not any(which):
        fresh: Apply = node.op.make_node(*inputs)
        return fresh.outputs
    rule = getattr(node.op, "batch", None)
    if rule is not None:
        answer: Sequence[Variable] | None = rule(node, inputs, which)
        if answer is not None:
            return answer
    return _one_by_one(node, inputs, which)


def _one_by_one(
    node: Apply, inputs: Sequence[Variable], which: Sequence[bool]
) -> Sequence[Variable]:
    moving = [variable for variable, is_batched in zip(inputs, which) if is_batched]
    fixed = [variable for variable, is_batched in zip(inputs, which) if not is_batched]

    def step(*arguments: Variable) -> list[Variable]:
        entries, constants = iter(arguments[: len(moving)]), iter(arguments[len(moving) :])
        arranged = [next(entries) if is_batched else next(constants) for is_batched in which]
        return list(node.op.make_node(*arranged).outputs)

    results, _ = scan_map(step, sequences=moving, non_sequences=fixed, return_list=True)
    return results  # type: ignore[no-any-return]


def vectorize_graph(outputs: Any, replace: Mapping[Variable, Any]) -> Any:
    """The graph of `outputs` with further leading axes on some variables.

    Parameters
    ----------
    outputs : Variable, or list or tuple
    replace : mapping
        Variable -> a variable with zero or more leading axes before its own.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> x, xs = pt.dvector("x"), pt.dmatrix("xs")
    >>> vectorize_graph(x.sum(), {x: xs}).eval({xs: [[1.0, 2.0], [3.0, 4.0]]})
    array([3., 7.])
    """
    results = as_list(outputs)
    pairs = {old: as_tensor_variable(new) for old, new in replace.items()}
    extra = {new.type.ndim - old.type.ndim for old, new in pairs.items()}  # type: ignore[attr-defined]
    if min(extra, default=0) < 0:
        raise LabTypeError("A replacement has fewer axes than what it replaces.")
    current = {old: old for old in pairs}
    for number in range(max(extra, default=0)):
        # the innermost leading axis first; each round adds one in front of those there
        grown = {}
        for old, new in pairs.items():
            depth = new.type.ndim - old.type.ndim  # type: ignore[attr-defined]
            if depth > number:
                shape = new.type.shape[depth - 1 - number :]
                last_round = number == depth - 1
                following = new if last_round else new.type.clone(shape=shape).make_variable()
                grown[current[old]] = following
                current[old] = following
        found = batched_graph(results, grown)
        results = [found.get(root, root) for root in results]
    return as_given(outputs, results)
