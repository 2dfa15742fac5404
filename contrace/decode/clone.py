"""clone(2), clone3(2): flags, and where the kernel puts the ids of what was made. Nothing raises, whatever the bytes.

strace names the arguments of clone and leaves out those that the flags do not ask for.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from contrace.decode.arguments import CallRecord, block_at, hexadecimal, pointer, register, render_flags
from contrace.decode.notation import Argument, Notation
from contrace.decode.strings import hexadecimal_bytes
from contrace.syscalls.abi import Abi
from contrace.syscalls.flags.clone import (
    CLONE,
    CLONE3,
    CLONE_CHILD_CLEARTID,
    CLONE_CHILD_SETTID,
    CLONE_INTO_CGROUP,
    CLONE_PARENT_SETTID,
    CLONE_PIDFD,
    CLONE_SETTLS,
    CSIGNAL,
)
from contrace.syscalls.flags.signal import signal_name
from contrace.syscalls.specs import CLONE_REGISTERS

_CHILD_TID = CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID
_INT_MAX = 0x7FFFFFFF
_PAGE = 4096

# struct clone_args, include/uapi/linux/sched.h: CLONE_ARGS_SIZE_VER0 and VER2
_FIRST_SIZE, _KNOWN_SIZE = 64, 88
_CGROUP_AT = 80
_MOST_TIDS = 32  # MAX_PID_NS_LEVEL, include/linux/pid_namespace.h


@dataclass(frozen=True, slots=True)
class _Args:
    """struct clone_args; what lies beyond the size that the caller gave is 0."""

    flags: int
    pidfd: int
    child_tid: int
    parent_tid: int
    exit_signal: int
    stack: int
    stack_size: int
    tls: int
    set_tid: int
    set_tid_size: int
    cgroup: int


# --- clone ------------------------------------------------------------------------------------------------


def clone(record: CallRecord, notation: Notation) -> tuple[Argument, ...]:
    """``child_stack``, ``flags`` and what the flags ask for; that is known when the call has returned."""
    places = CLONE_REGISTERS[record.abi]
    values = [register(value, record.abi) for value in record.args]
    flags = values[places.flags]
    arguments = [
        Argument("child_stack", pointer(values[places.stack]), values[places.stack], named=True),
        Argument("flags", _flags_and_signal(flags), flags, named=True),
    ]
    if flags & (CLONE_PARENT_SETTID | CLONE_PIDFD):
        text, raw = _int_behind(record, places.parent_tid, values[places.parent_tid])
        arguments.append(Argument("parent_tid", text, raw, named=True, late=True))
    if flags & CLONE_SETTLS:
        address = values[places.tls]
        arguments.append(Argument("tls", _tls(record, places.tls, address), address, named=True, late=True))
    if flags & _CHILD_TID:
        address = values[places.child_tid]
        arguments.append(Argument("child_tidptr", pointer(address), address, named=True, late=True))
    return tuple(arguments)


def _flags_and_signal(value: int) -> str:
    flags, signal = value & ~CSIGNAL, value & CSIGNAL
    if not flags:
        return signal_name(signal)
    text = render_flags(flags, CLONE)
    return f"{text}|{signal_name(signal)}" if signal else text


# --- clone3 -----------------------------------------------------------------------------------------------


def clone3(record: CallRecord, notation: Notation) -> tuple[Argument, ...]:
    """The structure, as much of it as ``size`` covers, what the kernel changed behind it, and ``size``."""
    address, size = (register(value, record.abi) for value in record.args[:2])
    block = block_at(record, 0, at_exit=False)
    known = min(size, _KNOWN_SIZE)
    if block is None or known < _FIRST_SIZE or len(block.data) < known:
        return (Argument("cl_args", pointer(address), address), Argument("size", str(size), size))
    args = _parse(block.data[:known])
    tail = _tail(block.data, size, notation)
    fields = [*_fields(args, known, record, notation), *tail]
    waits = bool(args.flags & (CLONE_PIDFD | CLONE_PARENT_SETTID)) or size > known
    return (
        Argument("cl_args", f"{{{', '.join(fields)}}}", block.data),
        *_changes(record, known, size, notation),
        Argument("size", str(size), size, late=waits),
    )


def _parse(data: bytes) -> _Args:
    return _Args(*struct.unpack("<11Q", data.ljust(_KNOWN_SIZE, b"\0")))


def _fields(args: _Args, known: int, record: CallRecord, notation: Notation) -> Iterator[str]:
    yield f"flags={render_flags(args.flags, CLONE3)}"
    if args.flags & CLONE_PIDFD:
        yield f"pidfd={pointer(args.pidfd)}"
    if args.flags & _CHILD_TID:
        yield f"child_tid={pointer(args.child_tid)}"
    if args.flags & CLONE_PARENT_SETTID:
        yield f"parent_tid={pointer(args.parent_tid)}"
    yield f"exit_signal={signal_name(args.exit_signal) if args.exit_signal < _INT_MAX else args.exit_signal}"
    yield f"stack={pointer(args.stack)}"
    yield f"stack_size={hexadecimal(args.stack_size)}"
    if args.flags & CLONE_SETTLS:
        yield f"tls={_tls(record, 0, args.tls)}"
    if args.set_tid or args.set_tid_size:
        yield f"set_tid={_set_tid(args, record, notation)}"
        yield f"set_tid_size={args.set_tid_size}"
    if known > _CGROUP_AT and (args.cgroup or args.flags & CLONE_INTO_CGROUP):
        yield f"cgroup={args.cgroup}"


def _set_tid(args: _Args, record: CallRecord, notation: Notation) -> str:
    address, size = args.set_tid, args.set_tid_size
    block = block_at(record, 0, address=address) if address and 0 < size <= _MOST_TIDS else None
    tids = [tid for (tid,) in struct.iter_unpack("<i", block.data[: len(block.data) // 4 * 4])][:size] if block else []
    if not tids:
        return pointer(address)
    shown = len(tids) if notation.verbose else min(len(tids), notation.string_limit)
    parts = [str(tid) for tid in tids[:shown]]
    if shown < len(tids):
        parts.append("...")
    elif len(tids) < size:
        parts.append(f"... /* {address + 4 * len(tids):#x} */")
    return f"[{', '.join(parts)}]"


def _tail(data: bytes, size: int, notation: Notation) -> Iterator[str]:
    """What lies beyond the fields that are known, where it is not zero: the kernel refuses that."""
    total = min(size, _PAGE)
    if total <= _KNOWN_SIZE:
        return
    if len(data) < total:
        yield "???"
        return
    tail = data[_KNOWN_SIZE:total]
    if any(tail):
        more = "..." if len(tail) > notation.string_limit else ""
        yield f"/* bytes {_KNOWN_SIZE}..{total - 1} */ {hexadecimal_bytes(tail[: notation.string_limit])}{more}"


def _changes(record: CallRecord, known: int, size: int, notation: Notation) -> Iterator[Argument]:
    """What the kernel put behind the structure's pointers, read when the call had returned without an error."""
    if not _succeeded(record):
        return
    block = block_at(record, 0, at_exit=True)
    if block is None or len(block.data) < known:
        address = register(record.args[0], record.abi)
        yield Argument("cl_args_after", pointer(address), address, late=True, sep=" => ")
        return
    args = _parse(block.data[:known])
    fields = []
    if args.flags & CLONE_PIDFD:
        fields.append(f"pidfd={_int_behind(record, 0, args.pidfd)[0]}")
    if args.flags & CLONE_PARENT_SETTID:
        fields.append(f"parent_tid={_int_behind(record, 0, args.parent_tid)[0]}")
    fields.extend(_tail(block.data, size, notation))
    if fields:
        yield Argument("cl_args_after", f"{{{', '.join(fields)}}}", block.data, late=True, sep=" => ")


