"""Takes in what a trace file holds and grows by: into the index, the order of the rows and the process tree.

A step takes whole batches, so that what it adds is complete and later than what was there, but for calls that were
open. Of an Entered and its Syscall one row stays, the Syscall's. Which records are rows is the timeline's rule; an
Identity is none, since the call that brought it about tells it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from contrace.output.escape import name
from contrace.records import (
    Block,
    Entered,
    Exec,
    Identity,
    Kind,
    Loss,
    Memory,
    Note,
    Record,
    Syscall,
    TaskExit,
    TaskStart,
    Text,
    Vector,
)
from contrace.story import named
from contrace.story.moments import Key, key
from contrace.story.processes import Processes
from contrace.story.tree import ProcessTree
from contrace.syscalls.abi import name_of
from contrace.syscalls.flags.errno import MAX_ERRNO
from contrace.trace.condition import ALWAYS, HIDDEN, SHOWN
from contrace.trace.index import NO_NAME, Columns, Index, Links
from contrace.trace.order import Order, Stamped
from contrace.trace.reader import TraceReader
from contrace.tui.turns import Turns

_PAGE = 1200
_FIRST_PAGE = 250
_GLANCE = 64  # steps between two looks at how much a growing file holds
_SYSCALL = Kind.SYSCALL.value
EVERYBODY = -1
MAKERS = frozenset(("clone", "clone3", "fork", "vfork"))
EXECS = frozenset(("execve", "execveat"))
_IN_TREE = (TaskStart, Exec, TaskExit, Identity)


@dataclass(slots=True)
class _Step:
    """What one step adds."""

    rows: list[Columns] = field(default_factory=list)
    shown: list[Stamped] = field(default_factory=list)
    errors: list[Stamped] = field(default_factory=list)
    gone: list[Stamped] = field(default_factory=list)
    """Entered that are replaced."""
    losses: list[int] = field(default_factory=list)
    lives: list[tuple[int, Record]] = field(default_factory=list)
    """What the process tree is told."""
    makers: list[tuple[int, int, int]] = field(default_factory=list)
    children: list[tuple[int, int, int]] = field(default_factory=list)
    executed: list[tuple[int, int]] = field(default_factory=list)


class Intake:
    """How far a trace is known. ``step`` is called by one thread; what it changes, it changes in its turn."""

    def __init__(self, reader: TraceReader, turns: Turns) -> None:
        self._reader = reader
        self._turns = turns
        self.index = Index()
        self.order = Order()
        """All rows, by time."""
        self.errors = Order()
        """Those of calls that returned an error."""
        self.tree = ProcessTree()
        self.comms: list[bytes] = []
        """Names of tasks as they are, by their number in the index."""
        self.marks: list[int] = []
        """Last id of each step."""
        self.whose: list[frozenset[int]] = []
        """Tids and pids that occur in each step; EVERYBODY where it has rows that are always shown."""
        self.replaced: list[Stamped] = []
        """Entered that were rows once. Only grows."""
        self.losses: list[int] = []
        """How much each Loss says was lost; 0: unknown."""
        self.known = 0
        self.total = reader.last_id()
        self._processes = Processes()
        self._started: dict[int, int] = {}
        """Tid of each living task -> id of its TaskStart."""
        self._open: dict[Key, int] = {}
        """Call that has not returned -> id of its Entered."""
        self._ran: dict[int, tuple[int, bytes]] = {}
        """Tid -> end and path of a successful execve whose row says which file its Exec will name."""
        self._numbers: dict[tuple[int, int], int] = {}
        self._comm_numbers: dict[bytes, int] = {}
        self._special: set[int] = set()
        """Numbers of the names of calls that ``_succeeded`` knows."""

    @property
    def last(self) -> int:
        """Id of the last record that was taken in."""
        return self.marks[-1] if self.marks else 0

    def step(self) -> bool:
        """Take in some more; True: there is still more now."""
        size = _PAGE if self.marks else _FIRST_PAGE
        with self._turns.later(patient=bool(self.marks)):
            page, more = self._reader.page(self.last, size)
        if not page:
            self.total = self.known
            return False
        if more and len(self.marks) % _GLANCE == 0:
            self.look()
        with self._turns.later(patient=bool(self.marks)):
            step = self._take(page)
        with self._turns.later():
            links = Links(step.makers, step.children, step.executed)
            self.index.add(step.rows, [id for _, id in step.gone], links)
            self.order.remove(step.gone)
            self.order.add(step.shown)
            self.errors.add(step.errors)
            self.replaced += step.gone
            self.losses += step.losses
            self.whose.append(_whose(step.rows))
            self.marks.append(page[-1][0])
            self.known += len(page)
            self.total = max(self.total, self.known)
        return more

    def look(self) -> int:
        """How many records there are in the file now."""
        self.total = max(self.total, self._reader.last_id())
        return self.total

    def close(self) -> None:
        """Forget the index."""
        self.index.close()

    # --- one step -----------------------------------------------------------------------------------------

    def _take(self, page: list[tuple[int, Record]]) -> _Step:
        step = _Step()
        times = [(record.time_ns, at) for at, (_, record) in enumerate(page)]
        times.sort(key=itemgetter(0))
        over: set[Key] = set()
        if any(isinstance(record, Entered) for _, record in page):
            over = {key(record) for _, record in page if isinstance(record, Syscall)}
        for _, at in times:
            id, record = page[at]
            if isinstance(record, Syscall):
                self._call(step, id, record)
            elif isinstance(record, Entered):
                self._entered(step, id, record, over)
            else:
                self._other(step, id, record)
        step.lives.sort(key=itemgetter(0))  # by id, as the tree wants them
        for id, record in step.lives:
            self.tree.feed(id, record)
        return step

    def _call(self, step: _Step, id: int, record: Syscall) -> None:
        time_ns, tid, comm, result = record.time_ns, record.tid, record.comm, record.result
        known = self._processes.tasks.get(tid)
        if known is None or known.comm != comm:
            self._processes.apply(record)
        number = self._name_number(record)
        if self._open:
            entered = self._open.pop((tid, time_ns), None)
            if entered is not None:
                step.gone.append((time_ns, entered))
        took_ns = None
        if result is not None:
            if not record.from_event:
                took_ns = record.end_ns - time_ns
            if -MAX_ERRNO <= result < 0:
                step.errors.append((time_ns, id))
            elif number in self._special:
                self._succeeded(step, id, record, self.index.names[number])
        cut = int(any(map(_is_cut, record.memory))) if record.memory else 0
        step.shown.append((time_ns, id))
        step.rows.append(
            (
                *(id, time_ns, record.end_ns, _SYSCALL, tid, record.pid, number, result, took_ns),
                *(self._comm_number(comm), self._started.get(tid, 0), SHOWN, cut),
            )
        )

    def _succeeded(self, step: _Step, id: int, record: Syscall, call: str) -> None:
        """A call that has more to tell than its own row."""
        if call in MAKERS:
            step.makers.append((record.tid, record.time_ns, id))
        elif call in EXECS:
            step.executed.append((record.pid, id))
            path = b"".join(part.data for part in record.memory if isinstance(part, Text))
            self._ran[record.tid] = record.end_ns, path
        else:
            step.lives.append((id, record))

    def _entered(self, step: _Step, id: int, record: Entered, over: set[Key]) -> None:
        self._processes.apply(record)
        number = self._name_number(record)
        if key(record) in over or key(record) in self._open:
            step.rows.append(self._columns(id, record, HIDDEN, number=number, comm=record.comm))
            return
        self._open[key(record)] = id
        if self.index.names[number] in MAKERS:
            step.makers.append((record.tid, record.time_ns, id))
        step.shown.append((record.time_ns, id))
        step.rows.append(self._columns(id, record, SHOWN, number=number, comm=record.comm))

    def _other(self, step: _Step, id: int, record: Record) -> None:
        if isinstance(record, TaskStart):
            self._started[record.tid] = id
            step.children.append((record.parent_tid, record.time_ns, id))
        elif isinstance(record, Exec) and (started := self._started.get(record.former_tid)) is not None:
            self._started.setdefault(record.tid, started)
        elif isinstance(record, Loss):
            step.losses.append(record.count)
        if isinstance(record, _IN_TREE):
            step.lives.append((id, record))
        task, _ = self._processes.tell(record)
        shown = self._shows(record)
        step.rows.append(self._columns(id, record, shown, comm=task.comm))
        if isinstance(record, TaskExit):
            self._started.pop(record.tid, None)
        if shown:
            step.shown.append((record.time_ns, id))

    def _shows(self, record: Record) -> int:
        match record:
            case Loss():
                return ALWAYS
            case Note():
                return ALWAYS if record.topic == "warning" else SHOWN
            case Identity():
                return HIDDEN
            case TaskStart() | TaskExit():
                return SHOWN if record.tid == record.pid else HIDDEN
            case Exec():
                end_ns, path = self._ran.pop(record.former_tid, (0, b""))
                return HIDDEN if path == record.exe and end_ns <= record.time_ns and path else SHOWN
        return SHOWN

    def _columns(self, id: int, record: Record, shown: int, *, number: int = NO_NAME, comm: bytes = b"") -> Columns:
        return (
            *(id, record.time_ns, None, record.kind.value, record.tid, record.pid, number, None, None),
            *(self._comm_number(comm), self._started.get(record.tid, 0), shown, 0),
        )

    def _name_number(self, record: Syscall | Entered) -> int:
        code = record.abi, record.nr
        number = self._numbers.get(code)
        if number is None:
            call = name_of(record.abi, record.nr)
            number = self._numbers[code] = self.index.name(call)
            if call in MAKERS or call in EXECS or call in named.CALLS:
                self._special.add(number)
        return number

    def _comm_number(self, comm: bytes) -> int:
        number = self._comm_numbers.get(comm)
        if number is None:
            number = self._comm_numbers[comm] = self.index.comm(name(comm))
            if number == len(self.comms):
                self.comms.append(comm)
        return number


def _whose(rows: Sequence[Columns]) -> frozenset[int]:
    found: set[int] = set()
    for _, _, _, _, tid, pid, *_, shown, _ in rows:
        found |= {tid, pid, EVERYBODY} if shown == ALWAYS else {tid, pid}
    return frozenset(found)


def _is_cut(memory: Memory) -> bool:
    match memory:
        case Text():
            return memory.broken
        case Block():
            return len(memory.data) < memory.wanted
        case Vector():
            return bool(memory.broken or memory.fault or memory.total is not None)
