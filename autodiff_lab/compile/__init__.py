"""From a graph to something that runs: `function`, modes, programs and kernels."""

from __future__ import annotations

from autodiff_lab.compile.backend import Backend, Executor, get_backend
from autodiff_lab.compile.call import Function
from autodiff_lab.compile.function import function, function_dump
from autodiff_lab.compile.io import In, Out
from autodiff_lab.compile.kernel import Kernel
from autodiff_lab.compile.lowering import lower
from autodiff_lab.compile.mode import MODES, Mode, get_default_mode, get_mode, optdb, register_mode
from autodiff_lab.compile.program import Instruction, Program, Slot
from autodiff_lab.tensor.shared import Container, SharedVariable, shared

__all__ = [
    "MODES", "Backend", "Container", "Executor", "Function", "In", "Instruction", "Kernel",
    "Mode", "Out", "Program", "SharedVariable", "Slot", "function", "function_dump",
    "get_backend", "get_default_mode", "get_mode", "lower", "optdb",
    "register_mode", "shared",
]
