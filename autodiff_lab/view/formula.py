"""Formulas as SVG: LaTeX drawn by Matplotlib's mathtext, with no TeX and no network.

What is here: `formula_svg` (any number of lines in one picture), `letters_svg` and
`FORMULA_STYLE`.  It relies on `matplotlib.textpath`, imported at the first formula, and on
the escapes.

The one idea: a letter's outline is written once per picture and used wherever the letter
stands; everything is drawn in `currentColor`, so a formula takes the colour of its place.
What mathtext cannot read is shown as the text it also came with.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import math
import re
from typing import Any, NamedTuple

from autodiff_lab.view.escape import decimal, printable, svg_tag, xml_text

SIZE = 17.0
LEADING = 10.0  # between lines
DEEPEST = 60  # so far below its baseline a formula's picture may reach
PADDING = 3.0
LONGEST = 600  # characters of LaTeX; longer ones are shown as text
FONT = "stix"
TEXT_ADVANCE = 0.62  # of the size, for a character of the fallback's monospaced font

# Beside its index a big sign is drawn too near to what it is of.
_BIG, _APART = re.compile(r"(\\(?:sum|prod)_\{[^{}]*\}) ?(?:\\, ?)?"), r"\1\\, "
FEET = "".join(f".adl-body .foot-{k}{{vertical-align:-{k}px}}" for k in range(DEEPEST + 1))
FORMULA_STYLE = (
    ".adl-formula{color:var(--adl-ink,#17202c)}.adl-formula .bg{fill:var(--adl-bg,#ffffff)}"
    "@media (prefers-color-scheme:dark){.adl-formula{color:var(--adl-ink,#e9edf3)}"
    ".adl-formula .bg{fill:var(--adl-bg,#14171c)}}"
)


class Line(NamedTuple):
    """A line `left = right`; `left` may be empty, and `aligned` says whether there is an "="."""

    latex: str
    text: str
    left_latex: str = ""
    left_text: str = ""
    aligned: bool = False


class _Piece(NamedTuple):
    width: float
    above: float
    below: float
    svg: str
    outlines: tuple[tuple[str, str], ...] = ()


def formula_svg(
    lines: tuple[Line, ...], size: float = SIZE, style: bool = True, background: bool = False,
    letters: dict[str, str] | None = None,
) -> str:
    """The lines under each other, aligned at "=" where they ask for it.

    Parameters
    ----------
    lines : tuple of Line
        LaTeX without dollar signs, and the text that stands for it (also the alt text).
    size : float
        Font size in SVG units.
    style : bool
        Whether the picture says itself what its colour is in light and dark surroundings.
    background : bool
        Whether it has a background, for use as an image in an unknown page.
    letters : dict, optional
        If given, outlines are added to it instead of being part of the picture; the page
        holds them once, by `letters_svg`.
    """
    signs = {True: _draw("=", "=", size), False: _draw("", "", size)}
    rows = [
        (_draw(line.left_latex, line.left_text, size), signs[line.aligned],
         _draw(line.latex, line.text, size))
        for line in lines
    ]
    outlines = {} if letters is None else letters
    outlines.update(pair for row in rows for piece in row for pair in piece.outlines)
    body, width, height = _place(rows, size)
    # A single line stands on the baseline of the words around it, `below` pixels from its foot.
    below = max((piece.below for piece in rows[0]), default=0.0) if len(rows) == 1 else 0.0
    foot = f" foot-{min(round(below + PADDING), DEEPEST)}" * (len(rows) == 1)
    return (
        svg_tag(f"formula{foot}", str(width), str(height), alt_text(lines))
        + (f"<style>{FORMULA_STYLE}</style>" if style else "")
        + ('<rect class="bg" width="100%" height="100%"/>' if background else "")
        + (_definitions(outlines) if letters is None else "")
        + f'<g fill="currentColor">{body}</g></svg>'
    )


def letters_svg(letters: dict[str, str]) -> str:
    """An invisible picture that holds the outlines of a whole page's formulas."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" class="adl-letters" width="0" height="0" '
        f'aria-hidden="true">{_definitions(letters)}</svg>'
    )


def _definitions(outlines: dict[str, str]) -> str:
    paths = "".join(f'<path id="{name}" d="{way}"/>' for name, way in sorted(outlines.items()))
    return f"<defs>{paths}</defs>"


def _place(rows: list[tuple[_Piece, _Piece, _Piece]], size: float) -> tuple[str, int, int]:
    """The pieces put under each other; the drawing, its width and its height."""
    gap = size * 0.3
    left = max((row[0].width for row in rows), default=0.0)
    sign = max((row[1].width for row in rows), default=0.0)
    y = PADDING
    width = 0.0
    body: list[str] = []
    for row in rows:
        y += max(piece.above for piece in row)
        x_sign = left + gap * bool(left)
        x_right = x_sign + sign + gap * bool(sign)
        starts = (left - row[0].width, x_sign, x_right)
        if not row[1].width:
            starts = (0.0, 0.0, 0.0)
        for start, piece in zip(starts, row, strict=True):
            if piece.svg:
                place = f"translate({decimal(PADDING + start)} {decimal(y)})"
                body.append(f'<g transform="{place}">{piece.svg}</g>')
        width = max(width, starts[2] + row[2].width)
        y += max(piece.below for piece in row) + LEADING
    height = math.ceil(max(y - LEADING, 0) + PADDING)
    return "".join(body), math.ceil(width + 2 * PADDING), height


