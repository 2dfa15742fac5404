"""What a call changed about its task."""

import pytest

from contrace.story.changes import Change, changes
from tests.unit.scene import identity

BEFORE = identity(0)


def test_nothing_is_said_where_nothing_changed():
    assert changes(BEFORE, identity(1)) == ()


def test_nothing_is_said_where_it_is_not_known_what_was_before():
    assert changes(None, BEFORE) == ()


def test_namespaces_that_are_others_now():
    after = identity(1, namespaces=BEFORE.namespaces | {"mnt": 11, "uts": 15})
    assert changes(BEFORE, after) == (
        Change("namespaces", "mnt", "1", "11"),
        Change("namespaces", "uts", "5", "15"),
    )


def test_a_pid_namespace_for_children_that_has_none_yet():
    """The link cannot be read until the first child makes the namespace (pid_namespaces(7))."""
    after = identity(1, namespaces={k: v for k, v in BEFORE.namespaces.items() if k != "pid_for_children"})
    assert changes(BEFORE, after) == (Change("namespaces", "pid_for_children", "3", "new, still empty"),)


def test_namespaces_that_could_not_be_read_are_no_change():
    assert changes(BEFORE, identity(1, namespaces={})) == ()
    assert changes(identity(0, namespaces={}), BEFORE) == ()


@pytest.mark.parametrize(
    ("field", "before", "after", "change"),
    [
        ("uids", (0,) * 4, (1000,) * 4, Change("ids", "uid", "0", "1000")),
        ("uids", (0,) * 4, (0, 1000, 0, 1000), Change("ids", "uid", "0", "0/1000/0/1000")),
        ("gids", (5,) * 4, (6,) * 4, Change("ids", "gid", "5", "6")),
        ("groups", (1, 2), (), Change("ids", "groups", "1/2", "none")),
        ("uid_map", (), ((0, 1000, 1),), Change("maps", "uid_map", "empty", "0 1000 1")),
        ("gid_map", ((0, 0, 9),), ((0, 5, 1), (1, 9, 2)), Change("maps", "gid_map", "0 0 9", "0 5 1, 1 9 2")),
        ("cgroup", b"0::/\n", b"0::/a\n", Change("cgroup", "", b"/", b"/a")),
        ("root", b"/", b"/new\x1b", Change("root", "", b"/", b"/new\x1b")),
    ],
)
def test_other_things_that_change(field, before, after, change):
    assert changes(identity(0, **{field: before}), identity(1, **{field: after})) == (change,)
    assert changes(identity(0, **{field: None}), identity(1, **{field: after})) == ()
    assert changes(identity(0, **{field: before}), identity(1, **{field: None})) == ()


def test_moves_through_several_cgroup_hierarchies_are_told_together():
    before = identity(0, cgroup=b"3:pids:/\n2:cpu,cpuacct:/\n1:name=a\xff:/\n0::/u:x\n")
    after = identity(1, cgroup=b"3:pids:/a\n2:cpu,cpuacct:/a\n1:name=a\xff:/\n0::/v:x\n")
    assert changes(before, after) == (
        Change("cgroup", "pids,cpu,cpuacct", b"/", b"/a"),
        Change("cgroup", "unified", b"/u:x", b"/v:x"),
    )


def test_changes_come_in_a_fixed_order():
    after = identity(
        1,
        root=b"/x",
        cgroup=b"0::/x\n",
        uid_map=(),
        groups=(1,),
        uids=(1,) * 4,
        namespaces=BEFORE.namespaces | {"user": 7},
    )
    assert [change.area for change in changes(BEFORE, after)] == ["namespaces", "ids", "ids", "maps", "cgroup", "root"]
