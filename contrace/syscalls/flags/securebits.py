"""A thread's securebits (include/uapi/linux/securebits.h, capabilities(7))."""

from contrace.syscalls.flags.family import Family

SECUREBITS = Family(
    "securebits",
    (
        ("SECBIT_NOROOT", 1 << 0),
        ("SECBIT_NOROOT_LOCKED", 1 << 1),
        ("SECBIT_NO_SETUID_FIXUP", 1 << 2),
        ("SECBIT_NO_SETUID_FIXUP_LOCKED", 1 << 3),
        ("SECBIT_KEEP_CAPS", 1 << 4),
        ("SECBIT_KEEP_CAPS_LOCKED", 1 << 5),
        ("SECBIT_NO_CAP_AMBIENT_RAISE", 1 << 6),
        ("SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED", 1 << 7),
        ("SECBIT_EXEC_RESTRICT_FILE", 1 << 8),
        ("SECBIT_EXEC_RESTRICT_FILE_LOCKED", 1 << 9),
        ("SECBIT_EXEC_DENY_INTERACTIVE", 1 << 10),
        ("SECBIT_EXEC_DENY_INTERACTIVE_LOCKED", 1 << 11),
    ),
    "SECBIT_???",
    width=64,
)

FAMILIES = (SECUREBITS,)
