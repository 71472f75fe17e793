"""The words beside a derivation's lines, and the derivation as text.

What is here: which of the rules of a simplification are worth saying, why the form that runs is
another one, and `derivation_text`.  Relies on the docstrings of the rules.
"""

from __future__ import annotations

import re
import textwrap

from autodiff_lab.rewriting import RULES, RewriteTrace
from autodiff_lab.view.model import DerivationView

FOLD_ABOVE = 15
WIDTH = 120

# What is most worth saying about a simplification comes first, small news only if nothing else is.
WORTH = ("exponentials_cancel", "split_the_square", "logistic_by_name", "common_denominator",
         "like_terms", "multiplied_out", "common_factor", "two_signs_cancel",
         "equal_factors_cancel", "exponents_add", "equal_factors_as_power", "one_fraction",
         "number_before_matrix_product", "numbers_multiply", "sign_in_front", "arithmetic")
SMALL_NEWS = ("arithmetic", "sign_in_front")


def unmarked(text: str) -> str:
    """A docstring's text without the marks of reStructuredText.

    Examples
    --------
    >>> unmarked("``2 * x`` is :func:`double` of *x*, see `y`")
    '2 * x is double of *x*, see y'
    """
    return re.sub(r"(?::[a-z:]+:)?`+([^`]*)`+_{0,2}", r"\1", text)


def worth_saying(trace: RewriteTrace) -> list[str]:
    """The rules of a simplification, the most telling first, each once."""
    names = sorted(dict.fromkeys(step.rule for step in trace.steps), key=_worth)
    loud = [n for n in names if "silent" not in RULES[n].tags] or names
    if len(loud) > 1:
        loud = [n for n in loud if n not in SMALL_NEWS] or loud
    return loud


def only_silent(trace: RewriteTrace) -> bool:
    """Whether a simplification did nothing that a reader would notice."""
    return all("silent" in RULES[step.rule].tags for step in trace.steps)


def _worth(name: str) -> int:
    return WORTH.index(name) if name in WORTH else len(WORTH)


def reason_of(trace: RewriteTrace) -> str:
    """Why the form that runs is another one: what the rules that chose it say."""
    rules = [RULES[step.rule] for step in trace.steps]
    chosen = dict.fromkeys(r.summary for r in rules if r.phase == "stabilize" and r.summary)
    if chosen:
        return "equal; " + unmarked(" ".join(list(chosen)[:2]))
    cheaper = dict.fromkeys(r.name for r in rules if r.phase == "specialize")
    named = f", made cheaper by {', '.join(list(cheaper)[:3])}" if cheaper else ""
    return f"equal; as the reverse sweep builds it{named}"


def wrapped(text: str, indent: str, first: str | None = None) -> list[str]:
    """Text in lines of at most `WIDTH`, the first after `first`, the others after `indent`."""
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent if first is None else first, subsequent_indent=indent,
        break_long_words=False, break_on_hyphens=False,
    )


def derivation_text(view: DerivationView, fold_above: int | None = FOLD_ABOVE) -> str:
    """A derivation as lines of text; above `fold_above` lines the middle is left out."""
    left = max((len(line.left_text) for line in view.lines), default=0)
    column = min(max((len(line.text) for line in view.lines), default=0), 48)
    blocks = []
    for line in view.lines:
        start, rest = f"{line.left_text:<{left}} = ", " " * (left + 3)
        row = f"{start}{line.text:<{column}}    {line.rule}".rstrip()
        if len(row) <= WIDTH:
            blocks.append([row])
        else:
            blocks.append([*wrapped(line.text, rest + "  ", start),
                           *wrapped(line.rule, rest + "    ", rest + "    ")])
    if fold_above is not None and len(blocks) > fold_above:
        more = f"{'':<{left}}   ... {len(blocks) - (fold_above - 1)} more lines"
        blocks = [*blocks[: fold_above - 7], [more], *blocks[-6:]]
    if view.runs_as_text:
        blocks.append(wrapped(f"runs as {view.runs_as_text}: {view.reason}", " " * 8, ""))
    return "\n".join(row for block in blocks for row in block)
