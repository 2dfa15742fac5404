"""What was typed into the filter bar and the search, kept from one start to the next.

A file per bar in the state directory (XDG Base Directory Specification), one line per entry, the oldest first. It may
be lost without harm: what cannot be read is empty, and what cannot be written lasts until the end of the program.
"""

import os
from contextlib import suppress
from pathlib import Path

_MOST = 200
"""Entries that are kept."""


def directory() -> Path:
    """``$XDG_STATE_HOME/contrace``, by default ``~/.local/state/contrace``. A relative path there is to be ignored."""
    home = os.environ.get("XDG_STATE_HOME", "")
    base = Path(home) if os.path.isabs(home) else Path(os.path.expanduser("~/.local/state"))
    return base / "contrace"


class History:
    """The entries of one bar, and the place in them while somebody goes through them."""

    def __init__(self, name: str, where: Path | None = None) -> None:
        """``name``: of the file; ``where``: the directory, by default ``directory()``."""
        self._path = (directory() if where is None else where) / f"{name}.history"
        self._entries = self._read()
        self._at = len(self._entries)
        self._begun = ""
        """What was typed before going back."""

    def add(self, entry: str) -> None:
        """Remember what was submitted; one that is there already becomes the latest."""
        entry = " ".join(entry.split("\n")).strip()
        if entry:
            self._entries = [*(known for known in self._entries if known != entry), entry][-_MOST:]
            self._write()
        self.rewind()

    def rewind(self) -> None:
        """Behind the latest entry."""
        self._at, self._begun = len(self._entries), ""

    def older(self, typed: str) -> str | None:
        """The entry before; None: there is none. ``typed``: what stands in the bar."""
        if self._at == len(self._entries):
            self._begun = typed
        if self._at == 0:
            return None
        self._at -= 1
        return self._entries[self._at]

    def newer(self) -> str | None:
        """The entry behind, or what was typed before going back; None: that is where we are."""
        if self._at == len(self._entries):
            return None
        self._at += 1
        return self._begun if self._at == len(self._entries) else self._entries[self._at]

    def _read(self) -> list[str]:
        try:
            text = self._path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return []
        return [line for line in text.splitlines() if line.strip() and line.isprintable()][-_MOST:]

    def _write(self) -> None:
        with suppress(OSError):  # a full disk or a read-only home is no reason to bother somebody who filters
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            fresh = self._path.with_suffix(f".{os.getpid()}")
            fresh.write_text("".join(f"{entry}\n" for entry in self._entries), encoding="utf-8")
            os.replace(fresh, self._path)
