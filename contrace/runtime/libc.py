"""The calls that make a container and that Python 3.11 has no function for, as thinly as ctypes allows.

Each raises OSError with the kernel's errno. The constants are those of the headers that are named beside them.
"""

import ctypes
import os
import struct
from collections.abc import Callable

# include/uapi/linux/sched.h
CLONE_NEWTIME = 0x80
CLONE_NEWNS = 0x20000
CLONE_NEWCGROUP = 0x2000000
CLONE_NEWUTS = 0x4000000
CLONE_NEWIPC = 0x8000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

# include/uapi/linux/mount.h
MS_RDONLY = 1 << 0
MS_NOSUID = 1 << 1
MS_NODEV = 1 << 2
MS_NOEXEC = 1 << 3
MS_SYNCHRONOUS = 1 << 4
MS_REMOUNT = 1 << 5
MS_MANDLOCK = 1 << 6
MS_DIRSYNC = 1 << 7
MS_NOSYMFOLLOW = 1 << 8
MS_NOATIME = 1 << 10
MS_NODIRATIME = 1 << 11
MS_BIND = 1 << 12
MS_REC = 1 << 14
MS_SILENT = 1 << 15
MS_UNBINDABLE = 1 << 17
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MS_SHARED = 1 << 20
MS_RELATIME = 1 << 21
MS_I_VERSION = 1 << 23
MS_STRICTATIME = 1 << 24
MS_LAZYTIME = 1 << 25
MNT_DETACH = 2  # include/linux/fs.h

# include/uapi/linux/openat2.h
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_IN_ROOT = 0x10

# include/uapi/linux/prctl.h
PR_SET_DUMPABLE = 4
PR_SET_KEEPCAPS = 8
PR_SET_NAME = 15
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
PR_CAP_AMBIENT_CLEAR_ALL = 4

AT_FDCWD = -100  # include/uapi/linux/fcntl.h
_AT_RECURSIVE = 0x8000
_MOUNT_ATTR_RDONLY = 1  # include/uapi/linux/mount.h
_CAPABILITY_VERSION_3 = 0x20080522  # include/uapi/linux/capability.h
_CLOSE_RANGE_CLOEXEC = 4  # include/uapi/linux/close_range.h
_KEYCTL_JOIN_SESSION_KEYRING = 1  # include/uapi/linux/keyctl.h

# From number 424 on, system calls have the same number on every architecture.
_CLOSE_RANGE = 436
_OPENAT2 = 437
_MOUNT_SETATTR = 442
_ON_X86_64 = os.uname().machine == "x86_64"
_KEYCTL = 250 if _ON_X86_64 else 219
_BPF = 321 if _ON_X86_64 else 280

# PyDLL: the GIL is not given up, so that these work the same in a forked child.
_libc = ctypes.PyDLL(None, use_errno=True)
_ulong, _int, _text = ctypes.c_ulong, ctypes.c_int, ctypes.c_char_p


def _function(name: str, *types: object) -> Callable[..., int]:
    function = getattr(_libc, name)
    function.argtypes = types

    def call(*args: object) -> int:
        result: int = function(*args)
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result

    return call


_mount = _function("mount", _text, _text, _text, _ulong, _text)
_umount2 = _function("umount2", _text, _int)
_pivot_root = _function("pivot_root", _text, _text)
_sethostname = _function("sethostname", _text, ctypes.c_size_t)
_setdomainname = _function("setdomainname", _text, ctypes.c_size_t)
_prctl = _function("prctl", _int, _ulong, _ulong, _ulong, _ulong)
_capset = _function("capset", _text, _text)
_syscall = _function("syscall", ctypes.c_long, *[_ulong] * 6)
_socket = _function("socket", _int, _int, _int)
unshare = _function("unshare", _int)
"""unshare(2): unshare(flags)."""
setns = _function("setns", _int, _int)
"""setns(2): setns(fd, CLONE_NEW… that the file must be of)."""


def mount(source: str, target: str, kind: str | None = None, flags: int = 0, data: str | None = None) -> None:
    """mount(2)."""
    _mount(os.fsencode(source), os.fsencode(target), _optional(kind), flags, _optional(data))


def umount2(target: str, flags: int) -> None:
    """umount2(2)."""
    _umount2(os.fsencode(target), flags)


def make_readonly(path: str) -> None:
    """mount_setattr(2): a mount and all that is mounted below it becomes read-only (Linux 5.12)."""
    name = ctypes.create_string_buffer(os.fsencode(path))
    attributes = struct.pack("=QQQQ", _MOUNT_ATTR_RDONLY, 0, 0, 0)
    _syscall(_MOUNT_SETATTR, AT_FDCWD, ctypes.addressof(name), _AT_RECURSIVE, _address(attributes), len(attributes), 0)


def pivot_root(new_root: str, put_old: str) -> None:
    """pivot_root(2)."""
    _pivot_root(os.fsencode(new_root), os.fsencode(put_old))


def openat2(directory: int, path: str, flags: int, resolve: int) -> int:
    """openat2(2); returns the descriptor, close-on-exec."""
    how = struct.pack("=QQQ", flags | os.O_CLOEXEC, 0, resolve)
    name = ctypes.create_string_buffer(os.fsencode(path))
    return _syscall(_OPENAT2, directory, ctypes.addressof(name), _address(how), len(how), 0, 0)


def sethostname(name: str) -> None:
    """sethostname(2)."""
    _sethostname(name.encode(), len(name.encode()))


def setdomainname(name: str) -> None:
    """setdomainname(2): the NIS domain."""
    _setdomainname(name.encode(), len(name.encode()))


def prctl(option: int, *args: int) -> int:
    """prctl(2)."""
    return _prctl(option, *args, *[0] * (4 - len(args)))


def set_name(name: str) -> None:
    """PR_SET_NAME: what ps and a tracer show of this task, at most 15 bytes."""
    encoded = name.encode()
    assert len(encoded) <= 15, name
    prctl(PR_SET_NAME, _address(encoded))


def capset(effective: int, permitted: int, inheritable: int) -> None:
    """capset(2) of this process; each set is a mask with the bit ``1 << number`` per capability."""
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    words = [mask >> shift & 0xFFFFFFFF for shift in (0, 32) for mask in (effective, permitted, inheritable)]
    _capset(header, struct.pack("=6I", *words))


def close_on_exec_from(lowest: int) -> None:
    """close_range(2): no descriptor from ``lowest`` on survives the next execve, whoever opened it."""
    _syscall(_CLOSE_RANGE, lowest, 0xFFFFFFFF, _CLOSE_RANGE_CLOEXEC, 0, 0, 0)


def join_new_session_keyring() -> None:
    """keyctl(2), KEYCTL_JOIN_SESSION_KEYRING: a new one without a name."""
    _syscall(_KEYCTL, _KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0, 0)


def bpf(command: int, attributes: bytes) -> int:
    """bpf(2); ``attributes`` is union bpf_attr, as much of it as the command uses."""
    return _syscall(_BPF, command, _address(attributes), len(attributes), 0, 0, 0)


def datagram_socket() -> int:
    """A socket to make network ioctls on (netdevice(7)); the socket module would take longer to import."""
    return _socket(2, 2 | os.O_CLOEXEC, 0)  # AF_INET, SOCK_DGRAM


def address_of(data: bytes) -> int:
    """Where the bytes are, for a structure that has to point to them; valid as long as the object lives."""
    return _address(data)


def _address(data: bytes) -> int:
    return ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0


def _optional(text: str | None) -> bytes | None:
    return None if text is None else os.fsencode(text)
