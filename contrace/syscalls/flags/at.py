"""The AT_* flags of execveat (include/uapi/linux/fcntl.h)."""

from contrace.syscalls.flags.family import Family

AT_FDCWD = -100

AT_EXECVEAT = Family(
    "at_execveat",
    (
        ("AT_SYMLINK_NOFOLLOW", 0x100),
        ("AT_EMPTY_PATH", 0x1000),
        ("AT_EXECVE_CHECK", 0x10000),
    ),
    "AT_???",
)

FAMILIES = (AT_EXECVEAT,)
