"""The probes' binary format: bytes of the ring buffer -> the parts of records. Mirrors ``probes/wire.h``.

An event is a header, a body of its kind, and sections to its end. Everything in it comes from the kernel side of
contrace; strings in it come from traced processes and stay bytes.
"""

import struct
from dataclasses import dataclass, field
from enum import IntEnum

from contrace.capture import procfs
from contrace.records import Block, Identity, Memory, Text


class Event(IntEnum):
    """enum kind."""

    ENTER = 1
    EXIT = 2
    VECTOR = 3
    REFUSED = 4
    FORK = 5
    EXEC = 6
    IMAGE = 7
    END = 8
    SIGNAL = 9
    JOIN = 10
    CGROUP = 11


KINDS = len(Event) + 1

HEADER = struct.Struct("=QQIIBBHI16s")
"""struct event: time_ns, cpu_ns, tid, pid, kind, abi, nr, zero, comm."""
ENTER = struct.Struct("=6Q")
EXIT = struct.Struct("=qI4x")
REFUSED = struct.Struct("=II")
FORK = struct.Struct("=4I")
EXEC = struct.Struct("=3I4B4Q")
IMAGE = struct.Struct("=QII")
END = struct.Struct("=III")
SIGNAL = struct.Struct("=II")
PLACE = struct.Struct("=QII")
VECTOR = struct.Struct("=QIIIBBH")
HEAD = struct.Struct("=BBHI")
COPIED = struct.Struct("=QQBBB5x")
SPACES = struct.Struct("=10I8I3I")
RIGHTS = struct.Struct("=5QII")
UPID = struct.Struct("=i4xQ")
EXTENT = struct.Struct("=3I")
ITEM = struct.Struct("=I")
POINTER = struct.Struct("=Q")

TORN = (struct.error, ValueError, KeyError)
"""What reading an event raises that ends too early or has a number that stands for nothing: one that the probes built
wrongly. It is counted as lost; the capture goes on."""

BODY = HEADER.size
"""Where the body of an event begins."""

VECTOR_LAST, VECTOR_FAULT, VECTOR_CUT = 1, 2, 4
_ITEM_BROKEN, _ITEM_MORE, _ITEM_LENGTH = 0x80000000, 0x40000000, 0x0FFFFFFF
_COPIED_AT_EXIT, _COPIED_BROKEN = 1, 2
_WHAT_STRING = 1
_PATH_GONE, _PATH_ALONE, _PATH_CUT = 1, 2, 4
_COPY, _SPACES, _PIDS, _GROUPS, _UID_MAP, _GID_MAP, _CGROUPS, _EXE, _CWD, _ROOT, SIGINFO, PATH, _RIGHTS = range(1, 14)
_SECCOMP_UNKNOWN = 0xFFFFFFFF
_PATHS = {_EXE: "exe", _CWD: "cwd", _ROOT: "root"}


@dataclass(slots=True)
class Who:
    """What the sections of an identity say; None as in records.Identity."""

    namespaces: dict[str, int] = field(default_factory=dict)
    uids: tuple[int, int, int, int] | None = None
    gids: tuple[int, int, int, int] | None = None
    groups: tuple[int, ...] | None = None
    uid_map: procfs.IdMap | None = None
    gid_map: procfs.IdMap | None = None
    nspids: tuple[int, ...] | None = None
    cgroups: dict[int, int] = field(default_factory=dict)
    """Hierarchy id -> id of the cgroup's directory."""
    exe: bytes | None = None
    cwd: bytes | None = None
    root: bytes | None = None
    capabilities: tuple[int, int, int, int, int] | None = None
    no_new_privs: bool | None = None
    seccomp: int | None = None

    def identity(self, time_ns: int, tid: int, pid: int, why: str, cgroup: bytes | None) -> Identity:
        """As a record. ``cgroup``: the text that stands for ``cgroups``."""
        return Identity(
            time_ns=time_ns,
            tid=tid,
            pid=pid,
            why=why,
            namespaces=self.namespaces,
            uids=self.uids,
            gids=self.gids,
            groups=self.groups,
            uid_map=self.uid_map,
            gid_map=self.gid_map,
            cgroup=cgroup,
            exe=self.exe,
            cwd=self.cwd,
            root=self.root,
            nspids=self.nspids,
            capabilities=self.capabilities,
            no_new_privs=self.no_new_privs,
            seccomp=self.seccomp,
        )


