"""`%%grad`, `%kernel` and `%rewrites`: thin shells over `Study`.

Relies on IPython for registration and on `options` for the grammar.  The one idea: the magic takes
the cell's text to `Study.from_cell`, and binds names only when everything has worked.
"""

from __future__ import annotations

import sys
from typing import Any

from IPython.core.error import UsageError as IPythonUsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand

from autodiff_lab import hooks
from autodiff_lab.cell import Code
from autodiff_lab.notebook.failures import shorten
from autodiff_lab.options import UsageError, help_text, nearest, parse_line
from autodiff_lab.study import Study
from autodiff_lab.study.explain import python_calls


@magics_class
class LabMagics(Magics):  # type: ignore[misc]
    """The magics of autodiff_lab."""

    @no_var_expand
    @cell_magic
    def grad(self, line: str, cell: str) -> Study | None:
        """Replaced below: the help is made from the table of options."""
        if line.strip().rstrip(";") in ("-h", "--help", "-?"):
            print(self.grad.__doc__)
            return None
        code = _code_of(self.shell, line, cell)
        try:
            options = parse_line(line)
            study = Study.from_cell(cell, self.shell.user_ns, options=options, code=code)
            silent = options.quiet or study.silenced
            if not silent:
                study._repr_mimebundle_()     # what cannot be shown is an error of this cell
        except UsageError as error:
            raise IPythonUsageError(f"%%grad: {error}") from None
        except Exception as error:
            raise shorten(self.shell, error, code.filename) from None
        self.shell.user_ns["_grad"] = study
        if options.bind is not None:
            self.shell.user_ns[options.bind] = study
        if options.explain:
            print(python_calls(cell, options, study))
        return None if silent else study

    @no_var_expand
    @line_magic
    def kernel(self, line: str) -> None:
        """Compile the Numba kernel of a study, say how long it took and ran, and print it.

        ::

          %kernel [STUDY]

        STUDY is the name of a result (``%%grad -o NAME``); by default the last one.  The first
        line says what ran, its compile time and its run time; then the code follows.
        """
        study = self._study("kernel", line)
        try:
            study.compile()
            headline, source = study.kernel.headline, study.source("numba")
        except Exception as error:
            raise shorten(self.shell, error, "") from None
        print(headline)
        print(source)

    @no_var_expand
    @line_magic
    def rewrites(self, line: str) -> Any:
        """List every rewrite between what was written and what runs.

        ::

          %rewrites [STUDY]

        STUDY is the name of a result (``%%grad -o NAME``); by default the last one.
        """
        return self._study("rewrites", line).steps

    def _study(self, magic: str, line: str) -> Study:
        name = line.strip().rstrip(";").strip() or "_grad"
        namespace = self.shell.user_ns
        held = namespace.get(name)
        if isinstance(held, Study):
            return held
        if name == "_grad":
            raise IPythonUsageError(f"%{magic}: there is no study yet; run a %%grad cell first")
        known = [n for n, v in namespace.items() if isinstance(v, Study) and not n.startswith("_")]
        raise IPythonUsageError(f"%{magic}: {name!r} is not a study{nearest(name, known)}")


LabMagics.grad.__doc__ = f"""Show the value, derivative, derivation, graphs and kernel of a cell.

::

  %%grad [WRT ...] [--of NAME] [-o NAME] [--at "..."] [--plot "x=-6:6"] [--order N]
         [--check] [--explain] [-q]
  <ordinary Python; the value of the last expression is the function to differentiate>

{help_text()}

A ``;`` at the end shows nothing.  The result is a `Study`: Out[n], ``_grad``, and NAME with -o.

Example::

  %%grad x --plot "x=-6:6"
  1 / (1 + exp(-x))
"""


def register(shell: Any) -> None:
    """Make the magics known to a shell."""
    shell.register_magics(LabMagics)


def unregister(shell: Any) -> None:
    """Remove the magics from a shell."""
    for kind, names in LabMagics.magics.items():
        for name in names:
            shell.magics_manager.magics[kind].pop(name, None)


def _code_of(shell: Any, line: str, cell: str) -> Code:
    """The cell's code under a name by which IPython finds its lines again.

    The magic's own line is line 1; in the kept text it is a comment, so the text stays Python.
    """
    try:
        transformed = shell.transform_cell(cell)
    except SyntaxError:
        transformed = cell
    kept = f"# %%grad {line}\n{transformed}"
    filename = shell.compile.cache(kept, _cell_number(shell), raw_code=kept)
    return Code(cell, filename, first_line=2, transformed=transformed)


def _cell_number(shell: Any) -> int:
    """The number of the cell being run; the shell's counter is ahead of it already."""
    frame = sys._getframe(1)
    while frame is not None:
        number = hooks.cell_number(frame.f_code.co_filename)
        if number is not None:
            return number
        frame = frame.f_back  # type: ignore[assignment]
    return max(int(shell.execution_count) - 1, 1)
