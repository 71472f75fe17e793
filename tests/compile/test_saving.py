"""Graphs and functions pickled as data: everything comes back, nothing of the user's is run."""

from __future__ import annotations

import copy
import io
import json
import pickle
import random
import subprocess
import sys
import textwrap
import zlib
from typing import Any

import numpy as np
import op_samples
import pytest

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.compile import saving
from autodiff_lab.compile.loading import load
from autodiff_lab.graph import FunctionGraph, same_graph, toposort
from autodiff_lab.tensor import registry


def through(thing: Any) -> Any:
    """What comes back from a pickle."""
    return pickle.loads(pickle.dumps(thing))


def logistic() -> tuple[Any, Any, Any, Any]:
    """The inputs of a logistic regression, its loss and the gradient."""
    x, w = pt.dmatrix("x"), ad.shared(np.linspace(-1, 1, 5), name="w")
    loss = pt.softplus(-pt.dot(x, w)).sum()
    loss.name = "loss"
    return x, w, loss, ad.grad(loss, w)


WAYS = {"pickle": through, "deepcopy": copy.deepcopy}


@pytest.mark.parametrize("way", WAYS)
def test_a_function_comes_back(way: str) -> None:
    x, w, loss, gradient = logistic()
    f = ad.function([ad.In(x, name="data"), ad.In(pt.dscalar("rate"), value=0.5)],
                    {"loss": loss, "grad": gradient}, updates={w: w - 0.1 * gradient},
                    name="step", on_unused_input="ignore", mode="PYTHON")
    g = WAYS[way](f)
    data = np.random.default_rng(0).normal(size=(7, 5))
    for _ in range(3):
        first, second = f(data=data), g(data=data)
        assert first.keys() == second.keys()
        for key, value in first.items():
            np.testing.assert_array_equal(value, second[key])
    np.testing.assert_array_equal(w.get_value(), g["w"])
    assert (g.name, g.mode, g.inputs[0].name, float(g["rate"])) == ("step", f.mode, "data", 0.5)
    assert g.container["w"] is not w.container
    assert same_graph(f.fgraph.outputs, g.fgraph.outputs,
                      dict(zip(f.fgraph.inputs, g.fgraph.inputs)))


@pytest.mark.parametrize("way", WAYS)
def test_names_roles_origins_and_lines_are_kept(way: str) -> None:
    x, w, loss, gradient = logistic()
    f = ad.function([x], [loss, gradient])
    x2, w2, loss2, gradient2, g = WAYS[way]((x, w, loss, gradient, f))
    old, new = toposort([loss, gradient]), toposort([loss2, gradient2])
    assert [str(node.source) for node in old] == [str(node.source) for node in new]
    assert "test_saving.py" in str(new[0].source)
    kinds = [[r.kind for r in v.roles] for n in old for v in n.outputs]
    assert kinds == [[r.kind for r in v.roles] for n in new for v in n.outputs] != []
    assert gradient2.roles[-1].of is w2 and gradient2.roles[-1].point == (w2,)
    assert loss2.name == "loss" and x2.name == "x"
    inner, inner2 = f.fgraph.toposort(), g.fgraph.toposort()
    for mine, theirs in ((f.fgraph.names, g.fgraph.names), (f.fgraph.roles, g.fgraph.roles),
                         (f.fgraph.origin, g.fgraph.origin)):
        found = [len(mine.get(v, ())) for n in inner for v in n.outputs]
        assert found == [len(theirs.get(v, ())) for n in inner2 for v in n.outputs]
    assert loss2 in g.fgraph.origin[g.fgraph.outputs[0]]
    assert g.container[w2] is w2.container


def test_one_pickle_keeps_what_is_one_variable() -> None:
    x = pt.dvector("x")
    y = pt.exp(x)
    z = y + x
    for order in ((x, y, z), (z, y, x), (z, x, y)):
        back = dict(zip(order, through(order)))
        assert back[z].owner.inputs == (back[y], back[x])
        assert back[y].owner.inputs == (back[x],)
    node, output = through((z.owner, z))
    assert output.owner is node
    w = ad.shared(1.0, name="w")
    twin, v = through((w.clone("v"), w))
    assert twin.container is v.container


