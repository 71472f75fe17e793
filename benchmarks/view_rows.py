"""What is measured of the pictures: mirror layouts, the page of a long story of rewrites, a card.

Relies on records made by hand, so that only drawing is timed, and on one study of two lines.
"""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from timing import Result, text

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))


def median(action: Callable[[], object], runs: int) -> float:
    """The median CPU seconds of several runs, those of the program `dot` included."""
    taken = []
    for _ in range(runs):
        before = os.times()
        action()
        taken.append(sum(after - start for after, start in zip(os.times()[:4], before[:4])))
    return statistics.median(taken)


def mirror_layout() -> list[Result]:
    """Layout and SVG of a mirror of 200 and of 2,000 boxes, every box drawn."""
    import dataclasses

    import view_examples

    from autodiff_lab.view.layout import layout
    from autodiff_lab.view.svg import graph_svg

    results = []
    for boxes, limit in ((200, 0.3), (2_000, 3.0)):
        graph = dataclasses.replace(view_examples.chain_graph(boxes // 4), budget=10**6)
        drawn: list[str] = []

        def draw(graph: Any = graph, drawn: list[str] = drawn) -> None:
            placed = layout(graph)
            drawn.append("" if placed is None else graph_svg(placed))

        seconds = median(draw, runs=3)
        size = len(drawn[-1]) / 1000
        results.append(Result(f"mirror layout and SVG, {len(graph.nodes)} boxes",
                              f"{text(seconds)}, {size:.0f} kB", f"at most {limit} s",
                              0 < seconds <= limit and size > 0))
    return results


def long_story() -> Any:
    """A card of 100 steps on graphs of 100 nodes, of which each step changes three."""
    import dataclasses

    import view_examples

    from autodiff_lab.view.model import CardView

    def graph(step: int) -> Any:
        lines = ["N0 = sin(x)"]
        for k in range(1, 100):
            op = "exp" if k < step else "neg"
            lines.append(f"N{k} = {op}(N{k - 1})" if k % 7 else f"N{k} = add(N{k - 1}, N{k - 3})")
        return view_examples.listed(lines)

    graphs = [graph(k) for k in range(101)]
    one = view_examples.logistic_steps()[0]
    steps = tuple(
        dataclasses.replace(one, index=k + 1, graph_before=before, graph_after=after)
        for k, (before, after) in enumerate(zip(graphs, graphs[1:]))
    )
    return CardView("a long story", (), steps=steps)


def stepper_page() -> list[Result]:
    """The page of a story of 100 steps on 100 nodes."""
    from autodiff_lab.view.html import page_html

    card = long_story()
    pages: list[str] = []
    seconds = median(lambda: pages.append(page_html(card)), runs=3)
    size = len(pages[-1].encode()) / 1e6
    return [Result("stepper page, 100 steps on 100 nodes", f"{text(seconds)}, {size:.2f} MB",
                   "at most 1.5 s and 1 MB", seconds <= 1.5 and size <= 1.0)]


def card_of_two_lines() -> list[Result]:
    """What `%%grad` does with a cell of two lines, after the first time."""
    from autodiff_lab import Study

    def show() -> None:
        Study.from_cell("u = exp(-x)\n1 / (1 + u)", {}, "x", at="x=0.4")._repr_mimebundle_()

    show()
    seconds = median(show, runs=5)
    return [Result("card of a cell of two lines, warm", text(seconds), "at most 0.4 s",
                   seconds <= 0.4)]


ROWS = [mirror_layout, stepper_page, card_of_two_lines]
