"""`Variable.eval`: compile a variable, call it once, remember the function for the next time.

Relies on `compile.function`; reached through `hooks`.
"""

from __future__ import annotations

from typing import Any

from autodiff_lab.compile.call import Function
from autodiff_lab.compile.function import function
from autodiff_lab.compile.mode import get_mode
from autodiff_lab.errors import LabTypeError, LabValueError
from autodiff_lab.graph import Variable, ancestors

_MOST_REMEMBERED = 64
_remembered: dict[tuple[Any, ...], Function] = {}       # the last used at the end


def evaluate(variable: Variable, inputs_to_values: Any = None, **options: Any) -> Any:
    """The value of a variable, given values for its inputs.

    Parameters
    ----------
    variable : Variable
    inputs_to_values : dict, optional
        Variables, or their names, to values.
    **options
        For `function`: ``mode``, ``on_unused_input``, ``updates``, ...

    Examples
    --------
    >>> import autodiff_lab.tensor as pt
    >>> x, y = pt.dscalars("x", "y")
    >>> (x + y).eval({"x": 1.5, y: 2})
    array(3.5)
    """
    given = _by_variable(variable, inputs_to_values)
    inputs = tuple(given)
    mode = get_mode(options.get("mode"))
    key = (variable, inputs, mode, tuple(sorted(options.items(), key=str)))
    try:
        found = _remembered.get(key)
    except TypeError:                      # an option that cannot be a key: compile anew
        return function(list(inputs), variable, **options)(*given.values())
    if found is None:
        found = function(list(inputs), variable, **options)
    _remembered.pop(key, None)             # to the end; another thread may have been faster
    _remembered[key] = found
    for oldest in list(_remembered)[:-_MOST_REMEMBERED]:
        _remembered.pop(oldest, None)
    return found(*given.values())


def _by_variable(variable: Variable, values: Any) -> dict[Variable, Any]:
    """The given values by variable; names are looked up in the graph."""
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise LabTypeError(
            f"eval takes a dict from variables to values, not {type(values).__name__}.",
            remedy="y.eval({x: 2.0})",
        )
    found: dict[Variable, Any] = {}
    named = [v for v in ancestors([variable]) if v.name]
    for key, value in values.items():
        if isinstance(key, str):
            matches = [v for v in named if v.name == key]
            if len(matches) != 1:
                kind = "is not found" if not matches else "stands for several variables"
                raise LabValueError(
                    f"The name {key!r} {kind} in the graph.",
                    where=", ".join(sorted({str(v.name) for v in named}))[:200],
                    remedy="use the variable itself as the key",
                )
            key = matches[0]
        if not isinstance(key, Variable):
            raise LabTypeError(f"The keys of eval are variables or names, not {key!r:.60}.")
        if key in found:
            raise LabValueError(f"eval was given {key} twice, by name and by variable.")
        found[key] = value
    return found