def test_shared_values_of_every_kind() -> None:
    values = [3, 2.5, 1j, True, "text", None, [1, "a", (2.0, float("inf"))], {"a": [1]},
              np.arange(100), np.float32(0.1)]
    for value in values:
        w = ad.shared(value, name="w")
        got, want = through(w).get_value(), w.get_value()
        np.testing.assert_equal(got, want)
        assert type(got) is type(want)
    with pytest.raises(TypeError, match="The shared value w cannot be saved"):
        pickle.dumps(ad.shared(object(), name="w"))


def test_every_op_comes_back_equal() -> None:
    for name, row in registry.ROWS.items():
        dtype = next(d for d in op_samples.DTYPES if op_samples.takes(row, d))
        inputs = [pt.tensor(f"a{k}", dtype=dtype, shape=(None,)) for k in range(row.arity)]
        output = registry.FUNCTIONS[name](*inputs)
        assert through(output).owner.op == output.owner.op, name
    for op in registry.OPS.values():
        for sample in op.samples(op_samples.generator(op.op_name)) if op.samples else ():
            variable = op_samples.symbolic(sample, known_shape=True)[2]
            nodes = toposort([variable])
            assert [n.op for n in toposort([through(variable)])] == [n.op for n in nodes], sample


def control_graphs() -> dict[str, Any]:
    """Outputs of one vector `v` with graphs inside their ops."""
    v = pt.dvector("v")
    running, _ = ad.scan(lambda a, total: total * 0.5 + a * v.sum(), sequences=v,
                         outputs_info=pt.constant(1.0, dtype="float64"))
    square = ad.OpFromGraph([v], [(v ** 2).sum()], name="square")
    return {
        "scan": (v, running[-1]),
        "gradient_of_scan": (v, ad.grad(running[-1], v)),
        "op_from_graph": (v, square(v * 2.0)),
        "gradient_of_op": (v, ad.grad(square(v), v)),
        "ifelse": (v, ad.ifelse(v.sum() > 0, pt.exp(v), v)),
        "jacobian": (v, ad.jacobian(v ** 2, v)),
    }


@pytest.mark.parametrize("case", [
    "scan", "gradient_of_scan", "op_from_graph", "gradient_of_op", "ifelse", "jacobian",
])
def test_graphs_inside_ops_come_back(case: str) -> None:
    v, output = control_graphs()[case]
    f = ad.function([v], output)
    value = np.array([0.5, -0.25, 1.5])
    np.testing.assert_array_equal(through(f)(value), f(value))
    again, back = through((v, output))
    np.testing.assert_array_equal(back.eval({again: value}), f(value))
    if "gradient" not in case:
        np.testing.assert_array_equal(
            ad.grad(back.sum(), again).eval({again: value}),
            ad.grad(output.sum(), v).eval({v: value}))


def test_random_streams_go_on_where_they_were() -> None:
    stream = pt.random.RandomStream(3)
    f = ad.function([], stream.normal(0.0, 1.0, size=(4,)))
    f()
    code = ("import pickle, sys, numpy; f = pickle.loads(bytes.fromhex(sys.stdin.read()));"
            "print(float(f().sum()).hex())")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                         input=pickle.dumps(f).hex())
    g = through(f)
    first = g()
    assert float(first.sum()).hex() == run.stdout.strip()
    for again in (first, g(), g()):
        np.testing.assert_array_equal(f(), again)


def test_a_graph_comes_back_and_can_be_rewritten() -> None:
    x, y = pt.dvectors("x", "y")
    graph = FunctionGraph([x, y], [pt.log(pt.exp(x) * y), x])
    back = through(graph)
    assert len(back.apply_nodes) == len(graph.apply_nodes) and back.names == {
        back.inputs[0]: ("x",), back.inputs[1]: ("y",)}
    ad.rewriting.rewrite(back)
    back.replace(back.outputs[0], back.inputs[1])
    assert back.outputs == (back.inputs[1], back.inputs[0])
    back.check_integrity()


