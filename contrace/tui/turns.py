"""Who goes first: whoever paints waits at most for one step of a worker, and no worker begins a step while it paints.
Work that nobody waits for also rests a little when a key was pressed.

The reason is the GIL as much as the data: a thread that computes lets another one in only every few milliseconds, and
each look into SQLite would have to wait for that anew.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_REST_S = 0.06  # about as long as it takes until all is painted that belongs to a key


class Turns:
    """A lock with a preference. Whoever has a turn may take it again."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._counting = threading.Lock()
        self._waiting = 0
        self._calm = threading.Event()
        self._calm.set()
        self._rests_until_s = 0.0

    def hush(self) -> None:
        """A key was pressed."""
        self._rests_until_s = time.monotonic() + _REST_S

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
    def later(self, *, patient: bool = False) -> Iterator[None]:
        """A worker's turn, for one short step: when nobody else wants one. ``patient``: nobody waits for its result;
        then it comes later still after a key, but it comes, however many keys are pressed."""
        rest_s = self._rests_until_s - time.monotonic()
        if patient and rest_s > 0:
            time.sleep(min(rest_s, _REST_S))
        self._calm.wait()
        with self._lock:
            yield
