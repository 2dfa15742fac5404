"""Which capture works here, found out by doing it: what `contrace doctor` shows.

Each check is a probe of this machine, not a guess from a version: a child is seized, a filter is installed, a namespace
is made. A probe changes nothing that outlives it.
"""

import errno
import os
import platform
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from contrace.capture import procfs, targets
from contrace.capture.ptrace import libc, seccomp
from contrace.syscalls.abi import abis_of

_CAP_SYS_PTRACE = 19  # include/uapi/linux/capability.h
_CLONE_NEWUSER = 0x10000000  # include/uapi/linux/sched.h
_YAMA = "/proc/sys/kernel/yama/ptrace_scope"
_NAP_SECONDS = 5.0  # a probe's child ends by itself if the probe dies first


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool | None
    """None: neither good nor bad, or unknown."""
    found: str
    advice: str = ""
    """What to do about it; empty when there is nothing to do."""
    decides: bool = False
    """Something can be traced here when one of the deciding checks is ok."""


def checks() -> tuple[Check, ...]:
    """Look at everything, in the order in which a reader wants to know it."""
    return (
        _machine(),
        _user(),
        _yama(),
        _attach(),
        _run(),
        _filter(),
        _user_namespaces(),
        _managers(),
        Check("eBPF", None, "not built yet: this version captures through ptrace"),
    )


# --- what kind of machine and user ----------------------------------------------------------------------


def _machine() -> Check:
    found = f"Linux {platform.release()} on {platform.machine()}"
    if abis_of(platform.machine()):
        return Check("machine", True, found)
    return Check("machine", False, found, "contrace knows the system calls of x86_64 and aarch64 only")


def _user() -> Check:
    who = "root" if os.geteuid() == 0 else f"user {os.geteuid()}"
    if may_trace_others():
        return Check("user", True, f"{who}, may trace the processes of other users (CAP_SYS_PTRACE)")
    return Check(
        "user",
        None,
        f"{who}, may trace own processes only (no CAP_SYS_PTRACE)",
        "container managers usually run as root: use sudo to attach to them"
        if os.geteuid()
        else "inside a container? Start it with --cap-add SYS_PTRACE, or run contrace on the host",
    )


def may_trace_others() -> bool:
    """Whether this user holds CAP_SYS_PTRACE."""
    for line in (procfs.read("/proc/self/status") or b"").splitlines():
        if line.startswith(b"CapEff:"):
            return bool(int(line.split()[1], 16) >> _CAP_SYS_PTRACE & 1)
    return False


def _yama() -> Check:
    """Source: Documentation/admin-guide/LSM/Yama.rst."""
    text = procfs.read(_YAMA)
    if text is None:
        return Check("Yama", True, "not active: it forbids nothing")
    level = int(text)
    free = may_trace_others()
    if level == 0:
        return Check("Yama", True, "ptrace_scope 0: forbids nothing")
    if level == 3:
        return Check(
            "Yama", False, "ptrace_scope 3: no process may be traced", "start the machine again with another setting"
        )
    found = f"ptrace_scope {level}: " + (
        "attaching needs CAP_SYS_PTRACE, `run` does not" if level == 1 else "all tracing needs CAP_SYS_PTRACE"
    )
    if free:
        return Check("Yama", True, f"{found}; you have it")
    return Check("Yama", False, found, f"use sudo, or as root: echo 0 > {_YAMA}")


# --- ptrace itself --------------------------------------------------------------------------------------


def _attach() -> Check:
    """Seize a process that is not the tracer's child, as `attach` does."""
    target = _sleeper()
    try:
        error = _in_child(lambda: _trace(target))
    finally:
        _end(target)
    return _ptrace_check("attach", "a running process was seized, stopped at a system call and let go", error)


def _run() -> Check:
    """Seize a child, as `run` does."""

    def trace_a_child() -> int:
        target = _sleeper()
        try:
            return _trace(target)
        finally:
            _end(target)

    return _ptrace_check("run", "a child was seized, stopped at a system call and let go", _in_child(trace_a_child))


