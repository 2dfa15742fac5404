"""A trace that changes under its feed: calls return, the file vanishes or is cut off, one thread reads, one paints."""

import threading
from contextlib import closing
from pathlib import Path

import pytest

from contrace.errors import TraceFileError
from contrace.records import Entered, Syscall
from contrace.trace.writer import TraceWriter
from contrace.tui.feed import Choice, Feed
from contrace.tui.turns import Turns
from tests.unit import scene
from tests.unit.tui.feeds import BIRTH, filled, opened, shown, take_all, write


def test_a_call_that_returns_takes_the_place_of_its_entry(tmp_path):
    writer = TraceWriter(tmp_path / "a.ctrace", scene.META)
    writer.write([scene.entered(1, "unshare", scene.CLONE_NEWNS), scene.call(2, "fork", tid=11)])
    with opened(writer.path) as feed:
        everything, entries = filled(feed, Choice()), filled(feed, Choice(("-failed",)))
        assert feed.recording()
        assert [type(row.record) for row in feed.rows(everything, 0, 9)] == [Entered, Syscall]
        assert entries.count == 2
        writer.write([scene.call(1, "unshare", scene.CLONE_NEWNS, took=5, returns=-1)])
        take_all(feed)
        assert not entries.complete
        assert everything.position_of(1) == 0  # whoever looks at the entry then looks at the call
        while feed.scan(entries):
            pass
        assert [row.text.split("(")[0] for row in feed.rows(everything, 0, 9)] == ["unshare", "fork"]
        assert [row.text.split("(")[0] for row in feed.rows(entries, 0, 9)] == ["fork"]
        writer.finish({"reason": "over"})
        assert not feed.recording()
        assert not feed.take_in()
        assert everything.count == 2


def test_calls_that_a_damaged_file_has_twice_are_both_shown(tmp_path):
    twice = [scene.call(1, "fork"), scene.call(1, "fork")]
    with opened(write(tmp_path / "a.ctrace", twice)) as feed:
        assert len(shown(feed)) == 2


def test_a_trace_that_vanishes_says_so(feed):
    feed.path.unlink()
    with pytest.raises(TraceFileError, match="has vanished"):
        feed.take_in()


def test_a_trace_that_is_replaced_says_so(feed, tmp_path):
    write(tmp_path / "b.ctrace", BIRTH[:2]).replace(feed.path)
    with pytest.raises(TraceFileError, match="is another file by now"):
        feed.take_in()


def test_a_trace_that_is_cut_off_says_so(tmp_path):
    many = [scene.call(at, "mount", memory=()) for at in range(1, 3000)]
    with closing(Feed(write(tmp_path / "a.ctrace", many))) as feed:
        feed.take_in()
        with feed.path.open("r+b") as file:
            file.truncate(30_000)
        with pytest.raises(TraceFileError, match="damaged or was cut off"):
            take_all(feed)


def test_nothing_is_kept_open_between_two_looks(tmp_path):
    writer = TraceWriter(tmp_path / "a.ctrace", scene.META)
    writer.write(BIRTH)
    with opened(writer.path):
        writer.finish({"reason": "over"})
        assert not Path(f"{writer.path}-wal").exists()


def test_no_trace_no_feed(tmp_path):
    with pytest.raises(TraceFileError, match="there is no file"):
        Feed(tmp_path / "a.ctrace")


# --- several threads --------------------------------------------------------------------------------------


def test_rows_are_drawn_while_a_worker_takes_in(tmp_path):
    batches = [[scene.call(at + part / 100, "fork", tid=1 + part % 7) for part in range(100)] for at in range(100)]
    with closing(Feed(write(tmp_path / "a.ctrace", *batches))) as feed:
        everything, some = feed.select(Choice()), feed.select(Choice(("pid:3",)))

        def work() -> None:
            while feed.take_in() or feed.scan(some):
                pass

        worker = threading.Thread(target=work)
        worker.start()
        while worker.is_alive():
            for selection in (everything, some):
                rows = feed.rows(selection, max(0, selection.count - 60), 60)
                times = [row.record.time_ns for row in rows]
                assert times == sorted(times)
        worker.join()
        assert (everything.count, some.count) == (10_000, 1400)
        assert some.complete


def test_a_worker_begins_nothing_while_somebody_paints():
    turns, told = Turns(), []

    def work() -> None:
        with turns.later():
            told.append("worker")

    with turns.first():
        worker = threading.Thread(target=work)
        worker.start()
        with turns.first():
            told.append("painted")
    worker.join()
    assert told == ["painted", "worker"]
