"""Events of the probes -> records, in the order in which things happened.

The probes tell entry and exit of a call, and the parts of an execve's arguments, one by one; here they become one
record. Order matters to readers: a call's Syscall comes before the Exec, Identity or TaskExit that it brought about,
and a clone's before the TaskStart of its child, unless the child was quicker. What is missing because the ring buffer
was full is left open: such a call stays an Entered.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from contrace.capture.cgroups import CgroupPaths
from contrace.capture.ebpf import wire
from contrace.capture.ebpf.image import Image, Strings
from contrace.capture.ebpf.opened import Open
from contrace.capture.ebpf.wire import Event, Who
from contrace.capture.identity import rights
from contrace.records import (
    Entered,
    Exec,
    Identity,
    Note,
    Record,
    Signal,
    Syscall,
    TaskExit,
    TaskStart,
)
from contrace.syscalls.abi import Abi, name_of
from contrace.syscalls.specs import RIGHTS_CALLS

_SIGCHLD = 17
_SIGINFO_SIZE = 128  # siginfo_t, include/uapi/asm-generic/siginfo.h: what ptrace gives
_WATCHED = {1: "events", 2: "calls"}
_FOUND_NS = 1_000_000_000
"""A task is in /proc before its start is told (kernel/fork.c, kernel_clone), but not for longer than this."""
_STARTING = frozenset(("clone", "clone3", "fork", "vfork"))


@dataclass(slots=True)
class _Parsed:
    """An event with its header taken apart."""

    time_ns: int
    cpu_ns: int
    tid: int
    pid: int
    kind: int
    abi: int
    nr: int
    comm: bytes
    data: bytes
    done: bool = False


class Assembler:
    """Keeps what is open between events. ``sees_narrow``: the calls of 32-bit programs are seen, too."""

    def __init__(self, cgroups: CgroupPaths, *, sees_narrow: bool) -> None:
        self.alive: dict[int, int] = {}
        """tid -> pid of every watched task that has not ended."""
        self.cpu_offset_ns = 0
        """What the probes' CPU times have too much."""
        self._cpu: dict[int, int] = {}
        """tid -> the CPU time last told of it."""
        self.torn = 0
        """Events that could not be read (see ``wire.TORN``)."""
        self._cgroups = cgroups
        self._sees_narrow = sees_narrow
        self._open: dict[int, Open] = {}
        self._images: dict[int, Image] = {}
        self._found: dict[int, int] = {}
        """tid -> when it was found."""
        self._held: dict[int, tuple[int, int]] = {}
        """Leaders that ended before other threads of theirs: pid -> time, code."""
        self._rights: dict[int, tuple[object, ...]] = {}
        """tid -> what its last Identity said of its ``rights``."""
        self._out: list[Record] = []
        self._last_ns = 0

    def stamp(self, time_ns: int) -> int:
        """The time of a record: never twice the same."""
        self._last_ns = max(time_ns, self._last_ns + 1)
        return self._last_ns

    def found(self, start: TaskStart, identity: Identity) -> list[Record]:
        """A task that existed before the capture, or that the capture launched."""
        self.alive[start.tid] = start.pid
        self._found[start.tid] = start.time_ns
        self._rights[start.tid] = rights(identity)
        return [start, identity]

    def feed(self, events: Iterable[bytes]) -> list[Record]:
        """The records of these events, which must be in order of time."""
        parsed = list(self._parsed(events))
        exits: dict[int, list[_Parsed]] = {}
        for event in reversed(parsed):
            if event.kind == Event.EXIT:
                exits.setdefault(event.tid, []).append(event)
        for event in parsed:
            if event.kind == Event.EXIT:
                exits[event.tid].pop()
            if event.done:
                continue
            if event.kind == Event.FORK and event.tid in exits and exits[event.tid]:
                self._end_at_birth(event.tid, exits[event.tid][-1])
            self._handle(event)
        out, self._out = self._out, []
        return out

    def _parsed(self, events: Iterable[bytes]) -> Iterator[_Parsed]:
        for data in events:
            try:
                yield _parse(data)
            except wire.TORN:
                self.torn += 1

    def _handle(self, event: _Parsed) -> None:
        try:
            self._handlers[Event(event.kind)](self, event)
        except wire.TORN:
            self.torn += 1

    def announce_open(self) -> list[Record]:
        """The calls that have not returned yet, each once."""
        for tid, call in self._open.items():
            self._announce(tid, call)
        out, self._out = self._out, []
        return out

    # --- calls --------------------------------------------------------------------------------------------

    def _entered(self, event: _Parsed) -> None:
        before = self._open.get(event.tid)
        if before is not None:
            self._announce(event.tid, before)  # its end was lost
        self._open[event.tid] = Open(
            time_ns=self.stamp(event.time_ns),
            cpu_ns=self._cpu_time(event.tid, event.cpu_ns),
            abi=Abi(event.abi),
            nr=event.nr,
            args=wire.ENTER.unpack_from(event.data, wire.BODY),
            comm=event.comm,
            memory=wire.sections(event.data, wire.BODY + wire.ENTER.size).memory,
        )

    def _vector(self, event: _Parsed) -> None:
        chunk = wire.chunk(event.data)
        call = self._open.get(event.tid)
        if call is not None:
            call.strings.setdefault(chunk.arg, Strings(chunk.arg, chunk.array, call.abi.word)).add(chunk)

    def _refused(self, event: _Parsed) -> None:
        call = self._open.get(event.tid)
        refused: tuple[int, int] = wire.REFUSED.unpack_from(event.data, wire.BODY)
        if call is not None and refused not in call.refused:
            call.refused.append(refused)

    def _left(self, event: _Parsed) -> None:
        result, within = wire.EXIT.unpack_from(event.data, wire.BODY)
        sections = wire.sections(event.data, wire.BODY + wire.EXIT.size)
        call = self._open.get(event.tid)
        if call is not None and within and (call.nr, call.abi) == (event.nr, event.abi):
            del self._open[event.tid]
            call.complete(sections)
            self._over(event, event.tid, call, result)
        if sections.who is not None:
            self._identity(event.time_ns, event.tid, event.pid, name_of(Abi(event.abi), event.nr), sections.who)

    def _close(self, tid: int, within: int) -> Open | None:
        """The call that is at its end; ``within``: it is the one that is open."""
        call = self._open.pop(tid, None)
        if call is not None and not within:
            self._announce(tid, call)  # its end was lost
            return None
        return call

    def _end_at_birth(self, tid: int, exit_event: _Parsed) -> None:
        """Tell of a clone before its child, if its end is known. Only a vfork goes on meanwhile."""
        call = self._open.get(tid)
        if call is not None and call.name in _STARTING and not call.is_vfork:
            exit_event.done = True
            self._handle(exit_event)

    def _over(self, event: _Parsed, tid: int, call: Open, result: int | None) -> None:
        self._out.append(
            Syscall(
                time_ns=call.time_ns,
                tid=tid,
                pid=event.pid,
                end_ns=max(event.time_ns, call.time_ns + 1),
                comm=call.comm,
                abi=call.abi,
                nr=call.nr,
                args=call.args,
                result=result,
                memory=call.copied(),
                cpu_enter_ns=call.cpu_ns,
                cpu_exit_ns=self._cpu_time(tid, event.cpu_ns) if event.cpu_ns else None,
                refused=tuple(call.refused),
            )
        )

    def _cpu_time(self, tid: int, probed_ns: int) -> int:
        """Never less than before: what a hypervisor took is taken out of the clock of tasks when that is next updated
        (kernel/sched/core.c, update_rq_clock_task), so that it can go back by milliseconds."""
        told_ns = self._cpu[tid] = max(probed_ns - self.cpu_offset_ns, self._cpu.get(tid, 0))
        return told_ns

    def _announce(self, tid: int, call: Open) -> None:
        if call.announced:
            return
        call.announced = True
        self._out.append(
            Entered(
                time_ns=call.time_ns,
                tid=tid,
                pid=self.alive.get(tid, tid),
                comm=call.comm,
                abi=call.abi,
                nr=call.nr,
                args=call.args,
                memory=call.copied(),
            )
        )

    # --- the life of tasks --------------------------------------------------------------------------------

    def _started(self, event: _Parsed) -> None:
        tid, pid, exit_signal, watched = wire.FORK.unpack_from(event.data, wire.BODY)
        if tid in self._found and event.time_ns < self._found[tid] + _FOUND_NS:
            return
        sections = wire.sections(event.data, wire.BODY + wire.FORK.size)
        self._forget(tid)
        call = self._open.get(event.tid)
        how = "fork" if exit_signal == _SIGCHLD else "clone"
        if call is not None and call.is_vfork:
            how = "vfork"
        self._start(event, tid, pid, call=how, watched=_WATCHED[watched], who=sections.who, why="start")

    def _forget(self, tid: int) -> None:
        """Whoever had this tid before is gone, even if its end was lost."""
        self._close(tid, within=0)
        for kept in (self._images, self._held, self._found, self._rights, self._cpu):
            kept.pop(tid, None)

    def _joined(self, event: _Parsed) -> None:
        who = wire.sections(event.data, wire.BODY).who
        self._start(event, event.tid, event.pid, call="attach", watched="calls", who=who, why="attach")

    def _start(self, event: _Parsed, tid: int, pid: int, *, call: str, watched: str, who: Who | None, why: str) -> None:
        self.alive[tid] = pid
        joined = tid == event.tid
        self._out.append(
            TaskStart(
                time_ns=self.stamp(event.time_ns),
                tid=tid,
                pid=pid,
                parent_tid=0 if joined else event.tid,
                parent_pid=0 if joined else event.pid,
                comm=event.comm,
                nspids=(who.nspids if who else None) or (tid,),
                call=call,
                watched=watched,
            )
        )
        if who is not None:
            self._identity(event.time_ns, tid, pid, why, who)

    def _image(self, event: _Parsed) -> None:
        self._images.setdefault(event.tid, Image()).add(event.data)

    def _executed(self, event: _Parsed) -> None:
        former, argc, envc, payload, narrow, within, watched, *area = wire.EXEC.unpack_from(event.data, wire.BODY)
        image = self._images.pop(event.tid, Image())
        argv = image.strings(area[0], area[1], argc)
        call = self._close(former, within)
        if former != event.tid:
            self._superseded(event, former)
        if call is not None:
            envp = image.strings(area[2], area[3], envc)
            call.repair(image, argv if len(argv) == argc else (), envp if len(envp) == envc else (), area[3])
            self._over(event, former, call, 0)
        self.alive[event.tid] = event.pid
        who = wire.sections(event.data, wire.BODY + wire.EXEC.size).who or Who()
        self._out.append(
            Exec(
                time_ns=self.stamp(event.time_ns + 1),
                tid=event.tid,
                pid=event.pid,
                exe=who.exe or b"",
                comm=event.comm,
                argv=argv,
                former_tid=former,
                watched=_WATCHED[watched],
                from_event=call is None,
            )
        )
        self._identity(event.time_ns, event.tid, event.pid, "exec", who)
        if payload:
            self._note(event, "birth", "the payload runs in its new namespaces; it goes on by events only")
        if narrow and not self._sees_narrow:
            self._note(
                event,
                "warning",
                "a 32-bit program: the tracepoints of its calls do not exist, so they are missing here; "
                "--calls all or --backend ptrace sees them",
            )

    def _superseded(self, event: _Parsed, former: int) -> None:
        """An execve by a thread that is not the leader: it has the leader's tid from here on."""
        self._held.pop(event.pid, None)
        self._end(event.time_ns, event.tid, event.pid, 0, superseded_by=former)
        for kept in (self.alive, self._rights, self._cpu):
            kept.pop(former, None)

    def _ended(self, event: _Parsed) -> None:
        code, group_dead, within = wire.END.unpack_from(event.data, wire.BODY)
        call = self._close(event.tid, within)
        if call is not None:
            self._over(event, event.tid, call, None)
        if event.tid == event.pid and not group_dead:
            # wait(2) tells of a leader's end when its last thread has ended (delay_group_leader)
            self._held[event.pid] = event.time_ns, code
            return
        self._end(event.time_ns, event.tid, event.pid, code)
        held = self._held.pop(event.pid, None) if group_dead else None
        if held is not None:
            self._end(event.time_ns, event.pid, event.pid, held[1])

    def _end(self, time_ns: int, tid: int, pid: int, code: int, superseded_by: int = 0) -> None:
        """``code`` as wait(2) has it: status in the second byte, signal in the low seven bits, 128 for a core."""
        self.alive.pop(tid, None)
        for kept in (self._found, self._rights, self._cpu):
            kept.pop(tid, None)
        self._out.append(
            TaskExit(
                time_ns=self.stamp(time_ns),
                tid=tid,
                pid=pid,
                status=code >> 8 & 0xFF,
                signal=code & 0x7F,
                core=bool(code & 0x80),
                superseded_by=superseded_by,
            )
        )

    def _signalled(self, event: _Parsed) -> None:
        signo, _ = wire.SIGNAL.unpack_from(event.data, wire.BODY)
        info = wire.sections(event.data, wire.BODY + wire.SIGNAL.size).rest.get(wire.SIGINFO, b"")
        self._out.append(
            Signal(
                time_ns=self.stamp(event.time_ns),
                tid=event.tid,
                pid=event.pid,
                signo=signo,
                siginfo=info.ljust(_SIGINFO_SIZE, b"\0"),
            )
        )

    def _cgroup(self, event: _Parsed) -> None:
        directory, hierarchy, _ = wire.PLACE.unpack_from(event.data, wire.BODY)
        path = wire.sections(event.data, wire.BODY + wire.PLACE.size).rest.get(wire.PATH)
        if path is not None:
            self._cgroups.add(hierarchy, directory, path)

    def _identity(self, time_ns: int, tid: int, pid: int, why: str, who: Who) -> None:
        identity = who.identity(self.stamp(time_ns), tid, pid, why, self._cgroups.text(who.cgroups))
        if why not in RIGHTS_CALLS or rights(identity) != self._rights.get(tid):
            self._rights[tid] = rights(identity)
            self._out.append(identity)

    def _note(self, event: _Parsed, topic: str, text: str) -> None:
        self._out.append(Note(time_ns=self.stamp(event.time_ns), tid=event.tid, pid=event.pid, topic=topic, text=text))

    _handlers = {  # noqa: RUF012 - a table of methods, not state
        Event.ENTER: _entered,
        Event.EXIT: _left,
        Event.VECTOR: _vector,
        Event.REFUSED: _refused,
        Event.FORK: _started,
        Event.EXEC: _executed,
        Event.IMAGE: _image,
        Event.END: _ended,
        Event.SIGNAL: _signalled,
        Event.JOIN: _joined,
        Event.CGROUP: _cgroup,
    }


def _parse(data: bytes) -> _Parsed:
    time_ns, cpu_ns, tid, pid, kind, abi, nr, _, comm = wire.HEADER.unpack_from(data)
    return _Parsed(time_ns, cpu_ns, tid, pid, kind, abi, nr, comm.partition(b"\0")[0], data)
