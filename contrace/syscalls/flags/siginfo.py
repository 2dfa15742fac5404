"""What si_code says, per signal (include/uapi/asm-generic/siginfo.h), and AUDIT_ARCH_* (include/uapi/linux/audit.h)."""

from contrace.syscalls.flags.signal import NUMBERS

SI_USER = 0
SI_KERNEL = 0x80
SI_TIMER = -2
SI_SIGIO = -5
SI_TKILL = -6
CLD_EXITED = 1
SEGV_BNDERR = 3
SEGV_PKUERR = 4
BUS_MCEERR_AR = 4
BUS_MCEERR_AO = 5
POLL_IN = 1
POLL_HUP = 6

COMMON: dict[int, str] = {
    SI_USER: "SI_USER",
    SI_KERNEL: "SI_KERNEL",
    -1: "SI_QUEUE",
    SI_TIMER: "SI_TIMER",
    -3: "SI_MESGQ",
    -4: "SI_ASYNCIO",
    SI_SIGIO: "SI_SIGIO",
    SI_TKILL: "SI_TKILL",
    -7: "SI_DETHREAD",
    -60: "SI_ASYNCNL",
}
"""Codes that mean the same for every signal."""


def _numbered(prefix: str, names: str) -> dict[int, str]:
    return {code: prefix + name for code, name in enumerate(names.split(), 1)}


_BY_NAME: dict[str, dict[int, str]] = {
    "SIGILL": _numbered("ILL_", "ILLOPC ILLOPN ILLADR ILLTRP PRVOPC PRVREG COPROC BADSTK BADIADDR"),
    "SIGTRAP": _numbered("TRAP_", "BRKPT TRACE BRANCH HWBKPT UNK PERF"),
    "SIGBUS": _numbered("BUS_", "ADRALN ADRERR OBJERR MCEERR_AR MCEERR_AO"),
    "SIGFPE": _numbered("FPE_", "INTDIV INTOVF FLTDIV FLTOVF FLTUND FLTRES FLTINV FLTSUB")
    | {14: "FPE_FLTUNK", 15: "FPE_CONDTRAP"},
    "SIGSEGV": _numbered("SEGV_", "MAPERR ACCERR BNDERR PKUERR ACCADI ADIDERR ADIPERR MTEAERR MTESERR CPERR"),
    "SIGCHLD": _numbered("CLD_", "EXITED KILLED DUMPED TRAPPED STOPPED CONTINUED"),
    "SIGIO": _numbered("POLL_", "IN OUT MSG ERR PRI HUP"),
    "SIGSYS": {1: "SYS_SECCOMP", 2: "SYS_USER_DISPATCH"},
}

BY_SIGNAL: dict[int, dict[int, str]] = {NUMBERS[name]: codes for name, codes in _BY_NAME.items()}
"""Signal number -> its own codes, sent by the kernel."""

AUDIT_ARCHES: dict[int, str] = {
    0xC000003E: "AUDIT_ARCH_X86_64",
    0x40000003: "AUDIT_ARCH_I386",
    0xC00000B7: "AUDIT_ARCH_AARCH64",
    0x40000028: "AUDIT_ARCH_ARM",
}
"""The machines that an x86_64 or aarch64 kernel can report."""
