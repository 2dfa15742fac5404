"""How far a long reading is, for somebody who waits at a terminal while the text goes elsewhere."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

_PATIENCE_SECONDS = 1.0
_EVERY_SECONDS = 0.25
_ERASE = "\r\x1b[K"  # back to the line's start, erase to its end (console_codes(4))


class Progress:
    """One line on standard error that is written over, and is gone at the end.

    Only where it disturbs nothing: standard error is a terminal and the text does not go to one.
    """

    def __init__(
        self,
        total: int,
        text: TextIO = sys.stdout,
        stream: TextIO = sys.stderr,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total = total
        self._stream = stream
        self._clock = clock
        self._next = clock() + _PATIENCE_SECONDS if stream.isatty() and not text.isatty() else float("inf")
        self._shown = False

    def __call__(self, done: int) -> None:
        """Say that so many of the records were read."""
        now = self._clock()
        if now >= self._next:
            self._next = now + _EVERY_SECONDS
            self._shown = True
            self._write(f"{_ERASE}contrace: {100 * done // max(self._total, 1)} % of the trace")

    def close(self) -> None:
        """Take the line away."""
        if self._shown:
            self._write(_ERASE)

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
