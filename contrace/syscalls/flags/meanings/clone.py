"""What the flags of clone, clone3, unshare and setns do. Sources: clone(2), unshare(2), setns(2), namespaces(7).

The same bit means different things: clone's is about the child, unshare's about the caller (with CLONE_NEWPID about its
next child), setns' names the type that the namespace must have.
"""

CLONE: dict[str, str] = {
    "CLONE_VM": "Parent and child share one address space, as threads do, and as a quick fork before an execve.",
    "CLONE_FS": "Root, current directory and umask are shared: a chroot or chdir of one moves the other.",
    "CLONE_FILES": "Both use one table of file descriptors: what one opens or closes changes for the other.",
    "CLONE_SIGHAND": "Both use one table of signal handlers; masks and pending signals stay apart.",
    "CLONE_PIDFD": "Hands the parent a descriptor for the child, so it never signals a stranger with a reused pid.",
    "CLONE_PTRACE": "If a tracer watches the caller, it watches the child as well.",
    "CLONE_VFORK": "The parent waits until the child has called execve or ended, as with vfork.",
    "CLONE_PARENT": "The child becomes the caller's sibling: a runtime's helper hands its own parent the container.",
    "CLONE_THREAD": "Makes a thread of the caller's process instead of a new process.",
    "CLONE_NEWNS": "Gives the child its own copy of the mount table, in which a container gets its own root.",
    "CLONE_SYSVSEM": "Both share one list of System V semaphore undo values, applied when the last of them ends.",
    "CLONE_SETTLS": "Sets where the child keeps its thread-local storage, as every new thread needs.",
    "CLONE_PARENT_SETTID": "Writes the child's tid into the parent's memory before the call returns.",
    "CLONE_CHILD_CLEARTID": "Zeroes a tid in memory at the child's end and wakes who waits there: so threads join.",
    "CLONE_UNTRACED": "No tracer of the caller can force itself on the child.",
    "CLONE_CHILD_SETTID": "Writes the child's tid into the child's own memory before it runs.",
    "CLONE_NEWCGROUP": "Its present cgroup becomes the root that the child sees: it learns nothing of the host's.",
    "CLONE_NEWUTS": "Gives the child its own host and domain name: a container is named without renaming the host.",
    "CLONE_NEWIPC": "Gives the child its own System V IPC objects and POSIX message queues, apart from the host's.",
    "CLONE_NEWUSER": "Gives the child its own uids and gids: root inside can be an ordinary user outside.",
    "CLONE_NEWPID": "The child becomes pid 1 of a new PID namespace, in which the host's processes have no pid.",
    "CLONE_NEWNET": "Gives the child its own network stack, which holds nothing but a loopback device that is down.",
    "CLONE_IO": "The I/O scheduler treats both as one process, and they share its disk time.",
}

CLONE3: dict[str, str] = CLONE | {
    "CLONE_NEWTIME": "Gives the child its own boot-time and monotonic clocks, as a restored container needs.",
    "CLONE_CLEAR_SIGHAND": "Signals that the parent handles are back at their default in the child.",
    "CLONE_INTO_CGROUP": "Starts the child inside the given cgroup: a container's limits hold from the first moment.",
    "CLONE_AUTOREAP": "The kernel itself cleans up after the child: no zombie, nothing to wait for (Linux 7.1).",
    "CLONE_NNP": "The child starts with no_new_privs: no execve can give it more privileges (Linux 7.1).",
    "CLONE_PIDFD_AUTOKILL": "The child is killed when the descriptor that this call gave is closed (Linux 7.1).",
    "CLONE_EMPTY_MNTNS": "Gives the child a mount namespace in which nothing of the host's is mounted (Linux 7.1).",
}

UNSHARE: dict[str, str] = {
    "CLONE_NEWTIME": "The caller's next children get clocks of their own; the caller itself keeps its own.",
    "CLONE_VM": "Asks for an address space of its own; a process with several threads is refused.",
    "CLONE_FS": "Root, current directory and umask are no longer shared with other tasks.",
    "CLONE_FILES": "The caller gets its own copy of the table of file descriptors.",
    "CLONE_SIGHAND": "Asks for signal handlers of its own; a process with several threads is refused them.",
    "CLONE_THREAD": "Demands that the process has a single thread; it changes nothing else.",
    "CLONE_NEWNS": "The caller gets its own copy of the mount table, in which a container gets its own root.",
    "CLONE_SYSVSEM": "The caller starts an empty list of System V semaphore undo values.",
    "CLONE_NEWCGROUP": "Its present cgroup becomes the root that the caller sees: it learns nothing of the host's.",
    "CLONE_NEWUTS": "The caller gets its own host and domain name: a container is named, the host is not renamed.",
    "CLONE_NEWIPC": "The caller gets its own System V IPC objects and POSIX message queues, apart from the host's.",
    "CLONE_NEWUSER": "The caller gets its own uids and gids, and all capabilities over what is in there.",
    "CLONE_NEWPID": "The caller's next child becomes pid 1 of a new PID namespace; the caller itself stays outside.",
    "CLONE_NEWNET": "The caller gets its own network stack, with nothing in it but a loopback device that is down.",
}

SETNS: dict[str, str] = {
    "CLONE_NEWTIME": "Joins a time namespace: the clocks of a container that runs already.",
    "CLONE_NEWNS": "Joins a mount namespace and takes its root: from here on paths are the container's.",
    "CLONE_NEWCGROUP": "Joins a cgroup namespace: cgroup paths begin at the container's own.",
    "CLONE_NEWUTS": "Joins a UTS namespace: the host name is the container's.",
    "CLONE_NEWIPC": "Joins an IPC namespace: System V objects and message queues are the container's.",
    "CLONE_NEWUSER": "Joins a user namespace and gets all capabilities in it: uids are the container's.",
    "CLONE_NEWPID": "The caller's next children start in that PID namespace, as exec into a container needs.",
    "CLONE_NEWNET": "Joins a network namespace: a pod's containers, or a CNI plugin, share its devices this way.",
}

ANY_NAMESPACE = "Whatever type of namespace the descriptor stands for is joined."
"""setns with 0 instead of flags."""

EXIT_SIGNAL = "The parent gets this signal when the child ends."
"""The signal that clone and clone3 name."""
