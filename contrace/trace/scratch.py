"""A private temporary directory that does not outlive its process for long, even if that is killed.

Whoever uses one holds flock(2) on it, which ends with the process: a directory that nobody holds was left behind, and
the next process of the same user that makes one removes it.
"""

import fcntl
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

_PREFIX = "contrace-index-"
_YOUNG_S = 60.0  # one that is younger may just have been made, and its lock not been taken


class Scratch:
    """The directory."""

    def __init__(self) -> None:
        """Make one, and remove what others left behind. Raises OSError."""
        self._folder = tempfile.TemporaryDirectory(prefix=_PREFIX)
        self.path = Path(self._folder.name)
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _sweep(self.path.parent)

    def close(self) -> None:
        """Remove it with all that is in it."""
        if self._lock >= 0:
            self._folder.cleanup()
            os.close(self._lock)
            self._lock = -1


def _sweep(where: Path) -> None:
    before = time.time() - _YOUNG_S
    for other in where.glob(f"{_PREFIX}*"):
        # Somebody else may be removing the same one.
        with suppress(FileNotFoundError, NotADirectoryError, PermissionError, BlockingIOError):
            status = other.lstat()
            if status.st_uid == os.geteuid() and status.st_mtime < before:
                _remove(other)


def _remove(folder: Path) -> None:
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    finally:
        os.close(lock)
