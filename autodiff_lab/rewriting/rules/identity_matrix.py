"""Products with the identity matrix: what a sweep that carries all unit vectors leaves behind.

A Jacobian is built by carrying the rows of an identity matrix back through the graph.  Where they
meet nothing but elementwise factors, the result is diagonal: one product of n by n by n numbers
becomes a scaling of rows.
"""

from __future__ import annotations

from typing import Any

import autodiff_lab.tensor as pt
from autodiff_lab.graph import Apply, Constant, Variable
from autodiff_lab.rewriting.facts import Context
from autodiff_lab.rewriting.registry import node_rewriter
from autodiff_lab.tensor.creation import Eye
from autodiff_lab.tensor.products import Dot

CLIENT = "benchmark: Jacobian of tanh(W x)"


def _is_identity(variable: Variable) -> bool:
    owner = variable.owner
    if owner is None or not isinstance(owner.op, Eye):
        return False
    rows, columns, offset = owner.inputs
    return rows is columns and isinstance(offset, Constant) and int(offset.data) == 0


def _in_dtype(result: Any, node: Apply) -> Any:
    # the shape is right: the identity is square, and dot checks that the lengths between agree
    return pt.cast(result, node.outputs[0].type.dtype)  # type: ignore[attr-defined]


def _diagonal(variable: Any) -> Any:
    """v as a row, where a matrix is the identity times rows v; None where it is not."""
    row: Any = None
    while not _is_identity(variable):
        owner = variable.owner
        name = owner.op.name if owner is not None else ""
        if name == "neg":
            factor, variable = pt.constant(-1, dtype=variable.type.dtype), owner.inputs[0]
        elif name == "mul":
            rows = [v.type.shape[0] == 1 for v in owner.inputs]
            if not any(rows):
                return None
            place = rows.index(True)
            factor, variable = owner.inputs[place], owner.inputs[1 - place]
        elif name == "true_div" and owner.inputs[1].type.shape[0] == 1:
            factor, variable = 1.0 / owner.inputs[1], owner.inputs[0]
        else:
            return None
        row = factor if row is None else row * factor
    return row


@node_rewriter(
    [Dot], phase="canonicalize", client=CLIENT,
    example=lambda x: pt.dot(pt.eye(pt.flatten(x).shape[0]), pt.flatten(x)),
)
def product_with_identity(context: Context, node: Apply) -> Any:
    """The identity matrix times anything is that thing."""
    left, right = node.inputs
    if _is_identity(left):
        return _in_dtype(right, node)
    return _in_dtype(left, node) if _is_identity(right) else None


@node_rewriter(
    [Dot], phase="canonicalize", client=CLIENT,
    example=lambda x: pt.dot(
        pt.eye(pt.flatten(x).shape[0]) * pt.exp(pt.flatten(x)), pt.flatten(x)
    ),
)
def product_with_diagonal(context: Context, node: Apply) -> Any:
    """A diagonal matrix times a matrix scales its rows; from the right it scales columns."""
    left, right = node.inputs
    if left.type.ndim == 2 and not _is_identity(left):  # type: ignore[attr-defined]
        row = _diagonal(left)
        if row is not None and row.type.ndim == 2:
            vector = row.dimshuffle(1) if right.type.ndim == 1 else row.T  # type: ignore[attr-defined]
            return _in_dtype(vector * right, node)
    if left.type.ndim == right.type.ndim == 2 and not _is_identity(right):  # type: ignore[attr-defined]
        row = _diagonal(right)  # I times a row v is diag(v) from either side
        if row is not None and row.type.ndim == 2:
            return _in_dtype(left * row, node)
    return None
