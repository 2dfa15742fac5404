"""syscall(2), for the calls that neither Python nor every libc has a function for."""

import ctypes
import os
import platform

from contrace.syscalls.abi import abis_of, number_of

_syscall = ctypes.CDLL(None, use_errno=True).syscall
_syscall.restype = ctypes.c_long


def call(name: str, *arguments: object) -> int:
    """What the kernel answered. Integers are passed as C ints, bytes and buffers as pointers, None as NULL.

    Raises OSError; with ENOSYS where the machine has no such call.
    """
    abis = abis_of(platform.machine())
    number = number_of(abis[0], name) if abis else None
    # No call has the number -1: the kernel itself answers ENOSYS.
    result: int = _syscall(-1 if number is None else number, *arguments)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), name)
    return result
