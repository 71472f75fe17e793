"""`scan` and its relatives: values, first and second derivatives, forward mode, bad input."""

from __future__ import annotations

import numpy as np
import pytest

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.control.scan import foldl, foldr, map, reduce, scan, until
from autodiff_lab.errors import DisconnectedInputError, MissingInputError
from autodiff_lab.gradient import Rop, grad

STEP = 1e-6


def value(variable, point):
    return np.asarray(variable.eval(point, on_unused_input="ignore"))


def differences(variable, point, key):
    base = np.asarray(point[key], dtype=float)
    slope = np.zeros(base.shape)
    for index in np.ndindex(base.shape):
        ends = []
        for sign in (1, -1):
            moved = base.copy()
            moved[index] += sign * STEP
            ends.append(value(variable, {**point, key: moved}))
        slope[index] = (ends[0] - ends[1]) / (2 * STEP)
    return slope


def recurrence():
    x, s, w = pt.dvector("x"), pt.dscalar("s"), pt.dscalar("w")
    y, _ = scan(lambda e, s, w: pt.tanh(s * w + e), sequences=x, outputs_info=s, non_sequences=w)
    return y, {x: [0.1, 0.5, -0.3, 0.2], s: 0.3, w: 0.7}


def fibonacci():
    first, w = pt.dvector("first"), pt.dscalar("w")
    y, _ = scan(
        lambda a, b, w: a * w + b * b, outputs_info={"initial": first, "taps": [-2, -1]},
        non_sequences=w, n_steps=4,
    )
    return y, {first: [1.0, 0.5], w: 0.5}


def windows():
    x, w = pt.dvector("x"), pt.dscalar("w")
    y, _ = scan(lambda a, b, w: a * b**w, sequences={"input": x, "taps": [0, 1]}, non_sequences=w)
    return y, {x: [1.0, 2.0, 3.0, 4.0], w: 1.5}


def backwards():
    x, s = pt.dvector("x"), pt.dscalar("s")
    y, _ = scan(lambda e, s: s * e + 1, sequences=x, outputs_info=s, go_backwards=True)
    return y, {x: [1.0, 2.0, 3.0], s: 0.5}


def doubling_until():
    s = pt.dscalar("s")
    y, _ = scan(lambda s: (s * 2, until(s * 2 > 20)), outputs_info=s, n_steps=100)
    return y, {s: 1.1}


def matrix_state():
    W, h, x = pt.dmatrix("W"), pt.dvector("h"), pt.dmatrix("x")
    y, _ = scan(lambda e, h, W: pt.tanh(pt.dot(h, W) + e), sequences=x, outputs_info=h,
                non_sequences=W)
    rng = np.random.default_rng(0)
    return y, {W: rng.normal(size=(3, 3)), h: rng.normal(size=3), x: rng.normal(size=(4, 3))}


LOOPS = [recurrence, fibonacci, windows, backwards, doubling_until, matrix_state]


@pytest.mark.parametrize("loop", LOOPS, ids=lambda f: f.__name__)
def test_derivatives(loop):
    y, point = loop()
    cost = (y**2).sum() + pt.sin(y).sum()
    for variable in point:
        expected = differences(cost, point, variable)
        found = value(grad(cost, variable), point)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("loop", LOOPS, ids=lambda f: f.__name__)
def test_second_derivatives(loop):
    y, point = loop()
    cost = (y**2).sum()
    for variable in point:
        slope = grad(cost, variable)
        weights = np.linspace(0.5, 1.5, np.size(point[variable])).reshape(np.shape(point[variable]))
        mixed = (slope * pt.constant(weights)).sum()
        expected = differences(mixed, point, variable)
        np.testing.assert_allclose(
            value(grad(mixed, variable), point), expected, rtol=1e-5, atol=1e-5
        )


