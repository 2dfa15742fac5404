"""A large trace is shown in passing: it takes time, but no memory."""

import io
import tracemalloc
from contextlib import closing
from pathlib import Path

import pytest

from contrace import filters, output
from contrace.decode.notation import Notation
from contrace.records import Record
from contrace.trace.reader import TraceReader
from contrace.trace.writer import TraceWriter
from tests.unit.scene import META, call, ended, executed, execve, identity, signalled, start

PER_BATCH = 20
SMALL, LARGE = 5, 30  # batches
PROCESSES_MORE = (LARGE - SMALL) * PER_BATCH


class Away(io.TextIOBase):
    """A stream that keeps nothing."""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        return len(text)


def process(pid: int) -> list[Record]:
    at = pid * 5.0
    return [
        call(at, "fork", tid=9, returns=pid, took=0.2),
        start(at + 0.3, pid, 9),
        identity(at + 0.2, pid, why="start"),
        execve(at + 1, b"/bin/x%d" % pid, b"x", tid=pid),
        executed(at + 2, b"/bin/x%d" % pid, tid=pid),
        call(at + 3, "unshare", 0, tid=pid, returns=-1),
        ended(at + 4, pid),
        signalled(at + 4.5, 17, 9),
    ]


@pytest.fixture(scope="module")
def traces(tmp_path_factory) -> tuple[Path, Path]:
    made = []
    for name, batches in (("small", SMALL), ("large", LARGE)):
        path = tmp_path_factory.mktemp(name) / "a.ctrace"
        writer = TraceWriter(path, META)
        for batch in range(batches):
            pids = range(1000 + batch * PER_BATCH, 1000 + (batch + 1) * PER_BATCH)
            writer.write([record for pid in pids for record in process(pid)])
        writer.finish({"reason": "stopped"})
        made.append(path)
    return made[0], made[1]


def peak_of_showing(path: Path, format: str, *words: str) -> int:
    tracemalloc.start()
    try:
        with closing(TraceReader(path)) as reader:
            view = output.make(format, Away(), reader.meta, Notation(), filters.parse(words))
            for _, batch in reader.batches():
                view.feed(batch)
            view.finish()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("format", "words"), [("timeline", []), ("timeline", ["failed"]), ("strace", []), ("jsonl", [])]
)
def test_a_trace_six_times_as_long_takes_no_more_memory(traces, format, words):
    small, large = traces
    peak_of_showing(large, format, *words)  # what is imported, and the small caches of rich, are there from now on
    once, six_times = (peak_of_showing(path, format, *words) for path in (small, large))
    assert six_times - once < 400 * PROCESSES_MORE  # bytes: no record, task or line of text is so small
