"""A trace of 1,000,000 calls, written by the product's own writer: what the measurements of the TUI look at.

``python -m bench.million [FILE]`` writes one. The mix is that of containers that start one after another: shells that
start programs, runtimes that make namespaces and mount, errors (2 %), names that try to do things to a terminal,
identities, calls that were open when a batch was written. The same every time: what is random has a fixed seed.
"""

import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from contrace.records import (
    Entered,
    Exec,
    Identity,
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
from contrace.syscalls.abi import Abi, number_of
from contrace.trace.schema import Meta
from contrace.trace.writer import TraceWriter

CALLS = 1_000_000
VERSION = 2
"""Raised whenever the content changes: a trace that lies in the temporary directory is of this version."""

_STARTED_NS = 1_000_000_000_000
_BATCH = 250
_CALLS_EACH = 40
_FAILS = 0.02
_ERRORS = (1, 2, 2, 2, 13, 17, 22)
_COMMS = (b"sh", b"runc", b"runc:[1:CHILD]", b"runc:[2:INIT]", b"containerd-shim", b"node", b"python3", b"true")
_HOSTILE = (b"\x1b[31mred\x1b[0m", b"[bold]x[/bold]", b"\xff\xfe\x80", "\u202eevil".encode(), "\u4f60\u597d".encode())
_PATHS = (b"/proc/self/exe", b"/bin/sh", b"/usr/bin/true", b"/usr/sbin/runc", b"/var/lib/docker/overlay2/l/ABCDEFGH")
_ENVIRONMENT = (
    b"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    b"HOSTNAME=0123456789ab",
    b"HOME=/root",
    b"container=contrace",
    b"LANG=C.UTF-8",
)
_NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "time_for_children", "user", "uts")
_CLONE_FLAGS = (17, 0x7C020011, 0x20000 | 17)
_MOUNT_FLAGS = (0, 0x1000, 0x4000 | 0x1000, 1)


def trace() -> Path:
    """The trace, written if it is not there yet."""
    path = Path(tempfile.gettempdir()) / f"contrace-million-{VERSION}.ctrace"
    if not path.exists():
        draft = path.with_suffix(".draft")
        write(draft)
        draft.replace(path)
    return path


def write(path: Path, calls: int = CALLS) -> None:
    """Write a trace of that many calls."""
    writer = TraceWriter(
        path,
        Meta(version="bench", started_ns=1_700_000_000_000_000_000, started_monotonic_ns=_STARTED_NS, host="bench"),
    )
    batch: list[Record] = []
    for record in _Story(calls).records():
        batch.append(record)
        # Most batches end while a call is open, as they do where several tasks run.
        if len(batch) >= _BATCH and (isinstance(record, Entered) or len(batch) >= 2 * _BATCH):
            writer.write(batch)
            batch = []
    writer.write(batch)
    writer.finish({"reason": "the generator is done", "ended_monotonic_ns": _STARTED_NS + calls * 20_000})


