"""How the notebooks are compared: printed text strictly, drawings not at all.

Drawings differ between versions of Graphviz and between fonts; they have tests of their own.
"""

from __future__ import annotations

from typing import Any


def pytest_collectstart(collector: Any) -> None:
    """Leave pictures, pages and stderr out of what `--nbval` compares."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += (
            "text/html",
            "image/svg+xml",
            "application/javascript",
            "stderr",
        )
        # cells are run here without a history, so all of them have the number 1
        collector.sanitize_patterns[r"cell \d+"] = "cell N"