def _ptrace_check(name: str, success: str, error: int) -> Check:
    if error == 0:
        return Check(name, True, f"works: {success} (ptrace)", decides=True)
    advice = {
        errno.EPERM: "see Yama above"
        if _yama().ok is False
        else "a seccomp filter or a security module forbids it; start a container with --cap-add SYS_PTRACE",
        errno.EIO: "contrace needs PTRACE_GET_SYSCALL_INFO, which came with Linux 5.3",
        errno.ENOSYS: "this kernel, or a seccomp filter around this shell, has no ptrace",
    }.get(error, "")
    return Check(name, False, f"does not work: ptrace answered {_error(error)}", advice, decides=True)


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


def _filter() -> Check:
    machine = platform.machine()
    if not abis_of(machine):
        return Check("filter", None, "not tried on this machine")
    installer = seccomp.Installer(seccomp.program({}), machine)
    error = _in_child(installer.install)
    if error == 0:
        return Check("filter", True, "works: `run` slows down the watched calls only (seccomp)")
    return Check(
        "filter", None, f"refused: {_error(error)}", "`run` works without it, slower: contrace run --no-filter"
    )


# --- what there is to trace -----------------------------------------------------------------------------


def _user_namespaces() -> Check:
    error = _in_child(lambda: _unshare(_CLONE_NEWUSER))
    if error == 0:
        return Check("namespaces", True, "this user can make user namespaces: rootless containers can start")
    advice = {
        errno.EPERM: "as root, one of: sysctl kernel.unprivileged_userns_clone=1, "
        "sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        errno.ENOSPC: "as root: raise user.max_user_namespaces (sysctl)",
        errno.EINVAL: "this kernel is built without user namespaces",
    }.get(error, "")
    return Check("namespaces", None, f"this user cannot make user namespaces: {_error(error)}", advice)


def _unshare(flags: int) -> int:
    import ctypes

    libc_of_process = ctypes.CDLL(None, use_errno=True)
    return 0 if libc_of_process.unshare(flags) == 0 else ctypes.get_errno()


def _managers() -> Check:
    found: list[str] = []
    refused = False
    for process in targets.running():
        if not process.names & set(targets.MANAGERS):
            continue
        tracer = state.tracer if (state := procfs.status(process.pid)) else 0
        note = ""
        if tracer:
            holder = procfs.comm(tracer).decode(errors="replace")
            note = f", traced by {holder!a}, pid {tracer}"
        elif not _may_attach(process.pid):
            refused = True
            note = ", not yours to trace"
        found.append(f"{process.name} (pid {process.pid}{note})")
    if not found:
        return Check("managers", None, "no container manager runs here", "`contrace run` needs none")
    return Check("managers", None if refused else True, ", ".join(found), "use sudo" if refused else "")


def _may_attach(pid: int) -> bool:
    """Opening mem is allowed exactly where attaching is (ptrace(2), PTRACE_MODE_ATTACH_FSCREDS)."""
    try:
        os.close(os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


# --- children of the probes -----------------------------------------------------------------------------


def _in_child(probe: Callable[[], int]) -> int:
    """Run the probe in a forked child, where nothing that it does lasts; its errno, 0 for success."""
    pid = os.fork()
    if pid == 0:
        code = errno.EIO
        try:
            code = probe()
        finally:
            os._exit(code)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    # A seccomp filter around this shell may answer with a signal (SIGSYS).
    return status if status >= 0 else errno.EPERM


def _sleeper() -> int:
    """A child that sleeps; `_end` ends it."""
    pid = os.fork()
    if pid == 0:
        try:
            time.sleep(_NAP_SECONDS)
        finally:
            os._exit(0)
    return pid


def _end(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _error(number: int) -> str:
    return f"{errno.errorcode.get(number, number)} ({os.strerror(number)})"
