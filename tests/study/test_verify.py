"""Finite differences: right gradients pass, wrong ones do not, at any scale."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import autodiff_lab.tensor as pt
from autodiff_lab.verify import check_gradient, sample_points

FUNCTIONS: dict[str, tuple[Callable[[float], float], float, float]] = {
    "sin": (np.sin, 0.3, np.cos(0.3)),
    "log near 0": (np.log, 1e-3, 1e3),
    "sqrt near 0": (np.sqrt, 1e-8, 5e3),
    "steep": (lambda t: np.exp(50 * t), 1.0, 50 * np.exp(50.0)),
    "swings fast": (lambda t: np.sin(1000 * t), 0.3, 1000 * np.cos(300.0)),
    "constant": (lambda t: 1.0, 0.3, 0.0),
    "large argument": (lambda t: t**2, 1e6, 2e6),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("factor", [1.0, 1.001])
def test_right_passes_and_wrong_fails(name: str, factor: float) -> None:
    function, at, slope = FUNCTIONS[name]
    claimed = slope * factor + (factor - 1)
    report = check_gradient(
        lambda p: float(function(p["x"])), lambda p: {"x": np.array(claimed)}, ["x"],
        [{"x": np.array(at)}],
    )
    assert report.ok == (factor == 1.0)
    assert "check ok, rtol 1e-6" in str(report) or "FAILED at x" in str(report)


def test_entries_of_arrays_are_named() -> None:
    weights = np.arange(6.0).reshape(2, 3)
    wrong = weights.copy()
    wrong[1, 2] = 0
    report = check_gradient(
        lambda p: float((weights * p["W"]).sum()), lambda p: {"W": wrong}, ["W"],
        [{"W": np.ones((2, 3))}],
    )
    assert [row.place for row in report.rows if not row.ok] == ["W[1, 2]"]


def test_points_without_a_finite_value_are_left_out() -> None:
    report = check_gradient(
        lambda p: float(np.log(p["x"])), lambda p: {"x": 1 / p["x"]}, ["x"],
        [{"x": np.array(-1.0)}, {"x": np.array(2.0)}],
    )
    assert report.ok and report.skipped == 1 and len(report.rows) == 1


def test_no_usable_point_is_not_ok() -> None:
    report = check_gradient(lambda p: np.nan, lambda p: {}, ["x"], [{"x": np.array(1.0)}])
    assert not report.ok and "no point" in str(report)


def test_sample_points_are_fixed_and_keep_what_is_known() -> None:
    arguments = ({"x": pt.dscalar().type, "W": pt.TensorType("float32", (2, None))},
                 {"x": np.array(9.0)})
    first, second = sample_points(*arguments), sample_points(*arguments)
    assert all(np.array_equal(a["W"], b["W"]) for a, b in zip(first, second, strict=True))
    assert first[0]["W"].shape == (2, 2) and first[0]["W"].dtype == "float32"
    assert all(point["x"] == 9.0 for point in first)
