"""Write the pages that follow from the code: the repository map, a page for each op and each rule.

Relies on `tests/layers.py` for the tree and on the registries of ops and rules. The one idea: a
page states nothing that is not read from the code, but for the hand-written half of the map.

usage: python docs/build.py
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "docs")]

import map_page  # noqa: E402


def main() -> int:
    """Write every generated page and say how many."""
    map_page.write(ROOT / "docs" / "repo_map.md")
    print("docs/repo_map.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
