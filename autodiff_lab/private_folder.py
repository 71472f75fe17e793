"""The one private folder for things worth keeping between processes.

What is here: `load` and `store`.  What is kept must be cheap to lose: a compiled module,
never data.  It relies on `platformdirs`, imported when first asked.

The one idea: a file is believed only if nobody else could have written it (own folder,
own file, no link, nobody else may write) and its checksum fits; anything else is a miss.
Where no such folder can be had, things live in memory, after one warning.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}")
_MAGIC = b"autodiff_lab 1\n"
_DIGEST_BYTES = hashlib.sha256().digest_size

_memory: dict[str, bytes] = {}
_warned: list[str] = []


def load(name: str) -> bytes | None:
    """The bytes stored under this name, or None if there are none that can be trusted."""
    _check_name(name)
    if name in _memory:
        return _memory[name]
    folder = _folder()
    if folder is None:
        return None
    try:
        # O_NOFOLLOW (where the system has it) refuses a link in the file's place.
        descriptor = os.open(folder / name, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(descriptor, "rb") as file:
            if not _is_ours(os.fstat(descriptor), stat.S_ISREG):
                return None
            content = file.read()
    except OSError:
        return None
    head = len(_MAGIC) + _DIGEST_BYTES
    data = content[head:]
    if content[:head] != _MAGIC + hashlib.sha256(data).digest():
        return None
    return data


def store(name: str, data: bytes) -> None:
    """Keep bytes under this name; a reader sees the old content or the new, never a half."""
    _check_name(name)
    folder = _folder()
    if folder is None:
        _memory[name] = data
        return
    temporary = None
    try:
        descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".new-")  # mode 0600
        with os.fdopen(descriptor, "wb") as file:
            file.write(_MAGIC + hashlib.sha256(data).digest() + data)
        os.replace(temporary, folder / name)
    except OSError as error:
        if temporary is not None and os.path.lexists(temporary):
            os.unlink(temporary)
        _memory[name] = data
        _warn_once(f"it cannot be written ({error.strerror})")


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a plain file name: {name!r}")


def _folder() -> Path | None:
    """The folder, made if missing; None (and one warning) if it is not ours alone."""
    import platformdirs

    folder = Path(platformdirs.user_cache_dir("autodiff_lab", appauthor=False))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = os.lstat(folder)
    except OSError as error:
        _warn_once(f"it cannot be made ({error.strerror})")
        return None
    if not _is_ours(status, stat.S_ISDIR):
        _warn_once(f"{folder} is a link, or others own it or may enter it")
        return None
    return folder


def _is_ours(status: os.stat_result, is_kind: Callable[[int], bool]) -> bool:
    if not is_kind(status.st_mode):
        return False
    if not hasattr(os, "geteuid"):
        return True  # Windows: a user's cache folder is private by its access list
    return status.st_uid == os.geteuid() and not status.st_mode & 0o077


def _warn_once(reason: str) -> None:
    if not _warned:
        _warned.append(reason)
        warnings.warn(
            f"the private folder is not used, as {reason}; what it would keep is kept in "
            "memory and made again in the next process",
            RuntimeWarning,
            stacklevel=4,
        )
