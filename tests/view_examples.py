"""Records made by hand, so that drawing is tested without a graph."""

from __future__ import annotations

import math
import re

from autodiff_lab.view.model import (
    CardView, CheckView, DerivationLine, DerivationView, EdgeView, FormulaView, GraphView,
    KernelView, NodeView, PlotSeries, PlotView, SourceView, StepView, ValueSummary,
)

CODE = "u = exp(-x)\n1 / (1 + u)"
POINT = 0.4


def value(number: float) -> ValueSummary:
    """A scalar's summary, with NaN and infinities counted."""
    return ValueSummary(
        f"{number:.6g}",
        nan_count=int(math.isnan(number)),
        inf_count=int(math.isinf(number)),
    )


def logistic_graph(point: float = POINT) -> GraphView:
    """1 / (1 + exp(-x)) and its raw gradient."""
    u = math.exp(-point)
    s = 1 / (1 + u)
    first, second = SourceView("cell 3, line 2", 2, CODE.splitlines()[0]), SourceView(
        "cell 3, line 3", 3, CODE.splitlines()[1]
    )
    rows: list[tuple] = [
        ("A", "input", "x", "x", "", "forward", "A'", 0, point, None, "the input x", ""),
        ("B", "op", "neg", "-x", "neg", "forward", "B'", 1, -point, first, "minus its input", ""),
        ("C", "op", "exp", "exp(-x)", "exp", "forward", "D'", 2, u, first, "e to its input", ""),
        ("K", "constant", "1.0", "1.0", "", "forward", None, 2, 1.0, None, "a constant", ""),
        ("D", "op", "add", "1.0 + exp(-x)", "add", "forward", "D'", 3, 1 + u, second, "sum", ""),
        ("E", "output", "true_div", "1.0 / (1.0 + exp(-x))", "true_div", "forward", "E'", 4, s,
         second, "quotient", ""),
        ("E'", "constant", "1.0", "1.0", "", "adjoint", "E", 4, 1.0, None,
         "the seed: ds/ds = 1", r"ds/ds"),
        ("H", "op", "mul", "1.0 * s", "mul", "adjoint", None, 4, s, second,
         "product, a helper of the quotient rule", "g * u/v"),
        ("I", "op", "true_div", "s / (1.0 + exp(-x))", "true_div", "adjoint", None, 4, s * s,
         second, "quotient, a helper of the quotient rule", "g * u/v^2"),
        ("D'", "op", "neg", "-(s / (1.0 + exp(-x)))", "neg", "adjoint", "D", 3, -s * s, second,
         "adjoint of 1.0 + exp(-x): quotient rule (u/v)' = -u v'/v^2", "ds/dD = -g * u/v^2"),
        ("B'", "op", "mul", "D' * exp(-x)", "mul", "adjoint", "B", 1, -s * s * u, first,
         "adjoint of -x: chain rule through exp, exp(u)' = exp(u) u'", "ds/dB = g * exp(u)"),
        ("A'", "output", "neg", "-(D' * exp(-x))", "neg", "adjoint", "A", 0, s * s * u, first,
         "adjoint of x: the derivative of -u is -u'", "ds/dx = -g"),
    ]  # fmt: skip
    nodes = tuple(
        NodeView(
            id=i, kind=kind, label=label, text=text, op=op, dtype="float64", column=column,
            twin=twin, row=row, value=value(number), source=source, rule=rule, term=term,
            name={"A": "x", "E": "s", "A'": "ds/dx"}.get(i, ""),
        )
        for i, kind, label, text, op, column, twin, row, number, source, rule, term in rows
    )  # fmt: skip
    flow = "A B0, B C0, K D0, C D1, K E0, D E1, E' H0, H I0, I D'0, D' B'0, B' A'0"
    residual = "E H1, D I1, C B'1"
    edges = [
        EdgeView(pair.split()[0], pair.split()[1][:-1], kind, int(pair[-1]))
        for kind, pairs in (("flow", flow), ("residual", residual))
        for pair in pairs.split(", ")
    ]
    return GraphView(nodes, tuple(edges))


