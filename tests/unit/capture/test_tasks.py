"""Which execve is the payload's."""

import pytest

from contrace.capture.ptrace.tasks import Task
from contrace.records import Identity

HOST = {"mnt": 1, "pid": 2, "net": 3}


def task(namespaces: dict[str, int], *, rerooted: bool = False) -> Task:
    identity = Identity(
        time_ns=1,
        tid=7,
        pid=7,
        why="exec",
        namespaces=namespaces,
        uids=None,
        gids=None,
        groups=None,
        uid_map=None,
        gid_map=None,
        cgroup=None,
        exe=None,
        cwd=None,
        root=None,
        nspids=None,
    )
    return Task(
        7, 7, calls=True, manager=False, stepping=True, origin=HOST, comm=b"x", identity=identity, rerooted=rerooted
    )


@pytest.mark.parametrize(
    ("namespaces", "rerooted", "payload"),
    [
        (HOST, False, False),  # runc init, crun's memfd: still the manager's namespaces
        (HOST | {"mnt": 9}, False, False),  # dockerd's helpers, podman's own user namespace
        (HOST | {"net": 9}, True, False),
        (HOST | {"mnt": 9}, True, True),  # a container that shares the host's pids
        (HOST | {"mnt": 9, "pid": 8}, False, True),
        ({}, True, False),  # unreadable: nothing is claimed
    ],
)
def test_the_payload_is_recognised_by_where_it_is(namespaces: dict[str, int], rerooted: bool, payload: bool) -> None:
    assert task(namespaces, rerooted=rerooted).is_payload() is payload
