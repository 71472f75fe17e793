"""The dtype rules, row by row, and how Python and NumPy values become arrays of a type."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graph_values import value

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab import config
from autodiff_lab.errors import LabError
from autodiff_lab.gradient import grad

INPUTS = {
    name: pt.TensorType(dtype, (None,) * rank)(name)
    for name, dtype, rank in [
        ("b8", "int8", 1), ("w16", "int16", 1), ("i32", "int32", 1), ("l64", "int64", 1),
        ("u8", "uint8", 1), ("f32", "float32", 1), ("f64", "float64", 1), ("t", "bool", 1),
        ("z", "complex128", 1), ("n", "int64", 0), ("m", "int32", 2),
    ]
}

# expression -> dtype: the family's answers, which differ from NumPy's here and there
GOLDEN = {
    "pt.constant(2)": "int8",
    "pt.constant(-128)": "int8",
    "pt.constant(1000)": "int16",
    "pt.constant(100_000)": "int32",
    "pt.constant(2**40)": "int64",
    "pt.constant(2**63)": "uint64",
    "pt.constant(True)": "bool",
    "pt.constant(2.5)": "float32",
    "pt.constant(0.1)": "float64",
    "pt.constant(1e300)": "float64",
    "pt.constant(1j)": "complex128",
    "pt.constant(np.float64(2.5))": "float64",
    "pt.constant([1, 2])": "int64",
    "f32 * 2.5": "float32",
    "f32 * 2.0": "float32",
    "f32 * 2": "float32",
    "f32 * 0.1": "float64",
    "f32 * np.float64(2.5)": "float64",
    "f32 * np.float32(0.1)": "float32",
    "f64 * f32": "float64",
    "b8 / b8": "float64",
    "i32 / i32": "float64",
    "f32 / f32": "float32",
    "b8 / f32": "float32",
    "pt.exp(b8)": "float32",
    "pt.exp(w16)": "float32",
    "pt.exp(i32)": "float64",
    "pt.exp(l64)": "float64",
    "pt.exp(u8)": "float32",
    "pt.exp(t)": "float32",
    "np.exp(b8)": "float32",
    "pt.sqrt(f32)": "float32",
    "i32 * f32": "float64",
    "l64 * f32": "float64",
    "w16 * f32": "float32",
    "b8 + 1": "int8",
    "b8 + 300": "int16",
    "u8 + b8": "int16",
    "t + t": "bool",
    "t * t": "bool",
    "t + 1": "int8",
    "pt.sum(b8)": "int64",
    "pt.prod(b8)": "int64",
    "pt.sum(u8)": "uint64",
    "pt.sum(t)": "int64",
    "pt.sum(f32)": "float32",
    "pt.sum(f32, dtype='float64')": "float64",
    "pt.mean(i32)": "float64",
    "pt.mean(b8)": "float64",
    "pt.mean(f32)": "float32",
    "pt.var(f32)": "float32",
    "pt.std(f32)": "float32",
    "pt.var(i32)": "float64",
    "pt.max(b8)": "int8",
    "pt.any(f32)": "bool",
    "pt.all(t)": "bool",
    "pt.arange(5)": "int64",
    "pt.arange(n)": "int64",
    "pt.arange(0.0, 1.0, 0.25)": "float32",
    "pt.arange(0, 1, 0.1)": "float64",
    "pt.arange(5, dtype='int8')": "int8",
    "f32 < f64": "bool",
    "pt.eq(b8, l64)": "bool",
    "pt.isnan(i32)": "bool",
    "i32 ** 2": "int32",
    "i32 // 2": "int32",
    "i32 % 2": "int32",
    "f32 ** 2": "float32",
    "f32 ** 0.5": "float32",
    "-i32": "int32",
    "abs(z)": "float64",
    "pt.floor(i32)": "float64",
    "pt.where(t, f32, 0)": "float32",
    "pt.where(t, b8, 300)": "int16",
    "pt.clip(f32, 0, 1)": "float32",
    "pt.maximum(b8, i32)": "int32",
    "t & t": "bool",
    "i32 & b8": "int32",
    "~t": "bool",
    "pt.dot(m, i32)": "int32",
    "pt.dot(m, f64)": "float64",
    "pt.zeros((2,))": "float64",
    "pt.zeros_like(f32)": "float32",
    "pt.ones_like(f32, dtype='int8')": "int8",
    "pt.eye(3)": "float64",
    "pt.concatenate([b8, f32])": "float32",
    "pt.stack([n, 1])": "int64",
    "f64.shape": "int64",
    "f64.size": "int64",
    "pt.cast(f64, 'floatX')": "float64",
    "grad(pt.sum(f32 * 0.1), f32)": "float32",
    "grad(pt.sum(i32 * 1.0), i32)": "float64",
    "grad(n, n)": "float64",
}


def built(expression: str) -> Any:
    return eval(expression, {"pt": pt, "np": np, "grad": grad, **INPUTS})


@pytest.mark.parametrize("expression", GOLDEN)
def test_golden_rows(expression: str) -> None:
    found = built(expression)
    assert found.dtype == GOLDEN[expression]
    arrays = {v: np.ones((2,) * v.ndim, v.dtype) for v in INPUTS.values()}
    assert value(found, arrays).dtype == GOLDEN[expression]


def test_floatx_decides_where_nothing_else_does() -> None:
    with config.change_flags(floatX="float32"):
        assert pt.vector("x").dtype == "float32"
        assert built("b8 / b8").dtype == "float32"
        assert built("pt.mean(i32)").dtype == "float32"
        assert built("pt.zeros((2,))").dtype == "float32"
        assert built("f32 * 0.1").dtype == "float32"
        assert pt.dvector("x").dtype == "float64"
    assert pt.vector("x").dtype == "float64"


REFUSED = {
    "pt.cast(z, 'float64')": "complex to real",
    "t - t": "cannot be subtracted",
    "-t": "negated",
    "f64 & t": "Bitwise",
    "pt.floor(z)": "complex",
    "pt.constant('text')": "Cannot convert",
    "pt.constant(None)": "Cannot convert",
    "pt.constant(2**64)": "64 bits",
    "pt.TensorType('float80', ())": "Unsupported dtype",
    "pt.exp(f64, f64)": "takes 1 argument",
    "pt.exp()": "takes 1 argument",
    "pt.clip(f64, 0)": r"takes 3 arguments \(x, low, high\), 2 given",
    "pt.clip(f64, 0, 1, high=2)": "does not take high=",
    "pt.exp(f64, out=f64)": "does not take out=",
}


@pytest.mark.parametrize("expression", REFUSED)
def test_refused(expression: str) -> None:
    with pytest.raises(TypeError, match=REFUSED[expression]) as caught:
        built(expression)
    assert isinstance(caught.value, LabError)


# -- values for a type: (type, value, what becomes of it) ----------------------------------------

ACCEPTED = [
    ("float64", (None,), np.array([1, 2])),
    ("float64", (None,), [1, 2.5]),
    ("float64", (), 3),
    ("float64", (), 0.1),
    ("float64", (), np.float32(0.5)),
    ("float32", (), 0.5),
    ("float32", (None,), np.array([1, 2], "int16")),
    ("int8", (), 100),
    ("int8", (None,), [1, -2]),
    ("int64", (), np.int8(3)),
    ("bool", (), True),
    ("float64", (2, None), np.zeros((2, 5))),
    ("complex128", (), 1.5),
    ("float64", (None, None), [[1, 2], [3, 4]]),
    ("float64", (0,), []),
]


@pytest.mark.parametrize(("dtype", "shape", "given"), ACCEPTED)
def test_values_that_fit(dtype: str, shape: Any, given: Any) -> None:
    found = pt.TensorType(dtype, shape).filter(given)
    assert isinstance(found, np.ndarray) and found.dtype == dtype
    np.testing.assert_array_equal(found, np.asarray(given))


NOT_ACCEPTED = [
    ("float32", (None,), np.zeros(2), TypeError, "loss of precision"),
    ("float32", (), 0.1, TypeError, "loss of precision"),
    ("int64", (None,), np.zeros(2), TypeError, "loss of precision"),
    ("int64", (), 1.5, TypeError, "loss of precision"),
    ("float64", (), 1j, TypeError, "loss of precision"),
    ("int8", (), 300, OverflowError, "out of bounds"),
    ("int8", (None,), [1, 300], OverflowError, "out of bounds"),
    ("uint8", (), -1, OverflowError, "out of bounds"),
    ("float64", (None,), np.zeros((2, 2)), TypeError, "Wrong number of dimensions"),
    ("float64", (2,), np.zeros(3), TypeError, "axis 0 has length 3"),
    ("float64", (), "text", TypeError, "takes numbers"),
    ("float64", (None,), [[1], [2, 3]], TypeError, "cannot be made an array"),
    ("float64", (), None, TypeError, "takes numbers"),
    ("float64", (), pt.dscalar("x"), TypeError, "found a Variable"),
]


@pytest.mark.parametrize(("dtype", "shape", "given", "error", "text"), NOT_ACCEPTED)
def test_values_that_do_not_fit(dtype: str, shape: Any, given: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text) as caught:
        pt.TensorType(dtype, shape).filter(given)
    assert isinstance(caught.value, LabError)
    assert len(str(caught.value).splitlines()) <= 12


def test_filter_options() -> None:
    single = pt.TensorType("float32", (None,))
    assert single.filter(np.array([0.1]), allow_downcast=True).dtype == "float32"
    assert pt.TensorType("int8", ()).filter(300.7, allow_downcast=True).dtype == "int8"
    with pytest.raises(TypeError, match="strict"):
        single.filter(np.array([1, 2]), strict=True)
    with config.change_flags(floatX="float32"):
        assert pt.TensorType("float32", ()).filter(0.1).dtype == "float32"
    with pytest.raises(TypeError):
        pt.TensorType("float32", ()).filter(np.float64(0.1))


class Special(np.ndarray):
    """A subclass, as masked or annotated arrays are."""


def test_arrays_that_fit_pass_unchanged(tmp_path: Any) -> None:
    kind = pt.TensorType("float64", (None,))
    plain = np.arange(4.0)
    mapped = np.memmap(tmp_path / "numbers", dtype="float64", mode="w+", shape=(4,))
    for array in (plain, plain[::2]):
        assert kind.filter(array) is array
    for array in (plain.view(Special), mapped):
        found = kind.filter(array)
        assert type(found) is np.ndarray and np.shares_memory(found, array)


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_subclasses_mean_their_numbers() -> None:
    square = np.matrix([[1.0, 2.0], [3.0, 4.0]])
    m = pt.dmatrix("m")
    assert (m * m).eval({m: square}).tolist() == [[1.0, 4.0], [9.0, 16.0]]
    masked = np.ma.array([1.0, 2.0], mask=[False, True])
    x = pt.dvector("x")
    assert (x + 1).eval({x: np.ma.array([1.0, 2.0])}).tolist() == [2.0, 3.0]
    for made in (lambda: (x + 1).eval({x: masked}), lambda: pt.constant(masked),
                 lambda: ad.shared(masked), lambda: x + masked):
        with pytest.raises(TypeError, match="Masked entries have no value"):
            made()


@pytest.mark.parametrize("value", [2**53 + 1, 2**63 + 1, 2**70 + 1, -(2**53) - 1, 10**400])
def test_whole_numbers_are_not_rounded_in_silence(value: int) -> None:
    x, v = pt.dscalar("x"), pt.dvector("v")
    for variable, given in ((x, value), (v, [value])):
        with pytest.raises((TypeError, OverflowError), match="risking loss|too large"):
            (variable * 2).eval({variable: given})
    for exact in (2**53, 2**63, 10**22, -(2**70)):
        assert int((x * 1).eval({x: exact})) == exact
    assert pt.lvector().type.filter([]).dtype == "int64"


def test_unaligned_arrays_are_refused() -> None:
    raw = np.zeros(9, dtype="uint8")
    unaligned = raw[1:].view("float64")
    with pytest.raises(TypeError, match="not aligned"):
        pt.TensorType("float64", (None,)).filter(unaligned)


# -- types ---------------------------------------------------------------------------------------

def test_types_are_values() -> None:
    vector = pt.TensorType("float64", (None,))
    assert vector == pt.dvector("x").type and hash(vector) == hash(pt.dvector("y").type)
    assert repr(pt.dmatrix("x").type) == "TensorType(float64, shape=(None, None))"
    assert str(pt.dmatrix("x").type) == "Matrix(float64, shape=(?, ?))"
    assert str(pt.dvector("x").type) == "Vector(float64, shape=(?,))"
    assert vector.is_super(pt.TensorType("float64", (3,)))
    assert not pt.TensorType("float64", (3,)).is_super(vector)
    assert vector.in_same_class(pt.TensorType("float64", (3,)))
    known = pt.TensorType("float64", (3,))
    assert known.filter_variable(pt.dvector("x")).type == known
    assert vector.filter_variable(known("k")).type == known
    assert known.convert_variable(pt.fvector("x")) is None
    assert known.filter_variable([1, 2, 3]).type == known
    with pytest.raises(TypeError, match="Cannot convert"):
        known.filter_variable(pt.fvector("x"))
    assert vector.clone(dtype="int8") == pt.TensorType("int8", (None,))
    with pytest.warns(DeprecationWarning, match="broadcastable"):
        assert pt.TensorType("float64", broadcastable=(True, False)).shape == (1, None)


@pytest.mark.parametrize(("shape", "error", "text"), [
    (3, TypeError, "Shape must be a tuple"), ((2.5,), TypeError, "must be integer types"),
    ((-1,), ValueError, "negative"), (None, TypeError, "needs a shape"),
])
def test_shapes_that_are_none(shape: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        pt.TensorType("float64", shape)


LETTERS = {"": "float64", "b": "int8", "w": "int16", "i": "int32", "l": "int64", "f": "float32",
           "d": "float64", "c": "complex64", "z": "complex128"}
RANKS = {"scalar": 0, "vector": 1, "matrix": 2, "tensor3": 3, "tensor4": 4, "tensor5": 5,
         "tensor6": 6, "tensor7": 7, "row": 2, "col": 2}


@pytest.mark.parametrize("letter", LETTERS)
def test_constructors(letter: str) -> None:
    for kind, rank in RANKS.items():
        made = getattr(pt, letter + kind)("name")
        assert (made.dtype, made.ndim, made.name) == (LETTERS[letter], rank, "name")
        plural = letter + {"matrix": "matrices"}.get(kind, kind + "s")
        several = getattr(pt, plural)("a", "b")
        assert [v.name for v in several] == ["a", "b"] and several[0].type == made.type
        assert len(getattr(pt, plural)(3)) == 3
    assert getattr(pt, letter + "row")().type.shape == (1, None)
    assert getattr(pt, letter + "col")().type.shape == (None, 1)


def test_tensor_constructor() -> None:
    assert pt.tensor("x", shape=(3, None)).type == pt.TensorType("float64", (3, None))
    assert pt.tensor("x", dtype="int8", shape=()).dtype == "int8"
    assert pt.vector("x", dtype="float32", shape=(3,)).type == pt.TensorType("float32", (3,))
    with pytest.raises(TypeError, match="needs a shape"):
        pt.tensor("x")
    with pytest.raises(TypeError, match="A name is text"):
        pt.dscalar(3)
