"""Derivations: the textbook's lines to the letter, and every line equal to the next in numbers."""

from __future__ import annotations

import numpy as np
import pytest

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.view.derivation import derivation_text, derive
from autodiff_lab.view.latex import latex
from autodiff_lab.view.sweep import rule_words

x, a, b = pt.dscalar("x"), pt.dscalar("a"), pt.dscalar("b")
X, M = pt.dmatrix("X"), pt.dmatrix("M")
v, w, t = pt.dvector("v"), pt.dvector("w"), pt.dvector("t")


def logistic(u):
    return 1 / (1 + pt.exp(-u))


LOGISTIC = """\
s(x)  = 1/(1 + exp(-x))                             the logistic function
ds/dx = d/dx [1/(1 + exp(-x))]                      what is asked
      = -1/(1 + exp(-x))^2 * d/dx [1 + exp(-x)]     quotient rule: (1/u)' = -u'/u^2 with u = 1 + exp(-x)
      = -1/(1 + exp(-x))^2 * d/dx [exp(-x)]         sum rule; a constant has derivative 0
      = -1/(1 + exp(-x))^2 * exp(-x) * d/dx [-x]    chain rule through exp: exp(u)' = exp(u) u'
      = -1/(1 + exp(-x))^2 * exp(-x) * (-1)         derivative of -u is -u'
      = exp(-x)/(1 + exp(-x))^2                     the two signs cancel; written as one fraction
      = 1/(1 + exp(-x)) * exp(-x)/(1 + exp(-x))     the square is split
      = s(x)(1 - s(x))                              s(x) = 1/(1 + exp(-x)), and exp(-x)/(1 + exp(-x)) = 1 - s(x)
runs as sigmoid(-x) * sigmoid(x): equal, as sigmoid(-x) = 1 - sigmoid(x); for large x, 1 - s(x) would lose all digits"""  # noqa: E501


def test_the_logistic_function_to_the_letter() -> None:
    assert str(derive(logistic(x), x)) == LOGISTIC


# expression -> the form in which its derivative by x ends
SCALARS = {
    "x^2": (x**2, "2x"),
    "x": (1 * x, "1"),
    "cubic": (3 * x**3 - 2 * x**2 + x - 5, "9x^2 - 4x + 1"),
    "logistic": (logistic(x), "s(x)(1 - s(x))"),
    "sigmoid": (pt.sigmoid(x), "s(x)(1 - s(x))"),
    "scaled logistic": (logistic(a * x + b), "a * y * (1 - y)"),
    "other logistic": (pt.exp(x) / (1 + pt.exp(x)), "s(x)(1 - s(x))"),
    "tanh by hand": (
        (pt.exp(x) - pt.exp(-x)) / (pt.exp(x) + pt.exp(-x)), "4/(exp(x) + exp(-x))^2"
    ),
    "tanh": (pt.tanh(x), "1 - tanh(x)^2"),
    "product": (x * pt.sin(x), "sin(x) + x * cos(x)"),
    "gaussian": (pt.exp(-(x**2)), "-2x * y"),
    "softplus": (pt.log(1 + pt.exp(x)), "s(x)"),
    "softplus op": (pt.softplus(x), None),
    "root": (pt.sqrt(1 + x**2), "x/y"),
    "power tower": (x**x, "x^x * (1 + log(x))"),
    "quotient": ((x - 1) / (x + 1), "2/(x + 1)^2"),
    "rational": (x / (1 + x**2), "(1 - x^2)/(1 + x^2)^2"),
    "reciprocal": (1 / x, "-1/x^2"),
    "reciprocal op": (pt.reciprocal(x), "-1/x^2"),
    "absolute": (abs(x), "sign(x)"),
    "maximum": (pt.maximum(x, 0), "[x >= 0]"),
    "minimum": (pt.minimum(x, 1), "[x <= 1]"),
    "clip": (pt.clip(x, -1, 1), None),
    "where": (pt.where(x > 0, x**2, -x), None),
    "nested": (pt.sin(pt.sin(x)), "cos(sin(x)) * cos(x)"),
    "two inputs": (pt.exp(a * x) * pt.sin(x), "exp(a * x) * (a * sin(x) + cos(x))"),
    "constant base": (2**x, None),
    "free exponent": (x**a, "a * x^(a - 1)"),
    "both ways": (pt.exp(x) * pt.sin(x), "exp(x) * (sin(x) + cos(x))"),
    "logarithm of a sum": (pt.log(1 + x**2), "2x/(1 + x^2)"),
    "cosine of a square": (pt.cos(x**2), "-2x * sin(x^2)"),
    "arctan": (pt.arctan(2 * x), None),
    "arcsin": (pt.arcsin(x / 4), None),
    "erf": (pt.erf(x), None),
    "tan": (pt.tan(x / 4), None),
    "hyperbolic": (pt.sinh(x) * pt.cosh(x), None),
    "log1p": (pt.log1p(x**2), None),
    "expm1": (pt.expm1(-x), "-exp(-x)"),
    "square op": (pt.sqr(pt.sin(x)), "2 sin(x) * cos(x)"),
    "square by product": (x * x, "2x"),
    "floor": (pt.floor(x) + x, "1"),
    "sign": (x * pt.sign(x), None),
    "mean of two": ((x + a) / 2, "1/2"),
    "logaddexp": (pt.logaddexp(x, a), None),
    "arctan2": (pt.arctan2(x, a), None),
    "modulus": (x % 1, None),
    "cast": (pt.cast(x, "float32") * x, None),
    "swish": (x * pt.sigmoid(x), None),
    "deep": (pt.exp(pt.sin(pt.log(1 + pt.sqrt(1 + x**2)))), None),
    "polynomial of exp": (pt.exp(2 * x) + 3 * pt.exp(x), None),
    "difference of squares": ((x + a) * (x - a), "2x"),
    "names in the function's order": (x**2 * a + pt.sin(x * a), "2x * a + a * cos(x * a)"),
    "numbers last": ((1 - x)**2 + 100 * (a - x**2)**2, "400x^3 - 400x * a + 2x - 2"),
    "the other condition": (pt.where(x > 0, x**2, -x), "2x * [x > 0] - [x <= 0]"),
    "the root of 2 pi": (x**2 / pt.sqrt(2 * np.pi), "2x/sqrt(2 pi)"),
}

