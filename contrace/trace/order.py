"""Rows in an order that grows: positions -> ids in O(1), times -> positions in O(log n), 16 bytes a row.

What comes is nearly always later than everything before: it is appended. A call that was open for long is put where it
belongs. Readers in other threads see every slice as it was at one moment; two arrays are only changed together under
whatever lock the owner holds.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

Stamped = tuple[int, int]
"""Time (or what else is sorted by) and id of a row."""

_FEW = 64  # rows out of order that are put in one by one; more are merged with all that is behind them


class Order:
    """Ids by time."""

    def __init__(self) -> None:
        self._times = array("q")
        self._ids = array("q")

    def __len__(self) -> int:
        return len(self._ids)

    def ids(self, first: int, count: int) -> list[int]:
        """The ids from position ``first`` on, at most ``count``."""
        return self._ids[first : first + count].tolist()

    def add(self, rows: Sequence[Stamped]) -> None:
        """Put in rows; those with the same time stand in the order in which they came."""
        new = sorted(rows, key=lambda row: row[0])
        last = self._times[-1] if self._times else None
        late = 0 if last is None else bisect_left(new, last, key=lambda row: row[0])
        if late > _FEW:
            self._merge(new)
            return
        for time_ns, id in new[:late]:
            at = bisect_right(self._times, time_ns)
            self._times.insert(at, time_ns)
            self._ids.insert(at, id)
        self._times.extend([row[0] for row in new[late:]])
        self._ids.extend([row[1] for row in new[late:]])

    def remove(self, rows: Iterable[Stamped]) -> None:
        """Take out those of the rows that are in it."""
        for time_ns, id in rows:
            at = self._at(time_ns, id)
            if at is not None:
                del self._times[at]
                del self._ids[at]

    def position(self, time_ns: int, id: int) -> int | None:
        """Where a row stands, or the next one behind its place; None: nothing stands there."""
        at = self._at(time_ns, id)
        if at is None:
            at = bisect_left(self._times, time_ns)
        return at if at < len(self._times) else None

    def holds(self, time_ns: int, id: int) -> bool:
        """Whether the row is in it."""
        return self._at(time_ns, id) is not None

    def around(self, time_ns: int) -> tuple[int, int]:
        """Positions of the first row that is not earlier, and of the first one that is later."""
        return bisect_left(self._times, time_ns), bisect_right(self._times, time_ns)

    def stamped(self, first: int, count: int) -> list[Stamped]:
        """As ``ids``, with the times."""
        return list(zip(self._times[first : first + count], self._ids[first : first + count], strict=True))

    def _at(self, time_ns: int, id: int) -> int | None:
        first, last = self.around(time_ns)
        for at in range(first, last):
            if self._ids[at] == id:
                return at
        return None

    def _merge(self, new: list[Stamped]) -> None:
        at = bisect_right(self._times, new[0][0])
        tail = sorted([*zip(self._times[at:], self._ids[at:], strict=True), *new], key=lambda row: row[0])
        self._times[at:] = array("q", [row[0] for row in tail])
        self._ids[at:] = array("q", [row[1] for row in tail])
