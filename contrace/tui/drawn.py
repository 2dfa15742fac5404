"""Records -> rows: decoded, with whose they are. What was decoded lately is kept: lists are drawn over and over."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from contrace.decode.call import Call, decode
from contrace.decode.notation import Notation
from contrace.filters import Facts
from contrace.output.describe import describe
from contrace.output.lines import facts, line
from contrace.records import Entered, Identity, Record, Syscall, TaskStart
from contrace.story.processes import Task
from contrace.syscalls.abi import name_of
from contrace.trace.index import Indexed
from contrace.trace.reader import TraceReader
from contrace.tui.choice import Row
from contrace.tui.intake import Intake

_KEPT = 1000
_DEEPEST = 64

Before = Callable[[int, int], Identity | None]
"""(tid, id of a record) -> who the task was before."""


@dataclass(frozen=True, slots=True)
class _Told:
    record: Record
    task: Task
    call: Call | None
    text: str


class Drawn:
    """The rows of a trace."""

    def __init__(self, reader: TraceReader, intake: Intake, before: Before) -> None:
        self._reader = reader
        self._intake = intake
        self._before = before
        self._notation = Notation()
        self._told: OrderedDict[int, _Told] = OrderedDict()
        self._records: OrderedDict[int, Record] = OrderedDict()

    def rows(self, ids: Sequence[int], first: int, above: int | None) -> list[Row]:
        """The rows with these ids; ``first``: position of the first one, ``above``: id of the row above it."""
        missing = [id for id in ids if id not in self._told]
        if missing:
            self._tell(missing)
        since = self.record(above) if above is not None else None
        before_ns = since.time_ns if since is not None else None
        rows = []
        for at, id in enumerate(ids):
            told = self._told.get(id)
            if told is None:
                continue
            self._told.move_to_end(id)
            now = told.record.time_ns
            delta = now - before_ns if before_ns is not None and now >= before_ns else None
            position = first + at if first >= 0 else -1
            rows.append(Row(position, id, told.record, told.task, told.call, told.text, delta))
            before_ns = now
        self._shrink()
        return rows

    def texts(self, ids: Sequence[int]) -> Iterator[tuple[int, Facts]]:
        """The text of these records, as a filter is asked about it. Nothing of it is kept."""
        for id, record in self._reader.fetch(ids).items():
            call, text = self._decoded(id, record)
            yield id, facts(record, Task(record.tid, record.pid), call, text)

    def record(self, id: int) -> Record | None:
        """One record; None: the trace has none with that id."""
        if id in self._told:
            return self._told[id].record
        if id not in self._records:
            self._records.update(self._reader.fetch([id]))
            while len(self._records) > _KEPT:
                self._records.popitem(last=False)
        return self._records.get(id)

    def name(self, record: Syscall | Entered) -> str:
        """The call's name."""
        return name_of(record.abi, record.nr)

    def _tell(self, ids: Sequence[int]) -> None:
        known = self._intake.index.rows(ids)
        starts = {row.started for row in known.values() if row.started}
        records = self._reader.fetch({*ids, *starts})
        for id in ids:
            record = records.get(id)
            if record is None:
                continue
            row = known.get(id)
            start = records.get(row.started) if row is not None else None
            call, text = self._decoded(id, record)
            task = self._task(record, row, start if isinstance(start, TaskStart) else None)
            self._told[id] = _Told(record, task, call, text)

    def _decoded(self, id: int, record: Record) -> tuple[Call | None, str]:
        if isinstance(record, (Syscall, Entered)):
            call = decode(record, self._notation)
            return call, line(call) if isinstance(record, Syscall) else call.head
        before = self._before(record.tid, id) if isinstance(record, Identity) else None
        return None, describe(record, self._notation, before, self._reader.meta.started_monotonic_ns)

    def _task(self, record: Record, row: Indexed | None, start: TaskStart | None) -> Task:
        comm = getattr(record, "comm", b"")
        if row is not None:
            comm = self._intake.comms[row.comm]
        node = self._intake.tree.of(record.pid, record.time_ns) if record.pid else None
        nspids = start.nspids if start is not None else node.nspids if node is not None else ()
        depth = 0
        parent = node.parent if node is not None else None
        while parent is not None and depth < _DEEPEST:
            parent = self._intake.tree.node(parent).parent
            depth += 1
        return Task(record.tid, record.pid, comm, depth, node.parent_pid if node is not None else 0, nspids)

    def _shrink(self) -> None:
        while len(self._told) > _KEPT:
            self._told.popitem(last=False)
