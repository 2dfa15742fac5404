"""The thread that empties the ring buffer: order, limits, and what may wait in memory."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import cast

import pytest

from contrace.capture.ebpf import drain
from contrace.capture.ebpf.drain import Drain
from contrace.capture.ebpf.objects import Ring

DEADLINE_S = 10


class FakeRing:
    """Gives what is put into it."""

    def __init__(self) -> None:
        self.ready: list[list[bytes]] = []
        self.reads = 0
        self.failure: Exception | None = None
        self._lock = threading.Lock()

    def read(self) -> list[bytes]:
        if self.failure is not None:
            raise self.failure
        with self._lock:
            self.reads += 1
            return self.ready.pop(0) if self.ready else []


@pytest.fixture
def ring() -> FakeRing:
    return FakeRing()


@pytest.fixture
def drained(ring: FakeRing) -> Iterator[Drain]:
    found = Drain(cast("Ring", ring))
    yield found
    ring.failure = None
    found.stop()


def wait(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def numbered(start: int, count: int) -> list[bytes]:
    return [number.to_bytes(4, "big") for number in range(start, start + count)]


def test_everything_comes_once_and_in_order(ring: FakeRing, drained: Drain) -> None:
    ring.ready = [numbered(0, 5), [], numbered(5, 3000), numbered(3005, 1)]
    wait(lambda: not ring.ready)
    drained.stop()
    taken: list[bytes] = []
    complete_ns = None
    while complete_ns is None:
        events, complete_ns = drained.take(700)
        assert len(events) <= 700
        taken += events
    assert taken == numbered(0, 3006)
    assert drained.take(700)[0] == []


def test_it_says_up_to_when_nothing_older_comes(ring: FakeRing, drained: Drain) -> None:
    before_ns = time.monotonic_ns()
    ring.ready = [numbered(0, 3)]
    wait(lambda: not ring.ready)
    reads = ring.reads
    wait(lambda: ring.reads > reads)  # what was read is there to be taken
    assert drained.take(2) == (numbered(0, 2), None)
    events, complete_ns = drained.take(2)
    assert events == numbered(2, 1)
    assert complete_ns is not None
    assert before_ns < complete_ns <= time.monotonic_ns()


def test_memory_has_an_end_and_then_the_ring_keeps_the_rest(
    ring: FakeRing, drained: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "_MOST_BYTES", 100)
    ring.ready = [numbered(0, 26), numbered(26, 1)]
    looked: list[None] = []
    pause = drained._ending.wait

    def counted(seconds: float | None = None) -> bool:
        looked.append(None)
        return pause(seconds)

    monkeypatch.setattr(drained._ending, "wait", counted)
    wait(lambda: len(ring.ready) == 1)
    before = len(looked)
    wait(lambda: len(looked) > before + 2)
    assert len(ring.ready) == 1
    assert drained.take(2) == (numbered(0, 2), None)
    wait(lambda: not ring.ready)


def test_stopping_reads_the_rest_even_with_all_memory_used(
    ring: FakeRing, drained: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "_MOST_BYTES", 100)
    ring.ready = [numbered(0, 26), numbered(26, 1)]
    wait(lambda: len(ring.ready) == 1)
    drained.stop()
    assert drained.take(99)[0] == numbered(0, 27)


def test_stopping_reads_what_was_sent_up_to_then(ring: FakeRing, drained: Drain) -> None:
    drained.stop()
    ring.ready = [numbered(0, 1)]
    drained.stop()  # as when the recorder ends twice
    assert drained.take(9)[0] == numbered(0, 1)


def test_a_failure_is_the_consumers(ring: FakeRing, drained: Drain) -> None:
    ring.failure = OSError("the ring buffer is gone")

    def failed() -> bool:
        try:
            drained.take(1)
        except OSError as error:
            return "gone" in str(error)
        return False

    wait(failed)
