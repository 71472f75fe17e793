"""Loops: `scan`, `map`, `reduce`, `foldl`, `foldr`, `until`."""

from autodiff_lab.control.scan.build import foldl, foldr, map, reduce, scan, until
from autodiff_lab.control.scan.op import Scan

__all__ = ["Scan", "foldl", "foldr", "map", "reduce", "scan", "until"]
