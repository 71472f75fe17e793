"""Completion of `%%grad`'s options, on the magic's own line only."""

from __future__ import annotations

import re
from typing import Any

from IPython.core.completer import SimpleCompletion, context_matcher

from autodiff_lab.options import RANKS, flag_spellings

_WORD = re.compile(r"^%%grad\b.*?(\S*)$")


@context_matcher(identifier="autodiff_lab.options")
def match_options(context: Any) -> dict[str, Any]:
    """Options after `-`, types after `NAME:`; nothing below the first line."""
    found: list[str] = []
    lines = context.text_until_cursor.split("\n")
    match = _WORD.match(lines[-1]) if context.cursor_line == 0 else None
    token = match.group(1) if match else ""
    if token.startswith("-"):
        found = [flag for flag in flag_spellings() if flag.startswith(token)]
    elif ":" in token and "=" not in token:
        name, _, start = token.partition(":")
        found = [f"{name}:{kind}" for kind in RANKS if kind.startswith(start)]
    return {
        "completions": [SimpleCompletion(text=text, type="option") for text in found],
        "suppress": bool(found),
        "matched_fragment": token,
    }


def register(shell: Any) -> None:
    """Add the matcher to a shell's completer, where it has one."""
    completer = getattr(shell, "Completer", None)
    if completer is not None and match_options not in completer.custom_matchers:
        completer.custom_matchers.append(match_options)


def unregister(shell: Any) -> None:
    """Remove the matcher."""
    completer = getattr(shell, "Completer", None)
    if completer is not None and match_options in completer.custom_matchers:
        completer.custom_matchers.remove(match_options)
