"""Every example in a docstring of the package runs and prints what it says."""

from __future__ import annotations

import doctest
import importlib

import pytest
from layers import modules

FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
# Importing these runs a program.
PROGRAMS = {"autodiff_lab.__main__"}


@pytest.mark.parametrize("name", sorted(modules() - PROGRAMS))
def test_examples(name: str) -> None:
    module = importlib.import_module(name)
    failures = []
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    for test in doctest.DocTestFinder(exclude_empty=True).find(module):
        said: list[str] = []
        if runner.run(test, out=said.append).failed:
            failures.append("".join(said))
    assert not failures, "\n".join(failures)
