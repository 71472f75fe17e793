"""Where a NaN or an infinity began: 100 planted ones are named, 100 masked ones are not."""

from __future__ import annotations

import numpy as np
import pytest

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.compile.origin import find_origin
from autodiff_lab.errors import CheckError

# (function, name of the op that is to be found, an argument that is bad, one that is not)
PLANTS = {
    "log at 0": (pt.log, "log", 0.0, 0.7),
    "log below 0": (pt.log, "log", -1.5, 0.7),
    "sqrt below 0": (pt.sqrt, "sqrt", -2.0, 0.7),
    "division by 0": (lambda u: 2.5 / u, "true_div", 0.0, 0.7),
    "overflow": (pt.exp, "exp", 1000.0, 0.7),
    "log1p below -1": (pt.log1p, "log1p", -3.0, 0.7),
    "arcsin above 1": (pt.arcsin, "arcsin", 2.0, 0.7),
    "arctanh at 1": (pt.arctanh, "arctanh", 1.0, 0.7),
    "power of a negative": (lambda u: u**1.5, "pow", -1.0, 0.7),
    "arccosh below 1": (pt.arccosh, "arccosh", 0.2, 1.7),
}

# What may stand between the plant and the result: each lets a bad element through.
PATHS = (
    lambda u, c: u * c, lambda u, c: c - u, lambda u, c: u + pt.sin(c), lambda u, c: pt.cumsum(u),
    lambda u, c: u[::-1], lambda u, c: u.reshape((2, 3)).T.flatten(),
    lambda u, c: pt.dot(pt.ones((6, 6)) + 1.5, u), lambda u, c: pt.concatenate([u[3:], u[:3]]),
    lambda u, c: pt.sort(u) + c, lambda u, c: u + u.sum(), lambda u, c: u[np.arange(6)[::-1]] / c,
)


def planted(seed: int):
    """A random formula with one plant: (its result, inputs, values, element, op, bad number)."""
    rng = np.random.default_rng(seed)
    make, op, bad, good = PLANTS[sorted(PLANTS)[seed % len(PLANTS)]]
    x, c = pt.dvector("x"), pt.dvector("c")
    at = int(rng.integers(6))
    values = np.full(6, good)
    values[at] = bad
    return rng, make, x, c, at, values, op, bad


def carried(u, c, rng):
    for number in rng.integers(len(PATHS), size=rng.integers(1, 5)):
        u = PATHS[number](u, c)
    return u


@pytest.mark.parametrize("seed", range(100))
def test_a_planted_origin_is_named(seed):
    rng, make, x, c, at, values, op, bad = planted(seed)
    y = carried(make(x), c, rng).sum()
    ordinary = rng.uniform(0.5, 1.5, 6)
    origin = find_origin([y], {x: values, c: ordinary})
    assert (origin.node.op.name, origin.index) == (op, (at,))
    assert bad in [float(value) for _, value in origin.inputs]
    with pytest.raises(CheckError) as caught:
        ad.function([x, c], y, mode="NanGuardMode", on_unused_input="ignore")(values, ordinary)
    assert len(str(caught.value).splitlines()) <= 12
    assert f"at [{at}], " in str(caught.value) and "test_origin.py, line" in str(caught.value)


@pytest.mark.parametrize("seed", range(100))
def test_a_masked_one_is_not_mentioned(seed):
    rng, make, x, c, at, values, op, bad = planted(seed)
    ordinary = rng.uniform(0.5, 1.5, 6)
    ok = pt.eq(x, values[(at + 1) % 6])
    safe = pt.where(ok, make(x), 0.5)
    outputs = [carried(safe, c, rng).sum(), make(x)[np.delete(np.arange(6), at)]]
    assert find_origin(outputs, {x: values, c: ordinary}) is None
    f = ad.function([x, c], outputs, mode="NanGuardMode", on_unused_input="ignore")
    assert all(np.isfinite(value).all() for value in f(values, ordinary))


