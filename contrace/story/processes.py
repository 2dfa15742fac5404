"""The process tree while a trace is told: who a task is, under whom it stands, what it is called. Pure.

Fed with every record in order, it knows at any moment what was true at that moment. What has ended is forgotten, so a
long trace needs no more memory than its living tasks.
"""

from dataclasses import dataclass, field, replace

from contrace.records import Entered, Exec, Identity, Record, Syscall, TaskExit, TaskStart
from contrace.story.changes import is_told_later


@dataclass(frozen=True, slots=True)
class Task:
    """A process or thread at one moment."""

    tid: int
    pid: int
    comm: bytes = b""
    depth: int = 0
    """How many known processes stand above its process."""
    parent_pid: int = 0
    """Process that started it; 0: unknown."""
    nspids: tuple[int, ...] = ()
    """Its tid in each nested PID namespace, the host's first."""
    identity: Identity | None = None
    """The last that is known; of a new task, what it inherited."""
    told: Identity | None = None
    """The same as it was when its changes were last told (see ``changes.is_told_later``)."""


@dataclass(slots=True)
class Processes:
    """The living tasks, by tid."""

    tasks: dict[int, Task] = field(default_factory=dict)

    def of(self, record: Record) -> Task:
        """The task that a record is about; one that was not heard of before is made up from the record."""
        return self.tasks.get(record.tid) or Task(record.tid, record.pid, getattr(record, "comm", b""))

    def tell(self, record: Record) -> tuple[Task, Identity | None]:
        """Take in a record that is not a call; whose it is, and who that was before: when changes were last told. Of an
        exit, as it was then."""
        task = self.of(record)
        self.apply(record)
        return (task if isinstance(record, TaskExit) else self.of(record)), task.told

    def apply(self, record: Record) -> None:
        """Take in what a record says. A record's own line is told with what was true before ``apply``."""
        match record:
            case TaskStart():
                self.tasks[record.tid] = self._started(record)
            case Exec():
                task = self.tasks.pop(record.former_tid, None) or self.of(record)
                self.tasks[record.tid] = replace(task, tid=record.tid, pid=record.pid, comm=record.comm)
            case Identity():
                task = self.of(record)
                told = task.told if is_told_later(task.told, record) else record
                self.tasks[record.tid] = replace(task, identity=record, told=told)
            case Syscall() | Entered():
                task = self.of(record)
                if task.comm != record.comm or task.tid not in self.tasks:
                    self.tasks[record.tid] = replace(task, comm=record.comm)
            case TaskExit():
                self.tasks.pop(record.tid, None)

    def _started(self, record: TaskStart) -> Task:
        creator = self.tasks.get(record.parent_tid) or self.tasks.get(record.parent_pid)
        # A task that is found, not started, has an identity of its own, and nothing that it would differ from.
        inherited = creator.identity if creator and record.call not in ("attach", "run") else None
        leader = self.tasks.get(record.pid) if record.tid != record.pid else None
        depth = leader.depth if leader else creator.depth + 1 if creator else 0
        return Task(record.tid, record.pid, record.comm, depth, record.parent_pid, record.nspids, inherited, inherited)
