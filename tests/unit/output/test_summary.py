"""The closing summary."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from contrace.output.summary import Summary, summarise
from contrace.trace.reader import TraceReader
from contrace.trace.writer import TraceWriter
from tests.unit.scene import META, call, ended, entered, loss, ms, start

QUIET = Summary(
    calls=1, errors=0, processes=1, threads=0, lost=0, uncounted=False, seconds=3.21, complete=True, growing=False
)


def summary_of(path: Path) -> Summary:
    with closing(TraceReader(path)) as reader:
        return summarise(reader)


@pytest.fixture
def writer(tmp_path: Path):
    made = TraceWriter(tmp_path / "a.ctrace", META)
    yield made
    made.close()


RECORDS = [
    start(0, 10, 1, how="run"),
    call(1, "fork", returns=20),
    start(1.2, 20, 10),
    start(2, 21, 20, pid=20, how="clone"),
    call(3, "unshare", 0, tid=20, returns=-1),
    call(4, "unshare", 0, tid=20, returns=-512),
    call(5, "prctl", 0, tid=20, returns=-4096),
    call(6, "fork", tid=20, returns=None, took=2),
    ended(9, 20),
    entered(10, "fork"),
]


def test_it_counts_what_was_seen(writer):
    writer.write(RECORDS)
    writer.finish({"reason": "the command ended", "ended_monotonic_ns": ms(2500)})
    assert summary_of(writer.path) == Summary(
        calls=5, errors=2, processes=2, threads=1, lost=0, uncounted=False, seconds=2.5, complete=True, growing=False
    )


def test_while_it_is_recorded_it_says_so(writer):
    writer.write(RECORDS)
    summary = summary_of(writer.path)
    assert (summary.growing, summary.complete, summary.seconds) == (True, False, 0.01)
    assert summary.text(None) == (
        "5 calls (2 failed) of 2 processes and 1 more thread in 10 ms, nothing lost; it is still being recorded"
    )


def test_a_killed_recorders_trace_says_that_its_end_is_missing(writer):
    writer.write(RECORDS)
    writer.close()
    assert summary_of(writer.path).text(None) == (
        "5 calls (2 failed) of 2 processes and 1 more thread in 10 ms, nothing lost; "
        "it has no end: the recorder was killed or could not write, and the last moments may be missing"
    )


@pytest.mark.parametrize(
    ("losses", "unwritten", "text"),
    [
        ([], 0, "nothing lost"),
        ([1], 1, "LOST 1 record"),
        ([3, 1234], 1237, "LOST 1,237 records"),
        ([3], 50, "LOST 50 records"),
        ([0], 0, "LOST an unknown number of records"),
        ([0, 7], 7, "LOST at least 7 records"),
    ],
)
def test_losses_are_never_silent(writer, losses, unwritten, text):
    writer.write([call(1, "fork"), *(loss(at + 2, count) for at, count in enumerate(losses))])
    writer.finish({"reason": "stopped", "lost": unwritten, "ended_monotonic_ns": ms(5)})
    assert summary_of(writer.path).text(None) == f"1 call (0 failed) of 0 processes in 5 ms, {text}"


def test_it_says_where_the_trace_is():
    assert QUIET.text("demo.ctrace") == "1 call (0 failed) of 1 process in 3.2 s, nothing lost; trace: demo.ctrace"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0004, "0 ms"), (0.25, "250 ms"), (59.9, "59.9 s"), (61.4, "1:01 min"), (7325, "2:02:05 h")]
)
def test_it_says_how_long(seconds, text):
    assert f" in {text}, " in replace(QUIET, seconds=seconds).text(None)
