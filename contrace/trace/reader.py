"""Reads a trace file, complete, growing, or left behind by a recorder that was killed.

Nothing is kept open in SQLite between two looks, so that the writer can turn a file that is being watched into one
plain file when it ends. Rows are fetched in pages; a batch is the most that is held in memory.
"""

import fcntl
import json
import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, TypeVar
from urllib.parse import quote

import msgspec

from contrace.errors import TraceFileError
from contrace.records import TYPES, Kind, Record
from contrace.syscalls.flags.errno import MAX_ERRNO
from contrace.trace.schema import HEADER_SIZE, SCHEMA_VERSION, End, Meta, is_trace

_PAGE = 500
_BUSY_S = 5.0
_Row = tuple[int, int, int, bytes]
_Facts = TypeVar("_Facts", Meta, End)


class Totals(NamedTuple):
    """What the integer columns say about a whole trace."""

    calls: int
    """Calls that are over."""
    errors: int
    """Of these, how many returned an error."""
    processes: int
    """Processes that started or were found."""
    threads: int
    """The same of threads, without the first one of each process."""
    last_ns: int
    """When the last thing happened; 0 if nothing did."""


_TOTALS = f"""
SELECT count(*) FILTER (WHERE kind = {Kind.SYSCALL.value}),
       count(*) FILTER (WHERE kind = {Kind.SYSCALL.value} AND result BETWEEN {-MAX_ERRNO} AND -1),
       count(*) FILTER (WHERE kind = {Kind.TASK_START.value} AND tid = pid),
       count(*) FILTER (WHERE kind = {Kind.TASK_START.value} AND tid != pid),
       max(coalesce(max(time_ns), 0), coalesce(max(end_ns), 0))
FROM record
"""


