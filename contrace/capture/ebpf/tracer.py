"""The eBPF backend: nothing is stopped; the probes tell, and this reads what they told a few times a second.

Events come from all CPUs through one buffer, almost in order: a CPU takes the time of an event before it gets its
place. So the newest are held back for a moment and sorted. Whatever does not fit into the buffer is counted in the
kernel and reported as a Loss.
"""

import os
import signal
import threading
import time
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress

from contrace.capture import procfs
from contrace.capture.base import Command, Finished, Wanted
from contrace.capture.cgroups import CgroupPaths
from contrace.capture.ebpf import wire
from contrace.capture.ebpf.assemble import Assembler
from contrace.capture.ebpf.drain import Drain
from contrace.capture.ebpf.probes import ALONE, LAUNCHING, MODE_CALLS, MODE_NONE, Plan, Probes
from contrace.capture.identity import IdentityReader
from contrace.capture.launch import Launched
from contrace.capture.targets import Target
from contrace.errors import BackendUnavailable, TargetNotFound
from contrace.records import Loss, Note, Record, TaskStart

TICK_S = 0.1
"""The recorder has a turn at least this often."""
_SETTLE_NS = 2_000_000
"""Events younger than this may still be overtaken by older ones."""
_NICE = 10
"""Of the thread that makes records: at the priority of what is watched, `docker run` takes 2 % longer (bench/)."""
_BATCH = 250
"""Events of one batch, which is one transaction of the trace file."""
_CHECK_S = 1.0
"""How often it is looked whether tasks still exist: an end may have been lost, or told before the start."""
_KINDS = {
    wire.Event.ENTER: "call",
    wire.Event.EXIT: "return",
    wire.Event.VECTOR: "memory",
    wire.Event.IMAGE: "memory",
    wire.Event.REFUSED: "refusal",
    wire.Event.FORK: "start",
    wire.Event.JOIN: "start",
    wire.Event.EXEC: "exec",
    wire.Event.END: "exit",
    wire.Event.SIGNAL: "signal",
    wire.Event.CGROUP: "cgroup",
}
"""What a lost event of each kind is called in a Loss."""
_FULL = "the buffer between kernel and contrace was full (--buffer makes it larger)"
_TORN = "the probes sent what contrace cannot read: a defect of contrace, please report it"


