"""The seccomp filter of a launched command: only wanted calls stop, all others run at full speed.

Installed in the child between fork and its first execve. Never install one in a process that was attached to:
after detaching, its wanted calls would fail with ENOSYS (seccomp(2), SECCOMP_RET_TRACE).
"""

import ctypes
import errno
import struct
from collections.abc import Iterable, Mapping

# include/uapi/linux/seccomp.h, include/uapi/linux/prctl.h
SECCOMP_RET_ALLOW = 0x7FFF0000
SECCOMP_RET_TRACE = 0x7FF00000
_SECCOMP_SET_MODE_FILTER = 1
_PR_SET_NO_NEW_PRIVS = 38
_SYS_SECCOMP = {"x86_64": 317, "aarch64": 277}

# include/uapi/linux/bpf_common.h: BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_JMP|BPF_JGE|BPF_K, BPF_RET|BPF_K
_LOAD, _JEQ, _JGE, _RETURN = 0x20, 0x15, 0x35, 0x06
_OFFSET_NR, _OFFSET_ARCH = 0, 4  # struct seccomp_data
MAX_INSTRUCTIONS = 4096  # BPF_MAXINSNS


def program(wanted: Mapping[int, Iterable[int]]) -> bytes:
    """The filter as an array of struct sock_filter: audit arch -> call numbers that are to stop.

    The numbers of one arch are tested one after the other; the kernel caches the verdict of a call that is allowed
    whatever its arguments, so their count does not matter to calls that are not wanted (kernel/seccomp.c,
    seccomp_cache_prepare). Raises ValueError when the program would be longer than BPF_MAXINSNS.
    """
    code: list[tuple[int, int, int, int]] = [(_LOAD, 0, 0, _OFFSET_ARCH)]
    for arch, numbers in wanted.items():
        block: list[tuple[int, int, int, int]] = [(_LOAD, 0, 0, _OFFSET_NR)]
        for number in sorted(set(numbers)):
            block.append((_JEQ, 0, 1, number))
            block.append((_RETURN, 0, 0, SECCOMP_RET_TRACE))
        block.append((_RETURN, 0, 0, SECCOMP_RET_ALLOW))
        # A jump reaches 255 instructions at most, so the block is skipped by an unconditional one (BPF_JMP|BPF_JA).
        code += [(_JEQ, 1, 0, arch), (0x05, 0, 0, len(block)), *block]
    code.append((_RETURN, 0, 0, SECCOMP_RET_ALLOW))
    if len(code) > MAX_INSTRUCTIONS:
        raise ValueError(f"{len(code)} instructions")
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


class Installer:
    """Made before the fork, so that the child only makes two calls between fork and execve."""

    def __init__(self, code: bytes, machine: str) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._number = ctypes.c_long(_SYS_SECCOMP[machine])
        self._code = ctypes.create_string_buffer(code, len(code))
        # struct sock_fprog: unsigned short len; struct sock_filter *filter
        self._fprog = ctypes.create_string_buffer(struct.pack("@HP", len(code) // 8, ctypes.addressof(self._code)))

    def install(self) -> int:
        """In the child: install the filter; 0 or the errno.

        Without CAP_SYS_ADMIN the kernel demands no_new_privs first (seccomp(2), EACCES); with it the command is
        spared that change.
        """
        error = self._load()
        if error == errno.EACCES:
            # Variadic arguments of prctl(2) are unsigned long.
            one, zero = ctypes.c_ulong(1), ctypes.c_ulong(0)
            if self._libc.prctl(_PR_SET_NO_NEW_PRIVS, one, zero, zero, zero) != 0:
                return ctypes.get_errno()
            error = self._load()
        return error

    def _load(self) -> int:
        if self._libc.syscall(self._number, ctypes.c_ulong(_SECCOMP_SET_MODE_FILTER), ctypes.c_ulong(0), self._fprog):
            return ctypes.get_errno()
        return 0
