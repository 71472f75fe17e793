"""Settings of Sphinx for `make docs`: plain Markdown pages, formulas by MathJax."""

project = "autodiff_lab"
author = "the autodiff_lab authors"
copyright = author
extensions = ["myst_parser", "sphinx.ext.mathjax"]
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
suppress_warnings = ["myst.xref_missing"]  # links into the code, for who reads on a forge
