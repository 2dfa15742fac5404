"""The calls that give a name: prctl(PR_SET_NAME) to a task, sethostname to a UTS namespace. Pure.

A name is told only where the call succeeded and what it passed could be read: a name is never guessed.
"""

from contrace.records import Block, Record, Syscall, Text
from contrace.syscalls.abi import known_name_of

CALLS = ("prctl", "sethostname")
"""Names of the calls that this module looks into."""

_PR_SET_NAME = 15  # include/uapi/linux/prctl.h
_TASK_COMM_LEN = 16  # include/uapi/linux/sched.h: with the NUL


def names_task(record: Record) -> bytes | None:
    """What a successful prctl(PR_SET_NAME) called its task, else None (prctl(2): at most 15 bytes)."""
    if not isinstance(record, Syscall) or record.result != 0 or record.args[0] & 0xFFFFFFFF != _PR_SET_NAME:
        return None
    if known_name_of(record.abi, record.nr) != "prctl":
        return None
    for memory in record.memory:
        if isinstance(memory, Text) and memory.arg == 1:
            return memory.data[: _TASK_COMM_LEN - 1]
    return None


def names_host(record: Record) -> bytes | None:
    """What a successful sethostname called its caller's UTS namespace, else None; not read completely: empty."""
    if not isinstance(record, Syscall) or record.result != 0:
        return None
    if known_name_of(record.abi, record.nr) != "sethostname":
        return None
    for memory in record.memory:
        if isinstance(memory, Block) and memory.arg == 0 and len(memory.data) >= memory.wanted:
            return memory.data
    return b""
