"""What prctl's options take and return (include/uapi/linux/prctl.h of Linux 6.18; SUID_DUMP_*: linux/sched/coredump.h).

A family without a comment for unknown values is one part of a compound value, whose rest is shown as a number.
"""

from contrace.syscalls.flags.family import Family

PR_DUMPABLE = Family(
    "pr_dumpable", (("SUID_DUMP_DISABLE", 0), ("SUID_DUMP_USER", 1), ("SUID_DUMP_ROOT", 2)), "SUID_DUMP_???", width=64
)

PR_UNALIGN_FLAGS = Family("pr_unalign_flags", (("PR_UNALIGN_NOPRINT", 1), ("PR_UNALIGN_SIGBUS", 2)), "PR_UNALIGN_???")

PR_TSC = Family("pr_tsc", (("PR_TSC_ENABLE", 1), ("PR_TSC_SIGSEGV", 2)), "PR_TSC_???")

PR_MCE_KILL = Family("pr_mce_kill", (("PR_MCE_KILL_CLEAR", 0), ("PR_MCE_KILL_SET", 1)), "PR_MCE_KILL_???", width=64)

PR_MCE_KILL_POLICY = Family(
    "pr_mce_kill_policy",
    (("PR_MCE_KILL_LATE", 0), ("PR_MCE_KILL_EARLY", 1), ("PR_MCE_KILL_DEFAULT", 2)),
    "PR_MCE_KILL_???",
    width=64,
)

PR_SET_MM = Family(
    "pr_set_mm",
    (
        ("PR_SET_MM_START_CODE", 1),
        ("PR_SET_MM_END_CODE", 2),
        ("PR_SET_MM_START_DATA", 3),
        ("PR_SET_MM_END_DATA", 4),
        ("PR_SET_MM_START_STACK", 5),
        ("PR_SET_MM_START_BRK", 6),
        ("PR_SET_MM_BRK", 7),
        ("PR_SET_MM_ARG_START", 8),
        ("PR_SET_MM_ARG_END", 9),
        ("PR_SET_MM_ENV_START", 10),
        ("PR_SET_MM_ENV_END", 11),
        ("PR_SET_MM_AUXV", 12),
        ("PR_SET_MM_EXE_FILE", 13),
        ("PR_SET_MM_MAP", 14),
        ("PR_SET_MM_MAP_SIZE", 15),
    ),
    "PR_SET_MM_???",
)

PR_FP_MODE = Family("pr_fp_mode", (("PR_FP_MODE_FR", 1), ("PR_FP_MODE_FRE", 2)), "PR_FP_MODE_???")

PR_CAP_AMBIENT = Family(
    "pr_cap_ambient",
    (
        ("PR_CAP_AMBIENT_IS_SET", 1),
        ("PR_CAP_AMBIENT_RAISE", 2),
        ("PR_CAP_AMBIENT_LOWER", 3),
        ("PR_CAP_AMBIENT_CLEAR_ALL", 4),
    ),
    "PR_CAP_AMBIENT_???",
    width=64,
)

PR_SVE_VL_FLAGS = Family(
    "pr_sve_vl_flags", (("PR_SVE_SET_VL_ONEXEC", 1 << 18), ("PR_SVE_VL_INHERIT", 1 << 17)), "", width=64
)

PR_SME_VL_FLAGS = Family(
    "pr_sme_vl_flags", (("PR_SME_SET_VL_ONEXEC", 1 << 18), ("PR_SME_VL_INHERIT", 1 << 17)), "", width=64
)

PR_SPEC_CMDS = Family(
    "pr_spec_cmds",
    (("PR_SPEC_STORE_BYPASS", 0), ("PR_SPEC_INDIRECT_BRANCH", 1), ("PR_SPEC_L1D_FLUSH", 2)),
    "PR_SPEC_???",
    width=64,
)

PR_SPEC_STATES = Family(
    "pr_spec_states",
    (
        ("PR_SPEC_NOT_AFFECTED", 0),
        ("PR_SPEC_PRCTL", 1 << 0),
        ("PR_SPEC_ENABLE", 1 << 1),
        ("PR_SPEC_DISABLE", 1 << 2),
        ("PR_SPEC_FORCE_DISABLE", 1 << 3),
        ("PR_SPEC_DISABLE_NOEXEC", 1 << 4),
    ),
    "PR_SPEC_???",
    width=64,
)

PR_SPEC_CONTROLS = Family(
    "pr_spec_controls",
    (
        ("PR_SPEC_ENABLE", 1 << 1),
        ("PR_SPEC_DISABLE", 1 << 2),
        ("PR_SPEC_FORCE_DISABLE", 1 << 3),
        ("PR_SPEC_DISABLE_NOEXEC", 1 << 4),
    ),
    "PR_SPEC_???",
    width=64,
)

PR_PAC_ENABLED_KEYS = Family(
    "pr_pac_enabled_keys",
    (("PR_PAC_APIAKEY", 1 << 0), ("PR_PAC_APIBKEY", 1 << 1), ("PR_PAC_APDAKEY", 1 << 2), ("PR_PAC_APDBKEY", 1 << 3)),
    "PR_PAC_???",
    width=64,
)

PR_PAC_KEYS = Family(
    "pr_pac_keys",
    (
        ("PR_PAC_APIAKEY", 1 << 0),
        ("PR_PAC_APIBKEY", 1 << 1),
        ("PR_PAC_APDAKEY", 1 << 2),
        ("PR_PAC_APDBKEY", 1 << 3),
        ("PR_PAC_APGAKEY", 1 << 4),
    ),
    "PR_PAC_???",
    width=64,
)