def alt_text(lines: tuple[Line, ...]) -> str:
    """What the picture says, as text."""
    return "\n".join(
        f"{line.left_text} = {line.text}".lstrip() if line.aligned else line.text
        for line in lines
    )


@functools.lru_cache(maxsize=1024)
def _draw(latex: str, text: str, size: float) -> _Piece:
    """One formula as uses of outlines, its baseline at 0, with the outlines it needs."""
    if not latex and not text:
        return _Piece(0.0, 0.0, 0.0, "")
    if latex and len(latex) <= LONGEST and _is_plain(latex):
        try:
            return _draw_math(latex, size)
        except (ValueError, RecursionError, RuntimeError):
            pass  # not in mathtext's subset of LaTeX: the text below says the same
    shown, smaller = printable(text or latex), size * 0.85
    drawn = (
        f'<text font-family="ui-monospace,DejaVu Sans Mono,Menlo,Consolas,monospace" '
        f'font-size="{decimal(smaller)}" xml:space="preserve">{xml_text(shown)}</text>'
    )
    return _Piece(len(shown) * smaller * TEXT_ADVANCE, size, size * 0.3, drawn)


def _is_plain(latex: str) -> bool:
    """No dollar that would end the formula, and no script that mathtext's fonts lack."""
    return "$" not in latex.replace(r"\$", "") and all(
        letter < "\u0530" or "\u1d00" <= letter < "\u2e80" for letter in latex
    )


def _draw_math(latex: str, size: float) -> _Piece:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    properties = FontProperties(size=text_to_path.FONT_SCALE, math_fontfamily=FONT)
    source = f"${_BIG.sub(_APART, _display_style(latex))}$"
    width, height, below = text_to_path.get_text_width_height_descent(source, properties, True)
    letters, paths, bars = text_to_path.get_glyphs_mathtext(properties, source)
    scale = size / text_to_path.FONT_SCALE
    # An outline is named by what it is, so equal names on one page are equal letters.
    ways = {name: _outline(*paths[name]) for name, *_ in letters}
    names = {name: _name_of(way) for name, way in ways.items()}
    parts = []
    for name, x, y, relative in letters:
        scaled = f" scale({relative:.3g})" if abs(relative - 1) > 1e-3 else ""
        place = f'x="{round(x)}"' + (f' y="{round(y)}"' if abs(y) > 0.5 else "")
        if scaled:
            place = f'transform="translate({round(x)} {round(y)}){scaled}"'
        parts.append(f'<use href="#{names[name]}" {place}/>')
    for corners, _ in bars:
        (x0, y0), _, (x1, y1) = corners[:3]
        parts.append(
            f'<rect x="{decimal(x0)}" y="{decimal(y0)}" width="{decimal(x1 - x0)}" '
            f'height="{decimal(y1 - y0)}"/>'
        )
    return _Piece(
        float(width) * scale, float(height - below) * scale, float(below) * scale,
        f'<g transform="scale({scale:.4g} {-scale:.4g})">{"".join(parts)}</g>',
        tuple((names[name], way) for name, way in ways.items()),
    )


def _name_of(outline: str) -> str:
    """A short name that begins with a letter."""
    return "l" + base64.urlsafe_b64encode(hashlib.sha256(outline.encode()).digest())[:5].decode()


def _display_style(latex: str) -> str:
    r"""Outermost fractions at full size, as in a displayed equation.

    Examples
    --------
    >>> print(_display_style(r"\frac{1}{1 + \frac{x}{2}}"))
    \dfrac{1}{1 + \frac{x}{2}}
    """
    parts = []
    depth = position = 0
    while position < len(latex):
        if depth == 0 and latex.startswith(r"\frac", position):
            parts.append(r"\dfrac")
            position += 5
            continue
        character = latex[position]
        width = 2 if character == "\\" else 1  # an escaped brace does not nest
        depth += (character == "{") - (character == "}")
        parts.append(latex[position : position + width])
        position += width
    return "".join(parts)


def _outline(vertices: Any, codes: Any) -> str:
    """A glyph as path data in whole units, a hundredth of the font's size each."""
    letters = {1: "M", 2: "L", 3: "Q", 4: "C"}
    parts, last = [], 0
    for (x, y), code in zip(vertices, codes, strict=True):
        # A curve's code is repeated for each of its points; its letter is written once.
        letter = "" if code in (3, 4) and code == last else letters.get(code)
        parts.append("Z" if letter is None else f"{letter}{round(x)} {round(y)}")
        last = code
    return " ".join(parts)
