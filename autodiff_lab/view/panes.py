"""The parts of a card as markup: first line, graph, derivation, steps, plot, kernel.

What is here: `card_body` and `Pictures`.  It relies on the picture renderers and escapes.

The one idea: the markup is well-formed XML that reads top to bottom as a document; each
part is a `details` block whose `data-label` becomes the name of its tab.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

from autodiff_lab.view import formula, model, plots, svg
from autodiff_lab.view.escape import display_name, xml_attribute, xml_text
from autodiff_lab.view.layout import Positions
from autodiff_lab.view.listing import graph_text

MAXIMUM_LINES = 15  # of a derivation; what is more is folded in the middle
SHOWN_AT_ENDS = 6
MAXIMUM_STEPS = 200
STEPS_WITH_FORMULAS = 20
EXPRESSION_LIMIT = 400
FORMULA_BYTES = 220_000  # of pictures that bring their letters; of others half
FIRST_LINE_SIZE = 19.0
SMALLER_SIZE = 15.0
MANY_FORMULAS = 2  # more than these are drawn smaller
DERIVATION_SIZE = 15.5


class Pictures:
    """Pictures as elements of the page itself, or as images that carry their own style."""

    def __init__(self, inline: bool) -> None:
        self.inline = inline
        self._letters: dict[str, str] = {}
        self._left = FORMULA_BYTES // (1 + inline)

    def graph(self, positions: Positions) -> str:
        """The drawn graph."""
        picture = svg.graph_svg(positions, style=not self.inline)
        alt = graph_text(positions.graph)[: svg.LABEL_BYTES]
        return self._place(picture, alt, positions.width, positions.height)

    def plot(self, view: plots.Picture) -> str:
        """Drawn curves, a contour, a matrix, bars."""
        picture = plots.plot_svg(view, style=not self.inline)
        return self._place(picture, plots.alt_text(view), *plots.picture_size(view))

    def formula(self, lines: tuple[formula.Line, ...], size: float = formula.SIZE) -> str:
        """One or more lines of mathematics."""
        alt = formula.alt_text(lines)
        if self._left > 0:
            alone = not self.inline
            letters = None if alone else self._letters
            picture = formula.formula_svg(lines, size, alone, alone, letters)
            self._left -= len(picture)
            if self._left > 0:
                return self._place(picture, alt)
        # Drawn formulas are heavy; beyond their ration the text says the same.
        return f'<span class="mono">{xml_text(display_name(alt, EXPRESSION_LIMIT))}</span>'

    def letters(self) -> str:
        """What the drawn formulas of a page share."""
        return formula.letters_svg(self._letters) if self._letters else ""

    def _place(self, picture: str, alt: str, width: float = 0, height: float = 0) -> str:
        if self.inline:
            return picture
        kind = picture[picture.index("adl-") + 4 : picture.index('" width')]
        data = base64.b64encode(picture.encode()).decode()
        extent = f' width="{width:.0f}" height="{height:.0f}"' if width else ""
        return (
            f'<img class="{kind}" alt="{xml_attribute(alt)}"{extent} '
            f'src="data:image/svg+xml;base64,{data}"/>'
        )


def card_body(
    card: model.CardView, positions: Positions | None, pictures: Pictures,
    scenes: Sequence[Positions] = (),
) -> str:
    """The card's content; `positions` is the graph's layout, None for the text form."""
    parts = [_top(card, pictures)]
    if card.graph is not None:
        drawn = _graph(card.graph, positions, pictures, scenes)
        parts.append(_tab("graph", "Graph", "", drawn, True))
    if card.derivation is not None:
        note = _count(len(card.derivation.lines), "line")
        parts.append(_tab("derivation", "Derivation", note, _derivation(card.derivation, pictures)))
    if card.steps is not None:
        label, note = f"Steps ({len(card.steps)})", _count(len(card.steps), "rewrite")
        parts.append(_tab("steps", label, note, _steps(card.steps, pictures), word="Steps"))
    if card.drawn:
        drawn = (f'<div class="figure{" curve" * (view is card.plot)}" tabindex="0">'
                 f'{pictures.plot(view)}</div>' for view in card.drawn)
        parts.append(_tab("plot", "Plot", "", "".join(drawn)))
    if card.kernel is not None:
        note = f", {card.kernel.headline}"
        parts.append(_tab("kernel", "Kernel", note, _kernel(card.kernel)))
    title = xml_attribute(display_name(card.title))
    content = "\n".join([*parts, pictures.letters()])
    return f'<div class="adl-body" role="region" aria-label="{title}">\n{content}\n</div>'


def _count(number: int, word: str) -> str:
    return f", {number} {word}{'s' * (number != 1)}"


def _tab(
    kind: str, label: str, note: str, content: str, is_open: bool = False, word: str = ""
) -> str:
    opened = ' open="open"' if is_open else ""
    return (
        f'<details class="tab" data-tab="{kind}" data-label="{xml_attribute(label)}"{opened}>'
        f'<summary>{xml_text(word or label)}<span class="muted">{xml_text(note)}</span></summary>\n'
        f'<div class="pane {kind}">{content}</div></details>'
    )


def _top(card: model.CardView, pictures: Pictures) -> str:
    few = len(card.formulas) <= MANY_FORMULAS
    size = FIRST_LINE_SIZE if few else SMALLER_SIZE
    drawn = [pictures.formula((formula.Line(f.latex, f.text),), size) for f in card.formulas]
    formulas = "".join(f"<span>{picture}</span>" for picture in drawn)
    point = f'<span class="point">{xml_text(card.point)}</span>' if card.point else ""
    notices = "".join(f"<span>{xml_text(display_name(n, 300))}</span>" for n in card.notices)
    check = ""
    if card.check is not None:
        mark, state = ("✓", "ok") if card.check.ok else ("✗", "failed")
        check = f'<span class="check {state}">{mark} {xml_text(card.check.text)}</span>'
    # Beside many formulas there is no room for the point: it joins the second line.
    first, second = (formulas + point, "") if few else (formulas, point)
    notes = notices + second + check
    below = f'<div class="notes">{notes}</div>' if notes else ""
    return f'<div class="top"><div class="formulas">{first}</div>{below}</div>'


def _graph(
    graph: model.GraphView, positions: Positions | None, pictures: Pictures,
    scenes: Sequence[Positions],
) -> str:
    """The picture, and folded below it the other ways to look at the graph."""
    if positions is None:
        return f'<pre class="listing">{xml_text(graph_text(graph))}</pre>'
    others = (
        f'<details class="scene"><summary>{xml_text(scene.graph.title)}</summary>'
        f'<div class="canvas">{pictures.graph(scene)}</div></details>'
        for scene in scenes
    )
    return f'<div class="canvas">{pictures.graph(positions)}</div>' + "".join(others)


def _derivation(view: model.DerivationView, pictures: Pictures) -> str:
    """A part for each input, each folded by itself; lines are numbered through all parts."""
    parts, first = [], 1
    for part in view.parts or (view,):
        parts.append(f'<div class="part">{_part(part, first, pictures)}</div>')
        first += len(part.lines)
    return "".join(parts)


def _part(view: model.DerivationView, first: int, pictures: Pictures) -> str:
    # What is seen first is drawn first, while there are bytes left to draw with.
    lines = list(enumerate(view.lines, start=first))
    ends = SHOWN_AT_ENDS if len(lines) > MAXIMUM_LINES else 0
    head, tail = (_list(part, pictures) for part in (lines[:ends], lines[len(lines) - ends :]))
    content = _list(lines[ends : len(lines) - ends], pictures)
    if ends:
        more = f"<summary>{len(lines) - 2 * ends} more lines</summary>"
        content = f'{head}<details class="more">{more}{content}</details>{tail}'
    if view.runs_as_text:
        runs = pictures.formula((formula.Line(view.runs_as_latex, view.runs_as_text),))
        reason = f": {xml_text(view.reason)}" if view.reason else ""
        content += f'<p class="runs">runs as&#160; {runs}&#160;{reason}</p>'
    return content


def _list(lines: Sequence[tuple[int, model.DerivationLine]], pictures: Pictures) -> str:
    drawn = "".join(_derivation_line(number, line, pictures) for number, line in lines)
    return f'<ol class="derivation">{drawn}</ol>'


def _derivation_line(number: int, line: model.DerivationLine, pictures: Pictures) -> str:
    left = ""
    if line.left_latex or line.left_text:
        left = pictures.formula((formula.Line(line.left_latex, line.left_text),), DERIVATION_SIZE)
    right = pictures.formula((formula.Line(line.latex, line.text, aligned=True),), DERIVATION_SIZE)
    return (
        f'<li class="{xml_attribute(line.kind)}" data-line="{number}">'
        f'<span class="left">{left}</span><span class="math">{right}</span>'
        f'<span class="rule">{xml_text(line.rule)}</span></li>'
    )


def _steps(steps: tuple[model.StepView, ...], pictures: Pictures) -> str:
    """A table; the script makes the stepper from the same rows."""
    if not steps:
        return "<p>No rule applied: what was written is what runs.</p>"
    rows = []
    for place, step in enumerate(steps[:MAXIMUM_STEPS]):
        drawn = place < STEPS_WITH_FORMULAS
        before = _change(step.before_latex, step.before_text, pictures if drawn else None)
        after = _change(step.after_latex, step.after_text, pictures if drawn else None)
        nodes = f"{step.nodes_before} → {step.nodes_after}" if step.nodes_before else ""
        doc = "".join(f"<div>{xml_text(words)}</div>" for words in (step.doc, step.note) if words)
        rows.append(
            f'<tr><td>{step.index}</td><td data-head="rule"><b>{xml_text(step.rule)}</b> '
            f'<span class="muted">{xml_text(step.phase)}</span>{doc}</td>'
            f'<td class="before" data-head="before">{before}</td>'
            f'<td class="after" data-head="after">{after}</td>'
            f'<td data-head="nodes">{nodes}</td>'
            f'<td data-head="check">{xml_text(step.check)}</td></tr>'
        )
    words = ("", "rule", "before", "after", "nodes", "check")
    heads = "".join(f"<th>{word}</th>" for word in words)
    left_out = len(steps) - len(rows)
    more = f"<p class=\"muted\">{left_out} more steps are not shown here</p>" if left_out else ""
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return table + more


def _change(latex: str, text: str, pictures: Pictures | None) -> str:
    shown = display_name(text, EXPRESSION_LIMIT)
    if pictures is None or not latex:
        return f'<span class="mono">{xml_text(shown)}</span>'
    return pictures.formula((formula.Line(latex, shown),))


def _kernel(view: model.KernelView) -> str:
    parts = [f'<p class="headline">{xml_text(view.headline)}</p>']
    for name, source in (("Numba", view.numba_source), ("NumPy", view.numpy_source)):
        if source:
            parts.append(
                f'<div class="source" data-kind="{name}"><div class="bar"><h4>{name}</h4></div>'
                f"<pre><code>{xml_text(source)}</code></pre></div>"
            )
    return "".join(parts)
