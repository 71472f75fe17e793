"""Rules about negation: signs move outward and cancel."""

from __future__ import annotations

from autodiff_lab.rewriting.registry import rule

LOGISTIC = "seed: the gradient of the logistic function"


@rule(phase="canonicalize", client=LOGISTIC, kinds="fciu")
def double_negation(x):
    """Two minus signs cancel."""
    return -(-x), x
