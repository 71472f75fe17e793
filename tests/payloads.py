"""Texts that try to act: at least 200 of them, for names, constants, cells and messages.

Made from a few ways to act and a few ways to break out of the place where a text stands. Whatever
of them runs sets `pwned` or opens a dialog, so that a browser test sees it.
"""

from __future__ import annotations

ACT = "window.pwned=1;alert(1)"

ACTS = [
    f"<script>{ACT}</script>",
    f"<ScRiPt >{ACT}</sCrIpT >",
    f"<img src=x onerror='{ACT}'>",
    f"<svg onload=\"{ACT}\">",
    f"<svg><script>{ACT}</script></svg>",
    "<iframe srcdoc='<script>parent.pwned=1</script>'></iframe>",
    f"<a href=\"javascript:{ACT}\">x</a>",
    f"<body onload={ACT}>",
    f"<details open ontoggle={ACT}>",
    f"<input autofocus onfocus={ACT}>",
    "<style>@import 'http://example.org/x.css';*{background:url(//example.org)}</style>",
    "<link rel=stylesheet href=//example.org/x.css>",
    "<meta http-equiv=refresh content=\"0;url=http://example.org\">",
    f"<object data=\"data:text/html,<script>{ACT}</script>\"></object>",
    f"<math><mtext><img src=x onerror={ACT}></mtext></math>",
    "<base href=//example.org/>",
    f"<foreignObject><body xmlns='http://www.w3.org/1999/xhtml'><img src=x onerror={ACT}></body></foreignObject>",  # noqa: E501
    f"<use href=\"data:image/svg+xml,<svg id='x' onload='{ACT}'/>#x\"/>",
    f"javascript:{ACT}",
    f"{{{{constructor.constructor('{ACT}')()}}}}",
]

BREAKS = [
    "", '"', "'", '">', "'>", "-->", "]]>", "</title>", "</script>", "</style>", "*/", "\\", "}}",
    "</text></svg>", "&lt;&gt;", "</textarea>",
]

ODD = [
    '"]; } digraph x { n0 [label="', r"\N \G \L \T \E \H \l \r", "<<b>label</b>>", "<B>x</B>",
    '<<TABLE><TR><TD HREF="javascript:alert(3)">x</TD></TR></TABLE>>', "trailing\\", "n0 -> n1;",
    "nul\x00inside", "\x1b[31mred\x1b[0m", "bell\x07", "\x85next", "two\nlines", "tab\tand\rreturn",
    "\u202eright to left\u202c", "\u2066isolate\u2069", "zero\u200bwidth", "\ufeffmark",
    "\u2028line\u2029paragraph", "lone \ud800 surrogate", "\U000e0041tag", "private \ue000",
    "é ∂ 日本 😀 עברית العربية", "a\u0301" * 40, "x" * 10_000, "<" * 2_000, "&" * 2_000,
    "(" * 3_000,
    "$" * 7, r"$\frac{1}{2}$", r"\href{javascript:alert(1)}{x}", r"\require{html}",
    r"\begin{document}", "{" * 9, "}" * 9, "x^{", "_", "__", "^", "%", "#", "~",
    "%s %(name)s {x!r}",
    "${window.pwned=1}", "`${alert(1)}`", "__proto__", "constructor", "toString", "hasOwnProperty",
    "NaN", "null", "undefined", "", " ", "\t", "0", "-1", "1e999", "../../etc/passwd",
    "'; DROP TABLE nodes; --", "=cmd|' /C calc'!A0", "A'", "B", "result", "e", "d", "pi",
]

PAYLOADS = list(dict.fromkeys(
    [*(act for act in ACTS), *(f"{end}{act}" for k, end in enumerate(BREAKS[1:])
                               for act in ACTS[k % 2 :: 2]), *ODD]
))
