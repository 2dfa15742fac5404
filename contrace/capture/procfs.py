"""The only reader of /proc. Every function answers for a task that may be gone or unreadable: None or empty then.

Source: proc(5), namespaces(7), user_namespaces(7). Reading costs 2 to 10 µs a file, so each file is read once and
in one piece.
"""

import os
import re
from dataclasses import dataclass

NAMESPACES = (
    "cgroup",
    "ipc",
    "mnt",
    "net",
    "pid",
    "pid_for_children",
    "time",
    "time_for_children",
    "user",
    "uts",
)
IdMap = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Status:
    """What is used of /proc/TID/status."""

    comm: bytes
    state: str
    """One letter: R S D T t Z X I."""
    tgid: int
    ppid: int
    tracer: int
    uids: tuple[int, int, int, int]
    gids: tuple[int, int, int, int]
    groups: tuple[int, ...]
    nspids: tuple[int, ...]
    capabilities: tuple[int, int, int, int, int] | None
    """Inheritable, permitted, effective, bounding, ambient."""
    no_new_privs: bool | None
    seccomp: int | None
    """Mode; None: not in this kernel, as the number of filters before Linux 5.9."""
    seccomp_filters: int | None


# fs/proc/array.c: task_state writes the fields in this order; NSpid is there with CONFIG_PID_NS.
_STATUS = re.compile(
    rb"Name:\t(.*)\n(?:Umask:.*\n)?State:\t(.).*\nTgid:\t(\d+)\nNgid:.*\nPid:.*\nPPid:\t(\d+)\nTracerPid:\t(\d+)\n"
    rb"Uid:\t(\d+)\t(\d+)\t(\d+)\t(\d+)\nGid:\t(\d+)\t(\d+)\t(\d+)\t(\d+)\nFDSize:.*\nGroups:\t(.*)\n"
    rb"(?:NStgid:.*\nNSpid:\t(.*)\n)?"
)
# task_cap and task_seccomp, further down; no earlier line can begin so, as the name is escaped.
_RIGHTS = re.compile(
    rb"\nCapInh:\t(\w+)\nCapPrm:\t(\w+)\nCapEff:\t(\w+)\nCapBnd:\t(\w+)\nCapAmb:\t(\w+)\nNoNewPrivs:\t(\d)\n"
    rb"(?:Seccomp:\t(\d+)\n(?:Seccomp_filters:\t(\d+)\n)?)?"
)


def read(path: str) -> bytes | None:
    """A whole /proc file; None when it is gone or refused."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        data = os.read(fd, 65536)
        while part := os.read(fd, 65536) if data else b"":
            data += part
    except OSError:
        return None
    finally:
        os.close(fd)
    return data


def link(path: str) -> bytes | None:
    """Where a /proc link points; None when it is gone or refused."""
    try:
        return os.readlink(path.encode())
    except OSError:
        return None


def status(tid: int) -> Status | None:
    text = read(f"/proc/{tid}/status") or b""
    found = _STATUS.match(text)
    if found is None:
        return None
    rights = _RIGHTS.search(text, found.end() - 1)
    sets = [int(word, 16) for word in rights.group(1, 2, 3, 4, 5)] if rights else None
    modes = [int(word) if word else None for word in (rights.group(6, 7, 8) if rights else (None,) * 3)]
    comm, state, *numbers, groups, nspids = found.groups()
    tgid, ppid, tracer, *ids = map(int, numbers)
    return Status(
        comm=_unescape(comm),
        state=state.decode("ascii"),
        tgid=tgid,
        ppid=ppid,
        tracer=tracer,
        uids=(ids[0], ids[1], ids[2], ids[3]),
        gids=(ids[4], ids[5], ids[6], ids[7]),
        groups=tuple(map(int, groups.split())),
        nspids=tuple(map(int, nspids.split())) if nspids else (tid,),
        capabilities=(sets[0], sets[1], sets[2], sets[3], sets[4]) if sets else None,
        no_new_privs=None if modes[0] is None else bool(modes[0]),
        seccomp=modes[1],
        seccomp_filters=modes[2],
    )


def _unescape(name: bytes) -> bytes:
    """status escapes newline and backslash in the name (fs/proc/array.c, proc_task_name)."""
    return name.replace(b"\\n", b"\n").replace(b"\\\\", b"\\") if b"\\" in name else name


def comm(tid: int) -> bytes:
    """The task's name without the line's end; empty when the task is gone."""
    return (read(f"/proc/{tid}/comm") or b"").removesuffix(b"\n")


def threads(pid: int) -> list[int]:
    """The tids of a process; empty when it is gone."""
    try:
        return sorted(int(name) for name in os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return []


def processes() -> list[int]:
    return sorted(int(name) for name in os.listdir("/proc") if name.isdigit())


def cmdline(pid: int) -> tuple[bytes, ...]:
    data = read(f"/proc/{pid}/cmdline")
    return tuple(data.removesuffix(b"\0").split(b"\0")) if data else ()


def namespaces(tid: int) -> dict[str, int]:
    """Name -> inode number; one that cannot be read is absent (gone, refused, or not in this kernel)."""
    found: dict[str, int] = {}
    try:
        directory = os.open(f"/proc/{tid}/ns", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return found
    try:
        for name in NAMESPACES:
            try:
                text = os.readlink(name, dir_fd=directory)
            except OSError:
                continue
            found[name] = int(text[text.index("[") + 1 : -1])
    finally:
        os.close(directory)
    return found


def id_map(tid: int, which: str) -> IdMap | None:
    """``which``: uid_map or gid_map. () while none is written."""
    data = read(f"/proc/{tid}/{which}")
    if data is None:
        return None
    rows = (tuple(int(word) for word in line.split()) for line in data.splitlines())
    return tuple((row[0], row[1], row[2]) for row in rows)


def cgroup(tid: int) -> bytes | None:
    return read(f"/proc/{tid}/cgroup")


def exe(tid: int) -> bytes | None:
    return link(f"/proc/{tid}/exe")


def cwd(tid: int) -> bytes | None:
    return link(f"/proc/{tid}/cwd")


def root(tid: int) -> bytes | None:
    return link(f"/proc/{tid}/root")
