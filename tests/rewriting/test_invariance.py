"""One formula in several dresses: rewriting gives the same values with as many nodes.

``f(x)``, ``f(2 u + 1)``, ``f(x) + 0 y``, other names, operands in another order.  Values and
derivatives; the nodes of ``2 u + 1`` and the factor 2 that it brings are not counted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import expression_accuracy as accuracy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff_lab.tensor as pt
from autodiff_lab.gradient import grad
from autodiff_lab.graph import Constant, FunctionGraph, toposort
from autodiff_lab.rewriting import rewrite
from autodiff_lab.tensor.elemwise import Elemwise
from autodiff_lab.testing.points import compute

FORMULAS: dict[str, Callable[[Any], Any]] = {
    "square": lambda x: x**2,
    "cube over": lambda x: x**3 / 7,
    "polynomial": lambda x: 3 * x**2 - 2 * x + 1,
    "horner": lambda x: (x * 2 + 1) * x - 4,
    "quotient": lambda x: (x + 1) / (x * x + 2),
    "logistic": lambda x: 1 / (1 + pt.exp(-x)),
    "logistic, exp above": lambda x: pt.exp(x) / (1 + pt.exp(x)),
    "logistic, two quotients": lambda x: 1 / (1 + 1 / pt.exp(x)),
    "logistic by itself": lambda x: pt.sigmoid(x) * (1 - pt.sigmoid(x)),
    "logistic loss": lambda x: pt.log(1 + pt.exp(-x)),
    "scaled logistic": lambda x: 3 / (1 + pt.exp(-2 * x)) - 1,
    "gauss": lambda x: pt.exp(-(x**2) / 2),
    "density": lambda x: pt.exp(-0.5 * ((x - 1) / 3) ** 2) / (3 * np.sqrt(2 * np.pi)),
    "log density": lambda x: -((x - 1) ** 2) / 8 - pt.log(pt.sqrt(x**2 + 1)),
    "tanh by hand": lambda x: (pt.exp(x) - pt.exp(-x)) / (pt.exp(x) + pt.exp(-x)),
    "waves": lambda x: pt.sin(3 * x) * pt.cos(x) - pt.tan(x / 2),
    "one minus cosine": lambda x: (1 - pt.cos(x)) / pt.sin(x),
    "roots": lambda x: pt.sqrt(x + 1) - pt.sqrt(x),
    "logs": lambda x: pt.log(x + 1) - pt.log(x),
    "reciprocals": lambda x: 1 / (x + 1) - 1 / x,
    "entropy": lambda x: -x * pt.log(x) - (4 - x) * pt.log(4 - x),
    "softplus, squared": lambda x: pt.softplus(x) ** 2 / 2,
    "absolute": lambda x: abs(-x) * pt.sign(x),
    "switch": lambda x: pt.where(x > 1, x**2, 2 * x - 1),
    "clipped": lambda x: pt.clip(x, 0.5, 3) * x,
    "maximum": lambda x: pt.maximum(x, 1) + pt.minimum(x, 2),
    "power": lambda x: x**1.5 + x**-2 + 2**x,
    "chain": lambda x: pt.exp(pt.sin(pt.log(x))),
    "expm1": lambda x: (pt.exp(x) - 1) / x,
    "hyperbolic": lambda x: pt.cosh(x) - 1 + pt.sinh(x),
    "normalised": lambda x: (x - pt.mean(x)) / pt.sqrt(pt.mean((x - pt.mean(x)) ** 2) + 0.1),
    "softmax by hand": lambda x: pt.exp(x) / pt.sum(pt.exp(x)),
    "cross-entropy": lambda x: -pt.log(pt.exp(x) / pt.sum(pt.exp(x))),
    "logsumexp": lambda x: x * pt.log(pt.sum(pt.exp(x))),
}
for _core in accuracy.read("hamming") + accuracy.read("alike"):
    if len(_core.arguments) == 1:
        FORMULAS[_core.name] = lambda x, c=_core: accuracy.build(c.body, {c.arguments[0]: x})

POINT = np.array([1.2, 1.9, 2.6])


def rewritten(outputs: list[Any], inputs: list[Any]) -> FunctionGraph:
    fgraph = FunctionGraph(inputs, outputs, clone=False)
    rewrite(fgraph)
    return fgraph


def dressed(make: Callable[[Any], Any], derivative: bool) -> dict[str, tuple[Any, list[Any]]]:
    """Dress -> (output, inputs)."""
    x, y, u, other = pt.dvectors("x", "y", "u", "another_name")
    inside = 2 * u + 1

    def result(value: Any, by: Any) -> Any:
        return grad(pt.sum(value), by) if derivative else value

    plain = result(make(x), x)
    return {
        "f(x)": (plain, [x]),
        "f(2 u + 1)": (result(make(inside), u), [u]),
        "f(x) + 0 y": (result(make(x) + 0 * y, x), [x, y]),
        "other names": (result(make(other), other), [other]),
        "other order": (turned(plain), [x]),
    }


def turned(output: Any) -> Any:
    """The same graph with the operands of commutative functions in the other order."""
    new: dict[Any, Any] = {}
    for node in toposort([output]):
        inputs = [new.get(v, v) for v in node.inputs]
        if isinstance(node.op, Elemwise) and node.op.row.commutative and len(inputs) == 2:
            inputs.reverse()
            made = type(node.op)(node.op.row)(*inputs).owner
        else:
            made = node.op.make_node(*inputs)
        new.update(zip(node.outputs, made.outputs))
    return new.get(output, output)


def check(make: Callable[[Any], Any], derivative: bool) -> None:
    values: dict[str, Any] = {}
    counts: dict[str, int] = {}
    for dress, (output, inputs) in dressed(make, derivative).items():
        fgraph = rewritten([output], inputs)
        inside = dress == "f(2 u + 1)"
        point = dict.fromkeys(inputs, (POINT - 1) / 2 if inside else POINT)
        found = compute(fgraph.outputs, point)[0] / (2 if inside and derivative else 1)
        values[dress] = np.broadcast_to(found, POINT.shape) if found.ndim else found
        counts[dress] = sum(not _is_inside(node) for node in fgraph.toposort())
    first = values.pop("f(x)")
    for dress, value in values.items():
        assert np.allclose(first, value, 1e-9, 1e-12, equal_nan=True), (dress, first, value)
        off = counts[dress] - counts["f(x)"]
        most = 1 + (derivative and dress == "f(2 u + 1)")  # the factor 2 may have met a number
        assert -1 <= off <= most, (dress, counts)


def _is_inside(node: Any) -> bool:
    """Whether a node computes ``2 u`` or ``2 u + 1``."""
    known = {v.name for v in node.inputs} | {
        float(v.data.reshape(-1)[0]) for v in node.inputs if isinstance(v, Constant)
    }
    if node.op.name == "mul":
        return known == {"u", 2.0, None} or known == {"u", 2.0}
    return node.op.name == "add" and 1.0 in known and any(
        v.owner is not None and _is_inside(v.owner) for v in node.inputs
    )


@pytest.mark.parametrize("derivative", [False, True], ids=["value", "derivative"])
@pytest.mark.parametrize("name", FORMULAS)
def test_dresses_do_not_matter(name: str, derivative: bool) -> None:
    check(FORMULAS[name], derivative)


def _unary(name: str) -> Callable[[Any], Any]:
    return lambda part: lambda x: getattr(pt, name)(part(x))


def _binary(name: str) -> Callable[[Any], Any]:
    return lambda pair: lambda x: getattr(pt, name)(pair[0](x), pair[1](x))


LEAVES = st.one_of(
    st.just(lambda x: x), st.sampled_from([1, 2, 0.5, 3.0]).map(lambda c: lambda x: c + 0 * x),
    st.sampled_from([2, -1, 0.5]).map(lambda c: lambda x: c * x),
)
TREES = st.recursive(
    LEAVES,
    lambda parts: st.one_of(
        *(parts.map(_unary(name)) for name in ("exp", "sin", "tanh", "sqr", "sigmoid", "neg")),
        *(st.tuples(parts, parts).map(_binary(name)) for name in ("add", "sub", "mul")),
    ),
    max_leaves=5,
)


@settings(max_examples=30, deadline=None)
@given(TREES, st.booleans())
def test_random_formulas_in_dresses(make: Callable[[Any], Any], derivative: bool) -> None:
    def safe(x: Any) -> Any:
        return pt.tanh(make(x)) + x

    with np.errstate(all="ignore"):
        check(safe, derivative)
