"""The page on forward mode: the family's list of ops with an R-operator, and what stands here.

Relies on `gradient.Rop`, on the registries of ops and on `tests/op_samples.py`. The one idea: the
names are the reference manual's, each with examples; which of our ops an example is made of, and
by which rule a tangent passes them, is asked of the ops themselves.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import op_pages
from op_samples import generator, symbolic

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.gradient import Rop
from autodiff_lab.graph import Apply, toposort
from autodiff_lab.tensor import registry
from autodiff_lab.tensor.opdef import TensorOp

DIRECT, TWICE, NONE = "direct rule", "double pullback", "no tangent"
LATER = "not yet here"
OTHER_TESTS = {
    "arange": "tests/tensor/test_arange.py::test_numbers_move_with_start_and_step",
    "scan": "tests/control/test_loops.py::test_forward_mode_is_the_transpose",
}

SEEDS: dict[str, dict[str, tuple[str, ...]]] = {
    "Listed as supported, with a test": {
        "SpecifyShape": ("pt.specify_shape(x, (2, 3))",),
        "MaxAndArgmax": ("pt.max_and_argmax(x, axis=1)[0]",),
        "Subtensor": ("x[::-1, 1:]",),
        "IncSubtensor, set_subtensor too": (
            "pt.inc_subtensor(x[0], v)", "pt.set_subtensor(x[0], v)"),
        "Alloc": ("pt.alloc(v, 4, 3)",),
        "Dot": ("pt.dot(x, v)", "pt.dot(x, x.T)"),
        "Elemwise": ("pt.exp(x) * x", "pt.arctan2(x, v)"),
        "Sum": ("pt.sum(x, axis=0)",),
        "Softmax": ("pt.softmax(x, axis=-1)",),
        "Shape": ("pt.shape(x)",),
        "Join": ("pt.join(0, x, x)",),
        "Rebroadcast": ("pt.addbroadcast(v, 0)",),
        "Reshape": ("pt.reshape(x, (3, 2))",),
        "DimShuffle": ("x.dimshuffle(1, 'x', 0)",),
        "Scan": ("ad.scan(lambda e, s: e * s, sequences=v, outputs_info=u)[0]",),
    },
    "Listed as supported, without a test": {
        "Split": ("pt.split(v, [1, 2], 2)[0]",),
        "ARange": ("pt.arange(u, u + 3.0, 1.0)",),
        "ScalarFromTensor": (),
        "AdvancedSubtensor1": ("v[i]",),
        "AdvancedIncSubtensor1": ("pt.inc_subtensor(v[i], u)", "pt.set_subtensor(v[i], u)"),
        "AdvancedIncSubtensor": ("pt.inc_subtensor(x[i, i], u)",),
    },
    "Listed as unsupported": {
        "All sparse ops": (),
        "All linear algebra ops": (
            "pt.linalg.inv(a)", "pt.linalg.det(a)", "pt.linalg.slogdet(a)[1]",
            "pt.linalg.cholesky(a)", "pt.linalg.solve(a, v)",
            "pt.linalg.solve_triangular(a, v)", "pt.linalg.eigh(a)[0]",
            "pt.linalg.svd(x, full_matrices=False)[0]", "pt.linalg.qr(a)[1]", "pt.linalg.pinv(x)",
            "pt.linalg.expm(a)", "pt.linalg.norm(x)", "pt.trace(a)", "pt.diag(v)",
            "pt.linalg.kron(x, a)"),
        "PermuteRowElements": ("x[pt.arange(2)[:, None], j]",),
        "AdvancedSubtensor": ("x[i, i]", "x[x > 0]"),
        "TensorDot": ("pt.tensordot(x, a, axes=1)",),
        "Outer": ("pt.outer(v, v)",),
        "Prod": ("pt.prod(x, axis=1)",),
        "MulwithoutZeros": ("pt.product_of_others(v)",),
        "ProdWithoutZeros": ("pt.product_of_others(v)",),
        "CAReduce": ("pt.min(x)", "pt.max(t, axis=(0, 2))", "pt.any(x)", "pt.all(x)"),
        "MaxAndArgmax, but for matrices on one axis": (
            "pt.max_and_argmax(t, axis=(0, 2))[0]", "pt.max_and_argmax(v)[0]"),
    },
}

REMARKS = {
    "ScalarFromTensor": "no op is needed: a scalar is an array without axes",
    "All sparse ops": LATER,
}

HEAD = """\
# The R-operator, op by op

The reference manual of the gradient module ends with lists of the ops that support the
R-operator, with and without a test, and of those that do not. Here is what stands for each.

* **Direct rule**: the op carries a tangent forward itself.
* **Double pullback**: its reverse rule is differentiated once more; the nodes made
  so are marked.
* **No tangent**: the result does not move with the input, or only in steps.

A test written `sum-routes-float64` is a cell of `tests/test_ops_derivatives.py::test_derivatives`.
It compares three numbers: the direct rule, the double pullback, and the reverse rule by
$u \\cdot (J v) = (u J) \\cdot v$. The cells `differences` and `orders` beside it compare with
finite differences, and second derivatives taken in three orders.
"""


@dataclasses.dataclass(frozen=True)
class Row:
    """One example: our ops in it with their rules; no ops where it cannot be written."""

    example: str
    rules: dict[str, str]


def name_of(op: Any) -> str:
    """An op's name in the registries, or its own."""
    row = getattr(op, "row", None)
    return row.name if row is not None else getattr(op, "op_name", "") or op.name


