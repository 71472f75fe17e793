"""Scans as compiled loops: the results and errors of NumPy, step by step, and no more memory.

The table names every feature of scan; each case says whether its loops have a compiled form.
"""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.control.scan import foldr, map, reduce, scan, until
from autodiff_lab.control.scan.op import Scan

RNG = np.random.default_rng(0)
SEVEN = RNG.normal(size=7)
ROWS = RNG.normal(size=(5, 3))
SQUARE = RNG.normal(size=(3, 3)) / 2


def recurrence():
    x, s, w = pt.dvector("x"), pt.dscalar("s"), pt.dscalar("w")
    y, _ = scan(lambda e, s, w: pt.tanh(s * w + e), sequences=x, outputs_info=s, non_sequences=w)
    return {x: SEVEN, s: 0.3, w: 0.7}, [y]


def rows():
    x, s, w = pt.dmatrix("x"), pt.dvector("s"), pt.dvector("w")
    y, _ = scan(lambda e, s: pt.sin(s * w + e), sequences=x, outputs_info=s)
    return {x: ROWS, s: SEVEN[:3], w: SEVEN[3:6]}, [y, y[-1]]


def taps():
    first, w = pt.dvector("first"), pt.dscalar("w")
    y, _ = scan(lambda a, b, w: a * w + pt.sin(b), n_steps=6,
                outputs_info={"initial": first, "taps": [-3, -1]}, non_sequences=w)
    return {first: SEVEN[:3], w: 0.5}, [y, y[-2]]


def windows():
    x, w = pt.dvector("x"), pt.dscalar("w")
    y, _ = scan(lambda a, b, c: a * b**w + c, sequences={"input": x, "taps": [-1, 0, 2]})
    return {x: np.abs(SEVEN), w: 1.5}, [y]


def backwards():
    x, s = pt.dmatrix("x"), pt.dvector("s")
    y, _ = scan(lambda e, s: pt.tanh(s * e) + 1, sequences=x, outputs_info=s, go_backwards=True)
    return {x: ROWS, s: SEVEN[:3]}, [y]


def stopped():
    x, s = pt.dvector("x"), pt.dscalar("s")
    y, _ = scan(lambda e, s: (s * 2 + e * e, until(s > 3)), sequences=x, outputs_info=s)
    return {x: SEVEN, s: 0.9}, [y]


def truncated():
    x, s, w = pt.dvector("x"), pt.dscalar("s"), pt.dscalar("w")
    y, _ = scan(lambda e, s: pt.tanh(s * w + e), sequences=x, outputs_info=s, truncate_gradient=3)
    return {x: SEVEN, s: 0.3, w: 0.7}, [y[-1]]


def several():
    x, s, r = pt.dvector("x"), pt.dscalar("s"), pt.dvector("r")
    (a, b, c), _ = scan(
        lambda e, s, r: [s + e * r.sum(), r * pt.cos(s), e * r], sequences=x,
        outputs_info=[s, r, None],
    )
    return {x: SEVEN, s: 0.2, r: SEVEN[:3]}, [a, b, c]


def mapped():
    x, w = pt.dmatrix("x"), pt.dvector("w")
    y, _ = map(lambda e: [(e * w).sum(), pt.exp(e), e], sequences=x)
    return {x: ROWS, w: SEVEN[:3]}, y


def matrices():
    x, s, w, b = pt.dtensor3("x"), pt.dmatrix("s"), pt.dmatrix("w"), pt.dvector("b")
    y, _ = scan(lambda e, s: pt.tanh(e @ w + s @ w.T + b), sequences=x, outputs_info=s)
    return {x: RNG.normal(size=(4, 2, 3)), s: ROWS[:2], w: SQUARE, b: SEVEN[:3]}, [y]


def vector_state():
    x, s, w = pt.dmatrix("x"), pt.dvector("s"), pt.dmatrix("w")
    y, _ = scan(lambda e, s: pt.tanh(s @ w + w @ e) * pt.dot(s, e), sequences=x, outputs_info=s)
    return {x: ROWS, s: SEVEN[:3], w: SQUARE}, [y]


