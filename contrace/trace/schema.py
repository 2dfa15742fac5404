"""What a trace file is: SQLite with two tables, and how records and facts about the capture are put into them.

``record`` holds one row per record: integer columns for what is filtered on, and the whole struct as msgpack in
``data``. ``batch`` numbers the transactions: what a backend saw in one stretch of time, complete. ``meta`` holds the
facts about the capture, one per row, as JSON. ``called`` names the call numbers that occur, for people with a
``sqlite3`` shell, as does the view ``calls``.
"""

import msgspec

from contrace.records import Kind

APPLICATION_ID = 0x43747263
"""``Ctrc``: says in the header of an SQLite file (offset 68) that it is a trace."""
SCHEMA_VERSION = 1
"""The header's user_version (offset 60). Raised whenever an older contrace could not read the file."""

PAGE_SIZE = 8192
HEADER_SIZE = 100
"""Bytes of an SQLite file's header (https://www.sqlite.org/fileformat.html, section 1.3)."""


def is_trace(header: bytes) -> bool:
    """Whether a file that begins with these bytes is a trace, of whatever version."""
    return header[:16] == b"SQLite format 3\0" and header[68:72] == APPLICATION_ID.to_bytes(4, "big")


DDL = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE record (
    id      INTEGER PRIMARY KEY,
    batch   INTEGER NOT NULL,
    kind    INTEGER NOT NULL,
    time_ns INTEGER NOT NULL,
    end_ns  INTEGER,
    tid     INTEGER NOT NULL,
    pid     INTEGER NOT NULL,
    abi     INTEGER,
    call    INTEGER,
    result  INTEGER,
    data    BLOB NOT NULL
);
CREATE TABLE kind (kind INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE called (abi INTEGER, call INTEGER, name TEXT NOT NULL, PRIMARY KEY (abi, call)) WITHOUT ROWID;
CREATE VIEW calls AS
    SELECT record.id,
           round((time_ns - (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'started_monotonic_ns')) / 1e9, 6)
               AS seconds,
           pid, tid, called.name AS call, result, round((end_ns - time_ns) / 1e6, 3) AS took_ms
    FROM record JOIN called USING (abi, call)
    WHERE kind = {Kind.SYSCALL.value};
"""


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    """The facts about a capture that are known when it begins."""

    version: str
    """Version of contrace that wrote the file."""
    started_ns: int
    """Wall clock at the beginning, ns since 1970 (CLOCK_REALTIME)."""
    started_monotonic_ns: int
    """The same moment on the records' clock (CLOCK_MONOTONIC)."""
    host: str = ""
    kernel: str = ""
    """Release, as of uname(2)."""
    machine: str = ""
    """As of uname(2): x86_64, aarch64."""
    backend: str = "ptrace"
    scope: str = "all"
    """"birth" or "all"."""
    mode: str = ""
    """One line that says how and what was watched."""
    follow: bool = True
    """False: only the targets themselves were watched, not what they started."""
    calls: tuple[str, ...] | None = None
    """Names of the calls that were watched; None: all."""
    command: tuple[str, ...] = ()
    """What was run, or what was attached to, as NAME[PID]."""
    recorder_pid: int = 0


class End(msgspec.Struct, frozen=True, kw_only=True):
    """The facts about a capture that are known when it is over; absent from a file whose recorder was killed."""

    ended_monotonic_ns: int
    """On the records' clock."""
    reason: str
    """Why it ended, in plain words."""
    records: int = 0
    lost: int = 0
    """How many records could not be delivered or written."""
