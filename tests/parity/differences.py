"""What eBPF and ptrace tell differently of one and the same process, and why the kernel leaves no choice.

One row per difference. A row that forgives nothing in any comparison fails the test: it is not needed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from contrace.records import Block, Exec, Identity, Record, Stopped, Syscall, TaskStart
from contrace.syscalls.abi import Abi, name_of
from contrace.syscalls.specs import SPECS

WIDE = (Abi.X86_64, Abi.AARCH64)


@dataclass
class Alone:
    """A record that only ptrace has."""

    why: str
    forgives: Callable[[Record, Record | None], bool]
    """Of it, and of the task's last call before it."""
    used: int = field(default=0, compare=False)


@dataclass
class Field:
    """A field of a record that both have."""

    name: str
    why: str
    forgives: Callable[[Record, Record], bool]
    """Of ptrace's record and eBPF's …"""
    narrow: bool = False
    """… only in what 32-bit calls brought about."""
    used: int = field(default=0, compare=False)


def is_narrow(record: Record | None) -> bool:
    return isinstance(record, Syscall) and record.abi not in WIDE


def is_of_call(record: Record) -> bool:
    return isinstance(record, Identity) and record.why not in ("attach", "start", "exec")


def no_register_behind_the_last_argument(ours: Record, theirs: Record) -> bool:
    assert isinstance(ours, Syscall)
    assert isinstance(theirs, Syscall)
    count = len(SPECS[name_of(ours.abi, ours.nr)].args)
    return theirs.args == (*ours.args[:count], *(0,) * (6 - count))


def nobody_asked_for_the_page(ours: Record, theirs: Record) -> bool:
    """The same blocks, one of them cut short, in a call that was refused."""
    assert isinstance(ours, Syscall)
    assert isinstance(theirs, Syscall)
    return (
        (ours.result or 0) < 0
        and len(ours.memory) == len(theirs.memory)
        and all(
            a == b
            or (isinstance(a, Block) and isinstance(b, Block) and a.wanted == b.wanted and a.data.startswith(b.data))
            for a, b in zip(ours.memory, theirs.memory, strict=True)
        )
    )


def no_first_process_yet(ours: Record, theirs: Record) -> bool:
    assert isinstance(ours, Identity)
    assert isinstance(theirs, Identity)
    new = theirs.namespaces.get("pid_for_children")
    return ours.namespaces | {"pid_for_children": new} == theirs.namespaces and new != theirs.namespaces["pid"]


ALONE = [
    Alone(
        "a group stop is seen by the parent and the tracer only: there is no tracepoint for it",
        lambda record, last: isinstance(record, Stopped),
    ),
    Alone(
        "the tracepoints syscalls:sys_enter_X leave out 32-bit calls (arch_trace_is_compat_syscall, asm/ftrace.h)",
        lambda record, last: is_narrow(record) or (is_of_call(record) and is_narrow(last)),
    ),
]

FIELDS = [
    Field(
        "call",
        "that a child came of a vfork is only known from the call, and 32-bit calls are left out",
        lambda ours, theirs: (
            isinstance(ours, TaskStart)
            and isinstance(theirs, TaskStart)
            and (ours.call, theirs.call) == ("vfork", "fork")
        ),
        narrow=True,
    ),
    Field(
        "from_event",
        "the execve of a 32-bit program is left out: its event remains",
        lambda ours, theirs: isinstance(theirs, Exec) and theirs.from_event,
        narrow=True,
    ),
    Field(
        "args",
        "a tracepoint has as many registers as its call has arguments (struct syscall_metadata)",
        no_register_behind_the_last_argument,
    ),
    Field(
        "refused",
        "only the kernel knows which capability it looked for (tracepoint capability:cap_capable)",
        lambda ours, theirs: isinstance(ours, Syscall) and not ours.refused,
    ),
    Field(
        "result",
        "a task that is killed in a call goes through its end in the kernel, but stops for no tracer there any more",
        lambda ours, theirs: isinstance(ours, Syscall) and ours.result is None,
    ),
    Field(
        "memory",
        "a page that is not resident cannot be read in a probe, and a call that is refused first does not fetch it",
        nobody_asked_for_the_page,
    ),
    Field(
        "namespaces",
        "/proc/TID/ns/pid_for_children answers ENOENT until the namespace has a process; the kernel knows it before",
        no_first_process_yet,
    ),
]
