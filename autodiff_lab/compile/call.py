"""`Function`: what `function` returns.

What is here: the call, its errors, the choice of executor, and what a reader may look at.

Relies on `compile.entry` (the generated fast path), `compile.lowering`, `compile.backend`,
`compile.policy`.

The one idea: a call converts its arguments, runs one executor, and only then stores new values,
all of them or none.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import time
from collections.abc import Callable, Iterable, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from autodiff_lab import hooks
from autodiff_lab.compile import policy
from autodiff_lab.compile.arguments import bad_argument, bind
from autodiff_lab.compile.backend import Executor, compiling, get_backend
from autodiff_lab.compile.entry import make_entry
from autodiff_lab.compile.io import In, Out
from autodiff_lab.compile.lowering import lower
from autodiff_lab.compile.mode import Mode
from autodiff_lab.compile.profile import Profile
from autodiff_lab.compile.program import Program
from autodiff_lab.compile.specification import Specification
from autodiff_lab.compile.story import retold
from autodiff_lab.errors import LabKeyError, MissingPackageError, one_of
from autodiff_lab.graph import FunctionGraph
from autodiff_lab.graph.basic import Saved, Shown
from autodiff_lab.rewriting import RewriteTrace
from autodiff_lab.tensor.shared import Container, join_turns, store_all

if TYPE_CHECKING:
    from autodiff_lab.compile.origin import Origin


class Function(Shown, Saved):
    """A compiled graph; call it with values.

    Attributes
    ----------
    name : str or None
    inputs : tuple of In
    outputs : tuple of Out
    mode : Mode
    fgraph : FunctionGraph
        The graph that runs, after rewriting.
    trace : RewriteTrace or None
        Every rewrite; set it to None to let go of the old nodes.
    containers : tuple of Container
        Where the values of the shared variables stand.
    executor : Executor
        What runs at present.
    """

    def __init__(
        self, spec: Specification, fgraph: FunctionGraph, mode: Mode, trace: RewriteTrace | None,
        name: str | None = None, allow_downcast: bool | None = None, profile: bool = False,
        defaults: Sequence[Container] = (),
    ) -> None:
        self.name = name
        self.inputs: tuple[In, ...] = tuple(spec.inputs)
        self.outputs: tuple[Out, ...] = tuple(spec.outputs)
        self.mode = mode
        self.fgraph = fgraph
        self.trace = trace
        self.containers: tuple[Container, ...] = tuple(v.container for v in spec.shared)  # type: ignore[attr-defined]
        self._spec = spec
        self._allow_downcast = allow_downcast
        self.defaults = tuple(defaults or map(self._default, self.inputs))
        self._updated = [
            *(v.container for v in spec.updates),  # type: ignore[attr-defined]
            *(self.defaults[position] for position in spec.input_updates),
        ]
        join_turns(self._updated)
        # dtype and rank are those of the graph; lengths that are fixed have to be looked at
        self._may_not_fit = any(set(getattr(c.type, "shape", [0])) - {None} for c in self._updated)
        self._programs: dict[bool, Program] = {}
        self._tally = _Tally()
        self._njit: Any = None
        self._always_measured = profile
        self._entry: Callable[..., Any]
        self.executor: Executor
        self._start()

    # -- what runs --------------------------------------------------------------------------

    def _lowered(self, fuse: bool) -> Program:
        if fuse not in self._programs:
            inside, spec = self.fgraph.inputs, self._spec
            index = {variable: len(self.inputs) + n for n, variable in enumerate(spec.shared)}
            places = [index[variable] for variable in spec.updates]
            updated = [inside[place] for place in (*places, *spec.input_updates)]
            self._programs[fuse] = lower(self.fgraph, updated, fuse=fuse)
        return self._programs[fuse]

    @property
    def program(self) -> Program:
        """The plan: kernels, and NumPy instructions between them."""
        return self._lowered(True)

    def _start(self) -> None:
        if self.mode.tier == "numba":
            self.compile()
        else:
            self._use(get_backend("numpy").build(self._lowered(False)), "numpy")

    def _compile(self) -> None:
        count, expected = len(self.program.kernels), policy.estimated_compile_seconds(self.program)
        line = f"compiling {count} kernel{'s' * (count != 1)} with Numba, about {expected:.1f} s"
        told = count and expected > policy.NOTICED
        started = time.perf_counter()
        with hooks.call("status", line) if told else contextlib.nullcontext():
            executor = get_backend("numba").build(self.program)
        seconds = time.perf_counter() - started
        policy.record(self.program, seconds)
        self._tally.numba_compile = seconds
        self._use(executor, "numba")

    def _use(self, executor: Executor, tier: str) -> None:
        """Put an executor in place, with the generated function that calls it."""
        if self._always_measured:
            run = self.measured_run(self.profile, tier, executor.program)
            executor = dataclasses.replace(executor, run=run)
        if self.mode.checks is not None:
            from autodiff_lab.compile.checks import watched

            given = [*(given.variable for given in self.inputs), *self._spec.shared]
            executor = watched(executor, self.mode.checks, self._spec.roots, given, self.trace)
        self.executor = executor
        self._tally.ran = tier
        waits = self.mode.tier == "auto" and tier == "numpy"
        nodes = len(executor.program.instructions)
        self._tally.budget = policy.first_look(nodes) if waits else float("inf")
        helpers = {
            "tally": self._tally, "convert": self.convert, "finish": self.finish,
            "failed": lambda error: retold(error, executor), "reconsider": self._reconsider,
            **{f"shared_{n}": container for n, container in enumerate(self.containers)},
            **({"updated": self._updated[0]} if self._updated else {}),
        }
        single = self._spec.shape_of_result == "single" and not self._updated
        self._entry = make_entry(self.inputs, executor, single, _TIMING[tier], helpers)

    def compile(self) -> Function:
        """Compile the kernels with Numba now, and use them from now on.

        Examples
        --------
        >>> import autodiff_lab as ad, autodiff_lab.tensor as pt
        >>> x = pt.dvector("x")
        >>> f = ad.function([x], pt.exp(x) + 1)
        >>> f.compile().ran
        'numba'
        """
        with compiling:
            if self._tally.ran == "numba":
                return self
            try:
                self._compile()
            except ImportError as error:
                raise MissingPackageError(
                    "Numba cannot be loaded, so kernels cannot be compiled.", why=str(error),
                    remedy="install numba, or mode='PYTHON'",
                ) from None
        return self

    def _reconsider(self) -> None:
        """Compile if the time in NumPy has passed the estimate; else say when to ask again."""
        tally = self._tally
        needed = policy.estimated_compile_seconds(self.program)
        if tally.spent < needed or tally.calls == 1:      # a first result does not wait for it
            tally.budget = max(needed, tally.spent)
            return
        if not policy.worth_compiling(self.program, tally.spent / tally.calls):
            tally.budget = 2 * tally.spent
            return
        try:
            self.compile()
        except ImportError:
            tally.budget = float("inf")       # Numba is not installed: NumPy it is

    @property
    def ran(self) -> str:
        """Which executor ran, or would run next: "numpy" or "numba"."""
        return self._tally.ran

    @property
    def timings(self) -> dict[str, float | None]:
        """Seconds of the last call with each executor, and of compiling."""
        names = ("numpy_call", "numba_compile", "numba_call")
        return {name: getattr(self._tally, name) for name in names}

    # -- calling ----------------------------------------------------------------------------

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Compute; arguments by position or by name."""
        if kwargs or len(args) != len(self.inputs):
            args = bind(self.inputs, self.defaults, self.name, args, kwargs)
        return self._entry(*args)

    def _downcast(self, given: In) -> bool | None:
        return self._allow_downcast if given.allow_downcast is None else given.allow_downcast

    def _default(self, given: In) -> Container:
        """The place of the value that an input has where a call gives none."""
        if isinstance(given.value, Container):
            return given.value
        kind, value = given.variable.type, given.value
        if isinstance(value, np.ndarray) and not given.borrow:
            value = value.copy()
        return Container(kind, value, given.name, given.strict, self._downcast(given), "input")

    def convert(self, index: int, value: Any) -> Any:
        """An argument as an array of its input's type."""
        given = self.inputs[index]
        try:
            return given.variable.type.filter(
                value, strict=given.strict, allow_downcast=self._downcast(given)
            )
        except (TypeError, ValueError, OverflowError) as error:
            raise bad_argument(given, index, self.name, error) from None

    def commit(self, values: tuple[Any, ...]) -> None:
        """Store the new values after a call: first all are made to fit, then all are stored."""
        if self._may_not_fit:
            values = tuple(c.fitted(value) for c, value in zip(self._updated, values))
        store_all(self._updated, values)

    def finish(self, results: tuple[Any, ...]) -> Any:
        """Store what is to be stored; the rest in the form that was asked for."""
        count = len(self.outputs)
        if len(results) > count:
            self.commit(results[count:])
        kind = self._spec.shape_of_result
        if kind == "single":
            return results[0]
        if kind == "list":
            return list(results[:count])
        if kind == "dict":
            return dict(zip(self._spec.keys or (), results))
        return None

    # -- measuring --------------------------------------------------------------------------

    @functools.cached_property
    def profile(self) -> Profile:
        """Costs per instruction: ``f.profile(values)`` measures, ``str(f.profile)`` is a table."""
        return Profile(self)

    def measured_run(
        self, profile: Profile, tier: str | None = None, program: Program | None = None
    ) -> Callable[..., tuple[Any, ...]]:
        """What runs at present, with a mark after each instruction."""
        program = program or self.executor.program
        run = get_backend(tier or self.ran).build(program, profile.mark).run
        return profile.measured(run, program)

    def arrays(self, /, *args: Any, **kwargs: Any) -> list[Any]:
        """What the executor is given for these arguments: their arrays, then shared values."""
        values = bind(self.inputs, self.defaults, self.name, args, kwargs)
        return [*map(self.convert, range(len(values)), values), *(c.value for c in self.containers)]

    def origin(self, /, *args: Any, **kwargs: Any) -> Origin | None:
        """Where a NaN or an infinity in the results for these arguments begins; None without one.

        Examples
        --------
        >>> import autodiff_lab as ad, autodiff_lab.tensor as pt
        >>> x = pt.dvector("x")
        >>> f = ad.function([x], pt.log(x).sum())
        >>> f.origin([1.0, 0.0]).index
        (1,)
        """
        from autodiff_lab.compile.origin import find_origin

        given = dict(zip(self.fgraph.inputs, self.arrays(*args, **kwargs)))
        return find_origin(self.fgraph.outputs, given, self.fgraph.roles)

    # -- looking ----------------------------------------------------------------------------

    @property
    def maker(self) -> Any:
        """What made it: ``f.maker.fgraph`` is the graph that runs."""
        return SimpleNamespace(
            fgraph=self.fgraph, mode=self.mode, inputs=list(self.inputs), outputs=list(self.outputs)
        )

    @property
    def njit(self) -> Any:
        """The program as one function under Numba's `njit`, for other compiled code.

        Shared variables follow the inputs as arguments.  Results of rank 0 are numbers.

        Examples
        --------
        >>> import numpy as np, autodiff_lab as ad, autodiff_lab.tensor as pt
        >>> from numba import njit
        >>> x = pt.dscalar("x")
        >>> slope = ad.function([x], ad.grad(x ** 2, x)).njit
        >>> @njit
        ... def descend(start):
        ...     for step in range(50):
        ...         start -= 0.1 * slope(start)
        ...     return start
        >>> round(descend(3.0), 3)
        0.0
        """
        if self._njit is None:
            backend: Any = get_backend("numba")
            self._njit = backend.njit(self.program, self._plain_name)
        return self._njit

    @property
    def _plain_name(self) -> str:
        """What printed programs call it."""
        name = str(self.name or "")
        return name if name.isidentifier() and name.isascii() else "f"

    def source(self, kind: str = "numpy") -> str:
        """The program as Python that runs when it is pasted elsewhere.

        Parameters
        ----------
        kind : str
            "numpy": plain NumPy; "numba": the kernels and what calls them.

        Examples
        --------
        >>> import autodiff_lab as ad, autodiff_lab.tensor as pt
        >>> x = pt.dvector("x")
        >>> print(ad.function([x], pt.exp(x)).source())
        import numpy as np
        <BLANKLINE>
        <BLANKLINE>
        def f(x):
            t1 = np.exp(x)
            return t1
        <BLANKLINE>
        """
        one_of(kind, ("numpy", "numba"), f"There is no source {kind!r}.")
        return get_backend(kind).source(self._lowered(kind == "numba"), self._plain_name)

    def dprint(self, **kwargs: Any) -> Any:
        """Print the graph that runs as a tree of text."""
        return hooks.call("dprint", self, **kwargs)

    @functools.cached_property
    def container(self) -> dict[Any, Container]:
        """Where values stand that calls read: by variable, and by name."""
        inputs = zip((given.variable for given in self.inputs), self.defaults)
        shared = zip(self._spec.shared, self.containers)
        found: dict[Any, Container] = {}
        for variable, place in (*inputs, *shared):
            found[variable] = place
            if place.name is not None:
                found.setdefault(place.name, place)
        return found

    @property
    def value(self) -> Function:
        """``f.value[x]`` is ``f[x]``."""
        return self

    def __getitem__(self, key: Any) -> Any:
        """The value that an input or shared variable has for the next call."""
        return self._place(key).value

    def __setitem__(self, key: Any, value: Any) -> None:
        """Set the default of an input, or the value of a shared variable."""
        self._place(key).value = value

    def __contains__(self, key: Any) -> bool:
        return key in self.container

    def _place(self, key: Any) -> Container:
        if key not in self.container:
            names = ", ".join(name for name in self.container if isinstance(name, str))
            raise LabKeyError(
                f"Function has no input or shared variable {key}.", why=f"it has {names}"
            )
        return self.container[key]

    # -- other functions from this one ------------------------------------------------------

    def copy(
        self, share_memory: bool = False, swap: Any = None, delete_updates: bool = False,
        name: str | None = None, profile: bool = False,
    ) -> Function:
        """A function that computes the same, with defaults of its own for its inputs.

        Parameters
        ----------
        share_memory : bool
            Accepted; no call keeps memory for the next one.
        swap : dict, optional
            Shared variable (or its name) -> the shared variable that takes its place.  Others go
            on being shared.
        delete_updates : bool
            Whether the copy leaves the shared variables as they are.
        name : str, optional
            By default the old name and "copy".
        profile : bool

        Examples
        --------
        >>> import autodiff_lab as ad
        >>> one, other = ad.shared(1.0, name="one"), ad.shared(10.0, name="other")
        >>> step = ad.function([], one, updates={one: one + 1})
        >>> again = step.copy(swap={one: other})
        >>> float(again()), float(other.get_value()), float(one.get_value())
        (10.0, 11.0, 1.0)
        """
        spec, fgraph = self._spec.swapped(swap), self.fgraph
        if delete_updates and self._updated:
            spec = dataclasses.replace(spec, updates={}, input_updates={})
            fgraph = fgraph.copy()
            fgraph.set_outputs(fgraph.outputs[: len(self.outputs)])
        title = name or (f"{self.name} copy" if self.name else None)
        return Function(spec, fgraph, self.mode, self.trace, title, self._allow_downcast, profile)

    @property
    def updates_values(self) -> bool:
        """Whether a call changes shared variables, or defaults of its inputs."""
        return bool(self._updated)

    def use(self, tier: str) -> Function:
        """Pin the executor, "numpy" or "numba": from now on every call has the same bits."""
        self.mode = dataclasses.replace(self.mode, tier=tier)
        self._start()
        return self

    def map(
        self, executor: Any, batches: Iterable[Any], *,
        reduce: str | Callable[[Any, Any], Any] | None = None, in_flight: int | None = None,
    ) -> Any:
        """Call the function on every batch, by the workers of an executor.

        Parameters
        ----------
        executor : concurrent.futures.Executor
            Threads, processes, Dask's ``client.get_executor()``, ...
        batches : iterable
            The arguments of each call: a tuple, a dict by name, or the one argument; or a function
            without parameters that returns them, which the worker calls (to read a file, say).
            May be a generator of more than fits into memory: few are taken ahead.
        reduce : {"sum"} or callable, optional
            Without it the results are given one by one, in the order of the batches.  "sum" adds
            them in that order (lists and dicts by element); a callable is given the total so far
            and the next result.
        in_flight : int, optional
            How many batches are under way at once; by default four for each worker.

        Returns
        -------
        iterator, or the reduced result

        Raises
        ------
        LabTypeError
            If the function updates values.

        Notes
        -----
        The executor in use (`ran`) and the shared values of this moment are the ones that all
        workers use, so the results have the same bits whoever computed them.  A worker receives the
        function once.  Batches of a worker that died are computed by the caller, with a warning.

        Examples
        --------
        >>> import autodiff_lab as ad, autodiff_lab.tensor as pt
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> x = pt.dvector("x")
        >>> squares = ad.function([x], (x ** 2).sum())
        >>> with ThreadPoolExecutor(2) as pool:
        ...     float(squares.map(pool, ([k, k + 1.0] for k in range(3)), reduce="sum"))
        19.0
        """
        from autodiff_lab.compile.mapping import map_batches

        return map_batches(self, executor, batches, reduce, in_flight)

    def __getstate__(self) -> dict[str, Any]:
        return {  # what a saved function consists of: the arguments of `__init__`
            "spec": self._spec, "fgraph": self.fgraph, "mode": self.mode, "trace": None,
            "name": self.name, "allow_downcast": self._allow_downcast, "defaults": self.defaults,
        }

    def __str__(self) -> str:
        names = ", ".join(str(given.name or given.variable) for given in self.inputs)
        return f"Function({self.name or 'f'}: {names})"

    __repr__ = __str__


# What the generated entry does with the time that a call took.
_TIMING = {
    "numba": ("tally.numba_call = clock() - started",),
    "numpy": (
        "started = clock() - started",
        "tally.numpy_call = started",
        "tally.spent += started",
        "tally.calls += 1",
        "if tally.spent > tally.budget: reconsider()",
    ),
}


@dataclasses.dataclass(slots=True)
class _Tally:
    """Times of calls; the generated entry writes here."""

    spent: float = 0.0
    calls: int = 0
    budget: float = float("inf")
    numpy_call: float | None = None
    numba_call: float | None = None
    numba_compile: float | None = None
    ran: str = "numpy"
