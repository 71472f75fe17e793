"""Python's operators on a variable, and its answers where Python asks for a number or sequence.

Mixed into `TensorVariable`, as are `methods` and `numpy_protocol`.  Each operator looks up a
public function by name (`tensor.registry`).  One protocol method serves several spellings (`if x`,
`not x`, ``0 < x < 1``), so its error names the remedy of each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from autodiff_lab.errors import LabTypeError, LabValueError
from autodiff_lab.graph import located
from autodiff_lab.tensor.registry import function


def _unary(name: str) -> Callable[[Any], Any]:
    """An operator of one operand, as the public function of this name."""
    return lambda self: function(name)(self)


def _binary(*names: str) -> Callable[[Any, Any], Any]:
    """An operator of two operands; with several names the tuple of their results."""

    def operate(self: Any, other: Any) -> Any:
        found = tuple(function(name)(self, other) for name in names)
        return found[0] if len(found) == 1 else found

    return operate


def _reflected(*names: str) -> Callable[[Any, Any], Any]:
    """The same where the variable stands on the right."""
    forward = _binary(*names)
    return lambda self, other: forward(other, self)


class Operators:
    """The arithmetic, comparison and bit operators."""

    __slots__ = ()

    __add__, __radd__ = _binary("add"), _reflected("add")
    __sub__, __rsub__ = _binary("sub"), _reflected("sub")
    __mul__, __rmul__ = _binary("mul"), _reflected("mul")
    __truediv__, __rtruediv__ = _binary("true_div"), _reflected("true_div")
    __floordiv__, __rfloordiv__ = _binary("int_div"), _reflected("int_div")
    __mod__, __rmod__ = _binary("mod"), _reflected("mod")
    __divmod__, __rdivmod__ = _binary("int_div", "mod"), _reflected("int_div", "mod")
    __pow__, __rpow__ = _binary("pow"), _reflected("pow")
    __matmul__, __rmatmul__ = _binary("matmul"), _reflected("matmul")
    __and__, __rand__ = _binary("and_"), _reflected("and_")
    __or__, __ror__ = _binary("or_"), _reflected("or_")
    __xor__, __rxor__ = _binary("xor"), _reflected("xor")
    __lt__, __le__, __gt__, __ge__ = (_binary(name) for name in ("lt", "le", "gt", "ge"))
    __neg__, __abs__, __invert__ = (_unary(name) for name in ("neg", "abs", "invert"))
    __getitem__ = _binary("subtensor")

    def __pos__(self) -> Any:
        return self

    def __round__(self, digits: int | None = None) -> Any:
        return function("around")(self, digits or 0)


class PythonProtocol:
    """What Python asks of a number or a sequence and a variable cannot answer.

    A variable has no value while the graph is built; each error says what to write instead.
    """

    __slots__ = ()

    def __bool__(self) -> bool:
        raise LabTypeError(
            "Variables do not support boolean operations: there is no value yet.",
            where=located(self),
            remedy="`if`, `while`: where(condition, a, b), or ifelse for branches\n"
            "`and`, `or`, `not`: a & b, a | b, ~a;  0 < x < 1: (0 < x) & (x < 1)\n"
            "max(x, 0), min(x, 0): maximum(x, 0), minimum(x, 0)",
        )

    def __float__(self) -> float:
        raise LabTypeError(
            "A variable has no value yet: it cannot become a Python float.", where=located(self),
            remedy="float(x): x.eval({...}) computes the number\n"
            "math.exp(x) and the rest of math: exp(x), or np.exp(x), builds the graph",
        )

    def __int__(self) -> int:
        self._no_integer()

    def __index__(self) -> int:
        self._no_integer()

    def _no_integer(self) -> NoReturn:
        raise LabTypeError(
            "A variable has no value yet: it cannot become a Python integer.", where=located(self),
            remedy="int(x): cast(x, 'int64');  range(n): arange(n), or scan for a loop\n"
            "a_list[n]: stack(a_list)[n];  np.eye(n): eye(n) of autodiff_lab.tensor",
        )

    def __iter__(self) -> Iterator[Any]:
        rank, shape = self.type.ndim, self.type.shape  # type: ignore[attr-defined]
        if rank == 0:
            raise LabTypeError("A scalar cannot be iterated over.", where=located(self))
        if shape[0] is None:
            raise LabValueError(
                f"Length of {self} cannot be determined.", where=located(self),
                why="its first axis has no length that is known while the graph is built",
                remedy="sum(x): x.sum();  a loop: scan, or arithmetic on the whole array\n"
                "a known length: specify_shape(x, (3,)), or declare it with shape=(3,)",
            )
        return iter([self[place] for place in range(shape[0])])  # type: ignore[index]

    def __len__(self) -> int:
        raise LabTypeError(
            "A variable has no len(): its length is part of the graph.", where=located(self),
            remedy="x.shape[0]",
        )

    def __contains__(self, item: object) -> bool:
        raise LabTypeError(
            "`in` cannot be answered: there is no value yet.", where=located(self),
            remedy="any(eq(x, value))",
        )

    def __setitem__(self, key: Any, value: Any) -> None:
        raise LabTypeError(
            "Variables do not support item assignment.", where=located(self),
            why="a variable stands for one value and never changes",
            remedy="x[i] = v: x = set_subtensor(x[i], v)\n"
            "x[i] += v: x = inc_subtensor(x[i], v)",
        )

    def __format__(self, spec: str) -> str:
        if not spec:
            return str(self)
        raise LabTypeError(
            f"A variable has no value yet: it cannot be written as {spec!r}.", where=located(self),
            remedy="x.eval({...}) computes the number;  pp(x) writes the expression",
        )