def chain_graph(length: int, weights: bool = True) -> GraphView:
    """A chain of layers with weights, and the mirrored gradient of each."""
    nodes, edges = [], []
    for k in range(length):
        nodes.append(
            NodeView(f"f{k}", "op" if k else "input", "tanh" if k else "x", row=k, twin=f"b{k}",
                     shape=(3, None), dtype="float64")
        )  # fmt: skip
        nodes.append(
            NodeView(f"b{k}", "op", "mul", row=k, twin=f"f{k}", column="adjoint", dtype="float64")
        )
        if k:
            edges.append(EdgeView(f"f{k - 1}", f"f{k}"))
            edges.append(EdgeView(f"b{k}", f"b{k - 1}"))
            edges.append(EdgeView(f"f{k}", f"b{k - 1}", "residual", 1))
        if weights and k:
            nodes.append(NodeView(f"w{k}", "input", f"W{k}", row=k - 1, twin=f"g{k}"))
            nodes.append(NodeView(f"g{k}", "output", "dot", column="adjoint", row=k - 1,
                                  twin=f"w{k}"))  # fmt: skip
            edges.append(EdgeView(f"w{k}", f"f{k}", slot=1))
            edges.append(EdgeView(f"b{k}", f"g{k}"))
            edges.append(EdgeView(f"f{k - 1}", f"g{k}", "residual", 1))
    return GraphView(tuple(nodes), tuple(edges))


def logistic_derivation() -> DerivationView:
    """The lines of the tutorial's derivation."""
    d, q = r"\frac{d}{dx}", r"\frac{-1}{(1 + e^{-x})^2}"
    rows = [
        (r"\frac{1}{1 + e^{-x}}", "1/(1 + exp(-x))", "", "definition", "s(x)", "s(x)"),
        (d + r"\left[\frac{1}{1 + e^{-x}}\right]", "d/dx [1/(1 + exp(-x))]", "what is asked",
         "question", r"\frac{ds}{dx}", "ds/dx"),
        (q + d + r"\left[1 + e^{-x}\right]", "-1/(1 + exp(-x))^2 * d/dx [1 + exp(-x)]",
         "quotient rule: (1/u)' = -u'/u^2 with u = 1 + exp(-x)", "differentiation", "", ""),
        (q + d + r"\left[e^{-x}\right]", "-1/(1 + exp(-x))^2 * d/dx [exp(-x)]",
         "sum rule; a constant has derivative 0", "differentiation", "", ""),
        (q + r"e^{-x}\," + d + r"\left[-x\right]", "-1/(1 + exp(-x))^2 * exp(-x) * d/dx [-x]",
         "chain rule through exp: exp(u)' = exp(u) u'", "differentiation", "", ""),
        (q + r"e^{-x}\,(-1)", "-1/(1 + exp(-x))^2 * exp(-x) * (-1)", "derivative of -x",
         "differentiation", "", ""),
        (r"\frac{e^{-x}}{(1 + e^{-x})^2}", "exp(-x)/(1 + exp(-x))^2", "the two signs cancel",
         "simplification", "", ""),
        (r"\frac{1}{1 + e^{-x}}\cdot\frac{e^{-x}}{1 + e^{-x}}",
         "1/(1 + exp(-x)) * exp(-x)/(1 + exp(-x))", "split the square", "simplification", "", ""),
        (r"s(x)\,(1 - s(x))", "s(x)(1 - s(x))",
         "s(x) = 1/(1 + exp(-x)), and exp(-x)/(1 + exp(-x)) = 1 - s(x)", "result", "", ""),
    ]  # fmt: skip
    return DerivationView(
        tuple(DerivationLine(*row) for row in rows),
        runs_as_latex=r"\sigma(-x)\,\sigma(x)",
        runs_as_text="sigmoid(-x) * sigmoid(x)",
        reason="equal, as sigmoid(-x) = 1 - sigmoid(x); for large x, 1 - s(x) would lose all "
        "digits",
    )


def listed(lines: list[str]) -> GraphView:
    """A graph from lines "C = add(1.0, B)"."""
    names = [line.partition(" = ")[0] for line in lines]
    nodes, edges = [NodeView("x", "input", "x")], []
    for name, text in (line.split(" = ") for line in lines):
        nodes.append(NodeView(name, "op", text.partition("(")[0], text))
        read = re.findall(r"\b[A-Zx]\b", text)
        edges += [EdgeView(v, name, slot=k) for k, v in enumerate(read) if v in [*names, "x"]]
    return GraphView(tuple(nodes), tuple(edges), f"result {names[-1]}")


