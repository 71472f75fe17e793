"""What Python and NumPy may ask of a variable: what works, and how the rest is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.special
from graph_values import value

import autodiff_lab.tensor as pt
from autodiff_lab.errors import MAX_LINES, LabError

X = pt.dvector("x")
M = pt.dmatrix("m")
S = pt.dscalar("s")
N = pt.lscalar("n")
K = pt.tensor("k", shape=(3,))
FLAGS = pt.TensorType("bool", (None,))("flags")
WHOLE = pt.lvector("whole")
NAMES = {"np": np, "scipy": scipy, "math": math, "pt": pt, "x": X, "m": M, "s": S, "n": N, "k": K,
         "flags": FLAGS, "whole": WHOLE}
POINT = {X: np.array([0.3, -1.2, 2.0]), M: np.array([[0.5, 1.0, -2.0], [3.0, 0.1, 0.2]]),
         S: np.asarray(0.7), N: np.asarray(2), K: np.array([1.0, 2.0, 4.0]),
         FLAGS: np.array([True, False, True]), WHOLE: np.array([1, 2, 5])}
ARRAYS = {**NAMES, **{variable.name: array for variable, array in POINT.items()}}


def evaluated(expression: str, names: Any) -> Any:
    return eval(expression, dict(names))


# -- NumPy's spelling: the same text gives the same numbers on arrays and on variables -----------

NUMPY = """
np.exp(x)  np.log(abs(x))  np.log1p(k)  np.expm1(x)  np.sqrt(k)  np.square(x)  np.abs(x)
np.absolute(x)  np.sign(x)  np.sin(x)  np.cos(x)  np.tan(x)  np.arctan2(x,k)  np.tanh(x)
np.arcsin(s)  np.sinh(x)  np.logaddexp(x,k)  np.add(x,1)  np.subtract(x,k)  np.multiply(x,2)
np.divide(x,k)  np.true_divide(x,k)  np.floor_divide(x,k)  np.mod(x,k)  np.remainder(x,k)
np.power(k,2)  np.negative(x)  np.positive(x)  np.copy(x)  np.maximum(x,0)  np.minimum(x,k)
np.equal(x,k)
np.not_equal(x,k)  np.less(x,0)  np.less_equal(x,k)  np.greater(x,0)  np.greater_equal(x,0)
np.logical_and(x,flags)  np.logical_or(x>5,flags)  np.logical_not(x)  np.logical_xor(flags,x>0)
np.isnan(x)  np.isinf(x)  np.invert(flags)  np.bitwise_and(whole,3)  np.matmul(m,x)  np.floor(x)
np.ceil(x)  np.trunc(x)  np.rint(x)  np.reciprocal(k)  np.exp2(x)  np.log2(k)  np.log10(k)
scipy.special.expit(x)  scipy.special.erf(x)  np.add.reduce(m)  np.add.reduce(m,axis=1)
np.multiply.reduce(m,axis=None)  np.maximum.reduce(m)  np.minimum.reduce(m,axis=1,keepdims=True)
np.logical_and.reduce(m>0)  np.logical_or.reduce(m>0)  np.sum(m)  np.sum(m,0)
np.sum(m,axis=(0,1))  np.sum(a=m,axis=-1,keepdims=True)  np.mean(m,axis=0)  np.prod(m,axis=1)
np.max(m)  np.min(m,axis=1)  np.amax(m,axis=0)  np.var(m)  np.std(m,axis=0,ddof=1)
np.any(m>2,axis=0)  np.all(m>0)  np.where(x>0,x,0)  np.where(condition:=x>0,1.5,k)  np.clip(x,0,1)
np.clip(x,a_min=0,a_max=1)  np.clip(x,0,None)  np.clip(x,max=1,min=0)
np.clip(a=x,a_min=-1,a_max=k)  np.dot(m,x)  np.dot(x,k)  np.outer(x,k)  np.inner(x,k)
np.concatenate([x,k])  np.concatenate([m,m],axis=1)  np.concatenate([x,np.ones(2)])
np.stack([x,k])  np.stack([x,k],axis=-1)  np.stack([s,1.0])  np.reshape(m,(3,-1))  np.reshape(m,6)
np.ravel(m)  np.transpose(m)  np.transpose(m,(0,1))  np.swapaxes(m,0,1)  np.moveaxis(m,0,-1)
np.expand_dims(x,0)  np.expand_dims(x,(0,2))  np.squeeze(m[:1],0)  np.broadcast_to(x,(2,3))
np.zeros_like(x)  np.ones_like(m)  np.full_like(x,7)  np.shape(m)  np.ndim(m)  np.size(m)
np.size(m,1)  np.round(x,1)  np.around(x)  np.zeros_like(x,dtype='int8')  np.ones(3)*x
np.ones((2,3))*x  np.float64(2)*x  2-x  1/k  k**2  2**x  x@k  m@x  np.ones((2,2))@m  k//2  k%2
divmod(k,2)[1]  abs(x)  -x  +x  ~flags  flags&(x>0)  flags|(x>0)  flags^(x>0)  whole&3  x.sum()
m.sum(axis=0,keepdims=True)  m.mean(1)  m.prod()  m.max(axis=0)  m.min()  m.var(axis=1)
m.std(ddof=1)  (m>0).any(axis=1)  (m>0).all()  m.T  m.transpose()  m.transpose(1,0)
m.transpose((1,0))  m.reshape(3,2)  m.reshape((-1,))  m.flatten()  m.ravel()  m.swapaxes(0,1)
x.astype('float32')  x.copy()  m.dot(x)  x.clip(0,1)  x.clip(0)  x.round(1)  m.shape  m.size
m.ndim  x[::-1]  m[1]  m[...,0]  m[:,1:]  x[None]  m[-1,::2]  sum(k)  list(k)[2]
""".split("  ")
NUMPY = [text.strip() for line in NUMPY for text in line.split("\n") if text.strip()]


@pytest.mark.parametrize("text", NUMPY)
def test_same_text_same_numbers(text: str) -> None:
    expected = np.asarray(evaluated(text, ARRAYS))
    built = evaluated(text, NAMES)
    found = value(built, POINT) if not isinstance(built, int) else np.asarray(built)
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    assert found.shape == expected.shape


def test_what_a_variable_offers_beside_numpy() -> None:
    x = np.array([1.0, 2.0])
    given = {X: x}
    assert value(X.zeros_like(), given).tolist() == [0, 0]
    assert value(X.ones_like(dtype="int8"), given).tolist() == [1, 1]
    assert value(X.fill(3.0), given).tolist() == [3, 3]
    assert value(X[0].set(5.0), given).tolist() == [5, 2]
    assert value(X[1:].inc(5), given).tolist() == [1, 7]
    assert X.dimshuffle(0, "x").type.shape == (None, 1) and X.T is X
    assert f"{X}" == "x" and f"{X!r:>3}" == "  x" and f"{X + 1}" == str(X + 1)
    assert X.copy() is not X
    assert value(round(X + 0.26, 1), given).tolist() == [1.3, 2.3]
    assert value(round(X + 0.5), given).tolist() == [2, 2]
    assert value(pt.clip(X, high=1.5, low=0), given).tolist() == [1, 1.5]
    y = x_before = X
    y += 1
    assert y is not x_before and value(y, given).tolist() == [2, 3]


def test_equality_is_identity() -> None:
    assert X == X and X != M and X in {X: 1}


# -- what is refused: (text, error, parts of the message) ----------------------------------------

REFUSED: list[tuple[str, type[Exception], tuple[str, ...]]] = [
    ("bool(x > 0)", TypeError, ("boolean", "where", "ifelse", "a & b", "~a", "maximum")),
    ("1 if x > 0 else 0", TypeError, ("where(",)),
    ("x and k", TypeError, ("&",)),
    ("not x", TypeError, ("~a",)),
    ("0 < x < 1", TypeError, ("(0 < x) & (x < 1)",)),
    ("max(x, 0)", TypeError, ("maximum(x, 0)",)),
    ("float(s)", TypeError, ("x.eval({...})", "exp(x)")),
    ("math.exp(s)", TypeError, ("exp(x)",)),
    ("math.floor(s)", TypeError, ("eval",)),
    ("int(n)", TypeError, ("cast",)),
    ("range(n)", TypeError, ("arange", "scan")),
    ("[1, 2][n]", TypeError, ("stack",)),
    ("np.eye(n)", TypeError, ("eye(n)",)),
    ("sum(x)", ValueError, ("Length of x cannot be determined", "x.sum()", "scan")),
    ("list(x)", ValueError, ("Length of x cannot be determined", "specify_shape")),
    ("[v for v in m]", ValueError, ("Length of m cannot be determined",)),
    ("list(s)", TypeError, ("scalar",)),
    ("len(x)", TypeError, ("x.shape[0]",)),
    ("1.0 in x", TypeError, ("any(eq(",)),
    ("x.__setitem__(0, 1)", TypeError, ("x = set_subtensor(x[i], v)", "inc_subtensor")),
    ("f'{x:.2f}'", TypeError, (".eval", "pp(x)")),
    ("np.array([x, k])", TypeError, ("stack", "as_tensor", "arange")),
    ("np.asarray(x)", TypeError, ("as_tensor",)),
    ("np.arange(n)", TypeError, ("arange(n)",)),
    ("np.sum([x, k])", TypeError, ("stack",)),
    ("np.exp(x, out=np.ones(3))", TypeError, ("out=", "set_subtensor")),
    ("np.exp(x, where=np.ones(3, bool))", TypeError, ("where=", "where(")),
    ("np.sum(x, where=x > 0)", TypeError, ("where=",)),
    ("np.sum(x, initial=3)", TypeError, ("initial=", "supported")),
    ("np.add.reduce(x, initial=3)", TypeError, ("initial=", "np.add.reduce", "axis")),
    ("np.matmul(m, x, axes=[(0, 1), (0,), (0,)])", TypeError, ("axes=",)),
    ("np.add.accumulate(x)", TypeError, ("np.add.accumulate", "reduce")),
    ("np.add.at(x, 0, 1)", TypeError, ("inc_subtensor",)),
    ("np.multiply.outer(x, x)", TypeError, ("outer",)),
    ("np.sinc(x)", TypeError, ("np.sinc", "np.sin")),
    ("np.nansum(x)", TypeError, ("np.nansum", "np.sum")),
    ("np.heaviside(x, x)", TypeError, ("np.heaviside",)),
    ("scipy.special.j0(x)", TypeError, ("scipy.special.j0",)),
    ("np.reshape(x, (3,), order='F')", ValueError, ("C order",)),
    ("x + 'text'", TypeError, ("Cannot convert",)),
    ("x + None", TypeError, ("Cannot convert",)),
    ("x[1.5]", TypeError, ("integer",)),
    ("x[s]", TypeError, ("integer", "cast")),
    ("x['a']", TypeError, ("integer",)),
    ("x[1, 2]", IndexError, ("Too many indices",)),
    ("x[..., ...]", IndexError, ("`...`",)),
    ("k[3]", IndexError, ("out of bounds",)),
    ("k[-4]", IndexError, ("out of bounds",)),
    ("k[::0]", IndexError, ("step",)),
    ("x[True]", TypeError, ("boolean", "where(")),
    ("k + pt.tensor('q', shape=(4,))", ValueError, ("Incompatible lengths", "3, 4")),
    ("pt.dot(k, pt.ones(4))", ValueError, ("Shape mismatch", "k (float64, shape (3,))")),
    ("pt.dot(pt.ones((4, 3)), pt.ones(4))", ValueError, ("Shape mismatch", ".T has 4 columns")),
    ("pt.matmul(x, s)", ValueError, ("scalars", "x * y")),
    ("m.sum(axis=2)", IndexError, ("Axis 2 does not exist", "2 axes")),
    ("m.sum(axis=(0, 0))", ValueError, ("twice",)),
    ("m.sum(axis='rows')", TypeError, ("whole number",)),
    ("k.reshape(2, 2)", ValueError, ("Cannot reshape 3 elements into (2, 2)",)),
    ("m.reshape(-1, -1)", ValueError, ("-1",)),
    ("m.reshape(1.5, 2)", TypeError, ("must be integer types",)),
    ("m.reshape(s, 2)", TypeError, ("must be integer types", "cast")),
    ("m.reshape(whole)", ValueError, ("length that is known",)),
    ("pt.squeeze(k, 0)", ValueError, ("length 3",)),
    ("m.dimshuffle(0, 0)", ValueError, ("twice",)),
    ("m.dimshuffle(0, 5)", ValueError, ("does not exist",)),
    ("pt.specify_shape(k, (4,))", ValueError, ("will never match",)),
    ("pt.specify_shape(k, (3, 1))", ValueError, ("will never match",)),
    ("pt.stack([x, s])", TypeError, ("one rank",)),
    ("pt.concatenate([s, s])", TypeError, ("Scalars cannot be joined", "stack")),
    ("pt.concatenate(x)", TypeError, ("list or tuple",)),
    ("pt.join(1, m, pt.ones((3, 2)), pt.ones((4, 2)))", ValueError, ("Cannot join",)),
    ("pt.arange(0, 5, 0)", ValueError, ("step",)),
    ("pt.arange(x)", TypeError, ("scalars", "x.shape[0]")),
    ("pt.zeros((2, -1))", ValueError, ("negative",)),
    ("pt.alloc(m, 3)", TypeError, ("2 axes",)),
    ("pt.alloc(k, 2, 4)", ValueError, ("length 3",)),
    ("pt.set_subtensor(x, 1)", TypeError, ("set_subtensor(x[i], value)",)),
    ("pt.set_subtensor(whole[0], 1.5)", TypeError, ("int64 part with a float",)),
    ("pt.set_subtensor(k[:2], pt.ones(3))", ValueError, ("length 2",)),
    ("pt.inc_subtensor(x[0], x)", TypeError, ("0 axes",)),
]


@pytest.mark.parametrize(("text", "error", "parts"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused(text: str, error: Any, parts: tuple[str, ...]) -> None:
    with pytest.raises(error) as caught:
        evaluated(text, NAMES)
    message = str(caught.value)
    assert isinstance(caught.value, LabError)
    assert len(message.splitlines()) <= MAX_LINES
    for part in parts:
        assert part in message


@pytest.mark.parametrize("text", ["np.zeros(n)", "np.full(n, 1.0)"])
def test_numpy_refuses_by_itself(text: str) -> None:
    with pytest.raises(TypeError):
        evaluated(text, NAMES)


def test_every_numpy_name_exists() -> None:
    import operator

    import scipy.linalg

    from autodiff_lab.tensor import registry

    for name in registry.NUMPY:
        found = []
        for module in (np, scipy):
            try:
                found.append(operator.attrgetter(name)(module))
            except AttributeError:
                continue
        assert any(map(callable, found)), f"neither NumPy nor SciPy has {name}"
