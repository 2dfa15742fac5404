"""What the kernel lets this process do beyond what a normal user may: capabilities(7)."""

from contrace.capture import procfs

# include/uapi/linux/capability.h
CAP_SYS_PTRACE = 19
CAP_SYS_ADMIN = 21
CAP_PERFMON = 38
CAP_BPF = 39


def may_trace_others() -> bool:
    """Whether this user holds CAP_SYS_PTRACE."""
    return holds(CAP_SYS_PTRACE)


def may_load_programs() -> bool:
    """Whether this user holds what eBPF programs that read kernel memory need; CAP_SYS_ADMIN includes both."""
    return holds(CAP_SYS_ADMIN) or (holds(CAP_BPF) and holds(CAP_PERFMON))


def holds(capability: int) -> bool:
    """Whether it is in the effective set."""
    for line in (procfs.read("/proc/self/status") or b"").splitlines():
        if line.startswith(b"CapEff:"):
            return bool(int(line.split()[1], 16) >> capability & 1)
    return False
