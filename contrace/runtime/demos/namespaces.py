"""``namespaces``: one at a time, without the rest of a container around it."""

import os
from collections.abc import Callable

from contrace.runtime import namespaces, rootfs
from contrace.runtime.cgroups import Groups, remove
from contrace.runtime.demos import Act
from contrace.runtime.demos.stage import Stage
from contrace.runtime.pipes import Pipe
from contrace.runtime.spec import IdMapping, Linux, Namespace, NamespaceType, TimeOffset

_DAY = 24 * 60 * 60
_MAPPED_BY_ROOT = 100_000  # above all users of a usual system


def _compare(kind: NamespaceType, outside: str, inside: str | None = None) -> Callable[[Stage], None]:
    """Run a line of shell outside and, in one new namespace, the same or another."""

    def play(stage: Stage) -> None:
        stage.say(f"outside: {outside}")
        stage.outside("sh", "-c", outside)
        stage.say(f"inside: {inside or outside}")
        _run_inside(stage, kind, inside or outside)
        if inside:
            stage.say(f"outside, again: {outside}")
            stage.outside("sh", "-c", outside)

    return play


def _cgroup(stage: Stage) -> None:
    """In a group of our own, where we may make one: in the topmost one there is nothing to hide."""
    groups = Groups(f"contrace-demo-{os.getpid()}")
    missing = groups.missing()
    try:
        groups.make()
        if groups.refused:
            stage.say(f"({groups.refused[0]}: so this is the group that contrace was started in)")
        member = os.fork()
        if member == 0:
            status = 1
            try:
                groups.enter(os.getpid())
                _compare("cgroup", "head -n 3 /proc/self/cgroup")(stage)
                status = 0
            finally:
                os._exit(status)
        os.waitpid(member, 0)
    finally:
        remove(missing)


def _run_inside(stage: Stage, kind: NamespaceType, line: str) -> None:
    """As unshare(1) does. A normal user needs a user namespace first, which gives the right to make the others."""
    with_user = kind == "user" or not stage.is_root
    kinds = (*(("user",) if with_user else ()), *(() if kind == "user" else (kind,)))
    host_id = _MAPPED_BY_ROOT if stage.is_root else os.geteuid()
    linux = Linux(
        namespaces=tuple(Namespace(type=one) for one in kinds),
        uid_mappings=(IdMapping(container_id=0, host_id=host_id, size=1),) if with_user else (),
        gid_mappings=(IdMapping(container_id=0, host_id=os.getegid() if not stage.is_root else host_id, size=1),)
        if with_user
        else (),
        time_offsets={"boottime": TimeOffset(secs=_DAY)} if kind == "time" else {},
    )
    up, down = Pipe(), Pipe()
    child = os.fork()
    if child == 0:
        try:
            up.only_say()
            down.only_hear()
            if with_user:
                namespaces.make_user_namespace()
                up.say("map ids")
                down.hear()
                namespaces.become_root()
            if kind == "cgroup":
                namespaces.make_cgroup_namespace()
            elif kind != "user":
                namespaces.make(linux)
            if kind == "mount":
                rootfs.detach_from_host("")
            # Into new PID and time namespaces go only the children that are made from here on.
            if kind in ("pid", "time") and (grandchild := os.fork()):
                os._exit(os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1]))
            os.execv("/bin/sh", ["sh", "-c", line])
        except BaseException as error:  # noqa: BLE001 - a forked child must not return into its parent's code
            os.write(2, f"contrace: {error}\n".encode())
        finally:
            os._exit(1)
    up.only_hear()
    down.only_say()
    if with_user and up.hear()[0] == "map ids":
        namespaces.map_ids(child, linux)
        down.say("mapped")
    os.waitpid(child, 0)
    up.close()
    down.close()


ACTS = (
    Act(
        "UTS: its own name",
        "The machine's name is a property of the UTS namespace: a new one can be called otherwise.",
        _compare("uts", "hostname", "hostname inside; hostname"),
    ),
    Act(
        "PID: its own numbers",
        "The first process in a new PID namespace is number 1 there, and has another number on the host. It cannot\n"
        "see the host's processes by number; /proc goes on to show them until it is mounted anew.",
        _compare("pid", "kill -0 1 && echo 1 is somebody", "echo I am $$"),
    ),
    Act(
        "Mount: its own file tree",
        "What is mounted in a new mount namespace can be seen in it only, once it is private.",
        _compare(
            "mount",
            "ls /mnt",
            "mount -t tmpfs none /mnt; echo hello > /mnt/only-inside; ls /mnt",
        ),
    ),
    Act(
        "Network: its own interfaces",
        "A new network namespace has nothing but a loopback interface; a container manager gives it a cable.",
        _compare("network", "cat /proc/net/dev"),
    ),
    Act(
        "IPC: its own message queues",
        "System V and POSIX queues and shared memory have names that the whole machine sees, without this.",
        _compare("ipc", "ipcs -q", "ipcmk -Q; ipcs -q"),
    ),
    Act(
        "Cgroup: its own root of the cgroup tree",
        "The group that a process is in when it makes the namespace looks like / from inside.",
        _cgroup,
    ),
    Act(
        "Time: its own boot",
        "The time since boot can be moved: here by a day. The date is the same for all.",
        _compare("time", "cut -d. -f1 /proc/uptime"),
    ),
    Act(
        "User: its own ids",
        "Ids inside are others outside, by a table (uid_map). Id 0 inside has every capability, but only over what\n"
        "belongs to the namespace. It is the one namespace that needs no privilege.",
        _compare("user", "id; cat /proc/self/uid_map"),
    ),
)