# --- both -------------------------------------------------------------------------------------------------


def _succeeded(record: CallRecord) -> bool:
    result = getattr(record, "result", None)
    return result is not None and not -4095 <= result < 0


def _int_behind(record: CallRecord, index: int, address: int) -> tuple[str, int]:
    """A pid or file descriptor that the kernel has written."""
    block = block_at(record, index, at_exit=True, address=address)
    if block is None or len(block.data) < 4:
        return pointer(address), address
    value = int.from_bytes(block.data[:4], "little", signed=True)
    return f"[{value}]", value


def _tls(record: CallRecord, index: int, address: int) -> str:
    """An address, but for i386 a struct user_desc (set_thread_area(2), arch/x86/include/uapi/asm/ldt.h)."""
    block = block_at(record, index, address=address) if record.abi is Abi.I386 else None
    if block is None or len(block.data) < 16:
        return pointer(address)
    entry, base, limit, bits = struct.unpack_from("<iIII", block.data)
    return (
        f"{{entry_number={entry}, base_addr={base:#08x}, limit={limit:#08x}, seg_32bit={bits & 1}"
        f", contents={bits >> 1 & 3}, read_exec_only={bits >> 3 & 1}, limit_in_pages={bits >> 4 & 1}"
        f", seg_not_present={bits >> 5 & 1}, useable={bits >> 6 & 1}}}"
    )
