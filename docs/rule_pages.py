"""A reference page for each rewrite rule: what it changes, when, why it exists, its declaration.

Relies on the table `rewriting.registry.RULES`. The one idea: everything on the page is what the
declaration says; nobody writes a rule's page.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from op_pages import interval

from autodiff_lab.rewriting import RULES
from autodiff_lab.rewriting.registry import DISPLAY, PHASES, PatternRule

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


def op_name(op: Any) -> str:
    """An op as a rule names it."""
    return op if isinstance(op, str) else getattr(op, "op_name", "") or op.__name__


def page(rule: Any) -> str:
    """The page of one rule."""
    lines = [f"# {rule.name}", "", rule.doc, ""]
    if isinstance(rule, PatternRule):
        lines += ["```text", str(rule.left), "    becomes", str(rule.right), "```", ""]
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
    lines += [f"* **Declared in** `{place}`", "", "```python", rule.source_text.rstrip(), "```", ""]
    return "\n".join(lines)
