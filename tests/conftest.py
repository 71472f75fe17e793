"""What every test has: the helpers beside this file on the path, and plots without a window."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# `layers.py` and other helpers lie beside this file and are imported by their plain names.
sys.path.insert(0, str(Path(__file__).resolve().parent))

os.environ.setdefault("MPLBACKEND", "Agg")
