"""`linalg` under the family's older name for what SciPy has."""

from __future__ import annotations

from autodiff_lab.tensor.linalg import *  # noqa: F403
from autodiff_lab.tensor.linalg import __all__ as __all__
