"""Every rewrite rule against every property that its declaration promises.

Values and derivatives are compared on instances drawn anew for each commit, a thousand for a rule
in `make test-full`.
"""

from __future__ import annotations

import os
from zlib import crc32

import pytest
from test_ops import COMMIT

from autodiff_lab.rewriting import RULES
from autodiff_lab.testing.rules import FEW, PROPERTIES, SAMPLED, properties_of

CELLS = [(rule.name, name) for rule in RULES.values() for name in properties_of(rule)]
COUNT = 1000 if os.environ.get("AUTODIFF_LAB_TESTS") == "full" else FEW


@pytest.mark.parametrize(("rule", "name"), CELLS, ids=[f"{r}-{p}" for r, p in CELLS])
def test_rule(rule: str, name: str) -> None:
    drawn = (COUNT, crc32(COMMIT.encode())) if name in SAMPLED else ()
    PROPERTIES[name](RULES[rule], *drawn)


def test_the_table_is_worth_its_name() -> None:
    assert len(RULES) >= 50
