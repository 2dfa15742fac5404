"""The cgroup hierarchies of this machine, v1, v2 or both, and the paths of their cgroups by id.

A task that lives for a millisecond is gone before anyone can read its /proc/TID/cgroup. The kernel's side of contrace
notes the ids of its cgroups instead, and `CgroupPaths` writes the file's text from them. An id is the inode number of
the cgroup's directory (on 64-bit kernels: kernfs_id_ino, linux/kernfs.h), unique in its hierarchy for ever.

Paths are those that /proc/TID/cgroup shows to contrace. Sources: cgroups(7), cgroup_namespaces(7), proc(5) on
mountinfo, proc_cgroup_show in kernel/cgroup/cgroup.c.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from contrace.capture import procfs

_INITIAL_NAMESPACE = 0xEFFFFFFB  # PROC_CGROUP_INIT_INO, linux/proc_ns.h
_LEAF_LINKS = 2  # a directory in kernfs has a link for itself, its name, and each directory in it
_OUTSIDE = b"/../"
"""A path that leads out of contrace's own cgroup namespace begins so; its way back into it cannot be known."""
_ROOT_ID = 1
_TYPES = (b"cgroup", b"cgroup2")


@dataclass(frozen=True, slots=True)
class Mount:
    """A place where a hierarchy can be looked at."""

    point: bytes
    """The directory."""
    root: bytes
    """The cgroup that is seen there: b"/" where it is all of the hierarchy."""

    def path(self, directory: bytes) -> bytes:
        """The cgroup whose directory this is, as in /proc/TID/cgroup."""
        return os.path.join(self.root, directory[len(self.point) :].lstrip(b"/")).rstrip(b"/") or b"/"

    def directory(self, path: bytes) -> bytes | None:
        """The directory of a cgroup; None when it cannot be seen here."""
        root = self.root.rstrip(b"/") + b"/"
        below = (path.rstrip(b"/") + b"/").removeprefix(root)
        if not (path.rstrip(b"/") + b"/").startswith(root) or below.startswith(b"../"):
            return None
        return os.path.join(self.point, below).rstrip(b"/") or b"/"


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """A line of /proc/TID/cgroup, ``id:controllers:path``, and where the hierarchy is mounted."""

    id: int
    """0: cgroup v2."""
    controllers: bytes
    """As in the file: b"cpu,cpuacct", b"name=systemd", b"" for v2."""
    mount: Mount | None
    """None: not mounted where contrace can see it."""

    def line(self, path: bytes) -> bytes:
        return b"%d:%b:%b\n" % (self.id, self.controllers, path)


def hierarchies() -> tuple[Hierarchy, ...]:
    """Every hierarchy in the order of /proc/TID/cgroup, the newest first; () for a kernel without cgroups."""
    mounts = list(_mounts())
    found = []
    for line in (procfs.read("/proc/self/cgroup") or b"").splitlines():
        number, controllers, _ = line.split(b":", 2)
        wanted = set(controllers.split(b",")) - {b""}
        # A controller, and a name, belongs to one hierarchy only. Mount options name it, among others.
        fitting = [mount for mount, names in mounts if (wanted <= names if wanted else not names)]
        whole = min(fitting, key=lambda mount: len(mount.root), default=None)
        found.append(Hierarchy(int(number), controllers, whole))
    return tuple(found)


def directories(hierarchy: Hierarchy) -> Iterator[tuple[int, bytes]]:
    """(id, directory) of every cgroup that can be seen in a hierarchy, parents before their children.

    Takes 5 µs each. Cgroups that come and go meanwhile may be missing.
    """
    if hierarchy.mount is None:
        return
    top = hierarchy.mount.point
    try:
        yield os.stat(top).st_ino, top
    except OSError:  # unmounted, or nothing for this user
        return
    waiting = [top]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                children = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:  # removed meanwhile, or nothing for this user
            continue
        for child in children:
            yield child.inode(), child.path
            if _has_children(child.path):
                waiting.append(child.path)


class CgroupPaths:
    """The path of each cgroup by hierarchy and id, for tasks that are gone.

    To miss none, begin to `add` what the kernel tells before this is made.
    """

    def __init__(self) -> None:
        self._rows: dict[int, Hierarchy] = {}
        self._lines: dict[tuple[int, int], bytes] = {}
        # The kernel's tracepoints tell paths as the initial namespace sees them.
        self._initial = _own_namespace() == _INITIAL_NAMESPACE
        self._unknown: set[int] = set()
        self._look()

    def add(self, hierarchy: int, id: int, path: bytes) -> None:
        """A cgroup was made: ``path`` is that of the tracepoint cgroup:cgroup_mkdir, from the hierarchy's root.

        In a cgroup namespace other than the initial one this cannot be the path that contrace sees: nothing is added.
        """
        if self._initial and (row := self._row(hierarchy)) is not None:
            self._lines[hierarchy, id] = row.line(path)

    def text(self, ids: Mapping[int, int]) -> bytes | None:
        """The text of /proc/TID/cgroup for a task that is, in each hierarchy (key), in the cgroup of that id (value).

        A hierarchy that is not in ``ids``, or whose id is unknown, has no line; None when no line is left.
        """
        for hierarchy in ids:
            self._row(hierarchy)
        lines = [self._lines.get((hierarchy, ids.get(hierarchy, 0)), b"") for hierarchy in self._rows]
        return b"".join(lines) or None

    def _row(self, hierarchy: int) -> Hierarchy | None:
        if hierarchy not in self._rows and hierarchy not in self._unknown:  # mounted since the last look
            self._look()
            if hierarchy not in self._rows:
                self._unknown.add(hierarchy)
        return self._rows.get(hierarchy)

    def _look(self) -> None:
        """Read what hierarchies there are, and walk through those that are new."""
        former = self._rows
        self._rows = {row.id: row for row in hierarchies()}
        for row in self._rows.values():
            if row.id in former:
                continue
            if self._initial:  # also where the hierarchy is not mounted
                self._lines[row.id, _ROOT_ID] = row.line(b"/")
            if row.mount is None or (row.mount.root + b"/").startswith(_OUTSIDE):
                continue
            for id, directory in directories(row):
                self._lines.setdefault((row.id, id), row.line(row.mount.path(directory)))


def _own_namespace() -> int | None:
    try:
        return os.stat("/proc/self/ns/cgroup").st_ino
    except OSError:  # a kernel without cgroup namespaces
        return None


def _has_children(directory: bytes) -> bool:
    """Asked before a directory is read: a leaf has dozens of files, and reading them costs more than all the rest."""
    try:
        return os.stat(directory).st_nlink > _LEAF_LINKS
    except OSError:
        return False


def _mounts() -> Iterator[tuple[Mount, frozenset[bytes]]]:
    """The mounts of cgroup file systems that are not hidden under others, with their options; none for v2."""
    for line in (procfs.read("/proc/self/mountinfo") or b"").splitlines():
        before, _, after = line.partition(b" - ")
        _, _, device, root, point, *_ = before.split(b" ")
        kind, _, options = after.split(b" ", 2)
        if kind not in _TYPES:
            continue
        mount = Mount(_unescape(point), _unescape(root))
        major, _, minor = device.partition(b":")
        try:
            if os.stat(mount.point).st_dev != os.makedev(int(major), int(minor)):
                continue  # something else is mounted over it
        except OSError:
            continue
        yield mount, frozenset(options.split(b",")) if kind == b"cgroup" else frozenset()


def _unescape(field: bytes) -> bytes:
    """mountinfo writes space, tab, newline and backslash as three octal digits (mangle, fs/proc_namespace.c)."""
    return re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), field)