@dataclass(slots=True)
class Sections:
    """What follows the body of an event."""

    memory: list[Memory] = field(default_factory=list)
    who: Who | None = None
    rest: dict[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of argv or envp: struct vector and its items."""

    array: int
    first: int
    count: int
    total: int
    arg: int
    flags: int
    items: tuple[tuple[bytes, int | None, bool], ...]
    """Bytes, the pointer of one that could not be read whole, and whether the string goes on in the next item."""


def sections(data: bytes, at: int) -> Sections:
    """Everything from ``at`` to the event's end."""
    found = Sections()
    while at < len(data):
        section, flags, _, length = HEAD.unpack_from(data, at)
        at += HEAD.size
        _within(data, at + length)
        if section == _COPY:
            found.memory.append(_copied(data, at, length))
        elif section in (SIGINFO, PATH):
            found.rest[section] = data[at : at + length]
        else:
            found.who = found.who or Who()
            _identify(found.who, section, flags, data, at=at, length=length)
        at += length
    return found


def _within(data: bytes, end: int) -> None:
    if end > len(data):
        raise ValueError("an event is shorter than it says")


def _copied(data: bytes, at: int, length: int) -> Memory:
    if length < COPIED.size:
        raise ValueError("a copy is shorter than its head")
    address, wanted, arg, what, flags = COPIED.unpack_from(data, at)
    copied = data[at + COPIED.size : at + length]
    if what == _WHAT_STRING:
        return Text(arg=arg, address=address, data=copied, broken=bool(flags & _COPIED_BROKEN))
    return Block(arg=arg, address=address, data=copied, wanted=wanted, at_exit=bool(flags & _COPIED_AT_EXIT))


def _identify(who: Who, section: int, flags: int, data: bytes, *, at: int, length: int) -> None:
    if section == _SPACES:
        *values, groups, uid_rows, gid_rows = SPACES.unpack_from(data, at)
        # struct spaces has them in this order, then the ids.
        spaces = dict(zip(procfs.NAMESPACES, values, strict=False))
        who.namespaces = {name: inode for name, inode in spaces.items() if inode}
        who.uids = (values[10], values[11], values[12], values[13])
        who.gids = (values[14], values[15], values[16], values[17])
        # What was too long to be copied stays unknown; what is empty has no section.
        who.groups = None if groups else ()
        who.uid_map = None if uid_rows else ()
        who.gid_map = None if gid_rows else ()
    elif section == _RIGHTS:
        *sets, no_new_privs, seccomp = RIGHTS.unpack_from(data, at)
        who.capabilities = (sets[0], sets[1], sets[2], sets[3], sets[4])
        who.no_new_privs = bool(no_new_privs)
        who.seccomp = None if seccomp == _SECCOMP_UNKNOWN else seccomp
    elif section == _PIDS:
        who.nspids = tuple(UPID.unpack_from(data, place)[0] for place in range(at, at + length, UPID.size))
    elif section == _GROUPS:
        who.groups = struct.unpack_from(f"={length // 4}I", data, at)
    elif section == _UID_MAP:
        who.uid_map = _extents(data, at, length)
    elif section == _GID_MAP:
        who.gid_map = _extents(data, at, length)
    elif section == _CGROUPS:
        for place in range(at, at + length, PLACE.size):
            directory, hierarchy, _ = PLACE.unpack_from(data, place)
            who.cgroups[hierarchy] = directory
    elif section in _PATHS:
        setattr(who, _PATHS[section], _path(data[at : at + length], flags))


def _extents(data: bytes, at: int, length: int) -> procfs.IdMap:
    return tuple(EXTENT.unpack_from(data, place) for place in range(at, at + length, EXTENT.size))


def _path(data: bytes, flags: int) -> bytes | None:
    """As readlink(2) of /proc/TID/exe gives it; None for one that is deeper than the probes follow."""
    if flags & _PATH_CUT:
        return None
    names = data.removesuffix(b"\0").split(b"\0") if data else []
    gone = flags & (_PATH_GONE | _PATH_ALONE)
    return b"/" + b"/".join(reversed(names)) + (b" (deleted)" if gone else b"")


def chunk(data: bytes) -> Chunk:
    """A VECTOR event."""
    array, first, count, total, arg, flags, _ = VECTOR.unpack_from(data, BODY)
    items: list[tuple[bytes, int | None, bool]] = []
    at = BODY + VECTOR.size
    for _ in range(count):
        (head,) = ITEM.unpack_from(data, at)
        at += ITEM.size
        pointer = None
        if head & _ITEM_BROKEN:
            (pointer,) = POINTER.unpack_from(data, at)
            at += POINTER.size
        length = head & _ITEM_LENGTH
        _within(data, at + length)
        items.append((data[at : at + length], pointer, bool(head & _ITEM_MORE)))
        at += length
    return Chunk(array, first, count, total, arg, flags, tuple(items))
