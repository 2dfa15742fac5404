"""What an error says of a certain call, where its man page is more precise than the error's general meaning.

One row per reason: the calls, the error, the flag or option that must be there ("": none), the sentence. Several can
apply, and the error does not tell which. Sources: ERRORS in the man page of each call, namespaces(7),
user_namespaces(7), pid_namespaces(7).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failure:
    """One reason for one error."""

    calls: tuple[str, ...]
    errno: str
    only_with: str
    """Name of the flag or option without which this is not the reason; "": none is needed."""
    sentence: str
    never_with: tuple[str, ...] = ()
    """Flags with which the kernel takes another way, so that this cannot be the reason."""


_FORKS = ("fork", "vfork", "clone", "clone3")
_CLONES = ("clone", "clone3")
_NEW = ("clone", "clone3", "unshare")
_EXECS = ("execve", "execveat")
_NAMES = ("sethostname", "setdomainname")
_PROPAGATIONS = ("MS_PRIVATE", "MS_SLAVE", "MS_SHARED", "MS_UNBINDABLE")
_NO_NEW_MOUNT = ("MS_REMOUNT", "MS_BIND", "MS_MOVE", *_PROPAGATIONS)

_ROWS: tuple[tuple[tuple[str, ...], str, str, str], ...] = (
    # clone, unshare: new namespaces
    (_NEW, "EPERM", "CLONE_NEWUSER", "The caller's uid or gid has no mapping, or it lives in a chroot."),
    (_NEW, "EPERM", "CLONE_NEWUSER", "A sysctl or security module may forbid it to all but root."),
    (_NEW, "ENOSPC", "", "A limit in /proc/sys/user, such as max_mnt_namespaces, is reached."),
    (_NEW, "ENOSPC", "CLONE_NEWPID", "PID namespaces are nested too deep, or max_pid_namespaces is reached."),
    (_NEW, "ENOSPC", "CLONE_NEWUSER", "User namespaces are nested too deep, or max_user_namespaces is reached."),
    (_NEW, "EUSERS", "CLONE_NEWUSER", "User namespaces are nested too deep for a kernel older than 4.9."),
    (_NEW, "ENOMEM", "", "The kernel has no memory for the copies that are asked for."),
    # unshare
    (("unshare",), "EINVAL", "CLONE_NEWUSER", "A process with several threads cannot enter a user namespace."),
    (("unshare",), "EINVAL", "CLONE_VM", "The process has several threads."),
    (("unshare",), "EINVAL", "CLONE_SIGHAND", "The process has several threads, which share their handlers."),
    (("unshare",), "EINVAL", "CLONE_THREAD", "The process has more than one thread."),
    (("unshare",), "EINVAL", "CLONE_NEWPID", "The next children of the caller have a new PID namespace already."),
    (("unshare",), "EINVAL", "", "A flag is not valid, or this kernel was built without that namespace."),
    # clone
    (_CLONES, "EINVAL", "CLONE_NEWNS", "A child with its own mounts cannot share the root (CLONE_FS)."),
    (_CLONES, "EINVAL", "CLONE_NEWUSER", "A user namespace cannot be new for a thread, or with CLONE_FS."),
    (_CLONES, "EINVAL", "CLONE_NEWPID", "Neither a thread nor a sibling (CLONE_PARENT) can be a new pid 1."),
    (_CLONES, "EINVAL", "CLONE_NEWIPC", "New IPC objects and shared semaphore undos exclude each other."),
    (_CLONES, "EINVAL", "CLONE_SIGHAND", "Handlers can be shared only with the memory (CLONE_VM)."),
    (_CLONES, "EINVAL", "CLONE_THREAD", "Threads share handlers, and live in their process's PID namespace."),
    (_CLONES, "EINVAL", "CLONE_PARENT", "The init of a PID namespace cannot make siblings."),
    (_CLONES, "EINVAL", "CLONE_PIDFD", "The descriptor excludes threads and, for clone, CLONE_PARENT_SETTID."),
    (_CLONES, "EINVAL", "", "Flags contradict each other, or this kernel was built without that namespace."),
    (("clone3",), "E2BIG", "", "The structure holds something that this kernel is too old for."),
    (("clone3",), "EACCES", "CLONE_INTO_CGROUP", "The caller may not put a process into that cgroup."),
    (("clone3",), "EBUSY", "CLONE_INTO_CGROUP", "Controllers are on for that cgroup's children: it takes none."),
    (("clone3",), "EOPNOTSUPP", "CLONE_INTO_CGROUP", "That cgroup is in the state 'domain invalid'."),
    (("clone3",), "EEXIST", "", "A pid that was chosen for the child is taken."),
    (
        ("clone3",),
        "ENOSYS",
        "",
        "The kernel is older than 5.3, or a seccomp filter hides the call; clone comes next.",
    ),
    # processes
    (_FORKS, "EAGAIN", "", "No more processes: pids.max of the cgroup, RLIMIT_NPROC, threads-max or pid_max."),
    (_FORKS, "ENOMEM", "", "Memory is short, or the PID namespace's init has ended: nothing can start in it."),
    # setns
    (("setns",), "EPERM", "", "CAP_SYS_ADMIN is needed, in the user namespace that owns the one to join as well."),
    (("setns",), "EPERM", "CLONE_NEWNS", "A mount namespace also needs CAP_SYS_CHROOT in the caller's own."),
    (("setns",), "EINVAL", "", "The descriptor's namespace is of another type, or cannot be joined from here."),
    (("setns",), "EINVAL", "CLONE_NEWUSER", "It is in that one already, has several threads or shares its root."),
    (("setns",), "EINVAL", "CLONE_NEWPID", "An ancestor's PID namespace cannot be joined, only one below."),
    (("setns",), "ESRCH", "", "The process of the pidfd has ended: the container is gone."),
    (("setns",), "EBADF", "", "No open descriptor: the namespace's file could not be opened, or was closed."),
    # mount
    (("mount",), "EPERM", "", "CAP_SYS_ADMIN is needed in the user namespace that owns the mount namespace."),
    (("mount",), "EPERM", "MS_REMOUNT", "Flags of a mount that came from a more privileged namespace are locked."),
    (("mount",), "EBUSY", "MS_REMOUNT", "Files there are open for writing, so it cannot become read-only."),
    (("mount",), "ENODEV", "", "The kernel does not have this file system; a module may be missing."),
    (("mount",), "EINVAL", "MS_REMOUNT", "The target is no mount point, or the options cannot be changed."),
    (("mount",), "EINVAL", "MS_BIND", "The source cannot be bound, or not without what is mounted below (MS_REC)."),
    (("mount",), "EINVAL", "MS_MOVE", "The source is no mount, or its parent is shared."),
    *(
        (("mount",), "EINVAL", flag, "The target is no mount point, or there are flags beside it and MS_REC.")
        for flag in _PROPAGATIONS
    ),
    (("mount",), "EACCES", "", "The source cannot be written, or lies where device files have no effect."),
    (("mount",), "ENOENT", "", "Source or target does not exist: a mount point must be made before."),
    (("mount",), "ENOTDIR", "", "Target, or a part of a path, is no directory; a file can only cover a file."),
    (("mount",), "ENOTBLK", "", "The source must be a block device and is none."),
    (("mount",), "ELOOP", "MS_MOVE", "The target lies below the source."),
    (("mount",), "EROFS", "", "The device cannot be written, and MS_RDONLY was not given."),
    # umount2
    (("umount2",), "EBUSY", "", "Somebody still has files or a current directory there; MNT_DETACH does not wait."),
    (("umount2",), "EINVAL", "", "Nothing is mounted there, or the mount came locked from another namespace."),
    (("umount2",), "EPERM", "", "CAP_SYS_ADMIN is needed to unmount."),
    (("umount2",), "EAGAIN", "MNT_EXPIRE", "It was marked as expired; a second call unmounts it."),
    # pivot_root, chroot
    (("pivot_root",), "EINVAL", "", "New root is no mount point, old root not below it, or one of them is shared."),
    (("pivot_root",), "EINVAL", "", "The present root may be an initramfs or a chroot, which cannot be pivoted."),
    (("pivot_root",), "EBUSY", "", "New root or old root lies on the present root's own mount."),
    (("pivot_root",), "EPERM", "", "CAP_SYS_ADMIN is needed to change the root of a mount namespace."),
    (("pivot_root",), "ENOTDIR", "", "Both new root and the place for the old one must be directories."),
    (("chroot",), "EPERM", "", "CAP_SYS_CHROOT is needed."),
    (("chroot",), "ENOENT", "", "The directory does not exist; paths are those of the caller's present root."),
    # execve
    (_EXECS, "ENOENT", "", "There is no such file, or no such interpreter: its #! line's or its loader."),
    (("execveat",), "ENOENT", "", "A script's descriptor may be close-on-exec, and so gone for its interpreter."),
    (_EXECS, "EACCES", "", "It is not executable, no regular file, or its file system is mounted noexec."),
    (_EXECS, "ENOEXEC", "", "No known format: built for another architecture, or a script without #!."),
    (_EXECS, "E2BIG", "", "Arguments and environment are too large together, or one of them is."),
    (_EXECS, "EPERM", "", "It would gain privileges that it cannot get while traced or from a nosuid mount."),
    (_EXECS, "ETXTBSY", "", "Somebody has the program open for writing."),
    (_EXECS, "ELOOP", "", "Too many symbolic links, or scripts whose interpreters are scripts."),
    (_EXECS, "EAGAIN", "", "The user has more processes than RLIMIT_NPROC permits."),
    (_EXECS, "ENOTDIR", "", "A part of the path, or of the interpreter's, is no directory."),
    (_EXECS, "ELIBBAD", "", "The dynamic loader that the program names is no loader."),
    (_EXECS, "ENOMEM", "", "The kernel has no memory for the new program."),
    # names
    (_NAMES, "EPERM", "", "CAP_SYS_ADMIN is needed in the user namespace that owns the UTS namespace."),
    (_NAMES, "EINVAL", "", "The name is longer than 64 bytes."),
    # prctl
    (("prctl",), "EINVAL", "", "The kernel does not know the option or value, or unused arguments are not zero."),
    (("prctl",), "EINVAL", "PR_CAPBSET_READ", "The kernel does not have this capability: the list ends before."),
    (("prctl",), "EINVAL", "PR_CAPBSET_DROP", "The kernel does not have a capability of this number."),
    (("prctl",), "EPERM", "PR_CAPBSET_DROP", "CAP_SETPCAP is needed to drop from the bounding set."),
    (("prctl",), "EPERM", "PR_CAP_AMBIENT_RAISE", "Only what is permitted and inheritable can become ambient."),
    (("prctl",), "EPERM", "PR_SET_SECUREBITS", "CAP_SETPCAP is needed, and locked bits cannot be changed."),
    (("prctl",), "EPERM", "PR_SET_KEEPCAPS", "SECBIT_KEEP_CAPS is locked."),
    (("prctl",), "EPERM", "PR_SET_MM", "CAP_SYS_RESOURCE is needed to change the memory layout."),
    (("prctl",), "EACCES", "PR_SET_SECCOMP", "A filter needs no_new_privs, or CAP_SYS_ADMIN."),
    (("prctl",), "EINVAL", "PR_SET_SECCOMP", "The filter is no valid program, or the kernel has no filters."),
    (("prctl",), "EFAULT", "PR_SET_SECCOMP", "There is no filter at that address; NULL asks if they exist."),
    (("prctl",), "EINVAL", "PR_SET_PDEATHSIG", "There is no signal of that number."),
    (("prctl",), "EINVAL", "PR_SET_NO_NEW_PRIVS", "It can only be set to 1: there is no way back."),
)

FAILURES: tuple[Failure, ...] = (
    *(Failure(*row) for row in _ROWS),
    Failure(
        _NEW, "EPERM", "", "New namespaces need CAP_SYS_ADMIN; a user namespace can do without.", ("CLONE_NEWUSER",)
    ),
    Failure(("mount",), "EBUSY", "", "The same source is mounted at the same place already.", _NO_NEW_MOUNT),
    Failure(("mount",), "EINVAL", "", "The source holds no such file system, or an option is wrong.", _NO_NEW_MOUNT),
)
