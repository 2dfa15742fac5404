"""Builds events as the probes send them."""

import struct
from collections.abc import Iterable

from contrace.capture.ebpf import wire
from contrace.capture.ebpf.wire import Event
from contrace.syscalls.abi import Abi, number_of

COPY, SPACES, PIDS, RIGHTS = 1, 2, 3, 13
STRING, BLOCK = 1, 2
EVENTS, CALLS = 1, 2
"""Modes of a process."""
SIGCHLD = 17


def event(kind: Event, at: int, tid: int, body: bytes, *, pid: int = 0, call: str = "", cpu: int = 0) -> bytes:
    """``at``: its time in ns; ``pid``: the tid where it is not given."""
    nr = (number_of(Abi.X86_64, call) or 0) if call else 0
    return wire.HEADER.pack(at, cpu, tid, pid or tid, kind, Abi.X86_64, nr, 0, b"comm") + body


def section(kind: int, data: bytes, flags: int = 0) -> bytes:
    return wire.HEAD.pack(kind, flags, 0, len(data)) + data


def text(arg: int, data: bytes, *, address: int = 0x1000, broken: bool = False) -> bytes:
    return section(COPY, wire.COPIED.pack(address, 0, arg, STRING, 2 * broken) + data)


def block(arg: int, data: bytes, *, address: int = 0x2000, at_exit: bool = False) -> bytes:
    return section(COPY, wire.COPIED.pack(address, len(data), arg, BLOCK, at_exit) + data)


def rights(*capabilities: int, no_new_privs: int = 0, seccomp: int = 0) -> bytes:
    return section(RIGHTS, wire.RIGHTS.pack(*(*capabilities, 0, 0, 0, 0, 0)[:5], no_new_privs, seccomp))


def entered(at: int, tid: int, call: str, *args: int, memory: bytes = b"", pid: int = 0, cpu: int = 0) -> bytes:
    body = wire.ENTER.pack(*(*args, 0, 0, 0, 0, 0, 0)[:6]) + memory
    return event(Event.ENTER, at, tid, body, call=call, pid=pid, cpu=cpu)


def left(
    at: int, tid: int, call: str, result: int, *, memory: bytes = b"", pid: int = 0, within: bool = True, cpu: int = 0
) -> bytes:
    return event(Event.EXIT, at, tid, wire.EXIT.pack(result, within) + memory, call=call, pid=pid, cpu=cpu)


def started(at: int, parent: int, tid: int, *, pid: int = 0, signal: int = SIGCHLD) -> bytes:
    return event(Event.FORK, at, parent, wire.FORK.pack(tid, pid or tid, signal, CALLS))


def ended(at: int, tid: int, *, code: int = 0, pid: int = 0, last: bool = True, within: bool = True) -> bytes:
    return event(Event.END, at, tid, wire.END.pack(code, last, within), pid=pid)


def executed(at: int, pid: int, *, former: int = 0, area: "Area | None" = None, within: bool = True) -> bytes:
    area = area or Area((), ())
    spans = (area.start, area.middle, area.middle, area.end)
    body = wire.EXEC.pack(former or pid, len(area.argv), len(area.envp), 0, 0, within, CALLS, *spans)
    return event(Event.EXEC, at, pid, body)


def vector(
    at: int, tid: int, arg: int, items: Iterable[bytes], *, first: int = 0, flags: int = 1, total: int = 0
) -> bytes:
    packed = [wire.ITEM.pack(len(item)) + item for item in items]
    return event(
        Event.VECTOR, at, tid, wire.VECTOR.pack(0x5000, first, len(packed), total, arg, flags, 0) + b"".join(packed)
    )


class Area:
    """The argument area of a new program."""

    start = 0x7000

    def __init__(self, argv: tuple[bytes, ...], envp: tuple[bytes, ...], filename: bytes = b"/file") -> None:
        self.argv, self.envp = argv, envp
        words, environment = (b"".join(text + b"\0" for text in texts) for texts in (argv, envp))
        self.middle = self.start + len(words)
        self.end = self.middle + len(environment)
        self.data = words + environment + filename + b"\0"

    def events(self, at: int, tid: int, step: int = 4096, *, lost: frozenset[int] = frozenset()) -> list[bytes]:
        """In pieces of ``step`` bytes, without those whose numbers are lost."""
        return [
            event(
                Event.IMAGE,
                at + number,
                tid,
                wire.IMAGE.pack(self.start + place, 0, 0) + self.data[place : place + step],
            )
            for number, place in enumerate(range(0, len(self.data), step))
            if number not in lost
        ]


def arbitrary(kind: int, abi: int, rest: bytes) -> bytes:
    """A header of that kind, and anything behind it."""
    return struct.pack("=QQIIBBHI16s", 5, 5, 7, 7, kind, abi, 0, 0, b"") + rest
