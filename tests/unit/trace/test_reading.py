"""Files that are no trace, or one no more: each is one clear error, never a traceback, and never a wrong record."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contrace.errors import TraceFileError
from contrace.output.summary import summarise
from contrace.records import Kind
from contrace.trace.reader import TraceReader
from contrace.trace.schema import SCHEMA_VERSION
from contrace.trace.writer import TraceWriter
from tests.unit import scene

BATCHES = [[scene.note(batch * 10 + at, "attach", "x" * 300) for at in range(10)] for batch in range(20)]


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "a.ctrace"
    writer = TraceWriter(path, scene.META)
    for batch in BATCHES:
        writer.write(batch)
    writer.finish({"reason": "stopped"})
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.ctrace"


def error(path: Path) -> str:
    with pytest.raises(TraceFileError) as caught:
        read(path)
    return str(caught.value).replace(str(path), "FILE")


def read(path: Path) -> list[list[object]]:
    with closing(TraceReader(path)) as reader:
        summarise(reader).text(None)
        return [batch for _, batch in reader.batches()]


def changed(path: Path, sound: Path, *statements: str) -> Path:
    """The trace after somebody has changed it with the sqlite3 shell."""
    path.write_bytes(sound.read_bytes())
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
    return path


HINT = "`contrace attach` and `contrace run` write traces, with -o FILE"


def test_a_missing_file(path):
    assert error(path) == "there is no file FILE"


def test_a_directory(tmp_path):
    assert error(tmp_path) == "FILE is a directory; name a trace file in it"


def test_a_fifo(path):
    os.mkfifo(path)
    assert error(path) == "FILE is not a regular file; a trace can only be read from one"


def test_an_empty_file(path):
    path.touch()
    assert error(path) == f"FILE is empty; {HINT}"


def test_a_file_of_random_bytes(path):
    path.write_bytes(os.urandom(100_000))
    assert error(path) == f"FILE is not a trace of contrace; {HINT}"


def test_another_programs_database(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE record (id INTEGER)")
        connection.commit()
    assert error(path) == f"FILE is not a trace of contrace; {HINT}"


def test_a_file_of_a_newer_version(path, sound):
    changed(path, sound, f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    assert error(path) == (
        f"FILE was written by a newer contrace (its format is {SCHEMA_VERSION + 1}, "
        f"this one reads up to {SCHEMA_VERSION}): update contrace"
    )


def test_a_file_that_was_cut_off(path, sound):
    path.write_bytes(sound.read_bytes()[: sound.stat().st_size // 2])
    assert error(path) == (
        "FILE is damaged or was cut off (database disk image is malformed); "
        "what is left may be saved by: sqlite3 FILE .recover"
    )


def test_a_file_that_the_user_may_not_read(path, sound):
    path.write_bytes(sound.read_bytes())
    path.chmod(0)
    script = f"""
import os
from pathlib import Path
from contrace.trace.reader import TraceReader
TraceReader(Path({str(path)!r}))
"""
    # In a user namespace without an own id map the process is nobody, also if the tests run as root.
    done = subprocess.run(
        ["unshare", "--user", sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.stderr.splitlines()[-1] == (
        f"contrace.errors.TraceFileError: may not read {path}: "
        "a trace belongs to the user who recorded it, since it holds environments; use sudo"
    )


def test_a_header_without_tables(path, sound):
    changed(path, sound, "DROP VIEW calls", "DROP TABLE record")
    assert error(path).startswith("FILE is damaged or was cut off (no such table: record)")


def test_a_record_of_a_kind_that_is_not_known(path, sound):
    changed(path, sound, "UPDATE record SET kind = 99 WHERE id = 3")
    assert error(path) == "FILE: record 3 is of an unknown kind; a newer contrace may know it"


@pytest.mark.parametrize("data", ["x'00'", "x''", "'text'", "7", "zeroblob(20)"])
def test_a_damaged_record(path, sound, data):
    changed(path, sound, f"UPDATE record SET data = {data} WHERE id = 3")
    message = error(path)
    assert message.startswith("FILE: record 3 is damaged (")
    assert message.endswith("); the file cannot be used")


@pytest.mark.parametrize("value", ["'{'", "'\"text\"'", "x'00'"])
def test_damaged_facts(path, sound, value):
    changed(path, sound, f"UPDATE meta SET value = {value} WHERE key = 'started_monotonic_ns'")
    assert error(path).startswith("FILE: the facts about the capture are damaged (")


def test_times_that_are_no_numbers_are_an_error_too(path, sound):
    changed(path, sound, "UPDATE record SET time_ns = 'later' WHERE id = 3")
    assert error(path).startswith("FILE: the columns of the records are damaged")


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_cut_off_anywhere_it_is_an_error_or_complete(tmp_path_factory, sound, length):
    path = tmp_path_factory.mktemp("cut") / "a.ctrace"
    path.write_bytes(sound.read_bytes()[: length % sound.stat().st_size])
    with pytest.raises(TraceFileError):
        read(path)


@given(st.dictionaries(st.integers(0, 10**6), st.integers(0, 255), min_size=1, max_size=20))
@settings(max_examples=100, deadline=None)
def test_whatever_bytes_are_damaged_there_is_no_other_error(tmp_path_factory, sound, changes):
    path = tmp_path_factory.mktemp("changed") / "a.ctrace"
    damaged = bytearray(sound.read_bytes())
    for place, byte in changes.items():
        damaged[place % len(damaged)] = byte
    path.write_bytes(damaged)
    with suppress(TraceFileError):
        assert all(record.kind in Kind for batch in read(path) for record in batch)


def test_nothing_in_the_file_is_changed_by_reading_it(path, sound):
    path.write_bytes(sound.read_bytes())
    read(path)
    assert path.read_bytes() == sound.read_bytes()
    assert os.listdir(path.parent) == ["a.ctrace"]


def test_only_some_kinds_are_read_where_only_they_are_wanted(path):
    writer = TraceWriter(path, scene.META)
    writer.write([scene.call(1, "fork"), scene.loss(2), scene.note(3, "attach", "x")])
    writer.finish({"reason": "stopped"})
    with closing(TraceReader(path)) as reader:
        assert [record for _, record in reader.records(kinds=(Kind.LOSS, Kind.NOTE))] == [
            scene.loss(2),
            scene.note(3, "attach", "x"),
        ]
        assert [number for number, _ in reader.records(after=2)] == [3]


def test_a_name_with_special_characters_is_a_name(tmp_path, sound):
    path = tmp_path / "a?mode=memory#%41 é.ctrace"
    path.write_bytes(sound.read_bytes())
    assert read(path) == BATCHES
