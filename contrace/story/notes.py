"""Margin notes: what a step of a container's birth is for, in plain words. Pure.

``ROWS`` is the table: a call, a test of its decoded arguments, the note, and the results with which it is true. The
first row that fits is taken. What happens many times over is explained once: a note is not repeated before another one
has come.
"""

from collections.abc import Callable
from dataclasses import dataclass

from contrace.decode.call import Call
from contrace.records import Exec, Identity, Note, Record, TaskExit, TaskStart

_SIGKILL = 9
_SUCCESS = ""


@dataclass(frozen=True, slots=True)
class _Row:
    """One note."""

    call: str
    about: Callable[[Call], bool]
    text: str
    results: tuple[str, ...] = (_SUCCESS,)
    """With which of them it is true: what a call does is not said of one that failed."""

    def fits(self, call: Call) -> bool:
        """Whether it is the note to a call that has returned."""
        return (call.errno or _SUCCESS) in self.results and self.about(call)


def _has(index: int, *words: str) -> Callable[[Call], bool]:
    """Whether an argument's text has one of these words."""
    return lambda call: len(call.args) > index and any(word in call.args[index].text for word in words)


def _option(*words: str) -> Callable[[Call], bool]:
    return _has(0, *words)


def _named(*beginnings: str) -> Callable[[Call], bool]:
    """prctl(PR_SET_NAME) with a name that begins so."""
    return lambda call: (
        len(call.args) > 1
        and call.args[0].text == "PR_SET_NAME"
        and call.args[1].text.lstrip('"').startswith(beginnings)
    )


def _both(*tests: Callable[[Call], bool]) -> Callable[[Call], bool]:
    return lambda call: all(test(call) for test in tests)


def _neither(test: Callable[[Call], bool]) -> Callable[[Call], bool]:
    return lambda call: not test(call)


def _any(call: Call) -> bool:
    return True


_ON_DESCRIPTOR = _has(1, '"/proc/self/fd/')
"""A mount on what a runtime has opened in the new root; not in /proc, in spite of its name."""
_EVERY_NAMESPACE = ("CLONE_NEWNS", "CLONE_NEWUTS", "CLONE_NEWIPC", "CLONE_NEWPID", "CLONE_NEWNET")


def _whole(call: Call) -> bool:
    return bool(call.args) and all(flag in call.args[0].text for flag in _EVERY_NAMESPACE)


