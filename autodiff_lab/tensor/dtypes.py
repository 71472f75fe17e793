"""The dtype rules: which dtype comes out of which, by the family's table.

They are PyTensor's, not NumPy's: ``exp`` of int8 is float32, a Python int becomes the smallest
integer type that holds it, a Python float becomes float32 only where that is exact.  A rule maps
the dtypes of the inputs to (the dtypes to compute in, the dtype of the result).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from autodiff_lab.config import config
from autodiff_lab.errors import LabTypeError

INTEGERS = ("int8", "int16", "int32", "int64")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
FLOATS = ("float16", "float32", "float64")
COMPLEX = ("complex64", "complex128")
DISCRETE = ("bool", *INTEGERS, *UNSIGNED)
CONTINUOUS = (*FLOATS, *COMPLEX)
ALL = (*DISCRETE, *CONTINUOUS)
_KNOWN = frozenset(ALL)

# single precision where it holds every value, else double
_TO_FLOAT = {dtype: np.promote_types(dtype, "float32").name for dtype in DISCRETE}

DtypeRule = Callable[..., tuple[tuple[str, ...], str]]


def canonical(dtype: object) -> str:
    """The name of a dtype; ``"floatX"`` is read from the settings.

    Raises
    ------
    TypeError
        If it is none of `ALL`.
    """
    if isinstance(dtype, str):
        if dtype == "floatX":
            return str(config.floatX)
        if dtype in _KNOWN:  # asking NumPy for a name costs ten times as much
            return dtype
    try:
        name = np.dtype(dtype).name  # type: ignore[call-overload]
    except TypeError:
        name = str(dtype)
    if name not in ALL:
        raise LabTypeError(f"Unsupported dtype {dtype!r}.", remedy="one of " + ", ".join(ALL))
    return str(name)


def is_discrete(dtype: str) -> bool:
    """Whether values of the dtype are whole numbers or booleans: nothing to differentiate."""
    return dtype in DISCRETE


def numpy_name(dtype: str) -> str:
    """The name of a dtype in NumPy's namespace."""
    return "bool_" if dtype == "bool" else dtype


def upcast(*dtypes: str) -> str:
    """The smallest dtype that holds values of all the given ones."""
    found = dtypes[0]
    for dtype in dtypes[1:]:
        if dtype != found:
            found = np.promote_types(found, dtype).name
    return found


def to_float(dtype: str) -> str:
    """The float dtype in which a mathematical function of this dtype is computed."""
    return _TO_FLOAT.get(dtype, dtype)


def gradient_dtype(dtype: str) -> str:
    """The dtype of a derivative with respect to a variable of this dtype."""
    return str(config.floatX) if is_discrete(dtype) else dtype


def autocast(value: int | float | complex | bool) -> np.ndarray:
    """A Python number as an array of the dtype that the family gives it.

    Examples
    --------
    >>> autocast(2).dtype, autocast(1000).dtype, autocast(2.5).dtype, autocast(0.1).dtype
    (dtype('int8'), dtype('int16'), dtype('float32'), dtype('float64'))
    """
    if isinstance(value, bool):
        return np.asarray(value)
    if isinstance(value, int):
        for dtype in INTEGERS:
            bounds = np.iinfo(dtype)
            if bounds.min <= value <= bounds.max:
                return np.asarray(value, dtype=dtype)
        if 0 <= value <= np.iinfo("uint64").max:
            return np.asarray(value, dtype="uint64")
        raise LabTypeError(
            f"The integer {str(value)[:40]} has more than 64 bits.", remedy="use a float"
        )
    if isinstance(value, float):
        if config.floatX != "float64":
            return np.asarray(value, dtype=config.floatX)
        with np.errstate(all="ignore"):
            single = np.float32(value)
        exact = float(single) == value or value != value
        return np.asarray(value, dtype="float32" if exact else "float64")
    return np.asarray(value)


# -- rules: dtypes of the inputs -> (dtypes to compute in, dtype of the result) ------------------