def reductions():
    x, s = pt.dmatrix("x"), pt.dmatrix("s")
    y, _ = scan(lambda e, s: s * e + s.max(axis=0) - s.sum(axis=1, keepdims=True), sequences=x,
                outputs_info=s)
    return {x: ROWS[:, :2], s: ROWS[:2, :2]}, [y]


def passed_on():
    x, s = pt.dvector("x"), pt.dscalar("s")
    (a, b), _ = scan(lambda e, p, q: [q, e], sequences=x, outputs_info=[s, s * 2])
    return {x: SEVEN, s: 0.4}, [a, b]


def folded():
    x, s = pt.dvector("x"), pt.dscalar("s")
    y, _ = reduce(lambda e, s: s * e + 1, sequences=x, outputs_info=s)
    z, _ = foldr(lambda e, s: s * e + 1, sequences=x, outputs_info=s)
    return {x: SEVEN, s: 0.4}, [y, z]


def no_steps():
    x, s = pt.dmatrix("x"), pt.dvector("s")
    y, _ = scan(lambda e, s: s * e, sequences=x, outputs_info=s)
    return {x: ROWS[:0], s: SEVEN[:3]}, [y.sum()]


def single_precision():
    x, s, w = pt.fmatrix("x"), pt.fvector("s"), pt.fmatrix("w")
    y, _ = scan(lambda e, s: pt.tanh(s @ w + e), sequences=x, outputs_info=s)
    return {x: ROWS.astype("f"), s: SEVEN[:3].astype("f"), w: SQUARE.astype("f")}, [y]


def views():
    x, s = pt.dmatrix("x"), pt.dvector("s")
    y, _ = scan(lambda e, s: s * e, sequences=x.T[::2], outputs_info=s)
    return {x: ROWS, s: SEVEN[:5]}, [y]


def nested():
    x, w = pt.dmatrix("x"), pt.dscalar("w")

    def row(e):
        inner, _ = scan(lambda v, s: pt.tanh(s * w + v), sequences=e, outputs_info=w * 0.5)
        return inner[-1]

    y, _ = scan(row, sequences=x)
    return {x: ROWS, w: 0.4}, [y]


def indexed():
    x = pt.dvector("x")
    y = x**2
    rows, _ = scan(lambda i: pt.grad(y[i], x), sequences=pt.arange(y.shape[0]))
    return {x: SEVEN}, [rows]


def sorted_steps():
    x, s = pt.dmatrix("x"), pt.dvector("s")
    y, _ = scan(lambda e, s: pt.sort(s + e), sequences=x, outputs_info=s)
    return {x: ROWS, s: SEVEN[:3]}, [y]


COMPILED = [recurrence, rows, taps, windows, backwards, stopped, truncated, several, mapped,
            matrices, vector_state, reductions, passed_on, folded, no_steps, single_precision,
            views]
STEPWISE = [nested, indexed, sorted_steps]
CASES = [pytest.param(case, case in COMPILED, id=case.__name__) for case in COMPILED + STEPWISE]


def weighted(outputs):
    """A cost that weighs every element differently."""
    parts = [(out * out * number).sum() + out.sum() for number, out in enumerate(outputs, 1)]
    return sum(parts[1:], parts[0])


@pytest.mark.parametrize("case, compiled", CASES)
def test_values_and_gradients_agree(case, compiled) -> None:
    point, outputs = case()
    smooth = [v for v in point if v.type.dtype.startswith("float")]
    cost = weighted(outputs)
    slopes = ad.grad(cost, smooth, disconnected_inputs="ignore")
    wanted = [*outputs, *slopes]
    reference = ad.function(list(point), wanted, mode="PYTHON")
    loop = ad.function(list(point), wanted, mode="NUMBA")
    scans = [n for n in loop.fgraph.toposort() if isinstance(n.op, Scan)]
    text = loop.source("numba")
    if compiled:
        assert len(scans) == text.count("_steps(first, last"), "every loop is compiled"
    tolerance = 1e-5 if case is single_precision else 1e-11
    first = reference(*point.values())
    for found, expected in zip(loop(*point.values()), first):
        assert found.dtype == expected.dtype and found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)
    again = [loop(*point.values()) for _ in range(2)]
    assert all(np.array_equal(a, b) for a, b in zip(*again))


