"""`einsum`: products and sums named by letters, by axis moves, sums and `matmul`.

The operands are taken in pairs from left to right.  Of a pair, letters that the rest still needs
are batches or rows and columns of one stacked product; the others are summed as early as possible.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from autodiff_lab.errors import LabValueError
from autodiff_lab.graph import describe
from autodiff_lab.tensor.axes import dimshuffle
from autodiff_lab.tensor.constants import as_tensor_variable
from autodiff_lab.tensor.lengths import length_of
from autodiff_lab.tensor.linalg.contraction import grouped, matmul
from autodiff_lab.tensor.linalg.triangles import diagonal
from autodiff_lab.tensor.registry import function, public


@dataclasses.dataclass
class Operand:
    """An array with a letter for each axis."""

    array: Any
    letters: list[str]

    def length(self, letter: str) -> Any:
        """The length of a letter's axis."""
        return length_of(self.array, self.letters.index(letter))

    def is_one(self, letter: str) -> bool:
        """Whether a letter's axis is known to have length 1."""
        return bool(self.array.type.shape[self.letters.index(letter)] == 1)

    def without(self, letters: Sequence[str]) -> Operand:
        """Summed over letters."""
        gone = [letter for letter in letters if letter in self.letters]
        if not gone:
            return self
        axes = tuple(self.letters.index(letter) for letter in gone)
        rest = [letter for letter in self.letters if letter not in gone]
        return Operand(function("sum")(self.array, axis=axes), rest)

    def kept(self, needed: set[str], other: Operand) -> Operand:
        """Summed over the letters that neither the rest nor the other operand has."""
        return self.without([x for x in self.letters if x not in needed and x not in other.letters])

    def ordered(self, letters: Sequence[str]) -> Any:
        """The array with its axes in this order; a missing letter is an axis of length 1."""
        order = [
            self.letters.index(letter) if letter in self.letters else "x" for letter in letters
        ]
        return dimshuffle(self.array, *order)


def _refuse(subscripts: str, why: str, where: str | None = None) -> LabValueError:
    return LabValueError(
        f"einsum cannot read {subscripts!r}.", where=where, why=why,
        remedy="'ij,jk->ik' is a product of matrices, 'ii->' a trace, '...i->...' a sum",
    )


def _letters_of(subscripts: str, operands: Sequence[Any]) -> tuple[list[list[str]], list[str]]:
    """The letters of each operand and of the result; those of ``...`` are "...0", "...1", ..."""
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise _refuse(subscripts, f"it names {len(terms)} arrays, {len(operands)} are given")
    found, widest = [], 0
    for term, array in zip(terms, operands):
        named = term.replace("...", "", 1)
        if not all(letter.isalpha() for letter in named):
            raise _refuse(subscripts, "axes are named by letters")
        extra = array.type.ndim - len(named)
        if extra < 0 or (extra and "..." not in term):
            raise _refuse(
                subscripts, f"{term!r} does not name {array.type.ndim} axes", describe(array)
            )
        dots = [f"...{k}" for k in range(extra)][::-1]
        widest = max(widest, extra)
        before = term.partition("...")[0] if "..." in term else term
        found.append([*before, *dots, *named[len(before):]])
    dots = [f"...{k}" for k in range(widest)][::-1]
    if not arrow:
        counts = [letter for letters in found for letter in letters]
        single = sorted({x for x in counts if counts.count(x) == 1 and not x.startswith("...")})
        return found, [*dots, *single]
    named = right.replace("...", "", 1)
    if len(set(named)) < len(named) or not all(any(x in term for term in found) for x in named):
        raise _refuse(subscripts, "a letter of the result stands in it once, and in an argument")
    if "..." not in right:
        return found, list(right)
    before = right.partition("...")[0]
    return found, [*before, *dots, *named[len(before):]]


