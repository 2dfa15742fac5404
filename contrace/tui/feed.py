"""Everything that the screens ask of a trace.

One worker thread calls ``take_in`` and ``scan`` over and over; everything else may be called from the UI's thread
meanwhile. Workers work in bounded steps and let whoever paints go first (``Turns``), so nobody waits for them longer
than one step. Only the rows that are asked for are decoded. All but ``close`` raise TraceFileError for a trace that
vanished, was cut off or is damaged.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from contrace import filters
from contrace.filters import Filter, Term
from contrace.records import Entered, Identity, Syscall, TaskStart
from contrace.story import named, world
from contrace.story.tree import ProcessTree
from contrace.story.world import World
from contrace.trace.reader import TraceReader
from contrace.trace.schema import Meta
from contrace.tui.choice import Choice, Figure, Row, Sort, Statistics
from contrace.tui.drawn import Drawn
from contrace.tui.intake import EXECS, MAKERS, Intake
from contrace.tui.selection import Selection
from contrace.tui.turns import Turns

__all__ = ["Choice", "Feed", "Figure", "Row", "Selection", "Sort", "Statistics"]

_QUICK_S = 0.012  # what a selection may take to find its first rows at once
_SCREEN = 60
_SEARCHED = 200  # rows per step of a search that reads texts, and of one that does not
_LOOKED_UP = 20_000
_FIRST_SEARCHED = 250  # of the first step: what is near is found at once; then twice as many each time
_DEEPEST = 64  # generations of tasks that inherit who they are
_CHECKPOINT = 1000  # records that a world is made from, between two that are kept; more in a long trace
_KEPT = 16  # worlds; one may hold a megabyte
_FOREVER = (1 << 63) - 1
_LATER_NS = 100_000_000
"""How long after a call's return its child may be told of: ptrace sees the child stop when it has been scheduled."""


