"""Tests for people who extend the package: `check_rule` tests a rewrite rule of your own."""

from __future__ import annotations

from autodiff_lab.testing.rules import check_rule

__all__ = ["check_rule"]
