"""Settings of Sphinx for `make docs`: plain Markdown pages, formulas drawn by the package itself.

The one idea: the built pages ask the network for nothing, so formulas are SVG from `view.formula`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

project = "autodiff_lab"
author = "the autodiff_lab authors"
copyright = author
extensions = ["myst_parser"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_title = "autodiff_lab"
html_theme = "alabaster"
html_theme_options = {
    "description": "See and run derivatives",
    "page_width": "1080px",
    "body_text_align": "left",
    "show_powered_by": False,
}
html_copy_source = False
html_math_renderer = "own"
suppress_warnings = ["myst.xref_missing"]  # links into the code, for who reads on a forge


def draw(latex: str, style: str) -> str:
    """A formula as SVG, with its LaTeX as the text that stands for it."""
    from autodiff_lab.view.formula import Line, formula_svg

    return f'<span style="{style}">{formula_svg((Line(latex, latex),), style=False)}</span>'


def inline(translator: Any, node: Any) -> None:
    """A formula in a line of text or in a table."""
    import docutils.nodes

    translator.body.append(draw(node.astext(), "display:inline-block;vertical-align:middle"))
    raise docutils.nodes.SkipNode


def block(translator: Any, node: Any) -> None:
    """A formula in a line of its own."""
    import docutils.nodes

    translator.body.append(draw(node.astext(), "display:block;overflow-x:auto;margin:1em 0"))
    raise docutils.nodes.SkipNode


def setup(app: Any) -> None:
    """Tell Sphinx who draws formulas."""
    app.add_html_math_renderer("own", (inline, None), (block, None))
