"""Random streams whose draws equal those of NumPy's `Generator`, and one function per family."""

from __future__ import annotations

from autodiff_lab.tensor.random.families import FAMILIES, FUNCTIONS, Draw, Family
from autodiff_lab.tensor.random.streams import (
    MRG_RandomStreams, RandomStream, RandomStreams, RandomType, rng, shared_rng,
)

globals().update(FUNCTIONS)

__all__ = [
    "FAMILIES", "Draw", "Family", "MRG_RandomStreams", "RandomStream", "RandomStreams",
    "RandomType", "rng", "shared_rng", *FUNCTIONS,
]
