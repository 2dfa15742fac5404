"""Namespaces: joining those that exist, making new ones, and who is who in a user namespace (namespaces(7))."""

import fcntl
import os
import struct
from collections.abc import Sequence

from contrace.errors import ContraceError
from contrace.runtime import libc
from contrace.runtime.attempt import attempt
from contrace.runtime.spec import IdMapping, Linux, NamespaceType

FLAGS: dict[NamespaceType, int] = {
    "user": libc.CLONE_NEWUSER,
    "uts": libc.CLONE_NEWUTS,
    "ipc": libc.CLONE_NEWIPC,
    "pid": libc.CLONE_NEWPID,
    "network": libc.CLONE_NEWNET,
    "time": libc.CLONE_NEWTIME,
    "cgroup": libc.CLONE_NEWCGROUP,
    "mount": libc.CLONE_NEWNS,
}
"""By the specification's names, in the order of entering them: user gives the rights to the others."""

_EVERY_ID = 0xFFFFFFFF  # user_namespaces(7): the initial namespace's map is 0 0 4294967295
_SIOCSIFFLAGS = 0x8914  # include/uapi/linux/sockios.h
_IFF_UP = 1  # include/uapi/linux/if.h


def join(linux: Linux) -> None:
    """Enter the namespaces that are given by path; for pid and time, the next child is in them (setns(2))."""
    wanted = [(kind, linux.namespace(kind)) for kind in FLAGS]
    files = []
    # Opened before any is entered: in another mount namespace the paths would mean something else.
    for kind, namespace in wanted:
        if namespace is not None and namespace.path:
            with attempt(f"open the {kind} namespace {namespace.path!r}"):
                files.append((kind, namespace.path, os.open(namespace.path, os.O_RDONLY | os.O_NONBLOCK)))
    for kind, path, file in files:
        with attempt(f"join the {kind} namespace {path!r}"):
            libc.setns(file, FLAGS[kind])
        os.close(file)
        if kind == "user":
            become_root()


def hide_from_others(linux: Linux) -> None:
    """In a PID namespace that others are in already, nobody may reach the host through us (proc(5), ptrace(2)).

    Until the execve this process has files of the host open, and those there could otherwise trace it.
    """
    if linux.joins("pid"):
        libc.prctl(libc.PR_SET_DUMPABLE, 0)


def make_user_namespace() -> None:
    """unshare(CLONE_NEWUSER). Until its ids are mapped this process is nobody in it, with every capability."""
    advice = (
        "user namespaces may be switched off here: see /proc/sys/user/max_user_namespaces and, where they are,\n"
        "kernel/unprivileged_userns_clone and kernel/apparmor_restrict_unprivileged_userns"
    )
    with attempt("make a user namespace", advice):
        libc.unshare(libc.CLONE_NEWUSER)


def make(linux: Linux) -> None:
    """Make every other new namespace but cgroup in one call; for pid and time, the next child is in them."""
    flags = sum(FLAGS[kind] for kind in FLAGS if kind not in ("user", "cgroup") and linux.makes(kind))
    with attempt("make new namespaces"):
        libc.unshare(flags)
    if linux.time_offsets:
        # Only now: from its first member on, a time namespace's clocks are fixed (time_namespaces(7)).
        with attempt("set the clocks of the time namespace"):
            for clock, offset in linux.time_offsets.items():
                _write("/proc/self/timens_offsets", f"{clock} {offset.secs} {offset.nanosecs}\n")


def make_cgroup_namespace() -> None:
    """The cgroup that this process is in becomes the root of what it sees (cgroup_namespaces(7))."""
    with attempt("make a cgroup namespace"):
        libc.unshare(libc.CLONE_NEWCGROUP)


def become_root() -> None:
    """Become id 0 of the user namespace, who owns what is made in it."""
    with attempt("become root in the user namespace"):
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
    # A change of ids may have made /proc/self the host root's, whose files we then could not write (proc(5)).
    libc.prctl(libc.PR_SET_DUMPABLE, 1)


def map_ids(pid: int, linux: Linux) -> None:
    """Say who is who in the user namespace that this child has just made (user_namespaces(7)); needs to be its parent.

    Without privileges the kernel accepts one id, the caller's own, and only when setgroups(2) is given up; ranges of
    /etc/subuid and /etc/subgid go through newuidmap and newgidmap, which are privileged.
    """
    for tool, name, mappings, own in (
        ("newgidmap", "gid_map", linux.gid_mappings, os.getegid()),
        ("newuidmap", "uid_map", linux.uid_mappings, os.geteuid()),
    ):
        single = len(mappings) == 1 and (mappings[0].host_id, mappings[0].size) == (own, 1)
        if os.geteuid() == 0 or single:
            if os.geteuid() != 0 and name == "gid_map":
                with attempt("give up setgroups in the user namespace"):
                    _write(f"/proc/{pid}/setgroups", "deny")
            with attempt(f"write the {name} of the user namespace"):
                _write(f"/proc/{pid}/{name}", "".join(f"{m.container_id} {m.host_id} {m.size}\n" for m in mappings))
        else:
            _map_by_tool(tool, pid, mappings)


def _map_by_tool(tool: str, pid: int, mappings: Sequence[IdMapping]) -> None:
    import shutil  # both are slow to import, and hardly any container needs them
    import subprocess

    path = shutil.which(tool)
    if path is None:
        raise ContraceError(
            f"cannot map more than your own id: the program {tool} is not here\n"
            "Debian and Ubuntu have it in the package uidmap; or map one id only, as contrace runtime spec does"
        )
    numbers = [str(number) for m in mappings for number in (m.container_id, m.host_id, m.size)]
    done = subprocess.run([path, str(pid), *numbers], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ContraceError(f"cannot map ids with {tool}: {done.stderr.strip()}")


def mapped_ids(kind: str) -> list[range]:
    """Ids ("uid" or "gid") that exist in this process's user namespace (user_namespaces(7))."""
    with open(f"/proc/self/{kind}_map") as file:
        rows = [[int(word) for word in line.split()] for line in file]
    return [range(first, first + size) for first, _, size in rows]


def in_user_namespace() -> bool:
    """Whether this process is in another user namespace than the first, in which every id means itself."""
    return mapped_ids("uid") != [range(_EVERY_ID)]


def set_names(hostname: str, domainname: str) -> None:
    """What the UTS namespace is called (uts_namespaces(7)); empty: as it is outside."""
    if hostname:
        with attempt(f"set the hostname {hostname!r}"):
            libc.sethostname(hostname)
    if domainname:
        with attempt(f"set the domainname {domainname!r}"):
            libc.setdomainname(domainname)


def bring_loopback_up() -> None:
    """A new network namespace has a loopback interface that is down (network_namespaces(7))."""
    with attempt("bring the loopback interface up"):
        socket = libc.datagram_socket()
        try:
            fcntl.ioctl(socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))  # struct ifreq
        finally:
            os.close(socket)


def _write(path: str, text: str) -> None:
    file = os.open(path, os.O_WRONLY)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)