V3, M2 = pt.TensorType("float64", (3,))("v"), pt.TensorType("float64", (2, 2))("M")
DATA = pt.constant(np.arange(9.0).reshape(3, 3), name="A")

ARRAYS = {
    "least squares, mean": (pt.mean((DATA @ w - t) ** 2), w, "(2 * A.T @ (A @ w - t))/3"),
    "trace": (pt.linalg.trace(M2 @ M2) + pt.linalg.trace(M2), M2, "2M.T + I"),
    "extremes": (
        pt.max(V3) + pt.min(V3), V3, "[v_i == max_j v_j] + [v_i == min_j v_j]"
    ),
    "counted from the end": (V3[0] * V3[1] + V3[-1] ** 2, V3,
                             "[i == 0] * v_1 + [i == 1] * v_0 + 2 * [i == 2] * v_2"),
    "hinge": (pt.sum(pt.maximum(0, 1 - t * (M @ w))), w, "-M.T @ (t * [0 < 1 - t * (M @ w)])"),
    "sum of logistics": (pt.sum(logistic(X)), X, "s(X_ij)(1 - s(X_ij))"),
    "least squares": (pt.sum((pt.dot(M, w) - t) ** 2), w, "2 * M.T @ (M @ w - t)"),
    "mean": (pt.mean(X**2), X, "2X_ij/(n_1 * n_2)"),
    "broadcast": (pt.sum(M * v), v, "sum_j M_ji"),
    "log-sum-exp": (pt.log(pt.sum(pt.exp(v))), v, "exp(v_i)/(sum_j exp(v_j))"),
    "layer": (pt.sum(pt.tanh(pt.dot(X, M) + v) ** 2), M, None),
    "bias": (pt.sum(pt.tanh(pt.dot(M, w) + v)), v, "1 - tanh(M @ w + v)^2"),
    "outer product": (
        pt.sum(pt.tanh(pt.dot(M, w)) ** 2), M,
        "2 tanh((M @ w)_i) * (1 - tanh((M @ w)_i)^2) * w_j",
    ),
    "quadratic form": (pt.dot(w, pt.dot(M, w)), w, "M @ w + M.T @ w"),
    "transposed": (pt.sum(X.T * X), X, "2X_ji"),
    "scalar in a sum": (pt.sum(v * x), x, "sum_i v_i"),
    "softmax": (pt.sum(pt.exp(X) / pt.sum(pt.exp(X), axis=1, keepdims=True) * X), X, None),
    "largest": (pt.max(v), v, None),
    "product": (pt.prod(v), v, None),
    "elements": (v[0] * v[1], v, None),
    "reshaped": (pt.sum(X.reshape((9,)) ** 2), X, None),
}


