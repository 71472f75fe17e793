"""Let `import theano`, `import aesara` or `import pytensor` mean this package, when asked.

The one idea: a finder stands first on `sys.meta_path` and answers each module path of the family
with a small module that looks names up in ours (`compat.paths` has the table).  Nothing of ours
loads twice or is changed.  Nothing happens until `install` is called, `uninstall` takes it away.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Sequence
from typing import Any

from autodiff_lab.compat.paths import CALLS, PATHS
from autodiff_lab.errors import LabValueError, one_of

FAMILIES = ("theano", "aesara", "pytensor")
_HOME = "autodiff_lab"


class FamilyModule(types.ModuleType):
    """A module of the family: its names are looked up in modules of ours, in order.

    Some of the family's modules share their name with a function (`theano.scan`,
    `tensor.shape`): calling the module calls the function.
    """

    _sources: tuple[str, ...]
    _call: str | None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        path = f"{self.__name__.partition('.')[2]}.{name}".lstrip(".")
        missing = object()
        for source in self._sources:
            value = getattr(importlib.import_module(source), name, missing)
            if isinstance(value, types.ModuleType):
                return importlib.import_module(f"{self.__name__}.{name}")
            if value is not missing:
                return value
        if path in PATHS:
            return importlib.import_module(f"{self.__name__}.{name}")
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        if self._call is None:
            raise TypeError(f"{self.__name__} is a module, not a function")
        return getattr(self, self._call)(*arguments, **options)

    def __dir__(self) -> list[str]:
        return sorted({n for s in self._sources for n in dir(importlib.import_module(s))})


class _Alias(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules of one family in this package."""

    def __init__(self, family: str) -> None:
        self.family = family

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        family, _, rest = fullname.partition(".")
        if family != self.family:
            return None
        own = f"{_HOME}.{rest}" if rest else _HOME
        sources = PATHS.get(rest, ())
        if not sources and not _exists(own):
            return None
        spec = importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        spec.loader_state = (sources or (own,), CALLS.get(rest))
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> FamilyModule:
        module = FamilyModule(spec.name)
        module._sources, module._call = spec.loader_state
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing to run: names are looked up when asked for."""


def _exists(name: str) -> bool:
    """Whether we have a module of this name."""
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


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
    >>> import theano, theano.tensor as T
    >>> x = T.dscalar("x")
    >>> theano.function([x], T.grad(x ** 2, x))(4)
    array(8.)
    >>> uninstall("theano")
    """
    chosen = families or FAMILIES
    for family in chosen:
        one_of(family, FAMILIES, f"There is no family {family!r}.")
        loaded = sys.modules.get(family)
        if loaded is not None and not isinstance(loaded, FamilyModule):
            raise LabValueError(
                f"{family} is imported already, from {getattr(loaded, '__file__', '?')}.",
                remedy="call install() first, in a fresh interpreter",
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