def logistic_steps() -> tuple[StepView, ...]:
    """A few rewrites as the trace would give them."""
    listing = ["A = neg(x)", "B = exp(A)", "C = add(1.0, B)", "D = true_div(1.0, C)",
               "E = mul(1.0, D)", "F = true_div(E, C)", "G = neg(F)", "H = mul(G, B)",
               "I = neg(H)"]  # fmt: skip
    later = [line for line in listing if not line.startswith("E")]
    later[4] = "F = true_div(D, C)"
    final = ["A = neg(x)", "B = sigmoid(A)", "C = sigmoid(x)", "D = mul(B, C)"]
    source = (
        '@rule(phase="stabilize")\n'
        'def logistic(x):\n    """1/(1 + exp(-x)) = sigmoid(x)"""\n'
        "    return 1 / (1 + exp(-x)), sigmoid(x)\n"
    )
    return (
        StepView(1, "mul_by_one", "canonicalize", "1.0 * s", "s", r"1 \cdot s", "s",
                 "A factor one changes nothing.", source, "rules/algebra.py, line 12", 9, 8, "ok",
                 listed(listing), listed(later)),
        StepView(2, "neg_neg", "canonicalize", "-(-(a))", "a", "-(-a)", "a",
                 "Two signs cancel.", source, "rules/algebra.py, line 30", 8, 6, "ok"),
        StepView(3, "logistic", "stabilize", "1.0 / (1.0 + exp(-x))", "sigmoid(x)",
                 r"\frac{1}{1 + e^{-x}}", r"\sigma(x)",
                 "One over one plus exp of minus x is the logistic function, computed without "
                 "overflow.", source, "rules/stable.py, line 8", 6, 4, "ok",
                 listed(later), listed(final)),
    )  # fmt: skip


def logistic_plot(points: int = 200) -> PlotView:
    """The function and its derivative from -6 to 6."""
    x = tuple(-6 + 12 * k / (points - 1) for k in range(points))
    s = tuple(1 / (1 + math.exp(-t)) for t in x)
    return PlotView(
        x, (PlotSeries("s(x)", s), PlotSeries("ds/dx", tuple(t * (1 - t) for t in s))),
        title="s and its derivative", point=POINT,
    )  # fmt: skip


def logistic_kernel() -> KernelView:
    """A kernel as `%kernel` shows it."""
    numba = (
        "@numba.njit(error_model='numpy')\n"
        "def kernel(x, out0, out1):\n"
        "    for i in range(x.shape[0]):\n"
        "        a = -x[i]                  # A = neg(x)\n"
        "        b = 1.0 / (1.0 + exp(a))   # D = true_div(1.0, C)\n"
        "        out0[i] = b\n"
        "        out1[i] = b * (1.0 - b)\n"
    )
    numpy = (
        "import numpy as np\n\n"
        "def value_and_gradient(x):\n"
        "    s = 1.0 / (1.0 + np.exp(-x))\n"
        "    return s, s * (1.0 - s)\n"
    )
    return KernelView(
        "numpy", "NumPy ran, 0.004 ms; Numba not compiled yet (about 0.5 s)", numpy, numba,
    )


def logistic_card(**changes: object) -> CardView:
    """The whole card of the first lesson."""
    parts: dict = {
        "title": "s(x) and ds/dx",
        "formulas": (
            FormulaView(r"s(x) = \frac{1}{1 + e^{-x}} = 0.598688",
                        "s(x) = 1/(1 + exp(-x)) = 0.598688"),
            FormulaView(r"\frac{ds}{dx} = s(x)\,(1 - s(x)) = 0.240261",
                        "ds/dx = s(x)(1 - s(x)) = 0.240261"),
        ),
        "point": "at x = 0.4",
        "notices": ("x: new scalar float64",),
        "check": CheckView(True, "check ok, rtol 1e-6"),
        "code": CODE,
        "code_first_line": 2,
        "graph": logistic_graph(),
        "derivation": logistic_derivation(),
        "steps": logistic_steps(),
        "plot": logistic_plot(),
        "kernel": logistic_kernel(),
    }  # fmt: skip
    return CardView(**{**parts, **changes})
