"""`exp`, `log` and others, vectorised by Numba wherever a compiled loop calls them.

What is here: exp, log, log1p, expm1, sin, cos, tanh, sigmoid, softplus and pow of float64 and
float32; running_sum, running_product, largest and smallest, with which a loop accumulates several
elements at once.  Printed kernels begin with an import from here and fall back to `math`.

Relies on `backends.vector_math`; importing this module loads Numba.

The one idea: they are at most 4 units in the last place off (docs/reference/vector_math.md), and
the same number gives the same result wherever it stands in an array.

>>> import numpy as np
>>> from numba import njit
>>> from autodiff_lab.vector_math import exp, log
>>> @njit
... def softplus_sum(x):
...     total = 0.0
...     for value in x:
...         total += log(1.0 + exp(value))
...     return total
>>> round(softplus_sum(np.array([0.0, 1.0])), 12)
2.006408868078
"""

from __future__ import annotations

from autodiff_lab.backends.vector_math import EXPORTS

globals().update(EXPORTS)
__all__ = list(EXPORTS)
