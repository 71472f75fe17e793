"""Options of `function` and of what it returns, modes, settings: each promise of the family's."""

from __future__ import annotations

import importlib
import os
import pickle
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab import compat, config
from autodiff_lab.compile import Container, get_default_mode, get_mode, mode, optdb, register_mode
from autodiff_lab.graph import FunctionGraph

# -- what a function keeps -----------------------------------------------------------------------


def test_values_are_read_and_set_by_variable_and_by_name() -> None:
    x, y = pt.dscalars("x", "y")
    w = ad.shared(3.0, name="w")
    f = ad.function([x, ad.In(y, value=2.0)], x * y + w)
    assert [float(f[key]) for key in (y, "y", w, "w")] == [2.0, 2.0, 3.0, 3.0]
    assert f["x"] is None and x in f and "q" not in f
    f[y], f["w"] = 5, 1.0
    assert float(f(10.0)) == 51.0 and float(w.get_value()) == 1.0
    assert f.value[y] == 5.0 and f.container[w] is w.container
    f.container["w"].value = 2.0
    assert float(f(0.0)) == 2.0
    for read in (lambda: f["q"], lambda: f.value["q"]):
        with pytest.raises(KeyError, match="no input or shared variable q"):
            read()
    with pytest.raises(TypeError):
        f["y"] = "text"


def test_defaults_can_live_in_a_container_of_several_functions() -> None:
    n = pt.dscalar("n")
    place = Container(n.type, 0.0, "n")
    f = ad.function([ad.In(n, value=place, update=n + 1.0)], n)
    g = ad.function([ad.In(n, value=place)], n * 10.0)
    assert [float(f()), float(f()), float(g())] == [0.0, 1.0, 20.0]


def test_a_bad_default_is_told_at_once() -> None:
    x = pt.fscalar("x")
    with pytest.raises(TypeError, match="precision"):
        ad.function([ad.In(x, value=np.array([0.1])[0])], x)
    assert ad.function([ad.In(x, value=np.float64(0.1), allow_downcast=True)], x)() == 0.1


def test_strict_and_downcast_of_single_inputs() -> None:
    x, y = pt.fvectors("x", "y")
    f = ad.function([ad.In(x, strict=True), ad.In(y, allow_downcast=True)], x + y)
    assert f(np.ones(2, "float32"), [0.1, 0.2]).dtype == "float32"
    with pytest.raises(TypeError, match="index 0 .*x"):
        f(np.ones(2), np.ones(2))
    with pytest.raises(TypeError, match="index 0"):
        f([1.0, 2.0], [1.0, 2.0])


def test_inputs_are_never_written_to_and_outputs_are_fresh() -> None:
    x = pt.dvector("x")
    f = ad.function([ad.In(x, mutable=True, borrow=True)], ad.Out(x * 2.0, borrow=True))
    value = np.ones(3)
    first = f(value)
    first[:] = -1.0
    assert value.tolist() == [1.0] * 3 and f(value).tolist() == [2.0] * 3
    value[:] = 5.0
    assert f(value).tolist() == [10.0] * 3


def test_the_old_name_of_in() -> None:
    x, y = pt.dscalars("x", "y")
    assert float(ad.function([x, ad.Param(y, default=1.0, name="z")], x + y)(2.0, z=3.0)) == 5.0


# -- copies --------------------------------------------------------------------------------------


def test_copies_swap_shared_variables_and_drop_updates() -> None:
    a, b = ad.shared(1.0, name="a"), ad.shared(100.0, name="b")
    x = pt.dscalar("x")
    f = ad.function([x], a * x, updates={a: a + 1.0}, name="step")
    swapped = f.copy(swap={a: b})
    assert float(swapped(2.0)) == 200.0 and (float(b.get_value()), float(a.get_value())) == (101, 1)
    assert swapped.name == "step copy" and f.copy(name="other").name == "other"
    still = f.copy(delete_updates=True)
    assert [float(still(1.0)) for _ in range(2)] == [1.0, 1.0] and not still.updates_values
    assert float(f(1.0)) == 1.0 and float(still(1.0)) == 2.0           # the value is shared
    assert float(f.copy(share_memory=True)(1.0)) == 2.0
    both = f.copy(swap={"a": b}, delete_updates=True)
    assert float(both(1.0)) == 101.0 == float(b.get_value())
    with pytest.raises(ValueError, match="SharedVariable b is not used"):
        f.copy(swap={b: a})
    with pytest.raises(TypeError, match="cannot be swapped"):
        f.copy(swap={a: ad.shared([1.0])})


def test_a_copy_has_defaults_of_its_own() -> None:
    n = pt.dscalar("n")
    f = ad.function([ad.In(n, value=0.0, update=n + 1.0)], n)
    f()
    g = f.copy()
    assert [float(g()), float(f()), float(f())] == [0.0, 1.0, 2.0]


