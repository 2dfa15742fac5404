"""Cgroups by id, on the hierarchies that this machine has: whatever is made here is used by a real process."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from contrace.capture import cgroups
from contrace.capture.cgroups import CgroupPaths, Hierarchy, Mount, hierarchies
from tests.cgroups import cgroup, enter, remove
from tests.managers import host

NAMES = (f"{host.NAME}-cgroups", "in:it=1", "näme \\040 with\ttab")
"""From the top down; the kernel writes them as they are. Only a newline is refused."""
UNKNOWN = 1 << 40
IN_A_NAMESPACE = """
import os, sys
from contrace.capture.cgroups import CgroupPaths, hierarchies
paths = CgroupPaths()
places = {row.id: row.mount.point + b"/" + os.fsencode(sys.argv[1]) for row in hierarchies() if row.mount}
own = {hierarchy: os.stat(place).st_ino for hierarchy, place in places.items() if os.path.exists(place)}
sys.stdout.buffer.write(paths.text(own) or b"none")
paths.add(0, 77, b"/as/seen/from/the/host")
assert paths.text({0: 77}) is None
"""


@pytest.fixture(params=hierarchies(), ids=lambda row: (row.controllers or b"v2").decode())
def hierarchy(request: pytest.FixtureRequest) -> Hierarchy:
    if os.geteuid() != 0:
        pytest.skip("needs root: makes cgroups")
    if request.param.mount is None:
        pytest.skip("needs the hierarchy mounted")
    return request.param


@pytest.fixture
def member() -> "Iterator[subprocess.Popen[bytes]]":
    process = subprocess.Popen(["sleep", "60"])
    yield process
    host.end(process)


def ids_of(process: "subprocess.Popen[bytes]", all_of: tuple[Hierarchy, ...]) -> dict[int, int]:
    """What the kernel would tell of the process: the id of its cgroup in each hierarchy."""
    found = {}
    for line in Path(f"/proc/{process.pid}/cgroup").read_bytes().splitlines():
        number, _, path = line.split(b":", 2)
        [row] = [row for row in all_of if row.id == int(number)]
        assert row.mount is not None
        found[row.id] = os.stat(row.mount.point + path).st_ino
    return found


def text_of(process: "subprocess.Popen[bytes]") -> bytes:
    return Path(f"/proc/{process.pid}/cgroup").read_bytes()


def test_the_text_is_that_of_proc(hierarchy: Hierarchy, member: "subprocess.Popen[bytes]") -> None:
    with cgroup(hierarchy, *NAMES) as directory:
        enter(directory, member.pid)
        text, ids = text_of(member), ids_of(member, hierarchies())
        assert f"{hierarchy.id}:{hierarchy.controllers.decode()}:/{'/'.join(NAMES)}\n".encode() in text
        assert CgroupPaths().text(ids) == text
        host.end(member)


def test_a_cgroup_that_is_made_later_is_known_when_it_is_told(
    hierarchy: Hierarchy, member: "subprocess.Popen[bytes]"
) -> None:
    paths = CgroupPaths()
    with cgroup(hierarchy, *NAMES[:2]) as directory:
        enter(directory, member.pid)
        text, ids = text_of(member), ids_of(member, hierarchies())
        own = f"{hierarchy.id}:{hierarchy.controllers.decode()}:/{'/'.join(NAMES[:2])}\n".encode()
        assert paths.text(ids) == text.replace(own, b"")
        paths.add(hierarchy.id, ids[hierarchy.id], f"/{'/'.join(NAMES[:2])}".encode())
        assert paths.text(ids) == text
        host.end(member)
    assert paths.text(ids) == text, "a task that was in it may be asked for later"


@pytest.mark.parametrize(
    ("point", "root", "path", "directory"),
    [
        (b"/sys/fs/cgroup", b"/", b"/", b"/sys/fs/cgroup"),
        (b"/sys/fs/cgroup", b"/", b"/a/b", b"/sys/fs/cgroup/a/b"),
        (b"/cg", b"/docker/1", b"/docker/1", b"/cg"),
        (b"/cg", b"/docker/1", b"/docker/1/x", b"/cg/x"),
        (b"/cg", b"/../..", b"/../../x", b"/cg/x"),
        (b"/", b"/a", b"/a/b", b"/b"),
        (b"/", b"/a", b"/a", b"/"),
    ],
)
def test_a_path_and_its_directory(point: bytes, root: bytes, path: bytes, directory: bytes) -> None:
    mount = Mount(point, root)
    assert mount.directory(path) == directory
    assert mount.path(directory) == path


@pytest.mark.parametrize(
    ("root", "path"),
    [(b"/docker/1", b"/docker"), (b"/docker/1", b"/docker/10"), (b"/", b"/../x"), (b"/..", b"/../../x"), (b"/a", b"/")],
)
def test_a_path_that_is_not_below_the_mount(root: bytes, path: bytes) -> None:
    assert Mount(b"/cg", root).directory(path) is None


def test_what_is_not_known_has_no_line() -> None:
    [first, *_] = hierarchies()
    paths = CgroupPaths()
    assert paths.text({}) is None
    assert paths.text({first.id: UNKNOWN}) is None
    assert paths.text({UNKNOWN: 1}) is None
    assert paths.text({UNKNOWN: 1, first.id: 1}) == first.line(b"/")
    paths.add(UNKNOWN, 7, b"/x")
    assert paths.text({UNKNOWN: 7}) is None


def test_a_hierarchy_that_is_mounted_later(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root: mounts a hierarchy")
    paths = CgroupPaths()
    # Every process of the machine is in it, so it must not have host.NAME, by which the run's processes are known.
    name = f"contrace-later-{uuid.uuid4().hex[:8]}"
    point = tmp_path / "a place\twith blanks"
    point.mkdir()
    subprocess.run(["mount", "-t", "cgroup", "-o", f"none,name={name}", "none", point], check=True)
    try:
        [new] = [row for row in hierarchies() if row.controllers == f"name={name}".encode()]
        assert new.mount == Mount(os.fsencode(point), b"/")
        rows = [int(line.split(b":")[0]) for line in Path("/proc/self/cgroup").read_bytes().splitlines()]
        text = paths.text(dict.fromkeys(rows, 1))
        assert text is not None
        assert new.line(b"/") in text
        assert [int(line.split(b":")[0]) for line in text.splitlines()] == rows
    finally:
        subprocess.run(["umount", point], check=True)
        host.wait_until(lambda: name not in Path("/proc/self/cgroup").read_text(), "the hierarchy is gone")


def test_a_mount_that_is_hidden_under_another_is_not_used(tmp_path: Path) -> None:
    """In a mount namespace of its own."""
    if os.geteuid() != 0:
        pytest.skip("needs root: mounts")
    script = 'mount -t tmpfs contrace-test /sys/fs/cgroup && exec "$@"'
    code = "from contrace.capture.cgroups import *; print([row.mount for row in hierarchies() if row.mount])"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"


class TestNamespace:
    """contrace in a cgroup namespace of its own, in one cgroup of the hierarchy and without it for the others."""

    def inside(self, hierarchy: Hierarchy, script: str, *, below: str) -> tuple[bytes, bytes]:
        """What contrace says, and what /proc does, of a process that is in the cgroup `below` that of contrace."""
        with cgroup(hierarchy, NAMES[0]) as directory:
            command = ["unshare", "--mount", "--cgroup", "sh", "-c", script, "sh"]
            enter = ["sh", "-c", f'echo $$ > "{directory}/cgroup.procs"; exec "$@"', "sh", *command]
            contrace = [sys.executable, "-c", IN_A_NAMESPACE, below]
            text, shown = (
                subprocess.run([*enter, *words], capture_output=True, check=True).stdout
                for words in (contrace, ["cat", "/proc/self/cgroup"])
            )
            return text, shown

    def test_paths_are_relative_to_it(self, hierarchy: Hierarchy) -> None:
        assert hierarchy.mount is not None
        kind = "cgroup" if hierarchy.id else "cgroup2"
        options = f"-o {hierarchy.controllers.decode()}" if hierarchy.id else ""
        if hierarchy.controllers.startswith(b"name="):
            options = f"-o none,{hierarchy.controllers.decode()}"
        script = (
            f"mount -t tmpfs x /sys/fs/cgroup; mkdir /sys/fs/cgroup/x; mount -t {kind} {options} x /sys/fs/cgroup/x"
        )
        text, shown = self.inside(hierarchy, f'{script}; exec "$@"', below="")
        assert text == hierarchy.line(b"/")
        assert text in shown

    def test_a_path_that_leads_out_of_it_is_left_out(self, hierarchy: Hierarchy) -> None:
        text, shown = self.inside(hierarchy, 'exec "$@"', below=NAMES[0])
        assert hierarchy.line(b"/") in shown
        assert f"\n{hierarchy.id}:".encode() not in b"\n" + text


def test_many_cgroups_are_walked_fast(hierarchy: Hierarchy) -> None:
    with cgroup(hierarchy, f"{host.NAME}-many") as top:
        made = [top / f"{number}" for number in range(300)]
        try:
            for directory in made:
                directory.mkdir()
            took = []
            for _ in range(5):
                begin = time.perf_counter()
                seen = dict(cgroups.directories(hierarchy))
                took.append((time.perf_counter() - begin) / len(seen))
            assert {os.fsdecode(path) for path in seen.values()} >= {str(path) for path in made}
            assert all(os.stat(path).st_ino == id for id, path in seen.items())
            assert min(took) < 20e-6, "seconds a cgroup; 5 µs on a quiet machine"
        finally:
            for directory in made:
                remove(directory)


def test_an_ended_walk_is_no_error(hierarchy: Hierarchy) -> None:
    """Cgroups are removed while others are looked at."""
    with cgroup(hierarchy, *NAMES[:2]) as inner:
        walk = cgroups.directories(hierarchy)
        for _, path in walk:
            if path == os.fsencode(inner.parent):
                inner.rmdir()
                inner.parent.rmdir()
                break
        assert os.fsencode(inner) not in [path for _, path in walk]
