"""On machines with cgroup v1, v2 or both: the same command in mount namespaces where the hierarchies are so."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.bundles import Runtime, make_bundle
from tests.managers import host
from tests.managers.fixtures import need
from tests.managers.runtimes import Runtimes

V2_ONLY = "umount -R /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup"
V1_ONLY = "umount /sys/fs/cgroup/unified"
NOTHING = "umount -R /sys/fs/cgroup"


@pytest.fixture
def bundle(tmp_path: Path, rootfs: Path) -> Path:
    """It tries a device that it may use and one that it may not, and could have without the restriction."""
    need()

    def change(config: dict[str, Any]) -> None:
        for kind in ("bounding", "effective", "permitted"):
            config["process"]["capabilities"][kind] = ["CAP_MKNOD", "CAP_SYSLOG"]

    script = (
        "grep ' /sys/fs/cgroup' /proc/mounts; cat /proc/self/cgroup; "
        "head -c 1 /dev/zero | wc -c; mknod /dev/kmsg c 1 11; head -c 0 /dev/kmsg || echo denied"
    )
    return make_bundle(tmp_path / "bundle", rootfs, "sh", "-c", script, change=change)


def run(steps: str, *command: str | Path) -> "subprocess.CompletedProcess[str]":
    shell = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", f'{steps}; exec "$@"', "sh"]
    return subprocess.run(
        [*shell, *command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )


def both_exist() -> None:
    if not Path("/sys/fs/cgroup/unified/cgroup.procs").exists():
        pytest.skip("needs cgroup v1 and v2 side by side")


def test_v2(bundle: Path, tmp_path: Path) -> None:
    """Devices are restricted by a BPF program there."""
    state = Runtime(tmp_path / "state")
    steps = V2_ONLY if Path("/sys/fs/cgroup/unified").exists() else ":"
    done = run(steps, *state.command("run", bundle))
    assert done.returncode == 0, done.stderr
    assert "no cgroup of its own" not in done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("cgroup /sys/fs/cgroup cgroup2 ro,")
    assert "0::/" in lines
    assert lines[-2:] == ["1", "denied"]
    assert state.entries() == []
    assert not [path for path in host.our_cgroups() if path.name == "bundle"]


def test_v1(bundle: Path, tmp_path: Path) -> None:
    both_exist()
    done = run(V1_ONLY, *Runtime(tmp_path / "state").command("run", bundle))
    assert done.returncode == 0, done.stderr
    assert "cgroup2" not in done.stdout
    assert done.stdout.splitlines()[-2:] == ["1", "denied"]


def test_none(bundle: Path, tmp_path: Path) -> None:
    both_exist()
    done = run(NOTHING, *Runtime(tmp_path / "state").command("run", bundle))
    assert done.returncode == 0, done.stderr
    assert "no cgroup of its own for the container: no hierarchy is mounted here" in done.stderr


def test_v2_as_under_runc(bundle: Path, tmp_path: Path, runtimes: Runtimes) -> None:
    both_exist()
    ours = run(V2_ONLY, *Runtime(tmp_path / "state").command("run", bundle))
    theirs = run(V2_ONLY, *runtimes.runc_on(bundle, f"{host.NAME}-v2"))
    assert ours.stdout == theirs.stdout, theirs.stderr
