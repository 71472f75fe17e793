"""The family's import names mean this package, only while asked."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import autodiff_lab
import autodiff_lab.tensor as pt
from autodiff_lab import compat
from autodiff_lab.compat.paths import PATHS
from autodiff_lab.errors import LabError


@pytest.fixture(params=compat.FAMILIES)
def family(request):
    compat.install(request.param)
    yield request.param
    compat.uninstall(request.param)


def test_names_resolve_here_and_nothing_of_ours_changes(family: str) -> None:
    before = {name: vars(importlib.import_module(f"autodiff_lab.{name}")).copy()
              for name in ("tensor", "gradient", "graph", "compile")}
    specs = {name: content["__spec__"] for name, content in before.items()}
    top = importlib.import_module(family)
    tensor = importlib.import_module(f"{family}.tensor")
    assert tensor.dmatrix is pt.dmatrix and top.function is autodiff_lab.function
    for name, content in before.items():
        module = importlib.import_module(f"autodiff_lab.{name}")
        assert module.__spec__ is specs[name]
        assert {k for k in content if vars(module)[k] is not content[k]} == set()
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(f"{family}.no_such_module")


@pytest.mark.parametrize("path", PATHS)
def test_every_path_of_the_table_loads(path: str) -> None:
    compat.install("pytensor")
    try:
        module = importlib.import_module(f"pytensor.{path}")
        assert dir(module)
        with pytest.raises(AttributeError, match="no_such_name"):
            getattr(module, "no_such_name")  # noqa: B009
    finally:
        compat.uninstall("pytensor")


@pytest.mark.parametrize(
    "line",
    [
        "from {f}.graph.basic import Apply, Constant, Variable, ancestors",
        "from {f}.graph.op import Op",
        "from {f}.graph.fg import FunctionGraph",
        "from {f}.graph.replace import clone_replace, graph_replace",
        "from {f}.graph.traversal import explicit_graph_inputs, ancestors, toposort",
        "from {f}.graph.null_type import NullType",
        "from {f}.graph.type import Type",
        "from {f}.tensor.type import TensorType, dvector, scalar",
        "from {f}.tensor.math import exp, dot, tanh",
        "from {f}.tensor.elemwise import Elemwise, DimShuffle",
        "from {f}.tensor.subtensor import set_subtensor, inc_subtensor",
        "from {f}.tensor.shape import reshape, specify_shape",
        "from {f}.scan.utils import until",
        "from {f}.ifelse import ifelse",
        "from {f}.compile.io import In, Out",
        "from {f}.compile.ops import as_op",
        "from {f}.compile.builders import OpFromGraph",
        "from {f}.configdefaults import config",
        "from {f}.gradient import grad, jacobian, hessian, verify_grad, Rop, Lop",
        "from {f} import config, function, shared, scan, pp, grad, In, Out, Mode, dprint",
        "import {f}; assert {f}.__version__",
    ],
)
def test_imports_of_existing_code(family: str, line: str) -> None:
    exec(line.format(f=family), {})


def test_modules_that_are_also_functions(family: str) -> None:
    code = f"""
import {family}, {family}.tensor as T, {family}.scan.utils
x = T.dvector("x")
y, updates = {family}.scan(lambda e: e * 2, sequences=x)
assert list({family}.function([x], y)([1.0, 2.0])) == [2.0, 4.0]
import {family}.tensor.shape
assert list(T.shape(x).eval({{x: [1.0, 2.0]}})) == [2]
"""
    exec(code, {})


def test_it_is_gone_afterwards() -> None:
    compat.install("theano")
    importlib.import_module("theano.tensor")
    compat.uninstall("theano")
    assert not [name for name in sys.modules if name.partition(".")[0] == "theano"]
    assert not [f for f in sys.meta_path if type(f).__module__ == compat.__name__]


def test_nothing_happens_unless_asked() -> None:
    code = "import autodiff_lab.compat, sys; assert not {'theano', 'aesara'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_another_family_is_refused() -> None:
    with pytest.raises(LabError, match="no family 'jax'"):
        compat.install("jax")
