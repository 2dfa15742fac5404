"""A private SQLite database beside a trace, with what is asked for often: numbers only, a few dozen bytes a record.

The trace file itself holds whole records, a gigabyte of them in a large one; asking its columns means to read all of
it. The index answers filters, sorting and figures from columns of its own, in C and without the GIL. It lies in the
system's temporary directory, in WAL mode: every thread has a connection of its own, so none waits for another. It
knows nothing that is not in the trace and goes with the process. What a filter asks of it is in ``condition.py``.
"""

import json
import sqlite3
import threading
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from contrace.errors import TraceFileError
from contrace.filters import Term
from contrace.records import Kind
from contrace.trace.condition import FAILED, HIDDEN, Condition
from contrace.trace.order import Stamped
from contrace.trace.scratch import Scratch

_CACHE_KIB = 4096
_PAGE = 5000

_OVER = f"kind = {Kind.SYSCALL.value}"
_DDL = f"""
PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;
CREATE TABLE row (
    id      INTEGER PRIMARY KEY,
    time_ns INTEGER NOT NULL,
    end_ns  INTEGER,
    kind    INTEGER NOT NULL,
    tid     INTEGER NOT NULL,
    pid     INTEGER NOT NULL,
    name    INTEGER NOT NULL,
    result  INTEGER,
    took_ns INTEGER,
    comm    INTEGER NOT NULL,
    started INTEGER NOT NULL,
    shown   INTEGER NOT NULL,
    cut     INTEGER NOT NULL
);
CREATE TABLE name (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE comm (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE INDEX start ON row (tid, time_ns, id) WHERE kind = {Kind.TASK_START.value};
CREATE INDEX identity ON row (tid, time_ns, id) WHERE kind = {Kind.IDENTITY.value};
CREATE TABLE maker (tid INTEGER, time_ns INTEGER, id INTEGER, PRIMARY KEY (tid, time_ns, id)) WITHOUT ROWID;
CREATE TABLE child (tid INTEGER, time_ns INTEGER, id INTEGER, PRIMARY KEY (tid, time_ns, id)) WITHOUT ROWID;
CREATE TABLE executed (pid INTEGER, id INTEGER, PRIMARY KEY (pid, id)) WITHOUT ROWID;
"""

NO_NAME = 0
"""Number of the name of what is not a call."""


class Indexed(NamedTuple):
    """What the index keeps of a record."""

    id: int
    time_ns: int
    end_ns: int | None
    kind: int
    tid: int
    pid: int
    name: int
    """Number of the call's name (``Index.name``); NO_NAME: not a call."""
    result: int | None
    took_ns: int | None
    comm: int
    """Number of the task's name (``Index.comm``)."""
    started: int
    """Id of the task's TaskStart; 0: there is none."""
    shown: int
    """HIDDEN, SHOWN, ALWAYS."""
    cut: int
    """1: some of the call's memory is only there in part."""


Columns = tuple[int, int, int | None, int, int, int, int, int | None, int | None, int, int, int, int]
"""The same as a plain tuple: it is made a million times."""


@dataclass(frozen=True, slots=True)
class Links:
    """What belongs together among the records of one step: (tid, time_ns, id) and (pid, id)."""

    makers: Sequence[tuple[int, int, int]] = ()
    """Calls that start tasks, by who made them."""
    children: Sequence[tuple[int, int, int]] = ()
    """TaskStarts, by the parent's tid."""
    executed: Sequence[tuple[int, int]] = ()
    """Successful execve calls, by process."""


class Group(NamedTuple):
    """Calls of one name or one process."""

    key: int
    """Number of the name, or the pid."""
    comm: int
    """Number of the process's last name."""
    calls: int
    errors: int
    time_ns: int


