"""`meshgrid`, `mgrid`, `ogrid` against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest
from graph_values import value

import autodiff_lab.tensor as pt
from autodiff_lab.gradient import grad

VECTORS = ([1.0, 2.0, 3.0], [5.0, 7.0], [9.0])


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("indexing", ["xy", "ij"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_meshgrid(count: int, indexing: str, sparse: bool) -> None:
    options = {"indexing": indexing, "sparse": sparse}
    symbols = [pt.dvector() for _ in range(count)]
    at = dict(zip(symbols, map(np.array, VECTORS)))
    for ours, theirs in zip(
        np.meshgrid(*symbols, **options), np.meshgrid(*VECTORS[:count], **options), strict=True
    ):
        np.testing.assert_array_equal(value(ours, at), theirs)


def test_meshgrid_of_scalars_and_its_derivative() -> None:
    x, y = pt.dvector("x"), pt.dscalar("y")
    first, other = pt.meshgrid(x, y)
    slope = grad((first * other).sum(), y)
    assert value(slope, {x: np.array([1.0, 2.0]), y: np.array(4.0)}) == 3.0
    assert pt.meshgrid() == []
    with pytest.raises(ValueError, match="does not know indexing='ji'"):
        pt.meshgrid(x, indexing="ji")


@pytest.mark.parametrize("key", [
    np.s_[0:3], np.s_[:4:2, 1:3], np.s_[0:2, 0:1:0.25], np.s_[5:2:-1, 0:2, 3:4],
    np.s_[0:1:3j, 0:2], np.s_[-1:1:5j],
])
@pytest.mark.parametrize("name", ["mgrid", "ogrid"])
def test_slices(name: str, key: object) -> None:
    ours, theirs = getattr(pt, name)[key], getattr(np, name)[key]
    if not isinstance(key, tuple):
        ours, theirs = [ours], [theirs]
    for mine, grid in zip(ours, theirs, strict=True):
        assert mine.type.shape == grid.shape
        assert mine.type.dtype == grid.dtype or name == "ogrid"
        np.testing.assert_allclose(value(mine), grid)


def test_slices_of_unknown_length() -> None:
    n = pt.lscalar("n")
    np.testing.assert_array_equal(
        value(pt.mgrid[0:n, 0:2][1], {n: np.array(3)}), np.mgrid[0:3, 0:2][1]
    )
    for key in (slice(2, None), 3):
        with pytest.raises(TypeError, match="slices with an end"):
            pt.mgrid[key]
