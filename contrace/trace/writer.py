"""Writes a trace file, batch by batch, between the stops of what is traced: so each batch must cost little.

Invariants. A batch is one transaction: kill -9 at any moment loses at most the batch that was being written. The file
is SQLite in WAL mode while it grows, so that readers never make the writer wait, and one plain file at the end. From
the moment that it has its name until it is complete, the writer holds flock(2) on it, which ends with the process:
that is how readers know whether it still grows. The file is only for its owner, since environments hold secrets.
"""

import errno
import fcntl
import json
import os
import sqlite3
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from contrace.errors import TraceFileError
from contrace.records import Entered, Kind, Record, Syscall
from contrace.syscalls.abi import name_of
from contrace.trace.schema import APPLICATION_ID, DDL, HEADER_SIZE, PAGE_SIZE, SCHEMA_VERSION, End, Meta, is_trace

_INSERT = "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_SETTLE_S = 1.0
"""How long the end waits for readers to let go of the file, so that it can become one file."""
_SETTLE_STEP_S = 0.02

Row = tuple[int, int, int, int, int | None, int, int, int | None, int | None, int | None, bytes]


class TraceWriter:
    """A trace file that is being written."""

    def __init__(self, path: Path, meta: Meta) -> None:
        """Make sure that it can be written, under a name of its own: what was there is replaced by the first batch.

        Raises TraceFileError.
        """
        self.path = path
        self.records = 0
        """How many were written; also the id of the last one."""
        self._batch = 0
        self._named: set[tuple[int, int]] = set()
        self._encode = msgspec.msgpack.Encoder().encode
        self._connection: sqlite3.Connection | None = None
        self._real = Path(os.path.realpath(path))
        self._draft = self._real.with_name(f".{self._real.name}.{os.getpid()}.new")
        try:
            _check_replaceable(self._real, path)
            self._lock = _create(self._draft, meta)
        except (OSError, sqlite3.Error) as error:
            raise _cannot("create", path, error) from error

    def write(self, records: Sequence[Record]) -> int:
        """Append one batch; returns the id of its last record. Raises TraceFileError, and then none of it is there."""
        if not records:
            return self.records
        try:
            connection = self.place()
            with _transaction(connection):
                connection.executemany(_INSERT, self._rows(records))
                self._name(connection, records)
        except (OSError, sqlite3.Error) as error:
            raise _cannot("write", self.path, error) from error
        self._batch += 1
        self.records += len(records)
        return self.records

    def finish(self, end: Mapping[str, object]) -> None:
        """Say how it ended (the fields of ``End``), make it one plain file and let go of it.

        Raises TraceFileError if that could not be said; the file then looks like that of a killed recorder.
        """
        facts = msgspec.convert({"ended_monotonic_ns": time.monotonic_ns(), **end}, End)
        try:
            connection = self.place()
            with _transaction(connection):  # a reader sees all of the facts or, on a full disk, none
                connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", _as_rows(facts))
            deadline = time.monotonic() + _SETTLE_S
            while not _settle(connection) and time.monotonic() < deadline:
                time.sleep(_SETTLE_STEP_S)
        except (OSError, sqlite3.Error) as error:
            raise _cannot("complete", self.path, error) from error
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the file. Without ``finish`` before, it looks like that of a killed recorder."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._lock >= 0:
            # After SQLite is done with it: closing any descriptor of a file drops SQLite's own fcntl(2) locks on it.
            os.close(self._lock)
            self._lock = -1

    def discard(self) -> None:
        """Before the first batch: as if it had never been made."""
        self.close()
        self._draft.unlink(missing_ok=True)

    def place(self) -> sqlite3.Connection:
        """Give the file its name, if it does not have it yet. Returns the connection to it."""
        if self._connection is None:
            for suffix in ("-wal", "-shm"):  # of a killed recorder: they must not meet another file
                Path(f"{self._real}{suffix}").unlink(missing_ok=True)
            self._draft.replace(self._real)
            self._connection = sqlite3.connect(self._real, isolation_level=None)
            # Not synchronous: the file outlives the process in any case; only a crash of the machine may harm it.
            self._connection.executescript("PRAGMA synchronous=OFF; PRAGMA journal_mode=WAL;")
        return self._connection

    def _rows(self, records: Sequence[Record]) -> list[Row]:
        rows: list[Row] = []
        number, batch, encode = self.records, self._batch, self._encode
        for record in records:
            number += 1
            end_ns: int | None = None
            abi: int | None = None
            call: int | None = None
            result: int | None = None
            if isinstance(record, Syscall):
                end_ns, abi, call, result = record.end_ns, record.abi, _signed(record.nr), record.result
            elif isinstance(record, Entered):
                abi, call = record.abi, _signed(record.nr)
            head = (number, batch, record.kind, record.time_ns, end_ns, record.tid, record.pid)
            rows.append((*head, abi, call, result, encode(record)))
        return rows

    def _name(self, connection: sqlite3.Connection, records: Sequence[Record]) -> None:
        """Add the names of the calls that occur for the first time."""
        occur = {(record.abi, record.nr) for record in records if isinstance(record, (Syscall, Entered))}
        if fresh := occur - self._named:
            self._named |= fresh
            connection.executemany(
                "INSERT OR IGNORE INTO called VALUES (?, ?, ?)",
                [(abi, _signed(nr), name_of(abi, nr)) for abi, nr in fresh],
            )


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of the body's changes, or none."""
    connection.execute("BEGIN")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _settle(connection: sqlite3.Connection) -> bool:
    """Whether the file left WAL mode; a reader that is looking at it prevents that."""
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (mode,) = connection.execute("PRAGMA journal_mode=DELETE").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return False
        raise
    return bool(mode == "delete")