@pytest.mark.parametrize("case", SCALARS)
def test_scalar(case: str) -> None:
    cost, ends_in = SCALARS[case]
    derivation = derive(cost, x, strict=True)
    assert derivation.check() == []
    if ends_in is not None:
        assert derivation.final_text == ends_in
    assert all(line.view.rule for line in derivation.lines[1:])


@pytest.mark.parametrize("case", ARRAYS)
def test_array(case: str) -> None:
    cost, wrt, ends_in = ARRAYS[case]
    derivation = derive(cost, wrt, strict=True)
    assert derivation.check() == []
    if ends_in is not None:
        assert derivation.final_text == ends_in


HIGHER = {
    "x^3": (x**3, 3, "6"),
    "x^5": (x**5, 2, "20x^3"),
    "sin": (pt.sin(x), 2, "-sin(x)"),
    "logistic": (logistic(x), 2, None),
    "softplus": (pt.log(1 + pt.exp(x)), 2, "s(x)(1 - s(x))"),
    "gaussian": (pt.exp(-(x**2)), 2, "y * (4x^2 - 2)"),
    "tanh": (pt.tanh(x), 2, "-2 tanh(x) * (1 - tanh(x)^2)"),
}


@pytest.mark.parametrize("case", HIGHER)
def test_higher_order(case: str) -> None:
    cost, order, ends_in = HIGHER[case]
    derivation = derive(cost, x, order=order, strict=True)
    assert derivation.check(rtol=1e-5) == []
    assert derivation.left[0].startswith(f"d^{order}")
    if ends_in is not None:
        assert derivation.final_text == ends_in


def test_a_wrong_line_is_found() -> None:
    derivation = derive(x**2, x)
    import dataclasses

    last = dataclasses.replace(derivation.lines[-1], graph=3 * x, state=None)
    derivation.lines[-1] = last
    assert derivation.check() != []


def test_the_names() -> None:
    y = x**2
    y.name = "energy"
    derivation = derive(y, x)
    assert derivation.name.text == "energy"
    assert derivation.left[0] == "denergy/dx"
    assert derive(x**2, x, name="f").left[0] == "df/dx"
    s = pt.dscalar("s")
    assert derive(logistic(s), s).final_text == "sigma(s)(1 - sigma(s))"
    cost = pt.sum(logistic(X))
    cost.name = "s"
    assert derive(cost, X).final_text == "sigma(X_ij)(1 - sigma(X_ij))"


def test_an_op_without_words_still_gives_a_derivation(monkeypatch: pytest.MonkeyPatch) -> None:
    from autodiff_lab.view import derivation as module

    def broken(*arguments: object) -> None:
        raise RuntimeError("no steps")

    monkeypatch.setattr(module, "steps", broken)
    short = derive(pt.exp(x), x)
    assert [line.view.kind for line in short.lines] == ["definition", "result"]
    with pytest.raises(RuntimeError):
        derive(pt.exp(x), x, strict=True)


def test_both_paths() -> None:
    u = x**2
    texts = [line.view.rule for line in derive(pt.exp(u) * pt.sin(u), x).lines]
    assert any("both paths add" in text for text in texts)


def test_what_the_gradient_stops_the_derivation_stops() -> None:
    y = x * pt.exp(x)
    stopped = ad.grad(y, x, consider_constant=[y.owner.inputs[1]])
    derivation = derive(y, x, stopped)
    assert derivation.final_text == "exp(x)"
    assert derivation.check() == [] or "differs" in derivation.check()[0]


def test_a_long_derivation_is_folded_but_kept() -> None:
    y = x
    for _ in range(12):
        y = pt.sin(y) + 1
    derivation = derive(y, x)
    assert len(derivation.view.lines) > 20
    text = str(derivation)
    assert "more lines" in text
    assert len(text.splitlines()) < 20
    assert len(derivation_text(derivation.view, None).splitlines()) > len(derivation.view.lines)


