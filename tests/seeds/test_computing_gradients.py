"""The part "Computing Gradients" of the three tutorials, re-enacted under each family's names.

The programs are our own; what they must give is what the tutorials print.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

RAW_GRADIENT = (
    "((fill((x ** TensorConstant{2}), TensorConstant{1.0}) * TensorConstant{2})"
    " * (x ** (TensorConstant{2} - TensorConstant{1})))"
)
TABLE = [[0.25, 0.19661193], [0.19661193, 0.10499359]]


def squares(lib: Any, tensor: Any) -> tuple[Any, Any]:
    """The gradient of a square, as a graph and compiled."""
    number = tensor.dscalar("x")
    slope = tensor.grad(number**2, number)
    return slope, lib.function([number], slope)


def test_the_raw_gradient_prints_to_the_letter(library: tuple[Any, Any]) -> None:
    """F-T01, F-T02."""
    lib, tensor = library
    slope, _ = squares(lib, tensor)
    assert lib.pp(slope) == RAW_GRADIENT


def test_the_compiled_gradient_doubles_its_input(library: tuple[Any, Any]) -> None:
    """F-T03, F-T04, F-T05."""
    lib, tensor = library
    _, compiled = squares(lib, tensor)
    result = compiled(4)
    assert repr(result) == "array(8.)" and np.allclose(compiled(94.2), 188.4)
    graph = compiled.maker.fgraph
    assert lib.pp(graph.outputs[0]) == "(2.0 * x)"
    assert len(graph.apply_nodes) == 1


def test_the_logistic_table(library: tuple[Any, Any]) -> None:
    """F-T07."""
    lib, tensor = library
    entries = tensor.dmatrix("x")
    total = tensor.sum(1 / (1 + tensor.exp(-entries)))
    dlogistic = lib.function([entries], tensor.grad(total, entries))
    np.testing.assert_allclose(dlogistic([[0, 1], [-1, -2]]), TABLE, rtol=0, atol=5e-9)


def test_the_derivative_of_the_logistic_is_s_times_one_minus_s(library: tuple[Any, Any]) -> None:
    lib, tensor = library
    entry = tensor.dscalar("x")
    s = 1 / (1 + tensor.exp(-entry))
    both = lib.function([entry], [tensor.grad(s, entry), s * (1 - s)])
    for at in np.linspace(-6, 6, 25):
        np.testing.assert_allclose(*both(at), rtol=1e-12)


def test_a_list_of_variables_gives_a_list_in_its_order(library: tuple[Any, Any]) -> None:
    """F-T10."""
    lib, tensor = library
    a, b = tensor.dscalar("a"), tensor.dscalar("b")
    slopes = tensor.grad(a * a * b, [b, a])
    assert isinstance(slopes, list) and len(slopes) == 2
    assert [float(v) for v in lib.function([a, b], slopes)(3.0, 5.0)] == [9.0, 30.0]


def test_only_scalars_can_be_differentiated(library: tuple[Any, Any]) -> None:
    """F-T11."""
    _, tensor = library
    entries = tensor.dvector("x")
    with pytest.raises(TypeError, match=r"^Cost must be a scalar\."):
        tensor.grad(entries**2, entries)


def test_the_gradient_can_be_taken_again(library: tuple[Any, Any]) -> None:
    """F-T19."""
    lib, tensor = library
    number = tensor.dscalar("x")
    second = tensor.grad(tensor.grad(number**3, number), number)
    assert float(lib.function([number], second)(2.0)) == pytest.approx(12.0)


def test_the_figure_of_the_derivative() -> None:
    """F-T09: highest at 0 with 0.25, and symmetric."""
    import autodiff_lab as ad
    import autodiff_lab.tensor as pt

    x = pt.dscalar("x")
    study = ad.Study(1 / (1 + pt.exp(-x)), x, plot=("x", -6.0, 6.0, 121))
    _, xs, rows, labels = study.samples()
    slopes = np.array(rows)[:, 1]
    assert len(labels) == 2 and xs[int(np.argmax(slopes))] == pytest.approx(0.0, abs=1e-12)
    assert slopes.max() == pytest.approx(0.25)
    np.testing.assert_allclose(slopes, slopes[::-1], rtol=1e-12)
    assert "<svg" in study.plot()._repr_mimebundle_()["image/svg+xml"]
