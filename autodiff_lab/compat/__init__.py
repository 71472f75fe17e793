"""Let `import theano`, `import aesara` or `import pytensor` mean this package, when asked.

Relies on Python's import system.  The one idea: a finder stands first on `sys.meta_path` and
answers `theano.tensor` with the very module object `autodiff_lab.tensor`: nothing loads twice.
Nothing happens until `install` is called, and `uninstall` takes it away again.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Sequence
from typing import Any

from autodiff_lab.errors import LabValueError, explain

FAMILIES = ("theano", "aesara", "pytensor")
_HOME = "autodiff_lab"


class _Alias(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules of one family of names in this package."""

    def __init__(self, family: str) -> None:
        self.family = family

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        family, _, rest = fullname.partition(".")
        if family != self.family:
            return None
        real_name = f"{_HOME}.{rest}" if rest else _HOME
        try:
            real = importlib.import_module(real_name)
        except ModuleNotFoundError as error:
            if error.name is None or not real_name.startswith(error.name):
                raise                                  # a module of ours lacks one of its own
            return None
        spec = importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        spec.loader_state = (real, real.__spec__, getattr(real, "__loader__", None))
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> Any:
        return spec.loader_state[0]

    def exec_module(self, module: types.ModuleType) -> None:
        # The import system has put the alias's spec into the real module: put the real one back.
        _, module.__spec__, module.__loader__ = module.__spec__.loader_state  # type: ignore


def install(*families: str) -> None:
    """Make names of the family mean this package until `uninstall` or the end of the program.

    Parameters
    ----------
    *families : str
        Of ``"theano"``, ``"aesara"``, ``"pytensor"``; without any, all three.

    Raises
    ------
    LabValueError
        If a name is none of these, or the package of that name has been imported already.

    Examples
    --------
    >>> install("theano")
    >>> import theano.tensor as T
    >>> T is importlib.import_module("autodiff_lab.tensor")
    True
    >>> uninstall("theano")
    """
    chosen = families or FAMILIES
    for family in chosen:
        if family not in FAMILIES:
            raise LabValueError(
                explain(f"There is no family {family!r}.", remedy="one of " + ", ".join(FAMILIES))
            )
        loaded = sys.modules.get(family)
        if loaded is not None and loaded is not sys.modules[_HOME]:
            raise LabValueError(
                explain(
                    f"{family} is imported already, from {getattr(loaded, '__file__', '?')}.",
                    remedy="call install() first, in a fresh interpreter",
                )
            )
    for family in chosen:
        if not any(isinstance(f, _Alias) and f.family == family for f in sys.meta_path):
            sys.meta_path.insert(0, _Alias(family))


def uninstall(*families: str) -> None:
    """Take away what `install` did; modules that were imported meanwhile keep what they have."""
    chosen = families or FAMILIES
    kept = [f for f in sys.meta_path if not (isinstance(f, _Alias) and f.family in chosen)]
    removed = [f.family for f in sys.meta_path if f not in kept and isinstance(f, _Alias)]
    sys.meta_path[:] = kept
    for name in [n for n in sys.modules if n.partition(".")[0] in removed]:
        del sys.modules[name]
