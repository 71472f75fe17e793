"""PyTensor's names in `tensor`: each is the same, differs, or is absent, and the list says why.

Relies on `pytensor_names.txt`, from which the page on compatibility is made too.
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

import pytest

import autodiff_lab.tensor as pt
from autodiff_lab.tensor import registry

LIST = Path(__file__).with_name("pytensor_names.txt")


def verdicts() -> dict[str, str]:
    """Name -> ``same``, ``differs: why`` or ``absent: why``."""
    found: dict[str, str] = {}
    for line in LIST.read_text(encoding="utf8").splitlines():
        if not line or line.startswith("#"):
            continue
        names, _, verdict = line.partition(":")
        for name in names.split():
            assert name not in found, f"{name} stands twice"
            found[name] = verdict.strip()
    return found


VERDICTS = verdicts()


@pytest.mark.parametrize("name", VERDICTS)
def test_name(name: str) -> None:
    kind, _, why = VERDICTS[name].partition(":")
    assert kind in ("same", "differs", "absent")
    assert (kind == "same") == (not why), f"{name}: say why it is not the same"
    assert hasattr(pt, name) == (kind != "absent"), f"{name} is listed as {VERDICTS[name]!r}"


def test_the_page_has_every_name() -> None:
    sys.path.insert(0, str(LIST.parents[1] / "docs"))
    import names_page

    text = names_page.page()
    assert all(f"`{name}`" in text for name in VERDICTS)


# functions of ours that PyTensor does not have in `tensor`, and why; rows need no reason
OWN = {
    "NumPy's name": "around inner logical_and logical_not logical_or logical_xor ndim ravel size "
    "amax amin meshgrid hstack vstack vdot",
    "an older name of the family": "addbroadcast patternbroadcast unbroadcast matrix_inverse "
    "to_one_hot",
    "in PyTensor's `tensor.linalg`, here in both": "alloc_diag cholesky det eig eigh eigvalsh expm "
    "inv kron lstsq lu norm pinv qr slogdet solve solve_triangular svd",
    "in PyTensor's `tensor.special`, here in both": "softmax log_softmax",
    "what the derivatives of determinants and diagonals are made of": "cofactors inc_diagonal",
    "a method in PyTensor": "dimshuffle",
    "what brackets call": "subtensor advanced_subtensor",
    "NumPy's clip, whose bounds may be left out": "clip_between",
    "NumPy's, for integrals of sampled values": "trapezoid",
    "one call where the family writes two": "set_part inc_part",
    "adds leading axes": "atleast_rank",
    "what derivatives of products are made of": "linear_recurrence product_of_others",
}


def test_every_other_function_is_explained() -> None:
    own = {name for names in OWN.values() for name in names.split()}
    functions = {
        name for name, function in registry.FUNCTIONS.items()
        if inspect.isfunction(function) and function.__module__.startswith("autodiff_lab.tensor.")
        and not function.__module__.endswith((".constructors", ".shared"))
    }
    assert functions - set(VERDICTS) == own
