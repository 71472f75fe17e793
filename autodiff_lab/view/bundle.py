"""The MIME bundle that notebooks show: text, picture and page fragment of one result.

What is here: `mimebundle`.  It relies on nothing.

The one idea: no widget is in it.  Every front end, trusted or not, online or not, finds a
form it can show, and the simplest form says the same as the richest.
"""

from __future__ import annotations

MAXIMUM_BYTES = 1_000_000


def mimebundle(
    text: str, svg: str | None = None, html: str | None = None, latex: str = ""
) -> dict[str, str]:
    """The forms of one display by MIME type; missing or oversized ones are left out.

    Examples
    --------
    >>> sorted(mimebundle("x", "<svg/>", "<b>x</b>"))
    ['image/svg+xml', 'text/html', 'text/plain']
    """
    bundle = {"text/plain": text}
    formula = f"$\\displaystyle {latex}$" if latex else None
    forms = (("image/svg+xml", svg), ("text/html", html), ("text/latex", formula))
    for kind, content in forms:
        if content and len(content.encode()) <= MAXIMUM_BYTES:
            bundle[kind] = content
    return bundle
