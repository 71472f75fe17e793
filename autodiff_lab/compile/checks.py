"""Checks while a function runs: ``Mode(checks=...)``, and the family's names for such modes.

What is here: `watched`, which puts a check around an executor; `Finite`, `Monitor`; `DebugMode`,
`NanGuardMode`, `MonitorMode`.

Relies on `compile.replay` and `compile.origin`.

The one idea: a check is another executor for the same program, so that calls, updates and errors
are handled as ever; without checks nothing of this runs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from autodiff_lab.compile.backend import Executor, get_backend
from autodiff_lab.compile.lowering import lower
from autodiff_lab.compile.mode import Mode
from autodiff_lab.compile.origin import bad_element, find_origin
from autodiff_lab.compile.replay import Watch, replay, results_of
from autodiff_lab.errors import CheckError, LabTypeError, RewriteError
from autodiff_lab.graph import Apply, FunctionGraph, Variable, placed
from autodiff_lab.rewriting import RewriteTrace

Run = Callable[..., tuple[Any, ...]]


@dataclasses.dataclass(frozen=True)
class Finite:
    """The check ``"finite"``: results without NaN, infinities, and (if asked) huge numbers.

    Attributes
    ----------
    infinite : bool
        Whether infinities count.
    largest : float
        Magnitudes above it count as infinite.
    """

    infinite: bool = True
    largest: float = float("inf")

    def around(self, executor: Executor) -> Run:
        """Run, then look at the results; only if one is bad is the way to it walked."""
        fgraph = executor.program.graph

        def run(*arrays: Any) -> tuple[Any, ...]:
            results = executor.run(*arrays)
            for number, value in enumerate(results):
                if bad_element(value, self.infinite) is not None:
                    self._tell(fgraph, number, value, arrays)
                elif _is_numeric(value, "fc") and np.max(np.abs(value), initial=0) > self.largest:
                    raise CheckError(f"Output {number} holds a number above {self.largest:g}.")
            return results

        return run

    def _tell(self, fgraph: FunctionGraph, number: int, value: Any, arrays: Sequence[Any]) -> None:
        output = fgraph.outputs[number]
        given = dict(zip(fgraph.inputs, arrays))
        origin = find_origin([output], given, fgraph.roles, self.infinite)
        at = bad_element(value, self.infinite)
        place = f" at {list(at)}" if at else ""
        named = " ".join(fgraph.names.get(output, ())[:1]) or f"Output {number}"
        sentence = f"{named} is {np.asarray(value)[at]}{place}."
        error = CheckError(sentence, where="only in the compiled kernel: NumPy finds it finite")
        if origin is not None:
            error.args = (origin.explain(sentence),)
        raise error


@dataclasses.dataclass(frozen=True)
class Monitor:
    """Functions that are called before and after every node; nodes run one by one in NumPy.

    Attributes
    ----------
    watch : callable, optional
        (node, values of its inputs, values of its outputs), after the node.
    pre_func, post_func : callable, optional
        The family's: (fgraph, node, thunk), where ``thunk.inputs`` and ``thunk.outputs`` hold one
        list with one value for each variable.
    """

    watch: Watch | None = None
    pre_func: Any = None
    post_func: Any = None

    def around(self, executor: Executor) -> Run:
        """Run node by node and call the functions."""
        fgraph = executor.program.graph

        def told(function: Any) -> Watch | None:
            def call(node: Apply, inputs: list[Any], outputs: list[Any]) -> None:
                boxes = [[[value] for value in values] for values in (inputs, outputs)]
                function(fgraph, node, SimpleNamespace(inputs=boxes[0], outputs=boxes[1]))

            return None if function is None else call

        before, after = told(self.pre_func), self.watch or told(self.post_func)

        def run(*arrays: Any) -> tuple[Any, ...]:
            values = replay(fgraph.outputs, dict(zip(fgraph.inputs, arrays)), after, before)
            found = (values[output] for output in fgraph.outputs)
            return tuple(np.array(v) if isinstance(v, np.ndarray) else v for v in found)

        return run


def watched(
    executor: Executor, checks: Any, roots: Sequence[Variable], inputs: Sequence[Variable],
    trace: RewriteTrace | None,
) -> Executor:
    """The executor with the check that a mode asks for.

    Parameters
    ----------
    executor : Executor
    checks : "compare", "finite", Finite or callable
        A callable is called after every node with the node and the values of its inputs and
        outputs; nodes then run one by one in NumPy.
    roots, inputs : sequence of Variable
        The graph as the user wrote it: what the rewritten one must agree with.
    trace : RewriteTrace or None

    Raises
    ------
    LabTypeError
        If `checks` is none of these.
    """
    if checks == "finite":
        checks = Finite()
    elif callable(checks):
        checks = Monitor(watch=checks)
    if isinstance(checks, Finite | Monitor):
        run = checks.around(executor)
    elif checks == "compare":
        run = _Comparison(executor, roots, inputs, trace).run
    else:
        raise LabTypeError(
            f"There is no check {checks!r:.60}.",
            remedy='"compare", "finite" or a function of (node, inputs, outputs)',
        )
    return dataclasses.replace(executor, run=run)


class _Comparison:
    """Every node in NumPy against the kernels, and the rewritten graph against the written one."""

    def __init__(
        self, executor: Executor, roots: Sequence[Variable], inputs: Sequence[Variable], trace: Any
    ) -> None:
        self.executor, self.roots, self.inputs, self.trace = executor, roots, inputs, trace
        self.fgraph = executor.program.graph
        self.nodes = [n for n in self.fgraph.toposort() if n.op.pure]
        made = [output for node in self.nodes for output in node.outputs]
        # all values leave the program, so each node can be asked about
        self.variables = (*self.fgraph.inputs, *made)
        every = FunctionGraph(self.fgraph.inputs, made)
        self.kernels = get_backend("numba").build(lower(every))

    def run(self, *arrays: Any) -> tuple[Any, ...]:
        """Look whether nodes leave their inputs alone, compute by the executor, then compare."""
        replay(self.fgraph.outputs, dict(zip(self.fgraph.inputs, arrays)), before=_untouched)
        results = self.executor.run(*arrays)
        computed = dict(zip(self.variables, (*arrays, *self.kernels.run(*arrays))))
        for node in self.nodes:
            self._compare(node, computed)
        self._compare_rewrites(results, arrays)
        return results

    def _compare(self, node: Apply, computed: dict[Variable, Any]) -> None:
        values = [computed.get(v, getattr(v, "data", None)) for v in node.inputs]
        if any(value is None for value in values):      # an op whose draws differ stands before it
            return
        for output, wanted in zip(node.outputs, results_of(node, values)):
            found = computed[output]
            if not _alike(output, found, wanted):
                raise CheckError(
                    f"The Numba kernel and NumPy disagree on {node.op.name}: "
                    f"{_difference(found, wanted)}",
                    where=placed(node.op.name, node),
                )

    def _compare_rewrites(self, results: Sequence[Any], arrays: Sequence[Any]) -> None:
        if not all(node.op.pure for node in self.fgraph.toposort()):
            return
        given = dict(zip(self.inputs, arrays))
        values = replay(self.roots, given)
        for root, found in zip(self.roots, results):
            wanted = values[root]
            # a rewritten graph may be finite where the written one overflows
            if not _is_numeric(wanted, "biufc"):
                continue
            if np.isfinite(wanted).all() and not _alike(root, found, wanted):
                step = self.trace.bisect(given) if self.trace is not None else None
                blame = f"by the rule {step.rule}" if step is not None else "by rewriting"
                raise RewriteError(
                    f"A result was changed {blame}: {_difference(found, wanted)}",
                    where=f"step {step.index} of f.trace" if step is not None else None,
                    remedy=f"function(..., mode=get_mode().excluding({step.rule!r}))"
                    if step is not None else None,
                )


def _is_numeric(value: Any, kinds: str) -> bool:
    return np.asarray(value).dtype.kind in kinds


def _untouched(node: Apply, inputs: list[Any], outputs: list[Any]) -> None:
    copies = [np.array(v) if isinstance(v, np.ndarray) else v for v in inputs]
    results_of(node, copies)
    if not all(map(_same, copies, inputs)):
        raise CheckError(
            f"{node.op.name} writes to its inputs.", where=placed(node.op.name, node),
            remedy="compute the result in an array of its own",
        )


def _same(old: Any, new: Any) -> bool:
    return not isinstance(old, np.ndarray) or old.tobytes() == np.asarray(new).tobytes()


def _alike(variable: Variable, found: Any, wanted: Any) -> bool:
    return bool(variable.type.values_eq_approx(np.asarray(found), np.asarray(wanted)))


def _difference(found: Any, wanted: Any) -> str:
    found, wanted = np.asarray(found), np.asarray(wanted)
    if found.shape != wanted.shape:
        return f"shape {found.shape} instead of {wanted.shape}"
    unlike = ~np.isclose(found, wanted, rtol=1e-6, equal_nan=True)
    at = np.unravel_index(int(np.argmax(unlike)), unlike.shape)
    place = f" at {[int(i) for i in at]}" if at else ""
    return f"{found[at]} instead of {wanted[at]}{place}"


# -- the family's names -----------------------------------------------------------------------


def DebugMode(**unused: Any) -> Mode:
    """The mode that compares: every node in NumPy and Numba, and the graph before rewriting.

    Examples
    --------
    >>> DebugMode().checks
    'compare'
    """
    return Mode("numpy", checks="compare")


def NanGuardMode(
    nan_is_error: bool | None = None, inf_is_error: bool | None = None,
    big_is_error: bool | None = None, **unused: Any,
) -> Mode:
    """The mode that raises where a result is not finite, and says where that began.

    Unlike the family's it asks about results alone: a NaN that `where` masks out is no error.

    Parameters
    ----------
    nan_is_error, inf_is_error : bool, optional
        True if left out.
    big_is_error : bool, optional
        Whether magnitudes above 1e10 are errors too.
    """
    infinite = inf_is_error is not False
    if nan_is_error is False and not infinite:
        return Mode("auto")
    return Mode("auto", checks=Finite(infinite, 1e10 if big_is_error else float("inf")))


def MonitorMode(pre_func: Any = None, post_func: Any = None, **unused: Any) -> Mode:
    """The mode that calls functions of (fgraph, node, thunk) before and after every node.

    Examples
    --------
    >>> import autodiff_lab as ad, autodiff_lab.tensor as pt
    >>> x = pt.dscalar("x")
    >>> mode = MonitorMode(post_func=lambda fgraph, node, thunk: print(thunk.outputs[0][0]))
    >>> ad.function([x], pt.exp(x), mode=mode)(0.0)
    1.0
    array(1.)
    """
    return Mode("numpy", checks=Monitor(None, pre_func, post_func))
