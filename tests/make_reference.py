"""Write `data/reference.json`: what JAX says of the functions in `reference_functions.py`.

Run by `make reference` in an environment that has JAX; no test needs it.  For each function: its
arrays, its value, and for the weighted sum of its values the gradient by each array, the Hessian by
the first array, and the tangent of the value along a fixed direction.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import jax.scipy.special as special
import numpy
from reference_functions import TABLE, point, weights

TARGET = Path(__file__).resolve().parent / "data" / "reference.json"

SPECIAL = SimpleNamespace(
    erf=special.erf, erfc=special.erfc, expit=special.expit, gammaln=special.gammaln,
    digamma=special.digamma, logsumexp=special.logsumexp, softmax=jax.nn.softmax,
    log_softmax=jax.nn.log_softmax,
)


def plain(array: object) -> object:
    """Nested lists of Python floats."""
    return numpy.asarray(array, dtype="float64").tolist()


def answers(name: str) -> dict[str, object]:
    """Everything that is kept of one function."""
    function, arrays = TABLE[name][0], point(name)
    directions = tuple(weights(a.shape) - 1.4 for a in arrays)

    def of(*given: object) -> object:
        return function(jnp, SPECIAL, *given)

    arrays = [jnp.asarray(a) for a in arrays]
    value, tangent = jax.jvp(of, tuple(arrays), directions)

    def cost(*given: object) -> object:
        return jnp.sum(of(*given) * weights(value.shape))

    places = tuple(range(len(arrays)))
    return {
        "arrays": [plain(a) for a in arrays],
        "value": plain(value),
        "tangent": plain(tangent),
        "gradient": [plain(g) for g in jax.grad(cost, places)(*arrays)],
        "hessian": plain(jax.hessian(cost)(*arrays)),
    }


def main() -> None:
    jax.config.update("jax_enable_x64", True)
    TARGET.parent.mkdir(exist_ok=True)
    found = {name: answers(name) for name in sorted(TABLE)}
    for name, answer in found.items():
        if not all(numpy.isfinite(numpy.ravel(part)).all() for part in
                   (answer["value"], answer["hessian"], answer["tangent"])):
            raise SystemExit(f"{name} is not finite at its point")
    header = json.dumps({"jax": jax.__version__, "numpy": numpy.__version__})
    lines = (f" {json.dumps(name)}: {json.dumps(answer)}" for name, answer in found.items())
    TARGET.write_text(
        f'{{\n "made with": {header},\n' + ",\n".join(lines) + "\n}\n", encoding="utf8")
    print(f"{TARGET}: {len(found)} functions, {TARGET.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