def rule_of(node: Apply) -> str:
    """How a tangent passes a node, asked of its op with every float input moving."""
    places = [k for k, v in enumerate(node.inputs) if is_float(v)]
    if not places or not any(map(is_float, node.outputs)):
        return NONE
    pattern = node.op.connection_pattern(node)
    if not any(any(pattern[place]) for place in places):
        return NONE
    tangents = [v.type.make_variable() if k in places else None for k, v in enumerate(node.inputs)]
    return TWICE if node.op.pushforward(node.inputs, node.outputs, tangents) is None else DIRECT


def is_float(variable: Any) -> bool:
    """Whether a variable can carry a tangent."""
    return str(getattr(variable.type, "dtype", "")).startswith(("float", "complex"))


@functools.cache
def forward_rule(name: str) -> str:
    """How a tangent passes an op of the registries, by all its samples."""
    if name in registry.ROWS:
        return rule_of(op_pages.apply(registry.ROWS[name])[1].owner)
    op = registry.OPS[name]
    if op.samples is None:  # the markers: they take any variable, and state their rule
        return NONE if op.pushforward is TensorOp.pushforward else DIRECT
    outputs = [symbolic(sample, False)[2] for sample in op.samples(generator(name))]
    found = {rule_of(node) for node in toposort(outputs) if name_of(node.op) == name}
    return next(rule for rule in (TWICE, DIRECT, NONE) if rule in found)


def rows(examples: tuple[str, ...]) -> Iterator[Row]:
    """Each example with the ops on the way from its variables to its result."""
    for example in examples:
        try:
            yield Row(example, rules_in(example))
        except (AttributeError, NotImplementedError):
            yield Row(example, {})


def rules_in(example: str) -> dict[str, str]:
    """Our ops in an example, each with its rule; the R-operator itself is built, too."""
    moving = {"x": pt.dmatrix("x"), "a": pt.dmatrix("a"), "v": pt.dvector("v"),
              "u": pt.dscalar("u"), "t": pt.dtensor3("t")}
    indices = {"i": pt.lvector("i"), "j": pt.lmatrix("j")}
    output = eval(example, {"pt": pt, "ad": ad, **moving, **indices})
    tangents = [variable.type.make_variable() for variable in moving.values()]
    Rop(output, list(moving.values()), tangents, disconnected_outputs="ignore")
    found: dict[str, str] = {}
    reached = set(moving.values())
    for node in toposort([output]):
        if not reached.isdisjoint(node.inputs) and rule_of(node) != NONE:
            reached.update(node.outputs)
            found[name_of(node.op)] = known_rule(node)
    if output not in reached:
        return {name_of(output.owner.op): NONE}
    return {name: rule for name, rule in found.items() if name != "dimshuffle"} or found


def known_rule(node: Apply) -> str:
    """The rule of a node's op, by its samples where it has some."""
    name = name_of(node.op)
    known = name in registry.ROWS or name in registry.OPS
    return forward_rule(name) if known else rule_of(node)


def test_of(name: str, rule: str) -> str:
    """The test of an op's forward rule."""
    if rule == NONE:
        return "tests/test_ops.py"
    return OTHER_TESTS.get(name, f"{name}-routes-float64")


def unsupported() -> list[str]:
    """The seeds' names for which an example cannot be written here."""
    return [name for group in SEEDS.values() for name, examples in group.items()
            if REMARKS.get(name) == LATER or not all(row.rules for row in rows(examples))]


def page() -> str:
    """The text of the page."""
    lines = [HEAD]
    for title, group in SEEDS.items():
        lines += [f"## {title}", "", "| there | example here | made of | rule | tests |",
                  "|---|---|---|---|---|"]
        for name, examples in group.items():
            if not examples:
                lines.append(f"| {name} | | | {REMARKS[name]} | |")
            for place, row in enumerate(rows(examples)):
                lines.append(table_line(name if place == 0 else "", row))
        lines.append("")
    lines += ["## Every op of the tables", "", "| rule | ops |", "|---|---|"]
    for rule in (DIRECT, TWICE, NONE):
        names = [n for n in sorted([*registry.ROWS, *registry.OPS]) if forward_rule(n) == rule]
        lines.append(f"| {rule} | {' '.join(map(link, names)) or 'none'} |")
    return "\n".join([*lines, ""])


def link(name: str) -> str:
    """An op, as a link where it has a page."""
    known = name in registry.ROWS or name in registry.OPS
    return f"[{name}](ops/{name}.md)" if known else f"`{name}`"


def table_line(name: str, row: Row) -> str:
    """The line of one example."""
    ops = ", ".join(map(link, row.rules))
    rules = ", ".join(dict.fromkeys(row.rules.values())) or LATER
    tests = " ".join(f"`{test_of(*item).split('::')[0]}`" for item in row.rules.items())
    return f"| {name} | `{row.example}` | {ops} | {rules} | {tests} |"
