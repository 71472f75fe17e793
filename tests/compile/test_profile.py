"""What each instruction costs: counted, on both executors, with the user's lines."""

from __future__ import annotations

import io

import numpy as np
import pytest

import autodiff_lab as ad
import autodiff_lab.tensor as pt


def trained(**options):
    x, w = pt.dmatrix("x"), ad.shared(np.ones((5, 5)), "w")
    cost = (pt.tanh(pt.dot(x, w)) ** 2).sum()
    return ad.function([x], cost, updates=[(w, w - ad.grad(cost, w))], **options), w


@pytest.mark.parametrize("mode", ["PYTHON", "NUMBA"])
def test_every_instruction_has_its_row(mode):
    f, w = trained(mode=mode)
    before = w.get_value()
    profile = f.profile(np.ones((10, 5)), repeat=4)
    assert len(profile) == len(f.executor.program.instructions)
    assert {cost.calls for cost in profile} == {4}
    assert sum(cost.share for cost in profile) == pytest.approx(1.0)
    assert max(cost.bytes for cost in profile) in (10 * 5 * 8, 10 * 5 * 8 + 8)
    assert {n for c in profile for n in c.nodes} == set(f.fgraph.toposort())
    assert set(profile.costs) == {v for n in f.fgraph.toposort() for v in n.outputs}
    np.testing.assert_array_equal(w.get_value(), before)
    assert "dot" in str(profile) and "test_profile.py, line" in str(profile)


def test_a_function_can_be_measured_at_every_call():
    f, w = trained(profile=True)
    for _ in range(3):
        f(np.ones((10, 5)))
    out = io.StringIO()
    f.profile.summary(file=out)
    assert f.profile.calls == 3 and out.getvalue().startswith("3 calls, ")
    assert (w.get_value() != 1.0).all()


def test_before_any_call_it_is_empty():
    f, _ = trained()
    assert len(f.profile) == 0 and f.profile.fgraph is None
    assert repr(f.profile) == "Profile(0 calls, 0 instructions)"


def test_in_a_notebook_it_is_the_graph_coloured_by_share():
    f, _ = trained()
    assert list(f.profile._repr_mimebundle_()) == ["text/plain"]
    bundle = f.profile(np.ones((10, 5)), repeat=2)._repr_mimebundle_()
    assert bundle["text/plain"] == f"Profile(2 calls, {len(f.profile)} instructions)"
    assert '"share":0.' in bundle["text/html"] and "<svg" in bundle["image/svg+xml"]
