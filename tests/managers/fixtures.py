"""The managers as pytest fixtures. Each is started once, when the first test asks for it, and is gone at the end.

The session fails when anything of it is left: a process, a mount, a cgroup, a file.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.managers import host, images
from tests.managers.containerd import Containerd
from tests.managers.docker import Docker
from tests.managers.podman import Podman
from tests.managers.runtimes import Runtimes


def need(*programs: str) -> None:
    """Skip the test unless it runs as root and these programs are here."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"needs the program {program} (make packages)")


@pytest.fixture(scope="session", autouse=True)
def base() -> Iterator[Path]:
    """The directory of all managers, and of the temporary files of whatever a test starts.

    Its path is short: a socket's may have 107 bytes (unix(7)).
    """
    directory = Path(tempfile.mkdtemp(prefix="contrace-"))
    directory.chmod(0o755)
    temporary = directory / "tmp"
    temporary.mkdir()
    temporary.chmod(0o1777)
    os.environ["TMPDIR"] = str(temporary)
    yield directory
    # Reached when every manager has been stopped: what is left is a leak, removed so that it harms nobody.
    left = host.end_leftovers() + host.unmount_below(directory) + [f"file {path}" for path in temporary.iterdir()]
    host.remove_cgroups()
    shutil.rmtree(directory)
    assert not left, "left behind by the tests:\n" + "\n".join(left)


@pytest.fixture(scope="session")
def rootfs(base: Path) -> Path:
    """A busybox root file system."""
    if not images.BUSYBOX.exists():
        pytest.skip("needs the program busybox (make packages)")
    return images.make_rootfs(base / "rootfs")


@pytest.fixture(scope="session")
def rootfs_tar(base: Path, rootfs: Path) -> Path:
    """The same as a tar."""
    return images.make_tar(rootfs, base / "rootfs.tar")


@pytest.fixture(scope="session")
def containerd(base: Path, rootfs_tar: Path) -> Iterator[Containerd]:
    """A private containerd with the test image."""
    need("containerd", "ctr", "runc")
    daemon = Containerd(base / "containerd")
    try:
        daemon.load(images.make_archive(rootfs_tar, base / "image.tar"))
        yield daemon
    finally:
        daemon.stop()


@pytest.fixture(scope="session")
def docker(base: Path, containerd: Containerd, rootfs_tar: Path) -> Iterator[Docker]:
    """A private dockerd, on the private containerd, with the test image."""
    need("dockerd", "docker")
    daemon = Docker(base / "docker", containerd)
    try:
        daemon.load(rootfs_tar)
        yield daemon
    finally:
        daemon.stop()


@pytest.fixture(scope="session")
def podman(base: Path, rootfs_tar: Path) -> Iterator[Podman]:
    """Rootful podman with the test image."""
    need("podman", "runc")
    manager = Podman(base / "podman")
    try:
        manager.load(rootfs_tar)
        yield manager
    finally:
        manager.stop()


@pytest.fixture(scope="session")
def runtimes(base: Path, rootfs: Path) -> Runtimes:
    """runc and crun on bundles."""
    need("runc")
    return Runtimes(base / "runtimes", rootfs)
