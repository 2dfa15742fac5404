"""Everything that the screens ask of a trace.

One worker thread calls ``take_in`` and ``scan`` over and over; everything else may be called from the UI's thread
meanwhile. Workers work in bounded steps and let whoever paints go first (``index.Turns``), so nobody waits for them
longer than one step. Only the rows that are asked for are decoded. All but ``close`` raise TraceFileError for a trace
that vanished, was cut off or is damaged.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from contrace.records import Identity
from contrace.story.tree import ProcessTree
from contrace.story.world import World
from contrace.trace.schema import Meta
from contrace.tui.choice import Choice, Figure, Row, Sort, Statistics

__all__ = ["Choice", "Feed", "Figure", "Row", "Selection", "Sort", "Statistics"]


class Selection:
    """The rows of a choice, by position. Grows while it is filled and while the trace grows."""

    choice: Choice
    count: int
    """Rows known so far."""
    complete: bool
    """False while there is something to scan: of the file as far as it was taken in."""
    scanned: float
    """How much of the file was looked at, 0..1."""

    def position_of(self, id: int) -> int | None:
        """Where a record stands, or the next shown one behind it; None: there is none."""
        raise NotImplementedError


class Feed:
    """A trace file, as the screens see it."""

    path: Path
    meta: Meta
    tree: ProcessTree
    known: int
    """Records taken in so far."""
    total: int
    """Records that the file holds, as far as looked."""

    def __init__(self, path: Path) -> None:
        """Open it, whatever its size, in a few milliseconds. Raises TraceFileError."""
        raise NotImplementedError

    def take_in(self) -> bool:
        """One step of taking in what the file holds, or has grown by; True: there is more now. Worker thread."""
        raise NotImplementedError

    def recording(self) -> bool:
        """A recorder still writes the file."""
        raise NotImplementedError

    def select(self, choice: Choice) -> Selection:
        """The rows of a choice; the first ones where they are quick to find. Raises UsageError with a mark."""
        raise NotImplementedError

    def scan(self, selection: Selection) -> bool:
        """One step of filling it; True: there is more to do. Worker thread. Dropping the selection cancels."""
        raise NotImplementedError

    def rows(self, selection: Selection, first: int, count: int) -> list[Row]:
        """Rows ``first`` to ``first + count``, decoded; fewer where the selection ends."""
        raise NotImplementedError

    def row(self, id: int) -> Row:
        """One record by its id."""
        raise NotImplementedError

    def find(self, selection: Selection, words: Sequence[str], start: int, step: int) -> Iterator[float | int]:
        """Search from ``start`` in the direction of ``step`` (1, -1), and on at the other end."""
        raise NotImplementedError

    def near(self, selection: Selection, start: int, step: int, *, errors: bool = True) -> int | None:
        """Position of the next (step 1) or previous (-1) row, with an error if ``errors``; None: there is none."""
        raise NotImplementedError

    def before(self, tid: int, id: int) -> Identity | None:
        """Who a task was, before a record."""
        raise NotImplementedError

    def after(self, tid: int, id: int) -> Identity | None:
        """Who a call made of its task; None: nothing was read after it."""
        raise NotImplementedError

    def parent_call(self, row: Row) -> int | None:
        """Id of the call that made the row's process; None: it is not in the trace."""
        raise NotImplementedError

    def children_of(self, row: Row) -> list[int]:
        """Ids of the TaskStarts that a call brought about."""
        raise NotImplementedError

    def exec_of(self, pid: int, id: int) -> Row | None:
        """The last successful execve of a process at or before a record."""
        raise NotImplementedError

    def world(self, id: int) -> World:
        """Who existed at a record. May take long: for a worker thread."""
        raise NotImplementedError

    def statistics(self, choice: Choice) -> Statistics:
        """The figures of a choice. Words about text are answered by decoding: for a worker thread."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of the file and of the index."""
        raise NotImplementedError
