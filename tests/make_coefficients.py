"""Makes `autodiff_lab/backends/vector_math/coefficients.json`: `python tests/make_coefficients.py`.

Relies on mpmath. The one idea: what is left of each function after its exact part is smooth on the
reduced interval, so the polynomial through it at Chebyshev points, computed with 80 digits and
rounded once, is within a fraction of an ulp of the best one. Each table says how far it is off.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import mpmath
from mpmath import mpf

mpmath.mp.dps = 80
PAGE = Path(__file__).resolve().parents[1] / "autodiff_lab/backends/vector_math/coefficients.json"


def rounded(value: mpf, bits: int) -> float:
    """The nearest float of a width."""
    with mpmath.workprec(53 if bits == 64 else 24):
        near = float(+value)
    return near if bits == 64 else struct.unpack("<f", struct.pack("<f", near))[0]


def polynomial(function: Callable[[mpf], mpf], low: mpf, high: mpf, degree: int) -> list[mpf]:
    """Coefficients, constant term first, of the polynomial through Chebyshev points."""
    count = degree + 1
    nodes = [
        (low + high) / 2 + (high - low) / 2 * mpmath.cos((2 * k + 1) * mpmath.pi / (2 * count))
        for k in range(count)
    ]
    rows = mpmath.matrix(count, count)
    for i, node in enumerate(nodes):
        for j in range(count):
            rows[i, j] = node ** j
    return list(mpmath.lu_solve(rows, mpmath.matrix([function(node) for node in nodes])))


def series(function: Callable[[mpf], mpf], at_zero: mpf) -> Callable[[mpf], mpf]:
    """The function, with its limit at zero."""
    return lambda w: at_zero if abs(w) < mpf(10) ** -40 else function(w)


def twice_atanh(w: mpf) -> mpf:
    """2 atanh(s) / s for w = s**2."""
    s = mpmath.sqrt(w)
    return 2 * mpmath.atanh(s) / s


def tables() -> dict[str, dict[str, list[str]]]:
    """Every table, by width."""
    half = mpmath.log(2) / 2 * mpf("1.0001")
    s = (mpmath.sqrt(2) - 1) / (mpmath.sqrt(2) + 1)
    atanh_end, turn_end = s * s * mpf("1.001"), (mpmath.pi / 4) ** 2 * mpf("1.001")
    exp = series(lambda r: (mpmath.exp(r) - 1 - r) / r ** 2, mpf(1) / 2)
    log = series(lambda w: (twice_atanh(w) - 2) / w, mpf(2) / 3)
    tail = series(lambda w: (twice_atanh(w) - 2 - w * 2 / 3) / w ** 2, mpf(2) / 5)
    sin = series(lambda w: (mpmath.sin(mpmath.sqrt(w)) / mpmath.sqrt(w) - 1) / w, -mpf(1) / 6)
    cos = series(lambda w: (mpmath.cos(mpmath.sqrt(w)) - 1 + w / 2) / w ** 2, mpf(1) / 24)
    recipes = {
        "exp": (exp, -half, half, {64: 9, 32: 4}),
        "log": (log, mpf(0), atanh_end, {64: 6, 32: 2}),
        "log_tail": (tail, mpf(0), atanh_end, {64: 7}),
        "sin": (sin, mpf(0), turn_end, {64: 5}),
        "cos": (cos, mpf(0), turn_end, {64: 5}),
    }
    found: dict[str, dict[str, list[str]]] = {"64": {}, "32": {}}
    for name, (function, low, high, degrees) in recipes.items():
        for bits, degree in degrees.items():
            exact = polynomial(function, low, high, degree)
            near = [rounded(c, bits) for c in exact]
            found[str(bits)][name] = [c.hex() for c in near]
            worst = max(
                abs(mpmath.polyval([mpf(c) for c in reversed(near)], x) - function(x))
                for x in mpmath.linspace(low, high, 301)
            )
            print(f"{name:>9} {bits}: degree {degree}, off by 2^{float(mpmath.log(worst, 2)):.1f}")
    return found


def split(
    value: mpf, first_bits: int, bits: int, parts: int = 2, later_bits: int | None = None
) -> list[str]:
    """A constant as floats of falling size.

    The first has `first_bits`, those between `later_bits`, so that products of them fit.
    """
    with mpmath.workprec(first_bits):
        pieces = [float(+value)]
    while len(pieces) < parts:
        rest = value - mpmath.fsum(map(mpf, pieces))
        if later_bits and len(pieces) < parts - 1:
            with mpmath.workprec(later_bits):
                pieces.append(float(+rest))
        else:
            pieces.append(rounded(rest, bits))
    return [piece.hex() for piece in pieces]


def turns() -> list[str]:
    """Of each 2/pi * 2**(16 b), taken modulo 4 into [-2, 2]: four doubles that sum to it."""
    found = []
    with mpmath.workdps(500):
        for step in range(62):
            value = 2 / mpmath.pi * mpf(2) ** (16 * step)
            value -= 4 * mpmath.nint(value / 4)
            found += split(value, 53, 64, parts=4)
    return found


def main() -> None:
    """Write the file."""
    found = tables()
    found["64"]["ln2"] = split(mpmath.log(2), 42, 64)
    found["32"]["ln2"] = split(mpmath.log(2), 16, 32)
    found["64"]["two_thirds"] = split(mpf(2) / 3, 53, 64)
    found["64"]["half_pi"] = split(mpmath.pi / 2, 53, 64)
    found["64"]["half_pi_parts"] = split(mpmath.pi / 2, 39, 64, parts=3, later_bits=39)
    found["64"]["turns"] = turns()
    text = json.dumps(found, indent=0)
    PAGE.write_text(text + "\n", encoding="utf8")


if __name__ == "__main__":
    main()
