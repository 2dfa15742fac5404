"""Surroundings as in some containers: a command under a seccomp filter that answers EPERM to ptrace.

Run as a program, it installs the filter and executes its arguments. Source: seccomp(2), linux/bpf_common.h.
"""

import ctypes
import os
import platform
import struct
import sys

_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
_ALLOW, _EPERM = 0x7FFF0000, 0x00050001  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO
_NUMBER_OFFSET = 0  # struct seccomp_data: nr
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _MODE_FILTER = 22, 38, 2
_PTRACE = {"x86_64": 101, "aarch64": 117}

WITHOUT_PTRACE = (sys.executable, os.path.abspath(__file__))
"""Put before a command: it and what it starts cannot use ptrace."""


def _main() -> None:
    steps = ((_LOAD, 0, 0, _NUMBER_OFFSET), (_EQUAL, 0, 1, _PTRACE[platform.machine()]), (_RETURN, 0, 0, _EPERM))
    code = ctypes.create_string_buffer(
        b"".join(struct.pack("=HBBI", *step) for step in (*steps, (_RETURN, 0, 0, _ALLOW)))
    )
    program = ctypes.create_string_buffer(struct.pack("@HP", len(steps) + 1, ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (_PR_SET_SECCOMP, _MODE_FILTER, program)):
        if libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    _main()