class _Story:
    """Processes that start, do what runtimes do, and end."""

    def __init__(self, calls: int) -> None:
        self._left = calls
        self._random = random.Random(5)
        self._now = _STARTED_NS
        self._numbers: dict[str, int] = {}
        self._inode = 4_026_532_000

    def records(self) -> Iterator[Record]:
        """All of them, as a backend would hand them over."""
        yield Note(time_ns=self._tick(), tid=0, pid=0, topic="attach", text="attached to the generator")
        yield self._start(1000, 0, "attach", b"containerd")
        yield self._identity(1000, "attach", {name: 4_026_531_830 + at for at, name in enumerate(_NAMESPACES)})
        pid = 1000
        while self._left > 0:
            pid = pid + 1 if pid < 60_000 else 1001
            yield from self._process(pid)
            if pid % 5000 == 0:
                now = self._tick()
                yield Loss(time_ns=now, tid=0, pid=0, count=3, since_ns=now - 5000, reason="the ring was full")

    def _process(self, pid: int) -> Iterator[Record]:
        pick = self._random
        comm = pick.choice(_HOSTILE) if pick.random() < 0.01 else pick.choice(_COMMS)
        since = self._tick()
        yield self._start(pid, 1000, "clone", comm)
        yield self._call(1000, b"containerd", "clone", since, (pick.choice(_CLONE_FLAGS), 0, 0, 0, 0), result=pid)
        inside = {name: self._inode + at for at, name in enumerate(_NAMESPACES)}
        self._inode += len(inside)
        yield self._identity(pid, "start", inside)
        for at in range(pick.randint(_CALLS_EACH // 2, _CALLS_EACH * 3 // 2)):
            if self._left <= 1:
                break
            if at == 0 or pick.random() < 0.03:
                yield from self._execve(pid, comm)
            else:
                yield from self._some(pid, comm, inside)
        yield TaskExit(time_ns=self._tick(), tid=pid, pid=pid, status=int(pick.random() < 0.05), signal=0, core=False)

    def _some(self, pid: int, comm: bytes, inside: dict[str, int]) -> Iterator[Record]:
        pick, since = self._random, self._tick()
        name = pick.choices(("prctl", "mount", "unshare", "setns", "openat", "chroot"), (30, 30, 2, 3, 30, 5))[0]
        result = -pick.choice(_ERRORS) if pick.random() < _FAILS else 0
        memory: tuple[Memory, ...] = ()
        args: tuple[int, ...] = (0,)
        match name:
            case "prctl":
                args = (pick.choice((4, 22, 38)), 1, 0, 0, 0)
            case "mount":
                args = (0x1000, 0x2000, 0x3000, pick.choice(_MOUNT_FLAGS), 0)
                parts = (b"proc", pick.choice(_PATHS), b"overlay")
                memory = tuple(Text(arg=arg, address=args[arg], data=data) for arg, data in enumerate(parts))
            case "unshare":
                args = (0x6C020000,)
            case "setns":
                args = (3, 0x40000000)
            case "openat":
                args = (0xFFFFFF9C, 0x1000, 0, 0)
                memory = (Text(arg=1, address=0x1000, data=pick.choice(_PATHS)),)
            case "chroot":
                args = (0x1000,)
                memory = (Text(arg=0, address=0x1000, data=pick.choice(_PATHS)),)
        call = self._call(pid, comm, name, since, args, result=result, memory=memory)
        if pick.random() < 0.02:
            yield Entered(
                time_ns=since, tid=pid, pid=pid, comm=comm, abi=call.abi, nr=call.nr, args=call.args, memory=memory
            )
        yield call
        if name == "unshare" and not result:
            inside["mnt"] = self._inode = self._inode + 1
            yield self._identity(pid, name, dict(inside))

    def _execve(self, pid: int, comm: bytes) -> Iterator[Record]:
        since, path = self._tick(), self._random.choice(_PATHS)
        argv = (path, b"--option", b"%d" % pid, self._random.choice(_HOSTILE))
        fails = self._random.random() < _FAILS
        memory = (
            Text(arg=0, address=0x1000, data=path),
            Vector(arg=1, address=0x2000, items=argv),
            Vector(arg=2, address=0x3000, items=_ENVIRONMENT),
        )
        args = (0x1000, 0x2000, 0x3000)
        yield self._call(pid, comm, "execve", since, args, result=-2 if fails else 0, memory=memory)
        if not fails:
            yield Exec(
                time_ns=self._tick(),
                tid=pid,
                pid=pid,
                exe=path,
                comm=comm,
                argv=argv,
                former_tid=pid,
                watched="calls",
            )

    def _call(
        self,
        tid: int,
        comm: bytes,
        name: str,
        since: int,
        args: tuple[int, ...],
        *,
        result: int,
        memory: tuple[Memory, ...] = (),
    ) -> Syscall:
        self._left -= 1
        nr = self._numbers.get(name)
        if nr is None:
            nr = self._numbers[name] = number_of(Abi.X86_64, name) or 0
        registers = (*args, 0, 0, 0, 0, 0, 0)
        return Syscall(
            time_ns=since,
            end_ns=self._tick(),
            tid=tid,
            pid=tid,
            comm=comm,
            abi=Abi.X86_64,
            nr=nr,
            args=(registers[0], registers[1], registers[2], registers[3], registers[4], registers[5]),
            result=result,
            memory=memory,
        )

    def _start(self, pid: int, parent: int, how: str, comm: bytes) -> TaskStart:
        return TaskStart(
            time_ns=self._tick(),
            tid=pid,
            pid=pid,
            parent_tid=parent,
            parent_pid=parent,
            comm=comm,
            nspids=(pid,) if how == "attach" else (pid, 1),
            call=how,
            watched="calls",
        )

    def _identity(self, pid: int, why: str, namespaces: dict[str, int]) -> Identity:
        ids = (0, 0, 0, 0)
        return Identity(
            time_ns=self._tick(),
            tid=pid,
            pid=pid,
            why=why,
            namespaces=namespaces,
            uids=ids,
            gids=ids,
            groups=(0,),
            uid_map=((0, 0, 4_294_967_295),),
            gid_map=((0, 0, 4_294_967_295),),
            cgroup=b"0::/system.slice/docker.service\n",
            exe=b"/usr/sbin/runc",
            cwd=b"/",
            root=b"/",
            nspids=(pid,) if why == "attach" else (pid, 1),
        )

    def _tick(self) -> int:
        self._now += 1 + int(self._random.expovariate(1 / 8000))
        return self._now


if __name__ == "__main__":
    write(Path(sys.argv[1])) if len(sys.argv) > 1 else print(trace())
