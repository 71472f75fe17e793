"""Random streams: draws equal NumPy's, states advance, loops, derivatives, bad input."""

from __future__ import annotations

import numpy as np
import pytest

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab import compat
from autodiff_lab.control.scan import scan
from autodiff_lab.errors import NullTypeGradError
from autodiff_lab.tensor.random import FAMILIES, RandomStream, RandomStreams

MODES = ["PYTHON", "NUMBA"]
MATRIX = np.array([[2.0, 0.5], [0.5, 1.0]])

# name -> (arguments, what NumPy's generator is asked for)
CASES = {
    "uniform": ((1.0, 3.0), lambda g, s: g.uniform(1.0, 3.0, s)),
    "random": ((), lambda g, s: g.random(s)),
    "normal": ((1.0, 3.0), lambda g, s: g.normal(1.0, 3.0, s)),
    "standard_normal": ((), lambda g, s: g.standard_normal(s)),
    "lognormal": ((0.1, 0.5), lambda g, s: g.lognormal(0.1, 0.5, s)),
    "laplace": ((1.0, 2.0), lambda g, s: g.laplace(1.0, 2.0, s)),
    "logistic": ((1.0, 2.0), lambda g, s: g.logistic(1.0, 2.0, s)),
    "gumbel": ((1.0, 2.0), lambda g, s: g.gumbel(1.0, 2.0, s)),
    "cauchy": ((1.0, 2.0), lambda g, s: 1.0 + 2.0 * g.standard_cauchy(s)),
    "exponential": ((2.0,), lambda g, s: g.exponential(2.0, s)),
    "gamma": ((2.0, 3.0), lambda g, s: g.gamma(2.0, 3.0, s)),
    "rayleigh": ((2.0,), lambda g, s: g.rayleigh(2.0, s)),
    "weibull": ((2.0,), lambda g, s: g.weibull(2.0, s)),
    "beta": ((2.0, 3.0), lambda g, s: g.beta(2.0, 3.0, s)),
    "chisquare": ((3.0,), lambda g, s: g.chisquare(3.0, s)),
    "standard_t": ((3.0,), lambda g, s: g.standard_t(3.0, s)),
    "pareto": ((3.0,), lambda g, s: g.pareto(3.0, s)),
    "triangular": ((0.0, 1.0, 3.0), lambda g, s: g.triangular(0.0, 1.0, 3.0, s)),
    "vonmises": ((0.5, 2.0), lambda g, s: g.vonmises(0.5, 2.0, s)),
    "wald": ((1.0, 2.0), lambda g, s: g.wald(1.0, 2.0, s)),
    "bernoulli": ((0.3,), lambda g, s: g.binomial(1, 0.3, s)),
    "binomial": ((5, 0.3), lambda g, s: g.binomial(5, 0.3, s)),
    "negative_binomial": ((5, 0.3), lambda g, s: g.negative_binomial(5, 0.3, s)),
    "geometric": ((0.3,), lambda g, s: g.geometric(0.3, s)),
    "hypergeometric": ((5, 4, 3), lambda g, s: g.hypergeometric(5, 4, 3, s)),
    "poisson": ((3.0,), lambda g, s: g.poisson(3.0, s)),
    "integers": ((3, 9), lambda g, s: g.integers(3, 9, s)),
    "random_integers": ((3, 9), lambda g, s: g.integers(3, 9, s, endpoint=True)),
    "multinomial": ((5, [0.2, 0.8]), lambda g, s: g.multinomial(5, [0.2, 0.8], s)),
    "dirichlet": (([2.0, 3.0],), lambda g, s: g.dirichlet([2.0, 3.0], s)),
    "multivariate_normal": (
        ([1.0, 2.0], MATRIX), lambda g, s: g.multivariate_normal([1.0, 2.0], MATRIX, s)
    ),
    "choice": (([4, 5, 6],), lambda g, s: g.choice([4, 5, 6], s)),
    "randint": ((7,), lambda g, s: g.integers(0, 7, s)),
}


