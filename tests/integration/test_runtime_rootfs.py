"""Where a root file system comes from: --rootfs, and what there is without it."""

import io
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bundles import Runtime, make_bundle
from tests.managers import host, images
from tests.users import user


class Place:
    """Runs `contrace runtime run` for root or a normal user."""

    def __init__(self, folder: Path, runtime: Runtime) -> None:
        self.folder = folder
        self.runtime = runtime

    def run(self, *words: str | Path) -> "subprocess.CompletedProcess[str]":
        return self.runtime("run", *words)

    def output(self, *words: str | Path) -> str:
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        assert self.runtime.entries() == []
        return done.stdout


@pytest.fixture(params=["root", "user"])
def place(request: pytest.FixtureRequest, tmp_path: Path, base: Path) -> Iterator[Place]:
    if request.param == "root":
        if os.geteuid() != 0:
            pytest.skip("needs root")
        yield Place(tmp_path, Runtime(tmp_path / "state"))
    else:
        with user() as somebody:
            yield Place(somebody.folder, Runtime(somebody.folder / "state", somebody))


def test_without_anything_it_is_busybox(place: Place) -> None:
    script = "echo $$; id; hostname; ls /bin | wc -l; grep ' / ' /proc/mounts"
    pid, identity, name, count, mount = place.output("--", "sh", "-c", script).splitlines()
    assert (pid, identity, name) == ("1", "uid=0(root) gid=0(root)", "contrace")
    assert int(count) > 100
    assert mount.startswith("tmpfs / tmpfs ro")


def test_the_hosts_programs(place: Place) -> None:
    script = "id -un; ls /etc; touch /usr/x /usr/bin/x || echo read-only; ls -A /root /home /boot 2>/dev/null; true"
    done = place.run("--rootfs", "host", "--", "sh", "-c", script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[0] == "root"
    assert "read-only" in done.stdout
    assert "shadow" not in done.stdout
    assert not Path("/usr/x").exists()


def test_a_directory(place: Place, rootfs: Path) -> None:
    assert place.output("--rootfs", rootfs, "--", "cat", "/etc/passwd") == (rootfs / "etc/passwd").read_text()


@pytest.mark.parametrize("compression", ["", "gz", "xz"])
def test_a_tar(place: Place, rootfs: Path, compression: str) -> None:
    path = place.folder / "rootfs.tar"

    def somebody_elses(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid, member.gid = 4321, 8765
        return member

    with tarfile.open(path, f"w:{compression}") as archive:
        archive.add(rootfs, ".", filter=somebody_elses)
    path.chmod(0o644)
    owner = "4321 8765 755" if place.runtime.user is None else "0 0 755"
    assert place.output("--rootfs", path, "--", "stat", "-c", "%u %g %a", "/bin/busybox") == f"{owner}\n"


def test_a_bundle_with_another_root_and_command(place: Place, rootfs: Path) -> None:
    bundle = make_bundle(place.folder / "bundle", rootfs, "false", user=place.runtime.user)
    assert place.output("--rootfs", "busybox", bundle, "--", "hostname") == "contrace\n"


def test_what_it_is_not(place: Place, tmp_path: Path) -> None:
    text = place.folder / "text"
    text.write_text("no tar\n" * 1000)
    text.chmod(0o644)
    for wanted, message in ((text, "it is neither a directory nor a tar"), ("nowhere", "there is no such directory")):
        done = place.run("--rootfs", wanted, "--", "true")
        assert done.returncode == 2
        assert message in done.stderr


def test_a_hostile_tar(place: Place) -> None:
    """Names and links that lead out, and device files."""
    rootfs = images.make_rootfs(place.folder / "made")
    outside = place.folder / "host"
    outside.mkdir()
    outside.chmod(0o777)
    path = place.folder / "hostile.tar"

    def add(name: str, content: bytes = b"escaped\n", **fields: object) -> None:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        for field, value in fields.items():
            setattr(member, field, value)
        archive.addfile(member, io.BytesIO(content))

    with tarfile.open(path, "w") as archive:
        archive.add(rootfs, ".")
        add(f"../../../../../../..{outside}/dots")
        add(f"{outside}/absolute")
        add("link", b"", type=tarfile.SYMTYPE, linkname=str(outside))
        add("link/through")
        add("hard", b"", type=tarfile.LNKTYPE, linkname="../../../../../../../etc/hostname")
        add("disk", b"", type=tarfile.BLKTYPE, devmajor=254, devminor=0, mode=0o666)
    path.chmod(0o644)
    done = place.run("--rootfs", path, "--", "sh", "-c", f"ls {outside}; ls /disk")
    assert list(outside.iterdir()) == []
    assert done.returncode == 1
    assert f"cannot make a root file system of '{path}': " in done.stderr
    assert not Path("/link").exists()
    assert place.runtime.entries() == []


def test_the_host_is_not_touched_by_what_is_mounted(place: Place) -> None:
    for wanted in ("busybox", "host"):
        place.output("--rootfs", wanted, "--", "true")
    assert host.our_mounts(place.folder) == []


def test_another_user_namespace_made_by_root(tmp_path: Path, rootfs: Path) -> None:
    """INIT is somebody else on the host then, and still can make it."""
    if os.geteuid() != 0:
        pytest.skip("needs root")

    def change(config: dict) -> None:  # type: ignore[type-arg]
        config["linux"]["namespaces"].append({"type": "user"})
        for name in ("uidMappings", "gidMappings"):
            config["linux"][name] = [{"containerID": 0, "hostID": 100_000, "size": 65_536}]

    bundle = make_bundle(tmp_path / "bundle", rootfs, "id", "-u", change=change)
    runtime = Runtime(Path("/tmp") / f"contrace-{os.getpid()}-state")
    try:
        done = runtime("run", "--rootfs", "busybox", bundle)
        assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr
    finally:
        runtime.state.rmdir()
