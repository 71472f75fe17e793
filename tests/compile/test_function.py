"""`function`: what it accepts, what it returns, what it refuses and in which words."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.errors import MissingInputError, UnusedInputError

MODES = ["PYTHON", "NUMBA"]


def test_a_scalar_result_is_an_array() -> None:
    x = pt.dscalar("x")
    f = ad.function([x], ad.grad(x**2, x))
    for argument in (4, 4.0, np.float64(4), np.array(4.0), np.float32(4)):
        result = f(argument)
        assert type(result) is np.ndarray and result.shape == () and float(result) == 8.0


def test_the_form_of_the_outputs() -> None:
    x = pt.dvector("x")
    y = x + 1.0
    assert isinstance(ad.function([x], y)([1.0]), np.ndarray)
    assert isinstance(ad.function([x], [y])([1.0]), list)
    assert ad.function([x], {"a": y, "b": x})([1.0]).keys() == {"a", "b"}
    assert ad.function([], None)() is None
    assert ad.function([], [])() == []


def test_givens_replace_variables_and_take_values() -> None:
    x, z = pt.dscalars("x", "z")
    w = ad.shared(5.0, name="w")
    assert float(ad.function([z], x**2, givens={x: z + 1.0})(2.0)) == 9.0
    assert float(ad.function([], x**2, givens=[(x, 3.0)])()) == 9.0
    assert float(ad.function([], w * 2.0, givens={w: 1.0})()) == 2.0
    with pytest.raises(TypeError, match="Givens"):
        ad.function([], x, givens={x: pt.dvector("v")})


def test_defaults_keywords_and_updates_of_inputs() -> None:
    x, y = pt.dscalars("x", "y")
    f = ad.function([x, ad.In(y, value=1.0), ad.In(pt.dscalar("w"), name="weight", value=2.0)],
                    x + y, on_unused_input="ignore")
    assert float(f(33.0)) == 34.0
    assert float(f(33.0, y=2.0)) == 35.0
    assert float(f(33.0, weight=5.0)) == 34.0
    counter = ad.function([ad.In(x, value=0.0, update=x + 1.0)], x)
    assert [float(counter()) for _ in range(3)] == [0.0, 1.0, 2.0]
    assert float(counter["x"]) == 3.0


BAD_CALLS: dict[str, Any] = {
    "text": (("a",), {}, ["index 0", "x"]),
    "rank": (([[1.0]],), {}, ["Wrong number of dimensions", "index 0", "declare it matrix("]),
    "many": (([1.0], [2.0]), {}, ["Too many parameters"]),
    "missing": ((), {}, ["Missing required input: x", "index 0"]),
    "unknown": (([1.0],), {"z": 1}, ["Unknown input or state: z"]),
    "twice": (([1.0],), {"x": 1}, ["given twice"]),
    "complex": ((np.ones(2, complex),), {}, ["index 0", "(x)", "complex128"]),
}


@pytest.mark.parametrize("case", BAD_CALLS)
def test_bad_calls(case: str) -> None:
    args, kwargs, words = BAD_CALLS[case]
    x = pt.dvector("x")
    with pytest.raises(TypeError) as caught:
        ad.function([x], x + 1.0, name="g")(*args, **kwargs)
    text = str(caught.value)
    assert all(word in text for word in words), text
    assert len(text.splitlines()) <= 12


def test_lists_are_accepted_for_a_matrix_and_downcasts_are_not() -> None:
    m, s = pt.dmatrix("m"), pt.fvector("s")
    assert ad.function([m], m * 2.0)([[0, 1], [-1, -2]]).tolist() == [[0, 2], [-2, -4]]
    with pytest.raises(TypeError, match="precision"):
        ad.function([s], s)(np.array([0.1]))
    loose = ad.function([s], s, allow_input_downcast=True)
    assert loose(np.array([0.1])).dtype == "float32"


def test_bad_arguments_of_function() -> None:
    x, y = pt.dscalars("x", "y")
    w = ad.shared(1.0, name="w")
    refused = [
        (MissingInputError, "Input 0 \\(x\\)", lambda: ad.function([], x + 1.0)),
        (MissingInputError, "The output x", lambda: ad.function([], x)),
        (UnusedInputError, "index 1", lambda: ad.function([x, y], x)),
        (UnusedInputError, "is used twice in inputs", lambda: ad.function([x, x], x)),
        (TypeError, "Cannot use a shared variable \\(w\\)", lambda: ad.function([w], w)),
        (TypeError, "list of variables", lambda: ad.function([[x, y]], x)),
        (TypeError, "Inputs are a list", lambda: ad.function(x, x)),
        (TypeError, "Outputs must be", lambda: ad.function([x], 3)),
        (TypeError, "update target", lambda: ad.function([x], x, updates={x: x})),
        (TypeError, "same type", lambda: ad.function([], w, updates={w: pt.dvector("v")})),
        (TypeError, "not set", lambda: ad.function([], w, updates={w})),
        (ValueError, "already has an update",
         lambda: ad.function([], w, updates=[(w, w), (w, w)])),
        (ValueError, "There is no mode", lambda: ad.function([x], x, mode="FAST")),
        (ValueError, "on_unused_input", lambda: ad.function([x], x, on_unused_input="so")),
        (TypeError, "keys of outputs", lambda: ad.function([x], {1: x})),
    ]
    for kind, words, call in refused:
        with pytest.raises(kind, match=words) as caught:
            call()
        assert len(str(caught.value).splitlines()) <= 12


def test_unused_inputs_can_be_ignored_or_warned_of() -> None:
    x, y = pt.dscalars("x", "y")
    assert float(ad.function([x, y], x, on_unused_input="ignore")(1.0, 2.0)) == 1.0
    with pytest.warns(UserWarning, match="index 1"):
        ad.function([x, y], x, on_unused_input="warn")


def test_the_point_of_a_derivative_counts_as_used() -> None:
    x, cotangent = pt.dscalars("x", "cotangent")
    y = 3.0 * x
    gradient = ad.grad(None, x, known_grads={y: cotangent})
    assert x not in set(ad.graph.ancestors([gradient]))      # x is only where it was taken
    assert float(ad.function([x, cotangent], gradient)(1.0, 2.0)) == 6.0
    with pytest.raises(UnusedInputError):
        ad.function([x, cotangent, pt.dscalar("z")], gradient)


@pytest.mark.parametrize("mode", MODES)
def test_a_runtime_one_never_stretches(mode: str) -> None:
    x, y = pt.dvectors("x", "y")
    f = ad.function([x, y], x + y, mode=mode)
    assert f([1.0, 2.0], [3.0, 4.0]).tolist() == [4.0, 6.0]
    with pytest.raises(ValueError, match="Runtime broadcasting not allowed") as caught:
        f([1.0, 2.0], [3.0])
    text = str(caught.value)
    for word in ("axis 0", "y", "length 1", "length 2", "test_function.py",
                 "specify_broadcastable(y, 0)", 'vector("y", shape=(1,))'):
        assert word in text, text
    assert len(text.splitlines()) <= 12
    with pytest.raises(ValueError, match="Input dimension mismatch"):
        f([1.0, 2.0], [1.0, 2.0, 3.0])
    part = ad.function([x, y], x[:-1] + y, mode=mode)
    with pytest.raises(ValueError, match="Runtime broadcasting.*part of x has length 1"):
        part([1.0, 2.0], [3.0, 4.0])


@pytest.mark.parametrize("mode", MODES)
def test_an_error_at_run_time_tells_its_story(mode: str) -> None:
    matrix, vector = pt.dmatrix("W"), pt.dvector("v")
    f = ad.function([matrix, vector], pt.dot(matrix, pt.exp(vector)), mode=mode)
    with pytest.raises(ValueError) as caught:
        f(np.ones((2, 3)), np.ones(2))
    text = str(caught.value)
    for word in ("dot", "W: float64, shape (2, 3)", "shape (2,)", "test_function.py", "exp"):
        assert word in text, text
    assert len(text.splitlines()) <= 12


def test_eval_remembers_its_function() -> None:
    from autodiff_lab.compile import evaluate

    x, y = pt.dscalars("x", "y")
    z = x * y
    before = len(evaluate._remembered)
    assert float(z.eval({x: 2.0, y: 3.0})) == 6.0
    assert float(z.eval({x: 2.0, y: 4.0})) == 8.0
    assert float(z.eval({"x": 1.0, y: 4.0})) == 4.0
    assert len(evaluate._remembered) <= before + 1
    with pytest.raises(ValueError, match="not found"):
        z.eval({"q": 1.0})
    with pytest.raises(MissingInputError):
        z.eval({x: 1.0})


def test_the_maker_and_the_trace_can_be_looked_at() -> None:
    x = pt.dscalar("x")
    f = ad.function([x], ad.grad(x**2, x))
    assert f.maker.fgraph is f.fgraph and len(f.fgraph.toposort()) == 1
    assert f.trace is not None and f.trace.steps
    assert f.ran == "numpy" and f.compile().ran == "numba"
    assert float(f(3.0)) == 6.0 and f.timings["numba_call"] is not None


@pytest.mark.parametrize("alone", [False, True], ids=["with_the_package", "without_it"])
def test_the_printed_programs_run_when_pasted(
    alone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = pt.dmatrix("a"), pt.dvector("exp")      # a name that means something else
    scale = pt.constant(np.arange(3.0))
    outputs = [pt.sum(pt.exp(a) * b) / 2, a + scale, pt.sigmoid(-a), b]
    f = ad.function([a, b], outputs, name="model")
    arrays = np.random.default_rng(0).normal(size=(2, 3)), np.arange(3.0)
    if alone:
        monkeypatch.setitem(sys.modules, "autodiff_lab.vector_math", None)  # import fails
    for kind in ("numpy", "numba"):
        text = f.source(kind)
        namespace: dict[str, Any] = {}
        exec(text, namespace)
        for got, want in zip(namespace["model"](*arrays), f(*arrays)):
            np.testing.assert_allclose(got, want, rtol=1e-13)
    assert "autodiff_lab" not in f.source("numpy")


def test_comments_name_the_line_of_the_user() -> None:
    x = pt.dvector("x")
    text = ad.function([x], pt.log1p(x)).source("numba")
    assert "# log1p: line " in text and "of test_function.py" in text


def test_names_of_variables_cannot_inject_code() -> None:
    x = pt.dvector("x):\n import os #")
    y = pt.dvector("__import__('os')")
    f = ad.function([x, y], x + y)
    assert f([1.0], [2.0]).tolist() == [3.0]
    assert f.compile()([1.0], [2.0]).tolist() == [3.0]
    assert "\n import" not in f.source("numpy") and "__import__" not in f.source("numba")


class Doubled(ad.Op):
    """A user's op in the family's words: it returns what is no array, and may fail."""

    __props__ = ()

    def make_node(self, x: Any) -> Any:
        x = pt.as_tensor_variable(x)
        return ad.Apply(self, [x], [x.type()])

    def perform(self, node: Any, inputs: Any, output_storage: Any) -> None:
        (x,) = inputs
        if (x < 0).any():
            raise ZeroDivisionError("not below zero")
        output_storage[0][0] = (2 * x).tolist()


def test_an_op_of_the_users_runs_and_fails_with_its_own_error() -> None:
    x = pt.dvector("x")
    f = ad.function([x], pt.exp(Doubled()(x)) + 1.0)
    np.testing.assert_allclose(f([0.0, 1.0]), np.exp([0.0, 2.0]) + 1.0)
    with pytest.raises(ZeroDivisionError, match="not below zero") as caught:
        f([-1.0])
    assert "x: float64, shape (1,)" in "".join(caught.value.__notes__)
    with pytest.raises(ZeroDivisionError):
        f.compile()([-1.0])
