"""`function`: from variables to something that can be called.

What is here: `function`, which puts the stages together.

Relies on `compile.specification` (what is asked), `rewriting`, `compile.call` (what is called).

The one idea: specification -> interned graph -> rewritten graph -> program -> executor, each a
value that can be looked at.
"""

from __future__ import annotations

import difflib
import inspect
import pickle
from collections.abc import Sequence
from typing import Any

from autodiff_lab.compile.call import Function
from autodiff_lab.compile.mode import Mode, get_mode
from autodiff_lab.compile.specification import specify
from autodiff_lab.config import config
from autodiff_lab.control.scan.unused import drop_unused
from autodiff_lab.errors import LabTypeError
from autodiff_lab.graph import FunctionGraph, Variable, collector_paused
from autodiff_lab.rewriting import RewriteTrace, rewrite

# words that mean something to others of the family
_FAMILY = ("trust_input", "fgraph", "output_keys")


def function(
    inputs: Any, outputs: Any = None, mode: str | Mode | None = None, updates: Any = None,
    givens: Any = None, no_default_updates: bool | Sequence[Variable] = False,
    accept_inplace: bool = False, name: str | None = None, rebuild_strict: bool = True,
    allow_input_downcast: bool | None = None, profile: Any = None,
    on_unused_input: str | None = None, **unused: Any,
) -> Function:
    """Make a callable that computes `outputs` from values for `inputs`.

    Parameters
    ----------
    inputs : list of Variable or In
    outputs : Variable, Out, list, dict or None
        What a call returns, in the same form.
    mode : str or Mode, optional
        "auto", "NUMBA", "PYTHON", ...; see `get_mode`.
    updates : dict or list of pairs, optional
        Shared variable -> its value after the call.  All are computed from the values before.
    givens : dict or list of pairs, optional
        Variables replaced by other variables or values.
    no_default_updates : bool or list of Variable
        Shared variables whose default update is left out; True for all.
    accept_inplace
        Accepted for compatibility.
    rebuild_strict : bool
        Whether givens must have the type of what they replace.
    profile : bool, optional
        Whether every call is measured: ``f.profile.summary()``.
    name : str, optional
        Shown in messages and in printed source.
    allow_input_downcast : bool, optional
        Whether inputs may lose digits.
    on_unused_input : str, optional
        "raise", "warn" or "ignore".

    Returns
    -------
    Function

    Raises
    ------
    MissingInputError
        If something that is read is no input.
    UnusedInputError
        If an input is not needed, or stands twice.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> import autodiff_lab as ad, autodiff_lab.tensor as pt
    >>> x = pt.dscalar("x")
    >>> f = ad.function([x], ad.grad(x ** 2, x))
    >>> f(4)
    array(8.)
    """
    _refuse_unknown(unused)
    chosen = get_mode(mode)
    with collector_paused(), config.change_flags(compute_test_value="off"):
        spec = specify(
            inputs, outputs, updates, givens, no_default_updates, on_unused_input, rebuild_strict
        )
        variables = [*(given.variable for given in spec.inputs), *spec.shared]
        trace = RewriteTrace()
        fgraph = FunctionGraph(variables, spec.roots)
        on_fault = "raise" if chosen.checks == "compare" else "warn"
        rewrite(fgraph, chosen.phases, chosen.include, chosen.exclude, trace, on_fault)
        drop_unused(fgraph)
        return Function(spec, fgraph, chosen, trace, name, allow_input_downcast, bool(profile))


def _refuse_unknown(options: dict[str, Any]) -> None:
    """Complain of words that mean nothing: a misspelt one would change nothing in silence."""
    ours = inspect.signature(function).parameters
    for name in options:
        if name not in _FAMILY:
            near = difflib.get_close_matches(name, ours, n=1)
            raise LabTypeError(
                f"function takes no argument {name!r}.",
                why="it takes " + ", ".join(list(ours)[:-1]),
                remedy=f"did you mean {near[0]}?" if near else None,
            )


def function_dump(filename: Any, inputs: Any, outputs: Any = None, **options: Any) -> None:
    """Write the arguments of `function` to a file, as a pickled dict of data.

    Parameters
    ----------
    filename : str or path
    inputs, outputs, **options
        As for `function`.

    Examples
    --------
    >>> import os, pickle, tempfile
    >>> import autodiff_lab as ad, autodiff_lab.tensor as pt
    >>> x = pt.dscalar("x")
    >>> path = os.path.join(tempfile.mkdtemp(), "square.pkl")
    >>> function_dump(path, [x], x ** 2)
    >>> with open(path, "rb") as file:
    ...     ad.function(**pickle.load(file))(3.0)
    array(9.)
    """
    with open(filename, "wb") as file:
        pickle.dump({"inputs": inputs, "outputs": outputs, **options}, file)
