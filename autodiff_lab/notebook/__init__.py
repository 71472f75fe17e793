"""The notebook side: magics, completion, and the panel of widgets.

`magics` are shells over `Study`, `failures` shows errors at the user's line, `completion` completes
options, `panel` is ``r.explore()``.  `load` and `unload` are what ``%load_ext`` and
``%unload_ext`` call.
"""

from __future__ import annotations

from typing import Any


def load(shell: Any) -> None:
    """Register the magics and the completion of their options; prints nothing."""
    from autodiff_lab.notebook import completion, magics

    magics.register(shell)
    completion.register(shell)


def unload(shell: Any) -> None:
    """Take the magics and the completion away again."""
    from autodiff_lab.notebook import completion, magics

    magics.unregister(shell)
    completion.unregister(shell)
