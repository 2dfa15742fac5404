"""bpftrace scripts: what contrace records as text, and contrace's tracepoints with nothing behind them."""

import subprocess
from pathlib import Path

from contrace.syscalls.specs import GROUPS, IDENTITY_CALLS

READY = "@ready: 1"
"""In the output when that is so and a process has ended."""

_MOUNTED = ("unshare", "--mount", "sh", "-c", 'mount -t tracefs tracefs /sys/kernel/tracing && exec "$@"', "sh")
"""Before a command: tracefs is mounted for it alone, and nothing is left of it."""

# A tracepoint's own fields (tracefs, events/syscalls/sys_enter_NAME/format). bpftrace prints an argv with join(), up to
# 16 words of it, and has no way to print an environment.
_STRING, _NUMBER = "str(args->{})", "args->{}"
_PRINTED: dict[str, tuple[tuple[str, str], ...]] = {
    "execve": ((_STRING, "filename"),),
    "execveat": ((_NUMBER, "fd"), (_STRING, "filename"), (_NUMBER, "flags")),
    "clone": ((_NUMBER, "clone_flags"), (_NUMBER, "newsp")),
    "clone3": (("*(uint64 *)uptr(args->{})", "uargs"), (_NUMBER, "size")),
    "fork": (),
    "vfork": (),
    "prctl": tuple((_NUMBER, name) for name in ("option", "arg2", "arg3", "arg4", "arg5")),
    "unshare": ((_NUMBER, "unshare_flags"),),
    "setns": ((_NUMBER, "fd"), (_NUMBER, "flags")),
    "mount": (
        *((_STRING, name) for name in ("dev_name", "dir_name", "type")),
        *((_NUMBER, "flags"), (_STRING, "data")),
    ),
    "umount2": ((_STRING, "name"), (_NUMBER, "flags")),
    "pivot_root": ((_STRING, "new_root"), (_STRING, "put_old")),
    "chroot": ((_STRING, "filename"),),
    "sethostname": ((_STRING, "name"), (_NUMBER, "len")),
    "setdomainname": ((_STRING, "name"), (_NUMBER, "len")),
}
_VECTORS = {"execve": "argv", "execveat": "argv"}
_TRACEPOINTS = {"umount2": "umount"}
"""Calls whose tracepoint has another name."""

# The traced tasks are those given, and what they start: sched_process_fork's parent_pid is the task that made the call.
_TRACED = "@traced[tid]"
_LIFE = """\
tracepoint:sched:sched_process_fork /@traced[tid]/ {
    @traced[args->child_pid] = 1;
    printf("%llu %d %s start %d\\n", nsecs, tid, comm, args->child_pid);
}
tracepoint:sched:sched_process_exec /@traced[tid]/ {
    printf("%llu %d %s exec %s\\n", nsecs, tid, comm, str(args->filename));
}
tracepoint:sched:sched_process_exit /@traced[tid]/ {
    delete(@traced[tid]);
    printf("%llu %d %s exit\\n", nsecs, tid, comm);
}
"""
# Probes are attached in the order of the script: when the last of them answers, all others are in place. The answer is
# a map, because bpftrace writes printf's text into a file only when there is much of it.
_LAST = "tracepoint:sched:sched_process_exit /!@ready/ { @ready = 1; print(@ready); }\n"


def events(*pids: int) -> str:
    """A line for each enter and exit of the %birth calls, with their strings, and for each start, exec and end."""
    return _seeds(pids) + "".join(_printing(call) for call in GROUPS["%birth"]) + _LIFE + _LAST


def tracepoints(*pids: int) -> str:
    """The tracepoints of system calls that contrace attaches to, with the same filter, and nothing to do."""
    there = _there()
    birth = {_TRACEPOINTS.get(call, call) for call in GROUPS["%birth"]}
    probes = [f"sys_enter_{call}" for call in birth] + [f"sys_exit_{call}" for call in birth | IDENTITY_CALLS]
    wanted = ",\n".join(f"tracepoint:syscalls:{probe}" for probe in sorted(probes) if probe in there)
    return f"{_seeds(pids)}{wanted} /{_TRACED}/ {{ @seen = 1; }}\n{_LAST}"


def command(script: str, output: str) -> list[str]:
    """bpftrace as it is by default: of a string it prints 63 bytes (more, and mount's four would not fit its stack)."""
    return [*_MOUNTED, "bpftrace", "-o", output, "-e", script]


def _printing(call: str) -> str:
    name, fields = _TRACEPOINTS.get(call, call), _PRINTED[call]
    formats = ", ".join("%s" if how == _STRING else "0x%llx" for how, _ in fields)
    values = "".join(f", {how.format(field)}" for how, field in fields)
    words = f" join(args->{_VECTORS[call]});" if call in _VECTORS else ""
    return (
        f"tracepoint:syscalls:sys_enter_{name} /{_TRACED}/ {{\n"
        f'    printf("%llu %d %s {call}({formats})\\n", nsecs, tid, comm{values});{words}\n'
        f"}}\n"
        f"tracepoint:syscalls:sys_exit_{name} /{_TRACED}/ {{\n"
        f'    printf("%llu %d {call} = %lld\\n", nsecs, tid, args->ret);\n'
        f"}}\n"
    )


def _seeds(pids: tuple[int, ...]) -> str:
    tids = (int(path.name) for pid in pids for path in Path(f"/proc/{pid}/task").iterdir())
    return f"BEGIN {{ {' '.join(f'@traced[{tid}] = 1;' for tid in tids)} }}\n"


def _there() -> set[str]:
    """The tracepoints of system calls that this kernel has."""
    done = subprocess.run(
        [*_MOUNTED, "ls", "/sys/kernel/tracing/events/syscalls"], check=True, capture_output=True, text=True
    )
    return set(done.stdout.split())
