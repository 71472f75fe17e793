"""How a formula is put together, piece by piece: as plain text and as LaTeX.

What is here: `Piece`, a finished part of a formula that knows how tightly it binds, and the two
dialects, which make pieces out of pieces with as few parentheses as the reader needs.  Relies on
the levels of `notation`.

The one idea: a dialect sees pieces only, never a graph; `mathematics.Writer` walks the graph.
LaTeX stays within what Matplotlib's mathtext can draw.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from autodiff_lab.view.escape import latex_text
from autodiff_lab.view.notation import (
    ATOM, COEFFICIENT, INFIX, LOGIC, POWER, PRODUCT, QUOTIENT, RELATION, SUM,
)

# A sum sign reaches to the right as far as products go, so it may stand last in a product only.
BIG = 25
MATRIX = 28  # A @ b


@dataclasses.dataclass(frozen=True, slots=True)
class Piece:
    """A finished part of a formula.

    Attributes
    ----------
    text : str
    level : int
        How tightly it binds, a level of `notation`.
    minus : bool
        Whether it begins with a minus sign that belongs to the whole piece.
    tall : bool
        Whether parentheses around it should grow (LaTeX).
    head, tail : str
        Of a function call, the function and its arguments, so that a power can go between.
    array : bool
        Whether it stands for a whole array.
    """

    text: str
    level: int = ATOM
    minus: bool = False
    tall: bool = False
    head: str = ""
    tail: str = ""
    array: bool = False


def number_text(value: float | int | bool) -> str:
    """A number for a reader: whole floats without a point, at most six digits.

    Examples
    --------
    >>> number_text(2.0), number_text(0.1), number_text(1e-8), number_text(float("nan"))
    ('2', '0.1', '1e-08', 'nan')
    """
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    return str(value) if isinstance(value, int) else f"{value:.6g}"


# Numbers that have a name of their own: (value, text, LaTeX).
_NAMED_NUMBERS = (
    (math.pi, "pi", r"\pi"), (2 * math.pi, "2 pi", r"2 \pi"),
    (math.sqrt(2 * math.pi), "sqrt(2 pi)", r"\sqrt{2 \pi}"),
    (2 / math.sqrt(math.pi), "2/sqrt(pi)", r"\frac{2}{\sqrt{\pi}}"),
)


def made(
    text: str, level: int, *parts: Piece, minus: bool = False, array: bool | None = None,
    **more: Any,
) -> Piece:
    """A piece made of others: as tall as the tallest, an array if one of them is."""
    tall = more.pop("tall", False) or any(part.tall for part in parts)
    array = any(part.array for part in parts) if array is None else array
    return Piece(text, level, minus, tall, array=array, **more)


class Dialect:
    """What both dialects share; `TEXT` and `LATEX` are the two objects."""

    latex: bool = False
    signs: Mapping[str, str] = {}  # those that are not written as in Python

    def number(self, value: float | int | bool) -> Piece:
        """A constant."""
        if isinstance(value, float):
            for known, text, latex in _NAMED_NUMBERS:
                if abs(value - known) <= 1e-15 * known:
                    level = QUOTIENT if " " in text or "/" in text else ATOM
                    return Piece(latex if self.latex else text, level, tall="frac" in latex)
            if math.isinf(value):
                word = r"\infty" if self.latex else "inf"
                return Piece("-" + word if value < 0 else word, ATOM, value < 0)
        text = number_text(value)
        if isinstance(value, bool) or text == "nan":
            return Piece(rf"\operatorname{{{text}}}" if self.latex else text)
        if "e" in text and self.latex:
            mantissa, exponent = text.split("e")
            text = rf"{mantissa} \cdot 10^{{{int(exponent)}}}"
            return Piece(text, PRODUCT, text.startswith("-"))
        return Piece(text, ATOM, text.startswith("-"))

    def words(self, text: str) -> str:
        """Text in which words are not taken for products of letters."""
        return re.sub(r"([a-z]{2,}) ", r"\\mathrm{\1}\\ ", text) if self.latex else text

    def brackets(self, piece: Piece, opening: str = "(", closing: str = ")") -> str:
        """The piece in brackets, which in LaTeX grow where they must."""
        if self.latex and piece.tall:
            return rf"\left{opening}{piece.text}\right{closing}"
        return f"{opening}{piece.text}{closing}"

    def parenthesised(self, piece: Piece) -> Piece:
        """The piece in parentheses."""
        return made(self.brackets(piece), ATOM, piece)

    def absolute(self, piece: Piece) -> Piece:
        """|a|."""
        return made(self.brackets(piece, "|", "|"), ATOM, piece)

    def bracket(self, piece: Piece) -> Piece:
        """[a > b]: 1 where it holds, 0 elsewhere."""
        return Piece(self.brackets(piece, "[", "]"), tall=piece.tall)

    def at_least(self, piece: Piece, level: int, minus: bool = False) -> Piece:
        """The piece, in parentheses if it binds less tightly than `level`.

        `minus` says that a leading minus sign is not welcome either.
        """
        if piece.level < level or (minus and piece.minus):
            return self.parenthesised(piece)
        return piece

    def joined(
        self, template: str, level: int, *operands: tuple[Piece, int, bool], **more: Any
    ) -> Piece:
        """Operands in a template, each a piece with what `at_least` asks of it.

        A minus sign with which the template's first operand begins belongs to the whole.
        """
        fitted = [self.at_least(*operand) for operand in operands]
        more.setdefault("minus", not operands[0][2] and fitted[0].minus)
        return made(template.format(*(piece.text for piece in fitted)), level, *fitted, **more)

    def negative(self, piece: Piece) -> Piece:
        """-a."""
        inner = self.at_least(piece, BIG, minus=True)
        return made("-" + inner.text, min(inner.level, COEFFICIENT), inner, minus=True)

    def add(self, left: Piece, right: Piece) -> Piece:
        """a + b, or a - b where b begins with a minus sign."""
        if right.minus and right.level > SUM:
            right = dataclasses.replace(right, text=right.text[1:].lstrip(), minus=False)
            return self.subtract(left, right)
        return self.joined("{} + {}", SUM, (left, SUM, False), (right, SUM, False))

    def subtract(self, left: Piece, right: Piece) -> Piece:
        """a - b."""
        return self.joined("{} - {}", SUM, (left, SUM, False), (right, SUM + 1, True))

    def infix(self, sign: str, pieces: Sequence[Piece]) -> Piece:
        """Operands joined by any sign; a single one has the sign in front."""
        level, tight_right = INFIX.get(sign, (LOGIC, True))
        shown = self.signs.get(sign, sign)
        if len(pieces) == 1:
            inner = self.at_least(pieces[0], POWER, minus=True)
            return made(f"{shown}{inner.text}", COEFFICIENT, inner, array=False)
        # Mixed comparisons and logic are hard to read: these always get parentheses.
        first = level + 1 if level <= RELATION else level
        operands = [
            self.at_least(piece, level + 1 if tight_right and position else first)
            for position, piece in enumerate(pieces)
        ]
        text = f" {shown} ".join(piece.text for piece in operands)
        return made(text, level, *operands, minus=operands[0].minus, array=False)

    def indexed(self, piece: Piece, index: str) -> Piece:
        """An element of an array that has no name."""
        below = f"{{{index}}}" if self.latex else index
        base = piece.text if piece.text.isalpha() else self.brackets(piece)
        return made(f"{base}_{below}", ATOM, piece, array=False)


class TextDialect(Dialect):
    """One line of plain text: ``1/(1 + exp(-x))``."""

    def exponential(self, piece: Piece) -> Piece:
        """exp(a)."""
        return self.call("exp", [piece])

    def root(self, piece: Piece) -> Piece:
        """sqrt(a)."""
        return self.call("sqrt", [piece])

    def symbol(self, name: str, index: str = "") -> Piece:
        """A name, with an index where it is an element of an array."""
        if not index:
            return Piece(name)
        return Piece(f"{name}[{index}]" if "_" in name else f"{name}_{index}")

    def product(self, left: Piece, right: Piece) -> Piece:
        """2x, (a)(b), or a * b."""
        left = self.at_least(left, MATRIX)
        if left.array and right.level == MATRIX:
            right = self.parenthesised(right)
        right = self.at_least(right, BIG, minus=True)
        level, sign = BIG if right.level == BIG else PRODUCT, " * "
        bare = left.text[1:] if left.minus else left.text
        numeric = bare.replace(".", "", 1).isdigit()
        opens = right.text.startswith("(") and not right.text[1:3] == "-1"
        if right.level >= POWER and numeric and not right.text[0].isdigit():
            # 2x, but 2 sqrt(x) and 2 alpha
            level = COEFFICIENT
            sign = " " if len(right.text) > 1 and right.text[:2].isalpha() else ""
        elif right.level >= POWER and opens and left.level == ATOM:
            sign = "" if left.head or _is_group(left.text) else sign
        return made(f"{left.text}{sign}{right.text}", level, left, right, minus=left.minus)

    def matrix_product(self, left: Piece, right: Piece, scalar: bool = False) -> Piece:
        """a @ b."""
        operands = (left, MATRIX, False), (right, POWER, True)
        return self.joined("{} @ {}", MATRIX, *operands, tall=False, array=not scalar)

    def transposed(self, piece: Piece) -> Piece:
        """a.T."""
        return Piece(self.at_least(piece, ATOM, minus=True).text + ".T", array=True)

    def quotient(self, above: Piece, below: Piece) -> Piece:
        """a/b."""
        above = self.at_least(above, QUOTIENT)
        if above.text.endswith(")") and "/" in above.text and above.level == QUOTIENT:
            above = self.parenthesised(above)
        return self.joined("{}/{}", QUOTIENT, (above, QUOTIENT, False), (below, POWER, True))

    def power(self, base: Piece, exponent: Piece) -> Piece:
        """a^b."""
        return self.joined("{}^{}", POWER, (base, POWER + 1, True), (exponent, ATOM, True))

    def call(self, name: str, pieces: Sequence[Piece], template: str | None = None) -> Piece:
        """f(a, b)."""
        return made(f"{name}({', '.join(piece.text for piece in pieces)})", ATOM, *pieces)

    def big(self, word: str, letters: str, body: Piece) -> Piece:
        """sum_i a_i."""
        return Piece(f"{word}_{letters} {self.at_least(body, MATRIX, minus=True).text}", BIG)

    def part(self, piece: Piece, key: str) -> Piece:
        """x[1:, 0]."""
        return Piece(f"{self.at_least(piece, ATOM, minus=True).text}[{key}]")

    def named_call(self, name: str, piece: Piece) -> Piece:
        """s(x): a function with a name of its own, which may be multiplied without a sign."""
        return Piece(f"{name}({piece.text})", head=name)

    def hole(self, piece: Piece, variable: str, total: bool) -> Piece:
        """What is still to be differentiated."""
        if total and piece.level == ATOM and piece.text[0].isalpha() and "(" not in piece.text:
            return Piece(f"d{piece.text}")
        return Piece(f"d[{piece.text}]" if total else f"d/d{variable} [{piece.text}]", COEFFICIENT)


# Templates of the form f(a, b), whose braces are doubled: the function is group 1.
_FUNCTION = re.compile(
    r"^(\\[A-Za-z]+|\\(?:mathrm|operatorname)\{\{\w+\}\}|\\log_(?:\d|\{\{\d+\}\}))"
    r"\\left\(\{0\}(?:, \{\d\})*\\right\)$"
)
_OWN_COMMANDS = frozenset(
    ["sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan", "log", "exp",
     "max", "min"]
)
_SIGNS = {
    "==": "=", "!=": r"\neq", "<=": r"\leq", ">=": r"\geq", "&": r"\wedge", "|": r"\vee",
    "^": r"\oplus", "%": r"\,\operatorname{mod}\,", "//": r"\,\operatorname{div}\,", "~": r"\neg ",
}


class LatexDialect(Dialect):
    """LaTeX within mathtext's subset."""

    latex = True
    signs = _SIGNS

    def symbol(self, name: str, index: str = "") -> Piece:
        """A name: greek letters, words upright, what follows an underscore as an index."""
        stem, dot, _ = name.partition(".T")
        return Piece(symbol_latex(stem, index) + "^{T}" * bool(dot))

    def product(self, left: Piece, right: Piece) -> Piece:
        """a b, with a dot before digits and a circle between whole arrays."""
        left = self.at_least(left, PRODUCT)
        right = self.at_least(right, BIG, minus=True)
        if left.array and right.array:
            join = r" \odot "
        elif right.text[0].isdigit() or right.text.startswith(r"\frac{d}"):
            join = r" \cdot "
        elif right.level == BIG or (left.text[-1].isdigit() and not right.head):
            join = r" "
        else:
            join = r" \, "
        level = BIG if right.level == BIG else PRODUCT
        return made(left.text + join + right.text, level, left, right, minus=left.minus)

    def matrix_product(self, left: Piece, right: Piece, scalar: bool = False) -> Piece:
        """A B; a dot between two vectors."""
        operands = (left, PRODUCT, False), (right, PRODUCT + 1, True)
        template = r"{} \cdot {}" if scalar else r"{} \, {}"
        return self.joined(template, PRODUCT, *operands, array=not scalar)

    def transposed(self, piece: Piece) -> Piece:
        """Transposed matrix."""
        return self.joined("{}^{{T}}", POWER + 1, (piece, ATOM, True), array=True)

    def quotient(self, above: Piece, below: Piece) -> Piece:
        """A fraction, with a minus sign in front of the bar."""
        top, sign = above.text, ""
        if above.minus and above.level > SUM:
            top, sign = above.text[1:].lstrip(), "-"
        text = rf"{sign}\frac{{{top}}}{{{below.text}}}"
        return made(text, COEFFICIENT, above, below, minus=bool(sign), tall=True)

    def power(self, base: Piece, exponent: Piece) -> Piece:
        """A power; of a named function, between name and arguments."""
        if base.head and exponent.text.isdigit():
            text = f"{base.head}^{{{exponent.text}}}{base.tail}"
        else:
            base = self.at_least(base, POWER + 1, minus=True)
            text = f"{base.text}^{{{exponent.text}}}"
        array = base.array or exponent.array
        return made(text, POWER, base, array=array)

    def exponential(self, piece: Piece) -> Piece:
        """A power of e where the exponent is small, else exp(...)."""
        visible = re.sub(r"\\[A-Za-z]+|[{}^_ ]", "", piece.text)
        if "frac" not in piece.text and len(visible) <= 10:
            return Piece(f"e^{{{piece.text}}}", POWER, array=piece.array)
        return self._function(r"\exp", [piece])

    def root(self, piece: Piece) -> Piece:
        """A square root."""
        return made(rf"\sqrt{{{piece.text}}}", ATOM, piece, tall=True)

    def call(self, name: str, pieces: Sequence[Piece], template: str | None = None) -> Piece:
        """A function call, by the op's own template where it has one."""
        matched = _FUNCTION.match(template or "")
        if template and not matched:
            text = template.format(*(piece.text for piece in pieces))
            level = POWER if "^" in template and r"\left" not in template else ATOM
            return made(text, level, *pieces, tall="frac" in template)
        if matched:
            return self._function(matched[1].replace("{{", "{").replace("}}", "}"), pieces)
        command = rf"\{name}" if name in _OWN_COMMANDS else rf"\operatorname{{{latex_text(name)}}}"
        return self._function(command, pieces)

    def _function(self, head: str, pieces: Sequence[Piece]) -> Piece:
        tail = self.brackets(made(", ".join(piece.text for piece in pieces), ATOM, *pieces))
        return made(head + tail, POWER + 1, *pieces, head=head, tail=tail)

    def big(self, word: str, letters: str, body: Piece) -> Piece:
        """A sum or product sign with its index."""
        body = self.at_least(body, PRODUCT, minus=True)
        sign = {"sum": r"\sum", "prod": r"\prod"}.get(word, rf"\operatorname{{{word}}}")
        return Piece(rf"{sign}_{{{letters}}} {body.text}", BIG, tall=True)

    def part(self, piece: Piece, key: str) -> Piece:
        """Numbers as an index, slices in brackets."""
        inner = self.at_least(piece, ATOM, minus=True)
        if re.fullmatch(r"[\d, ]+", key) and "_" not in inner.text:
            return Piece(f"{inner.text}_{{{key.replace(' ', '')}}}", tall=piece.tall)
        return Piece(f"{inner.text}[{key}]", tall=piece.tall)

    def named_call(self, name: str, piece: Piece) -> Piece:
        """s(x): a function with a name of its own."""
        return self._function(symbol_latex(name), [piece])

    def hole(self, piece: Piece, variable: str, total: bool) -> Piece:
        """What is still to be differentiated."""
        inside = self.brackets(piece, "[", "]")
        if total and piece.level == ATOM and re.fullmatch(r"\\?[A-Za-z]+(_\{\w+\})?", piece.text):
            return Piece(f"d{piece.text}")
        if total:
            return Piece(f"d{inside}", tall=piece.tall)
        return Piece(rf"\frac{{d}}{{d{symbol_latex(variable)}}}{inside}", tall=True)


