"""Checks while a function runs: compare, finite, a function of one's own."""

from __future__ import annotations

import numpy as np
import pytest

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.compile.checks import DebugMode, MonitorMode, NanGuardMode
from autodiff_lab.errors import CheckError
from autodiff_lab.graph import Apply, Op


class Doubled(Op):
    """Twice its input; what it does besides is told when it is made."""

    __props__ = ("manner",)

    def __init__(self, manner: str) -> None:
        self.manner = manner

    def make_node(self, x):
        return Apply(self, [x], [x.type()])

    def perform(self, node, inputs, storage):
        result = inputs[0] * 2
        if self.manner == "writes to its input":
            inputs[0][:] = 0
        storage[0][0] = result


def test_comparing_lets_right_programs_pass():
    x, w = pt.dvector("x"), ad.shared(np.ones(2), "w")
    cost = (pt.exp(x * w) ** 2).sum()
    f = ad.function([x], cost, updates=[(w, w - 0.01 * ad.grad(cost, w))], mode="DebugMode")
    plain = ad.function([x], cost, mode="PYTHON")
    assert plain([0.1, 0.2]) == pytest.approx(f([0.1, 0.2]), rel=1e-12)
    assert (w.get_value() != 1.0).all()


def test_an_op_that_writes_to_its_input_is_named():
    x = pt.dvector("x")
    f = ad.function([x], Doubled("writes to its input")(x * 2), mode=DebugMode())
    with pytest.raises(CheckError, match="Doubled writes to its inputs") as caught:
        f([1.0, 2.0])
    assert "test_checks.py, line" in str(caught.value)


def test_a_kernel_that_disagrees_is_named(monkeypatch):
    x = pt.dvector("x")
    f = ad.function([x], pt.exp(x) * 2, mode="DebugMode")
    run = f.executor.run.__self__
    right = run.kernels.run
    run.kernels.run = lambda *arrays: tuple(value + 0.5 for value in right(*arrays))
    with pytest.raises(CheckError, match="disagree on exp"):
        f([1.0, 2.0])


def test_checks_that_do_not_exist_are_refused():
    x = pt.dvector("x")
    with pytest.raises(TypeError, match="There is no check 'all'"):
        ad.function([x], x * 2, mode=ad.Mode("numpy", checks="all"))


@pytest.mark.parametrize(
    ("options", "values", "wrong"),
    [
        ({}, [1.0, 0.0], True),
        ({"inf_is_error": False}, [1.0, 0.0], False),
        ({"inf_is_error": False}, [1.0, -1.0], True),
        ({"nan_is_error": False, "inf_is_error": False}, [1.0, -1.0], False),
        ({"big_is_error": True}, [1e200, 1.0], False),
    ],
)
def test_what_counts_as_not_finite_can_be_chosen(options, values, wrong):
    x = pt.dvector("x")
    f = ad.function([x], pt.log(x), mode=NanGuardMode(**options))
    if wrong:
        with pytest.raises(CheckError, match="log gives"):
            f(values)
    else:
        f(values)


def test_numbers_that_are_too_large_can_count():
    x = pt.dvector("x")
    with pytest.raises(CheckError, match="a number above"):
        ad.function([x], x * 2, mode=NanGuardMode(big_is_error=True))([1e11])


def test_after_a_failed_check_shared_values_are_as_before():
    x, w = pt.dvector("x"), ad.shared(np.ones(2), "w")
    f = ad.function([x], (x * w).sum(), updates=[(w, pt.log(x))], mode="NanGuardMode")
    with pytest.raises(CheckError):
        f([0.0, 1.0])
    np.testing.assert_array_equal(w.get_value(), [1.0, 1.0])


def test_a_function_of_ones_own_sees_every_node():
    x, seen = pt.dvector("x"), []
    mode = ad.Mode("numpy", checks=lambda node, inputs, outputs: seen.append(node.op.name))
    np.testing.assert_allclose(ad.function([x], pt.exp(x).sum(), mode=mode)([0.0, 0.0]), 2.0)
    assert seen == ["exp", "sum"]


def test_monitors_of_old_code_see_inputs_before_and_outputs_after():
    x, seen = pt.dscalar("x"), []
    mode = MonitorMode(
        pre_func=lambda fgraph, node, thunk: seen.append([float(i[0]) for i in thunk.inputs]),
        post_func=lambda fgraph, node, thunk: seen.append([float(o[0]) for o in thunk.outputs]),
    )
    assert ad.function([x], pt.exp(x), mode=mode)(0.0) == 1.0
    assert seen == [[0.0], [1.0]]


MODES = (DebugMode(), NanGuardMode(big_is_error=True), MonitorMode(), "PYTHON")


@pytest.mark.parametrize("mode", MODES, ids=("compare", "finite", "monitor", "none"))
def test_no_check_changes_what_is_no_number_or_where_values_stand(mode):
    thing = {"a": 1}
    assert ad.function([], ad.shared(thing, borrow=True), mode=mode)() is thing
    draws = ad.function([], pt.random.RandomStream(3).normal(0.0, 1.0), mode=mode)
    plain = ad.function([], pt.random.RandomStream(3).normal(0.0, 1.0))
    assert [float(draws()) for _ in range(3)] == [float(plain()) for _ in range(3)]
    one, other = ad.shared(1.0), ad.shared(10.0)
    f = ad.function([], one * 3, updates={one: one + 1}, mode=mode)
    assert float(f.copy(swap={one: other})()) == 30.0
    assert (float(one.get_value()), float(other.get_value())) == (1.0, 11.0)


@pytest.mark.parametrize("mode", MODES, ids=("compare", "finite", "monitor", "none"))
def test_errors_tell_the_place_in_every_mode(mode):
    v = pt.dvector("v")
    with pytest.raises(ValueError, match=r"(?s)zero-size.*max, test_checks.py.*shape \(0,\)"):
        ad.function([v], v.max(), mode=mode)([])