@pytest.mark.parametrize("case", [recurrence, taps, stopped, truncated],
                         ids=lambda case: case.__name__)
def test_second_derivatives_and_forward_mode_agree(case) -> None:
    point, outputs = case()
    inputs = list(point)
    slope = ad.grad(weighted(outputs), inputs[-1])
    second = ad.grad((slope * slope).sum(), inputs)
    forward = pt.Rop(weighted(outputs), inputs, [pt.ones_like(v) for v in inputs])
    wanted = [*second, forward]
    results = [ad.function(inputs, wanted, mode=mode)(*point.values())
               for mode in ("PYTHON", "NUMBA")]
    for found, expected in zip(*results):
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-11)
    step = 1e-6
    value = ad.function(inputs, weighted(outputs), mode="PYTHON")
    ends = [value(*(np.asarray(v) + sign * step for v in point.values())) for sign in (1, -1)]
    if case is not truncated:
        np.testing.assert_allclose(results[0][-1], (ends[0] - ends[1]) / (2 * step), rtol=1e-5)


@pytest.mark.parametrize("mode", ["PYTHON", "NUMBA"])
def test_shared_updates_inside_a_loop(mode: str) -> None:
    count = ad.shared(np.float64(1.0), name="count")
    x = pt.dvector("x")
    y, updates = scan(lambda e: (e * count, {count: count * 2}), sequences=x)
    f = ad.function([x], y, updates=updates, mode=mode)
    np.testing.assert_allclose(f([1.0, 1.0, 1.0]), [1.0, 2.0, 4.0])
    assert count.get_value() == 8.0
    np.testing.assert_allclose(f([1.0]), [8.0])


def mismatched_rows():
    x, s = pt.dmatrix("x"), pt.dvector("s")
    return [x, s], scan(lambda e, s: s * e, sequences=x, outputs_info=s)[0], (ROWS, SEVEN)


def mismatched_product():
    x, s, w = pt.dmatrix("x"), pt.dvector("s"), pt.dmatrix("w")
    y, _ = scan(lambda e, s: pt.dot(s, w) + e, sequences=x, outputs_info=s)
    return [x, s, w], y, (ROWS, SEVEN[:3], np.ones((4, 3)))


def state_that_grows():
    x, s, w = pt.dmatrix("x"), pt.dvector("s"), pt.dmatrix("w")
    y, _ = scan(lambda e, s: pt.dot(s, w), sequences=x, outputs_info=s)
    return [x, s, w], y, (ROWS, SEVEN[:3], np.ones((3, 4)))


def too_many_steps():
    x, n = pt.dvector("x"), pt.lscalar("n")
    y, _ = scan(lambda e: e * 2, sequences=x, n_steps=n)
    return [x, n], y, (SEVEN, 9)


def largest_of_nothing():
    x, s = pt.dmatrix("x"), pt.dvector("s")
    y, _ = scan(lambda e, s: s + e.max(), sequences=x, outputs_info=s)
    return [x, s], y, (ROWS[:, :0], SEVEN)


ERRORS = [mismatched_rows, mismatched_product, state_that_grows, too_many_steps,
          largest_of_nothing]


@pytest.mark.parametrize("case", ERRORS, ids=lambda case: case.__name__)
def test_errors_agree(case) -> None:
    inputs, output, values = case()
    told = []
    for mode in ("PYTHON", "NUMBA"):
        with pytest.raises(ValueError) as caught:
            ad.function(inputs, output, mode=mode)(*values)
        told.append(str(caught.value).splitlines()[0])
    if case is not mismatched_product:  # NumPy says it in its own words
        assert told[0] == told[1]


