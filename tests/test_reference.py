"""Values, gradients, tangents and Hessians against those of JAX, kept in `data/reference.json`.

`make reference` writes that file; these tests need no JAX.  The functions are written for NumPy and
called with variables.  All are computed node by node, a third of them (another third with another
commit) compiled too; `make test-full` compiles all.
"""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graph_values import values
from reference_functions import TABLE, weights
from test_ops import COMMIT

import autodiff_lab.tensor as pt
from autodiff_lab.compile import function
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


def graphs(name: str) -> tuple[list[Any], list[np.ndarray], Any, Any, list[np.ndarray]]:
    """Variables, their arrays, the output, the cost, directions."""
    arrays = [np.array(a) for a in REFERENCE[name]["arrays"]]
    variables = [
        pt.tensor(f"a{k}", dtype="float64", shape=[1 if n == 1 else None for n in a.shape])
        for k, a in enumerate(arrays)
    ]
    output = TABLE[name][0](np, Special(), *variables)
    cost = pt.sum(output * weights(np.shape(REFERENCE[name]["value"])))
    return variables, arrays, output, cost, [weights(a.shape) - 1.4 for a in arrays]


@pytest.mark.parametrize("name", NAMES)
def test_against_jax(name: str) -> None:
    kept = REFERENCE[name]
    variables, arrays, output, cost, directions = graphs(name)
    slopes = grad(cost, variables, disconnected_inputs="ignore")
    second = hessian(cost, variables[0], disconnected_inputs="ignore")
    tangent = Rop(output, variables, directions, disconnected_outputs="ignore")
    with np.errstate(all="ignore"):
        value, ahead, matrix, *back = values(
            [output, tangent, second, *slopes], dict(zip(variables, arrays)))
    close(value, kept["value"], "value")
    close(ahead, kept["tangent"], "tangent")
    close(matrix, kept["hessian"], "hessian")
    for k, found in enumerate(back):
        close(found, kept["gradient"][k], f"gradient by argument {k}")


def waits(name: str) -> bool:
    """Whether another commit compiles this one."""
    if os.environ.get("AUTODIFF_LAB_TESTS") == "full":
        return False
    return zlib.crc32(f"{COMMIT} compiled {name}".encode()) % 3 != 0


@pytest.mark.rotates.with_args(waits)
@pytest.mark.parametrize("name", NAMES)
def test_compiled(name: str) -> None:
    """After rewriting and fusion the numbers are the same."""
    kept = REFERENCE[name]
    variables, arrays, output, cost, directions = graphs(name)
    slopes = grad(cost, variables, disconnected_inputs="ignore")
    tangent = Rop(output, variables, directions, disconnected_outputs="ignore")
    f = function(variables, [output, tangent, *slopes], on_unused_input="ignore")
    value, ahead, *back = f(*arrays)
    close(value, kept["value"], "value")
    close(ahead, kept["tangent"], "tangent")
    for k, found in enumerate(back):
        close(found, kept["gradient"][k], f"gradient by argument {k}")


SHARED_LESS = {"newton_root"}
"""The direct rule of a quotient shares a little less than its double pullback."""
CLOSED_GRADIENT = {"prod", "prod_axis", "geometric_mean"}
"""The gradient is one op; its derivative is many, as it stays right where entries are zero."""


@pytest.mark.rotates.with_args(waits)
@pytest.mark.parametrize("name", NAMES)
def test_operations(name: str) -> None:
    """F-P5, F-P6: a forward sweep needs no more operations than a double pullback, a Hessian times
    a vector at most four times those of the gradient."""
    variables, _, output, cost, _ = graphs(name)
    moves = [v.type(f"t{k}") for k, v in enumerate(variables)]

    def count(result: Any) -> int:
        f = function([*variables, *moves], result, on_unused_input="ignore")
        return len(f.maker.fgraph.apply_nodes)

    direct, twice = (
        count(Rop(output, variables, moves, "ignore", use_op_pushforward=chosen))
        for chosen in (True, False)
    )
    assert direct <= 1.05 * twice or name in SHARED_LESS
    if name not in CLOSED_GRADIENT:
        slope = grad(cost, variables[0], disconnected_inputs="ignore")
        product = Rop(slope, variables[0], moves[0], disconnected_outputs="ignore")
        assert count(product) <= 4 * count(slope)


def close(found: Any, expected: Any, what: str) -> None:
    """Equal to 11 digits of the largest entry."""
    expected = np.asarray(expected, dtype=float)
    size = float(np.max(np.abs(expected), initial=1e-3))
    assert np.shape(found) == expected.shape, what
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-11 * size, err_msg=what)
