"""Run the notebooks and keep what they show: `make notebooks`, after a change that shows in them.

Text is kept, for it is compared by `make test`; of the pictures the SVG, which shows where the
repository is browsed. The cards' HTML (a quarter of a megabyte each) comes back with the first run.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbconvert.preprocessors import ExecutePreprocessor

HERE = Path(__file__).resolve().parent


def refresh(path: Path) -> None:
    """Execute one notebook in place."""
    notebook = nbformat.read(path, as_version=4)
    # streams in one piece: where a kernel flushes differs from run to run
    ExecutePreprocessor(timeout=120, kernel_name="python3", coalesce_streams=True).preprocess(
        notebook, {"metadata": {"path": str(HERE)}}
    )
    notebook.metadata = {key: notebook.metadata[key] for key in ("kernelspec",)}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", ()):
            for kind in ("text/html", "application/vnd.jupyter.widget-view+json"):
                output.get("data", {}).pop(kind, None)
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for name in sys.argv[1:] or sorted(map(str, HERE.glob("*.ipynb"))):
        refresh(Path(name))