def test_every_family_has_a_case() -> None:
    assert set(FAMILIES) < set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_draws_equal_numpys(name: str) -> None:
    arguments, expected = CASES[name]
    stream = RandomStream(7)
    value = getattr(stream, name)(*arguments, size=(3, 2))
    draw = ad.function([], value, mode="PYTHON")
    generator = np.random.default_rng(7)
    for _ in range(2):
        found, wanted = draw(), expected(generator, (3, 2))
        np.testing.assert_array_equal(found, wanted)
        assert found.dtype == value.type.dtype and value.type.is_super(
            pt.TensorType(str(found.dtype), found.shape)
        )
    assert getattr(pt.random, name)(*arguments, size=2).type.ndim == value.type.ndim - 1


@pytest.mark.parametrize("mode", MODES)
def test_parameters_are_stretched_as_numpy_does(mode: str) -> None:
    low, n = pt.dvector("low"), pt.lscalar("n")
    stream = RandomStream(3)
    free, sized = stream.uniform(low, 10.0), stream.normal(low, 1.0, size=(n, low.shape[0]))
    draw = ad.function([low, n], [free, sized], mode=mode)
    first, second = draw([1.0, 2.0], 3)
    generator = np.random.default_rng(3)
    np.testing.assert_array_equal(first, generator.uniform([1.0, 2.0], 10.0))
    child = np.random.default_rng(np.random.SeedSequence(3).spawn(1)[0])
    np.testing.assert_array_equal(second, child.normal([1.0, 2.0], 1.0, (3, 2)))


@pytest.mark.parametrize("make", ["permutation", "shuffle"])
def test_orders(make: str) -> None:
    rows = np.arange(12.0).reshape(6, 2)
    for value, wanted in ((5, 5), (rows, rows)):
        draw = ad.function([], getattr(RandomStream(5), make)(value))
        np.testing.assert_array_equal(draw(), np.random.default_rng(5).permutation(wanted))


@pytest.mark.parametrize("mode", MODES)
def test_streams_advance_agree_and_begin_again(mode: str) -> None:
    one, two = RandomStream(11), RandomStream(11)
    x = one.normal(size=2)
    f = ad.function([], [x, x + 0.0], mode=mode)
    g = ad.function([], two.normal(size=2), mode=mode)
    first, same = f()
    np.testing.assert_array_equal(first, same)      # one draw, read twice
    np.testing.assert_array_equal(first, g())
    assert not np.array_equal(first, f()[0])
    one.seed(11)
    np.testing.assert_array_equal(first, f()[0])
    still = ad.function([], x, no_default_updates=True, mode=mode)
    np.testing.assert_array_equal(still(), still())
    assert [state for state, _ in one.updates()] == [x.owner.inputs[0]]
    y = one.normal(size=2)
    assert not np.array_equal(*ad.function([], [x, y], mode=mode)())    # never taken for one


def test_states_as_arguments_and_shared() -> None:
    state = pt.random.rng("state")
    following, x = state.normal(size=3)
    f = ad.function([state], [following, x])
    after, first = f(np.random.default_rng(2))
    wanted = np.random.default_rng(2)
    np.testing.assert_array_equal(first, wanted.normal(size=3))
    np.testing.assert_array_equal(f(after)[1], wanted.normal(size=3))
    kept = ad.shared(np.random.default_rng(2))
    g = ad.function([], pt.random.normal(size=3, rng=kept))
    np.testing.assert_array_equal(g(), first)       # no update was asked for
    np.testing.assert_array_equal(kept.get_value().normal(size=3), first)
    kept.set_value(np.random.default_rng(4))
    np.testing.assert_array_equal(g(), np.random.default_rng(4).normal(size=3))
    with pytest.raises(TypeError, match="PCG64"):
        kept.set_value(np.random.Generator(np.random.MT19937(1)))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("told", [True, False], ids=["updates given", "by themselves"])
