"""What rules may ask about variables: constant values, equal shapes, numbers of readers.

`Context` is handed to every rule.  Answers are remembered per variable, and found without
recursion.  Relies on `tensor` for the ops, on `rewriting.lengths` for shapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autodiff_lab.graph import Constant, FunctionGraph, Variable
from autodiff_lab.rewriting.lengths import CHANGES, Lengths
from autodiff_lab.tensor.axes import DimShuffle
from autodiff_lab.tensor.constants import as_tensor_variable, constant, spread_from
from autodiff_lab.tensor.elemwise import Elemwise
from autodiff_lab.tensor.registry import function

UNIFORM_SIZE = 4096
"""Constants up to this size are looked at to see whether all their elements are equal."""


CONSTANT = object()
"""A head that any constant fits; that of a constant whose elements differ."""


def is_cast(variable: Variable) -> bool:
    """Whether a cast computes the variable."""
    owner = variable.owner
    return owner is not None and type(owner.op) is Elemwise and owner.op.name.startswith("cast")


def is_plumbing(variable: Variable) -> bool:
    """Whether a pattern looks through it: axes added, or one real dtype turned into another."""
    owner = variable.owner
    if owner is None:
        return False
    op = owner.op
    if type(op) is DimShuffle:
        return op.only_adds_axes
    return is_cast(variable) and kind(variable) == "f" and kind(owner.inputs[0]) == "f"


def kind(variable: Any) -> str:
    """NumPy's letter for the kind of a variable's dtype."""
    return str(np.dtype(variable.type.dtype).kind)


class Context:
    """What a rule may look at besides the node.

    Attributes
    ----------
    fgraph : FunctionGraph
        The graph that is rewritten; its outputs are those of the start of the pass.
    phase : str
        The phase that runs.
    notes : dict
        Where rules may keep what they found, by node.
    """

    def __init__(self, fgraph: FunctionGraph, phase: str = "canonicalize") -> None:
        self.fgraph = fgraph
        self.phase = phase
        self.notes: dict[Any, Any] = {}
        self._values: dict[Variable, Any] = {}
        self.lengths = Lengths().space
        self._heads: dict[Variable, Any] = {}
        self._constants: dict[tuple[Variable, str], Any] = {}
        self._lenders: dict[Variable, Variable] = {}

    # -- constants --------------------------------------------------------------------------

    def scalar_value(self, variable: Variable) -> Any:
        """The one number that all elements are known to have, as a NumPy scalar, or None."""
        path = []
        found = None
        while True:
            if variable in self._values:
                found = self._values[variable]
                break
            path.append(variable)
            if isinstance(variable, Constant):
                found = _uniform(variable.data)
                break
            below = _same_elements(variable)
            if below is None:
                break
            variable = below
        for passed in reversed(path):
            if found is not None and found.dtype != passed.type.dtype:  # type: ignore[attr-defined]
                found = found.astype(passed.type.dtype)  # type: ignore[attr-defined]
            self._values[passed] = found
        return found

    def constant(self, variable: Any, dtype: str) -> Any:
        """A constant of the graph in another dtype, made once."""
        key = (variable, dtype)
        found = self._constants.get(key)
        if found is None:
            made = constant(variable.data, dtype=dtype)
            found = self._constants[key] = self.fgraph.table.constant(made)
        return found

    def head(self, variable: Variable) -> Any:
        """What a pattern sees first: a number, the name of the op, `CONSTANT`, "" for an input."""
        found = self._heads.get(variable)
        if found is None:
            inner = variable
            while is_plumbing(inner):
                inner = inner.owner.inputs[0]  # type: ignore[union-attr]
            value = self.scalar_value(inner)
            if value is not None:
                found = value.item()
            elif inner.owner is not None:
                found = inner.owner.op.name
            else:
                found = CONSTANT if isinstance(inner, Constant) else ""
            self._heads[variable] = found
        return found

    # -- shapes -----------------------------------------------------------------------------

    def same_shape(self, a: Any, b: Any) -> bool:
        """Whether two variables have one shape in every run that does not fail."""
        if len(a.type.shape) != len(b.type.shape):
            return False
        if a.type.shape == b.type.shape and None not in a.type.shape:
            return True
        return self.lengths(a) == self.lengths(b)

    def shape_lender(self, variable: Any) -> Any:
        """The variable nearest to the inputs from which `variable` is computed, elementwise or by
        changing parts, and which has its shape."""
        path = []
        while variable not in self._lenders:
            path.append(variable)
            owner = variable.owner
            if owner is not None and owner.op.name in CHANGES:
                variable = owner.inputs[0]
                continue
            if owner is None or type(owner.op) is not Elemwise:
                self._lenders[variable] = variable
                break
            # A constant, or a variable that needs no computing, is the best lender.
            same = [v for v in owner.inputs if self.same_shape(v, variable)]
            if not same:
                self._lenders[variable] = variable
                break
            variable = min(same, key=lambda v: v.owner is not None)
        found = self._lenders[variable]
        for passed in path:
            self._lenders[passed] = found
        return found

    # -- putting a replacement into shape -----------------------------------------------------

    def conform(self, new: Any, old: Any, leaves: Sequence[Any] = ()) -> Any:
        """`new` with the dtype and shape of `old`, or None where that cannot be had.

        Parameters
        ----------
        new : variable or number
        old : Variable
        leaves : sequence of Variable
            Variables that `old` is an elementwise function of: they lend their shape.
        """
        result = as_tensor_variable(new)
        wanted = old.type
        if result.type.ndim > wanted.ndim:
            return None
        if result.type.dtype != wanted.dtype:
            if kind(result) == "c" and kind(old) != "c":
                return None
            result = function("cast")(result, wanted.dtype)
        if result.type.ndim < wanted.ndim:
            result = function("atleast_rank")(result, wanted.ndim)
        if not self.same_shape(result, old):
            result = self._stretched(result, old, leaves)
        if result is None or not wanted.is_super(result.type):
            return None
        return result

    def _stretched(self, result: Any, old: Any, leaves: Sequence[Any]) -> Any:
        """`result` filled to the shape of `old` by means of the leaves; None if they do not do."""
        wanted = self.lengths(old)
        for leaf in leaves:
            have = self.lengths(result)
            lent = self.lengths(leaf)
            if len(lent) != len(wanted):
                continue
            helps = any(h != w and t == w for h, t, w in zip(have, lent, wanted))
            harms = any(h == w and t not in (1, w) for h, t, w in zip(have, lent, wanted))
            if helps and not harms:
                result = function("second")(leaf, result)
            if self.same_shape(result, old):
                return result
        return result if self.same_shape(result, old) else None

    # -- readers ----------------------------------------------------------------------------

    def readers(self, variable: Variable) -> int:
        """How many places read it, counted at the start of the pass (a rule that asks says
        ``uses={"clients"}``)."""
        return len(self.fgraph.clients.get(variable, ()))


def _uniform(data: Any) -> Any:
    if not isinstance(data, np.ndarray) or data.size == 0:
        return None
    first = data.reshape(-1)[0]
    if data.size == 1 or (data.size <= UNIFORM_SIZE and bool((data == first).all())):
        return first
    return None


def _same_elements(variable: Any) -> Variable | None:
    """The variable whose elements these are, but for their dtype."""
    found: Variable | None
    found = variable.owner.inputs[0] if is_cast(variable) else spread_from(variable)
    return found