ROWS: tuple[_Row, ...] = (
    # prctl: who is who, and what is given up
    _Row("prctl", _named("demo:act"), "A mark of the demo: here an act begins."),
    _Row("prctl", _named("demo:end"), "A mark of the demo: the act is over."),
    _Row(
        "prctl",
        _named("cont:[0:PARENT]", "runc:[0:PARENT]"),
        "Stage 0 names itself. It stays outside and has the rights that the others are about to give up, such as "
        "saying who is who in a user namespace.",
    ),
    _Row(
        "prctl",
        _named("cont:[1:CHILD]", "runc:[1:CHILD]"),
        "Stage 1: the one that leaves the host's namespaces. It is already in the container's cgroups, and whatever "
        "it starts is, too.",
    ),
    _Row(
        "prctl",
        _named("cont:[2:INIT]", "runc:[2:INIT]"),
        "Stage 2: pid 1 of the container. It runs the runtime's code in there until it becomes the payload.",
    ),
    _Row("prctl", _option("PR_SET_NAME"), "A process gives itself a name, which ps and every tracer show."),
    _Row(
        "prctl",
        _option("PR_SET_CHILD_SUBREAPER"),
        "Orphans below will be this process's children: so it can wait for the container's first process although "
        "those who made it end before.",
    ),
    _Row(
        "prctl",
        _option("PR_SET_NO_NEW_PRIVS"),
        "From here on no execve gives this process more rights than it has: set-user-ID programs are ordinary ones. "
        "It cannot be undone.",
    ),
    _Row(
        "prctl",
        _option("PR_CAPBSET_DROP"),
        "Root's power in pieces: each capability that the container is not to have leaves its bounding set, and no "
        "program in it can ever get it back.",
    ),
    _Row(
        "prctl",
        _option("PR_SET_KEEPCAPS"),
        "Changing the user id would take all capabilities away at once; with this they are kept until the wanted "
        "ones are chosen.",
    ),
    _Row(
        "prctl",
        _option("PR_CAP_AMBIENT"),
        "No capability is handed on to programs that do not ask for one: the ambient set is emptied.",
    ),
    _Row(
        "prctl",
        _option("PR_SET_SECCOMP"),
        "A filter is installed: from here on it sees each system call before the kernel does it.",
    ),
    _Row(
        "prctl",
        _option("PR_SET_DUMPABLE"),
        "Whether others may look into this process: /proc/self belongs to it, or to root alone.",
    ),
    _Row("prctl", _option("PR_GET_NAME"), "A shell asks for its own name."),
    _Row(
        "prctl",
        _option("PR_CAPBSET_READ"),
        "Asks how many capabilities this kernel has, by trying.",
        (_SUCCESS, "EINVAL"),
    ),
    # namespaces
    _Row(
        "unshare",
        _any,
        "Refused: new namespaces need CAP_SYS_ADMIN, which everybody has in a user namespace of their own.",
        ("EPERM",),
    ),
    _Row(
        "unshare",
        _whole,
        "The moment of the container: from here on this process has mounts, a host name, message queues and network "
        "interfaces of its own, still copies of the host's or empty. The PID namespace is for its next child only.",
    ),
    _Row(
        "unshare",
        _option("CLONE_NEWUSER"),
        "A user namespace: in it this process has every capability, and no user has a name yet. It needs no "
        "privilege, which is why rootless containers begin with it.",
    ),
    _Row(
        "unshare",
        _option("CLONE_NEWCGROUP"),
        "The cgroup that this process is in becomes / of the cgroup tree that it sees.",
    ),
    _Row("unshare", _option("CLONE_NEWPID"), "Its next child will be pid 1 of a new PID namespace."),
    _Row("unshare", _option("CLONE_NEWNS"), "The list of mounts is copied; the copy is this process's own."),
    _Row("unshare", _option("CLONE_NEWUTS"), "The host name is copied; changing it changes nothing for the others."),
    _Row("unshare", _option("CLONE_NEWNET"), "A network of its own: a loopback interface that is down, nothing else."),
    _Row("unshare", _option("CLONE_NEWIPC"), "Message queues, semaphores and shared memory: none but its own."),
    _Row("unshare", _option("CLONE_NEWTIME"), "Its children will have clocks of their own since boot."),
    _Row("setns", _any, "Enters a namespace that exists: a running container's, or a pod's network."),
    # processes
    _Row("clone", _any, "Refused: the limit of processes is reached (pids cgroup, or RLIMIT_NPROC).", ("EAGAIN",)),
    _Row("fork", _any, "Refused: the limit of processes is reached (pids cgroup, or RLIMIT_NPROC).", ("EAGAIN",)),
    _Row("clone", _has(1, "CLONE_THREAD"), "A thread, not a process."),
    _Row("clone", _any, "A new process. Here nothing is new in it yet: it inherits namespaces, cgroup and rights."),
    _Row("clone3", _has(0, "CLONE_NEW"), "A new process, at once in new namespaces."),
    _Row("vfork", _any, "A new process that borrows its parent's memory until it executes a program."),
    # what can be seen
    _Row(
        "mount",
        _both(_has(3, "MS_SLAVE", "MS_PRIVATE"), _has(1, '"/"')),
        "Mounts are cut off from the host's: what is mounted here from now on does not appear there.",
    ),
    _Row(
        "mount",
        _both(_has(3, "MS_SLAVE", "MS_PRIVATE"), _has(1, '"."')),
        "The old root is cut off, too, so that unmounting it here does not unmount it on the host.",
    ),
    _Row(
        "mount",
        _any,
        "Refused: mounting needs CAP_SYS_ADMIN over the mount namespace; and of a user "
        "namespace only few file systems may be mounted at all.",
        ("EPERM",),
    ),
    _Row(
        "mount",
        _both(_has(0, '"/dev/'), _has(3, "MS_BIND"), _ON_DESCRIPTOR),
        "A device of the host appears in the container. Elsewhere it is made anew (mknod), which is not allowed in a "
        "user namespace.",
    ),
    _Row(
        "mount",
        _both(_has(0, '"/dev/null"'), _has(3, "MS_BIND")),
        "Masked: /dev/null is put over a file that tells of the whole machine. What is not there needs no mask "
        "(ENOENT); a directory gets an empty one instead (ENOTDIR).",
        (_SUCCESS, "ENOENT", "ENOTDIR"),
    ),
    _Row("mount", _both(_has(3, "MS_RDONLY"), _has(2, '"tmpfs"')), "Masked: an empty directory is put over this one."),
    _Row(
        "mount",
        _both(_has(3, "MS_REMOUNT"), _has(1, '"/"')),
        "The container's own root becomes read-only.",
    ),
    _Row(
        "mount",
        _has(3, "MS_REMOUNT"),
        "Other flags for what is mounted there already, such as read-only.",
    ),
    _Row(
        "mount",
        _both(_has(2, '"proc"'), _ON_DESCRIPTOR),
        "A /proc of the new PID namespace: it shows the container's processes only. The "
        "target is a descriptor, so that no symbolic link of the image can lead the mount elsewhere.",
    ),
    _Row("mount", _has(2, '"proc"'), "A /proc of this process's PID namespace: it shows the processes in it only."),
    _Row("mount", _has(2, '"sysfs"'), "/sys, read-only: devices and kernel settings to look at."),
    _Row("mount", _has(2, '"devpts"'), "Terminals of its own, in a devpts that nobody else sees."),
    _Row("mount", _has(2, '"mqueue"'), "POSIX message queues, those of its own IPC namespace."),
    _Row("mount", _has(2, '"cgroup"', '"cgroup2"'), "Its own cgroups, read-only: limits to see, not to change."),
    _Row("mount", _has(2, '"tmpfs"'), "A file system in memory: gone with the container."),
    _Row(
        "mount",
        _both(_has(3, "MS_BIND"), _has(1, '"/proc/'), _neither(_ON_DESCRIPTOR)),
        "A part of /proc becomes a mount of its own, for the next call to make it read-only: parts through which the "
        "machine itself could be changed. What is not there needs none (ENOENT).",
        (_SUCCESS, "ENOENT"),
    ),
    _Row(
        "mount",
        _has(3, "MS_BIND"),
        "A directory or file that is there already appears in a second place: the root itself (pivot_root wants a "
        "mount), a volume, the host's programs.",
    ),
    _Row("mount", _any, "There is nothing to mount, or nothing to mount on.", ("ENOENT",)),
    _Row(
        "pivot_root",
        _any,
        "The container's file tree becomes /, and the host's lies below it for a moment: no path will lead there.",
    ),
    _Row("umount2", _has(0, '"."'), "The host's tree is let go of: this process cannot reach it any more."),
    _Row("umount2", _any, "What was mounted there is visible no more."),
    _Row("chroot", _any, "Refused: it needs CAP_SYS_CHROOT.", ("EPERM",)),
    _Row("chroot", _any, "Paths begin elsewhere. Unlike pivot_root, this is no wall for root."),
    _Row(
        "sethostname",
        _any,
        "Refused: it needs CAP_SYS_ADMIN over the UTS namespace; or a seccomp filter said so.",
        ("EPERM",),
    ),
    _Row("sethostname", _any, "The container gets its name. Only its UTS namespace is renamed."),
    # programs
    _Row(
        "execve",
        _any,
        "There is no such program; or it is a script, and its interpreter is missing (a "
        "first line that ends with a carriage return names one that does not exist).",
        ("ENOENT",),
    ),
    _Row(
        "execve",
        _any,
        "The file is there, but may not be executed: no x in its mode, or a mount with noexec.",
        ("EACCES",),
    ),
    _Row("execve", _any, "Not a program of this machine, or a script without #!.", ("ENOEXEC",)),
)
"""Every note about a call, more special ones first."""

