"""What a name means in a cell, and that the namespace is what it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff_lab.tensor as pt
from autodiff_lab.cell import CellResult, code_from_text, run_cell
from autodiff_lab.errors import LabError
from autodiff_lab.graph import Constant, ancestors
from autodiff_lab.options import UsageError, parse_line
from autodiff_lab.study import Study


def run(line: str, text: str, namespace: dict[str, Any] | None = None) -> CellResult:
    """Run a cell and check that the namespace holds the same before and after."""
    namespace = {} if namespace is None else namespace
    before = dict(namespace)
    try:
        return run_cell(code_from_text(text), namespace, parse_line(line))
    finally:
        assert namespace.keys() == before.keys()
        assert all(namespace[name] is before[name] for name in before)


LOGISTIC = "1 / (1 + exp(-x))"


def linspace() -> Any:
    return np.linspace(-6, 6)


# first line, text, namespace -> what each input became (dtype, shape, value), and the notices
NAMES: list[tuple[str, str, str, dict[str, Any], dict[str, Any], list[str]]] = [
    ("not defined", "x", LOGISTIC, {}, {"x": ("float64", (), None)}, ["x: new scalar float64"]),
    ("typed", "x:vector/float32", "sum(x ** 2)", {"sum": pt.sum},
     {"x": ("float32", (None,), None)}, ["x: new vector float32"]),
    ("given at", 'x --at "x=[1, 2]"', "(x ** 2).sum()", {},
     {"x": ("float64", (2,), [1.0, 2.0])},
     ["x: vector float64, shape (2,), at the value given"]),
    ("number", "x", "x ** 2", {"x": 0.4}, {"x": ("float64", (), 0.4)},
     ["x: scalar float64 at its value 0.4"]),
    ("integer", "x", "x ** 2", {"x": 3}, {"x": ("float64", (), 3.0)},
     ["x: scalar float64 at its value 3 (from int64)"]),
    ("at wins", 'x --at "x=2"', "x ** 2", {"x": 0.4}, {"x": ("float64", (), 2.0)},
     ["x: scalar float64 at 2"]),
    ("array", "x", "(x ** 2).sum()", {"x": np.ones((2, 3), "float32")},
     {"x": ("float32", (2, 3), np.ones((2, 3)))},
     ["x: matrix float32, shape (2, 3), at its value"]),
    ("array, plotted", 'x --plot "x=-6:6"', LOGISTIC, {"x": np.ones(50)},
     {"x": ("float64", (), None)},
     ["x: new scalar float64 for the plot; your array is left as it is"]),
    ("number, plotted", 'x --plot "x=-6:6"', LOGISTIC, {"x": 0.5}, {"x": ("float64", (), 0.5)},
     ["x: scalar float64 at its value 0.5"]),
    ("free array", "w", "(w * X).sum()", {"X": np.arange(3)},
     {"w": ("float64", (), None), "X": ("int64", (3,), [0, 1, 2])},
     ["w: new scalar float64", "X: your array, as vector int64, shape (3,)"]),
    ("free number", "x", "a * x", {"a": 3}, {"x": ("float64", (), None)},
     ["x: new scalar float64"]),
    ("free list", "x", "a[0] * x", {"a": [3]}, {"x": ("float64", (), None)},
     ["x: new scalar float64"]),
    ("free, given at", 'x --at "a=2"', "a * x", {},
     {"x": ("float64", (), None), "a": ("float64", (), 2.0)},
     ["x: new scalar float64", "a: scalar float64 at 2"]),
    ("symbol", "x", "x ** 2", {"x": pt.fscalar("x")}, {"x": ("float32", (), None)}, []),
    ("function", "", "def f(a, b=2.0):\n    return a * b", {},
     {"a": ("float64", (), None), "b": ("float64", (), 2.0)},
     ["a: new scalar float64", "b: scalar float64 at its value 2"]),
    ("function, one picked", "a", "def f(a, n=3):\n    return sum(a ** k for k in range(n))", {},
     {"a": ("float64", (), None)}, ["a: new scalar float64"]),
    ("name of a function", "", "f", {"f": lambda a: a * a}, {"a": ("float64", (), None)},
     ["a: new scalar float64"]),
    ("lambda", "", "f = lambda a: a * a\nf", {}, {"a": ("float64", (), None)},
     ["a: new scalar float64"]),
    ("array made in the cell", "x", "X = np.ones(3)\n(x * X).sum()",
     {"np": np, "X": np.zeros(3)}, {"x": ("float64", (), None)}, ["x: new scalar float64"]),
]


@pytest.mark.parametrize("case", NAMES, ids=[case[0] for case in NAMES])
def test_what_a_name_becomes(case: Any) -> None:
    _, line, text, namespace, expected, notices = case
    for _ in range(2):                       # running a cell twice gives the same
        result = run(line, text, namespace)
        found = {name: (v.type.dtype, v.type.shape) for name, v in result.inputs.items()}
        assert found == {name: entry[:2] for name, entry in expected.items()}
        for name, (_, _, value) in expected.items():
            assert (name in result.point) == (value is not None)
            if value is not None:
                np.testing.assert_array_equal(result.point[name], value)
        assert list(result.notices) == notices
        kept = {k: v for k, v in result.written.items() if k not in expected}
        namespace = {**namespace, **kept}


def test_running_twice_after_writing_gives_the_same() -> None:
    namespace: dict[str, Any] = {"np": np}
    text = "X = np.ones(3)\nx = x + 1\ny = (x * X).sum()\ny"
    notices = []
    for _ in range(2):
        result = run("x", text, namespace)
        namespace.update(result.written)
        notices.append(result.notices)
        assert "x" not in namespace and isinstance(namespace["X"], np.ndarray)
    assert notices[0] == notices[1]


def test_free_arrays_inside_functions_of_the_same_namespace() -> None:
    namespace: dict[str, Any] = {"X": np.ones(4)}
    exec("def loss(w):\n    return (w * X).sum()", namespace)
    result = run("w", "loss(w)", namespace)
    assert list(result.inputs) == ["w", "X"]
    assert result.point["X"] is namespace["X"]


def test_names_of_the_user_come_before_symbolic_functions() -> None:
    result = run("x", "exp(x)", {"exp": lambda v: v * 2})
    assert result.y.owner.op.name == "mul"


def test_sum_stays_pythons() -> None:
    assert "sum" not in run("x", "sum([x, x])").written
    assert run("x", "sum([x, x])").y.owner.op.name == "add"


def test_symbolic_functions_reach_functions_and_comprehensions() -> None:
    run("x", "def f(t):\n    return exp(t)\ng = [sin(x) for k in range(2)]\nf(x) + g[0]")


def test_results_are_named_as_assigned() -> None:
    result = run("x", "u = x ** 2\ny = u + 1\ny")
    assert result.name == "y" and result.y.name == "y"
    assert result.written["u"].name == "u"
    assert run("x", "y = x ** 2").name == "y"
    assert run("x", LOGISTIC).name is None


def test_of_takes_another_result() -> None:
    assert run("x --of u", "u = x ** 2\nu + 1").name == "u"


def test_lines_are_counted_as_the_user_counts() -> None:
    from autodiff_lab.cell import Code

    result = run_cell(Code("u = x\nu ** 2", "<numbered>", first_line=2), {}, parse_line("x"))
    assert result.y.owner.source.line == 3


MISTAKES: list[tuple[str, str, dict[str, Any], type[Exception], str]] = [
    ("y", "x ** 2", {}, UsageError, "the cell does not use 'y'; there is x"),
    ("wieght", "weight ** 2", {}, UsageError, "did you mean 'weight'?"),
    ("x", "(x ** 2).sum()", {"x": [1]}, UsageError, "x is a list, which has no derivative"),
    ("x:matrix", "x.sum()", {"x": np.ones(3)}, UsageError, "x cannot be a matrix"),
    ("x:vector", "x ** 2", {"x": pt.dscalar("x")}, UsageError, "x is a scalar float64 already"),
    ('x --at "x=[1, 2]"', "x ** 2", {"x": pt.dscalar("x")}, UsageError, "shape (2,)"),
    ('x --at "z=1"', "x ** 2", {}, UsageError, "no input 'z'"),
    ('x --plot "z=1:2"', "x ** 2", {}, UsageError, "no input 'z'"),
    ('W:matrix --plot "W=1:2"', "W.sum()", {}, UsageError, "only scalars have a plot"),
    ("x --of z", "y = x ** 2", {}, UsageError, "no name 'z'"),
    ("b", "def f(a):\n    return a", {}, UsageError, "no parameter 'b'"),
    ("x", "", {}, LabError, "The cell is empty."),
    ("x", "for i in range(3):\n    x", {}, LabError, "does not end in an expression"),
    ("x", "[x, x]", {}, LabError, "the last expression is a list"),
    ("x", "print(x)", {}, LabError, "the last expression is None"),
    ("y", "x ** 2", {"x": 3, "y": 2}, LabError, "does not depend on any symbol"),
    ("x", "w * x", {}, NameError, "name 'w' is not defined"),
    ("x", "x ** 2", {"x": np.ones(3)}, TypeError, "Cost must be a scalar."),
    ("x", "x ** 2 +", {}, SyntaxError, "invalid syntax"),
]


@pytest.mark.parametrize("case", MISTAKES, ids=[f"{c[0]} | {c[1]}" for c in MISTAKES])
def test_a_mistake_is_told_and_nothing_is_written(case: Any) -> None:
    line, text, namespace, kind, message = case
    with pytest.raises(kind) as caught:
        run(line, text, namespace)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 12


def test_a_failing_cell_writes_nothing() -> None:
    namespace: dict[str, Any] = {"x": 1.0, "a": 2}
    with pytest.raises(ZeroDivisionError):
        run("x", "a = 5\nb = 6\nx = 1\n1 / 0", namespace)


def test_arrays_of_the_cell_keep_their_names() -> None:
    result = run("w:vector", "x = np.linspace(0, 1, 5)\ndot(w, x) + dot(w, np.arange(5.0))",
                 {"np": np})
    names = [v.name for v in ancestors([result.y]) if isinstance(v, Constant)]
    assert "x" in names and None in names


def test_the_sum_of_python_is_told() -> None:
    result = run("v", "e = exp(v)\nsum(e)", {"v": np.ones(3)})
    assert result.notices[-1] == (
        "sum() is Python's and adds 3 elements one by one; e.sum() is one operation"
    )


def study_of(code: str, names: dict[str, Any] | None = None, line: str = "x", **more: Any) -> Any:
    return Study.from_cell(code, {"pt": pt, "np": np, **(names or {})}, line, **more)


@pytest.mark.parametrize("code, names, line, more, inputs", [
    ("a * x**2", {"a": np.float64(3)}, "x", {}, ["x"]),
    ("x * w", {"w": pt.dscalar("x")}, "x", {}, ["x", "x_2"]),
    ("def f(x, w=w0):\n    return x * w", {"w0": pt.dscalar("w")}, "x", {}, ["x", "w"]),
    ("def f(x, *rest, **more):\n    return 2 * x", {}, "x", {}, ["x"]),
    ("def f(x, /, y=2.0):\n    return x * y", {}, "", {}, ["x", "y"]),
    ("a += x\na * x", {"a": 2.0}, "x", {}, ["x"]),
    ("try:\n    y = x / 1\nexcept ZeroDivisionError:\n    y = x\ny", {}, "x", {}, ["x"]),
    ("k = 1\nmatch k:\n    case 1:\n        y = 2 * x\ny", {}, "x", {}, ["x"]),
    ("x**2", {"x": [1]}, "x", {"at": "x=2.0"}, ["x"]),
    ("x**2", {"x": pt.dscalar()}, "x", {}, ["x"]),
])
def test_unusual_cells_have_the_inputs_one_expects(
    code: str, names: dict[str, Any], line: str, more: dict[str, Any], inputs: list[str]
) -> None:
    assert list(study_of(code, names, line, **more).inputs) == inputs


@pytest.mark.parametrize("names, line, more, told", [
    ({"W": np.ones((2, 2))}, "W:matrix", {"plot": "W=0:1"}, "a matrix has no plot"),
    ({"W": np}, "W", {}, "W is a module"),
    ({"W": None}, "W", {}, "W is None"),
    ({"W": pt.dscalar("W")}, "W:scalar/float32", {}, "has the dtype float64 already"),
    ({"W": pt.dscalar("W")}, "W", {"at": "W=1j"}, "the value is complex"),
    ({"W": 1j}, "W:scalar/float32", {}, "cannot be float32"),
])
def test_what_a_name_holds_that_is_no_input(
    names: dict[str, Any], line: str, more: dict[str, Any], told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        study_of("abs(W)", names, line, **more)


@pytest.mark.parametrize("code, name", [("y = x**2\ny += 1", "y"), ("y: float = x**2", "y")])
def test_the_last_statement_names_the_function(code: str, name: str) -> None:
    assert study_of(code).name == name


def test_a_function_that_looks_in_vain_says_where_to_define() -> None:
    with pytest.raises(NameError, match="looks missing up where it stands"):
        study_of("f(x)", {"f": eval("lambda u: u * missing")})


def test_steps_and_infinities_have_derivations() -> None:
    assert str(study_of("pt.floor(x)").derivation).splitlines()[3].split()[:2] == ["=", "0"]
    assert study_of("x * pt.constant(float('inf')) - 1").derivation.latex.endswith(r"= \infty")
