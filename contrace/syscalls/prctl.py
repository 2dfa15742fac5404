"""prctl(2): one row per option that the kernel knows, its arguments as strace shows them.

Sources: include/uapi/linux/prctl.h of Linux 6.18 for the options, kernel/sys.c (SYSCALL_DEFINE5(prctl …)) for
which arguments each one reads, prctl(2) for their names. An option that takes no argument is shown without any;
one that insists on zeros in the arguments it does not use is shown with all of them.
"""

from dataclasses import replace

from contrace.syscalls.rows import Arg, As, Copy, Inside, Option, Result, What

_WORD = 0xFFFFFFFFFFFFFFFF
_INT = 0xFFFFFFFF

_ARG2, _ARG3, _ARG4, _ARG5 = (Arg(f"arg{n}", As.HEX) for n in (2, 3, 4, 5))
_ALL = (_ARG2, _ARG3, _ARG4, _ARG5)
_AFTER_2 = (_ARG3, _ARG4, _ARG5)
_AFTER_3 = (_ARG4, _ARG5)

_INT_AT_2 = (Copy(1, What.BLOCK, 4, at_exit=True),)


def _number(name: str) -> tuple[Arg, ...]:
    return (Arg(name, As.ULONG),)


def _pointer(name: str, show: As, family: str = "") -> tuple[Arg, ...]:
    """An int that the kernel puts behind arg2."""
    return (Arg(name, show, family, points=True),)


def _choice(name: str, family: str) -> Arg:
    return Arg(name, As.CHOICE, family)


def _flags(name: str, family: str) -> Arg:
    return Arg(name, As.FLAGS, family)


def _forms(base: Option, *forms: tuple[tuple[int, ...], Option]) -> Option:
    """``base`` with the rows that replace it for those values of arg2."""
    return replace(base, forms={value: form for values, form in forms for value in values})


_CAP_AMBIENT_OPERATION = _choice("operation", "pr_cap_ambient")
_MCE_KILL_OPERATION = _choice("operation", "pr_mce_kill")
_MISFEATURE = _choice("misfeature", "pr_spec_cmds")
_SECCOMP_MODE = _choice("mode", "seccomp_mode")
_VMA_ATTRIBUTE = _choice("attr", "pr_set_vma")
_SCHED_CORE = (
    _choice("operation", "pr_sched_core_cmds"),
    Arg("pid", As.INT),
    Arg("pidtype", As.SPECIAL, "pid_type"),
)

UNKNOWN = Option("PR_???", _ALL)
"""How a value is shown that is no option."""

