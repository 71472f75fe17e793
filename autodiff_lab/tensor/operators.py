"""Python's operators on a variable, and its answers where Python asks for a number or sequence.

Mixed into `TensorVariable`, as are `methods` and `numpy_protocol`.  Each operator looks up a
public function by name (`tensor.registry`).  One protocol method serves several spellings (`if x`,
`not x`, ``0 < x < 1``), so its error names the remedy of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

from autodiff_lab.errors import LabTypeError, LabValueError
from autodiff_lab.graph import Variable, describe, line_of
from autodiff_lab.tensor.registry import function


class Operators:
    """The arithmetic, comparison and bit operators."""

    __slots__ = ()

    def __add__(self, other: Any) -> Any:
        return function("add")(self, other)

    def __radd__(self, other: Any) -> Any:
        return function("add")(other, self)

    def __sub__(self, other: Any) -> Any:
        return function("sub")(self, other)

    def __rsub__(self, other: Any) -> Any:
        return function("sub")(other, self)

    def __mul__(self, other: Any) -> Any:
        return function("mul")(self, other)

    def __rmul__(self, other: Any) -> Any:
        return function("mul")(other, self)

    def __truediv__(self, other: Any) -> Any:
        return function("true_div")(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return function("true_div")(other, self)

    def __floordiv__(self, other: Any) -> Any:
        return function("int_div")(self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return function("int_div")(other, self)

    def __mod__(self, other: Any) -> Any:
        return function("mod")(self, other)

    def __rmod__(self, other: Any) -> Any:
        return function("mod")(other, self)

    def __divmod__(self, other: Any) -> Any:
        return function("int_div")(self, other), function("mod")(self, other)

    def __rdivmod__(self, other: Any) -> Any:
        return function("int_div")(other, self), function("mod")(other, self)

    def __pow__(self, other: Any) -> Any:
        return function("pow")(self, other)

    def __rpow__(self, other: Any) -> Any:
        return function("pow")(other, self)

    def __matmul__(self, other: Any) -> Any:
        return function("matmul")(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return function("matmul")(other, self)

    def __neg__(self) -> Any:
        return function("neg")(self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return function("abs")(self)

    def __invert__(self) -> Any:
        return function("invert")(self)

    def __and__(self, other: Any) -> Any:
        return function("and_")(self, other)

    def __rand__(self, other: Any) -> Any:
        return function("and_")(other, self)

    def __or__(self, other: Any) -> Any:
        return function("or_")(self, other)

    def __ror__(self, other: Any) -> Any:
        return function("or_")(other, self)

    def __xor__(self, other: Any) -> Any:
        return function("xor")(self, other)

    def __rxor__(self, other: Any) -> Any:
        return function("xor")(other, self)

    def __lt__(self, other: Any) -> Any:
        return function("lt")(self, other)

    def __le__(self, other: Any) -> Any:
        return function("le")(self, other)

    def __gt__(self, other: Any) -> Any:
        return function("gt")(self, other)

    def __ge__(self, other: Any) -> Any:
        return function("ge")(self, other)

    def __round__(self, digits: int | None = None) -> Any:
        return function("around")(self, digits or 0)

    def __getitem__(self, key: Any) -> Any:
        return function("subtensor")(self, key)


class PythonProtocol:
    """What Python asks of a number or a sequence and a variable cannot answer.

    A variable has no value while the graph is built; each error says what to write instead.
    """

    __slots__ = ()

    def __bool__(self) -> bool:
        raise LabTypeError(
            "Variables do not support boolean operations: there is no value yet.",
            where=_place(self),
            remedy="`if`, `while`: where(condition, a, b), or ifelse for branches\n"
            "`and`, `or`, `not`: a & b, a | b, ~a;  0 < x < 1: (0 < x) & (x < 1)\n"
            "max(x, 0), min(x, 0): maximum(x, 0), minimum(x, 0)",
        )

    def __float__(self) -> float:
        raise LabTypeError(
            "A variable has no value yet: it cannot become a Python float.", where=_place(self),
            remedy="float(x): x.eval({...}) computes the number\n"
            "math.exp(x) and the rest of math: exp(x), or np.exp(x), builds the graph",
        )

    def __int__(self) -> int:
        self._no_integer()

    def __index__(self) -> int:
        self._no_integer()

    def _no_integer(self) -> NoReturn:
        raise LabTypeError(
            "A variable has no value yet: it cannot become a Python integer.", where=_place(self),
            remedy="int(x): cast(x, 'int64');  range(n): arange(n), or scan for a loop\n"
            "a_list[n]: stack(a_list)[n];  np.eye(n): eye(n) of autodiff_lab.tensor",
        )

    def __iter__(self) -> Iterator[Any]:
        rank, shape = self.type.ndim, self.type.shape  # type: ignore[attr-defined]
        if rank == 0:
            raise LabTypeError("A scalar cannot be iterated over.", where=_place(self))
        if shape[0] is None:
            raise LabValueError(
                f"Length of {self} cannot be determined.", where=_place(self),
                why="its first axis has no length that is known while the graph is built",
                remedy="sum(x): x.sum();  a loop: scan, or arithmetic on the whole array\n"
                "a known length: specify_shape(x, (3,)), or declare it with shape=(3,)",
            )
        return iter([self[place] for place in range(shape[0])])  # type: ignore[index]

    def __len__(self) -> int:
        raise LabTypeError(
            "A variable has no len(): its length is part of the graph.", where=_place(self),
            remedy="x.shape[0]",
        )

    def __contains__(self, item: object) -> bool:
        raise LabTypeError(
            "`in` cannot be answered: there is no value yet.", where=_place(self),
            remedy="any(eq(x, value))",
        )

    def __setitem__(self, key: Any, value: Any) -> None:
        raise LabTypeError(
            "Variables do not support item assignment.", where=_place(self),
            why="a variable stands for one value and never changes",
            remedy="x[i] = v: x = set_subtensor(x[i], v)\n"
            "x[i] += v: x = inc_subtensor(x[i], v)",
        )

    def __format__(self, spec: str) -> str:
        if not spec:
            return str(self)
        raise LabTypeError(
            f"A variable has no value yet: it cannot be written as {spec!r}.", where=_place(self),
            remedy="x.eval({...}) computes the number;  pp(x) writes the expression",
        )


def _place(variable: Any) -> str:
    """A variable for an error message, with the user's line that made it."""
    assert isinstance(variable, Variable)
    line = line_of(variable)
    return describe(variable) + (f", {line}" if line is not None else "")
