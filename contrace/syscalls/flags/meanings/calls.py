"""What the calls of ``%birth`` do, what for a container's birth needs them, and what a success returns.

Sources: the man page of each call; pivot_root(2) and pid_namespaces(7) for what a birth needs.
"""

CALLS: dict[str, str] = {
    "execve": "Replaces the program that the process runs by another; pid, open files and namespaces stay.",
    "execveat": "As execve, for a program that is named relative to a directory, or by its open file alone.",
    "clone": "Makes a process or thread; flags say what it shares with its parent and which namespaces are new.",
    "clone3": "As clone, with its arguments in a structure and more to choose from, such as the cgroup.",
    "fork": "Makes a child process that is a copy of the caller.",
    "vfork": "Makes a child that borrows the caller's memory while the caller waits for its execve or end.",
    "prctl": "Reads or changes an attribute of the calling thread or process; the option says which.",
    "unshare": "Takes the caller out of namespaces and other things that it shares, into new ones of its own.",
    "setns": "Moves the caller into a namespace that exists, named by a file descriptor.",
    "mount": "Attaches a file system to a directory, or binds, moves or changes what is mounted there.",
    "umount2": "Detaches what is mounted at a path; flags say how.",
    "pivot_root": "Makes a mount the root of the mount namespace and puts the old root below it.",
    "chroot": "Changes where the caller's absolute paths begin; it does not change the mounts.",
    "sethostname": "Sets the host name of the caller's UTS namespace.",
    "setdomainname": "Sets the NIS domain name of the caller's UTS namespace.",
}

BIRTH: dict[str, str] = {
    "execve": "Managers, shims and runtimes start each other with it; the last one starts the payload.",
    "execveat": "Runtimes start themselves from a sealed copy, so that no container can overwrite them.",
    "clone": "The runtime makes the container's init with it, in namespaces that are new.",
    "clone3": "Newer runtimes make the container's init with it, at once in its namespaces and cgroup.",
    "fork": "Helpers come from it; after unshare(CLONE_NEWPID) its child is pid 1 inside.",
    "vfork": "Helpers come from it that execute another program at once.",
    "prctl": "The runtime names its stages, drops capabilities, sets no_new_privs and loads the seccomp filter.",
    "unshare": "The runtime leaves the host's namespaces with it before it makes the container's init.",
    "setns": "A container joins its pod's namespaces, and an exec the container's, with it.",
    "mount": "Builds what the container sees: its root, /proc, /sys, /dev and its volumes.",
    "umount2": "Takes the host's old root out of the container's sight once its own is in place.",
    "pivot_root": "From here on the container's image is /, and no path leads back to the host.",
    "chroot": "Used where pivot_root cannot be, such as on an initramfs; it keeps nobody in who has CAP_SYS_CHROOT.",
    "sethostname": "Gives the container its name, often its short id.",
    "setdomainname": "Gives the container its domain name where its configuration has one.",
}

RETURNS: dict[str, str] = {
    "execve": "The new program runs; the old one has nothing to return to.",
    "execveat": "The new program runs, unless AT_EXECVE_CHECK only asked whether it could.",
    "clone": "The pid of the new process or thread, as the caller's PID namespace counts.",
    "clone3": "The pid of the new process or thread, as the caller's PID namespace counts.",
    "fork": "The pid of the child, as the caller's PID namespace counts.",
    "vfork": "The pid of the child, as the caller's PID namespace counts.",
}
"""What the result of a success is, where it is more than a 0."""

MOUNT_OPERATIONS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("MS_REMOUNT",), "Changes the flags or options of what is mounted at the target already."),
    (("MS_BIND",), "Makes a file or directory visible at the target as well."),
    (
        ("MS_SHARED", "MS_PRIVATE", "MS_SLAVE", "MS_UNBINDABLE"),
        "Changes how mounts and unmounts below the target pass to and from other namespaces.",
    ),
    (("MS_MOVE",), "Moves a mount to the target."),
)
"""The flags that make mount do something other than attaching a file system, in the order in which the kernel looks."""
