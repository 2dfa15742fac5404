"""The container's control groups: v1, v2 (cgroups(7)) and both side by side.

In every hierarchy that is mounted the container gets a group of its own, so that all of its processes can be found,
limited and ended together. A group that was made is remembered before it is made, to be removed by whoever comes later.
"""

import errno
import os
import signal
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

import msgspec

from contrace.errors import ContraceError
from contrace.runtime import device_rules
from contrace.runtime.limits import LIMITS, Limit
from contrace.runtime.rootfs import inside, make_mount
from contrace.runtime.spec import DeviceRule, Mount, Resources

_REMOVE_SECONDS = 5.0


class Hierarchy(msgspec.Struct, frozen=True):
    """A mounted hierarchy and the group in it that this process is in."""

    mount_point: str
    controllers: tuple[str, ...]
    """Names of v1 controllers, such as cpu, memory, name=systemd; for v2 those of cgroup.controllers at its root."""
    is_v2: bool
    own: str
    """Directory of the group that this process is in."""

    def group(self, path: str) -> str:
        """Directory of ``cgroupsPath``: absolute from the top of the hierarchy, relative from our own group."""
        if path.startswith("/"):
            return _below(self.mount_point, path)
        # In v2 a group with processes cannot have children with controllers, so it is made beside ours.
        above = os.path.dirname(self.own) if self.is_v2 and self.own != self.mount_point else self.own
        return _below(above, path)


def _below(directory: str, path: str) -> str:
    """The path in the directory; ``..`` does not lead out."""
    return directory + os.path.normpath("/" + path.lstrip("/"))


def hierarchies() -> list[Hierarchy]:
    """Those mounted here, from /proc/self/mountinfo (proc(5)) and /proc/self/cgroup."""
    own: dict[str, str] = {}
    with open("/proc/self/cgroup") as file:
        for line in file:
            _, names, path = line.rstrip("\n").split(":", 2)
            own.update(dict.fromkeys(names.split(","), path))
    found: dict[tuple[str, ...], Hierarchy] = {}
    with open("/proc/self/mountinfo") as file:
        for line in file:
            left, _, right = line.partition(" - ")
            root, mount_point = (_unescape(word) for word in left.split()[3:5])
            kind, _, options = right.split(maxsplit=2)
            controllers: tuple[str, ...] = ()
            if kind == "cgroup":
                controllers = tuple(sorted(option for option in options.split()[-1].split(",") if option in own))
            elif kind != "cgroup2":
                continue
            path = own.get(controllers[0] if controllers else "", "/")
            inner = os.path.relpath(path, root) if path.startswith(root) else "."
            directory = os.path.normpath(os.path.join(mount_point, inner))
            found.setdefault(controllers, Hierarchy(mount_point, controllers, kind == "cgroup2", directory))
    return list(found.values())


def _unescape(word: str) -> str:
    r"""Octal such as \040 for a space (proc(5))."""
    return word.encode().decode("unicode_escape").encode("latin-1").decode() if "\\" in word else word


class Groups:
    """The groups of one container."""

    def __init__(self, path: str, known: Sequence[Hierarchy] | None = None) -> None:
        self._hierarchies = list(hierarchies() if known is None else known)
        self._groups = {hierarchy: hierarchy.group(path) for hierarchy in self._hierarchies}
        self.refused = [] if self._hierarchies else ["no hierarchy is mounted here"]
        """What this user may not do here, with the kernel's answers."""

    def missing(self) -> list[str]:
        """Directories that `make` will make, outermost first."""
        found: dict[str, None] = {}
        for hierarchy, group in self._groups.items():
            path = hierarchy.mount_point
            for name in os.path.relpath(group, path).split("/"):
                path = os.path.join(path, name)
                if not os.path.isdir(path):
                    found[path] = None
        return list(found)

    def make(self) -> None:
        """Make the groups. One that may not be made is noted in ``refused`` and left out.

        Raises ContraceError for one that has processes: the end of this container would be theirs, too.
        """
        for hierarchy, group in list(self._groups.items()):
            if members(group):
                raise ContraceError(f"the cgroup {group} has processes already; choose another linux.cgroupsPath")
            try:
                os.makedirs(group, exist_ok=True)
                if "cpuset" in hierarchy.controllers and not hierarchy.is_v2:
                    _inherit_cpuset(hierarchy.mount_point, group)
            except OSError as error:
                self._refuse(error, f"make the cgroup {group}")
                del self._groups[hierarchy]

    def made(self, new: Iterable[str]) -> list[str]:
        """The container's groups that were not there before: whatever is in them belongs to it."""
        return [group for group in self._groups.values() if group in set(new)]

    def limit(self, resources: Resources) -> None:
        """Write ``resources``. Raises ContraceError for a limit whose controller is not here."""
        for limit in LIMITS:
            wanted = limit.v1(resources) is not None or limit.v2(resources) is not None
            if wanted and not self._apply(limit, resources) and not self.refused:
                raise ContraceError(
                    f"linux.resources.{limit.field}: no cgroup hierarchy here has the controller {limit.controller}"
                )

    def restrict_devices(self, rules: Sequence[DeviceRule]) -> None:
        """Allow the devices of these rules and no others. A user namespace does without: it opens no device anyway."""
        for hierarchy, group in self._groups.items():
            if "devices" in hierarchy.controllers and not hierarchy.is_v2:
                device_rules.write_v1(group, rules)
                return
        if os.geteuid() == 0:
            for hierarchy, group in self._groups.items():
                if hierarchy.is_v2:
                    device_rules.attach_v2(group, rules)

    def _apply(self, limit: Limit, resources: Resources) -> bool:
        for hierarchy, group in self._groups.items():
            try:
                if hierarchy.is_v2 and _enable(hierarchy, group, limit.controller):
                    name, value = limit.v2_file, limit.v2(resources)
                elif limit.controller in hierarchy.controllers:
                    name, value = limit.v1_file, limit.v1(resources)
                else:
                    continue
                if value is not None:
                    _write(os.path.join(group, name), value)
            except OSError as error:
                self._refuse(error, f"set linux.resources.{limit.field} of {group}")
            return True
        return False

    def enter(self, pid: int) -> None:
        """Put a process, and thereby its future children, into all groups."""
        for hierarchy, group in list(self._groups.items()):
            try:
                _write(os.path.join(group, "cgroup.procs"), str(pid))
            except OSError as error:
                self._refuse(error, f"enter the cgroup {group}")
                del self._groups[hierarchy]

    def _refuse(self, error: OSError, what: str) -> None:
        """Note what this user may not do; anything else is an error."""
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise ContraceError(f"cannot {what}: {error.strerror}") from error
        self.refused.append(f"cannot {what}: {error.strerror}")

    def shown(self) -> list[tuple[Hierarchy, str]]:
        """What a mount of type cgroup shows: each hierarchy, and our group in it or else the one we are in."""
        return [(hierarchy, self._groups.get(hierarchy, hierarchy.own)) for hierarchy in self._hierarchies]