# -- updates and givens --------------------------------------------------------------------------


def test_updates_come_in_every_form() -> None:
    a, b = ad.shared(1.0, name="a"), ad.shared(2.0, name="b")
    pairs = [(a, b), (b, a + b)]
    for form in (dict(pairs), OrderedDict(pairs), pairs, tuple(pairs)):
        a.set_value(1.0)
        b.set_value(2.0)
        ad.function([], updates=form)()
        assert (float(a.get_value()), float(b.get_value())) == (2.0, 3.0)
    ad.function([], updates={a: 7})()
    assert float(a.get_value()) == 7.0
    column = ad.shared(np.ones((2, 1)), name="column", shape=(None, 1))
    with pytest.raises(TypeError, match="same type"):
        ad.function([], updates={a: pt.dvector("v")})
    with pytest.raises(TypeError, match="column"):
        ad.function([], updates={column: pt.tensor("t", dtype="float64", shape=(None, 2))},
                    on_unused_input="ignore")


def test_default_updates_can_be_left_out_one_by_one() -> None:
    a, b = ad.shared(0.0, name="a"), ad.shared(0.0, name="b")
    a.default_update, b.default_update = a + 1.0, b + a
    f = ad.function([], b * 1.0)
    f()
    f()
    assert (float(a.get_value()), float(b.get_value())) == (2.0, 1.0)
    ad.function([], b * 1.0, no_default_updates=[b])()
    assert (float(a.get_value()), float(b.get_value())) == (2.0, 1.0)
    ad.function([], a * b, no_default_updates=[b])()
    assert (float(a.get_value()), float(b.get_value())) == (3.0, 1.0)
    for wrong in (3, [1.0]):
        with pytest.raises(TypeError, match="no_default_updates"):
            ad.function([], a, no_default_updates=wrong)


def test_givens_of_another_type_need_to_be_asked_for() -> None:
    x, y = pt.dvector("x"), pt.fvector("y")
    with pytest.raises(TypeError, match="Givens cannot replace"):
        ad.function([y], pt.exp(x), givens={x: y})
    f = ad.function([y], pt.exp(x), givens={x: y}, rebuild_strict=False)
    assert f([0.0]).tolist() == [1.0]


# -- modes ---------------------------------------------------------------------------------------


def test_modes_in_the_words_of_the_family() -> None:
    assert mode.Mode(linker="py", optimizer="fast_compile") == mode.Mode(
        "numpy", phases=("canonicalize",))
    assert mode.Mode(linker="cvm").tier == "auto" and mode.Mode(linker="numba").tier == "numba"
    assert mode.Mode(optimizer=None).phases == () == mode.Mode(optimizer="None").phases
    chosen = mode.Mode(optimizer=optdb.query("fast_run", "-specialize")).including("fusion")
    assert chosen.exclude == ("specialize",) and chosen.include == ("fusion",)
    for wrong in ({"optimizer": "fastest"}, {"linker": "jax"}):
        with pytest.raises((ValueError, KeyError), match="There is no"):
            mode.Mode(**wrong)
    x = pt.dvector("x")
    for given in (chosen.excluding("canonicalise"), mode.Mode(include=["canonicalise"])):
        with pytest.raises(KeyError, match="perhaps canonicalize"):
            ad.function([x], x, mode=given)
    with pytest.raises(KeyError, match="perhaps canonicalize"):
        ad.rewrite_graph(x, include=["canonicalise"])
    ad.function([x], x, mode=chosen.excluding("local_fill_sink", "inplace"))([1.0])
    for words in ("py", "vm"):
        f = ad.function([x], pt.log(1 + pt.exp(x)), mode=mode.Mode(linker=words, optimizer=None))
        assert f([800.0]).tolist() == [800.0]       # stabilising rules are never left out


def test_modes_get_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mode, "MODES", dict(mode.MODES))
    mine = get_mode("FAST_RUN").excluding("specialize")
    register_mode("mine", mine)
    x = pt.dscalar("x")
    assert ad.function([x], x, mode="mine").mode is mine
    with pytest.raises(ValueError, match="already taken"):
        register_mode("mine", mine)
    with config.change_flags(mode="mine"):
        assert get_default_mode() is mine
    with config.change_flags(optimizer="fast_compile"):
        assert get_default_mode().phases == ("canonicalize",)
        assert get_mode("FAST_RUN").phases != ("canonicalize",)
    assert get_mode("fast_compile").tier == "numpy"


