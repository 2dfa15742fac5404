"""Flags of mount (include/uapi/linux/mount.h, include/linux/fs.h) and umount2 (include/linux/fs.h)."""

from contrace.syscalls.flags.family import Family

MS_REMOUNT = 1 << 5
MS_BIND = 1 << 12
MS_MOVE = 1 << 13
MS_UNBINDABLE = 1 << 17
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MS_SHARED = 1 << 20
# Before Linux 2.4 the upper half of the flags had to be this magic number; the kernel still takes it off.
MS_MGC_VAL = 0xC0ED0000
MS_MGC_MSK = 0xFFFF0000

MOUNT = Family(
    "mount",
    (
        ("MS_RDONLY", 1 << 0),
        ("MS_NOSUID", 1 << 1),
        ("MS_NODEV", 1 << 2),
        ("MS_NOEXEC", 1 << 3),
        ("MS_SYNCHRONOUS", 1 << 4),
        ("MS_REMOUNT", MS_REMOUNT),
        ("MS_MANDLOCK", 1 << 6),
        ("MS_DIRSYNC", 1 << 7),
        ("MS_NOSYMFOLLOW", 1 << 8),
        ("MS_NOATIME", 1 << 10),
        ("MS_NODIRATIME", 1 << 11),
        ("MS_BIND", MS_BIND),
        ("MS_MOVE", MS_MOVE),
        ("MS_REC", 1 << 14),
        ("MS_SILENT", 1 << 15),
        ("MS_POSIXACL", 1 << 16),
        ("MS_UNBINDABLE", MS_UNBINDABLE),
        ("MS_PRIVATE", MS_PRIVATE),
        ("MS_SLAVE", MS_SLAVE),
        ("MS_SHARED", MS_SHARED),
        ("MS_RELATIME", 1 << 21),
        ("MS_KERNMOUNT", 1 << 22),
        ("MS_I_VERSION", 1 << 23),
        ("MS_STRICTATIME", 1 << 24),
        ("MS_LAZYTIME", 1 << 25),
        ("MS_SUBMOUNT", 1 << 26),
        ("MS_NOREMOTELOCK", 1 << 27),
        ("MS_NOSEC", 1 << 28),
        ("MS_BORN", 1 << 29),
        ("MS_ACTIVE", 1 << 30),
        ("MS_NOUSER", 1 << 31),
    ),
    "MS_???",
    64,
)

UMOUNT = Family(
    "umount",
    (
        ("MNT_FORCE", 1),
        ("MNT_DETACH", 2),
        ("MNT_EXPIRE", 4),
        ("UMOUNT_NOFOLLOW", 8),
    ),
    "MNT_???",
)

FAMILIES = (MOUNT, UMOUNT)
