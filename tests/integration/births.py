"""What every birth by runc must show, whoever called runc: the checks that the managers' tests share."""

import os
from pathlib import Path

from contrace.records import Exec, Identity, Loss
from tests.harness import Seen, Trace

MOVED = ("mnt", "uts", "ipc", "net")
"""Where runc's unshare puts the task itself; into a new pid namespace only its children come (pid_namespaces(7))."""
PARENT, CHILD, INIT = "runc:[0:PARENT]", "runc:[1:CHILD]", "runc:[2:INIT]"
NAMESPACES = "CLONE_NEWNS|CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWPID|CLONE_NEWNET"


def runc_stages(trace: Trace) -> dict[str, Seen]:
    """The three PR_SET_NAME calls by which runc init says how far it is; each was made once, in this order."""
    named = [seen for seen in trace.calls if seen.line.startswith('prctl(PR_SET_NAME, "runc:[')]
    # strace marks the first with ...: 15 characters, and no NUL among the 15 bytes that it reads
    assert [seen.line for seen in named] == [
        f'prctl(PR_SET_NAME, "{PARENT}"...) = 0',
        f'prctl(PR_SET_NAME, "{CHILD}") = 0',
        f'prctl(PR_SET_NAME, "{INIT}") = 0',
    ]
    return dict(zip((PARENT, CHILD, INIT), named, strict=True))


def check_runc_birth(trace: Trace, hostname: str | None) -> Seen:
    """runc init's part of a birth of /bin/id, complete and in order; returns the payload's execve."""
    stages = runc_stages(trace)
    unshare = trace.one(f"unshare({NAMESPACES}) = 0")
    assert unshare.record.tid == stages[CHILD].record.tid
    check_namespaces(trace.before(unshare), trace.after(unshare))

    init = stages[INIT].record.tid
    check_pid_1(trace, init, trace.after(unshare))
    steps = [stages[PARENT], stages[CHILD], unshare, stages[INIT], trace.one('pivot_root(".", ".") = 0')]
    if hostname is not None:
        steps.append(trace.one(f'sethostname("{hostname}", {len(hostname)}) = 0'))
    execve = trace.one('execve("/bin/id", ["/bin/id"]')
    steps.append(execve)
    assert {seen.record.tid for seen in steps[3:]} == {init}
    times = [seen.record.time_ns for seen in steps]
    assert times == sorted(times)
    check_payload(trace, execve, (b"/bin/id",))
    return execve


def check_namespaces(before: Identity, after: Identity) -> None:
    """The task was in the host's namespaces before, and after its unshare in four new ones."""
    assert {*MOVED, "pid", "pid_for_children", "user"} <= set(before.namespaces)
    assert before.namespaces["pid"] == before.namespaces["pid_for_children"]
    # The new PID namespace has no name in /proc before a first process lives in it: readlink(2) answers ENOENT. eBPF
    # reads its number from the kernel.
    for name, inode in after.namespaces.items():
        assert (inode != before.namespaces[name]) == (name in (*MOVED, "pid_for_children")), name
    assert set(MOVED) <= set(after.namespaces)


def check_pid_1(trace: Trace, tid: int, parent: Identity) -> None:
    """The task is pid 1 of a pid namespace that is not its parent's, and in its parent's other namespaces."""
    assert trace.start_of(tid).nspids == (tid, 1)
    born = trace.identity_at_start(tid)
    assert born.nspids == (tid, 1)
    assert born.namespaces["pid"] != parent.namespaces["pid"]
    for name in (*MOVED, "user"):
        assert born.namespaces[name] == parent.namespaces[name]


def check_payload(trace: Trace, execve: Seen, argv: tuple[bytes, ...]) -> None:
    """The payload's execve succeeded, in the process that is pid 1 inside, and is what that process then runs."""
    tid = execve.record.tid
    assert execve.record.result == 0
    assert execve.argv == list(argv)
    [executed] = [r for r in trace.of_kind(Exec) if r.tid == tid and r.argv == argv]
    assert executed.comm == Path(os.fsdecode(argv[0])).name.encode()
    assert trace.start_of(tid).nspids == (tid, 1)


def check_whole(trace: Trace) -> None:
    """The trace has its end, and lost nothing."""
    assert trace.ended is not None
    assert not trace.of_kind(Loss)
