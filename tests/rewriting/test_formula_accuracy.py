"""Formulas that lose digits: rewriting gives them back, and takes them from none."""

from __future__ import annotations

import os

import expression_accuracy as accuracy
import pytest

FULL = os.environ.get("AUTODIFF_LAB_TESTS") == "full"
POINTS = 1024 if FULL else 48
HAMMING, ALIKE = accuracy.read("hamming"), accuracy.read("alike")


def test_the_lists_are_whole() -> None:
    assert len(HAMMING) == 28 and len(ALIKE) >= 15


@pytest.mark.parametrize(("cores", "gaining"), [(HAMMING, 24), (ALIKE, 16)], ids=["3", "alike"])
def test_values_gain_digits(cores: list[accuracy.Core], gaining: int) -> None:
    rows = [row for core in cores for row in accuracy.measure(core, POINTS)]
    gains = {row.name: row.before - row.after for row in rows}
    assert min(gains.values()) > -0.5, gains
    assert sum(gain >= 10 for gain in gains.values()) >= gaining, gains


DERIVED = {core.name: core for core in HAMMING + ALIKE if FULL or core.name != "problem 3.4.2"}


@pytest.mark.parametrize("name", DERIVED)
def test_no_derivative_loses_digits(name: str) -> None:
    core = DERIVED[name]
    for row in accuracy.measure(core, 256 if FULL else 16, derivatives=True):
        assert row.before - row.after > -0.5, row
