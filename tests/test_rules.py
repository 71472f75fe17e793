"""Every rewrite rule against every property that its declaration promises."""

from __future__ import annotations

import pytest

from autodiff_lab.rewriting import RULES
from autodiff_lab.testing.rules import PROPERTIES, properties_of

CELLS = [(rule.name, name) for rule in RULES.values() for name in properties_of(rule)]


@pytest.mark.parametrize(("rule", "name"), CELLS, ids=[f"{r}-{p}" for r, p in CELLS])
def test_rule(rule: str, name: str) -> None:
    PROPERTIES[name](RULES[rule])


def test_the_table_is_worth_its_name() -> None:
    assert len(RULES) >= 50
