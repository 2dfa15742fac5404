"""System call numbers <-> names, per ABI.

The tables are in ``numbers.py``: python-ptrace's end at Linux 5.10, its i386 one names kernel functions instead of
calls, and importing it costs 65 ms and loads ctypes.
"""

from enum import IntEnum
from functools import cache

from contrace.syscalls import numbers

# include/uapi/linux/audit.h: what PTRACE_GET_SYSCALL_INFO and seccomp call the architecture
AUDIT_ARCH_X86_64 = 0xC000003E
AUDIT_ARCH_I386 = 0x40000003
AUDIT_ARCH_AARCH64 = 0xC00000B7

X32_SYSCALL_BIT = 0x40000000  # arch/x86/include/uapi/asm/unistd.h; the architecture of x32 is AUDIT_ARCH_X86_64


X32_OWN_FIRST = 512
"""From here on x32 has numbers of its own, for calls that take 32-bit arguments (arch/x86/entry/syscalls)."""


class Abi(IntEnum):
    """Which call table and word size a task used for a call. The values are stored in trace files."""

    X86_64 = 0
    I386 = 1
    X32 = 2
    AARCH64 = 3

    @property
    def word(self) -> int:
        """Bytes of a pointer in this ABI (x32: long long registers, 4-byte pointers)."""
        return 4 if self in (Abi.I386, Abi.X32) else 8

    @property
    def register(self) -> int:
        """Bytes of a register, which is the kernel's long for this ABI."""
        return 4 if self is Abi.I386 else 8


@cache
def _by_number(abi: Abi) -> dict[int, str]:
    if abi is Abi.X32:
        missing = {*numbers.X86_64_ONLY.split(), *_expand(numbers.X32_OWN).values()}
        shared = {nr: name for nr, name in _by_number(Abi.X86_64).items() if name not in missing}
        return shared | _expand(numbers.X32_OWN)
    own = {Abi.X86_64: numbers.X86_64, Abi.I386: numbers.I386, Abi.AARCH64: numbers.AARCH64}[abi]
    return _expand(own) | _expand(numbers.COMMON)


@cache
def _by_name(abi: Abi) -> dict[str, int]:
    return {name: nr for nr, name in _by_number(abi).items()}


def _expand(runs: numbers.Runs) -> dict[int, str]:
    return {first + index: name for first, run in runs.items() for index, name in enumerate(run.split())}


def known_name_of(abi: Abi, nr: int) -> str | None:
    """The call's name as strace prints it; None for a number without a call."""
    name = _by_number(abi).get(nr)
    if name is None and abi is Abi.X32 and nr in _by_number(Abi.X86_64):
        return f"{_by_number(Abi.X86_64)[nr]}#64"  # a 64-bit-only number with the x32 bit
    return name


def name_of(abi: Abi, nr: int) -> str:
    """As `known_name_of`; ``syscall_0x1ff`` for a number without a call."""
    name = known_name_of(abi, nr)
    if name is not None:
        return name
    _, number = raw(abi, nr)
    return f"syscall_{number & (1 << abi.register * 8) - 1:#x}" if number else "syscall_0"


def number_of(abi: Abi, name: str) -> int | None:
    """The call's number; None where this ABI does not have it."""
    return _by_name(abi).get(name)


def names(abi: Abi) -> tuple[str, ...]:
    """Every call of the ABI, by number."""
    return tuple(_by_number(abi).values())


def identify(audit_arch: int, nr: int) -> tuple[Abi, int]:
    """The ABI of a call and its number in that table (x32's bit removed).

    Raises ValueError for an architecture that contrace does not know.
    """
    if audit_arch == AUDIT_ARCH_X86_64:
        if nr & X32_SYSCALL_BIT and 0 <= nr < 1 << 31:
            return Abi.X32, nr & ~X32_SYSCALL_BIT
        return Abi.X86_64, nr
    if audit_arch == AUDIT_ARCH_I386:
        return Abi.I386, nr
    if audit_arch == AUDIT_ARCH_AARCH64:
        return Abi.AARCH64, nr
    raise ValueError(f"unknown architecture {audit_arch:#x}")


def abis_of(machine: str) -> tuple[Abi, ...]:
    """The ABIs that processes of a host use, its own first. ``machine`` is uname's; empty: one that is not known."""
    return {"x86_64": (Abi.X86_64, Abi.I386, Abi.X32), "aarch64": (Abi.AARCH64,)}.get(machine, ())


def raw(abi: Abi, nr: int) -> tuple[int, int]:
    """The audit architecture and the number as the kernel reports them: the inverse of `identify`."""
    if abi is Abi.X32:
        return AUDIT_ARCH_X86_64, nr | X32_SYSCALL_BIT
    arch = {Abi.X86_64: AUDIT_ARCH_X86_64, Abi.I386: AUDIT_ARCH_I386, Abi.AARCH64: AUDIT_ARCH_AARCH64}[abi]
    return arch, nr
