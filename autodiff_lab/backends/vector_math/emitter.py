"""Formulas of floats and bit patterns that write themselves as LLVM IR.

What is here: `Value` (an SSA name with Python's operators) and `Emitter`, which collects the
instructions of one scalar function for one float width.

Relies on nothing but the standard library.

The one idea: a function of `vector_math.functions` is a Python function of values; run on names
instead of numbers it leaves its instructions behind.  There is no branch in them, so whoever calls
the function in a loop can work on many elements at once.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

Number: TypeAlias = "Value | float | int"


@dataclass(frozen=True)
class Width:
    """A float format: its bits, those of its significand, and the constants that follow."""

    bits: int
    digits: int                 # stored bits of the significand

    @property
    def float_type(self) -> str:
        """How LLVM calls it."""
        return "double" if self.bits == 64 else "float"

    @property
    def bias(self) -> int:
        """What is added to exponents."""
        return (1 << (self.bits - self.digits - 2)) - 1

    @property
    def magic(self) -> float:
        """A number so large that adding it rounds to an integer, which its low bits then hold."""
        return 1.5 * 2.0 ** self.digits

    @property
    def smallest(self) -> float:
        """The smallest normal number."""
        return 2.0 ** (1 - self.bias)

    def bits_of(self, value: float) -> int:
        """The bit pattern of a number."""
        code, whole = ("<d", "<Q") if self.bits == 64 else ("<f", "<I")
        return int(struct.unpack(whole, struct.pack(code, value))[0])


DOUBLE = Width(64, 52)
SINGLE = Width(32, 23)
WIDTHS = {"float64": DOUBLE, "float32": SINGLE}


def _two(float_name: str, int_name: str, swap: bool = False) -> Callable[[Value, Number], Value]:
    """An operator of two values: the instruction for floats and the one for bit patterns."""
    def operator(self: Value, other: Number) -> Value:
        pair = (self.text, self.emitter.value(other, self.kind).text)
        name = float_name if self.kind == "f" else int_name
        texts = ", ".join(pair[::-1] if swap else pair)
        return self.emitter.add(f"{name} {self.emitter.type(self)} {texts}", self.kind)

    return operator


class Value:
    """A float ("f"), a bit pattern ("i") or a condition ("b") of the function being written."""

    __slots__ = ("emitter", "text", "kind")

    def __init__(self, emitter: Emitter, text: str, kind: str) -> None:
        self.emitter, self.text, self.kind = emitter, text, kind

    def __neg__(self) -> Value:
        return self.emitter.add(f"fneg {self.emitter.type(self)} {self.text}", "f")

    def _compared(self, how: str, other: Number) -> Value:
        two = self.emitter.value(other, self.kind)
        word = f"fcmp {how}" if self.kind == "f" else f"icmp {how.replace('o', 's')}"
        return self.emitter.add(f"{word} {self.emitter.type(self)} {self.text}, {two.text}", "b")

    # Of floats and of bit patterns, by LLVM's names.
    __add__ = __radd__ = _two("fadd", "add")
    __sub__, __rsub__ = _two("fsub", "sub"), _two("fsub", "sub", swap=True)
    __mul__ = __rmul__ = _two("fmul", "mul")
    __truediv__ = _two("fdiv", "")
    __and__, __or__, __xor__ = _two("", "and"), _two("", "or"), _two("", "xor")
    __lshift__, __rshift__ = _two("", "shl"), _two("", "lshr")

    def __lt__(self, other: Number) -> Value:
        return self._compared("olt", other)

    def __gt__(self, other: Number) -> Value:
        return self._compared("ogt", other)

    def equals(self, other: Number) -> Value:
        """Whether two numbers are equal; False where one is NaN."""
        return self._compared("oeq" if self.kind == "f" else "eq", other)

    def differs(self, other: Number) -> Value:
        """Whether two numbers differ; True where one is NaN."""
        return self._compared("une" if self.kind == "f" else "ne", other)


class Emitter:
    """Collects the instructions of one function.

    Parameters
    ----------
    width : Width
    fused : bool
        Whether the machine multiplies and adds in one instruction; otherwise `fma` rounds twice
        (LLVM would call the C library), and exact products take more steps.
    """

    def __init__(self, width: Width, fused: bool) -> None:
        self.width, self.fused = width, fused
        self.lines: list[str] = []
        self.tables: dict[str, tuple[float, ...]] = {}
        self.called: list[str] = []

    def type(self, value: Value) -> str:
        """The LLVM type of a value."""
        bits = self.width.bits
        return {"f": self.width.float_type, "i": f"i{bits}", "b": "i1"}[value.kind]

    def add(self, text: str, kind: str) -> Value:
        """The result of an instruction."""
        value = Value(self, f"%v{len(self.lines)}", kind)
        self.lines.append(f"  {value.text} = {text}")
        return value

    def value(self, number: Number, kind: str = "f") -> Value:
        """A value, or a Python number as a constant."""
        if isinstance(number, Value):
            return number
        if kind == "f":
            # LLVM spells constants of either width with the bits of a double
            width = self.width
            near = number if width.bits == 64 else struct.unpack("<f", struct.pack("<f", number))[0]
            return Value(self, f"0x{DOUBLE.bits_of(near):016X}", "f")
        return Value(self, str(int(number)), kind)

    def bits(self, value: Value) -> Value:
        """The bit pattern of a float."""
        return self.add(f"bitcast {self.type(value)} {value.text} to i{self.width.bits}", "i")

    def float(self, pattern: Value) -> Value:
        """The float that has this bit pattern."""
        text = f"bitcast {self.type(pattern)} {pattern.text} to {self.width.float_type}"
        return self.add(text, "f")

    def select(self, condition: Value, yes: Number, no: Number) -> Value:
        """One of two numbers."""
        plain = "i" if isinstance(yes, int) else "f"
        kind = next((v.kind for v in (yes, no) if isinstance(v, Value)), plain)
        one, two = self.value(yes, kind), self.value(no, kind)
        kind_text = self.type(one)
        return self.add(
            f"select i1 {condition.text}, {kind_text} {one.text}, {kind_text} {two.text}", kind
        )

    def _intrinsic(self, name: str, *arguments: Value) -> Value:
        kind = self.width.float_type
        given = ", ".join(f"{kind} {argument.text}" for argument in arguments)
        return self.add(f"call {kind} @llvm.{name}.f{self.width.bits}({given})", "f")

    def abs(self, value: Value) -> Value:
        """The absolute value."""
        return self._intrinsic("fabs", value)

    def copysign(self, value: Value, sign: Value) -> Value:
        """The absolute value of the first with the sign of the second."""
        return self._intrinsic("copysign", value, sign)

    def floor(self, value: Value) -> Value:
        """The largest integer that is not larger."""
        return self._intrinsic("floor", value)

    def rint(self, value: Value) -> Value:
        """The nearest integer, the even one of two."""
        return self._intrinsic("rint", value)

    def fma(self, one: Number, two: Number, three: Number) -> Value:
        """one * two + three, rounded once where the machine can."""
        if not self.fused:
            return self.value(one) * two + three
        return self._intrinsic("fma", self.value(one), self.value(two), self.value(three))

    def table(self, name: str, numbers: tuple[float, ...], place: Value) -> Value:
        """An element of a table of constants."""
        self.tables[name] = numbers
        kind = f"[{len(numbers)} x {self.width.float_type}]"
        pointer = self.add(
            f"getelementptr inbounds {kind}, ptr @{name}, i64 0, {self.type(place)} {place.text}",
            "f",
        )
        return self.add(
            f"load {self.width.float_type}, ptr {pointer.text}, !invariant.load !0", "f"
        )

    def far(self, name: str, x: Value) -> Value:
        """What an external function of one double gives; it has forms for several lanes, too."""
        self.called.append(name)
        return self.add(f"call double @{name}(double {x.text}) #0", "f")

    def polynomial(self, x: Value, coefficients: tuple[float, ...]) -> Value:
        """Horner's rule; the constant term comes first."""
        total = self.value(coefficients[-1])
        for coefficient in reversed(coefficients[:-1]):
            total = self.fma(total, x, coefficient)
        return total

    # -- pairs of floats whose sum stands for a number of twice the digits ------------------------

    def exact_sum(self, one: Number, two: Number) -> tuple[Value, Value]:
        """A sum and its rounding error (Knuth's TwoSum)."""
        one, two = self.value(one), self.value(two)
        total = one + two
        part = total - one
        return total, (one - (total - part)) + (two - part)

    def ordered_sum(self, large: Number, small: Number) -> tuple[Value, Value]:
        """A sum and its rounding error, where the first is the larger (Dekker's FastTwoSum)."""
        large, small = self.value(large), self.value(small)
        total = large + small
        return total, small - (total - large)

    def exact_product(self, one: Number, two: Number) -> tuple[Value, Value]:
        """A product and its rounding error; without a fused instruction from halves (Dekker)."""
        one, two = self.value(one), self.value(two)
        total = one * two
        if self.fused:
            return total, self.fma(one, two, -total)
        (a, b), (c, d) = self._halves(one), self._halves(two)
        return total, ((a * c - total) + a * d + b * c) + b * d

    def _halves(self, value: Value) -> tuple[Value, Value]:
        """Two numbers of half the digits; the first is rounded, so the second may be negative."""
        low = (self.width.digits + 2) // 2
        high = self.float((self.bits(value) + (1 << (low - 1))) & (-1 << low))
        return high, value - high