# --- files -------------------------------------------------------------------------------------------


def _enable(hierarchy: Hierarchy, group: str, controller: str) -> bool:
    """v2: hand a controller down from the root to the group (cgroup.subtree_control of every group above it)."""
    path = hierarchy.mount_point
    if controller not in _read(os.path.join(path, "cgroup.controllers")).split():
        return False
    for name in os.path.relpath(group, path).split("/"):
        if controller not in _read(os.path.join(path, "cgroup.subtree_control")).split():
            _write(os.path.join(path, "cgroup.subtree_control"), f"+{controller}")
        path = os.path.join(path, name)
    return True


def _inherit_cpuset(top: str, group: str) -> None:
    """v1: a new cpuset has no CPU and no memory, and takes no process until it has (cpuset(7))."""
    path = top
    for name in os.path.relpath(group, top).split("/"):
        above, path = path, os.path.join(path, name)
        for file in ("cpuset.cpus", "cpuset.mems"):
            if not _read(os.path.join(path, file)).strip():
                _write(os.path.join(path, file), _read(os.path.join(above, file)).strip())


# --- the end --------------------------------------------------------------------------------------------


def kill_all(groups: Iterable[str]) -> None:
    """Kill what is left in the groups, until nothing is."""
    deadline = time.monotonic() + _REMOVE_SECONDS
    while pids := {pid for group in groups for pid in members(group)}:
        if time.monotonic() > deadline:
            raise ContraceError(f"the processes {sorted(pids)} of the container do not react to SIGKILL")
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.001)


def members(group: str) -> list[int]:
    """Processes in a group; [] when it is gone. 0 stands for one outside our PID namespace, which is left out."""
    try:
        return [pid for pid in map(int, _read(os.path.join(group, "cgroup.procs")).split()) if pid]
    except OSError as error:
        # ENODEV: removed between the open and the read (kernfs_seq_start)
        if error.errno not in (errno.ENOENT, errno.ENODEV):
            raise
        return []


def remove(groups: Sequence[str]) -> None:
    """Remove what `Groups.missing` had named, innermost first. A group above that others use by now stays."""
    deadline = time.monotonic() + _REMOVE_SECONDS
    for group in reversed(groups):
        while True:
            try:
                os.rmdir(group)
            except FileNotFoundError:
                break
            except OSError as error:
                with os.scandir(group) as entries:
                    if any(entry.is_dir() for entry in entries):
                        break  # somebody else's group is in it
                if error.errno != errno.EBUSY or time.monotonic() > deadline:
                    raise ContraceError(f"cannot remove the cgroup {group}: {error.strerror}") from error
                time.sleep(0.001)  # a process that has ended is still being taken out
            else:
                break


def _read(path: str) -> str:
    with open(path) as file:
        return file.read()


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


# --- what the container sees ----------------------------------------------------------------------------


def mount_in(root: int, mount: Mount, groups: Groups, *, own_namespace: bool) -> None:
    """A mount of type cgroup: v2 as it is, v1 as a directory with one mount per hierarchy.

    In a cgroup namespace a fresh mount shows the namespace's root; without one the group's directory is bound.
    """
    shown = [(hierarchy, group) for hierarchy, group in groups.shown() if not hierarchy.is_v2]
    if not shown:
        unified = groups.shown()
        if unified and own_namespace:
            make_mount(root, Mount(mount.destination, "cgroup2", "cgroup", mount.options), "/")
        elif unified:
            make_mount(root, Mount(mount.destination, "bind", unified[0][1], ("rbind", *mount.options)), "/")
        return
    writable = tuple(option for option in mount.options if option != "ro")
    make_mount(root, Mount(mount.destination, "tmpfs", "tmpfs", (*writable, "mode=755")), "/")
    for hierarchy, group in shown:
        name = os.path.basename(hierarchy.mount_point)
        inner = os.path.join(mount.destination, name)
        if own_namespace:
            source = "cgroup" if name in hierarchy.controllers else name  # "systemd" for name=systemd, as runc has it
            make_mount(root, Mount(inner, "cgroup", source, (*mount.options, *hierarchy.controllers)), "/")
        else:
            make_mount(root, Mount(inner, "bind", group, ("rbind", *mount.options)), "/")
        for controller in hierarchy.controllers:
            if controller != name and not controller.startswith("name="):
                with inside(root, mount.destination) as directory, suppress(FileExistsError):
                    os.symlink(name, controller, dir_fd=directory)
