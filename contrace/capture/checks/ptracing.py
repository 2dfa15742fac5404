"""Whether ptrace works: a child is seized, a filter is installed."""

import errno
import os
import platform

from contrace.capture.checks import Check
from contrace.capture.checks.children import describe, end, in_child, sleeper
from contrace.capture.checks.machine import yama
from contrace.capture.ptrace import libc, seccomp
from contrace.syscalls.abi import abis_of


def attach() -> Check:
    """Seize a process that is not the tracer's child, as `attach` does."""
    target = sleeper()
    try:
        error = in_child(lambda: _trace(target))
    finally:
        end(target)
    return _ptrace_check("attach", "a running process was seized, stopped at a system call and let go", error)


def run() -> Check:
    """Seize a child, as `run` does."""

    def trace_a_child() -> int:
        target = sleeper()
        try:
            return _trace(target)
        finally:
            end(target)

    return _ptrace_check("run", "a child was seized, stopped at a system call and let go", in_child(trace_a_child))


def _ptrace_check(name: str, success: str, error: int) -> Check:
    if error == 0:
        return Check(name, True, f"works: {success} (ptrace)", gives=(name,))
    advice = {
        errno.EPERM: "see Yama above"
        if yama().ok is False
        else "a seccomp filter or a security module forbids it; start a container with --cap-add SYS_PTRACE",
        errno.EIO: "contrace needs PTRACE_GET_SYSCALL_INFO, which came with Linux 5.3",
        errno.ENOSYS: "this kernel, or a seccomp filter around this shell, has no ptrace",
    }.get(error, "")
    return Check(name, False, f"does not work: ptrace answered {describe(error)}", advice, gives=(name,))


def _trace(tid: int) -> int:
    """Seize the task, stop it at a system call, ask which one, let it go; 0 or the errno."""
    if error := libc.seize(tid, libc.PTRACE_O_TRACESYSGOOD):
        return error
    requests = libc.Requests()
    libc.request(libc.PTRACE_INTERRUPT, tid, 0, 0)
    os.waitpid(tid, libc.WALL)
    # The sleep that the stop interrupted is started again, and that stops at its entry.
    libc.request(libc.PTRACE_SYSCALL, tid, 0, 0)
    os.waitpid(tid, libc.WALL)
    if libc.request(libc.PTRACE_GET_SYSCALL_INFO, tid, requests.info_size, requests.info_address) <= 0:
        return errno.EIO
    return 0 if requests.info.raw[0] == libc.PTRACE_SYSCALL_INFO_ENTRY else errno.EIO


def filtering() -> Check:
    machine = platform.machine()
    if not abis_of(machine):
        return Check("filter", None, "not tried on this machine")
    installer = seccomp.Installer(seccomp.program({}), machine)
    error = in_child(installer.install)
    if error == 0:
        return Check("filter", True, "works: `run` slows down the watched calls only (seccomp)")
    return Check(
        "filter", None, f"refused: {describe(error)}", "`run` works without it, slower: contrace run --no-filter"
    )