class Index:
    """The database. ``add`` is called by one thread; everything else by any."""

    def __init__(self) -> None:
        """Make an empty one. Raises TraceFileError where there is no room for it."""
        self.names: list[str] = [""]
        """Names of calls, by number."""
        self.comms: list[str] = []
        """Names of tasks, escaped, by number."""
        self._numbers: dict[str, int] = {}
        self._comm_numbers: dict[str, int] = {}
        self._saved = [0, 0]
        self._connections: dict[int, sqlite3.Connection] = {}
        try:
            self._scratch = Scratch()
        except OSError as error:
            raise TraceFileError(f"cannot make a temporary directory: {error.strerror}; set TMPDIR") from error
        self._path = self._scratch.path / "index"
        with self._connected() as connection:
            connection.executescript(_DDL)

    def name(self, text: str) -> int:
        """Number of a call's name."""
        return _number(text, self.names, self._numbers)

    def comm(self, text: str) -> int:
        """Number of a task's name."""
        return _number(text, self.comms, self._comm_numbers)

    def add(self, rows: Sequence[Columns], gone: Iterable[int], links: Links) -> None:
        """Take in rows, and hide the Entered that are ``gone`` because their Syscall has come: all or nothing."""
        with self._connected() as connection:
            connection.execute("BEGIN")
            try:
                connection.executemany(f"INSERT INTO row VALUES ({', '.join('?' * len(Indexed._fields))})", rows)
                connection.executemany(f"UPDATE row SET shown = {HIDDEN} WHERE id = ?", [(id,) for id in gone])
                for table, known, at in (("name", self.names, 0), ("comm", self.comms, 1)):
                    fresh = list(enumerate(known[self._saved[at] :], self._saved[at]))
                    connection.executemany(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", fresh)
                connection.executemany("INSERT OR IGNORE INTO maker VALUES (?, ?, ?)", links.makers)
                connection.executemany("INSERT OR IGNORE INTO child VALUES (?, ?, ?)", links.children)
                connection.executemany("INSERT OR IGNORE INTO executed VALUES (?, ?)", links.executed)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        self._saved = [len(self.names), len(self.comms)]

    # --- filters ------------------------------------------------------------------------------------------

    def condition(self, terms: Sequence[Term], pids: frozenset[int] | None = None, *, always: bool = True) -> Condition:
        """The SQL for a choice, with the names that are known now. ``always``: losses and warnings pass in any case."""
        return Condition.of(terms, pids, (self.names, self.comms), always=always)

    def matching(self, condition: Condition, after: int, until: int) -> list[Stamped]:
        """(time_ns, id) of the rows behind id ``after`` and up to ``until`` that it lets pass."""
        rows = self._all(
            f"SELECT time_ns, id FROM row WHERE id > ? AND id <= ? AND {condition.sql}",
            (after, until, *condition.parameters),
        )
        return [(time_ns, id) for time_ns, id in rows]

    def among(self, condition: Condition, some: Sequence[int]) -> set[int]:
        """Which of these rows it lets pass."""
        return {
            id
            for (id,) in self._all(
                f"SELECT id FROM row WHERE id IN (SELECT value FROM json_each(?)) AND {condition.sql}",
                (json.dumps(some), *condition.parameters),
            )
        }

    def arranged(self, some: Iterable[list[int]], order: str) -> "array[int]":
        """Ids, given in pieces, in another order: ``took``, ``call`` or ``process``; takes long where they are many."""
        by = {
            "took": "took_ns IS NULL, took_ns DESC",
            "call": "row.name = 0, name.text",
            "process": "pid",
        }[order]
        found = array("q")
        with self._connected() as connection:
            connection.execute("CREATE TEMP TABLE IF NOT EXISTS some (id INTEGER PRIMARY KEY)")
            connection.execute("BEGIN")
            try:
                for piece in some:
                    connection.executemany("INSERT OR IGNORE INTO some VALUES (?)", [(id,) for id in piece])
                rows = connection.execute(
                    "SELECT row.id FROM some CROSS JOIN row USING (id) LEFT JOIN name ON name.id = row.name "
                    f"ORDER BY {by}, time_ns, row.id"
                )
                while page := rows.fetchmany(_PAGE):
                    found.extend([id for (id,) in page])
            finally:
                connection.execute("ROLLBACK")
        return found

    # --- single rows --------------------------------------------------------------------------------------

    def rows(self, some: Sequence[int]) -> dict[int, Indexed]:
        """What is known of these records."""
        found = self._all("SELECT * FROM row WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(some),))
        return {row[0]: Indexed(*row) for row in found}

    def last_identity(self, tid: int, before_ns: int) -> int | None:
        """Id of the last Identity of a task before a time; perhaps of another task that had the tid earlier."""
        return self._one(
            f"SELECT id FROM row WHERE tid = ? AND time_ns < ? AND kind = {Kind.IDENTITY.value} "
            "ORDER BY time_ns DESC, id DESC LIMIT 1",
            (tid, before_ns),
        )

    def next_identity(self, tid: int, after_ns: int) -> int | None:
        """Id of the first Identity of a task after a time."""
        return self._one(
            f"SELECT id FROM row WHERE tid = ? AND time_ns > ? AND kind = {Kind.IDENTITY.value} "
            "ORDER BY time_ns, id LIMIT 1",
            (tid, after_ns),
        )

    def last_start(self, tid: int, until_ns: int) -> int | None:
        """Id of the last TaskStart of a task up to a time."""
        return self._one(
            f"SELECT id FROM row WHERE tid = ? AND time_ns <= ? AND kind = {Kind.TASK_START.value} "
            "ORDER BY time_ns DESC, id DESC LIMIT 1",
            (tid, until_ns),
        )

    def maker(self, tid: int, time_ns: int) -> int | None:
        """Id of the last call by which a task may have started another at that time."""
        return self._one(
            "SELECT id FROM maker WHERE tid = ? AND time_ns <= ? ORDER BY time_ns DESC, id DESC LIMIT 1", (tid, time_ns)
        )

    def children(self, tid: int, since_ns: int, until_ns: int) -> list[int]:
        """Ids of the TaskStarts of a task's children in a stretch of time."""
        rows = self._all(
            "SELECT id FROM child WHERE tid = ? AND time_ns BETWEEN ? AND ? ORDER BY time_ns", (tid, since_ns, until_ns)
        )
        return [id for (id,) in rows]

    def executed(self, pid: int, until: int) -> int | None:
        """Id of the last successful execve of a process at or before a record."""
        return self._one("SELECT id FROM executed WHERE pid = ? AND id <= ? ORDER BY id DESC LIMIT 1", (pid, until))

    def kinds(self, kinds: Iterable[int], names: Iterable[int], after: int, until: int) -> list[int]:
        """Ids of the records of some kinds, and of the calls with some names, in a stretch of ids."""
        rows = self._all(
            f"SELECT id FROM row WHERE id > ? AND id <= ? AND (kind IN ({_list(kinds)}) OR name IN ({_list(names)})) "
            "ORDER BY id",
            (after, until),
        )
        return [id for (id,) in rows]

    # --- figures ------------------------------------------------------------------------------------------

    def totals(self, condition: Condition) -> tuple[int, int, int, int, int]:
        """Calls, errors, processes, threads and truncated calls among what is chosen."""
        start = f"kind = {Kind.TASK_START.value}"
        ((calls, errors, processes, threads, cut),) = self._all(
            f"SELECT count(*) FILTER (WHERE {_OVER}), count(*) FILTER (WHERE {_OVER} AND {FAILED}), "
            f"count(*) FILTER (WHERE {start} AND tid = pid), count(*) FILTER (WHERE {start} AND tid != pid), "
            f"count(*) FILTER (WHERE cut) FROM row WHERE {condition.wanted}",
            condition.parameters,
        )
        return calls, errors, processes, threads, cut

    def groups(self, condition: Condition, by: str) -> list[Group]:
        """Calls that are over, per ``name`` (most frequent first) or per ``pid`` (busiest first)."""
        order = "count(*) DESC" if by == "name" else "total(took_ns) DESC"
        rows = self._all(
            f"SELECT {by}, comm, max(id), count(*), sum({FAILED}), cast(total(took_ns) AS INTEGER) FROM row "
            f"WHERE {_OVER} AND {condition.sql} GROUP BY {by} ORDER BY {order}, {by}",
            condition.parameters,
        )
        return [Group(key, comm, count, errors, time_ns) for key, comm, _, count, errors, time_ns in rows]

    def close(self) -> None:
        """Forget everything."""
        for connection in list(self._connections.values()):
            connection.close()
        self._connections.clear()
        self._scratch.close()

    # --- the database -------------------------------------------------------------------------------------

    def _all(self, sql: str, parameters: Sequence[str | int | float]) -> list[tuple[int, ...]]:
        with self._connected() as connection:
            return connection.execute(sql, parameters).fetchall()

    def _one(self, sql: str, parameters: Sequence[int]) -> int | None:
        found = self._all(sql, parameters)
        return found[0][0] if found else None

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """This thread's connection."""
        thread = threading.get_ident()
        try:
            if thread not in self._connections:
                # Threads end before `close` does its work, which is then done by another one.
                connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
                connection.executescript(f"PRAGMA cache_size={-_CACHE_KIB}; PRAGMA synchronous=OFF;")
                self._connections[thread] = connection
            yield self._connections[thread]
        except sqlite3.Error as error:
            raise TraceFileError(
                f"the index in {self._scratch.path} cannot be used ({error}); set TMPDIR to a place with room"
            ) from error


def _number(text: str, texts: list[str], numbers: dict[str, int]) -> int:
    number = numbers.get(text)
    if number is None:
        number = numbers[text] = len(texts)
        texts.append(text)
    return number


def _list(numbers: Iterable[int]) -> str:
    return ", ".join(str(int(number)) for number in numbers)
