"""The call by which a task starts another: which it was, and what follows from its flags."""

from contrace.capture.ptrace import memory
from contrace.capture.ptrace.calls import WantedCalls
from contrace.capture.ptrace.libc import Requests
from contrace.capture.ptrace.tasks import Entry, Task
from contrace.records import Block
from contrace.syscalls.abi import identify, name_of

# include/uapi/linux/sched.h
CLONE_THREAD = 0x00010000
CLONE_INTO_CGROUP = 0x200000000
CLONE_NEW_ANY = 0x7E020080  # every CLONE_NEW*, CLONE_NEWTIME and CLONE_NEWNS among them


def call_of(parent: Task, requests: Requests, calls: WantedCalls, time_ns: int) -> tuple[Entry | None, bool]:
    """The clone, fork or vfork that ``parent`` is inside of at its event, and whether the event is all that is to be
    recorded of it. None: the registers could not be read."""
    if type(parent.entry) is Entry:
        return parent.entry, False
    inside = requests.call_at_event(parent.tid)
    if inside is None:
        return None, False
    arch, nr, args = inside
    call = calls.look_up(arch, nr)
    if call is None:
        abi, number = identify(arch, nr)
        return Entry(time_ns, abi, number, name_of(abi, number), args, None, (), parent.comm), False
    rows = call.row.copies if call.row else ()
    copies = memory.copy(parent.tid, call.abi.word, args, rows, at_exit=False)
    copies += memory.copy(parent.tid, call.abi.word, args, rows, at_exit=True)
    entry = Entry(time_ns, call.abi, call.nr, call.name, args, call.row, copies, parent.comm)
    return entry, call.recorded and not parent.calls


def flags_of(entry: Entry | None) -> int:
    """The CLONE_* flags of a call that starts a task. fork and vfork have none."""
    if entry is None or entry.name in ("fork", "vfork"):
        return 0
    if entry.name != "clone3":
        return entry.args[0]
    for block in entry.memory:
        if isinstance(block, Block) and block.address == entry.args[0]:
            return int.from_bytes(block.data[:8], "little")
    return CLONE_NEW_ANY  # unknown: nothing may be taken as inherited


def pid_seen_by(parent: Task, child: Task) -> int:
    """What the call returned: the child's pid in its parent's PID namespace (clone(2))."""
    inside = parent.identity.nspids if parent.identity else None
    of_child = child.identity.nspids if child.identity else None
    return of_child[min(len(inside), len(of_child)) - 1] if inside and of_child else child.tid
