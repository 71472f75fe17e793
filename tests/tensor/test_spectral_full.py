"""A full svd of a shape that is not known: its singular values have a derivative."""

from __future__ import annotations

import numpy as np
import pytest

import autodiff_lab as ad
import autodiff_lab.tensor as pt


@pytest.mark.parametrize("shape", [(3, 4), (4, 2), (3, 3), (2, 3, 2)])
def test_singular_values_of_a_full_svd_have_a_derivative(shape):
    x = pt.tensor("x", dtype="float64", shape=(None,) * len(shape))
    point = np.random.default_rng(3).normal(size=shape)
    full, thin = (pt.linalg.svd(x, full_matrices=flag)[1] for flag in (True, False))
    weight = np.arange(1.0, min(shape[-2:]) + 1)
    by_full, by_thin = (ad.grad((s * weight).sum(), x).eval({x: point}) for s in (full, thin))
    np.testing.assert_allclose(by_full, by_thin, rtol=1e-9)
    direction = pt.constant(np.ones(shape))
    ahead = [ad.Rop(s, x, direction).eval({x: point}) for s in (full, thin)]
    np.testing.assert_allclose(*ahead, rtol=1e-9)


def test_its_vectors_have_none_and_the_error_says_what_to_ask_for():
    x = pt.dmatrix("x")
    with pytest.raises(TypeError, match="ask for full_matrices=False"):
        ad.grad(pt.linalg.svd(x)[0].sum(), x)
