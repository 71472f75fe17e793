"""The derivatives of `arange`, whose samples in the table of ops are whole numbers."""

from __future__ import annotations

import numpy as np
import pytest
import test_ops_derivatives as table

import autodiff_lab.tensor as pt


@pytest.mark.parametrize("kind", table.KINDS)
def test_numbers_move_with_start_and_step(kind: str) -> None:
    start, step = pt.dscalars("start", "step")
    output = pt.arange(start, 3.1, step) ** 2  # squared: the second derivatives are not zero
    one = table.case("arange", [start, step], [np.array(0.4), np.array(0.7)], output)
    table.CHECKS[kind](one, 1e-9)
