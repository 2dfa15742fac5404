"""A trace file while it is written: what can be read of it, and what happens when the writer cannot go on."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contrace.errors import TraceFileError
from contrace.records import Kind
from contrace.trace.reader import TraceReader
from contrace.trace.writer import TraceWriter
from tests.managers.host import wait_until
from tests.unit import scene, strategies

END = {"reason": "the command ended"}
PER_BATCH = 50


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.ctrace"


def records_of(path: Path):
    with closing(TraceReader(path)) as reader:
        return [record for _, record in reader.records()]


@given(st.lists(st.lists(strategies.ANY_RECORD, max_size=6), max_size=4))
@settings(max_examples=60, deadline=None)
def test_whatever_is_written_is_read_again(tmp_path_factory, batches):
    path = tmp_path_factory.mktemp("trace") / "a.ctrace"
    writer = TraceWriter(path, scene.META)
    for batch in batches:
        writer.write(batch)
    writer.finish(END)
    with closing(TraceReader(path)) as reader:
        assert [batch for _, batch in reader.batches()] == [batch for batch in batches if batch]
        assert reader.meta == scene.META


def test_a_finished_trace_is_one_plain_file_for_its_owner_only(path):
    writer = TraceWriter(path, scene.META)
    writer.write([scene.call(1, "fork")])
    writer.finish(END)
    assert os.listdir(path.parent) == ["a.ctrace"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_it_is_readable_with_the_sqlite_shell(path):
    writer = TraceWriter(path, scene.META)
    writer.write([scene.call(1, "unshare", 0, took=2.5, returns=-1)])
    writer.finish(END)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT seconds, pid, call, result, took_ms FROM calls").fetchall() == [
            (0.001, 10, "unshare", -1, 2.5)
        ]
        assert connection.execute("SELECT name FROM kind JOIN record USING (kind)").fetchall() == [("syscall",)]


def test_the_end_says_how_the_capture_ended(path):
    writer = TraceWriter(path, scene.META)
    writer.write([scene.call(1, "fork")])
    with closing(TraceReader(path)) as reader:
        assert reader.ended is None
        writer.finish({"reason": "stopped", "records": 1, "lost": 4})
        assert reader.ended is not None
        assert (reader.ended.reason, reader.ended.records, reader.ended.lost) == ("stopped", 1, 4)


def test_a_reader_sees_each_batch_as_soon_as_it_is_written(path):
    writer = TraceWriter(path, scene.META)
    writer.write([scene.call(1, "fork")])
    with closing(TraceReader(path)) as reader:
        seen = 0
        for round_number in range(2, 6):
            [(seen, [last])] = reader.batches(after=seen)
            assert last.time_ns == scene.ms(round_number - 1)
            assert reader.writer_alive()
            writer.write([scene.call(round_number, "fork")])
        writer.finish(END)
        assert not reader.writer_alive()
        assert reader.last_id() == 5
        assert [number for number, _ in reader.batches(after=seen)] == [5]
    assert os.listdir(path.parent) == ["a.ctrace"]


def test_a_reader_in_the_middle_of_a_look_does_not_make_the_writer_wait(path):
    writer = TraceWriter(path, scene.META)
    writer.write([scene.call(at, "fork") for at in range(2000)])
    with closing(TraceReader(path)) as reader:
        look = reader.records()
        next(look)
        writer.write([scene.call(3000, "fork")])
        assert len(list(look)) == 1999  # a look shows one state of the file
    writer.finish(END)
    assert len(records_of(path)) == 2001


def test_nothing_is_there_before_the_first_batch(path):
    """A capture that could not begin leaves an older trace as it was."""
    old = TraceWriter(path, scene.META)
    old.write([scene.call(1, "fork")])
    old.finish(END)
    writer = TraceWriter(path, scene.META)
    writer.discard()
    assert os.listdir(path.parent) == ["a.ctrace"]
    assert len(records_of(path)) == 1


def test_an_older_trace_is_replaced(path):
    for count in (3, 1):
        writer = TraceWriter(path, scene.META)
        writer.write([scene.call(at, "fork") for at in range(count)])
        writer.finish(END)
    assert len(records_of(path)) == 1


WRITER = f"""
import sys
from pathlib import Path
from contrace.trace.writer import TraceWriter
from tests.unit import scene

writer = TraceWriter(Path(sys.argv[1]), scene.META)
batch = 0
while True:
    writer.write([scene.call(batch, "prctl", 15, tid=number, comm=b"x") for number in range({PER_BATCH})])
    batch += 1
    print(batch, flush=True)
