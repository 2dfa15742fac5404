"""Who a task is, as every backend tells it: the shortest life, new namespaces, new ids, a new root."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from contrace.capture import procfs
from contrace.records import Block, Exec, Identity, TaskStart
from tests.backends.conftest import Capture
from tests.backends.test_life import SH, named, of_kind

PIDFD_SIZE = 4  # sizeof(int)


def test_a_process_that_lives_for_a_millisecond_is_known_completely(capture: Capture) -> None:
    records = capture(SH, "-c", "(:); /bin/true; (:)")
    here = procfs.namespaces(os.getpid())
    cgroup = Path("/proc/self/cgroup").read_bytes()
    identities = of_kind(records, Identity)
    assert len({identity.tid for identity in identities}) == 4
    for identity in identities:
        assert identity.namespaces == here
        assert identity.cgroup == cgroup
        assert identity.cwd == os.fsencode(os.getcwd())
        assert identity.root == b"/"
        assert identity.uids == (os.geteuid(),) * 4
        assert identity.nspids is not None
        assert identity.nspids[0] == identity.tid
    executed = [identity.exe for identity in identities if identity.why == "exec"]
    assert executed == [os.fsencode(os.path.realpath(path)) for path in (SH, "/bin/true")]
    assert [executed.exe for executed in of_kind(records, Exec)] == executed
    forked = [identity.exe for identity in identities if identity.why == "start"]
    assert forked == [executed[0]] * 3


@pytest.mark.usefixtures("root")
def test_clone3_gives_the_numbers_that_were_asked_for_and_a_pidfd(
    capture: Capture, built: Callable[[str], Path]
) -> None:
    records = capture(built("set_tid"))
    first, chosen = named(records, "clone3")
    children = {start.tid: start for start in of_kind(records, TaskStart)}
    assert first.result in children
    assert children[first.result].nspids == (first.result, 1)
    [inner] = [start for start in children.values() if start.parent_tid == first.result]
    assert inner.nspids == (inner.tid, 77)
    assert chosen.result == 77  # what the caller was told
    for call, number in ((first, 1), (chosen, 77)):
        blocks = [memory for memory in call.memory if isinstance(memory, Block)]
        assert number.to_bytes(4, "little") in [block.data for block in blocks if not block.at_exit]
        [pidfd] = [block.data for block in blocks if block.at_exit and block.wanted == PIDFD_SIZE]
        assert int.from_bytes(pidfd, "little") > 2


@pytest.mark.usefixtures("root")
def test_a_user_namespaces_map_is_seen_at_the_next_identity(capture: Capture) -> None:
    records = capture("/usr/bin/unshare", "--user", "--map-root-user", "/bin/true")
    before, unshared, executed = of_kind(records, Identity)[-3:]
    assert (unshared.why, executed.why) == ("unshare", "exec")
    assert unshared.namespaces["user"] != before.namespaces["user"]
    assert executed.namespaces["user"] == unshared.namespaces["user"]
    assert (unshared.uid_map, unshared.gid_map) == ((), ())
    assert (executed.uid_map, executed.gid_map) == (((0, 0, 1),), ((0, 0, 1),))
    assert executed.uids == (0, 0, 0, 0)


@pytest.mark.usefixtures("root")
def test_new_ids_are_told_with_the_groups(capture: Capture) -> None:
    words = ("--reuid", "1234", "--regid", "2345", "--groups", "5,6")
    records = capture("/usr/bin/setpriv", *words, "/bin/true")
    last = of_kind(records, Identity)[-1]
    assert (last.uids, last.gids, last.groups) == ((1234,) * 4, (2345,) * 4, (5, 6))


@pytest.mark.usefixtures("root")
def test_a_chroot_is_told_as_contrace_sees_the_directory(capture: Capture, tmp_path: Path) -> None:
    records = capture("/usr/sbin/chroot", tmp_path, "/nothing-is-in-there")
    [chroot] = named(records, "chroot")
    assert chroot.result == 0
    [changed] = [identity for identity in of_kind(records, Identity) if identity.why == "chroot"]
    assert changed.root == os.fsencode(tmp_path)
    [moved] = [identity for identity in of_kind(records, Identity) if identity.why == "chdir"]
    assert moved.cwd in (b"/", os.fsencode(tmp_path))  # /proc tells it from the reader's root, or the task's


CHOWN, KILL, NET_BIND, NET_RAW, MKNOD, AUDIT_WRITE = (1 << number for number in (0, 5, 10, 13, 27, 29))
"""Capabilities that tests/fixtures/capabilities.c keeps, and those that it drops from the bounding set."""


@pytest.mark.usefixtures("root")
def test_rights_that_are_given_up_are_told_call_by_call(capture: Capture, built: Callable[[str], Path]) -> None:
    own = procfs.status(os.getpid())
    assert own is not None
    assert own.capabilities is not None
    bounding = own.capabilities[3]
    first, *dropped, limited, ambient, no_new_privs, filtered, child, new = of_kind(
        capture(built("capabilities"), calls=frozenset({"execve"})), Identity
    )[1:]
    assert (first.why, first.capabilities, first.no_new_privs, first.seccomp) == ("exec", own.capabilities, False, 0)
    assert [identity.why for identity in dropped] == ["prctl"] * 3
    for identity, capability in zip(dropped, (MKNOD, NET_RAW, AUDIT_WRITE), strict=True):
        bounding &= ~capability
        assert identity.capabilities == (*own.capabilities[:3], bounding, own.capabilities[4])
    sets = (KILL | NET_BIND, CHOWN | KILL | NET_BIND, CHOWN, bounding)
    assert (limited.why, limited.capabilities) == ("capset", (*sets, 0))
    assert (ambient.why, ambient.capabilities) == ("prctl", (*sets, KILL))
    assert (no_new_privs.no_new_privs, no_new_privs.seccomp) == (True, 0)
    assert (filtered.why, filtered.seccomp) == ("seccomp", 2)
    assert (child.why, child.tid != filtered.tid) == ("start", True)
    for later in (filtered, child, new):
        assert (later.no_new_privs, later.seccomp) == (True, 2)
    assert child.capabilities == (*sets, KILL)
    assert new.why == "exec"
    assert new.capabilities is not None
    assert new.capabilities[1] == new.capabilities[2] == CHOWN | KILL | NET_BIND  # root's, but no new ones


def test_a_filter_of_all_threads_is_also_that_of_another_threads_child(
    capture: Capture, built: Callable[[str], Path]
) -> None:
    identities = of_kind(capture(built("capabilities"), "threads"), Identity)
    [start] = [identity for identity in identities if identity.why == "start" and identity.tid == identity.pid]
    assert (start.no_new_privs, start.seccomp) == (True, 2)


def test_a_new_user_namespace_gives_every_capability_in_it(capture: Capture) -> None:
    records = capture("/usr/bin/unshare", "--user", "/bin/true")
    [unshared] = [identity for identity in of_kind(records, Identity) if identity.why == "unshare"]
    every = (1 << int(Path("/proc/sys/kernel/cap_last_cap").read_text()) + 1) - 1
    assert unshared.capabilities == (0, every, every, every, 0)
