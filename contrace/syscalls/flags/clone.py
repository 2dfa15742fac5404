"""Flags of clone, clone3, unshare and setns (include/uapi/linux/sched.h)."""

CLONE_PIDFD = 0x1000
CLONE_PARENT_SETTID = 0x100000
