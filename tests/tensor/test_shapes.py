"""Creation, shapes, joining: static shapes, symbolic lengths, values against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graph_values import agrees, value
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autodiff_lab.tensor as pt
from autodiff_lab.gradient import grad

N = pt.lscalar("n")
M = pt.dmatrix("m")
K = pt.tensor("k", shape=(2, 3))

# expression -> static shape; n stands for a length that is not known
STATIC = {
    "pt.zeros((2, n))": (2, None),
    "pt.zeros(2, 3)": (2, 3),
    "pt.zeros(m.shape)": (None, None),
    "pt.zeros(k.shape)": (2, 3),
    "pt.zeros(3)": (3,),
    "pt.zeros(n)": (None,),
    "pt.ones(())": (),
    "pt.full((2, 2), n)": (2, 2),
    "pt.alloc(1.0, 2, n)": (2, None),
    "pt.alloc(k, 5, n, n)": (5, 2, 3),
    "pt.empty((4,))": (4,),
    "pt.zeros_like(k)": (2, 3),
    "pt.arange(5)": (5,),
    "pt.arange(2, 9, 3)": (3,),
    "pt.arange(5, 0, -2)": (3,),
    "pt.arange(5, 2)": (0,),
    "pt.arange(n)": (None,),
    "pt.arange(0.0, 1.0, 0.1)": (10,),
    "pt.eye(3)": (3, 3),
    "pt.eye(3, n)": (3, None),
    "pt.identity_like(k)": (2, 3),
    "k.reshape(-1)": (6,),
    "k.reshape(3, -1)": (3, 2),
    "m.reshape(3, -1)": (3, None),
    "m.reshape((n, 2))": (None, 2),
    "m.reshape(k.shape)": (2, 3),
    "k.flatten()": (6,),
    "pt.flatten(pt.zeros((2, 3, 4)), 2)": (2, 12),
    "k.T": (3, 2),
    "k.dimshuffle(1, 'x', 0)": (3, 1, 2),
    "pt.expand_dims(k, (0, -1))": (1, 2, 3, 1),
    "pt.squeeze(pt.zeros((1, 2, 1)))": (2,),
    "pt.squeeze(m, axis=0)": (None,),
    "pt.shape_padleft(k, 2)": (1, 1, 2, 3),
    "pt.shape_padright(k)": (2, 3, 1),
    "pt.shape_padaxis(k, 1)": (2, 1, 3),
    "pt.broadcast_to(k, (n, 2, 3))": (None, 2, 3),
    "pt.specify_shape(m, (2, None))": (2, None),
    "pt.specify_broadcastable(m, 1)": (None, 1),
    "pt.specify_shape(k, (n, 3))": (2, 3),
    "pt.join(0, k, k)": (4, 3),
    "pt.join(1, k, pt.zeros((2, n)))": (2, None),
    "pt.join(0, m, k)": (None, 3),
    "pt.stack([k, k], axis=-1)": (2, 3, 2),
    "pt.stack([n, n])": (2,),
    "pt.as_tensor_variable([[n, 1], [2, n]])": (2, 2),
    "pt.concatenate([k])": (2, 3),
    "k.sum(axis=0)": (3,),
    "k.sum(axis=1, keepdims=True)": (2, 1),
    "k[0]": (3,),
    "k[:, 1:]": (2, 2),
    "k[n]": (3,),
    "k[n:]": (None, 3),
    "k[::-1, None]": (2, 1, 3),
    "m[:3]": (None, None),
    "m[:0]": (0, None),
    "pt.set_subtensor(k[0], 1)": (2, 3),
    "pt.dot(k, pt.zeros((3, n)))": (2, None),
    "pt.dot(k, pt.zeros(3))": (2,),
    "pt.outer(pt.zeros(2), pt.zeros(n))": (2, None),
    "k.shape": (2,),
    "k + pt.zeros((1, 3))": (2, 3),
    "m + k": (2, 3),
}


@pytest.mark.parametrize("expression", STATIC)
def test_static_shapes(expression: str) -> None:
    built = eval(expression, {"pt": pt, "n": N, "m": M, "k": K})
    assert built.type.shape == STATIC[expression]
    if expression not in ONLY_STATIC:
        length = {"k[n]": 1, "m.reshape((n, 2))": 3}.get(expression, 2)
        given = {N: np.asarray(length), M: np.ones((2, 3)), K: np.ones((2, 3))}
        agrees(value(built, given), built)


# lengths that contradict the value are found when the graph runs
ONLY_STATIC = {"pt.alloc(k, 5, n, n)", "pt.squeeze(m, axis=0)", "pt.specify_broadcastable(m, 1)"}


def test_values_of_what_is_created() -> None:
    given = {N: np.asarray(3)}
    assert value(pt.zeros((2, N)), given).tolist() == [[0] * 3] * 2
    assert value(pt.full((N,), 2.5), given).tolist() == [2.5] * 3
    assert value(pt.arange(N), given).tolist() == [0, 1, 2]
    assert value(pt.arange(1, N + 1, 1), given).tolist() == [1, 2, 3]
    assert value(pt.arange(0, 1, 0.25)).tolist() == [0, 0.25, 0.5, 0.75]
    assert value(pt.eye(2, N, 1), given).tolist() == [[0, 1, 0], [0, 0, 1]]
    assert value(pt.fill(pt.zeros(3), 7)).tolist() == [7, 7, 7]
    assert value(pt.second(pt.zeros((1, 3)), pt.ones((2, 1)))).shape == (2, 3)
    assert pt.zeros((2,), "int32").dtype == "int32" and pt.ones(2, dtype="int8").dtype == "int8"


def test_shape_of_a_known_length_is_a_constant() -> None:
    x = pt.tensor("x", shape=(3, None))
    assert x.shape[0].data == 3
    assert x.shape[1].owner is not None and x.shape.type.shape == (2,)
    rows, columns = x.shape
    assert rows.data == 3 and value(columns, {x: np.ones((3, 5))}) == 5
    assert pt.get_vector_length(x.shape) == 2
    assert value(x.size, {x: np.ones((3, 5))}) == 15


def test_promises_are_checked_when_the_graph_runs() -> None:
    promised = pt.specify_shape(M, (2, None))
    value(promised, {M: np.ones((2, 5))})
    with pytest.raises(ValueError, match="SpecifyShape"):
        value(promised, {M: np.ones((3, 5))})
    assert pt.specify_shape(K, (2, 3)) is K and pt.specify_shape(K, (None, None)) is K


def test_unknown_lengths_do_not_stretch_when_the_graph_runs() -> None:
    """Their derivatives were built as if they did not."""
    x, one = pt.dvector("x"), np.ones(1)
    for stretched in (pt.alloc(x, N), pt.set_subtensor(pt.zeros(3)[:], x),
                      pt.inc_subtensor(pt.zeros((3, 3))[0], x)):
        with pytest.raises(ValueError, match="Runtime broadcasting not allowed"):
            value(stretched, {x: one, N: np.asarray(3)})
    promised = pt.alloc(pt.specify_broadcastable(x, 0), N)
    assert value(promised, {x: one, N: np.asarray(3)}).tolist() == [1, 1, 1]
    assert value(grad(promised.sum(), x), {x: one, N: np.asarray(3)}).tolist() == [3]


def test_a_reshape_that_does_not_fit_fails_when_it_runs() -> None:
    with pytest.raises(ValueError):
        value(M.reshape(4, 4), {M: np.ones((2, 3))})


def test_derivatives_keep_static_shapes() -> None:
    for built in (K.T, K.reshape(-1), K[0], K.sum(axis=0), pt.join(0, K, K), pt.alloc(K, 4, 2, 3),
                  K.dimshuffle(0, "x", 1), pt.mean(K), pt.max(K, axis=1)):
        assert grad(pt.sum(built), K).type.shape == (2, 3)


@settings(max_examples=60, deadline=None)
@given(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3), st.data())
def test_broadcasting(shapes: Any, data: st.DataObject) -> None:
    """Sum, and its derivatives, of any shapes that NumPy would broadcast."""
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape) for shape in shapes.input_shapes]
    known = data.draw(st.booleans())
    variables = [
        pt.tensor(shape=a.shape if known else [1 if n == 1 else None for n in a.shape])
        for a in arrays
    ]
    given = dict(zip(variables, arrays))
    total = pt.mul(*variables)
    np.testing.assert_array_equal(value(total, given), arrays[0] * arrays[1])
    weights = rng.normal(size=shapes.result_shape)
    gradients = grad(pt.sum(total * weights), variables)
    for array, other, gradient in zip(arrays, arrays[::-1], gradients):
        found, whole = value(gradient, given), weights * other
        lead = tuple(range(whole.ndim - array.ndim))
        expected = whole.sum(axis=lead)
        ones = tuple(a for a in range(array.ndim) if array.shape[a] == 1)
        expected = np.asarray(expected).sum(axis=ones, keepdims=True) if ones else expected
        assert found.shape == array.shape
        np.testing.assert_allclose(found, np.broadcast_to(expected, array.shape), rtol=1e-10)
