"""The order in which things happened: a call has two moments, its entry and its return; other records have one. Pure.

Batches are complete: everything in one happened after everything in those before, and calls that were open at its end
are in it as ``Entered``. So the moments of a trace do not depend on how many batches are taken at once.
"""

from collections.abc import Sequence
from typing import NamedTuple

from contrace.records import Entered, Exec, Identity, Record, Syscall, TaskStart

Key = tuple[int, int]
"""tid and time_ns of a call: what its Entered and its Syscall have in common."""


_AT_BEGINNINGS = frozenset(("attach", "run", "start", "exec"))
"""``Identity.why`` of one that belongs to the TaskStart or Exec before it."""


class Moment(NamedTuple):
    """A record, at the time it is to be told."""

    time_ns: int
    is_entry: bool
    """A call's entry; for a Syscall, False is its return."""
    record: Record


class Moments:
    """Knows which calls are open between two batches."""

    def __init__(self) -> None:
        self._open: set[Key] = set()

    def of(self, batch: Sequence[Record]) -> list[Moment]:
        """The moments of one or more complete batches, by time."""
        over = {key(record) for record in batch if isinstance(record, Syscall)}
        found: list[Moment] = []
        before: Record | None = None
        for record in batch:
            if isinstance(record, Entered):
                if key(record) not in over and key(record) not in self._open:
                    self._open.add(key(record))
                    found.append(Moment(record.time_ns, True, record))
            elif isinstance(record, Syscall):
                if key(record) in over:  # a second return of the same call: no backend reports that, but a file may
                    over.discard(key(record))
                    found.extend(self._call(record))
            elif isinstance(before, (TaskStart, Exec)) and _is_part_of(record, before):
                # It was read before it was known whose it is; it is told behind that.
                found.append(Moment(before.time_ns, False, record))
            else:
                found.append(Moment(record.time_ns, False, record))
            before = record
        found.sort(key=lambda moment: moment.time_ns)
        return found

    def _call(self, record: Syscall) -> list[Moment]:
        returned = Moment(max(record.time_ns, record.end_ns), False, record)
        if key(record) in self._open:
            self._open.discard(key(record))
            return [returned]
        return [Moment(record.time_ns, True, record), returned]


def _is_part_of(record: Record, before: TaskStart | Exec) -> bool:
    """Whether this identity was taken with that start or exec; one that a call changed is told by itself."""
    return isinstance(record, Identity) and record.tid == before.tid and record.why in _AT_BEGINNINGS


def key(record: Syscall | Entered) -> Key:
    """What tells calls apart: a task is in one call at a time."""
    return record.tid, record.time_ns