def rule_upcast(*dtypes: str) -> tuple[tuple[str, ...], str]:
    """Compute and answer in the common dtype."""
    common = upcast(*dtypes)
    return (common,) * len(dtypes), common


def rule_upcast_no_bool(*dtypes: str) -> tuple[tuple[str, ...], str]:
    """As `rule_upcast`; booleans are refused, because they have no minus."""
    common = upcast(*dtypes)
    if common == "bool":
        raise LabTypeError(
            "Booleans cannot be subtracted or negated.",
            remedy="`~a` negates, `a ^ b` tells differences, cast(a, 'int8') counts",
        )
    return (common,) * len(dtypes), common


def rule_float(*dtypes: str) -> tuple[tuple[str, ...], str]:
    """Compute in floating point."""
    common = to_float(upcast(*dtypes))
    return (common,) * len(dtypes), common


def rule_float_no_complex(*dtypes: str) -> tuple[tuple[str, ...], str]:
    """Compute in floating point; complex numbers have no order and are refused."""
    if to_float(upcast(*dtypes)) in COMPLEX:
        raise LabTypeError("This function is not defined for complex numbers.")
    return rule_float(*dtypes)


def rule_true_divide(*dtypes: str) -> tuple[tuple[str, ...], str]:
    """Division: two whole numbers give floatX."""
    common = upcast(*dtypes)
    result = str(config.floatX) if is_discrete(common) else common
    return (result,) * len(dtypes), result


def rule_compare(*dtypes: str) -> tuple[tuple[str, ...], str]:
    """Compare in the common dtype, answer a boolean."""
    return (upcast(*dtypes),) * len(dtypes), "bool"


def rule_test(*dtypes: str) -> tuple[tuple[str, ...], str]:
    """Test each value in its own dtype, answer a boolean."""
    return dtypes, "bool"


def rule_same(*dtypes: str) -> tuple[tuple[str, ...], str]:
    """The dtype of the (first) input."""
    return dtypes, dtypes[0]


def rule_second(*dtypes: str) -> tuple[tuple[str, ...], str]:
    """The dtype of the second input, whatever the first is."""
    return dtypes, dtypes[1]


def rule_switch(*dtypes: str) -> tuple[tuple[str, ...], str]:
    """A condition and two branches of a common dtype."""
    common = upcast(*dtypes[1:])
    return ("bool", common, common), common


def rule_discrete(*dtypes: str) -> tuple[tuple[str, ...], str]:
    """Bits of whole numbers or booleans."""
    common = upcast(*dtypes)
    if not is_discrete(common):
        raise LabTypeError(
            f"Bitwise and logical operators take booleans or integers, not {common}.",
            remedy="x ** 2 is the power; of conditions: (a > 0) & (b > 0)",
        )
    return (common,) * len(dtypes), common


def rule_magnitude(*dtypes: str) -> tuple[tuple[str, ...], str]:
    """The dtype itself; for complex numbers the dtype of their parts."""
    result = {"complex64": "float32", "complex128": "float64"}.get(dtypes[0], dtypes[0])
    return dtypes, result


def rule_to(target: str) -> DtypeRule:
    """The rule of a cast: whatever comes in, `target` comes out."""

    def rule(*dtypes: str) -> tuple[tuple[str, ...], str]:
        if dtypes[0] in COMPLEX and target not in COMPLEX:
            raise LabTypeError(
                f"Casting from complex to real is ambiguous: {dtypes[0]} to {target}.",
                remedy="take real(x), imag(x), angle(x) or abs(x)",
            )
        return dtypes, target

    return rule


RULES: dict[str, DtypeRule] = {
    rule.__name__.removeprefix("rule_"): rule
    for rule in (
        rule_upcast, rule_upcast_no_bool, rule_float, rule_float_no_complex, rule_true_divide,
        rule_compare, rule_test, rule_same, rule_second, rule_switch, rule_discrete,
        rule_magnitude,
    )
}