def bodies(f):
    return [n.op for n in f.fgraph.toposort() if isinstance(n.op, Scan)]


def test_sums_of_the_way_back_are_kept_once() -> None:
    x, s, w, b = pt.dtensor3("x"), pt.dmatrix("s"), pt.dmatrix("w"), pt.dvector("b")
    y, _ = scan(lambda e, s: pt.tanh(e @ w + s @ w + b), sequences=x, outputs_info=s)
    f = ad.function([x, s, w, b], ad.grad(y[-1].sum(), [w, b]))
    forward, back = bodies(f)
    assert not forward.layout.brief and back.layout.backwards
    assert len(back.layout.brief) == len(back.layout.taps) == 3     # d(state), dw, db
    names = [node.op.name for node in back.graph.toposort()]
    assert "tanh" not in names and not back.layout.mapped           # kept values; no dx
    assert back.layout.sequences == 3                               # x, states before, states after


def test_what_nobody_reads_is_not_computed() -> None:
    point, outputs = several()
    x, s, r = point
    f = ad.function([x, s, r], outputs[0][-1])
    (op,) = bodies(f)
    assert len(op.layout.taps) == 2 and op.layout.mapped == 0
    alone = ad.function([x, s, r], [outputs[0], ad.grad(outputs[0].sum(), s)])
    assert all(op.layout.mapped == 0 for op in bodies(alone))
    assert not any(node.op.name == "second" and isinstance(node.inputs[0].owner.op, Scan)
                   for node in alone.fgraph.toposort() if node.inputs[0].owner)   # no zero buffers


def test_long_loops_are_cut_without_a_trace() -> None:
    x = pt.dvector("x")
    start = pt.constant(0.0, dtype="float64")
    y, _ = scan(lambda e, s: s * 0.5 + e, sequences=x, outputs_info=start)
    f = ad.function([x], y[-1], mode="NUMBA")
    values = np.random.default_rng(1).normal(size=200_001)
    state = 0.0
    for value in values:
        state = state * 0.5 + value
    assert f(values) == state


PASTED = """
import sys
import numpy as np
if {blocked}:
    sys.modules["autodiff_lab"] = None
text = open({path!r}, encoding="utf8").read()
space = {{}}
exec(compile(text, "pasted", "exec"), space)
values = np.load({values!r})
results = space["f"](*(values[name] for name in sorted(values)))
results = results if isinstance(results, tuple) else (results,)
np.savez({out!r}, *results)
"""


@pytest.mark.parametrize("blocked", [False, True], ids=["with_us", "without_us"])
@pytest.mark.parametrize("kind", ["numpy", "numba"])
def test_printed_loops_run_in_an_empty_file(kind: str, blocked: bool, tmp_path) -> None:
    """One file with many loops: each case under a name of its own is one function `f`."""
    point, wanted = {}, []
    for case in (matrices, stopped, sorted_steps):
        here, outputs = case()
        point.update(here)
        slopes = ad.grad(outputs[0].sum(), list(here)) if case is matrices else []
        wanted += [*outputs, *slopes]
    f = ad.function(list(point), wanted, mode="PYTHON")
    (tmp_path / "f.py").write_text(f.source(kind), encoding="utf8")
    names = [f"a{n:02}" for n in range(len(point))]
    np.savez(tmp_path / "in.npz", **dict(zip(names, point.values())))
    program = PASTED.format(
        blocked=blocked, path=str(tmp_path / "f.py"), values=str(tmp_path / "in.npz"),
        out=str(tmp_path / "out.npz"),
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path if blocked else None)
    with np.load(tmp_path / "out.npz") as found:
        for number, expected in enumerate(f(*point.values())):
            np.testing.assert_allclose(found[f"arr_{number}"], expected, rtol=1e-9, atol=1e-11)