PR_TAGGED_ADDR_ENABLE = Family(
    "pr_tagged_addr_enable", (("!PR_TAGGED_ADDR_ENABLE", 0), ("PR_TAGGED_ADDR_ENABLE", 1)), "", width=64
)

PR_MTE_TCF = Family(
    "pr_mte_tcf",
    (("PR_MTE_TCF_NONE", 0), ("PR_MTE_TCF_SYNC", 1 << 1), ("PR_MTE_TCF_ASYNC", 1 << 2), ("PR_MTE_TCF_MASK", 3 << 1)),
    "",
    width=64,
)

PR_SUD_CMDS = Family(
    "pr_sud_cmds",
    (("PR_SYS_DISPATCH_OFF", 0), ("PR_SYS_DISPATCH_EXCLUSIVE_ON", 1), ("PR_SYS_DISPATCH_INCLUSIVE_ON", 2)),
    "PR_SYS_DISPATCH_???",
    width=64,
)

PR_SCHED_CORE_CMDS = Family(
    "pr_sched_core_cmds",
    (
        ("PR_SCHED_CORE_GET", 0),
        ("PR_SCHED_CORE_CREATE", 1),
        ("PR_SCHED_CORE_SHARE_TO", 2),
        ("PR_SCHED_CORE_SHARE_FROM", 3),
    ),
    "PR_SCHED_CORE_???",
)

PR_SCHED_CORE_PIDTYPES = Family(
    "pr_sched_core_pidtypes",
    (("PIDTYPE_PID", 0), ("PIDTYPE_TGID", 1), ("PIDTYPE_PGID", 2), ("PIDTYPE_SID", 3)),
    "PIDTYPE_???",
)

PR_MDWE_FLAGS = Family(
    "pr_mdwe_flags", (("PR_MDWE_REFUSE_EXEC_GAIN", 1 << 0), ("PR_MDWE_NO_INHERIT", 1 << 1)), "PR_MDWE_???"
)

PR_RISCV_V_STATES = Family(
    "pr_riscv_v_states",
    (("PR_RISCV_V_VSTATE_CTRL_DEFAULT", 0), ("PR_RISCV_V_VSTATE_CTRL_OFF", 1), ("PR_RISCV_V_VSTATE_CTRL_ON", 2)),
    "",
    width=64,
)

PR_RISCV_V_INHERIT = Family(
    "pr_riscv_v_inherit",
    (("!PR_RISCV_V_VSTATE_CTRL_INHERIT", 0), ("PR_RISCV_V_VSTATE_CTRL_INHERIT", 1 << 4)),
    "",
    width=64,
)

PR_RISCV_ICACHE_FLUSH_CTXES = Family(
    "pr_riscv_icache_flush_ctxes",
    (("PR_RISCV_CTX_SW_FENCEI_ON", 0), ("PR_RISCV_CTX_SW_FENCEI_OFF", 1)),
    "PR_RISCV_CTX_???",
    width=64,
)

PR_RISCV_ICACHE_FLUSH_SCOPES = Family(
    "pr_riscv_icache_flush_scopes",
    (("PR_RISCV_SCOPE_PER_PROCESS", 0), ("PR_RISCV_SCOPE_PER_THREAD", 1)),
    "PR_RISCV_SCOPE_???",
    width=64,
)

PR_PPC_DEXCR_ASPECTS = Family(
    "pr_ppc_dexcr_aspects",
    (("PR_PPC_DEXCR_SBHE", 0), ("PR_PPC_DEXCR_IBRTPD", 1), ("PR_PPC_DEXCR_SRAPD", 2), ("PR_PPC_DEXCR_NPHIE", 3)),
    "PR_PPC_DEXCR_???",
    width=64,
)

PR_PPC_DEXCR_CTRL_FLAGS = Family(
    "pr_ppc_dexcr_ctrl_flags",
    (
        ("PR_PPC_DEXCR_CTRL_EDITABLE", 0x1),
        ("PR_PPC_DEXCR_CTRL_SET", 0x2),
        ("PR_PPC_DEXCR_CTRL_CLEAR", 0x4),
        ("PR_PPC_DEXCR_CTRL_SET_ONEXEC", 0x8),
        ("PR_PPC_DEXCR_CTRL_CLEAR_ONEXEC", 0x10),
    ),
    "PR_PPC_DEXCR_CTRL_???",
    width=64,
)

PR_SET_VMA = Family("pr_set_vma", (("PR_SET_VMA_ANON_NAME", 0),), "PR_SET_VMA_???", width=64)

FAMILIES = (
    PR_DUMPABLE,
    PR_UNALIGN_FLAGS,
    PR_TSC,
    PR_MCE_KILL,
    PR_MCE_KILL_POLICY,
    PR_SET_MM,
    PR_FP_MODE,
    PR_CAP_AMBIENT,
    PR_SVE_VL_FLAGS,
    PR_SME_VL_FLAGS,
    PR_SPEC_CMDS,
    PR_SPEC_STATES,
    PR_SPEC_CONTROLS,
    PR_PAC_ENABLED_KEYS,
    PR_PAC_KEYS,
    PR_TAGGED_ADDR_ENABLE,
    PR_MTE_TCF,
    PR_SUD_CMDS,
    PR_SCHED_CORE_CMDS,
    PR_SCHED_CORE_PIDTYPES,
    PR_MDWE_FLAGS,
    PR_RISCV_V_STATES,
    PR_RISCV_V_INHERIT,
    PR_RISCV_ICACHE_FLUSH_CTXES,
    PR_RISCV_ICACHE_FLUSH_SCOPES,
    PR_PPC_DEXCR_ASPECTS,
    PR_PPC_DEXCR_CTRL_FLAGS,
    PR_SET_VMA,
)
