"""The Numba executor: kernels compiled from readable Python, NumPy between them.

What is here: `NumbaBackend`.  Numba itself is loaded when the first kernel is built.

Relies on `numba_tier.printer` (the text of a kernel) and `backends.driver`.

The one idea: the text that a person reads is the text that was compiled.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from autodiff_lab.backends.driver import Driver
from autodiff_lab.backends.listing import Listing
from autodiff_lab.backends.numba_tier.loops import Loop, compile_loop, expressible
from autodiff_lab.backends.numba_tier.printer import imports_of, print_kernel
from autodiff_lab.backends.numba_tier.whole import compile_whole
from autodiff_lab.backends.slices import in_slices
from autodiff_lab.compile.backend import Executor, Mark, compiling, register_text
from autodiff_lab.compile.kernel import Kernel
from autodiff_lab.compile.program import Program
from autodiff_lab.graph import Apply

_compiled: dict[str, Any] = {}    # text -> compiled function: the same kernel is compiled once
MOST_REMEMBERED = 256


class NumbaBackend:
    """Runs the kernels of a program as compiled loops."""

    def build(self, program: Program, mark: Mark | None = None) -> Executor:
        """Compile every kernel, then write the function that calls them."""
        kernels = {k.name: in_slices(k, compile_kernel(k)) for k in program.kernels}
        bodies = [(i.nodes[0], i.loop) for i in program.instructions if i.loop is not None]
        loops = {node: compile_loop(node, body, f"loop_{number}", compile_text)
                 for number, (node, body) in enumerate(bodies, 1)}
        return Driver(program, kernels, mark, loops).executor("numba")

    def njit(self, program: Program, name: str = "f") -> Any:
        """The program as one function for other compiled code."""
        return compile_whole(program, name)

    def source(self, program: Program, name: str = "f") -> str:
        """Kernels and the function that calls them, as Python that runs when it is pasted."""
        functions = {
            kernel.name: print_kernel(kernel).split("\n\n\n", 1)[1].rstrip()
            for kernel in program.kernels
        }
        loops = {i.nodes[0]: partial(_print_loop, i.nodes[0], i.loop)
                 for i in program.instructions if i.loop is not None and expressible(i)}
        plain, _, rest = Listing(program, functions, loops).text(name).partition("\n\n\n")
        if functions or loops:
            needed = imports_of(rest)
            more = [line for line in plain.splitlines()[1:] if line]      # after NumPy's
            plain = needed.replace("import numpy as np", "\n".join(["import numpy as np", *more]))
        return f"{plain}\n\n\n{rest}"


def _print_loop(node: Apply, body: Program, name: str) -> list[str]:
    """A compiled loop, and the function of this name that makes its arrays and calls it."""
    loop = Loop(node, body, f"{name}_steps")
    return [loop.function(), loop.caller(name)]


def compile_kernel(kernel: Kernel) -> Any:
    """The compiled function of a kernel; it takes contiguous arrays of the declared dtypes."""
    return compile_text(print_kernel(kernel), kernel.name)


def compile_text(text: str, name: str) -> Any:
    """The compiled function of this name in a text; the same text is compiled once."""
    with compiling:
        found = _compiled.get(text)
        if found is None:
            filename = f"<autodiff_lab {name} {len(_compiled)}>"
            register_text(filename, text)
            namespace: dict[str, Any] = {}
            exec(compile(text, filename, "exec"), namespace)
            dispatcher = namespace[name]
            (result,) = dispatcher.overloads.values()
            # the entry point skips the dispatch on types, which the driver has made sure of
            found = result.entry_point
            _keep[text] = dispatcher
            if len(_compiled) >= MOST_REMEMBERED:
                oldest = next(iter(_compiled))
                del _compiled[oldest], _keep[oldest]
            _compiled[text] = found
    return found


_keep: dict[str, Any] = {}        # what owns the machine code of a remembered function
