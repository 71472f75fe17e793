"""Which pictures a study has follows from its inputs."""

from __future__ import annotations

import numpy as np
import pytest

from autodiff_lab.errors import LabValueError
from autodiff_lab.study import Study
from autodiff_lab.view.model import BarsView, ContourView, MatrixView, PlotView

LAYERS = "W=np.arange(12.).reshape(3, 4) / 10, x=np.arange(4.), b=np.ones(3), v=np.ones(3)"


def study(text: str, wrt: str, at: str = "", **settings: object) -> Study:
    return Study.from_cell(text, {"np": np}, wrt, **({"at": at} if at else {}), **settings)


def test_two_numbers_give_a_contour_with_the_gradient() -> None:
    found = study("x**2 * y", "x y", "x=1, y=2")
    (view,) = found.card.pictures
    assert isinstance(view, ContourView) and view.point == (1.0, 2.0)
    row, column = 3, 7
    x, y = view.x[column], view.y[row]
    assert np.isclose(view.z[row][column], x**2 * y)
    assert np.isclose(view.along_x[row][column], 2 * x * y)
    assert np.isclose(view.along_y[row][column], x**2)
    assert isinstance(found.plot().view, ContourView)
    assert study("x * y", "x y").card.pictures[0].point is None


@pytest.mark.parametrize("text, wrt, at, settings", [
    ("x**2", "x", "x=1", {}),
    ("x * y", "x", "x=1, y=2", {}),
    ("x**2 * y**2", "x y", "x=1, y=2", {"order": 2}),
    ("(x * y * z).sum()", "x y z:vector", "", {}),
])
def test_no_contour(text: str, wrt: str, at: str, settings: dict[str, object]) -> None:
    assert study(text, wrt, at, **settings).card.pictures == ()


def test_layers_have_bars_and_matrices_their_squares() -> None:
    found = study("h = tanh(W @ x + b)\n(h * v).sum()", "W:matrix b:vector v:vector", LAYERS)
    bars, matrix = found.card.pictures
    grads = found.fn_and_grad()[1]
    assert isinstance(bars, BarsView) and bars.names == ("W", "b", "v")
    assert np.allclose(bars.values, [np.linalg.norm(g) for g in grads.values()])
    assert isinstance(matrix, MatrixView) and np.allclose(matrix.values, grads["W"])
    assert "magnitude" in repr(found.plot())


def test_the_hessian_shows_itself() -> None:
    found = study("x**2 * y + (w**3).sum()", "x y w:vector", "x=1, y=2, w=np.array([1., 2.])")
    shown = found.hessian()
    assert np.allclose(shown.view.values, [[4, 2, 0, 0], [2, 0, 0, 0], [0, 0, 6, 0], [0, 0, 0, 12]])
    assert "w[1]" in str(shown) and "<svg" in shown._repr_mimebundle_()["image/svg+xml"]
    wide = study("(x**2).sum()", "x:vector", "x=np.ones(30)").hessian()
    assert str(wide).endswith("...") and len(str(wide).splitlines()) < 20
    with pytest.raises(LabValueError, match="at a point"):
        study("x**2", "x").hessian()


def test_derivatives_up_to_an_order_are_curves() -> None:
    view = study("sin(x)", "x", "x=1", order=3).plot().view
    assert isinstance(view, PlotView) and len(view.series) == 4
    with pytest.raises(LabValueError, match="no plot"):
        study("x.sum()", "x:vector").plot()
