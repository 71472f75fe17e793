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


class _Operators:
    """Python's arithmetic on expressions, so that rows read like formulas."""

    __slots__ = ()
    dtype: str

    def __add__(self, other: object) -> Expr:
        return add(self, other)

    def __radd__(self, other: object) -> Expr:
        return add(other, self)

    def __sub__(self, other: object) -> Expr:
        return sub(self, other)

    def __rsub__(self, other: object) -> Expr:
        return sub(other, self)

    def __mul__(self, other: object) -> Expr:
        return mul(self, other)

    def __rmul__(self, other: object) -> Expr:
        return mul(other, self)

    def __truediv__(self, other: object) -> Expr:
        return div(self, other)

    def __rtruediv__(self, other: object) -> Expr:
        return div(other, self)

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

PRIMITIVES: dict[str, Primitive] = {
    p.name: p
    for p in (
        Primitive("add", 2, "np.add", "{0} + {1}"),
        Primitive("sub", 2, "np.subtract", "{0} - {1}", kinds="iuf"),
        Primitive("mul", 2, "np.multiply", "{0} * {1}"),
        Primitive("div", 2, "np.divide", "{0} / {1}", "float", "f", 4),
        Primitive("floordiv", 2, "np.floor_divide", "{0} // {1}", "same", "", 8),
        Primitive("mod", 2, "np.mod", "{0} % {1}", "same", "", 8),
        Primitive("neg", 1, "np.negative", "-{0}", kinds="iuf"),
        Primitive("abs", 1, "np.abs", "abs({0})", kinds="iuf"),
        # The first argument wins if it is NaN, so NaN comes through from either side.
        Primitive("min", 2, "np.minimum", "{0} if {0} < {1} or {0} != {0} else {1}", flops=2),
        Primitive("max", 2, "np.maximum", "{0} if {0} > {1} or {0} != {0} else {1}", flops=2),
        Primitive("floor", 1, "np.floor", "np.floor({0})", kinds="f"),
        Primitive("ceil", 1, "np.ceil", "np.ceil({0})", kinds="f"),
        Primitive("rint", 1, "np.rint", "np.rint({0})", kinds="f"),
        Primitive("trunc", 1, "np.trunc", "np.trunc({0})", kinds="f"),
        Primitive("lt", 2, "np.less", "{0} < {1}", "bool"),
        Primitive("le", 2, "np.less_equal", "{0} <= {1}", "bool"),
        Primitive("gt", 2, "np.greater", "{0} > {1}", "bool"),
        Primitive("ge", 2, "np.greater_equal", "{0} >= {1}", "bool"),
        Primitive("eq", 2, "np.equal", "{0} == {1}", "bool"),
        Primitive("ne", 2, "np.not_equal", "{0} != {1}", "bool"),
        # On booleans these are logical, on integers bitwise, as in NumPy.
        Primitive("and", 2, "np.bitwise_and", "{0} & {1}", kinds="biu"),
        Primitive("or", 2, "np.bitwise_or", "{0} | {1}", kinds="biu"),
        Primitive("xor", 2, "np.bitwise_xor", "{0} ^ {1}", kinds="biu"),
        Primitive("not", 1, "np.invert", "not {0}", kinds="b"),
        Primitive("select", 3, "np.where", "{1} if {0} else {2}"),
        Primitive("cast", 1, "np.asarray", "{0}"),
        Primitive("sqrt", 1, "np.sqrt", "sqrt({0})", "float", "f", 4),
        Primitive("pow", 2, "np.power", "{0} ** {1}", "same", "f", 40),
        Primitive("isnan", 1, "np.isnan", "{0} != {0}", "bool", "f"),
        Primitive("isinf", 1, "np.isinf", "abs({0}) == inf", "bool", "f"),
        Primitive("atan2", 2, "np.arctan2", "atan2({0}, {1})", "float", "f", 40),
        Primitive("erf", 1, "scipy.special.erf", "erf({0})", "float", "f", 30),
        *(
            Primitive(name, 1, f"np.{numpy}", f"{name}({{0}})", "float", "f", 20)
            for name, numpy in {
                "exp": "exp",
                "expm1": "expm1",
                "log": "log",
                "log1p": "log1p",
                "sin": "sin",
                "cos": "cos",
                "tan": "tan",
                "tanh": "tanh",
                "sinh": "sinh",
                "cosh": "cosh",
                "asin": "arcsin",
                "acos": "arccos",
                "atan": "arctan",
                "asinh": "arcsinh",
                "acosh": "arccosh",
                "atanh": "arctanh",
            }.items()
        ),
    )
}


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


def add(a: object, b: object) -> Expr:
    """a + b."""
    return _apply("add", a, b)


def sub(a: object, b: object) -> Expr:
    """a - b."""
    return _apply("sub", a, b)


