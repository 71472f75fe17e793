"""A fresh IPython for tests: run cells, see what they show, print and raise."""

from __future__ import annotations

import contextlib
import io
import re
from dataclasses import dataclass, field
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output


@dataclass
class Outcome:
    """What one cell did."""

    result: Any
    out: str
    err: str
    error: BaseException | None
    traceback: str
    shown: list[str] = field(default_factory=list)


class Notebook:
    """Cells run one after the other in a shell that has the extension loaded."""

    def __init__(self) -> None:
        InteractiveShell.clear_instance()
        self.shell = InteractiveShell.instance(colors="nocolor")
        self.shell.reset(new_session=True)
        self.shell.run_line_magic("load_ext", "autodiff_lab")

    def close(self) -> None:
        """Leave no shell behind."""
        self.shell.run_line_magic("unload_ext", "autodiff_lab")
        self.shell.history_manager.end_session()
        InteractiveShell.clear_instance()

    def run(self, cell: str) -> Outcome:
        """Run a cell as a front end does."""
        shown: list[str] = []
        keep = self.shell._showtraceback

        def show(kind: Any, error: Any, lines: Any) -> None:
            shown.append("\n".join(lines))

        self.shell._showtraceback = show
        err = io.StringIO()
        try:
            with capture_output() as captured, contextlib.redirect_stderr(err):
                done = self.shell.run_cell(cell, store_history=True)
        finally:
            self.shell._showtraceback = keep
        error = done.error_in_exec or done.error_before_exec
        plain = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(shown))
        return Outcome(done.result, captured.stdout, captured.stderr + err.getvalue(), error, plain)

    @property
    def names(self) -> dict[str, Any]:
        """The user's namespace."""
        return self.shell.user_ns
