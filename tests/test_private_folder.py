"""The private folder believes only what nobody else could have written."""

from __future__ import annotations

import os
import stat
import warnings
from pathlib import Path

import pytest

from autodiff_lab import private_folder

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="owners and modes are POSIX")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder the package will use, not made yet; nothing remembered, nothing warned."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(private_folder, "_memory", {})
    monkeypatch.setattr(private_folder, "_warned", [])
    import platformdirs

    return Path(platformdirs.user_cache_dir("autodiff_lab", appauthor=False))


def test_what_is_stored_is_loaded(home: Path) -> None:
    assert private_folder.load("thing") is None
    private_folder.store("thing", b"first")
    private_folder.store("thing", b"second")
    assert private_folder.load("thing") == b"second"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert [path.name for path in home.iterdir()] == ["thing"]
    assert stat.S_IMODE((home / "thing").stat().st_mode) == 0o600


@pytest.mark.parametrize("damage", [b"", b"x", b"autodiff_lab 1\n" + bytes(32) + b"data"])
def test_a_damaged_file_is_a_miss(home: Path, damage: bytes) -> None:
    private_folder.store("thing", b"data")
    (home / "thing").write_bytes(damage)
    assert private_folder.load("thing") is None


def test_a_file_that_others_may_write_is_a_miss(home: Path) -> None:
    private_folder.store("thing", b"data")
    (home / "thing").chmod(0o666)
    assert private_folder.load("thing") is None


def test_a_linked_file_is_a_miss(home: Path, tmp_path: Path) -> None:
    private_folder.store("thing", b"data")
    (home / "thing").rename(tmp_path / "elsewhere")
    (home / "thing").symlink_to(tmp_path / "elsewhere")
    assert private_folder.load("thing") is None


@pytest.mark.parametrize("how", ["open to others", "a link", "a file in the way"])
def test_an_unsafe_folder_means_memory_and_one_warning(
    home: Path, tmp_path: Path, how: str
) -> None:
    home.parent.mkdir(parents=True, exist_ok=True)
    if how == "open to others":
        home.mkdir()
        home.chmod(0o777)
    elif how == "a link":
        (tmp_path / "other").mkdir(mode=0o700)
        home.symlink_to(tmp_path / "other")
    else:
        home.write_text("")
    with pytest.warns(RuntimeWarning, match="private folder is not used"):
        private_folder.store("thing", b"data")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert private_folder.load("thing") == b"data"
        private_folder.store("other", b"more")
    assert not (tmp_path / "other" / "thing").exists()


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a\0b"])
def test_names_are_plain(home: Path, name: str) -> None:
    with pytest.raises(ValueError, match="plain file name"):
        private_folder.load(name)
