"""A line that says what takes so long, and goes away when it is done.

Relies on IPython only where it is running.  Nothing is shown where nobody watches: without a
terminal, and in a kernel whose client cannot answer questions (nbclient, nbval).
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def status(text: str) -> Iterator[None]:
    """Show a line while the block runs."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    kernel = getattr(shell, "kernel", None)
    if getattr(kernel, "_allow_stdin", False):
        show = _line_of_a_cell()
    elif kernel is None and sys.stderr is not None and sys.stderr.isatty():
        show = _line_of_a_terminal
    else:
        yield
        return
    show(text)
    try:
        yield
    finally:
        show("")


def _line_of_a_cell() -> Any:
    from IPython.display import display

    handle = display({"text/plain": ""}, raw=True, display_id=True)
    return lambda text: handle.update({"text/plain": text}, raw=True)


def _line_of_a_terminal(text: str) -> None:
    # to the start of the line, the text, and away with what stood behind it
    sys.stderr.write(f"\r{text}\x1b[K")
    sys.stderr.flush()
