"""Whether two graphs compute the same thing by the same ops: structural comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from autodiff_lab.graph.basic import Constant, Variable
from autodiff_lab.graph.walk import toposort


def same_constant(a: Constant, b: Constant) -> bool:
    """Whether two constants have equal type, shape and data."""
    if a is b:
        return True
    return a.type == b.type and a.fingerprint is not None and a.fingerprint == b.fingerprint


def same_graph(
    a: Sequence[Variable] | Variable, b: Sequence[Variable] | Variable,
    given: Mapping[Variable, Variable] | None = None,
) -> bool:
    """Whether two graphs are equal node by node.

    Parameters
    ----------
    a, b : Variable or sequence of Variable
    given : mapping, optional
        Which input of `a` stands for which input of `b`; other inputs must be the same object.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> x = pt.dscalar("x")
    >>> same_graph(x + 1, x + 1), same_graph(x + 1, x + 2)
    (True, False)
    """
    first = [a] if isinstance(a, Variable) else list(a)
    second = [b] if isinstance(b, Variable) else list(b)
    if len(first) != len(second):
        return False
    twin: dict[Variable, Variable] = dict(given or {})
    orders = toposort(first, twin), toposort(second, twin.values())
    if len(orders[0]) != len(orders[1]):
        return False
    for left, right in zip(*orders):
        if left.op != right.op or len(left.inputs) != len(right.inputs):
            return False
        if not all(_same(p, q, twin) for p, q in zip(left.inputs, right.inputs)):
            return False
        twin.update(zip(left.outputs, right.outputs))
    return all(_same(p, q, twin) for p, q in zip(first, second))


def _same(left: Variable, right: Variable, twin: Mapping[Variable, Variable]) -> bool:
    if left in twin:
        return twin[left] is right
    if isinstance(left, Constant) and isinstance(right, Constant):
        return same_constant(left, right)
    return left is right and left.owner is None
