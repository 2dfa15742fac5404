"""The thread that takes in what the trace holds, and fills the selection that is shown, step by step.

It posts ``Grown`` when there is something to draw: at once for the first rows, then at most so often that drawing does
not become its main work. It ends when it is told to, or when the trace cannot be read any more.
"""

import threading
import time
from collections.abc import Callable

from textual.worker import get_current_worker

from contrace.errors import TraceFileError
from contrace.tui import pace
from contrace.tui.feed import Feed, Selection

_FRAME_S = 0.05  # between two messages while what is shown is being filled
_LIVE_S = 0.4  # the same, while the trace is being recorded: what is traced wants the CPU, too
_REST_S = 0.4  # the same, when all that may change is how much there is
_GLANCE_S = 0.1  # how often a trace that is being recorded is looked at
_ASK_S = 1.0  # the same, of one that nobody writes: it might be replaced or go on
_CALM_S = 0.3  # without a new record: what is traced does nothing now
_RESTS = 3  # times the length of a step, after it, while what is traced is at work


class Reading:
    """Reads one feed until it is closed. Messages come from its thread."""

    def __init__(self, feed: Feed, grown: Callable[[], object], failed: Callable[[str], object]) -> None:
        """``grown``: there is something new; ``failed``: the trace cannot be read any more. Both must not block."""
        self._feed = feed
        self._grown = grown
        self._failed = failed
        self._selection: Selection | None = None
        self._woken = threading.Event()
        self._closed = False
        self._told_s = 0.0
        self._untold = False
        self._grew = 0, 0.0
        """How many records the file held when it was looked last, and when those were more than before."""
        self.recording = False
        """A recorder still writes the trace, as far as was looked."""

    def fill(self, selection: Selection) -> None:
        """Fill this one from now on."""
        self._selection = selection
        self._woken.set()

    def close(self) -> None:
        """End; the step that is being done is the last one."""
        self._closed = True
        self._woken.set()

    def run(self) -> None:
        """The work of the thread, which is a worker of textual's."""
        worker, settled = get_current_worker(), False
        try:
            while not (self._closed or worker.is_cancelled):
                self._woken.clear()
                began_s = time.monotonic()
                busy = self._step()
                self._tell(busy=busy)
                if busy and self.recording:
                    self._rest(time.monotonic() - began_s)
                if not busy:
                    if not settled:
                        settled = True
                        pace.settle()
                    self._woken.wait(self._glance_s() if self.recording else _ASK_S)
        except TraceFileError as error:
            if not self._closed:
                self._failed(str(error))

    def _step(self) -> bool:
        """One step of each; whether there is more to do."""
        feed, selection = self._feed, self._selection
        known, recording = feed.known, self.recording
        self.recording = feed.recording()
        busy = feed.take_in()
        if selection is not None and not selection.complete:
            busy = feed.scan(selection) or busy
            self._untold = True
        self._untold = self._untold or feed.known != known or self.recording != recording
        return busy

    def _rest(self, took_s: float) -> None:
        """Who cannot keep up does not try to, but reads on when there is less to record: what is traced comes first."""
        now_s = time.monotonic()
        total = self._feed.look()
        if total != self._grew[0]:
            self._grew = total, now_s
        if now_s - self._grew[1] < _CALM_S:
            self._woken.wait(_RESTS * took_s)

    def _glance_s(self) -> float:
        """How long to wait for more: what is not to be drawn yet need not be read yet."""
        return max(_GLANCE_S, self._told_s + _LIVE_S - time.monotonic())

    def _tell(self, *, busy: bool) -> None:
        now_s = time.monotonic()
        if self._untold and now_s - self._told_s >= self._pace_s(busy=busy):
            self._told_s, self._untold = now_s, False
            self._grown()

    def _pace_s(self, *, busy: bool) -> float:
        selection = self._selection
        if selection is not None and not selection.count:
            return _FRAME_S
        if self.recording:
            return _LIVE_S
        if not busy:
            return 0
        return _FRAME_S if selection is not None and not selection.complete else _REST_S
