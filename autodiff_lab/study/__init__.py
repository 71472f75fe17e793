"""The main job as one object: `Study`.

`core` is the class, `calls` its numbers, `records` what its pictures are made from.
"""

from autodiff_lab.study.core import Study

__all__ = ["Study"]
