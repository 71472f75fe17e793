"""`why` lists the paths of an input, `why_not` says where one breaks."""

from __future__ import annotations

import numpy as np

import autodiff_lab.tensor as pt
from autodiff_lab.study import Study


def test_paths_are_products_that_add_to_the_derivative() -> None:
    study = Study.from_cell("u = x**2\nu * exp(-u) + 3 * x", {}, "x", at="x=0.7")
    paths = study.why("x")
    total = sum(float(path.value) for path in paths)
    assert np.isclose(total, study.fn_and_grad()[1]["x"], rtol=1e-4)
    assert len(paths) == 3 and paths[0].value
    assert "x -> u -> " in str(paths) and "* (-1) * 2x = " in str(paths) and "3 = 3" in str(paths)


def test_many_paths_are_counted_and_not_listed() -> None:
    x = pt.dscalar("x")
    y = x
    for _ in range(60):
        y = y * pt.sin(y)
    paths = Study(y, x).why("x")
    assert len(paths) == 20 and f"of {2**60:,} paths" in str(paths)


def test_a_path_that_breaks() -> None:
    study = Study.from_cell("k = floor(w)\nx * k", {}, "x", at="x=1, w=2.5")
    said = str(study.why_not("w"))
    assert "floor(w)" in said and "line 1" in said and "constant" in said
    assert "does not break" in study.why_not("x")
    assert str(study.why("w")) == said
    x, n = pt.dscalar("x"), pt.iscalar("n")
    assert "whole numbers" in Study(x**n, x).why_not("n")


def test_arrays_have_paths_too() -> None:
    study = Study.from_cell("((A @ x)**2).sum()", {"np": np}, "x:vector",
                            at="A=np.eye(3), x=np.ones(3)")
    (path,) = study.why("x")
    assert "A @ x" in str(path) and np.allclose(
        path.product.eval({study.inputs["x"]: np.ones(3), study.inputs["A"]: np.eye(3)}), 2)
