"""Where contrace follows the newest strace (7.2) and the distribution's 6.1 prints something else.

One row per difference. A row that changes nothing in any comparison fails the test: it is not needed.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Known:
    call: str
    """The line, without its pid column, begins with this."""
    old: str
    """What 6.1 prints (a regular expression) …"""
    new: str | Callable[[re.Match[str]], str]
    """… and the newest, for re.sub."""
    why: str
    used: int = field(default=0, compare=False)

    def apply(self, line: str) -> str:
        body = re.sub(r"^<process \d+> ", "", line)
        if not body.startswith(self.call):
            return line
        changed, times = re.subn(self.old, self.new, line)
        self.used += times
        return changed


Names = dict[int, str]


def flags(value: int, names: Names, unknown: str) -> str:
    known = [name for bit, name in names.items() if value & bit]
    rest = value & ~sum(names)
    if known:
        return "|".join(known + ([f"{rest:#x}"] if rest else []))
    return f"{rest:#x} /* {unknown} */" if rest else "0"


def choice(value: int, names: Names, unknown: str) -> str:
    return names.get(value) or f"{value:#x} /* {unknown} */".replace("0x0", "0")


SECUREBITS = {
    1 << 8: "SECBIT_EXEC_RESTRICT_FILE",
    1 << 9: "SECBIT_EXEC_RESTRICT_FILE_LOCKED",
    1 << 10: "SECBIT_EXEC_DENY_INTERACTIVE",
    1 << 11: "SECBIT_EXEC_DENY_INTERACTIVE_LOCKED",
}
MDWE = {1: "PR_MDWE_REFUSE_EXEC_GAIN", 2: "PR_MDWE_NO_INHERIT"}
RISCV_STATES = {0: "PR_RISCV_V_VSTATE_CTRL_DEFAULT", 1: "PR_RISCV_V_VSTATE_CTRL_OFF", 2: "PR_RISCV_V_VSTATE_CTRL_ON"}
RISCV_FLUSH = {0: "PR_RISCV_CTX_SW_FENCEI_ON", 1: "PR_RISCV_CTX_SW_FENCEI_OFF"}
RISCV_SCOPE = {0: "PR_RISCV_SCOPE_PER_PROCESS", 1: "PR_RISCV_SCOPE_PER_THREAD"}
DEXCR = {0: "PR_PPC_DEXCR_SBHE", 1: "PR_PPC_DEXCR_IBRTPD", 2: "PR_PPC_DEXCR_SRAPD", 3: "PR_PPC_DEXCR_NPHIE"}
DEXCR_CONTROLS = {
    1: "PR_PPC_DEXCR_CTRL_EDITABLE",
    2: "PR_PPC_DEXCR_CTRL_SET",
    4: "PR_PPC_DEXCR_CTRL_CLEAR",
    8: "PR_PPC_DEXCR_CTRL_SET_ONEXEC",
    16: "PR_PPC_DEXCR_CTRL_CLEAR_ONEXEC",
}


def set_mdwe(arguments: list[int]) -> list[str]:
    return [flags(arguments[0] & 0xFFFFFFFF, MDWE, "PR_MDWE_???"), *map(hexadecimal, arguments[1:])]


def riscv_set_control(arguments: list[int]) -> list[str]:
    value = arguments[0]
    present, following = (RISCV_STATES.get(bits, hexadecimal(bits)) for bits in (value & 3, value >> 2 & 3))
    inherit = ("" if value & 16 else "!") + "PR_RISCV_V_VSTATE_CTRL_INHERIT"
    rest = [hexadecimal(value & ~31)] if value & ~31 else []
    return ["|".join([present, f"{following}<<2", inherit, *rest])]


def riscv_flush(arguments: list[int]) -> list[str]:
    return [
        choice(arguments[0], RISCV_FLUSH, "PR_RISCV_CTX_???"),
        choice(arguments[1], RISCV_SCOPE, "PR_RISCV_SCOPE_???"),
    ]


def dexcr_get(arguments: list[int]) -> list[str]:
    return [choice(arguments[0], DEXCR, "PR_PPC_DEXCR_???"), *map(hexadecimal, arguments[1:])]


def dexcr_set(arguments: list[int]) -> list[str]:
    control = flags(arguments[1], DEXCR_CONTROLS, "PR_PPC_DEXCR_CTRL_???")
    return [choice(arguments[0], DEXCR, "PR_PPC_DEXCR_???"), control, *map(hexadecimal, arguments[2:])]


def hexadecimal(value: int) -> str:
    return f"{value:#x}" if value else "0"


def as_they_are(arguments: list[int]) -> list[str]:
    return [hexadecimal(value) for value in arguments]


def prctl(number: int, name: str, why: str, show: Callable[[list[int]], list[str]] = as_they_are) -> Known:
    """An option that 6.1 does not know: its number and all four arguments in hexadecimal."""

    def call(found: re.Match[str]) -> str:
        arguments = [int(word, 16) for word in found[1].split(", ")]
        return f"prctl({', '.join([name, *show(arguments)])})"

    return Known("prctl(", rf"prctl\({number:#x} /\* PR_\?\?\? \*/, ([^)]*)\)", call, why)


def securebits(found: re.Match[str]) -> str:
    return flags(int(found[1], 16), SECUREBITS, "SECBIT_???")


def securebits_result(found: re.Match[str]) -> str:
    value = int(found[1], 16)
    names = [found[2]] if found[2] else []
    return f"= {found[1]} ({'|'.join([*names, flags(value & 0xF00, SECUREBITS, '')])})"


def mdwe_result(found: re.Match[str]) -> str:
    return f"{found[1]}{hexadecimal(int(found[2]))} ({flags(int(found[2]), MDWE, '')})"


EXECVEAT_ALL = (
    "AT_SYMLINK_NOFOLLOW|AT_REMOVEDIR|AT_SYMLINK_FOLLOW|AT_NO_AUTOMOUNT|AT_EMPTY_PATH|AT_RECURSIVE|0xffff60ff"
)

KNOWN = [
    Known(
        "execveat(",
        r"0x10000 /\* AT_\?\?\? \*/",
        "AT_EXECVE_CHECK",
        "6.14 knows the flag that Linux 6.14 added (linux/fcntl.h)",
    ),
    Known(
        "execveat(",
        r"AT_SYMLINK_FOLLOW(?=\))",
        "0x400 /* AT_??? */",
        "6.14 gives execveat a flag list of its own: only what the call takes has a name",
    ),
    Known(
        "execveat(",
        re.escape(EXECVEAT_ALL),
        "AT_SYMLINK_NOFOLLOW|AT_EMPTY_PATH|AT_EXECVE_CHECK|0xfffeeeff",
        "6.14: the same list, every bit set",
    ),
    Known(
        "clone3(",
        r"0x3c00000000 /\* CLONE_\?\?\? \*/",
        "CLONE_AUTOREAP|CLONE_NNP|CLONE_PIDFD_AUTOKILL|CLONE_EMPTY_MNTNS",
        "7.1 knows the flags that Linux 7.1 added (linux/sched.h)",
    ),
    Known(
        "clone3(",
        r"CLONE_INTO_CGROUP\|0xfffffffc0040007f",
        "CLONE_INTO_CGROUP|CLONE_AUTOREAP|CLONE_NNP|CLONE_PIDFD_AUTOKILL|CLONE_EMPTY_MNTNS|0xffffffc00040007f",
        "7.1: the same flags, every bit set",
    ),
    Known(
        "prctl(PR_SET_SECUREBITS",
        r"(0x[0-9a-f]+)(?: /\* SECBIT_\?\?\? \*/)?(?=\))",
        securebits,
        "6.14 knows the bits that Linux 6.14 added (linux/securebits.h)",
    ),
    Known(
        "prctl(PR_GET_SECUREBITS)",
        r"= (0x[0-9a-f]*[1-9a-f]00)$()",
        securebits_result,
        "6.14: the same bits",
    ),
    prctl(65, "PR_SET_MDWE", "6.3", set_mdwe),
    prctl(66, "PR_GET_MDWE", "6.3"),
    Known("prctl(PR_GET_MDWE", r"(= )([1-9])$", mdwe_result, "6.3"),
    prctl(67, "PR_SET_MEMORY_MERGE", "6.4"),
    prctl(68, "PR_GET_MEMORY_MERGE", "6.4"),
    prctl(69, "PR_RISCV_V_SET_CONTROL", "6.10", riscv_set_control),
    prctl(70, "PR_RISCV_V_GET_CONTROL", "6.10: takes no argument", lambda arguments: []),
    prctl(71, "PR_RISCV_SET_ICACHE_FLUSH_CTX", "6.10", riscv_flush),
    prctl(72, "PR_PPC_GET_DEXCR", "6.10", dexcr_get),
    prctl(73, "PR_PPC_SET_DEXCR", "6.10", dexcr_set),
    prctl(74, "PR_GET_SHADOW_STACK_STATUS", "6.16 list"),
    prctl(75, "PR_SET_SHADOW_STACK_STATUS", "6.16 list"),
    prctl(76, "PR_LOCK_SHADOW_STACK_STATUS", "6.16 list"),
    prctl(77, "PR_TIMER_CREATE_RESTORE_IDS", "6.16 list"),
    prctl(78, "PR_FUTEX_HASH", "6.16 list"),
    prctl(0x41555856, "PR_GET_AUXV", "6.5 list"),
    Known(
        "prctl(PR_SET_SYSCALL_USER_DISPATCH",
        r"PR_SYS_DISPATCH_ON|0x2 /\* PR_SYS_DISPATCH_\?\?\? \*/",
        lambda found: "PR_SYS_DISPATCH_INCLUSIVE_ON" if "0x2" in found[0] else "PR_SYS_DISPATCH_EXCLUSIVE_ON",
        "7 knows the mode that Linux 6.18 added, and the new name of the older one (linux/prctl.h)",
    ),
    Known(
        "prctl(PR_SET_SECCOMP",
        r"BPF_JMP\|BPF_K\|0xe0 /\* BPF_\?\?\? \*/",
        "BPF_JMP|BPF_K|BPF_JCOND",
        "6.10 list",
    ),
    Known(
        "--- SIGSYS",
        r"si_syscall=59(?=, si_arch=AUDIT_ARCH_AARCH64)",
        "si_syscall=__NR_pipe2",
        "strace knows the tables of the machine that it runs on, contrace those of every machine a trace can be from",
    ),
    Known("--- SIGSEGV", "si_code=0xa(?=[,}])", "si_code=SEGV_CPERR", "6.6 names the code of x86 shadow stacks"),
]


def newest(lines: list[str]) -> list[str]:
    """The lines of 6.1 as the newest strace prints them."""
    for known in KNOWN:
        lines = [known.apply(line) for line in lines]
    return lines
