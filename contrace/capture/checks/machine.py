"""What kind of machine and user this is, and what there is to trace."""

import errno
import os
import platform

from contrace.capture import procfs, targets
from contrace.capture.checks import Check
from contrace.capture.checks.children import describe, in_child
from contrace.capture.checks.privileges import may_trace_others
from contrace.syscalls.abi import abis_of

_CLONE_NEWUSER = 0x10000000  # include/uapi/linux/sched.h
_YAMA = "/proc/sys/kernel/yama/ptrace_scope"


def machine() -> Check:
    found = f"Linux {platform.release()} on {platform.machine()}"
    if abis_of(platform.machine()):
        return Check("machine", True, found)
    return Check("machine", False, found, "contrace knows the system calls of x86_64 and aarch64 only")


def user() -> Check:
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


def yama() -> Check:
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


def user_namespaces() -> Check:
    error = in_child(lambda: _unshare(_CLONE_NEWUSER))
    if error == 0:
        return Check("namespaces", True, "this user can make user namespaces: rootless containers can start")
    advice = {
        errno.EPERM: "as root, one of: sysctl kernel.unprivileged_userns_clone=1, "
        "sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        errno.ENOSPC: "as root: raise user.max_user_namespaces (sysctl)",
        errno.EINVAL: "this kernel is built without user namespaces",
    }.get(error, "")
    return Check("namespaces", None, f"this user cannot make user namespaces: {describe(error)}", advice)


def _unshare(flags: int) -> int:
    import ctypes

    libc_of_process = ctypes.CDLL(None, use_errno=True)
    return 0 if libc_of_process.unshare(flags) == 0 else ctypes.get_errno()


def managers() -> Check:
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
