"""The root file system: its mounts, and the change into it.

A root file system is foreign: its symbolic links may lead anywhere. So until pivot_root every path in it is resolved
by the kernel with the container's root as root (openat2(2), RESOLVE_IN_ROOT), and mounted on through the descriptor
that came out, never through a path that could mean something else a moment later.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from contrace.errors import ContraceError, UsageError
from contrace.runtime import libc
from contrace.runtime.attempt import attempt
from contrace.runtime.spec import Mount

_IN_ROOT = libc.RESOLVE_IN_ROOT | libc.RESOLVE_NO_MAGICLINKS
_MOST_LINKS = 40  # path_resolution(7)

PROPAGATION = {
    "shared": libc.MS_SHARED,
    "rshared": libc.MS_SHARED | libc.MS_REC,
    "slave": libc.MS_SLAVE,
    "rslave": libc.MS_SLAVE | libc.MS_REC,
    "private": libc.MS_PRIVATE,
    "rprivate": libc.MS_PRIVATE | libc.MS_REC,
    "unbindable": libc.MS_UNBINDABLE,
    "runbindable": libc.MS_UNBINDABLE | libc.MS_REC,
}
"""Mount options that are a mount(2) of their own."""

_SET = {
    "ro": libc.MS_RDONLY,
    "nosuid": libc.MS_NOSUID,
    "nodev": libc.MS_NODEV,
    "noexec": libc.MS_NOEXEC,
    "sync": libc.MS_SYNCHRONOUS,
    "remount": libc.MS_REMOUNT,
    "mand": libc.MS_MANDLOCK,
    "dirsync": libc.MS_DIRSYNC,
    "nosymfollow": libc.MS_NOSYMFOLLOW,
    "noatime": libc.MS_NOATIME,
    "nodiratime": libc.MS_NODIRATIME,
    "bind": libc.MS_BIND,
    "rbind": libc.MS_BIND | libc.MS_REC,
    "silent": libc.MS_SILENT,
    "relatime": libc.MS_RELATIME,
    "iversion": libc.MS_I_VERSION,
    "strictatime": libc.MS_STRICTATIME,
    "lazytime": libc.MS_LAZYTIME,
}
_CLEAR = {
    "rw": libc.MS_RDONLY,
    "suid": libc.MS_NOSUID,
    "dev": libc.MS_NODEV,
    "exec": libc.MS_NOEXEC,
    "async": libc.MS_SYNCHRONOUS,
    "nomand": libc.MS_MANDLOCK,
    "symfollow": libc.MS_NOSYMFOLLOW,
    "atime": libc.MS_NOATIME,
    "diratime": libc.MS_NODIRATIME,
    "loud": libc.MS_SILENT,
    "norelatime": libc.MS_RELATIME,
    "noiversion": libc.MS_I_VERSION,
    "nostrictatime": libc.MS_STRICTATIME,
    "nolazytime": libc.MS_LAZYTIME,
    "defaults": 0,
}
_UNSUPPORTED = frozenset(
    (
        *("idmap", "ridmap", "tmpcopyup", "rro", "rrw", "rsuid", "rnosuid", "rdev", "rnodev", "rexec", "rnoexec"),
        *("ratime", "rnoatime", "rdiratime", "rnodiratime", "rrelatime", "rnorelatime", "rstrictatime"),
        *("rnostrictatime", "rsymfollow", "rnosymfollow"),
    )
)
"""Options of the specification (config.md, Linux mount options) that would have to be more than a flag."""

# What statvfs(3) tells of a mount, as flags of mount(2).
_KEPT = (
    (os.ST_RDONLY, libc.MS_RDONLY),
    (os.ST_NOSUID, libc.MS_NOSUID),
    (os.ST_NODEV, libc.MS_NODEV),
    (os.ST_NOEXEC, libc.MS_NOEXEC),
    (os.ST_NOATIME, libc.MS_NOATIME),
    (os.ST_NODIRATIME, libc.MS_NODIRATIME),
    (os.ST_RELATIME, libc.MS_RELATIME),
)


# --- paths inside ---------------------------------------------------------------------------------------


@contextmanager
def inside(root: int, path: str, *, make: str = "", symlinks: bool = True) -> Iterator[int]:
    """Resolve a path of the container; gives an O_PATH descriptor.

    ``root`` is the descriptor of its root; whatever links and ``..`` are on the way, the result is below it.
    ``make``: "directory" or "file", to be made where nothing is, with the directories above. With ``symlinks`` False a
    symbolic link on the way is an error. Raises OSError.
    """
    resolve = _IN_ROOT if symlinks else _IN_ROOT | libc.RESOLVE_NO_SYMLINKS
    descriptor = _open(root, path, resolve, make, _MOST_LINKS)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _open(root: int, path: str, resolve: int, make: str, links: int) -> int:
    try:
        return libc.openat2(root, path, os.O_PATH, resolve)
    except FileNotFoundError:
        if not make or not links:
            raise
    above, name = os.path.split(path.rstrip("/"))
    parent = _open(root, above or "/", resolve, "directory", links)
    try:
        if make == "directory":
            os.mkdir(name, 0o755, dir_fd=parent)
        else:
            os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644, dir_fd=parent))
    except FileExistsError:
        # A link to nothing yet: what it names is made, inside. Or somebody else was faster.
        if stat.S_ISLNK(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            path = os.path.join(above or "/", os.readlink(name, dir_fd=parent))
    finally:
        os.close(parent)
    return _open(root, path, resolve, make, links - 1)


def by_descriptor(descriptor: int) -> str:
    """A path that means what the descriptor refers to, for calls that take no descriptor."""
    return f"/proc/self/fd/{descriptor}"


# --- the steps, in their order --------------------------------------------------------------------------


def detach_from_host(propagation: str) -> None:
    """Mounts made from here on do not reach the host; the host's still reach us, unless private (mount_namespaces(7)).

    A new mount namespace is a copy, and its mounts are peers of the original's; pivot_root would refuse such a root.
    """
    kind = "rprivate" if propagation in ("private", "unbindable") else "rslave"
    with attempt("detach the mounts of the new namespace from the host's"):
        libc.mount("", "/", None, PROPAGATION[kind])


def bind_root(path: str) -> int:
    """Make the root file system a mount, which pivot_root demands; returns the descriptor of its directory."""
    with attempt(f"use {path!r} as root file system"):
        os.close(os.open(path, os.O_PATH | os.O_DIRECTORY))
        libc.mount(path, path, None, libc.MS_BIND | libc.MS_REC)
        return os.open(path, os.O_PATH | os.O_DIRECTORY)


def make_mount(root: int, mount: Mount, bundle: str) -> None:
    """One entry of the specification's ``mounts``."""
    flags, propagation, data = options(mount)
    is_bind = bool(flags & libc.MS_BIND) or mount.type == "bind"
    source = os.path.join(bundle, mount.source) if is_bind else mount.source or mount.type
    what = f"mount {mount.type or ('a bind' if is_bind else 'without type')} on {mount.destination!r}"
    with attempt(what):
        make = "directory"
        if is_bind and not stat.S_ISDIR(os.stat(source).st_mode):
            make = "file"
        # What is masked later has its name below these; a link there would move them out of the masks' way.
        symlinks = mount.type not in ("proc", "sysfs")
        with (
            _complain_of_links(mount, symlinks),
            inside(root, mount.destination, make=make, symlinks=symlinks) as point,
        ):
            if not is_bind:
                libc.mount(source, by_descriptor(point), mount.type, flags, data)
            elif flags & libc.MS_REMOUNT:
                libc.mount("", by_descriptor(point), None, flags)
            else:
                libc.mount(source, by_descriptor(point), None, libc.MS_BIND | flags & libc.MS_REC)
        extra = flags & ~(libc.MS_BIND | libc.MS_REC | libc.MS_REMOUNT)
        if (is_bind and extra and not flags & libc.MS_REMOUNT) or propagation:
            # Resolved again: the descriptor above is of the directory below the mount.
            with inside(root, mount.destination) as top:
                if is_bind and extra:
                    remount_bind(by_descriptor(top), extra)
                for change in propagation:
                    libc.mount("", by_descriptor(top), None, change)