def test_each_step_of_a_loop_draws_anew(mode: str, told: bool) -> None:
    stream = RandomStream(9)
    noise = pt.dscalar("noise")
    start = pt.constant(0.0, dtype="float64")
    walk, updates = scan(lambda p: p + noise * stream.normal(), outputs_info=start, n_steps=5)
    slope = ad.grad(walk[-1], noise)
    f = ad.function([noise], [walk, slope], updates=updates if told else None, mode=mode)
    generator = np.random.default_rng(9)
    for _ in range(2):
        found, derivative = f(2.0)
        steps = generator.normal(size=5)
        np.testing.assert_allclose(found, np.cumsum(2.0 * steps))
        np.testing.assert_allclose(derivative, steps.sum())


SMOOTH = {"uniform": (1.0, 3.0), "normal": (1.0, 2.0), "lognormal": (0.1, 0.5),
          "laplace": (1.0, 2.0), "logistic": (1.0, 2.0), "gumbel": (1.0, 2.0),
          "cauchy": (1.0, 2.0), "exponential": (2.0,), "rayleigh": (2.0,)}


@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives_hold_the_randomness(name: str) -> None:
    point = SMOOTH[name]
    inputs = [pt.dscalar() for _ in point]
    state = pt.random.shared_rng(3)
    value = getattr(pt.random, name)(*inputs, size=4, rng=state)
    weights = pt.constant([1.0, -2.0, 0.5, 3.0])
    cost = (value * weights).sum()
    f = ad.function(inputs, [cost, *ad.grad(cost, inputs)])
    _, *slopes = f(*point)
    for place, slope in enumerate(slopes):
        ends = [f(*(v + h * (k == place) for k, v in enumerate(point)))[0] for h in (1e-6, -1e-6)]
        np.testing.assert_allclose(slope, (ends[0] - ends[1]) / 2e-6, rtol=1e-5, atol=1e-6)


def test_what_has_no_derivative_says_so() -> None:
    p = pt.dscalar("p")
    stream = RandomStream(1)
    with pytest.raises(NullTypeGradError, match="beta do not follow"):
        ad.grad(stream.beta(p, 2.0), p)
    shape = pt.dscalar("shape")
    scaled = stream.gamma(shape, p)
    assert ad.function([shape, p], ad.grad(scaled, p))(2.0, 3.0) > 0
    with pytest.raises(NullTypeGradError):
        ad.grad(scaled, shape)
    mask = stream.binomial(1, p, size=3)
    x = pt.dvector("x")
    slope = ad.function([x, p], [mask, ad.grad((x * mask).sum(), x)])
    np.testing.assert_array_equal(*slope(np.ones(3), 0.5))


@pytest.mark.parametrize("call, error", [
    (lambda s: s.normal(1, 2, 3, 4), TypeError), (lambda s: s.normal(mean=1), TypeError),
    (lambda s: s.gamma(), TypeError), (lambda s: s.no_such_family(), AttributeError),
    (lambda s: s.normal(size=1.5), TypeError),
    (lambda s: pt.random.normal(rng=pt.dvector()), TypeError),
])
def test_bad_arguments(call, error) -> None:
    with pytest.raises(error):
        call(RandomStream(1))


def test_older_streams_take_the_size_first() -> None:
    stream = RandomStreams(seed=6)
    f = ad.function([], stream.normal((2, 2), avg=1.0, std=3.0, ndim=2))
    np.testing.assert_array_equal(f(), np.random.default_rng(6).normal(1.0, 3.0, (2, 2)))
    assert stream.binomial(size=(3,), n=1, p=0.5, dtype="float32").type.dtype == "float32"
    assert stream.permutation(n=5).type.ndim == 1
    compat.install("theano")
    try:
        import theano.sandbox.rng_mrg
        import theano.tensor.shared_randomstreams as older

        assert older.RandomStreams is RandomStreams
        assert theano.sandbox.rng_mrg.MRG_RandomStreams(3).uniform((2,)).type.ndim == 1
    finally:
        compat.uninstall("theano")


def test_source_runs_alone() -> None:
    stream = RandomStream(8)
    f = ad.function([], stream.normal(size=3) * 2.0)
    namespace: dict = {}
    exec(f.source(), namespace)
    state = f.containers[0].value
    np.testing.assert_array_equal(
        namespace["f"](state)[0], 2.0 * np.random.default_rng(8).normal(size=3)
    )
