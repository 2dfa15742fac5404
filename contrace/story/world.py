"""Who existed at one moment of a trace, as the host sees it and as it looks from inside a PID namespace. Pure.

A ``World`` never changes: ``after`` makes the next one. So one can be kept as a checkpoint, and the world at a record
is the same whether it was made from a checkpoint or from the beginning. What the trace does not tell is None, never
guessed: the parent after a parent's end, a map that was not read, a name that nobody was seen to set.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from contrace.records import Exec, Identity, Kind, Loss, Record, Syscall, TaskExit, TaskStart
from contrace.story import named
from contrace.story.alive import IdMap, Membership, Process, Seen, View

KINDS = (Kind.TASK_START, Kind.EXEC, Kind.TASK_EXIT, Kind.IDENTITY, Kind.LOSS)
"""Kinds of record that a world is made from, besides the calls in ``named.CALLS``; all others may be left out."""

OVERFLOW_ID = 65534
"""What a user or group without a mapping is seen as (user_namespaces(7); the default of overflowuid, proc(5))."""


@dataclass(frozen=True, slots=True)
class World:
    """A moment: right behind one record, before the next."""

    host_name: str = ""
    """``Meta.host``: the name of the host's UTS namespace when the capture began; empty: unknown."""
    id: int = 0
    """The last record that is taken in."""
    time_ns: int = 0
    processes: Mapping[int, Process] = field(default_factory=dict)
    """The living, by host pid."""
    host: Mapping[str, int] = field(default_factory=dict)
    """The host's namespaces, as far as they are known; see ``Process.namespaces``."""
    lost: int = 0
    """Records that were lost before, as far as they were counted."""
    losses: int = 0
    """How many ``Loss`` records say so."""
    lost_uncounted: bool = False
    """More was lost, and it is not known how much."""
    tasks: Mapping[int, Identity] = field(default_factory=dict)
    """Last identity of each living thread, by tid."""
    names: Mapping[int, bytes | None] = field(default_factory=dict)
    """UTS namespace -> host name; None: it was not seen."""
    maps: Mapping[int, tuple[IdMap | None, IdMap | None]] = field(default_factory=dict)
    """User namespace -> uid and gid map as the host sees them."""
    inside: Mapping[int, int] = field(default_factory=dict)
    """PID namespace -> the one that it is in."""

    def after(self, records: Iterable[tuple[int, Record]]) -> "World":
        """The world behind these records, given with their ids and in that order."""
        making = _Making(self)
        for id, record in records:
            making.take(id, record)
        return making.world()

    def at(self, id: int, time_ns: int) -> "World":
        """The same for a later record, where nothing between them is of ``KINDS`` or ``named.CALLS``."""
        return replace(self, id=id, time_ns=time_ns)

    # --- who sees what ------------------------------------------------------------------------------------

    def ps(self, view: int | None = None) -> tuple[Seen, ...]:
        """The processes by pid, as seen from the host (None) or from inside a PID namespace (its inode)."""
        if view is None:
            return tuple(
                Seen(process, pid, process.uid, process.gid, process.started_by or None)
                for pid, process in sorted(self.processes.items())
            )
        level, visible = self._visible().get(view, (0, []))
        eyes = _first(view, level, visible)
        user = eyes.namespaces.get("user") if eyes is not None else None
        inner = {process.pid: process.nspids[level] for process in visible}
        seen = [
            Seen(
                process,
                inner[process.pid],
                self.id_inside(process.uid, user),
                self.id_inside(process.gid, user, group=True),
                self._starter(process, inner),
            )
            for process in visible
        ]
        return tuple(sorted(seen, key=lambda each: (each.pid or 0, each.process.pid)))

    def views(self) -> tuple[View, ...]:
        """The PID namespaces inside the host's that had processes, outermost first, then by their init's host pid."""
        found = []
        for inode, (level, visible) in self._visible().items():
            first = _first(inode, level, visible)
            if first is not None:
                found.append(View(inode, level, first, len(visible)))
        return tuple(sorted(found, key=lambda view: (view.level, view.first.pid)))

    def unplaced(self) -> int:
        """Processes of which it is not known in which PID namespaces they can be seen."""
        return sum(len(self._chain(process)) != max(len(process.nspids) - 1, 0) for process in self.processes.values())

    def _chain(self, process: Process) -> tuple[int, ...]:
        """The PID namespaces below the host's in which a process is, innermost first, as far as they are known."""
        levels = len(process.nspids) - 1
        inode = process.namespaces.get("pid")
        chain: list[int] = []
        while inode is not None and len(chain) < levels:
            chain.append(inode)
            inode = self.inside.get(inode)
        return tuple(chain)

    def _visible(self) -> dict[int, tuple[int, list[Process]]]:
        """PID namespace -> how deep it lies below the host's, and who can be seen in it."""
        found: dict[int, tuple[int, list[Process]]] = {}
        for process in self.processes.values():
            for above, inode in enumerate(self._chain(process)):
                level = len(process.nspids) - 1 - above
                found.setdefault(inode, (level, []))[1].append(process)
        return found

    def _starter(self, process: Process, inner: Mapping[int, int]) -> int | None:
        if process.started_by not in self.processes:
            return None
        return inner.get(process.started_by, 0)

    # --- what is asked of one process -----------------------------------------------------------------------

    def id_inside(self, id: int | None, user: int | None, *, group: bool = False) -> int | None:
        """What a host's user (or group) id is in a user namespace, given as inode; None: unknown."""
        if id is None or user is None:
            return None
        if user == self.host.get("user"):
            return id
        rows = self.maps.get(user, (None, None))[group]
        if rows is None:
            return None
        for first, outside, length in rows:
            if outside <= id < outside + length:
                return first + id - outside
        return OVERFLOW_ID

    def id_maps(self, pid: int) -> tuple[IdMap | None, IdMap | None]:
        """uid and gid map of a process's user namespace: rows (inside, outside, length); (): not written yet; None:
        unknown."""
        process = self.processes.get(pid)
        user = process.namespaces.get("user") if process is not None else None
        return self.maps.get(user, (None, None)) if user is not None else (None, None)

    def hostname(self, pid: int) -> bytes | None:
        """The host name that a process sees; None: unknown."""
        process = self.processes.get(pid)
        uts = process.namespaces.get("uts") if process is not None else None
        return self.names.get(uts) if uts is not None else None

    def memberships(self, pid: int) -> tuple[Membership, ...]:
        """The namespaces of a process, by name: those of it and of the host, also where one could not be read."""
        process = self.processes.get(pid)
        own = process.namespaces if process is not None else {}
        found = []
        for name in sorted({*own, *self.host}):
            inode, host = own.get(name), self.host.get(name)
            shared = None if inode is None or host is None else inode == host
            members = sum(other.namespaces.get(name) == inode for other in self.processes.values()) if inode else 0
            found.append(Membership(name, inode, shared, members))
        return tuple(found)

    def shared(self, pid: int) -> tuple[tuple[str, ...], bool]:
        """Names of the namespaces that a process shares with the host, and whether that is all that can be said: False
        where some are unknown."""
        known = self.memberships(pid)
        return tuple(each.name for each in known if each.shared), all(each.shared is not None for each in known)


