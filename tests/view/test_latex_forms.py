"""Mathematics as text and as LaTeX: forms as in a textbook, all of them drawable by mathtext."""

from __future__ import annotations

import numpy as np
import pytest

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.view.latex import latex, math_text, symbol_latex
from autodiff_lab.view.notation import name_arrays

x, a = pt.dscalar("x"), pt.dscalar("alpha")
X, W, b, w = pt.dmatrix("X"), pt.dmatrix("W_1"), pt.dvector("b"), pt.dvector("w")

FORMS = {
    "power": (x**2, "x^2", "x^{2}"),
    "logistic": (1 / (1 + pt.exp(-x)), "1/(1 + exp(-x))", r"\frac{1}{1 + e^{-x}}"),
    "gaussian": (pt.exp(-(x**2)), "exp(-x^2)", r"e^{-x^{2}}"),
    "product": (x * pt.sin(x), "x * sin(x)", r"x \, \sin(x)"),
    "logarithm": (pt.log(1 + pt.exp(x)), "log(1 + exp(x))", r"\log(1 + e^{x})"),
    "root": (pt.sqrt(1 + x**2), "sqrt(1 + x^2)", r"\sqrt{1 + x^{2}}"),
    "quotient": ((x - 1) / (x + 1), "(x - 1)/(x + 1)", r"\frac{x - 1}{x + 1}"),
    "absolute": (abs(x), "|x|", "|x|"),
    "negated sum": (-(x + 1), "-(x + 1)", "-(x + 1)"),
    "difference of a difference": (x - (a - 1), "x - (alpha - 1)", r"x - (\alpha - 1)"),
    "minus minus": (x - (-a), "x - (-alpha)", r"x - (-\alpha)"),
    "plus minus": (x + (-a), "x - alpha", r"x - \alpha"),
    "coefficient": (2 * x**3, "2x^3", "2 x^{3}"),
    "two groups": ((x + 1) * (x - 1), "(x + 1)(x - 1)", r"(x + 1) \, (x - 1)"),
    "minus a square": (-(x**2), "-x^2", "-x^{2}"),
    "square of minus": ((-x) ** 2, "(-x)^2", "(-x)^{2}"),
    "power of a function": (pt.sin(x) ** 2, "sin(x)^2", r"\sin^{2}(x)"),
    "negative exponent": (x**-1, "x^(-1)", "x^{-1}"),
    "negative factor": (pt.exp(x) * -1, "exp(x) * (-1)", r"e^{x} \, (-1)"),
    "fraction of products": ((x * a) / (2 * x), "(x * alpha)/(2x)",
                             r"\frac{x \, \alpha}{2 x}"),
    "fraction below": (x / (a / x), "x/(alpha/x)", r"\frac{x}{\frac{\alpha}{x}}"),
    "square of a fraction": ((1 / x) ** 2, "(1/x)^2", r"\left(\frac{1}{x}\right)^{2}"),
    "tall exponent": (pt.exp(1 / x), "exp(1/x)", r"\exp\left(\frac{1}{x}\right)"),
    "pi": (3.141592653589793 * x, "pi * x", r"\pi \, x"),
    "small number": (1e-8 * x, "1e-08 * x", r"1 \cdot 10^{-8} \, x"),
    "number behind": (x * 0.5, "x * 0.5", r"x \cdot 0.5"),
    "square op": (pt.sqr(x + 1), "(x + 1)^2", "(x + 1)^{2}"),
    "reciprocal": (pt.reciprocal(x + 1), "1/(x + 1)", r"\frac{1}{x + 1}"),
    "cast is silent": (pt.cast(x, "float32"), "x", "x"),
    "fill is its value": (pt.fill(x, 1.0) * x, "1x", "1 x"),
    "row with a template": (pt.expm1(x) ** 2, "expm1(x)^2", r"\left(e^{x} - 1\right)^{2}"),
    "sum": (pt.sum(1 / (1 + pt.exp(-X))), "sum_ij 1/(1 + exp(-X_ij))",
            r"\sum_{ij} \frac{1}{1 + e^{-X_{ij}}}"),
    "sum with a broadcast": (pt.sum((X + b) ** 2), "sum_ij (X_ij + b_j)^2",
                             r"\sum_{ij} (X_{ij} + b_{j})^{2}"),
    "sum of sums": (pt.sum(pt.sum(X * W, axis=1) ** 2), "sum_i (sum_j X_ij * W_1[ij])^2",
                    r"\sum_{i} \left(\sum_{j} X_{ij} \, W_{1,ij}\right)^{2}"),
    "transposed inside": (pt.sum(X.T * W), "sum_ij X_ji * W_1[ij]",
                          r"\sum_{ij} X_{ji} \, W_{1,ij}"),
    "a sum in a product": (pt.sum(b) * x, "(sum_i b_i) * x",
                           r"\left(\sum_{i} b_{i}\right) \, x"),
    "whole arrays": (X * W, "X * W_1", r"X \odot W_{1}"),
}