"""


@contextmanager
def recorder(path: Path):
    """A process that writes batch after batch, and says after each how many there are."""
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    try:
        yield writer
    finally:
        writer.kill()
        writer.wait()
        writer.stdout.close()


def killed(writer, after: int = 1) -> int:
    """Kill it when it has written so many batches; how many it said there are."""
    reported = 0
    while reported < after:
        reported = int(writer.stdout.readline())
    writer.send_signal(signal.SIGKILL)
    return max([reported, *map(int, writer.stdout.read().split())])


@pytest.mark.parametrize("after", [2, 7, 60])
def test_kill_9_loses_at_most_the_batch_that_was_being_written(path, after):
    with recorder(path) as writer:
        writer.stdout.readline()
        with closing(TraceReader(path)) as reader:  # one that looks on while it happens
            assert reader.writer_alive()
            reported = killed(writer, after)
            writer.wait()
            assert not reader.writer_alive()
            assert reader.ended is None
            batches = [batch for _, batch in reader.batches()]
    assert reported <= len(batches) <= reported + 1
    assert all(len(batch) == PER_BATCH for batch in batches)
    assert len(records_of(path)) == PER_BATCH * len(batches)


def test_a_killed_recorders_file_is_read_where_nothing_can_be_written(path):
    """Such as by another user, or on read-only media: the part beside the file is not lost."""
    with recorder(path) as writer:
        reported = killed(writer)
    read = """
import sys
from contextlib import closing
from pathlib import Path
from contrace.trace.reader import TraceReader
with closing(TraceReader(Path(sys.argv[1]))) as reader:
    print(len(list(reader.batches())))
"""
    mount = (
        f'mount --bind -o ro "{path.parent}" "{path.parent}" && mount -o remount,bind,ro "{path.parent}" && exec "$@"'
    )
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", mount, "sh", sys.executable, "-c", read, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert reported <= int(done.stdout) <= reported + 1


FULL = """
import os, sys
from contextlib import closing
from pathlib import Path
from contrace.errors import TraceFileError
from contrace.trace.reader import TraceReader
from contrace.trace.writer import TraceWriter
from tests.unit import scene

path = Path(sys.argv[1]) / "a.ctrace"
writer = TraceWriter(path, scene.META)
batch = [scene.note(at, "attach", os.urandom(200).hex()) for at in range(20)]
written = 0
try:
    while True:
        writer.write(batch)
        written += 1
except TraceFileError as error:
    print(error)
try:
    writer.finish({"reason": "the trace file cannot be written"})
except TraceFileError as error:
    assert "disk is full" in str(error), error
writer.close()
with closing(TraceReader(path)) as reader:
    batches = [records for _, records in reader.batches()]
    assert len(batches) == written > 0, (len(batches), written)
    assert all(records == batch for records in batches)
"""


def test_a_full_disk_is_one_clear_error_and_what_was_written_can_be_read(tmp_path):
    script = 'mount -t tmpfs -o size=512k none "$0" && exec "$@"'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, str(tmp_path), sys.executable, "-c", FULL, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        f"cannot write {tmp_path}/a.ctrace: the disk is full; what was recorded before is kept. "
        "Make room, or choose a place on another disk with -o\n"
    )


def refused(path: Path) -> str:
    with pytest.raises(TraceFileError) as caught:
        TraceWriter(path, scene.META)
    return str(caught.value).replace(str(path), "FILE").replace(str(path.parent), "DIR")


def test_a_directory_is_not_written_to(tmp_path):
    assert refused(tmp_path) == "cannot create FILE: it is a directory; name a file in it"


def test_a_missing_directory_is_named(tmp_path):
    assert refused(tmp_path / "no" / "a.ctrace") == "cannot create FILE: there is no directory DIR"


def test_a_device_is_not_written_to():
    assert refused(Path("/dev/null")) == "cannot create FILE: it is not a regular file (for no file at all: -o none)"


def test_a_file_that_is_no_trace_is_left_as_it_is(path):
    path.write_text("my thesis")
    assert refused(path) == "FILE exists and is not a trace; it is left as it is: choose another name with -o"
    assert path.read_text() == "my thesis"
    assert os.listdir(path.parent) == ["a.ctrace"]


def test_a_trace_that_is_being_written_is_not_replaced(path):
    writer = TraceWriter(path, scene.META)
    writer.write([scene.call(1, "fork")])
    assert refused(path) == "FILE is being written by another contrace; choose another name with -o"
    writer.finish(END)
    assert len(records_of(path)) == 1


def test_where_the_user_may_not_write_the_message_says_what_to_do(path):
    script = f"""
from pathlib import Path
from contrace.trace.writer import TraceWriter
from tests.unit import scene
TraceWriter(Path({str(path)!r}), scene.META)
"""
    mount = f'mount --bind "{path.parent}" "{path.parent}" && mount -o remount,bind,ro "{path.parent}" && exec "$@"'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", mount, "sh", sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.splitlines()[-1] == (
        f"contrace.errors.TraceFileError: cannot create {path}: Read-only file system; "
        "choose a directory on another file system with -o"
    )


def test_waiting_for_a_trace_to_end_needs_no_more_than_the_file(path):
    """What `show --follow` does: it ends when the writer is gone, however it went."""
    with recorder(path) as writer:
        writer.stdout.readline()
        with closing(TraceReader(path)) as reader:
            wait_until(lambda: reader.last_id() > PER_BATCH, "it grows")
            killed(writer)
            wait_until(lambda: not reader.writer_alive(), "its writer is gone")


def test_every_kind_of_record_has_a_number_of_its_own():
    assert {kind.kind for kind in strategies.RECORDS} == set(Kind)
