"""Vector math: accuracy, special values, the same result at every place, several lanes, targets.

The full matrix (`make test-full`) takes 100,000 points of each function, and runs the loops as
compiled for older machines.
"""

from __future__ import annotations

import ctypes
import itertools
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest
import vector_accuracy as accuracy
from numba import njit

from autodiff_lab import vector_math
from autodiff_lab.backends.vector_math import fuses, load_far
from autodiff_lab.backends.vector_math.emitter import WIDTHS
from autodiff_lab.backends.vector_math.functions import FUNCTIONS, symbol, write, write_far

FULL = os.environ.get("AUTODIFF_LAB_TESTS") == "full"
COUNT = 100_000 if FULL else 2_000
CASES = list(itertools.product(accuracy.NAMES, accuracy.DTYPES))
WITH_NUMPY = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "softplus": lambda x: np.logaddexp(x, 0),
    "pow": np.power,
}


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_at_most_four_units_in_the_last_place(name: str, dtype: str) -> None:
    off, place = accuracy.worst(name, dtype, COUNT)
    assert off <= accuracy.MOST, f"{off} ulp at {place}"


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_special_values_are_those_of_numpy(name: str, dtype: str) -> None:
    edges = [0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, -1.0]
    if name == "pow":
        edges += [2.0, -2.0, 0.5, -0.5, 3.0, -3.0, 2.5]
        arrays = [np.array(v, dtype) for v in zip(*itertools.product(edges, edges))]
    else:
        arrays = [np.array(edges, dtype)]
    with np.errstate(all="ignore"):
        wanted = WITH_NUMPY.get(name, getattr(np, name, None))(*arrays)
    got = accuracy.values(name, dtype, *arrays)
    for place, (one, two) in enumerate(zip(got, wanted)):
        given = [a[place] for a in arrays]
        # numbers may differ by rounding; zeros, infinities and NaN may not
        assert np.isclose(one, two, rtol=1e-6, atol=0, equal_nan=True), (given, one, two)
        assert math.isnan(one) or np.signbit(one) == np.signbit(two), (given, one, two)


def test_angles_of_any_size() -> None:
    # the double nearest to a multiple of pi/2 (Muller, Elementary Functions), and others
    hard = [5.319372648326541e255, 6381956970095103.0 * 2.0**797, 1e308, 1.7976931348623157e308,
            2.0**1023, 1e22, 355.0, 103993.0, 3.141592653589793, 6.283185307179586, 2.0**52 + 1,
            11.0, 1e5, 1e16, 4.0e15, 2.0**53 - 1]
    x = np.array([*hard, *(-v for v in hard)])
    for name in ("sin", "cos"):
        got = accuracy.values(name, "float64", x)
        for angle, value in zip(x.tolist(), got.tolist()):
            with accuracy.mpmath.workprec(1300):
                exact = accuracy.exactly(name, angle)
            with accuracy.mpmath.workprec(200):
                assert accuracy.error(exact, value, "float64") <= 2, (name, angle)


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_a_result_does_not_depend_on_its_place(name: str, dtype: str) -> None:
    arrays = accuracy.points(name, dtype, 130, seed=5)
    order = np.random.default_rng(1).permutation(len(arrays[0]))
    arrays = tuple(a[order] for a in arrays)
    whole = accuracy.values(name, dtype, *arrays).tobytes()
    size = arrays[0].itemsize
    for length in range(101):
        for offset in {0, length % 7, 1 + length % 13}:
            part = accuracy.values(name, dtype, *(a[offset:offset + length] for a in arrays))
            assert part.tobytes() == whole[offset * size:(offset + length) * size]


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_loops_work_on_several_elements_at_once(name: str, dtype: str) -> None:
    (assembly,) = accuracy.loop(name, dtype).inspect_asm().values()
    if "x86_64" not in llvm.get_process_triple():
        pytest.skip("the instructions are looked up for x86-64")
    suffix = "pd" if dtype == "float64" or name in ("sin", "cos", "pow") else "ps"
    assert re.search(rf"v?mul{suffix}|v?fmadd\d+{suffix}", assembly)
    called = set(re.findall(r"\$(\w+), %r|call\w*\s+(\w+)", assembly))
    assert not {n for pair in called for n in pair if n.rstrip("f") in accuracy.NAMES}


# -- targets ---------------------------------------------------------------------------------------


