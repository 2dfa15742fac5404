"""Tracefs, where the kernel tells the numbers of its tracepoints.

Where nobody has mounted it, contrace makes a mount that is attached nowhere: nobody else sees it, and it ends with its
descriptor, also after a kill -9. Sources: Documentation/trace/ftrace.rst, include/uapi/linux/mount.h, fsopen(2).
"""

import os
from contextlib import suppress

from contrace.capture.ebpf.syscall import call
from contrace.errors import BackendUnavailable

MOUNTED = "/sys/kernel/tracing"
_BELOW_DEBUGFS = "/sys/kernel/debug/tracing"
_ANY_TRACEPOINT = "events/sched/sched_process_fork/id"
_OPEN = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC

# include/uapi/linux/mount.h
_FSOPEN_CLOEXEC = 1
_FSCONFIG_CMD_CREATE = 6
_FSMOUNT_CLOEXEC = 1
_MOUNT_ATTR_RDONLY = 1
_MOUNT_ATTR_NOSUID = 2
_MOUNT_ATTR_NODEV = 4
_MOUNT_ATTR_NOEXEC = 8
_ATTRIBUTES = _MOUNT_ATTR_RDONLY | _MOUNT_ATTR_NOSUID | _MOUNT_ATTR_NODEV | _MOUNT_ATTR_NOEXEC


def open_tracefs() -> int:
    """A descriptor (O_PATH) of tracefs' top directory, which the caller closes. Raises BackendUnavailable."""
    if (mounted := _usable(MOUNTED)) is not None:
        return mounted
    # Before debugfs is tried: looking into its tracing directory mounts tracefs there, for good (trace_automount).
    try:
        return _detached()
    except OSError as error:
        if (mounted := _usable(_BELOW_DEBUGFS)) is not None:
            return mounted
        message = (
            f"The kernel's tracepoints cannot be read: {MOUNTED} and {_BELOW_DEBUGFS} show none to this user, and "
            f"{error.filename} of tracefs answered: {error.strerror}. Use sudo; if this is root already: mount -t "
            f"tracefs tracefs {MOUNTED} on the host, whose kernel needs CONFIG_FTRACE"
        )
        raise BackendUnavailable(message) from error


def tracepoint_id(tracefs: int, category: str, name: str) -> int | None:
    """The number that perf_event_open(2) takes as its config; None where the kernel has no such tracepoint.

    Raises BackendUnavailable when this user may not read it.
    """
    path = f"events/{category}/{name}/id"
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=tracefs)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BackendUnavailable(f"tracefs: {path} cannot be read: {error.strerror}. Use sudo") from error
    with open(fd) as file:
        return int(file.read())


def arguments(tracefs: int, call: str) -> int:
    """How many arguments the tracepoint of a system call tells; 0 where the kernel does not have the call."""
    try:
        fd = os.open(f"events/syscalls/sys_enter_{call}/format", os.O_RDONLY | os.O_CLOEXEC, dir_fd=tracefs)
    except FileNotFoundError:
        return 0
    with open(fd) as file:
        _, _, fields = file.read().partition("__syscall_nr;")
    return fields.count("field:")


def _usable(path: str) -> int | None:
    """The directory, if tracefs is there and tells this user the numbers."""
    with suppress(OSError):
        fd = os.open(path, _OPEN)
        try:
            os.close(os.open(_ANY_TRACEPOINT, os.O_RDONLY | os.O_CLOEXEC, dir_fd=fd))
        except OSError:
            os.close(fd)
            raise
        return fd
    return None


def _detached() -> int:
    """A mount of contrace's own; read-only, which concerns this mount and not the file system."""
    context = call("fsopen", b"tracefs", _FSOPEN_CLOEXEC)
    try:
        call("fsconfig", context, _FSCONFIG_CMD_CREATE, None, None, 0)
        return call("fsmount", context, _FSMOUNT_CLOEXEC, _ATTRIBUTES)
    finally:
        os.close(context)
