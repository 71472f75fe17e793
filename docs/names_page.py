"""The page on PyTensor's names in `tensor`: which are the same, which differ, which are absent.

Relies on `tests/pytensor_names.txt`, which `tests/test_names.py` checks name by name.  The one
idea: the page repeats the list, ordered by verdict.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

LIST = Path(__file__).resolve().parents[1] / "tests" / "pytensor_names.txt"

HEAD = """\
# PyTensor's names

What code written for `pytensor.tensor` (and, by the same names, for Aesara and Theano) finds in
`autodiff_lab.tensor`.
"""


def page() -> str:
    """The text of the page."""
    same: list[str] = []
    others: dict[str, list[str]] = defaultdict(list)
    for line in LIST.read_text(encoding="utf8").splitlines():
        names, _, verdict = line.partition(":")
        if line and not line.startswith("#"):
            words = [f"`{name}`" for name in names.split()]
            kind, _, why = verdict.strip().partition(": ")
            if kind == "same":
                same += words
            else:
                others[kind].append(f"| {' '.join(words)} | {why} |")
    lines = [HEAD, f"## The same ({len(same)})", "", " ".join(same), ""]
    for kind, title in (("differs", "Different"), ("absent", "Absent")):
        lines += [f"## {title}", "", "| names | |", "|---|---|", *others[kind], ""]
    return "\n".join(lines)