def machine(triple: str, cpu: str, features: str = "") -> Any:
    """A target of LLVM's."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    return llvm.Target.from_triple(triple).create_target_machine(cpu=cpu, features=features, opt=2)


@pytest.mark.parametrize(("cpu", "has"), [
    ("x86-64", False), ("nehalem", False), ("haswell", True), ("znver4", True),
])
def test_fused_instructions_are_recognised(cpu: str, has: bool) -> None:
    assert fuses(machine("x86_64-unknown-linux-gnu", cpu)) is has


@pytest.mark.parametrize("cpu", ["generic", "apple-m1", "neoverse-v1"])
def test_compiles_for_aarch64_without_the_c_library(cpu: str) -> None:
    target = machine("aarch64-unknown-linux-gnu", cpu)
    assert fuses(target)
    for name, dtype in CASES:
        module = llvm.parse_assembly(write(name, WIDTHS[dtype], True))
        module.triple = target.triple
        assembly = target.emit_assembly(module)
        called = set(re.findall(r"\bblr?\s+(\w+)", assembly))
        # through a register: the function for large angles, which is ours
        assert called <= {"x8", "autodiff_lab_far_sin", "autodiff_lab_far_cos"}, (name, called)
        assert "fmadd" in assembly or "fmla" in assembly
    module = llvm.parse_assembly(write_far(True))
    module.triple = target.triple
    assert "fmadd" in target.emit_assembly(module)


def scalar_runner(cpu: str) -> Any:
    """The functions compiled for a machine, called number by number."""
    engines = [load_far()]

    def run(name: str, dtype: str, *arrays: np.ndarray) -> np.ndarray:
        target = machine(llvm.get_process_triple(), cpu)
        module = llvm.parse_assembly(write(name, WIDTHS[dtype], fuses(target)))
        module.triple = target.triple
        engine = llvm.create_mcjit_compiler(module, target)
        engine.finalize_object()
        engines.append(engine)
        kind = ctypes.c_double if dtype == "float64" else ctypes.c_float
        address = engine.get_function_address(symbol(name, WIDTHS[dtype]))
        function = ctypes.CFUNCTYPE(kind, *[kind] * FUNCTIONS[name][0])(address)
        return np.array([function(*map(float, v)) for v in zip(*arrays)], dtype)

    return run


@pytest.mark.skipif("x86_64" not in llvm.get_process_triple(), reason="machines of another kind")
@pytest.mark.parametrize("cpu", ["x86-64", "nehalem", "haswell"])
def test_accurate_on_older_machines(cpu: str) -> None:
    run = scalar_runner(cpu)
    for name, dtype in CASES:
        off, place = accuracy.worst(name, dtype, COUNT // 10, run)
        assert off <= accuracy.MOST, f"{name} {dtype}: {off} ulp at {place}"


@pytest.mark.rotates.with_args(lambda cpu: not FULL)           # `make test-full` runs them
@pytest.mark.parametrize("cpu", ["x86-64", "nehalem", "haswell"])
def test_loops_of_older_machines(cpu: str) -> None:
    """Everything above, in a process whose Numba compiles for an older machine."""
    tests = "four_units or special or any_size or its_place or at_once"
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:randomly", __file__, "-k", tests],
        env={**os.environ, "NUMBA_CPU_NAME": cpu, "NUMBA_CPU_FEATURES": "",
             "AUTODIFF_LAB_TESTS": "", "PYTEST_XDIST_WORKER": ""},
        check=True, cwd=Path(__file__).parents[1],
    )


# -- in Python and Numba ---------------------------------------------------------------------------


def test_they_are_python_functions_too() -> None:
    assert vector_math.exp(0.0) == 1.0 and vector_math.pow(2.0, 3) == 8.0
    assert vector_math.exp(1000.0) == math.inf and vector_math.softplus(0) == math.log(2)
    assert math.isnan(vector_math.log(-1.0))


def test_numba_takes_numbers_of_any_kind() -> None:
    @njit
    def three(x, n, flag):
        return vector_math.exp(n), vector_math.pow(x, n), vector_math.log1p(flag)

    one, two, third = three(np.float32(3.0), 2, True)
    assert (one, two) == (pytest.approx(math.exp(2)), pytest.approx(9.0))
    assert third == pytest.approx(math.log(2))
