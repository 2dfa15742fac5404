"""The state of each traced thread, and the rules of scope: who is watched how.

Invariant: a task in the table is traced by this process and has not been reaped. ``entry`` is what the task is
inside of: None (user mode), SKIPPED (a call nobody wants), or the Entry of a wanted call.
"""

from dataclasses import dataclass, field

import msgspec

from contrace.capture.ptrace.libc import PTRACE_CONT, PTRACE_SYSCALL
from contrace.records import Identity, Memory
from contrace.syscalls.abi import Abi
from contrace.syscalls.rows import Option, Spec


@dataclass(slots=True)
class Entry:
    """A wanted call between its entry and its exit."""

    time_ns: int
    abi: Abi
    nr: int
    name: str
    args: tuple[int, int, int, int, int, int]
    row: Spec | Option | None
    memory: tuple[Memory, ...]
    comm: bytes
    announced: bool = False
    """An Entered record is out."""
    recorded: bool = True
    """False: watched for contrace's own sake only."""
    identity: bool = False
    """May change who the task is."""


class _Skipped:
    """The type of SKIPPED."""


SKIPPED = _Skipped()
"""``entry`` of a task inside a call that nobody wants."""


@dataclass(slots=True)
class Task:
    tid: int
    pid: int
    calls: bool
    """Watched call by call; else by events only (clone, exec, exit)."""
    manager: bool
    """A thread of an attached target: by events under scope birth, while what it starts is watched call by call."""
    stepping: bool
    """Stops at every call (PTRACE_SYSCALL); False while a seccomp filter picks the wanted ones, or by events."""
    origin: dict[str, int]
    """Namespaces of the target that it descends from: what "new namespaces" is measured against."""
    comm: bytes
    identity: Identity | None = None
    entry: Entry | _Skipped | None = None
    rerooted: bool = False
    """It, or an ancestor, has changed its root (pivot_root, chroot) since it left the origin's mount namespace."""
    launching: bool = False
    """The launched command before its first execve: contrace's own code, not to be shown."""

    @property
    def resume(self) -> int:
        """The request that lets it run to the next stop of interest."""
        return PTRACE_SYSCALL if self.stepping or type(self.entry) is Entry else PTRACE_CONT

    @property
    def watched(self) -> str:
        return "calls" if self.calls else "events"

    def is_payload(self) -> bool:
        """Whether an execve that just succeeded was the payload's, inside its new namespaces.

        A new mount namespace alone does not tell: rootless podman and dockerd's helpers execute themselves in one. With
        a new PID namespace, or after the root was changed, it is the container. Before that, runtimes re-execute
        themselves in the manager's namespaces (runc init, crun's memfd).
        """
        if self.identity is None:
            return False
        here = self.identity.namespaces
        entered = {name for name in ("mnt", "pid") if name in here and here[name] != self.origin.get(name)}
        return "mnt" in entered and ("pid" in entered or self.rerooted)


@dataclass(slots=True)
class Tasks:
    """Every traced task by tid; ``early``: new tasks whose first stop came before their parent's event."""

    by_tid: dict[int, Task] = field(default_factory=dict)
    early: dict[int, int] = field(default_factory=dict)
    """tid -> when its stop was seen (ns)."""

    def of_process(self, pid: int) -> list[Task]:
        return [task for task in self.by_tid.values() if task.pid == pid]

    def share_filter(self, task: Task, filtered: Identity) -> None:
        """A task has put its seccomp filter into all threads of its process (SECCOMP_FILTER_FLAG_TSYNC), whose children
        inherit it, and no_new_privs if it is set (kernel/seccomp.c, seccomp_sync_threads)."""
        for thread in self.of_process(task.pid):
            if thread is not task and thread.identity is not None:
                thread.identity = msgspec.structs.replace(
                    thread.identity,
                    seccomp=filtered.seccomp,
                    no_new_privs=filtered.no_new_privs or thread.identity.no_new_privs,
                )