def test_a_derivative_names_the_formula_that_it_belongs_to():
    x = pt.dvector("x")
    y = pt.where(x > 0, pt.sqrt(x), 0.0).sum()
    gradient = ad.grad(y, x)
    origin = find_origin([gradient], {x: np.array([4.0, 0.0])})
    assert origin.forward.op.name == "sqrt"
    assert "part of the derivative of sqrt" in str(origin)


def test_inside_a_loop_the_step_is_told():
    x = pt.dvector("x")
    h, _ = ad.scan(lambda v, s: pt.log(s) - v, sequences=x, outputs_info=np.float64(3.0))
    origin = find_origin([h[-1]], {x: np.array([0.1, 2.0, 0.1, 0.1])})
    assert (origin.node.op.name, origin.steps) == ("log", (2,))
    assert "in step 2 of the loop" in str(origin)


def test_inside_an_op_that_holds_a_graph():
    a, x = pt.dvector("a"), pt.dvector("x")
    inside = ad.OpFromGraph([a], [pt.exp(pt.log(a) * 2.0)])
    origin = find_origin([inside(x - 1.0).sum()], {x: np.array([3.0, 0.5])})
    assert (origin.node.op.name, origin.index) == ("log", (1,))


def test_a_bad_input_is_the_origin_itself():
    x = pt.dmatrix("x")
    text = str(find_origin([(x * 2.0).sum()], {x: np.array([[1.0, np.nan]])}))
    assert "the input x is nan at [0, 1]" in text


def loops():
    """(result, inputs, values, op, step, what it read) of loops that keep few or turn round."""
    x, v = pt.dscalar("x"), pt.dvector("v")
    fading, _ = ad.scan(pt.log, outputs_info=x, n_steps=5)
    for result in (fading[-1], ad.grad(fading[-1], x)):
        yield result, [x], [2.0], "log", 2, np.log(np.log(2.0))
    for backwards, step in ((False, 1), (True, 2)):
        grown, _ = ad.scan(
            lambda s, a: a * pt.sqrt(s), sequences=v, outputs_info=x, go_backwards=backwards)
        yield grown[-1], [v, x], [np.array([1.0, -2.0, 3.0, 5.0]), 2.0], "sqrt", step, -2.0
    both, _ = ad.scan(lambda a, b: a + pt.log(b), outputs_info=[{"initial": v, "taps": [-2, -1]}],
                      n_steps=4)
    yield both[-1], [v], [np.array([1.0, 0.5])], "log", 2, 0.5 + np.log(1.0 + np.log(0.5))
    mapped, _ = ad.scan(pt.log, sequences=v)
    yield ad.grad(mapped.sum(), v), [v], [np.array([1.0, 0.5, 0.0, 3.0])], "true_div", 1, 0.0


@pytest.mark.parametrize("case", range(6))
def test_loops_that_keep_only_last_values_or_go_backwards(case):
    result, inputs, values, op, step, read = list(loops())[case]
    origin = ad.function(inputs, result).origin(*values)
    assert (origin.node.op.name, origin.steps) == (op, (step,))
    assert any(np.allclose(value, read) for _, value in origin.inputs)


def test_the_branch_that_was_taken_is_entered():
    x = pt.dscalar("x")
    f = ad.function([x], ad.ifelse(pt.gt(x, 0), x, pt.log(x) * 2))
    assert f.origin(-1.0).node.op.name == "log" and f.origin(1.0) is None


def test_numbers_that_no_input_may_have_and_results_that_change_their_length():
    m, v = pt.dmatrix("m"), pt.dvector("v")
    f = ad.function([m], pt.linalg.cholesky(pt.log(m)))
    assert f.origin([[3.0, 0.0], [0.0, -2.0]]).node.op.name == "log"
    g = ad.function([v], pt.unique(pt.log(v)))
    assert g.origin([1.0, 0.0, -1.0, -2.0]).node.op.name == "log"
