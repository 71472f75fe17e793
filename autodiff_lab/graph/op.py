"""`Op`: what an apply node applies.

An op is a hashable value: two ops are equal if they have the same class and the same values of
`__props__`.  It says how to make a node, how to compute, and how to differentiate.  User ops may
speak the older names (`grad`, `L_op`, `R_op`, `perform`): the methods here translate.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from autodiff_lab.errors import LabNotImplementedError, LabTypeError
from autodiff_lab.graph.basic import Apply
from autodiff_lab.graph.sentinels import Undefined

# What derivative rules take and give, in every room: short names for the many signatures.
Variables = Sequence[Any]  # variables of any type: a rule knows what its op takes
Tangents = Sequence[Any]  # variables, and None for what does not move
Terms = Sequence[Any]  # variables or the sentinels of `graph.sentinels`
Flags = Sequence[bool]

class Op:
    """Base of all ops.

    Attributes
    ----------
    __props__ : tuple of str, optional
        The attributes that tell two ops of one class apart.  Without it, identity decides.
    pure : bool
        False for ops with side effects: their nodes are never merged.
    typed_by_types : bool
        Whether the types of the inputs alone decide those of the outputs, so that a node may be
        copied onto other inputs of the same types without asking `make_node`.
    """

    __props__: tuple[str, ...] | None = None
    pure: bool = True
    typed_by_types: bool = False
    default_output: int | None = None
    view_map: dict[int, list[int]] = {}
    destroy_map: dict[int, list[int]] = {}

    @property
    def name(self) -> str:
        """The short name used when a graph is printed."""
        return type(self).__name__

    def _key(self) -> tuple[Any, ...]:
        names = self.__props__
        assert names is not None
        return (type(self), *(getattr(self, name) for name in names))

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other) or self.__props__ is None:
            return False
        assert isinstance(other, Op)
        return self._key() == other._key()

    def __hash__(self) -> int:
        cached: int | None = self.__dict__.get("_hash")
        if cached is None:
            key = self._key() if self.__props__ is not None else id(self)
            cached = self.__dict__["_hash"] = hash(key)
        return cached

    def __getstate__(self) -> dict[str, Any]:
        # A hash of text differs from process to process.
        return {key: value for key, value in self.__dict__.items() if key != "_hash"}

    def __str__(self) -> str:
        if not self.__props__:
            return type(self).__name__
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__props__)
        return f"{type(self).__name__}{{{values}}}"

    def __repr__(self) -> str:
        return str(self)

    # -- building ---------------------------------------------------------------------------

    def make_node(self, *inputs: Any) -> Apply:
        """Check the inputs and return a new apply node.

        User ops may declare `itypes` and `otypes` instead of writing this.
        """
        itypes = getattr(self, "itypes", None)
        otypes = getattr(self, "otypes", None)
        if itypes is None or otypes is None:
            raise LabNotImplementedError(
                f"{self} has no make_node.", remedy="write make_node, or itypes and otypes"
            )
        if len(inputs) != len(itypes):
            raise LabTypeError(f"{self} takes {len(itypes)} inputs, {len(inputs)} were given.")
        variables = [kind.filter_variable(value) for kind, value in zip(itypes, inputs)]
        return Apply(self, variables, [kind.make_variable() for kind in otypes])

    def __call__(
        self, *inputs: Any, name: str | None = None, return_list: bool = False, **kwargs: Any
    ) -> Any:
        """Apply the op: make a node and return its output, or the list of its outputs."""
        node = self.make_node(*inputs, **kwargs)
        if name is not None and len(node.outputs) == 1:
            node.outputs[0].name = name
        if return_list:
            return list(node.outputs)
        if self.default_output is not None or len(node.outputs) == 1:
            return node.default_output()
        return list(node.outputs)

    # -- computing --------------------------------------------------------------------------

    def evaluate(self, node: Apply, *arrays: Any) -> Any:
        """Compute with NumPy: the output, or a tuple of outputs."""
        storage: list[list[Any]] = [[None] for _ in node.outputs]
        destroyed = {place for places in self.destroy_map.values() for place in places}
        # others may read what this op writes to: it gets a copy
        given = [copy.copy(a) if place in destroyed else a for place, a in enumerate(arrays)]
        self.perform(node, given, storage)
        values = tuple(cell[0] for cell in storage)
        return values[0] if len(values) == 1 else values

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: list[list[Any]]) -> None:
        """Compute into `output_storage`; user ops write this one."""
        if type(self).evaluate is Op.evaluate:
            raise LabNotImplementedError(f"{self} cannot be computed: no perform.")
        values = self.evaluate(node, *inputs)
        if len(node.outputs) == 1:
            values = (values,)
        for cell, value in zip(output_storage, values):
            cell[0] = value

    def infer_shape(self, fgraph: Any, node: Apply, shapes: Sequence[Any]) -> Any:
        """The shapes of the outputs as variables; ops of the package answer from `out_dims`."""
        raise LabNotImplementedError(f"{self} does not say its shape.")

    # -- differentiating --------------------------------------------------------------------

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> Terms:
        """The cotangents of the inputs, given those of the outputs.

        Each entry is a variable, or `ZERO`, `DISCONNECTED` or ``Undefined(reason)``.
        """
        if hasattr(self, "L_op"):
            return list(self.L_op(inputs, outputs, cotangents))
        if hasattr(self, "grad"):
            return list(self.grad(inputs, cotangents))
        return [Undefined(f"{self} has no derivative rule (pullback, L_op or grad)")] * len(inputs)

    def pushforward(
        self, inputs: Variables, outputs: Variables, tangents: Tangents
    ) -> Terms | None:
        """The tangents of the outputs given those of the inputs; None: derived from pullback."""
        method = getattr(self, "R_op", None)
        return list(method(inputs, tangents)) if method is not None else None

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """For each input, which outputs depend on its elements."""
        return [[True] * len(node.outputs) for _ in node.inputs]
