"""What a capture backend may report: raw integers and copied bytes, never text.

These structs are the only types that cross from capture into the rest, and they are what a trace file
holds (msgpack of the struct). All are frozen. Times are nanoseconds of CLOCK_MONOTONIC (clock_gettime(2)).
``tid`` and ``pid`` are the host's (contrace's own PID namespace): ``tid`` is the kernel's task, ``pid`` the
thread group. Times within one capture never repeat, so sorting by time gives the order in which the
backend saw things.
"""

from enum import IntEnum
from typing import ClassVar

import msgspec

from contrace.syscalls.abi import Abi


class Kind(IntEnum):
    """The ``kind`` column of a trace file, one number per record type."""

    SYSCALL = 1
    ENTERED = 2
    TASK_START = 3
    EXEC = 4
    TASK_EXIT = 5
    SIGNAL = 6
    IDENTITY = 7
    STOPPED = 8
    LOSS = 9
    NOTE = 10


class Record(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """What all records share."""

    kind: ClassVar[Kind]

    time_ns: int
    """When the backend saw it; for a call, when it was entered."""
    tid: int
    """Host tid of the task; 0 for a record about the capture itself."""
    pid: int
    """Host pid (thread group id) of the task; 0 as above."""


# --- memory copied out of a process ---------------------------------------------------------------------


class Text(msgspec.Struct, frozen=True, array_like=True, tag="s"):
    """A NUL-terminated string that an argument, or a struct behind an argument, points to."""

    arg: int
    """Index 0..5 of the argument."""
    address: int
    data: bytes
    """The bytes before the NUL; before the fault or the cap when ``broken``."""
    broken: bool = False
    """True: memory became unreadable, or the cap was reached, before a NUL was found."""


class Block(msgspec.Struct, frozen=True, array_like=True, tag="b"):
    """Bytes of a fixed or given size: a struct, an array, an integer behind a pointer."""

    arg: int
    address: int
    data: bytes
    """What could be read: shorter than ``wanted`` when memory was unreadable or the cap was reached."""
    wanted: int
    """Bytes that the kernel would have read there."""
    at_exit: bool = False
    """True: copied when the call returned (an output argument), else when it was entered."""


class Vector(msgspec.Struct, frozen=True, array_like=True, tag="v"):
    """argv or envp: a NULL-terminated array of pointers to strings (execve(2))."""

    arg: int
    address: int
    items: tuple[bytes, ...]
    """The strings, without their NUL; what could be read of it for an index in ``broken``."""
    broken: dict[int, int] = {}
    """Index of each string that could not be read to its NUL -> the pointer's value."""
    fault: int = 0
    """Address of the array element that could not be read; 0 when the array ended with NULL."""
    total: int | None = None
    """The true number of strings where only a part of them was copied (cap); None: all are here."""


Memory = Text | Block | Vector


# --- calls ----------------------------------------------------------------------------------------------


class Syscall(Record, frozen=True):
    """A system call that is over: it returned, or it never will."""

    kind = Kind.SYSCALL

    end_ns: int
    """When it returned, or when it became clear that it never will."""
    comm: bytes
    """The task's name at entry (/proc/TID/comm, at most 15 bytes)."""
    abi: Abi
    nr: int
    """Call number in the table of ``abi`` (without __X32_SYSCALL_BIT)."""
    args: tuple[int, int, int, int, int, int]
    """Raw registers at entry, unsigned."""
    result: int | None
    """Raw signed return value, -errno on failure; None: never returned (exit_group, killed, detached)."""
    memory: tuple[Memory, ...] = ()
    cpu_enter_ns: int | None = None
    """The task's cumulative CPU time at entry and exit, where the backend can tell."""
    cpu_exit_ns: int | None = None
    from_event: bool = False
    """True: seen only through its ptrace event (scope birth, tasks watched by events): ``args`` of an execve
    are unknown (0), time and end are the event's, and only successful calls are seen."""
    refused: tuple[tuple[int, int], ...] = ()
    """Capabilities that the kernel looked for during the call and the task did not have, where the backend can tell:
    number (capabilities(7)) and the user namespace in which it was needed (inode)."""


class Entered(Record, frozen=True):
    """A call that was entered but had not returned when its batch was written.

    The ``Syscall`` with the same tid and time_ns follows when it is over; a reader that sees both drops this.
    """

    kind = Kind.ENTERED

    comm: bytes
    abi: Abi
    nr: int
    args: tuple[int, int, int, int, int, int]
    memory: tuple[Memory, ...] = ()


# --- the life of tasks ----------------------------------------------------------------------------------


class TaskStart(Record, frozen=True):
    """A process or thread exists: born under the tracer, or found at attach."""

    kind = Kind.TASK_START

    parent_tid: int
    """Host tid of the task that made the call; for one found at attach, its parent process (PPid)."""
    parent_pid: int
    comm: bytes
    nspids: tuple[int, ...]
    """Its tid in each nested PID namespace, outermost (contrace's own) first: /proc/TID/status NSpid."""
    call: str
    """"clone", "fork", "vfork" (the kernel's event), or "attach" for one that existed before, "run" for the command."""
    watched: str
    """"calls": call by call; "events": only clone/fork/vfork, exec and exit."""


class Exec(Record, frozen=True):
    """An execve succeeded."""

    kind = Kind.EXEC

    exe: bytes
    """/proc/TID/exe afterwards."""
    comm: bytes
    """The new name."""
    argv: tuple[bytes, ...]
    """The new process's own argv (for a script: the interpreter's), from /proc/TID/cmdline."""
    former_tid: int
    """Equal to tid, or the tid that the executing thread had before it took over the leader's (ptrace(2))."""
    watched: str
    """How the task is watched from here on, as in TaskStart."""
    from_event: bool = False
    """True: this event is all that was seen; there is no Syscall of the execve."""


class TaskExit(Record, frozen=True):
    kind = Kind.TASK_EXIT

    status: int
    """Exit status 0..255; 0 when ended by a signal."""
    signal: int
    """Number of the signal that ended it, else 0."""
    core: bool
    """A core was dumped."""
    superseded_by: int = 0
    """Host tid of the thread whose execve ended this one, else 0."""


class Signal(Record, frozen=True):
    """A signal is about to be delivered to the task (a signal-delivery-stop)."""

    kind = Kind.SIGNAL

    signo: int
    siginfo: bytes
    """Raw siginfo_t as PTRACE_GETSIGINFO gives it (128 bytes, the tracer's ABI); empty if it could not be read."""


class Stopped(Record, frozen=True):
    """The task entered a group-stop (SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU)."""

    kind = Kind.STOPPED

    signo: int


CAPABILITY_SETS = ("inheritable", "permitted", "effective", "bounding", "ambient")
"""The order of ``Identity.capabilities``."""


class Identity(Record, frozen=True):
    """Who a task is: its namespaces, credentials and place. None: could not be read."""

    kind = Kind.IDENTITY

    why: str
    """"attach", "start", "exec", or the name of the call that may have changed it."""
    namespaces: dict[str, int]
    """Name as in /proc/TID/ns (cgroup ipc mnt net pid pid_for_children time time_for_children user uts) -> inode;
    one that could not be read is absent."""
    uids: tuple[int, int, int, int] | None
    """Real, effective, saved, file system; in contrace's user namespace."""
    gids: tuple[int, int, int, int] | None
    groups: tuple[int, ...] | None
    uid_map: tuple[tuple[int, int, int], ...] | None
    """Rows (inside, outside, length) of /proc/TID/uid_map (user_namespaces(7)); () while it is not written yet."""
    gid_map: tuple[tuple[int, int, int], ...] | None
    cgroup: bytes | None
    """The text of /proc/TID/cgroup."""
    exe: bytes | None
    cwd: bytes | None
    root: bytes | None
    """/proc/TID/root: what the task sees as /, as a path in contrace's view."""
    nspids: tuple[int, ...] | None
    capabilities: tuple[int, int, int, int, int] | None = None
    """One set of 64 bits for each of ``CAPABILITY_SETS`` (capabilities(7), /proc/TID/status CapInh … CapAmb); they
    count in the task's own user namespace."""
    no_new_privs: bool | None = None
    """prctl(2), PR_SET_NO_NEW_PRIVS."""
    seccomp: int | None = None
    """Mode: 0 none, 1 strict, 2 filter (seccomp(2), /proc/TID/status Seccomp). A filter that contrace put in does not
    count."""


# --- the capture itself ---------------------------------------------------------------------------------


class Loss(Record, frozen=True):
    """Records that the backend could not deliver. Every view shows it."""

    kind = Kind.LOSS

    count: int
    """How many; 0 when unknown."""
    since_ns: int
    """The loss lies between since_ns and time_ns."""
    reason: str
    kinds: dict[str, int] = {}
    """What was lost, where that is known: "start", "exec", "exit", "signal"; "call" (a call's entry: nothing is known
    of it), "return" (the call stays an Entered), "memory" (a part of an execve's strings), "refusal", "cgroup"."""


class Note(Record, frozen=True):
    """Something about the capture that a reader must know: attach, detach, mode changes, warnings."""

    kind = Kind.NOTE

    topic: str
    """"attach", "detach", "mode", "birth" (a payload was seen), "warning"."""
    text: str
    """Plain words; text of traced processes in it is already escaped."""


TYPES: dict[Kind, type[Record]] = {
    t.kind: t for t in (Syscall, Entered, TaskStart, Exec, TaskExit, Signal, Identity, Stopped, Loss, Note)
}
"""Every record type by its kind; what the trace reader decodes with."""
