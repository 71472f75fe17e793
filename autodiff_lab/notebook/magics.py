"""`%%grad`, `%%predict`, `%kernel`, `%rewrites`, `%autodiff`: thin shells over `Study`.

Relies on IPython for registration and on `options` for the grammar.  The one idea: the magic takes
the cell's text to `Study.from_cell`, and binds names only when everything has worked.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from IPython.core.error import UsageError as IPythonUsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand

from autodiff_lab import hooks
from autodiff_lab.cell import Code
from autodiff_lab.cell.inputs import fallback_functions, kind_of_value
from autodiff_lab.compile import get_mode
from autodiff_lab.config import Settings, config
from autodiff_lab.errors import LabError
from autodiff_lab.notebook.doctor import doctor
from autodiff_lab.notebook.failures import shorten
from autodiff_lab.options import UsageError, help_text, nearest, parse_line
from autodiff_lab.study import Study
from autodiff_lab.study.explain import python_calls
from autodiff_lab.study.predict import Prediction, value_of_cell

HELP = {"-h", "--help", "-?"}


@magics_class
class LabMagics(Magics):  # type: ignore[misc]
    """The magics of autodiff_lab."""

    @no_var_expand
    @cell_magic
    def grad(self, line: str, cell: str) -> Study | None:
        """Replaced below: the help is made from the table of options."""
        if HELP & set(line.rstrip("; ").split()):
            print(self.grad.__doc__)
            return None
        code = _code_of(self.shell, line, cell)
        try:
            options = parse_line(line)
            _check_bind(options.bind, {**fallback_functions(), **self.shell.user_ns})
            study = Study.from_cell(cell, self.shell.user_ns, options=options, code=code)
            if options.bind in study.inputs:
                raise UsageError(f"-o: {options.bind} is an input of the cell; take another name")
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
    @cell_magic
    def predict(self, line: str, cell: str) -> Prediction | None:
        """Compare your own derivative with the true one; the first wrong rule is named.

        ::

          %%predict [STUDY] [WRT]
          <ordinary Python; the value of the last expression is your derivative>

        STUDY is the name of a result (``%%grad -o NAME``); by default the last one.  WRT says by
        which input, where there are several.  The names of the inputs, and the function's own,
        stand for what they are in the study.  The verdict is Out[n] and ``_predict``; it is true
        if the answer is right, and its text is the same on every run.

        Example::

          %%predict
          2 * x * cos(x ** 2)
        """
        words = line.strip().rstrip(";").split()
        if HELP & set(words):
            print(self.predict.__doc__)
            return None
        namespace = self.shell.user_ns
        own = [words.pop(0)] if words and isinstance(namespace.get(words[0]), Study) else []
        study = self._study("predict", "".join(own), "%%")
        for wrong in words:
            if wrong not in study.names:
                raise IPythonUsageError(f"%%predict: {wrong!r} is neither a study nor the one "
                                        f"input asked for{nearest(wrong, study.names)}")
        if len(words) > 1:
            raise IPythonUsageError(f"%%predict: an answer is by one input, not {len(words)}")
        code = _code_of(self.shell, line, cell, "predict")
        try:
            value, written = value_of_cell(study, code, namespace)
            verdict = study.predict(value, *words)
        except Exception as error:
            raise shorten(self.shell, error, code.filename) from None
        namespace.update(written, _predict=verdict)
        return verdict

    @no_var_expand
    @line_magic
    def autodiff(self, line: str) -> None:
        """Show or change settings, or say what this machine has.

        ::

          %autodiff show [KEY]       every setting and its value, or one
          %autodiff set KEY VALUE    as ``autodiff_lab.config.KEY = VALUE``
          %autodiff doctor           layout engine, numba, anywidget and front end, as found
        """
        words = line.replace("=", " ").rstrip("; ").split()
        try:
            match words:
                case [] | ["show"]:
                    _show(Settings.__dataclass_fields__)
                case ["show", key]:
                    _show([key])
                case ["doctor"]:
                    print(doctor(self.shell))
                case ["set", key, value]:
                    _set(key, value)
                case [word, *_] if HELP & {word}:
                    print(self.autodiff.__doc__)
                case ["set" | "show" | "doctor" as word, *_]:
                    takes = {"set": "KEY VALUE", "show": "one KEY or none"}.get(word, "nothing")
                    raise UsageError(f"{word!r} takes {takes}")
                case [word, *_]:
                    raise UsageError(f"{word!r} is unknown"
                                     f"{nearest(word, ['show', 'set', 'doctor'])}")
        except LabError as error:
            sentence, *rest = str(error).splitlines()
            hint = rest[-1].partition(":")[2].strip() if rest else ""
            raise IPythonUsageError(f"%autodiff: {sentence} {hint}".rstrip()) from None

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

    def _study(self, magic: str, line: str, signs: str = "%") -> Study:
        name, magic = line.strip().rstrip(";").strip() or "_grad", f"{signs}{magic}"
        namespace = self.shell.user_ns
        held = namespace.get(name)
        if isinstance(held, Study):
            return held
        if name == "_grad":
            raise IPythonUsageError(f"{magic}: there is no study yet; run a %%grad cell first")
        known = [n for n, v in namespace.items() if isinstance(v, Study) and not n.startswith("_")]
        raise IPythonUsageError(f"{magic}: {name!r} is not a study{nearest(name, known)}")


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


def _show(keys: Iterable[str]) -> None:
    for key in keys:
        print(f"{key:<20}{getattr(config, key)}")


def _set(key: str, value: str) -> None:
    """A setting from text; what would fail in every later cell fails here."""
    if isinstance(getattr(config, key), int):
        if not value.isdecimal() or int(value) < 1:
            raise UsageError(f"{key} takes a whole number from 1 up, not {value!r}")
        setattr(config, key, int(value))
        return
    if key == "mode":
        get_mode(value)
    setattr(config, key, value)


def _check_bind(name: str | None, namespace: Mapping[str, Any]) -> None:
    """A result must not hide a function or module that later cells need."""
    held = namespace.get(name or "")
    if callable(held) or isinstance(held, ModuleType):
        raise UsageError(f"-o: {name} is {kind_of_value(held)} here; take another name")


def register(shell: Any) -> None:
    """Make the magics known to a shell."""
    shell.register_magics(LabMagics)


def unregister(shell: Any) -> None:
    """Remove the magics from a shell."""
    for kind, names in LabMagics.magics.items():
        for name in names:
            shell.magics_manager.magics[kind].pop(name, None)


def _code_of(shell: Any, line: str, cell: str, magic: str = "grad") -> Code:
    """The cell's code under a name by which IPython finds its lines again.

    The magic's own line is line 1; in the kept text it is a comment, so the text stays Python.
    """
    try:
        transformed = shell.transform_cell(cell)
    except SyntaxError:
        transformed = cell
    kept = f"# %%{magic} {line}\n{transformed}"
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
