"""Who goes first: whoever paints waits at most for one step of a worker, and no worker begins a step while it paints.

The reason is the GIL as much as the data: a thread that computes lets another one in only every few milliseconds, and
each look into SQLite would have to wait for that anew.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """A lock with a preference. Whoever has a turn may take it again."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._counting = threading.Lock()
        self._waiting = 0
        self._calm = threading.Event()
        self._calm.set()

    @contextmanager
    def first(self) -> Iterator[None]:
        """A turn of the UI's: at once, or after the step that is being done."""
        with self._counting:
            self._waiting += 1
            self._calm.clear()
        try:
            with self._lock:
                yield
        finally:
            with self._counting:
                self._waiting -= 1
                if not self._waiting:
                    self._calm.set()

    @contextmanager
    def later(self) -> Iterator[None]:
        """A worker's turn, for one short step: when nobody else wants one."""
        self._calm.wait()
        with self._lock:
            yield
