"""A compile that takes long says so where somebody watches, and takes the line away again."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from shell import Notebook

import autodiff_lab as ad
import autodiff_lab.tensor as pt
from autodiff_lab.compile import policy
from autodiff_lab.notebook.status import status


def compiled() -> None:
    x = pt.dscalar("x")
    ad.function([x], pt.exp(x) * 2).compile()


@pytest.mark.parametrize("noticed, watched", [(0.0, True), (1e9, True), (0.0, False)])
def test_on_a_terminal_the_line_is_overwritten(
    noticed: float, watched: bool, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(policy, "NOTICED", noticed)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: watched)
    compiled()
    err = capsys.readouterr().err
    if noticed or not watched:
        assert err == ""
    else:
        assert err.startswith("\rcompiling 1 kernel with Numba") and err.endswith("\r\x1b[K")


@pytest.mark.parametrize("answers", [True, False])
def test_in_a_cell_the_output_is_emptied(
    notebook: Notebook, answers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Kernel:
        _allow_stdin = answers

    sent: list[Any] = []
    monkeypatch.setattr(notebook.shell, "kernel", Kernel(), raising=False)
    monkeypatch.setattr(notebook.shell.display_pub, "publish",
                        lambda data, *rest, **more: sent.append(data["text/plain"]))
    with pytest.raises(KeyError), status("busy"):
        raise KeyError
    assert sent == (["", "busy", ""] if answers else [])
