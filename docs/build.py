"""Write the pages that follow from the code: the map, ops, forward mode, rules, names.

Relies on `tests/layers.py` for the tree and on the registries of ops and rules. The one idea: a
page states nothing that is not read from the code, but for the hand-written half of the map.

usage: python docs/build.py
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / part) for part in ("", "tests", "tests/notebook", "docs")]

import gallery_page  # noqa: E402
import map_page  # noqa: E402
import mistakes_page  # noqa: E402
import names_page  # noqa: E402
import op_pages  # noqa: E402
import r_operator_page  # noqa: E402
import rule_pages  # noqa: E402


def write_folder(folder: Path, pages: dict[str, str]) -> None:
    """Make a folder hold these pages and no others."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf8")


def main() -> int:
    """Write every generated page and say how many."""
    docs = ROOT / "docs"
    map_page.write(docs / "repo_map.md")
    for kind, pages in (("ops", op_pages.pages()), ("rules", rule_pages.pages())):
        write_folder(docs / "reference" / kind, pages)
        print(f"docs/reference/{kind}: {len(pages)} pages")
    for name, text in (("names", names_page.page()), ("r_operator", r_operator_page.page())):
        (docs / "reference" / f"{name}.md").write_text(text, encoding="utf8")
        print(f"docs/reference/{name}.md")
    (docs / "explanation" / "mistakes.md").write_text(mistakes_page.page(), encoding="utf8")
    print(f"docs/gallery.md: {gallery_page.write(docs)} pictures")
    return 0


if __name__ == "__main__":
    sys.exit(main())
