"""/dev inside: the device files that every container has, those that were asked for, and the usual links."""

import os
import stat
from contextlib import suppress

from contrace.runtime import libc
from contrace.runtime.attempt import attempt
from contrace.runtime.namespaces import in_user_namespace
from contrace.runtime.rootfs import by_descriptor, inside
from contrace.runtime.spec import Device, Spec

DEFAULTS = (
    Device(path="/dev/null", type="c", major=1, minor=3),
    Device(path="/dev/random", type="c", major=1, minor=8),
    Device(path="/dev/full", type="c", major=1, minor=7),
    Device(path="/dev/tty", type="c", major=5, minor=0),
    Device(path="/dev/zero", type="c", major=1, minor=5),
    Device(path="/dev/urandom", type="c", major=1, minor=9),
)
"""config-linux.md, Default Devices; numbers from Documentation/admin-guide/devices.txt."""

_LINKS = (
    ("pts/ptmx", "/dev/ptmx"),
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
)
_TYPES = {"c": stat.S_IFCHR, "u": stat.S_IFCHR, "b": stat.S_IFBLK, "p": stat.S_IFIFO}


def populate(root: int, spec: Spec) -> None:
    """Make the devices and links, unless /dev is the host's own, bound in."""
    for mount in spec.mounts:
        if os.path.normpath(mount.destination) == "/dev" and (mount.type == "bind" or "bind" in "".join(mount.options)):
            return
    given = {device.path for device in spec.linux.devices}
    # Device files cannot be made in a user namespace (mknod(2)), so those that are there are bound.
    make = _bind if in_user_namespace() else _make_node
    umask = os.umask(0)
    for device in (*(device for device in DEFAULTS if device.path not in given), *spec.linux.devices):
        with attempt(f"make the device {device.path!r}"):
            make(root, device)
    os.umask(umask)
    for target, path in _LINKS:
        with attempt(f"make the link {path}"), inside(root, os.path.dirname(path), make="directory") as directory:
            name = os.path.basename(path)
            if name == "ptmx":  # may be there as a device of the devpts of another time
                with suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=directory)
            with suppress(FileExistsError):
                os.symlink(target, name, dir_fd=directory)


def _make_node(root: int, device: Device) -> None:
    above, name = os.path.split(device.path)
    with inside(root, above, make="directory") as directory:
        mode = _TYPES[device.type] | device.file_mode
        try:
            os.mknod(name, mode, os.makedev(device.major, device.minor), dir_fd=directory)
        except FileExistsError:
            there = os.stat(name, dir_fd=directory, follow_symlinks=False)
            if (stat.S_IFMT(there.st_mode), there.st_rdev) != (
                stat.S_IFMT(mode),
                os.makedev(device.major, device.minor),
            ):
                raise
        os.chown(name, device.uid, device.gid, dir_fd=directory, follow_symlinks=False)


def _bind(root: int, device: Device) -> None:
    with inside(root, device.path, make="file") as point:
        libc.mount(device.path, by_descriptor(point), None, libc.MS_BIND)
