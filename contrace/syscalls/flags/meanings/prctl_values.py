"""What the values of prctl's arguments and results say, by family. Sources: prctl(2), linux/prctl.h, the kernel's docs.

The entries of a family that begin with "!" stand for a bit that is not set.
"""

_PAC_KEYS: dict[str, str] = {
    "PR_PAC_APIAKEY": "Key A for instruction pointers.",
    "PR_PAC_APIBKEY": "Key B for instruction pointers.",
    "PR_PAC_APDAKEY": "Key A for data pointers.",
    "PR_PAC_APDBKEY": "Key B for data pointers.",
}

_SPEC_CONTROLS: dict[str, str] = {
    "PR_SPEC_ENABLE": "The speculation is permitted, or the cache is flushed.",
    "PR_SPEC_DISABLE": "The speculation is forbidden, or the cache is not flushed.",
    "PR_SPEC_FORCE_DISABLE": "As PR_SPEC_DISABLE, and there is no way back.",
    "PR_SPEC_DISABLE_NOEXEC": "As PR_SPEC_DISABLE, until the next execve.",
}

PRCTL_VALUES: dict[str, dict[str, str]] = {
    "pr_dumpable": {
        "SUID_DUMP_DISABLE": "No core dumps, and only privileged processes can trace it or open its /proc entries.",
        "SUID_DUMP_USER": "Core dumps and tracing by its own user are permitted, as is normal.",
        "SUID_DUMP_ROOT": "Core dumps that only root can read; a process cannot choose it itself.",
    },
    "pr_unalign_flags": {
        "PR_UNALIGN_NOPRINT": "The kernel repairs unaligned accesses and says nothing.",
        "PR_UNALIGN_SIGBUS": "An unaligned access gets a SIGBUS.",
    },
    "pr_tsc": {
        "PR_TSC_ENABLE": "The timestamp counter may be read.",
        "PR_TSC_SIGSEGV": "Reading the timestamp counter gets a SIGSEGV.",
    },
    "pr_mce_kill": {
        "PR_MCE_KILL_CLEAR": "The system's policy applies.",
        "PR_MCE_KILL_SET": "The thread gets a policy of its own.",
    },
    "pr_mce_kill_policy": {
        "PR_MCE_KILL_LATE": "Killed only when it touches the broken memory.",
        "PR_MCE_KILL_EARLY": "Told by SIGBUS as soon as the broken memory is found.",
        "PR_MCE_KILL_DEFAULT": "As the system's setting says.",
    },
    "pr_set_mm": {
        "PR_SET_MM_START_CODE": "Where its code begins.",
        "PR_SET_MM_END_CODE": "Where its code ends.",
        "PR_SET_MM_START_DATA": "Where its data begins.",
        "PR_SET_MM_END_DATA": "Where its data ends.",
        "PR_SET_MM_START_STACK": "Where its stack begins.",
        "PR_SET_MM_START_BRK": "Where its heap begins.",
        "PR_SET_MM_BRK": "Where its heap ends.",
        "PR_SET_MM_ARG_START": "Where its command line begins, which ps shows.",
        "PR_SET_MM_ARG_END": "Where its command line ends.",
        "PR_SET_MM_ENV_START": "Where its environment begins.",
        "PR_SET_MM_ENV_END": "Where its environment ends.",
        "PR_SET_MM_AUXV": "Its auxiliary vector.",
        "PR_SET_MM_EXE_FILE": "The file that /proc/PID/exe leads to.",
        "PR_SET_MM_MAP": "All of these addresses at once.",
        "PR_SET_MM_MAP_SIZE": "Asks how large the structure with all addresses is.",
    },
    "pr_fp_mode": {
        "PR_FP_MODE_FR": "Floating-point registers are 64 bits wide.",
        "PR_FP_MODE_FRE": "Instructions for 32-bit floating point are emulated.",
    },
    "pr_cap_ambient": {
        "PR_CAP_AMBIENT_IS_SET": "Asks whether the capability is in the ambient set.",
        "PR_CAP_AMBIENT_RAISE": "Adds a capability, which must be permitted and inheritable: execve keeps it.",
        "PR_CAP_AMBIENT_LOWER": "Takes the capability out of the ambient set.",
        "PR_CAP_AMBIENT_CLEAR_ALL": "Empties the ambient set: a runtime starts a container's from nothing.",
    },
    "pr_sve_vl_flags": {
        "PR_SVE_SET_VL_ONEXEC": "The new length of SVE vectors holds from the next execve on.",
        "PR_SVE_VL_INHERIT": "The length of SVE vectors outlives execve.",
    },
    "pr_sme_vl_flags": {
        "PR_SME_SET_VL_ONEXEC": "The new length of SME vectors holds from the next execve on.",
        "PR_SME_VL_INHERIT": "The length of SME vectors outlives execve.",
    },
    "pr_spec_cmds": {
        "PR_SPEC_STORE_BYPASS": "Reading memory ahead of earlier writes to it.",
        "PR_SPEC_INDIRECT_BRANCH": "Guessing the target of indirect branches.",
        "PR_SPEC_L1D_FLUSH": "Flushing the first data cache when the task leaves the CPU.",
    },
    "pr_spec_states": {
        "PR_SPEC_NOT_AFFECTED": "The CPU does not have this weakness.",
        "PR_SPEC_PRCTL": "Each thread can choose for itself.",
        **_SPEC_CONTROLS,
    },
    "pr_spec_controls": _SPEC_CONTROLS,
    "pr_pac_enabled_keys": _PAC_KEYS,
    "pr_pac_keys": {**_PAC_KEYS, "PR_PAC_APGAKEY": "The key for data of any kind."},
    "pr_tagged_addr_enable": {
        "!PR_TAGGED_ADDR_ENABLE": "Addresses that are given to the kernel must not have a tag.",
        "PR_TAGGED_ADDR_ENABLE": "Addresses that are given to the kernel may have a tag in their top byte.",
    },
    "pr_mte_tcf": {
        "PR_MTE_TCF_NONE": "Accesses with a wrong memory tag are ignored.",
        "PR_MTE_TCF_SYNC": "An access with a wrong memory tag gets a SIGSEGV at once.",
        "PR_MTE_TCF_ASYNC": "An access with a wrong memory tag gets a SIGSEGV some time later.",
        "PR_MTE_TCF_MASK": "An access with a wrong memory tag gets a SIGSEGV, in the way that the CPU prefers.",
    },
    "pr_sud_cmds": {
        "PR_SYS_DISPATCH_OFF": "System calls are no longer caught.",
        "PR_SYS_DISPATCH_EXCLUSIVE_ON": "System calls are caught, except those from the given range of addresses.",
        "PR_SYS_DISPATCH_INCLUSIVE_ON": "System calls are caught only if they come from the given range of addresses.",
    },
    "pr_sched_core_cmds": {
        "PR_SCHED_CORE_GET": "Asks for the cookie that tells who shares a core with whom.",
        "PR_SCHED_CORE_CREATE": "Gives the task a new cookie, so that it shares a core with nobody else.",
        "PR_SCHED_CORE_SHARE_TO": "Passes the caller's cookie to another task.",
        "PR_SCHED_CORE_SHARE_FROM": "Takes over the cookie of another task.",
    },
    "pr_sched_core_pidtypes": {
        "PIDTYPE_PID": "One thread.",
        "PIDTYPE_TGID": "All threads of a process.",
        "PIDTYPE_PGID": "All processes of a process group.",
        "PIDTYPE_SID": "All processes of a session.",
    },
    "pr_mdwe_flags": {
        "PR_MDWE_REFUSE_EXEC_GAIN": "Memory that was not executable from the start cannot become so.",
        "PR_MDWE_NO_INHERIT": "Children do not inherit this refusal at fork.",
    },
    "pr_riscv_v_states": {
        "PR_RISCV_V_VSTATE_CTRL_DEFAULT": "The vector unit is as the system's setting says.",
        "PR_RISCV_V_VSTATE_CTRL_OFF": "The vector unit is off.",
        "PR_RISCV_V_VSTATE_CTRL_ON": "The vector unit is on.",
    },
    "pr_riscv_v_inherit": {
        "!PR_RISCV_V_VSTATE_CTRL_INHERIT": "The setting for the next execve is used up by it.",
        "PR_RISCV_V_VSTATE_CTRL_INHERIT": "The setting for the next execve holds for all that follow.",
    },
    "pr_riscv_icache_flush_ctxes": {
        "PR_RISCV_CTX_SW_FENCEI_ON": "The program may use fence.i itself.",
        "PR_RISCV_CTX_SW_FENCEI_OFF": "The program may no longer use fence.i itself.",
    },
    "pr_riscv_icache_flush_scopes": {
        "PR_RISCV_SCOPE_PER_PROCESS": "For all threads of the process.",
        "PR_RISCV_SCOPE_PER_THREAD": "For the calling thread only.",
    },
    "pr_ppc_dexcr_aspects": {
        "PR_PPC_DEXCR_SBHE": "Hints for the prediction of branches.",
        "PR_PPC_DEXCR_IBRTPD": "No prediction of indirect branches' recurring targets.",
        "PR_PPC_DEXCR_SRAPD": "No prediction of subroutines' return addresses.",
        "PR_PPC_DEXCR_NPHIE": "Hash instructions, which protect return addresses, for programs.",
    },
    "pr_ppc_dexcr_ctrl_flags": {
        "PR_PPC_DEXCR_CTRL_EDITABLE": "The aspect can be changed.",
        "PR_PPC_DEXCR_CTRL_SET": "The aspect is on.",
        "PR_PPC_DEXCR_CTRL_CLEAR": "The aspect is off.",
        "PR_PPC_DEXCR_CTRL_SET_ONEXEC": "The aspect is on from the next execve on.",
        "PR_PPC_DEXCR_CTRL_CLEAR_ONEXEC": "The aspect is off from the next execve on.",
    },
    "pr_set_vma": {
        "PR_SET_VMA_ANON_NAME": "Names an area that has no file; /proc/PID/maps shows the name.",
    },
}

ANY_TRACER = "Any process may trace this one."
"""PR_SET_PTRACER with -1."""