@contextmanager
def _complain_of_links(mount: Mount, symlinks: bool) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.ELOOP and not symlinks:
            message = f"{mount.destination!r} goes through a symbolic link of the root file system"
            raise ContraceError(f"cannot mount {mount.type}: {message}, which could hide it from the masks") from error
        raise


def options(mount: Mount) -> tuple[int, list[int], str | None]:
    """Flags of mount(2), propagation changes after it, and the file system's own options. Raises UsageError."""
    flags, propagation, data = 0, [], []
    for option in mount.options:
        if option in _UNSUPPORTED:
            raise UsageError(f"mounts, {mount.destination!r}: this runtime does not implement the option {option!r}")
        if option in _SET:
            flags |= _SET[option]
        elif option in _CLEAR:
            flags &= ~_CLEAR[option]
        elif option in PROPAGATION:
            propagation.append(PROPAGATION[option])
        else:
            data.append(option)
    return flags, propagation, ",".join(data) or None


def remount_bind(target: str, flags: int) -> None:
    """Add flags to a mount. Those it has stay: in a user namespace they are locked, and to omit one is EPERM."""
    now = os.statvfs(target).f_flag
    kept = sum(flag for seen, flag in _KEPT if now & seen)
    libc.mount("", target, None, libc.MS_REMOUNT | libc.MS_BIND | kept | flags)


def pivot(root: int) -> None:
    """Change into the root file system and let go of the old one; nothing of the host is reachable afterwards."""
    with attempt("make the root file system the root"):
        old = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
        os.fchdir(root)
        libc.pivot_root(".", ".")  # stacks the old root on the new one (pivot_root(2), NOTES)
        os.fchdir(old)
        libc.mount("", ".", None, libc.MS_SLAVE | libc.MS_REC)  # so that unmounting does not reach the host
        libc.umount2(".", libc.MNT_DETACH)
        os.chdir("/")
        os.close(old)
        os.close(root)


def set_propagation(kind: str) -> None:
    """``rootfsPropagation``, once the root is the container's."""
    if kind:
        with attempt(f"make the root file system {kind}"):
            libc.mount("", "/", None, PROPAGATION[kind])


def make_readonly() -> None:
    """The root itself; what is mounted in it stays as it is."""
    with attempt("make the root file system read-only"):
        remount_bind("/", libc.MS_RDONLY)
