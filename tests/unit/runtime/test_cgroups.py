"""Control groups: which directory, which file, which value. Directories of files stand for the hierarchies."""

import os
from pathlib import Path

import pytest

from contrace.errors import ContraceError
from contrace.runtime.cgroups import Groups, Hierarchy, hierarchies, members, remove
from contrace.runtime.spec import Pids, Resources


def v1(top: Path, *controllers: str, own: str = "") -> Hierarchy:
    return Hierarchy(str(top), controllers, False, str(top / own))


def v2(top: Path, own: str = "") -> Hierarchy:
    return Hierarchy(str(top), (), True, str(top / own))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a/b", "/top/a/b"),
        ("//a", "/top/a"),
        ("/../../etc", "/top/etc"),
        ("a", "/top/mine/a"),
        ("../../../etc", "/top/mine/etc"),
    ],
)
def test_a_path_is_of_the_hierarchy_or_below_ones_own_group(path: str, expected: str) -> None:
    assert Hierarchy("/top", ("cpu",), False, "/top/mine").group(path) == expected


def test_in_v2_it_is_beside_ones_own_group_which_has_processes() -> None:
    assert Hierarchy("/top", (), True, "/top/slice/mine").group("a") == "/top/slice/a"
    assert Hierarchy("/top", (), True, "/top").group("a") == "/top/a"


def test_this_machines_own() -> None:
    found = hierarchies()
    assert found
    for hierarchy in found:
        assert Path(hierarchy.own, "cgroup.procs").exists()


def test_v2_hands_the_controllers_down(tmp_path: Path) -> None:
    group = tmp_path / "a/b"
    group.mkdir(parents=True)
    (tmp_path / "cgroup.controllers").write_text("memory pids\n")
    for directory in (tmp_path, tmp_path / "a"):
        (directory / "cgroup.subtree_control").write_text("")
    (group / "pids.max").write_text("max")
    Groups("/a/b", [v2(tmp_path)]).limit(Resources(pids=Pids(limit=3)))
    assert (group / "pids.max").read_text().startswith("3")
    for directory in (tmp_path, tmp_path / "a"):
        assert (directory / "cgroup.subtree_control").read_text() == "+pids"


def test_a_limit_without_its_controller(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("hugetlb\n")
    groups = Groups("/a", [v2(tmp_path), v1(tmp_path, "cpu")])
    with pytest.raises(ContraceError, match=r"linux\.resources\.pids\.limit: no cgroup hierarchy here has"):
        groups.limit(Resources(pids=Pids(limit=3)))


def test_a_new_cpuset_has_what_the_one_above_has(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    for directory, content in ((tmp_path, "0-3\n"), (tmp_path / "a", "\n"), (tmp_path / "a/b", "\n")):
        for name in ("cpuset.cpus", "cpuset.mems"):
            (directory / name).write_text(content)
    Groups("/a/b", [v1(tmp_path, "cpuset")]).make()
    assert (tmp_path / "a/b/cpuset.cpus").read_text().strip() == "0-3"


def test_what_is_made_is_known_before_and_removed_after(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    groups = Groups("/there/new/leaf", [v1(tmp_path, "cpu")])
    missing = groups.missing()
    assert missing == [str(tmp_path / "there/new"), str(tmp_path / "there/new/leaf")]
    groups.make()
    assert groups.made(missing) == [str(tmp_path / "there/new/leaf")]
    assert groups.missing() == []
    (tmp_path / "there/new/other").mkdir()
    remove(missing)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["new", "other", "there"]  # somebody else is in new
    (tmp_path / "there/new/other").rmdir()
    remove(missing)
    assert [path.name for path in tmp_path.rglob("*")] == ["there"]


def test_groups_that_may_not_be_made_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, exist_ok: bool) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.makedirs", refuse)
    groups = Groups("/a", [v1(tmp_path, "cpu", own="mine")])
    groups.make()
    assert groups.refused == [f"cannot make the cgroup {tmp_path}/a: Permission denied"]
    groups.enter(1)
    assert groups.shown() == [(v1(tmp_path, "cpu", own="mine"), str(tmp_path / "mine"))]


def test_a_group_that_goes_while_it_is_read_has_no_members(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    top = next(path for path in Path("/sys/fs/cgroup").glob("**/cgroup.procs")).parent
    group = top / f"contrace-gone-{os.getpid()}"
    group.mkdir()
    with open(group / "cgroup.procs") as held:
        group.rmdir()
        (tmp_path / "cgroup.procs").symlink_to(f"/proc/self/fd/{held.fileno()}")
        with pytest.raises(OSError, match="No such device"):
            held.read()
        assert members(str(tmp_path)) == []
