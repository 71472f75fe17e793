"""The NumPy executor: the reference.  It works where Numba is not installed.

What is here: `NumpyBackend`.

Relies on `backends.driver`, which writes the function, and `backends.listing`, which prints it.

The one idea: what runs and what is printed come from the same NumPy texts of the ops.
"""

from __future__ import annotations

from autodiff_lab.backends.driver import Driver
from autodiff_lab.backends.listing import Listing
from autodiff_lab.compile.backend import Executor, Mark
from autodiff_lab.compile.program import Program


class NumpyBackend:
    """Runs a program node by node with NumPy and SciPy."""

    def build(self, program: Program, mark: Mark | None = None) -> Executor:
        """The executor of a program."""
        return Driver(program, mark=mark).executor("numpy")

    def source(self, program: Program, name: str = "f") -> str:
        """The program as plain NumPy code."""
        return Listing(program).text(name)
