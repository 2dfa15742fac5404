"""Whether eBPF works: small programs are loaded and attached, bcc is looked for.

None of these lines is a NO but the last: where eBPF cannot be used, ptrace can.
"""

import errno
import os
import platform

from contrace.capture import procfs
from contrace.capture.checks import Check
from contrace.capture.checks.children import describe
from contrace.capture.checks.privileges import may_load_programs
from contrace.capture.ebpf import btf, library, tracefs, trial
from contrace.errors import BackendUnavailable
from contrace.syscalls.abi import abis_of

_LOCKDOWN = "/sys/kernel/security/lockdown"
_COMMANDS = ("attach", "run")
_CAPABILITY_TRACEPOINT = "cap_capable"  # Linux 6.14

_UPDATE = "boot a newer kernel: contrace's eBPF needs Linux 5.8"
_ALLOW = "use sudo, or grant CAP_BPF and CAP_PERFMON"
_LEAVE = (
    "a container, a user namespace or a security module takes the capabilities away: run contrace as root on the host"
)
_UNLOCK = "boot without lockdown=confidentiality (integrity is fine)"
_REBUILD = "boot a kernel that is built with CONFIG_DEBUG_INFO_BTF=y, as those of the distributions are"


def ebpf_missing() -> str | None:
    """The first reason why eBPF cannot work here and what to do about it; None when everything looks right.

    Takes about 2 ms: programs of a few instructions are loaded, but nothing is compiled, and bcc is not loaded.
    """
    if not abis_of(platform.machine()):
        return "contrace knows the system calls of x86_64 and aarch64 only"
    if not may_load_programs():
        return f"this user may not load eBPF programs: {_ALLOW}"
    for answer in (trial.ring_buffer(), trial.kernel_memory()):
        if answer == errno.EPERM:
            return f"the kernel refuses eBPF programs: {_LEAVE}"
        if answer == errno.EINVAL and _locked():
            return f"the kernel is locked down, which keeps eBPF from reading its memory: {_UNLOCK}"
        if answer in (errno.EINVAL, errno.ENOSYS):
            return f"this kernel ({platform.release()}) lacks what the programs use: {_UPDATE}"
        if answer:
            return f"the kernel refuses eBPF programs: {describe(answer)}"
    if not os.access(btf.VMLINUX, os.R_OK):
        return f"this kernel does not describe its types ({btf.VMLINUX}): {_REBUILD}"
    return None if library.find() else f"{library.missing()}. {library.advice()}"


def permission() -> Check:
    if not may_load_programs():
        return Check("programs", None, "this user may not load eBPF programs (no CAP_BPF and CAP_PERFMON)", _ALLOW)
    answer = trial.kernel_memory()
    if answer == 0:
        return Check("programs", True, "a program that reads kernel memory was loaded and let go")
    advice = {errno.EPERM: _LEAVE, errno.EINVAL: _UNLOCK if _locked() else _UPDATE, errno.ENOSYS: _UPDATE}
    return Check("programs", None, f"a program was refused: {describe(answer)}", advice.get(answer, ""))


def lockdown() -> Check:
    """Source: kernel_lockdown(7)."""
    text = procfs.read(_LOCKDOWN)
    if text is None:
        return Check("lockdown", True, "not active, or not shown here: see programs above")
    if _locked():
        return Check("lockdown", None, "confidentiality: eBPF may not read kernel memory", _UNLOCK)
    return Check("lockdown", True, "does not forbid eBPF to read kernel memory")


def _locked() -> bool:
    """The level in force is the one in brackets."""
    return b"[confidentiality]" in (procfs.read(_LOCKDOWN) or b"")


def kernel() -> Check:
    answer = trial.ring_buffer()
    if answer == errno.EPERM:
        return Check("kernel", None, "not tried: this user may not load eBPF programs")
    if answer:
        return Check("kernel", None, f"too old for eBPF: a ring buffer was answered with {describe(answer)}", _UPDATE)
    answer = trial.raw_tracepoint(_CAPABILITY_TRACEPOINT)
    if answer == errno.ENOENT:
        return Check(
            "kernel",
            True,
            "has ring buffers; has no tracepoint for capabilities (Linux 6.14), so eBPF cannot tell which ones a task "
            "used or lacked",
        )
    return Check("kernel", True, "has ring buffers" + (", and tells which capabilities are asked for" * (not answer)))


def types() -> Check:
    """Whether the kernel says where its structs' members are."""
    try:
        found = btf.offsets()
    except BackendUnavailable as error:
        return Check("BTF", None, str(error))
    return Check("BTF", True, f"the kernel describes its types: all {len(found)} places that eBPF reads are known")


def tracepoints() -> Check:
    try:
        fd = tracefs.open_tracefs()
    except BackendUnavailable:
        return Check(
            "tracefs",
            None,
            "not readable for this user: eBPF works without it, but costs every system call on this machine more",
            "use sudo",
        )
    try:
        mounted = procfs.link(f"/proc/self/fd/{fd}") == tracefs.MOUNTED.encode()
    finally:
        os.close(fd)
    found = "mounted and readable" if mounted else "not mounted; contrace can read it through a mount that only it sees"
    return Check("tracefs", True, found)


def compiler() -> Check:
    found = library.find()
    if found is None:
        return Check("bcc", None, library.missing(), library.advice())
    return Check("bcc", True, f"{found.version or 'of unknown version'} in {found.directory}")


def ebpf() -> Check:
    """The probes themselves: compiled, unless they are kept from before, loaded, attached, and let go."""
    from contrace.capture.ebpf.probes import Plan, Probes

    reason = ebpf_missing()
    if reason is None:
        try:
            Probes(Plan(frozenset({"unshare"}), until_payload=True)).detach()
        except BackendUnavailable as error:
            reason = str(error)
    if reason is not None:
        return Check("eBPF", False, f"cannot be used: {reason}", gives=_COMMANDS)
    return Check("eBPF", True, "works: the probes were loaded, attached and let go; they stop nothing", gives=_COMMANDS)
