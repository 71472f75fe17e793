"""`Mode`: which executor runs, and which rewrites are made.

Relies on `config.mode` for the default and on the phases of `rewriting`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from autodiff_lab.config import config
from autodiff_lab.errors import LabTypeError, LabValueError, one_of
from autodiff_lab.graph import FunctionGraph
from autodiff_lab.rewriting import PHASES
from autodiff_lab.rewriting.driver import run_phases
from autodiff_lab.rewriting.registry import check_names

TIERS = ("auto", "numpy", "numba")
# what the family calls an executor -> ours
LINKERS = {"py": "numpy", "numba": "numba", **dict.fromkeys(("vm", "cvm", "c", "c|py"), "auto")}
_CHOICES = ("phases", "include", "exclude")
_FEW = ("canonicalize",)
# what the family calls a choice of rewrites -> our phases
OPTIMIZERS: dict[str | None, tuple[str, ...]] = {
    **dict.fromkeys(("default", "fast_run", "o2", "o3", "o4"), tuple(PHASES)),
    **dict.fromkeys(("fast_compile", "o1"), _FEW), **dict.fromkeys((None, "None", "merge"), ()),
}


@dataclasses.dataclass(frozen=True)
class Mode:
    """How a function is compiled.

    Parameters
    ----------
    tier : str
        "auto" answers with NumPy and compiles kernels once that has paid for itself; "numpy" and
        "numba" pin one.
    phases : tuple of str
        The phases of rewriting.
    include, exclude : tuple of str
        Rules, tags or phases to add or leave out.
    linker : str, optional
        The family's word for `tier`: "py", "numba", "cvm", ...
    optimizer : str or Mode, optional
        The family's word for the rewrites: "fast_run", "fast_compile", "None", or a query.
    checks : optional
        What is checked at every call: "compare" (NumPy against Numba for each node, the graph
        as written against the rewritten one, inputs untouched), "finite" (no NaN or infinity in
        a result; the message tells where it began), or a function that is called after each node
        with (node, values of its inputs, values of its outputs).

    Examples
    --------
    >>> get_mode("PYTHON").tier
    'numpy'
    >>> get_mode("auto").excluding("specialize").exclude
    ('specialize',)
    >>> Mode(linker="py", optimizer="fast_compile").phases
    ('canonicalize',)
    """

    tier: str = "auto"
    phases: tuple[str, ...] = tuple(PHASES)
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    checks: Any = None
    linker: dataclasses.InitVar[str | None] = None
    optimizer: dataclasses.InitVar[Any] = ""

    def __post_init__(self, linker: str | None, optimizer: Any) -> None:
        tier = self.tier if linker is None else linker
        object.__setattr__(self, "tier", LINKERS.get(tier, tier))
        if optimizer != "":
            chosen = optimizer if isinstance(optimizer, Mode) else optdb.query(optimizer)
            for name in _CHOICES:
                object.__setattr__(self, name, getattr(chosen, name))
        for name in _CHOICES:
            given = getattr(self, name)
            object.__setattr__(self, name, (given,) if isinstance(given, str) else tuple(given))
        one_of(self.tier, TIERS, f"There is no executor {self.tier!r}.")
        for phase in self.phases:
            one_of(phase, PHASES, f"There is no phase {phase!r}.")

    def rewrite(self, fgraph: FunctionGraph) -> None:
        """Rewrite a graph in place by the rules of this mode."""
        check_names(*self.include, *self.exclude)
        run_phases(fgraph, self.phases or tuple(PHASES), self.include, self.exclude)

    def including(self, *names: str) -> Mode:
        """The same mode with more rules."""
        return dataclasses.replace(self, include=(*self.include, *names))

    def excluding(self, *names: str) -> Mode:
        """The same mode without some rules, tags or phases."""
        return dataclasses.replace(self, exclude=(*self.exclude, *names))


def RewriteDatabaseQuery(
    include: Sequence[str | None] = (), exclude: Sequence[str] = (), **unused: Any
) -> Mode:
    """A choice of rewrites by the names of phases, rules and tags, or the family's "fast_run".

    Raises
    ------
    LabKeyError
        If a name is none of these.

    Examples
    --------
    >>> RewriteDatabaseQuery(["canonicalize"], exclude=["local_fill"]).phases
    ('canonicalize',)
    """
    named = {phase for name in include for phase in OPTIMIZERS.get(name, (name,))}
    rules = tuple(n for n in include if n and n not in OPTIMIZERS and n not in PHASES)
    check_names(*rules, *exclude)
    phases = tuple(phase for phase in PHASES if phase in named)
    return Mode(phases=phases, include=rules, exclude=tuple(exclude))


class Database:
    """The family's `optdb`.

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> x = pt.dscalar("x")
    >>> graph = FunctionGraph([x], [-(-x)])
    >>> optdb.query("canonicalize").rewrite(graph)
    >>> len(graph.toposort())
    0
    """

    def query(self, *given: str | Mode | None) -> Mode:
        """A choice of rewrites; ``"+name"`` and ``"-name"`` add and leave out."""
        include: list[str | None] = []
        exclude: list[str] = []
        for entry in given:
            if isinstance(entry, Mode):
                include += (*entry.phases, *entry.include)
                exclude += entry.exclude
            elif entry is not None and entry.startswith("-"):
                exclude.append(entry[1:])
            else:
                include.append(entry and entry.lstrip("+&"))
        return RewriteDatabaseQuery(include, exclude)


optdb = Database()

MODES: dict[str, Mode] = {
    "auto": Mode("auto"),
    "FAST_RUN": Mode("auto"),
    "NUMBA": Mode("numba"),
    "PYTHON": Mode("numpy"),
    "FAST_COMPILE": Mode("numpy"),
    "DebugMode": Mode("numpy", checks="compare"),
    "NanGuardMode": Mode("auto", checks="finite"),
}


def register_mode(name: str, mode: Mode) -> None:
    """Give a mode a name of its own.

    Raises
    ------
    LabValueError
        If the name is taken.
    """
    if name in MODES:
        raise LabValueError(f"Mode name already taken: {name}.")
    MODES[name] = mode


def get_default_mode() -> Mode:
    """The mode of functions that name none."""
    return get_mode()


def get_mode(mode: str | Mode | None = None) -> Mode:
    """A mode from its name; None asks ``config.mode`` and ``config.optimizer``."""
    if mode is None:
        mode = config.mode
        if mode == "auto" and config.optimizer != "fast_run":
            mode = Mode(optimizer=config.optimizer)
    if isinstance(mode, Mode):
        return mode
    if not isinstance(mode, str):
        raise LabTypeError(f"A mode is a name or a Mode, not {mode!r:.60}.")
    name = next((name for name in MODES if name.lower() == mode.lower()), mode)
    one_of(name, MODES, f"There is no mode {mode!r}.")
    return MODES[name]
