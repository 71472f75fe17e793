"""Every escape the renderers need, one function per output format.

What is here: the policy for showing names (`display_name`) and the escapes for XML and
HTML text, XML and HTML attributes, JSON inside a script element, DOT labels and LaTeX.
It relies on the standard library, and on `graphviz` for DOT.

The one idea: a renderer escapes once, at the place where it writes, with the function of
its format; nothing arrives already escaped.
"""

from __future__ import annotations

import json
import unicodedata
from typing import Any

NAME_LIMIT = 60

# mathtext reads neither # " ` nor &, escaped or not
_LATEX = {
    "\\": r"\backslash ", "{": r"\{", "}": r"\}", "$": r"\$", "%": r"\%", "_": r"\_",
    "^": r"\wedge ", "~": r"\sim ", " ": r"\ ", "'": r"{\prime}",
    "#": r"\ ", '"': r"\ ", "`": r"\ ", "&": r"\ ",
}


def printable(text: str, keep: str = "") -> str:
    """The text without control, format (bidirectional, zero-width) and lone surrogate characters.

    White space becomes a blank, other control characters go.  Those in `keep` stay.

    Examples
    --------
    >>> printable("a\\nb\\u202ec\\x00")
    'a bc'
    """
    unseen = ("Cc", "Cf", "Cs", "Co", "Cn")
    shown = (c if c in keep else " " if c.isspace() else c for c in text)
    return "".join(c for c in shown if c in keep or unicodedata.category(c) not in unseen)


def display_name(text: str, limit: int = NAME_LIMIT) -> str:
    """A name as pictures show it: printable, and at most `limit` characters.

    The whole name belongs into the title next to it.

    Examples
    --------
    >>> display_name("weights_of_the_first_layer", 12)
    'weights_of_…'
    """
    clean = printable(text)
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def xml_text(text: str) -> str:
    """Text between tags, for SVG and HTML alike; line ends and tabs stay.

    Examples
    --------
    >>> xml_text("a < b & c")
    'a &lt; b &amp; c'
    """
    clean = printable(text, keep="\n\t")
    return clean.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def xml_attribute(text: str) -> str:
    """Text between the quotes of an attribute, for SVG and HTML alike.

    Examples
    --------
    >>> xml_attribute('say "hi"')
    'say &quot;hi&quot;'
    """
    escaped = xml_text(text).replace('"', "&quot;").replace("'", "&#39;")
    return escaped.replace("\n", "&#10;").replace("\t", "&#9;")


def json_in_script(value: Any) -> str:
    """JSON that can stand inside a script element: nothing in it can close the element.

    Examples
    --------
    >>> print(json_in_script({"name": "</script>"}))
    {"name":"\\u003c/script\\u003e"}
    """
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    # Outside strings JSON has none of these three, so a plain replacement is right.
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def dot_label(text: str, limit: int = NAME_LIMIT) -> str:
    """A label for the `graphviz` package that Graphviz shows letter by letter.

    Backslash escapes, HTML-like labels, character entities and line ends do nothing in it.

    Examples
    --------
    >>> print(dot_label("<b> & \\\\N"))
    <b> &amp; \\\\N
    """
    import graphviz

    # Graphviz replaces entities also in plain labels, so the ampersand itself is spelt out.
    # The result is a string of a class of its own, by which the package knows it is no HTML.
    escaped: str = graphviz.escape(display_name(text, limit).replace("&", "&amp;"))
    return escaped


def latex_text(text: str) -> str:
    r"""Any text inside LaTeX: special characters lose their meaning, control characters go.

    Examples
    --------
    >>> print(latex_text("x_max"))
    x\_max
    """
    return "".join(_LATEX.get(character, character) for character in printable(text))


def svg_tag(kind: str, width: str, height: str, label: str, more: str = "") -> str:
    """The opening tag of a picture that a screen reader knows by its label."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="adl-{kind}" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{xml_attribute(label)}"{more}>'
    )


def decimal(value: float) -> str:
    """A coordinate of SVG: at most one decimal, without a trailing zero.

    Examples
    --------
    >>> decimal(2.0), decimal(0.25)
    ('2', '0.2')
    """
    return f"{value:.1f}".removesuffix(".0")
