"""Signals, stops and ends of tasks as strace writes them. Pure; nothing raises, whatever the bytes.

    signal_text(Signal) -> "--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, …} ---"
    stopped_text(Stopped) -> "--- stopped by SIGSTOP ---"
    exit_text(TaskExit) -> "+++ exited with 0 +++", "+++ killed by SIGSEGV (core dumped) +++",
                           "+++ superseded by execve in pid 7 +++"

siginfo_t is 128 bytes: si_signo, si_errno, si_code, and from byte 16 what the code says (sigaction(2),
include/uapi/asm-generic/siginfo.h). The kernel hands it to contrace in contrace's own ABI, which has 64 bits.
"""

import struct
from collections.abc import Iterator

from contrace.decode.arguments import hexadecimal, pointer
from contrace.records import Signal, Stopped, TaskExit
from contrace.syscalls.abi import AUDIT_ARCH_AARCH64, AUDIT_ARCH_X86_64, Abi, identify, known_name_of
from contrace.syscalls.flags.errno import errno_name
from contrace.syscalls.flags.siginfo import (
    AUDIT_ARCHES,
    BUS_MCEERR_AO,
    BUS_MCEERR_AR,
    BY_SIGNAL,
    CLD_EXITED,
    COMMON,
    POLL_HUP,
    POLL_IN,
    SEGV_BNDERR,
    SEGV_PKUERR,
    SI_SIGIO,
    SI_TIMER,
    SI_TKILL,
    SI_USER,
)
from contrace.syscalls.flags.signal import NUMBERS, signal_name

_SIZE = 128
_TICKS_PER_SECOND = 100  # USER_HZ, the same on every machine that contrace knows

SIGCHLD, SIGIO, SIGSEGV, SIGBUS, SIGSYS = (
    NUMBERS[name] for name in ("SIGCHLD", "SIGIO", "SIGSEGV", "SIGBUS", "SIGSYS")
)
_FAULTS = frozenset(NUMBERS[name] for name in ("SIGILL", "SIGFPE", "SIGBUS", "SIGSEGV", "SIGTRAP"))
_NATIVE = {AUDIT_ARCH_X86_64: Abi.X86_64, AUDIT_ARCH_AARCH64: Abi.AARCH64}


def signal_text(record: Signal) -> str:
    """A signal that is about to be delivered; only its name where nothing more could be read."""
    name = signal_name(record.signo)
    if len(record.siginfo) < _SIZE:
        return f"--- {name} ---"
    return f"--- {name} {{{', '.join(_Siginfo(record.siginfo).fields())}}} ---"


def stopped_text(record: Stopped) -> str:
    """A stop of the whole process, by SIGSTOP and its like."""
    return f"--- stopped by {signal_name(record.signo)} ---"


def exit_text(record: TaskExit) -> str:
    """How a task ended."""
    if record.superseded_by:
        return f"+++ superseded by execve in pid {record.superseded_by} +++"
    if record.signal:
        return f"+++ killed by {signal_name(record.signal)}{' (core dumped)' if record.core else ''} +++"
    return f"+++ exited with {record.status} +++"


class _Siginfo:
    """One siginfo_t; its fields as ``name=value``."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._signo, self._errno, self._code = struct.unpack_from("<3i", data)

    def fields(self) -> Iterator[str]:
        if not self._signo:
            return
        yield f"si_signo={signal_name(self._signo)}"
        yield f"si_code={self._code_name()}"
        if self._errno:
            yield f"si_errno={errno_name(self._errno) or self._errno & 0xFFFFFFFF}"
        yield from self._sent() if self._code <= 0 else self._raised()

    def _code_name(self) -> str:
        own = BY_SIGNAL.get(self._signo, {})
        return COMMON.get(self._code) or own.get(self._code) or f"{self._code & 0xFFFFFFFF:#x}"

    def _sent(self) -> Iterator[str]:
        """A process sent it, or asked the kernel to."""
        match self._code:
            case code if code in (SI_USER, SI_TKILL):
                yield from self._sender()
            case code if code == SI_TIMER:
                yield f"si_timerid={hexadecimal(self._uint(16))}"
                yield f"si_overrun={self._int(20)}"
                yield from self._value()
            case code if code == SI_SIGIO:
                yield from self._band()
            case _:
                yield from self._sender()
                if self._word(24):
                    yield from self._value()

    def _raised(self) -> Iterator[str]:
        """The kernel sent it."""
        signo, code = self._signo, self._code
        if signo == SIGCHLD:
            yield from self._sender()
            status = self._int(24)
            yield f"si_status={status if code == CLD_EXITED else signal_name(status)}"
            yield f"si_utime={_ticks(self._word(32))}"
            yield f"si_stime={_ticks(self._word(40))}"
        elif signo in _FAULTS:
            yield f"si_addr={pointer(self._word(16))}"
            if signo == SIGBUS and code in (BUS_MCEERR_AR, BUS_MCEERR_AO):
                yield f"si_addr_lsb={hexadecimal(self._uint(24) & 0xFFFF)}"
            elif signo == SIGSEGV and code == SEGV_BNDERR:
                yield f"si_lower={pointer(self._word(32))}"
                yield f"si_upper={pointer(self._word(40))}"
            elif signo == SIGSEGV and code == SEGV_PKUERR:
                yield f"si_pkey={self._uint(32)}"
        elif signo == SIGIO:
            if POLL_IN <= code <= POLL_HUP:
                yield from self._band()
        elif signo == SIGSYS:
            yield f"si_call_addr={pointer(self._word(16))}"
            yield f"si_syscall={_call(self._uint(24), self._uint(28))}"
            yield f"si_arch={_arch(self._uint(28))}"
        else:
            if self._word(16):  # si_pid and si_uid
                yield from self._sender()
            if self._word(24):
                yield from self._value()

    def _sender(self) -> Iterator[str]:
        yield f"si_pid={self._int(16)}"
        uid = self._uint(20)
        yield f"si_uid={-1 if uid == 0xFFFFFFFF else uid}"

    def _value(self) -> Iterator[str]:
        """union sigval: both its members."""
        yield f"si_int={self._int(24)}"
        yield f"si_ptr={pointer(self._word(24))}"

    def _band(self) -> Iterator[str]:
        yield f"si_band={int.from_bytes(self._data[16:24], 'little', signed=True)}"
        yield f"si_fd={self._int(24)}"

    def _int(self, offset: int) -> int:
        return int.from_bytes(self._data[offset : offset + 4], "little", signed=True)

    def _uint(self, offset: int) -> int:
        return int.from_bytes(self._data[offset : offset + 4], "little")

    def _word(self, offset: int) -> int:
        return int.from_bytes(self._data[offset : offset + 8], "little")


def _ticks(value: int) -> str:
    """A clock_t: ticks, and seconds beside them."""
    if not value:
        return "0"
    seconds, rest = divmod(value, _TICKS_PER_SECOND)
    return f"{value} /* {seconds}.{rest:02d} s */"


def _call(nr: int, arch: int) -> str:
    """What a seccomp filter refused: by name in the machine's own table, by number and name in another."""
    try:
        abi, own = identify(arch, nr)
    except ValueError:
        return str(nr)
    name = known_name_of(abi, own)
    if name is None:
        return str(nr)
    return f"__NR_{name}" if _NATIVE.get(arch) is abi else f"{nr} /* {name} */"


def _arch(value: int) -> str:
    return AUDIT_ARCHES.get(value) or f"{hexadecimal(value)} /* AUDIT_ARCH_??? */"