def test_a_deep_graph_needs_no_recursion_and_linear_work() -> None:
    sizes = {}
    for length in (5_000, 10_000):
        y = pt.dscalar("x")
        for _ in range(length):
            y = pt.sin(y) * 1.01
        document = saving.Record(y)
        assert len(document.places) < 6 * length
        sizes[length] = len(pickle.dumps(y))
        back = through(y)
        assert len(toposort([back])) == 2 * length
    assert sizes[10_000] < 2.2 * sizes[5_000]
    assert copy.deepcopy(y) is not y


def test_small_functions_are_small() -> None:
    x, w, loss, gradient = logistic()
    for f in (ad.function([x], [loss, gradient]), ad.function([x], x + 1.0)):
        assert len(pickle.dumps(f)) < 4_000


# -- no code -------------------------------------------------------------------------------------


class Tripled(ad.Op):
    """A user's op with a value of its own; making another one would be noticed."""

    __props__ = ("factor",)
    made = 0

    def __init__(self, factor: Any) -> None:
        self.factor = factor
        Tripled.made += 1

    def __setstate__(self, state: Any) -> None:
        raise AssertionError("loading runs no code of the user's")

    def make_node(self, x: Any) -> Any:
        x = pt.as_tensor_variable(x)
        return ad.Apply(self, [x], [x.type()])

    def perform(self, node: Any, inputs: Any, output_storage: Any) -> None:
        output_storage[0][0] = self.factor * inputs[0]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> Any:
        return [self.factor * cotangents[0]]


@ad.as_op(itypes=[pt.dvector], otypes=[pt.dvector])
def reversed_vector(values: Any) -> Any:
    """A function as an op."""
    return values[::-1].copy()


def test_ops_of_the_users_are_found_where_they_are_defined() -> None:
    x = pt.dvector("x")
    f = ad.function([x], reversed_vector(Tripled(3.0)(x)) + 1.0)
    before = Tripled.made
    g = through(f)
    assert Tripled.made == before
    np.testing.assert_array_equal(g([1.0, 2.0]), [7.0, 4.0])


class Watching(pickle.Unpickler):
    """Notes what a pickle names."""

    named: set[str] = set()

    def find_class(self, module: str, name: str) -> Any:
        self.named.add(f"{module}.{name}")
        return super().find_class(module, name)


def test_a_pickle_names_one_function_of_ours() -> None:
    x, w, loss, gradient = logistic()
    data = pickle.dumps(ad.function([x], [loss, gradient, Tripled(2.0)(x), pt.constant(range(99))]))
    Watching(io.BytesIO(data)).load()
    assert {n for n in Watching.named if not n.startswith("numpy.")} == {
        "autodiff_lab.compile.loading.load", "_operator.getitem"}


def test_what_holds_code_is_refused_by_name() -> None:
    x = pt.dvector("x")
    unnamed = ad.as_op(itypes=[pt.dvector], otypes=[pt.dvector])(lambda v: v)
    for y in (Tripled(lambda: 3)(x), unnamed(x)):
        with pytest.raises(TypeError, match="cannot be saved") as caught:
            pickle.dumps(y)
        assert len(str(caught.value).splitlines()) <= 12


def test_an_op_that_is_not_defined_is_named(tmp_path: Any) -> None:
    module = tmp_path / "their_ops.py"
    module.write_text(textwrap.dedent("""
        import autodiff_lab as ad, autodiff_lab.tensor as pt
        print("imported")
        class Doubled(ad.Op):
            __props__ = ()
            def make_node(self, x):
                return ad.Apply(self, [x], [x.type()])
            def perform(self, node, inputs, output_storage):
                output_storage[0][0] = 2 * inputs[0]
        @ad.as_op(itypes=[pt.dvector], otypes=[pt.dvector])
        def halved(v):
            return v / 2
    """))
    save = ("import their_ops, pickle, sys, autodiff_lab.tensor as pt; x = pt.dvector();"
            "ys = [their_ops.Doubled()(x), their_ops.halved(x)];"
            "sys.stdout.write('|'.join(pickle.dumps(y).hex() for y in ys))")
    run = subprocess.run([sys.executable, "-c", save], capture_output=True, text=True, check=True,
                         env={"PYTHONPATH": f"{tmp_path}:{':'.join(sys.path)}"})
    for text, word in zip(run.stdout.removeprefix("imported\n").split("|"), ("Doubled", "halved")):
        with pytest.raises(ValueError, match=f"The op {word} of this saved graph") as caught:
            pickle.loads(bytes.fromhex(text))
        assert "import their_ops" in str(caught.value)
        load_ = (f"import pickle; data = bytes.fromhex('{text}')\n"
                 "try: pickle.loads(data)\nexcept ValueError: import their_ops\n"
                 "print(type(pickle.loads(data).owner.op).__name__)")
        run2 = subprocess.run([sys.executable, "-c", load_], capture_output=True, text=True,
                              check=True, env={"PYTHONPATH": f"{tmp_path}:{':'.join(sys.path)}"})
        assert run2.stdout.split()[0] == "imported"


