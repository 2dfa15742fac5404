"""A capture in few words: records as a backend makes them, batches as it hands them over, and what formats show."""

import io
from collections.abc import Iterable, Sequence

from contrace import filters, output
from contrace.decode.notation import Notation
from contrace.records import (
    Entered,
    Exec,
    Identity,
    Loss,
    Memory,
    Note,
    Record,
    Signal,
    Stopped,
    Syscall,
    TaskExit,
    TaskStart,
    Text,
    Vector,
)
from contrace.syscalls.abi import Abi, number_of
from contrace.trace.schema import Meta

STARTED_NS = 5_000_000_000
META = Meta(version="0", started_ns=1_700_000_000_000_000_000, started_monotonic_ns=STARTED_NS)

CLONE_NEWNS = 0x20000
CLONE_NEWUTS = 0x4000000


def ms(moment: float) -> int:
    """Milliseconds since the capture began -> the records' clock."""
    return STARTED_NS + round(moment * 1_000_000)


def call(
    at: float,
    name: str,
    *args: int,
    tid: int = 10,
    pid: int = 0,
    took: float = 0.5,
    returns: int | None = 0,
    comm: bytes = b"sh",
    memory: tuple[Memory, ...] = (),
) -> Syscall:
    return Syscall(end_ns=ms(at + took), result=returns, **_entry(at, name, args, tid, pid, comm, memory))


def entered(
    at: float,
    name: str,
    *args: int,
    tid: int = 10,
    pid: int = 0,
    comm: bytes = b"sh",
    memory: tuple[Memory, ...] = (),
) -> Entered:
    return Entered(**_entry(at, name, args, tid, pid, comm, memory))


def execve(at: float, path: bytes, *argv: bytes, tid: int = 10, **more) -> Syscall:
    memory = (
        Text(arg=0, address=1, data=path),
        Vector(arg=1, address=2, items=argv),
        Vector(arg=2, address=3, items=()),
    )
    return call(at, "execve", 1, 2, 3, tid=tid, memory=memory, **more)


def start(
    at: float, tid: int, parent: int, *, pid: int = 0, how: str = "fork", comm: bytes = b"sh", **more
) -> TaskStart:
    known = {"nspids": (tid,), "watched": "calls", "parent_pid": parent} | more
    return TaskStart(time_ns=ms(at), tid=tid, pid=pid or tid, parent_tid=parent, comm=comm, call=how, **known)


def executed(at: float, exe: bytes, *, tid: int = 10, former: int = 0, comm: bytes = b"", **more) -> Exec:
    known = {"argv": (exe,), "watched": "calls"} | more
    name = comm or exe.rpartition(b"/")[2]
    return Exec(time_ns=ms(at), tid=tid, pid=tid, exe=exe, comm=name, former_tid=former or tid, **known)


def ended(
    at: float, tid: int = 10, *, pid: int = 0, status: int = 0, signal: int = 0, superseded_by: int = 0
) -> TaskExit:
    return TaskExit(
        time_ns=ms(at),
        tid=tid,
        pid=pid or tid,
        status=status,
        signal=signal,
        core=False,
        superseded_by=superseded_by,
    )


def signalled(at: float, signo: int, tid: int = 10) -> Signal:
    return Signal(time_ns=ms(at), tid=tid, pid=tid, signo=signo, siginfo=b"")


def stopped(at: float, signo: int, tid: int = 10) -> Stopped:
    return Stopped(time_ns=ms(at), tid=tid, pid=tid, signo=signo)


def identity(at: float, tid: int = 10, *, why: str = "unshare", **more) -> Identity:
    known = {
        "namespaces": {"mnt": 1, "net": 2, "pid": 3, "pid_for_children": 3, "user": 4, "uts": 5},
        "uids": (0, 0, 0, 0),
        "gids": (0, 0, 0, 0),
        "groups": (0,),
        "uid_map": ((0, 0, 4294967295),),
        "gid_map": ((0, 0, 4294967295),),
        "cgroup": b"0::/\n",
        "exe": b"/bin/sh",
        "cwd": b"/",
        "root": b"/",
        "nspids": (tid,),
    } | more
    return Identity(time_ns=ms(at), tid=tid, pid=tid, why=why, **known)


def loss(at: float, count: int = 3, since: float = 0) -> Loss:
    return Loss(time_ns=ms(at), tid=0, pid=0, count=count, since_ns=ms(since), reason="the ring was full")


def note(at: float, topic: str, text: str) -> Note:
    return Note(time_ns=ms(at), tid=0, pid=0, topic=topic, text=text)


def shown(
    format: str,
    *batches: Sequence[Record],
    words: Sequence[str] = (),
    meta: Meta = META,
    notation: Notation | None = None,
    stream: io.StringIO | None = None,
) -> str:
    """What a format writes for a capture that is over."""
    stream = stream or io.StringIO()
    view = output.make(format, stream, meta, notation or Notation(), filters.parse(words))
    for batch in batches:
        view.feed(batch)
    view.finish()
    return stream.getvalue()


def lines(format: str, records: Iterable[Record], **more) -> list[str]:
    return shown(format, list(records), **more).splitlines()


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def _entry(at: float, name: str, args: tuple[int, ...], tid: int, pid: int, comm: bytes, memory: tuple[Memory, ...]):
    nr = number_of(Abi.X86_64, name)
    assert nr is not None
    registers = (*args, *(0,) * (6 - len(args)))
    return {
        "time_ns": ms(at),
        "tid": tid,
        "pid": pid or tid,
        "comm": comm,
        "abi": Abi.X86_64,
        "nr": nr,
        "args": registers,
        "memory": memory,
    }
