"""Seccomp's modes and what a filter may answer (include/uapi/linux/seccomp.h, seccomp(2))."""

from contrace.syscalls.flags.family import Family

SECCOMP_RET_ACTION_FULL = 0xFFFF0000

SECCOMP_MODE = Family(
    "seccomp_mode",
    (("SECCOMP_MODE_DISABLED", 0), ("SECCOMP_MODE_STRICT", 1), ("SECCOMP_MODE_FILTER", 2)),
    "SECCOMP_MODE_???",
    width=64,
)

SECCOMP_RET_ACTION = Family(
    "seccomp_ret_action",
    (
        ("SECCOMP_RET_KILL_PROCESS", 0x80000000),
        ("SECCOMP_RET_KILL_THREAD", 0x00000000),
        ("SECCOMP_RET_TRAP", 0x00030000),
        ("SECCOMP_RET_ERRNO", 0x00050000),
        ("SECCOMP_RET_USER_NOTIF", 0x7FC00000),
        ("SECCOMP_RET_TRACE", 0x7FF00000),
        ("SECCOMP_RET_LOG", 0x7FFC0000),
        ("SECCOMP_RET_ALLOW", 0x7FFF0000),
    ),
    "SECCOMP_RET_???",
)

FAMILIES = (SECCOMP_MODE, SECCOMP_RET_ACTION)
