"""Compare how many of the seeds' examples run with the counts kept in score.txt; none may fall.

The seeds are the four documents the project was created from; they and the program that runs them
lie beside the repository (../shared), so where they are missing this script says so and passes.

usage: python tests/seeds/check_score.py [--keep]     --keep writes today's counts to score.txt
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RUNNER = ROOT.parent / "shared" / "checks" / "seed_doctests.py"
SCORE = HERE / "score.txt"
HEAD = """\
# Examples of the seed documents that pass. Counts may rise, never fall.
# Written by: python tests/seeds/check_score.py --keep
"""


def run_examples() -> dict[str, int]:
    """Run every example and count those that pass, by seed and way of counting."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, str(RUNNER), "--json", str(report)]
        done = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=1800)
        print(done.stdout, end="")
        if not report.exists():
            print(f"the examples could not be run (exit code {done.returncode})")
            return {}
        return count(json.loads(report.read_text()))


def count(report: dict[str, dict[str, list[dict[str, object]]]]) -> dict[str, int]:
    """Count the passing examples of a report, in the order in which score.txt keeps them."""
    counts = {}
    for seed, rows in report.items():
        counts[f"{seed} as-written"] = sum(bool(row["ok"]) for row in rows["written"])
        counts[f"{seed} with-fixes"] = sum(bool(row["ok"]) for row in rows["fixed"])
    fixed = [row for rows in report.values() for row in rows["fixed"] if row["ok"]]
    counts["all printed-right"] = sum(bool(row["want"]) for row in fixed)
    counts["all lines-ran"] = sum(not row["want"] for row in fixed)
    return counts


def read_kept(text: str) -> dict[str, int]:
    """Read score.txt: one "name of the count, number" a line; `#` starts a comment."""
    lines = (line.split("#")[0].rsplit(maxsplit=1) for line in text.splitlines())
    return {words[0]: int(words[1]) for words in lines if words}


def compare(kept: dict[str, int], counts: dict[str, int]) -> list[str]:
    """Give one line for each count below the kept one."""
    return [
        f"{name}: kept {number}, now {counts.get(name, 0)}"
        for name, number in kept.items()
        if counts.get(name, 0) < number
    ]


def main(arguments: list[str]) -> int:
    """Print kept and present counts side by side; 1 where one fell or nothing ran."""
    if not RUNNER.exists():
        print("the seeds' examples are not beside this clone: nothing to compare")
        return 0
    counts = run_examples()
    if not counts:
        return 1
    if "--keep" in arguments:
        SCORE.write_text(HEAD + "".join(f"{name} {n}\n" for name, n in counts.items()))
    kept = read_kept(SCORE.read_text())
    print(f"{'count':<44}{'kept':>6}{'now':>6}")
    for name in kept | counts:
        print(f"{name:<44}{kept.get(name, 0):>6}{counts.get(name, 0):>6}")
    fallen = compare(kept, counts)
    print("\n".join(["fallen:", *fallen]) if fallen else "no count has fallen")
    return 1 if fallen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
