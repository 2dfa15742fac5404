"""What the flags of mount and umount2 do. Sources: mount(2), umount2(2), mount_namespaces(7), linux/mount.h."""

MOUNT: dict[str, str] = {
    "MS_RDONLY": "Nothing can be written there: used for read-only roots and for masked parts of /proc and /sys.",
    "MS_NOSUID": "Set-user-ID bits and file capabilities have no effect there, so no program gains privileges.",
    "MS_NODEV": "Device files there cannot be opened, so that a container cannot reach the host's disks by one.",
    "MS_NOEXEC": "No program there can be executed: usual for a container's /proc, /sys and /dev/shm.",
    "MS_SYNCHRONOUS": "Every write reaches the disk before the call that made it returns.",
    "MS_REMOUNT": "Changes flags or options of what is mounted there already, such as a bind mount to read-only.",
    "MS_MANDLOCK": "Would permit mandatory file locks; the kernel has not had them since Linux 5.15.",
    "MS_DIRSYNC": "Changes to directories reach the disk before the call that made them returns.",
    "MS_NOSYMFOLLOW": "Paths cannot go through symbolic links there, so a link cannot lead out of a volume.",
    "MS_NOATIME": "Reading a file does not update its access time.",
    "MS_NODIRATIME": "Reading a directory does not update its access time.",
    "MS_BIND": "Makes a file or directory visible at a second place: how volumes and devices enter a container.",
    "MS_MOVE": "Takes an existing mount, with all below it, to another place without ever unmounting it.",
    "MS_REC": "Extends a bind or a change of propagation to all mounts below, such as the whole of a root.",
    "MS_SILENT": "Keeps some of the file system's complaints out of the kernel's log.",
    "MS_POSIXACL": "The umask is not applied by the VFS: the file system does that, with its access control lists.",
    "MS_UNBINDABLE": "Makes the mount private, and nobody can bind it elsewhere.",
    "MS_PRIVATE": "Mounts and unmounts below no longer pass to or from other namespaces.",
    "MS_SLAVE": "Mounts of the host still arrive here, but a container's own mounts do not reach the host.",
    "MS_SHARED": "Mounts and unmounts below pass to all peers of the mount, and theirs arrive here.",
    "MS_RELATIME": "An access time is updated only if it is a day old, or older than the last change.",
    "MS_KERNMOUNT": "Marks mounts that the kernel makes for itself; in a program's call it does nothing.",
    "MS_I_VERSION": "Counts the changes of every inode, as NFS servers want it.",
    "MS_STRICTATIME": "Every access updates the access time, whatever other flags say.",
    "MS_LAZYTIME": "Changed timestamps stay in memory for up to a day before they are written.",
    "MS_SUBMOUNT": "Marks mounts that a file system made below itself; in a program's call it does nothing.",
    "MS_NOREMOTELOCK": "A mark about locks on network file systems; in a program's call it does nothing.",
    "MS_NOSEC": "The kernel's note that files need no check for security attributes; no flag for programs.",
    "MS_BORN": "The kernel's note that a file system is set up; no flag for programs.",
    "MS_ACTIVE": "The kernel's note that a file system is in use; no flag for programs.",
    "MS_NOUSER": "Marks file systems that programs can never mount: a call with it fails.",
}

MAGIC = "A number that every call had to carry before Linux 2.4; the kernel takes it off and ignores it."
"""MS_MGC_VAL, which is not a flag: it fills the upper half of the argument."""

UMOUNT: dict[str, str] = {
    "MNT_FORCE": "Gives up pending requests, so that a dead network server cannot block it; data may be lost.",
    "MNT_DETACH": "Takes it out of sight at once, unmounts it when the last user has gone: for the old root.",
    "MNT_EXPIRE": "Marks an unused mount as expired, and unmounts it if it was marked already.",
    "UMOUNT_NOFOLLOW": "Does not follow a symbolic link at the end of the path, which could lead elsewhere.",
}
