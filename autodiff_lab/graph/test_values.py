"""Values that a graph is tried on while it is written: `tag.test_value`.

With ``config.compute_test_value`` on, each node is computed when it is made, and a mistake shows on
the line that makes it.  Relies on `Op.evaluate`.  Nothing of this costs anything until it is first
switched on: only then does `Apply` get a watcher.
"""

from __future__ import annotations

import warnings
from typing import Any

from autodiff_lab.config import config
from autodiff_lab.errors import LabAttributeError
from autodiff_lab.graph import basic, source
from autodiff_lab.graph.basic import Apply, Constant, Variable, describe


def watch() -> None:
    """Let every node that is made from now on be computed, where the setting says so."""
    basic.watchers = [_try_out]


def get_test_value(variable: Variable) -> Any:
    """The value of a constant or shared variable, else ``variable.tag.test_value``.

    Raises
    ------
    LabAttributeError
        If it has none.

    Examples
    --------
    >>> import autodiff_lab as ad, autodiff_lab.tensor as pt
    >>> x = pt.dscalar("x")
    >>> x.tag.test_value = 3.0
    >>> with ad.config.change_flags(compute_test_value="raise"):
    ...     get_test_value(x ** 2)
    array(9.)
    """
    if isinstance(variable, Constant):
        return variable.data
    if hasattr(variable, "container"):
        return variable.container.value
    if not hasattr(variable.tag, "test_value"):
        raise LabAttributeError(
            f"{describe(variable)} has no test value.", remedy="set x.tag.test_value = array"
        )
    return variable.type.filter(variable.tag.test_value)


def _try_out(node: Apply) -> None:
    setting = config.compute_test_value
    if setting == "off" or source.anonymous():  # a rule that is being read
        return
    try:
        values = [get_test_value(variable) for variable in node.inputs]
    except LabAttributeError as error:
        if setting in ("raise", "pdb"):
            raise
        if setting == "warn":
            warnings.warn(str(error), UserWarning, stacklevel=5)
        return
    results = node.op.evaluate(node, *values)
    for output, value in zip(node.outputs, results if len(node.outputs) > 1 else (results,)):
        output.tag.test_value = value