class TraceReader:
    """A trace file that is being read."""

    def __init__(self, path: Path) -> None:
        """Open it. Raises TraceFileError for what is missing, unreadable, foreign, broken or too new."""
        self.path = path
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        self._decoders: dict[int, Callable[[bytes], Record]] = {
            kind: msgspec.msgpack.Decoder(kind_type).decode for kind, kind_type in TYPES.items()
        }
        # Open as long as the reader is: closing it would drop the locks of every SQLite connection to the file.
        self._file = _open(path)
        try:
            self.meta = self._facts(Meta)
        except BaseException:
            self.close()
            raise

    @property
    def ended(self) -> End | None:
        """How the capture ended; None while it runs, or if its recorder was killed."""
        with self._connected() as connection:
            if connection.execute("SELECT 1 FROM meta WHERE key = 'ended_monotonic_ns'").fetchone() is None:
                return None
        return self._facts(End)

    @property
    def size(self) -> int:
        """Bytes on the disk, what SQLite keeps beside a growing file included."""
        beside = Path(f"{self.path}-wal")
        return os.fstat(self._file).st_size + (beside.stat().st_size if beside.exists() else 0)

    def writer_alive(self) -> bool:
        """Whether a recorder is writing the file. Once False, nothing more will come."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(self._file, fcntl.LOCK_UN)
        return False

    def last_id(self) -> int:
        """Id of the last record, 0 if there is none."""
        with self._connected() as connection:
            (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM record").fetchone()
        return int(last)

    def totals(self) -> Totals:
        """The figures of all records, in one pass over the columns."""
        with self._connected() as connection:
            row = connection.execute(_TOTALS).fetchone()
        try:
            return msgspec.convert(row, Totals)
        except msgspec.ValidationError as error:
            raise TraceFileError(f"{self.path}: the columns of the records are damaged ({error})") from error

    def records(self, after: int = 0, kinds: Collection[Kind] | None = None) -> Iterator[tuple[int, Record]]:
        """(id, record) of all records behind id ``after``, in the order in which the backend wrote them."""
        for number, _, kind, data in self._rows(after, kinds):
            yield number, self._decode(number, kind, data)

    def batches(self, after: int = 0) -> Iterator[tuple[int, list[Record]]]:
        """(id of its last record, records) of each batch behind id ``after``, which must be such an id, or 0.

        A batch is what the backend saw in one stretch of time, complete: what happened earlier is in it or before it.
        """
        for _, rows in groupby(self._rows(after, None), key=lambda row: row[1]):
            last, batch = after, []
            for number, _, kind, data in rows:
                batch.append(self._decode(number, kind, data))
                last = number
            yield last, batch

    def page(self, after: int, limit: int) -> tuple[list[tuple[int, Record]], bool]:
        """(id, record) of about ``limit`` records behind id ``after``, and whether there are more now.

        The batches are complete, but for one that has more records than the limit.
        """
        with self._connected() as connection:
            rows: list[_Row] = connection.execute(
                "SELECT id, batch, kind, data FROM record WHERE id > ? ORDER BY id LIMIT ?", (after, limit)
            ).fetchall()
        more = len(rows) == limit
        if more:
            last = rows[-1][1]
            rows = [row for row in rows if row[1] != last] or rows
        decode = self._decode
        return [(number, decode(number, kind, data)) for number, _, kind, data in rows], more

    def fetch(self, ids: Collection[int]) -> dict[int, Record]:
        """The records with these ids, as many as the file holds of them."""
        found: dict[int, Record] = {}
        wanted = sorted(ids)
        with self._connected() as connection:
            for first in range(0, len(wanted), _PAGE):
                some = wanted[first : first + _PAGE]
                rows = connection.execute(
                    f"SELECT id, kind, data FROM record WHERE id IN ({', '.join('?' * len(some))})", some
                ).fetchall()
                found |= {number: self._decode(number, kind, data) for number, kind, data in rows}
        return found

    def close(self) -> None:
        """Let go of the file and of a private copy of it."""
        if self._copy is not None:
            self._copy.cleanup()
        os.close(self._file)

    # --- how the file is looked at ------------------------------------------------------------------------

    def _rows(self, after: int, kinds: Collection[Kind] | None) -> Iterator[_Row]:
        chosen = f" AND kind IN ({', '.join(str(int(kind)) for kind in kinds)})" if kinds is not None else ""
        with self._connected() as connection:
            rows = connection.execute(
                f"SELECT id, batch, kind, data FROM record WHERE id > ?{chosen} ORDER BY id", (after,)
            )
            while page := rows.fetchmany(_PAGE):
                yield from page

    def _decode(self, number: int, kind: int, data: bytes) -> Record:
        decode = self._decoders.get(kind)
        if decode is None:
            raise TraceFileError(f"{self.path}: record {number} is of an unknown kind; a newer contrace may know it")
        try:
            return decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, TypeError) as error:
            raise TraceFileError(
                f"{self.path}: record {number} is damaged ({error}); the file cannot be used"
            ) from error

    def _facts(self, facts: type[_Facts]) -> _Facts:
        with self._connected() as connection:
            rows = connection.execute("SELECT key, value FROM meta").fetchall()
        try:
            return msgspec.convert({key: json.loads(value) for key, value in rows}, facts)
        except (ValueError, TypeError) as error:
            raise TraceFileError(f"{self.path}: the facts about the capture are damaged ({error})") from error

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(self._connect()) as connection:
                yield connection
        except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter from a message that quotes damaged text
            raise TraceFileError(
                f"{self.path} is damaged or was cut off ({error}); what is left may be saved by: sqlite3 FILE .recover"
            ) from error

    def _connect(self) -> sqlite3.Connection:
        """A connection, opened in the way that fits the state of the file."""
        if self._copy is not None:
            return _connect(Path(self._copy.name) / "trace", "mode=rw")
        self._check_there()
        beside = Path(f"{os.path.realpath(self.path)}-wal")
        if not self.writer_alive() and not (beside.exists() and beside.stat().st_size):
            # Complete: it needs no locks, nor files beside it, which a read-only directory could not hold.
            return _connect(self.path, "mode=ro&immutable=1")
        try:
            # Whoever is the last to close a file in WAL mode puts it together again, the killed writer's as well.
            return _connect(self.path, "mode=rw" if self._is_ours() else "mode=ro")
        except sqlite3.OperationalError:
            self._copy = self._private_copy(beside)
            return self._connect()

    def _check_there(self) -> None:
        """SQLite opens the path anew for each look, and something else may have its name by now."""
        try:
            now = os.stat(self.path)
        except FileNotFoundError:
            raise TraceFileError(
                f"{self.path} has vanished: it was deleted or renamed while it was being read"
            ) from None
        except OSError as error:
            raise TraceFileError(f"cannot read {self.path}: {error.strerror}") from error
        if not os.path.samestat(now, os.fstat(self._file)):
            raise TraceFileError(f"{self.path} is another file by now: it was replaced while it was being read")

    def _is_ours(self) -> bool:
        return os.access(self.path, os.W_OK) and os.access(os.path.dirname(os.path.realpath(self.path)), os.W_OK)

    def _private_copy(self, beside: Path) -> tempfile.TemporaryDirectory[str]:
        """For a file that needs locks or putting together where this user may not write."""
        folder = tempfile.TemporaryDirectory(prefix="contrace-")
        copy = Path(folder.name) / "trace"
        try:
            # The log first: what moves from there into the file meanwhile is then in both, which does no harm.
            if beside.exists():
                shutil.copyfile(beside, f"{copy}-wal")
            shutil.copyfile(self.path, copy)
        except OSError as error:
            folder.cleanup()
            raise TraceFileError(f"cannot read {self.path}: {error.strerror}") from error
        return folder


def _open(path: Path) -> int:
    """A descriptor of a file that has the header of a trace; raises TraceFileError for any other."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise TraceFileError(f"there is no file {path}") from None
    except PermissionError:
        raise TraceFileError(
            f"may not read {path}: a trace belongs to the user who recorded it, since it holds environments; use sudo"
        ) from None
    except OSError as error:
        raise TraceFileError(f"cannot read {path}: {error.strerror}") from error
    try:
        _check(file, path)
    except BaseException:
        os.close(file)
        raise
    return file


def _check(file: int, path: Path) -> None:
    mode = os.fstat(file).st_mode
    if stat.S_ISDIR(mode):
        raise TraceFileError(f"{path} is a directory; name a trace file in it")
    if not stat.S_ISREG(mode):
        raise TraceFileError(f"{path} is not a regular file; a trace can only be read from one")
    header = os.pread(file, HEADER_SIZE, 0)
    if not is_trace(header):
        what = "is empty" if not header else "is not a trace of contrace"
        raise TraceFileError(f"{path} {what}; `contrace attach` and `contrace run` write traces, with -o FILE")
    version = int.from_bytes(header[60:64], "big")
    if version > SCHEMA_VERSION:
        raise TraceFileError(
            f"{path} was written by a newer contrace (its format is {version}, this one reads up to {SCHEMA_VERSION}): "
            "update contrace"
        )


def _connect(path: Path, options: str) -> sqlite3.Connection:
    """Nothing in a file from somewhere else is trusted to be more than data, and nothing in it is changed."""
    connection = sqlite3.connect(
        f"file:{quote(os.fsencode(path.absolute()))}?{options}", uri=True, isolation_level=None, timeout=_BUSY_S
    )
    try:
        connection.executescript("PRAGMA trusted_schema=OFF; PRAGMA query_only=ON;")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection
