"""exp, log, log1p, expm1, sin, cos, tanh, sigmoid, softplus and pow without a branch.

What is here: one Python function for each, over the values of an `Emitter`, and `write`, which
gives its LLVM IR.

Relies on `coefficients.json`, which tests/make_coefficients.py makes with mpmath.

The one idea: reduce the argument to a small interval, exactly or to twice the digits, evaluate a
polynomial there, and undo the reduction; what the formulas get wrong at 0, infinity and NaN is
chosen away at the end.  Only large angles need something else: a call, which has forms for several
lanes (named to LLVM's vectoriser by an attribute) and returns at once where none of them is large.

Sources of the methods: Tang, doi:10.1145/63522.214389 (exp) and doi:10.1145/98267.98294 (log);
Cody and Waite, Software Manual for the Elementary Functions, 1980 (reduction by a constant in two
parts); Payne and Hanek, doi:10.1145/1057600.1057602 (huge angles); Dekker, doi:10.1007/BF01397083,
and Knuth, The Art of Computer Programming 2, 4.2.2 (exact sums and products).
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable
from importlib import resources

from autodiff_lab.backends.vector_math.emitter import DOUBLE, Emitter, Value, Width

LOG2E = 1 / math.log(2.0)
LANES = (2, 4, 8, 16)


@functools.cache
def _coefficients(bits: int) -> dict[str, tuple[float, ...]]:
    """The tables for a width."""
    page = resources.files("autodiff_lab.backends.vector_math") / "coefficients.json"
    tables = json.loads(page.read_text(encoding="utf8"))[str(bits)]
    return {name: tuple(map(float.fromhex, table)) for name, table in tables.items()}


def _table(e: Emitter, name: str) -> tuple[float, ...]:
    return _coefficients(e.width.bits)[name]


# -- exponentials -------------------------------------------------------------------------------


def _clamped(e: Emitter, x: Value, low: float, high: float) -> Value:
    """x between two bounds; NaN stays."""
    x = e.select(x < low, low, x)
    return e.select(x > high, high, x)


def _reduced(e: Emitter, x: Value) -> tuple[Value, Value]:
    """Integer n (as a float) and small r with x = n log(2) + r."""
    high, low = _table(e, "ln2")
    n = e.fma(x, LOG2E, e.width.magic) - e.width.magic
    return n, e.fma(n, -low, e.fma(n, -high, x))


def _power_of_two(e: Emitter, n: Value) -> Value:
    """2**n for an integer n of the normal range."""
    return e.float((e.bits(n + e.width.magic) + e.width.bias) << e.width.digits)


def _above_one(e: Emitter, r: Value) -> Value:
    """exp(r) - 1 for small r."""
    return e.fma(r * r, e.polynomial(r, _table(e, "exp")), r)


def _range(e: Emitter) -> tuple[float, float]:
    """Below the first exp is 0, above the second it is infinite."""
    return (-746.0, 710.0) if e.width is DOUBLE else (-104.5, 89.0)


def _scaled(e: Emitter, value: Value, n: Value) -> Value:
    """value * 2**n, in two steps so that the result may be subnormal or infinite."""
    half = e.fma(n, 0.5, e.width.magic) - e.width.magic
    return value * _power_of_two(e, half) * _power_of_two(e, n - half)


def exp(e: Emitter, x: Value) -> Value:
    """e**x."""
    n, r = _reduced(e, _clamped(e, x, *_range(e)))
    return _scaled(e, _above_one(e, r) + 1.0, n)


def expm1(e: Emitter, x: Value) -> Value:
    """e**x - 1: 2**n (e**r - 1) + (2**n - 1), both halved so that 2**n stays finite."""
    n, r = _reduced(e, _clamped(e, x, -40.0, _range(e)[1]))
    half = _power_of_two(e, n - 1.0)
    value = e.fma(half, _above_one(e, r), half - 0.5) * 2.0
    return e.select(e.abs(x) < 2.0 ** -(e.width.digits + 2), x, value)


def tanh(e: Emitter, x: Value) -> Value:
    """tanh(x) = -u / (2 + u) with u = exp(-2|x|) - 1."""
    u = expm1(e, e.abs(x) * -2.0)
    return e.copysign(u / (u + 2.0), x)


def sigmoid(e: Emitter, x: Value) -> Value:
    """1 / (1 + exp(-x)), by exp(-|x|), which does not overflow."""
    decay = exp(e, -e.abs(x))
    return e.select(x < 0.0, decay, 1.0) / (decay + 1.0)


# -- logarithms ---------------------------------------------------------------------------------


def _split(e: Emitter, x: Value) -> tuple[Value, Value]:
    """k and f with x = 2**k (1 + f) and 1 + f between sqrt(1/2) and sqrt(2); x is positive."""
    width = e.width
    subnormal = x < width.smallest
    lifted = 2.0 ** (width.digits + 2)
    pattern = e.bits(e.select(subnormal, x * lifted, x))
    one, root = width.bits_of(1.0), width.bits_of(math.sqrt(0.5))
    biased = (pattern + (one - root)) >> width.digits
    z = e.float(pattern - (biased << width.digits) + one)
    k = e.float(biased | width.bits_of(width.magic)) - (width.magic + width.bias)
    return e.select(subnormal, k - float(width.digits + 2), k), z - 1.0


def _logarithm(e: Emitter, x: Value, rest: Value | None = None) -> Value:
    """log(x) for positive finite x, plus a small rest.

    With s = f / (2 + f), log(1 + f) is f - f**2/2 + s (f**2/2 + s**2 P(s**2)).
    """
    high, low = _table(e, "ln2")
    k, f = _split(e, x)
    s = f / (f + 2.0)
    w = s * s
    half_square = f * f * 0.5
    small = e.fma(s, e.fma(w, e.polynomial(w, _table(e, "log")), half_square), k * low)
    if rest is not None:
        small = small + rest
    return e.fma(k, high, f - (half_square - small))


def log(e: Emitter, x: Value) -> Value:
    """The natural logarithm."""
    value = e.select(x < math.inf, _logarithm(e, x), x)
    value = e.select(x.equals(0.0), -math.inf, value)
    return e.select(x < 0.0, math.nan, value)


def log1p(e: Emitter, x: Value) -> Value:
    """log(1 + x): the logarithm of the rounded sum, plus the rounding error over the sum."""
    total, error = e.exact_sum(x, 1.0)
    value = _logarithm(e, total, error / total)
    value = e.select(x < math.inf, value, x)
    value = e.select(x.equals(-1.0), -math.inf, value)
    value = e.select(x < -1.0, math.nan, value)
    return e.select(e.abs(x) < 2.0 ** -(e.width.digits + 2), x, value)


def softplus(e: Emitter, x: Value) -> Value:
    """log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)); NaN comes through the second term."""
    return e.select(x > 0.0, x, 0.0) + log1p(e, exp(e, -e.abs(x)))


# -- angles, in double precision ------------------------------------------------------------------

NEAR = 16384.0
"""Angles below are reduced on the spot, others in a function of their own, lane by lane."""


def _near_turns(e: Emitter, x: Value) -> tuple[Value, Value, Value]:
    """x / (pi/2) as an integer and the rest, which comes back as an angle in two parts."""
    first, second, third = _table(e, "half_pi_parts")
    whole = e.fma(x, 2 / math.pi, e.width.magic) - e.width.magic
    # both products are exact: 39 digits times 14
    rest = x - whole * first
    part = whole * second
    theta = rest - part
    error = e.fma(whole, -third, (rest - theta) - part)
    return whole, *e.ordered_sum(theta, error)


def _far_turns(e: Emitter, x: Value) -> tuple[Value, Value, Value]:
    """The same for any x, the integer modulo 4.

    Above 2**52 x is an integer times 2**(16 b), and multiples of 4 may be dropped from
    2**(16 b) * 2/pi beforehand; the table holds what remains, in four doubles, for every b.
    """
    table = _table(e, "turns")
    pattern = e.bits(x)
    exponent = (pattern >> 52) & 0x7FF
    exponent = e.select(exponent > 1075, exponent, 1075)
    step = (exponent - 1075) >> 4
    y = e.float(pattern - (step << 56))
    t = [e.table("turns", table, (step << 2) + part) for part in range(4)]
    (p0, q0), (p1, q1), (p2, q2) = (e.exact_product(y, part) for part in t[:3])
    p0 = e.fma(e.rint(p0 * 0.25), -4.0, p0)
    a, a_rest = e.exact_sum(q0, p1)
    high, high_rest = e.exact_sum(p0, a)
    whole = e.rint(high)
    b, b_rest = e.exact_sum(q1, p2)
    c, c_rest = e.exact_sum(a_rest, high_rest)
    d, d_rest = e.exact_sum(b, c)
    turn, rest = e.exact_sum(high - whole, d)
    rest = rest + (d_rest + (c_rest + (b_rest + e.fma(y, t[3], q2))))
    angle, low = _table(e, "half_pi")
    theta, error = e.exact_product(turn, angle)
    return whole, *e.ordered_sum(theta, e.fma(turn, low, e.fma(rest, angle, error)))


def _from_turns(e: Emitter, turns: tuple[Value, Value, Value], ahead: int) -> Value:
    """The sine of an angle that comes as quarter turns and a rest, or (ahead 1) the cosine."""
    whole, theta, error = turns
    quarter = e.bits(whole + e.width.magic) + ahead
    w = theta * theta
    # sin(theta + error) and cos(theta + error), the latter with 1 - w/2 to twice the digits
    sine = theta + e.fma(w * e.polynomial(w, _table(e, "sin")), theta, error)
    half = w * 0.5
    top = 1.0 - half
    tail = e.fma(w * w, e.polynomial(w, _table(e, "cos")), -(theta * error))
    cosine = top + (((1.0 - top) - half) + tail)
    value = e.select((quarter & 1).equals(0), sine, cosine)
    return e.float(e.bits(value) ^ ((quarter & 2) << 62))


def far(e: Emitter, x: Value, ahead: int) -> Value:
    """The sine or cosine of any angle; NaN for infinity."""
    return e.select(e.abs(x) < math.inf, _from_turns(e, _far_turns(e, x), ahead), x - x)


def _sine_or_cosine(e: Emitter, x: Value, ahead: int) -> Value:
    value = _from_turns(e, _near_turns(e, x), ahead)
    return e.select(e.abs(x) < NEAR, value, e.far(FAR[ahead], x))


FAR = ("autodiff_lab_far_sin", "autodiff_lab_far_cos")


def sin(e: Emitter, x: Value) -> Value:
    """The sine; that of a tiny angle is the angle, also that of -0."""
    return e.select(e.abs(x) < 2.0 ** -27, x, _sine_or_cosine(e, x, 0))


def cos(e: Emitter, x: Value) -> Value:
    """The cosine."""
    return _sine_or_cosine(e, x, 1)


def write_far(fused: bool) -> str:
    """The LLVM IR of what `sin` and `cos` call: for one angle, and for several lanes."""
    texts = []
    for ahead, name in enumerate(FAR):
        e = Emitter(DOUBLE, fused)
        result = far(e, Value(e, "%x0", "f"), ahead)
        lines = [f"define double @{name}(double %x0) noinline nounwind {{", *e.lines,
                 f"  ret double {result.text}", "}", *(_lanes(name, lanes) for lanes in LANES)]
        texts.append("\n".join(lines))
    return "\n".join([*texts, _declarations(e), _tables(e), ""])


def _lanes(name: str, lanes: int) -> str:
    """The function for several lanes: 0 where no lane is far, else each of them in turn."""
    kind = f"<{lanes} x double>"
    limit = ", ".join([f"double {NEAR:e}"] * lanes)
    lines = [
        f"define {kind} @{name}_{lanes}({kind} %x) noinline nounwind {{",
        f"  %size = call {kind} @llvm.fabs.v{lanes}f64({kind} %x)",
        f"  %near = fcmp olt {kind} %size, <{limit}>",
        f"  %all = call i1 @llvm.vector.reduce.and.v{lanes}i1(<{lanes} x i1> %near)",
        "  br i1 %all, label %none, label %some",
        "none:", f"  ret {kind} zeroinitializer", "some:",
    ]
    made = "zeroinitializer"
    for lane in range(lanes):
        lines += [f"  %x{lane} = extractelement {kind} %x, i32 {lane}",
                  f"  %y{lane} = call double @{name}(double %x{lane})",
                  f"  %r{lane} = insertelement {kind} {made}, double %y{lane}, i32 {lane}"]
        made = f"%r{lane}"
    return "\n".join([*lines, f"  ret {kind} {made}", "}"])


# -- powers, in double precision ------------------------------------------------------------------


def _long_logarithm(e: Emitter, x: Value) -> tuple[Value, Value]:
    """log(x) in two parts: k log(2) + s (2 + 2/3 s**2 + s**4 P(s**2)), the last in one part."""
    high, low = _table(e, "ln2")
    third, third_rest = _table(e, "two_thirds")
    k, f = _split(e, x)
    below = f + 2.0
    below_rest = f - (below - 2.0)
    s = f / below
    product, error = e.exact_product(s, below)
    s_rest = (((f - product) - error) - s * below_rest) / below
    w, w_rest = e.exact_product(s, s)
    w_rest = e.fma(s * 2.0, s_rest, w_rest)
    a, a_rest = e.exact_product(w, third)
    a_rest = e.fma(w, third_rest, e.fma(w_rest, third, a_rest))
    tail = w * w * e.polynomial(w, _table(e, "log_tail"))
    factor, factor_rest = e.ordered_sum(2.0, a)
    factor_rest = factor_rest + (a_rest + tail)
    p, p_rest = e.exact_product(s, factor)
    p_rest = e.fma(s, factor_rest, e.fma(s_rest, factor, p_rest))
    total, rest = e.exact_sum(k * high, p)
    return e.ordered_sum(total, rest + e.fma(k, low, p_rest))


def pow(e: Emitter, x: Value, y: Value) -> Value:
    """x**y = exp(y log|x|), with the logarithm and the product to twice the digits."""
    size = e.abs(x)
    high, low = _long_logarithm(e, size)
    bounded = _clamped(e, y, -(2.0 ** 65), 2.0 ** 65)
    q, q_rest = e.exact_product(bounded, high)
    q_rest = e.fma(bounded, low, q_rest)
    q_rest = e.select(e.abs(q) < 800.0, q_rest, 0.0)
    n, r = _reduced(e, _clamped(e, q, *_range(e)))
    value = _scaled(e, _above_one(e, r + q_rest) + 1.0, n)
    huge, gone = size.equals(math.inf), size.equals(0.0)
    edge = e.select(e.select(y > 0.0, 1, 0).equals(e.select(huge, 1, 0)), math.inf, 0.0)
    value = e.select(huge, edge, e.select(gone, edge, value))
    whole = e.floor(y)
    half = y * 0.5
    odd = e.select(whole.equals(y), e.select(e.floor(half).differs(half), 1, 0), 0)
    value = e.float(e.bits(value) ^ (e.bits(x) & (odd << 63)))
    fraction = e.select(x < 0.0, e.select(whole.differs(y), e.select(huge, 0, 1), 0), 0)
    value = e.select(fraction.equals(1), math.nan, value)
    value = e.select(x.differs(x), x, e.select(y.differs(y), y, value))
    return e.select(x.equals(1.0), 1.0, e.select(y.equals(0.0), 1.0, value))


FUNCTIONS: dict[str, tuple[int, Callable[..., Value]]] = {
    **{function.__name__: (1, function)
       for function in (exp, log, log1p, expm1, sin, cos, tanh, sigmoid, softplus)},
    "pow": (2, pow),
}
"""Name -> how many arguments, and what writes it."""
IN_DOUBLE = frozenset({"sin", "cos", "pow"})
"""Written for double precision only; in single precision they convert to it and back."""


def symbol(name: str, width: Width) -> str:
    """How the compiled function is called."""
    return f"autodiff_lab_{name}_f{width.bits}"


def write(name: str, width: Width, fused: bool) -> str:
    """The LLVM IR of one function.

    Examples
    --------
    >>> from autodiff_lab.backends.vector_math.emitter import WIDTHS
    >>> print(write("sigmoid", WIDTHS["float32"], fused=True).splitlines()[0])
    define float @autodiff_lab_sigmoid_f32(float %x0) alwaysinline nounwind {
    """
    arity, function = FUNCTIONS[name]
    inner = DOUBLE if name in IN_DOUBLE else width
    e = Emitter(inner, fused)
    names = [f"%x{n}" for n in range(arity)]
    kind, wide = width.float_type, inner.float_type
    arguments = [Value(e, text, "f") for text in names]
    if inner is not width:
        arguments = [e.add(f"fpext {kind} {text} to {wide}", "f") for text in names]
    result = function(e, *arguments)
    if inner is not width:
        result = e.add(f"fptrunc {wide} {result.text} to {kind}", "f")
    given = ", ".join(f"{kind} {text}" for text in names)
    lines = [f"define {kind} @{symbol(name, width)}({given}) alwaysinline nounwind {{"]
    lines += [*e.lines, f"  ret {kind} {result.text}", "}", _declarations(e), _tables(e)]
    lines += [_variants(name) for name in e.called]
    return "\n".join([*lines, ""])


def _declarations(e: Emitter) -> str:
    kind, bits = e.width.float_type, e.width.bits
    counts = {"fabs": 1, "copysign": 2, "floor": 1, "rint": 1, "fma": 3}
    return "\n".join(f"declare {kind} @llvm.{name}.f{bits}({', '.join([kind] * count)})"
                     for name, count in counts.items())


def _tables(e: Emitter) -> str:
    kind, lines = e.width.float_type, ["!0 = !{}"]
    for table, numbers in e.tables.items():
        held = ", ".join(f"{kind} {e.value(number).text}" for number in numbers)
        lines.append(f"@{table} = private unnamed_addr constant [{len(numbers)} x {kind}] [{held}]")
    return "\n".join(lines)


def _variants(name: str) -> str:
    """What the loop vectoriser has to know to call a function for several lanes at once."""
    several = ", ".join(f"ptr @{name}_{lanes}" for lanes in LANES)
    known = ",".join(f"_ZGV_LLVM_N{lanes}v_{name}({name}_{lanes})" for lanes in LANES)
    return "\n".join([
        f"declare double @{name}(double) #0",
        *(f"declare <{n} x double> @{name}_{n}(<{n} x double>) #1" for n in LANES),
        # without this the declarations are dropped before the vectoriser looks for them
        f"@llvm.compiler.used = appending global [{len(LANES)} x ptr] [{several}], "
        'section "llvm.metadata"',
        f'attributes #0 = {{ nounwind willreturn memory(none) '
        f'"vector-function-abi-variant"="{known}" }}',
        "attributes #1 = { nounwind willreturn memory(none) }",
    ])
