"""The thread that reads a trace for the screen: how often it says so, and that it leaves the CPU to what is traced."""

import threading
import time
from collections.abc import Callable
from typing import cast

import pytest
from textual import worker

from contrace.tui.feed import Feed, Selection
from contrace.tui.reading import Reading

STEP_S = 0.004


class Stream:
    """A feed of a trace that is never read to its end, and what was asked of it."""

    def __init__(self, *, recorded: bool, grows: bool, busy: bool = True) -> None:
        self.known = 0
        self._recorded, self._grows, self._busy = recorded, grows, busy
        self._total = 10_000

    def recording(self) -> bool:
        return self._recorded

    def take_in(self) -> bool:
        time.sleep(STEP_S)  # the work of a step
        self.known += 1
        return self._busy

    def look(self) -> int:
        self._total += self._grows
        return self._total


class Running:
    """A worker of textual's that nobody cancels."""

    is_cancelled = False


class Rows:
    """A selection that is filled."""

    complete = True
    count = 40


def read(stream: Stream, *, seconds: float, grown: Callable[[], None] = lambda: None) -> None:
    reading = Reading(cast(Feed, stream), grown, lambda text: None)
    reading.fill(cast(Selection, Rows()))

    def run() -> None:
        worker.active_worker.set(cast("worker.Worker[None]", Running()))
        reading.run()

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(seconds)  # for that long it reads; the deadline is the test
    reading.close()
    thread.join()


def test_who_cannot_keep_up_rests_while_what_is_traced_is_at_work():
    at_work, calm = Stream(recorded=True, grows=True), Stream(recorded=True, grows=False)
    for stream in (at_work, calm):
        read(stream, seconds=1.5)
    assert at_work.known > 10
    assert calm.known > 1.5 * at_work.known


@pytest.mark.parametrize("recorded", [False, True])
def test_what_is_recorded_is_drawn_more_rarely(recorded: bool):
    drawn: list[float] = []
    stream = Stream(recorded=recorded, grows=True, busy=recorded)
    read(stream, seconds=1.5, grown=lambda: drawn.append(time.monotonic()))
    if recorded:
        assert 2 <= len(drawn) <= 5
    else:
        assert len(drawn) == stream.known, "all that there is is shown at once"
