"""For people who extend or measure: `check_rule` tests a rewrite rule of your own, `compare_hvp`
times the ways to a Hessian-vector product."""

from __future__ import annotations

from autodiff_lab.testing.products import HessianProduct, compare_hvp
from autodiff_lab.testing.rules import check_rule

__all__ = ["HessianProduct", "check_rule", "compare_hvp"]