@pytest.mark.parametrize("length", [60, 900])
def test_a_chain_of_any_length(length: int) -> None:
    y = x
    for _ in range(length):
        y = pt.sin(y) + 1
    derivation = derive(y, x)
    assert len(derivation.view.lines) < 60
    assert any("more operations" in line.rule for line in derivation.view.lines)


def test_a_very_long_chain_is_told_in_two_lines() -> None:
    y = x
    for _ in range(3000):
        y = pt.sin(y)
    derivation = derive(y, x)
    assert [line.view.text for line in derivation.lines][0].startswith("sin(sin(")
    assert "3000 operations" in derivation.lines[0].view.rule
    assert len(str(derivation)) < 1000


def test_every_line_is_drawable() -> None:
    from matplotlib.mathtext import MathTextParser

    parser = MathTextParser("path")
    for cost, *_ in [*SCALARS.values(), (ARRAYS["softmax"][0], None)]:
        wrt = X if cost is ARRAYS["softmax"][0] else x
        derivation = derive(cost, wrt)
        for line in derivation.view.lines:
            assert parser.parse(f"${line.left_latex} = {line.latex}$") is not None
        assert parser.parse(f"${derivation.runs_latex}$") is not None


@pytest.mark.parametrize("name", sorted(pt.registry.ROWS))
def test_every_row_has_words(name: str) -> None:
    row = pt.registry.ROWS[name]
    function = pt.registry.FUNCTIONS.get(name)
    if not row.differentiable or function is None:
        pytest.skip("no derivative")
    make = pt.bscalar if row.dtype.startswith("logic") else pt.dscalar
    try:
        node = function(*[make(letter) for letter in "xab"][: row.arity]).owner
    except TypeError:
        node = function(*[pt.bscalar(letter) for letter in "xab"][: row.arity]).owner
    for place in range(row.arity):
        words = rule_words(node, [place])
        assert len(words) > 3 and "\n" not in words


def test_a_named_part_does_not_lend_its_name_to_the_derivative() -> None:
    h = pt.tanh(w * v)
    p = pt.exp(pt.sum(h))
    h.name, p.name = "h", "p"
    derivation = derive(pt.log(1 + p) + 0.1 * pt.sum(v**2), v)
    assert derivation.final_text == "w_i * (1 - h_i^2) * s(sum_j h_j) + 0.2v_i"
    assert derivation.check() == []


def softmax(name: str | None = None) -> pt.TensorVariable:
    z = pt.exp(v) / pt.sum(pt.exp(v))
    z.name = name
    return z


def test_the_softmax_by_hand() -> None:
    derivation = derive(-pt.log(softmax("z")[0]), v)
    assert derivation.final_text == "z_i - [i == 0]"
    assert derivation.check() == []
    names = {line.view.left_text.partition("[")[0] for line in derivation.lines}
    used = {word for line in derivation.view.lines for word in line.text.replace("[", " ").split()
            if word.startswith("u_")}
    assert used and used <= names


def test_one_part_has_one_name_whatever_its_letters() -> None:
    lines = derive(-pt.log(softmax()[0]), v).view.lines
    named = [line.text for line in lines if line.left_text.startswith("u_")]
    assert len(named) == len({text.replace("_j", "_i").replace("[j", "[i") for text in named})


def test_a_variable_called_e_is_not_the_number() -> None:
    e = pt.dscalar("e")
    view = derive(pt.exp(e) * x, e).view
    assert all("e^" not in line.latex for line in view.lines)
    y = pt.exp(x)
    y.name = "e"
    assert all("e^" not in line.latex for line in derive(y, x).view.lines)


def test_thirds_stay_thirds() -> None:
    n = pt.TensorType("float64", (3,))("n")
    text = derive(pt.mean((n - pt.mean(n)) ** 2), n).final_text
    assert "0.333" not in text


def test_a_matrix_folded_into_the_form_that_runs_keeps_its_name() -> None:
    derivation = derive(pt.mean((DATA @ w - t) ** 2), w)
    assert "A.T @ (A @ w - t)" in derivation.runs_text
    assert "A^{T}" in derivation.view.runs_as_latex and "c_1" not in str(derivation)


def test_words_in_a_formula_stand_upright() -> None:
    array = pt.constant(np.arange(12.0).reshape(3, 4))
    assert r"\mathrm{shape}\ (3, 4)" in latex((array * x).sum())


def test_the_variance_divides_by_the_count() -> None:
    assert "3 - 0" not in str(derive(V3.var(), V3))
