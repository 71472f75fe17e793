"""`numeric_grad` and `verify_grad`: steps, errors, tolerances, and what they say of a fault."""

from __future__ import annotations

import numpy as np
import pytest

import autodiff_lab.tensor as pt
from autodiff_lab.errors import GradientError
from autodiff_lab.gradient import grad_scale, numeric_grad, verify_grad


def test_steps_of_numeric_grad():
    """F-V01."""
    steps = numeric_grad.type_eps
    assert (steps["float64"], steps["float32"], steps["float16"]) == (1e-7, 3e-4, 1e-1)
    assert steps[np.dtype("float32")] == 3e-4
    found = numeric_grad(lambda x: (x**2).sum(), [3.0, 4.0]).gf
    np.testing.assert_allclose(found, [6.00000007, 8.00000013], rtol=1e-8)
    seen = []
    numeric_grad(lambda a, b: seen.append(a.dtype) or (a.sum() + b.sum()),
                 [np.ones(2, "float32"), np.ones(2)])
    assert {d.name for d in seen} == {"float64"}
    assert numeric_grad(lambda x: x[0] * 1j, np.ones(1), out_type="complex128").gf.dtype.kind == "c"


def test_errors_of_numeric_grad():
    """F-V02."""
    absolute, relative = numeric_grad.abs_rel_err(1, 1.1)
    assert (absolute, relative) == (pytest.approx(0.1), pytest.approx(0.1 / 2.1))
    assert numeric_grad.abs_rel_err(0, 0) == (0, 0)
    half = np.float16(0)
    assert np.isfinite(numeric_grad.abs_rel_err(half, half)[1])


def test_lists_of_errors_are_checked():
    """F-V03, F-V04."""
    estimate = numeric_grad(lambda a, b: (a**2).sum() + b.sum(), [np.ones(3), np.ones(2)])
    with pytest.raises(ValueError, match="number of elements"):
        estimate.abs_rel_errors([np.ones(3)])
    with pytest.raises(ValueError, match="wrong shapes"):
        estimate.abs_rel_errors([np.ones(3), np.ones(4)])
    right = [np.full(3, 2.0), np.ones(2)]
    right[0][1] = 2.5
    argument, place, absolute, relative = estimate.max_err(right, 1e-4, 1e-4)
    assert (argument, place) == (0, 1)
    assert absolute == pytest.approx(0.5, rel=1e-5) and relative == pytest.approx(0.5 / 4.5, 1e-5)
    right[1][0] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        estimate.max_err(right, 1e-4, 1e-4)


@pytest.mark.parametrize(("dtype", "size"), [("float64", 1e-4), ("float32", 1e-2),
                                             ("float16", 5e-2)])
def test_tolerances_follow_the_dtype(dtype, size):
    """F-V05: it fails where both the absolute and the relative error are too large."""
    point = [np.asarray([1.0, 2.0], dtype=dtype)]
    with pytest.raises(GradientError) as caught:
        verify_grad(lambda x: grad_scale(x * 3, 1.5), point, rng=np.random.default_rng(0))
    assert caught.value.abs_tol == caught.value.rel_tol == size
    verify_grad(lambda x: grad_scale(x * 3, 1.5), point, rng=np.random.default_rng(0), abs_tol=50)


def test_projections_are_drawn_from_the_generator():
    """F-V06."""

    class Counting:
        def __init__(self):
            self.calls = 0
            self.inner = np.random.default_rng(1)

        def random(self, shape):
            self.calls += 1
            return self.inner.random(shape)

    rng = Counting()
    verify_grad(pt.sin, [np.ones(3, "float32")], rng=rng, cast_to_output_type=True)
    assert rng.calls == 2
    with pytest.raises(TypeError, match="rng should be"):
        verify_grad(pt.sin, [np.ones(3)])


def test_points_must_be_lists_of_floats():
    """F-V07."""
    rng = np.random.default_rng(0)
    with pytest.raises(TypeError, match="list or tuple"):
        verify_grad(pt.sin, np.ones(3), rng=rng)
    with pytest.raises(TypeError, match='but input 0 has dtype "int64"'):
        verify_grad(pt.sin, [np.ones(3, dtype=int)], rng=rng)


def test_a_doubled_gradient_is_found():
    """F-V08, F-V09: the text of six lines and the attributes."""
    rng = np.random.default_rng(23098)
    point = [np.asarray([[2, 3, 4], [-1, 3.3, 9.9]])]
    verify_grad(pt.tanh, point, rng=rng)
    with pytest.raises(GradientError) as caught:
        verify_grad(lambda x: grad_scale(pt.tanh(x), 2.0), point, rng=rng)
    error, lines = caught.value, str(caught.value).splitlines()
    assert len(lines) == 6
    assert lines[0].startswith("GradientError: numeric gradient and analytic gradient exceed")
    assert "At position 3 of argument 0 with shape (2, 3)" in lines[1]
    assert (error.arg, error.err_pos, error.shape) == (0, 3, (2, 3))
    assert error.val1 == pytest.approx(2 * error.val2, rel=1e-4)
    assert error.abs_err == pytest.approx(abs(error.val1 - error.val2))
    assert error.rel_err == pytest.approx(1 / 3, rel=1e-3) and error.abs_tol == 1e-4


def test_several_outputs_and_a_mode():
    """F-V10, F-V11."""
    rng = np.random.RandomState(3)
    verify_grad(lambda x, y: [x * y, pt.exp(x)], [np.ones(3), np.full(3, 0.5)], rng=rng,
                mode="FAST_COMPILE", no_debug_ref=False)
    with pytest.raises(GradientError):
        verify_grad(lambda x: [x, grad_scale(x, 3.0)], [np.ones(2)], rng=rng)


def test_extrapolated_differences_name_the_entry():
    """F-V12."""
    from autodiff_lab.verify import check_gradient

    points = [{"x": np.array([0.5, 1.5])}]
    right = check_gradient(lambda p: float(np.sum(np.exp(p["x"]))),
                           lambda p: {"x": np.exp(p["x"])}, ["x"], points)
    assert right.ok
    wrong = check_gradient(lambda p: float(np.sum(np.exp(p["x"]))),
                           lambda p: {"x": np.exp(p["x"]) * [1, 2]}, ["x"], points)
    assert [row.place for row in wrong.rows if not row.ok] == ["x[1]"]


def test_points_and_sources_of_numbers_that_do_not_fit():
    with pytest.raises(TypeError, match="rng should be"):
        verify_grad(pt.exp, [np.ones(3)], rng=3)
    with pytest.raises(TypeError, match='numeric_grad can work only.*"int64"'):
        numeric_grad(np.sum, [3, 4])


def test_real_and_imaginary_parts_are_both_compared():
    rng = np.random.default_rng(0)
    verify_grad(lambda x: pt.exp(x * 1j) * x, [np.array([0.5, 2.0])], rng=rng)
    with pytest.raises(GradientError):
        verify_grad(lambda x: pt.exp(x * 1j) + 1j * grad_scale(x, 2.0), [np.ones(2)], rng=rng)