@pytest.mark.parametrize("loop", LOOPS, ids=lambda f: f.__name__)
def test_forward_mode_is_the_transpose(loop):
    y, point = loop()
    rng = np.random.default_rng(1)
    out = value(y, point)
    weights = rng.normal(size=out.shape)
    for variable in point:
        tangent = variable.type("tangent")
        direction = rng.normal(size=np.shape(point[variable]))
        forward = value(Rop(y, variable, tangent), {**point, tangent: direction})
        back = value(grad((y * pt.constant(weights)).sum(), variable), point)
        assert (forward * weights).sum() == pytest.approx((back * direction).sum(), rel=1e-10)
        twice = Rop(y, variable, tangent, use_op_pushforward=False)
        np.testing.assert_allclose(value(twice, {**point, tangent: direction}), forward, rtol=1e-10)


def test_values():
    y, point = windows()
    x, w = point
    np.testing.assert_allclose(
        value(y, point), [a * b**1.5 for a, b in zip(point[x], point[x][1:])]
    )
    y, point = doubling_until()
    np.testing.assert_allclose(value(y, point), [2.2, 4.4, 8.8, 17.6, 35.2])
    y, point = backwards()
    np.testing.assert_allclose(value(y, point), [2.5, 6.0, 7.0])


def test_several_outputs_and_updates():
    count = ad.shared(np.int64(0), name="count")
    x = pt.dvector("x")
    (squares, sums), updates = scan(
        lambda e, total: ([e**2, total + e], {count: count + 1}),
        sequences=x, outputs_info=[None, pt.constant(0.0, dtype="float64")],
    )
    f = ad.function([x], [squares, sums], updates=updates)
    first, second = f([1.0, 2.0, 3.0])
    np.testing.assert_allclose(first, [1.0, 4.0, 9.0])
    np.testing.assert_allclose(second, [1.0, 3.0, 6.0])
    assert count.get_value() == 3


def test_relatives():
    x = pt.dvector("x")
    zero = pt.constant(0.0, dtype="float64")
    point = {x: [1.0, 2.0, 4.0]}
    np.testing.assert_allclose(value(map(lambda e: e * 3, x)[0], point), [3.0, 6.0, 12.0])
    assert value(reduce(lambda e, s: s + e, x, zero)[0], point) == 7.0
    assert value(foldl(lambda e, s: s / 2 + e, x, zero)[0], point) == 5.25
    assert value(foldr(lambda e, s: s / 2 + e, x, zero)[0], point) == 3.0


def test_truncated_gradient_goes_back_so_many_steps():
    x, s = pt.dvector("x"), pt.dscalar("s")
    y, _ = scan(lambda e, s: s + e, sequences=x, outputs_info=s, truncate_gradient=2)
    slope = value(grad(y[-1], x), {x: [1.0, 2.0, 3.0, 4.0], s: 0.0})
    np.testing.assert_allclose(slope, [0.0, 0.0, 1.0, 1.0])


@pytest.mark.parametrize("mode", ["PYTHON", "NUMBA"])
def test_what_is_cut_short_does_not_reach_the_initial_values(mode):
    h, w = pt.dvector("h"), pt.dscalar("w")
    for cut in (1, 4, 5, 9):
        one, _ = scan(lambda s, w: pt.tanh(s * w), outputs_info=h[0], non_sequences=w, n_steps=5,
                      truncate_gradient=cut)
        two, _ = scan(lambda s, t: s * t, outputs_info={"initial": h, "taps": [-2, -1]}, n_steps=5,
                      truncate_gradient=cut)
        f = ad.function([h, w], [grad(one[-1], h), grad(two[-1], h)], mode=mode)
        for slope in f([0.4, 0.9], 0.7):
            assert bool(slope.any()) == (cut >= 5), cut


@pytest.mark.parametrize("mode", ["PYTHON", "NUMBA"])
def test_taps_come_in_the_order_in_which_they_are_listed(mode):
    x = pt.dvector("x")
    at = np.array([1.0, 2.0, 3.0, 4.0])
    for taps in ([-3, -1], [-1, -3]):
        start = {"initial": x[:3], "taps": taps}
        y, _ = scan(lambda a, b: 10.0 * a + b, outputs_info=start, n_steps=2)
        values = list(at[:3])
        for _ in range(2):
            values.append(10.0 * values[taps[0]] + values[taps[1]])
        f = ad.function([x], [y, grad(y.sum(), x), Rop(y, x, pt.ones_like(x))], mode=mode)
        found, slope, moved = f(at)
        np.testing.assert_array_equal(found, values[3:])
        assert slope.sum() == moved.sum()
        np.testing.assert_array_equal(slope @ at, found.sum())      # y is linear in x


