"""The family's constructors of input variables: `dmatrix("x")`, `scalars("x", "y")`, ...

Letters: b w i l for integers of 8 to 64 bits, f d for floats, c z for complex; without a letter
the dtype is floatX, read when the constructor is called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from autodiff_lab.errors import LabTypeError
from autodiff_lab.tensor import dtypes
from autodiff_lab.tensor.registry import FUNCTIONS, public
from autodiff_lab.tensor.type import TensorType

LETTERS = {
    "": "floatX",
    **dict(zip("bwil", dtypes.INTEGERS)), **dict(zip("fdcz", dtypes.CONTINUOUS[1:])),
}

SHAPES: dict[str, tuple[int | None, ...]] = {
    "scalar": (),
    "vector": (None,),
    "matrix": (None, None),
    "row": (1, None),
    "col": (None, 1),
    **{f"tensor{rank}": (None,) * rank for rank in range(3, 8)},
}

PLURALS = {"matrix": "matrices"}


@public()
def tensor(
    name: str | None = None, *, dtype: Any = None, shape: Sequence[int | None] | None = None,
    **old: Any,
) -> Any:
    """An input variable of any dtype and shape.

    Parameters
    ----------
    name : str, optional
        For old code, a dtype in this place is read as `dtype`.
    dtype : str, optional
        By default floatX.
    shape : sequence of int or None
        Length of each axis, None where it is not known.

    Examples
    --------
    >>> tensor("x", shape=(3, None)).type
    TensorType(float64, shape=(3, None))
    """
    if dtype is None and (name == "floatX" or name in dtypes.ALL):
        dtype, name = name, old.pop("name", None)
    if shape is None and "broadcastable" in old:
        return TensorType(dtype or "floatX", broadcastable=old.pop("broadcastable"))(name)
    if shape is None:
        raise LabTypeError("tensor() needs a shape.", remedy='tensor("x", shape=(3, None))')
    return TensorType("floatX" if dtype is None else dtype, shape)(name)


def _constructor(letter: str, kind: str) -> Callable[..., Any]:
    dims, default = SHAPES[kind], LETTERS[letter]

    def make(
        name: str | None = None, dtype: Any = None, shape: Sequence[int | None] | None = None
    ) -> Any:
        if dtype is not None and default != "floatX":
            raise LabTypeError(
                f"{make.__name__} has the dtype {default}.", remedy=f"{kind}(dtype=...)"
            )
        if shape is not None and len(shape) != len(dims):
            raise LabTypeError(
                f"{make.__name__} has rank {len(dims)}, the shape {shape} another one."
            )
        chosen = default if dtype is None else dtype
        return TensorType(chosen, dims if shape is None else shape)(name)

    make.__name__ = make.__qualname__ = letter + kind
    make.__doc__ = f"""A new input variable: {kind}, {default}.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional
        Only where the name of the constructor does not fix it.
    shape : sequence of int or None, optional
        Known lengths.
    """
    return make


def _plural(single: Callable[..., Any], name: str) -> Callable[..., Any]:
    def make(*names: Any, **options: Any) -> Any:
        if len(names) == 1 and isinstance(names[0], int):
            names = (None,) * names[0]
        if not names:
            names = (None,)
        made = [single(entry, **options) for entry in names]
        return made[0] if len(made) == 1 else made

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"Several variables at once: ``{name}('a', 'b')`` or ``{name}(2)``."
    return make


def _fill() -> None:
    for letter in LETTERS:
        for kind in SHAPES:
            single = _constructor(letter, kind)
            plural_name = letter + PLURALS.get(kind, kind + "s")
            FUNCTIONS[letter + kind] = single
            FUNCTIONS[plural_name] = _plural(single, plural_name)


_fill()
