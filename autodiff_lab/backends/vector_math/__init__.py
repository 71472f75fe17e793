"""The functions of `autodiff_lab.vector_math`, made known to Numba.

What is here: `EXPORTS`, the functions by name; each computes in Python, and where Numba compiles a
call of it, our LLVM IR is linked in.

Relies on `vector_math.functions` (the IR) and Numba, which is loaded with this package.

The one idea: Numba's own loop vectoriser widens a function that has no branch.  So one scalar
function serves every loop, and the last elements of an array go through the same operations as the
others: a result does not depend on where it stands.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.registry import cpu_target
from numba.core.typing import signature
from numba.extending import lower_builtin, type_callable

from autodiff_lab.backends.vector_math.emitter import WIDTHS
from autodiff_lab.backends.vector_math.functions import (
    FAR, FUNCTIONS, LANES, symbol, write, write_far,
)

__all__ = ["EXPORTS", "fuses", "load_far"]


def fuses(machine: Any) -> bool:
    """Whether a target multiplies and adds in one instruction, or would call the C library."""
    text = """define double @f(double %x) { %y = call double @llvm.fma.f64(double %x, double %x,
        double %x) ret double %y } declare double @llvm.fma.f64(double, double, double)"""
    module = llvm.parse_assembly(text)
    module.triple = machine.triple
    return "fma" not in machine.emit_assembly(module).replace("vfma", "").replace("fmadd", "")


@functools.cache
def load_far() -> Any:
    """Compile what `sin` and `cos` call for large angles; returns what owns the machine code."""
    codegen = cpu_target.target_context.codegen()
    machine = llvm.Target.from_triple(codegen._tm.triple).create_target_machine(
        cpu=codegen._get_host_cpu_name(), features=codegen._tm_features, opt=2, jit=True,
    )
    module = llvm.parse_assembly(write_far(fuses(machine)))
    module.triple = machine.triple
    # an engine owns its machine: this one is nobody else's
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    for name in FAR:
        for each in (name, *(f"{name}_{lanes}" for lanes in LANES)):
            llvm.add_symbol(each, engine.get_function_address(each))
    return engine


@functools.cache
def _library(name: str, dtype: str) -> Any:
    """The compiled function as a library of Numba's."""
    codegen = cpu_target.target_context.codegen()
    if name in ("sin", "cos"):
        load_far()
    library = codegen.create_library(symbol(name, WIDTHS[dtype]))
    module = llvm.parse_assembly(write(name, WIDTHS[dtype], fuses(codegen._tm)))
    module.triple = codegen._tm.triple
    module.data_layout = str(codegen.target_data)
    library.add_llvm_module(module)
    library.finalize()
    return library


def _type(function: Callable[..., float], arity: int) -> None:
    """Tell Numba that a function takes floats and gives one, or other numbers as float64."""
    def kind_of(*arguments: Any) -> Any:
        if not all(isinstance(a, types.Float | types.Integer | types.Boolean) for a in arguments):
            return None
        single = all(argument == types.float32 for argument in arguments)
        kind = types.float32 if single else types.float64
        return signature(kind, *[kind] * arity)

    @type_callable(function)
    def typed(context: Any) -> Any:
        # Numba reads the number of arguments off the function that is returned
        return (lambda x: kind_of(x)) if arity == 1 else (lambda x, y: kind_of(x, y))


def _export(name: str) -> Callable[..., float]:
    """The Python function, which Numba compiles as a call of the IR."""
    arity, _ = FUNCTIONS[name]

    def function(*values: float) -> float:
        with np.errstate(all="ignore"):
            result: float = _WITH_NUMPY[name](*map(np.float64, values)).item()
            return result

    function.__name__ = function.__qualname__ = name
    function.__module__ = "autodiff_lab.vector_math"
    function.__doc__ = f"The `{name}` of NumPy for a number; vectorised where Numba compiles it."

    _type(function, arity)

    @lower_builtin(function, *[types.Float] * arity)
    def lowered(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        dtype = str(sig.return_type)
        context.active_code_library.add_linking_library(_library(name, dtype))
        kind = context.get_value_type(sig.return_type)
        declared = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(kind, [kind] * arity), symbol(name, WIDTHS[dtype])
        )
        return builder.call(declared, arguments)

    return function


_WITH_NUMPY: dict[str, Callable[..., Any]] = {
    **{name: getattr(np, name) for name in ("exp", "log", "log1p", "expm1", "sin", "cos", "tanh")},
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.logaddexp(x, 0.0),
    "pow": np.power,
}


def _accumulator(name: str, with_numpy: Any) -> Callable[[float, float], float]:
    """A function that takes a value into a total.

    In Numba the totals of several lanes may be kept apart till the end of a loop, which is what
    makes a sum of floats vectorise; nothing else is reordered.
    """
    def function(total: float, value: float) -> float:
        result: float = with_numpy(total, value).item()
        return result

    function.__name__ = function.__qualname__ = name
    function.__module__ = "autodiff_lab.vector_math"
    function.__doc__ = f"One step of np.{with_numpy.__name__}.reduce, vectorised in Numba's loops."
    _type(function, 2)

    @lower_builtin(function, types.Float, types.Float)
    def lowered(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        if name.startswith("running"):
            step = builder.fadd if name == "running_sum" else builder.fmul
            return step(*arguments, flags=("reassoc",))
        kind = arguments[0].type
        declared = builder.module.declare_intrinsic(
            f"llvm.{with_numpy.__name__}", [kind], ir.FunctionType(kind, [kind, kind])
        )
        return builder.call(declared, arguments)

    return function


EXPORTS: dict[str, Callable[..., float]] = {
    **{name: _export(name) for name in FUNCTIONS},
    "running_sum": _accumulator("running_sum", np.add),
    "running_product": _accumulator("running_product", np.multiply),
    "largest": _accumulator("largest", np.maximum),
    "smallest": _accumulator("smallest", np.minimum),
}