@pytest.mark.parametrize("taps", [[0, 1], [-1, 0, 2], [2, -1], [-2]])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_tap_looks_to_the_same_side_in_both_directions(taps, backwards):
    """As the family has it: going backwards, tap 1 is still the element behind."""
    x = pt.dvector("x")
    seen = {"input": x, "taps": taps}
    y, _ = scan(lambda *e: pt.stack(e), sequences=seen, go_backwards=backwards)
    at = np.arange(6.0)
    low, high = min(*taps, 0), max(*taps, 0)
    rows = [[at[k + tap] for tap in taps] for k in range(-low, 6 - high)]
    np.testing.assert_array_equal(value(y, {x: at}), rows[::-1] if backwards else rows)


def test_gradient_inside_a_step():
    """F-T12."""
    x = pt.dvector("x")
    y = x**3
    rows, _ = scan(lambda i, y, x: grad(y[i], x), sequences=pt.arange(y.shape[0]),
                   non_sequences=[y, x])
    np.testing.assert_allclose(value(rows, {x: [1.0, 2.0]}), [[3.0, 0.0], [0.0, 12.0]])


def test_element_of_a_sequence_has_no_path():
    """F-T13."""
    x = pt.dvector("x")
    y = x**2
    y.name = "y"
    with pytest.raises(DisconnectedInputError, match="handed in by scan: it has no path to x"):
        scan(lambda y_i, x: grad(y_i, x), sequences=y, non_sequences=x)


def test_negative_steps_go_backwards():
    x = pt.dvector("x")
    y, _ = scan(lambda e: e * 2, sequences=x, n_steps=-2)
    np.testing.assert_allclose(value(y, {x: [1.0, 2.0, 3.0]}), [6.0, 4.0])


def test_strict_names_what_is_missing():
    x, w = pt.dvector("x"), pt.dscalar("w")
    with pytest.raises(MissingInputError, match="w"):
        scan(lambda e: e * w, sequences=x, strict=True)
    scan(lambda e, w: e * w, sequences=x, non_sequences=w, strict=True)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: scan(lambda: x, outputs_info=None), ValueError, "number of steps"),
        (lambda x: scan(lambda e: e, sequences=pt.dscalar("q")), TypeError, "is a scalar"),
        (
            lambda x: scan(lambda e, s: s + e, sequences=x, outputs_info=pt.constant(0)),
            TypeError, "starts with dtype int8",
        ),
        (
            lambda x: scan(lambda e, s: x, sequences=x,
                           outputs_info=pt.constant(0.0, dtype="float64")),
            TypeError, "starts with rank 0",
        ),
        (
            lambda x: scan(lambda e: [e, e], sequences=x, outputs_info=[None]),
            ValueError, "returned 2 outputs",
        ),
        (
            lambda x: scan(lambda e, s: s, sequences=x,
                           outputs_info={"initial": x, "taps": [1]}),
            ValueError, "look back",
        ),
        (
            lambda x: scan(lambda e: e, sequences=x, outputs_info={"initial": x, "tap": [-1]}),
            ValueError, r"keys \['initial', 'tap'\]",
        ),
        (lambda x: scan(lambda e: None, sequences=x), TypeError, "returned nothing"),
        (lambda x: scan(lambda a, b: a, sequences=x), TypeError, "(?s)'b'.*1 elements of seq"),
        (lambda x: scan(x, n_steps=2), TypeError, "not a callable"),
        (lambda x: scan(lambda e: (e, {x: e}), sequences=x), TypeError, "Only shared variables"),
        *[(lambda x, by=by: scan(lambda e: e, sequences=x, truncate_gradient=by), ValueError,
           "number of steps") for by in ("a", 1.5, -2)],
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call(pt.dvector("x"))
    assert len(str(caught.value).splitlines()) <= 12


def test_too_short_a_sequence_at_run_time():
    x = pt.dvector("x")
    y, _ = scan(lambda e: e, sequences=x, n_steps=5)
    with pytest.raises(ValueError, match="2 elements, 5 steps"):
        y.eval({x: [1.0, 2.0]})
