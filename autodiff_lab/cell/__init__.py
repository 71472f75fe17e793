"""From a cell's text to named outputs, without IPython.

`syntax` says what the text means before it runs, `inputs` what a name becomes, `run` runs it.
"""

from autodiff_lab.cell.run import (
    CellNameError, CellResult, Code, code_from_text, run_answer, run_cell,
)

__all__ = ["CellNameError", "CellResult", "Code", "code_from_text", "run_answer", "run_cell"]