class EbpfTracer:
    """See ``capture.base.Tracer``. One use only: start, batches, perhaps stop."""

    indispensable = False

    def __init__(self, wanted: Wanted) -> None:
        self.finished: Finished | None = None
        self.mode = _mode(wanted, raw=False)
        self._wanted = wanted
        self._stopping = False
        self._first: list[Record] = []
        self._waiting: list[tuple[int, bytes]] = []
        self._complete = True
        """Nothing more has come than was taken."""
        self._command_pid = 0
        self._command_pidfd = -1
        self._drain: Drain | None = None
        self._lost: list[int] = []
        self._looked_ns = 0
        self._counted: tuple[int, list[int]] | None = None
        """When it was counted what was lost, and the counts."""
        self._checked_s = 0.0

    # --- beginning ----------------------------------------------------------------------------------------

    def prepare(self) -> None:
        wanted = self._wanted
        self._probes = Probes(
            Plan(
                calls=wanted.calls,
                until_payload=wanted.scope == "birth",
                system_wide=wanted.system_wide,
                containers=bool(wanted.cgroups),
                buffer=wanted.buffer,
            )
        )
        self.mode = _mode(wanted, raw=self._probes.raw)
        try:
            # The cgroups' own tracepoint is attached already: one that is made meanwhile is not missed.
            self._assembler = Assembler(CgroupPaths(), sees_narrow=self._probes.raw)
            self._check_probes()
        except BaseException:
            self._let_go()
            raise

    def start(self, targets: tuple[Target, ...], command: Command | None) -> None:
        try:
            self._lost = self._probes.lost()
            self._looked_ns = time.monotonic_ns()
            self._drain = Drain(self._probes.ring)
            if command is not None:
                self._launch(command)
            else:
                self._attach(targets)
        except BaseException:
            self._let_go()
            raise

    def _check_probes(self) -> None:
        """Make one call that is watched, and see that its event comes; it also tells what the probes' CPU times have
        too much (see cpu_time in calls.bpf.c)."""
        pid = os.getpid()
        self._probes.watch(pid, MODE_CALLS)
        os.setresuid(-1, -1, -1)  # changes nothing (setresuid(2)), and is watched at its exit
        used_ns = time.clock_gettime_ns(time.CLOCK_THREAD_CPUTIME_ID)
        if self._wanted.system_wide:
            self._probes.watch(pid, MODE_NONE)
            self._probes.watch(os.getppid(), MODE_NONE)
        else:
            self._probes.unwatch(pid)
        seen = [event for event in map(_header, self._probes.ring.read()) if event[4] == wire.Event.EXIT]
        own = next((event for event in seen if event[3] == pid), None)
        if own is not None:
            self._assembler.cpu_offset_ns = own[1] - used_ns
        elif seen:
            raise BackendUnavailable(
                "contrace runs in a PID namespace of its own, where eBPF knows its processes by other numbers: "
                "run it on the host, or start its container with --pid=host"
            )
        else:
            raise BackendUnavailable(
                "the probes are attached, but no event came of a call made to test them; use --backend ptrace"
            )

    def _attach(self, targets: tuple[Target, ...]) -> None:
        wanted, probes = self._wanted, self._probes
        own = procfs.namespaces(os.getpid())
        for hierarchy, directory in wanted.cgroups:
            probes.watch_cgroup(hierarchy, directory)
        if wanted.system_wide:
            probes.watch_everything(own.get("mnt", 0), own.get("pid", 0))
            mine = {os.getpid(), os.getppid()}
            targets = tuple(Target(pid, "") for pid in procfs.processes() if pid not in mine)
        identities = IdentityReader()
        for target in targets:
            status = procfs.status(target.pid)
            if status is None:
                if wanted.system_wide:
                    continue
                raise TargetNotFound(f"no process {target.pid} ({target.why}): it has ended")
            spaces = procfs.namespaces(target.pid)
            # From this moment every thread of it is watched, and what any of them starts.
            probes.watch(target.pid, MODE_CALLS, mnt=spaces.get("mnt", 0), pid_ns=spaces.get("pid", 0))
            for tid in procfs.threads(target.pid):
                self._found(identities, tid, target.pid, status.ppid, "attach")
        named = "every process" if wanted.system_wide else " ".join(f"{t.why}[{t.pid}]" for t in targets)
        self._note("attach", named)

    def _launch(self, command: Command) -> None:
        with Launched(command, None) as launched:
            self._command_pid = launched.pid
            self._command_pidfd = os.pidfd_open(launched.pid)
            own = procfs.namespaces(os.getpid())
            flags = LAUNCHING | (0 if self._wanted.follow else ALONE)
            self._probes.watch(launched.pid, MODE_CALLS, mnt=own.get("mnt", 0), pid_ns=own.get("pid", 0), flags=flags)
            self._found(IdentityReader(), launched.pid, launched.pid, os.getpid(), "run")
            launched.go()
            launched.check_executed()

    def _found(self, identities: IdentityReader, tid: int, pid: int, parent: int, call: str) -> None:
        start_ns = self._assembler.stamp(time.monotonic_ns())
        identity, status = identities.take(self._assembler.stamp(start_ns), tid, pid, call)
        if status is None:
            return
        start = TaskStart(
            time_ns=start_ns,
            tid=tid,
            pid=pid,
            parent_tid=parent,
            parent_pid=parent,
            comm=b"" if call == "run" else status.comm,
            nspids=identity.nspids or (tid,),
            call=call,
            watched="calls",
        )
        self._first += self._assembler.found(start, identity)

    def _note(self, topic: str, text: str) -> None:
        now = self._assembler.stamp(time.monotonic_ns())
        self._first.append(Note(time_ns=now, tid=0, pid=0, topic=topic, text=text))

    # --- the records --------------------------------------------------------------------------------------

    def batches(self) -> Iterator[list[Record]]:
        # What is watched goes first: making records can wait, as long as the drain does not.
        thread = threading.get_native_id()
        before = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, max(before, _NICE))
        try:
            first, self._first = self._first, []
            yield first
            drain = self._drain
            assert drain is not None
            while not self._stopping and not self._over():
                if self._complete:
                    drain.wait(TICK_S)
                yield self._batch(drain)
            drain.stop()
            while True:
                yield self._batch(drain, last=True)
                if self._complete:
                    return
        finally:
            self._let_go()
            with suppress(PermissionError):  # only root may be as quick again
                os.setpriority(os.PRIO_PROCESS, thread, before)

    def _batch(self, drain: Drain, *, last: bool = False) -> list[Record]:
        """The records of what has come, but for the newest, which wait."""
        events, complete_ns = drain.take(_BATCH)
        self._complete = complete_ns is not None
        waiting = self._waiting
        waiting += [(int.from_bytes(data[:8], "little"), data) for data in events]
        waiting.sort(key=_time)
        if last and self._complete:
            until_ns = waiting[-1][0] if waiting else 0
        else:
            until_ns = (complete_ns or waiting[-1][0]) - _SETTLE_NS
        ready = bisect_right(waiting, until_ns, key=_time)
        self._waiting = waiting[ready:]
        out = self._assembler.feed(data for _, data in waiting[:ready])
        out += self._losses(until_ns, final=last and self._complete)
        out += self._assembler.announce_open()
        return out

    def _losses(self, until_ns: int, *, final: bool) -> list[Record]:
        """What was lost up to a moment, once the records up to it are out: told earlier, it would push their times."""
        if self._counted is None or final:
            self._counted = time.monotonic_ns(), self._probes.lost()
        now_ns, lost = self._counted
        if until_ns < now_ns and not final:
            return []
        self._counted = None
        before, since_ns = self._lost, self._looked_ns
        self._lost, self._looked_ns = lost, now_ns
        kinds: dict[str, int] = {}
        for kind, name in _KINDS.items():
            if lost[kind] > before[kind]:
                kinds[name] = kinds.get(name, 0) + lost[kind] - before[kind]
        torn, self._assembler.torn = self._assembler.torn, 0
        out: list[Record] = []
        if kinds:
            out.append(self._loss(now_ns, since_ns, sum(kinds.values()), _FULL, kinds))
        if torn:
            out.append(self._loss(now_ns, since_ns, torn, _TORN, {}))
        return out

    def _loss(self, now_ns: int, since_ns: int, count: int, reason: str, kinds: dict[str, int]) -> Loss:
        return Loss(
            time_ns=self._assembler.stamp(now_ns),
            tid=0,
            pid=0,
            count=count,
            since_ns=since_ns,
            reason=reason,
            kinds=kinds,
        )

    def _over(self) -> bool:
        """Whether nothing is left to trace."""
        if self._command_pid and self.finished is None:
            ended = os.waitid(os.P_PID, self._command_pid, os.WEXITED | os.WNOHANG)
            if ended is not None:
                exited = ended.si_code == os.CLD_EXITED
                self.finished = Finished(ended.si_status if exited else 0, 0 if exited else ended.si_status)
        if self._wanted.system_wide or self._wanted.cgroups:
            return False
        alive = self._assembler.alive
        now = time.monotonic()
        if alive and now - self._checked_s > _CHECK_S:
            self._checked_s = now
            for tid in [tid for tid in alive if not os.path.exists(f"/proc/{tid}")]:
                del alive[tid]
        return (
            not alive and self._complete and not self._waiting and (self.finished is not None or not self._command_pid)
        )

    # --- the end ------------------------------------------------------------------------------------------

    def stop(self) -> None:
        self._stopping = True

    def _let_go(self) -> None:
        if self._drain is not None:
            self._drain.stop()
        self._probes.detach()

    def signal(self, signo: int) -> None:
        # It may have ended, which the next batches tell.
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._command_pidfd, signo)

    def kill(self) -> None:
        for pid in set(self._assembler.alive.values()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _time(event: tuple[int, bytes]) -> int:
    return event[0]


def _header(data: bytes) -> tuple[int, ...]:
    header: tuple[int, ...] = wire.HEADER.unpack_from(data)
    return header


def _mode(wanted: Wanted, *, raw: bool) -> str:
    """What is watched, and how, in one line; it is shown with every capture."""
    calls = "every call" if wanted.calls is None else f"{len(wanted.calls)} calls"
    how = "nothing is stopped" + ("; each call on this machine passes a probe" if raw else "")
    if wanted.scope == "all":
        return f"eBPF, scope all: {calls} of every task; {how}"
    return f"eBPF, scope birth: {calls} until the payload's execve, from then on events only; {how}"