_BORN = "The payload: stage 2 becomes the program that was asked for. Its namespaces, cgroups and rights stay."
_RUNS = "Another program in the same process."


class Notes:
    """The notes to a trace that is told from its beginning."""

    def __init__(self) -> None:
        self._last: dict[int, str] = {}
        """tid -> the note that it got last."""
        self._inits: set[int] = set()
        """Tasks that named themselves stage 2."""

    def of_call(self, tid: int, call: Call) -> str:
        """The note to a call that has returned; empty where there is none, or where it was given just before."""
        if call.name == "execve" and call.value == 0:
            born = tid in self._inits
            self._inits.discard(tid)
            return self._once(tid, _BORN if born else _RUNS)
        if call.name == "prctl" and _named("cont:[2:INIT]", "runc:[2:INIT]")(call):
            self._inits.add(tid)
        row = next((row for row in ROWS if row.call == call.name and row.fits(call)), None)
        return self._once(tid, row.text) if row else ""

    def of_record(self, record: Record) -> str:
        """The note to a record that is no call; empty where there is none."""
        match record:
            case TaskStart() if len(record.nspids) > 1 and record.nspids[-1] == 1:
                return f"Pid 1 of the new PID namespace. The host knows it as {record.nspids[0]}."
            case TaskExit(signal=signal) if signal == _SIGKILL:
                return (
                    "Killed. If no process sent the signal, it was the kernel: out of memory in its cgroup, or the end "
                    "of its PID namespace's pid 1."
                )
            case TaskExit() if record.tid in self._inits:
                self._inits.discard(record.tid)
                return "Stage 2 ends without having become a program: the container was not born."
            case Identity() | Exec() | Note():
                return ""
        return ""

    def _once(self, tid: int, text: str) -> str:
        if self._last.get(tid) == text:
            return ""
        self._last[tid] = text
        return text
