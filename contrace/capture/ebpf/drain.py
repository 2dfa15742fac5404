"""Empties the ring buffer into memory, whatever else the recorder is busy with.

The ring buffer is what a capture loses records by. So a thread of its own looks at it often, and does nothing but copy;
a disk that is slow for a moment costs memory instead. With that used up, the ring buffer fills, and the kernel counts.
"""

import threading
import time

from contrace.capture.ebpf.objects import Ring

_PAUSE_S = 0.05
_BUSY = 1000
"""With this many events at once, the next are fetched without a pause."""
_MOST_BYTES = 256 << 20
"""What may wait in memory."""


class Drain:
    """Runs from the beginning to `stop`."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._events: list[bytes] = []
        self._bytes = 0
        self._read_ns = time.monotonic_ns()
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._filled = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="drain", daemon=True)
        self._thread.start()

    def take(self, most: int) -> tuple[list[bytes], int | None]:
        """Events in the order in which they were sent, at most that many. Then the time (ns) before which there are no
        others; None: more are waiting."""
        if self._failure is not None:
            raise self._failure
        with self._lock:
            if len(self._events) <= most:
                taken, self._events, self._bytes = self._events, [], 0
                self._filled.clear()
                return taken, self._read_ns
            taken, self._events = self._events[:most], self._events[most:]
            self._bytes -= sum(map(len, taken))
            return taken, None

    def wait(self, seconds: float) -> None:
        """Until something has come, or for that long."""
        self._filled.wait(seconds)

    def stop(self) -> None:
        """Everything that was sent up to now can be taken; then nothing more comes."""
        self._ending.set()
        self._thread.join()
        self._read()

    def _run(self) -> None:
        try:
            while not self._ending.is_set():
                if self._read() < _BUSY:
                    self._ending.wait(_PAUSE_S)
        except BaseException as failure:  # noqa: BLE001 - handed to the consumer, who raises it
            self._failure = failure

    def _read(self) -> int:
        if self._bytes > _MOST_BYTES:
            return 0
        read_ns = time.monotonic_ns()
        events = self._ring.read()
        with self._lock:
            self._events += events
            self._bytes += sum(map(len, events))
            self._read_ns = read_ns
            if events:
                self._filled.set()
        return len(events)