AnyDialect = TextDialect | LatexDialect

TEXT = TextDialect()
LATEX = LatexDialect()

_GREEK = frozenset(
    """alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau
    upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega""".split()
)
def symbol_latex(name: str, index: str = "") -> str:
    """A name as LaTeX.

    Examples
    --------
    >>> print(symbol_latex("alpha"), symbol_latex("W_1"), symbol_latex("x", "ij"))
    \\alpha W_{1} x_{ij}
    >>> print(symbol_latex("rate"), symbol_latex("b2"), symbol_latex("beta_max"))
    \\mathrm{rate} b_{2} \\beta_{\\mathrm{max}}
    """
    stem, _, rest = name.partition("_")
    trailing = re.match(r"^([A-Za-z]+?)(\d+)$", stem)
    if trailing and (len(trailing[1]) == 1 or trailing[1] in _GREEK):
        stem, rest = trailing[1], trailing[2] + (f",{rest}" if rest else "")
    if not stem:
        stem, rest = name, ""
    subscripts = [_word(part) for part in rest.split("_") if part] + ([index] if index else [])
    text = _word(stem)
    return f"{text}_{{{','.join(subscripts)}}}" if subscripts else text


def _word(text: str) -> str:
    if text in _GREEK:
        return f"\\{text}"
    if len(text) == 1 or text.replace(",", "").isdigit():
        return latex_text(text)
    return rf"\mathrm{{{latex_text(text)}}}"


def _is_group(text: str) -> bool:
    """Whether text is ``(...)``, one pair of parentheses around all of it."""
    depths = itertools.accumulate((c == "(") - (c == ")") for c in text)
    closed = (position for position, depth in enumerate(depths) if depth == 0)
    return text.startswith("(") and next(closed, 0) == len(text) - 1