def _without_repeats(operand: Operand) -> Operand:
    """Letters that stand twice in one operand: its diagonal."""
    while len(set(operand.letters)) < len(operand.letters):
        letters = operand.letters
        twice = next(letter for letter in letters if letters.count(letter) > 1)
        first = letters.index(twice)
        other = letters.index(twice, first + 1)
        rest = [letter for axis, letter in enumerate(letters) if axis not in (first, other)]
        operand = Operand(diagonal(operand.array, 0, first, other), [*rest, twice])
    return operand


def _product(left: Operand, right: Operand, needed: set[str]) -> Operand:
    """The product of two operands, summed over the letters that nobody needs any more."""
    left, right = left.kept(needed, right), right.kept(needed, left)
    # a summed axis of length 1 against another one stretches: it is dropped first
    for letter in [x for x in left.letters if x in right.letters and x not in needed]:
        if left.is_one(letter) != right.is_one(letter):
            left = left.without([letter]) if left.is_one(letter) else left
            right = right.without([letter]) if right.is_one(letter) else right
    left, right = left.kept(needed, right), right.kept(needed, left)
    both = [x for x in left.letters if x in right.letters]
    summed = [x for x in both if x not in needed]
    batch = [x for x in both if x in needed]
    rows = [x for x in left.letters if x not in both]
    columns = [x for x in right.letters if x not in both]
    letters = [*batch, *rows, *columns]
    if not summed:
        return Operand(left.ordered(letters) * right.ordered(letters), letters)
    first = _grouped(left, batch, rows, summed)
    second = _grouped(right, batch, summed, columns)
    result = matmul(first, second)
    if len(rows) == len(columns) == 1:
        return Operand(result, letters)
    lengths = [length_of(result, axis) for axis in range(len(batch))]
    lengths += [left.length(x) for x in rows] + [right.length(x) for x in columns]
    return Operand(function("reshape")(result, lengths), letters)


def _grouped(
    operand: Operand, batch: Sequence[str], first: Sequence[str], other: Sequence[str]
) -> Any:
    """A stack of matrices whose rows and columns are groups of letters."""
    start = len(batch)
    array = operand.ordered([*batch, *first, *other])
    return grouped(array, *range(1, start + 1), start + len(first))


@public(numpy=("einsum",))
def einsum(subscripts: str, *operands: Any, optimize: Any = None) -> Any:
    """Products and sums of arrays whose axes are named by letters.

    Parameters
    ----------
    subscripts : str
        As for NumPy: ``"ij,jk->ik"``.  Letters that are not in the result are summed over;
        ``...`` stands for further axes, which broadcast.
    *operands : tensor_like
    optimize
        Accepted for compatibility: the arrays are taken from left to right.

    Raises
    ------
    ValueError
        If the letters do not fit the arrays.

    Examples
    --------
    >>> einsum("ij,j->i", [[1.0, 2.0], [3.0, 4.0]], [1.0, 10.0]).eval().tolist()
    [21.0, 43.0]
    """
    if not isinstance(subscripts, str):
        raise _refuse(str(subscripts)[:40], "letters come first, as text")
    arrays = [as_tensor_variable(value) for value in operands]
    terms, wanted = _letters_of(subscripts, arrays)
    stack = [_without_repeats(Operand(a, letters)) for a, letters in zip(arrays, terms)]
    _check_lengths(subscripts, stack)
    result = stack[0]
    for place, operand in enumerate(stack[1:], start=2):
        needed = set(wanted).union(*(later.letters for later in stack[place:]))
        result = _product(result, operand, needed)
    result = result.without([letter for letter in result.letters if letter not in wanted])
    return result.ordered(wanted)


def _check_lengths(subscripts: str, operands: Sequence[Operand]) -> None:
    """Raise if one letter is known to have two lengths."""
    lengths: dict[str, int] = {}
    for operand in operands:
        for letter, length in zip(operand.letters, operand.array.type.shape):
            if length in (None, 1):
                continue
            if lengths.setdefault(letter, length) != length:
                raise _refuse(
                    subscripts, f"{letter!r} has the lengths {lengths[letter]} and {length}",
                    " and ".join(describe(other.array) for other in operands),
                )
