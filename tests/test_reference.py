"""Values, gradients, tangents and Hessians against those of JAX, kept in `data/reference.json`.

`make reference` writes that file; these tests need no JAX.  The functions are written for NumPy and
called with variables.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graph_values import values
from reference_functions import TABLE, weights

import autodiff_lab.tensor as pt
from autodiff_lab.control import hessian
from autodiff_lab.gradient import Rop, grad

REFERENCE = json.loads(
    (Path(__file__).parent / "data" / "reference.json").read_text(encoding="utf8"))
NAMES = sorted(set(REFERENCE) - {"made with"})


class Special:
    """Special functions of ours under SciPy's names."""

    def __getattr__(self, name: str) -> Any:
        return getattr(pt, name, None) or getattr(pt.special, name)


def test_the_file_is_complete() -> None:
    assert set(NAMES) == set(TABLE), "run `make reference`"


@pytest.mark.parametrize("name", NAMES)
def test_against_jax(name: str) -> None:
    kept = REFERENCE[name]
    arrays = [np.array(a) for a in kept["arrays"]]
    variables = [
        pt.tensor(f"a{k}", dtype="float64", shape=[1 if n == 1 else None for n in a.shape])
        for k, a in enumerate(arrays)
    ]
    output = TABLE[name][0](np, Special(), *variables)
    directions = [weights(a.shape) - 1.4 for a in arrays]
    cost = pt.sum(output * weights(np.shape(kept["value"])))
    rest: Any = {"disconnected_inputs": "ignore"}
    slopes = grad(cost, variables, **rest)
    second = hessian(cost, variables[0], **rest)
    tangent = Rop(output, variables, directions, disconnected_outputs="ignore")
    with np.errstate(all="ignore"):
        value, ahead, matrix, *back = values(
            [output, tangent, second, *slopes], dict(zip(variables, arrays)))
    close(value, kept["value"], "value")
    close(ahead, kept["tangent"], "tangent")
    close(matrix, kept["hessian"], "hessian")
    for k, found in enumerate(back):
        close(found, kept["gradient"][k], f"gradient by argument {k}")


def close(found: Any, expected: Any, what: str) -> None:
    """Equal to 11 digits of the largest entry."""
    expected = np.asarray(expected, dtype=float)
    size = float(np.max(np.abs(expected), initial=1e-3))
    assert np.shape(found) == expected.shape, what
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-11 * size, err_msg=what)