def test_a_query_rewrites_a_graph() -> None:
    x = pt.dscalar("x")
    graph = FunctionGraph([x], [pt.neg(-x) + 0.0])
    query = optdb.query("+canonicalize", "-local_fill")
    query.rewrite(graph)
    assert graph.toposort() == [] and query.exclude == ("local_fill",)
    again = optdb.query(mode.RewriteDatabaseQuery(include=["stabilize"]), "canonicalize")
    assert again.phases == ("canonicalize", "stabilize")


# -- settings ------------------------------------------------------------------------------------


def told(flags: dict[str, str], program: str) -> str:
    """What a program prints in a process with these environment variables."""
    run = subprocess.run(
        [sys.executable, "-c", "from autodiff_lab import config; import autodiff_lab.tensor as pt; "
         + program], capture_output=True, text=True, check=True, env={**os.environ, **flags})
    return (run.stdout + run.stderr).strip()


def test_flags_come_from_the_environment() -> None:
    show = "print(config.floatX, pt.matrix().dtype, config.mode)"
    assert told({"THEANO_FLAGS": "floatX=float32,gcc.cxxflags=-O3,mode=FAST_RUN"}, show) == (
        "float32 float32 FAST_RUN")
    assert told({"THEANO_FLAGS": "floatX=float32", "PYTENSOR_FLAGS": "floatX = float64"}, show) == (
        "float64 float64 auto")
    gpu = told({"AESARA_FLAGS": "device=cuda,floatX=float32"}, show)
    assert "float32 float32" in gpu and "'cuda' is ignored" in gpu
    assert "cannot be 'float8'" in told(
        {"AESARA_FLAGS": "floatX=float8"},
        "\ntry: config.floatX\nexcept ValueError as error: print(error)")


def test_settings_change_for_a_while() -> None:
    with config.change_flags(floatX="float32", on_unused_input="ignore"):
        x, y = pt.vectors("x", "y")
        assert ad.function([x, y], x)([1.0], [2.0]).dtype == "float32"
    assert pt.vector().dtype == config.floatX == "float64"

    @config.change_flags(floatX="float32")
    def inside() -> str:
        return str(pt.vector().dtype)

    assert [inside(), inside(), pt.vector().dtype] == ["float32", "float32", "float64"]
    config.warn.round = False
    with pytest.raises(AttributeError, match="no setting 'flotX'"):
        config.flotX = "float32"
    with pytest.warns(UserWarning, match="runs on the CPU"), config.change_flags(device="gpu"):
        pass
    for name, value in (("compute_test_value", "yes"), ("exception_verbosity", "loud")):
        with pytest.raises(ValueError, match=name):
            config.change_flags(**{name: value}).__enter__()


# -- test values ---------------------------------------------------------------------------------


def test_values_are_tried_while_a_graph_is_written() -> None:
    x, w = pt.dmatrix("x"), ad.shared(np.ones(3), name="w")
    x.tag.test_value = np.ones((2, 3))
    free = pt.dvector("free")
    with config.change_flags(compute_test_value="raise"):
        y = pt.dot(x, w) + 1.0
        assert y.tag.test_value.tolist() == [4.0, 4.0]
        assert ad.grad(y.sum(), x).tag.test_value.tolist() == [[1.0] * 3] * 2
        with pytest.raises(ValueError, match="not aligned"):
            pt.dot(x, x)
        with pytest.raises(AttributeError, match="free .* has no test value"):
            pt.exp(free)
        x.tag.test_value = "text"
        with pytest.raises(TypeError):
            pt.exp(x)
        x.tag.test_value = np.ones((2, 3))
        assert ad.function([x], y)(np.ones((1, 3))).tolist() == [4.0]
    with config.change_flags(compute_test_value="warn"):
        with pytest.warns(UserWarning, match="free"):
            pt.exp(free)
    with config.change_flags(compute_test_value="ignore"):
        assert not hasattr(pt.exp(free).tag, "test_value")
    assert not hasattr(pt.exp(x).tag, "test_value")


def test_errors_can_be_told_at_length() -> None:
    x, v = pt.dmatrix("x"), pt.dvector("v")
    f = ad.function([x, v], pt.dot(x, pt.exp(v)))
    with config.change_flags(exception_verbosity="high"), pytest.raises(ValueError) as caught:
        f(np.ones((2, 3)), np.zeros(2))
    (note,) = caught.value.__notes__
    assert "Dot [id A]" in note and "x = array([[1., 1., 1.]" in note
    with pytest.raises(ValueError) as caught:
        f(np.ones((2, 3)), np.zeros(2))
    assert not hasattr(caught.value, "__notes__")


# -- names ---------------------------------------------------------------------------------------


def test_arguments_are_dumped_and_read_again(tmp_path: Path) -> None:
    x, w = pt.dscalar("x"), ad.shared(2.0, name="w")
    ad.function_dump(tmp_path / "f.pkl", [x], [w * x], updates={w: w + 1.0}, mode="PYTHON")
    again = pickle.loads((tmp_path / "f.pkl").read_bytes())
    f = ad.function(**again)
    assert [float(f(1.0)[0]), float(f(1.0)[0]), float(w.get_value())] == [2.0, 3.0, 2.0]


