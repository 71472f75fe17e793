"""The primitive functions: the only ones that a kernel printer has to know.

What is here: small immutable expression trees (`Expr`, with the leaves `Name` and `Literal`), one
function per primitive that builds such a tree, the table `PRIMITIVES` with the NumPy function and
the Numba spelling of each, an evaluator with NumPy (the reference) and a flop count.

Relies on: NumPy only (``erf`` asks SciPy at the first use).

The one idea: an elementwise row of the op table says what it computes as one expression over these
primitives, ``expr=lambda x: prim.log1p(x)``; whoever prints or runs kernels never looks further.

Every tree knows its dtype. Arguments of different dtypes are cast to their common dtype (select and
arithmetic), comparisons give bool, and a Python number takes the dtype of its neighbour. Functions
such as `exp` of integers compute in float64; a row whose table says float32 casts its inputs first.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

__all__ = ["PRIMITIVES", "Expr", "Literal", "Name", "Primitive", "Term", "evaluate", "flops"]


@dataclass(frozen=True)
class Primitive:
    """One primitive function.

    Attributes
    ----------
    name : str
        Its name in `Expr.primitive`.
    arity : int
        Number of arguments.
    numpy : str
        The NumPy (or SciPy) function, as text.
    numba : str
        How Numba Python spells it; ``{0}`` stands for the first argument, which is always a name or
        a literal, so it may stand twice.
    result : str
        "same" (common dtype of the arguments), "bool", or "float" (likewise, after integers became
        float64).
    kinds : str
        Kinds of dtype (NumPy's letters) for which the Numba spelling is right.
    flops : int
        Cost estimate, in additions.
    """

    name: str
    arity: int
    numpy: str
    numba: str
    result: str = "same"
    kinds: str = "biuf"
    flops: int = 1


def _operator(name: str, turned: bool = False) -> Callable[[Any, object], Expr]:
    """One of Python's operators as a primitive; `turned`: the expression stands on the right."""
    if turned:
        return lambda self, other: _apply(name, other, self)
    return lambda self, other: _apply(name, self, other)


class _Operators:
    """Python's arithmetic on expressions, so that rows read like formulas."""

    __slots__ = ()
    dtype: str

    __add__, __radd__ = _operator("add"), _operator("add", turned=True)
    __sub__, __rsub__ = _operator("sub"), _operator("sub", turned=True)
    __mul__, __rmul__ = _operator("mul"), _operator("mul", turned=True)
    __truediv__, __rtruediv__ = _operator("div"), _operator("div", turned=True)

    def __neg__(self) -> Expr:
        return neg(self)


@dataclass(frozen=True)
class Expr(_Operators):
    """A primitive applied to expressions; `dtype` is that of the result."""

    primitive: str
    args: tuple[Term, ...]
    dtype: str


@dataclass(frozen=True)
class Name(_Operators):
    """A value that is already there: an input of the expression, or an earlier statement."""

    name: str
    dtype: str


@dataclass(frozen=True)
class Literal(_Operators):
    """A number written into the expression."""

    value: bool | int | float
    dtype: str


Term: TypeAlias = Expr | Name | Literal

PRIMITIVES: dict[str, Primitive] = {}
BUILDERS: dict[str, Callable[..., Expr]] = {}
"""NumPy function -> what builds the expression of its primitive."""


def _common_dtype(args: tuple[object, ...]) -> str:
    """Common dtype of the arguments that have one; a float beside integers asks for float64."""
    known = [arg.dtype for arg in args if isinstance(arg, (Expr, Name, Literal))]
    numbers = [arg for arg in args if isinstance(arg, (bool, int, float))]
    if not known:
        return str(np.result_type(*(np.asarray(number) for number in numbers)))
    common = np.result_type(*known)
    if common.kind in "biu" and any(isinstance(n, float) and not n.is_integer() for n in numbers):
        common = np.result_type(common, np.float64)
    if common.kind == "b" and any(not isinstance(number, bool) for number in numbers):
        common = np.dtype(np.int64)
    return str(common)


def _as_term(arg: object, dtype: str) -> Term:
    """`arg` as an expression of this dtype: numbers become literals, others are cast if needed."""
    if isinstance(arg, (Expr, Name, Literal)):
        return arg if arg.dtype == dtype else cast(arg, dtype)
    if isinstance(arg, (bool, int, float, np.generic)):
        value = np.asarray(arg).astype(dtype).item()
        return Literal(value, dtype)
    raise TypeError(f"An expression over primitives takes expressions and numbers, not {arg!r}.")


def _apply(name: str, *args: object) -> Expr:
    """Build the tree of one primitive, with the casts that its arguments need."""
    primitive = PRIMITIVES[name]
    args = tuple(arg.item() if isinstance(arg, np.generic) else arg for arg in args)
    dtype = _common_dtype(args)
    if primitive.result == "float" and np.dtype(dtype).kind in "biu":
        dtype = "float64"
    terms = tuple(_as_term(arg, dtype) for arg in args)
    return Expr(name, terms, "bool" if primitive.result == "bool" else dtype)


def _primitive(
    name: str, arity: int, numpy: str, numba: str, result: str = "same", kinds: str = "biuf",
    flops: int = 1,
) -> Callable[..., Expr]:
    """Declare a primitive; the function that builds its expression."""
    PRIMITIVES[name] = Primitive(name, arity, numpy, numba, result, kinds, flops)

    def build(*args: object) -> Expr:
        return _apply(name, *args)

    return BUILDERS.setdefault(numpy, build)


def _function(name: str, numpy: str = "", flops: int = 20) -> Callable[..., Expr]:
    """Declare a function of one float; `math` and NumPy have it under the names given."""
    return _primitive(name, 1, numpy or f"np.{name}", f"{name}({{0}})", "float", "f", flops)


add = _primitive("add", 2, "np.add", "{0} + {1}")
sub = _primitive("sub", 2, "np.subtract", "{0} - {1}", kinds="iuf")
mul = _primitive("mul", 2, "np.multiply", "{0} * {1}")
div = _primitive("div", 2, "np.divide", "{0} / {1}", "float", "f", 4)
floordiv = _primitive("floordiv", 2, "np.floor_divide", "{0} // {1}", "same", "", 8)
mod = _primitive("mod", 2, "np.mod", "{0} % {1}", "same", "", 8)
neg = _primitive("neg", 1, "np.negative", "-{0}", kinds="iuf")
abs = _primitive("abs", 1, "np.abs", "abs({0})", kinds="iuf")
# The first argument wins if it is NaN, so NaN comes through from either side.
min = _primitive("min", 2, "np.minimum", "{0} if {0} < {1} or {0} != {0} else {1}", flops=2)
max = _primitive("max", 2, "np.maximum", "{0} if {0} > {1} or {0} != {0} else {1}", flops=2)
floor = _primitive("floor", 1, "np.floor", "np.floor({0})", kinds="f")
ceil = _primitive("ceil", 1, "np.ceil", "np.ceil({0})", kinds="f")
rint = _primitive("rint", 1, "np.rint", "np.rint({0})", kinds="f")
trunc = _primitive("trunc", 1, "np.trunc", "np.trunc({0})", kinds="f")
lt = _primitive("lt", 2, "np.less", "{0} < {1}", "bool")
le = _primitive("le", 2, "np.less_equal", "{0} <= {1}", "bool")
gt = _primitive("gt", 2, "np.greater", "{0} > {1}", "bool")
ge = _primitive("ge", 2, "np.greater_equal", "{0} >= {1}", "bool")
eq = _primitive("eq", 2, "np.equal", "{0} == {1}", "bool")
ne = _primitive("ne", 2, "np.not_equal", "{0} != {1}", "bool")
# On booleans these are logical, on integers bitwise, as in NumPy.
and_ = _primitive("and", 2, "np.bitwise_and", "{0} & {1}", kinds="biu")
or_ = _primitive("or", 2, "np.bitwise_or", "{0} | {1}", kinds="biu")
xor = _primitive("xor", 2, "np.bitwise_xor", "{0} ^ {1}", kinds="biu")
not_ = _primitive("not", 1, "np.invert", "not {0}", kinds="b")
pow = _primitive("pow", 2, "np.power", "pow({0}, {1})", "same", "f", 40)
atan2 = _primitive("atan2", 2, "np.arctan2", "atan2({0}, {1})", "float", "f", 40)
isnan = _primitive("isnan", 1, "np.isnan", "{0} != {0}", "bool", "f")
isinf = _primitive("isinf", 1, "np.isinf", "abs({0}) == inf", "bool", "f")
sqrt = _function("sqrt", flops=4)
exp, expm1, log, log1p = (_function(name) for name in ("exp", "expm1", "log", "log1p"))
sin, cos, tan = (_function(name) for name in ("sin", "cos", "tan"))
sinh, cosh, tanh = (_function(name) for name in ("sinh", "cosh", "tanh"))
asin, acos, atan, asinh, acosh, atanh = (
    _function(name, f"np.arc{name[1:]}")
    for name in ("asin", "acos", "atan", "asinh", "acosh", "atanh")
)
erf = _function("erf", "scipy.special.erf", 30)
_primitive("select", 3, "np.where", "{1} if {0} else {2}")
_primitive("cast", 1, "np.asarray", "{0}")


def select(condition: Term, a: object, b: object) -> Expr:
    """`a` where the condition holds, else `b`; both are in their common dtype."""
    dtype = _common_dtype((a, b))
    if condition.dtype != "bool":
        condition = ne(condition, 0)
    return Expr("select", (condition, _as_term(a, dtype), _as_term(b, dtype)), dtype)


def cast(a: Term, dtype: str) -> Term:
    """`a` in another dtype; a literal is converted at once."""
    if a.dtype == dtype:
        return a
    if isinstance(a, Literal):
        return Literal(np.asarray(a.value, a.dtype).astype(dtype).item(), dtype)
    return Expr("cast", (a,), dtype)


def post_order(expression: Term) -> list[Term]:
    """Every distinct node object of the tree, arguments before what uses them."""
    order: list[Term] = []
    done: set[int] = set()
    stack: list[tuple[Term, bool]] = [(expression, False)]
    while stack:
        term, finished = stack.pop()
        if id(term) in done:
            continue
        if finished or not isinstance(term, Expr):
            done.add(id(term))
            order.append(term)
            continue
        stack.append((term, True))
        stack.extend((arg, False) for arg in reversed(term.args))
    return order


def numpy_function(text: str) -> Callable[..., Any]:
    """The function that text such as ``np.exp`` or ``scipy.special.erf`` names."""
    module, _, name = text.rpartition(".")
    module = "numpy" if module == "np" else module
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function


def evaluate(expression: Term, values: Mapping[str, Any]) -> np.ndarray[Any, Any]:
    """Compute an expression with NumPy, given an array for each name.

    Examples
    --------
    >>> from autodiff_lab.tensor.scalars import primitives as prim
    >>> x = prim.Name("x", "float64")
    >>> prim.evaluate(x * x + 1, {"x": [1.0, 2.0]}).tolist()
    [2.0, 5.0]
    """
    results: dict[int, np.ndarray[Any, Any]] = {}
    with np.errstate(all="ignore"):
        for term in post_order(expression):
            if isinstance(term, Name):
                value = np.asarray(values[term.name])
            elif isinstance(term, Literal):
                value = np.asarray(term.value)
            elif term.primitive == "cast":
                value = results[id(term.args[0])]
            else:
                function = numpy_function(PRIMITIVES[term.primitive].numpy)
                value = np.asarray(function(*(results[id(arg)] for arg in term.args)))
            results[id(term)] = value.astype(term.dtype, copy=False)
    return results[id(expression)]


def flops(expression: Term) -> int:
    """Estimated cost of one evaluation, in additions.

    Examples
    --------
    >>> from autodiff_lab.tensor.scalars import primitives as prim
    >>> prim.flops(prim.Name("x", "float64") * 2.0 + 1.0)
    2
    """
    return sum(
        PRIMITIVES[term.primitive].flops
        for term in post_order(expression)
        if isinstance(term, Expr) and term.primitive != "cast"
    )
