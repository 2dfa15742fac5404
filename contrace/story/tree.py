"""Every process that was ever in a trace, also ended ones: who started whom, when, and what it was called last. Pure.

One thread feeds it, others may read it meanwhile: a node that changes is replaced by a new one, and lists only grow at
their end. So a reader sees each node as it was at one moment, and never waits.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from contrace.records import Exec, Identity, Kind, Record, Syscall, TaskExit, TaskStart
from contrace.story import named
from contrace.story.changes import changes, is_told_later

KINDS = (Kind.TASK_START, Kind.EXEC, Kind.TASK_EXIT, Kind.IDENTITY)
"""Kinds of record that the tree is made from. It also takes the calls in ``named.CALLS``; others change nothing."""


class Key(NamedTuple):
    """What tells processes apart: the kernel uses pids again."""

    pid: int
    generation: int
    """0 of the first process with that pid, then 1 and so on."""


@dataclass(frozen=True, slots=True)
class Node:
    """A process, with what is known of it so far."""

    key: Key
    parent: Key | None
    """Who started it; None: not in the trace."""
    parent_pid: int
    """The same as a host pid; 0: unknown."""
    comm: bytes
    """Its last name."""
    argv: tuple[bytes, ...]
    """Of its last execve, or its parent's; (): unknown."""
    nspids: tuple[int, ...]
    """Its pid in each nested PID namespace, the host's first."""
    start_ns: int
    """When it started; of one that was found or not heard of before, when it was first seen."""
    found: bool
    """True: it existed before the capture, or its start was not seen."""
    end_ns: int | None = None
    status: int | None = None
    """Exit status; None while it lives, and when a signal ended it."""
    signal: int | None = None
    """The signal that ended it."""
    started_id: int = 0
    """Record id of its TaskStart; 0: there is none."""
    children: Sequence[Key] = field(default_factory=list, compare=False, repr=False)
    """In the order in which they started. Grows while the trace is taken in."""

    @property
    def pid(self) -> int:
        """Host pid."""
        return self.key.pid

    @property
    def generation(self) -> int:
        """See ``Key``."""
        return self.key.generation


class ProcessTree:
    """The processes of a trace. ``feed`` takes records in the order of their ids."""

    def __init__(self) -> None:
        self._roots: list[Key] = []
        self.roots: Sequence[Key] = self._roots
        """Processes that nobody in the trace has started. Only grows."""
        self.version = 0
        """Another number whenever something has changed."""
        self._nodes: dict[Key, Node] = {}
        self._generations: dict[int, list[Key]] = {}
        self._children: dict[Key, list[Key]] = {}
        self._identities: dict[int, Identity] = {}
        self._turns: list[int] = []

    def __len__(self) -> int:
        return len(self._nodes)

    def feed(self, id: int, record: Record) -> None:
        """Take in the record with that id; one that says nothing of a process's life changes nothing."""
        match record:
            case TaskStart():
                if record.tid == record.pid:
                    self._start(id, record)
                    self._turn(id)
            case Exec():
                self._replace(replace(self._of(record), comm=record.comm, argv=record.argv))
                self._turn(id)
            case TaskExit():
                if record.tid == record.pid and not record.superseded_by:
                    self._end(record)
                    self._turn(id)
            case Identity():
                if record.tid == record.pid:
                    self._identify(id, record)
            case Syscall():
                if record.tid == record.pid and (comm := named.names_task(record)) is not None:
                    self._replace(replace(self._of(record), comm=comm))
                    self._turn(id)
                elif named.names_host(record) is not None:
                    self._turn(id)

    def node(self, key: Key) -> Node:
        """The process. Raises KeyError for one that is not in the trace."""
        return self._nodes[key]

    def of(self, pid: int, time_ns: int) -> Node | None:
        """The process that had the pid at that time, or the last that had it before; the first one, if that is later.
        None: no process ever had it."""
        keys = list(self._generations.get(pid, ()))
        if not keys:
            return None
        at = bisect_right(keys, time_ns, key=lambda key: self._nodes[key].start_ns)
        return self._nodes[keys[max(at - 1, 0)]]

    def subtree(self, key: Key) -> frozenset[int]:
        """Host pids of the process and of all that it and its children started. Raises KeyError."""
        found, waiting = set(), [self._nodes[key].key]
        while waiting:
            node = self._nodes[waiting.pop()]
            found.add(node.pid)
            waiting.extend(list(node.children))
        return frozenset(found)

    def turn(self, id: int, step: int) -> int | None:
        """Id of the next (``step`` > 0) or previous record at which something about processes changed: one started,
        executed, ended, became somebody else, or a name was set. None: there is none in that direction."""
        turns = self._turns
        at = bisect_right(turns, id) if step > 0 else bisect_left(turns, id) - 1
        return turns[at] if 0 <= at < len(turns) else None

    # --- feeding ------------------------------------------------------------------------------------------

    def _start(self, id: int, record: TaskStart) -> None:
        parent = self._last(record.parent_pid) if record.parent_pid else None
        inherited = parent.argv if parent is not None and record.call in ("clone", "fork", "vfork") else ()
        key = self._new_key(record.pid)
        self._add(
            Node(
                key=key,
                parent=parent.key if parent is not None else None,
                parent_pid=record.parent_pid,
                comm=record.comm,
                argv=inherited,
                nspids=record.nspids,
                start_ns=record.time_ns,
                found=record.call == "attach",
                started_id=id,
                children=self._children.setdefault(key, []),
            )
        )
        self._identities.pop(record.pid, None)

    def _end(self, record: TaskExit) -> None:
        status, signal = (None, record.signal) if record.signal else (record.status, None)
        self._replace(replace(self._of(record), end_ns=record.time_ns, status=status, signal=signal))
        self._identities.pop(record.pid, None)

    def _identify(self, id: int, record: Identity) -> None:
        node = self._of(record)
        if record.nspids and record.nspids != node.nspids:
            self._replace(replace(node, nspids=record.nspids))
        before = self._identities.get(record.pid)
        if is_told_later(before, record):
            return
        if before is None or changes(before, record) or before.namespaces != record.namespaces:
            self._turn(id)
        self._identities[record.pid] = record

    def _of(self, record: Record) -> Node:
        """The process that a record is about; one whose start is not in the trace is made up from the record."""
        node = self._last(record.pid)
        if node is not None and node.end_ns is None:
            return node
        key = self._new_key(record.pid)
        made_up = Node(
            key=key,
            parent=None,
            parent_pid=0,
            comm=getattr(record, "comm", b""),
            argv=(),
            nspids=(),
            start_ns=record.time_ns,
            found=True,
            children=self._children.setdefault(key, []),
        )
        self._add(made_up)
        return made_up

    def _last(self, pid: int) -> Node | None:
        keys = self._generations.get(pid)
        return self._nodes[keys[-1]] if keys else None

    def _new_key(self, pid: int) -> Key:
        return Key(pid, len(self._generations.get(pid, ())))

    def _add(self, node: Node) -> None:
        # The node first: whoever comes upon its key finds it.
        self._replace(node)
        self._generations.setdefault(node.pid, []).append(node.key)
        above = self._children[node.parent] if node.parent is not None else self._roots
        above.append(node.key)

    def _replace(self, node: Node) -> None:
        self._nodes[node.key] = node
        self.version += 1

    def _turn(self, id: int) -> None:
        if not self._turns or self._turns[-1] < id:
            self._turns.append(id)
