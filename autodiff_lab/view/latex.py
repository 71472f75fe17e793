"""A variable as mathematics: `latex`, and `math_text`, the same on one line of plain text.

Relies on `mathematics`.  The LaTeX is drawn by Matplotlib's mathtext, which knows no environments
and no packages; whatever is written here must be within it.
"""

from __future__ import annotations

from collections.abc import Mapping

from autodiff_lab.graph import Variable
from autodiff_lab.view.dialects import AnyDialect, symbol_latex
from autodiff_lab.view.mathematics import Formula, Index, Writer, write

__all__ = ["MOST_PARTS", "latex", "math_text", "outermost", "symbol_latex"]

# Longer formulas name their parts; of a formula with very many parts the last ones are shown.
LONGEST_TEXT = 160
LONGEST_LATEX = 320
MOST_PARTS = 12


def latex(
    variable: Variable, symbols: Mapping[Variable, str] | None = None, index: Index = None,
    longest: int | None = LONGEST_LATEX, spelling: Mapping[str, str] | None = None,
) -> str:
    """A variable as LaTeX, without dollar signs.

    Parameters
    ----------
    variable : Variable
    symbols : mapping, optional
        Variables to write as a name instead of opening them.
    index : tuple of str, optional
        Letters of the axes, to write one element.
    longest : int, optional
        Above this length, parts are named and defined behind the formula.
    spelling : mapping, optional
        Op name -> the name to write for it, such as ``{"sigmoid": "s"}``.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> x = pt.dscalar("x")
    >>> print(latex(1 / (1 + pt.exp(-x))))
    \\frac{1}{1 + e^{-x}}
    """
    formula = write(variable, True, symbols, index, longest, spelling)
    return _joined(formula, r", \quad ", r"\ldots")


def math_text(
    variable: Variable, symbols: Mapping[Variable, str] | None = None, index: Index = None,
    longest: int | None = LONGEST_TEXT, spelling: Mapping[str, str] | None = None,
) -> str:
    """A variable as one line of mathematics with few parentheses; see `latex`.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> x = pt.dscalar("x")
    >>> print(math_text(1 / (1 + pt.exp(-x))))
    1/(1 + exp(-x))
    """
    formula = write(variable, False, symbols, index, longest, spelling)
    return _joined(formula, ", ", "...", " where ")


def outermost(
    variable: Variable, index: Index, symbols: Mapping[Variable, str], dialect: AnyDialect,
    levels: int = 40,
) -> str:
    """The outermost operations, with dots for what is further inside."""
    level, seen = [variable], {variable}
    for _ in range(levels):
        level = [v for u in level if u.owner is not None for v in u.owner.inputs]
        level = [v for v in dict.fromkeys(level) if v not in seen]
        seen.update(level)
    known = {**{v: "..." for v in level if v.owner is not None}, **symbols}
    cut = 120 if dialect.latex else 60
    return Writer(dialect, known, cut=cut).write(variable, index).text


def _joined(formula: Formula, comma: str, dots: str, where: str | None = None) -> str:
    parts = list(dict.fromkeys(f"{part.left} = {part.text}" for part in reversed(formula.parts)))
    shown = parts[:MOST_PARTS] + [dots] * (len(parts) > MOST_PARTS)
    return formula.text + (where or comma) * bool(parts) + comma.join(shown)
