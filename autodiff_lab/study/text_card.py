"""The card as text: what a terminal and `text/plain` show.

Relies on the records of `view.model` only.  Nothing in it depends on the clock, on addresses or on
versions, so notebooks compare equal on every run.
"""

from __future__ import annotations

from autodiff_lab.view.listing import graph_text
from autodiff_lab.view.model import CardView, StepView
from autodiff_lab.view.wording import wrapped

GAP = " " * 8
MOST_LINES = 60


def card_text(card: CardView) -> str:
    """Formulas, notices, the two graphs and how much the rewrites saved."""
    first = [formula.text for formula in card.formulas]
    joined = GAP.join(first)
    lines = [joined] if len(joined) <= 110 else first
    if card.point and len(lines[-1]) + len(GAP) + len(card.point) <= 120:
        lines[-1] += GAP + card.point
    else:
        lines.append(card.point)
    lines += card.notices
    if card.graph is not None:
        listing, half = graph_text(card.graph).splitlines(), MOST_LINES // 2
        if len(listing) > MOST_LINES:
            listing[half:-half] = [f"... {len(listing) - 2 * half} more lines ..."]
        lines += listing
    last = ["" if card.steps is None else savings_text(card.steps), card.check and card.check.text]
    lines.append("     ".join(filter(None, last)))
    return "\n".join(filter(None, lines))


def savings_text(steps: tuple[StepView, ...]) -> str:
    """How many nodes the rewrites saved: ``12 nodes -> 4 after 5 rewrites``."""
    if not steps:
        return "no rewrites"
    word = "rewrite" if len(steps) == 1 else "rewrites"
    counts = f"{steps[0].nodes_before} nodes -> {steps[-1].nodes_after} after "
    return f"{counts if steps[0].nodes_before else ''}{len(steps)} {word}"


def steps_text(steps: tuple[StepView, ...]) -> str:
    """The rewrites as a list: rule, what it changed, what it does."""
    if not steps:
        return "no rewrites: what was written is what runs"
    lines = []
    for step in steps:
        check = "" if step.check in ("", "ok") else f"   check: {step.check}"
        lines.append(f"{step.index:>3}. {step.rule} ({step.phase}){check}")
        sides = [step.before_text, "->", step.after_text]
        if step.note and step.before_text == step.after_text:
            sides = [step.note]
        lines += wrapped("  ".join(sides), " " * 5)
    lines.append(savings_text(steps))
    return "\n".join(lines)