OLD_PATHS = {
    "theano": "function In Out Param Mode shared function_dump config pp",
    "theano.compile": "function In Out Mode get_mode optdb function_dump SharedVariable",
    "theano.compile.mode": "Mode get_mode register_mode get_default_mode",
    "theano.compile.io": "In Out Param",
    "theano.gof.op": "Op get_test_value",
    "pytensor.compile": "function shared Mode get_default_mode",
    "pytensor.graph.op": "Op get_test_value",
    "pytensor.graph.rewriting.db": "RewriteDatabaseQuery",
    "aesara.compile.sharedvalue": "SharedVariable shared",
}


def test_the_family_finds_its_names() -> None:
    compat.install()
    try:
        for path, names in OLD_PATHS.items():
            module = importlib.import_module(path)
            for name in names.split():
                assert getattr(module, name) is not None, (path, name)
    finally:
        compat.uninstall()


def test_eval_takes_names_options_and_remembers() -> None:
    x, y = pt.dscalars("x", "y")
    z = x * 2.0
    assert float(z.eval({"x": 1.0})) == 2.0
    assert float(z.eval({x: 1.0, y: 3.0}, on_unused_input="ignore")) == 2.0
    with pytest.raises(ad.errors.UnusedInputError):
        z.eval({x: 1.0, y: 3.0})
    w = ad.shared(0.0, name="w")
    assert float(w.eval(updates={w: w + 1.0})) == 0.0 and float(w.get_value()) == 1.0
    for wrong in ([1.0], {3: 1.0}):
        with pytest.raises(TypeError, match="eval"):
            z.eval(wrong)


# -- what could go wrong in silence --------------------------------------------------------------


def test_misused_arguments_are_told() -> None:
    x, w = pt.dscalar("x"), ad.shared(1.0, name="w")
    f = ad.function([x], w * x)
    wrong = {
        "did you mean updates": lambda: ad.function([x], x, update={}),
        "Inputs are a list of variables, not None": lambda: ad.function(None, x),
        "Inputs are a list of variables, not {": lambda: ad.function({x}, x),
        "no_default_updates is True, False": lambda: ad.function([x], x, no_default_updates=w),
        "There is no phase 'canon'": lambda: mode.Mode(phases="canon"),
        "Bad value for input x": lambda: ad.function([ad.In(x, value="abc")], x),
        "w is no pair": lambda: f.copy(swap=[w]),
        "x twice, by name and by variable": lambda: (x * 2).eval({x: 1.0, "x": 2.0}),
        "map takes an executor, then the batches": lambda: f.map([1.0], None),
    }
    for sentence, call in wrong.items():
        with pytest.raises((TypeError, ValueError), match=sentence):
            call()
    assert mode.Mode(exclude="specialize").exclude == ("specialize",)


def test_an_input_may_be_named_self() -> None:
    x = pt.dscalar("self")
    f = ad.function([x], x * 2)
    assert float(f(self=3.0)) == 6.0 and f.origin(self=1.0) is None


def test_a_default_is_a_copy_unless_it_is_borrowed() -> None:
    x, value = pt.dvector("x"), np.ones(2)
    owned, lent = (ad.function([ad.In(x, value=value, borrow=b)], x + 0) for b in (False, True))
    value[0] = 9.0
    assert owned().tolist() == [1.0, 1.0] and lent().tolist() == [9.0, 1.0]


def test_givens_reach_default_updates() -> None:
    x, w = pt.dscalar("x"), ad.shared(1.0, name="w")
    w.default_update = w + x
    assert float(ad.function([], w, givens={x: 2.0})()) == 1.0 and float(w.get_value()) == 3.0
    assert float(ad.function([x], w * 2, givens={w: x + 1})(2.0)) == 6.0
    assert float(w.get_value()) == 3.0                # replaced, so not updated

    def draws(**options):
        number = pt.random.RandomStream(3).normal(x, 1.0)
        f = ad.function([] if options else [x], number, **options)
        return [float(f()) if options else float(f(2.0)) for _ in range(3)]

    assert draws(givens={x: 2.0}) == draws()


def test_eval_asks_the_settings_of_the_moment() -> None:
    x = pt.dscalar("x")
    y = x * 2
    assert float(y.eval({x: 1.0})) == 2.0
    seen = []
    register_mode("watching", mode.Mode(checks=lambda node, i, o: seen.append(node)))
    try:
        with config.change_flags(mode="watching"):
            y.eval({x: 1.0})
    finally:
        mode.MODES.pop("watching")
    assert len(seen) == 1