def _signed(number: int) -> int:
    """A call number as SQLite can hold it: a process may put any 64 bits into the register."""
    return number - (1 << 64) if number >= 1 << 63 else number


def _as_rows(facts: Meta | End) -> list[tuple[str, str]]:
    """ASCII JSON: command lines may hold bytes that are not UTF-8, as lone surrogates."""
    return [(key, json.dumps(value)) for key, value in msgspec.to_builtins(facts).items()]


def _create(draft: Path, meta: Meta) -> int:
    """Make an empty trace and lock it. Returns the descriptor that holds the lock."""
    draft.unlink(missing_ok=True)  # of a killed recorder with the same process id
    lock = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
            connection.executescript(
                f"PRAGMA page_size={PAGE_SIZE}; PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY;"
                f"PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={SCHEMA_VERSION}; BEGIN; {DDL}"
            )
            connection.executemany("INSERT INTO kind VALUES (?, ?)", [(kind, kind.name.lower()) for kind in Kind])
            connection.executemany("INSERT INTO meta VALUES (?, ?)", _as_rows(meta))
            connection.execute("COMMIT")
    except BaseException:
        draft.unlink(missing_ok=True)
        os.close(lock)
        raise
    return lock


def _check_replaceable(real: Path, path: Path) -> None:
    """Raise TraceFileError if ``real`` is anything but nothing, an empty file or a trace that nobody writes."""
    try:
        status = os.lstat(real)
    except FileNotFoundError:
        if not real.parent.is_dir():
            raise TraceFileError(f"cannot create {path}: there is no directory {path.parent}") from None
        return
    if stat.S_ISDIR(status.st_mode):
        raise TraceFileError(f"cannot create {path}: it is a directory; name a file in it")
    if not stat.S_ISREG(status.st_mode):
        raise TraceFileError(f"cannot create {path}: it is not a regular file (for no file at all: -o none)")
    if status.st_size == 0:
        return
    existing = os.open(real, os.O_RDONLY | os.O_CLOEXEC)
    try:
        header = os.pread(existing, HEADER_SIZE, 0)
        if not is_trace(header):
            raise TraceFileError(f"{path} exists and is not a trace; it is left as it is: choose another name with -o")
        try:
            fcntl.flock(existing, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TraceFileError(f"{path} is being written by another contrace; choose another name with -o") from None
    finally:
        os.close(existing)


def _cannot(do: str, path: Path, error: OSError | sqlite3.Error) -> TraceFileError:
    """What went wrong with ``path``, and what to do."""
    code = getattr(error, "sqlite_errorcode", None)
    if code == sqlite3.SQLITE_FULL or getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        return TraceFileError(
            f"cannot {do} {path}: the disk is full; what was recorded before is kept. "
            "Make room, or choose a place on another disk with -o"
        )
    if isinstance(error, OSError):
        advice = {
            errno.EACCES: "; choose a directory that you may write to with -o",
            errno.EROFS: "; choose a directory on another file system with -o",
        }.get(error.errno or 0, "")
        return TraceFileError(f"cannot {do} {path}: {error.strerror}{advice}")
    return TraceFileError(f"cannot {do} {path}: {error}")
