"""What a call changed about its task."""

import pytest

from contrace.story.changes import Change, changes, is_told_later
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
        ("no_new_privs", False, True, Change("no_new_privs", "", "off", "on")),
        ("seccomp", 0, 2, Change("seccomp", "", "none", "filter")),
        ("seccomp", 1, 7, Change("seccomp", "", "strict", "7")),
        ("capabilities", (0, 0, 0, 0, 0), (0, 0, 1, 0, 0), Change("capabilities", "effective", "none", "CAP_CHOWN")),
    ],
)
def test_other_things_that_change(field, before, after, change):
    assert changes(identity(0, **{field: before}), identity(1, **{field: after})) == (change,)
    assert changes(identity(0, **{field: None}), identity(1, **{field: after})) == ()
    assert changes(identity(0, **{field: before}), identity(1, **{field: None})) == ()


ALL = (1 << 41) - 1
DOCKER = 0xA80425FB
"""The 14 capabilities that docker gives its containers."""
NET_RAW, SYS_ADMIN = 1 << 13, 1 << 21


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (ALL, 0, "all → none"),
        (ALL, ALL & ~SYS_ADMIN, "all → all but CAP_SYS_ADMIN"),
        (ALL, DOCKER, "all → 14"),
        (DOCKER, DOCKER & ~NET_RAW, "14 → 13 (-CAP_NET_RAW)"),
        (DOCKER, DOCKER & ~NET_RAW | SYS_ADMIN, "14 → 14 (-CAP_NET_RAW +CAP_SYS_ADMIN)"),
        (DOCKER, DOCKER & ~NET_RAW & ~3, "14 → 11 (-CAP_CHOWN,CAP_DAC_OVERRIDE,CAP_NET_RAW)"),
        (DOCKER, NET_RAW | 1, "14 → CAP_CHOWN,CAP_NET_RAW"),
        (0, 1 << 63, "none → capability 63"),
        (ALL | 1 << 41, ALL, "all → all (-capability 41)"),  # of a kernel that is newer than the names
    ],
)
def test_a_set_of_capabilities_is_told_in_few_words(before, after, told):
    found = changes(identity(0, capabilities=(0, 0, 0, before, 0)), identity(1, capabilities=(0, 0, 0, after, 0)))
    assert [f"{change.before} → {change.after}" for change in found] == [told]


def test_sets_that_change_in_the_same_way_are_told_together():
    before = identity(0, capabilities=(0, ALL, ALL, ALL, 0))
    assert changes(before, identity(1, capabilities=(0, 0, 0, DOCKER, 0))) == (
        Change("capabilities", "permitted,effective", "all", "none"),
        Change("capabilities", "bounding", "all", "14"),
    )


def test_what_is_taken_or_given_one_by_one_is_told_later():
    before = identity(0, capabilities=(0, ALL, ALL, ALL, 0), no_new_privs=False)
    dropped = identity(1, why="prctl", capabilities=(0, ALL, ALL, DOCKER, 1), no_new_privs=False)
    assert is_told_later(before, dropped)
    assert changes(before, dropped) == ()
    for other in ({"why": "exec"}, {"no_new_privs": True}, {"capabilities": (0, ALL, 1, DOCKER, 1)}):
        after = identity(1, **{"why": "prctl", "capabilities": dropped.capabilities, "no_new_privs": False} | other)
        assert not is_told_later(before, after)
        assert Change("capabilities", "bounding", "all", "14") in changes(before, after)
    assert not is_told_later(before, identity(1, why="prctl", capabilities=before.capabilities, no_new_privs=False))
    assert not is_told_later(None, dropped)


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
        capabilities=(0,) * 5,
        no_new_privs=True,
        seccomp=2,
        namespaces=BEFORE.namespaces | {"user": 7},
    )
    before = identity(0, capabilities=(1,) * 5, no_new_privs=False, seccomp=0)
    areas = ["namespaces", "ids", "ids", "capabilities", "no_new_privs", "seccomp", "maps", "cgroup", "root"]
    assert [change.area for change in changes(before, after)] == areas
