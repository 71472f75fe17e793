"""How a function and its derivatives are called in derivations and on cards.

What is here: `Name`, `name_of`.  Relies on `latex` for names with greek letters and indices.

The one idea: a recognised function has its customary letter, any other the name it was given, and
no letter is used that an input already has.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from autodiff_lab.graph import Variable, leaves
from autodiff_lab.view import notation
from autodiff_lab.view.dialects import symbol_latex
from autodiff_lab.view.latex import latex, math_text


@dataclasses.dataclass(frozen=True)
class Name:
    """How function and variable are called in a derivation."""

    letter: str
    text: str
    latex: str
    variable: str

    def left(self, order: int, index: str) -> tuple[str, str]:
        """The derivative's sign as text and as LaTeX."""
        power, tex_power = (f"^{order}", f"^{{{order}}}") if order > 1 else ("", "")
        below = f"{self.variable}_{index}" if index else self.variable
        above = f"d{tex_power} {symbol_latex(self.letter)}"
        under = f"d {symbol_latex(self.variable, index)}{tex_power}"
        return f"d{power}{self.letter}/d{below}{power}", rf"\frac{{{above}}}{{{under}}}"

    def total(self) -> tuple[str, str]:
        """The differential's sign."""
        return f"d{self.letter}", f"d {symbol_latex(self.letter)}"


def name_of(cost: Variable, wrt: Variable, name: str | None, logistic: bool) -> Name:
    """How to call a function: as asked, by its own name, s(x) for the logistic, or y."""
    taken = {v.name for v in leaves([cost]) if v.name}
    variable = wrt.name or "x"
    given = name or cost.name
    if given in (None, "s") and logistic and notation.rank(wrt) == 0:
        letter = given or free_letter(("s", "sigma", "f"), taken)
        head = symbol_latex(letter)
        return Name(letter, f"{letter}({math_text(wrt)})", f"{head}({latex(wrt)})", variable)
    letter = given or free_letter(("y", "f", "g", "h"), taken)
    return Name(letter, letter, symbol_latex(letter), variable)


def free_letter(letters: Sequence[str], taken: set[str | None]) -> str:
    """The first letter that no input has."""
    return next((letter for letter in letters if letter not in taken), letters[-1])
