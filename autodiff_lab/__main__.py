"""The command line: a file is read as a `%%grad` cell, and the card is printed.

Relies on `Study` and on the grammar of `options`; ``python -m autodiff_lab --help`` says the rest.
Mistakes print their message and the user's line, never a traceback of ours: exit code 2 for a
mistake on the command line, 1 for one in the file.
"""

from __future__ import annotations

import difflib
import os
import sys
import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from autodiff_lab.errors import MissingPackageError
from autodiff_lab.options import UsageError, help_text, parse_words

USAGE = f"""\
usage: python -m autodiff_lab FILE.py [WRT ...] [options]
       python -m autodiff_lab demo

Read FILE.py as a %%grad cell: differentiate its last expression, and print value, derivative,
derivation, both graphs, the rewrites, and the compiled kernel with its times.

{help_text(command_line=True)}

  demo   the logistic function from expression to kernel; writes logistic.html here

example:
  printf '1 / (1 + exp(-x))' > logistic.py
  python -m autodiff_lab logistic.py x --at x=0.4 --plot x=-6:6 --check --html out.html
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or "-h" in words or "--help" in words:
        print(USAGE.rstrip(), file=sys.stdout if words else sys.stderr)
        return 0 if words else 2
    filename = words[0]
    try:
        if filename == "demo" and not os.path.exists("demo"):
            return demo(words[1:])
        return study_file(filename, words[1:])
    except UsageError as error:
        print(f"autodiff_lab: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()               # the reader of our output has gone
        return 1
    except Exception as error:
        print("\n".join(error_lines(error, os.path.abspath(filename))), file=sys.stderr)
        return 1


def error_lines(error: Exception, filename: str) -> list[str]:
    """An error as the author of the file should see it."""
    from autodiff_lab.notebook.failures import shown_lines

    def written(users: TracebackType) -> list[str]:
        lines = [f"{os.path.basename(entry.filename)}, line {entry.lineno}\n    {entry.line}"
                 for entry in traceback.extract_tb(users)]
        return [*lines, *traceback.format_exception_only(error)[-1].rstrip().splitlines()]

    lines = shown_lines(error, filename, written)
    return traceback.format_exception(error) if lines is None else lines


def study_file(filename: str, words: Sequence[str]) -> int:
    """Differentiate a file and print what there is to see."""
    if filename.startswith("-"):
        raise UsageError(f"a file comes first, then its options; {filename} is an option")
    options = parse_words(words, command_line=True)
    text = _read(filename)
    from autodiff_lab.cell import code_from_text
    from autodiff_lab.study import Study
    from autodiff_lab.study.explain import python_calls

    path = os.path.abspath(filename)
    sys.path.insert(0, os.path.dirname(path))
    namespace: dict[str, Any] = {"__name__": "__main__", "__file__": path}
    code = code_from_text(text, path, os.path.basename(filename))
    study = Study.from_cell(text, namespace, options=options, code=code)
    if options.explain:
        print(python_calls(text, options, study), end="\n\n")
    if not options.quiet:
        print_study(study)
    if options.html is not None:
        _save(study, options.html)
    return 0


def _read(filename: str) -> str:
    try:
        with open(filename, encoding="utf8") as file:
            return file.read()
    except FileNotFoundError:
        folder = os.path.dirname(filename) or "."
        there = os.listdir(folder) if os.path.isdir(folder) else []
        known = [*(name for name in there if name.endswith(".py")), "demo"]
        close = difflib.get_close_matches(os.path.basename(filename), known, n=1)
        meant = [os.path.join(os.path.dirname(filename), name) for name in close]
        tail = f"; did you mean {meant[0]}?" if meant else ""
        raise UsageError(f"there is no file {filename}{tail}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{filename} is not a text file in UTF-8") from None
    except OSError as error:
        raise UsageError(f"{filename} cannot be read: {error.strerror}") from None


def _save(study: Any, path: str) -> None:
    try:
        study.save_html(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    print(f"wrote {path}")


def print_study(study: Any, example: str = "") -> None:
    """The text card, then derivation, rewrites and kernel; before that, what one example gives."""
    print(study)
    print_section("Derivation", str(study.derivation))
    print_section("Rewrites", str(study.steps))
    if example:
        print_section("The tutorial's matrix", example)
    kind = "numba"
    try:
        study.compile()
    except MissingPackageError as error:
        kind = "numpy"
        print(f"\n{str(error).splitlines()[0]}")
    print_section("Kernel", f"{study.kernel.headline}\n\n{study.source(kind).strip()}")


def print_section(title: str, text: str) -> None:
    """A part of the output under its title."""
    print(f"\n{title}\n{'-' * len(title)}\n{text}")


def demo(words: Sequence[str]) -> int:
    """The logistic function of the tutorials, from expression to kernel."""
    if words:
        raise UsageError(f"demo takes no arguments, not {words[0]}")
    import autodiff_lab.tensor as pt
    from autodiff_lab.compile import function
    from autodiff_lab.gradient import grad
    from autodiff_lab.study import Study

    study = Study.from_cell("1 / (1 + exp(-x))", {}, "x", at="x=0.4", plot="x=-6:6", check=True)
    x = pt.dmatrix("x")
    total = pt.sum(1 / (1 + pt.exp(-x)))
    matrix = function([x], grad(total, x))([[0, 1], [-1, -2]])
    print("The logistic function: 1 / (1 + exp(-x))\n")
    print_study(study, f"dlogistic([[0, 1], [-1, -2]]) =\n{matrix}")
    print()
    _save(study, "logistic.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
