"""Records and the renderers that draw them: text, LaTeX, DOT, SVG, HTML, plots.

What is here: nothing but this page; every renderer is a module of its own and is imported
by whoever wants that format, so that loading one loads no other.

The one idea: renderers read only the records of `model.py`.
"""