def _first(view: int, level: int, visible: list[Process]) -> Process | None:
    """Whose eyes a PID namespace is seen with."""
    own = [process for process in visible if process.namespaces.get("pid") == view]
    return min(own or visible, key=lambda process: process.nspids[level], default=None)


class _Making:
    """A world that is being made: its parts may be changed."""

    def __init__(self, before: World) -> None:
        self._before = before
        self._id, self._time_ns = before.id, before.time_ns
        self._processes = dict(before.processes)
        self._host = dict(before.host)
        self._tasks = dict(before.tasks)
        self._names = dict(before.names)
        self._maps = dict(before.maps)
        self._inside = dict(before.inside)
        self._lost, self._losses, self._uncounted = before.lost, before.losses, before.lost_uncounted

    def world(self) -> World:
        return World(
            host_name=self._before.host_name,
            id=self._id,
            time_ns=self._time_ns,
            processes=self._processes,
            host=self._host,
            lost=self._lost,
            losses=self._losses,
            lost_uncounted=self._uncounted,
            tasks=self._tasks,
            names=self._names,
            maps=self._maps,
            inside=self._inside,
        )

    def take(self, id: int, record: Record) -> None:
        self._id, self._time_ns = id, record.time_ns
        match record:
            case TaskStart():
                self._start(record)
            case Exec():
                self._execute(record)
            case TaskExit():
                self._end(record)
            case Identity():
                self._identify(record)
            case Loss():
                self._lost += record.count
                self._losses += 1
                self._uncounted = self._uncounted or not record.count
            case Syscall():
                self._name(record)

    def _start(self, record: TaskStart) -> None:
        if record.tid != record.pid:
            process = self._of(record)
            self._processes[record.pid] = replace(process, tids=process.tids | {record.tid})
            return
        maker = self._processes.get(record.parent_pid)
        born = record.call in ("clone", "fork", "vfork")
        self._tasks.pop(record.tid, None)
        self._processes[record.pid] = Process(
            pid=record.pid,
            started_by=record.parent_pid,
            comm=record.comm,
            argv=maker.argv if maker is not None and born else None,
            nspids=record.nspids,
            identity=None,
            start_ns=record.time_ns,
            found=record.call == "attach",
            tids=frozenset((record.tid,)),
        )

    def _execute(self, record: Exec) -> None:
        process = self._of(record)
        # An execve ends all other threads, and the one that made it is the first one from then on (execve(2)).
        identity = self._tasks.get(record.former_tid, process.identity)
        for tid in process.tids | {record.former_tid}:
            self._tasks.pop(tid, None)
        if identity is not None:
            self._tasks[record.tid] = identity
        self._processes[record.pid] = replace(
            process,
            comm=record.comm,
            argv=record.argv,
            identity=identity,
            tids=frozenset((record.tid,)),
        )

    def _end(self, record: TaskExit) -> None:
        if record.superseded_by and record.tid == record.pid:
            return  # the thread that executes takes its place
        self._tasks.pop(record.tid, None)
        process = self._processes.get(record.pid)
        if process is None:
            return
        left = process.tids - {record.tid}
        if left:
            # The first thread may end before the others; the process lives on.
            self._processes[record.pid] = replace(process, tids=left)
        else:
            del self._processes[record.pid]

    def _identify(self, record: Identity) -> None:
        self._place(record)
        self._keep_maps(record)
        self._inherit_name(record)
        self._tasks[record.tid] = record
        process = self._of(record)
        if record.tid == record.pid:
            nspids = record.nspids or process.nspids
            self._processes[record.pid] = replace(process, identity=record, nspids=nspids)
        if not self._host and record.why in ("run", "attach") and record.nspids is not None and len(record.nspids) == 1:
            self._host = dict(record.namespaces)
            uts = record.namespaces.get("uts")
            if uts is not None and self._before.host_name:
                self._names.setdefault(uts, self._before.host_name.encode("utf-8", "surrogateescape"))

    def _place(self, record: Identity) -> None:
        """Learn in which PID namespace a new one lies: a process can only start others in its own or in one below it,
        so one level deeper means right inside (pid_namespaces(7))."""
        pids, inner = record.nspids, record.namespaces.get("pid")
        if pids is None or inner is None or len(pids) < 2 or inner in self._inside:
            return
        process = self._processes.get(record.pid)
        maker = self._processes.get(process.started_by) if process is not None else None
        outer = maker.namespaces.get("pid") if maker is not None else None
        if maker is not None and outer is not None and len(maker.nspids) == len(pids) - 1:
            self._inside[inner] = outer

    def _keep_maps(self, record: Identity) -> None:
        """A map is written once, perhaps by somebody else: what any member last showed is everybody's."""
        user = record.namespaces.get("user")
        if user is None:
            return
        uids, gids = self._maps.get(user, (None, None))
        self._maps[user] = (
            uids if record.uid_map is None else record.uid_map,
            gids if record.gid_map is None else record.gid_map,
        )

    def _inherit_name(self, record: Identity) -> None:
        """A new UTS namespace has the name of its maker's (uts_namespaces(7)). One is new where nobody was in it,
        unless setns says that it was there; the kernel uses inodes again."""
        uts = record.namespaces.get("uts")
        if uts is None or record.why in ("run", "attach", "setns"):
            return
        before = self._tasks.get(record.tid)
        if before is None:
            process = self._processes.get(record.pid)
            before = self._tasks.get(process.started_by) if process is not None else None
        was = before.namespaces.get("uts") if before is not None else None
        if was == uts or any(other.namespaces.get("uts") == uts for other in self._tasks.values()):
            return
        self._names[uts] = self._names.get(was) if was is not None else None

    def _name(self, record: Syscall) -> None:
        comm = named.names_task(record)
        if comm is not None and record.tid == record.pid:
            self._processes[record.pid] = replace(self._of(record), comm=comm)
        name = named.names_host(record)
        who = self._tasks.get(record.tid)
        uts = who.namespaces.get("uts") if who is not None else None
        if name is not None and uts is not None:
            self._names[uts] = name or None

    def _of(self, record: Record) -> Process:
        """The process that a record is about; one whose start is not in the trace is made up from the record."""
        known = self._processes.get(record.pid)
        if known is not None:
            return known
        tids = frozenset((record.pid, record.tid))
        made_up = Process(record.pid, 0, getattr(record, "comm", b""), None, (), None, record.time_ns, True, tids)
        self._processes[record.pid] = made_up
        return made_up