OPTIONS: dict[int, Option] = {
    1: Option("PR_SET_PDEATHSIG", (Arg("sig", As.SPECIAL, "death_signal"),)),
    2: Option("PR_GET_PDEATHSIG", _pointer("sig", As.SIGNAL), _INT_AT_2),
    3: Option("PR_GET_DUMPABLE", result=Result.CHOICE, result_family="pr_dumpable"),
    4: Option("PR_SET_DUMPABLE", (_choice("dumpable", "pr_dumpable"),)),
    5: Option("PR_GET_UNALIGN", _pointer("bits", As.FLAGS, "pr_unalign_flags"), _INT_AT_2),
    6: Option("PR_SET_UNALIGN", (_flags("bits", "pr_unalign_flags"),)),
    7: Option("PR_GET_KEEPCAPS"),
    8: Option("PR_SET_KEEPCAPS", _number("state")),
    9: Option("PR_GET_FPEMU", _pointer("fpemu", As.UINT), _INT_AT_2),
    10: Option("PR_SET_FPEMU", _number("fpemu")),
    11: Option("PR_GET_FPEXC", _pointer("mode", As.UINT), _INT_AT_2),
    12: Option("PR_SET_FPEXC", _number("mode")),
    13: Option("PR_GET_TIMING"),
    14: Option("PR_SET_TIMING", _number("timing")),
    # TASK_COMM_LEN is 16 with its NUL (include/linux/sched.h); the kernel reads 15 bytes.
    15: Option("PR_SET_NAME", (Arg("name", As.SPECIAL, "new_name"),), (Copy(1, What.STRING, 16),)),
    16: Option("PR_GET_NAME", (Arg("name", As.SPECIAL, "own_name"),), (Copy(1, What.BLOCK, 16, at_exit=True),)),
    19: Option("PR_GET_ENDIAN", _pointer("endianness", As.UINT), _INT_AT_2),
    20: Option("PR_SET_ENDIAN", _number("endianness")),
    21: Option("PR_GET_SECCOMP"),
    22: _forms(
        Option(
            "PR_SET_SECCOMP",
            (_SECCOMP_MODE, *_AFTER_2),
            # struct sock_fprog {u16 len; struct sock_filter *filter}; struct sock_filter has 8 bytes and a
            # program at most BPF_MAXINSNS of them (include/uapi/linux/filter.h, bpf_common.h).
            (
                Copy(
                    2,
                    What.BLOCK,
                    16,
                    8,
                    only_if=(1, _WORD, 2),
                    inside=(Inside(8, 8, offset_32=4, count_offset=0, count_width=2, most=4096),),
                ),
            ),
            identity=True,
        ),
        ((1,), Option("PR_SET_SECCOMP", (_SECCOMP_MODE,))),
        ((2,), Option("PR_SET_SECCOMP", (_SECCOMP_MODE, Arg("filter", As.SPECIAL, "seccomp_program")))),
    ),
    23: Option("PR_CAPBSET_READ", (_choice("cap", "capability"),)),
    24: Option("PR_CAPBSET_DROP", (_choice("cap", "capability"),), identity=True),
    25: Option("PR_GET_TSC", _pointer("flag", As.CHOICE, "pr_tsc"), _INT_AT_2),
    26: Option("PR_SET_TSC", (_choice("flag", "pr_tsc"),)),
    27: Option("PR_GET_SECUREBITS", result=Result.FLAGS, result_family="securebits"),
    28: Option("PR_SET_SECUREBITS", (_flags("bits", "securebits"),)),
    29: Option("PR_SET_TIMERSLACK", (Arg("timer_slack", As.SPECIAL, "register"),)),
    30: Option("PR_GET_TIMERSLACK"),
    31: Option("PR_TASK_PERF_EVENTS_DISABLE"),
    32: Option("PR_TASK_PERF_EVENTS_ENABLE"),
    33: _forms(
        Option("PR_MCE_KILL", (_MCE_KILL_OPERATION, *_AFTER_2)),
        (
            (1,),
            Option("PR_MCE_KILL", (_MCE_KILL_OPERATION, _choice("policy", "pr_mce_kill_policy"), *_AFTER_3)),
        ),
    ),
    34: Option("PR_MCE_KILL_GET", _ALL, result=Result.CHOICE, result_family="pr_mce_kill_policy"),
    # PR_SET_MM_EXE_FILE changes /proc/PID/exe.
    35: Option("PR_SET_MM", (_choice("field", "pr_set_mm"), *_AFTER_2), identity=True),
    36: Option("PR_SET_CHILD_SUBREAPER", _number("isset")),
    37: Option("PR_GET_CHILD_SUBREAPER", _pointer("isset", As.UINT), _INT_AT_2),
    38: Option("PR_SET_NO_NEW_PRIVS", (*_number("value"), *_AFTER_2), identity=True),
    39: Option("PR_GET_NO_NEW_PRIVS", _ALL),
    # The kernel writes a word of its own width for 32-bit tasks as well (prctl(2), BUGS).
    40: Option(
        "PR_GET_TID_ADDRESS",
        (Arg("tid_address", As.ADDRESS, points=True),),
        (Copy(1, What.BLOCK, 8, at_exit=True),),
    ),
    41: Option("PR_SET_THP_DISABLE", (*_number("thp_disable"), *_AFTER_2)),
    42: Option("PR_GET_THP_DISABLE", _ALL),
    43: Option("PR_MPX_ENABLE_MANAGEMENT", _ALL),
    44: Option("PR_MPX_DISABLE_MANAGEMENT", _ALL),
    45: Option("PR_SET_FP_MODE", (_flags("mode", "pr_fp_mode"),)),
    46: Option("PR_GET_FP_MODE", result=Result.FLAGS, result_family="pr_fp_mode"),
    47: _forms(
        Option("PR_CAP_AMBIENT", (_CAP_AMBIENT_OPERATION, *_AFTER_2), identity=True),
        (
            (1, 2, 3),
            Option("PR_CAP_AMBIENT", (_CAP_AMBIENT_OPERATION, _choice("cap", "capability"), *_AFTER_3)),
        ),
    ),
    50: Option("PR_SVE_SET_VL", (Arg("arg", As.SPECIAL, "sve"),), result=Result.SPECIAL, result_family="sve"),
    51: Option("PR_SVE_GET_VL", result=Result.SPECIAL, result_family="sve"),
    52: _forms(
        Option("PR_GET_SPECULATION_CTRL", (_MISFEATURE,)),
        (
            (0, 1, 2),
            Option(
                "PR_GET_SPECULATION_CTRL",
                (_MISFEATURE,),
                result=Result.FLAGS,
                result_family="pr_spec_states",
            ),
        ),
    ),
    53: _forms(
        Option("PR_SET_SPECULATION_CTRL", (_MISFEATURE, Arg("val", As.HEX))),
        ((0, 1, 2), Option("PR_SET_SPECULATION_CTRL", (_MISFEATURE, _choice("val", "pr_spec_controls")))),
    ),
    54: Option("PR_PAC_RESET_KEYS", (_flags("keys", "pr_pac_keys"), *_AFTER_2)),
    55: Option("PR_SET_TAGGED_ADDR_CTRL", (Arg("mode", As.SPECIAL, "tagged_addr"), *_AFTER_2)),
    56: Option("PR_GET_TAGGED_ADDR_CTRL", _ALL, result=Result.SPECIAL, result_family="tagged_addr"),
    57: Option("PR_SET_IO_FLUSHER", (*_number("state"), *_AFTER_2)),
    58: Option("PR_GET_IO_FLUSHER", _ALL),
    59: Option(
        "PR_SET_SYSCALL_USER_DISPATCH",
        (
            _choice("mode", "pr_sud_cmds"),
            Arg("off", As.HEX),
            Arg("size", As.HEX),
            Arg("switch", As.ADDRESS),
        ),
    ),
    60: Option(
        "PR_PAC_SET_ENABLED_KEYS",
        (
            _flags("affected_keys", "pr_pac_enabled_keys"),
            _flags("enabled_keys", "pr_pac_enabled_keys"),
            *_AFTER_3,
        ),
    ),
    61: Option("PR_PAC_GET_ENABLED_KEYS", _ALL, result=Result.FLAGS, result_family="pr_pac_enabled_keys"),
    62: _forms(
        Option(
            "PR_SCHED_CORE",
            (*_SCHED_CORE, Arg("cookie", As.ADDRESS)),
            (Copy(4, What.BLOCK, 8, at_exit=True, only_if=(1, _INT, 0)),),
        ),
        ((0,), Option("PR_SCHED_CORE", (*_SCHED_CORE, Arg("cookie", As.SPECIAL, "cookie")))),
    ),
    63: Option("PR_SME_SET_VL", (Arg("arg", As.SPECIAL, "sme"),), result=Result.SPECIAL, result_family="sme"),
    64: Option("PR_SME_GET_VL", result=Result.SPECIAL, result_family="sme"),
    65: Option("PR_SET_MDWE", (_flags("mask", "pr_mdwe_flags"), *_AFTER_2)),
    66: Option("PR_GET_MDWE", _ALL, result=Result.FLAGS, result_family="pr_mdwe_flags"),
    67: Option("PR_SET_MEMORY_MERGE", _ALL),
    68: Option("PR_GET_MEMORY_MERGE", _ALL),
    69: Option("PR_RISCV_V_SET_CONTROL", (Arg("arg", As.SPECIAL, "riscv_v"),)),
    70: Option("PR_RISCV_V_GET_CONTROL", result=Result.SPECIAL, result_family="riscv_v"),
    71: Option(
        "PR_RISCV_SET_ICACHE_FLUSH_CTX",
        (_choice("ctx", "pr_riscv_icache_flush_ctxes"), _choice("scope", "pr_riscv_icache_flush_scopes")),
    ),
    72: Option(
        "PR_PPC_GET_DEXCR",
        (_choice("aspect", "pr_ppc_dexcr_aspects"), *_AFTER_2),
        result=Result.FLAGS,
        result_family="pr_ppc_dexcr_ctrl_flags",
    ),
    73: Option(
        "PR_PPC_SET_DEXCR",
        (
            _choice("aspect", "pr_ppc_dexcr_aspects"),
            _flags("ctrl", "pr_ppc_dexcr_ctrl_flags"),
            *_AFTER_3,
        ),
    ),
    74: Option("PR_GET_SHADOW_STACK_STATUS", _ALL),
    75: Option("PR_SET_SHADOW_STACK_STATUS", _ALL),
    76: Option("PR_LOCK_SHADOW_STACK_STATUS", _ALL),
    77: Option("PR_TIMER_CREATE_RESTORE_IDS", _ALL),
    78: Option("PR_FUTEX_HASH", _ALL),
    # Linux 7.0.
    79: Option("PR_RSEQ_SLICE_EXTENSION", _ALL),
    80: Option("PR_GET_CFI", _ALL),
    81: Option("PR_SET_CFI", _ALL),
    0x41555856: Option("PR_GET_AUXV", _ALL),
    0x53564D41: _forms(
        Option(
            "PR_SET_VMA",
            (_VMA_ATTRIBUTE, *_AFTER_2),
            # The kernel takes 80 bytes (ANON_VMA_NAME_MAX_LEN) and refuses more.
            (Copy(4, What.STRING, 4096, only_if=(1, _WORD, 0)),),
        ),
        (
            (0,),
            Option(
                "PR_SET_VMA",
                (_VMA_ATTRIBUTE, Arg("addr", As.ADDRESS), Arg("size", As.ULONG), Arg("val", As.STRING)),
            ),
        ),
    ),
    0x59616D61: Option("PR_SET_PTRACER", (Arg("pid", As.SPECIAL, "ptracer"),)),
}
