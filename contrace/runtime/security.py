"""What the payload may still do: limits, capabilities, no_new_privs, seccomp, and paths that are taken away."""

import errno
import os
import resource
from collections.abc import Iterable
from contextlib import suppress

from contrace.errors import ContraceError, UsageError
from contrace.runtime import libc
from contrace.runtime.attempt import attempt
from contrace.runtime.rootfs import remount_bind
from contrace.runtime.spec import Capabilities, Rlimit, User
from contrace.syscalls.flags.capability import CAPABILITY

_NUMBERS = dict(CAPABILITY.entries)
_NO_LIMIT = 1 << 63  # from here on a value of the specification (uint64) is RLIM_INFINITY


# --- paths ----------------------------------------------------------------------------------------------


def make_readonly(paths: Iterable[str]) -> None:
    """``readonlyPaths``: each becomes a mount of its own, which is read-only; what is not there is passed over."""
    for path in paths:
        with attempt(f"make {path!r} read-only"), suppress(FileNotFoundError):
            libc.mount(path, path, None, libc.MS_BIND | libc.MS_REC)
            remount_bind(path, libc.MS_RDONLY)


def mask(paths: Iterable[str]) -> None:
    """``maskedPaths``: /dev/null covers a file, an empty file system a directory; what is not there is passed over."""
    for path in paths:
        with attempt(f"mask {path!r}"), suppress(FileNotFoundError):
            try:
                libc.mount("/dev/null", path, None, libc.MS_BIND)
            except NotADirectoryError:
                libc.mount("tmpfs", path, "tmpfs", libc.MS_RDONLY)


# --- keys -----------------------------------------------------------------------------------------------


def leave_session_keyring() -> None:
    """Keys of whoever starts the container stay outside: it gets a session keyring of its own (session-keyring(7))."""
    with attempt("make a session keyring"):
        try:
            libc.join_new_session_keyring()
        except OSError as error:
            if error.errno != errno.ENOSYS:  # a kernel without keys
                raise


# --- limits ---------------------------------------------------------------------------------------------


def set_limits(limits: Iterable[Rlimit]) -> None:
    """``rlimits`` (getrlimit(2)). A hard limit can be raised by nobody but CAP_SYS_RESOURCE of the host."""
    for limit in limits:
        number = rlimit_number(limit.type)
        pair = tuple(resource.RLIM_INFINITY if value >= _NO_LIMIT else value for value in (limit.soft, limit.hard))
        try:
            resource.setrlimit(number, (pair[0], pair[1]))
        except (ValueError, OSError) as error:  # ValueError is Python's EPERM and EINVAL
            now = resource.getrlimit(number)[1]
            raise ContraceError(
                f"cannot set {limit.type} to {limit.soft}, {limit.hard}: "
                f"the hard limit here is {'unlimited' if now == resource.RLIM_INFINITY else now}"
            ) from error


def rlimit_number(name: str) -> int:
    """The kernel's number of a limit such as RLIMIT_NOFILE. Raises UsageError."""
    number = getattr(resource, name, None) if name.startswith("RLIMIT_") else None
    if not isinstance(number, int):
        raise UsageError(f"process.rlimits: no limit is named {name!r}")
    return number


# --- capabilities and ids -------------------------------------------------------------------------------


def capability_mask(names: Iterable[str]) -> int:
    """The set as the kernel's bits. Raises UsageError for a name that is none."""
    mask = 0
    for name in names:
        if name not in _NUMBERS:
            raise UsageError(f"process.capabilities: no capability is named {name!r}")
        mask |= 1 << _NUMBERS[name]
    return mask


def become(user: User, capabilities: Capabilities) -> None:
    """Become the payload's user, with exactly these capabilities (capabilities(7)).

    The order is the kernel's: the bounding set can be cut only while CAP_SETPCAP is there; the change of ids would
    take all permitted capabilities away (hence KEEPCAPS) and takes the effective ones; and an ambient capability has
    to be permitted and inheritable before.
    """
    _cut_bounding_set(capability_mask(capabilities.bounding))
    libc.prctl(libc.PR_SET_KEEPCAPS, 1)
    with attempt(f"become user {user.uid}, group {user.gid}"):
        _set_groups(user.additional_gids)
        os.setgid(user.gid)
        os.setuid(user.uid)
    if user.umask is not None:
        os.umask(user.umask)
    libc.prctl(libc.PR_SET_KEEPCAPS, 0)
    _set_capabilities(capabilities)


def _cut_bounding_set(kept: int) -> None:
    for number in _NUMBERS.values():
        if kept & 1 << number:
            continue
        try:
            libc.prctl(libc.PR_CAPBSET_DROP, number)
        except OSError as error:
            if error.errno != errno.EINVAL:  # a newer kernel's capability, of which this one knows nothing
                raise ContraceError(f"cannot cut the bounding set of capabilities: {error.strerror}") from error


def _set_groups(groups: tuple[int, ...]) -> None:
    try:
        os.setgroups(groups)
    except PermissionError:
        # In a user namespace of a normal user setgroups is given up for good; the groups stay as they are.
        with open("/proc/self/setgroups") as file:
            if groups or file.read().strip() != "deny":
                raise


def _set_capabilities(wanted: Capabilities) -> None:
    effective, permitted, inheritable, ambient = (
        capability_mask(names) for names in (wanted.effective, wanted.permitted, wanted.inheritable, wanted.ambient)
    )
    try:
        libc.capset(effective, permitted, inheritable)
    except PermissionError as error:
        missing = ", ".join(name for name, number in _NUMBERS.items() if permitted & ~_permitted() & 1 << number)
        raise ContraceError(
            f"cannot give the process its capabilities: {missing or 'the sets contradict each other'}"
            + (" is not among this user's own" if missing else "")
        ) from error
    libc.prctl(libc.PR_CAP_AMBIENT, libc.PR_CAP_AMBIENT_CLEAR_ALL)
    # What is not inheritable cannot be ambient; runc passes over it, and its own default config.json asks for it.
    for number in _NUMBERS.values():
        if ambient & permitted & inheritable & 1 << number:
            libc.prctl(libc.PR_CAP_AMBIENT, libc.PR_CAP_AMBIENT_RAISE, number)


def _permitted() -> int:
    with open("/proc/self/status") as status:
        return int(next(line for line in status if line.startswith("CapPrm:")).split()[1], 16)


def give_up_new_privileges() -> None:
    """From now on no execve gives more rights than there are: no set-user-ID, no file capabilities (prctl(2))."""
    libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1)