def mul(a: object, b: object) -> Expr:
    """a * b."""
    return _apply("mul", a, b)


def div(a: object, b: object) -> Expr:
    """a / b, never an integer division."""
    return _apply("div", a, b)


def floordiv(a: object, b: object) -> Expr:
    """a // b, rounded towards minus infinity."""
    return _apply("floordiv", a, b)


def mod(a: object, b: object) -> Expr:
    """a % b, with the sign of b."""
    return _apply("mod", a, b)


def neg(a: object) -> Expr:
    """-a."""
    return _apply("neg", a)


def abs(a: object) -> Expr:
    """Absolute value."""
    return _apply("abs", a)


def min(a: object, b: object) -> Expr:
    """The smaller of two; NaN if one is NaN."""
    return _apply("min", a, b)


def max(a: object, b: object) -> Expr:
    """The larger of two; NaN if one is NaN."""
    return _apply("max", a, b)


def floor(a: object) -> Expr:
    """The largest whole number not above a."""
    return _apply("floor", a)


def ceil(a: object) -> Expr:
    """The smallest whole number not below a."""
    return _apply("ceil", a)


def rint(a: object) -> Expr:
    """The nearest whole number, ties to even."""
    return _apply("rint", a)


def trunc(a: object) -> Expr:
    """a without its fraction."""
    return _apply("trunc", a)


def lt(a: object, b: object) -> Expr:
    """a < b."""
    return _apply("lt", a, b)


def le(a: object, b: object) -> Expr:
    """a <= b."""
    return _apply("le", a, b)


def gt(a: object, b: object) -> Expr:
    """a > b."""
    return _apply("gt", a, b)


def ge(a: object, b: object) -> Expr:
    """a >= b."""
    return _apply("ge", a, b)


def eq(a: object, b: object) -> Expr:
    """a == b."""
    return _apply("eq", a, b)


def ne(a: object, b: object) -> Expr:
    """a != b."""
    return _apply("ne", a, b)


def and_(a: object, b: object) -> Expr:
    """a & b: logical on booleans, bitwise on integers."""
    return _apply("and", a, b)


def or_(a: object, b: object) -> Expr:
    """a | b: logical on booleans, bitwise on integers."""
    return _apply("or", a, b)


def xor(a: object, b: object) -> Expr:
    """a ^ b: logical on booleans, bitwise on integers."""
    return _apply("xor", a, b)


def not_(a: object) -> Expr:
    """Logical not of a boolean, bitwise complement of an integer."""
    return _apply("not", a)


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


def sqrt(a: object) -> Expr:
    """Square root."""
    return _apply("sqrt", a)


def pow(a: object, b: object) -> Expr:
    """a to the power b."""
    return _apply("pow", a, b)


def exp(a: object) -> Expr:
    """e to the power a."""
    return _apply("exp", a)


def expm1(a: object) -> Expr:
    """exp(a) - 1, accurate near zero."""
    return _apply("expm1", a)


def log(a: object) -> Expr:
    """Natural logarithm."""
    return _apply("log", a)


def log1p(a: object) -> Expr:
    """log(1 + a), accurate near zero."""
    return _apply("log1p", a)


def sin(a: object) -> Expr:
    """Sine."""
    return _apply("sin", a)


def cos(a: object) -> Expr:
    """Cosine."""
    return _apply("cos", a)


def tan(a: object) -> Expr:
    """Tangent."""
    return _apply("tan", a)


def tanh(a: object) -> Expr:
    """Hyperbolic tangent."""
    return _apply("tanh", a)


def sinh(a: object) -> Expr:
    """Hyperbolic sine."""
    return _apply("sinh", a)


def cosh(a: object) -> Expr:
    """Hyperbolic cosine."""
    return _apply("cosh", a)


def asin(a: object) -> Expr:
    """Inverse sine."""
    return _apply("asin", a)


def acos(a: object) -> Expr:
    """Inverse cosine."""
    return _apply("acos", a)


def atan(a: object) -> Expr:
    """Inverse tangent."""
    return _apply("atan", a)


def atan2(a: object, b: object) -> Expr:
    """Angle of the point (b, a)."""
    return _apply("atan2", a, b)


def asinh(a: object) -> Expr:
    """Inverse hyperbolic sine."""
    return _apply("asinh", a)


def acosh(a: object) -> Expr:
    """Inverse hyperbolic cosine."""
    return _apply("acosh", a)


def atanh(a: object) -> Expr:
    """Inverse hyperbolic tangent."""
    return _apply("atanh", a)


def erf(a: object) -> Expr:
    """The error function."""
    return _apply("erf", a)


def isnan(a: object) -> Expr:
    """Whether a is not a number."""
    return _apply("isnan", a)


def isinf(a: object) -> Expr:
    """Whether a is infinite."""
    return _apply("isinf", a)


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
