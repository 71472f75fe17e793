"""What is measured of loops: recurrences with their gradients, a recurrent network, training.

Each task stands twice in `loop_work.py`, for JAX and for this package.  Both run in turn, in fresh
processes with one thread; the results of the same call are compared.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from derivative_rows import HERE, ONE_THREAD, PEERS
from timing import Result, text

TASKS = {
    "vector": ("scan: 1,000 steps, 100 elements, with gradient", 1.0),
    "number": ("scan: 1,000 steps, one number, with gradient", 1.0),
    "network": ("scan: RNN, 100 steps, hidden 64, batch 32, with gradient", 1.3),
    "training": ("1,000 SGD steps of logistic regression, shared + updates", 0.8),
}
RUNS = 5


def once(python: str, library: str, task: str, path: Path) -> dict[str, float]:
    """The figures of one fresh process."""
    done = subprocess.run(
        [python, str(HERE / "loop_work.py"), library, task, str(path)], check=True,
        capture_output=True, text=True,
        env={**os.environ, **ONE_THREAD, "PYTHONPATH": str(HERE.parent)},
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def row(task: str) -> list[Result]:
    """A call once compiled, and the first value in a fresh process."""
    what, most = TASKS[task]
    if not Path(PEERS).exists():
        return [Result(what, f"no peers in {PEERS}", f"at most {most}", False)]
    pairs = []
    with tempfile.TemporaryDirectory() as folder:
        mine, theirs = Path(folder) / "ours.npz", Path(folder) / "jax.npz"
        for _ in range(RUNS):
            pairs.append((once(sys.executable, "ours", task, mine),
                          once(PEERS, "jax", task, theirs)))
            with np.load(mine) as ours, np.load(theirs) as other:
                for name in other.files:
                    assert np.allclose(ours[name], other[name], rtol=1e-8, atol=1e-10), what
    results = []
    for key, title, limit in (("call", "a call", most), ("first", "first value, CPU", 1.0)):
        found = statistics.median(a[key] / b[key] for a, b in pairs)
        ours, other = (statistics.median(side[key] for side in column) for column in zip(*pairs))
        measured = f"{found:.2f} ({text(ours)} / {text(other)})"
        results.append(Result(f"{what}: {title} / JAX", measured, f"at most {limit}",
                              found <= limit))
    return results


def loops() -> list[Result]:
    """Recurrences, a recurrent network and training, against JAX."""
    return [result for task in TASKS for result in row(task)]


ROWS = [loops]