class Feed:
    """A trace file, as the screens see it."""

    def __init__(self, path: Path) -> None:
        """Open it, whatever its size, in a few milliseconds. Raises TraceFileError."""
        self.path = path
        self._reader = TraceReader(path)
        self.meta: Meta = self._reader.meta
        self._turns = Turns()
        try:
            self._intake = Intake(self._reader, self._turns)
        except BaseException:
            self._reader.close()
            raise
        self.tree: ProcessTree = self._intake.tree
        self._drawn = Drawn(self._reader, self._intake, self.before)
        self._worlds: dict[int, World] = {}
        self._spacing = 1
        """Of the worlds that are kept, in checkpoints."""

    @property
    def known(self) -> int:
        """Records taken in so far."""
        return self._intake.known

    @property
    def total(self) -> int:
        """Records that the file holds, as far as looked."""
        return self._intake.total

    def take_in(self) -> bool:
        """One step of taking in what the file holds, or has grown by; True: there is more now. Worker thread."""
        return self._intake.step()

    def look(self) -> int:
        """How many records the file holds now. Worker thread."""
        return self._intake.look()

    def hush(self) -> None:
        """A key was pressed: what takes in more rests until that is painted."""
        self._turns.hush()

    def recording(self) -> bool:
        """A recorder still writes the file."""
        return self._reader.writer_alive()

    # --- what is chosen -----------------------------------------------------------------------------------

    def select(self, choice: Choice) -> Selection:
        """The rows of a choice; the first ones where they are quick to find. Raises UsageError with a mark."""
        selection = Selection(choice, filters.parse(choice.words), self._intake)
        until = time.monotonic() + _QUICK_S
        with self._turns.first():
            while not selection.complete and selection.count < _SCREEN and time.monotonic() < until:
                before = selection.scanned
                selection.fill(self._passing)
                if selection.scanned == before:
                    break
        return selection

    def scan(self, selection: Selection) -> bool:
        """One step of filling it; True: there is more to do. Worker thread. Dropping the selection cancels."""
        with self._turns.later():
            selection.fill(self._passing)
        selection.arrange(self._turns)
        return not selection.complete

    def rows(self, selection: Selection, first: int, count: int) -> list[Row]:
        """Rows ``first`` to ``first + count``, decoded; fewer where the selection ends."""
        with self._turns.first():
            above = selection.ids(first - 1, 1) if first > 0 else []
            return self._drawn.rows(selection.ids(first, count), max(first, 0), above[0] if above else None)

    def row(self, id: int) -> Row:
        """One record by its id. Raises KeyError if the trace has none with it."""
        with self._turns.first():
            rows = self._drawn.rows([id], -1, None)
        if not rows:
            raise KeyError(id)
        return rows[0]

    def _passing(self, some: Sequence[int], terms: Sequence[Term]) -> set[int]:
        """As ``_true_of``, and what is always shown."""
        return {
            id for id, facts in self._drawn.texts(some) if facts.always or all(term.matches(facts) for term in terms)
        }

    def _true_of(self, some: Sequence[int], terms: Sequence[Term]) -> set[int]:
        return {id for id, facts in self._drawn.texts(some) if all(term.matches(facts) for term in terms)}

    # --- looking for something ----------------------------------------------------------------------------

    def find(self, selection: Selection, words: Sequence[str], start: int, step: int) -> Iterator[float | int]:
        """Search from behind ``start`` in the direction of ``step`` (1, -1), and on at the other end, up to ``start``.

        Yields how much was searched (a float, 0..1) after each bounded step, and at the end the position (an int) of
        what was found; ends without one if there is nothing. Raises UsageError with a mark.
        """
        chosen = filters.parse(words)
        texts = any(term.key == "text" for term in chosen.terms)
        size = _SEARCHED if texts else _LOOKED_UP
        count, done = selection.count, 0
        for first, many in _stretches(count, start, step, size, first=_FIRST_SEARCHED):
            with self._turns.later():
                ids = selection.ids(first, many)
                found = self._found(chosen, ids)
            positions = [first + at for at, id in enumerate(ids) if id in found]
            if positions:
                yield positions[0] if step > 0 else positions[-1]
                return
            done += many
            yield min(1.0, done / count)

    def _found(self, chosen: Filter, ids: Sequence[int]) -> set[int]:
        index = self._intake.index
        condition = index.condition(chosen.terms, always=False)
        found = index.among(condition, ids)
        if condition.rest and found:
            found = self._true_of([id for id in ids if id in found], condition.rest)
        return found

    def near(self, selection: Selection, start: int, step: int) -> int | None:
        """Position of the next (step 1) or previous (-1) row with an error; None: there is none."""
        count = selection.count
        with self._turns.first():
            by_time = selection.by_time
            if by_time is None:
                return self._near_unsorted(selection, start, step)
            here = by_time.stamped(start, 1) if 0 <= start < count else []
            if not here:
                edge = 0 if step > 0 else len(self._intake.errors) - 1
            else:
                first, last = self._intake.errors.around(here[0][0])
                edge = last if step > 0 else first - 1
            failed = self._intake.errors
            while 0 <= edge < len(failed):
                # A page at a time: a narrow selection has few of the trace's errors.
                page = (
                    failed.stamped(edge, _SCREEN)
                    if step > 0
                    else failed.stamped(max(0, edge - _SCREEN + 1), min(_SCREEN, edge + 1))[::-1]
                )
                for time_ns, id in page:
                    if by_time.holds(time_ns, id):
                        return by_time.position(time_ns, id)
                edge += len(page) * step
        return None

    def _near_unsorted(self, selection: Selection, start: int, step: int) -> int | None:
        failed = {id for _, id in self._intake.errors.stamped(0, len(self._intake.errors))}
        count = selection.count
        for first, many in _stretches(count, start, step, _LOOKED_UP, wraps=False):
            positions = [first + at for at, id in enumerate(selection.ids(first, many)) if id in failed]
            if positions:
                return positions[0] if step > 0 else positions[-1]
        return None

    # --- what belongs together ----------------------------------------------------------------------------

    def before(self, tid: int, id: int) -> Identity | None:
        """Who a task was before a record: its last Identity, or what it inherited when it was started."""
        with self._turns.first():
            record = self._drawn.record(id)
            return self._identity(tid, record.time_ns, 0) if record is not None else None

    def _identity(self, tid: int, time_ns: int, depth: int) -> Identity | None:
        index = self._intake.index
        last = index.last_identity(tid, time_ns)
        start = index.last_start(tid, time_ns)
        # The Identity of a start is written behind it, and may have been read a little earlier.
        if last is not None and (start is None or last > start):
            found = self._drawn.record(last)
            return found if isinstance(found, Identity) else None
        started = self._drawn.record(start) if start is not None else None
        if not isinstance(started, TaskStart) or started.call in ("attach", "run") or depth == _DEEPEST:
            return None
        parent = self._identity(started.parent_tid, started.time_ns, depth + 1)
        if parent is None and started.parent_pid != started.parent_tid:
            parent = self._identity(started.parent_pid, started.time_ns, depth + 1)
        return parent

    def after(self, tid: int, id: int) -> Identity | None:
        """Who a call made of its task; None: it failed, or nothing was read after it."""
        with self._turns.first():
            record = self._drawn.record(id)
            if not isinstance(record, Syscall) or record.result is None or record.result < 0:
                return None
            next_id = self._intake.index.next_identity(tid, record.time_ns)
            found = self._drawn.record(next_id) if next_id is not None else None
            call = self._drawn.name(record)
            causes = ("exec", call) if call in EXECS else (call,)
            return found if isinstance(found, Identity) and found.why in causes else None

    def parent_call(self, row: Row) -> int | None:
        """Id of the call that made the row's process; None: it is not in the trace."""
        index = self._intake.index
        with self._turns.first():
            start_id = row.id
            if not isinstance(row.record, TaskStart):
                start_id = index.last_start(row.record.pid, row.record.time_ns) or 0
            start = self._drawn.record(start_id)
            if not isinstance(start, TaskStart) or start.call in ("attach", "run"):
                return None
            made = index.maker(start.parent_tid, start.time_ns)
            call = self._drawn.record(made) if made is not None else None
            return made if isinstance(call, Syscall | Entered) and _made(call, start) else None

    def children_of(self, row: Row) -> list[int]:
        """Ids of the TaskStarts that a call brought about; none of a call that starts nobody."""
        if row.call is None or row.call.name not in MAKERS:
            return []
        call = row.record
        assert isinstance(call, Syscall | Entered)
        until = call.end_ns + _LATER_NS if isinstance(call, Syscall) else _FOREVER
        with self._turns.first():
            ids = self._intake.index.children(call.tid, call.time_ns, until)
            starts = [(number, self._drawn.record(number)) for number in ids]
        return [number for number, start in starts if isinstance(start, TaskStart) and _made(call, start)]

    def exec_of(self, pid: int, id: int) -> Row | None:
        """The last successful execve of a process at or before a record: its argv and environment."""
        with self._turns.first():
            found = self._intake.index.executed(pid, id)
            return self.row(found) if found is not None else None

    def world(self, id: int) -> World:
        """Who existed right behind a record. May take long: for a worker thread."""
        index, intake = self._intake.index, self._intake
        kept = max((known for known in self._worlds if known <= id), default=0)
        made = self._worlds.get(kept) or World(host_name=self.meta.host)
        names = [number for number, text in enumerate(list(index.names)) if text in named.CALLS]
        with self._turns.later():
            ids = index.kinds([kind.value for kind in world.KINDS], names, kept, min(id, intake.last))
        for first in range(0, len(ids), _CHECKPOINT):
            some = ids[first : first + _CHECKPOINT]
            with self._turns.later():
                records = self._reader.fetch(some)
            made = made.after((known, records[known]) for known in some if known in records)
            if len(some) == _CHECKPOINT and (first // _CHECKPOINT + 1) % self._spacing == 0:
                self._keep(made)
        record = self._drawn.record(id)
        return made.at(id, record.time_ns) if record is not None else made

    def _keep(self, made: World) -> None:
        """A few worlds, spread evenly."""
        self._worlds[made.id] = made
        if len(self._worlds) > _KEPT:
            self._spacing *= 2
            for every_other in sorted(self._worlds)[::2]:
                del self._worlds[every_other]

    # --- figures ------------------------------------------------------------------------------------------

    def statistics(self, choice: Choice) -> Statistics:
        """The figures of a choice. Takes long, where its words are about the text very long: for a worker thread."""
        index = self._intake.index
        condition = index.condition(filters.parse(choice.words).terms, choice.pids)
        if condition.rest:
            selection = self.select(replace(choice, sort=Sort.TIME))
            while self.scan(selection):
                pass
            condition = condition.only(selection.ids(0, selection.count))
        calls, errors, processes, threads, cut = index.totals(condition)
        by_call = [
            Figure(index.names[group.key], 0, group.calls, group.errors, group.time_ns)
            for group in index.groups(condition, "name")
        ]
        by_process = [
            Figure(index.comms[group.comm], group.key, group.calls, group.errors, group.time_ns)
            for group in index.groups(condition, "pid")
        ]
        losses = list(self._intake.losses)
        ended = self._reader.ended
        lost = max(sum(losses), ended.lost if ended is not None else 0)
        return Statistics(calls, errors, processes, threads, lost, 0 in losses, cut, by_call, by_process)

    def close(self) -> None:
        """Let go of the file and of the index, when no worker asks for anything any more."""
        self._intake.close()
        self._reader.close()


def _stretches(
    count: int, start: int, step: int, size: int, *, first: int | None = None, wraps: bool = True
) -> Iterator[tuple[int, int]]:
    """(first position, how many) of all positions from behind ``start`` on in one direction, in pieces of ``size``;
    of ``first`` to begin with, if that is less, and twice as many each time."""
    many = min(first or size, size)
    if step > 0:
        ranges = [(max(start + 1, 0), count)] + ([(0, min(start + 1, count))] if wraps else [])
    else:
        ranges = [(0, min(max(start, 0), count))] + ([(max(start, 0), count)] if wraps else [])
    for low, high in ranges:
        while low < high:
            many_here = min(many, high - low)
            if step > 0:
                yield low, many_here
                low += many_here  # noqa: PLW2901 - eaten from below
            else:
                high -= many_here  # noqa: PLW2901 - eaten from above
                yield high, many_here
            many = min(2 * many, size)


def _made(call: Syscall | Entered, start: TaskStart) -> bool:
    """Whether the call started this task: its result is the child's number in the caller's PID namespace."""
    return not isinstance(call, Syscall) or call.result is None or call.result in (start.tid, *start.nspids)
