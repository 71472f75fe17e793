"""A reference page for each rewrite rule: what it changes, when, why it exists, its declaration.

Relies on the table `rewriting.registry.RULES` and on the cases that the rules' tests are made of.
The one idea: everything on the page is what the declaration says, its example drawn before and
after as a tree of text, which is the same on every machine; nobody writes a rule's page.
"""

from __future__ import annotations

import contextlib
import itertools
from pathlib import Path
from typing import Any

from op_pages import interval

from autodiff_lab.rewriting import RULES
from autodiff_lab.rewriting.registry import DISPLAY, PHASES, PatternRule
from autodiff_lab.testing.rules import DTYPES, SHAPES, cases, rewritten
from autodiff_lab.view.latex import latex
from autodiff_lab.view.text import dprint, pp

ROOT = Path(__file__).resolve().parents[1]
PURPOSE = {
    "canonicalize": "one form for things that are equal",
    "stabilize": "the same value with less lost to rounding or overflow; in every mode",
    "specialize": "the same value for less work",
    DISPLAY: "towards the textbook's form, in derivations only; never run",
}


def pages() -> dict[str, str]:
    """File name -> text, for every rule, and the index."""
    found = {f"{name}.md": page(rule) for name, rule in RULES.items()}
    found["index.md"] = index()
    return found


def index() -> str:
    """The list of all rules by phase."""
    lines = ["# Rewrite rules", ""]
    for phase in (*PHASES, DISPLAY):
        lines += [f"## {phase}", "", PURPOSE[phase].capitalize() + ".", "",
                  "| rule | what it changes | why |", "|---|---|---|"]
        for rule in sorted(RULES.values(), key=lambda rule: rule.name):
            if rule.phase == phase:
                lines.append(f"| [{rule.name}]({rule.name}.md) | {change(rule)} "
                             f"| {rule.summary.replace('|', chr(92) + '|')} |")
        lines.append("")
    return "\n".join([*lines, "```{toctree}", ":hidden:", "", *sorted(RULES), "```", ""])


def change(rule: Any) -> str:
    """Both sides, or the ops that it looks at."""
    if isinstance(rule, PatternRule):
        return f"`{rule.left}` → `{rule.right}`"
    return "nodes of " + ", ".join(f"`{op_name(op)}`" for op in rule.ops)


def example(rule: Any) -> tuple[Any, Any]:
    """An expression that the rule changes, and what becomes of it: the first that works."""
    for dtype, shape in itertools.product(DTYPES, SHAPES):
        with contextlib.suppress(AssertionError):
            for case in cases(rule, (dtype,), (shape,)):
                right, trace = rewritten(rule, case)
                if any(step.rule == rule.name for step in trace.steps):
                    return case.left, right
    raise AssertionError(f"{rule.name} does not change its example")


def formula(before: Any, after: Any) -> str:
    """Both sides in LaTeX; as text where they look the same there."""
    sides = [latex(side) for side in (before, after)]
    if sides[0] != sides[1]:
        return f"$$ {sides[0]} \\quad\\longrightarrow\\quad {sides[1]} $$"
    return f"`{pp(before, constants='short')}` → `{pp(after, constants='short')}`"


def tree(variable: Any) -> str:
    """A graph as a tree of text."""
    return str(dprint(variable, file="str")).rstrip()


def op_name(op: Any) -> str:
    """An op as a rule names it."""
    return op if isinstance(op, str) else getattr(op, "op_name", "") or op.__name__


def page(rule: Any) -> str:
    """The page of one rule."""
    lines = [f"# {rule.name}", "", rule.doc, ""]
    before, after = example(rule)
    shown = rule.recorded.sides if isinstance(rule, PatternRule) else (before, after)
    lines += [formula(*shown), ""]
    lines.append(f"* **Phase**: {rule.phase} ({PURPOSE[rule.phase]})")
    if not isinstance(rule, PatternRule):
        lines.append(f"* **Tried on** {change(rule)}")
    lines += [f"* **Tested for** {name} in {interval(domain)}"
              for name, domain in rule.domain.items()]
    lines.append(f"* **Here for**: {rule.client}")
    if rule.tags:
        lines.append("* **Tags**: " + ", ".join(f"`{tag}`" for tag in rule.tags))
    if rule.uses:
        lines.append("* **Looks also at**: " + ", ".join(sorted(rule.uses)))
    place = Path(rule.file).relative_to(ROOT).as_posix()
    lines += [f"* **Declared in** `{place}`", "", "The example of its tests, before and after:", "",
              "```text", tree(before), "```", "", "```text", tree(after), "```", "",
              "```python", rule.source_text.rstrip(), "```", ""]
    return "\n".join(lines)
