"""Long kernels in slices, so that Ctrl-C is answered while they run.

What is here: `in_slices` for compiled kernels, `in_parts` for elementwise functions of NumPy.

Relies on `compile.kernel`: which array walks the outermost loop, and what one iteration costs.

The one idea: a compiled kernel cannot be interrupted, but Python looks at signals between two
calls of it.  A kernel that has much to do is called for one part of its outermost loop after the
other.  How long a part is follows from estimates and not from a clock: the same arrays are always
cut at the same places, so that sums have the same bits in every run.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff_lab.compile.kernel import WHOLE, Kernel, Parameter
from autodiff_lab.graph import Apply
from autodiff_lab.tensor.scalars import primitives as prim

SLICE = 20_000_000
"""Estimated additions per slice: some 20 milliseconds."""

WIDE = 4_000_000
"""Elements from which on NumPy computes an elementwise function in parts of a quarter of that."""

Launch = Callable[..., Any]


def in_parts(node: Apply) -> Launch:
    """An elementwise node, in parts along the longest axis of its result.

    What is returned takes the array to write to, or None for a new one, and the node's inputs.
    """

    def run(result: Any, *arrays: Any) -> Any:
        shape = np.broadcast_shapes(*(array.shape for array in arrays))
        axis = max(range(len(shape)), key=shape.__getitem__)
        length = shape[axis]
        step = max(1, length * WIDE // (4 * max(1, math.prod(shape))))
        for start in range(0, length, step):
            cut = (slice(None),) * axis + (slice(start, start + step),)
            part = node.op.evaluate(
                node, *(a[cut] if a.shape[axis] == length else a for a in arrays)
            )
            result = np.empty(shape, part.dtype) if result is None else result
            result[cut] = part
        return result

    return run


def in_slices(kernel: Kernel, launch: Launch) -> Launch:
    """`launch` for arrays of any size, in slices where they are large.

    Kernels without loops, with something running along the only one, or whose outermost loop does
    not walk the first axis of what it walks, come back as they are.
    """
    walked = [_walks(kernel, parameter) for parameter in kernel.parameters]
    extents = _extents(kernel)
    whole = len(kernel.loops) == 1 and kernel.running
    if whole or not kernel.loops or None in walked or True not in walked or extents is None:
        return launch
    lengths = [loop.extent for loop in kernel.loops if isinstance(loop.extent, int)]
    cost = (kernel.flops + len(kernel.parameters)) * math.prod(lengths)
    first = len(kernel.parameters) - len(kernel.outputs)
    totals = {
        first + number: prim.numpy_function(prim.PRIMITIVES[store.primitive].numpy)
        for number, store in enumerate(kernel.outputs)
        if store.primitive is not None and not walked[first + number]
    }
    guide = walked.index(True)

    def run(*arrays: Any) -> None:
        work = cost
        for place, axis in extents:
            work *= arrays[place].shape[axis]
        if work <= SLICE:
            launch(*arrays)
            return
        length = len(arrays[guide])
        step = max(1, length * SLICE // work)
        parts: dict[int, Any] = {}
        for start in range(0, length, step):
            launch(*(a[start:start + step] if cut else a for a, cut in zip(arrays, walked)))
            for place, combine in totals.items():
                value = arrays[place].copy()
                parts[place] = combine(parts[place], value) if place in parts else value
        for place, total in parts.items():
            arrays[place][...] = total

    return run


def _walks(kernel: Kernel, parameter: Parameter) -> bool | None:
    """Whether the outermost loop walks an array; None where it does not walk its first axis."""
    axes = parameter.axes
    if kernel.is_flat:
        return bool(axes)
    if 0 not in axes:
        return False
    whole = not parameter.parts or parameter.parts[0] == WHOLE
    return True if axes[0] == 0 and axes.count(0) == 1 and whole else None


def _extents(kernel: Kernel) -> list[tuple[int, int]] | None:
    """The array and axis that give the length of each loop; None where a number gives the first."""
    places = {parameter.name: place for place, parameter in enumerate(kernel.parameters)}
    if kernel.is_flat:
        return [(next(n for n, p in enumerate(kernel.parameters) if p.axes), 0)]
    found = [(places[e[0]], e[1]) for e in (loop.extent for loop in kernel.loops)
             if not isinstance(e, int)]
    return None if kernel.loops and isinstance(kernel.loops[0].extent, int) else found