def document(thing: Any) -> tuple[Any, tuple[Any, ...]]:
    """The JSON of a record, and the rest of what `load` is given."""
    _, (packed, *rest) = saving.Record(thing).__reduce__()
    return json.loads(zlib.decompress(packed)), tuple(rest)


def test_documents_that_ask_for_other_things_are_refused() -> None:
    x = pt.dvector("x")
    content, rest = document(Tripled(2.0)(x))
    place = next(k for k, row in enumerate(content["rows"]) if row and row[0] == "object")

    def told(**changes: Any) -> str:
        with pytest.raises(ValueError) as caught:
            load(zlib.compress(json.dumps({**content, **changes}).encode()), *rest)
        return str(caught.value)

    def with_row(row: Any) -> list[Any]:
        return [row if k == place else old for k, old in enumerate(content["rows"])]

    assert "version 99" in told(version=99)
    for name in ("os:system", "subprocess:Popen", "builtins:eval", "antigravity:x",
                 "autodiff_lab.notebook.magics:load"):
        assert "is not defined here" in told(rows=with_row(["object", name, []])), name
        assert "is not defined here" in told(
            rows=with_row(["object", content["rows"][place][1], [["factor", {"function": name}]]]))
    assert "antigravity" not in sys.modules
    with pytest.raises(ValueError, match="cannot be read"):
        load(b"nothing of the kind")


def test_broken_documents_are_errors_not_crashes() -> None:
    x, w, loss, gradient = logistic()
    content, rest = document(ad.function([x], [loss, gradient]))
    text = json.dumps(content)
    rng = random.Random(0)
    outcomes = set()
    for _ in range(150):
        mutated = list(text)
        for _ in range(rng.choice((1, 1, 3, 20))):
            place = rng.randrange(len(mutated))
            mutated[place] = rng.choice('0123456789[]{},":-nulltrue ')
        try:
            load(zlib.compress("".join(mutated).encode()), *rest)
            outcomes.add("loaded")
        except ValueError:
            outcomes.add("refused")
    assert outcomes == {"loaded", "refused"}


def test_parameters_that_could_call_something_are_refused() -> None:
    """Parameters of ops stand in the text of programs, which must stay ours."""
    m = pt.dmatrix("m")
    draws = pt.random.RandomStream(1).normal(m, 1.0)
    result = [pt.cumsum(m, axis=0), m[0:1, 1], pt.concatenate([m, m]), pt.sort(m), draws]
    f = ad.function([m], result, mode="PYTHON")
    content, rest = document(f)
    assert through(f)(np.eye(2))[1] == 0.0
    evil = "__import__('sys').modules.__setitem__('stolen', 1)"
    swaps = [('["axis",0]', f'["axis","{evil}"]'), ('["start",0]', f'["start","{evil}"]'),
             ("g.normal(", "g.normal(*[print('x')], "),
             ('["axis",0]', '["axis",{"at":%d}]')]
    text = json.dumps(content, separators=(",", ":"))
    place = next(k for k, row in enumerate(content["rows"]) if row and row[0] == "input")
    for old, new in swaps:
        assert old in text, old
        changed = text.replace(old, new.replace("%d", str(place)))
        with pytest.raises(ValueError, match="is no parameter of|cannot be read"):
            load(zlib.compress(changed.encode()), *rest)
    assert "stolen" not in sys.modules