@pytest.mark.parametrize("case", FORMS)
def test_form(case: str) -> None:
    variable, text, tex = FORMS[case]
    assert math_text(variable) == text
    assert latex(variable) == tex


def drawable(tex: str) -> bool:
    from matplotlib.mathtext import MathTextParser

    return MathTextParser("path").parse(f"${tex}$") is not None


@pytest.mark.parametrize("case", FORMS)
def test_mathtext_draws_it(case: str) -> None:
    assert drawable(latex(FORMS[case][0]))


@pytest.mark.parametrize("row", sorted(pt.registry.ROWS))
def test_mathtext_draws_every_row(row: str) -> None:
    arguments = [x, a, pt.dscalar("beta_2")][: pt.registry.ROWS[row].arity]
    if row.startswith(("and", "or", "xor", "invert", "not")):
        arguments = [argument > 0 for argument in arguments]
    if row == "polygamma":
        arguments[0] = pt.iscalar("n")
    variable = pt.registry.FUNCTIONS.get(row, pt.registry.ROWS[row])
    if not callable(variable):
        pytest.skip("not public")
    assert drawable(latex(variable(*arguments)))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x", "x"), ("alpha", r"\alpha"), ("W_1", "W_{1}"), ("b2", "b_{2}"),
        ("rate", r"\mathrm{rate}"), ("beta_max", r"\beta_{\mathrm{max}}"),
        ("x_i_j", "x_{i,j}"), ("$<b>{", r"\mathrm{\$<b>\{}"), ("theta1", r"\theta_{1}"),
        ("_", r"\_"), ("a\x00b", r"\mathrm{ab}"),
    ],
)
def test_names(name: str, expected: str) -> None:
    assert symbol_latex(name) == expected
    assert drawable(symbol_latex(name))


def test_long_formulas_name_their_parts() -> None:
    value = x
    for _ in range(12):
        value = pt.sin(value * value + 1)
    text = math_text(value)
    assert "where u_" in text or "u_1 =" in text
    assert len(text) < 2000
    assert drawable(latex(value))


def test_a_chain_of_20000_ops_is_written() -> None:
    chain = x
    for _ in range(10_000):
        chain = pt.sin(chain) + 1
    assert len(math_text(chain)) < 3000
    assert len(latex(chain)) < 6000


def test_long_arrays_have_a_name() -> None:
    long, short = np.linspace(0.5, 1, 4), np.array([1.0, 2.0])
    v, u = pt.dvector("v"), pt.dvector("u")
    assert math_text(pt.dot(v, long)) == "v @ c_1 where c_1 = [0.5, 0.6667, 0.8333, 1]"
    assert math_text(pt.sum(u * short)) == "sum_i u_i * ([1, 2])_i"
    y = pt.dot(v, long) + pt.dot(v, np.arange(9.0))
    assert name_arrays([y]) == ["c_1 = [0.5, 0.6667, 0.8333, 1]",
                                "c_2 = [0, 1, 2, ...], shape (9,)"]
    assert math_text(y) == "v @ c_1 + v @ c_2" and drawable(latex(y))


def test_a_part_put_into_an_array() -> None:
    v = pt.dvector("v")
    gradient = ad.grad(v[1] ** 2, v)
    assert math_text(gradient, index=("i",)).startswith("[i == 1] * 1 * 2")
    assert math_text(gradient).startswith("put(")
    assert latex(gradient, index=("i",)).startswith("[i = 1]") and drawable(latex(gradient))
